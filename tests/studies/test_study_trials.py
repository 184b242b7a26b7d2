"""The studies that train, on random pictures: that they work, say truly how they train, and what they are made of."""

import itertools
import math
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pytest

import pellucid as p
from pellucid.data import Dataset, epoch_order
from pellucid.definitions.conv import conv2d
from pellucid.geometry import Window
from pellucid.schedules import LinearCycle
from pellucid.studies import (
    NOT_MEASURED,
    STUDIES,
    Options,
    Result,
    activation_speed,
    crops,
    filter_size,
    images,
    linear_stacks,
    rates,
    timing,
    trials,
)
from pellucid.studies import protocol as protocols
from pellucid.studies.figures import Bars
from pellucid.studies.images import Images
from pellucid.studies.protocol import CIFAR, MNIST, Protocol
from pellucid.studies.rates import Chosen
from pellucid.studies.trials import Comparison, Outcome, Spread, bars, choose_and_train, compare
from pellucid.training import History

TRAINING = [study for study in STUDIES.values() if study.trains]


def pictures(shape: tuple[int, int, int], count: int, seed: int = 0) -> Dataset:
    drawn = np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)
    return Dataset(drawn, np.arange(count) % 10)


@pytest.fixture
def random_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets of as many random pictures as a quick study takes."""
    for reader, name in (("_mnist", MNIST), ("_cifar", CIFAR)):
        parts = tuple(pictures(images.SHAPES[name], protocols.QUICK, seed) for seed in (0, 1))
        monkeypatch.setattr(images, reader, lambda _, parts=parts: parts)


# ---- whole studies


def words(result: Result) -> list[str]:
    return [section for section in result.sections if isinstance(section, str)]


@pytest.mark.parametrize("study", TRAINING, ids=lambda study: study.name)
def test_a_quick_study_trains_as_it_says(study, random_sets: None) -> None:
    said: list[str] = []
    result = study.function(Options(quick=True, seeds=2, threads=1, progress=said.append))
    text = " ".join(words(result))
    assert words(result)[0].startswith("Quick run, which only shows that the study works: ")
    assert f"the first {protocols.QUICK} training images" in text
    assert "means over 2 seeds" in text
    assert "1 epoch" in text
    for full in ("4,000", "1,000", "10,000", "held out", "12 epochs", "10 epochs", "24 epochs"):
        assert full not in text, full
    trained = [each for each in result.tables if each.measured]
    assert trained
    assert not any(NOT_MEASURED in row for each in trained for row in each.rows)
    assert any("±" in cell for each in trained for row in each.rows for cell in row)
    assert any("training 2 of 2" in each for each in said)
    assert {figure.name for figure in result.figures} <= set(study.pictures)
    for figure in result.figures:
        if isinstance(figure.plot, Bars):
            assert figure.plot.line == 10
            assert all(len(group.spread) == len(figure.plot.labels) for group in figure.plot.groups)


@pytest.mark.parametrize("study", TRAINING, ids=lambda study: study.name)
def test_without_measuring_nothing_is_read_and_words_are_those_of_the_full_study(study, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("read all the same")

    monkeypatch.setattr(images, "_mnist", refuse)
    monkeypatch.setattr(images, "_cifar", refuse)
    monkeypatch.setattr(filter_size, "DRAWS", (1, 1))  # of which the words say nothing
    monkeypatch.setattr(filter_size, "DEPTHS", (1, 2))
    text = " ".join(words(study.function(Options(measure=False))))
    for part in ("the first 4,000 training images", "1,000 of CIFAR-10", "means over 3 seeds", "best on 20 %"):
        assert part in text
    assert "Quick" not in text


@cache
def full(rates: tuple[float, ...] = (0.1, 0.2), epochs: int = 7) -> Protocol:
    return Protocol.of(rates, epochs, Options())


def test_words_follow_the_protocol() -> None:
    assert full().data((MNIST, CIFAR)) == (
        "Trained on the first 4,000 training images of each set; of test images, measured on the first 10,000 of MNIST "
        "and the first 1,000 of CIFAR-10."
    )
    assert (full().length, Protocol.of((0.1, 0.2), 7, Options(quick=True)).length) == ("7 epochs", "1 epoch")
    assert (
        "The peak is chosen from 0.1 and 0.2, for each network and set: what was best on 20 % of the training images, "
        "held out while choosing; while the best is the least or the largest of those that were tried, the next beyond "
        "it is tried as well, about three times as small or as large, up to 2 more."
    ) in full().cycle
    assert full((0.1,)).cycle.endswith("The peak is 0.1.")
    assert full().cycle.startswith(
        "the learning rate rises in a straight line over the first fifth of the steps, from a tenth of its peak, then "
        "falls to 0. "
    )
    other = Protocol((0.1,), 1, schedule=LinearCycle(start=0.05, peak_at=0.3), batch_size=7)
    assert "over the first 30 % of the steps, from 5 % of its peak" in other.cycle
    assert "batches of 7; " in trials.describe_training(other)
    alone = Protocol.of((0.1,), 7, Options(seeds=1)).repeated
    assert "deviation" not in alone
    assert "one seed" in alone


def test_trainings_follow_the_protocol(random_sets: None, monkeypatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(trials, "fit", lambda *_, **how: told.append(how))
    schedule = LinearCycle(start=0.5, peak_at=0.25)
    protocol = Protocol((0.25,), 3, 1, 64, dict.fromkeys((MNIST, CIFAR), 64), batch_size=16, schedule=schedule)
    compare({"one 7×7": linear_stacks.STACKS[3]}, protocol, Options(threads=1))
    assert len(told) == 2
    for how in told:
        assert (how["epochs"], how["batch_size"], how["schedule"]) == (3, 16, schedule)
        assert (how["seed"], how["threads"], how["optimizer"].lr) == (0, 1, 0.25)


@pytest.mark.parametrize("seeds", [0, -1, True, 2.5, "3"])
def test_no_seeds_are_refused(seeds) -> None:
    with pytest.raises(p.ArgumentError, match="seeds: expected a whole number of at least 1, received "):
        Options(seeds=seeds)


# ---- images


def test_without_cifar_mnist_is_left_and_it_is_said(monkeypatch, tmp_path, random_sets: None) -> None:
    monkeypatch.undo()
    monkeypatch.delenv("PELLUCID_DATA", raising=False)
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(images, "_mnist", lambda _: (pictures((1, 28, 28), 70), pictures((1, 28, 28), 70, 1)))
    quick = Protocol.of((0.1,), 1, Options(quick=True))
    found, note = images.gather((MNIST, CIFAR), quick, Options(quick=True, data_dir=tmp_path))
    assert [(each.name, len(each.train), len(each.test)) for each in found] == [(MNIST, 64, 64)]
    assert note.startswith(
        "CIFAR-10 is left out: it is not on this machine; `pellucid data fetch cifar10` downloads it"
    )


def test_a_set_with_too_few_images_is_left_out(random_sets: None, monkeypatch) -> None:
    quick = Protocol.of((0.1,), 1, Options(quick=True))
    monkeypatch.setattr(images, "_mnist", lambda _: (pictures((1, 28, 28), 63), pictures((1, 28, 28), 64)))
    found, note = images.gather((MNIST, CIFAR), quick, Options())
    assert [each.name for each in found] == [CIFAR]
    assert note == "MNIST is left out: expected at least 64 training images, received 63."


@pytest.mark.parametrize("study", TRAINING, ids=lambda study: study.name)
def test_with_nothing_to_train_on_a_study_says_so(study, random_sets: None, monkeypatch) -> None:
    monkeypatch.setattr(timing, "measure", None)  # it says so before it times anything
    with pytest.raises(p.DataError, match=r"there is nothing to train on. .*CIFAR-10 is left out: expected at least"):
        study.function(Options(threads=1))


def test_images_for_choosing_are_training_images_alone() -> None:
    whole = Images(CIFAR, pictures((3, 32, 32), 50), pictures((3, 32, 32), 9, 1))
    parts = whole.for_choosing()
    assert (len(parts.train), len(parts.test)) == (40, 10)
    both = {image.tobytes() for image in (*parts.train.images, *parts.test.images)}
    assert both == {image.tobytes() for image in whole.train.images}
    scaled = (whole.train.images / 255 - whole.scaling.mean) / whole.scaling.std
    assert (scaled.mean(), scaled.std()) == (pytest.approx(0, abs=1e-3), pytest.approx(1, abs=1e-3))


# ---- crops


def test_crops_are_those_that_are_cut_by_hand() -> None:
    data = pictures((3, 32, 32), 7)
    drawn = crops.drawn(data, seed=5, epochs=2)
    assert drawn.images.shape == (14, 3, 28, 28)
    starts = list(itertools.product(range(5), range(5)))
    seen = set()
    order = [number for epoch in range(2) for number in epoch_order(7, 5, epoch)]
    for position, number in enumerate(order):
        image, crop = data.images[number], drawn.images[position]
        cut = {(top, left): image[:, top : top + 28, left : left + 28] for top, left in starts}
        found = [
            (place, mirrored)
            for place, part in cut.items()
            for mirrored in (False, True)
            if np.array_equal(part[:, :, ::-1] if mirrored else part, crop)
        ]
        assert len(found) == 1, position
        assert drawn.labels[position] == data.labels[number]
        seen.add((number, *found))
    assert len({place for _, place in seen}) > 7, "places and mirroring vary"
    assert len(seen) > 7, "an image is cut elsewhere in the next epoch"


def test_a_crop_depends_on_seed_epoch_and_number_alone() -> None:
    data = pictures((3, 32, 32), 9)
    one, two = (crops._epoch(data.images, 3, 1) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(crops._epoch(data.images[:4], 3, 1), one[:4])
    assert not np.array_equal(crops._epoch(data.images, 4, 1), one)
    assert not np.array_equal(crops._epoch(data.images, 3, 0), one)


def test_the_middle_is_cut_out() -> None:
    data = pictures((3, 32, 32), 2)
    np.testing.assert_array_equal(crops.centred(data).images, data.images[:, :, 2:30, 2:30])


# ---- spreads, and the choice of a rate


def test_spreads() -> None:
    ours, theirs = Spread((3.0, 5.0, 7.0)), Spread((2.0, 6.0, 4.0))
    assert ours.minus(theirs).values == (1, -1, 3)
    assert ours.text(1) == "5.0 ± 2.0"
    assert ours.minus(theirs).text(2, "+") == "+1.00 ± 2.00"
    assert Spread((-1.25,)).text(1, "+") == "−1.2"
    assert Spread((4.0,)).deviation == 0
    assert (bars("a", [ours]).spread, bars("a", [Spread((4.0,))]).spread) == ([2.0], [])
    with pytest.raises(ValueError, match="shorter"):
        ours.minus(Spread((1.0,)))


class Dense:
    """A dense layer for images of a shape; it tells what it is asked for."""

    asked: ClassVar[list[tuple]] = []

    def network(self, shape, seed: int = 0, scaling: p.Scaling | None = None) -> p.Sequential:
        self.asked.append((shape, seed, scaling))
        layers = [p.Flatten(), p.Linear(math.prod(shape), 2)]
        return p.Sequential(layers, input_shape=shape, seed=seed, scaling=scaling)


def trained_by(learn, rates=(0.1, 0.2, 0.3), seeds: int = 2) -> Outcome:
    """Let a rate be chosen for a dense layer on pictures of one pixel, which is dark or bright as the label is."""
    labels = np.arange(40) % 2
    data = Dataset((255 * labels).astype(np.uint8).reshape(-1, 1, 1, 1), labels)

    protocol = Protocol(rates, 1, seeds)
    return choose_and_train("dense", Dense(), learn, Images(MNIST, data, data), protocol, Options(threads=1))


def answering_right(network: p.Sequential, right: bool) -> None:
    network.parameters()["linear1.weight"].data[...] = [[-1], [1]] if right else [[1], [-1]]
    network.parameters()["linear1.bias"].data[...] = [0.5, -0.5] if right else [-0.5, 0.5]


def test_the_best_rate_is_chosen_without_the_test_images() -> None:
    calls: list[tuple[int, float, int]] = []

    def learn(network, data: Dataset, rate: float, seed: int) -> None:
        calls.append((len(data), rate, seed))
        answering_right(network, rate == 0.2)

    outcome = trained_by(learn)
    assert calls == [(32, 0.1, 0), (32, 0.2, 0), (32, 0.3, 0), (40, 0.2, 0), (40, 0.2, 1)]
    assert outcome.chosen == Chosen(0.2, (0.1, 0.2, 0.3))
    assert outcome.accuracy.values == (100, 100)
    calls.clear()
    assert trained_by(learn, rates=(0.3,)).accuracy.values == (0, 0)
    assert calls == [(40, 0.3, 0), (40, 0.3, 1)], "with one rate there is nothing to choose"


def test_the_rates_go_on_beyond_the_best() -> None:
    calls: list[tuple[float, int]] = []

    def learn(network, data: Dataset, rate: float, seed: int) -> None:
        calls.append((rate, len(data)))
        answering_right(network, rate == 1)

    outcome = trained_by(learn, rates=(0.1, 0.3), seeds=1)
    assert calls[:2] == [(0.1, 32), (0.3, 32)]
    assert outcome.chosen.rate == 0.1, "all are alike, and what was tried first is taken"
    assert calls[2:] == [(0.03, 32), (0.1, 40)]
    calls.clear()
    outcome = trained_by(learn, rates=(0.3, 1.0), seeds=1)
    assert calls == [(0.3, 32), (1, 32), (3, 32), (1, 40)]
    assert outcome.chosen == Chosen(1, (0.3, 1, 3))
    assert outcome.accuracy.values == (100,)


def test_a_contestant_is_asked_for_networks_for_the_images(random_sets: None) -> None:
    Dense.asked.clear()
    labels = np.arange(10) % 2
    data = Dataset(pictures((1, 3, 4), 10).images, labels)
    whole = Images(MNIST, data, data)
    choose_and_train("", Dense(), lambda *_: None, whole, Protocol((0.1,), 1, 3), Options(threads=1))
    assert Dense.asked == [((1, 3, 4), seed, whole.scaling) for seed in range(3)]


def test_a_training_that_ends_in_nan_counts() -> None:
    def learn(network, data: Dataset, rate: float, seed: int) -> None:
        answering_right(network, right=seed == 0)
        raise p.NonFiniteError("the loss is nan")

    assert trained_by(learn, rates=(0.1,)).accuracy.values == (100, 0)


@pytest.mark.parametrize(
    ("best", "tried", "text"),
    [
        (0.003, (0.001, 0.003, 0.01), "0.003"),
        (0.01, (0.001, 0.003, 0.01, 0.03), "0.01"),
        (0.03, (0.001, 0.003, 0.01, 0.03, 0.1), "0.03"),
        (0.1, (0.001, 0.003, 0.01, 0.03, 0.1), "0.1 (largest tried)"),
        (1.0, (0.001, 0.003, 0.01, 0.03, 0.1), "0.1 (largest tried)"),
        (0.001, (0.0003, 0.001, 0.003, 0.01), "0.001"),
        (0.0003, (0.0001, 0.0003, 0.001, 0.003, 0.01), "0.0003"),
        (1e-9, (0.0001, 0.0003, 0.001, 0.003, 0.01), "0.0001 (least tried)"),
    ],
)
def test_rates_are_tried_until_the_best_lies_inside(best: float, tried: tuple[float, ...], text: str) -> None:
    asked: list[float] = []

    def score(rate: float) -> float:
        asked.append(rate)
        return -abs(math.log(rate / best))

    chosen = rates.choose((0.001, 0.003, 0.01), score)
    assert chosen.tried == tried
    assert sorted(asked) == list(tried), "each once"
    assert str(chosen) == text
    comparison = Comparison({(MNIST, "a"): Outcome(chosen, Spread((1.0,)), [])})
    assert comparison.rates("rates", ["a"]).rows == [("a", text, NOT_MEASURED)]


def test_one_rate_is_taken_as_it_is() -> None:
    chosen = rates.choose((0.02,), score=None)  # and nothing is tried
    assert (chosen, str(chosen)) == (Chosen(0.02, (0.02,)), "0.02")


# ---- stacks without activations


@pytest.mark.parametrize("kernels", [(3, 3), (3, 3, 3), (1, 1, 1), (5, 2, 1)])
def test_a_convolution_of_convolutions_is_a_convolution(kernels: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    channels, weights = 2, []
    for filters, kernel in zip((4, 3, 5), kernels, strict=False):
        weights.append(random.normal(size=(filters, channels, kernel, kernel)).astype(np.float32))
        channels = filters
    x = random.normal(size=(2, 2, 11, 11))
    y = x
    for weight in weights:
        y = conv2d(y, weight.astype(np.float64), window=Window.of(weight.shape[-1]))
    whole = linear_stacks.composed(weights)
    assert whole.shape == (channels, 2, *[sum(kernels) - len(kernels) + 1] * 2)
    np.testing.assert_allclose(conv2d(x, whole, window=Window.of(whole.shape[-1])), y, atol=1e-5)


@pytest.mark.parametrize("stack", [each for each in linear_stacks.STACKS if each.count > 1], ids=lambda each: each.name)
def test_one_filter_stands_for_a_stack_without_activations(stack: linear_stacks.Stack) -> None:
    network = stack.network((3, 12, 12), seed=4)
    x = np.random.default_rng(1).normal(size=(5, 3, 12, 12)).astype(np.float32)
    y, one = network.forward(x), linear_stacks.as_one(stack, network).forward(x)
    off = np.abs(y - one).max() / np.abs(y).max()
    assert off > 1e-2 if stack.activated else off < 1e-5


def test_a_stack_is_held_against_the_single_filter(monkeypatch) -> None:
    stack = linear_stacks.THREE_3X3
    whole = Images(CIFAR, pictures((3, 12, 12), 20), pictures((3, 12, 12), 20, 1))
    trained = [stack.network((3, 12, 12), seed) for seed in (1, 2)]
    outcome = Outcome(Chosen(0.1, (0.1,)), Spread((0.0,)), trained)
    off = linear_stacks._replaced(stack, whole, outcome, Options(threads=1))[1]
    assert 0 < off < 1e-5

    def always(stack: linear_stacks.Stack, network: p.Sequential) -> p.Sequential:
        """Return a network that answers 3 with 1, and all else with 0."""
        one = linear_stacks.Stack(1, 7).network((3, 12, 12))
        one.parameters()["linear1.weight"].data[...] = 0
        one.parameters()["linear1.bias"].data[...] = np.arange(10) == 3
        return one

    monkeypatch.setattr(linear_stacks, "as_one", always)
    text, off = linear_stacks._replaced(stack, whole, outcome, Options(threads=1))
    assert text == "10.0 ± 0.0", "a tenth of the labels are 3"
    outputs = p.predict(trained[0], whole.test.images, threads=1)
    assert off == pytest.approx(np.abs(outputs - (np.arange(10) == 3)).max() / np.abs(outputs).max(), rel=1e-5)


# ---- speed


def test_the_fastest_rate_is_chosen(monkeypatch) -> None:
    """Of rates that reach the error, the first to do so; else the one with the lowest error at the end."""
    asked: list[tuple[float, int]] = []
    courses = {0.0003: [90, 80, 70], 0.001: [80, 25, 20], 0.003: [50, 30, 10], 0.01: [90, 90, 90]}

    def fit(*_: object, optimizer, seed: int, **others: Any):
        asked.append((optimizer.lr, seed))
        assert (others["epochs"], others["batch_size"]) == (20, 32)
        return History([], [{"accuracy": 1 - each / 100} for each in courses[optimizer.lr]])

    monkeypatch.setattr(activation_speed, "fit", fit)
    whole = Images(CIFAR, pictures((3, 32, 32), 20), pictures((3, 32, 32), 20, 1))
    protocol = Protocol.of(activation_speed.RATES, activation_speed.EPOCHS, Options(seeds=2))
    course = activation_speed._course("tanh", whole, protocol, Options(seeds=2))
    assert asked == [(0.0003, 0), (0.001, 0), (0.003, 0), (0.001, 1)]
    assert (course.chosen.rate, course.cell()) == (0.001, "2.0 ± 0.0")
    asked.clear()
    courses[0.001] = [80, 30, 20]
    course = activation_speed._course("tanh", whole, protocol, Options(seeds=2))
    assert asked == [(0.0003, 0), (0.001, 0), (0.003, 0), (0.01, 0), (0.003, 1)]
    assert course.chosen == Chosen(0.003, (0.0003, 0.001, 0.003, 0.01))
    courses |= {0.001: [80, 30, 29], 0.003: [50, 40, 30]}
    assert activation_speed._course("tanh", whole, protocol, Options(seeds=2)).chosen.rate == 0.001
    asked.clear()
    alone = Protocol((0.01,), 20, 2)
    assert len(activation_speed._course("tanh", whole, alone, Options(seeds=2)).errors) == 2
    assert asked == [(0.01, 0), (0.01, 1)]


def test_epochs_are_counted_until_the_error_is_low() -> None:
    assert activation_speed._epochs([90, 25.1, 25.0, 10]) == 3
    assert activation_speed._epochs([90, 26]) == math.inf
    chosen = Chosen(0.1, (0.1,))
    course = activation_speed.Course(chosen, [[90, 20, 10], [90, 30, 25]])
    assert course.cell() == "2.5 ± 0.7"
    assert activation_speed.Course(chosen, [[90, 20, 10], [90, 30, 26]]).cell() == "more than 3"
