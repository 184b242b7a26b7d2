"""A page that follows a training, without a browser: its socket alone."""

import http.client
import json
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

from pellucid.web import Live

from .parsed import parse

PATIENCE = 30.0
"""Seconds: the machine has other things to do."""


def cookie_of(live: Live) -> str:
    """Open the page, as a browser does, and return its cookie."""
    server = live.server
    asked = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    asked.request("GET", server.guard.address.partition(f":{server.port}")[2])
    cookie = asked.getresponse().getheader("set-cookie").partition(";")[0]
    asked.close()
    return cookie


def deaf_socket(live: Live, cookie: str) -> socket.socket:
    """Open a page's socket that nobody will ever read."""
    address = f"127.0.0.1:{live.server.port}"
    found = socket.create_connection(("127.0.0.1", live.server.port), timeout=PATIENCE)
    words = {
        "Host": address, "Origin": f"http://{address}", "Cookie": cookie, "Upgrade": "websocket",
        "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }  # fmt: skip
    lines = ["GET /api/live HTTP/1.1", *(f"{name}: {word}" for name, word in words.items()), "", ""]
    found.sendall("\r\n".join(lines).encode())
    return found


def socket_to(live: Live, cookie: str) -> ClientConnection:
    """Open a page's socket."""
    address = f"127.0.0.1:{live.server.port}"
    return connect(
        f"ws://{address}/api/live", origin=f"http://{address}", additional_headers={"cookie": cookie}, max_size=None,
        open_timeout=PATIENCE, close_timeout=1,
    ).__enter__()  # fmt: skip


class Page:
    """What a page knows.

    Attributes
    ----------
    state : dict
        The last header.
    points : list of list
        The curve.
    pictures : list of dict
        All headers of pictures that came.
    """

    def __init__(self, live: Live, cookie: str | None = None):
        self.socket = socket_to(live, cookie or cookie_of(live))
        self.state: dict[str, Any] = {}
        self.points: list[list[float]] = []
        self.pictures: list[dict[str, Any]] = []
        self.arrays: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def tell(self, **words: str) -> None:
        self.socket.send(json.dumps(words))

    def read(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Take one message."""
        header, arrays = parse(self.socket.recv(timeout=seconds))
        if "error" in header:
            return header
        self.state = header
        self.points[header["first"] :] = arrays["points"].tolist()
        if "picture" in header:
            self.pictures.append(header["picture"])
            self.arrays = arrays
        return header

    def until(self, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Take messages until one is as wanted."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            header = self.read()
            if done(header):
                return header
        raise AssertionError(f"not in {PATIENCE} seconds; last: {self.state}")
