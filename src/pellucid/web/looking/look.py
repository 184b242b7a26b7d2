"""One image that the network looks at, and all that it makes of it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...definitions.arrays import Array
from ...definitions.pointwise import softmax
from ...explanations import score_gradients
from ...network import Network
from ...program import Program
from ...sums import Trace
from .sharing import to_run
from .unfolding import Unfolding

BOUNDED = ("sigmoid", "hard_sigmoid", "tanh", "clip", "relu6")
"""Kinds of steps whose results are no scores of classes, one of which is right: each tells of one thing alone."""
KEPT = 16
"""Things that are kept of a look beside its values."""
RANGE = 99.5
"""Percentile of the magnitudes that a range of colours reaches to: a few outliers do not pale all others."""


def image_id(image: NDArray[Any]) -> str:
    """Return the name of an image: the same for the same pixels."""
    return hashlib.sha256(f"{image.dtype.str} {image.shape} ".encode() + image.tobytes()).hexdigest()[:24]


@dataclass(frozen=True, eq=False)
class Look:
    """What a network, as it was after some edits, makes of an image: made when it is asked for.

    Attributes
    ----------
    network : Network
        Nobody changes it, and nobody else runs it.
    revision : int
        How often the network had been edited.
    image : array (C, H, W) or (features,)
        As the network is given it: uint8, or floats.
    values : Unfolding
        Every number on the way.
    """

    network: Network
    revision: int
    image: NDArray[Any]
    program: Program
    values: Unfolding
    _made: OrderedDict[Hashable, NDArray[Any]] = field(default_factory=OrderedDict)

    @classmethod
    def at(cls, network: Network, revision: int, image: NDArray[Any], program: Program) -> Look:
        """Look at an image; `program` is the network, lowered for prediction."""
        return cls(network, revision, image, program, Unfolding(network, program, image))

    @property
    def trace(self) -> Trace:
        """All numbers, for their sums."""
        return Trace(self.program, self.values)

    @property
    def output(self) -> Array:
        """The network's outputs, in one row."""
        return np.asarray(self.values[self.program.output]).reshape(-1)

    def probabilities(self) -> Array | None:
        """Return the probability of each class; None where the outputs are none of classes."""
        return probabilities(self.program, self.output)

    @cached_property
    def range(self) -> float:
        """How far colours reach if all layers share them."""
        shown = self.program.layers
        return colour_range(np.concatenate([np.ravel(self.values[place.output]) for place in shown]))

    def maps(self, value: int) -> Array:
        """Return what a layer makes as maps (K, h, w); a vector is one map of one row."""
        array: Array = self.values[value]
        return array if array.ndim == 3 else array.reshape(1, 1, -1)

    def contributions(self, path: str, value: int, of: int) -> NDArray[np.float64]:
        """Return what each map of a layer, by its path and its value, adds to a class's score, to first order:
        Σ i, j  A[k, i, j]·∂s/∂A[k, i, j]."""

        def made() -> NDArray[Any]:
            network = to_run(self.network, self.program)
            with np.errstate(all="ignore"):
                gradients = score_gradients(network, self.image[None], of, by=(path,))[path]
                products = self.values[value].astype(np.float64) * gradients[0]
            return np.asarray(products.reshape(len(self.maps(value)), -1).sum(axis=1))

        return self.once(("contributions", path, of), made)

    def once(self, name: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return what was made of this look under a name, or make it: the last few are kept."""
        found = self._made.get(name)
        if found is None:
            found = make()
            while len(self._made) >= KEPT:
                self._made.popitem(last=False)
            self._made[name] = found
        return found


def probabilities(program: Program, output: Array) -> Array | None:
    """Return the probability of each class, from a network's outputs in one row.

    None where they are one number, maps, each of them bounded by itself, or not all finite.
    """
    kinds = [step.kind for step in program.steps[: program.forward]]
    last = next(kind for kind in reversed(kinds) if kind not in ("flatten", "reshape"))
    vector = len(program.values[program.output].shape) == 1
    if output.size < 2 or not vector or last in BOUNDED or not np.isfinite(output).all():
        return None
    return output if last == "softmax" else softmax(output[None])[0]


def colour_range(values: Array) -> float:
    """Return R: colours go from −R to R."""
    finite = np.abs(values[np.isfinite(values)])
    return float(np.percentile(finite, RANGE)) if finite.size else 0.0


def colour_ranges(maps: Array) -> Array:
    """Return R of each map: (K, h, w) -> (K,)."""
    return np.array([colour_range(each) for each in maps])
