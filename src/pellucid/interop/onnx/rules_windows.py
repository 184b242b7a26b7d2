"""Operators with windows: where a window is put, and pools."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ...geometry import LARGEST, Pair, Sides, extent, same_padding
from ...layers import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, Layer, MaxPool2d, Pad
from ...steps import Shape
from .conversion import Conversion, Rule
from .nodes import NodeError, Use, Value

NOTHING: Sides = ((0, 0), (0, 0))
LEAST = -3.4028234e38
"""The least float32, nearly: what a `Pad` holds instead of −∞, which no layer's setting may be."""

LOWEST = -3.4e38
"""Padding that is lower never wins where the largest number is taken."""


def places(use: Use, shape: Shape, kernel: tuple[int, ...]) -> dict[str, Any]:
    """Return stride, dilation and padding of a window over images of a shape (C, H, W)."""
    if len(kernel) != 2 or len(shape) != 3:
        raise NodeError(
            f"has a window of {len(kernel)} axes over {len(shape) - 1}; only images (N, C, H, W) are possible"
        )
    strides, dilations = pair_of(use, "strides"), pair_of(use, "dilations")
    pads, auto = use.wholes("pads"), use.text("auto_pad", "NOTSET")
    if max(*kernel, *strides, *dilations, *(pads or ())) > LARGEST:
        raise NodeError(f"has a window, stride, dilation or padding of more than {LARGEST:,} pixels")
    padding: Any
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        _refuse_skipped(shape, kernel, strides, dilations)
        padding = "same" if auto == "SAME_UPPER" else _same_lower(shape, kernel, strides, dilations)
    elif auto in ("NOTSET", "VALID"):
        top, left, bottom, right = pads if pads is not None and len(pads) == 4 else (0, 0, 0, 0)
        padding = ((top, bottom), (left, right))
    else:
        raise NodeError(f"auto_pad: expected NOTSET, SAME_UPPER, SAME_LOWER or VALID, found {auto!r:.40}")
    if pads is not None and (len(pads) != 4 or min(pads) < 0 or (auto != "NOTSET" and any(pads))):
        raise NodeError(f"pads: expected 4 numbers of at least 0, and none with auto_pad, found {pads!r:.60}")
    return {"stride": strides, "dilation": dilations, "padding": padding}


def pair_of(use: Use, name: str) -> Pair:
    """Return an attribute that is two numbers of at least 1, by default 1."""
    found = use.wholes(name)
    if found is None:
        return 1, 1
    if len(found) != 2 or min(found) < 1:
        raise NodeError(f"{name}: expected two numbers of at least 1, found {found!r:.60}")
    return found[0], found[1]


def _refuse_skipped(shape: Shape, kernel: tuple[int, ...], strides: Pair, dilations: Pair) -> None:
    """Refuse a stride so large that "same" padding would be less than none."""
    for size, window, stride, dilation in zip(shape[1:], kernel, strides, dilations, strict=True):
        if (-(-size // stride) - 1) * stride + extent(window, dilation) - size < -1:
            raise NodeError("auto_pad: what it is with a stride that leaves pixels out, runtimes do not agree")


def _same_lower(shape: Shape, kernel: tuple[int, ...], strides: Pair, dilations: Pair) -> Sides:
    """Return "same" padding whose odd pixel goes before."""
    (top, bottom), (left, right) = (
        same_padding(size, window, stride, dilation)
        for size, window, stride, dilation in zip(shape[1:], kernel, strides, dilations, strict=True)
    )
    return (bottom, top), (right, left)


def _window(use: Use, x: Value) -> dict[str, Any]:
    """Return what a pool's window is and where it is put."""
    kernel = use.wholes("kernel_shape")
    if kernel is None or min(kernel, default=0) < 1:
        raise NodeError(f"kernel_shape: expected numbers of at least 1, found {kernel!r:.60}")
    settings = places(use, x.shape, kernel)
    return {"kernel_size": kernel, "ceil_mode": use.switch("ceil_mode"), **settings}


def max_pool(build: Conversion, use: Use) -> Value:
    """`MaxPool2d`; a Pad of −∞ before it becomes its padding."""
    x = use.value()
    use.switch("storage_order")  # of the indices, which cannot be had
    settings = _window(use, x)
    if isinstance(pad := build.before(x), Pad) and settings["padding"] == NOTHING and _never_wins(pad, settings):
        x = build.take_back(x)
        settings["padding"] = ((pad.before[1], pad.after[1]), (pad.before[2], pad.after[2]))
    return build.layer(MaxPool2d(**settings), x)


def _never_wins(pad: Pad, settings: Mapping[str, Any]) -> bool:
    """Return whether padding is lower than any pixel, round images only, and of fewer pixels than the window."""
    if pad.mode != "constant" or pad.value > LOWEST or len(pad.before) != 3 or pad.before[0] or pad.after[0]:
        return False
    spans = map(extent, settings["kernel_size"], settings["dilation"])
    return all(
        max(sides) < span for sides, span in zip(zip(pad.before[1:], pad.after[1:], strict=True), spans, strict=True)
    )


def average_pool(build: Conversion, use: Use) -> Value:
    """`AvgPool2d`."""
    x = use.value()
    return build.layer(AvgPool2d(count_include_pad=use.switch("count_include_pad"), **_window(use, x)), x)


def _of_all_pixels(kind: type[Layer]) -> Rule:
    def rule(build: Conversion, use: Use) -> Value:
        return build.layer(kind(), use.value())

    rule.__doc__ = f"`{kind.__name__}` to one pixel."
    return rule


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "MaxPool": max_pool,
        "AveragePool": average_pool,
        "GlobalMaxPool": _of_all_pixels(AdaptiveMaxPool2d),
        "GlobalAveragePool": _of_all_pixels(AdaptiveAvgPool2d),
    }
)
"""Operator -> its rule."""
