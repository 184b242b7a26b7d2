"""Trace: a network's way from one image to its outputs, every number of it kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import interpreter
from ..arguments import as_array, nearest, shown
from ..build import lower
from ..data import Dataset
from ..errors import ArgumentError, ShapeError
from ..geometry import whole_number
from ..inference.batches import accepted, weights
from ..network import Network
from ..program import LayerPlace, Program
from ..steps import Shape, Step
from .cell import Cell
from .kinds import SUMS
from .made import Made, Terms
from .sum import Sum
from .walk import WalkStep, step_back

Index: TypeAlias = Sequence[int] | NDArray[np.integer[Any]] | int
"""Where a number stands, without the axis of samples."""


def trace(network: Network, image: ArrayLike) -> Trace:
    """Run a network on one image, by the definitions, and keep every number.

    The network is taken as in prediction: no dropout, running statistics.

    Parameters
    ----------
    network : Network
    image : array (C, H, W), (H, W) or (features,)
        One image, as `predict` takes several; one in a batch, (1, …), will do.

    Returns
    -------
    Trace
        Its numbers are copies: what the network learns later does not change them.

    Raises
    ------
    ShapeError, DataError, ArgumentError
        If that is not one image, or none that the network takes.

    Examples
    --------
    >>> import numpy as np
    >>> import pellucid as p
    >>> network = p.Sequential([p.Linear(3, 2)], input_shape=(3,))
    >>> network["linear1"].weight.data = [[1, 2, 3], [4, 5, 6]]
    >>> found = trace(network, [1.0, 0.0, 2.0]).sum("linear1", 1)
    >>> found.stored, found.terms.amounts.tolist()
    (16.0, [4.0, 0.0, 12.0])
    """
    program = lower(network)
    images = _one(network, image)
    held = {name: array.copy() for name, array in weights(network).items()}
    wanted = {program.input, program.output, *(v for step in program.steps for v in (*step.inputs, *step.outputs))}
    with np.errstate(all="ignore"):
        found = interpreter.run(program, {**held, "input": images}, wanted)
    # (1, …) -> (…)
    values = {v: array[0] if program.values[v].has_samples else array for v, array in found.items()}
    return Trace(program, values)


def _one(network: Network, image: ArrayLike) -> NDArray[Any]:
    """Return a copy of one image in a batch of its own, or refuse what is none."""
    array = image if isinstance(image, Dataset) else as_array(image, "image")
    shape = network.input_shape or ()
    if np.shape(array) == shape or (1, *np.shape(array)) == shape:
        array = np.asarray(array)[None]
    images = accepted(network, array)
    if len(images) != 1:
        raise ShapeError(f"image: expected one of shape {shape}, received {len(images)} images; write images[0]")
    return images.copy()


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """A network's way from one image to its outputs.

    Attributes
    ----------
    program : Program
        The network, lowered for prediction.
    values : mapping of int to array
        Id of a value -> its numbers, of the shape of ``program.values[id]``: the image as given, what each step made,
        and the parameters and states that the steps read.
    """

    program: Program
    values: Mapping[int, NDArray[Any]]

    @property
    def layers(self) -> tuple[LayerPlace, ...]:
        """Where each layer stands: its path, its class, and the values that it reads and makes."""
        return self.program.layers

    @cached_property
    def _makers(self) -> dict[int, Step]:
        return {value: step for step in self.program.steps for value in step.outputs}

    def value(self, layer: str | int) -> int:
        """Return the id of the output of a layer, by its path; "input" is what the first layer sees: the image scaled.

        The id of a value that a step makes, or of the image as given, stands for itself.

        Raises
        ------
        ArgumentError
            If there is no such layer or value.
        """
        if isinstance(layer, str):
            places = {"input": self._entry, **{place.path: place.output for place in self.layers}}
            if layer not in places:
                hint = nearest(layer, places) or f". There are {', '.join(places)}"
                raise ArgumentError(f"layer: no layer {shown(layer)}{hint}")
            return places[layer]
        value = whole_number(layer, "layer", minimum=0)
        if value not in self._makers and value != self.program.input:
            raise ArgumentError(
                f"layer: no step makes a value with the id {value}; name a layer, or take an id of terms"
            )
        return value

    @property
    def _entry(self) -> int:
        """Id of what the first layer sees."""
        first = self.program.steps[0]
        return first.outputs[0] if first.kind == "scale" else self.program.input

    def sum(self, layer: str | int, index: Index) -> Sum:
        """Return what one number is made of.

        Parameters
        ----------
        layer : str or int
            Path of the layer whose output it stands in, or the id of a value, as in ``terms.values``.
        index : tuple of int, or int
            Where it stands there, without the axis of samples: (channel, row, column), or the feature alone.

        Raises
        ------
        ArgumentError
            If there is no such layer, value or place.
        """
        value = self.value(layer)
        at = self._place(layer, value, index)
        stored = float(self.values[value][at])
        with np.errstate(all="ignore"):
            if value not in self._makers:
                return Sum.of("input", "input", value, at, stored, _given(stored))
            step = Step("dropout", layer, (value,), (value,)) if self._is_dropout(layer) else self._makers[value]
            made = SUMS[step.kind](Cell(self.program, self.values, self._makers, step, at))
        return Sum.of(step.kind, step.layer or "input", value, at, stored, made)

    def _is_dropout(self, layer: str | int) -> TypeGuard[str]:
        """Return whether that is the path of a Dropout, which makes no step in prediction."""
        return any(place.path == layer and place.kind == "Dropout" for place in self.layers)

    def _place(self, layer: str | int, value: int, index: Index) -> Shape:
        """Return an index as a tuple, or refuse one that is outside."""
        shape = self.program.values[value].shape
        given = index if isinstance(index, Sequence) or (isinstance(index, np.ndarray) and index.ndim) else [index]
        at = tuple(whole_number(each, "index", minimum=0) for each in given)
        if len(at) != len(shape) or any(each >= size for each, size in zip(at, shape, strict=True)):
            name = layer if isinstance(layer, str) else self.program.values[value].name
            ranges = ", ".join(f"0 to {size - 1}" for size in shape)
            raise ArgumentError(f"index: {name} gives {shape}, so expected ({ranges}), received {at}")
        return at

    def walk_back(self, layer: str | int, index: Index, most: int = 30) -> list[WalkStep]:
        """Return the way from a number back to the image, at each step to the term that contributes most.

        A number that is made of one other, by an activation for instance, leads to that. The way ends at the image, or
        before it where a number has no terms (what a layer of the user's own makes, and what lies in a padding), or
        where all of several are 0, so that it is the constant alone.

        Parameters
        ----------
        layer, index
            As for `sum`.
        most : int, default 30
            Steps that choose among several terms; after so many the way is broken off.

        Raises
        ------
        ArgumentError
            As for `sum`, or if `most` is no number of at least 1.
        """
        most, value = whole_number(most, "most"), self.value(layer)
        steps = [step_back(self.sum(value, index))]
        chosen = int(steps[-1].terms > 1)
        while chosen < most and steps[-1].source is not None and steps[-1].source != self.program.input:
            steps.append(step_back(self.sum(steps[-1].source, steps[-1].source_index)))
            chosen += steps[-1].terms > 1
        return steps

    def __repr__(self) -> str:
        return f"Trace({len(self.layers)} layers, {len(self.program.steps)} steps)"


def _given(number: float) -> Made:
    """Return how a number of the image is made: it is there."""
    return Made("x, as given", number, Terms.none(), {"x": number}, ["y = x"], {}, number)
