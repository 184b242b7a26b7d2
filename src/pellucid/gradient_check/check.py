"""Compares backward with differences, one tensor after the other.

A whole tensor is checked along one random direction with no component near zero; and coordinate by coordinate (a
sample of them where there are many) to find the worst. Where L has a kink between w − h and w + h, as ReLU and max
pooling have, a difference means nothing: h is made smaller until two differences agree, and a coordinate that lies on
a kink itself is left out and counted.

References
----------
S. Tokui et al., "Chainer: A Deep Learning Framework for Accelerating the Research Cycle", 2019: its gradient checker
takes one random direction a tensor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import as_numbers, number
from ..definitions.arrays import Array
from ..errors import ArgumentError
from ..layers import Layer
from ..random import Purpose, element_words, key
from .function import Function, only, random_direction
from .report import GradientCheck, GradientReport

STEPS = (1e-4, 1e-5, 1e-6, 1e-7)
"""Sizes of h, relative to the tensor's root mean square: the next one is taken where two do not agree yet."""

COORDINATES = 50
"""A tensor with more coordinates than this is checked at a sample of as many."""


def check_gradients(
    layer: Layer, x: ArrayLike, *, training: bool = False, seed: int = 0, tolerance: float = 1e-6
) -> GradientReport:
    """Compare a layer's or a network's ``backward`` with differences of its ``forward``, in float64.

    All is done with a copy: the layer itself stays as it is.

    Parameters
    ----------
    layer : Layer
        Any layer, also one of your own; or a network, with all it holds.
    x : array (N, …)
        A batch. Random numbers serve best: zeros lie on the kink of ReLU, equal neighbours on those of max pooling.
    training : bool, default False
        As in ``forward``. Every forward begins in the same state, so that dropout draws the same mask again.
    seed : int, default 0
        Of the random directions, and of the sample of coordinates.
    tolerance : float, default 1e-6
        Up to which relative error a gradient counts as right.

    Returns
    -------
    GradientReport
        Nothing is raised for a wrong gradient: ``report.ok`` says so, and the printed report where.

    Raises
    ------
    ArgumentError, DataError
        If the layer gives other than float64 for float64, or NaN or infinity for this x.

    Examples
    --------
    >>> import pellucid as p
    >>> report = check_gradients(p.Linear(3, 2), [[1, 2, 3]])
    >>> report.ok, [check.name for check in report.checks]
    (True, ['weight', 'bias', 'input'])
    """
    if not isinstance(layer, Layer):
        raise ArgumentError(f"check_gradients: expected a layer or a network, received {layer!r}")
    tolerance = number(tolerance, "tolerance", "a number between 0 and 1")
    function = Function(layer, as_numbers(x, "x"), training, seed)
    checks = tuple(_Checker(function, name, tolerance, seed).check() for name in function.tensors)
    return GradientReport(type(layer).__name__, tolerance, checks)


@dataclass(frozen=True)
class _Slope:
    """The derivative of L along a direction, by backward and by differences."""

    backward: float
    difference: float
    bend: float
    scale: float
    """What errors are relative to."""

    @property
    def error(self) -> float:
        return abs(self.backward - self.difference) / self.scale if self.scale else 0.0

    def agrees(self, coarser: _Slope, tolerance: float) -> bool:
        """Whether a larger step gave the same, and bent more, as a smooth function does: no kink is in between."""
        little = tolerance * self.scale / 4
        smooth = abs(self.bend) <= abs(coarser.bend) / 2 + little
        return smooth and abs(self.difference - coarser.difference) <= little


class _Checker:
    """Checks the gradient of one tensor."""

    def __init__(self, function: Function, name: str, tolerance: float, seed: int):
        self._function, self._name, self._tolerance, self._seed = function, name, tolerance, seed
        tensor, gradient = function.tensors[name], function.gradients[name]
        self._shape, self._size = tensor.shape, tensor.size
        self._unit = float(np.sqrt(np.mean(tensor**2))) or 1.0
        self._missing = gradient is None
        self._gradient = np.zeros(self._shape) if gradient is None else np.asarray(gradient, np.float64)
        self._found: dict[int, _Slope] = {}
        self._kinks = 0

    def check(self) -> GradientCheck:
        if self._gradient.shape != self._shape:
            return GradientCheck(self._name, self._shape, note=f"backward gave the shape {self._gradient.shape}")
        if not np.isfinite(self._gradient).all():
            return GradientCheck(self._name, self._shape, note="backward gave NaN or infinity")
        for index in self._sample():
            self._visit(index)
        direction = random_direction(self._shape, self._seed, self._name)
        whole = self._slope(direction)
        if whole is not None and whole.error > self._tolerance and not self._wrong():
            self._visit(self._descend(direction))
        return self._result(whole)

    def _sample(self) -> list[int]:
        if self._size <= COORDINATES:
            return list(range(self._size))
        words = element_words(key(self._seed, Purpose.INITIALIZE), f"sample of {self._name}", 16 * COORDINATES)
        return list(dict.fromkeys((words % self._size).tolist()))[:COORDINATES]

    def _visit(self, index: int) -> None:
        slope = self._slope(only(range(index, index + 1), np.ones(self._shape)))
        if slope is None:
            self._kinks += 1
        else:
            self._found[index] = slope

    def _slope(self, direction: Array) -> _Slope | None:
        """Return the derivative along a direction, or None on a kink."""
        tried: list[_Slope] = []
        for step in STEPS:
            slope = self._slope_by(direction, step * self._unit)
            if slope.error <= self._tolerance / 100 or (tried and slope.agrees(tried[-1], self._tolerance)):
                return slope
            tried.append(slope)
        nearest = min(tried, key=lambda slope: slope.error)
        return nearest if nearest.error <= self._tolerance else None

    def _slope_by(self, direction: Array, h: float) -> _Slope:
        rise, bend = self._function.move(self._name, h * direction)
        parts = self._gradient * direction
        difference = rise / (2 * h)
        sizes = abs(difference), float(np.linalg.norm(parts)), float(np.abs(self._gradient).max())
        # a gradient so small that rounding hides it must not look wrong
        scale = max(*sizes, self._function.rounding / (h * self._tolerance))
        return _Slope(float(parts.sum()), difference, bend / h, scale)

    def _descend(self, direction: Array) -> int:
        """Return a coordinate where backward errs: of two halves, always the one that errs more along `direction`."""
        inside = range(self._size)
        while len(inside) > 1:
            halves = inside[: len(inside) // 2], inside[len(inside) // 2 :]
            slopes = [self._slope(only(half, direction)) for half in halves]
            errors = [0.0 if slope is None else abs(slope.backward - slope.difference) for slope in slopes]
            inside = halves[int(errors[1] > errors[0])]
        return inside[0]

    def _wrong(self) -> int:
        return sum(slope.error > self._tolerance for slope in self._found.values())

    def _result(self, whole: _Slope | None) -> GradientCheck:
        if not self._found:
            note = "not checked, every coordinate lies on a kink: try another x"
            return GradientCheck(self._name, self._shape, kinks=self._kinks, note=note)
        index, worst = max(self._found.items(), key=lambda item: item[1].error)
        coordinate: tuple[int, ...] | None = tuple(map(int, np.unravel_index(index, self._shape)))
        if whole is not None and whole.error > max(self._tolerance, worst.error):
            coordinate, worst = None, whole
        ok = worst.error <= self._tolerance
        return GradientCheck(
            self._name, self._shape, worst.error, coordinate, worst.backward, worst.difference, len(self._found),
            self._kinks, ok, "" if ok else self._guess(),
        )  # fmt: skip

    def _guess(self) -> str:
        """Say what may be wrong, from the coordinates that were checked."""
        backward = np.array([slope.backward for slope in self._found.values()])
        difference = np.array([slope.difference for slope in self._found.values()])
        close = 10 * self._tolerance * max(slope.scale for slope in self._found.values())
        if self._missing:
            return "backward left no gradient"
        if not self._gradient.any():
            return "backward gave 0 everywhere"
        factor = float(backward @ difference / max(difference @ difference, close**2))
        if len(self._found) > 1 and np.abs(backward - factor * difference).max() <= close:
            return f"backward gave {factor:.4g} times the difference everywhere"
        if len(self._shape) > 1 and self._shape[-1] == self._shape[-2]:
            transposed = self._gradient.swapaxes(-1, -2).reshape(-1)[list(self._found)]
            if np.abs(transposed - difference).max() <= close:
                return "backward gave it transposed"
        if not self._wrong():
            return "shown by the direction through all coordinates alone"
        return f"{self._wrong()} of {len(self._found)} checked coordinates differ"
