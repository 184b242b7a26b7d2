"""Writes pictures as PNG files: small ones, pixel by pixel, of few colours.

So a report needs nothing to be installed for its pictures, and they are as small as they can be. The format is that of
ISO/IEC 15948 (PNG, second edition).
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KINDS = {1: 0, 3: 2, 4: 6}
"""Numbers of a pixel -> what the format calls that: grey, RGB, RGB with opacity."""
_PALETTE = 3
_NONE, _SUB, _UP = 0, 1, 2


def encode(pixels: Pixels, palette: Pixels | None = None) -> bytes:
    """Return a picture as the bytes of a PNG file; the same picture gives the same bytes.

    Parameters
    ----------
    pixels : uint8 array (H, W), (H, W, 3) or (H, W, 4)
        Grey, RGB, or RGB with opacity; or with a palette, (H, W) places in it.
    palette : uint8 array (P, 4), optional
        Red, green, blue and opacity.
    """
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, width, -1)
    kind = _KINDS[rows.shape[2]] if palette is None else _PALETTE
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))]
    if palette is not None:
        chunks += [(b"PLTE", palette[:, :3].tobytes()), (b"tRNS", palette[:, 3].tobytes())]
    chunks += [(b"IDAT", _packed(rows)), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_chunk(*each) for each in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _packed(pixels: Pixels) -> bytes:
    """Return the smallest of three forms: rows as they are, or each byte less its neighbour on the left, or above."""
    left, above = pixels.copy(), pixels.copy()
    left[:, 1:] -= pixels[:, :-1]  # modulo 256, as the format has it
    above[1:] -= pixels[:-1]
    forms = [_rows(pixels, _NONE), _rows(left, _SUB), _rows(above, _UP)]
    return min((zlib.compress(form, 9) for form in forms), key=len)


def _rows(pixels: Pixels, filter_number: int) -> bytes:
    """Return rows of bytes, each behind the number of the filter that it has been through."""
    rows = pixels.reshape(len(pixels), -1)
    return np.hstack([np.full((len(rows), 1), filter_number, np.uint8), rows]).tobytes()
