"""PReLU, Bias and Gain beside torch's: outputs, and the gradients of inputs and parameters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as p

torch = pytest.importorskip("torch", reason="torch is not installed")
SHAPES = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 7)),
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.integers(1, 5)),
)


def compare(ours, function, x, numbers, rng):
    """Compare with a function of x and of the numbers that are learnt."""
    ours.cast("float64")
    (parameter,) = ours.parameters().values()
    parameter.data = numbers
    x_theirs, learnt = torch.tensor(x, requires_grad=True), torch.tensor(numbers, requires_grad=True)
    y, y_theirs = ours.forward(x), function(x_theirs, learnt)
    np.testing.assert_allclose(y, y_theirs.detach().numpy(), rtol=1e-13, atol=1e-13)
    grad_output = rng.normal(0, 1, y.shape)
    y_theirs.backward(torch.tensor(grad_output))
    np.testing.assert_allclose(ours.backward(grad_output), x_theirs.grad.numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(parameter.grad, learnt.grad.numpy(), rtol=1e-12, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(shape=SHAPES, one=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_prelu(shape, one, seed):
    rng = np.random.default_rng(seed)
    count = 1 if one else shape[1]
    x = rng.normal(0, 2, shape).round(1)  # rounded, so that some lie on the kink
    compare(p.PReLU(count), torch.nn.functional.prelu, x, rng.normal(0, 1, count), rng)


def test_prelu_begins_as_torchs():
    assert p.PReLU(3).weight.data.tolist() == torch.nn.PReLU(3).weight.tolist()


@settings(max_examples=25, deadline=None)
@given(shape=SHAPES, stretched=st.tuples(*[st.booleans()] * 3), fewer=st.integers(0, 2), seed=st.integers(0, 2**32 - 1))
def test_bias_and_gain_stretch_as_torchs_tensors_do(shape, stretched, fewer, seed):
    rng = np.random.default_rng(seed)
    own = tuple(1 if whether else size for whether, size in zip(stretched, shape[1:], strict=False))
    own = own[min(fewer, len(own) - 1) :]
    x, numbers = rng.normal(0, 1, shape), rng.normal(0, 1, own)
    compare(p.Bias(own), torch.add, x, numbers, rng)
    compare(p.Gain(own), torch.mul, x, numbers, rng)
