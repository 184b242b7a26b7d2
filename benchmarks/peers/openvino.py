"""OpenVINO, on a model in a file, computing in float32."""

from __future__ import annotations

from benchmarks.peers import Base, library
from benchmarks.problem import Array, Problem


class Peer(Base):
    """OpenVINO; the setting is "model", an ONNX file."""

    packages = ("openvino",)

    def load(self, problem: Problem) -> None:
        """Open the model, which has the problem's weights."""
        openvino = library("openvino")
        hints = {
            "INFERENCE_PRECISION_HINT": "f32",  # else it computes in bfloat16 where the processor can
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": self.threads,
        }
        model = openvino.Core().compile_model(self.model_file("onnx"), "CPU", hints)
        self._request = model.create_infer_request()
        self._input, self._output = self._request.get_input_tensor().data, self._request.get_output_tensor().data

    def infer(self, x: Array) -> Array:
        """Return the outputs for pixels; both are copied, which takes less than sharing their memory anew each time."""
        self._input[...] = x
        self._request.infer()
        outputs: Array = self._output.copy()
        return outputs
