"""How layers over images become nodes of ONNX: scaling, convolution, normalisation, pooling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from ...definitions.resize import taps
from ...geometry import Sides, Window, regions
from ...steps import Step
from .writing_graph import Attribute, OnnxGraph, Rule

NOTHING: Sides = ((0, 0), (0, 0))
"""No padding."""

DILATED_MEANS = 19
"""The first version of the operators in which that of means knows dilation."""

FLOAT = 1
"""ONNX's number of the type float32."""


# ---- images
def _scale(graph: OnnxGraph, step: Step) -> None:
    """``(x / 255 − mean) / std``, as far as that changes anything; only uint8 is divided by 255."""
    x, y = step.inputs[0], step.outputs[0]
    operations: list[tuple[str, str, Any]] = []
    if graph.input_type == "uint8":
        operations.append(("Div", "largest", 255.0))
    if any(step.keywords["mean"]):
        operations.append(("Sub", "mean", _by_channel(graph, x, step.keywords["mean"])))
    if any(std != 1 for std in step.keywords["std"]):
        operations.append(("Div", "std", _by_channel(graph, x, step.keywords["std"])))
    if not operations:
        graph.alias(y, x)
        return
    tensor: int | str = graph.node("Cast", [x], to=FLOAT) if graph.input_type == "uint8" else x
    for number, (operator, name, numbers) in enumerate(operations, start=1):
        last = number == len(operations)
        tensor = graph.node(operator, [tensor, graph.constant(name, numbers)], y if last else None)


def _by_channel(graph: OnnxGraph, x: int, numbers: tuple[float, ...]) -> np.ndarray:
    """Return numbers, one a channel or one for all, shaped to meet the channels of x."""
    return np.reshape(numbers, (-1, *[1] * (len(graph.shape(x)) - 1)))


# ---- layers with weights
def _conv2d(graph: OnnxGraph, step: Step) -> None:
    window = step.keywords["window"]
    places = _places(window, window.sides)
    graph.node("Conv", step.inputs, step.outputs[0], group=step.keywords["groups"], dilations=window.dilation, **places)


def _conv_transpose2d(graph: OnnxGraph, step: Step) -> None:
    x, weight, *bias = step.inputs
    window, axes = step.keywords["window"], (0, 1)
    whole = [(graph.size(x)[axis] - 1) * window.stride[axis] + window.extent[axis] for axis in axes]
    more = [step.keywords["size"][axis] - whole[axis] + sum(window.sides[axis]) for axis in axes]
    places = {**_places(window, window.sides), "dilations": window.dilation, "output_padding": more}
    graph.node("ConvTranspose", [x, weight, *bias], step.outputs[0], group=step.keywords["groups"], **places)


def _batch_norm_running(graph: OnnxGraph, step: Step) -> None:
    x, mean, var, weight, bias = step.inputs
    graph.node("BatchNormalization", [x, weight, bias, mean, var], step.outputs[0], epsilon=step.keywords["eps"])


def _local_response_norm(graph: OnnxGraph, step: Step) -> None:
    """LRN; an even size, of which ONNX takes the other half first and onnxruntime takes none, is written out.

    ``y = x / (k + alpha/size · Σ x[j]²)^beta``: the sum over neighbouring channels is a 1×1 convolution of x².
    """
    x, y = step.inputs[0], step.outputs[0]
    size, alpha, beta, k = (step.keywords[name] for name in ("size", "alpha", "beta", "k"))
    if size % 2:
        graph.node("LRN", [x], y, size=size, alpha=alpha, beta=beta, bias=k)
        return
    channels = graph.shape(x)[0]
    # c sees j from c − size/2 on: (C, C), then (C, C, 1, 1)
    ahead = np.arange(channels) - np.arange(channels)[:, None] + size // 2
    shares = np.where((ahead >= 0) & (ahead < size), alpha / size, 0.0)[:, :, None, None]
    weight, bias = graph.constant("shares", shares), graph.constant("k", np.full(channels, k))
    sums = graph.node("Conv", [graph.node("Mul", [x, x]), weight, bias], kernel_shape=(1, 1))
    graph.node("Div", [x, graph.node("Pow", [sums, graph.constant("beta", beta)])], y)


# ---- windows
def _max_pool2d(graph: OnnxGraph, step: Step) -> None:
    """Ceil mode is written as padding: none of its pixels wins. More than the kernel has taps, no runtime takes."""
    x: int | str = step.inputs[0]
    window = step.keywords["window"]
    sides = window.padded(graph.size(step.inputs[0]))
    if any(max(sides[axis]) >= window.kernel_size[axis] for axis in (0, 1)):  # a dilated window spans more
        x, sides = _padded(graph, x, sides, -np.inf), NOTHING
    graph.node("MaxPool", [x], step.outputs[0], dilations=window.dilation, **_places(window, sides))


def _avg_pool2d(graph: OnnxGraph, step: Step) -> None:
    """The padding's zeros count where `count_include_pad` is set; what ceil mode hangs over the edge never counts.

    Dilation came to the operator late, and no runtime takes it with more padding than the kernel has taps: there the
    window is written as a convolution.
    """
    x: int | str = step.inputs[0]
    window, counts = step.keywords["window"], step.keywords["count_include_pad"]
    own, sides = window.sides, window.padded(graph.size(step.inputs[0]))
    dilated: dict[str, Attribute] = {} if window.dilation == (1, 1) else {"dilations": window.dilation}
    wide = any(max(sides[axis]) >= window.kernel_size[axis] for axis in (0, 1))
    if dilated and (wide or graph.opset < DILATED_MEANS):
        _dilated_means(graph, step, sides)
        return
    if counts and own not in (NOTHING, sides):  # both kinds: the one that counts becomes part of the image
        x = _padded(graph, x, own, 0.0)
        sides, own = ((0, sides[0][1] - own[0][1]), (0, sides[1][1] - own[1][1])), NOTHING
    counts = counts and own != NOTHING
    graph.node("AveragePool", [x], step.outputs[0], count_include_pad=int(counts), **dilated, **_places(window, sides))


def _dilated_means(graph: OnnxGraph, step: Step, sides: Sides) -> None:
    """``y = Σ taps / count`` as a convolution of each channel with ones, times a map of 1/count: (OH, OW).

    Where all counts are alike, they are the kernel's weights.
    """
    (x,), window = step.inputs, step.keywords["window"]
    channels, size = graph.shape(x)[0], graph.size(x)
    rows, columns = (_counted(window, axis, size, step.keywords["count_include_pad"]) for axis in (0, 1))
    shares = 1 / np.outer(rows, columns)  # (OH,) · (OW,) -> (OH, OW)
    alike = bool((shares == shares[0, 0]).all())
    weight = np.full((channels, 1, *window.kernel_size), shares[0, 0] if alike else 1.0)
    operands: list[int | str] = [x, graph.constant("ones", weight)]
    attributes = {"group": channels, "dilations": window.dilation, **_places(window, sides)}
    if alike:
        graph.node("Conv", operands, step.outputs[0], **attributes)
    else:
        sums = graph.node("Conv", operands, **attributes)
        graph.node("Mul", [sums, graph.constant("shares", shares)], step.outputs[0])


def _counted(window: Window, axis: int, size: tuple[int, int], counts: bool) -> list[int]:
    """Return how many taps count along `axis` at each place: those inside of the image, or of the padded image."""
    places = window.output_size(size)[axis]
    if counts:
        (top, bottom), (left, right) = window.sides
        window, size = replace(window, padding=NOTHING), (size[0] + top + bottom, size[1] + left + right)
    return [len(taps) for taps in window.taps(axis, size[axis])[:places]]


def _repeat_pixels(graph: OnnxGraph, step: Step) -> None:
    scales = graph.constant("scales", [1.0, 1.0, *step.keywords["times"]])
    how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    graph.node("Resize", [step.inputs[0], "", scales], step.outputs[0], mode="nearest", **how)


def _resize(graph: OnnxGraph, step: Step) -> None:
    """Nearest pixels are written as products with two matrices where runtimes' rounding would choose another one."""
    (x,), y, how = step.inputs, step.outputs[0], step.keywords
    before, after, scale = graph.size(x), how["size"], how["scale"]
    factors = [b / a for a, b in zip(before, after, strict=True)] if scale is None else scale
    pixels = [
        taps(*each, how["mode"], how["coordinates"])[0]
        for each in zip(before, after, scale or (None, None), strict=True)
    ]
    half = 0.5 if how["coordinates"] == "half_pixel" else 0.0
    if how["mode"] == "nearest" and any(map(_rounded_otherwise, pixels, before, factors, (half, half))):
        shares = [np.equal(each[:, None], np.arange(size)) * 1.0 for each, size in zip(pixels, before, strict=True)]
        _product(graph, x, y, shares[0], shares[1])
        return
    attributes: dict[str, Attribute] = {"mode": "linear", "coordinate_transformation_mode": how["coordinates"]}
    if how["mode"] == "nearest":
        attributes |= {"mode": "nearest", "nearest_mode": "round_prefer_ceil" if half else "floor"}
    if scale is not None:
        graph.node("Resize", [x, "", graph.constant("scales", [1.0, 1.0, *scale])], y, **attributes)
        return
    bounds = [graph.constant(name, value) for name, value in (("front", [0]), ("images", [2]), ("size", after))]
    samples = graph.node("Slice", [graph.node("Shape", [x]), bounds[0], bounds[1]])
    sizes = graph.node("Concat", [samples, bounds[2]], axis=0)
    graph.node("Resize", [x, "", "", sizes], y, **attributes)


def _rounded_otherwise(pixels: np.ndarray, size: int, factor: float, half: float) -> bool:
    """Return whether in float32 another pixel than the nearest one is found."""
    places, scale = np.arange(len(pixels), dtype=np.float32), np.float32(factor)
    found = np.floor((places + np.float32(half)) / scale)
    return not np.array_equal(found.clip(0, size - 1), pixels)


def _product(graph: OnnxGraph, x: int, y: int, rows: np.ndarray, columns: np.ndarray) -> None:
    # (OH, H) · (N, C, H, W) -> (N, C, OH, W), · (W, OW) -> (N, C, OH, OW)
    above = graph.node("MatMul", [graph.constant("rows", rows), x])
    graph.node("MatMul", [above, graph.constant("columns", columns.T)], y)


def _adaptive_avg_pool2d(graph: OnnxGraph, step: Step) -> None:
    """Regions that are alike are an ordinary window's places; others are means as products with two matrices."""
    x, y, places = step.inputs[0], step.outputs[0], step.keywords["output_size"]
    size = graph.size(x)
    if places == (1, 1):
        graph.node("GlobalAveragePool", [x], y)
        return
    axes = [_regular(*each) for each in zip(size, places, strict=True)]
    if None not in axes:
        (height, down), (width, right) = (each for each in axes if each is not None)
        graph.node("AveragePool", [x], y, **_places(Window((height, width), (down, right)), NOTHING))
        return
    _product(graph, x, y, _shares(size[0], places[0]), _shares(size[1], places[1]))


def _regular(size: int, places: int) -> tuple[int, int] | None:
    """Return (kernel, stride) of the regions along an axis; None where they differ in size or distance."""
    covering = regions(size, places)
    kernels = {region.stop - region.start for region in covering}
    strides = {after.start - before.start for before, after in pairwise(covering)} or {1}
    if len(kernels) > 1 or len(strides) > 1 or 0 in strides:
        return None
    return kernels.pop(), strides.pop()


def _shares(size: int, places: int) -> np.ndarray:
    """Return what each pixel along an axis adds to the mean of each region: (places, size)."""
    shares = np.zeros((places, size))
    for place, region in enumerate(regions(size, places)):
        shares[place, region] = 1 / (region.stop - region.start)
    return shares


def _places(window: Window, sides: Sides) -> dict[str, Attribute]:
    """Return the attributes that say where a window is put."""
    (top, bottom), (left, right) = sides
    return {"kernel_shape": window.kernel_size, "strides": window.stride, "pads": (top, left, bottom, right)}


def _padded(graph: OnnxGraph, x: int | str, sides: Sides, value: float) -> str:
    """Return images with pixels of one value round them."""
    (top, bottom), (left, right) = sides
    pads = graph.constant("pads", [0, 0, top, left, 0, 0, bottom, right])
    return graph.node("Pad", [x, pads, graph.constant("padding", value)], mode="constant")


RULES: Mapping[str, Rule] = {
    "scale": _scale,
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "batch_norm_running": _batch_norm_running,
    "local_response_norm": _local_response_norm,
    "max_pool2d": _max_pool2d,
    "avg_pool2d": _avg_pool2d,
    "repeat_pixels": _repeat_pixels,
    "resize": _resize,
    "adaptive_avg_pool2d": _adaptive_avg_pool2d,
}
