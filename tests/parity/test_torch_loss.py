"""Losses beside torch's: values and gradients, with smoothing, class weights, soft targets and sample weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as p
from pellucid import interpreter

torch = pytest.importorskip("torch", reason="torch is not installed")

SEEDS = st.integers(0, 2**32 - 1)


def ours(loss, outputs, target, sample_weight=None):
    """The loss and its gradient: through a network that changes nothing."""
    same = p.Sequential([p.LeakyReLU(1.0)], input_shape=outputs.shape[1:], dtype=outputs.dtype)
    program = p.lower(
        same, loss=loss, target_shape=target.shape[1:], weighted=sample_weight is not None, input_gradient=True
    )
    feeds = {"input": outputs, "target": target, "count": len(outputs), "sample_weight": sample_weight}
    gradient = program.gradients[program.input]
    results = interpreter.run(program, feeds, {program.loss, gradient})
    return results[program.loss], results[gradient]


def theirs(function, outputs, target):
    outputs = torch.tensor(outputs, requires_grad=True)
    loss = function(outputs, torch.tensor(target))
    loss.backward()
    return loss.detach().numpy(), outputs.grad.numpy()


def assert_same(mine, others, dtype):
    tolerance = 1e-12 if dtype == "float64" else 2e-6
    for one, other in zip(mine, others, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 5),
    classes=st.integers(2, 6),
    soft=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.1]),
    by_class=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=SEEDS,
)
def test_cross_entropy(samples, classes, soft, smoothing, by_class, dtype, seed):
    rng = np.random.default_rng(seed)
    outputs = rng.normal(0, 4, (samples, classes)).astype(dtype)
    target = rng.dirichlet(np.ones(classes), samples).astype(dtype) if soft else rng.integers(0, classes, samples)
    weights = rng.uniform(0.1, 2, classes) if by_class and not soft else None
    torch_weights = None if weights is None else torch.tensor(weights.astype(dtype))
    function = torch.nn.CrossEntropyLoss(torch_weights, label_smoothing=smoothing)
    loss = p.CrossEntropy(smoothing, () if weights is None else weights)
    assert_same(ours(loss, outputs, target), theirs(function, outputs, target), dtype)


def test_class_weights_of_soft_targets_are_divided_by_their_own_sum():
    """Where torch divides by the number of samples: the one difference, stated in CrossEntropy's docstring."""
    rng = np.random.default_rng(0)
    outputs, target, weights = rng.normal(0, 1, (4, 3)), rng.dirichlet(np.ones(3), 4), np.array([1.0, 2, 3])
    mine, _ = ours(p.CrossEntropy(class_weights=weights), outputs, target)
    other, _ = theirs(torch.nn.CrossEntropyLoss(torch.tensor(weights)), outputs, target)
    np.testing.assert_allclose(mine * (target @ weights).sum(), other * 4, rtol=1e-13)


@settings(max_examples=30, deadline=None)
@given(
    samples=st.integers(1, 5), smoothing=st.sampled_from([0.0, 0.2]), squared=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]), seed=SEEDS,
)  # fmt: skip
def test_sample_weights(samples, smoothing, squared, dtype, seed):
    """Which torch has as a weighted mean of the unreduced losses."""
    rng = np.random.default_rng(seed)
    outputs, weight = rng.normal(0, 3, (samples, 3)).astype(dtype), rng.uniform(0.1, 2, samples).astype(dtype)
    if squared:
        loss, target = p.MeanSquaredError(), rng.normal(0, 1, (samples, 3)).astype(dtype)
        unreduced = torch.nn.MSELoss(reduction="none")
    else:
        loss, target = p.CrossEntropy(smoothing), rng.integers(0, 3, samples)
        unreduced = torch.nn.CrossEntropyLoss(reduction="none", label_smoothing=smoothing)

    def function(y, t):
        losses, w = unreduced(y, t), torch.tensor(weight)
        return ((losses.mean(1) if squared else losses) * w).sum() / w.sum()

    assert_same(ours(loss, outputs, target, weight), theirs(function, outputs, target), dtype)


@settings(max_examples=20, deadline=None)
@given(
    shape=st.one_of(st.tuples(st.integers(1, 5)), st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))),
    samples=st.integers(1, 4),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=SEEDS,
)
def test_mean_squared_error(shape, samples, dtype, seed):
    rng = np.random.default_rng(seed)
    outputs, target = (rng.normal(0, 1, (samples, *shape)).astype(dtype) for _ in range(2))
    assert_same(ours(p.MeanSquaredError(), outputs, target), theirs(torch.nn.MSELoss(), outputs, target), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_logits(dtype):
    outputs, target = np.array([[1000, 0, -1000], [-1000, 0, 1000.0]], dtype), np.array([2, 2])
    assert_same(ours(p.CrossEntropy(0.1), outputs, target), theirs(torch.nn.CrossEntropyLoss(label_smoothing=0.1),
                                                                  outputs, target), dtype)  # fmt: skip
