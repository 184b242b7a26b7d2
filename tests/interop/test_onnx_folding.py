"""What is computed beforehand, each operator against onnx's own NumPy code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from oracles.onnx_models import model, node  # noqa: E402
from pellucid.interop.onnx.external import Refused  # noqa: E402
from pellucid.interop.onnx.folding import FOLDED, Folder  # noqa: E402
from pellucid.interop.onnx.model import decode  # noqa: E402
from pellucid.interop.onnx.nodes import Constant, Use  # noqa: E402
from pellucid.limits import LIMITS  # noqa: E402

WEIGHTS = {
    "a": np.array([[-2.5, 0.3, 4.0], [1.5, -0.7, 9.0]], np.float32),
    "b": np.array([2.0, -0.5, 4.0], np.float32),
    "c": np.array([[0.3], [1.6]], np.float32),
    "above": np.array([0.25, 2.0, 9.0], np.float32),
    "i": np.array([-7, 7, 8, -8]),
    "j": np.array([2, -2, 3, 4]),
    "whether": np.array([True, False, True]),
    "places": np.array([[1, -1], [0, 0]]),
    "sizes": np.array([2, 2, 3]),
    "to": np.array([2, 0, -1]),
    "narrow": np.array([[[1.0], [2.0]]], np.float32),
    "starts": np.array([-1, 0]),
    "ends": np.array([-(2**31), 2]),
    "axes": np.array([1, 0]),
    "steps": np.array([-2, 1]),
    "first": np.array([0]),
}
FIVE = onnx.numpy_helper.from_array(np.array([5]))
NODES: list[tuple[Any, int]] = [
    (node("Constant", "", value=FIVE), 17),
    (node("Constant", "", value_floats=[0.5, 2.0]), 17),
    (node("Constant", "", value_int=3), 17),
    (node("Shape", "a"), 13),
    (node("Shape", "narrow", start=1, end=-1), 15),
    *((node(operator, "a b"), 17) for operator in ("Add", "Sub", "Mul", "Div")),
    *((node(operator, "i j"), 17) for operator in ("Add", "Sub", "Mul", "Equal")),
    (node("Pow", "above b"), 17),
    (node("Equal", "a a"), 17),
    (node("Where", "whether a b"), 17),
    *((node(operator, "a b c"), 17) for operator in ("Sum", "Min", "Max")),
    *((node(operator, "a"), 17) for operator in ("Neg", "Abs", "Reciprocal", "Floor", "Ceil", "Identity")),
    (node("Sqrt", "above"), 17),
    (node("Expand", "narrow sizes"), 17),
    (node("ConstantOfShape", "sizes"), 17),
    (node("ConstantOfShape", "sizes", value=FIVE), 17),
    (node("ReduceProd", "a", axes=[1], keepdims=0), 13),
    (node("ReduceProd", "i first"), 18),
    (node("Cast", "a", to=7), 17),
    (node("Cast", "i", to=1), 17),
    (node("Gather", "a places", axis=1), 17),
    (node("Gather", "a places"), 17),
    (node("Slice", "a starts ends axes steps"), 17),
    (node("Slice", "a", starts=[1], ends=[3], axes=[1]), 9),
    (node("Concat", "a c", axis=-1), 17),
    (node("Squeeze", "narrow first"), 17),
    (node("Squeeze", "narrow", axes=[2]), 11),
    (node("Squeeze", "narrow"), 17),
    (node("Unsqueeze", "a axes"), 17),
    (node("Unsqueeze", "a", axes=[0, 3]), 11),
    (node("Reshape", "a to"), 17),
    (node("Transpose", "narrow"), 17),
    (node("Transpose", "narrow", perm=[1, 0, 2]), 17),
]


def folded(made: Any) -> np.ndarray:
    """Return what the only node of a model is, computed beforehand."""
    read = decode(made.SerializeToString(), "model", LIMITS, Refused("model"))
    (only,) = read.nodes
    given = tuple(Constant(read.constants[name]) for name in only.inputs)
    use = Use(only, read.opset, given)
    found = Folder(0).fold(use)
    use.refuse_rest()
    assert found is not None
    return found.array


@pytest.mark.parametrize(("single", "opset"), NODES, ids=[f"{each.op_type}-{opset}" for each, opset in NODES])
def test_a_constant_is_what_onnx_computes(single: Any, opset: int) -> None:
    from onnx.reference import ReferenceEvaluator

    weights = {name: WEIGHTS[name] for name in single.input}
    made = model(single, ("N", 3), weights, opset=opset)
    (expected,) = ReferenceEvaluator(made).run(None, {"x": np.zeros((1, 3), np.float32)})
    found = folded(made)
    assert found.dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_whole_numbers_are_divided_towards_0() -> None:
    made = model(node("Div", "i j"), ("N", 3), {name: WEIGHTS[name] for name in ("i", "j")})
    np.testing.assert_array_equal(folded(made), [-3, -3, 2, -2])


def test_until_opset_6_an_attribute_says_what_is_stretched() -> None:
    made = model(node("Sub", "a b", broadcast=1), ("N", 3), {name: WEIGHTS[name] for name in ("a", "b")}, opset=6)
    np.testing.assert_array_equal(folded(made), WEIGHTS["a"] - WEIGHTS["b"])


def test_every_operator_that_is_folded_is_tried() -> None:
    tried = {single.op_type for single, _ in NODES}
    assert FOLDED - tried == set()
