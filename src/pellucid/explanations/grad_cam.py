"""Grad-CAM: where in an image a class is seen, from the last feature maps and the gradient of its score."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import shown
from ..build import lower
from ..definitions.arrays import Array
from ..errors import ArgumentError, ShapeError
from ..network import Network
from .saliency import score_vector, strength
from .vector_jacobian import gradients_and_values

_MAKE_NO_MAPS = (
    "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "mean", "strided_slice", "flatten", "reshape", "scale",
    "softmax", "log_softmax", "repeat_pixels", "resize",
)  # fmt: skip
"""Kinds that only make maps smaller, or rename their numbers."""


def grad_cam(
    network: Network, x: ArrayLike, classes: ArrayLike | None = None, *, layer: str | None = None,
    against: ArrayLike | None = None,
) -> Array:  # fmt: skip
    """Return how much each place of a layer's feature maps speaks for a class.

    ``m[n, i, j] = max(0, Σ k  a[n, k]·A[n, k, i, j])``,
    ``a[n, k] = mean over i, j of ∂s[n, classes[n]]/∂A[n, k, i, j]``

    for A the layer's feature maps and s the network's outputs before any softmax. Laid over the image by `over_image`,
    m shows where the class was seen.

    Parameters
    ----------
    network : Network
        With one output a class.
    x : array (N, C, H, W) or (N, H, W)
    classes : int or integer array (N,), optional
        By default the class of each sample's largest score.
    layer : str, optional
        By default `grad_cam_layer`.
    against : int or integer array (N,), optional
        Classes whose scores are taken from s[n, classes[n]]: the map then shows what speaks for the one rather than for
        the other.

    Returns
    -------
    array (N, h, w)
        Of the size of the layer's maps; at least 0, in units of the score.

    Raises
    ------
    ShapeError
        If the layer makes no maps.
    DataError, ArgumentError
        As for `score_gradients`, and if there is no such layer.

    References
    ----------
    R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017,
    equations 1 and 2.
    """
    if layer is not None and not isinstance(layer, str):
        raise ArgumentError(f"layer: expected the path of a layer, received {shown(layer)}")
    path = grad_cam_layer(network) if layer is None else layer
    vector = score_vector(network, x, classes, against)
    gradients, maps = gradients_and_values(network, x, vector, by=(path,), values=(path,), argument="layer")
    return _seen(path, gradients[path], maps[path])


def saliency_and_grad_cam(network: Network, x: ArrayLike, classes: ArrayLike | None, layer: str) -> tuple[Array, Array]:
    """Return what `saliency` and `grad_cam` do, of one pass through the network."""
    vector = score_vector(network, x, classes)
    gradients, maps = gradients_and_values(network, x, vector, by=("input", layer), values=(layer,))
    return strength(gradients["input"]), _seen(layer, gradients[layer], maps[layer])


def _seen(path: str, gradients: Array, maps: Array) -> Array:
    """Return how much each place of a layer's maps (N, K, h, w) speaks for a class, as (N, h, w)."""
    if maps.ndim != 4:
        raise ShapeError(f"layer: {path} makes no feature maps, but {maps.shape[1:]} a sample; name another")
    with np.errstate(all="ignore"):  # of maps that are not finite
        counts = gradients.mean(axis=(2, 3), keepdims=True)  # (N, K, h, w) -> (N, K, 1, 1)
        return np.asarray(np.maximum((counts * maps).sum(axis=1), 0))


def grad_cam_layer(network: Network) -> str:
    """Return the path of the last layer whose maps have more than one place, pooling layers not counted.

    Its maps are the last that still tell where something is, as the paper has it.

    Raises
    ------
    ShapeError
        If there is none, as where the input is no image.
    """
    program = lower(network)
    paths: dict[int, str] = {}
    for place in program.layers:
        # of a layer and the one that holds it, both of which end with the same value, the outer one
        if place.output not in paths or paths[place.output].startswith(f"{place.path}."):
            paths[place.output] = place.path
    for step in reversed(program.steps):
        value = step.outputs[0]
        shape = program.values[value].shape
        if step.kind not in _MAKE_NO_MAPS and value in paths and len(shape) == 3 and math.prod(shape[1:]) > 1:
            return paths[value]
    raise ShapeError("no layer of the network makes feature maps of more than one place; Grad-CAM needs some")
