"""What augmentations mean: numbers by hand, plain loops, and draws that belong to a sample alone."""

import math

import numpy as np
import pytest

from oracles.numerical import assert_agrees
from pellucid import random
from pellucid.definitions import DEFINITIONS
from pellucid.definitions import augment as definitions

KEY = random.key(0, random.Purpose.AUGMENT, 2)
HOW = {
    "crop": {"padding": 2, "fill": (-1.0, -2.0, -3.0)},
    "flip": {"p": 0.5},
    "affine": {"shift": 1.5, "rotate": 0.4, "scale": 0.2, "shear": 0.3, "fill": (-1.0, -2.0, -3.0)},
    "colour_jitter": {"brightness": 0.3, "contrast": 0.4, "saturation": 0.5, "mean": (0.4,), "std": (0.2, 0.3, 0.25)},
    "cutout": {"size": 3, "fill": (-1.0, -2.0, -3.0)},
}


def words(sample, ordinal, count):
    """Return a sample's words, each from its own counter, by a loop."""
    found = []
    for group in range(-(-count // 4)):
        found += random.philox([sample, ordinal, 0, group], KEY).tolist()
    return found[:count]


def uniform(sample, ordinal, count):
    return [(word >> 8) / 2**24 for word in words(sample, ordinal, count)]


@pytest.mark.parametrize("kind", HOW)
def test_a_sample_depends_on_key_index_and_ordinal_alone(kind, rng):
    x, index = rng.standard_normal((6, 3, 7, 8)), np.array([4, 2, 90, 2**32 - 1, 0, 4])
    how, definition = {**HOW[kind], "ordinal": 1}, DEFINITIONS[kind]
    whole = definition(x, KEY, index, **how)
    assert whole.shape == x.shape
    assert whole.dtype == x.dtype
    for n in range(len(x)):
        assert np.array_equal(definition(x[n : n + 1], KEY, index[n : n + 1], **how)[0], whole[n])
    x[5] = x[0]
    again = definition(x[::-1].copy(), KEY, index[::-1].copy(), **how)
    assert np.array_equal(again[0], again[-1])  # one sample twice in a batch is the same twice
    many = np.repeat(x[:1], 64, axis=0)
    seen = definition(many, KEY, np.arange(64), **how).reshape(64, -1)
    assert len(np.unique(seen, axis=0)) > 1
    for other in (definition(many, KEY, np.arange(64), **{**how, "ordinal": 2}),
                  definition(many, random.key(0, random.Purpose.AUGMENT, 3), np.arange(64), **how)):  # fmt: skip
        assert not np.array_equal(other.reshape(64, -1), seen)


@pytest.mark.parametrize("kind", HOW)
def test_float32_is_kept_and_agrees_with_float64(kind, rng):
    x = rng.standard_normal((5, 3, 7, 8), np.float32)
    y = DEFINITIONS[kind](x, KEY, np.arange(5), **HOW[kind], ordinal=0)
    assert y.dtype == np.float32
    assert_agrees(y, DEFINITIONS[kind](x.astype(np.float64), KEY, np.arange(5), **HOW[kind], ordinal=0), 2e-6)


def test_crop_by_hand(rng):
    x = rng.standard_normal((8, 2, 4, 5))
    y = definitions.crop(x, KEY, np.arange(8), padding=2, fill=(7.0, 9.0), ordinal=3)
    for n in range(8):
        s, t = (math.floor(u * 5) - 2 for u in uniform(n, 3, 2))
        for c, i, j in np.ndindex(2, 4, 5):
            inside = 0 <= i + s < 4 and 0 <= j + t < 5
            assert y[n, c, i, j] == (x[n, c, i + s, j + t] if inside else (7.0, 9.0)[c])


def test_every_shift_is_drawn_equally_often():
    x = np.zeros((5000, 1, 5, 5))
    x[:, :, 2, 2] = 1
    y = definitions.crop(x, KEY, np.arange(5000), padding=2, fill=(0.0,), ordinal=0)
    counts = y.sum(axis=0).ravel()
    assert counts.sum() == 5000
    assert counts.min() > 140, "200 are expected, 14 is their deviation"


def test_flip_by_hand(rng):
    x = rng.standard_normal((40, 3, 2, 5))
    y = definitions.flip(x, KEY, np.arange(40), p=0.3, ordinal=1)
    mirrored = [uniform(n, 1, 1)[0] < 0.3 for n in range(40)]
    assert 3 < sum(mirrored) < 25
    for n in range(40):
        assert np.array_equal(y[n], x[n, :, :, ::-1] if mirrored[n] else x[n])
    assert np.array_equal(definitions.flip(x, KEY, np.arange(40), p=1.0, ordinal=1), x[..., ::-1])
    assert np.array_equal(definitions.flip(x, KEY, np.arange(40), p=0.0, ordinal=1), x)


def test_cutout_by_hand(rng):
    x = rng.standard_normal((30, 2, 6, 7))
    for size in (1, 3, 4):
        y = definitions.cutout(x, KEY, np.arange(30), size=size, fill=(7.0, 9.0), ordinal=2)
        for n in range(30):
            u, v = uniform(n, 2, 2)
            top, left = math.floor(u * 6) - size // 2, math.floor(v * 7) - size // 2
            for c, i, j in np.ndindex(2, 6, 7):
                covered = top <= i < top + size and left <= j < left + size
                assert y[n, c, i, j] == ((7.0, 9.0)[c] if covered else x[n, c, i, j])


def test_affine_by_its_formula_with_true_sines(rng):
    """The map as the docstring states it, in float64, one pixel after the other."""
    x, (height, width) = rng.standard_normal((6, 2, 5, 8)), (5, 8)
    how = {"shift": 2.0, "rotate": 3.0, "scale": 0.3, "shear": 0.4}
    y = definitions.affine(x, KEY, np.arange(6), **how, fill=(7.0, 9.0), ordinal=4)
    for n in range(6):
        v = [2 * u - 1 for u in uniform(n, 4, 6)]
        theta, k = 3.0 * v[2], 0.4 * v[5]
        turn = np.array([[math.cos(theta), -math.sin(theta)], [math.sin(theta), math.cos(theta)]])
        stretch = np.diag([1 + 0.3 * v[3], 1 + 0.3 * v[4]])
        matrix = turn @ [[1, k], [0, 1]] @ stretch
        for c, i, j in np.ndindex(2, height, width):
            w, h = matrix @ [j - (width - 1) / 2, i - (height - 1) / 2] + 2.0 * np.array(v[:2])
            expected = between(x[n, c], h + (height - 1) / 2, w + (width - 1) / 2, (7.0, 9.0)[c])
            assert abs(y[n, c, i, j] - expected) < 2e-4, "places are computed in float32"


def between(image, h, w, fill):
    """Return the mean of the four pixels round a place, each weighted by how near it is."""
    total = 0.0
    for i in (math.floor(h), math.floor(h) + 1):
        for j in (math.floor(w), math.floor(w) + 1):
            inside = 0 <= i < image.shape[0] and 0 <= j < image.shape[1]
            total += (1 - abs(h - i)) * (1 - abs(w - j)) * (image[i, j] if inside else fill)
    return total


def test_an_affine_map_that_does_nothing_changes_nothing(rng):
    x, none = rng.standard_normal((4, 1, 6, 7)), dict.fromkeys(("shift", "rotate", "scale", "shear"), 0.0)
    assert np.array_equal(definitions.affine(x, KEY, np.arange(4), **none, fill=(5.0,), ordinal=0), x)


def test_sine_and_cosine_are_right_to_a_millionth():
    theta = np.linspace(-np.pi, np.pi, 1001, dtype=np.float32)
    square, exact = theta * theta, theta.astype(np.float64)
    assert np.abs(theta * definitions._polynomial(definitions.SINE, square) - np.sin(exact)).max() < 1e-6
    assert np.abs(definitions._polynomial(definitions.COSINE, square) - np.cos(exact)).max() < 1e-6


def test_colour_jitter_by_hand(rng):
    x, (mean, std) = rng.standard_normal((5, 3, 4, 6)), ((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
    strengths = {"brightness": 0.3, "contrast": 0.4, "saturation": 0.5}
    y = definitions.colour_jitter(x, KEY, np.arange(5), **strengths, mean=mean, std=std, ordinal=1)
    for n in range(5):
        bright, contrast, saturation = (
            1 + f * (2 * u - 1) for f, u in zip((0.3, 0.4, 0.5), uniform(n, 1, 3), strict=True)
        )
        raw = bright * np.stack([x[n, c] * std[c] + mean[c] for c in range(3)])
        middle = np.mean(0.299 * raw[0] + 0.587 * raw[1] + 0.114 * raw[2])
        raw = middle + contrast * (raw - middle)
        grey = 0.299 * raw[0] + 0.587 * raw[1] + 0.114 * raw[2]
        raw = grey + saturation * (raw - grey)
        assert_agrees(y[n], np.stack([(raw[c] - mean[c]) / std[c] for c in range(3)]), 1e-12)


def test_grey_pictures_stay_grey_and_a_uniform_one_keeps_its_contrast():
    x = np.full((3, 3, 4, 4), 0.25)
    x[1] = np.linspace(0, 1, 16).reshape(4, 4)
    how = {"mean": (0.0,), "std": (1.0,), "ordinal": 0}
    y = definitions.colour_jitter(x, KEY, np.arange(3), brightness=0.0, contrast=0.5, saturation=0.5, **how)
    assert_agrees(y[0], x[0], 1e-12)
    assert_agrees(y[1], np.broadcast_to(y[1, :1], (3, 4, 4)), 1e-12)
    assert abs(y[1].mean() - x[1].mean()) < 1e-12
