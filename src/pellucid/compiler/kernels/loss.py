"""Losses, their gradients, and what is counted beside them. The formulas are those of `definitions.loss`.

Sums over the classes of a sample are made as `rows` says. Sums over samples are one chain that continues from memory.
Nothing is read where a class number points, so that one out of range is no danger: it counts as none of the classes.

Axes: n samples, c classes, i numbers of a sample in whatever order.
"""

from __future__ import annotations

import math

from ..builder import Kernel
from ..mathematics import exp, log
from ..tensors import BY_NAME, INT64, Tensor
from ..values import Integer, Vector
from .rows import Part, Row
from .sweeps import lanes_within, sweep


# ---- cross entropy
def cross_entropy(
    k: Kernel, classes: int, label_smoothing: float, class_weights: tuple[float, ...], element: str, weighted: bool
) -> None:
    """``log_probabilities[n, c] = z[n, c] − max z[n] − log Σ j exp(z[n, j] − max z[n])``,
    ``loss += weight[n] / total · −Σ c  wanted[n, c] · log_probabilities[n, c]``
    """
    images, row = k.piece("images", k.samples), Row(k, classes)
    logits = k.tensor("logits", k.samples, classes)
    target, total = _target(k, classes, element), k.tensor("total", 1)
    weight = k.tensor("sample_weight", k.samples) if weighted else None
    loss, log_probabilities = k.tensor("loss", 1), k.tensor("log_probabilities", k.samples, classes)
    wanted = _Wanted(k, row, target, label_smoothing, class_weights)
    added = _Running(k, loss)

    with k.range(*images) as n:
        largest = row.fold(lambda at: at.load(logits, n, dead=-math.inf), Vector.maximum, -math.inf)

        def exponential(at: Part) -> Vector:
            return exp(k, at.load(logits, n, dead=-math.inf) - largest)

        log_sum = log(k, row.fold(exponential, Vector.__add__, 0.0))

        def term(at: Part) -> Vector:
            log_probability = (at.load(logits, n) - largest) - log_sum
            log_probabilities.store(log_probability, n, at.first, live=at.live)
            return at.alive((wanted(n, at) * log_probability).rounded(), 0.0)

        added.add(_weighed(-row.fold(term, Vector.__add__, 0.0), n, weight, total))
    added.store()


def cross_entropy_grad_input(
    k: Kernel, classes: int, label_smoothing: float, class_weights: tuple[float, ...], element: str, weighted: bool
) -> None:
    """``grad_input[n, c] = weight[n] / total · (exp log_probabilities[n, c] · Σ j wanted[n, j] − wanted[n, c])``"""
    images, row = k.piece("images", k.samples), Row(k, classes)
    log_probabilities = k.tensor("log_probabilities", k.samples, classes)
    target, total = _target(k, classes, element), k.tensor("total", 1)
    weight = k.tensor("sample_weight", k.samples) if weighted else None
    grad_input = k.tensor("grad_input", k.samples, classes)
    wanted = _Wanted(k, row, target, label_smoothing, class_weights)

    with k.range(*images) as n:
        whole = wanted.sum(n)
        for at in row.parts():
            grad = exp(k, at.load(log_probabilities, n)) * whole - wanted(n, at)
            grad_input.store(_weighed(grad, n, weight, total), n, at.first, live=at.live)


class _Wanted:
    """``wanted[n, c] = class_weight[c] · t[n, c]``, t the target as a distribution, blended by label smoothing."""

    def __init__(self, k: Kernel, row: Row, target: Tensor, smoothing: float, class_weights: tuple[float, ...]):
        self.k, self.row, self.target = k, row, target
        self.kept, self.shared = 1 - smoothing, smoothing / row.size
        self.class_weights = k.table("class_weights", class_weights) if class_weights else None

    def __call__(self, n: Integer, at: Part) -> Vector:
        """Return what is wanted of some of the classes."""
        kept, shared = (self.k.constant(number, at.lanes) for number in (self.kept, self.shared))
        if self.target.element is INT64:
            number = class_number(self.target, n, self.row.size)
            wanted = at.is_number(number).choose(self.k.constant(self.kept + self.shared, at.lanes), shared)
        else:
            wanted = at.load(self.target, n)
            wanted = kept * wanted + shared if self.shared else wanted
        return wanted if self.class_weights is None else (wanted * at.load(self.class_weights)).rounded()

    def sum(self, n: Integer) -> Vector:
        """Return the sum over the classes: 1 where nothing but a class number says what is wanted."""
        if self.target.element is INT64 and self.class_weights is None:
            return self.k.constant(1.0, self.row.lanes)
        return self.row.fold(lambda at: at.alive(self(n, at), 0.0), Vector.__add__, 0.0)


# ---- squared error
def squared_error(k: Kernel, size: int, weighted: bool) -> None:
    """``loss += weight[n] / total · Σ i (y[n, i] − t[n, i])² / I``"""
    images, row = k.piece("images", k.samples), Row(k, size)
    outputs, target = k.tensor("outputs", k.samples, size), k.tensor("target", k.samples, size)
    total = k.tensor("total", 1)
    weight = k.tensor("sample_weight", k.samples) if weighted else None
    added = _Running(k, k.tensor("loss", 1))

    def square(at: Part) -> Vector:
        difference = at.load(outputs, n) - at.load(target, n)
        return difference * difference

    with k.range(*images) as n:
        mean = row.fold(square, Vector.__add__, 0.0) / k.constant(size, row.lanes)
        added.add(_weighed(mean, n, weight, total))
    added.store()


def squared_error_grad_input(k: Kernel, size: int, weighted: bool) -> None:
    """``grad_input[n, i] = weight[n] / total · 2 / I · (y[n, i] − t[n, i])``"""
    images, lanes = k.piece("images", k.samples), lanes_within(size, k.isa.lanes)
    outputs, target = k.tensor("outputs", k.samples, size), k.tensor("target", k.samples, size)
    total = k.tensor("total", 1)
    weight = k.tensor("sample_weight", k.samples) if weighted else None
    grad_input = k.tensor("grad_input", k.samples, size)
    with k.range(*images) as n:
        for i in sweep(k, size, lanes):
            difference = outputs.load(n, i, lanes=lanes) - target.load(n, i, lanes=lanes)
            grad = difference * k.constant(2 / size, lanes)
            grad_input.store(_weighed(grad, n, weight, total), n, i)


# ---- what is counted
def count_correct(k: Kernel, classes: int, element: str) -> None:
    """``correct += 1`` where the first largest of outputs[n] is at the target class, and none of them is NaN"""
    images, row = k.piece("images", k.samples), Row(k, classes)
    outputs, target = k.tensor("outputs", k.samples, classes), _target(k, classes, element)
    added = _Running(k, k.tensor("correct", 1))
    one, zero = k.constant(1.0, row.lanes), k.zeros(row.lanes)
    with k.range(*images) as n:
        largest, place = _first_largest(row, outputs, n)
        if target.element is INT64:
            wanted = k.spread(class_number(target, n, classes), row.lanes).floats()
        else:
            wanted = _first_largest(row, target, n)[1]
        added.add((place.equals(wanted) & largest.equals(largest)).choose(one, zero))
    added.store()


def _first_largest(row: Row, numbers: Tensor, n: Integer) -> tuple[Vector, Vector]:
    """Return a sample's largest number, which is NaN where there is one, and at which number it comes first."""
    largest = row.fold(lambda at: at.load(numbers, n, dead=-math.inf), Vector.maximum, -math.inf)

    def place(at: Part) -> Vector:
        number, nowhere = at.load(numbers, n), row.k.constant(math.inf, at.lanes)
        return at.alive((number.equals(largest) | number.is_nan()).choose(at.numbers(), nowhere), math.inf)

    return largest, row.fold(place, Vector.minimum, math.inf)


def total_weight(k: Kernel) -> None:
    """``total += weight[n]``"""
    images, weight = k.piece("images", k.samples), k.tensor("sample_weight", k.samples)
    added = _Running(k, k.tensor("total", 1))
    with k.range(*images) as n:
        added.add(weight.splat(n, lanes=1))
    added.store()


def total_class_weight(k: Kernel, classes: int, class_weights: tuple[float, ...], element: str, weighted: bool) -> None:
    """``total += weight[n] · Σ c  class_weight[c] · t[n, c]``"""
    images, row = k.piece("images", k.samples), Row(k, classes)
    target = _target(k, classes, element)
    weight = k.tensor("sample_weight", k.samples) if weighted else None
    added = _Running(k, k.tensor("total", 1))
    wanted = _Wanted(k, row, target, 0.0, class_weights)
    with k.range(*images) as n:
        added.add(_weighed(wanted.sum(n), n, weight))
    added.store()


# ---- sums over samples, and what they are of
class _Running:
    """A sum over samples that continues from memory."""

    def __init__(self, k: Kernel, place: Tensor):
        self.place, self.sum = place, k.registers(["sum"], 1, 1)
        self.sum["sum", 0] = place.load(0, lanes=1)

    def add(self, number: Vector) -> None:
        """Add the first lane."""
        self.sum["sum", 0] += number.lane(0)

    def store(self) -> None:
        """Write the sum back."""
        self.place.store(self.sum["sum", 0], 0)


def _target(k: Kernel, classes: int, element: str) -> Tensor:
    """Declare the target: class numbers, or a distribution for each sample."""
    shape = (k.samples,) if element == INT64.name else (k.samples, classes)
    return k.tensor("target", *shape, element=BY_NAME[element])


def class_number(target: Tensor, n: Integer, classes: int) -> Integer:
    """Return the class number of a sample; of one that is no class −1 or `classes`, which have room in 32 bits."""
    k = target.kernel
    return k.minimum(k.maximum(target.integer(n), -1), classes)


def _weighed(number: Vector, n: Integer, weight: Tensor | None, total: Tensor | None = None) -> Vector:
    """``number · weight[n] / total``"""
    if weight is not None:
        number = (number * weight.splat(n, lanes=number.lanes)).rounded()
    return number if total is None else number / total.splat(0, lanes=number.lanes)
