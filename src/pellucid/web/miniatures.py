"""Small pictures of a network while it learns: the filters of its first convolutions, and their maps of one image.

A number is a byte there: 128 for zero, 1 and 255 for −R and R, 0 for what is not a number. Sums are never made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import interpreter
from ..build import lower
from ..definitions.arrays import Array
from ..layers import Conv2d
from ..network import Network
from .description import shown_values
from .look import colour_range, probabilities

LAYERS = 2
"""Convolutions that are shown."""
KERNELS = 6, 24
"""Input and output channels whose kernels are shown, at most."""
MAPS, SIDE = 24, 56
"""Maps of a layer, and rows and columns of a map, at most; of larger ones rows and columns are left out."""


@dataclass
class Miniatures:
    """Makes small pictures of a network with whatever weights it has.

    Parameters
    ----------
    network : Network
        Its weights are no matter, and it is not kept.

    Attributes
    ----------
    reach : dict of str to float
        R of each picture, so that colours mean the same from one time to the next: it grows, and never shrinks.
    """

    network: Network
    reach: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._program = lower(self.network)
        values = shown_values(self._program)
        convolutions = [path for path, layer in self.network.walk() if isinstance(layer, Conv2d) and path in values]
        self._layers = {path: values[path] for path in convolutions[:LAYERS]}

    def of(
        self, weights: Mapping[str, Array], image: NDArray[Any] | None
    ) -> tuple[dict[str, NDArray[Any]], NDArray[Any] | None]:  # fmt: skip
        """Return the pictures, and the probability of each class; of no image only the filters."""
        arrays = {f"filters {path}": self._levels(f"filters {path}", _kernels(weights[f"{path}.weight"]))
                  for path in self._layers}  # fmt: skip
        if image is None:
            return arrays, None
        program = self._program
        with np.errstate(all="ignore"):
            found = interpreter.run(
                program, {**weights, "input": image[None]}, {program.output, *self._layers.values()}
            )  # fmt: skip
        for path, value in self._layers.items():
            arrays[f"small {path}"] = self._levels(f"small {path}", _maps(found[value][0]))
        return arrays, probabilities(program, found[program.output].reshape(-1))

    def _levels(self, name: str, numbers: Array) -> NDArray[np.uint8]:
        self.reach[name] = max(self.reach.get(name, 0.0), colour_range(numbers))
        return levels(numbers, self.reach[name])


def levels(numbers: Array, reach: float) -> NDArray[np.uint8]:
    """Return numbers as bytes: 128 + 127·v/R, cut at ±R, and 0 for what is not a number."""
    with np.errstate(all="ignore"):
        shares = np.clip(numbers / reach if reach > 0 else np.sign(numbers), -1, 1)
    return np.asarray(np.nan_to_num(np.rint(127 * shares), nan=-128) + 128, np.uint8)


def _kernels(weight: Array) -> Array:
    """Return the first kernels of a convolution: (out, in, h, w) -> (in, out, h, w)."""
    seen, made = KERNELS
    return weight[:made, :seen].swapaxes(0, 1)


def _maps(maps: Array) -> Array:
    """Return the first maps: (K, H, W) -> (k, h, w)."""
    step = max(1, -(-max(maps.shape[1:]) // SIDE))
    return maps[:MAPS, ::step, ::step]
