"""ONNX models that cannot be networks: one error names every node in the way, each with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.errors import ArgumentError, ModelFileError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from oracles.onnx_models import load, model, node  # noqa: E402

IMAGES = ("N", 2, 6, 5)


@pytest.fixture
def weights(rng: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = {"w": (2, 2, 3, 3), "b": (2,), "s": (2,), "m": (2,), "g": (1, 2, 1, 1), "h": (60, 3), "o": (3,)}
    return {name: rng.uniform(0.2, 1, shape).astype(np.float32) for name, shape in shapes.items()}


def test_operators_without_a_layer_are_named_all_at_once(tmp_path: Path, weights: dict[str, Any]) -> None:
    nodes = [
        node("Hardmax", "x", "i", name="hard1"),
        node("LpPool", "i", "t", name="pool1"),
        onnx.helper.make_node("Fused", ["t"], ["f"], name="fused", domain="com.example"),
        node("LpPool", "f", "u", name="pool2"),
        node("Transpose", "x", "v", name="turned"),
        node("Add", "u v", "y"),
    ]
    with pytest.raises(ModelFileError) as caught:
        load(model(nodes, IMAGES, weights), tmp_path)
    message = str(caught.value)
    for part in (
        "no layer for Hardmax (hard1)", "no layer for LpPool (pool1, pool2)",
        "no layer for com.example.Fused (fused)", "turned (Transpose): puts axes in the order (3, 2, 1, 0)",
    ):  # fmt: skip
        assert part in message
    assert "Add" not in message


INDICES = {
    "i": np.array([0]),
    "one": np.array([1]),
    "f": np.ones((3, 2, 1, 1), np.float32),
    "q": np.ones((2, 2, 3, 3), np.int8),
}
INDICES |= {"q4": np.float32([1, 2, 1, 1]), "q5": np.float32([1, 1, 2, 2])}
INDICES |= {"q6": np.float32([1, 1, np.inf, 2]), "q7": np.float32([1, 1, 1.25, 1.25])}
INDICES |= {"t": np.float32(2), "z": np.float32(1), "three": np.float32(3), "root": np.float32(0.70711)}
ERF = [node("Mul", "x root", "d1"), node("Erf", "d1", "e1")]
REFUSED = [
    (node("Conv", "x x"), "the weights is computed by the network"),
    (node("Conv", "x w", group=3), "group"),
    (node("Conv", "x w", kernel_shape=[2, 2]), r"expected the kernel_shape of the weights \(3, 3\), found \(2, 2\)"),
    (node("Conv", "x w", pads=[1, 1]), "pads: expected 4 numbers"),
    (node("Conv", "x w", pads=[-1, 0, 0, 0]), "pads: expected 4 numbers of at least 0"),
    (node("Conv", "x w", auto_pad="SAME"), "auto_pad: expected NOTSET"),
    (node("Conv", "x w", strides=[1, 100], auto_pad="SAME_LOWER"), "runtimes do not agree"),
    (node("Conv", "x w", strides=[2**40, 1]), "more than 65,536 pixels"),
    (node("Conv", "x w", strides=1.5), "strides: expected whole numbers"),
    (node("Conv", "x w", padding=[1]), "the operator has no attribute padding"),
    (node("Conv", "x w b b"), "more inputs than the operator takes"),
    (node("Relu", "x w"), "more inputs than the operator takes"),
    (node("Conv", "x q"), "its numbers are int8; export the model with weights in float32"),
    (node("Conv", "x h"), "expected weights"),
    (node("MaxPool", "x", kernel_shape=[2, 2], pads=[2, 0, 0, 0]), "padding: expected less than the window"),
    (node("MaxPool", "x", "other y", kernel_shape=[2, 2]), "only the first of its outputs"),
    (node("MaxPool", "x", kernel_shape=[9, 9]), "finds no place"),
    (node("Gemm", "x h"), r"expected \(N, features\) times a matrix, found \(N, 2, 6, 5\)"),
    (node("MatMul", "h x"), "multiplies a constant by what the network computes"),
    (node("BatchNormalization", "x s b m s", training_mode=1), "model.eval"),
    (node("BatchNormalization", "x o o o o"), "expects 3 channels"),
    (node("LRN", "x", size=4), "the even size 4"),
    (node("PRelu", "x h"), "constant of the shape"),
    (node("Add", "x f"), "for each of 3 samples"),
    (node("Add", "x o"), "to which samples .* would have to be stretched"),
    (node("Div", "s x"), "divides a constant by what the network computes"),
    (node("Concat", "x x", axis=0), "joins along the axis of the samples"),
    (node("MatMul", "x x"), "expects matrices"),
    (node("LayerNormalization", "x s", axis=0), "normalises over the samples too"),
    (node("InstanceNormalization", "x three three"), "a scale and a bias of the shapes"),
    (node("Sqrt", "x"), "within layer normalisation"),
    (node("Resize", "x - q4"), "only the pixels of images"),
    (node("Resize", "x - q5", mode="cubic"), "resizes by cubic"),
    (node("Resize", "x - q6"), "scales: expected finite numbers above 0, found inf"),
    (
        node("Resize", "x - q7", coordinate_transformation_mode="align_corners", nearest_mode="floor"),
        r"align_corners: .* size · scale is no whole number, runtimes do not agree",
    ),
    (node("ConvTranspose", "x w", output_padding=[1, 1]), "beyond the reach of any"),
    (node("Concat", "x f", axis=1), "joins constants"),
    (node("Flatten", "x", axis=2), "puts samples and what is in them into one axis"),
    (node("Reshape", "x one"), r"makes \(1\) of samples \(2, 6, 5\)"),
    (node("Squeeze", "x i"), "leaves out axes"),
    (node("Squeeze", "x"), "name the axes"),
    (node("Unsqueeze", "x i"), "one before that of the samples"),
    (node("Pad", "x p"), "0 for the axis of the samples"),
    (node("Slice", "x i one"), "all samples"),
    (node("Split", "x", "y other", axis=0), "parts the samples"),
    (node("ReduceMean", "x"), "reduces the axis of the samples"),
    (node("Softmax", "x", axis=0), "over the samples"),
    (node("Softmax", "x", axis=4), "there is no axis 4 among 4"),
    (node("Cast", "x", to=7), "makes whole numbers"),
    (node("Clip", "x t z"), "expected min below max"),
    (node("Pow", "x three"), "has the exponent 3.0; only 2 is possible"),
    (node("Erf", "x"), "is possible within GELU alone"),
    ([*ERF, node("Relu", "e1")], "its input 1 is an Erf, which is no layer without"),
    ([*ERF, node("Add", "e1 t")], "takes an Erf, which is no layer without"),
    (node("Dropout", "x - true"), "was exported in training mode; export it for inference"),
    (node("Dropout", "x t"), "expected a number from 0 up to but not 1"),
    ([node("Shape", "x", "s1"), node("Mul", "s1 s1", "t1"), node("Reshape", "x t1")], "computes with the number of"),
    (
        [node("Shape", "x", "s1"), node("Gather", "s1 i", "n1"), node("Cast", "n1", "m1", to=1), node("Mul", "x m1")],
        "computes with the number of samples",
    ),
    (node("Max", "x t"), "only the larger of one and 0 is possible"),
    (node("Max", "x x"), "only the larger of one and 0 is possible"),
    (node("DepthToSpace", "x", blocksize=2), r"blocks of 2×2 pixels of samples \(2, 6, 5\)"),
    (node("DepthToSpace", "x", blocksize=1, mode="CDR"), "mode: expected DCR or CRD, found 'CDR'"),
    ([node("Flatten", "x", "f1"), node("Add", "f1 x")], "do not meet those of the samples"),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "reason"), REFUSED, ids=[reason[:40] for _, reason in REFUSED])
def test_what_cannot_be_a_layer_says_why(nodes: Any, reason: str, tmp_path: Path, weights: dict[str, Any]) -> None:
    held = {
        **weights,
        **INDICES,
        "p": np.array([1, 0, 0, 0, 0, 0, 0, 0]),
        "t": np.float32(2),
        "z": np.float32(1),
        "true": np.array(True),
        "three": np.float32(3),
        "root": np.float32(0.70711),
    }
    with pytest.raises((ModelFileError, ArgumentError), match=reason):
        load(model(nodes, IMAGES, held), tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda made: made.graph.node[0].ClearField("input"), "expected one input, found none"),
        (lambda made: made.graph.node[0].input.__setitem__(0, "nowhere"), "conv1 reads 'nowhere', which is not there"),
        (lambda made: made.graph.node.append(node("Relu", "y")), "two nodes or weights are called 'y'"),
        (lambda made: made.graph.initializer.append(made.graph.initializer[0]), "stand there twice"),
        (lambda made: made.opset_import[0].__setattr__("version", 5), "an opset from 6 to"),
        (lambda made: made.ClearField("opset_import"), "found 0 versions"),
        (lambda made: made.graph.input[0].type.tensor_type.__setattr__("elem_type", 8), "another type"),
        (lambda made: made.graph.output[0].__setattr__("name", "z"), "the output 'z' is not there"),
        (lambda made: made.graph.initializer[0].dims.append(2), "expected .* bytes, found"),
        (lambda made: made.graph.initializer[0].__setattr__("data_type", 17), "as quantised networks have"),
        (lambda made: made.graph.initializer[0].__setattr__("data_type", 8), "found text"),
        (lambda made: made.ClearField("graph"), "found none"),
    ],
)  # fmt: skip
def test_models_that_do_not_fit_together(change: Any, reason: str, tmp_path: Path, weights: dict[str, Any]) -> None:
    made = model(node("Conv", "x w b", name="conv1"), IMAGES, {"w": weights["w"], "b": weights["b"]})
    change(made)
    with pytest.raises(ModelFileError, match=reason):
        load(made, tmp_path)


def test_a_first_size_of_1_is_the_samples_only_where_the_model_is_made_for_one(tmp_path: Path) -> None:
    for sizes in ([1, -1], [1, 60], [1, 2, 30]):
        one = {"s": np.array(sizes)}
        assert load(model(node("Reshape", "x s"), (1, *IMAGES[1:]), one), tmp_path).output_shape()[-1] in (60, 30)
        for batch in ("N", None, 3):
            with pytest.raises(ModelFileError, match="puts numbers of several samples together; write -1 for the"):
                load(model(node("Reshape", "x s"), (batch, *IMAGES[1:]), one), tmp_path)
        with pytest.raises(ModelFileError, match="puts numbers of several samples together"):
            load(model(node("Reshape", "x s"), None, one), tmp_path, input_shape=(2, 6, 5))


def test_not_finite_and_too_large_weights(tmp_path: Path, weights: dict[str, Any]) -> None:
    for wrong, reason in ((np.nan, "weight: 1 of 180 numbers are not finite"), (1e300, "use dtype='float64'")):
        matrix = weights["h"].astype(np.float64)
        matrix[3, 1] = wrong
        with pytest.raises(ModelFileError, match=reason):
            load(model(node("Gemm", "x h"), ("N", 60), {"h": matrix}), tmp_path)
