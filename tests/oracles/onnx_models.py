"""Small ONNX models for tests, and what onnxruntime makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper

from pellucid import Network, load_onnx
from pellucid.interop.onnx.evaluation import evaluate
from pellucid.interop.onnx.external import Refused
from pellucid.interop.onnx.model import decode
from pellucid.limits import LIMITS

OUTPUT = "y"
RUNTIMES_OPSET = 23
"""The newest opset that every onnxruntime runs here; newer models are run by onnx's own NumPy code."""


def node(operator: str, inputs: str, outputs: str = OUTPUT, name: str = "", **attributes: Any) -> Any:
    """Return a node; inputs and outputs are names in one text, and "-" is one that is left out."""
    names = [["" if each == "-" else each for each in text.split()] for text in (inputs, outputs)]
    return onnx.helper.make_node(operator, *names, name=name, **attributes)


def model(
    nodes: Any,
    shape: Sequence[int | str | None] | None,
    weights: Mapping[str, Any] | None = None,
    *,
    opset: int = 17,
    dtype: str = "float32",
    outputs: str = OUTPUT,
    metadata: Mapping[str, str] | None = None,
) -> Any:
    """Return a model of some nodes with the input "x" of a shape with its batch axis; arrays become its weights."""
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = onnx.helper.make_graph(
        nodes if isinstance(nodes, list) else [nodes],
        "graph",
        [onnx.helper.make_tensor_value_info("x", kind, shape)],
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs.split()],
        [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()],
    )
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    made.ir_version = min(made.ir_version, 10)  # which older runtimes read too
    onnx.helper.set_model_props(made, dict(metadata or {}))
    return made


def dtype(made: Any) -> np.dtype[Any]:
    """Return the type in which a model takes its input."""
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(made.graph.input[0].type.tensor_type.elem_type))


def run(made: Any, x: Any, outputs: Sequence[str] = (OUTPUT,)) -> np.ndarray:
    """Return what a model makes of x."""
    if made.opset_import[0].version > RUNTIMES_OPSET:
        from onnx import reference

        return np.asarray(reference.ReferenceEvaluator(made).run(list(outputs), {"x": x})[0])
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(list(outputs), {"x": x})[0])


def load(made: Any, folder: Path, **options: Any) -> Network:
    """Return the network that a model is, by way of a file."""
    path = folder / "model.onnx"
    path.write_bytes(made.SerializeToString())
    return load_onnx(path, **options)


def evaluated(made: Any, **inputs: Any) -> list[np.ndarray]:
    """Return what Pellucid's evaluator makes of a model's inputs, node by node."""
    return evaluate(decode(made.SerializeToString(), "model", LIMITS, Refused("model"), short=True), inputs)
