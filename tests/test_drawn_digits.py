"""The trial of `drawn_digit`: test digits drawn again on large canvases, anywhere and of any size, are known as before.

The control is the same canvases scaled as a whole, of which a network knows far fewer.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as p

sys.path.append(str(Path(__file__).parents[1]))  # `pytest` by itself does not look for packages in the project's folder

from benchmarks import drawn as benchmark


def known(network: p.Network, test: p.Dataset, prepare: Callable[[np.ndarray], np.ndarray]) -> float:
    return benchmark.right(network, [prepare(image[0]) for image in test.images], test.labels)


def canvases(test: p.Dataset, scales: tuple[float, float] = benchmark.SCALES) -> p.Dataset:
    rng = np.random.default_rng(0)
    drawn = [benchmark.redrawn(image[0], rng, scales) for image in test.images]
    return p.Dataset(np.stack(drawn), test.labels)


def test_mnist_digits_drawn_again_are_known_as_before(data_folder: Path) -> None:
    train, test = p.datasets.mnist(data_folder / "mnist")
    recipe, test = replace(p.recipes.load("lenet-fast"), epochs=1), test.subset(range(2_000))
    network, _ = p.recipes.run(recipe, train, progress=False)
    clean, drawn = p.evaluate(network, test)["accuracy"], canvases(test)
    assert clean > 0.97, "the network has learnt"
    assert known(network, drawn, p.drawn_digit) > clean - 0.01
    assert known(network, drawn, lambda ink: p.drawn_digit(ink, centred=False)) < clean - 0.3
    in_the_middle = benchmark.PREPARATIONS["the ink scaled to 20, its middle at the middle"]
    assert known(network, drawn, in_the_middle) < known(network, drawn, p.drawn_digit)


def test_mnists_own_digits_stay_where_they_are(data_folder: Path) -> None:
    """Of each image at most its faintest pixels change, which are not ink."""
    _, test = p.datasets.mnist(data_folder / "mnist")

    def changed(**how: Any) -> np.ndarray:
        images = np.stack([p.drawn_digit(image, **how) for image in test.images[:2_000]])
        return np.abs(images.astype(int) - test.images[:2_000]).max(axis=(1, 2, 3))

    assert (changed() <= 25).mean() > 0.99
    assert (changed(box=19) <= 25).mean() < 0.01, "the control"


def test_embedded_digits_drawn_again_are_known_nearly_as_before() -> None:
    """Eight pixels a side are few to draw from, and so a part of them is lost."""
    train, test = p.datasets.digits()
    network = p.models.small()
    p.fit(network, train, epochs=20, progress=False)
    clean, drawn = p.evaluate(network, test)["accuracy"], canvases(test, (0.5, 1.0))
    assert clean > 0.97, "the network has learnt"
    assert known(network, drawn, lambda ink: p.drawn_digit(ink, 8)) > clean - 0.12
    assert known(network, drawn, lambda ink: p.drawn_digit(ink, 8, 6)) < clean - 0.3, "MNIST's share is not theirs"
    assert known(network, drawn, lambda ink: p.drawn_digit(ink, 8, centred=False)) < clean - 0.3


def test_the_benchmark_draws_one_pen_anywhere_on_its_canvas() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 8:18] = 255
    rng = np.random.default_rng(1)
    boxes = []
    for _ in range(50):
        canvas = benchmark.redrawn(image, rng)
        assert set(np.unique(canvas)) == {0, 255}
        there = np.argwhere(canvas)
        boxes.append([*there.min(axis=0), *(np.ptp(there, axis=0) + 1)])
    top, left, height, width = np.transpose(boxes)
    assert 118 <= height.min() < 140 < 220 < height.max() <= 241  # 20 pixels of 28, times 0.6 to 1.2, of 280
    assert (abs(height - 2 * width) <= 3).all()
    assert top.min() < 20
    assert (left + width).max() > 260
