"""Conv2d and ConvTranspose2d beside torch's: outputs, gradients, and output sizes, in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.numerical import assert_agrees
from oracles.windows import modest, numbers, rngs
from pellucid.layers import Conv2d, ConvTranspose2d

torch = pytest.importorskip("torch", reason="torch is not installed")
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def cases(draw):
    groups = draw(st.integers(1, 3))
    channels, filters = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    stride = draw(pairs)
    numbered = st.tuples(st.integers(0, 2), st.integers(0, 2))
    padding = draw(numbered | st.just("same") if stride == (1, 1) else numbered)  # torch has "same" for stride 1 only
    keywords = {
        "stride": stride,
        "padding": padding,
        "dilation": draw(pairs),
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    return (channels, filters, draw(pairs)), keywords, draw(st.tuples(st.integers(7, 9), st.integers(7, 9))), draw(rngs)


def compare(ours, theirs, x, rng):
    """The same weights, the same input, the same gradient of the output: all that comes back agrees."""
    ours.cast("float64")
    theirs.double()
    for name, parameter in ours.parameters().items():
        parameter.data[...] = numbers(rng, parameter.shape)
        getattr(theirs, name).data = torch.tensor(parameter.data)
    x_theirs = torch.tensor(x, requires_grad=True)
    y, y_theirs = ours.forward(x), theirs(x_theirs)
    assert_agrees(y, y_theirs.detach().numpy(), tolerance=1e-12)
    grad_output = numbers(rng, y.shape).copy()
    y_theirs.backward(torch.tensor(grad_output))
    assert_agrees(ours.backward(grad_output), x_theirs.grad.numpy(), tolerance=1e-12)
    for name, parameter in ours.parameters().items():
        assert_agrees(parameter.grad, getattr(theirs, name).grad.numpy(), tolerance=1e-12)


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")  # torch on even windows: slow, not wrong
@given(cases())
@modest
def test_conv2d(case):
    arguments, keywords, size, rng = case
    x = rng.standard_normal((2, arguments[0], *size))
    compare(Conv2d(*arguments, **keywords), torch.nn.Conv2d(*arguments, **keywords), x, rng)


def test_asymmetric_padding_is_torchs_convolution_of_a_padded_image(rng):
    ours, theirs = Conv2d(1, 2, 3, padding=((1, 3), (2, 0))), torch.nn.Conv2d(1, 2, 3)
    ours.cast("float64")
    x = rng.standard_normal((1, 1, 5, 6))
    theirs.weight.data, theirs.bias.data = torch.tensor(ours.weight.data), torch.tensor(ours.bias.data)
    padded = torch.nn.functional.pad(torch.tensor(x), (2, 0, 1, 3))
    assert_agrees(ours.forward(x), theirs(padded).detach().numpy(), tolerance=1e-12)


def test_a_nan_spreads_as_in_torch():
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 2, 2] = np.nan
    weight = np.ones((1, 1, 2, 2))
    ours = Conv2d(1, 1, 2, bias=False)
    ours.cast("float64")
    ours.weight.data[...] = weight
    theirs = torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(weight)).numpy()
    np.testing.assert_array_equal(ours.forward(x), theirs)


@st.composite
def transposed(draw):
    groups, stride = draw(st.integers(1, 3)), draw(pairs)
    channels, filters = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    keywords = {
        "stride": stride,
        "padding": draw(st.tuples(st.integers(0, 2), st.integers(0, 2))),
        "output_padding": tuple(draw(st.integers(0, step - 1)) for step in stride),
        "dilation": draw(pairs),
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    return (channels, filters, draw(pairs)), keywords, draw(st.tuples(st.integers(5, 7), st.integers(5, 7))), draw(rngs)


@given(transposed())
@modest
def test_conv_transpose2d(case):
    arguments, keywords, size, rng = case
    x = rng.standard_normal((2, arguments[0], *size))
    compare(ConvTranspose2d(*arguments, **keywords), torch.nn.ConvTranspose2d(*arguments, **keywords), x, rng)
