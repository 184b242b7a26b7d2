"""One image that the network looks at, and all that it makes of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..definitions.arrays import Array
from ..definitions.pointwise import softmax
from ..network import Network
from ..program import Program
from ..sums import Trace, trace

RANGE = 99.5
"""Percentile of the magnitudes that a range of colours reaches to: a few outliers do not pale all others."""


def image_id(image: NDArray[Any]) -> str:
    """Return the name of an image: the same for the same pixels."""
    return hashlib.sha256(f"{image.dtype.str} {image.shape} ".encode() + image.tobytes()).hexdigest()[:24]


@dataclass(frozen=True, eq=False)
class Look:
    """What a network, as it is now, makes of an image.

    Attributes
    ----------
    image : array (C, H, W) or (features,)
        As the network is given it: uint8, or floats.
    trace : Trace
        Every number on the way.
    """

    image: NDArray[Any]
    trace: Trace

    @classmethod
    def at(cls, network: Network, image: NDArray[Any]) -> Look:
        """Look at an image."""
        return cls(image, trace(network, image))

    @property
    def program(self) -> Program:
        return self.trace.program

    @property
    def output(self) -> Array:
        """The network's outputs, in one row."""
        return np.asarray(self.trace.values[self.program.output]).reshape(-1)

    def probabilities(self) -> Array | None:
        """Return the probability of each class; None of a network with one output."""
        if self.output.size < 2:
            return None
        kinds = [step.kind for step in self.program.steps[: self.program.forward]]
        last = next(kind for kind in reversed(kinds) if kind not in ("flatten", "reshape"))
        return self.output if last == "softmax" else softmax(self.output[None])[0]

    @cached_property
    def range(self) -> float:
        """How far colours reach if all layers share them."""
        shown = self.program.layers
        return colour_range(np.concatenate([np.ravel(self.trace.values[place.output]) for place in shown]))

    def maps(self, value: int) -> Array:
        """Return what a layer makes as maps (K, h, w); a vector is one map of one row."""
        array: Array = self.trace.values[value]
        return array if array.ndim == 3 else array.reshape(1, 1, -1)


def colour_range(values: Array) -> float:
    """Return R: colours go from −R to R."""
    finite = np.abs(values[np.isfinite(values)])
    return float(np.percentile(finite, RANGE)) if finite.size else 0.0


def colour_ranges(maps: Array) -> Array:
    """Return R of each map: (K, h, w) -> (K,)."""
    return np.array([colour_range(each) for each in maps])
