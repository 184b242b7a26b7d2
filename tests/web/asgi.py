"""Requests to an ASGI application without a socket: what is sent, and what comes back."""

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def request(
    app: Any, path: str, method: str = "GET", headers: Iterable[tuple[str, str]] = (), body: Iterable[bytes] = (),
    *, never_ends: bool = False,
) -> Reply:  # fmt: skip
    """Send a request, the body in parts; with `never_ends` the rest of it never comes."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    parts, told = [*body], []

    async def receive() -> dict[str, Any]:
        if parts:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts) or never_ends}
        if never_ends:
            await asyncio.sleep(3600)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    asyncio.run(app(scope, receive, send))
    start = told[0]
    content = b"".join(each.get("body", b"") for each in told[1:])
    return Reply(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, content)


def socket_opened(app: Any, path: str, headers: Iterable[tuple[str, str]]) -> bool:
    """Return whether a WebSocket is let through to the application, which accepts all."""
    scope = {
        "type": "websocket", "path": path, "query_string": b"", "scheme": "ws", "subprotocols": [],
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }  # fmt: skip
    told = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        told.append(message["type"])

    asyncio.run(app(scope, receive, send))
    return "websocket.accept" in told
