"""Engines: what runs a training program, one step a call.

Both have the same methods. While training goes on the weights may lie elsewhere: `pull` brings them into the network,
`push` takes over what somebody has changed there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from .. import interpreter
from ..collective import Exchanging
from ..definitions.arrays import Array
from ..errors import NonFiniteError
from ..inference import Measured, measured
from ..layers import Parameter, State
from ..native import element, load
from ..network import Network
from ..program import Program

GIVEN = {"index": np.int64, "position": np.int64, "dropout_key": np.uint32, "augment_key": np.uint32}
"""What a program may be given anew at every step, beside plain numbers."""


class Engine(Protocol):
    """What `fit` needs of an engine.

    Attributes
    ----------
    updates : int
        Steps that the optimiser has counted.
    """

    updates: int

    def step(self, numbers: Mapping[str, Any]) -> Measured:
        """Do one step and return what it measured; see `NumpyEngine.step`."""

    def averages(self) -> dict[str, Array]:
        """Return the averaged weights by path; none where the optimiser keeps none, or before the first step."""

    def slots(self) -> dict[str, Array]:
        """Return the optimiser's memory by name, as in "first_moment(conv1.weight)"."""

    def restore(self, slots: Mapping[str, Array], updates: int) -> None:
        """Take over an optimiser's memory and its number of steps, and the network's weights and states."""

    def weights(self) -> dict[str, Array]:
        """Return copies of the weights and states after the last step, by path."""

    def pull(self) -> None:
        """Bring weights and states into the network."""

    def push(self) -> None:
        """Take over the network's weights and states."""


class NumpyEngine:
    """Runs a training program with the definitions, step by step.

    Parameters
    ----------
    network : Network
        Its parameters and states take the new values after each step.
    program : Program
    resident : mapping of str to array
        The data set: what the program gathers its batches from.
    """

    def __init__(self, network: Network, program: Program, resident: Mapping[str, Any]):
        self._program, self._resident = program, resident
        self._held: dict[str, Parameter | State] = {**network.parameters(), **network.states()}
        # The optimiser's memory: the states of the program that are not the network's.
        slots = (name for name in program.named("state") if name not in self._held)
        self._slots: dict[str, Array] = {
            name: np.zeros(program.values[program.ids[name]].shape, network.dtype) for name in slots
        }
        self.updates = 0

    def step(self, numbers: Mapping[str, Any]) -> Measured:
        """Do one step and return what it measured.

        A batch whose samples all weigh 0 teaches nothing: all stays as it was, and the optimiser counts no step.

        Parameters
        ----------
        numbers : mapping of str to number or array
            What is other at each step: "index", "position", "dropout_key", "augment_key", "count" and "lr".

        Raises
        ------
        NonFiniteError
            If the loss, the sum of the samples' weights or a new weight is not finite; all weights stay as they were.
        """
        program = self._program
        held = {name: each.data for name, each in self._held.items()}
        feeds = {**held, **self._slots, **self._resident, **numbers, "step": self.updates + 1}
        with np.errstate(all="ignore"):  # what is not finite is found below, and named
            results = interpreter.run(program, feeds)
        batch = measured(program, results)
        if not batch.weight:
            return batch
        renewed = {program.values[old].name: results[new] for old, new in program.renewed.items()}
        if not batch.finite or not all(np.isfinite(array).all() for array in renewed.values()):
            raise _fault(program, feeds, batch)
        for name, array in renewed.items():
            if name in self._held:
                self._held[name].data = array
            else:
                self._slots[name] = array
        self.updates += 1
        return batch

    def averages(self) -> dict[str, Array]:
        """Return the averaged weights by path; none where the optimiser keeps no averages, or before the first step."""
        slots = {path: f"average({path})" for path in self._held} if self.updates else {}
        return {path: self._slots[slot] for path, slot in slots.items() if slot in self._slots}

    def slots(self) -> dict[str, Array]:
        """Return the optimiser's memory by name, as in "first_moment(conv1.weight)"."""
        return dict(self._slots)

    def restore(self, slots: Mapping[str, Array], updates: int) -> None:
        """Take over an optimiser's memory and its number of steps; the network's own weights are used."""
        self._slots, self.updates = dict(slots), updates

    def weights(self) -> dict[str, Array]:
        """Return copies of the weights and states after the last step, by path."""
        return {name: each.data.copy() for name, each in self._held.items()}

    def pull(self) -> None:
        """The network has the weights already."""

    def push(self) -> None:
        """The network's own weights are used."""


class CompiledEngine:
    """Runs a training program as native code: all of a step in one call, or what lies between steps in NumPy.

    Parameters
    ----------
    network, program, resident
        As for `NumpyEngine`; the program computes in float32.
    batch_size : int
        Of the largest batch.
    threads : int, optional
    ranks : Exchanging, optional
        Who shares the work on every batch. All have the same weights, before a step and after it.
    """

    def __init__(
        self, network: Network, program: Program, resident: Mapping[str, Any], batch_size: int,
        threads: int | None = None, ranks: Exchanging | None = None,
    ):  # fmt: skip
        from ..compiler.executable import Executable  # takes its time, and not everybody who imports this trains
        from ..compiler.threads import thread_count

        self._program, self._network = program, network
        self._held: dict[str, Parameter | State] = {**network.parameters(), **network.states()}
        self._resident = {name: np.ascontiguousarray(array, element(array)) for name, array in resident.items()}
        elements = {name.removesuffix(".data"): array.dtype.name for name, array in self._resident.items()}
        self._native = Executable(program, batch_size, thread_count(threads), elements, ranks)
        for name, array in self._resident.items():
            self._native.give(name, array)
        self._reads_layers = any(step.kind.startswith("custom") for step in program.steps)
        self.updates = 0
        self.push()

    def step(self, numbers: Mapping[str, Any]) -> Measured:
        """Do one step and return what it measured; see `NumpyEngine.step`."""
        program, native = self._program, self._native
        if self._reads_layers:
            self.pull()
        for name, dtype in GIVEN.items():
            if name in program.ids:
                native.give(name, np.ascontiguousarray(numbers[name], dtype))
        native.run(numbers["count"], {"count": numbers["count"], "lr": numbers["lr"], "step": self.updates + 1})
        batch = measured(program, native.ends(numbers["count"]))
        if not batch.weight:
            return batch
        if not batch.finite or not native.finite():
            raise _fault(program, self._feeds(numbers), batch)
        native.accept()
        self.updates += 1
        return batch

    def averages(self) -> dict[str, Array]:
        """Return the averaged weights by path; none where the optimiser keeps no averages, or before the first step."""
        slots = {path: f"average({path})" for path in self._held} if self.updates else {}
        return {path: self._native.read(slot) for path, slot in slots.items() if slot in self._program.ids}

    def slots(self) -> dict[str, Array]:
        """Return the optimiser's memory by name, as in "first_moment(conv1.weight)"."""
        return {name: self._native.read(name) for name in self._native.names() if name not in self._held}

    def restore(self, slots: Mapping[str, Array], updates: int) -> None:
        """Take over an optimiser's memory and its number of steps, and the network's weights and states."""
        for name, array in slots.items():
            self._native.write(name, array)
        self.updates = updates
        self.push()

    def weights(self) -> dict[str, Array]:
        """Return copies of the weights and states after the last step, by path."""
        return {name: self._native.read(name) for name in self._native.names() if name in self._held}

    def pull(self) -> None:
        """Bring weights and states into the network."""
        for name, array in self.weights().items():
            self._held[name].data = array

    def push(self) -> None:
        """Take over the network's weights and states."""
        load(self._native, self._network)

    def _feeds(self, numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the interpreter needs to do the step again."""
        held = {name: self._native.read(name) for name in self._native.names()}
        return {**held, **self._resident, **numbers, "step": self.updates + 1}


class DivergedError(NonFiniteError):
    """A step made a number that is not finite of weights and images that were: smaller steps help."""


def _fault(program: Program, feeds: Mapping[str, Any], batch: Measured) -> NonFiniteError:
    """Return the error of a step that made a number that is not finite: which one, and what to do about it."""
    kept = "the weights before this step are kept"
    if not np.isfinite(batch.weight):
        return NonFiniteError(
            f"the weights of the batch's samples sum up to more than {program.dtype} holds (total_weight); {kept}. "
            "Divide sample_weight, or the loss's class_weights, by the largest: only their ratios count"
        )
    return DivergedError(f"{_where(program, feeds)}; {kept}")


def _where(program: Program, feeds: Mapping[str, Any]) -> str:
    """Say where a step made its first number that is not finite."""
    found = interpreter.first_non_finite(program, feeds)
    if found is None:
        return "a number became infinite"
    step, value = found
    return f"{value} became NaN or infinite in {step.layer or 'the input'} ({step.kind})"
