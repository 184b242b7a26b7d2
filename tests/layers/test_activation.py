"""Activation layers alone: values, gradients, dtype, and that they are what their definitions and rules say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as p
from pellucid.definitions import DEFINITIONS
from pellucid.gradient_check import check_gradients
from pellucid.layers.activation import Activation

LAYERS = [p.ReLU(), p.LeakyReLU(), p.LeakyReLU(0.3), p.ReLU6(), p.Sigmoid(), p.Tanh(), p.Softmax()]
SHAPES = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 7)),
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.integers(1, 5)),
)


def test_all_activations_are_here():
    assert {type(layer) for layer in LAYERS} == set(Activation.__subclasses__())


@pytest.mark.parametrize(
    ("layer", "y", "grad_input"),
    [
        (p.ReLU(), [0, 0, 8], [0, 0, 1]),
        (p.LeakyReLU(0.25), [-0.5, 0, 8], [0.25, 0.25, 1]),
        (p.ReLU6(), [0, 0, 6], [0, 0, 0]),
        (p.Sigmoid(), [0.1192029, 0.5, 0.9996646], [0.1049936, 0.25, 0.0003352]),
        (p.Tanh(), [-0.9640276, 0, 0.9999998], [0.0706508, 1, 0.0000005]),
    ],
    ids=lambda value: repr(value) if isinstance(value, p.Layer) else "",
)
def test_by_hand(layer, y, grad_input):
    np.testing.assert_allclose(layer.forward([[-2, 0, 8]]), [y], atol=2e-7)
    np.testing.assert_allclose(layer.backward([[1, 1, 1]]), [grad_input], atol=2e-7)


def test_softmax_by_hand():
    layer = p.Softmax()
    np.testing.assert_allclose(layer.forward(np.log([[1, 2, 5]])), [[1 / 8, 2 / 8, 5 / 8]], rtol=1e-6)
    np.testing.assert_allclose(layer.backward([[8, 0, 0]]), [[7 / 8, -2 / 8, -5 / 8]], rtol=1e-6)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@settings(max_examples=8, deadline=None)
@given(shape=SHAPES, dtype=st.sampled_from(["float32", "float64"]), seed=st.integers(0, 2**32 - 1))
def test_shape_dtype_and_definition(layer, shape, dtype, seed):
    rng = np.random.default_rng(seed)
    x, grad_output = rng.normal(0, 3, shape).astype(dtype), rng.normal(0, 1, shape).astype(dtype)
    layer = type(layer)(**layer.config())
    layer.cast(dtype)
    y = layer.forward(np.asfortranarray(x))
    grad_input = layer.backward(np.asfortranarray(grad_output))
    assert (y.dtype, y.shape) == (grad_input.dtype, grad_input.shape) == (np.dtype(dtype), shape)
    assert layer.output_shape(shape[1:]) == shape[1:]
    remembered = x if layer.remembers == "input" else y
    np.testing.assert_array_equal(y, DEFINITIONS[layer.kind](x, **layer.config()))
    expected = DEFINITIONS[f"{layer.kind}.grad_input"](remembered, grad_output, **layer.config())
    np.testing.assert_array_equal(grad_input, expected)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 3, 5)], ids=str)
def test_gradients(layer, shape):
    report = check_gradients(layer, np.random.default_rng(0).normal(0, 3, shape))
    assert report.ok, report


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_in_a_program_and_alone_are_one(layer):
    """The gradient's rule and the layer must agree on whether the input or the output is remembered."""
    network = p.Sequential([type(layer)(**layer.config())], input_shape=(3, 2, 2), dtype="float64")
    program = p.lower(network, loss=p.MeanSquaredError(), target_shape=(3, 2, 2), input_gradient=True)
    (gradient,) = (step for step in program.steps if step.kind == f"{layer.kind}.grad_input")
    forward = program.steps[1]
    assert forward.kind == layer.kind
    assert gradient.inputs[0] == (forward.inputs if layer.remembers == "input" else forward.outputs)[0]
    assert gradient.keywords == forward.keywords == layer.config()


def test_settings_are_plain_numbers():
    slope = p.LeakyReLU(np.float64(0.5)).config()["negative_slope"]
    assert (type(slope), slope) == (float, 0.5)
    assert repr(p.LeakyReLU(0.5)) == "LeakyReLU(negative_slope=0.5)"
    assert repr(p.ReLU()) == "ReLU()"


@pytest.mark.parametrize("slope", [np.nan, np.inf, "0.1", None, True])
def test_a_slope_that_is_no_finite_number_is_refused(slope):
    with pytest.raises(p.ArgumentError, match="negative_slope: expected a finite number, received"):
        p.LeakyReLU(slope)


def test_softmax_needs_an_axis_of_classes():
    with pytest.raises(p.ShapeError, match="Softmax: expects at least one axis of classes beside the batch"):
        p.Softmax().forward([1.0, 2.0])
