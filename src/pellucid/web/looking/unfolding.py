"""The numbers of a network for one image, made step by step, and no further than somebody asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import interpreter
from ...inference.batches import weights
from ...network import Network
from ...program import Program


class Unfolding(Mapping[int, NDArray[Any]]):
    """Id of a value -> its numbers, as those of a `Trace`; what is asked for first is made then.

    Several threads may ask at one time: one makes the next step, and the others wait until what they want is there, so
    that the first layers of a deep network are seen while the last are still being made.

    Parameters
    ----------
    network : Network
        Nobody may change it.
    program : Program
        The network, lowered for prediction.
    image : array (C, H, W) or (features,)
    """

    def __init__(self, network: Network, program: Program, image: NDArray[Any]):
        self._program = program
        self._values = interpreter.bound(program, {**weights(network), "input": image[None]})
        self._ids = {*self._values, *(value for step in program.steps for value in step.outputs)}
        self._made = 0
        self._turn, self._working = threading.Condition(), False

    def __getitem__(self, value: int) -> NDArray[Any]:
        if value not in self._ids:
            raise KeyError(value)
        self.make(value)
        array: NDArray[Any] = self._values[value]
        return array[0] if self._program.values[value].has_samples else array  # (1, …) -> (…)

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, value: object) -> bool:
        return value in self._ids

    def is_made(self, value: int) -> bool:
        """Return whether a value is there already."""
        return value in self._values

    def make(self, value: int, going_on: Callable[[], object] = lambda: None) -> None:
        """Make all up to a value; `going_on` is called before each step, and what it raises ends this."""
        while value not in self._values:
            going_on()
            with self._turn:
                if self._working:
                    self._turn.wait()
                    continue
                if value in self._values:
                    return
                self._working = True
            self._step()

    def _step(self) -> None:
        """Make the next step."""
        results: dict[int, Any] = {}
        try:
            with np.errstate(all="ignore"):
                results = interpreter.results_of(self._program.steps[self._made], self._values)
        finally:
            with self._turn:
                self._values.update(results)
                self._made += bool(results)
                self._working = False
                self._turn.notify_all()
