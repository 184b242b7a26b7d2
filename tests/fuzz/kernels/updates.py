"""Optimisers, clipping, averaging, sums of leaves and repacked weights, which know no samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.compiler.kernels import optimizer as kernels
from pellucid.compiler.kernels import reduction
from pellucid.compiler.kernels.repack import repack as repack_
from pellucid.compiler.packing import for_input, pack, packed_size
from pellucid.compiler.tiles import lanes_for
from pellucid.definitions import combine
from pellucid.definitions import optimizer as definitions

from .case import LINE, Case, Result, Tensor, packed
from .draws import Draws

FLAG = Result("flag", (1,), start=np.zeros(1, np.float32))


class Update:
    """Random weights and gradients, whole lines of them, and the settings of an optimiser."""

    def __init__(self, draws: Draws):
        self.size = LINE * draws.one((1, 2, 3, 5, 16, 40))
        self.weight, self.grad = (Tensor(draws.numbers(self.size)) for _ in range(2))
        self.lr, self.step = draws.one((0.01, 0.3)), draws.one((1, 2, 30, 5000))
        self.how: dict[str, Any] = {"weight_decay": draws.one((0.0, 0.0, 0.05)), "lr_scale": draws.one((1.0, 0.3))}
        self.weight_made = Result("new_weight", (self.size,))

    def slot(self, draws: Draws) -> Tensor:
        return Tensor(draws.numbers(self.size))

    def case(
        self, emitter: Any, parameters: Any, definition: Any, slots: list[Tensor], numbers: Any, names: Any
    ) -> Case:
        def with_flag(*arrays: Any) -> Any:
            made = definition(*arrays)
            return (*(made if isinstance(made, tuple) else (made,)), np.zeros(1, arrays[0].dtype))

        scalars = Tensor(np.array(numbers, np.float32), told=False)
        made = self.weight_made, *(Result(name, (self.size,)) for name in names), FLAG
        return Case(emitter, parameters, with_flag, (self.weight, self.grad, *slots, scalars), made, self.size)


def sgd(draws: Draws) -> Case:
    own = Update(draws)

    def definition(weight: Any, grad: Any) -> Any:
        return definitions.sgd(weight, grad, own.lr, **own.how)

    numbers = kernels.sgd_numbers(own.lr, lr_scale=own.how["lr_scale"])
    return own.case(kernels.sgd, (own.how["weight_decay"],), definition, [], numbers, ())


def sgd_momentum(draws: Draws) -> Case:
    own, how = Update(draws), {"momentum": draws.one((0.5, 0.9)), "nesterov": draws.chance(0.5)}

    def definition(weight: Any, grad: Any, velocity: Any) -> Any:
        return definitions.sgd_momentum(weight, grad, own.lr, velocity, **how, **own.how)

    numbers = kernels.sgd_numbers(own.lr, lr_scale=own.how["lr_scale"])
    parameters = (*how.values(), own.how["weight_decay"])
    return own.case(kernels.sgd_momentum, parameters, definition, [own.slot(draws)], numbers, ("new_velocity",))


def adam(draws: Draws) -> Case:
    own, decoupled = Update(draws), draws.chance(0.5)
    beta1, beta2, eps = draws.one((0.5, 0.9)), draws.one((0.9, 0.999)), draws.one((1e-8, 1e-3))
    base = definitions.adamw if decoupled else definitions.adam

    def definition(weight: Any, grad: Any, first: Any, second: Any) -> Any:
        return base(weight, grad, own.lr, own.step, first, second, beta1=beta1, beta2=beta2, eps=eps, **own.how)

    decay = own.how["weight_decay"]
    numbers = kernels.adam_numbers(
        own.lr, own.step, beta1=beta1, beta2=beta2, lr_scale=own.how["lr_scale"], decay=decay if decoupled else 0.0
    )
    second = Tensor(draws.rng.uniform(0, 1, own.size).astype(np.float32))
    names = "new_first_moment", "new_second_moment"
    parameters = (beta1, beta2, eps, decay, decoupled)
    return own.case(kernels.adam, parameters, definition, [own.slot(draws), second], numbers, names)


def average_weight(draws: Draws) -> Case:
    own, decay = Update(draws), draws.one((0.9, 0.999))

    def definition(average: Any, weight: Any) -> Any:
        return definitions.average_weight(average, weight, own.step, decay=decay)

    scalars = Tensor(np.array(kernels.average_numbers(own.step, decay=decay), np.float32), told=False)
    made = (Result("new_average", (own.size,)),)
    return Case(kernels.average_weight, (), definition, (own.slot(draws), own.weight, scalars), made, own.size)


def scale_gradient(draws: Draws) -> Case:
    own, factor = Update(draws), Tensor(draws.numbers(1))

    def definition(grad: Any, factor: Any) -> Any:
        return grad * factor

    return Case(kernels.scale_gradient, (), definition, (own.grad, factor), (Result("scaled", (own.size,)),), own.size)


def add_squares(draws: Draws) -> Case:
    groups, lanes = draws.one((1, 1, 3)), draws.one((1, 4, 8, draws.isa.lanes, LINE))
    vectors, terms = draws.one((1, 2, 3, 5)), draws.one((1, 9, 75, 256, 257, 700))
    grad, made = (
        Tensor(draws.numbers(groups, vectors, terms, lanes)),
        Result("total", (1,), start=np.abs(draws.numbers(1))),
    )

    def definition(grad: Any) -> Any:
        return np.vdot(grad, grad)

    return Case(kernels.add_squares, grad.array.shape, definition, (grad,), (made,), 1)


def clip_factor(draws: Draws) -> Case:
    most, squares = draws.one((0.01, 1.0, 100.0)), Tensor(draws.one((1e-4, 1, 1e4)) * np.abs(draws.numbers(1)))

    def definition(squares: Any) -> Any:
        return np.minimum(1, most / (np.sqrt(squares) + 1e-6))

    return Case(kernels.clip_factor, (most,), definition, (squares,), (Result("factor", (1,)),), 1)


def add_leaves(draws: Draws) -> Case:
    leaves, size = draws.whole(1, 17), LINE * draws.one((1, 2, 4, 5, 9, 13))
    parts = Tensor(draws.numbers(leaves, size))

    def definition(parts: Any) -> Any:
        return combine.tree(list(parts), combine.add)

    return Case(reduction.add_leaves, (size,), definition, (parts,), (Result("total", (size,)),), leaves)


def repack(draws: Draws) -> Case:
    groups = draws.one((1, 1, 2, 3))
    shape = groups * draws.channels(), draws.channels(), *draws.one(((1, 1), (1, 3), (3, 3), (2, 5)))
    lanes, input_lanes = lanes_for(shape[0] // groups, draws.isa), lanes_for(shape[1], draws.isa)
    size = packed_size((shape[1] * groups, shape[0] // groups, *shape[2:]), input_lanes, groups)

    def definition(weight: Any) -> Any:
        return pack(for_input(weight.astype(np.float32), groups), input_lanes, groups)

    weight, made = Tensor(draws.numbers(*shape), packed(lanes, groups)), (Result("repacked", (size,)),)
    return Case(repack_, (shape, lanes, input_lanes, groups), definition, (weight,), made, 1)


FAMILY = {
    sgd: 1, sgd_momentum: 1, adam: 2, average_weight: 0.5, scale_gradient: 0.3, add_squares: 0.5, clip_factor: 0.3,
    add_leaves: 1, repack: 2,
}  # fmt: skip
"""Cases, with how often each is drawn."""
