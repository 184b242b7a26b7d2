"""What scikit-learn gives, made what a network trains on: arrays with the shape of images, and weighted samples.

In scikit-learn a weight of 2 means that a sample occurs twice. Here, where training goes batch by batch and a batch's
loss is divided by the weights in it, a heavy sample in a batch of light ones would be nearly alone, and one of light
ones only would count as much: so heavy samples are *taken more often*, and weights only say what whole numbers cannot.
Before that, samples that are the same become one, of the sum of their weights, and are put into an order of their own.
So weights that are whole numbers and samples that are repeated give the same training, to the last bit, and the order
in which samples are given does not matter either.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arguments import as_array, shown, warn
from ...errors import ArgumentError, DataError, ShapeError
from ...geometry import whole_number
from ...inputs import LARGEST_EXPECTED
from ...scaling import Scaling
from ...steps import Shape
from .given import as_plain

MOST_TIMES, FEW = 4, 10_000
"""Repetition makes of samples at most so many times their number, or these few."""

_BLOCK = 1024  # samples of which float64 copies are made at a time
_DIGITS = 53  # binary ones of a float64


def image_shape_of(shape: Any) -> Shape:
    """Return (channels, height, width) of what a user calls the shape of an image: that, or (height, width)."""
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    if len(sizes) not in (2, 3):
        raise ArgumentError(
            f"image_shape: expected (height, width) or (channels, height, width), received {shown(shape)}"
        )
    sizes = tuple(whole_number(size, "image_shape") for size in sizes)
    if _channels_last(sizes):
        rows = f"np.moveaxis(X.reshape(-1, {', '.join(map(str, sizes))}), -1, 1)"
        raise ShapeError(
            f"image_shape: expected (channels, height, width), received {sizes}, whose channels seem to be last; the "
            f"channels come first: write {rows} for X, without image_shape"
        )
    return sizes if len(sizes) == 3 else (1, *sizes)


def _channels_last(shape: Shape) -> bool:
    """Whether this seems to be the shape (height, width, channels) of an image: grey, colour, or with alpha."""
    return len(shape) == 3 and shape[2] in (1, 3, 4) and min(shape[:2]) > 4


def as_rows(x: Any) -> tuple[Any, Shape | None]:
    """Return samples with all their numbers in one row, and the shape of one where they are images.

    Parameters
    ----------
    x : array (N, C, H, W) or (N, H, W)
        Or a list of images; all else is returned as it is, with None.

    Raises
    ------
    ShapeError
        If the images seem to be (N, H, W, C): as (N, C, H, W) they would be trained on, and nothing learnt.
    """
    x = as_plain(x, "X")
    if isinstance(x, (list, tuple)) and len(x) and np.ndim(x[0]) > 1:
        x = as_array(x, "X")
    if getattr(x, "ndim", 2) not in (3, 4):
        return x, None
    images = as_array(x, "X")
    shape = images.shape[1:] if images.ndim == 4 else (1, *images.shape[1:])
    if _channels_last(shape):
        raise ShapeError(
            f"X: images of shape {shape} seem to have their channels last; the channels come first: write "
            f"np.moveaxis(X, -1, 1), or, if {shape[0]} is their number, np.swapaxes(X, 2, 3)"
        )
    return images.reshape(len(images), math.prod(shape)), shape


def shape_of_samples(given: Shape | None, stated: Any, features: int) -> Shape:
    """Return the shape of a network's inputs.

    Parameters
    ----------
    given : tuple of int, optional
        Of the images, where X has images.
    stated : (height, width) or (channels, height, width), optional
        What the user said of rows of pixels.
    features : int
        Numbers a sample.

    Raises
    ------
    ShapeError
        If they contradict each other.
    """
    if stated is None:
        return given if given is not None else (features,)
    shape = image_shape_of(stated)
    if given is not None and given != shape:
        raise ShapeError(f"image_shape: {stated} was said, but X has images of shape {given}")
    if math.prod(shape) != features:
        product = "·".join(map(str, shape))
        raise ShapeError(f"image_shape: {product} = {math.prod(shape)} pixels were said, but X has {features} features")
    return shape


class NothingCountsError(DataError):
    """All samples have a weight of 0."""


def warn_of_divided(rows: NDArray[Any]) -> None:
    """Warn of floats from 0 to 1 that are given for bytes: a value means the same in every type, so they are black."""
    if ((rows > 0) & (rows < 1)).any() and rows.min() >= 0 and rows.max() <= 1:
        warn(
            "X: floats from 0 to 1, but this estimator was trained on uint8, and a value means the same in every type; "
            "give X as it was in fit, from 0 to 255"
        )


def warn_of_undivided(rows: NDArray[Any]) -> None:
    """Warn of images from 0 to 255 that an estimator is given which was trained on floats from 0 to 1."""
    if rows.max() > LARGEST_EXPECTED:
        warn(
            f"X: numbers up to {rows.max():g}, but this estimator was trained on pixels from 0 to 1 or about that; "
            "give X as it was in fit"
        )


@dataclass(frozen=True)
class Samples:
    """Samples each of which is another, in an order that depends on them alone.

    Attributes
    ----------
    rows : array (M, F)
        uint8 or float32.
    targets : array (M,) or (M, T)
    given : float64 array (M,)
        Weights as they were given, above 0; where they are whole numbers, they say how many samples there are.
    weights : float64 array (M,)
        The same times what each class weighs; not all 0.
    """

    rows: NDArray[Any]
    targets: NDArray[Any]
    given: NDArray[np.float64]
    weights: NDArray[np.float64]

    def taken(self, least: int = 1) -> NDArray[np.int64]:
        """Return how often each sample is taken: the heavier, the oftener, and at least so often."""
        count = max(occurrences(self.given), occurrences(self.weights))
        most = max(MOST_TIMES * len(self.rows), FEW)
        share = max(min(count, most), len(self.rows)) / self.weights.sum()
        taken: NDArray[np.int64] = np.maximum(least, np.rint(self.weights * share)).astype(np.int64)
        return taken


def as_weights(sample_weight: Any, count: int) -> NDArray[np.float64]:
    """Return the weights of so many samples, `within_bounds`, 1 each where there are none, or refuse what are none."""
    if sample_weight is None:
        return np.ones(count)
    weights = as_array(sample_weight, "sample_weight")
    with suppress(TypeError, ValueError):
        weights = weights.astype(np.float64)
    if weights.shape != (count,) or weights.dtype.kind != "f":
        raise DataError(f"sample_weight: expected {count:,} numbers, received {weights.dtype} of shape {weights.shape}")
    if not np.isfinite(weights).all() or weights.min() < 0:
        raise DataError("sample_weight: expected finite numbers of at least 0")
    return within_bounds(weights)


def within_bounds(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights that can be multiplied and summed: below 1, by a power of two, where the largest is huge or tiny.

    That changes neither their shares nor, where they are whole numbers that a float64 holds exactly, the weights.

    Examples
    --------
    >>> within_bounds(np.array([1.0, 3.0])).tolist(), within_bounds(np.array([2.0**1000, 2.0**1001])).tolist()
    ([1.0, 3.0], [0.25, 0.5])
    """
    exponent = int(np.frexp(weights.max(initial=0))[1])
    return weights if abs(exponent) <= _DIGITS + 1 else np.ldexp(weights, -exponent)


def distinct(rows: NDArray[Any], targets: NDArray[Any], weights: NDArray[np.float64]) -> Samples:
    """Return the samples that have a weight, each once, or refuse weights that are all zero."""
    if not weights.any():
        raise NothingCountsError("sample_weight: all weights are zero; at least one must be above 0")
    if not weights.all():
        rows, targets, weights = (each[weights > 0] for each in (rows, targets, weights))
    rows = np.ascontiguousarray(rows)
    places = zip(rows, np.ascontiguousarray(targets).reshape(len(targets), -1), strict=True)
    digests = np.frombuffer(b"".join(_digest(row, target) for row, target in places), ">u8").reshape(-1, 2)
    _, first, inverse = np.unique(digests, axis=0, return_index=True, return_inverse=True)
    order = np.lexsort((weights, inverse.reshape(-1)))  # so that their sums do not depend on the order given
    sums = np.bincount(inverse.reshape(-1)[order], weights[order]).astype(np.float64)
    return Samples(rows[first], targets[first], sums, sums)


def _digest(row: NDArray[Any], target: NDArray[Any]) -> bytes:
    digest = blake2b(row.data, digest_size=16)
    digest.update(target.data)
    return digest.digest()


def occurrences(weights: NDArray[np.float64]) -> int:
    """Return how many samples there would be without weights: 0 if these are no whole numbers.

    Examples
    --------
    >>> occurrences(np.array([2.0, 4.0, 6.0])), occurrences(np.array([0.5, 1.0]))
    (6, 0)
    """
    if (weights != np.rint(weights)).any() or weights.max() > 2**_DIGITS:
        return 0
    return int(weights.sum()) // int(np.gcd.reduce(weights.astype(np.int64)))


def scaling_of(rows: NDArray[Any], weights: NDArray[np.float64], shape: Shape) -> Scaling:
    """Return the scaling that gives each feature, or each channel of images, mean 0 and deviation 1.

    What is constant is shifted only. Bytes of images keep the library's own scaling: they are divided by 255.
    """
    if rows.dtype == np.uint8:
        return Scaling()
    mean, deviation = moments(rows.reshape(len(rows), shape[0], -1), weights)
    constant = deviation <= np.finfo(np.float32).eps * np.abs(mean)
    return Scaling(tuple(mean.tolist()), tuple(np.where(constant, 1.0, deviation).tolist()))


def moments(values: NDArray[Any], weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weighted mean and standard deviation of values (N, K, P) over N and P, as (K,).

    Values are divided by a power of two first, which changes no digit, so that neither huge squares nor tiny ones leave
    what a float64 can hold.
    """
    largest = np.maximum(values.max(axis=(0, 2)), -values.min(axis=(0, 2))).astype(np.float64)
    unit = np.ldexp(1.0, np.frexp(largest)[1] - 1)
    shares, blocks = weights / weights.sum(), [slice(at, at + _BLOCK) for at in range(0, len(values), _BLOCK)]
    mean, variance = np.zeros_like(unit), np.zeros_like(unit)
    for block in blocks:
        mean += shares[block] @ (values[block] / unit[:, None]).mean(axis=2)
    for block in blocks:
        variance += shares[block] @ np.square(values[block] / unit[:, None] - mean[:, None]).mean(axis=2)
    return mean * unit, np.sqrt(variance) * unit
