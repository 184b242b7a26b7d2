"""Which kernel does a step, with which parameters and on which tensors: one rule a kind, families as in `kernels`.

A kind that has no rule runs its NumPy definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..lowering import Rule
from . import convolution, elementwise, inputs, linear, losses, normalisation, optimizers, pooling

RULES: Mapping[str, Rule] = MappingProxyType(
    inputs.RULES
    | convolution.RULES
    | linear.RULES
    | pooling.RULES
    | elementwise.RULES
    | normalisation.RULES
    | losses.RULES
    | optimizers.RULES
)
"""Kind of step -> its rule."""
