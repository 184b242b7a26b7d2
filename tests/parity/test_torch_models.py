"""The known networks beside torch's: what they make of images, and the gradients of a step of training."""

import math
from itertools import pairwise

import numpy as np
import pytest

import pellucid as p
from oracles import compiled
from pellucid import models
from pellucid.interop.torch import state_dict, to_torch_names

torch = pytest.importorskip("torch", reason="torch is not installed")
from oracles import torch_models  # noqa: E402  (it imports torch)

nn = torch.nn

CLASSES = 10
SIZES = {
    **dict.fromkeys(("lenet5", "all_cnn", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110"), 32),
    "lenet": 28,
    "alexnet_2012": 67,
}
"""Rows and columns of the images; 64 where none are given."""
DRAWN = 1_000_003
"""Random numbers that are drawn; larger weights are these again and again, and as it is a prime, never in step."""
SHIFTS = {"resnet18": (-20, 3, 3, 3, 3), "mobilenet_v2": (-4, 3, 3, 3, 3, 9)}
"""What batch normalisation may add, where gradients are compared. See `test_gradients_of_a_compiled_step`."""


def drawn(path, shape, rng):
    """Random numbers that keep what goes through a network from growing."""
    if len(shape) > 1:
        deviation = np.float32(math.sqrt(2 / math.prod(shape[1:])))
        return np.resize(deviation * rng.standard_normal(DRAWN, np.float32), shape)
    return rng.standard_normal(shape) / 10 if path.endswith(("bias", "mean")) else rng.uniform(0.5, 1.5, shape)


def ours(name, size, shifts=None):
    """Return a network with random weights and running statistics."""
    rng = np.random.default_rng(len(name))
    network = models.by_name(name)(CLASSES, (1 if name.startswith("lenet") else 3, size, size))
    for path, held in {**network.parameters(), **network.states()}.items():
        held.data = drawn(path, held.shape, rng)
        if shifts and ".norm" in f".{path}":
            held.data = rng.choice(shifts, held.shape) if path.endswith("bias") else np.full(held.shape, 0.5)
    return network


def torchs(name, network, dtype):
    """Return torch's network with the weights of ours, which it finds under torchvision's names."""
    with torch.device("meta"):
        theirs = torch_models.MODELS[name](CLASSES)
    state = {key: torch.from_numpy(array).to(dtype) for key, array in state_dict(network).items()}
    missing, unexpected = theirs.load_state_dict(state, strict=False, assign=True)
    assert all(key.endswith("num_batches_tracked") for key in missing), missing
    assert not unexpected
    return theirs


def images(network, samples):
    rng = np.random.default_rng(0)
    return rng.standard_normal((samples, *network.input_shape), np.float32), rng.integers(0, CLASSES, samples)


@pytest.mark.parametrize("name", torch_models.MODELS)
def test_compiled_outputs(name):
    network = ours(name, SIZES.get(name, 64))
    theirs = torchs(name, network, torch.float32).eval()
    x, _ = images(network, 2)
    with torch.inference_mode():
        expected = theirs(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(p.predict(network, x), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "size"),
    [("alexnet", 64), ("vgg16", 64), ("resnet18", 64), ("squeezenet1_0", 64), ("mobilenet_v2", 96)],
)
def test_gradients_of_a_compiled_step(name, size):
    """On the same images as torch, which computes in float64; without dropout, whose masks would differ.

    Of the millions of numbers that go into a ReLU some lie so near to 0 that rounding decides about their gradients,
    and a single one that differs shows. So none does here: batch normalisation shifts whole channels to where a ReLU
    or ReLU6 passes them, or holds them; in the other networks `clear_of_kinks` moves the biases a little, or the images
    are such that there is none.
    """
    network = ours(name, size, SHIFTS.get(name))
    theirs = torchs(name, network, torch.float64)
    for layer in [*network, *theirs.modules()]:
        if isinstance(layer, (p.Dropout, nn.Dropout)):
            layer.p = 0.0
    x, labels = images(network, 2)
    exact_x = torch.from_numpy(x).double()
    names = to_torch_names(network)
    if name in ("alexnet", "vgg16"):
        clear_of_kinks(theirs, exact_x)
        for path, parameter in network.parameters().items():
            if path.endswith("bias"):
                parameter.data = theirs.get_parameter(names[path]).detach().numpy()

    loss, found = compiled.gradients(network, x, labels)
    expected = nn.functional.cross_entropy(theirs(exact_x), torch.from_numpy(labels))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    exact = {path: theirs.get_parameter(names[path]).grad.numpy() for path in found}
    assert compiled.distance(found, exact) <= 1e-4


@torch.no_grad()
def clear_of_kinks(theirs, x):
    """Move each bias before a ReLU to where no number of its channel lies near 0, and the numbers are many."""
    layers = [layer for part in theirs for layer in (part if isinstance(part, nn.Sequential) else [part])]
    for layer, following in pairwise(layers):
        x = layer(x)
        if isinstance(following, nn.ReLU):
            channels, shifts = x.transpose(0, 1).flatten(1), torch.linspace(-0.01, 0.01, 11, dtype=x.dtype)
            nearest = torch.stack([(channels + shift).abs().amin(1) for shift in shifts])
            bias = (layer.bias + shifts[nearest.argmax(0)]).float().double()  # ours are float32
            x = x + (bias - layer.bias).reshape(-1, *[1] * (x.ndim - 2))
            layer.bias.copy_(bias)
