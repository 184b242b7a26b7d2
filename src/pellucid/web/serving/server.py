"""The server of the page: one port of this machine, until somebody ends it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from ...data import as_dataset
from ...errors import ArgumentError, MissingExtraError, StorageError, installing
from ...inputs import Data
from ...network import Network
from ..bench import Bench
from .browser import Forwarding
from .guard import Guard

END_SECONDS = 1.5
"""Seconds that the page may take to end: what is being computed then is not waited for."""


def view(
    network: Network, data: Data | None = None, *, title: str = "network", port: int = 0, browser: bool = True
) -> None:
    """Show a network on a page in the browser, until Ctrl-C.

    Parameters
    ----------
    network : Network
        What is done with it on the page happens to a copy.
    data : Dataset or (images, labels), optional
        Images to choose from, and to measure the network on.
    title : str
        What the page calls it.
    port : int, default 0
        Of this machine; by default one that is free.
    browser : bool, default True
        Whether to open the page; its address is printed anyway, and opens it once.

    Raises
    ------
    MissingExtraError
        If starlette or uvicorn is not installed.
    ShapeError, DataError
        If the data are not what the network takes.
    StorageError
        If the port is taken.
    """
    bench = Bench(deepcopy(network), title, None if data is None else as_dataset(data))
    serve(bench, port=port, browser=browser)


def serve(bench: Bench, *, port: int = 0, browser: bool = True, say: Callable[[str], None] = print) -> None:
    """Show a bench until Ctrl-C; `say` is told the address."""
    with Server(bench, port=port, say=say) as server:
        server.invite(say, browser=browser)
        server.wait()


class Server:
    """The page of a bench, served by a thread from ``with`` to its end.

    Parameters
    ----------
    bench : Bench
    port : int or socket
        0 for one that is free; or what `bound` has returned, which is closed with the page.
    say : callable
        Told an address whenever the one before has been used.
    where : str
        What runs in the terminal, in words: the page names it to who comes with an address that has been used.

    Attributes
    ----------
    port : int
    guard : Guard
        Its `address` opens the page.
    """

    def __init__(
        self, bench: Bench, *, port: int | socket.socket = 0, say: Callable[[str], object] = print,
        where: str = "`pellucid view` runs",
    ):  # fmt: skip
        uvicorn = needed()
        from .application import application
        from .connection import Connection, Listening, OnlyFaults, Socket

        self._socket = bound(port) if isinstance(port, int) else port
        self.port = int(self._socket.getsockname()[1])
        self._say, self._forwarding = say, Forwarding()
        self.guard = Guard(application(bench), self.port, self._used, where)
        config = uvicorn.Config(
            self.guard, http=Connection, ws=Socket, loop="asyncio", lifespan="off", log_config=None,
            log_level=None, server_header=False, proxy_headers=False, timeout_keep_alive=20,
            timeout_graceful_shutdown=1, ws_max_size=1 << 20, ws_per_message_deflate=False,
        )  # fmt: skip
        self._server = Listening(config)
        # A signal whose handler raises within `Thread.join` lets a thread count as ended that runs on (Python < 3.13).
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="page")
        self._only_faults = OnlyFaults(self._thread)

    def _run(self) -> None:
        """Serve to the end, and leave nothing behind, however late that comes."""
        try:
            self._server.run([self._socket])
        finally:
            self._socket.close()
            self._only_faults.end()
            self._ended.set()

    def start(self) -> None:
        """Begin to answer."""
        self._only_faults.begin()
        self._thread.start()
        while not self._server.started and not self._ended.wait(0.01):
            pass

    def __enter__(self) -> Server:
        self.start()
        return self

    def invite(self, say: Callable[[str], object], *, browser: bool, words: str = "open") -> None:
        """Open the page in a browser, if one is wanted, and say its address for where none appears."""
        address = self.guard.address
        if not browser:
            say(f"{words} {address}")
        elif self._forwarding.open(address):
            say(f"the page opens in the browser; if it does not, {words}\n{address}")
        else:
            say(f"no browser can be opened from here; {words}\n{address}")
            if "SSH_CONNECTION" in os.environ:
                say(f"after this, where your browser is:\nssh -N -L {self.port}:127.0.0.1:{self.port} THIS-MACHINE")

    def _used(self, address: str) -> None:
        self._forwarding.remove()
        self._say(f"another browser: {address}")

    def wait(self) -> None:
        """Wait until the server ends, which it does by itself only if something is wrong."""
        while not self._ended.wait(0.5):
            pass

    def close(self) -> None:
        """End the page."""
        self._forwarding.remove()
        self._server.should_exit = True
        if self._thread.ident is None:  # it was never started
            self._socket.close()
        else:
            self._ended.wait(END_SECONDS)

    def __exit__(self, *error: object) -> None:
        self.close()


def needed() -> Any:
    """Return uvicorn, or say how to install what the page needs."""
    try:
        import starlette  # noqa: F401
        import uvicorn
        import websockets  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"the page needs starlette, uvicorn and websockets: {installing('web')}") from error
    return uvicorn


def bound(port: int) -> socket.socket:
    """Return a socket that listens at a port of this machine alone.

    Raises
    ------
    ArgumentError, StorageError
        If it is none, or taken.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port < 65536:
        raise ArgumentError(f"port: expected a number from 0 to 65535, received {port!r}")
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name != "nt":  # where this would let two programs share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()  # else another one could have the same port until then
    except OSError as error:
        listening.close()
        free = "leave --port out for one that is free"
        refused = StorageError(f"port {port} of this machine cannot be had ({error.strerror}); {free}")
        refused.errno = error.errno
        raise refused from None
    return listening
