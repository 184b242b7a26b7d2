"""Every kind of step that a network in prediction has, and the function that tells how one of its numbers is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from . import combine, conv, custom, learned, linear, norm, pointwise, pool, resize, scaling, shape, softmax
from .cell import Cell
from .made import Made

Telling: TypeAlias = Callable[[Cell], Made]


SUMS: Mapping[str, Telling] = MappingProxyType(
    {
        "scale": scaling.scale,
        "conv2d": conv.conv2d, "conv_transpose2d": conv.conv_transpose2d,
        "linear": linear.linear, "matmul": linear.matmul,
        "max_pool2d": pool.max_pool2d, "avg_pool2d": pool.avg_pool2d, "adaptive_avg_pool2d": pool.adaptive_avg_pool2d,
        "mean": pool.mean,
        "relu": pointwise.relu, "leaky_relu": pointwise.leaky_relu, "relu6": pointwise.relu6, "clip": pointwise.clip,
        "hard_sigmoid": pointwise.hard_sigmoid, "hard_swish": pointwise.hard_swish, "sigmoid": pointwise.sigmoid,
        "silu": pointwise.silu,
        "tanh": pointwise.tanh, "elu": pointwise.elu, "softplus": pointwise.softplus, "gelu": pointwise.gelu,
        "prelu": pointwise.prelu, "dropout": pointwise.dropout,
        "softmax": softmax.softmax, "log_softmax": softmax.log_softmax,
        "batch_norm_running": norm.batch_norm_running, "local_response_norm": norm.local_response_norm,
        "standardize": norm.standardize,
        "bias": learned.bias, "gain": learned.gain, "add_parameter": learned.add_parameter,
        "multiply_parameter": learned.multiply_parameter, "scale_and_shift": learned.scale_and_shift,
        "add": combine.add, "multiply": combine.multiply, "divide": combine.divide, "concat": combine.concat,
        "flatten": shape.flatten, "reshape": shape.reshape, "transpose": shape.transpose,
        "slice_channels": shape.slice_channels, "strided_slice": shape.strided_slice, "broadcast": shape.broadcast,
        "pad": shape.pad, "pad_channels": shape.pad_channels,
        "repeat_pixels": resize.repeat_pixels, "resize": resize.resize,
        "custom": custom.custom,
    }
)  # fmt: skip
"""Kind of step -> how a number that it makes is made."""
