"""The socket of the pen: it answers as requests are answered, and nobody can do anything else with it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from pellucid.web.bench import Bench
from pellucid.web.serving import pen_socket
from pellucid.web.serving.application import application
from pellucid.web.serving.server import Server

from .asgi import request
from .live_client import PATIENCE, cookie_of
from .parsed import parse

INK = np.zeros((40, 40), np.uint8)
INK[5:30, 18:23] = 255
WORDS = {"rows": "40", "columns": "40", "layers": "conv1,relu1"}


@pytest.fixture
def bench() -> Bench:
    layers = [p.Conv2d(1, 3, 3), p.ReLU(), p.Flatten(), p.Linear(300, 4)]
    return Bench(p.Sequential(layers, input_shape=(1, 12, 12), seed=1), "a network")


class Served:
    """A server of a bench, and how one draws there."""

    def __init__(self, server: Server):
        self.server, self.cookie = server, ""
        self.cookie = cookie_of(self)

    def socket(self, **headers: str) -> ClientConnection:
        address = f"127.0.0.1:{self.server.port}"
        told = {"cookie": self.cookie, **headers}
        return connect(
            f"ws://{address}/api/pen", origin=f"http://{address}", additional_headers=told, open_timeout=PATIENCE,
            close_timeout=1,
        )  # fmt: skip


@pytest.fixture
def served(bench: Bench) -> Iterator[Served]:
    with Server(bench, say=lambda line: None) as server:
        yield Served(server)


def message(words: dict[str, str], body: bytes) -> bytes:
    text = urlencode(words).encode()
    return len(text).to_bytes(4, "little") + text + body


def asked(socket: ClientConnection, message: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    socket.send(message)
    return parse(socket.recv(timeout=PATIENCE))


def test_strokes_are_answered_as_requests_are(served: Served, bench: Bench) -> None:
    path = f"/api/drawing?{urlencode(WORDS)}"
    expected = parse(request(application(bench), path, "POST", body=[INK.tobytes()]).body)
    with served.socket() as socket:
        for _ in range(3):
            header, arrays = asked(socket, message(WORDS, INK.tobytes()))
            assert header == expected[0]
            assert arrays.keys() == expected[1].keys()
            assert all(np.array_equal(array, expected[1][name]) for name, array in arrays.items())


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "received 0"),
        (b"\xff\xff\xff\xff", "received 4"),
        (message({}, b""), "rows: expected in the query"),
        (message(WORDS, b"123"), "expected 40×40 = 1,600 bytes, received 3"),
        (message({**WORDS, "layers": "conv7"}, INK.tobytes()), "there is no 'conv7'"),
        (message({**WORDS, "range": "all"}, INK.tobytes()), "range: expected one of layer"),
        ((9).to_bytes(4, "little") + b"rows=\xff\xfe&a" + INK.tobytes(), "rows"),
    ],
)
def test_what_is_wrong_is_said_and_the_next_is_answered(served: Served, sent: bytes, said: str) -> None:
    with served.socket() as socket:
        assert said in asked(socket, sent)[0]["error"]
        assert "image" in asked(socket, message(WORDS, INK.tobytes()))[0]


def test_a_fault_is_told_as_ours(served: Served, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def fails(bench: Bench, asked: Any) -> bytes:
        raise ValueError("/some/secret")

    monkeypatch.setattr(pen_socket, "drawing", fails)
    with served.socket() as socket:
        header, _ = asked(socket, message(WORDS, INK.tobytes()))
    assert header["error"] == "ValueError: a fault of Pellucid's; the terminal shows more"
    assert "secret" in caplog.text


def test_who_sends_text_or_too_much_is_let_go_of(served: Served) -> None:
    for sent in ("rows=40", bytes(2 << 20)):
        with served.socket() as socket, pytest.raises(ConnectionClosed):
            asked(socket, sent)
    with served.socket() as socket:
        assert "image" in asked(socket, message(WORDS, INK.tobytes()))[0]


def test_only_so_many_may_draw_and_only_with_the_cookie(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidStatus):
        served.socket(cookie="pellucid=1")
    monkeypatch.setattr(pen_socket, "MOST_SOCKETS", 1)
    with served.socket() as socket:
        asked(socket, message(WORDS, INK.tobytes()))
        with pytest.raises(InvalidStatus):
            served.socket()
    with served.socket() as socket:  # the one before has gone
        assert "image" in asked(socket, message(WORDS, INK.tobytes()))[0]
