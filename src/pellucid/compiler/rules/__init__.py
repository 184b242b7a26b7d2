"""Which kernel does a step, with which parameters and on which tensors: one rule a kind, families as in `kernels`.

A kind that has no rule runs its NumPy definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, ModuleType

from ..kernels import augment as augment_kernels
from ..kernels import (
    conv,
    conv_grad_input,
    conv_routed,
    depthwise,
    dropout,
    exponential,
    input,
    learned,
    local_response,
    loss,
    mixup,
    norm,
    optimizer,
    piecewise,
    pointwise,
    pool,
    reduction,
    repack,
    shuffle,
)
from ..kernels import convolution as convolution_shapes
from ..kernels import linear as linear_kernels
from ..lowering import Rule
from . import augment, convolution, elementwise, inputs, linear, losses, normalisation, optimizers, pooling

FAMILIES = (inputs, augment, convolution, linear, pooling, elementwise, normalisation, losses, optimizers)

RULES: Mapping[str, Rule] = MappingProxyType({kind: rule for family in FAMILIES for kind, rule in family.RULES.items()})
"""Kind of step -> its rule."""

KERNELS: tuple[ModuleType, ...] = (
    augment_kernels, conv, conv_grad_input, conv_routed, convolution_shapes, depthwise, dropout, exponential, input,
    learned, linear_kernels, local_response, loss, mixup, norm, optimizer, piecewise, pointwise, pool, reduction,
    repack, shuffle,
)  # fmt: skip
"""The modules that hold kernels, and what kernels are parametrised with."""
