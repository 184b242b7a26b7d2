"""Small pictures of a network while it learns: the filters of its first convolutions, and their maps of one image.

A number is a byte there: 128 for zero, 1 and 255 for −R and R, 0 for what is not a number. Sums are never made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ... import interpreter
from ...build import lower
from ...definitions.arrays import Array
from ...layers import Conv2d
from ...network import Network
from ..looking.description import shown_values
from ..looking.look import colour_range, probabilities
from ..words.written import significant

Reach: TypeAlias = dict[str, float]
"""Name of a picture -> R, how far its colours reach. Whoever keeps it decides when colours may change their meaning."""

LAYERS = 2
"""Convolutions that are shown."""
INPUTS = 6
"""Input channels whose kernels are shown, at most, below each other."""
ROW, NUMBER, GAP = 344, 5, 2
"""Pixels: of a row of kernels, of a number in one, at least, and between two. So many are shown as find room."""
MAPS, SIDE = 24, 56
"""Maps of a layer, and rows and columns of a map, at most; of larger ones rows and columns are left out."""


class Miniatures:
    """Makes small pictures of a network with whatever weights it has.

    Parameters
    ----------
    network : Network
        Its layers are lowered once; its weights do not matter, and it is not kept.
    """

    def __init__(self, network: Network):
        self._program = lower(network)
        values = shown_values(self._program)
        convolutions = [path for path, layer in network.walk() if isinstance(layer, Conv2d) and path in values]
        self._layers = {path: values[path] for path in convolutions[:LAYERS]}

    def of(
        self, weights: Mapping[str, Array], image: NDArray[Any] | None
    ) -> tuple[dict[str, Array], NDArray[Any] | None]:
        """Return the numbers of the pictures, and the probability of each class; of no image only the filters."""
        numbers = {f"filters {path}": _kernels(weights[f"{path}.weight"]) for path in self._layers}
        if image is None:
            return numbers, None
        program = self._program
        with np.errstate(all="ignore"):
            found = interpreter.run(
                program, {**weights, "input": image[None]}, {program.output, *self._layers.values()}
            )  # fmt: skip
        for path, value in self._layers.items():
            numbers[f"small {path}"] = _maps(found[value][0])
        return numbers, probabilities(program, found[program.output].reshape(-1))


def reach_of(pictures: Mapping[str, Array]) -> Reach:
    """Return how far the colours of each picture reach by itself."""
    return {name: colour_range(numbers) for name, numbers in pictures.items()}


def farther(one: Reach, two: Reach) -> Reach:
    """Return the farther reach of two: while a network learns it grows and never shrinks, so that colours mean nearly
    the same from one picture to the next."""
    return {name: max(one.get(name, 0.0), reach) for name, reach in two.items()}


def captions(pictures: Mapping[str, Array], reach: Reach, network: Network) -> dict[str, str]:
    """Return what each picture shows, and how far its colours reach."""
    found, made_by = {}, network.parameters()
    for name, numbers in pictures.items():
        kind, _, path = name.partition(" ")
        words = f"{len(numbers)} maps of the image"
        if kind == "filters":
            seen, across, rows, columns = numbers.shape
            made = made_by[f"{path}.weight"].shape[0]
            few = f"the first {across} of {made}" if across < made else f"{made}"
            words = f"{few} kernels {rows}×{columns}"
            if seen > 1:
                words = f"kernels {rows}×{columns}, {few} filters across, {seen} inputs down"
        found[name] = f"{path}: {words}, to ±{significant(reach[name])}"
    return found


def painted(pictures: Mapping[str, Array], reach: Reach) -> dict[str, NDArray[np.uint8]]:
    """Return the pictures as bytes."""
    return {name: levels(numbers, reach[name]) for name, numbers in pictures.items()}


def levels(numbers: Array, reach: float) -> NDArray[np.uint8]:
    """Return numbers as bytes: 128 + 127·v/R, cut at ±R, and 0 for what is not a number."""
    with np.errstate(all="ignore"):
        shares = np.clip(numbers / reach if reach > 0 else np.sign(numbers), -1, 1)
    return np.asarray(np.nan_to_num(np.rint(127 * shares), nan=-128) + 128, np.uint8)


def _kernels(weight: Array) -> Array:
    """Return the first kernels of a convolution: (out, in, h, w) -> (in, out, h, w)."""
    across = max(1, (ROW + GAP) // (weight.shape[3] * NUMBER + GAP))
    return weight[:across, :INPUTS].swapaxes(0, 1)


def _maps(maps: Array) -> Array:
    """Return the first maps: (K, H, W) -> (k, h, w)."""
    step = max(1, -(-max(maps.shape[1:]) // SIDE))
    return maps[:MAPS, ::step, ::step]
