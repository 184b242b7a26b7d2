"""Initial weights: rules that turn a shape, a key and a parameter's path into an array.

Each rule is a small immutable object, called as ``rule(shape, key, path)``. The same three give the same array on
every machine, whatever else the network holds; so a layer that is added or removed leaves the others as they were.

Shapes are those of the library: convolution weights ``(out_channels, in_channels/groups, KH, KW)``, linear weights
``(out_features, in_features)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from . import random
from .arguments import look_up, number
from .errors import ShapeError

Array = NDArray[np.float64]


class Initializer(Protocol):
    """What a layer asks of an initialiser; any function of this form serves."""

    def __call__(self, shape: tuple[int, ...], key: random.Words, path: str) -> Array:
        """Initial values.

        Parameters
        ----------
        shape : tuple of int
        key : uint32 array (2,)
            From ``random.key(seed, Purpose.INITIALIZE)``.
        path : str
            The parameter's path in its network, such as ``"conv1.weight"``.

        Returns
        -------
        float64 array of ``shape``
        """


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan-in, fan-out) of a weight: how many inputs feed one output, and about how many outputs one input feeds.

    fan-in = (in_channels/groups)·KH·KW, right for any number of groups, as axis 1 is already a group's share.
    fan-out = out_channels·KH·KW; with groups one input feeds only 1/groups of these. A weight's shape does not tell
    the groups, and PyTorch counts like this too: Glorot's weights agree with PyTorch's, and for a depthwise
    convolution they are smaller than Glorot's argument asks. Prefer He there.
    """
    if len(shape) < 2 or min(shape) < 1:
        raise ShapeError(
            f"fan-in and fan-out need a weight (out, in/groups, KH, KW) or (out, in) with sizes ≥ 1, received {shape}; "
            "use Zeros() or Constant(value) for biases and scales"
        )
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


@dataclass(frozen=True)
class HeNormal:
    """N(0, 2 / fan-in): keeps the variance of activations through layers with ReLU.

    References
    ----------
    He, Zhang, Ren, Sun (2015): Delving deep into rectifiers, equation 10.
    """

    def __call__(self, shape: tuple[int, ...], key: random.Words, path: str) -> Array:
        fan_in, _ = fans(shape)
        return _normal(shape, key, path, std=math.sqrt(2 / fan_in))


@dataclass(frozen=True)
class HeUniform:
    """Uniform in ±√(6 / fan-in): the variance of `HeNormal`, without its tails."""

    def __call__(self, shape: tuple[int, ...], key: random.Words, path: str) -> Array:
        fan_in, _ = fans(shape)
        return _uniform(shape, key, path, bound=math.sqrt(6 / fan_in))


@dataclass(frozen=True)
class GlorotNormal:
    """N(0, 2 / (fan-in + fan-out)): a balance between the variance of activations and that of gradients.

    References
    ----------
    Glorot, Bengio (2010): Understanding the difficulty of training deep feedforward neural networks, equation 12.
    """

    def __call__(self, shape: tuple[int, ...], key: random.Words, path: str) -> Array:
        return _normal(shape, key, path, std=math.sqrt(2 / sum(fans(shape))))


@dataclass(frozen=True)
class GlorotUniform:
    """Uniform in ±√(6 / (fan-in + fan-out)), the "normalized initialization" of Glorot and Bengio (2010), eq. 16."""

    def __call__(self, shape: tuple[int, ...], key: random.Words, path: str) -> Array:
        return _uniform(shape, key, path, bound=math.sqrt(6 / sum(fans(shape))))


@dataclass(frozen=True)
class Normal:
    """N(mean, std²), whatever the shape."""

    std: float = 0.01
    mean: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", number(self.std, "Normal.std", "a number of at least 0"))
        object.__setattr__(self, "mean", number(self.mean, "Normal.mean"))

    def __call__(self, shape: tuple[int, ...], key: random.Words, path: str) -> Array:
        return _normal(shape, key, path, self.std, self.mean)


@dataclass(frozen=True)
class Zeros:
    """All zeros: for biases. Weights that begin at zero all learn the same thing, if anything."""

    def __call__(self, shape: tuple[int, ...], key: random.Words, path: str) -> Array:
        return np.zeros(shape)


@dataclass(frozen=True)
class Constant:
    """All elements alike: for the scale of a normalisation, or a worked example."""

    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", number(self.value, "Constant.value"))

    def __call__(self, shape: tuple[int, ...], key: random.Words, path: str) -> Array:
        return np.full(shape, self.value, np.float64)


KINDS: Mapping[str, Callable[..., Initializer]] = MappingProxyType(
    {kind.__name__: kind for kind in (HeNormal, HeUniform, GlorotNormal, GlorotUniform, Normal, Zeros, Constant)}
)
"""The classes, by their names, as a run's config has them."""

NAMES: dict[str, Callable[[], Initializer]] = {
    "he-normal": HeNormal,
    "he-uniform": HeUniform,
    "glorot-normal": GlorotNormal,
    "glorot-uniform": GlorotUniform,
    "normal": Normal,
    "zeros": Zeros,
}


def by_name(name: str) -> Initializer:
    """The initialiser of this name with its default settings.

    ``"he-normal"``, ``"he_normal"`` and ``"HeNormal"`` are one name. `Constant` has no default, so no name either.

    Examples
    --------
    >>> by_name("glorot-uniform")
    GlorotUniform()
    """
    return look_up(name, NAMES, "initialiser")()


def _normal(shape: tuple[int, ...], key: random.Words, path: str, std: float, mean: float = 0.0) -> Array:
    return _drawn(shape, key, path, lambda words: random.normal(words) * std + mean)


def _uniform(shape: tuple[int, ...], key: random.Words, path: str, bound: float) -> Array:
    return _drawn(shape, key, path, lambda words: (random.uniform(words, np.float64) * 2.0 - 1.0) * bound)


def _drawn(shape: tuple[int, ...], key: random.Words, path: str, draw: Callable[[random.Words], Array]) -> Array:
    """Elements in row-major order, block by block: beside the result only a few megabytes are held."""
    values = np.empty(math.prod(shape))
    for start, words in random.element_word_blocks(key, path, values.size):
        values[start : start + words.size] = draw(words)
    return values.reshape(shape)
