"""Every kind of step that a network in prediction has, and the function that tells how one of its numbers is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import TypeAlias

from . import combine, conv, custom, learned, linear, norm, pointwise, pool, resize, scaling, shape, softmax
from .cell import Cell
from .made import Made

Telling: TypeAlias = Callable[[Cell], Made]


def _kinds(module: ModuleType, *kinds: str) -> dict[str, Telling]:
    """Map each kind to the function of its name."""
    return {kind: getattr(module, kind) for kind in kinds}


SUMS: Mapping[str, Telling] = MappingProxyType(
    _kinds(scaling, "scale")
    | _kinds(conv, "conv2d", "conv_transpose2d")
    | _kinds(linear, "linear", "matmul")
    | _kinds(pool, "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "mean")
    | _kinds(pointwise, "relu", "leaky_relu", "relu6", "clip", "hard_sigmoid", "hard_swish", "sigmoid", "silu")
    | _kinds(pointwise, "tanh", "elu", "softplus", "gelu", "prelu", "dropout")
    | _kinds(softmax, "softmax", "log_softmax")
    | _kinds(norm, "batch_norm_running", "local_response_norm", "standardize")
    | _kinds(learned, "bias", "gain", "add_parameter", "multiply_parameter", "scale_and_shift")
    | _kinds(combine, "add", "multiply", "divide", "concat")
    | _kinds(shape, "flatten", "reshape", "transpose", "slice_channels", "strided_slice", "broadcast")
    | _kinds(shape, "pad", "pad_channels")
    | _kinds(resize, "repeat_pixels", "resize")
    | _kinds(custom, "custom")
)
"""Kind of step -> how a number that it makes is made."""
