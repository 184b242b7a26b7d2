"""`fit`: the same seed gives the same bits, and what it does is what a loop over batches written out by hand does."""

import re
from pathlib import Path

import numpy as np
import pytest

import pellucid as p
from pellucid.data import batches, split
from pellucid.schedules import Cosine, WarmUp
from pellucid.training import Callback, Training
from pellucid.training.checks import warn_of_guessing
from pellucid.training.state import Settings


def without_times(history: p.History) -> dict:
    plain = history.to_dict()
    return plain | {"epochs": [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in plain["epochs"]]}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for path in one:
        np.testing.assert_array_equal(one[path], other[path], err_msg=path)


def assert_close(one, other, tolerance=1e-12):
    assert one.keys() == other.keys()
    for path in one:
        np.testing.assert_allclose(one[path], other[path], rtol=tolerance, atol=tolerance, err_msg=path)


class Recorder(Callback):
    """Keeps the weights after every step."""

    def __init__(self):
        self.steps = []

    def on_batch(self, training):
        self.steps.append({path: q.data.copy() for path, q in training.network.parameters().items()})


# ---- the same bits


def test_the_same_seed_gives_the_same_bits_and_another_one_others(make, data, weights):
    def run(seed):
        network = make(p.Dropout(0.3), p.BatchNorm2d(2))
        history = p.fit(network, data, validation=0.2, epochs=2, batch_size=7, seed=seed, progress=False)
        return without_times(history), weights(network)

    (history, learnt), (again, learnt_again), (_, others) = run(3), run(3), run(4)
    assert history == again
    assert_same(learnt, learnt_again)
    assert any((learnt[path] != others[path]).any() for path in learnt)


def test_who_listens_changes_nothing(make, data, weights, tmp_path):
    alone, watched = make(), make()
    quiet = p.fit(alone, data, epochs=2, batch_size=8, progress=False)
    told = p.fit(watched, data, epochs=2, batch_size=8, progress=True, out=tmp_path / "run", callbacks=[Recorder()])
    assert_same(weights(alone), weights(watched))
    assert without_times(quiet) == without_times(told)


# ---- the oracle: the loop written out, with gradients over one batch at a time


@pytest.mark.parametrize("shuffle", [True, False])
def test_training_is_the_loop_written_out(shuffle, make, data, weights):
    network, by_hand = make(dtype="float64"), make(dtype="float64")
    lrs = [0.5 * factor for factor in (1.0, 0.75, 0.25)]
    history = p.fit(
        network, data, epochs=3, batch_size=8, optimizer=p.SGD(0.5), schedule=lambda step, total, an_epoch:
        (1.0, 0.75, 0.25)[step // an_epoch], seed=5, shuffle=shuffle, progress=False,
    )  # fmt: skip
    losses, sizes = [], []
    for epoch, lr in enumerate(lrs):
        for index in batches(30, 8, seed=5, epoch=epoch, shuffle=shuffle):
            part = data.subset(index)
            losses.append(p.evaluate(by_hand, part)["loss"])
            grads = p.gradients(by_hand, part.images, part.labels)
            for path, parameter in by_hand.parameters().items():
                parameter.data = parameter.data - lr * grads[path]
            sizes.append(len(index))
    assert sizes == [8, 8, 8, 6] * 3, "the last batch holds what is left"
    assert_close(weights(network), weights(by_hand))
    assert history.batches == pytest.approx(losses, rel=1e-12)
    assert [epoch["lr"] for epoch in history.epochs] == lrs
    means = [np.average(losses[at : at + 4], weights=sizes[:4]) for at in (0, 4, 8)]
    assert [epoch["loss"] for epoch in history.epochs] == pytest.approx(means, rel=1e-12)


def test_a_batch_larger_than_the_data_holds_all_of_them(make, data):
    history = p.fit(make(), data, epochs=2, batch_size=1000, progress=False)
    assert len(history.batches) == 2


def test_history_has_the_agreed_names_and_means(make, data):
    network = make()
    history = p.fit(network, data, validation=data, epochs=2, optimizer=p.SGD(0.0), progress=False)
    last = history.to_dict()["epochs"][-1]
    assert list(last) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
    scores = p.evaluate(network, data)
    assert (last["epoch"], last["lr"]) == (2, 0.0)
    assert last["accuracy"] == last["val_accuracy"] == scores["accuracy"]
    assert last["loss"] == pytest.approx(scores["loss"], rel=1e-6)
    assert last["seconds"] > 0
    assert repr(history) == (
        f"History(2 epochs: loss {last['loss']:.4f} (val {last['val_loss']:.4f}), "
        f"accuracy {100 * last['accuracy']:.2f} % (val {100 * last['val_accuracy']:.2f} %))"
    )


def test_it_learns(make, data):
    history = p.fit(make(), data, epochs=30, batch_size=8, optimizer=p.Adam(0.01), progress=False)
    assert history.epochs[-1]["accuracy"] == 1.0
    assert history.epochs[-1]["loss"] < history.epochs[0]["loss"] / 3


# ---- dropout


def losses_with_dropout(make, data, *, seed=0, batch_size=30, epochs=1, shuffle=True):
    """The loss of each epoch; nothing is learnt, so that only the masks can change it."""
    history = p.fit(
        make(p.Dropout(0.5), dtype="float64"), data, epochs=epochs, batch_size=batch_size, seed=seed, shuffle=shuffle,
        optimizer=p.SGD(0.0), progress=False,
    )  # fmt: skip
    return [epoch["loss"] for epoch in history.epochs]


@pytest.mark.parametrize("batch_size", [1, 4, 7, 29])
def test_masks_do_not_depend_on_the_batch_size(batch_size, make, data):
    whole = losses_with_dropout(make, data, epochs=2)
    assert losses_with_dropout(make, data, epochs=2, batch_size=batch_size) == pytest.approx(whole, rel=1e-12)


def test_masks_depend_on_seed_and_epoch(make, data):
    first, second = losses_with_dropout(make, data, epochs=2, shuffle=False)
    (other,) = losses_with_dropout(make, data, seed=1, shuffle=False)
    assert len({first, second, other}) == 3


def test_masks_depend_on_the_position(make, data):
    copies = p.Dataset(np.repeat(data.images[:1], 6, axis=0), np.repeat(data.labels[:1], 6))
    network = make(p.Dropout(0.5))
    history = p.fit(network, copies, epochs=1, batch_size=1, optimizer=p.SGD(0.0), progress=False)
    assert len(set(history.batches)) > 1, "the same image six times, and the same mask each time"


# ---- weights of samples and of classes, soft labels


def test_a_sample_that_weighs_nothing_is_as_good_as_absent(make, data, weights):
    counts = (data.labels != 1).astype(float)
    with_them, without = make(dtype="float64"), make(dtype="float64")
    options = {"epochs": 3, "optimizer": p.SGD(0.5), "progress": False}
    weighted = p.fit(with_them, data, sample_weight=counts, **options)
    absent = p.fit(without, data.subset(counts > 0), **options)
    assert_close(weights(with_them), weights(without))
    assert weighted.batches == pytest.approx(absent.batches, rel=1e-12)


def test_a_weight_of_two_is_the_sample_twice(make, data, weights):
    counts = np.arange(30) % 3 + 1
    weighted, repeated = make(dtype="float64"), make(dtype="float64")
    options = {"epochs": 2, "optimizer": p.SGD(0.5), "progress": False}
    p.fit(weighted, data, sample_weight=counts, **options)
    p.fit(repeated, data.subset(np.repeat(np.arange(30), counts)), **options)
    assert_close(weights(weighted), weights(repeated))


def test_the_scale_of_weights_says_nothing(make, data, weights):
    one, other = make(), make()
    drawn = np.random.default_rng(0).random(30)
    p.fit(one, data, sample_weight=drawn, epochs=2, batch_size=8, progress=False)
    p.fit(other, data, sample_weight=8 * drawn, epochs=2, batch_size=8, progress=False)
    assert_same(weights(one), weights(other))


def test_a_batch_that_weighs_nothing_changes_nothing(make, data, weights):
    counts, recorder = np.repeat([0.0, 1.0], [10, 20]), Recorder()
    network = make(p.BatchNorm2d(2))
    before, running = weights(network), network["norm1"].running_mean.data.copy()
    history = p.fit(
        network, data, sample_weight=counts, epochs=1, batch_size=10, shuffle=False, optimizer=p.Adam(0.01),
        callbacks=[recorder], progress=False,
    )  # fmt: skip
    assert_same(recorder.steps[0], before)
    assert any((recorder.steps[1][path] != before[path]).any() for path in before)
    assert (network["norm1"].running_mean.data != running).any()
    assert history.batches[0] == 0
    assert history.epochs[0]["loss"] == pytest.approx(np.mean(history.batches[1:]))


def test_a_first_batch_that_weighs_nothing_leaves_no_trace_in_averages_and_moments(make, data, weights):
    with_it, without = make(dtype="float64"), make(dtype="float64")
    options = {
        "epochs": 1, "batch_size": 10, "shuffle": False, "optimizer": p.Adam(0.01, average=0.9), "progress": False,
    }  # fmt: skip
    p.fit(with_it, data, sample_weight=np.repeat([0.0, 1.0], [10, 20]), **options)
    p.fit(without, data.subset(range(10, 30)), **options)
    assert_close(weights(with_it), weights(without))


@pytest.mark.parametrize("batch_size", [4, 30])
def test_the_loss_of_an_epoch_is_the_weighted_mean_over_its_samples(batch_size, make, data):
    network, drawn = make(dtype="float64"), np.random.default_rng(1).random(30)
    loss = p.CrossEntropy(class_weights=(1, 2, 5))
    history = p.fit(
        network, data, sample_weight=drawn, loss=loss, epochs=1, batch_size=batch_size, optimizer=p.SGD(0.0),
        progress=False,
    )  # fmt: skip
    each = -np.log(p.predict_proba(network, data.images))[np.arange(30), data.labels]
    mean = np.average(each, weights=drawn * np.array([1, 2, 5])[data.labels])
    assert history.epochs[0]["loss"] == pytest.approx(mean, rel=1e-12)


def test_one_hot_labels_are_class_numbers(make, data, weights):
    numbers, one_hot = make(), make()
    told = p.fit(numbers, data, validation=data, epochs=2, batch_size=8, progress=False)
    pair = (data.images, np.eye(3)[data.labels])
    same = p.fit(one_hot, pair, validation=pair, epochs=2, batch_size=8, progress=False)
    assert without_times(told) == without_times(same)
    assert_same(weights(numbers), weights(one_hot))


def test_soft_labels_are_mixtures(make, data):
    network = make(dtype="float64")
    soft = 0.75 * np.eye(3)[data.labels] + 0.25 / 3
    history = p.fit(network, (data.images, soft), epochs=1, optimizer=p.SGD(0.0), progress=False)
    each = -(soft * np.log(p.predict_proba(network, data.images))).sum(axis=1)
    assert history.epochs[0]["loss"] == pytest.approx(each.mean(), rel=1e-12)
    assert history.epochs[0]["accuracy"] == p.evaluate(network, data)["accuracy"]


def test_targets_that_are_no_classes(data):
    x = data.images[:, 0, 0].astype(np.float32) / 255  # (30, 4)
    targets = x @ np.array([[1.0], [-2.0], [0.5], [0.0]])
    network = p.Sequential([p.Linear(4, 1)], input_shape=(4,))
    options = {"loss": p.MeanSquaredError(), "optimizer": p.Adam(0.05), "progress": False}
    history = p.fit(network, (x, targets), validation=(x, targets), epochs=100, batch_size=10, **options)
    assert list(history.epochs[0]) == ["epoch", "loss", "val_loss", "lr", "seconds"]
    assert history.epochs[-1]["val_loss"] < 0.01 * history.epochs[0]["val_loss"]


# ---- validation


def test_a_share_is_split_off_and_not_trained_on(make, data, weights):
    by_share, by_data = make(), make()
    rest, held_out = split(data, 0.3, seed=2)
    one = p.fit(by_share, data, validation=0.3, epochs=2, batch_size=8, seed=2, progress=False)
    other = p.fit(by_data, rest, validation=held_out, epochs=2, batch_size=8, seed=2, progress=False)
    assert_same(weights(by_share), weights(by_data))
    assert without_times(one) == without_times(other)
    assert one.epochs[-1]["val_loss"] == p.evaluate(by_share, held_out)["loss"]


def test_sample_weights_follow_their_samples_through_the_split(make, data, weights):
    drawn = np.random.default_rng(0).random(30)
    marked = p.Dataset(data.images, data.labels)
    rest, _ = split(p.Dataset(np.arange(30, dtype=np.float64)[:, None], data.labels), 0.3)
    kept = rest.images[:, 0].astype(int)
    one, other = make(), make()
    p.fit(one, marked, validation=0.3, sample_weight=drawn, epochs=1, batch_size=8, progress=False)
    p.fit(other, marked.subset(kept), sample_weight=drawn[kept], epochs=1, batch_size=8, progress=False)
    assert_same(weights(one), weights(other))


def test_validation_sees_no_dropout(make, data):
    network = make(p.Dropout(0.9))
    history = p.fit(network, data, validation=data, epochs=1, optimizer=p.SGD(0.0), progress=False)
    assert history.epochs[0]["val_loss"] == p.evaluate(network, data)["loss"] != history.epochs[0]["loss"]


# ---- options of the optimiser


def test_averaging_keeps_what_is_averaged_and_goes_on_with_what_is_trained(make, data, weights):
    plain, averaged, raw, with_averages = make(dtype="float64"), make(dtype="float64"), Recorder(), Recorder()
    options = {"validation": data, "epochs": 3, "batch_size": 8, "progress": False}
    p.fit(plain, data, optimizer=p.Adam(0.01), callbacks=[raw], **options)
    history = p.fit(averaged, data, optimizer=p.Adam(0.01, average=0.7), callbacks=[with_averages], **options)
    for one, other in zip(raw.steps, with_averages.steps, strict=True):
        assert_same(one, other)
    expected = raw.steps[0]
    for step, trained in enumerate(raw.steps[1:], start=2):
        decay = min(0.7, (step - 1) / (step + 8))
        expected = {path: decay * expected[path] + (1 - decay) * trained[path] for path in trained}
    assert_close(weights(averaged), expected)
    assert history.epochs[-1]["val_loss"] == p.evaluate(averaged, data)["loss"]


def one_step(network, data, optimizer):
    before = {path: q.data.copy() for path, q in network.parameters().items()}
    p.fit(network, data, epochs=1, optimizer=optimizer, progress=False)
    return {path: q.data - before[path] for path, q in network.parameters().items()}


def test_clipping_shortens_the_step_and_keeps_its_direction(make, data):
    whole = one_step(make(dtype="float64"), data, p.SGD(1.0))
    clipped = one_step(make(dtype="float64"), data, p.SGD(1.0, clip_norm=0.01))
    norms = [np.sqrt(sum((change**2).sum() for change in each.values())) for each in (whole, clipped)]
    assert norms[0] > 0.02, "nothing would be clipped"
    assert norms[1] == pytest.approx(0.01, rel=1e-3)
    assert_close(clipped, {path: change * norms[1] / norms[0] for path, change in whole.items()}, 1e-9)


def test_layers_have_learning_rates_of_their_own(make, data):
    alike = one_step(make(dtype="float64"), data, p.SGD(0.1))
    scaled = one_step(make(dtype="float64"), data, p.SGD(0.1, lr_scales={"conv1": 0.5, "linear1": 0}))
    for name in ("weight", "bias"):
        np.testing.assert_allclose(scaled[f"conv1.{name}"], 0.5 * alike[f"conv1.{name}"], rtol=1e-9, atol=1e-15)
        assert not scaled[f"linear1.{name}"].any()


def test_frozen_parameters_stay_bitwise(make, data, weights):
    network = make()
    for parameter in network["conv1"].parameters().values():
        parameter.trainable = False
    before = weights(network)
    p.fit(network, data, epochs=2, batch_size=8, optimizer=p.AdamW(0.01, average=0.9), progress=False)
    after = weights(network)
    for path, array in before.items():
        assert (after[path] == array).all() == path.startswith("conv1."), path


# ---- what goes wrong


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_what_flew_off_is_told_with_the_rate_that_was_set_and_the_one_of_the_step(engine, make, data):
    flat, clipped = p.schedules.Constant(), p.Adam(1e30, clip_norm=2)
    with pytest.raises(p.NonFiniteError, match=r"Try a smaller lr than 1e\+30, or a smaller clip_norm than 2$"):
        p.fit(make(), data, optimizer=clipped, schedule=flat, engine=engine, progress=False)
    warm_up = p.schedules.WarmUp(9)
    said = r"Try a smaller lr than 1e\+30 \(the schedule had made it [\d.]+e\+29\), or clip_norm=1$"
    with pytest.raises(p.NonFiniteError, match=said):
        p.fit(make(), data, optimizer=p.SGD(1e30), schedule=warm_up, engine=engine, progress=False)


def test_what_is_not_finite_ends_training_with_the_last_good_weights(make, data, weights):
    network, recorder = make(), Recorder()
    with pytest.raises(p.NonFiniteError) as caught:
        p.fit(
            network, data, epochs=5, batch_size=8, optimizer=p.SGD(1e25), callbacks=[recorder], shuffle=False,
            progress=False,
        )  # fmt: skip
    assert len(recorder.steps) >= 1, "the first step should have been a good one"
    step = len(recorder.steps) + 1
    assert re.match(
        rf"step {step} \(epoch {-(-step // 4)}\): .+ became NaN or infinite in \w+ \([\w.]+\); the weights before this "
        r"step are kept\. Try a smaller lr than 1e\+25, or clip_norm=1$",
        str(caught.value),
    )
    assert all(np.isfinite(array).all() for array in recorder.steps[-1].values())
    assert_same(weights(network), recorder.steps[-1])


def test_a_weight_that_is_not_finite_is_not_taken(make, data, weights):
    network = make()
    before = weights(network)
    with pytest.raises(p.NonFiniteError, match=r"step 1 \(epoch 1\): .+′ became NaN or infinite in optimizer \(sgd\);"):
        p.fit(network, data, epochs=1, optimizer=p.SGD(1e39), progress=False)  # the loss itself is still a number
    assert_same(weights(network), before)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"augment": ["crop:2"]}, p.ArgumentError,
            "augment: expected a list such as [augment.Crop(padding=2)], received 'crop:2'",
        ),
        ({"augment": [p.augment.Crop(4)]}, p.ArgumentError, "Crop.padding: 4 could shift images 4×4 out of sight"),
        ({"augment": [p.augment.ColourJitter()]}, p.ArgumentError, "ColourJitter: expects images of 3 channels"),
        ({"epochs": 0}, p.ArgumentError, "epochs: expected a whole number of at least 1, received 0"),
        ({"batch_size": 2.5}, p.ArgumentError, "batch_size: expected a whole number of at least 1, received 2.5"),
        ({"seed": -1}, p.ArgumentError, "seed: expected a whole number from 0 to 2^64 − 1, received -1"),
        ({"engine": "gpu"}, p.ArgumentError, "engine: expected one of compiled, numpy, received 'gpu'"),
        ({"optimizer": "adam"}, p.ArgumentError, "optimizer: expected an object such as Adam(1e-3), received 'adam'"),
        ({"loss": p.CrossEntropy}, p.ArgumentError, "loss: expected an object such as CrossEntropy() or Mean"),
        ({"schedule": Cosine}, p.ArgumentError, "schedule: expected an object such as pellucid.schedules.Cosine(), re"),
        ({"schedule": lambda *_: -1}, p.ArgumentError, "schedule: expected a number of at least 0, received -1"),
        ({"schedule": WarmUp(99)}, p.ArgumentError, "WarmUp: 99 steps of warm-up need a training of more steps"),
        ({"callbacks": Callback()}, p.ArgumentError, "callbacks: expected a list of Callback objects, as in [MyCallb"),
        ({"validation": 1.5}, p.ArgumentError, "validation: expected a number between 0 and 1, received 1.5"),
        ({"validation": True}, p.ArgumentError, "validation: expected a number between 0 and 1, received True"),
        ({"loss": "cross_entropy"}, p.ArgumentError, "loss: expected an object such as CrossEntropy() or MeanSquared"),
        ({"optimizer": p.Adam}, p.ArgumentError, "optimizer: expected an object such as Adam(1e-3), received <class"),
        ({"schedule": "cosine"}, p.ArgumentError, "schedule: expected an object such as pellucid.schedules.Cosine()"),
        ({"callbacks": [Callback]}, p.ArgumentError, "callbacks: expected a list of Callback objects, as in [MyCallb"),
        (
            {"validation": np.zeros((2, 1, 4, 4))}, p.ArgumentError,
            "validation: expected a Dataset or a pair (images, labels), received ndarray",
        ),
        (
            {"validation": (np.zeros((2, 1, 5, 5)), [0, 1])}, p.ShapeError,
            "the network expects images of shape (1, 4, 4), received (1, 5, 5)",
        ),
        (
            {"validation": (np.zeros((2, 1, 4, 4)), [0, 3])}, p.DataError,
            "labels: sample 1 has class 3, but the network has 3 outputs, for classes 0 to 2; give the last layer 4",
        ),
        (
            {"validation": (np.zeros((2, 1, 4, 4)), np.eye(2))}, p.ShapeError,
            "CrossEntropy expects class numbers or 3 shares a sample as targets, received targets of shape (2,)",
        ),
        ({"sample_weight": np.ones(29)}, p.DataError, "sample_weight: expected 30 numbers, received float64 (29,)"),
        ({"sample_weight": -np.ones(30)}, p.DataError, "sample_weight: expected finite numbers of at least 0, and one"),
        ({"sample_weight": np.zeros(30)}, p.DataError, "sample_weight: expected finite numbers of at least 0, and one"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_anything_is_changed(
    options, error, message, make, data, weights, tmp_path
):
    network, out = make(), tmp_path / "run"
    before = weights(network)
    with pytest.raises(error) as caught:
        p.fit(network, data, **{"epochs": 1, "out": out, "progress": False, **options})
    assert str(caught.value).startswith(message)
    assert_same(weights(network), before)
    assert not out.exists()


def test_images_and_labels_as_two_arguments_are_refused(make, data):
    for call, name in ((p.fit, "fit"), (p.evaluate, "evaluate")):
        with pytest.raises(p.ArgumentError) as caught:
            call(make(), data.images, data.labels)
        assert str(caught.value) == (
            f"{name}: images and labels are one argument, a pair: write {name}(network, (x, y), …)"
        )


def test_a_network_without_an_input_shape_is_told_which(data):
    with pytest.raises(p.ArgumentError) as caught:
        p.fit(p.Sequential([p.Flatten(), p.Linear(16, 3)]), data, progress=False)
    assert str(caught.value) == (
        "network: expected a Sequential or Graph with an input_shape, received one without; write Sequential([…], "
        "input_shape=(1, 4, 4))"
    )


@pytest.mark.parametrize("network", [p.Conv2d(1, 2, 3), p.Sequential([p.Flatten()]), None])
def test_what_is_no_whole_network_is_refused(network, data):
    with pytest.raises(p.ArgumentError, match="network: expected a Sequential or Graph with an input_shape, received "):
        p.fit(network, data, progress=False)


def test_a_softmax_before_cross_entropy_is_refused(make, data):
    network = p.Sequential([p.Flatten(), p.Linear(16, 3), p.Softmax()], input_shape=(1, 4, 4))
    with pytest.raises(p.ArgumentError, match=r"softmax1 stands before CrossEntropy, which applies the softmax itself"):
        p.fit(network, data, progress=False)


def test_a_path_as_text_or_object_serves_for_the_run(make, data, tmp_path: Path):
    p.fit(make(), data, epochs=1, out=str(tmp_path / "text"), progress=False)
    p.fit(make(), data, epochs=1, out=tmp_path / "path", progress=False)
    model = "model.safetensors"
    assert (tmp_path / "text" / model).read_bytes() == (tmp_path / "path" / model).read_bytes()


# ---- what looks like a slip


def test_labels_from_one_are_warned_of(make, data):
    network = p.Sequential([p.Flatten(), p.Linear(16, 4)], input_shape=(1, 4, 4))
    with pytest.warns(UserWarning, match="from 1") as caught:
        p.fit(network, (data.images, data.labels + 1), epochs=1, progress=False)
    assert [str(warning.message) for warning in caught] == [
        "labels count from 1? All classes from 1 to 3 occur, and 0 never does: write labels - 1, and give the last "
        "layer 3 outputs"
    ]
    p.fit(network, data, epochs=1, progress=False)  # 0 to 2 of 4: a class may be absent
    p.fit(make(), (data.images, np.ones(30, int)), epochs=1, progress=False)  # 1 alone says little


@pytest.mark.parametrize(
    ("optimizer", "hint"),
    [(p.Adam(10.0), "smaller lr than 10"), (p.Adam(1e-9), "larger lr than 1e-09, or more epochs")],
)
def test_a_loss_at_the_level_of_guessing_is_warned_of(optimizer, hint, make, data):
    def train(epochs):
        return p.fit(make(), data, epochs=epochs, batch_size=3, optimizer=optimizer, progress=False)

    train(4)  # 40 steps are too few to judge by
    with pytest.warns(UserWarning, match="guessing") as caught:
        loss = train(5).epochs[-1]["loss"]
    assert [str(warning.message) for warning in caught] == [
        f"the loss, {loss:.2f}, is not below ln 3 = 1.10, the level of guessing: try a {hint}"
    ]
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("lr", "losses", "batches", "hint"),
    [
        (1e-3, [2.61, 2.55, 2.50, 2.45, 2.40, 2.36], [2.7, 2.6], "larger lr than 0.001, or more epochs"),
        (3e-3, [2.61, 2.55, 2.50, 2.45, 2.40, 2.36], [2.7, 2.6], "larger lr than 0.003, or more epochs"),
        (1e-3, [2.61], [2.7, 2.6], "larger lr than 0.001, or more epochs"),
        (1e-3, [2.61, 2.60, 2.70], [2.7, 2.6], "smaller lr than 0.001"),  # it rose
        (1e-3, [3.86, 2.46, 2.40, 2.39], [2.7, 2.6], "smaller lr than 0.001"),  # it was thrown off
        (1e-3, [2.61], [2.7, 9.5, 2.3], "smaller lr than 0.001"),  # within the first epoch
        (0.1, [2.31, 2.31, 2.31], [2.7, 2.3], "smaller lr than 0.1"),  # dead, at an lr above the usual one
    ],
)
def test_which_lr_to_try_follows_from_how_the_loss_went(lr, losses, batches, hint, data):
    history = p.History(batches, [{"epoch": n, "loss": loss} for n, loss in enumerate(losses, 1)])
    network = p.Sequential([p.Flatten(), p.Linear(16, 10)], input_shape=(1, 4, 4))
    settings = Settings(6, 3, p.CrossEntropy(), p.Adam(lr), p.schedules.Constant(), 0, True, "numpy")
    with pytest.warns(UserWarning, match=rf"guessing: try a {re.escape(hint)}$"):
        warn_of_guessing(Training(network, data, settings, history=history, step=100))


# ---- batches too small to be normalised over


def normalised(*layers):
    return p.Sequential([*layers, p.Flatten(), p.Linear(2, 2)], input_shape=(2, 1, 1), seed=1)


def test_a_batch_of_one_number_a_channel_is_refused_before_anything_is_changed():
    images, labels = np.random.default_rng(0).random((9, 2, 1, 1), np.float32), np.arange(9) % 2
    for network in (
        normalised(("wide", p.BatchNorm2d(2))),
        normalised(p.Flatten(), p.Linear(2, 2), ("wide", p.BatchNorm2d(2))),
    ):
        before = {path: state.data.copy() for path, state in network.states().items()}
        for size, which in ((8, "the last"), (1, "every")):
            message = f"wide normalises each channel over its batch, and {which} batch, of 1, gives it 1 number, which"
            with pytest.raises(p.ArgumentError, match=f"^{message} has no variance; choose another batch_size than"):
                p.fit(network, (images, labels), batch_size=size, epochs=1, progress=False)
        assert_same(before, {path: state.data for path, state in network.states().items()})


def test_few_numbers_a_channel_are_told(recwarn):
    images, labels = np.random.default_rng(0).random((9, 2, 2, 1), np.float32), np.arange(9) % 2

    def told(batch_size, *layers, until=None):
        network = p.Sequential([*layers, p.Flatten(), p.Linear(4, 2)], input_shape=(2, 2, 1), seed=1)
        if until is not None:
            p.freeze(network, until)
        recwarn.clear()
        p.fit(network, (images, labels), batch_size=batch_size, epochs=1, progress=False)
        return [str(each.message) for each in recwarn if "normalises" in str(each.message)]

    (text,) = told(7, p.BatchNorm2d(2))
    assert text.startswith("norm1 normalises each channel over its batch, and the last batch, of 2, gives it 4 numbers")
    assert len(told(3, p.BatchNorm2d(2))) == 1
    assert told(8, p.BatchNorm2d(2), until="flatten1") == []  # frozen: it uses its running averages
    assert told(9, p.BatchNorm2d(2)) == told(4, p.ReLU()) == []
