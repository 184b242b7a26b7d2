"""Which nodes of ONNX a forward step becomes: one small rule a kind, in the order of the definitions' families.

A rule says what the definition of its kind says, in ONNX's operators; all of them mean the same from opset 13 on. Where
an operator's own settings are understood differently by different runtimes (ceil mode), or one does less than the
definition (an even size in LRN), a rule writes the numbers out instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from ...geometry import Sides, Window
from ...steps import Step
from .writing_graph import Attribute, Graph

Rule = Callable[[Graph, Step], None]

NOTHING: Sides = ((0, 0), (0, 0))
"""No padding."""


# ---- images
def _scale(graph: Graph, step: Step) -> None:
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


FLOAT = 1
"""ONNX's number of the type float32."""


def _by_channel(graph: Graph, x: int, numbers: tuple[float, ...]) -> np.ndarray:
    """Return numbers, one a channel or one for all, shaped to meet the channels of x."""
    return np.reshape(numbers, (-1, *[1] * (len(graph.shape(x)) - 1)))


# ---- layers with weights
def _conv2d(graph: Graph, step: Step) -> None:
    window = step.keywords["window"]
    places = _places(window, window.sides)
    graph.node("Conv", step.inputs, step.outputs[0], group=step.keywords["groups"], dilations=window.dilation, **places)


def _linear(graph: Graph, step: Step) -> None:
    graph.node("Gemm", step.inputs, step.outputs[0], transB=1)


def _batch_norm_running(graph: Graph, step: Step) -> None:
    x, mean, var, weight, bias = step.inputs
    graph.node("BatchNormalization", [x, weight, bias, mean, var], step.outputs[0], epsilon=step.keywords["eps"])


def _local_response_norm(graph: Graph, step: Step) -> None:
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
def _max_pool2d(graph: Graph, step: Step) -> None:
    """Ceil mode is written as padding: none of its pixels wins. More than the kernel has taps, no runtime takes."""
    x: int | str = step.inputs[0]
    window = step.keywords["window"]
    sides = window.padded(graph.size(step.inputs[0]))
    if any(max(sides[axis]) >= window.kernel_size[axis] for axis in (0, 1)):  # a dilated window spans more
        x, sides = _padded(graph, x, sides, -np.inf), NOTHING
    graph.node("MaxPool", [x], step.outputs[0], dilations=window.dilation, **_places(window, sides))


def _avg_pool2d(graph: Graph, step: Step) -> None:
    """The padding's zeros count where `count_include_pad` is set; what ceil mode hangs over the edge never counts."""
    x: int | str = step.inputs[0]
    window, counts = step.keywords["window"], step.keywords["count_include_pad"]
    own, sides = window.sides, window.padded(graph.size(step.inputs[0]))
    if counts and own not in (NOTHING, sides):  # both kinds: the one that counts becomes part of the image
        x = _padded(graph, x, own, 0.0)
        sides, own = ((0, sides[0][1] - own[0][1]), (0, sides[1][1] - own[1][1])), NOTHING
    counts = counts and own != NOTHING
    graph.node("AveragePool", [x], step.outputs[0], count_include_pad=int(counts), **_places(window, sides))


def _adaptive_avg_pool2d(graph: Graph, step: Step) -> None:
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
    # (OH, H) · (N, C, H, W) -> (N, C, OH, W), · (W, OW) -> (N, C, OH, OW)
    rows = graph.node("MatMul", [graph.constant("rows", _shares(size[0], places[0])), x])
    graph.node("MatMul", [rows, graph.constant("columns", _shares(size[1], places[1]).T)], y)


def _regular(size: int, places: int) -> tuple[int, int] | None:
    """Return (kernel, stride) of the regions along an axis; None where they differ in size or distance."""
    starts = [place * size // places for place in range(places)]
    stops = [-(-(place + 1) * size // places) for place in range(places)]
    kernels = {stop - start for start, stop in zip(starts, stops, strict=True)}
    strides = {after - before for before, after in pairwise(starts)} or {1}
    if len(kernels) > 1 or len(strides) > 1 or 0 in strides:
        return None
    return kernels.pop(), strides.pop()


def _shares(size: int, places: int) -> np.ndarray:
    """Return what each pixel along an axis adds to the mean of each region: (places, size)."""
    shares = np.zeros((places, size))
    for place in range(places):
        region = slice(place * size // places, -(-(place + 1) * size // places))
        shares[place, region] = 1 / (region.stop - region.start)
    return shares


def _places(window: Window, sides: Sides) -> dict[str, Attribute]:
    """Return the attributes that say where a window is put."""
    (top, bottom), (left, right) = sides
    return {"kernel_shape": window.kernel_size, "strides": window.stride, "pads": (top, left, bottom, right)}


def _padded(graph: Graph, x: int | str, sides: Sides, value: float) -> str:
    """Return images with pixels of one value round them."""
    (top, bottom), (left, right) = sides
    pads = graph.constant("pads", [0, 0, top, left, 0, 0, bottom, right])
    return graph.node("Pad", [x, pads, graph.constant("padding", value)], mode="constant")


# ---- number by number, and paths
def _as(operator: str, **attributes: Attribute) -> Rule:
    """Return the rule of a kind that is an operator of ONNX, with the same inputs and these attributes."""

    def rule(graph: Graph, step: Step) -> None:
        graph.node(operator, step.inputs, step.outputs[0], **attributes)

    return rule


def _leaky_relu(graph: Graph, step: Step) -> None:
    graph.node("LeakyRelu", step.inputs, step.outputs[0], alpha=step.keywords["negative_slope"])


def _relu6(graph: Graph, step: Step) -> None:
    graph.node("Clip", [step.inputs[0], graph.constant("min", 0.0), graph.constant("max", 6.0)], step.outputs[0])


def _pad_channels(graph: Graph, step: Step) -> None:
    rest = [0] * (len(graph.shape(step.inputs[0])) - 1)
    pads = [0, step.keywords["before"], *rest, 0, step.keywords["after"], *rest]
    graph.node("Pad", [step.inputs[0], graph.constant("pads", pads)], step.outputs[0], mode="constant")


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "scale": _scale,
        "conv2d": _conv2d,
        "linear": _linear,
        "flatten": _as("Flatten", axis=1),
        "max_pool2d": _max_pool2d,
        "avg_pool2d": _avg_pool2d,
        "adaptive_avg_pool2d": _adaptive_avg_pool2d,
        "relu": _as("Relu"),
        "leaky_relu": _leaky_relu,
        "relu6": _relu6,
        "sigmoid": _as("Sigmoid"),
        "tanh": _as("Tanh"),
        "softmax": _as("Softmax", axis=1),
        "add": _as("Add"),
        "concat": _as("Concat", axis=1),
        "pad_channels": _pad_channels,
        "batch_norm_running": _batch_norm_running,
        "local_response_norm": _local_response_norm,
    }
)
"""Kind of forward step -> its rule. What a program for prediction has beside these are layers of the user's own."""
