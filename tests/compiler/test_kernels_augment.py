"""Augmentation by kernels: the definitions' words and places bit for bit, their numbers to within rounding."""

import numpy as np
import pytest

from oracles.emitted import channels_first, channels_last, run
from oracles.numerical import assert_agrees
from pellucid import random
from pellucid.compiler.kernels import augment as kernels
from pellucid.compiler.tiles import BY_NAME, supported
from pellucid.definitions import augment as definitions

HERE = [isa.name for isa in supported()]
KEY = random.key(7, random.Purpose.AUGMENT, 3)
INDEX = np.array([0, 5, 2**31, 2**32 - 1, 17, 6, 7])
SHAPES = [(1, 28, 28), (3, 32, 32), (1, 5, 3), (2, 3, 7), (3, 2, 9), (17, 4, 5), (33, 2, 2)]
CASES = [(shape, HERE[0]) for shape in SHAPES] + [(shape, name) for name in HERE[1:] for shape in SHAPES[:4]]
TOLERANCE = 2e-5


def fills(channels):
    return tuple(-0.25 - c / 8 for c in range(channels)) if channels != 2 else (-0.5,)


def images(rng, shape):
    """Return images with a NaN and infinities in one of them."""
    x = rng.standard_normal((len(INDEX), *shape), np.float32)
    x[1].flat[:3] = np.nan, np.inf, -np.inf
    return x


def made(emitter, parameters, x, name, index=INDEX, **how):
    """Return what a kernel makes of images (N, C, H, W)."""
    inputs = channels_last(x), KEY, index
    how = {"isa": BY_NAME[name], "checked": name == HERE[-1], **how}
    return channels_first(run(emitter, (x.shape[2:], *parameters), inputs, inputs[0].shape, **how))


@pytest.mark.parametrize(("shape", "name"), CASES)
def test_crop_flip_and_cutout_copy_bit_for_bit(shape, name, rng):
    x, (channels, *size) = images(rng, shape), shape
    most = min(size) - 1
    for padding in sorted({1, min(2, most), most}):
        y = made(kernels.crop, (channels, padding, fills(channels), 2), x, name)
        expected = definitions.crop(x, KEY, INDEX, padding=padding, fill=fills(channels), ordinal=2)
        assert y.tobytes() == expected.tobytes()
    for p in (0.0, 0.5, 1.0, 2.0**-30):
        y = made(kernels.flip, (channels, p, 1), x, name)
        assert y.tobytes() == definitions.flip(x, KEY, INDEX, p=p, ordinal=1).tobytes()
    for side in (1, 2, 3, 2 * max(size)):
        y = made(kernels.cutout, (channels, side, fills(channels), 4), x, name)
        expected = definitions.cutout(x, KEY, INDEX, size=side, fill=fills(channels), ordinal=4)
        assert y.tobytes() == expected.tobytes()


MAPS = [(1.5, 0.12, 0.08, 0.06), (0.0, 3.14159, 0.0, 0.0), (30.0, 0.5, 0.9, 2.0), (0.0, 0.0, 0.0, 0.0)]


@pytest.mark.parametrize(("shape", "name"), CASES)
@pytest.mark.parametrize("strengths", MAPS)
def test_affine_agrees_with_the_definition_in_float64(shape, name, strengths, rng):
    x, fill = rng.standard_normal((len(INDEX), *shape), np.float32), fills(shape[0])
    series = definitions.SINE, definitions.COSINE
    y = made(kernels.affine, (shape[0], *strengths, fill, 1, series), x, name)
    how = dict(zip(("shift", "rotate", "scale", "shear"), strengths, strict=True))
    assert_agrees(y, definitions.affine(x.astype(np.float64), KEY, INDEX, **how, fill=fill, ordinal=1), TOLERANCE / 20)


@pytest.mark.parametrize("name", HERE)
def test_affine_reads_the_definitions_pixels_and_no_others(name, rng):
    """A NaN shows where a pixel was read from: places are the same to the bit, so they agree on all of them."""
    x = rng.standard_normal((len(INDEX), 1, 28, 28), np.float32)
    x[rng.random(x.shape) < 0.03] = np.nan
    series = definitions.SINE, definitions.COSINE
    for strengths in MAPS:
        y = made(kernels.affine, (1, *strengths, (-0.4,), 0, series), x, name)
        how = dict(zip(("shift", "rotate", "scale", "shear"), strengths, strict=True))
        expected = definitions.affine(x, KEY, INDEX, **how, fill=(-0.4,), ordinal=0)
        assert np.array_equal(np.isnan(y), np.isnan(expected))


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("size", [(32, 32), (1, 1), (3, 5), (224, 224)])
def test_colour_jitter_agrees_with_the_definition_in_float64(size, name, rng):
    x = rng.standard_normal((len(INDEX), 3, *size), np.float32)
    for mean, std in (((0.5, 0.4, 0.3), (0.2, 0.25, 0.3)), ((0.1,), (1.0,))):
        y = made(kernels.colour_jitter, ((0.3, 0.5, 0.9), mean, std, definitions.GREY, 3), x, name)
        how = {"brightness": 0.3, "contrast": 0.5, "saturation": 0.9, "mean": mean, "std": std, "ordinal": 3}
        assert_agrees(y, definitions.colour_jitter(x.astype(np.float64), KEY, INDEX, **how), TOLERANCE / 4)


@pytest.mark.parametrize(
    ("emitter", "parameters"),
    [
        (kernels.crop, (3, 2, (-0.4,), 0)),
        (kernels.flip, (3, 0.5, 0)),
        (kernels.cutout, (3, 4, (-0.4,), 0)),
        (kernels.affine, (3, 1.5, 0.1, 0.1, 0.1, (-0.4,), 0, (definitions.SINE, definitions.COSINE))),
        (kernels.colour_jitter, ((0.2, 0.2, 0.2), (0.5,), (0.2,), definitions.GREY, 0)),
    ],
)  # fmt: skip
def test_a_sample_is_augmented_alike_in_any_piece_and_alone(emitter, parameters, rng):
    x = rng.standard_normal((len(INDEX), 3, 9, 10), np.float32)
    whole = made(emitter, parameters, x, HERE[0])
    pieces = [{"images": (3, 7)}, {"images": (0, 3)}]
    assert made(emitter, parameters, x, HERE[0], pieces=pieces).tobytes() == whole.tobytes()
    alone = made(emitter, parameters, x[2:3], HERE[0], INDEX[2:3])
    assert alone[0].tobytes() == whole[2].tobytes()
