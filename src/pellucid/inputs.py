"""What users give to a network: images, targets and losses, checked where they come in.

What is refused is told the way out; what is allowed but looks like a slip is warned of.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import no_network, warn
from .data import Dataset
from .errors import ArgumentError, DataError, ShapeError
from .losses import CrossEntropy, Loss, MeanSquaredError
from .network import Network
from .scaling import Scaling
from .steps import Shape

Data: TypeAlias = Dataset | tuple[ArrayLike, ArrayLike]
"""A data set, or a pair (images, labels) of arrays."""

LARGEST_EXPECTED = 50
"""Of a float image that is scaled: further from 0 lie pixels that were never divided by 255."""


def as_targets(network: Network, labels: NDArray[Any], loss: Loss) -> NDArray[Any]:
    """Return labels as the loss takes them for this network, or refuse those it cannot mean.

    Parameters
    ----------
    network : Network
    labels : array (N,) or (N, …)
        As a `Dataset` holds them.
    loss : Loss

    Returns
    -------
    array
        Class numbers as they are; all else in the network's dtype.

    Raises
    ------
    ShapeError, DataError
    """
    output = network.output_shape()
    _refuse_other_kind(labels, output, loss)
    loss.check(output, labels.shape[1:])
    if not loss.classification or labels.dtype.kind == "f":
        return labels.astype(network.dtype, copy=False)
    largest, sample = int(labels.max(initial=0)), int(labels.argmax())
    if largest >= output[0]:
        from_one = largest == output[0] and labels.min() == 1
        fix = "they count from 1: write labels - 1" if from_one else f"give the last layer {largest + 1} outputs"
        raise DataError(
            f"labels: sample {sample:,} has class {largest}, but the network has {output[0]} outputs, for classes 0 "
            f"to {output[0] - 1}; {fix}"
        )
    return labels


def _refuse_other_kind(labels: NDArray[Any], output: Shape, loss: Loss) -> None:
    """Refuse fractions where the library's own losses take classes, and classes where they take numbers."""
    single, is_float = labels.ndim == 1, labels.dtype.kind == "f"
    if isinstance(loss, CrossEntropy) and is_float and (single or labels.shape[1:] == (1,) != output):
        whole = (labels == np.round(labels)).all()
        classes = f"write {'labels' if single else 'labels[:, 0]'}.astype(int)"
        fix = classes if whole else "for targets that are no classes pass loss=MeanSquaredError()"
        raise DataError(
            f"labels: CrossEntropy expects class numbers, which are integers, received {labels.dtype}; {fix}"
        )
    if isinstance(loss, CrossEntropy) and is_float and labels.shape[1:] == output:
        _refuse_no_distribution(labels)
    if isinstance(loss, MeanSquaredError) and single and output == (1,):
        fix = "write labels[:, None].astype(float)"
        raise ShapeError(f"MeanSquaredError expects targets of shape (N, 1), received (N,); {fix}")
    if isinstance(loss, MeanSquaredError) and single and not is_float and len(output) == 1:
        fix = f"write np.eye({output[0]})[labels]"
        raise ShapeError(f"MeanSquaredError expects {output[0]} numbers a sample, received class numbers; {fix}")


def _refuse_no_distribution(labels: NDArray[Any]) -> None:
    """Refuse rows that are no distribution over the classes: shares of at least 0 that sum to 1."""
    sums = labels.sum(axis=1, dtype=np.float64)
    wrong = (labels < 0).any(axis=1) | (np.abs(sums - 1) > 1e-3)
    if wrong.any():
        sample = int(wrong.argmax())
        raise DataError(
            f"labels: CrossEntropy expects shares of at least 0 that sum to 1, but those of sample {sample:,} begin at "
            f"{labels[sample].min():g} and sum to {sums[sample]:g}; for other targets pass loss=MeanSquaredError()"
        )


def check_images(network: Network, images: NDArray[Any], given: Shape | None = None) -> None:
    """Refuse what is no whole network, and images of another shape than the network was made for.

    Parameters
    ----------
    network : Network
    images : array (N, …)
        As `as_images` makes them.
    given : tuple of int, optional
        The shape in which the user gave them.
    """
    shape = images.shape[1:]
    wanted = network.input_shape if isinstance(network, Network) else None
    if wanted is None:
        without = f"one without; write Sequential([…], input_shape={shape})"
        received = without if isinstance(network, Network) else no_network(network)
        raise ArgumentError(f"network: expected a Sequential or Graph with an input_shape, received {received}")
    if shape != wanted:
        fix = _way_out(images.shape if given is None else given, shape, wanted)
        raise ShapeError(f"the network expects images of shape {wanted}, received {shape}{fix}")


def warn_of_pixels(network: Network, images: NDArray[Any]) -> None:
    """Warn of float images that nobody has divided by 255, and of bytes that are, where the network's numbers are
    larger."""
    if images.dtype == np.uint8 and not network.scaling.fits_pixels:
        fix = "give floats in the units of its training"
        warn(f"the images are uint8, which is divided by 255, but {trained_on(network.scaling)}; {fix}")
    if images.ndim == 4 and images.dtype.kind == "f" and network.scaling == Scaling():
        largest = max(abs(float(images.max())), abs(float(images.min())))
        if largest > LARGEST_EXPECTED:
            fix = "divide by 255, or pass uint8" if largest <= 255 else f"divide by {largest:g}"
            warn(f"the images are floats up to {largest:g}: floats are taken as they are; {fix}")


def trained_on(scaling: Scaling) -> str:
    """Return what a scaling that does not fit pixels from 0 to 1 says of the images in the training."""
    mean, deviation = max(scaling.means, key=abs), max(scaling.deviations)
    return f"the network was trained on larger numbers (its scaling: mean up to {mean:.3g}, std up to {deviation:.3g})"


def _way_out(given: Shape, shape: Shape, wanted: Shape) -> str:
    """Return what to write to make images of the shape that the network wants, if they are near to that."""
    if given == wanted:
        return "; for one image write image[None]"
    if (1, *given) == wanted:
        return "; for one image write image[None, None]"
    if len(wanted) == 3 and len(given) == 3 and (given[2], *given[:2]) == wanted:
        return "; the channels come first: for one image write np.moveaxis(image, -1, 0)[None]"
    if len(wanted) == 3 and len(shape) == 3 and (shape[2], *shape[:2]) == wanted:
        return "; the channels come first: write np.moveaxis(x, -1, 1)"
    if len(wanted) == 3 and shape == (math.prod(wanted),):
        return f"; write x.reshape({', '.join(map(str, (-1, *wanted)))})"
    if len(wanted) == 1 and math.prod(shape) == wanted[0]:
        return f"; write x.reshape(-1, {wanted[0]})"
    return ""


def as_loss(loss: Loss | None) -> Loss:
    """Return the loss, by default `CrossEntropy()`; refuse what is none, such as a name or a class."""
    if isinstance(loss, (type, str)) or not (loss is None or hasattr(loss, "lower")):
        raise ArgumentError(f"loss: expected an object such as CrossEntropy() or MeanSquaredError(), received {loss!r}")
    return loss if loss is not None else CrossEntropy()


def refuse_more(function: str, more: tuple[object, ...]) -> None:
    """Refuse images and labels that come as two arguments."""
    if more:
        raise ArgumentError(
            f"{function}: images and labels are one argument, a pair: write {function}(network, (x, y), …)"
        )
