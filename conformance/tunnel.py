# SPDX-License-Identifier: MIT
"""A plain address that leads to a TLS server, for a client that has no TLS."""

import asyncio
import contextlib
import pathlib
import ssl
import subprocess
import threading
import urllib.parse

BLOCK = 65536
HOST = "localhost"


def make_certificate(folder):
    """Makes echo.pem, which signs itself, and echo.key."""
    words = f"""
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
        -days 2 -subj /CN={HOST} -addext subjectAltName=DNS:{HOST}
        -keyout echo.key -out echo.pem
    """
    subprocess.run(words.split(), cwd=folder, check=True, capture_output=True)


async def pump(reader, writer):
    """Carries bytes, and the end of them."""
    while block := await reader.read(BLOCK):
        writer.write(block)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()


class Tunnel:
    """In a thread of its own, for as long as a `with` lasts; gives the URL to
    use."""

    def __init__(self, url, folder):
        self.url = urllib.parse.urlsplit(url)
        self.context = ssl.create_default_context(
            cafile=pathlib.Path(folder) / "echo.pem"
        )
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.tasks = set()

    async def open(self):
        return await asyncio.open_connection(
            self.url.hostname,
            self.url.port,
            ssl=self.context,
            server_hostname=HOST,
        )

    async def carry(self, reader, writer):
        """Whatever breaks on one side ends both."""
        self.tasks.add(asyncio.current_task())  # asyncio holds it weakly
        with contextlib.closing(writer), contextlib.suppress(OSError):
            far_reader, far_writer = await self.open()
            with contextlib.closing(far_writer):
                await asyncio.gather(
                    pump(reader, far_writer), pump(far_reader, writer)
                )

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def __enter__(self):
        self.thread.start()
        listening = asyncio.start_server(self.carry, "127.0.0.1", 0)
        self.server = self.run(listening)
        port = self.server.sockets[0].getsockname()[1]
        return f"ws://127.0.0.1:{port}{self.url.path}"

    async def end(self):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def __exit__(self, *_):
        self.run(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
