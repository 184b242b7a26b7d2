"""Augmentations as settings: checked where they are made, and written as short texts."""

import math

import pytest

from pellucid import augment
from pellucid.errors import ArgumentError

ALL = [
    augment.Crop(2),
    augment.Flip(0.25),
    augment.Affine(1.5, 0.12, 0.08, 0.06),
    augment.ColourJitter(0.2, 0.3, 0.4),
    augment.Cutout(5),
    augment.MixUp(0.4),
]


@pytest.mark.parametrize("made", ALL)
def test_the_short_text_makes_the_same(made):
    assert augment.by_name(str(made)) == made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("crop", augment.Crop(4)),
        ("flip", augment.Flip(0.5)),
        ("affine:1.5", augment.Affine(shift=1.5)),
        ("affine:0,0.1", augment.Affine(rotate=0.1)),
        ("jitter:.2,.2", augment.ColourJitter(0.2, 0.2, 0.0)),
        ("cutout:8", augment.Cutout(8)),
        ("mixup", augment.MixUp(0.2)),
    ],
)
def test_settings_may_be_left_off_from_the_end(text, expected):
    assert augment.by_name(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("corp:2", "unknown augmentation 'corp'; did you mean 'crop'?"),
        ("warp", "unknown augmentation 'warp'. Known: crop:PADDING, flip:P, affine:SHIFT,ROTATE,SCALE,SHEAR"),
        ("crop:two", "augmentation 'crop:two': expected the form crop:PADDING"),
        ("crop:2.5", "augmentation 'crop:2.5': expected the form crop:PADDING"),
        ("crop:2,2", "expected the form crop:PADDING"),
        ("cutout:", "expected the form cutout:SIZE"),
        ("crop:0", "Crop.padding: expected a whole number of at least 1, received 0"),
        ("flip:2", "Flip.p: expected a number from 0 to 1, received 2.0"),
        ("mixup:0.2,1", "augmentation 'mixup:0.2,1': expected the form mixup:ALPHA"),
        ("mixup:0", "MixUp.alpha: expected a number above 0, received 0.0"),
        (7, "augmentation: expected a text such as 'crop:2', received 7"),
    ],
)
def test_a_text_that_means_nothing_is_refused(text, said):
    with pytest.raises(ArgumentError) as error:
        augment.by_name(text)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: augment.Crop(1.5), "Crop.padding: expected a whole number of at least 1"),
        (lambda: augment.Affine(shift=-1), "Affine.shift: expected a number of at least 0, received -1"),
        (lambda: augment.Affine(rotate=15), "expected radians, from 0 to π, received 15; 15 degrees are 0.2618"),
        (lambda: augment.Affine(scale=1), "Affine.scale: expected a number from 0 up to but not 1"),
        (lambda: augment.Affine(shear=math.nan), "Affine.shear: expected a number from 0 to 1"),
        (lambda: augment.ColourJitter(contrast=1.2), "ColourJitter.contrast: expected a number from 0 to 1"),
        (lambda: augment.Cutout(0), "Cutout.size: expected a whole number of at least 1"),
        (lambda: augment.MixUp(-0.2), "MixUp.alpha: expected a number above 0, received -0.2"),
        (lambda: augment.MixUp(math.inf), "MixUp.alpha: expected a number above 0, received inf"),
        (lambda: augment.MixUp(1001), "MixUp.alpha: expected at most 1,000, where all shares are halves already"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, said):
    with pytest.raises(ArgumentError) as error:
        make()
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("given", "shape", "said"),
    [
        ([augment.Crop(28)], (1, 28, 28), "could shift images 28×28 out of sight; use at most 27"),
        ([augment.Crop(1)], (1, 1, 1), "out of sight; leave it out"),
        ([augment.ColourJitter(0.2)], (1, 28, 28), "ColourJitter: expects images of 3 channels"),
        ([augment.Cutout(55)], (1, 28, 28), "covers all of images 28×28"),
        ([augment.Cutout(1)], (1, 1, 1), "covers all of images 1×1"),
        ([augment.Affine(shift=40)], (1, 28, 28), "are more than images 28×28 have"),
        ([augment.Flip()], (64,), "augment: expects images (channels, height, width)"),
        (["crop:2"], (1, 28, 28), "augment: expected a list such as [augment.Crop(padding=2)], received 'crop:2'"),
        ("crop:2", (1, 28, 28), "received 'crop:2'"),
        ([augment.Crop], (1, 28, 28), "augment: expected a list"),
        (
            [augment.Flip(), augment.MixUp()], (1, 8, 8),
            "augment: MixUp(alpha=0.2) is number 2 of the list, but must come first, and once: images are mixed",
        ),
        ([augment.MixUp(), augment.MixUp(1)], (1, 8, 8), "MixUp(alpha=1.0) is number 2 of the list, but must come"),
        ([augment.MixUp(), augment.Flip()], (64,), "augment: expects images (channels, height, width)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_images_is_refused(given, shape, said):
    with pytest.raises(ArgumentError) as error:
        augment.as_augmentations(given, shape)
    assert said in str(error.value)


def test_one_may_stand_for_a_list():
    assert augment.as_augmentations(augment.Flip(), (1, 8, 8)) == (augment.Flip(),)
    assert augment.as_augmentations(None, (64,)) == ()
    assert augment.as_augmentations([], (64,)) == ()
    assert augment.as_augmentations(augment.MixUp(), (64,)) == (augment.MixUp(0.2),)


def test_fill_is_what_a_black_pixel_becomes():
    attributes = augment.Crop(2).attributes((0.5, 0.25), (0.5,))
    assert attributes == {"padding": 2, "fill": (-1.0, -0.5)}
    assert augment.Cutout(2).attributes((0.0,), (1.0,))["fill"] == (0.0,)
    assert math.copysign(1, augment.Cutout(2).attributes((0.0,), (1.0,))["fill"][0]) == 1
