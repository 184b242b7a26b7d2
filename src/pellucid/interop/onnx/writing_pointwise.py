"""How steps that work number by number, join paths, or give a sample another shape, become nodes of ONNX."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ...steps import Step
from .writing_graph import Attribute, OnnxGraph, Rule

HARD_SWISH_SINCE, GELU_SINCE = 14, 20
"""The opsets from which there are operators of these names; before, they are written out."""

LAYER_NORMALIZATION_SINCE = 17
"""The opset from which there is an operator for it."""

AXES_AS_INPUT_SINCE = 18
"""From this opset on ReduceMean is told its axes by a constant, as was an attribute before."""


def _as(operator: str, **attributes: Attribute) -> Rule:
    """Return the rule of a kind that is an operator of ONNX, with the same inputs and these attributes."""

    def rule(graph: OnnxGraph, step: Step) -> None:
        graph.node(operator, step.inputs, step.outputs[0], **attributes)

    return rule


# ---- number by number
def _leaky_relu(graph: OnnxGraph, step: Step) -> None:
    graph.node("LeakyRelu", step.inputs, step.outputs[0], alpha=step.keywords["negative_slope"])


def _relu6(graph: OnnxGraph, step: Step) -> None:
    graph.node("Clip", [step.inputs[0], graph.constant("min", 0.0), graph.constant("max", 6.0)], step.outputs[0])


def _clip(graph: OnnxGraph, step: Step) -> None:
    """A bound that is not there has an empty name."""
    bounds = [
        "" if step.keywords[name] is None else graph.constant(name, step.keywords[name]) for name in ("min", "max")
    ]
    graph.node("Clip", [step.inputs[0], *bounds], step.outputs[0])


def _hard_sigmoid(graph: OnnxGraph, step: Step) -> None:
    alpha, beta = step.keywords["alpha"], step.keywords["beta"]
    graph.node("HardSigmoid", step.inputs, step.outputs[0], alpha=alpha, beta=beta)


def _hard_swish(graph: OnnxGraph, step: Step) -> None:
    x, y = step.inputs[0], step.outputs[0]
    if graph.opset >= HARD_SWISH_SINCE:
        graph.node("HardSwish", [x], y)
    else:
        graph.node("Mul", [x, graph.node("HardSigmoid", [x], alpha=1 / 6, beta=0.5)], y)


def _elu(graph: OnnxGraph, step: Step) -> None:
    graph.node("Elu", step.inputs, step.outputs[0], alpha=step.keywords["alpha"])


def _silu(graph: OnnxGraph, step: Step) -> None:
    """``y = x · sigmoid(x)``."""
    x = step.inputs[0]
    graph.node("Mul", [x, graph.node("Sigmoid", [x])], step.outputs[0])


def _gelu(graph: OnnxGraph, step: Step) -> None:
    """``y = x · (1 + erf(x / √2)) · 1/2``."""
    x, y = step.inputs[0], step.outputs[0]
    if graph.opset >= GELU_SINCE:
        graph.node("Gelu", [x], y)
        return
    erf = graph.node("Erf", [graph.node("Div", [x, graph.constant("root", math.sqrt(2))])])
    doubled = graph.node("Mul", [x, graph.node("Add", [erf, graph.constant("one", 1.0)])])
    graph.node("Mul", [doubled, graph.constant("half", 0.5)], y)


def _prelu(graph: OnnxGraph, step: Step) -> None:
    """One slope a channel is shaped to meet the channels of x."""
    x, weight = step.inputs
    shape = (*graph.shape(weight), *[1] * (len(graph.shape(x)) - 1))
    graph.node("PRelu", [x, graph.held(weight, shape)], step.outputs[0])


# ---- normalised within a sample
def _standardize(graph: OnnxGraph, step: Step) -> None:
    """Over the last axes it is a LayerNormalization, from the opset on that has it; otherwise, runs of numbers are
    channels of an InstanceNormalization. Both scale by 1, for what is learnt follows."""
    x, y, runs = step.inputs[0], step.outputs[0], step.keywords["runs"]
    shape = graph.shape(x)
    axis = next((axis for axis in range(len(shape)) if math.prod(shape[:axis]) == runs), None)
    of_channels = any(each.kind == "scale_and_shift" and y in each.inputs for each in graph.program.steps)
    if graph.opset >= LAYER_NORMALIZATION_SINCE and axis is not None and not of_channels:
        scale = graph.constant("scale", np.ones(shape[axis:]))
        graph.node("LayerNormalization", [x, scale], y, axis=axis + 1, epsilon=step.keywords["eps"])
        return
    rows = graph.node("Reshape", [x, graph.constant("runs", [0, runs, -1])])
    plain = graph.constant("scale", np.ones(runs)), graph.constant("bias", np.zeros(runs))
    normal = graph.node("InstanceNormalization", [rows, *plain], epsilon=step.keywords["eps"])
    graph.node("Reshape", [normal, graph.constant("shape", [0, *graph.shape(x)])], y)


def _scale_and_shift(graph: OnnxGraph, step: Step) -> None:
    x, weight, bias = step.inputs
    shape = (*graph.shape(weight), *[1] * (len(graph.shape(x)) - 1))
    product = graph.node("Mul", [x, graph.held(weight, shape)])
    graph.node("Add", [product, graph.held(bias, shape)], step.outputs[0])


# ---- paths
def _broadcast(graph: OnnxGraph, step: Step) -> None:
    """Sums and products repeat numbers themselves, where what they read has the whole shape between them."""
    x, y = step.inputs[0], step.outputs[0]
    source = {each.outputs[0]: each.inputs[0] for each in graph.program.steps if each.kind == "broadcast"}
    for reader in graph.program.steps:
        if y in reader.inputs:
            shapes = [graph.shape(source.get(value, value)) for value in reader.inputs]
            if reader.kind not in ("add", "multiply", "divide") or np.broadcast_shapes(*shapes) != graph.shape(y):
                graph.node("Expand", [x, graph.constant("shape", [1, *graph.shape(y)])], y)
                return
    graph.alias(y, x)


# ---- other shapes
def _pad_channels(graph: OnnxGraph, step: Step) -> None:
    rest = [0] * (len(graph.shape(step.inputs[0])) - 1)
    pads = [0, step.keywords["before"], *rest, 0, step.keywords["after"], *rest]
    graph.node("Pad", [step.inputs[0], graph.constant("pads", pads)], step.outputs[0], mode="constant")


def _pad(graph: OnnxGraph, step: Step) -> None:
    how = step.keywords
    pads = graph.constant("pads", [0, *how["before"], 0, *how["after"]])
    value = [graph.constant("padding", how["value"])] if how["mode"] == "constant" else []
    graph.node("Pad", [step.inputs[0], pads, *value], step.outputs[0], mode=how["mode"])


def _reshape(graph: OnnxGraph, step: Step) -> None:
    """A size of 0 is that of the input: the number of samples."""
    graph.node("Reshape", [step.inputs[0], graph.constant("shape", [0, *step.keywords["shape"]])], step.outputs[0])


def _transpose(graph: OnnxGraph, step: Step) -> None:
    graph.node("Transpose", step.inputs, step.outputs[0], perm=(0, *step.keywords["axes"]))


def _slice(graph: OnnxGraph, step: Step) -> None:
    how = {"axis": 1, "step": 1, **step.keywords}
    names = {"starts": "start", "ends": "stop", "axes": "axis", "steps": "step"}
    bounds = [graph.constant(name, [how[each]]) for name, each in names.items()]
    graph.node("Slice", [step.inputs[0], *bounds], step.outputs[0])


def _mean(graph: OnnxGraph, step: Step) -> None:
    x, y, axes, keepdims = step.inputs[0], step.outputs[0], step.keywords["axes"], int(step.keywords["keepdims"])
    if graph.opset >= AXES_AS_INPUT_SINCE:
        graph.node("ReduceMean", [x, graph.constant("axes", axes)], y, keepdims=keepdims)
    else:
        graph.node("ReduceMean", [x], y, axes=axes, keepdims=keepdims)


RULES: Mapping[str, Rule] = {
    "linear": _as("Gemm", transB=1),
    "relu": _as("Relu"),
    "leaky_relu": _leaky_relu,
    "relu6": _relu6,
    "clip": _clip,
    "sigmoid": _as("Sigmoid"),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": _hard_swish,
    "tanh": _as("Tanh"),
    "elu": _elu,
    "silu": _silu,
    "softplus": _as("Softplus"),
    "gelu": _gelu,
    "prelu": _prelu,
    "standardize": _standardize,
    "scale_and_shift": _scale_and_shift,
    "softmax": _as("Softmax", axis=1),
    "log_softmax": _as("LogSoftmax", axis=1),
    "bias": _as("Add"),
    "gain": _as("Mul"),
    "add_parameter": _as("Add"),
    "multiply_parameter": _as("Mul"),
    "add": _as("Add"),
    "multiply": _as("Mul"),
    "divide": _as("Div"),
    "matmul": _as("MatMul"),
    "broadcast": _broadcast,
    "concat": _as("Concat", axis=1),
    "flatten": _as("Flatten", axis=1),
    "reshape": _reshape,
    "transpose": _transpose,
    "pad_channels": _pad_channels,
    "pad": _pad,
    "slice_channels": _slice,
    "strided_slice": _slice,
    "mean": _mean,
}
