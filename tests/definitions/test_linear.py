"""The dense layer, flattening and their gradients: by hand, against loops, by differences, as adjoints."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oracles.numerical import assert_agrees, gradient
from oracles.windows import layouts, modest, numbers, rngs
from pellucid.definitions.linear import (
    flatten,
    flatten_grad_input,
    linear,
    linear_grad_bias,
    linear_grad_input,
    linear_grad_weight,
)


def test_linear_by_hand():
    x, weight, bias = np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 0], [0, 1], [10, 100]]), np.array([0.5, 0, -1])
    assert linear(x, weight, bias).tolist() == [[1.5, 2, 209], [3.5, 4, 429]]
    assert linear(x, weight).tolist() == [[1, 2, 210], [3, 4, 430]]


def test_linear_gradients_by_hand():
    x, weight, g = np.array([[1.0, 2], [3, 4]]), np.array([[5.0, 6]]), np.array([[1.0], [10]])
    assert linear_grad_input(g, weight).tolist() == [[5, 6], [50, 60]]
    assert linear_grad_weight(x, g).tolist() == [[31, 42]]
    assert linear_grad_bias(g).tolist() == [11]


def test_flatten_by_hand():
    x = np.arange(12.0).reshape(1, 2, 2, 3)
    y = flatten(x)
    assert y.tolist() == [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]
    assert flatten_grad_input(y, shape=(2, 2, 3)).tolist() == x.tolist()


@given(rngs, st.integers(0, 3), st.integers(1, 4), st.integers(1, 4), st.tuples(layouts, layouts, layouts))
@modest
def test_linear_as_loops(rng, samples, features, outputs, layout):
    x, weight = numbers(rng, (samples, features), layout[0]), numbers(rng, (outputs, features), layout[1])
    bias, g = numbers(rng, (outputs,)), numbers(rng, (samples, outputs), layout[2])
    y, grad_x, grad_weight, grad_bias = np.zeros(g.shape), np.zeros(x.shape), np.zeros(weight.shape), np.zeros(outputs)
    for n, o in np.ndindex(samples, outputs):
        y[n, o] = bias[o]
        grad_bias[o] += g[n, o]
        for i in range(features):
            y[n, o] += x[n, i] * weight[o, i]
            grad_x[n, i] += g[n, o] * weight[o, i]
            grad_weight[o, i] += g[n, o] * x[n, i]
    assert_agrees(linear(x, weight, bias), y, tolerance=1e-13)
    assert_agrees(linear_grad_input(g, weight), grad_x, tolerance=1e-13)
    assert_agrees(linear_grad_weight(x, g), grad_weight, tolerance=1e-13)
    assert_agrees(linear_grad_bias(g), grad_bias, tolerance=1e-13)
    product = np.vdot(linear(x, weight), g)
    assert_agrees(np.vdot(x, linear_grad_input(g, weight)), product, tolerance=1e-12)


@given(rngs, st.lists(st.integers(1, 3), max_size=3), st.integers(0, 2), layouts)
@modest
def test_flatten_keeps_the_order(rng, shape, samples, layout):
    x = numbers(rng, (samples, *shape), layout if shape else "contiguous")
    y = flatten(x)
    assert y.shape == (samples, int(np.prod(shape)))
    assert y.ravel().tolist() == list(x.flat)
    np.testing.assert_array_equal(flatten_grad_input(y, shape=tuple(shape)), x)


def test_float32_stays_float32():
    x, weight, bias = np.ones((2, 3), np.float32), np.ones((4, 3), np.float32), np.ones(4, np.float32)
    y = linear(x, weight, bias)
    results = (y, linear_grad_input(y, weight), linear_grad_weight(x, y), linear_grad_bias(y), flatten(x))
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


def test_linear_gradients_by_differences(rng):
    x, weight, bias, g = (numbers(rng, shape) for shape in ((3, 4), (5, 4), (5,), (3, 5)))
    assert_agrees(linear_grad_input(g, weight), gradient(lambda x: linear(x, weight, bias), x, g))
    assert_agrees(linear_grad_weight(x, g), gradient(lambda w: linear(x, w, bias), weight, g))
    assert_agrees(linear_grad_bias(g), gradient(lambda b: linear(x, weight, b), bias, g))


def test_flatten_gradient_by_differences(rng):
    x, g = numbers(rng, (2, 2, 3, 2)), numbers(rng, (2, 12))
    assert_agrees(flatten_grad_input(g, shape=(2, 3, 2)), gradient(flatten, x, g))
