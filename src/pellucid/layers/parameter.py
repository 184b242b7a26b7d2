"""What a layer keeps: Parameters, which training changes, and States, which it only records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..arguments import as_numbers, shown
from ..definitions.arrays import Array
from ..errors import ArgumentError, ShapeError
from ..initializers import Initializer, Zeros
from ..limits import physical_memory
from ..random import Purpose, key
from ..steps import Shape


class _Values:
    """What is an array to NumPy and to others that take arrays: its values themselves, no copy of them."""

    @property
    def data(self) -> Array:
        raise NotImplementedError

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.data, dtype=dtype, copy=copy)

    def __dlpack__(self, **asked: Any) -> Any:
        return self.data.__dlpack__(**asked)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.data.__dlpack_device__()


class Parameter(_Values):
    """An array that training changes.

    NumPy, and other libraries that take arrays, take a parameter for its `data`: ``np.asarray(conv.weight)``.

    The array is made when it is first asked for, from the initialiser, the seed and the parameter's path, so that a
    large network can be described, summarised or loaded without drawing its weights.

    Parameters
    ----------
    name : str
        Its name within the layer, such as "weight".
    shape : tuple of int
    initializer : Initializer, optional
        Called as ``initializer(shape, key, path)``. By default `default`, or Zeros().
    default : Initializer, optional
        Draws the values where neither an `initializer` is given nor the network has one (see `use`).

    Attributes
    ----------
    data : array of `shape`
        The values. Assigning copies into the array, so every view of it stays true; another shape is refused.
    grad : array of `shape` or None
        The gradient that the layer's last ``backward`` left; None before.
    trainable : bool
        Whether training may change it. Anything but True and False is refused.

    Raises
    ------
    ArgumentError
        If the initialiser is none, or the array needs more memory than the machine has.
    """

    def __init__(
        self,
        name: str,
        shape: Sequence[int],
        initializer: Initializer | None = None,
        *,
        default: Initializer | None = None,
    ):
        self.name, self.shape = name, tuple(shape)
        given = initializer if initializer is not None else default
        self.initializer = as_initializer(given) if given is not None else Zeros()
        self._open = initializer is None and default is not None
        self.grad: Array | None = None
        self._trainable = True
        self._data: Array | None = None
        self._dtype = np.dtype(np.float32)
        self._seed, self._path = 0, name
        needed = math.prod(self.shape) * 4
        if needed > physical_memory():
            raise ArgumentError(
                f"{name} {'×'.join(map(str, self.shape))} would need {needed:,} bytes in float32, "
                f"and this machine has {physical_memory():,}; use a smaller layer"
            )

    @property
    def data(self) -> Array:
        if self._data is None:
            drawn = np.array(self.initializer(self.shape, key(self._seed, Purpose.INITIALIZE), self._path), self._dtype)
            if drawn.shape != self.shape:
                raise ShapeError(f"{self.name}: the initialiser gave shape {drawn.shape}, expected {self.shape}")
            self._data = drawn
        return self._data

    @data.setter
    def data(self, values: ArrayLike) -> None:
        held = np.empty(self.shape, self._dtype) if self._data is None else self._data
        _copy_into(held, values, f"{self.name}.data")
        self._data = held

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, whether: bool) -> None:
        if not isinstance(whether, (bool, np.bool_)):
            raise ArgumentError(f"{self.name}.trainable: expected True or False, received {shown(whether)}")
        self._trainable = bool(whether)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    @property
    def size(self) -> int:
        """The number of values."""
        return math.prod(self.shape)

    def has_learnt(self) -> bool:
        """Return whether it holds other values than those that it draws: learnt ones, or assigned ones."""
        if self._data is None:
            return False
        drawn = np.array(self.initializer(self.shape, key(self._seed, Purpose.INITIALIZE), self._path), self._dtype)
        return not np.array_equal(self._data, drawn)

    def initialize(self, seed: int, path: str) -> None:
        """Forget the values; the next look at them draws new ones from `seed` and `path`."""
        self._data, self.grad, self._seed, self._path = None, None, seed, path

    def place(self, seed: int, path: str) -> None:
        """Take over `seed` and `path` from a network, unless there are values already."""
        if self._data is None:
            self._seed, self._path = seed, path

    def use(self, initializer: Initializer) -> None:
        """Take over a network's initialiser in place of the layer's default, unless one has been given already."""
        if self._open:
            self.initializer, self._open = initializer, False

    def cast(self, dtype: np.dtype[Any]) -> None:
        """Change to float32 or float64, keeping the values."""
        if dtype == self._dtype:
            return
        self._dtype, self.grad = dtype, None
        if self._data is not None:
            self._data = self._data.astype(dtype)

    def __repr__(self) -> str:
        frozen = "" if self.trainable else ", frozen"
        return f"Parameter({self.name!r}, {'×'.join(map(str, self.shape)) or 'scalar'}, {self._dtype}{frozen})"


def as_initializer(value: Initializer) -> Initializer:
    """Return what is an initialiser as it is; refuse anything else with an ArgumentError."""
    if isinstance(value, type) or not callable(value):
        raise ArgumentError(f"initializer: expected an initialiser such as HeNormal(), received {value!r}")
    return value


class State(_Values):
    """An array that a layer keeps beside its parameters, such as a running mean: saved with them, without gradient.

    It is taken for its `data` where an array is expected, like a `Parameter`.

    Parameters
    ----------
    name : str
        Its name within the layer, such as "running_mean".
    data : array
        The values that it begins with.

    Attributes
    ----------
    data : array of `shape`
        Assigning copies into the array, in its dtype, so every view of it stays true.
    """

    def __init__(self, name: str, data: ArrayLike):
        self.name = name
        self._data: Array = np.array(as_numbers(data, name), np.float32)
        self._first = self._data.copy()

    @property
    def data(self) -> Array:
        return self._data

    @data.setter
    def data(self, values: ArrayLike) -> None:
        _copy_into(self._data, values, f"{self.name}.data")

    @property
    def shape(self) -> Shape:
        return self._data.shape

    def initialize(self) -> None:
        """Take the first values again."""
        self.data = self._first

    def cast(self, dtype: np.dtype[Any]) -> None:
        """Change to float32 or float64, keeping the values."""
        self._data = self._data.astype(dtype, copy=False)


def _copy_into(held: Array, values: ArrayLike, name: str) -> None:
    """Copy values into an array that others may have views of, or refuse them by `name`."""
    array = as_numbers(values, name)
    if array.shape != held.shape:
        raise ShapeError(f"{name} expects shape {held.shape}, received {array.shape}")
    held[...] = array
