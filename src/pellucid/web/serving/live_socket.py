"""The socket on which a page follows a training: what is new goes out, a few times a second; what is asked comes
in. Each page has its own; a slow one misses what is no longer new, and one that does not read at all is let go of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from ...errors import ArgumentError, PellucidError
from ..answers.asked import Asked
from ..bench import Bench
from ..faults import noted
from ..frames import frame
from ..learning.following import INTERVAL, PAUSED_INTERVAL, Following, Known

MOST_SOCKETS = 32
"""Pages that may follow at one time, and as many may draw."""
SEND_SECONDS = 20.0
"""Seconds that a page may take for a message."""
MESSAGE_LETTERS = 1000
TRY_LATER = 1013
"""Code of a socket that is closed because there are too many."""


def socket_of(bench: Bench) -> Callable[[WebSocket], object]:
    """Return what answers a page that follows the training on a bench."""

    async def endpoint(socket: WebSocket) -> None:
        following = bench.following
        if following is None or following.controls.clients >= MOST_SOCKETS:
            await socket.close(TRY_LATER)
            return
        following.controls.enter()
        try:
            await socket.accept()
            async with asyncio.TaskGroup() as both:
                both.create_task(_read(socket, bench, following))
                both.create_task(_write(socket, following))
        except* (WebSocketDisconnect, TimeoutError, OSError):  # it has gone, or might as well have
            with suppress(Exception):
                await socket.close()
        finally:
            following.controls.leave()

    return endpoint


async def _write(socket: WebSocket, following: Following) -> None:
    """Tell what is new, for as long as the page takes it."""
    known, mark = Known(), None
    while True:
        now = following.mark()
        if now != mark:
            mark = now
            async with asyncio.timeout(SEND_SECONDS):
                await send(socket, following.message(known))
        await _rest(following)


async def _rest(following: Following) -> None:
    """Wait until a page may be told more: not as long where the training is paused, or goes on."""
    standing = following.standing
    for _ in range(1 if following.controls.paused else round(INTERVAL / PAUSED_INTERVAL)):
        await asyncio.sleep(PAUSED_INTERVAL)
        if following.standing != standing:
            return


async def _read(socket: WebSocket, bench: Bench, following: Following) -> None:
    """Do what the page asks, and tell it what cannot be done."""
    while True:
        text = await _text(socket)
        try:
            await run_in_threadpool(obey, bench, following, _words(text))
        except PellucidError as error:
            await send(socket, frame({"error": str(error)[:2000]}, {}))
        except Exception as error:
            await send(socket, frame({"error": noted(error, "a page that follows the training")}, {}))


async def _text(socket: WebSocket) -> str:
    """Return the next text that a page sends; one that sends anything else is let go of."""
    message = await socket.receive()
    text = message.get("text")
    if text is None:
        raise WebSocketDisconnect
    return str(text)


async def send(socket: WebSocket, data: bytes) -> None:
    """Send a frame; to a page that has gone meanwhile none can be sent."""
    try:
        await socket.send_bytes(data)
    except RuntimeError as error:  # what starlette and uvicorn say of that
        raise WebSocketDisconnect from error


def obey(bench: Bench, following: Following, asked: Asked) -> None:
    """Do what a page asks.

    Raises
    ------
    ArgumentError
        If it cannot be done.
    """
    what = asked.choice("do", ("pause", "step", "continue", "rate", "watch"))
    if what == "watch":
        name = asked.text("image")
        with bench.busy:
            following.image = name, bench.image(name)
        return
    if not following.live:
        raise ArgumentError("the training has come to its end")
    if what == "rate":
        try:
            factor = float(asked.text("factor"))
        except ValueError:
            raise ArgumentError("factor: expected a number such as 0.5") from None
        following.controls.multiply_lr(factor)
    else:
        controls = following.controls
        {"pause": controls.pause, "step": controls.step, "continue": controls.go_on}[what]()


def _words(text: str) -> Asked:
    """Return the words of a message: a flat table of texts, as JSON."""
    try:
        found = json.loads(text) if len(text) <= MESSAGE_LETTERS else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ArgumentError(f"expected a table of texts as JSON, of at most {MESSAGE_LETTERS:,} letters")
    return Asked(found)
