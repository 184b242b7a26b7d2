"""Nodes of operators in the opsets in which ONNX changed them, as far as `onnx_cases` has not tried these."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

import numpy as np
import onnx

from oracles.onnx_cases import CHANNELS, ERF, GELUS, MATRIX, OUTPUTS, Case, after, drawn, of
from oracles.onnx_models import node
from pellucid.interop.onnx.model import NEWEST_OPSET, OLDEST_OPSET

Revision: TypeAlias = tuple[str, int]
"""An operator, and the opset since which it is what it is."""

NEWEST = (21, 23, 24, 25)
"""Opsets that allowed more types of numbers in whatever only moves them."""

PADDED, ABOVE = np.array([0, 0, 1, 2, 0, 0, 0, 1]), drawn(4, low=0.5)
AVERAGE = node("AveragePool", "x", kernel_shape=[2, 3])
NORMS = {"g": drawn(3), "b": drawn(3), "m": drawn(3), "v": drawn(3, low=0.1)}
AXES, SIZES = {"s": np.array([2])}, {"s": np.array([0, -1])}
CUTS = {"a": np.array([1]), "b": np.array([3]), "c": np.array([1])}


def stretched(becomes: str, operator: str) -> Case:
    """Opset 6, in which attributes say how the second input is stretched, and which onnxruntime does not run."""
    first = node(operator, "x c", axis=1, broadcast=1)
    return Case(becomes, first, {"c": ABOVE}, 6, like=node(operator, "x d"))


def squared(opset: int, **attributes: Any) -> Case:
    like = node("Pow", "x e") if attributes else None
    return Case("Multiply", node("Pow", "x e", **attributes), {"e": np.float32(2)}, opset, like=like)


def dropped(opset: int, **attributes: Any) -> Case:
    like = node("Identity", "x") if opset < 7 else None
    return Case("Dropout", node("Dropout", "x", **attributes), opset=opset, like=like)


WEIGHTS_AND_WINDOWS = [
    Case(
        "BatchNorm2d",
        node("BatchNormalization", "x g b m v", is_test=1),
        NORMS,
        6,
        (3, 7, 6),
        like=node("BatchNormalization", "x g b m v"),
    ),
    Case("Linear", node("Gemm", "x w b"), {"w": MATRIX, "b": OUTPUTS}, 7, (5,)),
    of("LocalResponseNorm", "LRN", 6, size=3),
    of("MaxPool2d", "MaxPool", 11, kernel_shape=[2, 2]),
    Case("AvgPool2d", AVERAGE, opset=6, like=AVERAGE),
    Case("AvgPool2d", AVERAGE, opset=10),
    of("AdaptiveAvgPool2d", "GlobalAveragePool", 22),
    of("AdaptiveMaxPool2d", "GlobalMaxPool", 22),
]

POINTWISE = [
    of("ELU", "Elu", 22),
    of("Softplus", "Softplus", 22),
    of("HardSigmoid", "HardSigmoid", 22),
    of("HardSwish", "HardSwish", 22),
    of("Sigmoid", "Sigmoid", 6),
    Case("ReLU", node("Clip", "x z"), {"z": np.float32(0)}, 11),
    dropped(6, is_test=1, ratio=0.25),
    dropped(10, ratio=0.25),
    *(dropped(opset) for opset in (12, 22)),
    *(
        Case("ReLU", [node("Identity", "x", "c"), node("Cast", "c", "d", to=1), node("Relu", "d")], opset=opset)
        for opset in (6, 9, 13, 14, 19, *NEWEST, 28)
    ),
    Case("GELU", GELUS[0], ERF, 9),
]

ARITHMETIC = [
    after("Relu", then=node("Add", "x a"), becomes="ReLU Add", opset=13),
    stretched("Bias", "Sub"),
    stretched("Gain", "Mul"),
    stretched("Gain", "Div"),
    *(after("Tanh", then=node("Sub", "a c"), becomes="Tanh Bias", opset=opset, c=CHANNELS) for opset in (7, 13)),
    *(after("Tanh", then=node("Mul", "a x"), becomes="Tanh Multiply", opset=opset) for opset in (7, 13)),
    *(after("Tanh", then=node("Div", "a c"), becomes="Tanh Gain", opset=opset, c=ABOVE[0]) for opset in (7, 13)),
    squared(6, broadcast=1),
    *(squared(opset) for opset in (7, 12, 13)),
    *(after("Relu", then=node("Sum", "x a"), becomes="ReLU Add", opset=opset) for opset in (6, 8)),
]

SHAPES = [
    *(of("Flatten", "Flatten", opset) for opset in (6, 9, *NEWEST)),
    *(Case("Flatten", node("Reshape", "x s"), SIZES, opset) for opset in (13, 19, *NEWEST)),
    *(of("Transpose", "Transpose", opset, perm=[0, 2, 3, 1]) for opset in (6, *NEWEST)),
    after("GlobalMaxPool", then=node("Squeeze", "a", axes=[2]), becomes="AdaptiveMaxPool2d Reshape", opset=6),
    *(
        after("GlobalMaxPool", then=node("Squeeze", "a s"), becomes="AdaptiveMaxPool2d Reshape", opset=opset, **AXES)
        for opset in NEWEST
    ),
    of("Reshape", "Unsqueeze", 6, axes=[2]),
    *(Case("Reshape", node("Unsqueeze", "x s"), AXES, opset) for opset in NEWEST),
    *(Case("Pad", node("Pad", "x p"), {"p": PADDED}, opset) for opset in (19, *NEWEST)),
    *(Case("Slice", node("Slice", "x a b c"), CUTS, opset) for opset in (10, 11)),
    Case("Slice Slice Add", [node("Split", "x", "c d", axis=1), node("Add", "c d")], opset=7),
    of("Mean", "ReduceMean", 11, axes=[1], keepdims=0),
    *(of("AdaptiveMaxPool2d", "ReduceMax", opset, axes=[2, 3]) for opset in (6, 12, 13)),
    *(Case("AdaptiveMaxPool2d", node("ReduceMax", "x a"), {"a": np.array([2, 3])}, opset) for opset in (18, 20)),
]

FEWER = {"a": np.array([1, 3])}
ZERO = {"z": np.float32(0)}
OTHERS = [
    *(of("Gain", "Neg", opset) for opset in (6, 13)),
    Case("ReLU", node("Max", "z x"), {"z": np.zeros((4, 7, 6), np.float32)}, 6, like=node("Relu", "x")),
    *(Case("ReLU", node("Max", "x z"), ZERO, opset) for opset in (8, 12, 13)),
    *(of("Mean Gain", "ReduceSum", opset, axes=[1, -1], keepdims=0) for opset in (6, 11)),
    Case("Mean Gain", node("ReduceSum", "x a"), FEWER, 13),
    *(of("Reshape Transpose Reshape", "DepthToSpace", opset, blocksize=2) for opset in (6, 11, 13, 28)),
    *(
        Case("Reshape Transpose Reshape", node("DepthToSpace", "x", blocksize=2, mode=mode), shape=(12, 2, 5))
        for mode in ("DCR", "CRD")
    ),
]

REVISIONS = [*WEIGHTS_AND_WINDOWS, *POINTWISE, *ARITHMETIC, *SHAPES, *OTHERS]


def revision(operator: str, opset: int) -> Revision:
    """Return which revision of an operator an opset has."""
    return operator, onnx.defs.get_schema(operator, min(opset, onnx.defs.onnx_opset_version())).since_version


def revisions(operators: Collection[str]) -> set[Revision]:
    """Return every revision of operators that a model of an opset that is read here may use."""
    newest = min(NEWEST_OPSET, onnx.defs.onnx_opset_version())
    since: dict[str, list[int]] = {operator: [] for operator in operators}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "" and schema.name in since and schema.since_version <= newest:
            since[schema.name].append(schema.since_version)
    found: set[Revision] = set()
    for operator, versions in since.items():
        oldest = max((version for version in versions if version <= OLDEST_OPSET), default=OLDEST_OPSET)
        found.update((operator, version) for version in versions if version >= oldest)
    return found
