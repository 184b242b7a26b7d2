"""Residual and Concat: by hand, gradients, shapes they refuse, and parameters that paths share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as p
from pellucid.gradient_check import check_gradients


def dense(*weights):
    layer = p.Linear(len(weights[0]), len(weights), bias=False)
    layer.weight.data = weights
    return layer


def numbers(*shape):
    return np.random.default_rng(0).normal(0, 1, shape)


# ---- Residual
def test_residual_by_hand():
    layer = p.Residual(dense([2.0, 0], [0, 3]))
    np.testing.assert_array_equal(layer.forward([[1, 10]]), [[3, 40]])
    np.testing.assert_array_equal(layer.backward([[1, 1]]), [[3, 4]])


def test_residual_with_a_shortcut_by_hand():
    layer = p.Residual(dense([2.0, 0]), shortcut=dense([0.0, 5]))
    np.testing.assert_array_equal(layer.forward([[1, 10]]), [[52]])
    np.testing.assert_array_equal(layer.backward([[1]]), [[2, 5]])
    np.testing.assert_array_equal(layer.body.weight.grad, [[1, 10]])
    np.testing.assert_array_equal(layer.shortcut.weight.grad, [[1, 10]])


@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_residual(training):
    body = p.Sequential([p.Conv2d(3, 4, 3, padding=1), p.BatchNorm2d(4), p.Tanh(), p.Conv2d(4, 5, 3, stride=2)])
    layer = p.Residual(body, p.Conv2d(3, 5, 3, stride=2, bias=False))
    report = check_gradients(layer, numbers(2, 3, 7, 5), training=training)
    assert report.ok, report
    assert [check.name for check in report.checks] == [*layer.parameters(), "input"]


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            p.Residual(p.Conv2d(2, 2, 3)), (2, 5, 5),
            "Residual: adds the body's output (2, 3, 3) to the input (2, 5, 5): these must be equal; give a shortcut "
            "such as Conv2d(…, 1, stride=…) that makes the body's shape",
        ),
        (
            p.Residual(p.Conv2d(2, 4, 1), p.Conv2d(2, 3, 1)), (2, 5, 5),
            "Residual: adds the body's output (4, 5, 5) to the shortcut (3, 5, 5): these must be equal; give a "
            "shortcut such as Conv2d(…, 1, stride=…) that makes the body's shape",
        ),
        (
            p.Residual(p.Sequential([p.ReLU(), p.Conv2d(3, 3, 3)])), (2, 5, 5),
            "body.conv1 (layer 2): expects 3 channels, but relu1 gives 2: (2, 5, 5); make the layer for 2 channels",
        ),
        (
            p.Residual(p.ReLU(), p.Linear(3, 4)), (4,),
            "shortcut: expects 3 features, but the input has 4; use Linear(4, …)",
        ),
        (
            p.Concat(p.Conv2d(2, 2, 3), p.MaxPool2d(2), p.ReLU()), (2, 5, 5),
            "Concat: joins channels, so height and width must be equal, but branch1 gives (2, 3, 3), "
            "branch2 gives (2, 2, 2), branch3 gives (2, 5, 5)",
        ),
        (
            p.Concat(p.ReLU(), p.Residual(p.Linear(3, 3))), (4,),
            "branch2.body: expects 3 features, but the input has 4; use Linear(4, …)",
        ),
    ],
    ids=["no shortcut", "shortcut", "inside the body", "the shortcut's own", "branches", "nested"],
)  # fmt: skip
def test_shapes_that_do_not_meet_are_refused(layer, shape, message):
    with pytest.raises(p.ShapeError) as caught:
        layer.forward(np.zeros((1, *shape)))
    assert str(caught.value) == message


# ---- Concat
def test_concat_by_hand():
    layer = p.Concat(dense([1.0, 0]), dense([0.0, 2], [3, 0]), p.ReLU())
    np.testing.assert_array_equal(layer.forward([[1, 10]]), [[1, 20, 3, 1, 10]])
    # 1·1 + 3·3 + 1 and 2·2 + 1
    np.testing.assert_array_equal(layer.backward([[1, 2, 3, 1, 1]]), [[1 + 9 + 1, 4 + 1]])
    np.testing.assert_array_equal(layer.branches[1].weight.grad, [[2, 20], [3, 30]])


@settings(max_examples=10, deadline=None)
@given(channels=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_concat_lays_branches_side_by_side(channels):
    branches = [p.Conv2d(2, count, 1) for count in channels]
    layer, x = p.Concat(*branches), numbers(2, 2, 3, 3)
    y, start = layer.forward(x), 0
    assert layer.output_shape((2, 3, 3)) == (sum(channels), 3, 3)
    for branch in branches:
        stop = start + branch.out_channels
        np.testing.assert_array_equal(y[:, start:stop], branch.forward(x))
        start = stop


def test_gradients_of_concat():
    layer = p.Concat(p.Conv2d(2, 3, 1), p.Sequential([p.Conv2d(2, 2, 3, padding=1), p.ReLU()]), p.Tanh())
    report = check_gradients(layer, numbers(2, 2, 4, 3))
    assert report.ok, report


def test_concat_needs_a_branch():
    with pytest.raises(
        p.ArgumentError, match=r"at least one branch, received none; in a Graph write joins\.Concat\(\)$"
    ):
        p.Concat()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: p.Residual(p.ReLU), "body: expected a layer, received <class"),
        (
            lambda: p.Residual([p.ReLU(), p.Tanh()]),
            "received [ReLU(), Tanh()]; of several in a row write Sequential([…])",
        ),
        (lambda: p.Residual(p.ReLU(), 3), "shortcut: expected a layer, received 3"),
        (lambda: p.Concat(p.ReLU(), [p.ReLU()]), "branch 2: expected a layer, received [ReLU()]"),
    ],
)
def test_what_is_no_layer_is_refused(make, message):
    with pytest.raises(p.ArgumentError) as caught:
        make()
    assert message in str(caught.value)


# ---- both
def test_names_of_what_is_inside():
    layer = p.Residual(p.Sequential([p.Linear(2, 2)]), p.Concat(p.Linear(2, 1), p.Linear(2, 1)))
    assert [path for path, _ in layer.walk()] == [
        "", "body", "body.linear1", "shortcut", "shortcut.branch1", "shortcut.branch2",
    ]  # fmt: skip
    assert list(layer.parameters()) == [
        "body.linear1.weight", "body.linear1.bias", "shortcut.branch1.weight", "shortcut.branch1.bias",
        "shortcut.branch2.weight", "shortcut.branch2.bias",
    ]  # fmt: skip


@pytest.mark.parametrize("join", [p.Residual, p.Concat])
def test_a_shared_parameter_gets_the_gradients_of_both_paths(join):
    first, second = dense([1.0, 2], [3, 4]), dense([0.0, 0], [0, 0])
    second.weight = first.weight
    layer = join(first, second)
    y = layer.forward([[1, 10]])
    layer.backward(np.ones_like(y))
    np.testing.assert_array_equal(first.weight.grad, [[2, 20], [2, 20]])
    layer.backward(np.ones_like(y))
    np.testing.assert_array_equal(first.weight.grad, [[2, 20], [2, 20]], "overwritten, not added up")


def test_repr_shows_what_is_inside():
    assert repr(p.Residual(p.ReLU(), p.Tanh())) == "Residual(ReLU(), Tanh())"
    assert repr(p.Residual(p.ReLU())) == "Residual(ReLU())"
    assert repr(p.Concat(p.ReLU(), p.Tanh())) == "Concat(ReLU(), Tanh())"
