"""A kernel with inputs, and what its definition makes of the same inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.compiler.jit import Handle, compiled
from pellucid.compiler.packing import for_input, pack, unpack
from pellucid.compiler.recipe import SAMPLES, Recipe
from pellucid.compiler.tiles import InstructionSet

from ..agreement import DRAWS, Outcome, moved_alike, widened
from ..guards import Memory

Array = np.ndarray[Any, Any]
LINE = 16
"""What ranges of `numbers` are multiples of."""


@dataclass(frozen=True)
class Layout:
    """How an array lies in a kernel's memory, and the way back."""

    there: Callable[[Array], Array] = np.ascontiguousarray
    back: Callable[[Array, Array], Array] = lambda memory, like: memory.reshape(like.shape)


PLAIN = Layout()
CHANNELS_LAST = Layout(
    lambda x: np.ascontiguousarray(np.moveaxis(x, 1, -1)),
    lambda memory, like: np.moveaxis(memory.reshape(np.moveaxis(like, 1, -1).shape), -1, 1),
)


def packed(lanes: int, groups: int = 1) -> Layout:
    """Return the layout of weights (F, C/G, KH, KW) or (O, I), filters along the lanes."""
    return Layout(
        lambda weight: pack(_as_filters(weight), lanes, groups),
        lambda memory, like: unpack(memory, _as_filters(like).shape, lanes, groups).reshape(like.shape),
    )


def packed_for_input(lanes: int, groups: int = 1) -> Layout:
    """Return the layout of the same weights with the input's channels along the lanes."""
    return Layout(lambda weight: pack(for_input(_as_filters(weight), groups), lanes, groups))


def _as_filters(weight: Array) -> Array:
    return weight if weight.ndim == 4 else weight[:, :, None, None]


@dataclass(frozen=True)
class Tensor:
    """An array that a kernel reads, as the definition takes it.

    `told` is False for what only the kernel is given: numbers that the definition takes in another form.
    """

    array: Array
    layout: Layout = PLAIN
    told: bool = True


@dataclass(frozen=True)
class Result:
    """An array that a kernel makes; with a `start` it is added to that.

    Attributes
    ----------
    name : str
    shape : tuple of int
        As the definition gives it.
    layout : Layout
    start : array, optional
    dtype : str
    rows : tuple of str
        What the rows hold, where these are unlike numbers: each is compared by itself.
    """

    name: str
    shape: tuple[int, ...]
    layout: Layout = PLAIN
    start: Array | None = None
    dtype: str = "float32"
    rows: tuple[str, ...] = ()

    def named(self, array: Array) -> dict[str, Array]:
        """Return the array by name, or its rows by theirs."""
        return dict(zip(self.rows, array, strict=True)) if self.rows else {self.name: array}

    def memory(self) -> Array:
        """Return what lies there before the kernel runs: NaN, or the start."""
        nothing = np.nan if np.dtype(self.dtype).kind == "f" else 77
        begin = np.full(self.shape, nothing, self.dtype) if self.start is None else self.start
        return self.layout.there(begin)


@dataclass(frozen=True)
class Case:
    """A kernel with inputs.

    Attributes
    ----------
    emitter, parameters
        See `recipe.Recipe`.
    definition : callable
        Takes the tensors that it is told of, in float64 or float32, and returns the results.
    tensors : tuple of Tensor
    results : tuple of Result
    samples : int
    """

    emitter: Callable[..., None]
    parameters: tuple[Any, ...]
    definition: Callable[..., Any]
    tensors: tuple[Tensor, ...]
    results: tuple[Result, ...]
    samples: int

    def expected(self, change: Callable[[Any], Any]) -> dict[str, Array]:
        """Return what the definition makes of changed inputs, by name."""
        told = [change(tensor.array) for tensor in self.tensors if tensor.told]
        with np.errstate(all="ignore"):
            made = self.definition(*told)
            made = made if isinstance(made, tuple) else (made,)
            found: dict[str, Array] = {}
            for result, array in zip(self.results, made, strict=True):
                found |= result.named(np.asarray(array if result.start is None else change(result.start) + array))
            return found

    def roundings(self) -> dict[str, float]:
        """Return how far off the definition in float32 is at most, by the results' names, of moved inputs too."""
        exact, runs = self.expected(widened), [self.expected(lambda value: value)]
        for draw in range(DRAWS):
            runs.append(self.expected(lambda value, draw=draw: moved_alike(draw, value)))  # type: ignore[misc]
        with np.errstate(invalid="ignore"):  # infinities are as far apart as they like
            return {
                name: max(float(np.nan_to_num(np.abs(run[name] - array)).max(initial=0)) for run in runs)
                for name, array in exact.items()
            }


def examine(case: Case, isa: InstructionSet, checked: bool, rng: np.random.Generator, memory: Memory) -> Outcome:
    """Return what a kernel comes to beside its definition, as a whole and piece by piece."""
    handle, outcome = compiled(Recipe(case.emitter, case.parameters, isa, checked)).handle(), Outcome()
    whole, parts = run(case, handle, [{}], memory), run(case, handle, pieces_of(case, handle, rng), memory)
    outcome.compare(whole, case.expected(widened), case.roundings)
    outcome.mismatches += [f"{n}: other bits in pieces" for n in whole if whole[n].tobytes() != parts[n].tobytes()]
    return outcome


def run(case: Case, handle: Handle, pieces: list[dict[str, tuple[int, int]]], memory: Memory) -> dict[str, Array]:
    """Return what a kernel makes, by name."""
    given = [memory.copy(tensor.layout.there(tensor.array)) for tensor in case.tensors]
    made = [memory.copy(result.memory()) for result in case.results]
    for array, tensor in zip([*given, *made], handle.tensors, strict=True):
        size = int(np.prod([case.samples if n == SAMPLES else n for n in tensor["shape"]]))
        fits = array.size == size or tensor["name"] == "data"  # a data set, which has as many samples as it has
        if not fits or array.dtype.name != tensor["element"]:
            raise AssertionError(f"{handle.name}: {tensor} is given {array.shape} of {array.dtype}")
    for piece in pieces:
        handle.run(handle.piece(case.samples, piece), [array.ctypes.data for array in (*given, *made)])
    found: dict[str, Array] = {}
    for result, array in zip(case.results, made, strict=True):
        found |= result.named(np.ascontiguousarray(result.layout.back(array, np.empty(result.shape, result.dtype))))
    return found


def pieces_of(case: Case, handle: Handle, rng: np.random.Generator) -> list[dict[str, tuple[int, int]]]:
    """Return the work cut along one of the kernel's ranges, at up to two places."""
    known = {name: case.samples if whole == SAMPLES else int(whole) for name, whole in handle.ranges}
    names = sorted(known)
    if not names:
        return [{}]
    name = names[int(rng.integers(len(names)))]
    unit = LINE if name == "numbers" else 1
    cuts = sorted(int(n) * unit for n in rng.integers(0, known[name] // unit + 1, 2))
    edges = [0, *cuts, known[name]]
    return [{name: piece} for piece in pairwise(edges)]
