"""Gradients between any two places of a network: exact where it is linear, by differences where it is not."""

import numpy as np
import pytest

import pellucid as p
from pellucid.explanations import vector_jacobian
from pellucid.explanations.vector_jacobian import gradients_and_values


def network(**options):
    layers = [
        p.Conv2d(2, 3, 3, padding=1), p.BatchNorm2d(3), p.ReLU(), p.MaxPool2d(2),
        ("more", p.Residual(p.Conv2d(3, 3, 1))), p.Dropout(0.5), p.Flatten(), p.Linear(27, 4),
    ]  # fmt: skip
    made = p.Sequential(layers, input_shape=(2, 6, 6), dtype="float64", **options)
    made["norm1"].running_mean.data[...] = [0.1, -0.2, 0.3]
    made["norm1"].running_var.data[...] = [1.5, 0.5, 2.0]
    return made


def test_every_place_before_the_output_has_the_gradient_that_differences_give(rng):
    made, x = network(scaling=p.Scaling(0.2, 0.5)), rng.random((3, 2, 6, 6))
    vector = rng.standard_normal((3, 4))
    found = vector_jacobian(made, x, vector, by=("input", "norm1", "pool1", "more"))
    direction, step = rng.standard_normal(x.shape), 1e-6
    for by in ("input", "norm1", "pool1", "more"):
        inside = x if by == "input" else p.activations(made, x)[by]
        along = direction if by == "input" else rng.standard_normal(inside.shape)
        ends = [behind(made, by, inside + sign * step * along) for sign in (1, -1)]
        expected = ((ends[0] - ends[1]) * vector).sum() / (2 * step)
        assert (found[by] * along).sum() == pytest.approx(expected, rel=1e-5), by


def behind(made, by, numbers):
    """What the layers after `by` make of numbers."""
    if by == "input":
        return p.predict(made, numbers)
    names = list(made.children())
    for name in names[names.index(by) + 1 :]:
        numbers = made[name].forward(numbers)
    return numbers


def test_the_end_may_be_inside(rng):
    made, x = network(), rng.random((2, 2, 6, 6))
    vector = rng.standard_normal((2, 3, 6, 6))
    found = vector_jacobian(made, x, vector, of="norm1", by=("input", "norm1"))
    np.testing.assert_array_equal(found["norm1"], vector)
    scaled = vector * (made["norm1"].weight.data / np.sqrt(made["norm1"].running_var.data + 1e-5))[:, None, None]
    made["conv1"].forward(x)
    np.testing.assert_allclose(found["input"], made["conv1"].backward(scaled), rtol=1e-12)


def test_a_value_that_several_read_gets_all_that_flows_back(rng):
    nodes = {
        "conv": (p.Conv2d(1, 1, 1), "input"),
        "gate": (p.Sigmoid(), "conv"),
        "product": (p.joins.Multiply(), "conv", "gate"),
        "flat": (p.Flatten(), "product"),
        "head": (p.Linear(4, 2), "flat"),
    }
    made, x = p.Graph(nodes, input_shape=(1, 2, 2), dtype="float64"), rng.random((2, 1, 2, 2))
    vector = rng.standard_normal((2, 2))
    found = vector_jacobian(made, x, vector, by=("conv", "gate"))
    inside = p.activations(made, x)
    back = (vector @ made["head"].weight.data).reshape(2, 1, 2, 2)
    np.testing.assert_allclose(found["gate"], back * inside["conv"], rtol=1e-12)
    slope = inside["gate"] * (1 - inside["gate"])
    np.testing.assert_allclose(found["conv"], back * (inside["gate"] + inside["conv"] * slope), rtol=1e-12)


def test_a_softmax_at_the_end_is_left_out(rng):
    layers = [p.Flatten(), p.Linear(4, 3)]
    plain = p.Sequential(layers, input_shape=(1, 2, 2), dtype="float64")
    ended = p.Sequential(
        [p.Flatten(), p.Linear(4, 3), p.Softmax(), p.Flatten()], input_shape=(1, 2, 2), dtype="float64"
    )
    logs = p.Sequential([p.Flatten(), p.Linear(4, 3), p.LogSoftmax()], input_shape=(1, 2, 2), dtype="float64")
    for made in (ended, logs):
        made["linear1"].weight.data = plain["linear1"].weight.data
    x = rng.random((2, 1, 2, 2))
    vector = np.eye(3)[[0, 2]]
    expected = plain["linear1"].weight.data[[0, 2]].reshape(2, 1, 2, 2)
    for made in (plain, ended, logs):
        np.testing.assert_allclose(vector_jacobian(made, x, vector)["input"], expected, rtol=1e-12)
    shares = vector_jacobian(ended, x, vector, of="softmax1")["input"]
    assert not np.allclose(shares, expected), "asked for by name, it counts"


def test_bytes_are_divided_before_and_so_is_their_gradient():
    made = p.Sequential([p.Flatten(), p.Linear(1, 1)], input_shape=(1, 1, 1), scaling=p.Scaling(0.5, 0.25))
    made["linear1"].weight.data = [[2.0]]
    found = vector_jacobian(made, np.full((1, 1, 1, 1), 100, np.uint8), [[1.0]])["input"]
    assert found.item() == pytest.approx(2 / 0.25 / 255)


def test_batches_change_nothing(rng):
    made, x, vector = network(), rng.random((5, 2, 6, 6)), rng.standard_normal((5, 4))
    whole, parts = (vector_jacobian(made, x, vector, by=("conv1",), batch_size=size)["conv1"] for size in (5, 2))
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_only_what_lies_between_is_computed():
    from pellucid.explanations.vector_jacobian import _program

    program, _, _ = _program(network(), "norm1", ("conv1",))
    kinds = [step.kind for step in program.steps]
    assert kinds == ["scale", "conv2d", "batch_norm_running", "batch_norm_running.grad_input"]


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"of": 3}, p.ArgumentError, "of: expected the path of a layer, received 3"),
        ({"by": (["conv1"],)}, p.ArgumentError, "by: expected the path of a layer, received ['conv1']"),
        ({"of": "convl"}, p.ArgumentError, "of: no layer 'convl'; did you mean 'conv1'?"),
        ({"by": ("zzz",)}, p.ArgumentError, "by: no layer 'zzz'. There are input, conv1, "),
        ({"of": "conv1", "by": ("norm1",)}, p.ArgumentError, "by: conv1 does not depend on norm1; name layers that"),
        ({"of": "conv1"}, p.ShapeError, "vector: expected the shape (1, 3, 6, 6), received (1, 4)"),
    ],
)
def test_what_makes_no_sense_is_refused(words, error, message):
    with pytest.raises(error) as caught:
        vector_jacobian(network(), np.zeros((1, 2, 6, 6)), np.zeros((1, 4)), **words)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("batch_size", [None, 2])
def test_the_values_come_of_the_same_pass(batch_size, rng):
    made, x = network(scaling=p.Scaling(0.2, 0.5)), rng.random((3, 2, 6, 6))
    vector, by = rng.standard_normal((3, 4)), ("input", "pool1", "linear1")
    gradients, values = gradients_and_values(made, x, vector, by=by, values=by, batch_size=batch_size)
    assert gradients.keys() == values.keys() == set(by)
    for name, expected in vector_jacobian(made, x, vector, by=by).items():
        np.testing.assert_allclose(gradients[name], expected, rtol=1e-12)
    np.testing.assert_array_equal(values["input"], x)
    for name in by[1:]:
        np.testing.assert_allclose(values[name], p.activations(made, x)[name], rtol=1e-12)
    assert not gradients_and_values(made, x, vector)[1]
