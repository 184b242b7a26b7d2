"""Definitions with learnt numbers: against loops, and properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.definitions import DEFINITIONS
from pellucid.definitions.learned import summed

SHAPES = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 5)),
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)),
)


@settings(max_examples=20, deadline=None)
@given(shape=SHAPES, one=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_prelu_against_a_loop(shape, one, seed):
    rng = np.random.default_rng(seed)
    x, grad_output = rng.normal(0, 1, shape), rng.normal(0, 1, shape)
    weight = rng.normal(0, 1, 1 if one else shape[1])
    y = DEFINITIONS["prelu"](x, weight)
    grad_input = DEFINITIONS["prelu.grad_input"](x, weight, grad_output)
    grad_weight = np.zeros(weight.shape)
    for index in np.ndindex(shape):
        channel = 0 if one else index[1]
        above = x[index] > 0
        assert y[index] == (x[index] if above else weight[channel] * x[index])
        assert grad_input[index] == grad_output[index] * (1 if above else weight[channel])
        grad_weight[channel] += 0 if above else grad_output[index] * x[index]
    found = DEFINITIONS["prelu.grad_weight"](x, grad_output, shape=weight.shape)
    np.testing.assert_allclose(found, grad_weight, rtol=1e-12, atol=1e-14)


@settings(max_examples=30, deadline=None)
@given(
    sample=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    stretched=st.lists(st.booleans(), min_size=3, max_size=3),
    missing=st.integers(0, 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_broadcast_is_undone_by_a_sum(sample, stretched, missing, seed):
    own = [1 if whether else size for whether, size in zip(stretched, sample, strict=False)]
    own = tuple(own[min(missing, len(own) - 1) :])
    terms = np.random.default_rng(seed).normal(0, 1, (2, *sample))
    expected = np.zeros(own)
    for index in np.ndindex(terms.shape):
        place = index[len(index) - len(own) :]
        expected[tuple(i if size > 1 else 0 for i, size in zip(place, own, strict=True))] += terms[index]
    found = summed(terms, own)
    assert found.shape == own
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("general", "of_channels"),
    [
        ("add_parameter", "bias"), ("add_parameter.grad_bias", "bias.grad_bias"), ("multiply_parameter", "gain"),
        ("multiply_parameter.grad_input", "gain.grad_input"), ("multiply_parameter.grad_weight", "gain.grad_weight"),
    ],
)  # fmt: skip
def test_both_forms_are_one_function(general, of_channels):
    rng = np.random.default_rng(0)
    x, grad, numbers = rng.normal(0, 1, (2, 3, 4, 5)), rng.normal(0, 1, (2, 3, 4, 5)), rng.normal(0, 1, (3, 1, 1))
    inputs = {"grad_bias": (grad,), "grad_weight": (x, grad), "grad_input": (grad, numbers)}
    given = inputs.get(general.partition(".")[2], (x, numbers))
    how = {"shape": (3, 1, 1)} if general.endswith(("bias", "weight")) else {}
    results = [DEFINITIONS[kind](*given, **how) for kind in (general, of_channels)]
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_kept(dtype):
    x, weight = np.ones((2, 3), dtype), np.ones(3, dtype)
    assert DEFINITIONS["prelu"](x, weight).dtype == dtype
    assert DEFINITIONS["prelu.grad_input"](x, weight, x).dtype == dtype
    assert DEFINITIONS["prelu.grad_weight"](x, x, shape=(3,)).dtype == dtype
    assert DEFINITIONS["bias.grad_bias"](x, shape=(1,)).dtype == dtype
    assert DEFINITIONS["gain.grad_weight"](x, x, shape=(3,)).dtype == dtype


def test_nan_is_not_hidden():
    x, nan = np.array([[1.0, -1.0]]), np.full((1, 2), np.nan)
    assert np.isnan(DEFINITIONS["prelu"](nan, np.zeros(1))).all()
    assert np.isnan(DEFINITIONS["prelu.grad_input"](x, np.zeros(1), nan)).all()
