"""What each kind of step means: one pure NumPy function a kind.

They are the documentation, the oracle that faster code is tested against, and what the interpreter runs. Saved
values are passed explicitly, nothing is hidden in state, and every function works in float32 and float64. Positional
arguments are a step's inputs in their order, keyword arguments its attributes.

What faster code has to agree in: the shape and dtype of every result; which numbers are NaN; who wins a tie; the random
words, bit for bit; and all numbers to within rounding. Not in the order of additions within one sample, the sign of a
zero, or the bits of a NaN. The order of sums over samples is a matter of its own: see `combine`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from . import (
    augment,
    conv,
    conv_transpose,
    custom,
    exponential,
    input,
    learned,
    linear,
    loss,
    mixup,
    norm,
    optimizer,
    piecewise,
    pointwise,
    pool,
    resize,
    shape,
    standardize,
)


def _kinds(module: ModuleType, *kinds: str) -> dict[str, Callable[..., Any]]:
    """Map each kind to the function of its name: "conv2d.grad_weight" is ``conv2d_grad_weight``."""
    return {kind: getattr(module, kind.replace(".", "_")) for kind in kinds}


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    _kinds(input, "gather", "scale", "scale.grad_input")
    | _kinds(augment, "crop", "flip", "affine", "colour_jitter", "cutout")
    | _kinds(mixup, "mixup", "mixup_classes")
    | _kinds(conv, "conv2d", "conv2d.grad_input", "conv2d.grad_weight", "conv2d.grad_bias")
    | _kinds(conv_transpose, "conv_transpose2d", "conv_transpose2d.grad_input", "conv_transpose2d.grad_weight")
    | _kinds(conv_transpose, "conv_transpose2d.grad_bias")
    | _kinds(linear, "linear", "linear.grad_input", "linear.grad_weight", "linear.grad_bias")
    | _kinds(linear, "flatten", "flatten.grad_input")
    | _kinds(pool, "max_pool2d", "max_pool2d.grad_input", "avg_pool2d", "avg_pool2d.grad_input")
    | _kinds(pool, "adaptive_avg_pool2d", "adaptive_avg_pool2d.grad_input")
    | _kinds(pointwise, "relu", "relu.grad_input", "leaky_relu", "leaky_relu.grad_input", "relu6", "relu6.grad_input")
    | _kinds(pointwise, "sigmoid", "sigmoid.grad_input", "tanh", "tanh.grad_input", "softmax", "softmax.grad_input")
    | _kinds(piecewise, "clip", "clip.grad_input", "hard_sigmoid", "hard_sigmoid.grad_input")
    | _kinds(piecewise, "hard_swish", "hard_swish.grad_input")
    | _kinds(exponential, "elu", "elu.grad_input", "silu", "silu.grad_input", "softplus", "softplus.grad_input")
    | _kinds(exponential, "gelu", "gelu.grad_input", "log_softmax", "log_softmax.grad_input")
    | _kinds(learned, "prelu", "prelu.grad_input", "prelu.grad_weight", "bias", "bias.grad_bias")
    | _kinds(learned, "gain", "gain.grad_input", "gain.grad_weight", "add_parameter", "add_parameter.grad_bias")
    | _kinds(learned, "multiply_parameter", "multiply_parameter.grad_input", "multiply_parameter.grad_weight")
    | _kinds(resize, "repeat_pixels", "repeat_pixels.grad_input", "resize", "resize.grad_input")
    | _kinds(shape, "reshape", "transpose", "pad", "pad.grad_input", "slice_channels", "strided_slice")
    | _kinds(shape, "strided_slice.grad_input", "mean", "mean.grad_input")
    | _kinds(pointwise, "dropout", "dropout.grad_input", "add", "concat", "concat.grad_input", "pad_channels")
    | _kinds(pointwise, "multiply", "multiply.grad_input", "broadcast", "broadcast.grad_input")
    | _kinds(pointwise, "divide", "divide.grad_first", "divide.grad_second")
    | _kinds(linear, "matmul", "matmul.grad_first", "matmul.grad_second")
    | _kinds(norm, "batch_statistics", "batch_norm", "batch_norm.grad_input", "batch_norm.grad_weight")
    | _kinds(norm, "batch_norm.grad_bias", "running_statistics")
    | _kinds(norm, "batch_norm_running", "batch_norm_running.grad_input", "batch_norm_running.grad_weight")
    | _kinds(norm, "local_response_norm", "local_response_norm.grad_input")
    | _kinds(standardize, "standardize", "standardize.grad_input", "scale_and_shift", "scale_and_shift.grad_input")
    | _kinds(standardize, "scale_and_shift.grad_weight", "scale_and_shift.grad_bias")
    | _kinds(custom, "custom", "custom.grad")
    | _kinds(loss, "total_weight", "total_class_weight", "cross_entropy", "cross_entropy.grad_input")
    | _kinds(loss, "squared_error", "squared_error.grad_input", "count_correct")
    | _kinds(optimizer, "sgd", "sgd_momentum", "adam", "adamw", "clip_factor", "scale_gradient", "average_weight")
)
"""Kind of step -> the function that defines it."""

WITHOUT_KERNEL = frozenset(
    {
        "custom", "custom.grad", "add_parameter", "add_parameter.grad_bias", "multiply_parameter",
        "multiply_parameter.grad_input", "multiply_parameter.grad_weight", "pad", "pad.grad_input", "strided_slice",
        "strided_slice.grad_input", "mean", "mean.grad_input", "resize", "resize.grad_input",
        "standardize", "standardize.grad_input", "divide", "divide.grad_first",
        "divide.grad_second", "matmul", "matmul.grad_first", "matmul.grad_second",
    }
)  # fmt: skip
"""Kinds that no kernel does: their NumPy code runs inside a compiled network too."""
