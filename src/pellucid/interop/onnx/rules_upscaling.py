"""Operators that make images larger: transposed convolution."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...geometry import LARGEST, Sides
from ...layers import ConvTranspose2d
from .conversion import Conversion, Rule
from .evaluation_windows import Span, kept, reached
from .nodes import NodeError, Use, Value
from .rules_weights import as_it_is
from .rules_windows import pair_of


def conv_transpose(build: Conversion, use: Use) -> Value:
    """`ConvTranspose2d`."""
    x, weight, bias = use.value(), use.constant(1, "the weights"), use.optional(2, "the bias")
    shape, groups = weight.array.shape, use.whole("group", 1)
    if len(shape) != 4 or len(x.shape) != 3 or 0 in shape:
        raise NodeError(
            f"has weights of the shape {shape} over samples {x.shape}; only images (N, C, H, W) are possible"
        )
    if use.wholes("kernel_shape") not in (None, shape[2:]):
        raise NodeError(f"expected the kernel_shape of the weights {shape[2:]}")
    strides, dilations = pair_of(use, "strides"), pair_of(use, "dilations")
    if max(*shape[2:], *strides, *dilations) > LARGEST:
        raise NodeError(f"has a window, stride or dilation of more than {LARGEST:,} pixels")
    spans = [Span(*numbers) for numbers in zip(shape[2:], strides, dilations, strict=True)]
    padding, more = _cut_off(use, spans, x.shape[1:], strides)
    layer = ConvTranspose2d(
        shape[0], shape[1] * groups, shape[2:], stride=strides, padding=padding, output_padding=more,
        dilation=dilations, groups=groups, bias=bias is not None,
    )  # fmt: skip
    build.learn(layer, "weight", weight, as_it_is, "as it is")
    if bias is not None:
        build.learn(layer, "bias", bias, as_it_is, "as it is")
    return build.layer(layer, x)


def _cut_off(use: Use, spans: list[Span], sizes: tuple[int, ...], strides: tuple[int, int]) -> tuple[Sides, list[int]]:
    """Return what is cut off of all that the pixels reach, and by how many pixels the result goes beyond."""
    whole = reached(spans, sizes)
    if use.wholes("output_padding") is not None and min(use.wholes("output_padding") or ()) < 0:
        raise NodeError("output_padding: expected numbers of at least 0")
    sides, more = [], []
    for size, stride, (first, length) in zip(whole, strides, kept(use, spans, sizes, whole), strict=True):
        beyond = first + length - size
        if first < 0 or length < 1 or beyond >= stride:
            raise NodeError(
                f"makes {length} pixels, of which {beyond} are beyond the reach of any; a stride is {stride}"
            )
        sides.append((first, max(0, -beyond)))
        more.append(max(0, beyond))
    return (sides[0], sides[1]), more


RULES: Mapping[str, Rule] = MappingProxyType({"ConvTranspose": conv_transpose})
"""Operator -> its rule."""
