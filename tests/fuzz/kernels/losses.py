"""Losses, their gradients, and what is counted beside them. Each function is named after the kernels that it draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.compiler.kernels import loss as kernels
from pellucid.definitions import loss as definitions

from .case import Case, Result, Tensor
from .draws import Draws


class Samples:
    """Random outputs, targets and weights."""

    def __init__(self, draws: Draws):
        self.samples, self.classes = draws.samples(), draws.one((2, 3, 5, 8, 10, 16, 17, 33, 100))
        self.outputs = Tensor(draws.one((1, 10)) * draws.numbers(self.samples, self.classes))
        shares = draws.rng.dirichlet(np.full(self.classes, 0.5), self.samples).astype(np.float32)
        numbers = draws.rng.integers(0, self.classes, self.samples)
        self.element = draws.one(("int64", "float32"))
        self.target = Tensor(numbers if self.element == "int64" else shares)
        self.total = Tensor(np.array([draws.one((0.7, 3.0, 40.0))], np.float32))
        self.weights = [Tensor(draws.rng.uniform(0, 2, self.samples).astype(np.float32))] if draws.chance(0.4) else []
        weighted = draws.chance(0.4)
        self.class_weights = tuple(draws.rng.uniform(0.1, 2, self.classes).tolist()) if weighted else ()
        self.smoothing = draws.one((0.0, 0.0, 0.1, 0.3))
        self.parameters = self.classes, self.smoothing, self.class_weights, self.element, bool(self.weights)
        self.how: dict[str, Any] = {"label_smoothing": self.smoothing, "class_weights": self.class_weights}

    def one_number(self, draws: Draws, name: str) -> Result:
        return Result(name, (1,), start=np.abs(draws.numbers(1)))


def cross_entropy(draws: Draws) -> Case:
    given = Samples(draws)

    def definition(outputs: Any, target: Any, total: Any, *weight: Any) -> Any:
        return definitions.cross_entropy(outputs, target, total[0], *weight, **given.how)

    made = given.one_number(draws, "loss"), Result("log_probabilities", given.outputs.array.shape)
    tensors = given.outputs, given.target, given.total, *given.weights
    return Case(kernels.cross_entropy, given.parameters, definition, tensors, made, given.samples)


def cross_entropy_grad_input(draws: Draws) -> Case:
    given = Samples(draws)
    zero = np.zeros(given.samples, int)
    _, log_probabilities = definitions.cross_entropy(given.outputs.array, zero, 1.0)

    def definition(log_probabilities: Any, target: Any, total: Any, *weight: Any) -> Any:
        return definitions.cross_entropy_grad_input(log_probabilities, target, total[0], *weight, **given.how)

    made = (Result("grad_input", given.outputs.array.shape),)
    tensors = Tensor(log_probabilities), given.target, given.total, *given.weights
    return Case(kernels.cross_entropy_grad_input, given.parameters, definition, tensors, made, given.samples)


def squared_error(draws: Draws) -> Case:
    given, backward = Samples(draws), draws.chance(0.5)
    base = definitions.squared_error_grad_input if backward else definitions.squared_error

    def definition(outputs: Any, target: Any, total: Any, *weight: Any) -> Any:
        return base(outputs, target, total[0], *weight)

    shape = given.outputs.array.shape
    made = Result("grad_input", shape) if backward else given.one_number(draws, "loss")
    tensors = given.outputs, Tensor(draws.numbers(*shape)), given.total, *given.weights
    emitter = kernels.squared_error_grad_input if backward else kernels.squared_error
    return Case(emitter, (given.classes, bool(given.weights)), definition, tensors, (made,), given.samples)


def count_correct(draws: Draws) -> Case:
    given = Samples(draws)
    outputs = Tensor(np.round(draws.with_faults(given.outputs.array)))  # ties
    made, parameters = given.one_number(draws, "correct"), (given.classes, given.element)
    tensors = outputs, given.target
    return Case(kernels.count_correct, parameters, definitions.count_correct, tensors, (made,), given.samples)


def total_weight(draws: Draws) -> Case:
    weight = Tensor(draws.rng.uniform(0, 2, draws.samples()).astype(np.float32))
    made = Result("total", (1,), start=np.zeros(1, np.float32))
    return Case(kernels.total_weight, (), definitions.total_weight, (weight,), (made,), len(weight.array))


def total_class_weight(draws: Draws) -> Case:
    given = Samples(draws)
    class_weights = tuple(draws.rng.uniform(0.1, 2, given.classes).tolist())

    def definition(target: Any, *weight: Any) -> Any:
        wide = str(np.result_type(np.float32, *weight, *([target] if target.dtype.kind == "f" else [])))
        return definitions.total_class_weight(target, *weight, class_weights=class_weights, dtype=wide)

    tensors = given.target, *given.weights
    parameters = given.classes, class_weights, given.element, bool(given.weights)
    made = given.one_number(draws, "total")
    return Case(kernels.total_class_weight, parameters, definition, tensors, (made,), given.samples)


FAMILY = {
    cross_entropy: 2, cross_entropy_grad_input: 2, squared_error: 1, count_correct: 1, total_weight: 0.3,
    total_class_weight: 1,
}  # fmt: skip
"""Cases, with how often each is drawn."""
