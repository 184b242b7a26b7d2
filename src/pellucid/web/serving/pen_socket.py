"""The socket through which strokes of a pen come. They are many a second, and to each a request of its own would take
the browser longer than the network takes for its answer.

A message is the words of a query, as an address has them, with their length before them, and the ink behind::

    4 bytes   length n of the words, little-endian
    n bytes   rows=280&columns=280&layers=conv1,relu1
    …         a byte a pixel

It is answered as ``api/drawing`` is; what is wrong with it is told in a frame with ``error``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from ...errors import ArgumentError, PellucidError
from ..answers.asked import Asked
from ..answers.seeing import drawing
from ..bench import Bench
from ..faults import noted
from ..frames import frame
from .live_socket import MOST_SOCKETS, SEND_SECONDS, TRY_LATER

WORDS = 4
"""Bytes that say how long the words are."""


def pen_socket_of(bench: Bench) -> Callable[[WebSocket], object]:
    """Return what answers a page on which somebody draws."""
    open_sockets = 0

    def answered(message: bytes) -> bytes:
        try:
            return drawing(bench, _asked(message))
        except PellucidError as error:
            return frame({"error": str(error)[:2000]}, {})
        except Exception as error:
            return frame({"error": noted(error, "drawing")}, {})

    async def endpoint(socket: WebSocket) -> None:
        nonlocal open_sockets
        if open_sockets >= MOST_SOCKETS:
            await socket.close(TRY_LATER)
            return
        open_sockets += 1
        try:
            await socket.accept()
            while True:
                answer = await run_in_threadpool(answered, await socket.receive_bytes())
                async with asyncio.timeout(SEND_SECONDS):
                    await socket.send_bytes(answer)
        except (WebSocketDisconnect, TimeoutError, RuntimeError, OSError, KeyError):  # it has gone, or sends text
            with suppress(Exception):
                await socket.close()
        finally:
            open_sockets -= 1

    return endpoint


def _asked(message: bytes) -> Asked:
    """Return what a message asks."""
    end = WORDS + int.from_bytes(message[:WORDS], "little")
    if len(message) < end:
        raise ArgumentError(f"expected {end:,} bytes of words or more, received {len(message):,}")
    words = message[WORDS:end].decode("utf-8", "replace")
    return Asked(dict(parse_qsl(words, keep_blank_values=True)), message[end:])
