"""Linear and Flatten as in a notebook: values, gradients, and the words of every refusal."""

import re

import numpy as np
import pytest

from pellucid.errors import ArgumentError, ShapeError, StateError
from pellucid.layers import Flatten, Linear


def exactly(message):
    return f"^{re.escape(message)}$"


@pytest.fixture
def three_outputs():
    layer = Linear(2, 3)
    layer.weight.data[...] = [[1, 0], [0, 1], [10, 100]]
    layer.bias.data[...] = [1, 0, -1]
    return layer


def test_linear_by_hand(three_outputs):
    x = np.array([[1, 2], [3, 4]])
    assert three_outputs.forward(x).tolist() == [[2, 2, 209], [4, 4, 429]]
    assert three_outputs.backward(np.array([[1, 0, 0], [0, 0, 1]])).tolist() == [[1, 0], [10, 100]]
    assert three_outputs.weight.grad.tolist() == [[1, 2], [0, 0], [3, 4]]
    assert three_outputs.bias.grad.tolist() == [1, 0, 1]
    assert x.tolist() == [[1, 2], [3, 4]]


def test_linear_without_bias():
    layer = Linear(2, 1, bias=False)
    layer.weight.data[...] = [[3, 4]]
    assert layer.forward([[1, 10]]).tolist() == [[43]]
    assert layer.backward([[2]]).tolist() == [[6, 8]]
    assert list(layer.parameters()) == ["weight"]
    assert Linear(**layer.config()).bias is None


def test_flatten_and_back():
    layer = Flatten()
    x = np.arange(12).reshape(1, 2, 2, 3)
    y = layer.forward(x)
    assert y.tolist() == [list(range(12))]
    assert layer.backward(y).tolist() == x.tolist()
    assert layer.output_shape((16, 4, 4)) == (256,)


def test_flatten_keeps_features_as_they_are():
    assert Flatten().forward([[1, 2, 3]]).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_and_no_samples(dtype):
    for layer, shape in ((Linear(4, 3), (0, 4)), (Flatten(), (0, 1, 2, 2))):
        layer.cast(dtype)
        y = layer.forward(np.zeros(shape))
        assert (y.dtype, len(y)) == (np.dtype(dtype), 0)
        assert layer.backward(y).shape == shape


# ---- refusals
def test_refused_arguments():
    with pytest.raises(ArgumentError, match=exactly("in_features: expected a whole number of at least 1, received 0")):
        Linear(0, 1)
    with pytest.raises(
        ArgumentError, match=exactly("out_features: expected a whole number of at least 1, received 2.5")
    ):
        Linear(1, 2.5)
    with pytest.raises(ArgumentError, match=r"^weight 1000000×10000000 would need 40,000,000,000,000 bytes in float32"):
        Linear(10**7, 10**6)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 256), "Linear: expects 400 features, but the input has 256; use Linear(256, …)"),
        ((2, 16, 5, 5), "Linear: expects 400 features, but the input has shape (16, 5, 5); put Flatten() before it"),
        (
            (2, 16, 4, 4),
            "Linear: expects 400 features, but the input has shape (16, 4, 4); "
            "put Flatten() before it and use Linear(256, …)",
        ),
        ((400,), "Linear: expects 400 features, but the input has single numbers; give a batch (N, 400)"),
    ],
)
def test_refused_shapes(shape, message):
    with pytest.raises(ShapeError, match=exactly(message)):
        Linear(400, 120).forward(np.zeros(shape))


def test_backward_before_forward():
    for layer in (Linear(1, 1), Flatten()):
        message = f"{type(layer).__name__}.backward needs a forward before it: call forward(x) first"
        with pytest.raises(StateError, match=exactly(message)):
            layer.backward(np.zeros((1, 1)))
