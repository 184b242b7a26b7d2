"""Images of another size: by hand; each gradient is the transposed map."""

import numpy as np
import pytest

from pellucid.definitions.resize import repeat_pixels, repeat_pixels_grad_input, resize, resize_grad_input, taps

SETTINGS = [
    {"scale": None, "mode": "nearest", "coordinates": "asymmetric"},
    {"scale": (1.25, 2.0), "mode": "nearest", "coordinates": "half_pixel"},
    {"scale": None, "mode": "bilinear", "coordinates": "half_pixel"},
    {"scale": None, "mode": "bilinear", "coordinates": "align_corners"},
    {"scale": (1.25, 2.0), "mode": "bilinear", "coordinates": "asymmetric"},
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", SETTINGS, ids=str)
@pytest.mark.parametrize("size", [(5, 6), (2, 9), (1, 1)])
def test_the_gradient_is_the_transposed_map(how, size, dtype, rng):
    """⟨A·x, g⟩ = ⟨x, Aᵀ·g⟩, one column of A after the other."""
    ones = np.eye(24).reshape(-1, 2, 4, 3).astype(dtype)
    columns = resize(ones, size=size, **how)
    assert (columns.shape, columns.dtype) == ((24, 2, *size), dtype)
    grad = rng.normal(0, 1, (1, 2, *size)).astype(dtype)
    found = resize_grad_input(grad, shape=(2, 4, 3), **how)
    assert found.dtype == dtype
    expected = (columns * grad).reshape(24, -1).sum(axis=1).reshape(1, 2, 4, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_repeated_pixels_by_hand():
    x = np.array([[[[1.0, 2]]]])
    assert repeat_pixels(x, times=(2, 3)).tolist() == [[[[1, 1, 1, 2, 2, 2]] * 2]]
    grad = np.arange(12.0).reshape(1, 1, 2, 6)
    assert repeat_pixels_grad_input(grad, times=(2, 3)).tolist() == [[[[24, 42]]]]


@pytest.mark.parametrize(
    ("mode", "coordinates", "row"),
    [
        ("nearest", "asymmetric", [0, 0, 4, 4, 8]),
        ("nearest", "half_pixel", [0, 0, 4, 8, 8]),
        ("bilinear", "half_pixel", [0, 1.6, 4, 6.4, 8]),
        ("bilinear", "asymmetric", [0, 2.4, 4.8, 7.2, 8]),
        ("bilinear", "align_corners", [0, 2, 4, 6, 8]),
    ],
)
def test_three_pixels_become_five(mode, coordinates, row):
    x = np.array([[[[0.0, 4, 8]]]])
    y = resize(x, size=(1, 5), scale=None, mode=mode, coordinates=coordinates)
    np.testing.assert_allclose(y, [[[row]]], atol=1e-12)


def test_whole_numbers_are_not_rounded():
    """Place o of 49 pixels made 3·49 is pixel o // 3, although 1/3 is no number of a computer."""
    for size, places in ((49, 147), (6, 4), (7, 49)):
        first, _, _ = taps(size, places, None, "nearest", "asymmetric")
        assert first.tolist() == [o * size // places for o in range(places)]
