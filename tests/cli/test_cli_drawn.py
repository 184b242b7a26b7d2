"""`pellucid predict --drawn`: pictures of digits drawn by hand, prepared as MNIST's were."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p
from pellucid.data import read_inputs
from pellucid.errors import ArgumentError, DataError

Pellucid = Callable[..., Any]
SIZES = ((280, 280), (90, 200))


@pytest.fixture
def quadrants(tmp_path: Path) -> Path:
    """A network of images 8×8 whose four classes are the quarter in which most light is: it knows where things are."""
    network = p.Sequential([p.AvgPool2d(4), p.Flatten(), p.Linear(4, 4, bias=False)], input_shape=(1, 8, 8))
    network["linear1"].weight.data = 20 * np.eye(4)
    p.save(network, tmp_path / "quadrants.safetensors")
    return tmp_path / "quadrants.safetensors"


def corner(height: int, width: int) -> np.ndarray:
    """Ink at the lower right of a canvas: a square whose own upper left quarter is full, and the rest of it faint."""
    canvas = np.zeros((height, width), np.uint8)
    canvas[height - 48 :, width - 48 :] = 60
    canvas[height - 48 : height - 24, width - 48 : width - 24] = 255
    return canvas


@pytest.mark.parametrize("size", SIZES)
def test_a_drawing_is_scaled_and_centred(
    size: tuple[int, int], pellucid: Pellucid, quadrants: Path, tmp_path: Path
) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")
    grey = image.fromarray(corner(*size))
    grey.save(tmp_path / "light.png")
    grey.convert("RGB").save(tmp_path / "colour.png")
    image.fromarray(255 - corner(*size)).save(tmp_path / "ink.png")
    np.save(tmp_path / "two.npy", np.stack([corner(*size)] * 2))
    np.save(tmp_path / "floats.npy", (corner(*size) / 255)[None, None])

    def shown(*words: str) -> list[list[str]]:
        result = pellucid("predict", quadrants, *words, "--top", 1)
        assert result.code == 0, result.err
        return [line.split()[1:] for line in result.out.splitlines()]

    probabilities = p.predict_proba(p.load(quadrants), p.drawn_digit(corner(*size), 8)[None])[0]
    expected = ["0", f"{100 * probabilities[0]:.1f}", "%"]
    assert shown("light.png", "colour.png", "two.npy", "floats.npy", "--drawn") == [expected] * 5
    assert shown("ink.png", "--drawn", "--invert") == [expected]
    assert shown("light.png")[0][0] == "3", "the control: stretched, it stays where it was drawn"


def test_a_drawing_of_the_networks_own_size_is_centred_too(tmp_path: Path) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[:20, :6] = 255
    np.save(tmp_path / "x.npy", image)
    assert (read_inputs(tmp_path / "x.npy", (1, 28, 28), drawn=True) == p.drawn_digit(image)).all()
    assert (read_inputs(tmp_path / "x.npy", (1, 28, 28)) == image).all(), "the control"


def test_colour_networks_are_refused(pellucid: Pellucid, tmp_path: Path) -> None:
    p.save(p.models.small(2, (3, 8, 8)), tmp_path / "colour.safetensors")
    np.save(tmp_path / "x.npy", corner(60, 60))
    result = pellucid("predict", "colour.safetensors", "x.npy", "--drawn")
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "error: --drawn: colour.safetensors takes pictures of 3 channels, and ink has no colour; leave it out, or name "
        "a network of grey images, such as those of MNIST\n"
    )
    assert pellucid("predict", "colour.safetensors", "x.npy").code == 0, "the control"
    with pytest.raises(
        ArgumentError, match="drawn: expected a network of 1 channel, as ink has no colour, received one"
    ):
        read_inputs(tmp_path / "x.npy", (3, 8, 8), drawn=True)


def test_floats_are_ink_from_0_to_1(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", corner(60, 60).astype(np.float32))
    with pytest.raises(DataError, match="expected floats from 0 to 1, received 0 to 255"):
        read_inputs(tmp_path / "x.npy", (1, 8, 8), drawn=True)
    np.save(tmp_path / "y.npy", corner(60, 60) / 255)
    with pytest.raises(DataError, match="only uint8 pictures can be inverted"):
        read_inputs(tmp_path / "y.npy", (1, 8, 8), True, drawn=True)


@pytest.mark.parametrize(
    ("ink", "words", "said"),
    [
        (
            255 - corner(60, 60),
            [],
            "x.npy: 84 % passes for ink, which is light on dark; for dark ink on light paper add ",
        ),
        (
            np.full((9, 9), 0),
            [],
            "x.npy: there is no ink, which is light on dark; for dark ink on light paper add",
        ),
        (np.full((9, 9), 255), ["--invert"], "x.npy: there is no ink, which is light on dark; leave out --invert"),
        (
            np.full((9, 9), 200),
            ["--invert"],
            "x.npy: 100 % passes for ink, which is light on dark; make the ground",
        ),
    ],
)
def test_ground_that_passes_for_ink_is_warned_of(
    ink: np.ndarray, words: list[str], said: str, pellucid: Pellucid, quadrants: Path, tmp_path: Path
) -> None:
    pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")
    np.save(tmp_path / "x.npy", ink.astype(np.uint8))
    result = pellucid("predict", quadrants, "x.npy", "--drawn", *words)
    assert result.code == 0
    assert result.err.startswith(f"note: {said}")
    assert result.err.count("\n") == 1
