"""Residual blocks whose shortcut has no weights, every second pixel and zeros for the new channels, compiled."""

import numpy as np
import pytest

import pellucid as p
from oracles import compiled as oracle
from oracles.compiled import distance, exact_gradients, executable, gradients, held, planned, training_program
from pellucid import interpreter
from pellucid.compiler.executable import recipes

pytestmark = pytest.mark.usefixtures("kept_kernels")
SHAPE = (3, 9, 9)


def subsampled(before, after):
    return p.Sequential([p.MaxPool2d(1, stride=2), p.PadChannels(before, after)])


def block(channels, width):
    """As in the ResNets for CIFAR-10: where the channels become more, the image is halved."""
    body = p.Sequential([
        p.Conv2d(channels, width, 3, stride=1 if channels == width else 2, padding=1, bias=False), p.BatchNorm2d(width),
        p.ReLU(), p.Conv2d(width, width, 3, padding=1, bias=False), p.BatchNorm2d(width),
    ])  # fmt: skip
    new = width - channels
    return p.Residual(body, subsampled(new // 2, new - new // 2) if new else None)


def resnet(*widths):
    """A stage of one block for each width, a ReLU after each block; images of 9×9, then of 5×5 pixels."""
    first = widths[0]
    layers = [p.Conv2d(3, first, 3, padding=1, bias=False), p.BatchNorm2d(first), p.ReLU()]
    for channels, width in zip((first, *widths), widths, strict=False):
        layers += [block(channels, width), p.ReLU()]
    return p.Sequential([*layers, p.AdaptiveAvgPool2d(1), p.Flatten(), p.Linear(widths[-1], 4)], input_shape=SHAPE)


def batch(count):
    rng = np.random.default_rng(11)
    return rng.standard_normal((count, *SHAPE)).astype(np.float32), rng.integers(0, 4, count)


def nearest_kink(network, x, labels):
    """Return the smallest magnitude that a ReLU is given: near 0, rounding would decide which way a gradient goes."""
    program = training_program(network)
    given = [step.inputs[0] for step in program.steps if step.kind == "relu"]
    results = interpreter.run(program, {**held(network), **oracle.feeds(program, x, labels)}, given)
    return min(np.abs(results[value]).min() for value in given)


# ---- gradients
@pytest.mark.parametrize("widths", [(3, 8), (16, 32)], ids=str)
@pytest.mark.parametrize("count", [2, 19])
def test_gradients_of_a_small_resnet_are_those_of_the_definitions(widths, count):
    made, (x, labels) = resnet(*widths), batch(count)
    assert nearest_kink(made, x, labels) > 1e-5, "the control: no ReLU hangs on rounding"
    loss, found = gradients(made, x, labels, threads=2)
    exact_loss, exact = exact_gradients(made, x, labels)
    assert loss == pytest.approx(exact_loss, rel=1e-5)
    assert distance(found, exact) < 2e-5
    outputs, expected = p.predict(made, x), p.predict(made, x, engine="numpy")
    assert distance({"y": outputs}, {"y": expected}) < 2e-5


def flat(*layers):
    """Return a network of layers, and its features' classes."""
    before = [*layers, p.Flatten()]
    features = p.Sequential(before, input_shape=SHAPE).output_shape()[0]
    return p.Sequential([*before, p.Linear(features, 4)], input_shape=SHAPE)


PLACES = {
    "on the input": lambda: flat(p.PadChannels(1, 2), p.Conv2d(6, 5, 3), p.Tanh()),
    "behind a convolution": lambda: flat(p.Conv2d(3, 8, 3), p.Conv2d(8, 8, 3), subsampled(3, 2)),
    "behind its ReLU": lambda: flat(p.Conv2d(3, 8, 3), p.Conv2d(8, 16, 3), p.ReLU(), subsampled(0, 1)),
    "beside a convolution": lambda: flat(p.Residual(p.Conv2d(3, 8, 3, stride=2, padding=1), subsampled(2, 3))),
    "beside itself": lambda: flat(p.BatchNorm2d(3), p.Residual(subsampled(2, 1), subsampled(0, 3))),
    "before a normalisation": lambda: flat(p.Conv2d(3, 4, 3), p.PadChannels(2, 1), p.BatchNorm2d(7), p.Tanh()),
    "before ties": lambda: flat(p.Conv2d(3, 4, 3), p.PadChannels(2, 1), p.MaxPool2d(2), p.ReLU()),
    "on features": lambda: p.Sequential(
        [p.Conv2d(3, 4, 3), p.PadChannels(1, 0), p.Flatten(), p.PadChannels(2, 1), p.Tanh(), p.Linear(248, 3),
         p.PadChannels(1, 0)], input_shape=SHAPE
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("count", [1, 17])
def test_channels_may_be_padded_anywhere(make, count):
    made, (x, labels) = make(), batch(count)
    _, found = gradients(made, x, labels, threads=2)
    _, exact = exact_gradients(made, x, labels)
    assert distance(found, exact) < 2e-5
    outputs, expected = p.predict(made, x), p.predict(made, x, engine="numpy")
    assert distance({"y": outputs}, {"y": expected}) < 2e-5


@pytest.mark.parametrize("place", ["behind a convolution", "behind its ReLU"])
def test_windows_of_one_pixel_are_routed_too(place):
    """The gradient of the pixels between them is 0, and is not multiplied by anything."""
    kernels = {recipe.emitter.__name__ for recipe in recipes(planned(training_program(PLACES[place]())))}
    assert {"max_pool2d_winners", "conv2d_grad_weight_routed"} <= kernels


def test_checked_code_stays_within_its_bounds_and_gives_the_same_bits(monkeypatch):
    made, (x, labels) = PLACES["beside itself"](), batch(17)
    program = training_program(made)
    plain = executable(made, program, 17)
    monkeypatch.setenv("PELLUCID_CHECK", "1")
    checked = executable(made, program, 17)
    for found in (plain, checked):
        oracle.run(found, x, labels)
    assert plain.ends(17) == checked.ends(17)
    for value in program.gradients.values():
        if value in plain.plan.totals:
            assert np.array_equal(plain.totals(value), checked.totals(value))


# ---- training
def trained(engine, threads=None):
    """Train on images whose class is the brightest of four corners, and return the network with its history."""
    made, (x, _) = resnet(3, 8), batch(64)
    corners = x[:, :, ::8, ::8].sum(1).reshape(-1, 4)
    options = {"epochs": 3, "batch_size": 16, "optimizer": p.SGD(0.05, momentum=0.9), "progress": False}
    history = p.fit(made, (x, corners.argmax(1)), **options, engine=engine, threads=threads)
    return made, [epoch["loss"] for epoch in history.to_dict()["epochs"]]


def test_it_trains_as_with_numpy_and_with_the_same_bits_on_any_number_of_threads():
    (one, losses), (other, expected) = trained("compiled", 1), trained("numpy")
    assert losses == pytest.approx(expected, rel=1e-4)
    assert losses[-1] < 0.9 * losses[0]
    several, _ = trained("compiled", 3)
    for path, parameter in one.parameters().items():
        assert np.array_equal(parameter.data, several.parameters()[path].data), path
        exact = other.parameters()[path].data
        assert np.abs(parameter.data - exact).max() <= 2e-4 * max(np.abs(exact).max(), 1e-3), path
