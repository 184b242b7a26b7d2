"""Every known network, compiled: the small ones learn a few images by heart, the large ones take a step."""

import math

import numpy as np
import pytest

import pellucid as p
from pellucid.models import by_name
from pellucid.schedules import Cosine

CLASSES = 4


def stripes(samples, shape):
    """Return images of stripes that run across, down, or along a diagonal, and which; each is shifted and noisy."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[1], : shape[2]]
    labels = np.arange(samples) % CLASSES
    along = np.stack([y, x, y + x, y - x])[labels]
    shift = rng.uniform(0, 2 * np.pi, (samples, 1, 1))
    images = 0.5 + 0.4 * np.sin(along * (2 * np.pi / 4) + shift)
    return (images[:, None] + rng.normal(0, 0.05, (samples, *shape))).astype(np.float32), labels


def network(name, size):
    shape = (by_name(name)().input_shape[0], size, size)
    return by_name(name)(CLASSES, shape, scaling=p.Scaling(0.5, 0.3))


@pytest.mark.parametrize(
    ("name", "size", "epochs", "lr"),
    [
        ("small", 8, 10, 1e-2),
        ("notebook", 28, 8, 1e-2),
        ("mnist_s8", 28, 8, 1e-2),
        ("mnist_s6", 28, 8, 1e-2),
        ("lenet", 28, 10, 3e-3),
        ("lenet5", 32, 10, 3e-3),
        ("resnet20", 16, 10, 1e-2),
        ("all_cnn", 16, 10, 3e-4),
        ("squeezenet1_1", 48, 12, 3e-4),
        ("mobilenet_v2", 48, 15, 6e-3),
    ],
)
def test_the_small_ones_learn(name, size, epochs, lr):
    learner = network(name, size)
    if name in ("all_cnn", "squeezenet1_1"):
        # Their last ReLU passes nothing of a class whose map is negative everywhere, and no gradient either: one or the
        # other of so few classes would be lost for good. So all maps begin above 0.
        last = [layer for layer in learner if isinstance(layer, p.Conv2d)][-1]
        last.bias.data = np.full(CLASSES, 3.0)
    schedule = Cosine() if name == "mobilenet_v2" else None  # its many running means lag behind, and must settle
    data = stripes(64, learner.input_shape)
    p.fit(learner, data, epochs=epochs, batch_size=16, optimizer=p.Adam(lr), schedule=schedule, progress=False)
    assert p.evaluate(learner, data)["accuracy"] >= 0.99


def quickly(shape, key, path):
    """Return initial weights: few random numbers, again and again, for a hundred million take their time."""
    numbers = np.random.default_rng(0).standard_normal(65_537, np.float32)
    return np.resize(numbers * np.float32(math.sqrt(2 / math.prod(shape[1:]))), shape)


LARGE = "alexnet_2012 vgg19_bn resnet34 resnet50 resnet32 resnet44 resnet56 resnet110 mobilenet_v1"


@pytest.mark.parametrize("name", LARGE.split())
def test_the_large_ones_take_a_step(name):
    """And their filters are others then. Of the VGGs the largest has all layers that the others have; the gradients of
    further networks are compared with torch's in tests/parity/test_torch_models.py."""
    learner = by_name(name)(CLASSES, (3, 67, 67), initializer=quickly)
    # Some of the first filters, for a hundred million numbers are many: dropout and ReLU may spare one, but not all.
    filters = {path: q.data[:32].copy() for path, q in learner.parameters().items() if q.data.ndim > 1}
    data = stripes(2, learner.input_shape)
    history = p.fit(learner, data, epochs=1, batch_size=2, optimizer=p.SGD(1e-3), progress=False)
    assert np.isfinite(history.to_dict()["epochs"][-1]["loss"])
    for path, parameter in learner.parameters().items():
        assert np.isfinite(parameter.data).all(), path
    for path, first in filters.items():
        assert not np.array_equal(learner.parameters()[path].data[:32], first), path
