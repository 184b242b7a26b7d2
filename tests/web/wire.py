"""Bytes to the page's server over real sockets of this machine, well-formed or not, and what comes back."""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from pellucid.web.serving.server import Server

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
UPGRADE = b"Connection: upgrade\r\nUpgrade: websocket\r\n"


class Heard(NamedTuple):
    """What came back on a connection until it was closed, or until nobody said anything more."""

    data: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        return [int(part[:3]) for part in self.data.split(b"HTTP/1.1 ")[1:]]


class Wire:
    """A server, and a client that may ask it."""

    def __init__(self, server: Server):
        self.server, self.port = server, server.port
        self.host = f"Host: 127.0.0.1:{self.port}\r\n".encode()
        self.cookie = open_page(server)
        self.own = self.host + f"Cookie: {self.cookie}\r\nOrigin: http://127.0.0.1:{self.port}\r\n".encode()

    def connect(self, *, receive_bytes: int | None = None) -> socket.socket:
        """Return a connection; with `receive_bytes`, one that has little room for what it has not read."""
        client = socket.socket()
        if receive_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.settimeout(5)
        client.connect(("127.0.0.1", self.port))
        return client

    def tell(self, data: bytes, *, half_close: bool = False, quiet: float = 0.1) -> Heard:
        """Send bytes on a connection of their own."""
        with self.connect() as client:
            client.sendall(data)
            if half_close:
                client.shutdown(socket.SHUT_WR)
            return hear(client, quiet, 5)

    def get(self, path: str) -> Heard:
        """Ask for something as the page does, on a connection that is closed then."""
        return self.tell(f"GET {path} HTTP/1.1\r\n".encode() + self.own + b"Connection: close\r\n\r\n", quiet=5)


def hear(client: socket.socket, quiet: float = 0.4, first: float | None = None) -> Heard:
    """Read until the connection is closed, or nothing comes for so many seconds, and for what is `first` as many."""
    client.settimeout(first or quiet)
    data = bytearray()
    while True:
        try:
            part = client.recv(1 << 20)
            client.settimeout(quiet)
        except TimeoutError:
            return Heard(bytes(data), False)
        except ConnectionError:
            part = b""
        if not part:
            return Heard(bytes(data), True)
        data += part


def closed_within(client: socket.socket, seconds: float) -> float | None:
    """Return after how long a connection is found closed, reading nothing that it may have to say; or None."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        try:
            client.settimeout(0.02)
            client.send(b"")
            if client.recv(1, socket.MSG_PEEK) == b"":
                return time.monotonic() - begun
        except TimeoutError:
            continue
        except ConnectionError:
            return time.monotonic() - begun
    return None


def open_page(server: Server) -> str:
    """Exchange the token of a server for its cookie."""
    path = server.guard.address.partition(str(server.port))[2]
    with socket.create_connection(("127.0.0.1", server.port), 5) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n\r\n".encode())
        answer = hear(client, 5).data.decode()
    return (
        next(line for line in answer.split("\r\n") if line.lower().startswith("set-cookie"))
        .split(": ")[1]
        .split(";")[0]
    )


@contextlib.contextmanager
def serving(bench: Any, app: Any = None) -> Iterator[Wire]:
    """Serve a bench, or another application in its place."""
    with pytest.MonkeyPatch.context() as patch:
        if app is not None:
            patch.setattr("pellucid.web.serving.application.application", lambda bench: app)
        with Server(bench, say=lambda words: None) as server:
            yield Wire(server)
