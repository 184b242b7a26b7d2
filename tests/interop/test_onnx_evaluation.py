"""The evaluator against onnxruntime: in what layers are tested for, and in what ONNX's own tests leave out."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
from onnx import TensorProto, helper

from oracles import onnx_cases, onnx_revisions
from oracles.onnx_models import evaluated, model, node, run

DRAWN = np.random.default_rng(0)


def drawn(*shape: int) -> np.ndarray:
    return DRAWN.uniform(-1, 1, shape).astype(np.float32)


CASES = [*onnx_cases.CASES, *onnx_revisions.REVISIONS]


@pytest.mark.parametrize("number", range(0, len(CASES), 5))
def test_the_evaluator_does_what_layers_are_tested_for(number: int) -> None:
    for case in CASES[number : number + 5]:
        if case.opset > onnx.defs.onnx_opset_version():
            continue
        x = drawn(case.batch if isinstance(case.batch, int) else 3, *case.shape)
        found, expected = evaluated(onnx_cases.made(case), x=x)[0], run(onnx_cases.runnable(case), x)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-6, err_msg=f"{case}")


POOL = {"kernel_shape": [2, 3, 2], "strides": [1, 2, 2], "pads": [1, 1, 0, 0, 1, 1]}
RUNS = {
    "Conv of 3 axes": (node("Conv", "x w b", group=2, strides=[2, 1, 2], pads=[1, 0, 2, 0, 1, 1]), (2, 4, 6, 5, 7)),
    "Conv of 3 axes, dilated": (node("Conv", "x w", group=2, dilations=[2, 1, 1]), (1, 4, 7, 5, 4)),
    "Conv of 1 axis": (node("Conv", "x v", auto_pad="SAME_UPPER", strides=[2]), (2, 4, 8)),
    "ConvTranspose of 3 axes": (
        node("ConvTranspose", "x u", group=2, strides=[2, 3, 1], output_padding=[1, 2, 0], pads=[1, 1, 0, 0, 1, 1]),
        (2, 4, 3, 4, 3),
    ),
    "ConvTranspose to a size": (
        node("ConvTranspose", "x u", group=2, strides=[2, 2, 2], output_shape=[7, 8, 6]), (1, 4, 3, 4, 3)
    ),
    "ConvTranspose, same": (
        node("ConvTranspose", "x u", group=2, strides=[3, 2, 2], auto_pad="SAME_LOWER"), (1, 4, 3, 4, 3)
    ),
    "MaxPool of 3 axes": (node("MaxPool", "x", "y i", **POOL, dilations=[2, 1, 1]), (2, 3, 6, 7, 5)),
    "MaxPool, numbered by columns": (node("MaxPool", "x", "y i", **POOL, storage_order=1), (2, 3, 6, 7, 5)),
    "AveragePool of 3 axes": (node("AveragePool", "x", **POOL, count_include_pad=1), (2, 3, 6, 7, 5)),
    "LRN": (node("LRN", "x", size=3, alpha=0.5), (2, 5, 4, 1)),
    "Softmax of an axis in the middle": (node("Softmax", "x", axis=-2), (2, 3, 4, 5)),
    "Flatten of all": (node("Flatten", "x", axis=4), (2, 3, 4, 5)),
    "Pad with less than nothing": (node("Pad", "x p"), (2, 3, 4, 5)),
    "Pad that is cut off again": (node("Pad", "x o"), (1, 3, 4, 5)),
    "MaxPool of no images": (node("MaxPool", "x", kernel_shape=[2, 2]), (0, 3, 4, 5)),
    "Resize": (node("Resize", "x - s", mode="linear"), (2, 3, 4, 5)),
    "Resize, cubic": (node("Resize", "x - s", mode="cubic", exclude_outside=1), (2, 3, 4, 5)),
    "Resize in opset 10": (node("Resize", "x s", mode="linear"), (2, 3, 4, 5), 10),
    "Resize to the nearest in opset 10": (node("Resize", "x s"), (2, 3, 4, 5), 10),
    "Softmax until opset 12": (node("Softmax", "x", axis=2), (2, 3, 4, 5), 12),
    "Dropout in opset 9": (node("Dropout", "x", ratio=0.3), (2, 3), 9),
    "Pad in opset 9": (node("Pad", "x", pads=[0, 1, 0, 2, 1, 0, 2, 1], mode="reflect"), (2, 3, 4, 5), 9),
    "Resize to the nearest": (
        node("Resize", "x - s", nearest_mode="floor", coordinate_transformation_mode="asymmetric"), (2, 3, 4, 5)
    ),
}  # fmt: skip
WEIGHTS = {
    "w": drawn(6, 2, 3, 2, 2),
    "b": drawn(6),
    "u": drawn(4, 3, 3, 2, 3),
    "v": drawn(5, 4, 3),
    "p": np.array([0, 1, -1, 2, 1, 0, 2, -1]),
    "o": np.array([2, 0, 0, -1, -3, 0, 0, 3]),
    "s": np.array([1, 1, 1.6, 0.7], np.float32),
}


@pytest.mark.parametrize("case", RUNS)
def test_the_evaluator_does_what_onnxruntime_does(case: str) -> None:
    single, shape, *opset = RUNS[case]
    weights = {name: WEIGHTS[name] for name in single.input if name in WEIGHTS}
    made, x = model(single, shape, weights, opset=opset[0] if opset else 17), drawn(*shape)
    graph = made.graph
    if "i" in single.output:
        graph.output.append(helper.make_tensor_value_info("i", TensorProto.INT64, None))
    for name, mine in zip(single.output, evaluated(made, x=x), strict=True):
        np.testing.assert_allclose(mine, run(made, x, [name]), rtol=1e-5, atol=1e-5)


def test_an_even_window_of_lrn_reaches_further_on() -> None:
    x = drawn(1, 5, 2, 1)
    (y,) = evaluated(model(node("LRN", "x", size=4, alpha=0.5, beta=0.75, bias=2.0), x.shape), x=x)
    for channel in range(5):
        squares = sum(x[0, j] ** 2 for j in range(max(0, channel - 1), min(5, channel + 3)))
        np.testing.assert_allclose(y[0, channel], x[0, channel] / (2 + 0.5 / 4 * squares) ** 0.75, rtol=1e-5)
