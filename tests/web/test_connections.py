"""What clients do to a server that do not mean well, or cannot do better, over real sockets: it answers or closes, goes
on for all others, holds nothing for long, and says nothing in the terminal."""

import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.errors import StorageError
from pellucid.web.answers.questions import Question
from pellucid.web.bench import Bench
from pellucid.web.serving import application, connection, guard
from pellucid.web.serving.server import Server

from .wire import KEY, UPGRADE, Wire, closed_within, hear, serving

LARGE = 16 << 20
"""Bytes of an answer that fit into no buffer on the way."""


def bench() -> Bench:
    network = p.Sequential([p.Conv2d(1, 2, 3), p.ReLU(), p.Flatten(), p.Linear(72, 3)], input_shape=(1, 8, 8))
    data = p.Dataset(np.zeros((4, 1, 8, 8), np.uint8), np.arange(4) % 3)
    return Bench(network, "a network", data)


async def anything(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers with much, and on a socket with what it is told."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(LARGE)})
        return
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message["type"] == "websocket.receive":
            count = LARGE if message.get("text") == "much" else len(message.get("text") or message.get("bytes") or b"")
            await send({"type": "websocket.send", "bytes": bytes(count)})


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with serving(bench()) as found:
        yield found


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers have little patience."""
    monkeypatch.setattr(connection, "SECONDS", 0.8)
    monkeypatch.setattr(connection, "READING_SECONDS", 0.8)
    monkeypatch.setattr(connection, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.4)


def goes_on(wire: Wire) -> bool:
    return wire.get("/icon.svg").statuses == [200]


# ---- slow ones


def trickle(client: socket.socket, data: bytes, seconds: float) -> float | None:
    """Send a byte at a time, and read nothing; return after how long the connection was closed."""
    begun = time.monotonic()
    for byte in data:
        try:
            client.send(bytes([byte]))
        except ConnectionError:
            return time.monotonic() - begun
        if closed_within(client, 0.03) is not None:
            return time.monotonic() - begun
        if time.monotonic() - begun > seconds:
            return None
    return closed_within(client, seconds)


HEAD = b"POST /api/picture HTTP/1.1\r\n"


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("begin", [b"", b"G", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_a_head_that_does_not_come_is_not_waited_for(begin: bytes) -> None:
    with serving(bench()) as wire, wire.connect() as silent, wire.connect() as slow:
        silent.sendall(begin)
        slow.sendall(begin or b"G")
        after = trickle(slow, b"x" * 1000, 5)
        assert after is not None
        assert 0.3 < after < 3
        assert closed_within(silent, 3) is not None
        assert goes_on(wire)


@pytest.mark.usefixtures("hasty")
def test_the_time_for_a_head_begins_anew_with_every_request() -> None:
    with serving(bench()) as wire, wire.connect() as client:
        for _ in range(6):
            client.sendall(b"GET /icon.svg HTTP/1.1\r\n" + wire.own + b"\r\n")
            assert hear(client, 0.2, 3).statuses == [200]
        assert closed_within(client, 3) is not None


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("how", [b"Content-Length: 5000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n5000\r\n"])
def test_a_body_that_does_not_come_is_not_waited_for(how: bytes, refused: bool) -> None:
    with serving(bench()) as wire, wire.connect() as client:
        client.sendall(HEAD + (wire.host if refused else wire.own) + how)
        after = trickle(client, b"x" * 1000, 5)
        assert after is not None
        assert 0.3 < after < 3
        assert goes_on(wire)


@pytest.mark.usefixtures("hasty")
def test_a_slow_body_is_answered_408() -> None:
    with serving(bench()) as wire:
        assert wire.tell(HEAD + wire.own + b"Content-Length: 9\r\n\r\nx").statuses == [408]


def test_chunks_without_end_are_too_much(wire: Wire) -> None:
    with wire.connect() as client:
        client.sendall(HEAD + wire.own + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
        for _ in range(9):
            client.sendall(chunk)
        assert hear(client, 2).statuses == [413]
    assert goes_on(wire)


@pytest.mark.usefixtures("hasty")
def test_who_does_not_read_is_let_go_of() -> None:
    with serving(bench(), anything) as wire:
        clients = [wire.connect(receive_bytes=4096) for _ in range(3)]
        assert soon(lambda: len(held(wire)) == 3)
        for client in clients:
            client.sendall((b"GET / HTTP/1.1\r\n" + wire.own + b"\r\n") * 3)
        assert soon(lambda: len(wire.server._server.server_state.tasks) == 3)  # the second answers wait for the first
        assert soon(lambda: not held(wire) and not wire.server._server.server_state.tasks)
        for client in clients:
            client.close()
        assert len(wire.get("/").data) > LARGE  # who reads has time


@pytest.mark.usefixtures("hasty")
def test_a_socket_that_does_not_read_is_let_go_of() -> None:
    with serving(bench(), anything) as wire, wire.connect(receive_bytes=4096) as client:
        client.sendall(b"GET /api/live HTTP/1.1\r\n" + wire.own + UPGRADE + KEY + b"\r\n")
        assert soon(lambda: any(isinstance(each, connection.Socket) for each in held(wire)))
        time.sleep(1)  # who owes nothing may stay
        assert len(held(wire)) == 1
        client.sendall(framed(b"much"))
        assert soon(lambda: not held(wire))


def held(wire: Wire) -> Any:
    """Return the connections that a server has."""
    return wire.server._server.server_state.connections


def soon(found: Callable[[], bool], seconds: float = 15) -> bool:
    """Return whether something comes to be true."""
    end = time.monotonic() + seconds
    while not found() and time.monotonic() < end:
        time.sleep(0.02)
    return found()


# ---- absurd ones

SOCKET = b"GET /a HTTP/1.1\r\nOWN" + UPGRADE + KEY
REQUESTS: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "HTTP/1.0 without a host": (b"GET / HTTP/1.0\r\n\r\n", (421,)),
    "HTTP/1.0": (b"GET / HTTP/1.0\r\nOWN\r\n", (200,)),
    "HTTP/1.1 without a host": (b"GET / HTTP/1.1\r\n\r\n", (400,)),
    "HTTP/0.9": (b"GET /\r\n\r\n", (400,)),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (421, 400)),
    "HTTP/9.9": (b"GET / HTTP/9.9\r\nOWN\r\n", (400, 200)),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), (400,)),
    "noise": (bytes(range(256)) * 300, (400,)),
    "no end of lines": (b"A" * 70_000, (400,)),
    "absolute form": (b"GET http://127.0.0.1/ HTTP/1.1\r\nOWN\r\n", (404,)),
    "absolute form of another": (b"GET http://evil.example/api/network HTTP/1.1\r\nOWN\r\n", (404,)),
    "CONNECT": (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nOWN\r\n", (404,)),
    "TRACE": (b"TRACE / HTTP/1.1\r\nOWN\r\n", (405,)),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\nOWN\r\n", (404,)),
    "a method of its own": (b"LOOK / HTTP/1.1\r\nOWN\r\n", (405,)),
    "a long method": (b"A" * 5000 + b" / HTTP/1.1\r\nOWN\r\n", (405,)),
    "10,000 headers": (b"GET / HTTP/1.1\r\nOWN" + b"a: b\r\n" * 10_000 + b"\r\n", (200, 400)),
    "a long header": (b"GET / HTTP/1.1\r\nOWNa: " + b"b" * 500_000 + b"\r\n\r\n", (400,)),
    "a long target": (b"GET /" + b"a" * 500_000 + b" HTTP/1.1\r\nOWN\r\n", (400,)),
    "a space before the colon": (b"GET / HTTP/1.1\r\nOWNa : b\r\n\r\n", (400,)),
    "NUL in a header": (b"GET / HTTP/1.1\r\nOWNa: b\0c\r\n\r\n", (400,)),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\nOWN\r\n", (400,)),
    "bytes of no alphabet": (b"GET /\xff\xfe HTTP/1.1\r\nOWN\r\n", (400,)),
    "a bad escape": (b"GET /%ff%zz%00 HTTP/1.1\r\nOWN\r\n", (404,)),
    "two hosts": (b"GET / HTTP/1.1\r\nOWNHost: evil.example\r\n\r\n", (400, 421)),
    "two lengths": (HEAD + b"OWNContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", (400,)),
    "a length and chunks": (HEAD + b"OWNContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    "a bad chunk": (HEAD + b"OWNTransfer-Encoding: chunked\r\n\r\nzz\r\n", (400,)),
    "another encoding": (HEAD + b"OWNTransfer-Encoding: gzip\r\n\r\nzz\r\n", (400, 501)),
    "a negative length": (HEAD + b"OWNContent-Length: -1\r\n\r\n", (400,)),
    "a length of 20 digits": (HEAD + b"OWNContent-Length: 99999999999999999999\r\n\r\n", (413,)),
    "a socket without a key": (b"GET /api/live HTTP/1.1\r\nOWN" + UPGRADE + b"\r\n", (400,)),
    "a socket of version 99": (
        SOCKET.replace(b"13", b"99") + b"\r\n", (400, 426)
    ),
    "a socket with a bad key": (SOCKET.replace(b"==", b"\xff\xff") + b"\r\n", (400, 500)),
    "a socket without the cookie": (b"GET /a HTTP/1.1\r\nHOST" + UPGRADE + KEY + b"\r\n", (403,)),
    "a socket where there is none": (SOCKET + b"\r\n", (403, 404)),
    "a socket by POST": (b"POST /a HTTP/1.1\r\nOWN" + UPGRADE + KEY + b"\r\n", (400, 405)),
    "a socket with a body": (SOCKET + b"Content-Length: 5\r\n\r\nhello", (400,)),
    "a socket in chunks": (SOCKET + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    "a socket with 300 headers": (b"GET /a HTTP/1.1\r\nHOST" + b"a: b\r\n" * 300 + UPGRADE + KEY + b"\r\n", (400,)),
    "a socket with a long header": (SOCKET + b"a: " + b"b" * 9000 + b"\r\n\r\n", (400,)),
    "a socket of HTTP/1.0": (b"GET /a HTTP/1.0\r\nOWN" + UPGRADE + b"\r\n", (400,)),
    "another protocol": (b"GET / HTTP/1.1\r\nOWNConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", (200,)),
    "forwarded": (b"GET / HTTP/1.1\r\nOWNX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: wss\r\n\r\n", (200,)),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_absurd_requests_are_answered_and_not_spoken_of(
    wire: Wire, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    data, expected = REQUESTS[name]
    found = wire.tell(data.replace(b"OWN", wire.own).replace(b"HOST", wire.host))
    assert found.statuses, "no answer"
    assert found.statuses[0] in expected, found
    assert goes_on(wire)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("data", [b"", b"GET", b"POST /api/picture HTTP/1.1\r\nOWNContent-Length: 30\r\n\r\nabc"])
def test_who_goes_away_in_the_middle_is_not_spoken_of(
    wire: Wire, data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    data = data.replace(b"OWN", wire.own)
    assert wire.tell(data, half_close=True).closed
    with wire.connect() as client:
        client.sendall(data)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not closed
    assert goes_on(wire)
    assert capfd.readouterr() == ("", "")


def test_requests_that_come_at_once_are_answered_one_after_the_other(wire: Wire) -> None:
    one = b"GET /%s HTTP/1.1\r\n" + wire.own + b"\r\n"
    found = wire.tell(b"".join(one % name for name in [b"icon.svg", b"none", b"api/edits"] * 100), quiet=3)
    assert found.statuses == [200, 404, 200] * 100


ENCODINGS = ("..", "%2e%2e", "%2E.", "..%2f..", "%252e%252e", "..%5c", "..\\", "%c0%ae%c0%ae", "..;", "%u002e.", "....")
TARGETS = ("server.py", "etc/passwd", "look.py", "static/main.js")


def test_no_spelling_of_a_path_leads_out_of_the_page(wire: Wire) -> None:
    prefixes = ("", "static/", "main.js/", "api/", "api/network/", "/", "//", ".", "%2f", "C:/", "file:///")
    paths = [f"/{a}{b}/{c}" for a in prefixes for b in ENCODINGS for c in TARGETS]
    paths += ["/main.js%00", "/main.js%00.py", "/MAIN.JS", "/main.js/", "/main.js.", "/main.js%20", "/./main.js"]
    paths += [
        "//main.js",
        "/%6dain.js/..",
        "/main.js;x",
        "/static",
        "/.env",
        "/__init__.py",
        "/index.html/../../guard.py",
    ]
    head = b" HTTP/1.1\r\n" + wire.own + b"\r\n"
    found = wire.tell(b"".join(b"GET " + path.encode() + head for path in paths), quiet=2)
    refused = dict(zip(paths, found.statuses, strict=True))
    assert {path for path, status in refused.items() if status not in (404, 307)} == set()
    assert wire.get("/%6dain.js").statuses == [200]  # a name may be spelled so
    assert b"import" not in found.data


# ---- sockets


def framed(data: bytes, *, opcode: int = 1, final: bool = True) -> bytes:
    """Return a message of a WebSocket's client, masked with zeros."""
    length = len(data)
    size = bytes([128 | length]) if length < 126 else b"\xff" + length.to_bytes(8, "big")
    return bytes([opcode | (128 if final else 0)]) + size + bytes(4) + data


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (framed(bytes((1 << 20) + 1), opcode=2), 1009),
        (framed(bytes(1 << 19), opcode=2, final=False) * 1 + framed(bytes(1 << 19), opcode=0) + framed(b"x"), None),
        (framed(bytes(1 << 19), opcode=2, final=False) + framed(bytes(1 << 20), opcode=0), 1009),
        (b"\x82\xff" + (1 << 62).to_bytes(8, "big") + bytes(4), 1009),
        (framed(b"\xff\xfe"), 1007),
        (b"\x81\x05hello", 1002),
        (framed(b"x", opcode=0), 1002),
        (framed(b"x", opcode=11), 1002),
        (framed(b"x" * 200, opcode=9), 1002),
        (b"\xf1" + framed(b"x")[1:], 1002),
    ],
    ids=["too large", "large", "too large in parts", "4 EB", "no UTF-8", "no mask", "a rest of nothing", "an opcode",
         "a large ping", "reserved bits"],
)  # fmt: skip
def test_messages_have_a_bound_and_a_form(frames: bytes, code: int | None, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(bench(), anything) as wire, wire.connect() as client:
        client.sendall(b"GET /api/live HTTP/1.1\r\n" + wire.own + UPGRADE + KEY + b"\r\n")
        assert hear(client, 0.2, 5).statuses == [101]
        client.sendall(frames)
        found = hear(client, 0.4, 5)
        if code is None:
            assert len(found.data) > 1 << 20
            assert not found.closed
        else:
            assert found.closed
            assert code.to_bytes(2, "big") in found.data[:4]
    assert "Traceback" not in capfd.readouterr().err


# ---- many


def test_an_answer_does_not_wait_until_what_was_sent_before_is_acknowledged(wire: Wire) -> None:
    """Otherwise each one takes 40 ms more: its head and its body are sent one after the other."""
    with wire.connect():
        time.sleep(0.1)
        sockets = [each.transport.get_extra_info("socket") for each in wire.server._server.server_state.connections]
        assert sockets
        assert all(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in sockets)


def test_new_connections_are_told_that_there_are_too_many_and_old_ones_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS", 4)
    monkeypatch.setattr(connection, "SPARE", 2)
    with serving(bench()) as wire:
        assert soon(lambda: not held(wire))  # the connection that brought the cookie is gone
        ask = b"GET /icon.svg HTTP/1.1\r\n" + wire.own + b"\r\n"
        clients = [wire.connect() for _ in range(6)]
        assert soon(lambda: len(held(wire)) == 6)
        with wire.connect() as beyond:
            assert closed_within(beyond, 2) is not None
        for client in clients:
            client.sendall(ask)
        assert [hear(client, 0.3, 5).statuses for client in clients] == [[200]] * 4 + [[503]] * 2
        for client in clients[:4]:
            client.sendall(ask)
            assert hear(client, 0.3, 5).statuses == [200]
        for client in (clients[0], *clients[4:]):
            client.close()
        assert soon(lambda: len(held(wire)) == 3)
        assert goes_on(wire)
        for client in clients:
            client.close()


def test_who_has_gone_is_passed_over_and_a_long_answer_does_not_keep_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[int] = []

    def slowly(bench: Any, asked: Any) -> dict[str, Any]:
        with bench.busy:
            answered.append(1)
        return {}

    monkeypatch.setattr(application, "QUESTIONS", [Question("edits", slowly)])
    own = bench()
    with serving(own) as wire:
        assert soon(lambda: not held(wire))
        with own.busy:  # as if an answer took long
            clients = [wire.connect() for _ in range(60)]  # more than there are threads
            for client in clients:
                client.sendall(b"GET /api/edits HTTP/1.1\r\n" + wire.own + b"\r\n")
            assert soon(lambda: len(wire.server._server.server_state.tasks) == 60)
            for client in clients[1:-1]:
                client.close()
            assert soon(lambda: len(held(wire)) == 2)
            assert goes_on(wire)
        assert [hear(client, 0.2, 5).statuses for client in (clients[0], clients[-1])] == [[200], [200]]
        clients[0].close()
        clients[-1].close()
    assert len(answered) == 2


@pytest.mark.parametrize(("files", "most"), [(1024, 512), (256, 128), (100_000, 512), (-1, 512), (2**63 - 1, 512)])
def test_connections_leave_room_for_files(files: int, most: int) -> None:
    assert connection.most_connections(files) == most


def test_large_bodies_that_come_at_one_time_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODIES_BYTES", 4 << 20)
    with serving(bench()) as wire:
        clients = [wire.connect() for _ in range(4)]
        for client in clients:
            client.sendall(HEAD + wire.own + b"Content-Length: 2000000\r\n\r\n" + bytes(1_500_000))
        said = [hear(client, 0.5).statuses for client in clients]
        assert sorted(said) == [[], [], [503], [503]]
        for client in clients:
            client.close()
        assert soon(lambda: not held(wire))
        whole = HEAD + wire.own + b"Content-Length: 2000000\r\n\r\n" + bytes(2_000_000)
        assert wire.tell(whole, quiet=2).statuses == [400]  # no picture: but there is room for it


# ---- the end, and the beginning


def test_two_servers_on_one_machine_know_their_own(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(bench()) as one, serving(bench()) as two:
        assert goes_on(one)
        assert goes_on(two)
        swapped = two.own.replace(two.cookie.encode(), one.cookie.encode())
        assert two.tell(b"GET / HTTP/1.1\r\n" + swapped + b"\r\n").statuses == [403]
        assert two.tell(b"GET / HTTP/1.1\r\n" + one.own + b"\r\n").statuses == [421]
        with pytest.raises(StorageError, match=rf"^port {one.port} of this machine cannot be had .*; leave --port out"):
            Server(bench(), port=one.port)


def test_the_end_waits_for_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(bench(), anything) as wire:
        clients = [wire.connect(receive_bytes=4096) for _ in range(4)]
        upgrade = b"GET /api/live HTTP/1.1\r\n" + wire.own + UPGRADE + KEY + b"\r\n"
        clients[0].sendall(upgrade)
        clients[1].sendall(upgrade)
        time.sleep(0.1)
        clients[1].sendall(framed(b"much"))
        clients[2].sendall(b"GET / HTTP/1.1\r\n" + wire.own + b"\r\n")
        clients[3].sendall(HEAD + wire.own + b"Content-Length: 9\r\n\r\nx")
        time.sleep(0.3)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2.5
    for client in clients:
        client.close()
    assert capfd.readouterr() == ("", "")


def test_the_port_is_free_again_at_once() -> None:
    with serving(bench()) as wire:
        port = wire.port
        assert goes_on(wire)
    with Server(bench(), port=port) as server:
        assert re.match(rf"http://127\.0\.0\.1:{port}/open", server.guard.address)
