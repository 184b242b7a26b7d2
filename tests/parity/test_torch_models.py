"""The known networks beside torch's: what they make of images, and the gradients of a step of training."""

import gc
import math

import numpy as np
import pytest
from oracles import compiled

import pellucid as p
from pellucid import models
from pellucid.interop.torch import state_dict, to_torch_names

torch = pytest.importorskip("torch", reason="torch is not installed")
from oracles import torch_models  # noqa: E402  (it imports torch)

CLASSES = 10
SIZES = {"lenet": 28, "lenet5": 32, "all_cnn": 32, "alexnet_2012": 67, **{f"resnet{d}": 32 for d in (20, 32, 44, 56, 110)}}
"""Rows and columns of the images; 64 where none are given."""
DRAWN = 1_000_003
"""Random numbers that are drawn; larger weights are these again and again, and as it is a prime, never in step."""


def twins(name, dtype=np.float32):
    """Return our network, and torch's with the same weights, which came to it under torchvision's names."""
    rng = np.random.default_rng(len(name))
    channels, size = 1 if name.startswith("lenet") else 3, SIZES.get(name, 64)
    network = models.by_name(name)(CLASSES, (channels, size, size))
    normal, uniform = rng.standard_normal(DRAWN, np.float32), rng.uniform(0.5, 1.5, DRAWN).astype(np.float32)
    for path, held in {**network.parameters(), **network.states()}.items():
        fan_in = math.prod(held.shape[1:])
        if len(held.shape) > 1:
            held.data = np.resize(normal, held.shape) * np.float32(math.sqrt(2 / fan_in))
        elif path.endswith(("bias", "mean")):
            held.data = np.resize(normal, held.shape) / 10
        else:
            held.data = np.resize(uniform, held.shape)
    with torch.device("meta"):
        theirs = torch_models.MODELS[name](CLASSES)
    state = {key: torch.from_numpy(array.astype(dtype, copy=False)) for key, array in state_dict(network).items()}
    missing, unexpected = theirs.load_state_dict(state, strict=False, assign=True)
    assert all(key.endswith("num_batches_tracked") for key in missing), missing
    assert not unexpected
    return network, theirs


def images(network, samples):
    rng = np.random.default_rng(1)
    return rng.standard_normal((samples, *network.input_shape), np.float32), rng.integers(0, CLASSES, samples)


@pytest.mark.parametrize("name", torch_models.MODELS)
def test_compiled_outputs(name):
    network, theirs = twins(name)
    x, _ = images(network, 2)
    with torch.inference_mode():
        expected = theirs.eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(p.predict(network, x), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "resnet18", "squeezenet1_0", "mobilenet_v2"])
def test_gradients_of_a_compiled_step(name):
    """In float64 by torch, on the same images and without dropout, whose masks would differ."""
    network, theirs = twins(name, np.float64)
    for layer in network:
        if isinstance(layer, p.Dropout):
            layer.p = 0.0
    x, labels = images(network, 4)
    loss, found = compiled.gradients(network, x, labels)
    for module in theirs.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    expected = torch.nn.functional.cross_entropy(theirs(torch.from_numpy(x).double()), torch.from_numpy(labels))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    named = dict(theirs.named_parameters())
    exact = {path: named[key].grad.numpy() for path, key in to_torch_names(network).items() if path in found}
    assert compiled.distance(found, exact) <= 1e-4
