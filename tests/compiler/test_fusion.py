"""Fusion: which ReLUs ride along, and which flatten steps move nothing; by steps written out by hand."""

import pytest

import pellucid as p
from pellucid.build import lower
from pellucid.compiler.fusion import Operation, Readers, flattened, operations
from pellucid.steps import Step


def step(kind, inputs, outputs):
    return Step(kind, "", tuple(inputs), tuple(outputs))


def fused(steps, wanted=()):
    """Return the kinds of the operations, "+" where a ReLU rides along."""
    found = operations(steps, Readers(steps, set(wanted)))
    assert sorted(s.outputs for op in found for s in op.steps) == sorted(s.outputs for s in steps), "each step once"
    return [op.kind + "+" * (op.relu is not None) for op in found]


# ---- forward
@pytest.mark.parametrize("kind", ["conv2d", "linear", "add", "batch_norm", "batch_norm_running"])
def test_a_relu_rides_along(kind):
    steps = [step(kind, [0, 1], [2]), step("relu", [2], [3]), step("tanh", [3], [4])]
    assert fused(steps) == [f"{kind}+", "tanh"]
    operation = operations(steps, Readers(steps, set()))[0]
    assert operation.steps == tuple(steps[:2])
    assert (operation.inputs, operation.outputs, operation.mask) == ((0, 1), (3,), None)


def test_others_do_not_ride_along():
    assert fused([step("conv2d", [0, 1], [2]), step("leaky_relu", [2], [3])]) == ["conv2d", "leaky_relu"]
    assert fused([step("max_pool2d", [0], [1]), step("relu", [1], [2])]) == ["max_pool2d", "relu"]
    assert fused([step("relu", [0], [1]), step("relu", [1], [2])]) == ["relu", "relu"]


def test_a_relu_whose_input_somebody_else_reads_stays():
    conv, relu = step("conv2d", [0, 1], [2]), step("relu", [2], [3])
    assert fused([conv, relu, step("tanh", [2], [4])]) == ["conv2d", "relu", "tanh"]
    assert fused([conv, relu], wanted=[2]) == ["conv2d", "relu"]
    assert fused([conv, relu, step("tanh", [3], [4]), step("add", [3, 4], [5])], wanted=[3]) == [
        "conv2d+", "tanh", "add",
    ], "whoever reads the ReLU's own output is no matter"  # fmt: skip


def test_a_step_with_two_results_takes_nothing_along():
    assert fused([step("conv2d", [0, 1], [2, 3]), step("relu", [2], [4])]) == ["conv2d", "relu"]


def test_what_stands_between_keeps_its_place():
    steps = [step("conv2d", [0, 1], [2]), step("tanh", [9], [10]), step("relu", [2], [3]), step("add", [3, 10], [11])]
    assert fused(steps) == ["conv2d+", "tanh", "add"]


# ---- backward
@pytest.mark.parametrize("kind", ["conv2d.grad_input", "linear.grad_input"])
def test_the_derivative_of_a_relu_rides_along(kind):
    steps = [step(kind, [0, 1], [2]), step("relu.grad_input", [7, 2], [3])]
    assert fused(steps) == [f"{kind}+"]
    operation = operations(steps, Readers(steps, set()))[0]
    assert operation.mask == 7
    assert (operation.inputs, operation.outputs) == ((0, 1, 7), (3,))


def test_a_derivative_of_something_else_stays():
    grad = step("conv2d.grad_input", [0, 1], [2])
    assert fused([grad, step("relu.grad_input", [2, 7], [3])]) == ["conv2d.grad_input", "relu.grad_input"]
    assert fused([grad, step("tanh.grad_input", [7, 2], [3])]) == ["conv2d.grad_input", "tanh.grad_input"]
    assert fused([step("avg_pool2d.grad_input", [0], [2]), step("relu.grad_input", [7, 2], [3])]) == [
        "avg_pool2d.grad_input", "relu.grad_input",
    ]  # fmt: skip


def test_a_pool_takes_the_derivative_of_the_relu_whose_output_it_has_read():
    pool = step("max_pool2d.grad_input", [7, 1], [2])
    assert fused([pool, step("relu.grad_input", [7, 2], [3])]) == ["max_pool2d.grad_input+"]
    assert fused([pool, step("relu.grad_input", [8, 2], [3])]) == ["max_pool2d.grad_input", "relu.grad_input"]


def test_an_operation_alone_is_its_step():
    alone = Operation(step("tanh", [0], [1]))
    assert (alone.kind, alone.steps, alone.mask, alone.inputs, alone.outputs) == (
        "tanh", (alone.step,), None, (0,), (1,),
    )  # fmt: skip


# ---- flattening
def moved(*layers, input_shape=(2, 4, 4), loss=None):
    """Return whether the network's flatten step must move numbers."""
    program = lower(p.Sequential(layers, input_shape=input_shape), loss=loss)
    wanted = set() if loss else {program.output}
    (flatten,) = [step for step in program.steps if step.kind == "flatten"]
    return flatten.outputs[0] not in flattened(program, Readers(program.steps, wanted))


def test_before_a_linear_layer_nothing_moves():
    assert not moved(p.Flatten(), p.Linear(32, 3))
    assert not moved(p.Flatten(), p.Linear(32, 3), loss=p.CrossEntropy())
    assert not moved(p.Flatten(), p.ReLU(), p.Tanh(), p.Linear(32, 3), loss=p.CrossEntropy())
    assert not moved(p.Flatten(), p.LeakyReLU(), p.Sigmoid(), p.ReLU6(), p.Linear(32, 3), loss=p.CrossEntropy())


def test_where_the_order_shows_the_numbers_move():
    assert moved(p.Flatten()), "the outputs themselves"
    assert moved(p.Flatten(), p.ReLU()), "the outputs, number by number"
    assert moved(p.Flatten(), p.Softmax(), p.Linear(32, 3))
    path = p.Sequential([p.Linear(32, 32)])
    assert moved(p.Flatten(), p.Residual(path)), "a sum of two orders"
    assert moved(p.Flatten(), loss=p.CrossEntropy())


def test_dropout_between_shows_the_order():
    """Its mask belongs to places of the flattened image."""
    program = lower(
        p.Sequential([p.Flatten(), p.Dropout(0.5), p.Linear(32, 3)], input_shape=(2, 4, 4)),
        training=True, loss=p.CrossEntropy(),
    )  # fmt: skip
    assert not flattened(program, Readers(program.steps, set()))


def test_one_pixel_has_but_one_order():
    assert not moved(p.Flatten(), input_shape=(5, 1, 1))
    assert not moved(p.AdaptiveAvgPool2d(1), p.Flatten(), p.Softmax())
