# SPDX-License-Identifier: MIT
"""The WebSocket client of libcurl, frame by frame."""

import select
import struct

from curl_cffi import Curl, CurlError, CurlInfo, CurlOpt
from curl_cffi.const import CurlECode, CurlWsFlag

import dialogue

SECONDS = 10  # until a socket that is not ready is an error
UPGRADE_BY_CURL = 2  # CURLOPT_CONNECT_ONLY


class Client:
    def open(self, url, subprotocols, _compression):
        self.heads = []
        self.curl = Curl()
        self.curl.setopt(CurlOpt.URL, url.encode())
        self.curl.setopt(CurlOpt.CONNECT_ONLY, UPGRADE_BY_CURL)
        self.curl.setopt(CurlOpt.HEADERFUNCTION, self.heads.append)
        if subprotocols:
            names = ", ".join(subprotocols)
            header = f"Sec-WebSocket-Protocol: {names}".encode()
            self.curl.setopt(CurlOpt.HTTPHEADER, [header])
        self.curl.perform()

    def subprotocol(self):
        for line in self.heads:
            name, _, value = line.decode().partition(":")
            if name.lower() == "sec-websocket-protocol":
                return value.strip()
        return None

    def wait(self, can_read):
        socket = self.curl.getinfo(CurlInfo.ACTIVESOCKET)
        wanted = ([socket], []) if can_read else ([], [socket])
        if not any(select.select(*wanted, [], SECONDS)):
            raise TimeoutError("the socket is not ready")

    def put(self, data, flags):
        """Sends one frame."""
        view = memoryview(data)
        while True:
            try:
                view = view[self.curl.ws_send(bytes(view), flags) :]
                if not view:
                    return
            except CurlError as error:
                if error.code != CurlECode.AGAIN:
                    raise
                self.wait(can_read=False)

    def take(self):
        """The next message or control frame, and its flags."""
        data = b""
        while True:
            try:
                piece, frame = self.curl.ws_recv()
                data += piece
                if not frame.bytesleft and not frame.flags & CurlWsFlag.CONT:
                    return data, frame.flags
            except CurlError as error:
                if error.code != CurlECode.AGAIN:
                    raise
                self.wait(can_read=True)

    def message(self):
        data, flags = self.take()
        if flags & CurlWsFlag.TEXT:
            return data.decode()
        if flags & CurlWsFlag.BINARY:
            return data
        raise RuntimeError(f"this is no message: {flags}")

    def send(self, text):
        self.put(text.encode(), CurlWsFlag.TEXT)

    def text(self, text):
        self.send(text)
        return self.message()

    def binary(self, data):
        self.put(data, CurlWsFlag.BINARY)
        return self.message()

    def pieces(self, pieces):
        for piece in pieces[:-1]:
            self.put(piece.encode(), CurlWsFlag.TEXT | CurlWsFlag.CONT)
        self.put(pieces[-1].encode(), CurlWsFlag.TEXT)
        return self.message()

    def ping(self, text):
        self.put(text.encode(), CurlWsFlag.PING)
        data, flags = self.take()
        if not flags & CurlWsFlag.PONG or data != text.encode():
            raise RuntimeError(f"this is not the pong: {flags} {data}")

    def close(self, code, reason):
        self.put(struct.pack("!H", code) + reason.encode(), CurlWsFlag.CLOSE)
        return self.ended()

    def ended(self):
        data, flags = self.take()
        if not flags & CurlWsFlag.CLOSE:
            raise RuntimeError(f"this is no close: {flags}")
        return struct.unpack("!H", data[:2])[0], data[2:].decode()


dialogue.serve(Client())
