"""Networks by name: each is a function that returns a `Sequential`, written as its list of layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from ..arguments import nearest
from ..errors import ArgumentError
from ..network import Sequential
from .lenet import lenet as lenet
from .mnist import mnist_s6 as mnist_s6
from .mnist import mnist_s8 as mnist_s8
from .notebook import notebook as notebook
from .small import small as small

MODELS: Mapping[str, Callable[..., Sequential]] = MappingProxyType(
    {"lenet": lenet, "mnist-s6": mnist_s6, "mnist-s8": mnist_s8, "notebook": notebook, "small": small}
)
"""Name -> function, called as ``model(num_classes, input_shape, seed=…, scaling=…, class_names=…)``."""


def by_name(name: str) -> Callable[..., Sequential]:
    """Return the function that makes the network of this name.

    Raises
    ------
    ArgumentError
        If there is none; the message suggests the nearest name.

    Examples
    --------
    >>> by_name("lenet")(input_shape=(1, 32, 32)).output_shape()
    (10,)
    """
    if name in MODELS:
        return MODELS[name]
    raise ArgumentError(f"unknown model {name!r}{nearest(str(name), MODELS) or '.'} Known: {', '.join(MODELS)}")


def for_data(input_shape: Sequence[int]) -> str:
    """Return the name of the network to begin with for images (channels, height, width): by their smaller side.

    Examples
    --------
    >>> for_data((1, 8, 8)), for_data((1, 28, 28))
    ('small', 'lenet')

    Raises
    ------
    ArgumentError
        If it is no shape of images.
    """
    if len(input_shape) != 3:
        raise ArgumentError(f"input_shape: expected (channels, height, width), received {tuple(input_shape)}")
    return "small" if min(input_shape[1:]) < 16 else "lenet"
