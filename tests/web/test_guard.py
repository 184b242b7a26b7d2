"""Who may ask the page's server: every combination of host, origin, cookie and method, and bodies without end."""

import itertools
import re
from typing import Any

import pytest

from pellucid.web.serving import guard as guards
from pellucid.web.serving.guard import BODY_BYTES, Guard

from .asgi import request, socket_opened

PORT = 8000
OWN = f"127.0.0.1:{PORT}"

HOSTS = {
    OWN: True, f"localhost:{PORT}": True, f"[::1]:{PORT}": False, "127.0.0.1": False, "127.0.0.1:80": False,
    f"evil.example:{PORT}": False, f"127.0.0.1.evil.example:{PORT}": False, f"LOCALHOST:{PORT}": False, "": False,
    f"127.1:{PORT}": False, f"0.0.0.0:{PORT}": False, f"user@{OWN}": False, None: False,
    f"localhost.:{PORT}": False, f"127.0.0.1.:{PORT}": False, "127.0.0.1:8001": False, "127.0.0.1:08000": False,
    f"::1:{PORT}": False, "[::1]": False, f"[::1%lo]:{PORT}": False, f"[0:0:0:0:0:0:0:1]:{PORT}": False,
    f"[::ffff:127.0.0.1]:{PORT}": False, f"2130706433:{PORT}": False, f"0x7f.1:{PORT}": False,
    f"a.localhost:{PORT}": False, f"{OWN}, {OWN}": False, f"http://{OWN}": False, f"127.0.0.1:{PORT}/": False,
    "127.0.0.1:8000.evil.example": False, "\u200b" + OWN: False,
}  # fmt: skip
ORIGINS = (
    "own", None, "null", "http://evil.example", f"https://{OWN}", f"http://{OWN}/", "http://127.0.0.1:80", "",
    "http://127.0.0.1:8001", f"http://{OWN}.", f"http://user@{OWN}", f"HTTP://{OWN}", f"http://{OWN} http://{OWN}",
    "file://", "chrome-extension://abcdefgh", f"http://{OWN}.evil.example", f"ws://{OWN}",
)  # fmt: skip


async def inside(scope: Any, receive: Any, send: Any) -> None:
    """The application behind the guard: it reads the whole body and answers 200."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"seen"})


def opened() -> tuple[Guard, str]:
    """Return a guard, and the cookie that its address has been exchanged for."""
    guard = Guard(inside, PORT)
    reply = request(guard, guard.address.partition(OWN)[2], headers=[("host", OWN)])
    assert reply.status == 303
    assert reply.headers["location"] == "/"
    return guard, reply.headers["set-cookie"].partition(";")[0]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_every_host_origin_and_cookie(method: str) -> None:
    guard, cookie = opened()
    cookies = {cookie: True, None: False, f"{cookie}x": False, f"pellucid_{PORT}=": False, "pellucid_8001=x": False}
    for (host, known), origin, (given, good) in itertools.product(HOSTS.items(), ORIGINS, cookies.items()):
        said = f"http://{host}" if origin == "own" else origin
        sent = {"host": host, "origin": said, "cookie": given}
        headers = [(name, value) for name, value in sent.items() if value is not None]
        fits = origin == "own" or (origin is None and method in ("GET", "HEAD"))
        status = request(guard, "/api/network", method, headers).status
        expected = 421 if not known else 403 if not (fits and good) else 200
        assert status == expected, (method, host, origin, given)


def test_on_the_port_that_browsers_leave_out_they_are_known_without_it() -> None:
    guard = Guard(inside, 80)
    for host in ("127.0.0.1", "localhost", "127.0.0.1:80"):
        reply = request(guard, guard.address.partition(":80")[2], headers=[("host", host)])
        assert reply.status == 303
        own = [("host", host), ("origin", f"http://{host}"), ("cookie", reply.headers["set-cookie"].partition(";")[0])]
        assert request(guard, "/", "POST", own).status == 200
    assert request(guard, "/", headers=[("host", "evil.example")]).status == 421


SITES = {None: True, "none": True, "same-origin": True, "same-site": False, "cross-site": False, "": False,
         "None": False, "none, none": False, "anything": False}  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_every_site_that_a_browser_names(method: str) -> None:
    guard, cookie = opened()
    for (site, fits), (given, good) in itertools.product(SITES.items(), {cookie: True, None: False}.items()):
        sent = {"host": OWN, "origin": f"http://{OWN}", "cookie": given, "sec-fetch-site": site}
        headers = [(name, value) for name, value in sent.items() if value is not None]
        assert request(guard, "/api/network", method, headers).status == (200 if fits and good else 403)
        open_ = [each for each in headers if each[0] != "origin"]  # an address may be clicked anywhere
        path = guard.address.partition(OWN)[2]
        reply = request(guard, path, method, open_)
        assert ("set-cookie" in reply.headers) == (method == "GET")
        if method == "GET":
            assert (reply.status, reply.headers.get("location"), reply.headers.get("refresh")) == (
                (303, "/", None) if fits else (200, None, "0; url=/")
            )
        assert socket_opened(guard, "/api/live", headers) == (fits and good)


@pytest.mark.parametrize(
    "around",
    ["{}", " {} ", "a=b; {}", "{}; a=b", 'other={{"a": 1}}; {}', "not a cookie; {}", 'a="; {}', "[a]=1; {}", ";;; {}",
     "path=/; {}", "=; {}", "pellucid_8000=tossed; {}", "{}; pellucid_8000=tossed", "pellucid_8000; {}",
     "pellucid_8001=x; {}", "Pellucid_8000=x; {}", "é=ü; {}", "{};", "\t{}"],
)  # fmt: skip
def test_the_cookie_is_found_among_those_of_other_ports(around: str) -> None:
    guard, cookie = opened()
    for given, status in ((cookie, 200), (f"{cookie}x", 403), (cookie.replace("_8000", "_8001"), 403), ("", 403)):
        assert request(guard, "/", headers=[("host", OWN), ("cookie", around.format(given))]).status == status


def test_a_socket_needs_the_origin_and_the_cookie_too() -> None:
    guard, cookie = opened()
    own = ("origin", f"http://{OWN}")
    assert socket_opened(guard, "/api/live", [("host", OWN), own, ("cookie", cookie)])
    assert not socket_opened(guard, "/api/live", [("host", OWN), own])
    assert not socket_opened(guard, "/api/live", [("host", OWN), ("cookie", cookie)])
    assert not socket_opened(guard, "/api/live", [("host", OWN), ("origin", "http://evil.example"), ("cookie", cookie)])
    assert not socket_opened(guard, "/api/live", [("host", "evil.example"), own, ("cookie", cookie)])
    assert not socket_opened(guard, "/open", [("host", OWN), own, ("cookie", cookie)])


def test_a_browser_that_was_not_let_in_is_told_how_it_is() -> None:
    answer = request(Guard(inside, PORT), "/", headers=[("host", OWN)])
    assert answer.status == 403
    assert b"This browser has not been let in" in answer.body
    assert b"newest address that stands in the terminal where `pellucid view` runs" in answer.body


def test_a_token_is_good_once() -> None:
    announced: list[str] = []
    guard = Guard(inside, PORT, announced.append)
    first = guard.address.partition(OWN)[2]
    assert request(guard, first, headers=[("host", OWN)]).status == 303
    again = request(guard, first, headers=[("host", OWN)])
    assert again.status == 403
    assert b"This address has been used" in again.body
    assert b"in the terminal where `pellucid view` runs." in again.body
    other = Guard(inside, PORT, where="the training runs")
    assert b"in the terminal where the training runs." in request(other, first, headers=[("host", OWN)]).body
    assert announced == [guard.address]
    assert request(guard, announced[0].partition(OWN)[2], headers=[("host", OWN)]).status == 303


@pytest.mark.parametrize("query", ["", "?", "?token=", "?token=wrong", "?token=é", "?other=1", "?token=a&token=b"])
def test_a_wrong_token_opens_nothing(query: str) -> None:
    guard = Guard(inside, PORT)
    reply = request(guard, f"/open{query}", headers=[("host", OWN)])
    assert reply.status == 403
    assert "set-cookie" not in reply.headers


def test_the_token_has_256_bits_and_the_cookie_stays_here() -> None:
    guard = Guard(inside, PORT)
    token = re.fullmatch(r"http://127\.0\.0\.1:8000/open\?token=([\w-]{43})", guard.address)
    assert token
    reply = request(guard, guard.address.partition(OWN)[2], headers=[("host", OWN)])
    assert re.fullmatch(r"pellucid_8000=[\w-]{43}; HttpOnly; SameSite=Strict; Path=/", reply.headers["set-cookie"])
    assert token[1] not in reply.headers["set-cookie"]


def test_what_stands_twice_is_what_it_must_not_be() -> None:
    guard, cookie = opened()
    for twice in ("host", "origin", "cookie"):
        own = [("host", OWN), ("origin", f"http://{OWN}"), ("cookie", cookie)]
        assert request(guard, "/", "POST", own).status == 200
        assert request(guard, "/", "POST", [*own, *(each for each in own if each[0] == twice)]).status in (403, 421)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_says_of_another_page_is_believed(site: str) -> None:
    guard, cookie = opened()
    headers = [("host", OWN), ("cookie", cookie), ("sec-fetch-site", site)]
    assert request(guard, "/api/network", headers=headers).status == 403


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_has_a_bound(declared: bool) -> None:
    guard, cookie = opened()
    headers = [("host", OWN), ("origin", f"http://{OWN}"), ("cookie", cookie)]
    headers += [("content-length", str(BODY_BYTES + 1))] if declared else []
    body = [bytes(1 << 20)] * 8
    assert request(guard, "/api/picture", "POST", headers, [*body, b"x"]).status == 413
    if not declared:
        assert request(guard, "/api/picture", "POST", headers, body).status == 200


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "", "٣", "9" * 40])
def test_a_length_that_is_none(length: str) -> None:
    guard, cookie = opened()
    headers = [("host", OWN), ("origin", f"http://{OWN}"), ("cookie", cookie), ("content-length", length)]
    assert request(guard, "/api/picture", "POST", headers, [b"x"]).status == 413


def test_bodies_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "BODIES_BYTES", 10)
    guard, cookie = opened()
    headers = [("host", OWN), ("origin", f"http://{OWN}"), ("cookie", cookie)]
    assert request(guard, "/api/picture", "POST", headers, [b"x" * 11]).status == 503
    assert request(guard, "/api/picture", "POST", headers, [b"x" * 10]).status == 200, "the other is let go of"


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "BODY_SECONDS", 0.05)
    guard, cookie = opened()
    headers = [("host", OWN), ("origin", f"http://{OWN}"), ("cookie", cookie)]
    assert request(guard, "/api/picture", "POST", headers, [b"x"], never_ends=True).status == 408


def test_every_answer_tells_the_browser_to_load_nothing_else() -> None:
    guard, cookie = opened()
    for headers in ([("host", OWN), ("cookie", cookie)], [("host", OWN)], [("host", "evil.example")]):
        reply = request(guard, "/", headers=headers)
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
