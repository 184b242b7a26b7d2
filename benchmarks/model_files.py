"""LeNet as a file, for libraries that only run models.

    python -m benchmarks.model_files onnx|tflite PROBLEM BATCH_SIZE PATH

writes one, in an environment that has a writer of such files.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import library
from benchmarks.problem import Problem, Weights
from benchmarks.recipes import IMAGE, LENET, Conv, Flatten, Linear, Pool, ReLU
from benchmarks.workers import PROJECT, Environments

ENVIRONMENTS = {"onnx": "onnx", "tflite": "tensorflow"}
"""Kind of file -> the environment with a writer for it."""
OPSET, IR_VERSION = 17, 8


def write(kind: str, problem: Path, batch_size: int, path: Path, environments: Environments) -> None:
    """Write a model in a process of its own. Where that fails there is no file, and the error is in a log beside."""
    words = [environments.python(ENVIRONMENTS[kind]), "-m", "benchmarks.model_files", kind]
    with path.with_suffix(f".{kind}.log").open("w", encoding="utf-8") as log:
        subprocess.run([*words, str(problem), str(batch_size), str(path)], cwd=PROJECT, stdout=log, stderr=log)


def onnx_model(weights: Weights, batch_size: int) -> bytes:
    """Return LeNet as an ONNX model for batches of this size."""
    onnx = library("onnx")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    nodes: list[Any] = []
    names = iter(name.removesuffix(".weight") for name in weights if name.endswith(".weight"))
    last = "pixels"
    for number, layer in enumerate(LENET):
        after = "outputs" if number == len(LENET) - 1 else f"value{number}"
        extra, more = "", dict[str, Any]()
        match layer:
            case Conv(_, _, stride):
                kind, extra, more = "Conv", next(names), {"strides": [stride, stride]}
            case Linear():
                kind, extra, more = "Gemm", next(names), {"transB": 1}
            case Pool(size):
                kind, more = "MaxPool", {"kernel_shape": [size, size], "strides": [size, size]}
            case Flatten():
                kind = "Flatten"
            case ReLU():
                kind = "Relu"
        own = [f"{extra}.weight", f"{extra}.bias"] if extra else []
        nodes.append(helper.make_node(kind, [last, *own], [after], **more))
        last = after
    graph = helper.make_graph(
        nodes, "lenet",
        [helper.make_tensor_value_info("pixels", float32, [batch_size, *IMAGE])],
        [helper.make_tensor_value_info("outputs", float32, [batch_size, 10])],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def tflite_model(problem: Problem, batch_size: int) -> bytes:
    """Return LeNet as a .tflite model for batches of this size, by TensorFlow's converter."""
    from benchmarks.peers.keras import Peer

    keras = Peer({"threads": 1})
    keras.load(problem)
    tensorflow = keras.tensorflow
    # Constants: the converter does not find the variables of Keras' models, and leaves them without values.
    weights = [tensorflow.constant(variable) for variable in keras.model.trainable_variables]
    outputs = tensorflow.function(lambda x: keras.model.stateless_call(weights, [], x)[0])
    signature = tensorflow.TensorSpec([batch_size, *IMAGE[1:], IMAGE[0]], np.float32)
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([outputs.get_concrete_function(signature)])
    content: bytes = converter.convert()
    return content


def main() -> None:
    kind, path_of_problem, batch_size, path = sys.argv[1:]
    problem, size = Problem.read(path_of_problem), int(batch_size)
    Path(path).write_bytes(onnx_model(problem.weights, size) if kind == "onnx" else tflite_model(problem, size))


if __name__ == "__main__":
    main()
