"""BatchNorm2d (with its running statistics) and LocalResponseNorm beside torch's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as p

torch = pytest.importorskip("torch", reason="torch is not installed")

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.one_of(
    st.tuples(st.integers(2, 5), st.integers(1, 4)),
    st.tuples(st.integers(2, 4), st.integers(1, 4), st.integers(1, 5), st.integers(1, 3)),
)


def assert_close(found, expected, tolerance, name, summands=1.0):
    """Relative to the largest number, or to the summands (about 1, or as said) of a sum that all but cancels."""
    expected = expected.detach().numpy()
    assert found.dtype == expected.dtype, name
    largest = max(np.abs(expected).max(), summands)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * largest, err_msg=name)


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, dtype=st.sampled_from(["float32", "float64"]), momentum=st.sampled_from([0.1, 0.7]), seed=SEEDS)
def test_batch_norm_over_three_batches_and_then_without_training(shape, dtype, momentum, seed):
    rng = np.random.default_rng(seed)
    ours = p.BatchNorm2d(shape[1], eps=1e-3, momentum=momentum)
    theirs = (torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d)(shape[1], eps=1e-3, momentum=momentum)
    ours.cast(dtype)
    theirs.to(getattr(torch, dtype))
    for name in ("weight", "bias"):
        ours.parameters()[name].data = rng.normal(0, 1, shape[1])
        getattr(theirs, name).data = torch.tensor(ours.parameters()[name].data)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for training in (True, True, True, False):
        theirs.train(training)
        theirs.zero_grad()
        x, grad_output = (rng.normal(1, 2, shape).astype(dtype) for _ in range(2))
        x_theirs = torch.tensor(x, requires_grad=True)
        y_theirs = theirs(x_theirs)
        y_theirs.backward(torch.tensor(grad_output))
        assert_close(ours.forward(x, training), y_theirs, tolerance, "output")
        deviation = np.sqrt(x.var(axis=(0, *range(2, x.ndim))) + 1e-3).min()
        summands = np.abs(grad_output).max() * np.abs(ours.weight.data).max() / deviation
        assert_close(ours.backward(grad_output), x_theirs.grad, tolerance, "grad_input", summands)
        assert_close(ours.weight.grad, theirs.weight.grad, tolerance, "grad_weight")
        assert_close(ours.bias.grad, theirs.bias.grad, tolerance, "grad_bias")
        assert_close(ours.running_mean.data, theirs.running_mean, tolerance, "running_mean")
        assert_close(ours.running_var.data, theirs.running_var, tolerance, "running_var")


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 7), st.integers(1, 4), st.integers(1, 3)),
    size=st.integers(1, 8),
    alpha=st.sampled_from([1e-4, 0.5]),
    beta=st.sampled_from([0.5, 0.75]),
    k=st.sampled_from([1.0, 2.0]),
    seed=SEEDS,
)
def test_local_response_norm(shape, size, alpha, beta, k, seed):
    """Odd and even sizes, also larger than the number of channels."""
    rng = np.random.default_rng(seed)
    x, grad_output = rng.normal(0, 3, shape), rng.normal(0, 1, shape)
    ours, theirs = (
        p.LocalResponseNorm(size, alpha=alpha, beta=beta, k=k),
        torch.nn.LocalResponseNorm(size, alpha, beta, k),
    )
    ours.cast("float64")
    x_theirs = torch.tensor(x, requires_grad=True)
    y_theirs = theirs(x_theirs)
    y_theirs.backward(torch.tensor(grad_output))
    assert_close(ours.forward(x), y_theirs, 1e-13, "output")
    assert_close(ours.backward(grad_output), x_theirs.grad, 1e-13, "grad_input")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (p.LayerNorm(5), torch.nn.LayerNorm(5)),
        (p.LayerNorm((4, 5), eps=0.1, bias=False), torch.nn.LayerNorm((4, 5), eps=0.1, bias=False)),
        (p.LayerNorm((6, 4, 5), elementwise_affine=False), torch.nn.LayerNorm((6, 4, 5), elementwise_affine=False)),
        (p.GroupNorm(3, 6), torch.nn.GroupNorm(3, 6)),
        (p.GroupNorm(6, 6, eps=0.1), torch.nn.InstanceNorm2d(6, eps=0.1, affine=True)),
        (p.GroupNorm(1, 6, affine=False), torch.nn.GroupNorm(1, 6, affine=False)),
    ],
    ids=repr,
)
def test_norms_within_a_sample(ours, theirs, rng):
    ours.cast("float64")
    theirs.double()
    assert list(ours.parameters()) == [name for name, _ in theirs.named_parameters()]
    for name, parameter in ours.parameters().items():
        parameter.data = rng.normal(1, 1, parameter.shape)
        getattr(theirs, name).data = torch.tensor(parameter.data)
    x, grad_output = rng.normal(1, 2, (3, 6, 4, 5)), rng.normal(0, 1, (3, 6, 4, 5))
    x_theirs = torch.tensor(x, requires_grad=True)
    y_theirs = theirs(x_theirs)
    y_theirs.backward(torch.tensor(grad_output))
    assert_close(ours.forward(x), y_theirs, 1e-12, "output")
    assert_close(ours.backward(grad_output), x_theirs.grad, 1e-12, "grad_input")
    for name, parameter in ours.parameters().items():
        assert_close(parameter.grad, getattr(theirs, name).grad, 1e-12, name)
