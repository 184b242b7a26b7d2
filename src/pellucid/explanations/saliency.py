"""Saliency: how a class's score changes with each pixel, by its gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import as_array
from ..definitions.arrays import Array
from ..errors import ArgumentError, DataError, ShapeError
from ..inference import predict
from ..inference.batches import accepted
from ..network import Network
from .vector_jacobian import gradients_and_values, score_shape


def score_gradients(
    network: Network, x: ArrayLike, classes: ArrayLike | None = None, *, against: ArrayLike | None = None,
    by: Sequence[str] = ("input",),
) -> dict[str, Array]:  # fmt: skip
    """Return the gradient of each sample's score for a class.

    ``g[n, j] = ∂s[n, classes[n]]/∂z[n, j]``, for s the network's outputs before any softmax, and z the output of a
    layer in `by`; `against` another class, ``∂(s[n, classes[n]] − s[n, against[n]])/∂z[n, j]``.

    Parameters
    ----------
    network : Network
        With one output a class.
    x : array (N, C, H, W), (N, H, W) or (N, features)
    classes : int or integer array (N,), optional
        By default the class of each sample's largest score.
    against : int or integer array (N,), optional
        Classes whose scores are taken from these: what speaks for the one rather than for the other.
    by : sequence of str, default ("input",)
        As for `vector_jacobian`.

    Returns
    -------
    dict of str to array (N, …)

    Raises
    ------
    ShapeError, DataError, ArgumentError
        If the network gives no scores of classes, x is not what it takes, or there is no such class or layer.
    """
    return gradients_and_values(network, x, score_vector(network, x, classes, against), by=by)[0]


def score_vector(network: Network, x: ArrayLike, classes: ArrayLike | None, against: ArrayLike | None = None) -> Array:
    """Return what `vector_jacobian` takes for the score of a class of each sample, less that of another: (N, …) of
    zeros, with 1 for the one and −1 for the other."""
    chosen, shape = as_classes(network, x, classes), score_shape(network)
    vector = np.zeros((len(chosen), math.prod(shape)), network.dtype)
    vector[np.arange(len(chosen)), chosen] = 1
    if against is not None:
        vector[np.arange(len(chosen)), as_classes(network, x, against)] -= 1
    return vector.reshape(-1, *shape)


def saliency(
    network: Network, x: ArrayLike, classes: ArrayLike | None = None, *, against: ArrayLike | None = None
) -> Array:
    """Return how strongly the score of a class depends on each pixel.

    ``m[n, i, j] = max c  |∂s[n, classes[n]]/∂x[n, c, i, j]|``, for s the network's outputs before any softmax;
    `against` another class, of the difference of the two scores.

    Parameters
    ----------
    network, x, classes, against
        As for `score_gradients`.

    Returns
    -------
    array (N, H, W), or (N, features)

    Raises
    ------
    ShapeError, DataError, ArgumentError
        As for `score_gradients`.

    References
    ----------
    K. Simonyan, A. Vedaldi and A. Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification
    Models and Saliency Maps", 2014, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> import pellucid as p
    >>> network = p.Sequential([p.Flatten(), p.Linear(2, 2)], input_shape=(1, 1, 2))
    >>> network["linear1"].weight.data = [[1, -3], [0, 0]]
    >>> p.explanations.saliency(network, np.ones((1, 1, 1, 2)), classes=0).tolist()
    [[[1.0, 3.0]]]
    """
    return strength(score_gradients(network, x, classes, against=against)["input"])


def strength(gradients: Array) -> Array:
    """Return the largest magnitude over the channels of gradients with respect to x, as `saliency` does."""
    sizes = np.abs(gradients)
    return sizes if sizes.ndim == 2 else np.asarray(sizes.max(axis=1))  # (N, C, H, W) -> (N, H, W)


def as_classes(
    network: Network, x: ArrayLike, classes: ArrayLike | None, *, engine: str = "compiled", threads: int | None = None
) -> NDArray[np.int64]:
    """Return a class for each sample: as told, or that of its largest output, which `engine` and `threads` predict.

    Raises
    ------
    ShapeError, DataError, ArgumentError
        As for `score_gradients`.
    """
    count, output = len(accepted(network, x)), network.output_shape()
    if len(output) != 1:
        raise ShapeError(f"a score for each class is needed, but the network gives {output} a sample")
    if classes is None:
        return np.asarray(predict(network, x, engine=engine, threads=threads).argmax(axis=1), np.int64)
    chosen = as_array(classes, "classes")
    if chosen.dtype.kind not in "iu" or chosen.shape not in ((), (count,)):
        raise DataError(
            f"classes: expected a class number, or one for each of the {count} samples, received {chosen.dtype} of "
            f"shape {chosen.shape}"
        )
    outside = chosen[(chosen < 0) | (chosen >= output[0])]
    if outside.size:
        raise ArgumentError(f"classes: expected numbers from 0 to {output[0] - 1}, received {int(outside.flat[0])}")
    return np.broadcast_to(chosen, (count,)).astype(np.int64)
