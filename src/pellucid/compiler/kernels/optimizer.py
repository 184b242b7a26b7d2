"""One update of many parameters, for each optimiser; clipping and averaging. The formulas are those of
`definitions.optimizer`.

Axis: i numbers of parameters in whatever order, as many as the kernel is told to have samples. The range "numbers"
counts whole lines of the cache. Old and new weights are different arrays, so that an update can be forgotten: the flag,
0 beforehand, becomes NaN where a new number is not finite.

The numbers that hold for a whole parameter are put together by the functions beside the kernels, in float64, and
rounded once.
"""

from __future__ import annotations

import math

import numpy as np

from ..builder import Kernel
from ..cuts import full_runs
from ..tensors import Registers
from ..values import Integer, Vector
from .numbers import LINE, lines

BLOCK = 4096
"""Squares of gradients that are added up in one go: chains as long as a gradient would lose digits."""


def sgd_numbers(lr: float, *, lr_scale: float) -> tuple[float, ...]:
    """Return (lr · lr_scale,)."""
    return (lr * lr_scale,)


def sgd(k: Kernel, weight_decay: float) -> None:
    """``after = w − rate · (g + weight_decay · w)``"""
    update = _Update(k, slots=(), numbers=("rate",))
    for i in lines(k, update.numbers):
        weight, grad = update.load(i)
        update.store(i, weight - update.scalar("rate") * update.decayed(grad, weight, weight_decay))
    update.finish()


def sgd_momentum(k: Kernel, momentum: float, nesterov: bool, weight_decay: float) -> None:
    """``v = momentum · v + g;  after = w − rate · v``, or ``− rate · (g + momentum · v)`` with Nesterov's look ahead"""
    update = _Update(k, slots=("velocity",), numbers=("rate",))
    for i in lines(k, update.numbers):
        weight, grad, velocity = update.load(i)
        grad = update.decayed(grad, weight, weight_decay)
        velocity = update.constant(momentum) * velocity + grad
        direction = grad + update.constant(momentum) * velocity if nesterov else velocity
        update.store(i, weight - update.scalar("rate") * direction, velocity)
    update.finish()


def adam_numbers(
    lr: float, step: float, *, beta1: float, beta2: float, lr_scale: float, decay: float
) -> tuple[float, ...]:
    """Return (lr · lr_scale / (1 − β₁ᵗ), 1 / √(1 − β₂ᵗ), lr · lr_scale · decay), t the number of the step."""
    rate = lr * lr_scale
    return rate / (1 - beta1 ** int(step)), 1 / math.sqrt(1 - beta2 ** int(step)), rate * decay


def adam(k: Kernel, beta1: float, beta2: float, eps: float, weight_decay: float, decoupled: bool = False) -> None:
    """``m = β₁·m + (1−β₁)·g;  v = β₂·v + (1−β₂)·g²;  after = w − rate · m / (√v · correction + eps)``

    `decoupled` is AdamW: ``w = w − decay · w`` comes first, and the decay is no part of g. A factor 1 − decay would
    have few of decay's digits.
    """
    update = _Update(k, slots=("first_moment", "second_moment"), numbers=("rate", "correction", "decay"))
    for i in lines(k, update.numbers):
        weight, grad, first, second = update.load(i)
        grad = update.decayed(grad, weight, 0.0 if decoupled else weight_decay)
        first = update.constant(beta1) * first + update.constant(1 - beta1) * grad
        second = update.constant(beta2) * second + update.constant(1 - beta2) * grad * grad
        deviation = second.sqrt() * update.scalar("correction") + update.constant(eps)
        if decoupled:
            weight = weight - update.scalar("decay") * weight
        update.store(i, weight - update.scalar("rate") * (first / deviation), first, second)
    update.finish()


class _Update:
    """The tensors of an update: weight, gradient and slots, the numbers of the step, and what they become."""

    def __init__(self, k: Kernel, slots: tuple[str, ...], numbers: tuple[str, ...]):
        self.k, self.lanes = k, k.isa.lanes
        self.numbers = k.piece("numbers", k.samples)
        self._before = [k.tensor(name, k.samples) for name in ("weight", "grad", *slots)]
        scalars = k.tensor("scalars", len(numbers))
        self._scalars = {name: scalars.splat(at, lanes=self.lanes) for at, name in enumerate(numbers)}
        self._after = [k.tensor(f"new_{name}", k.samples) for name in ("weight", *slots)]
        self._flag = k.tensor("flag", 1)
        self._seen = k.registers(["sum"], 1, self.lanes)
        self._seen["sum", 0] = k.zeros(self.lanes)

    def scalar(self, name: str) -> Vector:
        """Return a number of the step."""
        return self._scalars[name]

    def constant(self, number: float) -> Vector:
        """Return a number that never changes."""
        return self.k.constant(number, self.lanes)

    def decayed(self, grad: Vector, weight: Vector, weight_decay: float) -> Vector:
        """``g + weight_decay · w``, also without decay: so a NaN goes where the definition's goes."""
        return grad + self.constant(weight_decay) * weight

    def load(self, i: Integer) -> list[Vector]:
        """Return weight, gradient and slots."""
        return [tensor.load(i, lanes=self.lanes) for tensor in self._before]

    def store(self, i: Integer, *after: Vector) -> None:
        """Write the new weight and the new slots; ``0 · w`` is 0 for as long as w is finite, and NaN else."""
        for tensor, vector in zip(self._after, after, strict=True):
            tensor.store(vector, i)
            self._seen["sum", 0] += vector * self.constant(0.0)

    def finish(self) -> None:
        """Let the flag become NaN where anything new was not finite: 0 leaves it as it is."""
        flag = self._flag.load(0, lanes=1)
        for lane in range(self.lanes):
            flag = flag + self._seen["sum", 0].lane(lane)
        self._flag.store(flag, 0)


def average_numbers(step: float, *, decay: float) -> tuple[float, ...]:
    """Return (d, 1 − d) with ``d = min(decay, (step − 1) / (step + 8))``.

    d is rounded first. Were both rounded by themselves, their sum would not be 1, and where d is almost 1 the average
    of a weight that stands still would drift.
    """
    d = float(np.float32(min(decay, int(step - 1) / int(step + 8))))
    return d, 1 - d


def average_weight(k: Kernel) -> None:
    """``after = d · average + (1 − d) · weight``"""
    numbers, lanes = k.piece("numbers", k.samples), k.isa.lanes
    average, weight = k.tensor("average", k.samples), k.tensor("weight", k.samples)
    scalars, after = k.tensor("scalars", 2), k.tensor("new_average", k.samples)
    kept, taken = (scalars.splat(at, lanes=lanes) for at in range(2))
    for i in lines(k, numbers):
        after.store(kept * average.load(i, lanes=lanes) + taken * weight.load(i, lanes=lanes), i)


def scale_gradient(k: Kernel) -> None:
    """``scaled = factor · g``"""
    numbers, lanes = k.piece("numbers", k.samples), k.isa.lanes
    grad, factor, scaled = k.tensor("grad", k.samples), k.tensor("factor", 1), k.tensor("scaled", k.samples)
    times = factor.splat(0, lanes=lanes)
    for i in lines(k, numbers):
        scaled.store(grad.load(i, lanes=lanes) * times, i)


def add_squares(k: Kernel, groups: int, vectors: int, terms: int, lanes: int) -> None:
    """``total[0] += Σ g, v, t, l  grad[g, v, t, l]²``, in 16 chains that a tree adds up

    A parameter lies as groups of `vectors`, each of so many `terms` of `lanes`; neighbouring vectors hold neighbouring
    filters. However wide they are, filter f belongs to chain ``f mod 16`` and is added to it after filter f − 16, so
    that the width of the machine's vectors does not show in the sum. A chain is a sum of sums over blocks.
    """
    grad, total = k.tensor("grad", groups, vectors, terms, lanes), k.tensor("total", 1)
    width = min(lanes, k.isa.lanes)
    sums = _chains(k, width)
    with k.range(0, groups) as group:
        for run in full_runs(vectors, LINE // lanes):
            with k.range(0, run.count) as number, k.range(0, terms, BLOCK // LINE) as start:
                first, stop = number * run.size + run.start, k.minimum(start + BLOCK // LINE, terms)
                of_block = _chains(k, width)
                with k.range(start, stop, nonempty=True) as t:
                    for chain, at in enumerate(range(0, run.size * lanes, width)):
                        g = grad.load(group, first + at // lanes, t, at % lanes, lanes=width)
                        of_block["square", chain] += g * g
                for chain in range(run.size * lanes // width):
                    sums["square", chain] += of_block["square", chain]
    parts = [sums["square", chain].lane(lane) for chain in range(sums.columns) for lane in range(width)]
    while len(parts) > 1:
        parts = [a + b for a, b in zip(parts[::2], parts[1::2], strict=True)]
    total.store(total.load(0, lanes=1) + parts[0], 0)


def _chains(k: Kernel, width: int) -> Registers:
    """Return 16 sums that are 0, `width` of them in a vector."""
    chains = k.registers(["square"], LINE // width, width)
    for v in range(chains.columns):
        chains["square", v] = k.zeros(width)
    return chains


def clip_factor(k: Kernel, max_norm: float) -> None:
    """``factor = min(1, max_norm / (√squares + 10⁻⁶))``; NaN where the sum of squares is"""
    squares, factor = k.tensor("squares", 1), k.tensor("factor", 1)
    norm = squares.load(0, lanes=1).sqrt() + k.constant(1e-6, 1)
    factor.store(k.constant(1.0, 1).minimum(k.constant(max_norm, 1) / norm), 0)
