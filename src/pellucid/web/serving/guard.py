"""Who may ask: what stands between the network and the routes of the page.

The server listens on this machine alone, but every page that a browser has open can send requests there, and with a
name that resolves to 127.0.0.1 even read the answers. So each request passes, in this order:

1. **Host** must be this server's own address, spelled in one of two ways: against names that were rebound.
2. **Origin**, where a browser says it, must be that address too; what changes something must have one.
3. A **cookie** that only who has seen the terminal can have got: `pellucid view` prints an address with a token of 256
   bits, which is good once. The cookie is HttpOnly and SameSite=Strict, and its name holds the port, since cookies do
   not know ports.
4. The **body** may have so many bytes, and may take so long to come.

Answers tell the browser to run and load nothing but what this server sends.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import parse_qs

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_BYTES = 8 << 20
"""Bytes that the body of a request may have: those of a picture from a camera."""
BODY_SECONDS = 20.0
"""Seconds that a body may take to come."""
BODIES_BYTES = 8 * BODY_BYTES
"""Bytes that the bodies of all requests may have together that are answered at one time."""
READS = ("GET", "HEAD")
"""Methods that change nothing: browsers do not always say an Origin with them."""
OWN_SITES = ("same-origin", "none")
"""What browsers say of requests that this page makes, or a person, with an address: Sec-Fetch-Site."""
HTTP_PORT = 80
"""The port that browsers leave out of an address."""

MANY = "there are too many large requests at one time; send this one again\n"
TOO_LARGE = f"at most {BODY_BYTES:,} bytes are taken\n"
UNKNOWN = """This browser has not been let in, or not since the page was started.
Open the newest address that stands in the terminal where {where}, and then this one again.
"""
USED = """This address has been used, or is not the one that was printed last.
Take the newest address that stands in the terminal where {where}.
"""


class Guard:
    """Lets pass to an application what may ask, and nothing else.

    Parameters
    ----------
    app : ASGI application
    port : int
        The server's.
    announce : callable
        Takes an address with a fresh token, whenever the one before has been used: it is printed.
    where : str
        What runs in the terminal in which addresses are printed, in words.
    """

    def __init__(
        self, app: App, port: int, announce: Callable[[str], None] = lambda address: None,
        where: str = "`pellucid view` runs",
    ):  # fmt: skip
        self._app, self._port, self._announce = app, port, announce
        self._used, self._unknown = (words.format(where=where) for words in (USED, UNKNOWN))
        names = ("127.0.0.1", "localhost")
        self._hosts = {f"{name}:{port}" for name in names} | (set(names) if port == HTTP_PORT else set())
        self._cookie_name, self._secret = f"pellucid_{port}", secrets.token_urlsafe(32)
        self._token, self._taken = secrets.token_urlsafe(32), 0  # bytes of bodies that are held for all requests
        self._headers = [(name.encode(), value.encode()) for name, value in _headers(port).items()]

    @property
    def address(self) -> str:
        """The address that opens the page, once."""
        return f"http://127.0.0.1:{self._port}/open?token={self._token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = _single(scope["headers"])
        refused = self._refused(scope, headers)
        if scope["type"] == "websocket":
            if refused or scope["path"] == "/open" or not self._knows(headers):
                await send({"type": "websocket.close", "code": 1008})
            else:
                await self._app(scope, receive, send)
        elif refused:
            await self._answer(send, *refused)
        elif scope["path"] == "/open" and scope["method"] == "GET":
            await self._open(scope, headers, send)
        elif not self._knows(headers):
            await self._answer(send, 403, self._unknown)
        elif _declared(headers) > BODY_BYTES:
            await self._answer(send, 413, TOO_LARGE)
        else:
            await self._pass(scope, receive, send)

    def _refused(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """Return why a request is none of this page's."""
        if headers.get("host") not in self._hosts:
            return 421, "this server answers only to its own address\n"
        origin, own = headers.get("origin"), f"http://{headers['host']}"
        reads = scope["type"] == "http" and scope["method"] in READS
        if origin != own and not (reads and origin is None):
            return 403, "this request comes from another page\n"
        if headers.get("sec-fetch-site", "none") not in OWN_SITES and scope["path"] != "/open":
            return 403, "this request comes from another page\n"
        return None

    def _knows(self, headers: dict[str, str]) -> bool:
        """Return whether a request has the cookie, among whatever else the pages of other ports have set."""
        cookies = (each.strip(" \t").partition("=") for each in headers.get("cookie", "").split(";"))
        own = [value for name, _, value in cookies if name == self._cookie_name]
        return any(hmac.compare_digest(value.encode(), self._secret.encode()) for value in own)

    async def _open(self, scope: Scope, headers: dict[str, str], send: Send) -> None:
        """Exchange the token for the cookie; there is another token from then on.

        If the address was clicked on another page, such as a terminal in a browser, what follows a 303 would count as
        that page's doing, and lack the cookie. What an answer's own Refresh asks for is its own.
        """
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[-1]
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            await self._answer(send, 403, self._used)
            return
        self._token = secrets.token_urlsafe(32)
        self._announce(self.address)
        cookie = f"{self._cookie_name}={self._secret}; HttpOnly; SameSite=Strict; Path=/"
        elsewhere = headers.get("sec-fetch-site", "none") not in OWN_SITES
        status, onward = (200, (b"refresh", b"0; url=/")) if elsewhere else (303, (b"location", b"/"))
        await self._answer(send, status, "", [onward, (b"set-cookie", cookie.encode())])

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, with a bound on its body, and the answer back, with the headers."""
        body, begun = _Bounded(receive, self._take), False

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if body.refusal is not None and not begun:
                return  # the application takes it that the client has gone
            if message["type"] == "http.response.start":
                begun = True
                message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
            await send(message)

        try:
            await self._app(scope, body, with_headers)
        finally:
            body.let_go()
        if body.refusal is not None and not begun:
            await self._answer(send, *body.refusal)

    def _take(self, count: int) -> int:
        self._taken += count
        return self._taken

    async def _answer(
        self, send: Send, status: int, text: str, more: list[tuple[bytes, bytes]] | None = None
    ) -> None:  # fmt: skip
        data = text.encode()
        own = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(data)).encode())]
        headers = [*own, *(more or ()), *self._headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})


class _Bounded:
    """Receives what `receive` does, until the body is too large, one of too many, or takes too long. Then `refusal` is
    status and words, and what is received is that the client has gone. `take` notes more bytes, or fewer, and returns
    how many all requests have together."""

    def __init__(self, receive: Receive, take: Callable[[int], int]):
        self._receive, self._taken, self._complete, self._take = receive, 0, False, take
        self._until = asyncio.get_running_loop().time() + BODY_SECONDS
        self.refusal: tuple[int, str] | None = None

    async def __call__(self) -> Message:
        if self.refusal is not None:
            return {"type": "http.disconnect"}
        if self._complete:  # what comes now is that the client has gone, at any time
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            return self._refuse(408, f"the body took more than {BODY_SECONDS:.0f} seconds\n")
        self._complete = not message.get("more_body", False)
        self._taken += (count := len(message.get("body", b"")))
        together = self._take(count)
        if self._taken > BODY_BYTES:
            return self._refuse(413, TOO_LARGE)
        return self._refuse(503, MANY) if together > BODIES_BYTES else message

    def _refuse(self, status: int, words: str) -> Message:
        self.refusal = status, words
        return {"type": "http.disconnect"}

    def let_go(self) -> None:
        """Note that the body is not held any longer."""
        self._take(-self._taken)
        self._taken = 0


def _headers(port: int) -> dict[str, str]:
    """Return what every answer tells the browser."""
    sockets = f"ws://127.0.0.1:{port} ws://localhost:{port}"
    policy = {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' blob: data:",
        "connect-src": f"'self' {sockets}", "worker-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
        "frame-ancestors": "'none'",
    }  # fmt: skip
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "cache-control": "no-store",
    }


def _single(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by name. What stands there twice becomes a text that nothing equals."""
    single: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        single[name] = f"{single[name]}, {value}" if name in single else value
    return single


def _declared(headers: dict[str, str]) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdecimal() else BODY_BYTES + 1
