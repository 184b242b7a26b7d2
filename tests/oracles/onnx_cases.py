"""Nodes of every operator of ONNX that becomes a layer, with what they become."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from oracles.onnx_models import model, node

DRAWN = np.random.default_rng(0)


def drawn(*shape: int, low: float = -1.0) -> np.ndarray:
    return DRAWN.uniform(low, 1.0, shape).astype(np.float32)


class Case(NamedTuple):
    """Nodes on samples of a shape, and what they become; `like` is the same for opset 17, where no runtime has them."""

    becomes: str
    nodes: Any
    weights: Mapping[str, Any] = MappingProxyType({})
    opset: int = 17
    shape: tuple[int, ...] = (4, 7, 6)
    batch: int | str = "N"
    like: Any = None


def of(becomes: str, operator: str, opset: int = 17, **attributes: Any) -> Case:
    """One node of an operator that takes x alone."""
    return Case(becomes, node(operator, "x", **attributes), opset=opset)


FILTERS, GROUPED, ROW = drawn(6, 4, 3, 2), drawn(6, 2, 3, 2), drawn(6)


def conv(opset: int = 17, **attributes: Any) -> Case:
    weight = GROUPED if attributes.get("group") == 2 else FILTERS
    return Case("Conv2d", node("Conv", "x w b", **attributes), {"w": weight, "b": ROW}, opset)


def gemm(opset: int = 17, *, b: Any, w: Any = None, **rest: Any) -> Case:
    weights = {"w": MATRIX if w is None else w, **({} if b is None else {"b": b})}
    like = rest.pop("like", None)
    return Case("Linear", node("Gemm", " ".join(["x", *weights]), **rest), weights, opset, (5,), like=like)


def after(first: str, *, then: Any, becomes: str, opset: int = 17, **weights: Any) -> Case:
    """A node of an operator on x, called a, and another."""
    return Case(becomes, [node(first, "x", "a"), then], weights, opset)


MATRIX, OUTPUTS = drawn(5, 8), drawn(8)
CHANNELS, NORM = drawn(4, 1, 1), {"s": drawn(4), "b": drawn(4), "m": drawn(4), "v": drawn(4, low=0.1)}
AROUND = np.array([0, 0, 1, 2, 0, 0, 0, 1])
LOWEST = {"p": np.array([0, 0, 2, 1, 0, 0, 0, 2]), "v": np.float32(-np.inf)}

CONVOLUTIONS = [
    *(conv(opset) for opset in (6, 17, 22)),
    conv(strides=[2, 3], pads=[1, 2, 0, 3]),
    conv(dilations=[2, 2], pads=[1, 0, 2, 1]),
    conv(group=2),
    conv(auto_pad="SAME_UPPER", strides=[2, 2]),
    conv(auto_pad="SAME_LOWER", strides=[2, 2]),
    conv(auto_pad="SAME_LOWER"),
    conv(auto_pad="VALID", kernel_shape=[3, 2]),
    conv(11, auto_pad="NOTSET", pads=[1, 1, 1, 1]),
    Case("Conv2d", node("Conv", "x w"), {"w": FILTERS}),
    Case("Conv2d", [node("Conv", "x w", "c"), node("Add", "c b")], {"w": FILTERS, "b": drawn(6, 1, 1)}),
    Case("Conv2d", [node("Conv", "x w", "c"), node("Sub", "c b")], {"w": FILTERS, "b": drawn(1, 6, 1, 1)}),
    Case(
        "Conv2d Bias", [node("Conv", "x w b", "c"), node("Add", "d c")], {"w": FILTERS, "b": ROW, "d": drawn(6, 1, 1)}
    ),
    Case("Conv2d", [node("Pad", "x p", "c"), node("Conv", "c w", pads=[1, 0, 0, 1])], {"w": FILTERS, "p": AROUND}),
    Case(
        "Pad Conv2d",
        [node("Pad", "x p v", "c"), node("Conv", "c w")],
        {"w": FILTERS, "p": AROUND, "v": np.float32(0.5)},
    ),
]

SPREAD = drawn(4, 3, 3, 2)


def conv_transpose(opset: int = 17, **attributes: Any) -> Case:
    return Case("ConvTranspose2d", node("ConvTranspose", "x w b", **attributes), {"w": SPREAD, "b": drawn(3)}, opset)


TRANSPOSED = [
    *(conv_transpose(opset) for opset in (6, 11, 22)),
    conv_transpose(strides=[2, 3], pads=[1, 0, 0, 1], output_padding=[1, 2]),
    conv_transpose(strides=[3, 2], dilations=[2, 2], kernel_shape=[3, 2], pads=[4, 3, 2, 1]),
    conv_transpose(strides=[2, 2], auto_pad="SAME_UPPER"),
    conv_transpose(strides=[2, 2], auto_pad="SAME_LOWER"),
    conv_transpose(strides=[2, 2], output_shape=[14, 13]),
    conv_transpose(auto_pad="VALID"),
    Case("ConvTranspose2d", node("ConvTranspose", "x w", group=2, strides=[2, 2]), {"w": SPREAD}),
]

FACTORS = {"f": np.float32([1, 1, 2, 3]), "r": np.zeros(0, np.float32)}


def resized(opset: int = 17, *, factors: Any = (1, 1, 2, 3), **attributes: Any) -> Case:
    weights = {"f": np.float32(factors), "r": np.zeros(0, np.float32)}
    return Case("Upsample", node("Resize", "x f" if opset < 11 else "x r f", **attributes), weights, opset)


def sized(*sizes: int, opset: int = 17, **attributes: Any) -> Case:
    return Case("Upsample", node("Resize", "x - - s", **attributes), {"s": np.array(sizes)}, opset, batch=2)


RESIZED = [
    *(resized(opset) for opset in (10, 11, 13, 18, 19)),
    resized(10, mode="linear"),
    resized(coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    resized(factors=(1, 1, 2, 2), coordinate_transformation_mode="asymmetric", nearest_mode="round_prefer_floor"),
    resized(factors=(1, 1, 1.5, 2.5), coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    *(
        resized(factors=(1, 1, 2, 2.5), mode="linear", coordinate_transformation_mode=each)
        for each in ("asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners")
    ),
    sized(2, 4, 9, 13, mode="linear"),
    sized(2, 4, 9, 13, mode="linear", coordinate_transformation_mode="align_corners"),
    sized(2, 4, 14, 6, coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    sized(14, 12, opset=18, axes=[2, 3]),
    Case(
        "Upsample",
        [
            node("Shape", "x", "a"),
            node("Slice", "a zero two", "n"),
            node("Concat", "n size", "s", axis=0),
            node("Resize", "x - - s"),
        ],
        {"zero": np.array([0]), "two": np.array([2]), "size": np.array([14, 12])},
    ),
    Case("ReLU", [node("Resize", "x r f", "a"), node("Relu", "a")], {**FACTORS, "f": np.ones(4, np.float32)}),
]

POOLS = [
    of("MaxPool2d", "MaxPool", kernel_shape=[3, 2]),
    of("MaxPool2d", "MaxPool", 8, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 2, 1]),
    of("MaxPool2d", "MaxPool", 10, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    of("MaxPool2d", "MaxPool", 12, kernel_shape=[2, 2], dilations=[3, 2]),
    of("MaxPool2d", "MaxPool", 6, kernel_shape=[2, 2], auto_pad="SAME_UPPER"),
    of("MaxPool2d", "MaxPool", 22, kernel_shape=[3, 3], auto_pad="SAME_LOWER", strides=[2, 2]),
    of("MaxPool2d", "MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 0, 1], ceil_mode=1),
    of("AvgPool2d", "AveragePool", kernel_shape=[3, 2]),
    of("AvgPool2d", "AveragePool", 7, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 2, 1]),
    of("AvgPool2d", "AveragePool", 11, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 2, 1], count_include_pad=1),
    of("AvgPool2d", "AveragePool", 19, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    of("AvgPool2d", "AveragePool", 22, kernel_shape=[2, 2], auto_pad="SAME_UPPER"),
    of("AvgPool2d", "AveragePool", 19, kernel_shape=[2, 2], dilations=[3, 2]),
    of("AvgPool2d", "AveragePool", 22, kernel_shape=[3, 2], dilations=[2, 2], pads=[1, 0, 2, 1], count_include_pad=1),
    of(
        "AvgPool2d",
        "AveragePool",
        22,
        kernel_shape=[3, 3],
        strides=[2, 2],
        pads=[1] * 4,
        ceil_mode=1,
        count_include_pad=1,
    ),
    of("AdaptiveAvgPool2d", "GlobalAveragePool"),
    of("AdaptiveMaxPool2d", "GlobalMaxPool", 6),
    Case("MaxPool2d", [node("Pad", "x p v", "c"), node("MaxPool", "c", kernel_shape=[2, 2], dilations=[3, 3])], LOWEST),
    Case(
        "Pad MaxPool2d",
        [node("Pad", "x p v", "c"), node("MaxPool", "c", kernel_shape=[4, 4], pads=[0, 1, 0, 0])],
        LOWEST,
    ),
]

WEIGHTS = [
    gemm(b=OUTPUTS),
    gemm(w=MATRIX.T.copy(), b=OUTPUTS, transB=1, alpha=0.5, beta=2.0),
    gemm(11, b=None),
    gemm(6, b=OUTPUTS, broadcast=1, like=node("Gemm", "x w b")),
    gemm(9, b=drawn(1, 8)),
    gemm(b=np.float32(0.7)),
    *(Case("Linear", node("MatMul", "x w"), {"w": MATRIX}, opset, (5,)) for opset in (6, 9, 17)),
    Case("Linear", [node("MatMul", "x w", "c"), node("Add", "b c")], {"w": MATRIX, "b": OUTPUTS}, shape=(5,)),
    Case(
        "Linear Bias", [node("MatMul", "x w", "c"), node("Add", "c b")], {"w": MATRIX, "b": np.float32([2])}, shape=(5,)
    ),
    Case(
        "Transpose Conv2d Transpose",
        [node("MatMul", "x w", "c"), node("Add", "c b")],
        {"w": drawn(6, 8), "b": OUTPUTS},
    ),
    Case(
        "Mean Reshape Transpose Conv2d Transpose Reshape",
        [node("ReduceMean", "x", "m", axes=[1], keepdims=0), node("MatMul", "m w", "c"), node("Add", "b c")],
        {"w": drawn(6, 8), "b": OUTPUTS},
    ),
    Case(  # a convolution of one pixel and GELU of channels that lie last
        "Conv2d ReLU Conv2d Gain",
        [
            node("Transpose", "x", "a", perm=[0, 2, 3, 1]),
            node("MatMul", "a w", "c"),
            node("Add", "c b", "d"),
            node("Relu", "d", "e"),
            node("MatMul", "e v", "f"),
            node("Mul", "g f", "h"),
            node("Transpose", "h", perm=[0, 3, 1, 2]),
        ],
        {"w": drawn(4, 8), "b": OUTPUTS, "v": drawn(8, 3), "g": drawn(3)},
    ),
    *(Case("BatchNorm2d", node("BatchNormalization", "x s b m v", epsilon=0.01), NORM, n) for n in (7, 9, 14, 15)),
    Case("BatchNorm2d", node("BatchNormalization", "x s b m v", momentum=0.8), NORM, shape=(4,)),
    of("LocalResponseNorm", "LRN", size=3, alpha=0.3, beta=0.6, bias=2.0),
    of("LocalResponseNorm", "LRN", size=5),
    of("LocalResponseNorm", "LRN", size=10_001, alpha=900.0),
    *(Case("PReLU", node("PRelu", "x s"), {"s": CHANNELS}, opset) for opset in (7, 9, 16)),
    Case("PReLU", node("PRelu", "x s"), {"s": drawn(4)}, 6, like=[node("PRelu", "x t")]),
    Case("PReLU", node("PRelu", "x s"), {"s": np.float32([0.3])}),
    Case("PReLU", node("PRelu", "x s"), {"s": drawn(5)}, shape=(5,)),
]

WITHIN = {"s": drawn(4, low=0.5), "b": drawn(4)}
GROUPED_BY_TWO = {"s": np.ones(2, np.float32), "b": np.zeros(2, np.float32), "t": np.array([0, 2, -1])}
NORMS = [
    Case("LayerNorm", node("LayerNormalization", "x s b"), {"s": drawn(6), "b": drawn(6)}),
    Case("LayerNorm", node("LayerNormalization", "x s", axis=2, epsilon=0.1), {"s": drawn(7, 6)}),
    Case("LayerNorm", node("LayerNormalization", "x s b", axis=-1), {"s": drawn(5), "b": drawn(5)}, shape=(5,)),
    *(Case("GroupNorm", node("InstanceNormalization", "x s b"), WITHIN, opset) for opset in (6, 17, 22)),
    Case("GroupNorm", node("GroupNormalization", "x s b", num_groups=2), {"s": drawn(2), "b": drawn(2)}, 18),
    Case("GroupNorm", node("GroupNormalization", "x s b", num_groups=2, epsilon=0.1), WITHIN, 21),
    Case(  # as PyTorch writes it
        "GroupNorm",
        [
            node("Reshape", "x t", "r"),
            node("InstanceNormalization", "r s b", "n"),
            node("Reshape", "n u", "c"),
            node("Mul", "c w", "d"),
            node("Add", "d v"),
        ],
        {**GROUPED_BY_TWO, "u": np.array([0, 4, 7, 6]), "w": drawn(4, 1, 1), "v": drawn(4, 1, 1)},
    ),
    Case(
        "Reshape GroupNorm Reshape",
        [node("Reshape", "x t", "r"), node("InstanceNormalization", "r s b", "n"), node("Reshape", "n u")],
        {**GROUPED_BY_TWO, "u": np.array([0, 7, 4, 6])},
    ),
    Case(
        "LayerNorm",
        [node("LayerNormalization", "x s", "n"), node("Mul", "n w")],
        {"s": np.ones(6, np.float32), "w": drawn(6)},
    ),
]

BOUNDS = {"z": np.float32(0), "m": np.float32(6)}
POINTWISE = [
    *(of("ReLU", "Relu", opset) for opset in (6, 13, 14)),
    of("Sigmoid", "Sigmoid"),
    of("Tanh", "Tanh", 6),
    of("Softplus", "Softplus"),
    of("HardSwish", "HardSwish", 14),
    of("HardSigmoid", "HardSigmoid"),
    of("HardSigmoid", "HardSigmoid", 6, alpha=0.3, beta=0.4),
    of("LeakyReLU", "LeakyRelu"),
    of("LeakyReLU", "LeakyRelu", 6, alpha=0.2),
    of("ELU", "Elu"),
    of("ELU", "Elu", 6, alpha=0.5),
    of("GELU", "Gelu", 20),
    of("SiLU", "Swish", 24),
    of("Clip", "Clip", 6, min=-0.5, max=1.5),
    of("ReLU6", "Clip", 10, min=0.0, max=6.0),
    of("ReLU", "Clip", 6, min=0.0),
    Case("Clip", node("Clip", "x - m"), BOUNDS),
    Case("ReLU6", node("Clip", "x z m"), BOUNDS, 12),
    *(Case(each, node(each, "x"), opset=n, shape=(5,)) for each in ("Softmax", "LogSoftmax") for n in (6, 11, 13)),
    *(of(f"Flatten {each} Reshape", each, 11) for each in ("Softmax", "LogSoftmax")),
    of("Softmax", "Softmax", 13, axis=1),
    of("Transpose Softmax Transpose", "Softmax", 13),
    of("Transpose Softmax Transpose", "Softmax", 11, axis=3),
    of("Reshape Transpose Softmax Transpose Reshape", "Softmax", 11, axis=2),
    of("Transpose LogSoftmax Transpose", "LogSoftmax", 13, axis=-2),
    of("Dropout", "Dropout", 7, ratio=0.25),
    Case("Dropout", node("Dropout", "x r"), {"r": np.float32(0.25)}),
    Case("ReLU", [node("Dropout", "x r", "c"), node("Relu", "c")], {"r": np.float32(0)}),
    Case("ReLU", [node("Identity", "x", "c"), node("Cast", "c", "d", to=1), node("Relu", "d")]),
]

ERF = {"root": np.float32(1.4142), "one": np.float32(1), "half": np.float32(0.5)}
GATE = [node("Div", "x root", "a"), node("Erf", "a", "b"), node("Add", "one b", "c")]
GELUS = [
    [*GATE, node("Mul", "x c", "d"), node("Mul", "d half")],
    [*GATE, node("Mul", "half c", "d"), node("Mul", "d x")],
    [*GATE, node("Mul", "x half", "d"), node("Mul", "c d")],
]
CENTRED = {"two": np.float32(2), "eps": np.float32(1e-5)}


def centred(*axes: int) -> list[Any]:
    """Layer normalisation as nodes."""
    return [
        node("ReduceMean", "x", "m", axes=axes),
        node("Sub", "x m", "d"),
        node("Pow", "d two", "s"),
        node("ReduceMean", "s", "q", axes=axes),
        node("Add", "q eps", "e"),
        node("Sqrt", "e", "r"),
        node("Div", "d r", "n"),
        node("Mul", "n w", "o"),
        node("Add", "o v"),
    ]


ARITHMETIC = [
    after("Relu", then=node("Add", "x a"), becomes="ReLU Add"),
    after("Relu", then=node("Mul", "x a"), becomes="ReLU Multiply"),
    after("Relu", then=node("Sub", "a x"), becomes="ReLU Gain Add"),
    after("GlobalAveragePool", then=node("Add", "a x"), becomes="AdaptiveAvgPool2d Add"),
    after("Tanh", then=node("Sub", "a c"), becomes="Tanh Bias", c=CHANNELS),
    after("Tanh", then=node("Div", "a c"), becomes="Tanh Gain", c=drawn(4, 1, 1, low=0.5)),
    after("Sigmoid", then=node("Mul", "a x"), becomes="SiLU"),
    Case("HardSwish", [node("HardSigmoid", "x", "g", alpha=1 / 6), node("Mul", "x g")]),
    Case("HardSigmoid Multiply", [node("HardSigmoid", "x", "g"), node("Mul", "x g")]),
    Case("Multiply", node("Pow", "x e"), {"e": np.float32(2)}),
    *(Case("GELU", nodes, ERF) for nodes in GELUS),
    Case("LayerNorm", centred(-1), {**CENTRED, "w": drawn(6, low=0.5), "v": drawn(6)}, 6, like=centred(-1)),
    Case("LayerNorm", centred(2, 3), {**CENTRED, "w": drawn(7, 6, low=0.5), "v": drawn(7, 6)}, 13),
    after("Sigmoid", then=node("Div", "x a"), becomes="Sigmoid Divide"),
    after("GlobalAveragePool", then=node("Div", "a x"), becomes="AdaptiveAvgPool2d Divide"),
    Case("Transpose MatMul", [node("Transpose", "x", "a", perm=[0, 1, 3, 2]), node("MatMul", "x a")]),
    Case(
        "Mean Reshape MatMul",
        [node("ReduceMean", "x", "a", axes=[1]), node("Reshape", "x t", "b"), node("MatMul", "a b")],
        {"t": np.array([0, 4, 6, 7])},
    ),
    after("Sigmoid", then=node("Mul", "a a"), becomes="Sigmoid Multiply"),
    Case("Bias", node("Add", "x c"), {"c": CHANNELS}),
    Case("Bias", node("Add", "c x"), {"c": drawn(7, 6)}),
    Case("Bias", node("Add", "x c", axis=1, broadcast=1), {"c": CHANNELS.ravel()}, 6, like=node("Add", "x d")),
    Case("Gain", node("Mul", "x c"), {"c": CHANNELS}),
    Case("Gain Bias", node("Sub", "c x"), {"c": np.float32(2)}),
    Case("ReLU Tanh Add", [node("Relu", "x", "a"), node("Tanh", "x", "b"), node("Sum", "x a b")]),
    Case("ReLU", [node("Sum", "x", "a"), node("Relu", "a")]),
]

SIZES = {"zero": np.array(0), "front": np.array([0]), "rest": np.array([-1])}
SHAPES = [
    after("Relu", then=node("Concat", "x a x", axis=1), becomes="ReLU Concat"),
    after("Relu", then=node("Concat", "a x", axis=-3), becomes="ReLU Concat", opset=11),
    of("Flatten", "Flatten"),
    of("Flatten", "Flatten", 11, axis=-3),
    Case("ReLU", [node("Flatten", "x", "c"), node("Relu", "c")], shape=(5,)),
    *(Case("Flatten", node("Reshape", "x s"), {"s": np.array(sizes)}) for sizes in ([-1, 168], [0, -1], [0, 168])),
    *(Case("Flatten", node("Reshape", "x s"), {"s": np.array(sizes)}, batch=2) for sizes in ([2, -1], [2, 168])),
    Case("Reshape", node("Reshape", "x s"), {"s": np.array([0, 2, 2, 7, -1])}, 6),
    Case("Reshape", node("Reshape", "x s", allowzero=1), {"s": np.array([-1, 4, 42])}),
    Case(
        "Flatten",
        [
            node("Shape", "x", "s"),
            node("Gather", "s zero", "n"),
            node("Unsqueeze", "n front", "u"),
            node("Concat", "u rest", "t", axis=0),
            node("Reshape", "x t"),
        ],
        SIZES,
    ),
    Case(
        "Reshape",
        [
            node("Shape", "x", "s"),
            node("Slice", "s front two", "n"),
            node("Cast", "n", "m", to=7),
            node("Concat", "m rest", "t", axis=0),
            node("Reshape", "x t"),
        ],
        {**SIZES, "two": np.array([2])},
    ),
    Case(
        "Flatten",
        [
            node("Shape", "x", "s"),
            node("Slice", "s", "n", starts=[1], ends=[4]),
            node("ReduceProd", "n", "m", keepdims=1),
            node("Concat", "rest m", "t", axis=0),
            node("Reshape", "x t"),
        ],
        SIZES,
        9,
    ),
    of("Transpose", "Transpose", perm=[0, 2, 3, 1]),
    Case(
        "Transpose Conv2d Transpose",  # channels last, as TensorFlow has them
        [
            node("Transpose", "x", "t", perm=[0, 3, 1, 2]),
            node("Conv", "t w b", "c"),
            node("Transpose", "c", perm=[0, 2, 3, 1]),
        ],
        {"w": FILTERS, "b": ROW},
        shape=(7, 6, 4),
    ),
    Case("ReLU", [node("Transpose", "x", "c", perm=[0, 1, 2, 3]), node("Relu", "c")]),
    after("GlobalMaxPool", then=node("Squeeze", "a s"), becomes="AdaptiveMaxPool2d Flatten", s=np.array([2, -1])),
    after("GlobalMaxPool", then=node("Squeeze", "a", axes=[2]), becomes="AdaptiveMaxPool2d Reshape", opset=11),
    Case("Reshape", node("Unsqueeze", "x a"), {"a": np.array([-1, 1])}),
    Case("Reshape", node("Unsqueeze", "x", axes=[2, 3]), opset=11, shape=(5,)),
    of("Pad", "Pad", 10, pads=[0, 0, 1, 2, 0, 1, 0, 3], value=0.5),
    Case("PadChannels", node("Pad", "x p"), {"p": np.array([0, 2, 0, 0, 0, 1, 0, 0])}),
    *(Case("Pad", node("Pad", "x p", mode=mode), {"p": AROUND}, 11) for mode in ("edge", "reflect")),
    Case("Pad", node("Pad", "x p - a"), {"p": np.array([1, 2]), "a": np.array([-1])}, 18),
    of("Slice", "Slice", 9, starts=[1], ends=[3], axes=[1]),
    Case(
        "Slice Slice",
        node("Slice", "x a b c d"),
        {"a": np.array([-3, 1]), "b": np.array([2**62, -1]), "c": np.array([2, 3]), "d": np.array([1, 2])},
        13,
    ),
    Case(
        "ReLU",
        [node("Slice", "x a b", "c"), node("Relu", "c")],
        {"a": np.array([0, 0]), "b": np.array([2**31 - 1, 4])},
    ),
    Case("Slice Slice Add", [node("Split", "x", "c d", axis=1), node("Add", "c d")], opset=11),
    Case("Slice", node("Split", "x s", "c y", axis=1), {"s": np.array([1, 3])}),
    Case("Slice", node("Split", "x", "c y d", axis=3, num_outputs=3), opset=18),
    of("AdaptiveAvgPool2d", "ReduceMean", axes=[2, 3]),
    of("Mean", "ReduceMean", 6, axes=[1]),
    Case("Mean", node("ReduceMean", "x a", keepdims=0), {"a": np.array([2, 3])}, 18),
    of("AdaptiveMaxPool2d Flatten", "ReduceMax", 11, axes=[-1, 2], keepdims=0),
    of("Transpose Reshape AdaptiveMaxPool2d Reshape", "ReduceMax", axes=[1]),
    of("Transpose Reshape AdaptiveMaxPool2d Flatten", "ReduceMax", 12, axes=[1, 2], keepdims=0),
    of("Reshape AdaptiveMaxPool2d Reshape", "ReduceMax", axes=[3], keepdims=0),
    after("Relu", then=node("Concat", "x a", axis=3), becomes="ReLU Transpose Transpose Concat Transpose"),
    after("Relu", then=node("Concat", "x a x", axis=-2), becomes="ReLU Transpose Transpose Transpose Concat Transpose"),
]

CASES = [*CONVOLUTIONS, *TRANSPOSED, *RESIZED, *POOLS, *WEIGHTS, *NORMS, *POINTWISE, *ARITHMETIC, *SHAPES]
"""What each operator may say; `onnx_revisions` tries the opsets in which one changed."""


def made(case: Case) -> Any:
    """The model of a case."""
    return model(case.nodes, (case.batch, *case.shape), case.weights, opset=case.opset)


def runnable(case: Case) -> Any:
    """The model of a case, or for an opset that no runtime has what is the same in opset 17."""
    if case.like is None:
        return made(case)
    names = {"s": "t", "c": "d"}  # numbers by channel, as opset 17 has them
    shaped = {names.get(name, name): _by_channel(array) for name, array in case.weights.items()}
    return model(case.like, (case.batch, *case.shape), shaped)


def _by_channel(array: np.ndarray) -> np.ndarray:
    return array.reshape(4, 1, 1) if array.shape == (4,) else array
