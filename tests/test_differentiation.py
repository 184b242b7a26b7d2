"""From forward steps to backward steps: what is differentiated, what is added up, and what is not done at all."""

from itertools import pairwise

import numpy as np
import pytest

import pellucid as p
from pellucid import interpreter


def backward_steps(network, wanted_input=False, training=True, **options):
    """The backward steps as "layer kind", and the program."""
    options = {"loss": p.MeanSquaredError(), "target_shape": network.output_shape(), **options}
    program = p.lower(network, training=training, input_gradient=wanted_input, **options)
    steps = program.steps[program.forward : program.backward]
    return [f"{step.layer} {step.kind}" for step in steps if "grad" in step.kind or step.kind == "add"], program


def names(program, values):
    return [program.values[value].name for value in values]


def freeze(network, *paths):
    for path, parameter in network.parameters().items():
        if path in paths:
            parameter.trainable = False


def dense(*sizes):
    layers = [layer for pair in pairwise(sizes) for layer in (p.Linear(*pair), p.Tanh())]
    return p.Sequential(layers[:-1], input_shape=(sizes[0],), dtype="float64")


# ---- what is differentiated
def test_a_chain_is_walked_in_reverse():
    steps, _ = backward_steps(dense(4, 3, 2))
    assert steps == [
        "loss squared_error.grad_input",
        "linear2 linear.grad_weight", "linear2 linear.grad_bias", "linear2 linear.grad_input",
        "tanh1 tanh.grad_input",
        "linear1 linear.grad_weight", "linear1 linear.grad_bias",
    ]  # fmt: skip


def test_the_inputs_gradient_goes_through_the_scaling():
    steps, program = backward_steps(dense(4, 2), wanted_input=True)
    assert steps[-2:] == ["linear1 linear.grad_input", " scale.grad_input"]
    assert program.values[program.gradients[program.input]].name == "grad(input)"


def test_nothing_below_the_lowest_trainable_parameter_is_differentiated():
    network = dense(4, 3, 3, 2)
    freeze(network, "linear1.weight", "linear1.bias", "linear2.weight")
    steps, _ = backward_steps(network)
    assert steps[-2:] == ["tanh2 tanh.grad_input", "linear2 linear.grad_bias"]


def test_a_frozen_layer_in_between_passes_the_gradient_on():
    network = dense(4, 3, 2)
    freeze(network, "linear2.weight", "linear2.bias")
    steps, _ = backward_steps(network)
    assert [step for step in steps if step.startswith("linear2")] == ["linear2 linear.grad_input"]


def test_batch_norm_needs_both_sums_for_its_inputs_gradient_but_not_without():
    network = p.Sequential([p.Linear(4, 3), p.BatchNorm2d(3)], input_shape=(4,))
    freeze(network, "norm1.weight")
    steps, program = backward_steps(network)
    assert [step for step in steps if step.startswith("norm1")] == [
        "norm1 batch_norm.grad_weight", "norm1 batch_norm.grad_bias", "norm1 batch_norm.grad_input",
    ]  # fmt: skip
    assert "norm1.weight" not in names(program, program.gradients)
    freeze(network, "linear1.weight", "linear1.bias")
    assert backward_steps(network)[0] == ["loss squared_error.grad_input", "norm1 batch_norm.grad_bias"]


def test_with_running_statistics_batch_norm_has_no_sums_in_its_inputs_gradient():
    network = p.Sequential([p.Linear(4, 3), p.BatchNorm2d(3)], input_shape=(4,))
    steps, program = backward_steps(network, training=False)
    assert "norm1 batch_norm_running.grad_input" in steps
    assert len(program.stages) == 1
    freeze(network, "norm1.weight", "norm1.bias")
    steps, program = backward_steps(network, training=True)
    assert [step for step in steps if step.startswith("norm1")] == ["norm1 batch_norm_running.grad_input"]


# ---- paths that part and meet
def test_a_residual_adds_the_gradients_of_both_paths():
    network = p.Sequential([p.Linear(3, 3), p.Residual(p.Linear(3, 3))], input_shape=(3,))
    steps, program = backward_steps(network)
    assert steps == [
        "loss squared_error.grad_input",  # also the gradient of both of what is added
        "residual1.body linear.grad_weight", "residual1.body linear.grad_bias", "residual1.body linear.grad_input",
        "residual1.body add",
        "linear1 linear.grad_weight", "linear1 linear.grad_bias",
    ]  # fmt: skip
    (add,) = (step for step in program.steps[program.forward :] if step.kind == "add")
    assert names(program, add.inputs) == ["grad(residual1.output)", "grad(linear1.output)"]
    assert names(program, add.outputs) == ["grad(linear1.output)#2"]


def test_concat_cuts_the_gradient_into_the_branches_channels():
    network = p.Sequential([p.Linear(3, 3), p.Concat(p.Tanh(), p.Linear(3, 2), p.ReLU())], input_shape=(3,))
    steps, program = backward_steps(network)
    parts = [step.keywords for step in program.steps if step.kind == "concat.grad_input"]
    assert parts == [{"start": 0, "stop": 3}, {"start": 3, "stop": 5}, {"start": 5, "stop": 8}]
    assert [step.split()[1] for step in steps].count("add") == 2


def test_padded_channels_are_cut_off_the_gradient():
    network = p.Sequential([p.Linear(3, 3), p.PadChannels(2, 1)], input_shape=(3,))
    steps, program = backward_steps(network)
    assert steps[1] == "pad1 concat.grad_input"
    (cut,) = (step for step in program.steps if step.kind == "concat.grad_input")
    assert cut.keywords == {"start": 2, "stop": 5}


def test_a_value_added_to_itself():
    """Dropout does nothing outside training, so both of what is added are one value."""
    network = p.Sequential([p.Linear(2, 2), p.Residual(p.Dropout())], input_shape=(2,), dtype="float64")
    _, program = backward_steps(network, training=False)
    assert program.steps[2].kind == "add"
    assert len(set(program.steps[2].inputs)) == 1
    gradient = program.gradients[program.ids["linear1.bias"]]
    held = {path: q.data for path, q in network.parameters().items()}
    feeds = {**held, "input": [[1.0, 2]], "target": np.zeros((1, 2)), "count": 1}
    feeds["input"] = np.array(feeds["input"])
    y = 2 * network["linear1"].forward(feeds["input"])
    np.testing.assert_allclose(interpreter.run(program, feeds, {gradient})[gradient], 2 * y[0])  # 2·(y/2·2)


def test_a_shared_parameter_adds_its_contributions():
    network = dense(3, 3, 3)
    network["linear2"].weight = network["linear1"].weight
    steps, program = backward_steps(network, optimizer=p.SGD())
    assert [step for step in steps if step.endswith("add")] == ["linear1 add"]
    (add,) = (step for step in program.steps if step.kind == "add")
    assert names(program, add.inputs) == ["grad(linear1.weight)", "grad(linear1.weight)#2"]
    total = program.values[add.outputs[0]]
    assert (total.name, total.over) == ("grad(linear1.weight)#3", "none")
    assert [program.values[v].over for v in add.inputs] == ["sum", "sum"]
    assert [step.kind for step in program.stages[1]] == ["add"], "made of complete sums, behind the barrier"
    updates = program.steps[program.backward :]
    assert sorted(names(program, [step.inputs[0] for step in updates])) == [
        "linear1.bias", "linear1.weight", "linear2.bias",
    ]  # fmt: skip


# ---- layers of one's own
class Mine(p.Layer):
    """A dense layer without `lower`, and without a bias; `spoil` changes what it returns."""

    def __init__(self, spoil=None):
        super().__init__()
        self.w = p.Parameter("w", (2, 3), p.HeNormal())
        self.spoil = spoil

    def output_shape(self, input_shape):
        return (2,)

    def forward(self, x, training=False):
        self._cache = x = self.accept(x)
        y = x @ self.w.data.T
        return y[:, :1] if self.spoil == "forward" else y

    def backward(self, grad_output):
        x, grad = self.remembered(grad_output)
        self.w.grad = None if self.spoil == "grad" else grad.T @ x
        if self.spoil == "grad's shape":
            self.w.grad = self.w.grad.T
        return grad if self.spoil == "backward" else grad @ self.w.data


class Swish(p.Layer):
    """x · sigmoid(x): a layer of one's own with nothing to learn."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        self._cache = x = self.accept(x)
        return x / (1 + np.exp(-x))

    def backward(self, grad_output):
        x, grad = self.remembered(grad_output)
        share = 1 / (1 + np.exp(-x))
        return grad * share * (1 + x * (1 - share))


class Forgetful(Swish):
    def forward(self, x):
        return super().forward(x)


def test_an_own_layer_without_parameters_passes_the_gradient_on(rng):
    network = p.Sequential([p.Linear(3, 4), Swish(), p.Linear(4, 2)], input_shape=(3,), dtype="float64")
    x, labels = rng.normal(size=(6, 3)), np.array([0, 1, 0, 1, 1, 0])
    found = p.gradients(network, x, labels)
    logits = network.forward(x)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    network.backward((shares - np.eye(2)[labels]) / len(x))
    for path, parameter in network.parameters().items():
        np.testing.assert_allclose(found[path], parameter.grad, rtol=1e-12, atol=1e-14, err_msg=path)


def test_an_own_layer_must_take_training():
    network = p.Sequential([Forgetful()], input_shape=(3,))
    with pytest.raises(p.ArgumentError) as caught:
        p.lower(network)
    assert str(caught.value) == (
        "Forgetful.forward: write def forward(self, x, training=False), as a network passes both"
    )


def own(spoil=None, dtype="float64"):
    return p.Sequential([p.Tanh(), Mine(spoil)], input_shape=(3,), dtype=dtype)


def run_own(network):
    _, program = backward_steps(network, wanted_input=True)
    feeds = {"mine1.w": network["mine1"].w.data, "input": np.ones((4, 3)), "target": np.zeros((4, 2)), "count": 4}
    wanted = {program.loss, *program.gradients.values()}
    return program, interpreter.run(program, feeds, wanted)


def test_a_layer_of_ones_own_becomes_one_step_each_way():
    steps, program = backward_steps(own(), wanted_input=True)
    assert steps == ["loss squared_error.grad_input", "mine1 custom.grad", "tanh1 tanh.grad_input", " scale.grad_input"]
    (step,) = (step for step in program.steps if step.kind == "custom.grad")
    assert names(program, step.outputs) == ["grad(tanh1.output)", "grad(mine1.w)"]
    assert [program.values[v].over for v in step.outputs] == ["sample", "sum"]


def test_its_gradients_are_those_of_a_dense_layer():
    network = own()
    twin = p.Sequential([p.Tanh(), p.Linear(3, 2, bias=False)], input_shape=(3,), dtype="float64")
    twin["linear1"].weight.data = network["mine1"].w.data
    _, theirs = backward_steps(twin, wanted_input=True)
    feeds = {"linear1.weight": twin["linear1"].weight.data, "input": np.ones((4, 3)), "target": np.zeros((4, 2)),
             "count": 4}  # fmt: skip
    expected = interpreter.run(theirs, feeds, {theirs.loss, *theirs.gradients.values()})
    program, found = run_own(network)
    for mine, other in (("mine1.w", "linear1.weight"), ("input", "input"), ("tanh1.output", "tanh1.output")):
        gradient = theirs.gradients[theirs.ids[other]]
        np.testing.assert_array_equal(found[program.gradients[program.ids[mine]]], expected[gradient])


def test_it_trains_in_a_network():
    network = own(dtype="float32")
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (64, 3)).astype(np.float32)
    y = np.tanh(x) @ np.array([[1, 2], [3, -1], [0.5, 0]], np.float32)
    losses = p.fit(
        network, (x, y), loss=p.MeanSquaredError(), optimizer=p.SGD(0.3), epochs=60, batch_size=16, progress=False
    )
    first, last = losses.epochs[0]["loss"], losses.epochs[-1]["loss"]
    assert last < first / 1e4


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        ("forward", p.ShapeError, r"Mine.forward gave shape \(4, 1\), but \(4, 2\) follows"),
        ("backward", p.ShapeError, r"Mine.backward gave shape \(4, 2\), but \(4, 3\) follows"),
        ("grad", p.StateError, "Mine.backward left no gradient for w: let it assign self.w.grad"),
        ("grad's shape", p.ShapeError, r"Mine.backward, as w.grad gave shape \(3, 2\), but \(2, 3\) follows"),
    ],
)
def test_what_it_returns_is_checked(spoil, error, message):
    with pytest.raises(error, match=message):
        run_own(own(spoil))


def test_float64_from_it_does_not_spread():
    class Careless(Mine):
        def forward(self, x, training=False):
            return super().forward(x).astype(np.float64)

        def backward(self, grad_output):
            grad_input = super().backward(grad_output).astype(np.float64)
            self.w.grad = self.w.grad.astype(np.float64)
            return grad_input

    network = p.Sequential([p.Tanh(), ("mine1", Careless())], input_shape=(3,))
    _, results = run_own(network)
    assert {result.dtype for result in results.values()} == {np.dtype(np.float32)}


def test_an_unknown_kind_is_refused_where_its_gradient_is_needed():
    class Strange(p.Layer):
        def output_shape(self, input_shape):
            return input_shape

        def lower(self, build, x):
            y = build.activation(build.shape(x))
            build.step("strange", [x], [y])
            return y

    network = p.Sequential([p.Linear(2, 2), Strange()], input_shape=(2,))
    with pytest.raises(p.ArgumentError, match="strange1: nothing is known of the gradient of a 'strange' step"):
        backward_steps(network)
    freeze(network, "linear1.weight", "linear1.bias")
    assert backward_steps(network)[0] == [], "nobody needs it"
