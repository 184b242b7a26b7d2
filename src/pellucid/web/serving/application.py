"""The application: files of the page, and answers to its questions. All that computes runs in a thread, one question of
a kind at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from ...errors import ArgumentError, PellucidError
from ..answers.asked import Asked, GoneError
from ..answers.questions import QUESTIONS, Question
from ..answers.seeing import Answer
from ..bench import Bench
from ..faults import noted
from ..looking.images import UnknownImageError
from .live_socket import socket_of
from .pen_socket import pen_socket_of

PACKAGE = __package__.rpartition(".")[0]
"""Where the folder ``static`` is: the files of the page."""
FRAME = "application/octet-stream"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}  # fmt: skip
"""Suffix of a file of the page -> its media type."""
GONE = 499
"""Status of the answer to somebody who has gone; nobody reads it."""
WATCH_SECONDS = 0.1
"""Seconds between two looks at whether somebody still waits for what is being computed."""


class OutdatedError(ArgumentError):
    """A question is about the network as it was before it was changed."""


def application(bench: Bench) -> Starlette:
    """Return the application that shows a bench."""
    pages = [Route("/", _file("index.html")), *(Route(f"/{name}", _file(name)) for name in _names())]
    questions = [Route(f"/api/{each.name}", _endpoint(bench, each), methods=[each.method]) for each in QUESTIONS]
    sockets = [WebSocketRoute("/api/live", socket_of(bench)), WebSocketRoute("/api/pen", pen_socket_of(bench))]
    return Starlette(routes=[*pages, *questions, *sockets])


def _names() -> list[str]:
    """Return the names of the files of the page."""
    return sorted(each.name for each in files(PACKAGE).joinpath("static").iterdir() if _media_type(each.name))


def _media_type(name: str) -> str | None:
    return MEDIA_TYPES.get(f".{name.rpartition('.')[2]}")


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with a file of the page, which is read once."""
    content, media_type = files(PACKAGE).joinpath("static", name).read_bytes(), _media_type(name)

    async def endpoint(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return endpoint


def _endpoint(bench: Bench, question: Question) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers a question about the bench, or says what is wrong with it.

    Those who ask the same wait in line, here and not in threads, of which there are few; who has gone meanwhile, as
    the page does with what it no longer wants, is passed over, or no longer computed for.
    """
    line, slow_line = asyncio.Lock(), asyncio.Lock()

    async def endpoint(request: Request) -> Response:
        try:
            asked = Asked(request.query_params, await request.body())
        except ClientDisconnect:
            return Response(status_code=GONE)
        try:
            slow = question.slow is not None and question.slow in request.query_params.items()
            async with slow_line if slow else line:
                if await request.is_disconnected():
                    return Response(status_code=GONE)
                watching = asyncio.create_task(_watch(request, asked))
                try:
                    answer = await run_in_threadpool(_answer, bench, question, asked)
                finally:
                    watching.cancel()
            return Response(answer, media_type=FRAME) if isinstance(answer, bytes) else JSONResponse(answer)
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


def _answer(bench: Bench, question: Question, asked: Asked) -> Answer:
    """Return the answer to a question, unless the network is, or has become meanwhile, another than it is about."""
    if question.holds_bench:
        with bench.busy:
            if question.edits and bench.versions.step is not None:
                raise ArgumentError("the network is shown as it was in training; go to its end to change it")
            _refuse_outdated(bench, question, asked)
            return question.answer(bench, asked)
    _refuse_outdated(bench, question, asked)
    answer = question.answer(bench, asked)
    _refuse_outdated(bench, question, asked)
    return answer


def _refuse_outdated(bench: Bench, question: Question, asked: Asked) -> None:
    """Refuse a question that names another revision of the network than the one that is there: where it was changed
    before the answer, or while that was made, the answer would not fit what the page shows."""
    known = asked.text("revision", "") if question.of_revision else ""
    if known and known != str(bench.revision):
        raise OutdatedError("the network has been changed meanwhile, as by another window; look again, and ask anew")


async def _watch(request: Request, asked: Asked) -> None:
    """Note when whoever has asked has gone."""
    while not asked.gone.is_set():
        await asyncio.sleep(WATCH_SECONDS)
        if await request.is_disconnected():
            asked.gone.set()


def _failure(status: int, message: str) -> Response:
    return JSONResponse({"error": message[:2000]}, status)
