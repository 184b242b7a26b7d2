"""Pictures as Pillow reads them: the same pixels, whatever the filter."""

import io

import numpy as np
import pytest

from pellucid.report.pixels import GAP, PALETTE
from pellucid.report.png import encode

Image = pytest.importorskip("PIL.Image")


def read(png: bytes, mode: str) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        picture.load()
        return np.asarray(picture.convert(mode))


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (28, 28)])
@pytest.mark.parametrize("smooth", [False, True])
def test_pixels_come_back(shape, smooth, rng):
    grey = rng.integers(0, 256, shape).astype(np.uint8)
    if smooth:  # so that another filter is the smallest
        grey = np.add.outer(np.arange(shape[0]) * 3, np.arange(shape[1]) * 5).astype(np.uint8)
    np.testing.assert_array_equal(read(encode(grey), "L"), grey)
    for channels, mode in ((3, "RGB"), (4, "RGBA")):
        colours = np.stack([grey, *(np.roll(grey, n) for n in range(1, channels))], axis=-1)
        np.testing.assert_array_equal(read(encode(colours), mode), colours)
    np.testing.assert_array_equal(read(encode(grey, PALETTE), "RGBA"), PALETTE[grey])


def test_every_filter_is_the_smallest_for_something(rng):
    ramps = np.add.outer(np.zeros(32), np.arange(32) * 7), np.add.outer(np.arange(32) * 7, np.arange(32) ** 2)
    for pixels in (*ramps, rng.integers(0, 2, (32, 32)) * 255):
        png = encode(pixels.astype(np.uint8))
        np.testing.assert_array_equal(read(png, "L"), pixels.astype(np.uint8))
        assert len(png) < 32 * 32


def test_the_same_picture_gives_the_same_bytes(rng):
    grey = rng.integers(0, 256, (9, 4)).astype(np.uint8)
    assert encode(grey) == encode(grey.copy())
    assert PALETTE[GAP, 3] == 0
