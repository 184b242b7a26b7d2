"""Why a network says what it says, as plots; `pellucid.explanations` has the formulas and their sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import explanations
from ...arguments import shown
from ...errors import ArgumentError, ShapeError
from ...explanations.saliency import as_classes
from ...geometry import Pair
from ...inference.batches import accepted
from ...network import Network
from ..canvas import canvas
from ..charts import draw_pixels
from ..judging import shown_names
from ..pixels import heat_over, picture, signed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Drawn: TypeAlias = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.uint8]]


def saliency(network: Network, images: ArrayLike, classes: ArrayLike | None = None) -> Figure:
    """Plot how strongly the score of a class depends on each pixel, over the image.

    Parameters
    ----------
    network : Network
        With one output a class.
    images : array (N, C, H, W) or (N, H, W)
    classes : int or integer array (N,), optional
        By default the class of each image's largest score.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError, DataError, ArgumentError
        As for `explanations.saliency`; and if there are no images.
    MissingExtraError
        If matplotlib is not installed.
    """
    chosen = as_classes(network, images, classes)
    return _plot(network, images, chosen, explanations.saliency(network, images, chosen), heat_over)


def grad_cam(
    network: Network, images: ArrayLike, classes: ArrayLike | None = None, *, layer: str | None = None
) -> Figure:
    """Plot where in each image a class is seen (Grad-CAM), over the image.

    Parameters, returns and raises as `saliency`; `layer` as for `explanations.grad_cam`.
    """
    chosen = as_classes(network, images, classes)
    path = explanations.grad_cam_layer(network) if layer is None else layer
    found = explanations.grad_cam(network, images, chosen, layer=path)
    return _plot(network, images, chosen, explanations.over_image(network, path, found), heat_over)


def occlusion(
    network: Network, images: ArrayLike, classes: ArrayLike | None = None, *, size: int | Pair | None = None,
    stride: int | Pair | None = None,
) -> Figure:  # fmt: skip
    """Plot how much the probability of a class falls where a part of each image is covered, over the image.

    Parameters, returns and raises as `saliency`; `size` and `stride` as for `explanations.occlusion`.
    """
    chosen = as_classes(network, images, classes)
    found = explanations.occlusion(network, images, chosen, size=size, stride=stride)
    return _plot(network, images, chosen, found, heat_over)


def receptive_field(
    network: Network, images: ArrayLike, layers: str | Sequence[str], *, place: Pair | None = None
) -> Figure:
    """Plot how strongly each pixel counts for what layers say at one place.

    Parameters
    ----------
    network : Network
    images : array (N, C, H, W) or (N, H, W)
        Over which the mean is taken.
    layers : str or sequence of str
        Paths of layers that make feature maps.
    place : (int, int), optional
        Row and column in the maps; by default the middle.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError, DataError, ArgumentError
        As for `explanations.receptive_field`.
    MissingExtraError
        If matplotlib is not installed.
    """
    names = _paths(layers)
    found = [explanations.receptive_field(network, images, name, place=place) for name in names]
    with canvas() as new:
        figure = new(2.2 * len(names), 2.5)
        for number, (name, field) in enumerate(zip(names, found, strict=True), start=1):
            draw_pixels(figure.add_subplot(1, len(names), number), signed(field), name)
    return figure


def _paths(layers: object) -> list[str]:
    """Return the layers that are to be shown, or refuse what is none."""
    names = [layers] if isinstance(layers, str) else list(layers) if isinstance(layers, Iterable) else []
    if not names:
        raise ArgumentError(f"layers: expected the path of a layer, or several, received {shown(layers)}")
    return names


def _plot(network: Network, x: ArrayLike, classes: NDArray[np.int64], found: NDArray[Any], drawn: _Drawn) -> Figure:
    """Return a figure with the images in a row, and below each what was found of it."""
    images = accepted(network, x)
    if images.ndim != 4:
        raise ShapeError(f"this is shown over images, but samples are of shape {images.shape[1:]}")
    names = shown_names(network)
    with canvas() as new:
        figure = new(1.7 * len(images), 3.6)
        for number, (image, own, heat) in enumerate(zip(images, classes, found, strict=True), start=1):
            above = figure.add_subplot(2, len(images), number)
            draw_pixels(above, picture(image), names[own], palette=False)
            draw_pixels(figure.add_subplot(2, len(images), len(images) + number), drawn(image, heat))
    return figure
