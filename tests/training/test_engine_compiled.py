"""The compiled engine: the same bits whoever computes them, what NumPy computes, and whatever happens in between."""

import gc
import os
import signal
import subprocess
import sys
import weakref

import numpy as np
import pytest

import pellucid as p
from oracles.compiled import Factor, distance, exact_gradients, gradients
from pellucid import models
from pellucid.compiler.executable import Executable
from pellucid.compiler.recipe import Recipe
from pellucid.errors import CompilerError
from pellucid.training import Callback
from pellucid.training.engine import CompiledEngine

pytestmark = pytest.mark.filterwarnings("ignore:the loss, .* is not below")  # a few steps teach little


@pytest.fixture(autouse=True)
def usual_threads(monkeypatch):
    """Let nobody say how many threads there are."""
    monkeypatch.delenv("PELLUCID_THREADS", raising=False)


class Own(p.Layer):
    """A learnt slope below 0 for each channel (a PReLU): a layer of one's own."""

    def __init__(self, channels):
        super().__init__()
        self.slope = p.Parameter("slope", (channels, 1, 1))
        self.slope.data = np.full((channels, 1, 1), 0.2)

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        self._cache = x = self.accept(x)
        return np.where(x > 0, x, x * self.slope.data)

    def backward(self, grad_output):
        x, grad = self.remembered(grad_output)
        self.slope.grad = np.where(x > 0, 0, x * grad).sum((0, 2, 3))[:, None, None]
        return np.where(x > 0, grad, grad * self.slope.data)


def network(activation=None, seed=0):
    """Batch normalisation, a residual path and dropout: what makes an order of sums, and draws random numbers."""
    path = p.Sequential([p.Conv2d(4, 4, 3, padding=1, bias=False), p.BatchNorm2d(4)])
    layers = [
        p.Conv2d(1, 4, 3, bias=False), p.BatchNorm2d(4), activation or p.ReLU(), p.Residual(path), p.MaxPool2d(2),
        p.Dropout(0.3), p.Flatten(), p.Linear(16, 3),
    ]  # fmt: skip
    return p.Sequential(layers, input_shape=(1, 6, 6), seed=seed)


def plain(activation=None, seed=0):
    layers = [p.Conv2d(1, 4, 3), activation or p.ReLU(), p.Flatten(), p.Linear(64, 3)]
    return p.Sequential(layers, input_shape=(1, 6, 6), seed=seed)


def data(count=75, kind="uint8"):
    rng = np.random.default_rng(5)
    x = (rng.random((count, 1, 6, 6)) * 255).astype(np.uint8)
    return x if kind == "uint8" else x.astype(kind) / 255, rng.integers(0, 3, count)


def bits(made):
    held = {**made.parameters(), **made.states()}
    return {path: each.data.tobytes() for path, each in held.items()}


def values(made):
    return {path: each.data.copy() for path, each in {**made.parameters(), **made.states()}.items()}


def fit(made, **options):
    options = {"epochs": 2, "batch_size": 32, "optimizer": p.AdamW(0.01), "progress": False, **options}
    return p.fit(made, options.pop("train", data()), **options)


def trained(make=network, **options):
    made = make()
    fit(made, **options)
    return bits(made)


# ---- the same bits
@pytest.mark.parametrize("batch_size", [1, 7, 16, 32, 75])
def test_the_number_of_threads_changes_no_bit(batch_size, monkeypatch):
    """Last batches of 75 samples have 1, 5, 11, 11 and 75 of them."""
    options = {"batch_size": batch_size, "epochs": 1 if batch_size == 1 else 2}
    expected = trained(threads=1, **options)
    for threads in (2, 3, 4, 7):
        assert trained(threads=threads, **options) == expected
    monkeypatch.setenv("PELLUCID_THREADS", "3")
    assert trained(**options) == expected
    monkeypatch.setenv("PELLUCID_THREADS", "1")
    assert trained(**options) == expected
    assert trained(threads=1, **{**options, "seed": 1}) != expected, "the control"


@pytest.mark.parametrize(
    "optimizer",
    [p.SGD(0.1), p.SGD(0.1, momentum=0.9, nesterov=True), p.Adam(0.01, clip_norm=0.5), p.AdamW(0.01, average=0.9)],
    ids=["sgd", "nesterov", "clipped", "averaged"],
)
def test_the_number_of_threads_changes_no_bit_of_any_optimiser(optimizer):
    assert trained(optimizer=optimizer, threads=1) == trained(optimizer=optimizer, threads=3)


def test_what_a_training_has_computed_with_is_let_go_of_at_its_end():
    engines = []
    gc.collect()
    gc.disable()  # an engine holds the data's rows, activations and threads: none of it waits for a collection
    try:
        fit(plain(), callbacks=[p.on_batch(lambda training: engines.append(weakref.ref(training.engine)))])
        assert engines
        assert engines[0]() is None
    finally:
        gc.enable()


def test_weights_from_the_disk_and_freshly_compiled_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    emitted, emit = [], Recipe.emit
    monkeypatch.setattr(Recipe, "emit", lambda recipe: (emitted.append(recipe.name), emit(recipe))[1])
    fresh = trained(plain)
    assert len(list((tmp_path / "cache" / "kernels").iterdir())) > 10, "the control: all has been compiled anew"
    emitted.clear()
    gc.collect()  # so that no kernel is at hand
    assert trained(plain) == fresh
    assert not emitted
    gc.collect()
    monkeypatch.setenv("PELLUCID_CACHE", "/dev/null/nowhere")
    assert trained(plain) == fresh
    assert emitted, "the control: there was no disk"


def test_bits_do_not_depend_on_what_was_computed_before():
    expected = trained()
    made = network()
    p.predict(made, data()[0])
    p.evaluate(made, data())
    other = plain(seed=3)
    fit(other, epochs=1)
    fit(made)
    assert bits(made) == expected


# ---- beside the NumPy engine
def both(make, tolerance=2e-4, **options):
    """Train with both engines, expect the same but for rounding, and return both networks."""
    one, other = make(), make()
    before = values(one)
    told = fit(one, **options, engine="compiled")
    same = fit(other, **options, engine="numpy")
    assert told.batches == pytest.approx(same.batches, rel=1e-3)
    exact, found = values(other), values(one)
    for path in exact:
        scale = max(np.abs(exact[path]).max(), 1e-3)
        assert np.abs(found[path] - exact[path]).max() <= tolerance * scale, path
    assert any(not np.array_equal(found[path], before[path]) for path in found), "the control: it has learnt"
    return one, other


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_training_is_that_of_the_numpy_engine(kind):
    both(network, train=data(kind=kind), optimizer=p.SGD(0.05, momentum=0.9))


@pytest.mark.parametrize("batch_size", [1, 10, 75])
def test_batches_of_any_size_are_those_of_the_numpy_engine(batch_size):
    both(plain, batch_size=batch_size, epochs=1, optimizer=p.SGD(0.05))


def test_a_layer_of_ones_own_trains():
    one, _ = both(lambda: network(Own(4)), optimizer=p.SGD(0.1))
    assert not np.array_equal(one["own1"].slope.data, np.full((4, 1, 1), 0.2, np.float32))
    assert trained(lambda: network(Own(4)), threads=1) == trained(lambda: network(Own(4)), threads=3)


@pytest.mark.parametrize("optimizer", [p.SGD(0.02), p.Adam(0.01, clip_norm=0.5, average=0.9)], ids=["sgd", "adam"])
def test_a_parameter_without_axes_trains(optimizer):
    one, _ = both(lambda: plain(Factor()), optimizer=optimizer)
    assert one["factor1"].factor.data != 1.5


def shared():
    first, second = p.Linear(16, 16), p.Linear(16, 16)
    second.weight = first.weight
    return p.Sequential(
        [p.Flatten(), p.Linear(36, 16), first, p.Tanh(), second, p.Linear(16, 3)], input_shape=(1, 6, 6)
    )


def test_a_shared_parameter_trains():
    one, _ = both(shared, optimizer=p.SGD(0.1))
    assert one["linear2"].weight is one["linear3"].weight
    assert trained(shared, threads=1) == trained(shared, threads=4)


def frozen():
    made = network()
    for parameter in (made["conv1"].weight, made["norm1"].bias):
        parameter.trainable = False
    return made


def test_a_frozen_parameter_stays():
    made = frozen()
    one, _ = both(frozen, optimizer=p.SGD(0.1))
    for path in ("conv1.weight", "norm1.bias"):
        assert np.array_equal(one.parameters()[path].data, made.parameters()[path].data)
    assert not np.array_equal(one["norm1"].weight.data, made["norm1"].weight.data)


def test_validation_is_measured_by_the_same_engine(monkeypatch):
    """A network that the compiler refuses can be trained with NumPy, validation and all."""

    def refuse(*_):
        raise CompilerError("this must not be compiled")

    monkeypatch.setattr(Executable, "__init__", refuse)
    history = fit(plain(), engine="numpy", validation=data(20))
    assert np.isfinite(history.epochs[-1]["val_loss"])
    with pytest.raises(CompilerError, match="must not be compiled"):
        fit(plain(), validation=data(20))


# ---- whole networks' gradients
def small_resnet():
    def block(channels, out, stride):
        path = [p.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False), p.BatchNorm2d(out), p.ReLU(),
                p.Conv2d(out, out, 3, padding=1, bias=False), p.BatchNorm2d(out)]  # fmt: skip
        if stride == 1:
            return [p.Residual(p.Sequential(path)), p.ReLU()]
        shortcut = [p.Conv2d(channels, out, 1, stride=stride, bias=False), p.BatchNorm2d(out)]
        return [p.Residual(p.Sequential(path), p.Sequential(shortcut)), p.ReLU()]

    first = [p.Conv2d(3, 8, 3, padding=1, bias=False), p.BatchNorm2d(8), p.ReLU()]
    last = [p.AdaptiveAvgPool2d(1), p.Flatten(), p.Linear(12, 5)]
    return p.Sequential([*first, *block(8, 8, 1), *block(8, 12, 2), *last], input_shape=(3, 9, 9))


def small_mobilenet():
    def block(channels, inner, out, stride):
        path = [
            p.Conv2d(channels, inner, 1, bias=False), p.BatchNorm2d(inner), p.ReLU6(),
            p.Conv2d(inner, inner, 3, stride=stride, padding=1, groups=inner, bias=False), p.BatchNorm2d(inner),
            p.ReLU6(), p.Conv2d(inner, out, 1, bias=False), p.BatchNorm2d(out),
        ]  # fmt: skip
        return path if stride > 1 else [p.Residual(p.Sequential(path))]

    first = [p.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), p.BatchNorm2d(8), p.ReLU6()]
    last = [p.AdaptiveAvgPool2d(1), p.Flatten(), p.Dropout(0.2), p.Linear(12, 5)]
    return p.Sequential([*first, *block(8, 20, 8, 1), *block(8, 20, 12, 2), *last], input_shape=(3, 13, 13))


@pytest.mark.parametrize("make", [models.lenet, small_resnet, small_mobilenet])
def test_gradients_of_a_whole_network_are_those_of_the_definitions(make):
    made, rng = make(), np.random.default_rng(0)
    x = rng.standard_normal((19, *made.input_shape)).astype(np.float32)
    labels = rng.integers(0, 5, 19)
    loss, found = gradients(made, x, labels, threads=2)
    exact_loss, exact = exact_gradients(made, x, labels)
    assert loss == pytest.approx(exact_loss, rel=1e-5)
    assert distance(found, exact) < 2e-5
    path = next(iter(exact))
    spoilt = {**found, path: found[path] * np.float32(1 + 1e-4)}
    assert distance(spoilt, exact) > 2e-5, "the control: a small mistake in the first layer is seen"


# ---- what is not finite
class Weights(Callback):
    """Keeps all weights after every step."""

    def __init__(self):
        self.steps = []

    def on_batch(self, training):
        self.steps.append(bits(training.network))


@pytest.mark.filterwarnings("ignore:the images are floats")
def test_a_loss_that_is_not_finite_leaves_the_weights_of_the_step_before():
    x, labels = data(64, "float32")
    x[40] = 1e30  # an image in the third batch; the squares in its loss overflow
    targets = np.eye(3, dtype=np.float32)[labels]
    made, listener = plain(), Weights()
    with pytest.raises(p.NonFiniteError, match=r"step 3 \(epoch 1\): loss became NaN or infinite in loss"):
        fit(
            made, train=(x, targets), batch_size=16, shuffle=False, loss=p.MeanSquaredError(), callbacks=[listener],
            optimizer=p.SGD(1e-3),
        )  # fmt: skip
    assert len(listener.steps) == 2, "the control: two steps have been done"
    assert bits(made) == listener.steps[-1] != listener.steps[0]


@pytest.mark.filterwarnings("ignore:the images are floats")
@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_statistics_that_are_not_finite_are_not_taken(engine):
    """Normalised, they give zeros, and a loss that looks innocent."""
    x, labels = data(64, "float32")
    x[40] = 1e25
    made, listener = network(), Weights()
    with pytest.raises(p.NonFiniteError, match=r"step 3 \(epoch 1\): norm1\.statistics became NaN or infinite"):
        fit(made, train=(x, labels), batch_size=16, shuffle=False, callbacks=[listener], engine=engine)
    assert bits(made) == listener.steps[-1]
    assert all(np.isfinite(array).all() for array in values(made).values())


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
@pytest.mark.parametrize(
    ("loss", "targets"), [(p.CrossEntropy(), None), (p.MeanSquaredError(), np.zeros((64, 3), np.float32))]
)
def test_weights_too_large_for_their_sum_are_named(engine, loss, targets):
    """Divided by an infinite sum, each sample's loss is 0, and so is its gradient."""
    x, labels = data(64, "float32")
    weights = np.repeat([1.0, 1e38], 32)  # of 16, the sum overflows
    made, listener = plain(), Weights()
    with pytest.raises(p.NonFiniteError) as caught:
        fit(
            made, train=(x, labels if targets is None else targets), batch_size=16, shuffle=False, loss=loss,
            callbacks=[listener], engine=engine, sample_weight=weights,
        )  # fmt: skip
    assert str(caught.value) == (
        "step 3 (epoch 1): the weights of the batch's samples sum up to more than float32 holds (total_weight); the "
        "weights before this step are kept. Divide sample_weight, or the loss's class_weights, by the largest: only "
        "their ratios count"
    )
    assert len(listener.steps) == 2, "the control: two steps have been done"
    assert bits(made) == listener.steps[-1] != listener.steps[0]


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_weights_just_small_enough_for_their_sum_are_as_good_as_others(engine):
    """Also where the losses that they multiply would sum up to more."""
    weights = np.full(75, 2e37)  # of 16, the sum is 3.2e38
    large, one = (fit(plain(), batch_size=16, sample_weight=w, engine=engine) for w in (weights, weights / 2e37))
    np.testing.assert_allclose(large.batches, one.batches, rtol=1e-5)


def test_a_batch_that_weighs_nothing_changes_nothing():
    weights, listener = np.repeat([1.0, 0.0, 2.0], [32, 16, 27]), Weights()
    options = {"batch_size": 16, "shuffle": False, "epochs": 1, "sample_weight": weights}
    both(network, **options, optimizer=p.SGD(0.05))
    fit(network(), **options, callbacks=[listener])
    first, second, nothing, last, rest = listener.steps
    assert second == nothing, "neither weights nor statistics"
    assert first != second
    assert nothing != last != rest, "the control"


def test_training_goes_on_after_it_went_wrong():
    made, expected = plain(), plain()
    with pytest.raises(p.NonFiniteError):
        fit(made, optimizer=p.SGD(1e38))
    made.initialize(0)
    fit(made)
    fit(expected)
    assert bits(made) == bits(expected)


# ---- callbacks
class Changing(Callback):
    """Sets a weight at one of its calls."""

    def __init__(self, when, raises=False):
        self.when, self.raises = when, raises

    def _change(self, training):
        training.network["linear1"].weight.data = np.full((3, 64), 0.25)
        if self.raises:
            raise RuntimeError("enough")

    def on_begin(self, training):
        if self.when == "begin":
            self._change(training)

    def on_batch(self, training):
        if self.when == "batch" and training.step == 4:
            self._change(training)

    def on_epoch(self, training):
        if self.when == "epoch" and training.epoch == 1:
            self._change(training)


@pytest.mark.parametrize("when", ["begin", "batch", "epoch"])
def test_weights_that_a_callback_changes_are_taken_over(when):
    one, _ = both(plain, callbacks=[Changing(when)], optimizer=p.SGD(0.1))
    untouched = plain()
    fit(untouched, optimizer=p.SGD(0.1))
    assert bits(one) != bits(untouched), "the control"


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
@pytest.mark.parametrize("when", ["batch", "epoch"])
def test_an_exception_in_a_callback_comes_out_and_leaves_what_it_has_changed(when, engine):
    made = plain()
    with pytest.raises(RuntimeError, match="enough"):
        fit(made, callbacks=[Changing(when, raises=True)], engine=engine)
    assert (made["linear1"].weight.data == 0.25).all()
    assert not np.array_equal(made["conv1"].weight.data, plain()["conv1"].weight.data), "it had learnt by then"


@pytest.mark.parametrize("when", ["batch", "epoch"])
def test_after_an_exception_it_can_be_trained_again(when):
    made = plain()
    with pytest.raises(RuntimeError, match="enough"):
        fit(made, callbacks=[Changing(when, raises=True)])
    made.initialize(0)
    fit(made)
    assert bits(made) == trained(plain)


class Blind(Callback):
    """Counts steps and does not look at the weights."""

    sees_weights = False

    def __init__(self):
        self.steps = 0

    def on_batch(self, training):
        self.steps += 1


def test_weights_are_brought_to_those_only_who_look_at_them(monkeypatch):
    pulled, pull = [], CompiledEngine.pull
    monkeypatch.setattr(CompiledEngine, "pull", lambda engine: (pulled.append(1), pull(engine))[1])
    counter = Blind()
    alone = trained(plain, callbacks=[counter])
    assert counter.steps == 6
    assert len(pulled) < 6
    pulled.clear()
    assert trained(plain, callbacks=[Weights()]) == alone
    assert len(pulled) >= 6, "the control"


# ---- Ctrl-C
INTERRUPTED = """
import os, signal, sys, threading
import numpy as np
import pellucid as p
from pellucid.training import Callback

def make():
    layers = [p.Conv2d(1, 4, 3), p.BatchNorm2d(4), p.ReLU(), p.Flatten(), p.Linear(64, 3)]
    return p.Sequential(layers, input_shape=(1, 6, 6))

def bits(network):
    held = {**network.parameters(), **network.states()}
    return b"".join(held[path].data.tobytes() for path in sorted(held))

class Signalling(Callback):
    sees_weights = False

    def on_batch(self, training):
        if training.step == 20:  # it comes in whatever the training does a moment later
            threading.Timer(0.03, os.kill, (os.getpid(), signal.SIGINT)).start()

class Weights(Callback):
    def __init__(self):
        self.seen = set()

    def on_batch(self, training):
        self.seen.add(bits(training.network))
        if training.step == LAST:
            training.stop()

rng = np.random.default_rng(0)
data = (rng.random((50, 1, 6, 6), np.float32), rng.integers(0, 3, 50))

def fit(network, *callbacks, epochs=100_000):
    return p.fit(network, data, epochs=epochs, batch_size=16, threads=3, callbacks=callbacks, progress=False)

network, caught = make(), False
class Steps(Callback):
    sees_weights = False
    done = 0
    def on_batch(self, training):
        Steps.done = training.step
try:
    fit(network, Steps(), Signalling())
except KeyboardInterrupt:
    caught = True
LAST = Steps.done + 2
again, weights = make(), Weights()
fit(again, weights)
known = bits(network) in weights.seen
fresh, other = make(), make()
fit(fresh, epochs=3)
fit(other, epochs=3)
print(caught, Steps.done >= 20, known, bits(fresh) == bits(other))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signal")
def test_an_interrupt_leaves_the_weights_of_a_whole_step():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", INTERRUPTED], text=True, capture_output=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"] * 4, done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signal")
def test_an_interrupt_that_nobody_catches_ends_the_process():
    program = INTERRUPTED.partition("network, caught")[0] + "\nfit(make(), Signalling())\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], text=True, capture_output=True, timeout=100, check=False
    )
    assert done.returncode == -signal.SIGINT
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.skipif(not hasattr(signal, "raise_signal") or os.name == "nt", reason="Windows sends no such signal")
def test_an_interrupt_in_the_middle_of_a_step_is_raised_after_it():
    """Native code knows of no signals: the step is done, and taken or not, as a whole."""
    made, listener = plain(), Weights()

    class Raising(Callback):
        sees_weights = False

        def on_batch(self, training):
            if training.step == 3:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(made, callbacks=[listener, Raising()])
    assert len(listener.steps) == 3
    assert bits(made) == listener.steps[-1]
