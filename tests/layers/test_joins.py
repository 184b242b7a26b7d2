"""Add, Multiply, Divide, MatMul and Concat: by hand, against differences, and what they refuse."""

from itertools import product

import numpy as np
import pytest

import pellucid as p

JOINS = [
    (p.joins.Add(), [(3, 2, 2), (3, 2, 2)]),
    (p.joins.Add(), [(3, 2, 2), (1, 2, 1), (3, 1, 2)]),
    (p.joins.Multiply(), [(3, 2, 2), (3, 1, 1)]),
    (p.joins.Multiply(), [(1, 4), (2, 4), (2, 1), (2, 4)]),
    (p.joins.Divide(), [(3, 2, 2), (3, 1, 1)]),
    (p.joins.Divide(), [(1, 4), (2, 4)]),
    (p.joins.MatMul(), [(3, 4), (4, 2)]),
    (p.joins.MatMul(), [(1, 2, 3), (2, 3, 2)]),
    (p.joins.Concat(), [(3, 2, 2), (1, 2, 2), (2, 2, 2)]),
    (p.joins.Concat(), [(3,), (4,)]),
]


def test_by_hand():
    assert p.joins.Add()([[1, 2]], [[10, 20]], [[100, 200]]).tolist() == [[111, 222]]
    multiply = p.joins.Multiply()
    assert multiply([[2.0, 3]], [[5.0, 7]], [[1.0, 10]]).tolist() == [[10, 210]]
    assert [grad.tolist() for grad in multiply.backward([[1.0, 1]])] == [[[5, 70]], [[2, 30]], [[10, 21]]]
    divide = p.joins.Divide()
    assert divide([[6.0, 1]], [[3.0, 4]]).tolist() == [[2, 0.25]]
    assert [grad.tolist() for grad in divide.backward([[9.0, 16]])] == [[[3, 4]], [[-6, -1]]]
    matmul = p.joins.MatMul()
    assert matmul([[[1.0, 2]]], [[[3.0], [4]]]).tolist() == [[[11]]]
    assert [grad.tolist() for grad in matmul.backward([[[2.0]]])] == [[[[6, 8]]], [[[2], [4]]]]
    concat = p.joins.Concat()
    assert concat([[1.0]], [[2.0, 3]]).tolist() == [[1, 2, 3]]
    assert [grad.tolist() for grad in concat.backward([[4, 5, 6]])] == [[[4]], [[5, 6]]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.bool_])
def test_what_is_no_float_is_computed_in_float32(dtype):
    two, many = np.array([[2]]).astype(dtype), np.array([[200]]).astype(dtype)
    factors = int(two[0, 0]), int(many[0, 0])
    for join, expected in (
        (p.joins.Add(), [sum(factors)]), (p.joins.Multiply(), [factors[0] * factors[1]]), (p.joins.Concat(), factors)
    ):  # fmt: skip
        found = join(two, many)
        assert (found.tolist(), found.dtype) == ([list(expected)], np.float32), join
    multiply = p.joins.Multiply()
    multiply(two, many)
    for grad, factor in zip(multiply.backward(many), factors[::-1], strict=True):
        assert (grad.tolist(), grad.dtype) == ([[factors[1] * factor]], np.float32)
    for join in (p.joins.Add(), p.joins.Concat()):
        join(two, many)
        assert {grad.dtype for grad in join.backward(np.ones_like(join(two, many), np.uint8))} == {np.dtype("f4")}


def test_the_wider_float_is_that_of_all():
    large, halves = np.array([[2**24 + 1]]), np.array([[0.5]])
    assert p.joins.Add()(large, halves).tolist() == [[2**24 + 1.5]]
    assert p.joins.Add()(large, halves).dtype == np.float64
    assert p.joins.Add()(large, halves.astype(np.float32)).dtype == np.float32
    join = p.joins.Add()
    join(halves, halves)
    assert {grad.dtype for grad in join.backward([[1]])} == {np.dtype("f8")}


def test_a_value_with_one_along_an_axis_is_repeated():
    gate = p.joins.Multiply()
    image, weights = np.arange(8.0).reshape(1, 2, 2, 2), np.array([10.0, 1]).reshape(1, 2, 1, 1)
    assert gate(image, weights)[0].tolist() == [[[0, 10], [20, 30]], [[4, 5], [6, 7]]]
    of_image, of_weights = gate.backward(np.ones((1, 2, 2, 2)))
    assert of_image[0, :, 0, 0].tolist() == [10, 1]
    assert of_weights.tolist() == [[[[6]], [[22]]]]


@pytest.mark.parametrize(("join", "shapes"), JOINS)
def test_gradients_are_those_of_differences(join, shapes, rng):
    xs = [rng.choice([-1, 1], (2, *shape)) * rng.uniform(0.5, 2, (2, *shape)) for shape in shapes]
    wanted = rng.normal(size=(2, *join.output_shape(*shapes)))
    assert join(*xs).shape == wanted.shape
    for number, grad in enumerate(join.backward(wanted)):
        assert grad.shape == xs[number].shape
        for place in product(*map(range, grad.shape)):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [x.copy() for x in xs]
                moved[number][place] += step
                ends.append((join(*moved) * wanted).sum())
            assert grad[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-7)


@pytest.mark.parametrize(
    ("join", "shapes", "message"),
    [
        (
            p.joins.Add(),
            [(3, 2, 2), (3, 4, 2)],
            "one shape, or with 1 where another is longer, received (3, 2, 2) and (3",
        ),
        (p.joins.Multiply(), [(3,), (3, 1, 1)], "received (3,) and (3, 1, 1)"),
        (
            p.joins.Concat(),
            [(3, 2, 2), (3, 2, 1)],
            "height and width must be equal, but received (3, 2, 2) and (3, 2, 1)",
        ),
        (p.joins.Add(), [(3,)], "Add expects at least two values, received 1"),
        (p.joins.Divide(), [(3,), (3,), (3,)], "Divide expects two values, received 3"),
        (
            p.joins.MatMul(),
            [(3, 4), (3, 4)],
            "expects matrices (…, P, Q) and (…, Q, R), otherwise of one shape",
        ),
        (p.joins.MatMul(), [(4,), (4, 2)], "received (4,) and (4, 2)"),
        (p.joins.MatMul(), [(2, 3, 4), (3, 4, 2)], "received (2, 3, 4) and (3, 4, 2)"),
    ],
)
def test_shapes_that_do_not_meet_are_refused(join, shapes, message):
    with pytest.raises(p.ShapeError) as caught:
        join.output_shape(*shapes)
    assert message in str(caught.value)
    with pytest.raises(p.ShapeError):
        join(*(np.zeros((2, *shape)) for shape in shapes))


@pytest.mark.parametrize("kind", p.joins.JOINS)
@pytest.mark.parametrize("shapes", [[(1, 2), (2, 2)], [(2, 2), (2, 2), (1, 2)], [(), (2, 2)], [(), ()]])
def test_batches_of_different_length_are_refused(kind, shapes):
    with pytest.raises(
        p.ShapeError, match=rf"{kind.__name__} expects batches \(N, …\) of equally many samples, received "
    ):
        kind()(*map(np.zeros, shapes))


@pytest.mark.parametrize("kind", p.joins.JOINS)
@pytest.mark.parametrize("shape", [(), (1, 1), (1, 8), (2, 1), (3, 8), (2, 9)])
def test_a_gradient_of_another_shape_is_refused(kind, shape):
    join = kind()
    x = np.ones((2, 2, 2) if kind is p.joins.MatMul else (2, 4))
    expected = join(x, x).shape
    with pytest.raises(p.ShapeError) as caught:
        join.backward(np.zeros(shape))
    message = f"{kind.__name__}.backward expects grad_output of the output's shape {expected}, received {shape}"
    assert message in str(caught.value)


def test_backward_needs_a_forward():
    with pytest.raises(p.StateError, match=r"Add.backward needs a forward before it: call forward\(…\) first"):
        p.joins.Add().backward([[1]])
