"""The Program that a network becomes: its steps, values, stages; properties over random networks; what it refuses."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as p
from oracles.effort import effort
from pellucid import interpreter
from pellucid.definitions.mixup import pairs
from pellucid.program import unused


def lenet():
    layers = [
        p.Conv2d(1, 6, 5), p.ReLU(), p.MaxPool2d(2), p.Conv2d(6, 16, 5), p.ReLU(), p.MaxPool2d(2), p.Flatten(),
        p.Linear(256, 120), p.ReLU(), p.Linear(120, 84), p.ReLU(), p.Linear(84, 10),
    ]  # fmt: skip
    return p.Sequential(layers, input_shape=(1, 28, 28))


def batch_norm_residual():
    """One convolution and one residual block, all with batch normalisation: three of them one after the other."""
    body = [p.Conv2d(8, 8, 3, padding=1), p.BatchNorm2d(8), p.ReLU(), p.Conv2d(8, 8, 3, padding=1), p.BatchNorm2d(8)]
    stem = [p.Conv2d(3, 8, 3, padding=1), p.BatchNorm2d(8), p.ReLU()]
    return p.Sequential([*stem, p.Residual(p.Sequential(body)), p.ReLU(), p.Flatten(), p.Linear(512, 10)],
                        input_shape=(3, 8, 8))  # fmt: skip


def three_branches():
    """Where the order of adding the branches' gradients matters to the last bit."""
    branches = [p.Conv2d(3, 4, size, padding="same") for size in (1, 3, 5)]
    return p.Sequential([p.Conv2d(2, 3, 3), p.Concat(*branches), p.Flatten(), p.Linear(432, 10)], input_shape=(2, 8, 8))


def kinds(steps):
    return [step.kind for step in steps]


# ---- by hand
def test_every_step_of_a_small_network():
    network = p.Sequential([p.Flatten(), p.Linear(4, 3), p.ReLU(), p.Linear(3, 2)], input_shape=(1, 2, 2))
    program = p.lower(network, loss=p.CrossEntropy(), optimizer=p.SGD())
    forward = ["scale", "flatten", "linear", "relu", "linear"]
    backward = ["cross_entropy.grad_input", "linear.grad_weight", "linear.grad_bias", "linear.grad_input",
                "relu.grad_input", "linear.grad_weight", "linear.grad_bias"]  # fmt: skip
    assert kinds(program.steps[: program.forward]) == forward
    assert kinds(program.steps[program.forward : program.backward]) == ["cross_entropy", "count_correct", *backward]
    assert kinds(program.steps[program.backward :]) == ["sgd"] * 4
    assert [step.layer for step in program.steps[:5]] == ["", "flatten1", "linear1", "relu1", "linear2"]
    names = [program.values[v].name for v in program.steps[2].inputs + program.steps[2].outputs]
    assert names == ["flatten1.output", "linear1.weight", "linear1.bias", "linear1.output"]
    assert repr(program) == "Program(18 steps, 27 values, 2 stages)"


def test_values_of_a_small_network():
    network = p.Sequential([p.Flatten(), p.Linear(4, 2)], input_shape=(1, 2, 2))
    program = p.lower(network, loss=p.CrossEntropy(), optimizer=p.SGD(momentum=0.9))
    described = {v.name: (v.shape, v.role, v.over) for v in program.values}
    assert described == {
        "linear1.weight": ((2, 4), "parameter", "none"),
        "linear1.bias": ((2,), "parameter", "none"),
        "input": ((1, 2, 2), "input", "sample"),
        "scaled": ((1, 2, 2), "activation", "sample"),
        "flatten1.output": ((4,), "activation", "sample"),
        "linear1.output": ((2,), "activation", "sample"),
        "target": ((), "target", "sample"),
        "count": ((), "scalar", "none"),
        "loss": ((), "scalar", "sum"),
        "loss.log_probabilities": ((2,), "saved", "sample"),
        "correct": ((), "scalar", "sum"),
        "grad(linear1.output)": ((2,), "gradient", "sample"),
        "grad(linear1.weight)": ((2, 4), "gradient", "sum"),
        "grad(linear1.bias)": ((2,), "gradient", "sum"),
        "lr": ((), "scalar", "none"),
        "linear1.weight′": ((2, 4), "parameter", "none"),
        "linear1.bias′": ((2,), "parameter", "none"),
        "velocity(linear1.weight)": ((2, 4), "state", "none"),
        "velocity(linear1.weight)′": ((2, 4), "state", "none"),
        "velocity(linear1.bias)": ((2,), "state", "none"),
        "velocity(linear1.bias)′": ((2,), "state", "none"),
    }
    renewed = {program.values[a].name: program.values[b].name for a, b in program.renewed.items()}
    assert renewed == {name: f"{name}′" for name in described if f"{name}′" in described}
    assert program.named("parameter").keys() == {"linear1.weight", "linear1.bias"}
    assert program.named("state").keys() == {"velocity(linear1.weight)", "velocity(linear1.bias)"}


def test_layers_say_where_their_input_and_output_are():
    inner = p.Sequential([p.ReLU(), p.Dropout()])
    program = p.lower(p.Sequential([p.Flatten(), inner], input_shape=(1, 2, 2)))
    places = [(each.path, each.kind, program.values[each.input].name, program.values[each.output].name)
              for each in program.layers]  # fmt: skip
    assert places == [
        ("flatten1", "Flatten", "scaled", "flatten1.output"),
        ("block1.relu1", "ReLU", "flatten1.output", "block1.relu1.output"),
        ("block1.dropout1", "Dropout", "block1.relu1.output", "block1.relu1.output"),
        ("block1", "Sequential", "flatten1.output", "block1.relu1.output"),
    ]


def test_dropout_and_batch_norm_are_other_steps_in_training():
    network = p.Sequential([p.BatchNorm2d(2), p.Dropout()], input_shape=(2, 3, 3))
    assert kinds(p.lower(network).steps) == ["scale", "batch_norm_running"]
    assert kinds(p.lower(network, training=True).steps) == [
        "scale", "batch_statistics", "batch_norm", "running_statistics", "dropout",
    ]  # fmt: skip


def test_another_input_shape():
    network = p.Sequential([p.Conv2d(1, 2, 3), p.ReLU()], input_shape=(1, 8, 8))
    program = p.lower(network, (1, 20, 12))
    assert program.values[program.output].shape == (2, 18, 10)
    assert network.input_shape == (1, 8, 8)


# ---- stages
def test_lenet_has_two_stages():
    program = p.lower(lenet(), loss=p.CrossEntropy(), optimizer=p.Adam())
    assert len(program.stages) == 2
    assert kinds(program.stages[1]) == ["adam"] * 10
    assert len(program.steps) == 13 + 2 + 22 + 10  # forward, loss and count, backward, optimiser


def test_a_batch_norm_residual_network_has_eight_stages():
    """Forward: a barrier after each of three batch_statistics; backward: one after each layer's two sums; then the
    optimiser."""
    program = p.lower(batch_norm_residual(), loss=p.CrossEntropy(), optimizer=p.SGD())
    stages = program.stages
    assert len(stages) == 8
    for number in (0, 1, 2):
        assert kinds(stages[number])[-1] == "batch_statistics"
        assert "batch_norm" in kinds(stages[number + 1])
    for number in (3, 4, 5):
        assert "batch_norm.grad_weight" in kinds(stages[number])
        assert kinds(stages[number + 1])[0] == "batch_norm.grad_input"
    assert set(kinds(stages[7])) == {"sgd"}


def test_weighted_samples_need_their_sum_first():
    program = p.lower(lenet(), loss=p.CrossEntropy(), optimizer=p.SGD(), weighted=True)
    assert "total_weight" in kinds(program.stages[0])
    assert kinds(program.stages[1])[0] == "cross_entropy"
    assert len(program.stages) == 3


def test_the_optimiser_is_a_stage_of_its_own_after_all_others():
    """Also where its inputs were ready long before: a parameter must not change while others still read it."""
    for optimizer in (p.SGD(clip_norm=1.0), p.Adam(average=0.9)):
        program = p.lower(batch_norm_residual(), loss=p.CrossEntropy(), optimizer=optimizer)
        assert program.stages[-1] == program.steps[program.backward :]


def test_moments_are_the_only_sums_that_are_not_added():
    program = p.lower(batch_norm_residual(), loss=p.CrossEntropy(), optimizer=p.SGD())
    others = {v.name for v in program.values if v.combine == "moments"}
    assert others == {
        "norm1.statistics", "residual1.body.norm1.statistics", "residual1.body.norm2.statistics",
    }  # fmt: skip
    assert all(v.over == "sum" for v in program.values if v.combine == "moments")


def test_leaves_have_16_samples_or_8_of_large_ones():
    assert p.lower(lenet()).leaf_size == 16
    assert p.lower(p.Sequential([p.ReLU()], input_shape=(8, 64, 64))).leaf_size == 16  # 32,768 numbers
    assert p.lower(p.Sequential([p.ReLU()], input_shape=(8, 64, 65))).leaf_size == 8
    assert p.lower(p.Sequential([p.ReLU()], input_shape=(8, 128, 129))).leaf_size == 2


def test_activation_bytes_counts_what_each_sample_has():
    network = p.Sequential([p.Flatten(), p.Linear(4, 3)], input_shape=(1, 2, 2))
    assert p.lower(network).activation_bytes() == 4 * (4 + 4 + 4 + 3)  # input, scaled, flattened, output
    network.cast("float64")
    assert p.lower(network).activation_bytes() == 8 * 15


# ---- random networks
def random_layers(rng, channels, depth):
    """Layers that keep an image's height and width, and the channels they end with."""
    layers = []
    for _ in range(rng.integers(1, 5)):
        layer, channels = random_layer(rng, channels, depth)
        layers.append(layer)
    return layers, channels


def random_layer(rng, channels, depth):
    """One of them: up to `depth` deep, others are inside."""
    choice, after = rng.integers(8 if depth else 6), int(rng.integers(1, 4))
    if choice == 6:
        body, after = random_layers(rng, channels, depth - 1)
        shortcut = None if after == channels else p.Conv2d(channels, after, 1)
        return p.Residual(p.Sequential(body), shortcut), after
    if choice == 7:
        branches = [random_layers(rng, channels, depth - 1) for _ in range(rng.integers(1, 4))]
        return p.Concat(*(p.Sequential(inside) for inside, _ in branches)), sum(count for _, count in branches)
    if choice == 5:
        return p.Conv2d(channels, after, 3, padding=1, bias=bool(rng.integers(2))), after
    return [p.Tanh(), p.LeakyReLU(), p.BatchNorm2d(channels), p.LocalResponseNorm(2), p.Dropout()][choice], channels


def random_network(seed, dropout=True):
    rng = np.random.default_rng(seed)
    layers, channels = random_layers(rng, 2, 2)
    network = p.Sequential([*layers, p.Flatten(), p.Linear(channels * 9, 3)], input_shape=(2, 3, 3), dtype="float64")
    convolutions = [layer for _, layer in network.walk() if isinstance(layer, p.Conv2d)]
    for one, other in pairwise(convolutions):
        if one.weight.shape == other.weight.shape and rng.integers(2):
            other.weight = one.weight
    for parameter in network.parameters().values():
        parameter.trainable = bool(rng.random() < 0.7)
    network["linear1"].bias.trainable = True
    if not dropout:
        for _, layer in network.walk():
            if isinstance(layer, p.Dropout):
                layer.p = 0.0
    return network


SEEDS = st.integers(0, 2**32 - 1)
TRAINING = {"loss": p.CrossEntropy(), "optimizer": p.SGD(momentum=0.9, clip_norm=1.0), "weighted": True}


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_programs_of_random_networks_are_well_formed(seed):
    program = p.lower(random_network(seed), **TRAINING, input_gradient=True, resident=bool(seed % 2))
    values = program.values
    names = [value.name for value in values]
    assert [value.id for value in values] == list(range(len(values)))
    assert len(set(names)) == len(names), "names are unique"
    made = {}
    for number, step in enumerate(program.steps):
        for value in step.inputs:
            given_from_outside = values[value].role in ("input", "target", "parameter", "state", "scalar")
            assert value in made or given_from_outside, f"{names[value]} is read before it is made"
        for value in step.outputs:
            assert value not in made, f"{names[value]} is made twice"
            made[value] = number
        of_samples = any(values[v].over == "sample" for v in step.inputs)
        for value in step.outputs:
            assert (values[value].over == "none") == (not of_samples), "complete at once if no sample is read"
        assert hash(step) is not None, "attributes are plain data"
    assert len(made) == sum(len(step.outputs) for step in program.steps)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_stages_of_random_networks_keep_the_order_and_the_barriers(seed):
    program = p.lower(random_network(seed), **TRAINING)
    stage_of = {
        value: number for number, stage in enumerate(program.stages) for step in stage for value in step.outputs
    }
    assert sorted(map(repr, sum(program.stages, ()))) == sorted(map(repr, program.steps))
    done = set()
    for number, stage in enumerate(program.stages):
        assert stage, "no stage is empty"
        for step in stage:
            for value in step.inputs:
                if value in stage_of:
                    assert value in done
                    barrier = program.values[value].over == "sum"
                    assert stage_of[value] + barrier <= number
            done.update(step.outputs)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_frozen_parameters_get_no_steps(seed):
    network = random_network(seed)
    program = p.lower(network, **TRAINING)
    parameters = network.parameters()
    learnt = {program.values[v].name for v in program.gradients if program.values[v].role == "parameter"}
    assert learnt == {path for path, q in parameters.items() if q.trainable}
    renewed = {program.values[v].name for v in program.renewed if program.values[v].role == "parameter"}
    assert renewed == learnt
    # every gradient is of a learnt parameter, or of a value that was made from one
    depends = set()
    for step in program.steps[: program.backward]:
        if any(v in depends or program.values[v].name in learnt for v in step.inputs):
            depends.update(step.outputs)
    of = {gradient: value for value, gradient in program.gradients.items()}
    for value in of.values():
        assert value in depends or program.values[value].name in learnt, program.values[value].name


def feeds_of(network, program, x, labels, **others):
    held = {name: each.data for name, each in (*network.parameters().items(), *network.states().items())}
    slots = {name: np.zeros(program.values[v].shape) for name, v in program.named("state").items() if name not in held}
    numbers = {
        "count": len(x),
        "lr": 0.1,
        "step": 1,
        "position": np.arange(len(x)),
        "dropout_key": np.array([1, 2], np.uint32),
    }
    return {**held, **slots, "input": x, "target": labels, **numbers, **others}


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, training=st.booleans())
def test_a_network_alone_and_its_program_have_the_same_gradients(seed, training):
    """Both call the same definitions; only where more than two paths meet may they add in another order."""
    network, rng = random_network(seed, dropout=False), np.random.default_rng(seed)
    x, labels = rng.normal(0, 1, (4, 2, 3, 3)), rng.integers(0, 3, 4)
    program = p.lower(network, training=training, loss=p.CrossEntropy(), input_gradient=True)
    wanted = {program.output, *program.gradients.values()}
    feeds = feeds_of(network, program, x, labels)
    found = interpreter.run(program, feeds, wanted)
    np.testing.assert_array_equal(network.forward(x, training), found[program.output])
    grad_input = network.backward(found[program.gradients[program.output]])
    assert_close(grad_input, found[program.gradients[program.input]], "input")
    for path, parameter in network.parameters().items():
        if parameter.trainable:
            assert_close(parameter.grad, found[program.gradients[program.ids[path]]], path)


def assert_close(found, expected, name):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * max(np.abs(expected).max(), 0.1), err_msg=name)


@pytest.mark.parametrize("make", [lenet, batch_norm_residual, three_branches])
def test_they_are_the_same_bits_in_float32(make):
    network, rng = make(), np.random.default_rng(0)
    x, labels = rng.random((3, *network.input_shape), np.float32), rng.integers(0, 10, 3)
    program = p.lower(network, training=True, loss=p.CrossEntropy(), input_gradient=True)
    found = interpreter.run(program, feeds_of(network, program, x, labels), {*program.gradients.values()})
    network.forward(x, training=True)
    grad_input = network.backward(found[program.gradients[program.output]])
    np.testing.assert_array_equal(grad_input, found[program.gradients[program.input]])
    for path, parameter in network.parameters().items():
        np.testing.assert_array_equal(parameter.grad, found[program.gradients[program.ids[path]]], path)


# ---- what can be asked for
def test_sample_weights_mean_what_repeated_samples_do():
    network = p.Sequential([p.Flatten(), p.Linear(4, 3)], input_shape=(1, 2, 2), dtype="float64")
    rng = np.random.default_rng(0)
    x, labels, weight = rng.normal(0, 1, (3, 1, 2, 2)), np.array([0, 2, 1]), np.array([2.0, 0, 3])
    for loss in (p.CrossEntropy(), p.CrossEntropy(label_smoothing=0.1, class_weights=(1, 2, 3)), p.MeanSquaredError()):
        targets = labels if loss.classification else rng.normal(0, 1, (3, 3))
        shape = targets.shape[1:]
        weighted = p.lower(network, loss=loss, target_shape=shape, weighted=True, input_gradient=True)
        plain = p.lower(network, loss=loss, target_shape=shape, input_gradient=True)
        times = weight.astype(int)
        wanted = {weighted.loss, weighted.gradients[weighted.ids["linear1.weight"]]}
        found = interpreter.run(weighted, feeds_of(network, weighted, x, targets, sample_weight=weight), wanted)
        repeated = feeds_of(network, plain, x.repeat(times, 0), targets.repeat(times, 0))
        expected = interpreter.run(plain, repeated, {plain.loss, plain.gradients[plain.ids["linear1.weight"]]})
        for one, other in zip(sorted(found), sorted(expected), strict=True):
            np.testing.assert_allclose(found[one], expected[other], rtol=1e-13)


def test_a_resident_data_set_gives_what_fed_batches_give():
    network, rng = lenet(), np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (20, 1, 28, 28), np.uint8), rng.integers(0, 10, 20)
    weights, index = rng.random(20).astype(np.float32), np.array([3, 17, 3, 0])
    options = {"loss": p.CrossEntropy(), "optimizer": p.SGD(), "weighted": True}
    fed, resident = p.lower(network, **options), p.lower(network, **options, resident=True)
    assert kinds(resident.steps)[0] == "gather"
    expected = interpreter.run(fed, feeds_of(network, fed, images[index], labels[index], sample_weight=weights[index]))
    data = {"input.data": images, "target.data": labels, "sample_weight.data": weights, "index": index}
    found = interpreter.run(resident, feeds_of(network, resident, images, labels, **data))
    by_name = {resident.values[value].name: result for value, result in found.items()}
    for value, result in expected.items():
        np.testing.assert_array_equal(by_name.pop(fed.values[value].name), result)
    assert not by_name


def mixed_program(network, loss, **options):
    return p.lower(network, loss=loss, optimizer=p.SGD(), resident=True, augment=[p.augment.MixUp(1.0)], **options)


def test_a_mixture_is_gathered_before_the_scaling_and_beside_the_targets():
    program = mixed_program(lenet(), p.CrossEntropy(), weighted=True)
    assert kinds(program.steps)[:3] == ["mixup", "scale", "conv2d"]
    assert [step.kind for step in program.steps if step.layer == "data"] == ["mixup", "mixup_classes", "gather"]
    assert program.values[program.ids["input.mixed"]].shape == (1, 28, 28)
    assert program.values[program.ids["target.mixed"]].shape == (10,)
    assert program.values[program.ids["target.data"]].shape == ()
    assert program.leaf_size == p.lower(lenet(), loss=p.CrossEntropy(), optimizer=p.SGD(), resident=True).leaf_size
    shares = mixed_program(lenet(), p.CrossEntropy(), target_shape=(10,))
    assert [step.kind for step in shares.steps if step.layer == "data"] == ["mixup", "mixup"]
    values = mixed_program(lenet(), p.MeanSquaredError(), target_shape=(10,))
    assert [step.kind for step in values.steps if step.layer == "data"] == ["mixup", "mixup"]


def test_mixtures_and_their_targets_have_the_same_partners_and_shares():
    network, rng = lenet(), np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (20, 1, 28, 28), np.uint8), rng.integers(0, 10, 20)
    index = np.array([3, 17, 3])
    program = mixed_program(network, p.CrossEntropy())
    data = {"input.data": images, "target.data": labels, "index": index, "augment_key": np.uint32([5, 6])}
    x, target = (program.ids[name] for name in ("input.mixed", "target.mixed"))
    found = interpreter.run(program, feeds_of(network, program, images, labels, **data), {x, target})
    partner, share = pairs(np.uint32([5, 6]), index, 20, alpha=1.0, ordinal=0)
    for n, own in enumerate(index):
        image = share[n] * images[own] + (1 - share[n]) * images[partner[n]]
        assert np.abs(found[x][n] * 255 - image).max() < 1e-3
        assert found[target][n, labels[own]] >= share[n]
        assert found[target][n].sum() == 1
        assert found[target][n, labels[partner[n]]] >= 1 - share[n]


def test_what_chooses_from_the_whole_data_set_needs_it():
    with pytest.raises(p.ArgumentError, match="lower: MixUp chooses from the whole data set; give resident=True"):
        p.lower(lenet(), loss=p.CrossEntropy(), augment=[p.augment.MixUp()])


def test_a_loss_that_takes_no_distributions_takes_no_mixtures():
    class Numbered(p.CrossEntropy):
        def check(self, output_shape, target_shape):
            if target_shape:
                raise p.ShapeError("Numbered expects class numbers")

    with pytest.raises(p.ShapeError, match="Numbered expects class numbers"):
        mixed_program(lenet(), Numbered())


def test_without_gradients_there_is_the_loss_alone():
    program = p.lower(lenet(), loss=p.CrossEntropy(), gradients=False)
    assert kinds(program.steps[program.forward :]) == ["cross_entropy", "count_correct"]
    assert program.gradients == {}


def test_what_is_read_last_is_let_go():
    network = p.Sequential([p.ReLU(), p.Tanh(), p.Sigmoid()], input_shape=(3,))
    program = p.lower(network)
    gone = [[program.values[v].name for v in each] for each in unused(program, {program.output})]
    assert gone == [["input"], ["scaled"], ["relu1.output"], ["tanh1.output"]]


def test_names_stay_unique_where_a_layer_of_ones_own_chooses_badly():
    class Odd(p.Layer):
        def __init__(self):
            super().__init__()
            self.output = p.Parameter("output", (2,))

        def output_shape(self, input_shape):
            return input_shape

    program = p.lower(p.Sequential([Odd()], input_shape=(2,)))
    assert [v.name for v in program.values] == ["odd1.output", "input", "scaled", "odd1.output#2"]


# ---- what is refused
def test_what_cannot_be_lowered_is_refused():
    network = lenet()
    with pytest.raises(p.ArgumentError, match=r"expected a Sequential or Graph with an input_shape, received Linear\("):
        p.lower(p.Linear(2, 2))
    with pytest.raises(p.ArgumentError, match="no input_shape: give one to the outermost, as in Sequential"):
        p.lower(p.Sequential([p.ReLU()]))
    with pytest.raises(p.ShapeError, match=r"linear1 \(layer 8\): expects 256 features, .* gives 1024 = 16·8·8"):
        p.lower(network, (1, 44, 44))
    with pytest.raises(p.ArgumentError, match="an optimizer needs a loss"):
        p.lower(network, optimizer=p.SGD())
    with pytest.raises(p.ShapeError, match=r"CrossEntropy expects class numbers or 10 shares a sample as targets"):
        p.lower(network, loss=p.CrossEntropy(), target_shape=(3,))
    with pytest.raises(p.ShapeError, match=r"end the network with Flatten\(\) and Linear\(…, classes\)"):
        p.lower(p.Sequential([p.ReLU()], input_shape=(1, 2, 2)), loss=p.CrossEntropy())


def test_where_all_is_frozen_there_is_nothing_to_train():
    network = p.Sequential([p.Linear(2, 2)], input_shape=(2,))
    for parameter in network.parameters().values():
        parameter.trainable = False
    with pytest.raises(p.ArgumentError, match="nothing to train: no parameter is trainable"):
        p.lower(network, loss=p.CrossEntropy(), optimizer=p.SGD())
    assert p.lower(network, loss=p.CrossEntropy()).gradients == {}


@pytest.mark.parametrize(
    "last",
    [
        [p.Softmax()], [p.Softmax(), p.Flatten()], [p.Softmax(), p.Dropout(0.5)], [p.Softmax(), p.Reshape((2,))],
        [p.Softmax(), p.LogSoftmax()],
    ],
)  # fmt: skip
def test_a_softmax_before_cross_entropy_is_refused(last):
    network = p.Sequential([p.Linear(2, 2), *last], input_shape=(2,))
    with pytest.raises(p.ArgumentError, match="softmax1 stands before CrossEntropy, which applies the softmax itself"):
        p.lower(network, loss=p.CrossEntropy())
    assert p.lower(network, loss=p.MeanSquaredError(), target_shape=(2,)).loss is not None


def test_a_log_softmax_before_cross_entropy_changes_nothing():
    """The softmax of the logarithms of shares are these shares, so a network that ends with it may be trained."""
    layers, x = [p.Flatten(), p.Linear(4, 3)], np.random.default_rng(0).normal(0, 3, (5, 4))
    bare = p.Sequential(layers[1:], input_shape=(4,), dtype="float64")
    ended = p.Sequential([*layers[1:], p.LogSoftmax()], input_shape=(4,), dtype="float64")
    labels = np.array([0, 1, 2, 0, 1])
    assert p.evaluate(ended, (x, labels)) == pytest.approx(p.evaluate(bare, (x, labels)), rel=1e-12)
    one, other = (p.gradients(network, x, labels)["input"] for network in (bare, ended))
    np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(p.predict_proba(ended, x), p.predict_proba(bare, x), rtol=1e-12)


def test_values_of_one_name_are_numbered():
    nodes = {f"tanh{i}": (p.Tanh(), "input") for i in range(4)}
    network = p.Graph({**nodes, "sum": (p.joins.Add(), *nodes)}, input_shape=(2,))
    names = [value.name for value in p.lower(network).values if value.name.startswith("sum")]
    assert names == ["sum.output", "sum.output#2", "sum.output#3"]


def test_twice_as_many_branches_are_twice_the_work():
    def wide(count):
        nodes = {f"tanh{i}": (p.Tanh(), "input") for i in range(count)}
        return p.Graph({**nodes, "sum": (p.joins.Add(), *nodes)}, input_shape=(2,))

    few, many = wide(100), wide(200)
    assert effort(lambda: p.lower(many)) < 2.5 * effort(lambda: p.lower(few))
