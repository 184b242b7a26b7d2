"""What every model does with its arguments, whatever network it makes of them."""

from __future__ import annotations

import inspect
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

from ..arguments import nearest
from ..errors import ArgumentError, ShapeError
from ..geometry import whole_number
from ..network import Item, NetworkOptions, Sequential

Arguments = ParamSpec("Arguments")

LARGEST_SIDE = 1024
"""Rows and columns of the largest image that `smallest_side` tries."""


def model(make: Callable[Arguments, Sequential]) -> Callable[Arguments, Sequential]:
    """Return a function that checks its arguments before it makes the network, as every model's is decorated.

    Parameters
    ----------
    make : function
        Called as ``make(num_classes, input_shape, **options)``; see `pellucid.models` for what they mean.

    Raises
    ------
    ArgumentError
        By the returned function: if an option is not known, `num_classes` is no whole number, or `input_shape` no shape
        of images.
    ShapeError
        By the returned function: if images are too small; the message says how large they must be.
    """
    name, signature = make.__name__, inspect.signature(make)

    @wraps(make)
    def checked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Sequential:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        _refuse_unknown(name, given.arguments["options"])
        whole_number(given.arguments["num_classes"], "num_classes")
        channels, height, width = _images(given.arguments["input_shape"])
        try:
            return make(*args, **kwargs)
        except ShapeError as error:
            least = smallest_side(make, channels)
            if least is None or min(height, width) >= least:
                raise
            needs = f"{name} needs images of at least {least}×{least} pixels"
            raise ShapeError(error.problem, error.received, needs, error.where, error.source) from None

    return checked


def defaults(make: Callable[..., Sequential]) -> tuple[int, tuple[int, int, int]]:
    """Return for how many classes, and for images of which shape, a model is unless it is told otherwise.

    Examples
    --------
    >>> from pellucid.models import alexnet_2012
    >>> defaults(alexnet_2012)
    (1000, (3, 227, 227))
    """
    parameters = inspect.signature(make).parameters
    channels, height, width = parameters["input_shape"].default
    return parameters["num_classes"].default, (channels, height, width)


def smallest_side(make: Callable[..., Sequential], channels: int) -> int | None:
    """Return the side of the smallest square images that a model can take; None if even large ones are refused.

    It is tried: no weight is drawn for that. What takes images of one size takes all larger ones.
    """
    plain = inspect.unwrap(make)

    def takes(side: int) -> bool:
        try:
            plain(input_shape=(channels, side, side))
        except ShapeError:
            return False
        return True

    side = 1
    while not takes(side):
        side *= 2
        if side > LARGEST_SIDE:
            return None
    between = range(side // 2 + 1, side + 1)  # half of it was too small
    return between[bisect_left(between, True, key=takes)]


def feature_count(layers: Sequence[Item], input_shape: Sequence[int]) -> int:
    """Return how many features layers that end with a Flatten make of an image."""
    (count,) = Sequential(layers).output_shape(tuple(input_shape))
    return count


def _refuse_unknown(name: str, options: Mapping[str, Any]) -> None:
    known = NetworkOptions.__annotations__
    for option, value in options.items():
        if option in ("weights", "pretrained"):
            raise ArgumentError(
                f"{name}: {option}={value!r}: models come without weights; make the network, then read a file of them "
                "with load_weights(network, path)"
            )
        if option not in known:
            hint = nearest(option, ("num_classes", "input_shape", *known)) or "."
            raise ArgumentError(f"{name}: no option {option!r}{hint} There are {', '.join(known)}")


def _images(input_shape: Sequence[int]) -> tuple[int, int, int]:
    """Return (channels, height, width), or refuse what is no shape of images."""
    if not isinstance(input_shape, Sequence) or len(input_shape) != 3:
        raise ArgumentError(f"input_shape: expected (channels, height, width), received {input_shape!r}")
    channels, height, width = (whole_number(size, "input_shape") for size in input_shape)
    return channels, height, width
