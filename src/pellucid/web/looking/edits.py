"""Changing a network: filters overwritten, channels silenced, one edit after the other, and undone likewise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError
from ...layers import BatchNorm2d, Conv2d, Linear
from ...network import Network
from ..words.written import significant
from .description import reads_of
from .sharing import sharing

WITH_CHANNELS = (Conv2d, Linear, BatchNorm2d)
"""Layers whose weights lead to one channel each, along their first axis."""
MOST_EDITS = 1000
"""Edits that are kept, each to be undone."""


@dataclass
class Edit:
    """One change: what it is called, what stood at the changed places before, and what was written there.

    Attributes
    ----------
    words : str
    before : list of (str, index, array)
        Path of a parameter, where in it, and the numbers that were there.
    numbers : number or array
        Those that all these places have since then.
    """

    words: str
    before: list[tuple[str, Any, NDArray[Any]]]
    numbers: Any

    @property
    def summary(self) -> str:
        """What it is called; of a single number, also what it was and what it is."""
        [_, _, was], *more = self.before
        if more or was.size > 1:
            return self.words
        return f"{self.words}: {significant(float(was))} → {significant(float(np.ravel(self.numbers)[0]))}"


class Edits:
    """The changes that were made to a network, which can be undone in turn.

    An edit that changes no number is not recorded; of one number that is changed several times in a row, one edit is.

    Parameters
    ----------
    network : Network
        It stays as it is.

    Attributes
    ----------
    network : Network
        With all edits: after each one another, which shares with the one before all arrays that are the same.
    done : list of Edit
    """

    def __init__(self, network: Network):
        self.network, self.done = network, list[Edit]()

    def kernel(self, path: str, out: int, channel: int | None, values: NDArray[Any], name: str = "") -> None:
        """Overwrite one kernel of a convolution: the weights from one channel of its input to one of its output.

        Parameters
        ----------
        path : str
        out, channel : int
            Channel of the output, and of the input; None for all kernels of the output channel, each of which takes the
            same values, divided by their number: a filter of the mean of the input's channels.
        values : array (KH, KW)
        name : str
            What they are called, such as "blur".

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
        if values.shape != shape[2:]:
            raise ArgumentError(f"values: expected a kernel of {shape[2]}×{shape[3]}, received {values.shape}")
        new = _as_weights(values if channel is not None else values / shape[1], layer.weight.dtype)
        if channel is None:
            where: Any = (out,)
            words = f"{path}: all {shape[1]} kernels of channel {out}"
        else:
            _refuse_outside("channel", channel, shape[1])
            where, words = (out, channel), f"{path}: kernel of channel {out} for channel {channel}"
            differ = np.argwhere(layer.weight.data[where] != new)
            if len(differ) == 1 and not name:
                where, new = (*where, *map(int, differ[0])), new[tuple(differ[0])]
                words = f"{path}: weight ({', '.join(map(str, where))})"
        self._do(f"{words}: {name}" if name else words, {f"{path}.weight": where}, new)

    def bias(self, path: str, out: int, value: float) -> None:
        """Overwrite the bias of one channel.

        Raises
        ------
        ArgumentError
            If the layer has no bias, or no such channel.
        """
        parameter = self.network.parameters().get(f"{path}.bias")
        if parameter is None or not isinstance(self._layer(path), WITH_CHANNELS):
            raise ArgumentError(f"layer: {path[:80]!r} has no bias")
        _refuse_outside("out", out, parameter.shape[0])
        self._do(f"{path}: bias of channel {out}", {f"{path}.bias": (out,)}, _as_weights(value, parameter.dtype))

    def silence(self, path: str, out: int) -> None:
        """Make one channel of a layer 0 everywhere: all weights and the bias that lead to it.

        Where batch normalisation reads the layer, and would make another number of the zeros, its factor and its shift
        for that channel become 0 too.

        Raises
        ------
        ArgumentError
            If the layer has no weights, or no such channel.
        """
        parameters = self.network.parameters()
        if not isinstance(self._layer(path), WITH_CHANNELS) or f"{path}.weight" not in parameters:
            raise ArgumentError(f"layer: {path} has no weights; silence the layer before it that has some")
        _refuse_outside("out", out, parameters[f"{path}.weight"].shape[0])
        names = (f"{each}.{name}" for each in (path, *self._normalisations(path)) for name in ("weight", "bias"))
        self._do(f"{path}: channel {out} silenced", {name: (out,) for name in names if name in parameters}, 0)

    def digest(self) -> str:
        """Return the name of all that was edited: the same for the same edits, and "" where there are none."""
        sha, held = hashlib.sha256(), self.network.parameters()
        for path, where, _ in (place for edit in self.done for place in edit.before):
            sha.update(f"{path} {where} ".encode() + held[path].data[where].tobytes())
        return sha.hexdigest()[:12] if self.done else ""

    def undo(self, number: int = -1) -> None:
        """Undo the last edit, or that of a number; those after it stay, as if it had never been made.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        if not -len(self.done) <= number < len(self.done):
            raise ArgumentError("there is no edit to undo")
        undone = self.done[number:]
        del self.done[number:]
        self._restore(undone[::-1])
        for edit in undone[1:]:
            self._do(edit.words, {path: where for path, where, _ in edit.before}, edit.numbers)

    def reset(self) -> None:
        """Undo all edits."""
        edits, self.done = self.done[::-1], []
        self._restore(edits)

    def _restore(self, edits: list[Edit]) -> None:
        """Put back what stood there before some edits, the last of which comes first."""
        held = self._apart(path for edit in edits for path, _, _ in edit.before)
        for edit in edits:
            for path, where, numbers in reversed(edit.before):
                held[path][where] = numbers

    def _apart(self, paths: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Let the network be another, with arrays of its own at some paths, and return these."""
        own = set(paths)
        self.network = sharing(self.network, own)
        return {path: parameter.data for path, parameter in self.network.parameters().items() if path in own}

    def _layer(self, path: str) -> Any:
        layers = dict(self.network.walk())
        if path not in layers:
            raise ArgumentError(f"layer: there is no {path[:80]!r}")
        return layers[path]

    def _normalisations(self, path: str) -> list[str]:
        """Return the layers of batch normalisation that read a layer."""
        layers, reads = dict(self.network.walk()), reads_of(self.network)
        return [each for each, read in reads.items() if path in read and isinstance(layers.get(each), BatchNorm2d)]

    def _do(self, words: str, places: dict[str, Any], numbers: Any) -> None:
        """Write numbers to places in parameters, by path, and remember what stood there."""
        held = {path: self.network.parameters()[path].data for path in places}
        before = [(path, where, held[path][where].copy()) for path, where in places.items()]
        if all(np.array_equal(old, np.broadcast_to(numbers, old.shape)) for _, _, old in before):
            return
        if len(self.done) >= MOST_EDITS:
            raise ArgumentError(f"the network has been edited {MOST_EDITS:,} times; undo some of it first")
        held = self._apart(places)
        for path, where in places.items():
            held[path][where] = numbers
        last = self.done[-1] if self.done else None
        if last is None or last.words != words or any(old.size > 1 for _, _, old in before):
            self.done.append(Edit(words, before, numbers))
        elif all(np.array_equal(held[path][where], old) for path, where, old in last.before):
            self.done.pop()  # the number is back to what it was
        else:
            last.numbers = numbers


def _as_weights(values: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return weights as a layer holds them."""
    with np.errstate(over="ignore"):  # which is refused below
        new = np.asarray(values, dtype)
    if not np.isfinite(new).all():
        raise ArgumentError("values: expected finite numbers")
    return new


def _refuse_outside(name: str, number: int, count: int) -> None:
    if not 0 <= number < count:
        raise ArgumentError(f"{name}: expected a number from 0 to {count - 1}, received {number}")
