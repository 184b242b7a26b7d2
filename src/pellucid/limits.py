"""The one table of limits for every reader of files.

A file states its own sizes, and a damaged or hostile one states absurd sizes. Each reader multiplies the stated
sizes as Python integers, which do not overflow, compares the product with this table and with the size of the file,
and only then allocates. Each limit has its reason beside it; all are far above what the library is made for.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True)
class Limits:
    """How much a reader takes from one file before it refuses.

    Readers accept another table through their keyword ``limits``, for example ``Limits(pixels=120_000_000)`` to read
    a panorama.
    """

    file_bytes: int = 8 * GIB
    """Size on disk of a data or model file: data and weights are held in memory, so more could not be used."""

    decompressed_bytes: int = 8 * GIB
    """Bytes that one file may unpack to: the same bound as for a file that is not compressed."""

    expansion_ratio: int = 1032
    """Unpacked size over packed size: deflate cannot reach more (258 bytes from 2 bits), so a header that declares
    more is wrong, whatever the file holds."""

    elements: int = 1 << 32
    """Numbers in one array: 28 times the weights of VGG16, 80 times all pixels of the MNIST training images."""

    dimensions: int = 8
    """Axes of one array: images have 4, and the formats' 64 or 255 serve only to confuse."""

    pixels: int = 64_000_000
    """Pixels of one picture, before decoding: a camera's 50 megapixels pass, 256 MB decoded as RGBA."""

    archive_bytes: int = 512 * MIB
    """Bytes that a .tar.gz may unpack to: CIFAR-10's unpacks to 186 MB, and skipping members costs time as well."""

    header_bytes: int = 16 * MIB
    """Header of a model file: ten thousand tensors need about 1 MB."""

    toml_bytes: int = 256 * KIB
    """Size of a recipe or of a run's config: they have a few thousand bytes."""

    json_depth: int = 64
    """Nesting of the JSON in a header: a network is a handful of levels; Python's own parser fails near 1,000."""

    nesting: int = 56
    """Layers inside layers, of a network that is made here or read: GoogLeNet has 3. As JSON they have 5 levels more or
    a few, so that what can be made can be saved; Python's own recursion fails near 1,000."""

    json_parts: int = 1_600_000
    """Texts, brackets and commas of the JSON in a header: each can become a value of a hundred bytes, and a tensor's
    entry has up to 22 of them, so there is room for as many tensors as are allowed."""

    sample_bytes: int = 4 * GIB
    """What all outputs of layers take for one sample, in a network from a file: ResNet-50's take 150 MB. Without
    weights of that size a little file can claim any: by padding, or by pooling to many places."""

    tensors: int = 65_536
    """Arrays in one file: the deepest networks have a few thousand."""

    pickle_opcodes: int = 1 << 20
    """Steps of one pickle: a tensor in a file of PyTorch's takes about 45. Each can leave a value of some 60 bytes."""

    onnx_fields: int = 1 << 20
    """Fields of an ONNX model: a node has some ten, a tensor five; each can become an object of a hundred bytes."""

    onnx_depth: int = 64
    """Messages inside messages in an ONNX model: a network has 5 levels; protobuf itself stops at 100."""


LIMITS = Limits()


def extent(shape: Iterable[int]) -> int:
    """Return the product of an array's sizes, with an axis of 0 counted as 1: what is held against `Limits.elements`.

    An array without numbers takes no memory, but NumPy makes none whose other axes are too large for an address.

    Examples
    --------
    >>> extent((60_000, 28, 28)), extent((0, 28, 28))
    (47040000, 784)
    """
    return math.prod(size or 1 for size in shape)


def format_bytes(count: int) -> str:
    """Write a number of bytes for people, in powers of 1000: ``format_bytes(47_040_000) == "47.0 MB"``."""
    if count < 1000:
        return f"{count} bytes"
    size = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:,.1f} PB"


def physical_memory() -> int:
    """Return the machine's memory in bytes; 64 GiB where it cannot be asked."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 64 * 2**30
