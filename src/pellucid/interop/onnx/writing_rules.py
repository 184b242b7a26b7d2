"""Which nodes of ONNX a forward step becomes: one small rule a kind.

A rule says what the definition of its kind says, in ONNX's operators; all of them mean the same from opset 13 on. Where
an operator's own settings are understood differently by different runtimes (ceil mode), or one does less than the
definition (an even size in LRN), a rule writes the numbers out instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...steps import Step
from . import writing_images
from .writing_graph import Attribute, OnnxGraph, Rule


def _as(operator: str, **attributes: Attribute) -> Rule:
    """Return the rule of a kind that is an operator of ONNX, with the same inputs and these attributes."""

    def rule(graph: OnnxGraph, step: Step) -> None:
        graph.node(operator, step.inputs, step.outputs[0], **attributes)

    return rule


def _leaky_relu(graph: OnnxGraph, step: Step) -> None:
    graph.node("LeakyRelu", step.inputs, step.outputs[0], alpha=step.keywords["negative_slope"])


def _relu6(graph: OnnxGraph, step: Step) -> None:
    graph.node("Clip", [step.inputs[0], graph.constant("min", 0.0), graph.constant("max", 6.0)], step.outputs[0])


def _broadcast(graph: OnnxGraph, step: Step) -> None:
    """Sums and products repeat the numbers of one operand themselves, if the other is whole."""
    x, y = step.inputs[0], step.outputs[0]
    repeated = {value for each in graph.program.steps if each.kind == "broadcast" for value in each.outputs}
    readers = [each for each in graph.program.steps if y in each.inputs]
    if readers and all(each.kind in ("add", "multiply") and not repeated.issuperset(each.inputs) for each in readers):
        graph.alias(y, x)
    else:
        graph.node("Expand", [x, graph.constant("shape", [1, *step.keywords["shape"]])], y)


def _pad_channels(graph: OnnxGraph, step: Step) -> None:
    rest = [0] * (len(graph.shape(step.inputs[0])) - 1)
    pads = [0, step.keywords["before"], *rest, 0, step.keywords["after"], *rest]
    graph.node("Pad", [step.inputs[0], graph.constant("pads", pads)], step.outputs[0], mode="constant")


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        **writing_images.RULES,
        "linear": _as("Gemm", transB=1),
        "flatten": _as("Flatten", axis=1),
        "relu": _as("Relu"),
        "leaky_relu": _leaky_relu,
        "relu6": _relu6,
        "sigmoid": _as("Sigmoid"),
        "tanh": _as("Tanh"),
        "softmax": _as("Softmax", axis=1),
        "add": _as("Add"),
        "multiply": _as("Mul"),
        "broadcast": _broadcast,
        "concat": _as("Concat", axis=1),
        "pad_channels": _pad_channels,
    }
)
"""Kind of forward step -> its rule. What a program for prediction has beside these are layers of the user's own."""
