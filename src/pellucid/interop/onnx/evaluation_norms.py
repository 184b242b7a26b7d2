"""Operators that normalise within a sample, over tensors of any rank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...definitions.standardize import scale_and_shift, standardize
from .nodes import NodeError, Operation, Use

Numbers: TypeAlias = NDArray[Any]


def layer_normalization(use: Use, arrays: Sequence[Numbers]) -> tuple[Numbers, ...]:
    """`LayerNorm` over the last axes, with their means, and one divided by their deviations."""
    x, scale, *bias = arrays
    axis, eps = use.axis(use.whole("axis", -1), x.ndim), use.real("epsilon", 1e-5)
    use.whole("stash_type", 1)
    axes, runs = tuple(range(axis, x.ndim)), math.prod(x.shape[:axis])
    normal = standardize(x[None], runs=runs, eps=eps)[0] * scale
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    return normal + bias[0] if bias else normal, mean, np.asarray(1 / np.sqrt(variance + eps), x.dtype)


def instance_normalization(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`GroupNorm` of as many groups as channels."""
    x, scale, bias = arrays
    return scale_and_shift(standardize(x, runs=x.shape[1], eps=use.real("epsilon", 1e-5)), scale, bias)


def group_normalization(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`GroupNorm`, until opset 21 with a scale and a bias for each group."""
    (x, *numbers), groups = arrays, use.whole("num_groups")
    if use.opset >= 21:
        use.whole("stash_type", 1)
    if groups < 1 or x.shape[1] % groups:
        raise NodeError(f"cuts {x.shape[1]} channels into {groups} groups")
    scale, bias = (each.repeat(x.shape[1] // each.size) for each in numbers)
    return scale_and_shift(standardize(x, runs=groups, eps=use.real("epsilon", 1e-5)), scale, bias)


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "LayerNormalization": layer_normalization,
        "InstanceNormalization": instance_normalization,
        "GroupNormalization": group_normalization,
    }
)
"""Operator -> what computes it."""
