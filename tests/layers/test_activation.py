"""Activation layers alone: values, gradients, dtype, and that they are what their definitions and rules say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as p
from pellucid.definitions import DEFINITIONS
from pellucid.gradient_check import check_gradients
from pellucid.layers.activation import Activation

LAYERS = [
    p.ReLU(), p.LeakyReLU(), p.LeakyReLU(0.3), p.ReLU6(), p.Sigmoid(), p.Tanh(), p.Softmax(), p.Clip(-1.5, 2),
    p.Clip(None, 1), p.HardSigmoid(), p.HardSigmoid(0.2), p.HardSwish(), p.ELU(), p.ELU(0.3),
    p.SiLU(), p.Softplus(), p.GELU(), p.LogSoftmax(),
]  # fmt: skip
SHAPES = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 7)),
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.integers(1, 5)),
)


def test_all_activations_are_here():
    bases = {kind for kind in Activation.__subclasses__() if kind.__subclasses__()}
    below = {inner for kind in bases for inner in kind.__subclasses__()}
    assert {type(layer) for layer in LAYERS} == set(Activation.__subclasses__()) - bases | below


@pytest.mark.parametrize(
    ("layer", "y", "grad_input"),
    [
        (p.ReLU(), [0, 0, 8], [0, 0, 1]),
        (p.LeakyReLU(0.25), [-0.5, 0, 8], [0.25, 0.25, 1]),
        (p.ReLU6(), [0, 0, 6], [0, 0, 0]),
        (p.Sigmoid(), [0.1192029, 0.5, 0.9996646], [0.1049936, 0.25, 0.0003352]),
        (p.Tanh(), [-0.9640276, 0, 0.9999998], [0.0706508, 1, 0.0000005]),
        (p.Clip(-1, 9), [-1, 0, 8], [0, 1, 1]),
        (p.Clip(0, None), [0, 0, 8], [0, 0, 1]),
        (p.HardSigmoid(0.25, 0.5), [0, 0.5, 1], [0, 0.25, 0]),
        (p.HardSwish(), [-1 / 3, 0, 8], [-1 / 6, 0.5, 1]),
        (p.ELU(2), [-1.7293294, 0, 8], [0.2706706, 2, 1]),
        (p.SiLU(), [-0.2384058, 0, 7.9973172], [-0.0907842, 0.5, 1.0023466]),
        (p.Softplus(), [0.1269280, 0.6931472, 8.0003354], [0.1192029, 0.5, 0.9996646]),
        (p.GELU(), [-0.0455003, 0, 8], [-0.0852318, 0.5, 1]),
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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: p.Clip(None, None),
         "Clip: expected min, max or both, received None for both, which would change nothing"),
        (lambda: p.Clip(3, 1), "Clip: expected min below max, received min=3 and max=1"),
        (lambda: p.Clip(1, 1), "Clip: expected min below max, received min=1 and max=1"),
        (lambda: p.Clip(0, np.inf), "max: expected a finite number, received inf"),
        (lambda: p.HardSigmoid(0), "alpha: expected a number above 0, received 0"),
        (lambda: p.HardSigmoid(beta="a"), "beta: expected a finite number, received 'a'"),
        (lambda: p.ELU(None), "alpha: expected a finite number, received None"),
    ],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(make, message):
    with pytest.raises(p.ArgumentError) as caught:
        make()
    assert str(caught.value) == message


def test_log_softmax_by_hand():
    layer = p.LogSoftmax()
    np.testing.assert_allclose(layer.forward(np.log([[1, 2, 5]])), np.log([[1 / 8, 2 / 8, 5 / 8]]), rtol=1e-6)
    np.testing.assert_allclose(layer.backward([[8, 0, 0]]), [[7, -2, -5]], rtol=1e-6)


@pytest.mark.parametrize("kind", [p.Softmax, p.LogSoftmax])
def test_softmax_needs_an_axis_of_classes(kind):
    with pytest.raises(p.ShapeError, match="Softmax: expects at least one axis of classes beside the batch"):
        kind().forward([1.0, 2.0])
