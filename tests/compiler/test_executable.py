"""Compiled programs at work: what they read and leave, for any batch, beside the interpreter in float64."""

import gc
import weakref

import numpy as np
import pytest

import pellucid as p
from oracles import compiled as oracle
from oracles.compiled import Factor, distance, exact_gradients, executable, gradients, held, training_program
from pellucid import interpreter
from pellucid.build import lower
from pellucid.compiler import runner
from pellucid.compiler.executable import Executable
from pellucid.compiler.plan import LeafPhase
from pellucid.compiler.schedule import calls
from pellucid.errors import CompilerError

pytestmark = pytest.mark.usefixtures("kept_kernels")
SHAPE = (1, 6, 6)


class Tied(p.Layer):
    """The transposed weights of another layer: as in an autoencoder whose halves share them."""

    def __init__(self, other):
        super().__init__()
        self.weight = other.weight

    def output_shape(self, input_shape):
        return (self.weight.shape[1],)

    def forward(self, x, training=False):
        self._cache = x = self.accept(x)
        return x @ self.weight.data

    def backward(self, grad_output):
        x, grad = self.remembered(grad_output)
        self.weight.grad = x.T @ grad
        return grad @ self.weight.data.T


def network(*between, seed=0):
    layers = [p.Conv2d(1, 4, 3), p.ReLU(), *between, p.Flatten(), p.Linear(64, 3)]
    return p.Sequential(layers, input_shape=SHAPE, seed=seed)


def tied():
    first = p.Linear(48, 5)
    layers = [p.Conv2d(1, 3, 3), p.Flatten(), first, p.Tanh(), Tied(first), p.Linear(48, 3)]
    return p.Sequential(layers, input_shape=SHAPE)


def shared():
    one, other = p.Linear(16, 16), p.Linear(16, 16)
    other.weight = one.weight
    return p.Sequential([p.Flatten(), p.Linear(36, 16), one, p.Tanh(), other, p.Linear(16, 3)], input_shape=SHAPE)


def batch(count=37, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, *SHAPE)).astype(np.float32), rng.integers(0, 3, count)


# ---- weights
def test_a_network_in_float64_is_refused():
    doubled = p.Sequential([p.Linear(4, 2)], input_shape=(4,), dtype="float64")
    with pytest.raises(CompilerError, match=r'compute in float32, this one in float64; use engine="numpy"'):
        Executable(lower(doubled), 1, 1, {})


def test_weights_go_in_and_come_out_again():
    made = network(p.BatchNorm2d(4))
    found = executable(made, training_program(made, p.Adam()), 16)
    values = held(made)
    assert set(values) < set(found.names()), "and the optimiser's memory"
    for name, array in values.items():
        assert np.array_equal(found.read(name), array)
    found.write("conv1.bias", np.arange(4))
    assert found.read("conv1.bias").tolist() == [0, 1, 2, 3]
    assert np.array_equal(found.read("conv1.weight"), values["conv1.weight"])
    assert not np.shares_memory(found.read("conv1.bias"), found.read("conv1.bias"))


def step(found, x, labels, lr=0.1):
    """Do one step of training on a data set of one batch."""
    given = {"input.data": x, "target.data": labels, "index": np.arange(len(x)), "position": np.arange(len(x))}
    for name, array in {**given, "dropout_key": oracle.KEY}.items():
        found.give(name, array)
    found.run(len(x), {"count": len(x), "lr": lr, "step": 1})


def test_weights_that_do_not_change_are_held_once():
    learner = network()
    for program, blocks in ((lower(learner), 1), (training_program(learner, p.SGD(0.1)), 2)):
        found = executable(learner, program, 3)
        assert len(found._weights) == blocks
        assert np.array_equal(found.read("conv1.weight"), learner["conv1"].weight.data)


def test_new_weights_are_taken_only_when_accepted():
    made, (x, labels) = network(), batch()
    found = executable(made, training_program(made, p.SGD()), 37)
    step(found, x, labels)
    assert np.array_equal(found.read("conv1.weight"), made["conv1"].weight.data)
    found.accept()
    once = found.read("conv1.weight")
    assert not np.array_equal(once, made["conv1"].weight.data)
    step(found, x, labels)
    step(found, x, labels)
    assert np.array_equal(found.read("conv1.weight"), once), "two steps that are forgotten"
    step(found, x, labels)
    found.accept()
    twice = found.read("conv1.weight")
    again = executable(made, training_program(made, p.SGD()), 37)
    for _ in range(2):
        step(again, x, labels)
        again.accept()
    assert np.array_equal(again.read("conv1.weight"), twice)


@pytest.mark.parametrize("optimizer", [p.SGD(), p.SGD(momentum=0.9), p.Adam(), p.AdamW(average=0.9, clip_norm=1.0)])
def test_new_weights_that_are_not_finite_are_seen(optimizer):
    made, (x, labels) = network(), batch()
    found = executable(made, training_program(made, optimizer), 37)
    step(found, x, labels)
    assert found.finite(), "the control"
    step(found, x, labels, lr=1e39)
    assert not found.finite()
    step(found, x, labels)
    assert found.finite(), "it is about the last run"
    found.write("linear1.bias", [0, np.nan, 0])
    step(found, x, labels)
    assert not found.finite()


def test_states_that_are_not_finite_are_seen():
    """Normalised, an infinite variance gives zeros, and a loss that looks innocent."""
    made, (x, labels) = network(p.BatchNorm2d(4)), batch()
    found = executable(made, training_program(made, p.SGD()), 37)
    step(found, x, labels)
    assert found.finite(), "the control"
    step(found, x * np.float32(1e25), labels)
    assert np.isfinite(found.ends(37)[found.program.loss])
    assert not found.finite()


# ---- outputs, for any batch
@pytest.mark.parametrize("kind", ["float32", "uint8"])
@pytest.mark.parametrize("threads", [1, 3])
def test_any_number_of_images_gives_the_same_bits(kind, threads):
    made = network(p.BatchNorm2d(4), p.MaxPool2d(1))
    program = lower(made)
    x = (np.random.default_rng(0).random((37, *SHAPE)) * 255).astype(kind)
    found = executable(made, program, 37, threads, input=kind)
    whole = np.empty((37, 3), np.float32)
    found.predict(x, whole)
    expected = interpreter.run(program, {**held(made), "input": x})[program.output]
    assert distance({"y": whole}, {"y": expected}) < 2e-5
    for count in (1, 2, 15, 16, 17, 33, 37):
        outputs = np.full((37, 3), 7, np.float32)
        found.predict(x[:count], outputs)
        assert np.array_equal(outputs[:count], whole[:count])
        assert (outputs[count:] == 7).all(), "nothing is written beyond"


def test_many_paths_may_meet():
    layers = [p.Concat(*[p.Conv2d(1, 1, 3) for _ in range(60)]), p.Flatten(), p.Linear(60 * 16, 3)]
    network = p.Sequential(layers, input_shape=SHAPE)
    x = np.random.default_rng(0).standard_normal((3, *SHAPE)).astype(np.float32)
    expected = p.predict(network, x, engine="numpy")
    assert np.abs(p.predict(network, x) - expected).max() <= 2e-5 * np.abs(expected).max()


def test_one_image_gives_the_same_bits_whoever_was_before():
    made = network()
    found = executable(made, lower(made), 20)
    x, _ = batch(20)
    whole = np.empty((20, 3), np.float32)
    found.predict(x, whole)
    one = found.single()
    first = one(x[3:4])
    second = one(x[4:5])
    found.predict(x[:2], np.empty((2, 3), np.float32))
    third = one(x[5:6])
    assert np.array_equal(np.concatenate([first, second, third]), whole[3:6]), "each has memory of its own"


@pytest.mark.parametrize("layers", [[], [Factor()]], ids=["native", "with a layer of one's own"])
def test_one_image_need_not_lie_in_order(layers):
    made = network(*layers)
    found = executable(made, lower(made), 1)
    x = np.random.default_rng(0).random((1, 1, 12, 18), np.float32)[:, :, ::2, ::-3]
    whole = np.empty((1, 3), np.float32)
    found.predict(np.ascontiguousarray(x), whole)
    assert np.array_equal(found.single()(x), whole)


def test_what_is_given_lives_as_long_as_it_is_used():
    made, (x, labels) = network(), batch()
    found = executable(made, training_program(made), 37)
    oracle.run(found, x, labels)
    first = found.ends(37)

    class Watched(np.ndarray):
        """An array that can be watched."""

    given = x.copy().view(Watched)
    watched = weakref.ref(given)
    found.give("input", given)
    del given
    gc.collect()
    assert watched() is not None
    found.run(37, {"count": 37})
    assert found.ends(37) == first
    found.give("input", x)
    gc.collect()
    assert watched() is None, "the control: it has been held by nobody else"


# ---- losses and gradients
def test_what_is_measured_is_what_the_definitions_give():
    made, (x, labels) = network(), batch()
    program = training_program(made)
    found = executable(made, program, 37)
    oracle.run(found, x, labels)
    results = interpreter.run(program, {**held(made), **oracle.feeds(program, x, labels)})
    ends = found.ends(37)
    assert ends[program.loss] == pytest.approx(results[program.loss], rel=1e-5)
    assert ends[program.correct] == results[program.correct]
    assert ends[program.weight] == 37


def pooled(*layers, after=()):
    """Return a network with a max pooling behind layers on 8 channels, and its features' classes."""
    before = [p.Conv2d(1, 8, 3, padding=1), *layers, p.MaxPool2d(2), *after, p.Flatten()]
    features = int(np.prod(p.Sequential(before, input_shape=SHAPE).output_shape()))
    return p.Sequential([*before, p.Linear(features, 3)], input_shape=SHAPE)


POOLED = {
    "pooled": lambda: pooled(p.Conv2d(8, 8, 3, padding=1)),
    "masked": lambda: pooled(p.Conv2d(8, 16, 3), p.ReLU()),
    "stride": lambda: pooled(p.Conv2d(8, 9, 2, stride=2), p.ReLU()),
    "normalised later": lambda: pooled(p.Conv2d(8, 8, 3), p.ReLU(), after=[p.Conv2d(8, 4, 1), p.BatchNorm2d(4)]),
    "a path beside": lambda: pooled(p.Residual(p.Sequential([p.Conv2d(8, 8, 3, padding=1)]))),
    "an own path beside": lambda: pooled(p.Residual(p.Sequential([p.Conv2d(8, 8, 3, padding=1)]), Factor())),
    "beside an own path": lambda: pooled(p.Residual(p.Sequential([Factor()]), p.Conv2d(8, 8, 3, padding=1))),
    "pooled twice": lambda: pooled(
        p.Conv2d(8, 8, 3, padding=1), p.Concat(p.MaxPool2d(2), p.Sequential([p.MaxPool2d(2), p.ReLU()]))
    ),
}


@pytest.mark.parametrize("make", POOLED.values(), ids=POOLED)
@pytest.mark.parametrize("count", [1, 37])
def test_gradients_behind_a_pooling_are_those_of_the_definitions(make, count):
    made, (x, labels) = make(), batch(count)
    _, found = gradients(made, x, labels, threads=2)
    _, exact = exact_gradients(made, x, labels)
    assert distance(found, exact) < 2e-5


@pytest.mark.parametrize("make", [network, tied, shared, lambda: network(Factor()), lambda: network(p.BatchNorm2d(4))],
                         ids=["plain", "tied", "shared", "own", "normalised"])  # fmt: skip
def test_gradients_are_those_of_the_definitions(make):
    made, (x, labels) = make(), batch()
    loss, found = gradients(made, x, labels)
    exact_loss, exact = exact_gradients(made, x, labels)
    assert loss == pytest.approx(exact_loss, rel=1e-5)
    assert distance(found, exact) < 2e-5
    path = next(iter(exact))
    spoilt = {**found, path: found[path] * np.float32(1 + 1e-4)}
    assert distance(spoilt, exact) > 2e-5, "the control: a small mistake is seen"


@pytest.mark.parametrize("count", [1, 15, 16, 17, 32, 36])
def test_gradients_of_a_smaller_batch(count):
    """The same executable serves it: nothing is left of the batch before."""
    made, (x, labels) = network(p.BatchNorm2d(4), p.Dropout(0.3)), batch()
    program = training_program(made)
    used, fresh = executable(made, program, 37), executable(made, program, count)
    oracle.run(used, x, labels)
    for found in (used, fresh):
        oracle.run(found, x[:count], labels[:count])
    for value in program.gradients.values():
        if value in used.plan.totals:
            assert np.array_equal(used.totals(value), fresh.totals(value))


def test_a_serial_sum_is_the_sum():
    made = p.Sequential([p.Linear(300, 230), p.Tanh(), p.Linear(230, 3)], input_shape=(300,))
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((37, 300)).astype(np.float32), rng.integers(0, 3, 37)
    _, found = gradients(made, x, labels, threads=2)
    _, exact = exact_gradients(made, x, labels)
    assert distance(found, exact) < 2e-5


# ---- programs of many phases
def test_a_program_may_have_more_phases_than_the_runner_has_room_for(monkeypatch):
    made, (x, labels) = network(*(p.BatchNorm2d(4) for _ in range(3))), batch()
    program = training_program(made)
    whole = executable(made, program, 37, threads=2)
    monkeypatch.setattr(runner, "PHASES", 3)
    cut = executable(made, program, 37, threads=2)
    assert len(whole._schedule.segments) == 1 < len(cut._schedule.segments)
    for found in (whole, cut):
        oracle.run(found, x, labels)
    assert cut.ends(37) == whole.ends(37)
    for value in program.gradients.values():
        if value in whole.plan.totals:
            assert np.array_equal(cut.totals(value), whole.totals(value))


def test_single_calls_can_be_run_alone():
    made, (x, labels) = network(), batch()
    found = executable(made, training_program(made), 37)
    oracle.run(found, x, labels)
    (leaves,) = [phase for phase in found.plan.phases if isinstance(phase, LeafPhase)]
    for call in calls(found.plan.phases):
        found.alone(call)()
    assert all(call in leaves.calls for call in leaves.calls)
    oracle.run(found, x, labels)
    assert np.isfinite(found.ends(37)[found.program.loss])


# ---- checked
def test_checked_code_gives_the_same_bits(monkeypatch):
    made, (x, labels) = network(), batch(17)
    program = training_program(made)
    plain = executable(made, program, 17)
    monkeypatch.setenv("PELLUCID_CHECK", "1")
    checked = executable(made, program, 17)
    assert all(code.recipe.checked for code in checked.code.values())
    assert not any(code.recipe.checked for code in plain.code.values())
    for found in (plain, checked):
        oracle.run(found, x, labels)
    assert plain.ends(17) == checked.ends(17)
    for value in program.gradients.values():
        if value in plain.plan.totals:
            assert np.array_equal(plain.totals(value), checked.totals(value))


def test_checked_code_reports_what_lies_outside(monkeypatch):
    monkeypatch.setenv("PELLUCID_CHECK", "1")
    made, (x, labels) = network(), batch(17)
    found = executable(made, training_program(made, p.SGD()), 17)
    step(found, x, labels)
    found.give("index", np.full(17, 17))
    with pytest.raises(IndexError, match=r"gather: index \[17.* lies outside"):
        found.run(17, {"count": 17, "lr": 0.1, "step": 1})
