"""How a model scales its input: the nodes before all others that a network's own `Scaling` stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...network.graph import INPUT
from ...scaling import Scaling
from ...steps import Shape
from .nodes import Constant, Given, Use, Value
from .tensors import KINDS

LARGEST_BYTE = 255.0


class Entry:
    """Takes ``(x − mean) / std``, or as bytes ``(x/255 − mean) / std``, from the beginning of a model.

    Parameters
    ----------
    shape : tuple of int
        Of the input, without the batch axis.
    dtype : str
        In which the model takes its input; "uint8" is divided by 255 in a network, before all else.
    wanted : bool
        Whether to take anything; otherwise such nodes become layers.
    """

    def __init__(self, shape: Shape, dtype: str, wanted: bool):
        self.shape, self.bytes, self.wanted = shape, dtype == "uint8", wanted
        self._divided = False
        self._mean: NDArray[Any] | None = None
        self._std: NDArray[Any] | None = None

    def accept(self, use: Use, only_here: Callable[[Value], bool]) -> Value | None:
        """Return what a node makes of the input, if that is part of the scaling; None if it is not."""
        given = use.all_inputs()
        x = given[0] if given else None
        if not isinstance(x, Value) or x.source != INPUT or not only_here(x):
            return None
        if use.node.operator == "Cast":
            return x if self._casts(use) else None
        if not self.wanted or use.opset < 7 or self._std is not None or len(given) != 2 or use.node.attributes:
            return None
        numbers = self._by_channel(given[1])
        if numbers is None:
            return None
        return x if self._takes(use.node.operator, numbers) else None

    def _casts(self, use: Use) -> bool:
        kind = KINDS.get(use.whole("to"))
        use.switch("saturate", True)
        return kind is not None and "float" in kind.name

    def _takes(self, operator: str, numbers: NDArray[Any]) -> bool:
        if operator == "Sub" and self._mean is None:
            self._mean = numbers
        elif operator == "Div" and self.bytes and not self._divided and self._mean is None and (numbers == 255).all():
            self._divided = True
        elif operator == "Div" and (numbers > 0).all():
            self._std = numbers
        else:
            return False
        return True

    def _by_channel(self, numbers: Given | None) -> NDArray[Any] | None:
        """Return a constant that is one number a channel, or one for all, as (C,) or (1,); None for another."""
        if not isinstance(numbers, Constant) or numbers.array.dtype.kind != "f" or not np.isfinite(numbers.array).all():
            return None
        array = numbers.array
        if array.size == 1 and array.ndim <= len(self.shape) + 1:
            return array.reshape(1)
        whole = (1,) * (len(self.shape) + 1 - array.ndim) + array.shape
        return array.ravel() if whole == (1, self.shape[0], *(1 for _ in self.shape[1:])) else None

    def scaling(self, stated: Scaling | None) -> Scaling:
        """Return what the nodes say together; `stated`, if it is the same once it is in float32."""
        unit = LARGEST_BYTE if self.bytes and not self._divided else 1.0  # a network has divided bytes already
        mean = np.zeros(1) if self._mean is None else self._mean.astype(np.float64) / unit
        std = np.ones(1) if self._std is None else self._std.astype(np.float64)
        found = Scaling(mean.tolist(), (std / unit).tolist())
        return stated if stated is not None and _alike(stated, found) else found


def _alike(one: Scaling, other: Scaling) -> bool:
    """Return whether two scalings are the same in float32."""
    for a, b in ((one.means, other.means), (one.deviations, other.deviations)):
        if len(a) != len(b) and 1 not in (len(a), len(b)):
            return False
        if not (np.asarray(a, np.float32) == np.asarray(b, np.float32)).all():
            return False
    return True
