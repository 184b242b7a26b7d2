"""Images as training sees them, drawn again by themselves."""

import numpy as np
import pytest

import pellucid as p
from pellucid import interpreter, random
from pellucid.augmented import mixed_with

HOW = [p.augment.Crop(2), p.augment.Flip(), p.augment.Affine(1.0, 0.2, 0.1, 0.1), p.augment.Cutout(3)]


@pytest.fixture
def data(rng) -> p.Dataset:
    return p.Dataset(rng.integers(0, 256, (20, 3, 9, 8), np.uint8), rng.integers(0, 2, 20))


@pytest.mark.parametrize("mixing", [[], [p.augment.MixUp(1.0)]], ids=["alone", "mixed"])
@pytest.mark.parametrize("scaling", [p.Scaling(), p.Scaling((0.4, 0.5, 0.3), (0.2, 0.25, 0.3))])
def test_they_are_what_training_computes_with(data, scaling, mixing):
    """Whatever the scaling: scaled back, the numbers before the first layer are these pixels."""
    how = [*mixing, *HOW, p.augment.ColourJitter(0.2, 0.2, 0.2)]
    network = p.Sequential([p.Flatten(), p.Linear(216, 2)], input_shape=(3, 9, 8), scaling=scaling)
    program = p.lower(network, training=True, resident=True, augment=how)
    last = [value.id for value in program.values if value.name.startswith("augmented")][-1]
    index, key = np.array([7, 0, 19, 3]), random.key(3, random.Purpose.AUGMENT, 1)
    weights = {path: parameter.data for path, parameter in network.parameters().items()}
    given = {"input.data": data.images, "index": index, "augment_key": key, **weights}
    x = interpreter.run(program, given, {last})[last]
    mean, std = (np.reshape(each, (-1, 1, 1)) for each in (scaling.means, scaling.deviations))
    expected = np.clip(np.rint((x * std + mean) * 255), 0, 255)
    found = p.augmented(data, index, how, seed=3, epoch=2)
    assert np.abs(found - expected).max() <= 1, "a half may be rounded either way"
    assert np.mean(found != expected) < 0.01
    assert np.mean(found != data.images[index]) > 0.5


def test_bytes_are_cut_off_at_white_and_floats_are_as_training_has_them(data):
    how = [p.augment.ColourJitter(brightness=0.9, contrast=0.9)]
    network = p.Sequential([p.Flatten(), p.Linear(216, 2)], input_shape=(3, 9, 8))
    program = p.lower(network, training=True, resident=True, augment=how)
    last = [value.id for value in program.values if value.name.startswith("augmented")][-1]
    given = {"input.data": data.images, "index": np.arange(20), "augment_key": random.key(3, random.Purpose.AUGMENT, 1)}
    weights = {path: parameter.data for path, parameter in network.parameters().items()}
    x = interpreter.run(program, {**given, **weights}, {last})[last]
    floats = p.augmented(data.images / 255, range(20), how, seed=3, epoch=2)
    np.testing.assert_allclose(floats, x, atol=2e-6)
    assert floats.max() > 1.2, "brighter than white"
    assert floats.min() < -0.05, "darker than black"
    bytes_ = p.augmented(data, range(20), how, seed=3, epoch=2)
    assert np.abs(bytes_ - 255 * np.clip(floats, 0, 1)).max() <= 0.5001


def test_a_sample_alone_is_the_sample_among_others(data):
    whole = p.augmented(data, range(20), HOW, epoch=4)
    assert whole.dtype == np.uint8
    for n in (0, 7, 19):
        assert np.array_equal(p.augmented(data.images, [n], HOW, epoch=4)[0], whole[n])
    assert not np.array_equal(p.augmented(data, range(20), HOW, epoch=5), whole)
    assert not np.array_equal(p.augmented(data, range(20), HOW, epoch=4, seed=1), whole)


def test_a_mixture_is_of_whom_and_how_much_is_said(data):
    mixing = p.augment.MixUp(1.0)
    partner, share = mixed_with(20, [7, 19], mixing, seed=3, epoch=2)
    for images in (data.images, data.images / np.float32(255)):
        found = p.augmented(images, [7, 19], [mixing], seed=3, epoch=2)
        for n, own in enumerate((7, 19)):
            expected = share[n] * images[own] + (1 - share[n]) * images[partner[n]]
            assert np.abs(found[n] - expected).max() <= (0.5001 if images is data.images else 1e-6)
    again = mixed_with(20, [7, 19], mixing, seed=3, epoch=3)
    assert partner.tolist() != again[0].tolist()
    assert share.tolist() != again[1].tolist()
    features = data.images.reshape(20, -1) / 255
    assert np.array_equal(
        p.augmented(features, [7], [mixing]), p.augmented(features.reshape(20, 3, 9, 8), [7], [mixing]).reshape(1, -1)
    )
    with pytest.raises(p.ArgumentError, match="index: expected samples from 0 to 19, received 20"):
        mixed_with(20, [20], mixing)


def test_without_augmentation_they_are_themselves(data):
    assert np.array_equal(p.augmented(data, [3, 1], []), data.images[[3, 1]])
    floats = data.images / np.float32(3)
    assert np.array_equal(p.augmented(floats, [3], [p.augment.Flip(1.0)])[0], floats[3, :, :, ::-1])


@pytest.mark.parametrize(
    ("index", "epoch", "said"),
    [
        ([20], 1, "index: expected samples from 0 to 19, received 20"),
        ([-1], 1, "index: expected samples from 0 to 19, received -1"),
        ([0.5], 1, "index: expected a list of whole numbers, received float64"),
        ([0], 0, "epoch: expected a whole number of at least 1, received 0"),
    ],
)
def test_samples_that_are_not_there_are_refused(index, epoch, said, data):
    with pytest.raises(p.ArgumentError) as error:
        p.augmented(data, index, HOW, epoch=epoch)
    assert str(error.value).startswith(said)
