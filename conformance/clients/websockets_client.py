# SPDX-License-Identifier: MIT
"""The client of Python's websockets."""

import contextlib

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import dialogue

SECONDS = 10  # until a pong that does not come is an error


class Client:
    def __init__(self, stack):
        self.stack = stack

    def open(self, url, subprotocols, compression):
        opening = connect(
            url,
            subprotocols=subprotocols or None,
            compression="deflate" if compression else None,
            max_size=None,
        )
        self.socket = self.stack.enter_context(opening)

    def subprotocol(self):
        return self.socket.subprotocol

    def send(self, text):
        self.socket.send(text)

    def text(self, data):
        self.socket.send(data)
        return self.socket.recv()

    binary = text

    def pieces(self, pieces):
        self.socket.send(iter(pieces))
        return self.socket.recv()

    def ping(self, text):
        if not self.socket.ping(text).wait(SECONDS):
            raise TimeoutError("there is no pong")

    def close(self, code, reason):
        self.socket.close(code, reason)
        return self.ended()

    def ended(self):
        try:
            self.socket.recv()
        except ConnectionClosed as end:
            return end.rcvd.code, end.rcvd.reason
        raise RuntimeError("a message came")


with contextlib.ExitStack() as stack:
    dialogue.serve(Client(stack))
