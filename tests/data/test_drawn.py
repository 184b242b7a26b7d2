"""A drawing becomes what MNIST's digits are: averages over areas, a box of 20, the centre of mass at (14, 14)."""

import hashlib
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pellucid.data import drawn_digit
from pellucid.data.drawn import area_average, laid_by_mass, laid_in_the_middle, overlaps
from pellucid.errors import ArgumentError, DataError

LENGTHS = st.integers(1, 12)


def centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    """In pixels, the first one's middle being 0."""
    shares = image / image.sum()
    return tuple(float((shares.sum(axis=1 - axis) * np.arange(image.shape[axis])).sum()) for axis in (0, 1))


def extent(image: np.ndarray) -> tuple[int, int]:
    """Height and width of the box around all that is not 0."""
    there = np.argwhere(image)
    return tuple(int(length) for length in np.ptp(there, axis=0) + 1)


def hook(height: int = 280, width: int = 280) -> np.ndarray:
    """A canvas with a digit like a 7: a bar, and a stem below its right end."""
    canvas = np.zeros((height, width), np.uint8)
    canvas[60:80, 100:190] = 255
    canvas[80:230, 160:190] = 255
    return canvas


# ---- the average over areas


@given(LENGTHS, LENGTHS)
def test_every_pixel_is_shared_out_whole(inputs: int, outputs: int) -> None:
    shares = overlaps(inputs, outputs)
    assert shares.shape == (outputs, inputs)
    assert (shares == np.rint(shares)).all()
    assert (shares.sum(axis=0) == outputs).all()
    assert (shares.sum(axis=1) == inputs).all()


def mean_over_area(image: np.ndarray, size: tuple[int, int], row: int, column: int) -> Fraction:
    """The definition: each input pixel counts by the area that it has in common with the output pixel."""
    total = Fraction(0)
    for place in np.ndindex(image.shape):
        area = Fraction(1)
        for length, outputs, at, out in zip(image.shape, size, place, (row, column), strict=True):
            begin, end = Fraction(out * length, outputs), Fraction((out + 1) * length, outputs)
            area *= max(Fraction(0), min(end, Fraction(at + 1)) - max(begin, Fraction(at)))
        total += area * int(image[place])
    return total * size[0] * size[1] / image.size


@given(arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6))), st.integers(1, 7), st.integers(1, 7))
def test_each_pixel_is_the_mean_over_its_area(image: np.ndarray, height: int, width: int) -> None:
    result = area_average(image, (height, width))
    expected = [[round(mean_over_area(image, (height, width), r, c)) for c in range(width)] for r in range(height)]
    assert result.dtype == np.uint8
    assert result.tolist() == expected  # halves to the even number, both here and there


def test_sums_are_exact_so_their_order_does_not_matter() -> None:
    image = np.random.default_rng(0).integers(0, 256, (280, 261)).astype(np.uint8)
    rows, columns = overlaps(280, 28), overlaps(261, 19)
    exact = rows.astype(np.int64) @ image.astype(np.int64) @ columns.astype(np.int64).T
    assert (rows @ image.astype(np.float64) @ columns.T == exact).all()
    assert (area_average(image, (28, 19)) == np.rint(exact / image.size)).all()
    flipped = area_average(image[::-1, ::-1], (28, 19))[::-1, ::-1]
    assert (flipped == area_average(image, (28, 19))).all()
    assert (area_average(image, (28, 19)) == area_average(image.T, (19, 28)).T).all()


# ---- box and place


def test_the_longer_side_is_twenty_and_the_centre_of_mass_rounds_to_fourteen() -> None:
    image = drawn_digit(hook())
    assert (image.shape, image.dtype, image.max()) == ((1, 28, 28), np.uint8, 255)
    assert extent(image[0]) == (20, 11)  # 170 by 90: 20 and 10.6
    assert [round(place) for place in centre_of_mass(image[0])] == [14, 14]
    lying = drawn_digit(hook().T)[0]
    assert (lying == image[0].T).all()


@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))), st.integers(20, 40))
def test_whatever_is_drawn_the_centre_of_mass_is_at_the_middle_pixel(ink: np.ndarray, size: int) -> None:
    image = drawn_digit(ink, size, box=max(1, size // 3))[0]  # a small box, which no border cuts
    if image.any():
        centre = centre_of_mass(image)
        assert all(-0.5 - 1e-9 <= place - size // 2 < 0.5 + 1e-9 for place in centre)


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.integers(1, 4), st.integers(0, 30))
def test_neither_size_nor_place_of_a_drawing_matters(ink: np.ndarray, times: int, around: int) -> None:
    enlarged = np.kron(ink, np.ones((times, times), np.uint8))
    moved = np.pad(enlarged, ((around, 3), (2, around)))
    assert (drawn_digit(moved) == drawn_digit(ink)).all()


def test_the_same_bits_on_every_machine() -> None:
    row, column = np.indices((280, 280))
    ink = ((7 * row * row + 31 * column + row * column) % 256).astype(np.uint8)  # any greys
    ink[:, :37] = ink[:, 211:] = ink[:19] = 0
    images = [drawn_digit(ink), drawn_digit(ink, centred=False), drawn_digit(ink, 32), drawn_digit(ink, 8)]
    digest = hashlib.sha256(b"".join(image.tobytes() for image in images)).hexdigest()
    assert digest[:16] == "1f8f61aa870afaa0"


def test_what_falls_beyond_the_border_is_cut_off() -> None:
    ink = np.zeros((200, 200), np.uint8)
    ink[180:] = 255  # a bar at the bottom, and a thin line above
    ink[:, 98:102] = 255
    image = drawn_digit(ink)[0]
    scaled = area_average(ink, (20, 20))
    first = 14 - round(centre_of_mass(scaled)[0])
    assert first + 20 <= 28, "the control: it fits"
    assert (image[first : first + 20].any(axis=1)).all()
    low = np.zeros((20, 20), np.uint8)
    low[0], low[19] = 255, 3
    laid = laid_by_mass(low, (28, 28))
    assert (laid[14, 4:24] == 255).all(), "its mass is in the first row"
    assert laid.sum() == 20 * 255, "and the last one, at 33, is beyond the border"


def test_a_thin_line_stays_a_pixel_wide() -> None:
    ink = np.zeros((280, 280), np.uint8)
    ink[40:240, 100] = 255
    assert extent(drawn_digit(ink)[0]) == (20, 1)


def test_no_ink_is_no_error() -> None:
    assert not drawn_digit(np.zeros((280, 280), np.uint8)).any()
    assert not drawn_digit(np.full((5, 5), 25, np.uint8)).any(), "a tenth is what compression leaves"
    assert drawn_digit(np.full((5, 5), 26, np.uint8)).any(), "the control"
    corners = np.zeros((280, 280), np.uint8)
    corners[0, 0] = corners[-1, -1] = 26  # so little that nothing is left once it is scaled
    assert not drawn_digit(corners).any()


def test_faint_traces_do_not_widen_the_box() -> None:
    noisy = hook()
    noisy[0, 0] = noisy[-1, -1] = 20
    assert (drawn_digit(noisy) == drawn_digit(hook())).all()


def test_without_centring_the_whole_canvas_is_scaled() -> None:
    image = drawn_digit(hook(), centred=False)[0]
    assert (image == area_average(hook(), (28, 28))).all()
    assert (image == np.rint(hook().reshape(28, 10, 28, 10).mean(axis=(1, 3)))).all()


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16, bool])
def test_bytes_floats_and_bools_mean_the_same(kind: Any) -> None:
    ink = hook() if kind is bool else hook() // 3 * 2
    assert (drawn_digit((ink / 255).astype(kind)) == drawn_digit(ink)).all()
    assert (drawn_digit(ink[None]) == drawn_digit(ink)).all()
    assert (drawn_digit(ink.copy(order="F")) == drawn_digit(ink)).all()


# ---- other sizes


@pytest.mark.parametrize(
    ("size", "box", "expected"),
    [(28, None, 20), (32, None, 23), (14, None, 10), ((28, 40), None, 20), (8, None, 8), (28, 24, 24), (1, None, 1)],
)
def test_the_box_is_mnists_share_of_the_image_and_all_of_eight(size: Any, box: int | None, expected: int) -> None:
    ink = np.full((100, 60), 255, np.uint8)
    image = drawn_digit(ink, size, box)[0]
    assert image.shape == (size if isinstance(size, tuple) else (size, size))
    assert extent(image) == (expected, max(1, round(0.6 * expected)))


def test_a_box_that_fills_the_image_is_laid_in_the_middle() -> None:
    ink = hook()
    scaled = area_average(ink[60:230, 100:190], (8, 4))
    assert (drawn_digit(ink, 8)[0] == np.pad(scaled, ((0, 0), (2, 2)))).all()
    assert (drawn_digit(ink, 8, 6)[0] == laid_by_mass(area_average(ink[60:230, 100:190], (6, 3)), (8, 8))).all()
    assert laid_in_the_middle(np.ones((1, 1), np.uint8), (2, 3)).tolist() == [[0, 0, 0], [0, 1, 0]]


# ---- what is refused


@pytest.mark.parametrize(
    ("ink", "message"),
    [
        (np.zeros((3, 28, 28), np.uint8), r"expected shape \(H, W\) or \(1, H, W\), received \(3, 28, 28\); make grey"),
        (np.zeros((0, 28), np.uint8), r"received \(0, 28\)"),
        (np.zeros(28), r"received \(28,\)"),
        (np.zeros((4, 4), np.int64), r"received int64; write ink\.astype\('uint8'\)"),
        (np.full((4, 4), 255.0), r"expected floats from 0 to 1, received 255 to 255; divide"),
        (np.full((4, 4), -0.1), "expected floats from 0 to 1"),
        (np.full((4, 4), np.nan), "expected floats from 0 to 1, received nan to nan"),
    ],
)
def test_what_is_no_ink_is_refused(ink: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        drawn_digit(ink)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "size: expected a whole number of at least 1, received 0"),
        ({"box": 0}, "box: expected a whole number of at least 1, received 0"),
        ({"box": 29}, "box: expected at most the shorter side of the image, 28, received 29"),
        ({"size": (20, 40), "box": 21}, "the image, 20, received 21"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        drawn_digit(hook(), **settings)
