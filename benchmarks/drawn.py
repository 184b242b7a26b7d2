"""What it is worth to prepare a drawn digit as MNIST's were: answers with all of it, with parts, and with nothing.

    python -m benchmarks.drawn

trains LeNet by the recipe ``lenet-fast``, draws MNIST's test digits again on large canvases, anywhere and of any size,
and prints a Markdown table. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

import pellucid as p
from pellucid.data.drawn import area_average, laid_by_mass

SIDE = 280
SCALES = (0.6, 1.2)
"""How large a digit is drawn, between these, where 1 is its size in MNIST's frame enlarged to the canvas."""

Canvas = NDArray[np.uint8]


def redrawn(image: Canvas, rng: np.random.Generator, scales: tuple[float, float] = SCALES, side: int = SIDE) -> Canvas:
    """Draw a digit again: in one pen without grey, of another size, and anywhere on a square canvas.

    Parameters
    ----------
    image : uint8 array (n, n)
    rng : Generator
        Draws the scale, and then the place, among all where the digit is wholly on the canvas.
    scales : (float, float)
        The smallest and the largest.
    side : int
        Pixels of the canvas.

    Returns
    -------
    uint8 array (side, side)
        0 and 255: ink is where the enlarged image, linear between the middles of its pixels, is above half.
    """
    cell = side / len(image) * rng.uniform(*scales)
    rows, columns = (_between(_places(image.max(axis=1 - axis), cell, rng, side), len(image)) for axis in (0, 1))
    enlarged = rows @ image.astype(np.float64) @ columns.T  # (side, n), (n, n), (n, side) -> (side, side)
    return np.where(enlarged > 127.5, 255, 0).astype(np.uint8)


def _places(profile: NDArray[np.uint8], cell: float, rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Where the pixels of the canvas lie in an image, counted from the middle of its first pixel."""
    inked = np.flatnonzero(profile)
    least = -inked[0] * cell  # then the ink begins with the canvas
    start = rng.uniform(least, max(least, side - (inked[-1] + 1) * cell))
    return (np.arange(side) + 0.5 - start) / cell - 0.5


def _between(places: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The share of each of `count` pixels at each place: of the two that it lies between, by how near they are."""
    return np.maximum(0.0, 1 - np.abs(places[:, None] - np.arange(count)))


PREPARATIONS: dict[str, Callable[[Canvas], NDArray[np.uint8]]] = {
    "the ink scaled to 20, its centre of mass at (14, 14): `drawn_digit`": p.drawn_digit,
    "the ink scaled to 20, its middle at the middle": lambda ink: np.pad(p.drawn_digit(ink, 20, 20)[0], 4)[None],
    "the size as drawn, its centre of mass at (14, 14)": lambda ink: laid_by_mass(
        area_average(ink, (28, 28)), (28, 28)
    )[None],
    "the size as drawn, where it was drawn: `drawn_digit(…, centred=False)`": lambda ink: p.drawn_digit(
        ink, centred=False
    ),
}
"""Words for the table -> what makes of a canvas an image (1, 28, 28)."""


def right(network: p.Network, images: Sequence[NDArray[np.uint8]], labels: NDArray[np.int64]) -> float:
    """Return the share of images that a network knows."""
    return float((p.predict_classes(network, np.stack(images)) == labels).mean())


def milliseconds(canvases: Sequence[Canvas]) -> float:
    """Return what `drawn_digit` takes for one of these: the median."""
    taken = []
    for canvas in canvases:
        began = time.perf_counter()
        p.drawn_digit(canvas)
        taken.append(time.perf_counter() - began)
    return 1e3 * statistics.median(taken)


def main(words: Sequence[str] | None = None) -> None:
    """Train, draw, prepare, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drawn", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=2_000, help="test digits, the first ones (default: 2,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the training and of sizes and places (default: 0)")
    parser.add_argument("--data-dir", help="where MNIST's files are; otherwise found or downloaded as by `pellucid`")
    arguments = parser.parse_args(words)
    train, test = p.datasets.mnist(arguments.data_dir)
    network, _ = p.recipes.run("lenet-fast", train, seed=arguments.seed, progress=False)
    images, labels = test.images[: arguments.count], test.labels[: arguments.count]
    rng = np.random.default_rng(arguments.seed)
    canvases = [redrawn(image[0], rng) for image in images]
    print(f"| what the network sees of {len(images):,} test digits | right |\n|---|---:|")
    print(f"| MNIST's own images | {100 * right(network, list(images), labels):.2f} % |")
    for name, prepare in PREPARATIONS.items():
        print(f"| {name} | {100 * right(network, [prepare(canvas) for canvas in canvases], labels):.2f} % |")
    print(f"\n`drawn_digit` of a canvas of {SIDE}×{SIDE}: {milliseconds(canvases):.2f} ms")


if __name__ == "__main__":
    main()
