"""Files that lie about themselves, for every reader: absurd sizes, bombs, deep nesting, bits that have changed.

What is refused must be refused in a line, within a second of the processor and 200 MB, and nothing may end the process.
"""

from __future__ import annotations

import gzip
import io
import re
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import pellucid as p
from oracles import torch_bytes
from pellucid.data.idx import read_idx
from pellucid.data.npy import read_npy, read_npz
from pellucid.errors import PellucidError
from pellucid.interop import open_weights
from pellucid.recipes.reading import read as read_recipe
from pellucid.training import checkpoint
from pellucid.training.record import Record

from . import files, forked

SECONDS, BYTES = 1.0, 200 * 2**20
EXTREMES = (b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\x80" + b"\0" * 7, b"\xff\xff\xff\x7f" * 2, b"\0" * 8)


@cache
def readers() -> dict[str, tuple[Callable[[Path], object], str, bytes]]:
    """Return for each kind of file what reads it, its name's ending, and a good one."""
    array = np.arange(96, dtype=np.float32).reshape(2, 48)
    npy, npz = io.BytesIO(), io.BytesIO()
    np.save(npy, array)
    np.savez_compressed(npz, x_train=array, y_train=np.arange(2))
    idx = bytes((0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 6, 0, 0, 0, 6)) + bytes(144)
    state, storages = torch_bytes.tensors({"a.weight": array, "a.bias": array[0].copy()})
    recipe = Path(p.recipes.__file__).parent / "mnist-99.toml"
    run = files.originals()
    newest = max(name for name in run if name.startswith("checkpoint"))
    return {
        "idx": (read_idx, "-idx3-ubyte", idx),
        "idx.gz": (read_idx, "-idx3-ubyte.gz", gzip.compress(idx)),
        "npy": (read_npy, ".npy", npy.getvalue()),
        "npz": (read_npz, ".npz", npz.getvalue()),
        "torch zip": (open_weights, ".pth", torch_bytes.zip_file(state, storages)),
        "torch legacy": (open_weights, ".pth", torch_bytes.old_file(state, storages)),
        "safetensors": (open_weights, ".safetensors", unsealed(run["model.safetensors"])),
        "network": (p.load, ".safetensors", unsealed(run["model.safetensors"])),
        "checkpoint": (checkpoint.read, ".safetensors", run[newest]),
        "config": (lambda path: Record.of(path.parent), "config.toml", run["config.toml"]),
        "recipe": (read_recipe, ".toml", recipe.read_bytes()),
        **({"onnx": (p.load_onnx, ".onnx", onnx_model())} if find_spec("onnx") else {}),
    }


def onnx_model() -> bytes:
    """Return an ONNX model with operators of several families, and a shape that is computed."""
    from oracles.onnx_models import model, node

    rng = np.random.default_rng(0)
    shapes = {"w": (4, 2, 3, 3), "b": (4,), "g": (4, 1, 1), "h": (3, 36), "o": (3,), "n": (4,)}
    weights = {name: rng.uniform(0.5, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    nodes = [
        node("Conv", "x w b", "c", name="conv", pads=[1, 1, 0, 1], strides=[1, 1], auto_pad="NOTSET"),
        node("Add", "c g", "d"),
        node("BatchNormalization", "d n n n n", "e", epsilon=0.01),
        node("Clip", "e - six", "f"),
        node("MaxPool", "f", "p", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        node("Concat", "p p", "q", axis=1),
        node("Split", "q", "r s", axis=1),
        node("Mul", "r s", "t"),
        node("Shape", "t", "u"),
        node("Gather", "u zero", "v"),
        node("Concat", "v minus", "z", axis=0),
        node("Reshape", "t z", "a"),
        node("Gemm", "a h o", "y", alpha=0.5, transB=1),
    ]
    weights |= {"six": np.float32(6), "zero": np.array([0]), "minus": np.array([-1])}
    return bytes(model(nodes, ("N", 2, 6, 6), weights, opset=11).SerializeToString())


def unsealed(content: bytes) -> bytes:
    """Return a file of ours without its seal, so that what has changed is not found by that alone."""
    return content.replace(b'"sha256":', b'"sha257":', 1)


def changed(rng: np.random.Generator, content: bytes) -> bytes:
    """Return a file with one to three changes."""
    for _ in range(int(rng.integers(1, 4))):
        content = CHANGES[int(rng.integers(len(CHANGES)))](rng, content)
    return content


def _flip(rng: np.random.Generator, content: bytes) -> bytes:
    changed = bytearray(content)
    for place in rng.integers(0, max(1, len(content)), 3):
        if content:
            changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _cut(rng: np.random.Generator, content: bytes) -> bytes:
    return content[: int(rng.integers(len(content) + 1))]


def _extreme(rng: np.random.Generator, content: bytes) -> bytes:
    """Put an extreme whole number somewhere, of 4 or 8 bytes."""
    place, size = int(rng.integers(len(content) + 1)), int(rng.choice([4, 8]))
    number = EXTREMES[int(rng.integers(len(EXTREMES)))][:size]
    return content[:place] + (number if rng.random() < 0.5 else number[::-1]) + content[place + size :]


def _digits(rng: np.random.Generator, content: bytes) -> bytes:
    """Put other digits in the place of some: very many, negative, or a fraction."""
    found = list(re.finditer(rb"\d+", content[:100_000]))
    if not found:
        return content
    which = found[int(rng.integers(len(found)))]
    put = [b"9" * int(rng.integers(1, 30)), b"9" * 5000, b"-1", b"1e308", b"0", b"4294967296"][int(rng.integers(6))]
    return content[: which.start()] + put + content[which.end() :]


def _nest(rng: np.random.Generator, content: bytes) -> bytes:
    """Put very many of something somewhere."""
    place, times = int(rng.integers(len(content) + 1)), int(rng.choice([100, 10_000, 200_000]))
    piece = [b"[", b"{", b"(", b'{"a":', b"a.", b"\0", b"[[],", b"2", b"\x80"][int(rng.integers(9))]
    return content[:place] + piece * times + content[place:]


def _repeat(rng: np.random.Generator, content: bytes) -> bytes:
    """Put a piece of the file in another place of it too."""
    start, place = (int(n) for n in rng.integers(0, len(content) + 1, 2))
    return content[:place] + content[start : start + int(rng.integers(1, 200))] + content[place:]


CHANGES = (_flip, _cut, _extreme, _digits, _nest, _repeat)


def case(seed: int, kind: str = "") -> str:
    """One changed file of a kind, or of one that the number says, in a process of its own."""
    kinds = [kind] if kind in readers() else list(readers())
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder, "said")

        def read() -> None:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))
            said.write_text(attempt(kinds[seed % len(kinds)], seed, Path(folder)))

        code = forked.wait(forked.child(read), 30)
        wrong = said.read_text() if code == 0 else f"the process ended with {code}"
        return wrong and f"{kinds[seed % len(kinds)]}: {wrong}"


def attempt(kind: str, seed: int, folder: Path) -> str:
    """Read a changed file, and return what is wrong with how that goes."""
    reader, ending, good = readers()[kind]
    place = folder / ending if ending == "config.toml" else folder / f"file{ending}"
    content = changed(np.random.default_rng(seed), good)
    if kind == "idx.gz" and seed % 2:  # what is packed has changed
        content = gzip.compress(changed(np.random.default_rng(seed), gzip.decompress(good)))
    place.write_bytes(content)
    began = time.process_time()
    try:
        with redirect_stderr(io.StringIO()):
            reader(place)
    except PellucidError as error:
        if str(folder) not in str(error):
            return f"the error does not name the file: {error}"
        if len(str(error)) > 3000 or "\n" in str(error):
            return f"the error is no line: {str(error)[:200]!r}…"
    except MemoryError:
        return "it took more than 200 MB"
    except Exception as error:
        return f"{type(error).__name__}: {error!s:.200}"
    seconds = time.process_time() - began
    return f"it took {seconds:.1f} s" if seconds > SECONDS else ""
