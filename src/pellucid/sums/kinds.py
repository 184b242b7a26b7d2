"""Every kind of step that a network in prediction has, and the function that tells how one of its numbers is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import TypeAlias

from . import conv, linear, pointwise, pool, softmax
from .cell import Cell
from .made import Made

Telling: TypeAlias = Callable[[Cell], Made]


def _kinds(module: ModuleType, *kinds: str) -> dict[str, Telling]:
    """Map each kind to the function of its name."""
    return {kind: getattr(module, kind) for kind in kinds}


SUMS: Mapping[str, Telling] = MappingProxyType(
    _kinds(conv, "conv2d")
    | _kinds(linear, "linear", "flatten")
    | _kinds(pool, "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "mean")
    | _kinds(pointwise, "relu")
    | _kinds(softmax, "softmax", "log_softmax")
)
"""Kind of step -> how a number that it makes is made."""
