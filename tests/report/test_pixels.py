"""Numbers become pixels: signs, zeros, gaps, sizes."""

import io

import numpy as np
import pytest

from pellucid.report import pixels


def test_zero_is_a_breath_and_the_largest_has_the_full_colour():
    found = pixels.signed(np.array([-2.0, 0.0, 1.0, 2.0, np.nan, np.inf]))
    assert found.tolist() == [0, 127, 190, 254, pixels.GAP, pixels.GAP]
    opacity = pixels.PALETTE[found, 3]
    assert opacity.tolist() == [255, 26, 140, 255, 0, 0]
    assert tuple(pixels.PALETTE[0, :3]) == pixels.BELOW
    assert tuple(pixels.PALETTE[254, :3]) == pixels.ABOVE


def test_nothing_but_zeros_has_no_colour():
    assert (pixels.signed(np.zeros((2, 2))) == pixels.ZERO).all()
    assert (pixels.heated(np.full((2, 2), 100, np.uint8), np.zeros((2, 2))) == 75).all()


def test_tiles_stand_in_rows_with_gaps_between():
    tiles = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((1, 1, 2), np.uint8)
    found = pixels.mosaic(tiles, 2)
    gap = pixels.GAP
    assert found.tolist() == [[0, 0, gap, 1, 1], [gap] * 5, [2, 2, gap, gap, gap]]
    colours = pixels.mosaic(np.full((2, 1, 1, 4), 9, np.uint8), 2)
    assert colours[0].tolist() == [[9] * 4, [0] * 4, [9] * 4]


def test_images_are_shown_as_they_are():
    grey = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    np.testing.assert_array_equal(pixels.picture(grey), grey[0])
    rgb = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    assert pixels.picture(rgb)[0, 1].tolist() == [1, 5, 9]
    assert pixels.picture(np.array([[[0.0, 0.5, 1.0]]])).tolist() == [[0, 128, 255]]
    assert pixels.picture(np.array([[[-1.0, 0.0, 1.0]]])).tolist() == [[0, 128, 255]]
    assert pixels.picture(np.array([[[0.0]], [[1.0]]])).tolist() == [[128]], "of two channels, the mean"


@pytest.mark.parametrize(("shape", "most"), [((8, 8), 4), ((9, 5), 4), ((10, 3, 3), 4), ((7, 7), 7)])
def test_shrinking_takes_means(shape, most, rng):
    whole = rng.random(shape)
    found = pixels.shrunk(whole, most)
    assert max(found.shape[:2]) <= most
    factor = -(-max(shape[:2]) // most)
    np.testing.assert_allclose(found[0, 0], whole[:factor, :factor].mean(axis=(0, 1)))
    np.testing.assert_allclose(
        found[-1, -1], whole[(len(found) - 1) * factor :, (found.shape[1] - 1) * factor :].mean((0, 1))
    )
    assert pixels.shrunk(np.full((9, 9), 7, np.uint8), 2).dtype == np.uint8


def test_stretching_mixes_neighbours():
    found = pixels.stretched(np.array([[0.0, 1.0]]), (2, 4))
    np.testing.assert_allclose(found, [[0, 0.25, 0.75, 1]] * 2)
    np.testing.assert_allclose(pixels.stretched(np.array([[3.0]]), (2, 2)), 3)
    np.testing.assert_array_equal(pixels.stretched(np.eye(3), (3, 3)), np.eye(3))


def test_heat_covers_a_dimmed_image():
    found = pixels.heat_over(np.full((1, 4, 4), 200, np.uint8), np.array([[0.0, 1.0], [0.0, -1.0]]))
    assert found.shape == (4, 4, 3)
    assert found[0, 0].tolist() == [150, 150, 150]
    red, _, blue = found[0, 3].astype(int)
    assert red > blue
    red, _, blue = found[3, 3].astype(int)
    assert blue > red


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (28, 28)])
def test_pixels_come_back_from_a_png(shape, rng):
    Image = pytest.importorskip("PIL.Image")

    def read(png, mode):
        with Image.open(io.BytesIO(png)) as found:
            return np.asarray(found.convert(mode))

    grey = rng.integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_array_equal(read(pixels.as_png(grey), "L"), grey)
    for channels, mode in ((3, "RGB"), (4, "RGBA")):
        colours = np.stack([grey, *(np.roll(grey, n) for n in range(1, channels))], axis=-1)
        np.testing.assert_array_equal(read(pixels.as_png(colours), mode), colours)
    for places in (grey, grey % 4, np.full_like(grey, pixels.GAP)):
        np.testing.assert_array_equal(read(pixels.as_png(places, pixels.PALETTE), "RGBA"), pixels.PALETTE[places])
    assert pixels.as_png(grey) == pixels.as_png(grey.copy())
