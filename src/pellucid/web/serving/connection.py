"""Connections of the page's server. Those that are idle, or whose client does not read, are closed.

Uvicorn alone waits for ever for the head of a first request, for a body that nobody reads any more, for the rest of a
WebSocket's handshake, and for a client that does not take its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Hashable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


def _files() -> int:
    """Return how many files this process may have open, which connections count as; −1 where there is no limit."""
    try:
        import resource
    except ImportError:  # under Windows
        return -1
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def most_connections(files: int) -> int:
    """Return how many connections there may be where a process may have so many files open, or below 0 any number."""
    return min(512, files // 2) if files >= 0 else 512


CONNECTIONS = most_connections(_files())
"""Connections at one time. Who comes on top of them is told so, and those that are there go on."""
SPARE = CONNECTIONS // 8
"""Connections on top that are told so; any beyond are closed at once."""
SECONDS = 20.0
"""Seconds that a client may take for the head of a request, and as long again for its body."""
READING_SECONDS = 60.0
"""Seconds that a client may take to read an answer: as long as a large one takes through a tunnel."""
LOOK_SECONDS = 1.0
"""Seconds between two looks at what a connection waits for."""

LOG = "uvicorn.error"
"""Where uvicorn says what its servers do."""

_REFUSED = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class OnlyFaults(logging.Filter):
    """Keeps from the log what the thread of a page's server says that is no fault, but a client's doing, or a task that
    the end interrupts. Whatever else the program logs, and how, is left as it is.

    Parameters
    ----------
    thread : Thread
    """

    def __init__(self, thread: threading.Thread):
        super().__init__()
        self._thread = thread

    def begin(self) -> None:
        """Begin to filter."""
        logging.getLogger(LOG).addFilter(self)

    def end(self) -> None:
        """Filter no longer."""
        logging.getLogger(LOG).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether something is to be logged."""
        if record.thread != self._thread.ident:
            return True
        error = record.exc_info[1] if record.exc_info else None
        expected = isinstance(error, (asyncio.CancelledError, UnicodeError)) or str(record.msg).startswith("Cancel ")
        return record.levelno >= logging.ERROR and not expected


class Listening(uvicorn.Server):
    """Serves until it is told to end, in a thread of a program, whose signals are its own."""

    def capture_signals(self) -> Any:
        return contextlib.nullcontext()

    async def shutdown(self, sockets: Any = None) -> None:
        await super().shutdown(sockets)
        for each in list(self.server_state.connections):  # whose clients have not read all that they were sent
            each.transport.abort()
        await asyncio.sleep(0)


class Patience:
    """Ends a connection when its client owes the same thing for too long.

    Parameters
    ----------
    transport : asyncio.Transport
    owed : callable
        Returns what the client has to do next, and the seconds that it has for that; None where it owes nothing.
    """

    def __init__(self, transport: asyncio.Transport, owed: Callable[[], tuple[Hashable, float] | None]):
        self._loop = asyncio.get_running_loop()
        self._transport, self._owed = transport, owed
        self._last: tuple[Hashable, float] | None = None
        self._since = self._loop.time()
        self._timer = self._loop.call_later(LOOK_SECONDS, self._look)

    def end(self) -> None:
        """Look no longer."""
        self._timer.cancel()

    def _look(self) -> None:
        now, time = self._owed(), self._loop.time()
        if now is None or now != self._last:
            self._last, self._since = now, time
        elif time - self._since >= now[1]:
            self._transport.abort()
            return
        self._timer = self._loop.call_later(LOOK_SECONDS, self._look)


class Connection(H11Protocol):
    """A connection on which requests come."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.access_log = False
        self._patience = Patience(transport, self._owed)
        surplus = len(self.connections) - CONNECTIONS
        self.limit_concurrency = 0 if surplus > 0 else None  # 0: all requests are answered 503
        if surplus > SPARE:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.end()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._patience.end()
        super().handle_websocket_upgrade(event)

    def _owed(self) -> tuple[Hashable, float] | None:
        request = id(self.cycle)
        if self.transport.get_write_buffer_size():
            return ("to read", request), READING_SECONDS
        state = self.conn.their_state
        return ((state, request), SECONDS) if state in (h11.IDLE, h11.SEND_BODY) else None


class Socket(WebSocketsSansIOProtocol):
    """A connection that has become a WebSocket. Of what it sends nothing is owed: it is pinged, and has to answer."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._patience = Patience(transport, self._owed)

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated:  # the whole head has come, and websockets neither takes it nor answers
            self.transport.write(_REFUSED)
            self.transport.close()

    def _owed(self) -> tuple[Hashable, float] | None:
        unread = self.transport.get_write_buffer_size()
        if unread:
            return unread, READING_SECONDS
        return None if self.handshake_complete else ("a handshake", SECONDS)
