"""A program, compiled: the weights, the memory and the code of one network at work.

Everything here is float32. Nothing knows of training or prediction: a run reads weights and whatever else is given,
leaves sums over the batch, and new weights beside the old ones, which the caller may accept or not.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..collective import Exchange, Exchanging
from ..definitions import DEFINITIONS
from ..definitions.arrays import Array
from ..errors import CompilerError
from ..program import Program
from . import memory, runtime
from .driver import compile_all
from .lowering import OUTPUTS
from .plan import Buffer, Call, DefinitionPhase, Operand, Plan, Send, Wait
from .planning import planned
from .recipe import Recipe
from .rules import RULES
from .schedule import Schedule, calls
from .sharing import shared
from .spreading import spread
from .threads import thread_count
from .tiles import instruction_set
from .update import FLAGS


class Executable:
    """A program compiled for this machine, for batches of up to `samples`.

    Parameters
    ----------
    program : Program
        In float32.
    samples : int
        Of the largest batch.
    threads : int
    elements : mapping of str to str
        NumPy's names of the types in which "input" and "target" come; float32 where not given.
    ranks : Exchanging, optional
        Who shares the work on every batch; all of them make the same calls. The program has a loss: outputs stay where
        they are made.

    Attributes
    ----------
    samples : int
    plan : Plan
    busy : Lock
        For callers that share it.
    """

    def __init__(
        self, program: Program, samples: int, threads: int, elements: Mapping[str, str],
        ranks: Exchanging | None = None,
    ):  # fmt: skip
        if program.dtype != "float32":
            raise CompilerError(
                f'compiled networks compute in float32, this one in {program.dtype}; use engine="numpy"'
            )
        self.program, self.samples, self.threads, self._ranks = program, samples, threads, ranks
        self.plan = planned(program, instruction_set(), RULES, elements)
        if ranks is not None:
            self.plan = shared(self.plan, samples)
        self.code = compile_all(recipes(self.plan), thread_count())
        for_one = spread(self.plan, threads)
        rank, size = (0, 1) if ranks is None else (ranks.rank, ranks.size)
        self._schedule = Schedule(self.plan, self.code, samples, threads, for_one is not None, rank, size)
        self._under_way: dict[Buffer, Exchange] = {}
        self._schedules = [self._schedule, *([Schedule(for_one, self.code, 1, threads)] if for_one else [])]
        self._weights = [_floats(self.plan.placement.size) for _ in range(2 if program.renewed else 1)]
        self._scalars = _floats(self.plan.scalar_count)
        self._numbers = (ctypes.c_float * len(self._scalars)).from_buffer(self._scalars.data)
        self._flags = _floats(self.plan.chunks)
        self._checked = [code for code in self.code.values() if code.recipe.checked]
        self._ends = self._find_ends()
        self._states = self._find_states()
        self._held_for_one: object = None  # what `single` has given, as long as nobody has given anything else
        self._held: dict[str, Any] = {}  # what was given: it must live for as long as its address is used
        self.busy = threading.Lock()
        for name, array in (("scalars", self._scalars), (FLAGS, self._flags)):
            self._give(name, array)
        self._point_at_weights()

    # ---- weights
    def names(self) -> list[str]:
        """Return the names of the parameters and states that a run reads."""
        return [self.program.values[v].name for v in self.plan.placement.starts]

    def write(self, name: str, values: Array) -> None:
        """Take over a parameter or a state, in its canonical order."""
        layout, place = self._place(name, self._weights[0])
        layout.write(np.asarray(values, np.float32), place)
        for others in self._weights[1:]:
            self._place(name, others)[1][...] = place

    def read(self, name: str) -> Array:
        """Return a parameter or a state."""
        layout, place = self._place(name, self._weights[0])
        return np.asarray(layout.read(place))

    def accept(self) -> None:
        """Let the new weights of the last run be the weights."""
        self._weights.reverse()
        self._point_at_weights()

    def finite(self) -> bool:
        """Return whether all new weights and states of the last run are finite."""
        return bool((self._flags == 0).all() and np.isfinite(self._weights[-1][self._states]).all())

    def _place(self, name: str, weights: Array) -> tuple[Any, Array]:
        value = self.program.ids[name]
        layout, start = self.plan.placement.layouts[value], self.plan.placement.starts[value]
        return layout, weights[start : start + layout.size]

    def _point_at_weights(self) -> None:
        self._give("weights", self._weights[0])
        self._give("new weights", self._weights[-1])

    # ---- running
    def give(self, name: str, array: NDArray[Any]) -> None:
        """Give an array by the name of its value; for a data set, how many samples it has is told too."""
        self._held[name] = array
        self._give(name, array)
        if name.endswith(".data"):
            self._held[f"{name}.count"] = count = np.array([len(array)], np.int64)
            self._give(f"{name}.count", count)

    def _give(self, name: str, array: NDArray[Any]) -> None:
        for schedule in self._schedules:
            schedule.give(name, array)

    def run(self, samples: int, numbers: Mapping[str, float] | None = None) -> None:
        """Run the program on a batch, of what was given."""
        schedule = self._schedules[-1] if samples == 1 else self._schedule
        if samples != schedule.batch:
            schedule.set_batch(samples)
        for scalar in self.plan.scalars:
            found = scalar.formula(*(float((numbers or {})[name]) for name in scalar.takes), **dict(scalar.keywords))
            self._numbers[scalar.offset : scalar.offset + len(found)] = list(found)  # too large becomes infinite
        self._flags[:] = 0
        for segment in schedule.segments:
            match segment:
                case range():
                    runtime.run(schedule, segment, self.threads)
                case Send():
                    self._send(schedule, segment)
                case Wait():
                    for buffer in segment.buffers:
                        self._under_way.pop(buffer).wait()
                case DefinitionPhase():
                    self._define(schedule, segment, samples)
        for code in self._checked:
            code.handle().report()

    def predict(self, images: NDArray[Any], outputs: Array) -> None:
        """Write the network's outputs for contiguous images of the type that this was compiled for."""
        name = self.program.values[self.program.input].name
        self._give(name, images)
        self._give(OUTPUTS, outputs)
        self._held_for_one = None
        self.run(len(images))

    def single(self) -> Callable[[NDArray[Any]], Array]:
        """Return a function that predicts one image, with as little as can be around the native call.

        It takes a float32 image of the right shape, and checks nothing. The image and the outputs are copied: that
        takes less time than to ask an array where it lies.
        """
        program = self.program
        image = np.zeros((1, *program.values[program.input].shape), np.float32)
        outputs = np.zeros((1, *program.values[program.output].shape), np.float32)
        self.predict(image, outputs)
        schedule, segment = self._schedule, self._schedule.segments[0]
        if len(self._schedules) > 1 or len(schedule.segments) > 1 or not isinstance(segment, range) or self._checked:

            def slowly(x: NDArray[Any]) -> Array:
                image[...] = x
                self.predict(image, outputs)
                return outputs.copy()

            return slowly
        run = runtime.functions().alone
        phases, count, bases = schedule.phases(segment), len(segment), schedule.bases.ctypes.data
        places = {program.values[program.input].name: image, OUTPUTS: outputs}

        def quickly(x: NDArray[Any]) -> Array:
            if schedule.batch != 1 or self._held_for_one is not places:
                schedule.set_batch(1)
                for name, array in places.items():
                    schedule.give(name, array)
                self._held_for_one = places
            image[...] = x
            run(phases, count, bases)
            return outputs.copy()

        return quickly

    def alone(self, call: Call) -> Callable[[], None]:
        """Return what runs one call of the plan by itself, as it would for the samples of the first leaf.

        What comes before it in its phase runs now: a call may read addresses that another has written.
        """
        run, bases = runtime.functions().alone, self._schedule.bases.ctypes.data
        for words in self._schedule.until(call):
            phase = words[0].ctypes.data
            run(phase, 1, bases)

        def work(held: object = words) -> None:  # the words must live for as long as their address is used
            run(phase, 1, bases)

        return work

    def ends(self, samples: int) -> dict[int, float]:
        """Return what a program with a loss measured in the last run, of so many samples: the loss, what it is a mean
        over, and how many samples were classified rightly, by their values."""
        return {value: float(samples) if place is None else float(place[0]) for value, place in self._ends.items()}

    def totals(self, value: int) -> Array:
        """Return a gradient that the last run left, in its canonical order."""
        placement = self.plan.placement
        parameter = placement.parameter_of(value)
        found = self._schedule.view(self.plan.totals[value], placement.layout(value).size)
        if parameter is None:
            return found.reshape(self.program.values[value].shape).copy()
        return np.asarray(placement.layouts[parameter].read(found))

    def _find_ends(self) -> dict[int, Array | None]:
        """Return where the loss lies and what is measured beside it; what is no sum is the number of samples."""
        program, totals = self.program, self.plan.totals
        ends = [value for value in (program.loss, program.weight, program.correct) if value is not None]
        return {value: self._schedule.view(totals[value], 1) if value in totals else None for value in ends}

    def _find_states(self) -> slice:
        """Return where among the weights those states lie, side by side, that a run renews. (The optimiser's memory is
        none of them: its update looks at it.)"""
        values, placement = self.program.values, self.plan.placement
        states = [v for v in self.program.renewed if values[v].role == "state" and placement.parameter_of(v) is None]
        starts = [placement.starts[v] for v in states]
        stops = [placement.starts[v] + placement.layouts[v].size for v in states]
        return slice(min(starts, default=0), max(stops, default=0))

    def _send(self, schedule: Schedule, segment: Send) -> None:
        """Let the other ranks have what this one has made."""
        if self._ranks is not None:
            for buffer in segment.buffers:
                self._under_way[buffer] = self._ranks.gather(*schedule.travelling(buffer))

    def _define(self, schedule: Schedule, phase: DefinitionPhase, samples: int) -> None:
        """Run a step's NumPy definition."""
        values, step, placement = self.program.values, phase.step, self.plan.placement

        def batch(operand: Operand, value: int) -> Array:
            shape = values[value].shape
            return schedule.view(operand, samples * math.prod(shape)).reshape(samples, *shape)

        def shared(value: int) -> Array | None:
            """Return a parameter; a layer of one's own reads its own."""
            return None if step.kind.startswith("custom") else self.read(values[value].name)

        arrays = iter(phase.inputs)
        inputs = [batch(next(arrays), v) if values[v].has_samples else shared(v) for v in step.inputs]
        results = DEFINITIONS[step.kind](*inputs, **step.keywords)
        for value, operand, result in zip(
            step.outputs, phase.outputs, results if isinstance(results, tuple) else (results,), strict=True
        ):
            parameter = placement.parameter_of(value)
            if values[value].has_samples:
                batch(operand, value)[...] = result
            elif parameter is not None:
                placement.layouts[parameter].write(result, schedule.view(operand, placement.layout(value).size))
            else:
                schedule.view(operand, result.size)[...] = result.reshape(-1)


def recipes(plan: Plan) -> list[Recipe]:
    """Return the kernels that a plan calls, each once."""
    return list(dict.fromkeys(call.recipe for call in calls(plan.phases)))


def _floats(size: int) -> NDArray[np.float32]:
    """Return room for so many numbers, all of them 0."""
    return memory.rooms([4 * size])[0].view(np.float32)
