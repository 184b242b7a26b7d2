"""Pictures that somebody drops: damaged, absurd, or made to need much time or memory. Each is shown or refused."""

import io
import struct
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")

from PIL import Image

from pellucid.limits import LIMITS
from pellucid.web.bench import Bench
from pellucid.web.serving.application import application

from .asgi import Reply, request

SIDE = 12


@pytest.fixture(scope="module")
def app() -> Any:
    layers = [p.Conv2d(3, 2, 3), p.Flatten(), p.Linear(200, 3)]
    return application(Bench(p.Sequential(layers, input_shape=(3, SIDE, SIDE)), "pictures"))


def show(app: Any, data: bytes, query: str = "") -> Reply:
    return request(app, f"/api/picture{query}", "POST", body=[data])


def saved(kind: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **how: Any) -> bytes:
    rng = np.random.default_rng(0)
    content = io.BytesIO()
    noise = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).convert(mode)
    noise.save(content, kind, **how)
    return content.getvalue()


FILES = {kind: saved(kind) for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "PPM", "WEBP")}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes, more: bytes = b"", *, bits: int = 8, colour: int = 0) -> bytes:
    """Return a PNG that says of itself whatever is wanted."""
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", FILES)
def test_a_picture_without_its_end_is_refused_or_shown(app: Any, kind: str) -> None:
    data = FILES[kind]
    assert show(app, data).status == 200
    for end in {*range(0, 64, 3), *np.linspace(0, len(data) - 1, 40).astype(int).tolist()}:
        assert show(app, data[:end]).status in (200, 400), end


@pytest.mark.filterwarnings("ignore:the picture:UserWarning")  # what is odd about a file is told, and no fault
@pytest.mark.parametrize("kind", FILES)
def test_damaged_pictures_are_refused_or_shown(app: Any, kind: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        damaged = np.frombuffer(FILES[kind], np.uint8).copy()
        places = rng.integers(0, min(len(damaged), 400), rng.integers(1, 8))
        damaged[places] = rng.integers(0, 256, len(places))
        reply = show(app, damaged.tobytes())
        assert reply.status in (200, 400), reply.body


def bombs() -> Iterator[tuple[str, bytes]]:
    """Files of little that claim to be, or unpack to, very much."""
    line = b"\0" + bytes(1250)
    yield "a claim of 4e18 pixels", png(2**31 - 1, 2**31 - 1, zlib.compress(b"\0"))
    yield "a claim of more pixels than are taken", png(10_000, LIMITS.pixels // 10_000 + 1, zlib.compress(b"\0"))
    yield "100 million pixels of 1 bit", png(10_000, 10_000, zlib.compress(line * 10_000, 9), bits=1)
    yield "no pixels", png(0, 0, b"")
    yield (
        "a text that unpacks to 200 MB",
        png(2, 2, zlib.compress(b"\0\0\0" * 2), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200 << 20), 9))),
    )
    yield (
        "a profile that unpacks to 200 MB",
        png(2, 2, zlib.compress(b"\0\0\0" * 2), chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(200 << 20), 9))),
    )
    yield "data that unpack to 200 MB", png(2, 2, zlib.compress(bytes(200 << 20), 9))
    yield "a JPEG's claim", FILES["JPEG"].replace(struct.pack(">HH", 30, 40), b"\xff\xff\xff\xff", 1)
    yield "a BMP's claim", FILES["BMP"][:18] + struct.pack("<ii", 2**31 - 1, 2**31 - 1) + FILES["BMP"][26:]
    yield "a GIF's claim", FILES["GIF"][:6] + b"\xff\xff\xff\xff" + FILES["GIF"][10:]
    yield "a PPM's claim", b"P6 99999999 99999999 255\n"
    yield "a PPM's claim of 40 digits", b"P6 " + b"9" * 40 + b" 1 255\n"
    yield "8 MB of nothing", bytes(8 << 20)
    yield "100,000 chunks", png(2, 2, zlib.compress(b"\0\0\0" * 2), chunk(b"tEXt", b"a\0b") * 100_000)
    yield "PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n"
    yield "SVG", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'


BOMBS = dict(bombs())


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_neither_time_nor_memory(app: Any, name: str) -> None:
    tracemalloc.start()
    try:
        begun = time.process_time()
        reply = show(app, BOMBS[name])
        taken, most = time.process_time() - begun, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reply.status in (200, 400), reply.body
    assert taken < 10
    assert most < 300 << 20


def test_the_largest_picture_is_shown_in_time(app: Any) -> None:
    """64 million pixels of one colour are 63 KB as a file; only as many are decoded, and they are gone then."""
    begun = time.process_time()
    data = png(8000, 8000, zlib.compress((b"\0" + bytes(1000)) * 8000, 9), bits=1)
    assert len(data) < 1 << 17
    assert show(app, data).status == 200
    assert time.process_time() - begun < 30
