"""What is inside of a network, as plots: its filters, and what they answer to an image."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from ...arguments import as_array, nearest_or_all, no_network, shown
from ...errors import ArgumentError, ShapeError
from ...geometry import whole_number
from ...inference import activations
from ...layers import Layer
from ...network import Network
from ..canvas import canvas
from ..charts import draw_pixels
from ..tiles import CHANNELS, FILTERS, MAPS, Mosaic, convolutions, filter_mosaic, map_mosaic

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def filters(network: Network, layer: str | None = None, *, count: int = FILTERS, channels: int = CHANNELS) -> Figure:
    """Plot the filters of a convolution: orange is above 0, blue below.

    Of one channel, each filter is a square; of three, as of colour images, it is in colour, where grey is 0; of others,
    each column is a filter and each row a channel.

    Parameters
    ----------
    network : Network
    layer : str, optional
        Path of a convolution; by default the first.
    count, channels : int, default 16
        How many filters, and channels of each, at most.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        If there is no such layer with filters.
    MissingExtraError
        If matplotlib is not installed.
    """
    if not isinstance(network, Layer):
        raise ArgumentError(f"network: expected a Sequential or Graph, received {no_network(network)}")
    found = convolutions(network)
    if not found:
        raise ArgumentError("the network has no convolution, and so no filters")
    name = next(iter(found)) if layer is None else layer
    if not isinstance(name, str) or name not in found:
        raise ArgumentError(f"layer: {shown(name)} has no filters{nearest_or_all(name, found)}")
    return _plot(name, filter_mosaic(found[name], whole_number(count, "count"), whole_number(channels, "channels")))


def feature_maps(network: Network, image: ArrayLike, layer: str | None = None, *, count: int = MAPS) -> Figure:
    """Plot what a layer makes of an image, map by map: orange is above 0, blue below.

    Parameters
    ----------
    network : Network
    image : array (C, H, W), or (1, C, H, W)
    layer : str, optional
        Path of a layer that makes maps; by default the first convolution.
    count : int, default 16
        How many maps at most.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError, DataError
        If the image is not what the network takes, or the layer makes no maps.
    ArgumentError
        If there is no such layer.
    MissingExtraError
        If matplotlib is not installed.
    """
    array = as_array(image, "image")
    found = activations(network, array[None] if array.shape == getattr(network, "input_shape", None) else array)
    name = next(iter(convolutions(network)), "input") if layer is None else layer
    if not isinstance(name, str) or name not in found:
        raise ArgumentError(f"no layer {shown(name)}{nearest_or_all(name, found)}")
    if found[name].ndim != 4:
        raise ShapeError(f"layer: {name} makes no maps, but {found[name].shape[1:]} a sample; name another")
    return _plot(name, map_mosaic(found[name][0], whole_number(count, "count")))


def _plot(name: str, mosaic: Mosaic) -> Figure:
    height, width = mosaic.pixels.shape[:2]
    wide = min(7.0, 1.0 + 0.8 * mosaic.columns)
    with canvas() as new:
        figure = new(wide, 0.5 + max(0.6, min(12.0, wide * height / width)))
        title = "\n".join(textwrap.wrap(f"{name}: {mosaic.about}", int(13 * wide)))
        draw_pixels(figure.add_subplot(), mosaic.pixels, title)
    return figure
