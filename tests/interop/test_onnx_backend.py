"""The backend before ONNX's own tests, and which of its two ways a model takes."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

import pellucid as p
from pellucid.errors import ArgumentError

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
from onnx import TensorProto, helper, numpy_helper

import onnx_backend
from onnx_backend import IMPOSSIBLE, Outcome
from oracles.onnx_models import evaluated, node
from pellucid.interop.onnx.backend import EVALUATOR, NETWORK, backend
from pellucid.interop.onnx.evaluation import OPERATIONS
from pellucid.interop.onnx.folding import FOLDED
from pellucid.interop.onnx.nodes import NodeError
from pellucid.interop.onnx.rules import RULES
from pellucid.interop.onnx.writing import onnx_bytes

DRAWN = np.random.default_rng(0)


def drawn(*shape: int) -> np.ndarray:
    return DRAWN.uniform(-1, 1, shape).astype(np.float32)


# ---- ONNX's own tests
@cache
def found() -> list[Outcome]:
    """What became of all of them; they are run by the first test that asks."""
    return list(onnx_backend.outcomes())


def test_onnx_s_tests_pass_but_for_those_that_cannot() -> None:
    assert onnx_backend.surprises(found(), onnx.__version__) == []


def test_none_of_onnx_s_tests_vanishes() -> None:
    expected = onnx_backend.COUNTED.get(onnx.__version__)
    assert len(found()) == expected if expected else len(found()) > 500
    assert len({each.name for each in found()}) == len(found())


def test_both_ways_are_taken() -> None:
    ways = [each.way for each in found() if not each.error]
    assert ways.count(NETWORK) > 100
    assert ways.count(NETWORK) + ways.count(EVALUATOR) == len(ways)


@pytest.mark.skipif(onnx.__version__ not in onnx_backend.COUNTED, reason="the page tells of another version of onnx")
def test_the_page_shows_what_became_of_them() -> None:
    page = onnx_backend.PAGE.read_text(encoding="utf-8")
    assert onnx_backend.written(page) == onnx_backend.table(found()), "run python -m tests.onnx_backend --write"


def test_what_passes_or_fails_against_the_list_is_found() -> None:
    listed = [Outcome(name, (), "", "no such type") for names in IMPOSSIBLE.values() for name in names]
    passing = [listed[0]._replace(error=""), *listed[1:]]
    (version,) = onnx_backend.COUNTED
    assert onnx_backend.surprises(listed, version) == []
    assert onnx_backend.surprises([*listed, Outcome("test_relu", (), "", "wrong")], version) == ["test_relu: wrong"]
    for there in (listed[1:], passing):
        assert onnx_backend.surprises(there, version)[0].startswith(f"{listed[0].name}: passes")
    assert onnx_backend.surprises(listed[1:], "another") == []
    assert len(onnx_backend.surprises(passing, "another")) == 1


# ---- the two ways
def test_all_that_the_importer_takes_can_be_evaluated() -> None:
    assert FOLDED | RULES.keys() <= OPERATIONS.keys()


@pytest.fixture
def network() -> p.Sequential:
    layers = [
        *(p.Conv2d(2, 4, 3, stride=2, padding="same"), p.BatchNorm2d(4), p.SiLU(), p.LocalResponseNorm(3)),
        *(p.MaxPool2d(2, padding=1, ceil_mode=True), p.Conv2d(4, 6, 3, groups=2), p.PReLU(6), p.AvgPool2d(2)),
        *(p.Flatten(), p.Linear(6, 5), p.LogSoftmax()),
    ]
    return p.Sequential(layers, input_shape=(2, 12, 11), seed=0)


def test_a_network_is_predicted_with_and_evaluated_alike(network: p.Sequential) -> None:
    made, x = onnx.load_from_string(onnx_bytes(network)), drawn(3, 2, 12, 11)
    prepared = backend().prepare(made)
    (outputs,) = prepared.run([x])
    assert (prepared.way, prepared.reason) == (NETWORK, "")
    np.testing.assert_array_equal(prepared.run({"input": x[:2]})[0], outputs[:2])
    np.testing.assert_allclose(evaluated(made, input=x)[0], outputs, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(p.predict(network, x), outputs, rtol=1e-5, atol=1e-5)


def of_inputs(nodes: Any, rank: int = 2, output: int = TensorProto.FLOAT, **arrays: np.ndarray) -> Any:
    """A model of nodes whose inputs are all the graph's; the sizes of its output are left open."""
    kinds = {name: helper.np_dtype_to_tensor_dtype(array.dtype) for name, array in arrays.items()}
    graph = helper.make_graph(
        nodes if isinstance(nodes, list) else [nodes],
        "graph",
        [helper.make_tensor_value_info(name, kind, arrays[name].shape) for name, kind in kinds.items()],
        [helper.make_tensor_value_info("y", output, [None] * rank)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_other_inputs_of_a_network_are_its_constants_anew_in_each_run() -> None:
    arrays = {"x": drawn(2, 3), "w": drawn(3, 4), "b": drawn(4)}
    prepared = backend().prepare(of_inputs(node("Gemm", "x w b"), **arrays))
    for weight in (arrays["w"], drawn(3, 4)):
        (y,) = prepared.run([arrays["x"], weight, arrays["b"]])
        assert prepared.way == NETWORK
        np.testing.assert_allclose(y, arrays["x"] @ weight + arrays["b"], rtol=1e-5, atol=1e-6)


class Another(NamedTuple):
    """A model that is no network, and why."""

    made: Any
    inputs: list[np.ndarray]
    wanted: np.ndarray
    reason: str


X = drawn(3, 4)
ANOTHER = {
    "samples put together": Another(
        of_inputs(node("Reshape", "x s"), x=X, s=np.array([1, -1])),
        [X, np.array([1, -1])],
        X.reshape(1, 12),
        "several samples together",
    ),
    "three axes": Another(
        of_inputs(node("Relu", "x"), 3, x=X[None]), [X[None]], np.maximum(X[None], 0), "found float32 (1, 3, 4)"
    ),
    "whole numbers": Another(
        of_inputs(node("Relu", "x"), x=np.array([[-1, 2]]), output=TensorProto.INT64),
        [np.array([[-1, 2]])],
        np.array([[0, 2]]),
        "found int64 (1, 2)",
    ),
    "another type of output": Another(
        of_inputs(node("Cast", "x", to=TensorProto.DOUBLE), x=X, output=TensorProto.DOUBLE),
        [X],
        X.astype(np.float64),
        "expected one output in float32",
    ),
    "a number divided by what is computed": Another(
        of_inputs(node("Div", "two x"), x=X + 2, two=np.float32(2)),
        [X + 2, np.float32(2)],
        2 / (X + 2),
        "divides a constant by",
    ),
    "not a number": Another(
        of_inputs(node("Relu", "x"), x=X), [np.full((3, 4), np.nan, np.float32)], np.full((3, 4), np.nan), "NaN"
    ),
    "nothing to train": Another(
        of_inputs(node("Dropout", "x r t"), x=X, r=np.float32(0), t=np.array(True)),
        [X, np.float32(0), np.array(True)],
        X,
        "may be in training",
    ),
}


@pytest.mark.parametrize("case", ANOTHER)
def test_what_is_no_network_is_evaluated_and_says_why(case: str) -> None:
    made, inputs, wanted, reason = ANOTHER[case]
    prepared = backend().prepare(made)
    (y,) = prepared.run(inputs)
    assert prepared.way == EVALUATOR
    assert reason in prepared.reason
    np.testing.assert_allclose(y, wanted, rtol=1e-6)


def test_a_node_alone() -> None:
    x, w = drawn(2, 3), drawn(3, 4)
    (y,) = backend().run_node(node("MatMul", "x w"), [x, w])
    np.testing.assert_allclose(y, x @ w, rtol=1e-5, atol=1e-6)
    (old,) = backend().run_node(node("Softmax", "x"), [drawn(2, 3, 4)], opset_version=11)
    np.testing.assert_allclose(old.sum(axis=(1, 2)), [1, 1], rtol=1e-5)


def test_a_model_at_once_and_a_node_that_reads_something_twice() -> None:
    (y,) = backend().run_model(of_inputs(node("Relu", "x"), x=X), [X])
    np.testing.assert_array_equal(y, np.maximum(X, 0))
    (square,) = backend().run_node(node("Mul", "x x"), [X, X])
    np.testing.assert_array_equal(square, X * X)


def test_float16_stays_what_it_is_and_is_rounded_once() -> None:
    half = drawn(2, 3, 4).astype(np.float16)
    (y,) = backend().run_node(node("Softmax", "x"), [half])
    exact = np.exp(half.astype(np.float64))
    np.testing.assert_array_equal(y, (exact / exact.sum(axis=-1, keepdims=True)).astype(np.float16))
    (constant,) = evaluated(of_inputs(node("Constant", "", value=numpy_helper.from_array(half)), 3))
    assert constant.dtype == np.float16


def test_whole_numbers_are_divided_towards_0_however_large_they_are() -> None:
    a, b = np.array([7, -7, 7, -7, -6, 2**62 + 1]), np.array([2, 2, -2, -2, 3, 1])
    (y,) = backend().run_node(node("Div", "a b"), [a, b])
    np.testing.assert_array_equal(y, [3, -3, -3, 3, -2, 2**62 + 1])


# ---- what is refused
def test_only_the_cpu() -> None:
    assert (backend().supports_device("CPU"), backend().supports_device("CUDA")) == (True, False)
    with pytest.raises(ArgumentError, match="device: expected \"CPU\", received 'CUDA'"):
        backend().prepare(of_inputs(node("Relu", "x"), x=X), "CUDA")


def test_inputs_that_the_model_does_not_have() -> None:
    prepared = backend().prepare(of_inputs(node("Relu", "x"), x=X))
    with pytest.raises(ArgumentError, match="inputs: expected 1, received 2"):
        prepared.run([X, X])
    with pytest.raises(ArgumentError, match="inputs: expected x, received w"):
        prepared.run({"w": X})


def test_an_operator_that_is_not_known() -> None:
    made = of_inputs(node("Sin", "x", name="wave"), x=X)
    assert not backend().is_compatible(made)
    with pytest.raises(NodeError, match=r"wave \(Sin\): cannot be computed: the operator is not known here"):
        backend().prepare(made).run([X])


def test_a_dropout_in_training() -> None:
    made = of_inputs(node("Dropout", "x r t"), x=X, r=np.float32(0.5), t=np.array(True))
    with pytest.raises(NodeError, match="at random, in a way that ONNX leaves open"):
        backend().prepare(made).run([X, np.float32(0.5), np.array(True)])
