"""What the compiler made of a network: every call of a kernel with its tile, its work and its speed, its code.

The speeds are measured, each call by itself, on the numbers that a thread has at hand at a time: those of one leaf, or
of the whole batch where a sum is made after the leaves.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from ..program import Program
from ..steps import Step
from .executable import Executable
from .jit import compiled
from .kernels.conv_routed import conv2d_grad_weight_routed, routed_multiply_adds
from .kernels.convolution import Convolution
from .kernels.learned import bias
from .kernels.peak import peak, peak_chains, peak_multiply_adds
from .kernels.shuffle import pad
from .plan import Buffer, Call, Count, JobPhase, LeafPhase, Scope
from .recipe import Recipe
from .tiles import ForwardTile, InstructionSet, WeightTile, instruction_set

ROUNDS = 30
PEAK_TURNS = 50_000


@dataclass(frozen=True)
class Explanation:
    """One call of a kernel.

    Attributes
    ----------
    phase : int
        Between which barriers it runs, counted from 0.
    layers : str
        Whose steps it does.
    kernel : str
    does : str
        The kernel, and the kinds of further steps that it does on the way, such as "conv2d + relu".
    tile : str
        The register tile and whatever else the kernel was made with.
    samples : int
        How many samples the numbers below are about; 0 where samples are no matter.
    flops : int or None
        Floating-point operations that it really does, a multiply-add being two; None where nobody counts them.
    bytes : int
        What it reads and writes.
    seconds : float
        The shortest of several runs.
    recipe : Recipe
    """

    phase: int
    layers: str
    kernel: str
    does: str
    tile: str
    samples: int
    flops: int | None
    bytes: int
    seconds: float
    recipe: Recipe

    @property
    def gflops(self) -> float | None:
        """Thousand million floating-point operations a second."""
        return None if self.flops is None else self.flops / self.seconds / 1e9


def explain(executable: Executable) -> list[Explanation]:
    """Return every call of a compiled program, in the order in which they run; equal calls of a phase once."""
    found = []
    for number, phase in enumerate(executable.plan.phases):
        if isinstance(phase, LeafPhase):
            for call in phase.calls:
                at_hand = min(executable.program.leaf_size, executable.samples)
                found.append(_explained(executable, number, call, at_hand))
        elif isinstance(phase, JobPhase):
            seen: set[tuple[Recipe, tuple[Step, ...]]] = set()
            for call in (call for job in phase.jobs for call in job):
                if (call.recipe, call.steps) not in seen:
                    seen.add((call.recipe, call.steps))
                    whole = executable.samples if call.count is Count.BATCH else 0
                    found.append(_explained(executable, number, call, whole))
    return found


def measured_peak(isa: InstructionSet | None = None) -> float:
    """Return the most floating-point operations a second that one thread reaches here."""
    isa = isa or instruction_set()
    chains = peak_chains(isa)
    kernel = compiled(Recipe(peak, (PEAK_TURNS, isa.lanes, chains), isa))
    numbers, sums = np.ones(2 * isa.lanes, np.float32), np.zeros(chains * isa.lanes, np.float32)
    best = _best(lambda: kernel(numbers, sums, samples=0))
    return 2 * peak_multiply_adds(isa, PEAK_TURNS) / best


def _explained(executable: Executable, phase: int, call: Call, samples: int) -> Explanation:
    layers = dict.fromkeys(step.layer or "input" for step in call.steps)
    riders = [step.kind for step in call.steps[1:] if step.kind.replace(".", "_") != call.recipe.name]
    does = " + ".join([call.recipe.name, *riders])
    return Explanation(
        phase, ", ".join(layers), call.recipe.name, does, _described(call.recipe.parameters), samples,
        2 * samples * _multiply_adds(executable.program, call) or None, _bytes(call, samples),
        _best(executable.alone(call)), call.recipe,
    )  # fmt: skip


def _best(work: Any) -> float:
    """Return the shortest of several runs, in seconds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best


def _described(parameters: Sequence[object]) -> str:
    """Return a kernel's tile in words."""
    for tile in parameters:
        if isinstance(tile, ForwardTile):
            rows = f"{tile.rows} rows of pixels" if tile.chunk else f"{tile.rows}"
            return f"{tile.lanes} lanes × {tile.vectors} × {rows}"
        if isinstance(tile, WeightTile):
            weights = tile.taps or tile.filter_rows * tile.filter_columns * tile.channels
            return f"{tile.lanes} lanes × {tile.vectors} × {weights}"
        if is_dataclass(tile) and type(tile).__name__.endswith("Tile"):
            return " × ".join(f"{getattr(tile, field.name)} {field.name}" for field in fields(tile))
    return ""


def _multiply_adds(program: Program, call: Call) -> int:
    """Return the multiply-adds of a call's sums of products, for one sample."""
    if call.recipe.emitter in (pad, bias):  # on its way to a product, or from one
        return 0
    match call.recipe.parameters:
        case Convolution() as conv, int(outputs) if call.recipe.emitter is conv2d_grad_weight_routed:
            return routed_multiply_adds(conv, outputs)
    return sum(_products(program, step) for step in call.steps)


def _products(program: Program, step: Step) -> int:
    kind, _, _ = step.kind.partition(".")
    if kind not in ("conv2d", "conv_transpose2d", "linear") or step.kind.endswith("grad_bias"):
        return 0
    shapes = [program.values[v].shape for v in (*step.inputs, *step.outputs)]
    weight = next(shape for shape in shapes if len(shape) == (2 if kind == "linear" else 4))
    if kind == "linear":
        return math.prod(weight)
    ends = step.inputs[0], step.outputs[0]
    if kind == "conv_transpose2d":  # the window slides over its output
        ends = step.inputs[-1] if step.kind.endswith("grad_weight") else ends[1], ends[0]
    image = program.values[ends[step.kind.endswith("grad_input")]].shape
    taps = [sum(len(reads) for reads in step.keywords["window"].taps(axis, image[1 + axis])) for axis in range(2)]
    return taps[0] * taps[1] * weight[0] * weight[1]


def _bytes(call: Call, samples: int) -> int:
    """Return what the tensors of a call hold, where their buffers say it: those of samples for all of these."""
    buffers: dict[Buffer, None] = dict.fromkeys(operand.buffer for operand in call.operands)
    once = (Scope.WHOLE, Scope.LEAF)
    return sum(buffer.size * (1 if buffer.scope in once else max(1, samples)) for buffer in buffers)
