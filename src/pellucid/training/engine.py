"""Engines: what runs a training program, one step a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import interpreter
from ..definitions.arrays import Array
from ..errors import NonFiniteError
from ..inference import Measured, measured
from ..layers import Parameter, State
from ..network import Sequential
from ..program import Program


class NumpyEngine:
    """Runs a training program with the definitions, step by step.

    Parameters
    ----------
    network : Sequential
        Its parameters and states take the new values after each step.
    program : Program
    resident : mapping of str to array
        The data set: what the program gathers its batches from.
    """

    def __init__(self, network: Sequential, program: Program, resident: Mapping[str, Any]):
        self._program, self._resident = program, resident
        self._held: dict[str, Parameter | State] = {**network.parameters(), **network.states()}
        # The optimiser's memory: the states of the program that are not the network's.
        slots = (name for name in program.named("state") if name not in self._held)
        self._slots: dict[str, Array] = {
            name: np.zeros(program.values[program.ids[name]].shape, network.dtype) for name in slots
        }
        self._updates = 0

    def step(self, numbers: Mapping[str, Any]) -> Measured:
        """Do one step and return what it measured.

        A batch whose samples all weigh 0 teaches nothing: all stays as it was, and the optimiser counts no step.

        Parameters
        ----------
        numbers : mapping of str to number or array
            What is other at each step: "index", "position", "dropout_key", "count" and "lr".

        Raises
        ------
        NonFiniteError
            If the loss or a new weight is not finite; all weights stay as they were.
        """
        program = self._program
        held = {name: each.data for name, each in self._held.items()}
        feeds = {**held, **self._slots, **self._resident, **numbers, "step": self._updates + 1}
        with np.errstate(all="ignore"):  # what is not finite is found below, and named
            results = interpreter.run(program, feeds)
        batch = measured(program, results)
        if not batch.weight:
            return batch
        renewed = {program.values[old].name: results[new] for old, new in program.renewed.items()}
        if not np.isfinite(batch.loss) or not all(np.isfinite(array).all() for array in renewed.values()):
            raise NonFiniteError(self._where(feeds))
        for name, array in renewed.items():
            if name in self._held:
                self._held[name].data = array
            else:
                self._slots[name] = array
        self._updates += 1
        return batch

    def averages(self) -> dict[str, Array]:
        """Return the averaged weights by path; none where the optimiser keeps no averages, or before the first step."""
        slots = {path: f"average({path})" for path in self._held} if self._updates else {}
        return {path: self._slots[slot] for path, slot in slots.items() if slot in self._slots}

    def _where(self, feeds: Mapping[str, Any]) -> str:
        found = interpreter.first_non_finite(self._program, feeds)
        if found is None:
            return "a number became infinite"
        step, value = found
        return f"{value} became NaN or infinite in {step.layer or 'the input'} ({step.kind})"
