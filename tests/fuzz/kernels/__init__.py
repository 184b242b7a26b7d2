"""Random kernels: each of them, over odd shapes, beside its definition in float64."""

from __future__ import annotations

import numpy as np

from pellucid.compiler.tiles import InstructionSet, supported

from ..agreement import Outcome
from ..guards import Memory
from . import augmentations, convolutions, elementwise, inputs, losses, norms, pools, routes, updates
from .case import Case, examine
from .draws import Draws

FAMILIES = {
    **convolutions.FAMILY, **pools.FAMILY, **elementwise.FAMILY, **norms.FAMILY, **losses.FAMILY, **updates.FAMILY,
    **inputs.FAMILY, **routes.FAMILY, **augmentations.FAMILY,
}  # fmt: skip
"""What draws a case of a kernel, with how often it is drawn."""
OTHER_SET = 0.4
"""Share of kernels that are compiled for another instruction set than this machine's best."""


def drawn(seed: int) -> tuple[Case, InstructionSet, np.random.Generator]:
    """Return the case of a seed, what it is compiled for, and the dice that are left."""
    rng = np.random.default_rng((seed, 1))
    best, *others = supported()
    isa = others[int(rng.integers(len(others)))] if others and rng.random() < OTHER_SET else best
    chances = np.array(list(FAMILIES.values()), float)
    make = list(FAMILIES)[int(rng.choice(len(FAMILIES), p=chances / chances.sum()))]
    return make(Draws(rng, isa)), isa, rng


def examine_kernel(seed: int, memory: Memory | None = None, checked: bool = False) -> tuple[str, Outcome]:
    """Return the name of the kernel that a seed draws, and what it comes to beside its definition."""
    case, isa, rng = drawn(seed)
    return case.emitter.__name__, examine(case, isa, checked, rng, memory or Memory())
