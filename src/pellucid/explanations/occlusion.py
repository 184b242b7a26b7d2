"""Occlusion: what becomes of a class's probability where a part of the image is covered."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import shown
from ..build import lower
from ..definitions.arrays import Array
from ..errors import ArgumentError, ShapeError
from ..geometry import Pair, pair
from ..inference import predict, predict_proba
from ..inference.batches import accepted, batches
from ..native import BATCH_BYTES
from ..network import Network
from .saliency import as_classes


def occlusion(
    network: Network, x: ArrayLike, classes: ArrayLike | None = None, *, size: int | Pair | None = None,
    stride: int | Pair | None = None, measure: str = "probability", engine: str = "compiled",
    threads: int | None = None, progress: Callable[[float], object] | None = None, against: ArrayLike | None = None,
) -> Array:  # fmt: skip
    """Return how much the probability of a class, or its score, falls, on average, where a patch covers a pixel.

    ``m[n, i, j] = mean over the patches R that cover (i, j) of  q(x[n]) − q(x[n] with R covered)``, for q the
    probability of classes[n], or its score; of a network with a single output, the output itself. Where a network is as
    good as sure, hardly any patch changes the probability, but many the score.

    A covered pixel takes the mean of its channel over the image. Covered images are made a part at a time, so that they
    take about 256 MB at most, however many places the patch has.

    Parameters
    ----------
    network : Network
    x : array (N, C, H, W) or (N, H, W)
    classes : int or integer array (N,), optional
        By default the class of each sample's largest output.
    size : int or (int, int), optional
        Rows and columns of the patch; by default a quarter of the image's.
    stride : int or (int, int), optional
        Pixels from one place of the patch to the next; by default a third of its size. The last place always lies at
        the image's edge, so that every pixel is covered.
    measure : str, default "probability"
        "probability", or "score": the output itself; of a network that ends with a softmax, the logarithm of the
        probability, which is the score but for what all classes share.
    engine, threads
        As for `predict`.
    progress : callable, optional
        Told again and again which share of the work is done. What it raises ends the work.
    against : int or integer array (N,), optional
        Classes whose q is taken from that of `classes`: how much the one falls more than the other.

    Returns
    -------
    array (N, H, W)
        Above 0 where the class needs the pixel, below 0 where the pixel speaks against it.

    Raises
    ------
    ShapeError
        If x are no images.
    DataError, ArgumentError
        As for `score_gradients`; and if the patch is larger than the image, or the stride than the patch.

    References
    ----------
    M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2. Theirs shows
    the probability by the place of a grey square.
    """
    images = accepted(network, x)
    if images.ndim != 4:
        raise ShapeError(f"occlusion covers parts of images, but samples are of shape {images.shape[1:]}")
    scored = _scored(network, measure)
    chosen, sides = as_classes(network, x, classes, engine=engine, threads=threads), images.shape[2:]
    patch = occlusion_patch((sides[0], sides[1]), size)
    step = _step(patch, stride)
    rows, columns = (_places(*each) for each in zip(sides, patch, step, strict=True))
    other = None if against is None else as_classes(network, x, against)
    found = np.zeros((len(images), *sides))
    for number, image in enumerate(images):
        told = None if progress is None else partial(_tell, progress, number, len(images))
        own = int(chosen[number]), None if other is None else int(other[number])
        drops = _drops(scored, image, own, patch, (rows, columns), engine, threads, told)
        found[number] = _mean_over_patches(drops, patch, (rows, columns), (sides[0], sides[1]))
    return found.astype(network.dtype)


def occlusion_stride(network: Network, most: int, size: int | Pair | None = None) -> tuple[Pair, Pair]:
    """Return a stride of `occlusion` with which the patch has about `most` places at most, and how many it has.

    It is the default stride, or a longer one where that leads to too many places; but never longer than the patch, with
    which it has about 16 places.

    Parameters
    ----------
    network : Network
    most : int
    size : int or (int, int), optional
        Of the patch, as for `occlusion`.

    Returns
    -------
    stride, places : (int, int)
        Down and across.

    Raises
    ------
    ShapeError
        If the network takes no images.
    ArgumentError
        If the patch is larger than they are.
    """
    shape = network.input_shape or ()
    if len(shape) != 3:
        raise ShapeError(f"occlusion covers parts of images, but samples are of shape {shape}")
    sides = shape[1], shape[2]
    patch, along = occlusion_patch(sides, size), max(2, math.isqrt(max(0, most)))
    step = _step(patch, None)
    far = [-(-(side - size) // (along - 1)) for side, size in zip(sides, patch, strict=True)]
    stride = min(patch[0], max(step[0], far[0])), min(patch[1], max(step[1], far[1]))
    rows, columns = (len(_places(*each)) for each in zip(sides, patch, stride, strict=True))
    return stride, (rows, columns)


def _tell(progress: Callable[[float], object], before: int, count: int, done: float) -> None:
    """Tell the share that is done, of `count` parts, where some have been done `before`."""
    progress((before + done) / count)


def _scored(network: Network, measure: str) -> Callable[..., Array]:
    """Return what tells of images how much a class has of what is measured."""
    if measure not in ("probability", "score"):
        raise ArgumentError(f'measure: expected "probability" or "score", received {shown(measure)}')
    if network.output_shape() == (1,):
        return partial(predict, network)
    if measure == "probability":
        return partial(predict_proba, network)
    ends = [step.kind for step in lower(network).steps if step.kind not in ("flatten", "reshape")]
    return partial(_log_probabilities if ends[-1] == "softmax" else predict, network)


def _log_probabilities(network: Network, x: ArrayLike, **how: Any) -> Array:
    found = predict_proba(network, x, **how)
    return np.asarray(np.log(np.maximum(found, np.finfo(found.dtype).tiny)))


def occlusion_patch(sides: Pair, size: int | Pair | None) -> Pair:
    """Return the size of a patch on an image of so many rows and columns: as told, or a quarter."""
    patch = (max(1, sides[0] // 4), max(1, sides[1] // 4)) if size is None else pair(size, "size")
    if patch[0] > sides[0] or patch[1] > sides[1]:
        raise ArgumentError(
            f"size: expected at most {sides[0]}×{sides[1]}, the image's, received {patch[0]}×{patch[1]}"
        )
    return patch


def _step(patch: Pair, stride: int | Pair | None) -> Pair:
    step = (max(1, patch[0] // 3), max(1, patch[1] // 3)) if stride is None else pair(stride, "stride")
    if step[0] > patch[0] or step[1] > patch[1]:
        raise ArgumentError(
            f"stride: expected at most {patch[0]}×{patch[1]}, the patch's size, so that every pixel is covered, "
            f"received {step[0]}×{step[1]}"
        )
    return step


def _places(side: int, size: int, stride: int) -> list[int]:
    """Return where the patch begins along an axis."""
    return [*range(0, side - size, stride), side - size]


def _drops(
    scored: Callable[..., Array], image: NDArray[np.generic], own: tuple[int, int | None], patch: Pair,
    places: tuple[list[int], list[int]], engine: str, threads: int | None, progress: Callable[[float], object] | None,
) -> NDArray[np.float64]:  # fmt: skip
    """Return how much a class loses, more than another if there is one, at each place of the patch: (rows, columns) of
    places."""
    mean = image.mean(axis=(1, 2), keepdims=True)
    grey = np.rint(mean) if image.dtype == np.uint8 else mean
    corners = list(product(*places))
    nowhere = (image.shape[1], image.shape[2])  # the image as it is comes first
    scores = np.empty(1 + len(corners))
    for batch in batches(len(scores), max(1, BATCH_BYTES // image.nbytes)):
        told = None if progress is None else partial(_tell, progress, batch.start, len(scores))
        found = scored(  # which alone holds the copies, so that they are gone before the next are made
            _covered(image, [nowhere, *corners][batch], patch, grey), engine=engine, threads=threads, progress=told
        )
        scores[batch] = found[:, own[0]] - (0 if own[1] is None else found[:, own[1]])
    return np.asarray(scores[0] - scores[1:]).reshape(len(places[0]), len(places[1]))


def _covered(
    image: NDArray[np.generic], corners: Sequence[Pair], patch: Pair, grey: NDArray[np.generic]
) -> NDArray[np.generic]:
    """Return a copy of the image for each place of the patch, covered there."""
    copies = np.repeat(image[None], len(corners), axis=0)
    for copy, (row, column) in zip(copies, corners, strict=True):
        copy[:, row : row + patch[0], column : column + patch[1]] = grey
    return copies


def _mean_over_patches(
    drops: NDArray[np.float64], patch: Pair, places: tuple[list[int], list[int]], sides: Pair
) -> NDArray[np.float64]:
    """Return for each pixel (H, W) the mean over the patches that cover it."""
    sums, counts = np.zeros(sides), np.zeros(sides)
    for i, row in enumerate(places[0]):
        for j, column in enumerate(places[1]):
            under = slice(row, row + patch[0]), slice(column, column + patch[1])
            sums[under] += drops[i, j]
            counts[under] += 1
    return sums / counts
