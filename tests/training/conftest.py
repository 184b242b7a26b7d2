"""What the tests of training share: a few images of three classes, and small networks that learn them."""

from collections.abc import Callable

import numpy as np
import pytest

import pellucid as p


@pytest.fixture
def data() -> p.Dataset:
    """30 images 1×4×4 of three classes, by the row of a bright stripe, with a little noise."""
    labels = np.arange(30) % 3
    images = np.random.default_rng(7).integers(0, 60, (30, 1, 4, 4)).astype(np.uint8)
    images[np.arange(30), 0, labels] += 150
    return p.Dataset(images, labels, ("top", "middle", "low"), "stripes")


@pytest.fixture
def make() -> Callable[..., p.Sequential]:
    """Makes the same network again and again: a convolution and a dense layer, and what is put between them."""

    def network(*between: p.Layer, dtype: str = "float32", seed: int = 0) -> p.Sequential:
        layers = [p.Conv2d(1, 2, 3), p.ReLU(), *between, p.Flatten(), p.Linear(8, 3)]
        return p.Sequential(layers, input_shape=(1, 4, 4), dtype=dtype, seed=seed)

    return network


@pytest.fixture
def weights() -> Callable[[p.Sequential], dict[str, np.ndarray]]:
    """Returns copies of a network's weights, by path."""

    def copies(network: p.Sequential) -> dict[str, np.ndarray]:
        return {path: parameter.data.copy() for path, parameter in network.parameters().items()}

    return copies
