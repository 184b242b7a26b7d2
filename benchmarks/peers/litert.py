"""LiteRT with XNNPACK, on a model in a file."""

from __future__ import annotations

from benchmarks.peers import Base, library
from benchmarks.problem import Array, Problem
from benchmarks.recipes import IMAGE


class Peer(Base):
    """LiteRT; the setting is "model", a .tflite file."""

    packages = ("ai-edge-litert",)

    def load(self, problem: Problem) -> None:
        """Open the model, which has the problem's weights."""
        litert = library("ai_edge_litert.interpreter")
        interpreter = litert.Interpreter(self.model_file("tensorflow"), num_threads=self.threads)
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        self._input = interpreter.get_input_details()[0]["index"]
        self._output = interpreter.get_output_details()[0]["index"]

    def infer(self, x: Array) -> Array:
        """Return the outputs for pixels; both are copied."""
        self._interpreter.set_tensor(self._input, x.reshape(-1, *IMAGE[1:], IMAGE[0]))
        self._interpreter.invoke()
        outputs: Array = self._interpreter.get_tensor(self._output)
        return outputs
