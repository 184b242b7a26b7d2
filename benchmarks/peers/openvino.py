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

    def infer(self, x: Array) -> Array:
        """Return the outputs for pixels, whose memory is shared; the outputs are a copy."""
        outputs: Array = self._request.infer([x], share_inputs=True)[0]
        return outputs
