"""`fit` with augmentation: each sample's draws are its own, whatever the batches; nothing else sees any of it."""

import tomllib

import numpy as np
import pytest

import pellucid as p
from pellucid import random
from pellucid.data import batches
from pellucid.definitions import DEFINITIONS
from pellucid.definitions.mixup import pairs

LIST = [p.augment.Crop(1), p.augment.Flip(), p.augment.Affine(0.7, 0.2, 0.1, 0.1), p.augment.Cutout(2)]
COLOURED = [*LIST, p.augment.ColourJitter(0.3, 0.3, 0.3)]
MIXED = [p.augment.MixUp(0.8), *COLOURED]
SCALING = p.Scaling(0.2, 0.4)


def coloured(dtype="float32"):
    layers = [p.Conv2d(3, 2, 3), p.ReLU(), p.Dropout(0.3), p.Flatten(), p.Linear(24, 3)]
    return p.Sequential(
        layers, input_shape=(3, 5, 6), dtype=dtype, scaling=p.Scaling((0.4, 0.5, 0.3), (0.2, 0.3, 0.25))
    )


def colour_images(samples=41):
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (samples, 3, 5, 6), np.uint8), rng.integers(0, 3, samples)


def trained(network, data, weights, **how):
    history = p.fit(network, data, **{"epochs": 3, "batch_size": 8, "progress": False, **how})
    return weights(network), history.batches


def test_training_is_the_loop_written_out(make, data, weights):
    """With float images and the usual scaling, what is augmented are the images themselves."""
    network, by_hand = make(dtype="float64"), make(dtype="float64")
    images = data.images / 255
    p.fit(
        network, (images, data.labels), epochs=2, batch_size=8, optimizer=p.SGD(0.5), seed=5, augment=LIST,
        progress=False,
    )  # fmt: skip
    for epoch in range(2):
        key = random.key(5, random.Purpose.AUGMENT, epoch)
        for index in batches(30, 8, seed=5, epoch=epoch, shuffle=True):
            x = images[index]
            for ordinal, each in enumerate(LIST):
                x = DEFINITIONS[each.kind](x, key, index, **each.attributes((0.0,), (1.0,)), ordinal=ordinal)
            for path, gradient in p.gradients(by_hand, x, data.labels[index]).items():
                if path != "input":
                    by_hand.parameters()[path].data = by_hand.parameters()[path].data - 0.5 * gradient
    for path, array in weights(network).items():
        np.testing.assert_allclose(array, weights(by_hand)[path], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize("batch_size", [1, 4, 7, 41])
@pytest.mark.parametrize("augment", [COLOURED, MIXED], ids=["alone", "mixed"])
def test_draws_depend_on_neither_batch_size_nor_order(batch_size, engine, augment):
    """Nothing is learnt, so that the loss of an epoch is the mean over samples of what each looks like."""

    def losses(**how):
        network = coloured()
        network = p.Sequential([layer for layer in network if not isinstance(layer, p.Dropout)],
                               input_shape=(3, 5, 6), scaling=network.scaling)  # fmt: skip
        how = {"optimizer": p.SGD(0.0), "epochs": 2, "augment": augment, "progress": False, "engine": engine, **how}
        return [epoch["loss"] for epoch in p.fit(network, colour_images(), **how).epochs]

    whole = losses(batch_size=8)
    assert whole[0] != pytest.approx(whole[1], rel=1e-4)
    assert losses(batch_size=batch_size) == pytest.approx(whole, rel=1e-5)
    assert losses(batch_size=batch_size, shuffle=False) == pytest.approx(whole, rel=1e-5)
    assert losses(batch_size=8, seed=1) != pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("augment", [COLOURED, MIXED], ids=["alone", "mixed"])
def test_any_number_of_threads_makes_the_same_bits_and_numpy_nearly(augment, weights):
    found = [trained(coloured(), colour_images(), weights, augment=augment, threads=n) for n in (1, 2, 3)]
    for learnt, losses in found[1:]:
        assert losses == found[0][1]
        assert all(learnt[path].tobytes() == array.tobytes() for path, array in found[0][0].items())
    by_definition, losses = trained(coloured("float64"), colour_images(), weights, augment=augment, engine="numpy")
    assert losses == pytest.approx(found[0][1], rel=1e-5)
    for path, array in by_definition.items():
        assert np.abs(array - found[0][0][path]).max() < 1e-4


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_order_and_masks_are_those_of_a_training_without(engine, weights):
    """An augmentation that changes nothing changes no bit: it takes no draw from anything else."""
    nothing = [p.augment.Flip(0.0), p.augment.Affine()]
    one = trained(coloured(), colour_images(), weights, augment=nothing, engine=engine)
    other = trained(coloured(), colour_images(), weights, engine=engine)
    assert one[1] == other[1]
    assert all(one[0][path].tobytes() == array.tobytes() for path, array in other[0].items())


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_what_is_validated_or_predicted_is_not_augmented(engine, make, data):
    network = make()
    history = p.fit(
        network, data, validation=data, epochs=1, optimizer=p.SGD(0.0), augment=LIST, engine=engine, progress=False
    )
    assert history.epochs[0]["val_loss"] == p.evaluate(network, data, engine=engine)["loss"]
    assert history.epochs[0]["val_loss"] != history.epochs[0]["loss"]
    assert not [step.kind for step in p.lower(network).steps if step.kind in ("crop", "flip", "affine", "cutout")]
    mixed = p.fit(
        network, data, validation=data, epochs=1, optimizer=p.SGD(0.0), augment=[p.augment.MixUp(8.0)], engine=engine,
        progress=False,
    )  # fmt: skip
    assert mixed.epochs[0]["val_loss"] == history.epochs[0]["val_loss"]
    assert mixed.epochs[0]["val_accuracy"] == history.epochs[0]["val_accuracy"]
    assert mixed.epochs[0]["loss"] not in (history.epochs[0]["val_loss"], history.epochs[0]["loss"])


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_what_is_empty_is_black(engine, make, data):
    """Black images stay black, whatever the scaling: what is filled in looks as a pixel of value 0 does."""
    black = p.Dataset(np.zeros_like(data.images), data.labels)
    how = {"epochs": 1, "progress": False, "optimizer": p.SGD(0.0), "engine": engine}

    def loss(**more):
        network = p.Sequential(list(make()), input_shape=(1, 4, 4), scaling=SCALING)
        return p.fit(network, black, **how, **more).epochs[0]["loss"]

    assert loss(augment=LIST) == pytest.approx(loss(), rel=1e-6)


def test_a_run_says_what_was_augmented(make, data, tmp_path):
    p.fit(make(), data, epochs=1, augment=LIST[:2], out=tmp_path / "with", progress=False)
    p.fit(make(), data, epochs=1, out=tmp_path / "without", progress=False)
    said = [tomllib.loads((tmp_path / run / "config.toml").read_text())["training"] for run in ("with", "without")]
    assert said[0]["augment"] == [{"name": "Crop", "padding": 1}, {"name": "Flip", "p": 0.5}]
    assert said[1]["augment"] == []


# ---- mixed with others
def mixtures(images, targets, index, key, alpha=0.8):
    """Return the mixtures of float images and targets that a batch is made of."""
    partner, share = pairs(key, index, len(images), alpha=alpha, ordinal=0)
    share = share.astype(float)

    def mixed(arrays):
        kept = share.reshape(-1, *[1] * (arrays.ndim - 1))
        return kept * arrays[index] + (1 - kept) * arrays[partner]

    return mixed(images), mixed(targets)


@pytest.mark.parametrize("targets", ["class numbers", "distributions", "values"])
def test_training_on_mixtures_is_the_loop_written_out(targets, make, data, weights):
    network, by_hand, images = make(dtype="float64"), make(dtype="float64"), data.images / 255
    one_hot, loss = np.eye(3)[data.labels], p.MeanSquaredError() if targets == "values" else p.CrossEntropy(0.1)
    given = {"class numbers": data.labels, "distributions": one_hot * 0.8 + 0.2 / 3, "values": one_hot * 7 - 2}
    labels = given[targets]
    p.fit(
        network, (images, labels), epochs=2, batch_size=8, loss=loss, optimizer=p.SGD(0.1), seed=5,
        augment=[p.augment.MixUp(0.8), p.augment.Flip()], progress=False,
    )  # fmt: skip
    for epoch in range(2):
        key = random.key(5, random.Purpose.AUGMENT, epoch)
        for index in batches(30, 8, seed=5, epoch=epoch, shuffle=True):
            x, t = mixtures(images, one_hot if targets == "class numbers" else labels, index, key)
            x = DEFINITIONS["flip"](x, key, index, p=0.5, ordinal=1)
            for path, gradient in p.gradients(by_hand, x, t, loss=loss).items():
                if path != "input":
                    by_hand.parameters()[path].data = by_hand.parameters()[path].data - 0.1 * gradient
    for path, array in weights(network).items():
        np.testing.assert_allclose(array, weights(by_hand)[path], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_partners_are_of_the_whole_data_set_and_of_none_that_is_held_out(engine, make, data):
    """One sample after the other, so that a partner out of the batch would be the sample itself."""
    labels = np.arange(30) % 3
    marked = np.where(np.arange(30)[:, None, None, None] < 24, data.images, 0)
    how = {"epochs": 1, "batch_size": 1, "optimizer": p.SGD(0.0), "engine": engine, "progress": False}
    mixing = {"augment": [p.augment.MixUp(8.0)]}
    alone, mixed = (p.fit(make(), (marked, labels), **how, **more).epochs[0]["loss"] for more in ({}, mixing))
    assert alone != pytest.approx(mixed, rel=1e-4)
    held_out = p.fit(make(), (marked[:24], labels[:24]), validation=(marked[24:], labels[24:]), **how, **mixing)
    without = p.fit(make(), (marked[:24], labels[:24]), **how, **mixing)
    assert held_out.batches == without.batches


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_the_accuracy_in_training_counts_the_larger_share(engine):
    """A network that knows its images by their brightest pixel knows mixtures too."""
    images = np.eye(4, dtype=np.float32)
    network = p.Sequential([p.Linear(4, 4, bias=False)], input_shape=(4,))
    network["linear1"].weight.data[...] = np.eye(4)
    how = {"epochs": 3, "batch_size": 3, "optimizer": p.SGD(0.0), "engine": engine, "progress": False}
    history = p.fit(network, (images, np.arange(4)), augment=[p.augment.MixUp(8.0)], **how)
    assert [epoch["accuracy"] for epoch in history.epochs] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_mixtures_weigh_what_their_own_sample_does(engine, make, data, weights):
    """Samples without weight teach nothing as themselves, and something as partners."""
    kept = np.arange(30) < 20
    how = {"augment": [p.augment.MixUp(8.0)], "engine": engine, "sample_weight": kept.astype(float), "epochs": 2}
    one, two, three = make(), make(), make()
    changed = data.images.copy()
    changed[~kept] = 255 - changed[~kept]
    for network, images, more in ((one, data.images, {}), (two, changed, {}), (three, changed, {"augment": []})):
        p.fit(network, (images, data.labels), progress=False, **{**how, **more})
    assert any(not np.array_equal(array, weights(two)[path]) for path, array in weights(one).items())
    plain = make()
    p.fit(plain, data, progress=False, **{**how, "augment": []})
    assert all(np.array_equal(array, weights(plain)[path]) for path, array in weights(three).items())


@pytest.mark.parametrize("loss", [p.CrossEntropy(0.1, (1, 2, 3)), p.MeanSquaredError()])
def test_engines_agree_on_mixtures_with_any_loss(loss, weights):
    rng = np.random.default_rng(3)
    images, labels = colour_images()
    labels = labels if loss.classification else rng.standard_normal((41, 3))
    how = {"loss": loss, "augment": MIXED, "sample_weight": rng.random(41)}
    one = trained(coloured(), (images, labels), weights, **how)
    other = trained(coloured("float64"), (images, labels), weights, engine="numpy", **how)
    assert one[1] == pytest.approx(other[1], rel=1e-5)
    assert all(np.abs(array - other[0][path]).max() < 1e-4 for path, array in one[0].items())


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_features_can_be_mixed_too(engine, weights):
    rng = np.random.default_rng(3)
    features, labels = rng.standard_normal((30, 7), np.float32), rng.integers(0, 3, 30)

    def learnt(**how):
        network = p.Sequential([p.Linear(7, 3)], input_shape=(7,), scaling=SCALING)
        return trained(network, (features, labels), weights, engine=engine, **how)

    mixed = learnt(augment=[p.augment.MixUp()])
    assert mixed[1] != learnt()[1]
    assert mixed[1] == learnt(augment=p.augment.MixUp())[1]


def test_there_is_no_gradient_of_augmented_images(make):
    with pytest.raises(p.ArgumentError, match="no gradient of images that are augmented"):
        p.lower(make(), loss=p.CrossEntropy(), augment=LIST, input_gradient=True)
