"""The interpreter: results, dtype, memory, the order of sums, and finding the first number that is not finite."""

import tracemalloc

import numpy as np
import pytest

import pellucid as p
from pellucid import interpreter, random
from pellucid.definitions import combine


def small(dtype="float32"):
    return p.Sequential([p.Flatten(), p.Linear(4, 3), p.ReLU(), p.Linear(3, 2)], input_shape=(1, 2, 2), dtype=dtype)


def everything(dtype="float32"):
    """A network in which every layer takes part."""
    inside = [p.Conv2d(4, 4, 3, padding=1, groups=2), p.BatchNorm2d(4), p.LeakyReLU()]
    layers = [
        p.Conv2d(2, 4, 3, padding=1), p.BatchNorm2d(4), p.ReLU(), p.Residual(p.Sequential(inside)), p.ReLU6(),
        p.MaxPool2d(2), p.LocalResponseNorm(3), p.Concat(p.Tanh(), p.Sequential([p.Sigmoid(), p.Dropout(0.2)])),
        p.AvgPool2d(2, stride=1), p.PadChannels(1, 0), p.AdaptiveAvgPool2d(2), p.Softmax(), p.Flatten(), p.Dropout(0.1),
        p.Linear(36, 3),
    ]  # fmt: skip
    return p.Sequential(layers, input_shape=(2, 8, 8), dtype=dtype, scaling=p.Scaling((0.4, 0.5), 0.25))


def feeds(network, program, samples=6, number=float):
    """Everything that a training program needs, made up; scalars of the type `number`."""
    rng = np.random.default_rng(0)
    dtype, values = network.dtype, program.values
    held = {name: each.data for name, each in {**network.parameters(), **network.states()}.items()}
    slots = {name: np.zeros(values[v].shape, dtype) for name, v in program.named("state").items() if name not in held}
    target = values[program.ids["target"]].shape
    labels = rng.random((samples, *target)) if target else rng.integers(0, network.output_shape()[0], samples)
    return {
        **held, **slots, "input": rng.integers(0, 256, (samples, *network.input_shape), np.uint8), "target": labels,
        "sample_weight": rng.uniform(0.5, 2, samples), "position": np.arange(samples), "count": number(samples),
        "dropout_key": random.key(0, random.Purpose.DROPOUT), "lr": number(0.1), "step": number(3),
    }  # fmt: skip


# ---- running
def test_a_program_by_hand():
    network = p.Sequential([p.Linear(2, 1), p.ReLU()], input_shape=(2,), dtype="float64")
    network["linear1"].weight.data, network["linear1"].bias.data = [[1, -1]], [0.5]
    program = p.lower(network, loss=p.MeanSquaredError(), target_shape=(1,), optimizer=p.SGD(0.1))
    x, target = np.array([[3.0, 1.0], [0.0, 2.0]]), np.array([[1.5], [1.0]])
    given = {"linear1.weight": np.array([[1.0, -1]]), "linear1.bias": np.array([0.5]), "input": x, "target": target}
    results = interpreter.run(program, {**given, "count": 2, "lr": 0.1})
    named = {program.values[v].name: result for v, result in results.items()}
    # outputs 2.5 and max(−1.5, 0); errors 1 and −1; the second sample is cut off: gradient 2·1/2 for the first alone
    np.testing.assert_array_equal(named["relu1.output"], [[2.5], [0]])
    assert named["loss"] == 1
    np.testing.assert_allclose(named["linear1.weight′"], [[1 - 0.1 * 3, -1 - 0.1 * 1]])
    np.testing.assert_allclose(named["linear1.bias′"], [0.5 - 0.1])
    np.testing.assert_array_equal(given["linear1.weight"], [[1, -1]], "what is fed stays as it is")


def test_by_default_come_the_output_the_loss_and_all_that_is_new():
    network = p.Sequential([p.Linear(2, 2), p.BatchNorm2d(2)], input_shape=(2,))
    program = p.lower(network, loss=p.CrossEntropy(), optimizer=p.SGD(momentum=0.5))
    results = interpreter.run(program, feeds(network, program))
    renewed = [*network.parameters(), *network.states(), *(f"velocity({name})" for name in network.parameters())]
    assert {program.values[v].name for v in results} == {
        "norm1.output", "loss", "count", "correct", *(f"{name}′" for name in renewed),
    }  # fmt: skip
    wanted = {program.ids["linear1.output"]}
    assert interpreter.run(program, feeds(network, program), wanted).keys() == wanted


def test_what_is_missing_is_named():
    program = p.lower(small(), loss=p.CrossEntropy())
    held = {name: q.data for name, q in small().parameters().items()}
    with pytest.raises(p.ArgumentError, match=r"^the program also needs input, target, count$"):
        interpreter.run(program, held)
    del held["linear2.bias"]
    with pytest.raises(p.ArgumentError, match=r"^the program also needs linear2\.bias, input, target, count$"):
        interpreter.run(program, held)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"input": np.zeros((6, 2, 2))}, "input: expected samples of shape (1, 2, 2), received shape (6, 2, 2)"),
        ({"input": 3}, "input: expected samples of shape (1, 2, 2), received shape ()"),
        ({"linear1.bias": np.zeros((1, 3))}, "linear1.bias: expected shape (3,), received shape (1, 3)"),
        ({"lr": [0.1, 0.1]}, "lr: expected shape (), received shape (2,)"),
        ({"target": np.array([1])}, "target: expected 6 samples, as input has, received 1"),
    ],
)
def test_what_has_another_shape_is_refused_by_name(wrong, message):
    """Also where NumPy would stretch it: one target would serve all samples."""
    program = p.lower(small(), loss=p.CrossEntropy(), optimizer=p.SGD())
    with pytest.raises(p.ShapeError) as caught:
        interpreter.run(program, {**feeds(small(), program), **wrong})
    assert str(caught.value) == message


def test_a_resident_data_set_has_rows_of_its_own_number():
    program = p.lower(small(), loss=p.CrossEntropy(), resident=True)
    fed = {**feeds(small(), program), "input.data": np.zeros((9, 1, 2, 2)), "index": np.array([0, 8])}
    del fed["position"]
    with pytest.raises(p.ShapeError, match=r"^target\.data: expected 9 samples, as input\.data has, received 8$"):
        interpreter.run(program, {**fed, "target.data": np.zeros(8, int)})
    results = interpreter.run(program, {**fed, "target.data": np.zeros(9, int)})
    assert results[program.output].shape == (2, 2)


OPTIONS = [
    {"loss": p.CrossEntropy(), "optimizer": p.SGD(0.1, clip_norm=0.5, average=0.9, weight_decay=0.01)},
    {"loss": p.CrossEntropy(0.1, (1, 2, 3)), "optimizer": p.SGD(0.1, 0.9, nesterov=True), "weighted": True},
    {"loss": p.CrossEntropy(), "optimizer": p.AdamW(), "target_shape": (3,), "weighted": True},
    {"loss": p.MeanSquaredError(), "optimizer": p.Adam(), "target_shape": (3,), "weighted": True},
    {"loss": p.MeanSquaredError(), "optimizer": p.Adam(), "target_shape": (3,), "training": False},
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("number", [float, np.float64, np.float32])
@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_every_value_has_the_networks_dtype_and_its_shape(dtype, number, options):
    """Also where scalars, targets and sample weights come as float64: nothing is silently widened."""
    network = everything(dtype)
    program = p.lower(network, **options, input_gradient=True)
    made = {value for step in program.steps for value in step.outputs}
    results = interpreter.run(program, feeds(network, program, number=number), made)
    for value, result in results.items():
        name, shape, over = (getattr(program.values[value], part) for part in ("name", "shape", "over"))
        assert np.shape(result) == ((6, *shape) if over == "sample" else shape), name
        if name not in ("correct", "optimizer.clip_factor", "total_weight"):  # a count; one number for all weights
            assert result.dtype == np.dtype(dtype), name


def test_no_value_is_changed_by_a_step_that_reads_it():
    """Some results are views of others, so a step that worked in place would spoil them."""
    network = everything()
    program = p.lower(network, loss=p.CrossEntropy(), optimizer=p.Adam(clip_norm=1.0), input_gradient=True)
    fed = feeds(network, program)
    made = {value for step in program.steps for value in step.outputs}
    kept = {name: np.copy(value) for name, value in fed.items()}
    values = {program.ids[name]: value for name, value in fed.items() if name in program.ids}
    copies = {}
    for _, results in interpreter._results(program, values):
        values.update(results)
        copies |= {value: np.copy(result) for value, result in results.items()}
    for value in made:
        np.testing.assert_array_equal(values[value], copies[value], program.values[value].name)
    for name, value in kept.items():
        np.testing.assert_array_equal(fed[name], value, name)


# ---- memory
def test_values_are_let_go_when_nobody_reads_them_any_more():
    """Of ten layers' outputs only a layer's own and the one before it are held at any time."""
    network = p.Sequential([p.ReLU() for _ in range(10)], input_shape=(250_000,))
    program = p.lower(network)
    x = np.ones((1, 250_000), np.float32)  # 1 MB
    tracemalloc.start()
    interpreter.run(program, {"input": x}, {program.output})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    interpreter.run(program, {"input": x}, {place.output for place in program.layers})
    _, of_all = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3.5e6
    assert of_all > 9e6, "the control: with all outputs wanted, all are held"


# ---- the order of sums
def leaf_feeds(fed, program, samples):
    """What a leaf's run is fed: its own samples, and the whole batch's scalars."""
    of_samples = {v.name for v in program.values if v.over == "sample"}
    return {name: value[samples.start : samples.stop] if name in of_samples else value for name, value in fed.items()}


def test_leaves_and_the_tree_give_the_interpreters_gradients():
    """The order that a compiled engine keeps, in plain NumPy: one run a leaf, and sums by the fixed tree."""
    network = p.Sequential(
        [p.Conv2d(1, 6, 5), p.ReLU(), p.MaxPool2d(2), p.Flatten(), p.Linear(864, 10)], input_shape=(1, 28, 28)
    )
    program = p.lower(network, loss=p.CrossEntropy())
    fed = feeds(network, program, samples=75)
    sums = {v.id for v in program.values if v.over == "sum"}
    whole = interpreter.run(program, fed, sums)
    leaves = combine.leaves(75, program.leaf_size)
    assert [len(leaf) for leaf in leaves] == [16, 16, 16, 16, 11]
    parts = [interpreter.run(program, leaf_feeds(fed, program, leaf), sums) for leaf in leaves]
    for value in sums:
        total = combine.tree([part[value] for part in parts], combine.add)
        largest = np.abs(whole[value]).max()
        np.testing.assert_allclose(total, whole[value], rtol=0, atol=2e-5 * largest, err_msg=program.values[value].name)
    assert {program.values[v].name for v in sums} >= {"loss", "correct", "grad(conv1.weight)", "grad(linear1.bias)"}


def test_moments_of_leaves_give_the_batchs_statistics_in_float32():
    x = np.random.default_rng(0).normal(3, 1, (75, 4, 6, 6)).astype(np.float32)
    network = p.Sequential([p.BatchNorm2d(4)], input_shape=(4, 6, 6))
    program = p.lower(network, training=True)
    (statistics,) = (v for v in program.values if v.combine == "moments")
    fed = {"input": x, **{name: each.data for name, each in {**network.parameters(), **network.states()}.items()}}
    whole = interpreter.run(program, fed, {statistics.id})[statistics.id]
    parts = [
        interpreter.run(program, leaf_feeds(fed, program, leaf), {statistics.id})[statistics.id]
        for leaf in combine.leaves(75, program.leaf_size)
    ]
    np.testing.assert_allclose(combine.tree(parts, combine.moments), whole, rtol=2e-5)


# ---- numbers that are not finite
def test_the_first_step_that_makes_a_nan_is_found():
    network = small()
    program = p.lower(network, loss=p.CrossEntropy(), optimizer=p.SGD())
    fed = feeds(network, program)
    assert interpreter.first_non_finite(program, fed) is None
    network["linear2"].weight.data[0, 0] = np.nan
    step, name = interpreter.first_non_finite(program, fed)
    assert (step.layer, step.kind, name) == ("linear2", "linear", "linear2.output")


def test_an_infinity_of_the_optimiser_is_found_too():
    network = small()
    program = p.lower(network, loss=p.CrossEntropy(), optimizer=p.SGD())
    step, name = interpreter.first_non_finite(program, {**feeds(network, program), "lr": np.inf})
    assert step.kind == "sgd"
    assert name in {f"{path}′" for path in network.parameters()}


def test_an_overflow_in_between_is_named_where_it_arose():
    network = p.Sequential([p.Linear(2, 2), p.Tanh(), p.Linear(2, 2)], input_shape=(2,))
    network["linear1"].weight.data[...] = 3e38
    program = p.lower(network, loss=p.CrossEntropy())
    step, name = interpreter.first_non_finite(program, {**feeds(network, program), "input": np.ones((6, 2)) * 9})
    assert (step.layer, name) == ("linear1", "linear1.output"), "tanh makes 1 of the infinity: the loss is finite"
