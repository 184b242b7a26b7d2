"""The application: which address is answered by what. All that computes runs in a thread, one question of a kind at a
time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from importlib.resources import files

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from ..errors import ArgumentError, PellucidError
from . import answers, changes, looking_back, why
from .answers import Answer
from .asked import Asked, GoneError
from .bench import Bench, OutdatedError, UnknownImageError
from .faults import noted
from .live_socket import socket_of
from .pen_socket import pen_socket_of

FRAME = "application/octet-stream"
KINDS = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}  # fmt: skip
"""Suffix of a file of the page -> what it is."""
GONE = 499
"""Status of the answer to somebody who has gone; nobody reads it."""

READING = {**answers.READING, **changes.READING, **why.READING, **looking_back.READING}
DOING = {**answers.DOING, **changes.DOING, **why.DOING, **looking_back.DOING}
EDITING = (changes.edit, changes.undo, changes.compare)
CHANGING = (*EDITING, looking_back.moment)
"""They hold the bench; all others take from it what they need, and wait for nobody."""
LOOK_SECONDS = 0.1
"""Between two looks at whether somebody still waits for what is being computed."""


def application(bench: Bench) -> Starlette:
    """Return the application that shows a bench."""
    pages = [Route("/", _file("index.html")), *(Route(f"/{name}", _file(name)) for name in _names())]
    reading = [Route(f"/api/{name}", _question(bench, answer), methods=["GET"]) for name, answer in READING.items()]
    doing = [Route(f"/api/{name}", _question(bench, answer), methods=["POST"]) for name, answer in DOING.items()]
    sockets = [WebSocketRoute("/api/live", socket_of(bench)), WebSocketRoute("/api/pen", pen_socket_of(bench))]
    return Starlette(routes=[*pages, *reading, *doing, *sockets])


def _names() -> list[str]:
    """Return the names of the files of the page."""
    return sorted(each.name for each in files(__package__).joinpath("static").iterdir() if _kind(each.name))


def _kind(name: str) -> str | None:
    return KINDS.get(f".{name.rpartition('.')[2]}")


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with a file of the page, which is read once."""
    content, kind = files(__package__).joinpath("static", name).read_bytes(), _kind(name)

    async def endpoint(request: Request) -> Response:
        return Response(content, media_type=kind)

    return endpoint


def _question(bench: Bench, answer: Callable[[Bench, Asked], Answer]) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers a question about the bench, or says what is wrong with it.

    Those who ask the same wait in line, here and not in threads, of which there are few; who has gone meanwhile, as
    the page does with what it no longer wants, is passed over, or no longer computed for. Maps in an order that takes
    long have a line of their own.
    """
    lines = asyncio.Lock(), asyncio.Lock()

    def answered(asked: Asked) -> Answer:
        with bench.busy if answer in CHANGING else nullcontext():
            if answer in EDITING and bench.step is not None:
                raise ArgumentError("the network is shown as it was in training; go to its end to change it")
            _refuse_outdated(bench, asked)
            found = answer(bench, asked)
        if answer not in CHANGING:
            _refuse_outdated(bench, asked)
        return found

    async def endpoint(request: Request) -> Response:
        try:
            asked = Asked(request.query_params, await request.body())
        except ClientDisconnect:
            return Response(status_code=GONE)
        try:
            async with lines[request.query_params.get("order") == "contribution"]:
                if await request.is_disconnected():
                    return Response(status_code=GONE)
                watching = asyncio.create_task(_watch(request, asked))
                try:
                    found = await run_in_threadpool(answered, asked)
                finally:
                    watching.cancel()
            return Response(found, media_type=FRAME) if isinstance(found, bytes) else JSONResponse(found)
        except GoneError:
            return Response(status_code=GONE)
        except UnknownImageError as error:
            return _failure(410, str(error))
        except OutdatedError as error:
            if request.method == "GET":  # nothing went wrong, and browsers write errors to their console
                return JSONResponse({"error": str(error), "outdated": True})
            return _failure(409, str(error))
        except PellucidError as error:
            return _failure(400, str(error))
        except Exception as error:
            return _failure(500, noted(error, request.url.path))

    return endpoint


def _refuse_outdated(bench: Bench, asked: Asked) -> None:
    """Refuse a question that names another revision of the network than the one that is there: where it was changed
    before the answer, or while that was made, the answer would not fit what the page shows."""
    known = asked.text("revision", "")
    if known and known != str(bench.revision):
        raise OutdatedError("the network has been changed meanwhile, as by another window; look again, and ask anew")


async def _watch(request: Request, asked: Asked) -> None:
    """Note when whoever has asked has gone."""
    while not asked.gone.is_set():
        await asyncio.sleep(LOOK_SECONDS)
        if await request.is_disconnected():
            asked.gone.set()


def _failure(status: int, message: str) -> Response:
    return JSONResponse({"error": message[:2000]}, status)
