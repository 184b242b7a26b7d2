"""Changing a network: filters overwritten, channels silenced, one edit after the other, and undone likewise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from ..layers import BatchNorm2d, Conv2d, Linear
from ..network import Network
from .description import reads_of

PRESETS: dict[str, NDArray[np.float64]] = {
    "blur": np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16,
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], float),
    "vertical edge": np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], float) / 4,
    "horizontal edge": np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], float) / 4,
    "identity": np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], float),
    "zero": np.zeros((3, 3)),
}
"""Filters that one can choose, 3×3: in a larger kernel they stand in its middle. The edges are Sobel's."""


@dataclass
class Edit:
    """One change: what it is called, and what stood at the changed places before.

    Attributes
    ----------
    words : str
    before : list of (str, index, array)
        Path of a parameter or state, where in it, and the numbers that were there.
    """

    words: str
    before: list[tuple[str, Any, NDArray[Any]]] = field(default_factory=list)


class Edits:
    """The changes that were made to a network, which can be undone in turn.

    Parameters
    ----------
    network : Network
        It is changed in place.
    """

    def __init__(self, network: Network):
        self._network, self.done = network, list[Edit]()

    def kernel(self, path: str, out: int, channel: int, values: NDArray[Any]) -> None:
        """Overwrite one kernel of a convolution: the weights from one channel of its input to one of its output.

        Raises
        ------
        ArgumentError
            If the layer is no convolution, has no such channel, or the kernel is of another size.
        """
        layer = self._layer(path)
        if not isinstance(layer, Conv2d):
            raise ArgumentError(f"layer: {path} has no kernels; expected a convolution")
        shape = layer.weight.shape
        _refuse_outside("out", out, shape[0])
        _refuse_outside("channel", channel, shape[1])
        if values.shape != shape[2:]:
            raise ArgumentError(f"values: expected a kernel of {shape[2]}×{shape[3]}, received {values.shape}")
        if not np.isfinite(values).all():
            raise ArgumentError("values: expected finite numbers")
        edit = Edit(f"{path}: kernel of channel {out} for channel {channel}")
        self._change(edit, f"{path}.weight", (out, channel), values)
        self.done.append(edit)

    def silence(self, path: str, out: int) -> None:
        """Make one channel of a layer 0 everywhere: all weights and the bias that lead to it.

        Where batch normalisation reads the layer, and would make another number of the zeros, its factor and its shift
        for that channel become 0 too.

        Raises
        ------
        ArgumentError
            If the layer has no weights, or no such channel.
        """
        parameters = self._network.parameters()
        if not isinstance(self._layer(path), (Conv2d, Linear, BatchNorm2d)) or f"{path}.weight" not in parameters:
            raise ArgumentError(f"layer: {path} has no weights; silence the layer before it that has some")
        _refuse_outside("out", out, parameters[f"{path}.weight"].shape[0])
        edit = Edit(f"{path}: channel {out} silenced")
        for each in (path, *self._normalisations(path)):
            for name in ("weight", "bias"):
                if f"{each}.{name}" in parameters:
                    self._change(edit, f"{each}.{name}", out, np.float64(0))
        self.done.append(edit)

    def undo(self) -> None:
        """Undo the last edit.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        if not self.done:
            raise ArgumentError("there is no edit to undo")
        for path, where, numbers in reversed(self.done.pop().before):
            self._write(path, where, numbers)

    def reset(self) -> None:
        """Undo all edits."""
        while self.done:
            self.undo()

    def _layer(self, path: str) -> Any:
        layers = dict(self._network.walk())
        if path not in layers:
            raise ArgumentError(f"layer: there is no {path[:80]!r}")
        return layers[path]

    def _normalisations(self, path: str) -> list[str]:
        """Return the layers of batch normalisation that read a layer."""
        layers, reads = dict(self._network.walk()), reads_of(self._network)
        return [each for each, read in reads.items() if path in read and isinstance(layers.get(each), BatchNorm2d)]

    def _change(self, edit: Edit, path: str, where: Any, numbers: Any) -> None:
        held = self._network.parameters()[path].data
        edit.before.append((path, where, np.array(held[where])))
        self._write(path, where, numbers)

    def _write(self, path: str, where: Any, numbers: Any) -> None:
        parameter = self._network.parameters()[path]
        changed = parameter.data.copy()
        changed[where] = numbers
        parameter.data = changed


def preset(name: str, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return a filter by name, in the middle of a kernel of that size; of a smaller one, its own middle."""
    kernel, filter = np.zeros(size), PRESETS[name]
    (top, left), (y, x) = ([max(0, (a - b) // 2) for a, b in zip(*pair, strict=True)] for pair in (
        (size, filter.shape), (filter.shape, size)
    ))  # fmt: skip
    rows, columns = (min(a, b) for a, b in zip(size, filter.shape, strict=True))
    kernel[top : top + rows, left : left + columns] = filter[y : y + rows, x : x + columns]
    return kernel


def _refuse_outside(name: str, number: int, count: int) -> None:
    if not 0 <= number < count:
        raise ArgumentError(f"{name}: expected a number from 0 to {count - 1}, received {number}")
