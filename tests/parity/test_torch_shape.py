"""Layers that give a sample another shape beside torch's functions: outputs and gradients."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import pellucid as p

torch = pytest.importorskip("torch", reason="torch is not installed")
sizes = st.lists(st.integers(1, 5), min_size=1, max_size=3)
amounts = st.integers(0, 3)


def compare(ours, theirs, shape, tolerance=0.0):
    ours.cast("float64")
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (2, *shape))
    x_theirs = torch.tensor(x, requires_grad=True)
    y, y_theirs = ours.forward(x), theirs(x_theirs)
    assert y.shape == (2, *ours.output_shape(tuple(shape)))
    np.testing.assert_allclose(y, y_theirs.detach().numpy(), rtol=tolerance, atol=tolerance)
    grad_output = rng.normal(0, 1, y.shape)
    y_theirs.backward(torch.tensor(grad_output))
    np.testing.assert_allclose(ours.backward(grad_output), x_theirs.grad.numpy(), rtol=tolerance, atol=tolerance)


@settings(max_examples=15, deadline=None)
@given(sizes, st.integers(0, 3), st.booleans())
def test_reshape(shape, turn, inferred):
    turn %= len(shape)
    wanted = [*shape[turn:], *shape[:turn]]
    if inferred:
        wanted[0] = -1
    compare(p.Reshape(wanted), lambda x: x.reshape(2, *wanted), shape)


@settings(max_examples=15, deadline=None)
@given(sizes, st.randoms())
def test_transpose(shape, random):
    axes = list(range(1, len(shape) + 1))
    random.shuffle(axes)
    compare(p.Transpose(axes), lambda x: x.permute(0, *axes), shape)


@settings(max_examples=30, deadline=None)
@given(
    sizes,
    st.lists(st.tuples(amounts, amounts), min_size=3, max_size=3),
    st.sampled_from(["constant", "edge", "reflect"]),
)
def test_pad(shape, sides, mode):
    sides = sides[: len(shape)]
    if mode != "constant":  # torch knows these for the last axes only, behind that of the channels
        assume(len(shape) > 1)
        sides[0] = (0, 0)
    if mode == "reflect":
        assume(all(max(side) < size for side, size in zip(sides, shape, strict=True)))
    last_first = [number for side in reversed(sides if mode == "constant" else sides[1:]) for number in side]
    how = {"mode": "constant", "value": 1.5} if mode == "constant" else {"mode": mode.replace("edge", "replicate")}
    value = 1.5 if mode == "constant" else 0.0
    before, after = zip(*sides, strict=True)
    compare(p.Pad(before, after, mode, value), lambda x: torch.nn.functional.pad(x, last_first, **how), shape, 1e-14)


@settings(max_examples=30, deadline=None)
@given(sizes, st.integers(0, 2), st.integers(-6, 6), st.none() | st.integers(-6, 6), st.integers(1, 3))
def test_slice(shape, axis, start, stop, step):
    axis %= len(shape)
    index = (slice(None),) * (axis + 1) + (slice(start, stop, step),)
    assume(len(range(*index[-1].indices(shape[axis]))) > 0)

    def theirs(x):
        return x[(*index[:-1], slice(*index[-1].indices(shape[axis])))]

    compare(p.Slice(axis + 1, start, stop, step), theirs, shape)


@settings(max_examples=20, deadline=None)
@given(sizes, st.sets(st.integers(1, 3), min_size=1), st.booleans())
def test_mean(shape, axes, keepdims):
    axes = tuple(axis for axis in axes if axis <= len(shape))
    assume(axes and (keepdims or len(axes) < len(shape)))
    compare(p.Mean(axes, keepdims), lambda x: x.mean(dim=axes, keepdim=keepdims), shape, 1e-13)
