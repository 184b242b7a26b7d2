"""LeNet's outputs, array in to array out: single images, and many at a time; every number of threads."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import Competitor, Race
from benchmarks.recipes import LENET, multiply_adds
from benchmarks.run import Run, threads_of

GOALS = {1: 1.5, 256: 1.75}
"""Batch size -> how many times as fast as the best of the others."""
TOLERANCE = 2e-5


def competitors(run: Run, batch_size: int) -> list[Competitor]:
    """Return the libraries, those that run a model in a file with the file for such batches."""
    onnx, tflite = {"model": run.model("onnx", batch_size)}, {"model": run.model("tflite", batch_size)}
    return [
        Competitor("Pellucid", "pellucid", ours=True),
        Competitor("torch", "torch"),
        Competitor("torch.compile", "torch", {"compile": True}),
        Competitor("TensorFlow, one function", "keras"),
        Competitor("JAX, jit", "jax"),
        Competitor("onnxruntime", "onnxruntime", onnx),
        Competitor("LiteRT, XNNPACK", "litert", tflite),
        Competitor("OpenVINO, f32", "openvino", onnx),
    ]


def races(run: Run) -> Iterator[Race]:
    """Yield the races."""
    for batch_size, goal in GOALS.items():
        task = {"problem": str(run.problem), "batch_size": batch_size, "seconds": run.seconds}
        operations = 2 * multiply_adds(LENET, training=False) * batch_size
        for threads in run.threads:
            yield Race(
                f"LeNet inference, batch {batch_size}, {threads_of(threads)}", "inference", task,
                competitors(run, batch_size), threads, operations, tolerance=TOLERANCE, goal=goal,
            )  # fmt: skip
