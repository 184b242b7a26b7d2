"""Definitions that give a sample another shape: each gradient is the transposed map, whatever the map is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.definitions import DEFINITIONS

SAMPLE = (3, 4, 5)
MAPS = [  # kind, keywords, and those of its gradient
    ("pad", {"before": (0, 2, 1), "after": (1, 0, 3), "mode": "constant", "value": 0.0}),
    ("pad", {"before": (2, 2, 4), "after": (1, 3, 2), "mode": "reflect", "value": 0.0}),
    ("pad", {"before": (0, 7, 1), "after": (2, 0, 9), "mode": "edge", "value": 0.0}),
    ("strided_slice", {"axis": 3, "start": 1, "stop": 5, "step": 3}),
    ("strided_slice", {"axis": 1, "start": 0, "stop": 2, "step": 1}),
    ("mean", {"axes": (2, 3), "keepdims": False}),
    ("mean", {"axes": (1, 3), "keepdims": True}),
]


@pytest.mark.parametrize(("kind", "how"), MAPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_is_the_transposed_map(kind, how, dtype, rng):
    """⟨A·x, g⟩ = ⟨x, Aᵀ·g⟩ for a linear A; one column of A after the other, so that nothing can make up for it."""
    grads = {name: value for name, value in how.items() if name not in ("value", "keepdims")}
    ones = np.eye(np.prod(SAMPLE)).reshape(-1, *SAMPLE).astype(dtype)
    columns = DEFINITIONS[kind](ones, **how)
    assert columns.dtype == dtype
    grad = rng.normal(0, 1, (1, *columns.shape[1:])).astype(dtype)
    before = grad.copy()
    grad_input = DEFINITIONS[f"{kind}.grad_input"](grad, **grads, shape=SAMPLE)
    assert (grad_input.shape, grad_input.dtype) == ((1, *SAMPLE), dtype)
    expected = (columns * grad).reshape(len(columns), -1).sum(axis=1).reshape(1, *SAMPLE)
    np.testing.assert_allclose(grad_input, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(grad, before)


def test_pads_by_hand():
    x, pad = np.array([[1.0, 2, 3]]), DEFINITIONS["pad"]
    how = {"before": (2,), "after": (1,)}
    np.testing.assert_array_equal(pad(x, **how, mode="constant", value=-1), [[-1, -1, 1, 2, 3, -1]])
    np.testing.assert_array_equal(pad(x, **how, mode="edge", value=0), [[1, 1, 1, 2, 3, 3]])
    np.testing.assert_array_equal(pad(x, **how, mode="reflect", value=0), [[3, 2, 1, 2, 3, 2]])


@settings(max_examples=20, deadline=None)
@given(st.permutations([1, 2, 3]))
def test_axes_are_those_that_are_named(axes):
    x = np.random.default_rng(0).normal(0, 1, (2, *SAMPLE))
    y = DEFINITIONS["transpose"](x, axes=tuple(axes))
    for n, *place in np.ndindex(x.shape):
        assert y[(n, *(place[axis - 1] for axis in axes))] == x[(n, *place)]


def test_numbers_keep_their_order_and_channels_theirs():
    x = np.arange(12.0).reshape(2, 3, 2)
    np.testing.assert_array_equal(DEFINITIONS["reshape"](x, shape=(6,)), np.arange(12).reshape(2, 6))
    np.testing.assert_array_equal(DEFINITIONS["slice_channels"](x, start=1, stop=3), x[:, 1:])
    back = DEFINITIONS["pad_channels"](x[:, 1:], before=1, after=0)  # the gradient of the slice
    np.testing.assert_array_equal(back, x * (np.arange(3) > 0)[:, None])
