"""Activations beside torch's: outputs and gradients, also at kinks, at huge numbers and at NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as p

torch = pytest.importorskip("torch", reason="torch is not installed")

PAIRS = [
    (p.ReLU(), torch.nn.ReLU()),
    (p.LeakyReLU(), torch.nn.LeakyReLU()),
    (p.LeakyReLU(-0.5), torch.nn.LeakyReLU(-0.5)),
    (p.ReLU6(), torch.nn.ReLU6()),
    (p.Sigmoid(), torch.nn.Sigmoid()),
    (p.Tanh(), torch.nn.Tanh()),
    (p.Clip(-1.5, 2), torch.nn.Hardtanh(-1.5, 2)),
    (p.Clip(-1, 1), torch.nn.Hardtanh()),
    (p.HardSigmoid(), torch.nn.Hardsigmoid()),
    (p.HardSwish(), torch.nn.Hardswish()),
    (p.ELU(), torch.nn.ELU()),
    (p.ELU(0.3), torch.nn.ELU(0.3)),
    (p.SiLU(), torch.nn.SiLU()),
    (p.Softplus(), torch.nn.Softplus(threshold=36)),
    (p.GELU(), torch.nn.GELU()),
    (p.LogSoftmax(), torch.nn.LogSoftmax(dim=1)),
    (p.Softmax(), torch.nn.Softmax(dim=1)),
]
SHAPES = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 7)),
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.integers(1, 5)),
)


def both(ours, theirs, x, grad_output):
    """(output, gradient) of ours and of torch's."""
    ours = type(ours)(**ours.config())
    ours.cast(x.dtype)
    mine = ours.forward(x), ours.backward(grad_output)
    x_theirs = torch.tensor(x, requires_grad=True)
    y = theirs(x_theirs)
    y.backward(torch.tensor(grad_output))
    return mine, (y.detach().numpy(), x_theirs.grad.numpy())


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=repr)
@settings(max_examples=10, deadline=None)
@given(shape=SHAPES, dtype=st.sampled_from(["float32", "float64"]), seed=st.integers(0, 2**32 - 1))
def test_outputs_and_gradients(ours, theirs, shape, dtype, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 4, shape).round(1).astype(dtype)  # rounded, so that some lie on the kinks
    mine, others = both(ours, theirs, x, rng.normal(0, 1, shape).astype(dtype))
    for one, other in zip(mine, others, strict=True):
        assert one.dtype == other.dtype
        tolerance = 1e-13 if dtype == "float64" else 1e-6
        if isinstance(ours, p.HardSigmoid) and one is mine[1]:
            tolerance = 1e-6  # the 1/6 in torch's gradient is a float32, whatever the dtype
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kinks_and_huge_numbers(ours, theirs, dtype):
    x = np.array([[0, -0.0, 6, -1000, 1000, 88.7, -88.7, 750, -750]], dtype)
    mine, others = both(ours, theirs, x, np.full(x.shape, 2, dtype))
    for one, other in zip(mine, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS[:-1], ids=repr)
def test_nan_goes_through_where_it_does_in_torch(ours, theirs):
    x = np.array([[np.nan, 1.0, -1.0]])
    mine, others = both(ours, theirs, x, np.ones((1, 3)))
    np.testing.assert_array_equal(np.isnan(mine[0]), np.isnan(others[0]))
