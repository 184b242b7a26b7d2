"""onnxruntime, on a model in a file."""

from __future__ import annotations

from benchmarks.peers import Base, library
from benchmarks.problem import Array, Problem


class Peer(Base):
    """onnxruntime; the setting is "model", an ONNX file."""

    packages = ("onnxruntime",)

    def load(self, problem: Problem) -> None:
        """Open the model, which has the problem's weights."""
        runtime = library("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self._session = runtime.InferenceSession(self.model_file("onnx"), options, providers=["CPUExecutionProvider"])

    def infer(self, x: Array) -> Array:
        """Return the outputs for pixels."""
        outputs: Array = self._session.run(None, {"pixels": x})[0]
        return outputs
