"""A step of training LeNet: batches of 128, Adam, every number of threads.

All begin with the same weights and see the same batches, and the losses of the first steps are compared. Other
libraries have their data resident as float32 and take batches one after the other; Pellucid gathers them by index from
bytes and scales them, within the step.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import Competitor, Race
from benchmarks.recipes import LENET, multiply_adds
from benchmarks.run import BATCH_SIZE, Run, threads_of

COMPARED_STEPS = 20
TOLERANCE = 1e-3
GOALS = {1: 3.5, 2: 5.0}

KEPT_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}
"""Lets glibc keep freed memory instead of asking the system for it again at every step."""

COMPETITORS = (
    Competitor("Pellucid", "pellucid", ours=True),
    Competitor("torch", "torch"),
    Competitor("torch, memory kept", "torch", {}, KEPT_MEMORY),
    Competitor("torch, memory kept, fused Adam", "torch", {"fused": True}, KEPT_MEMORY),
    Competitor("torch, memory kept, channels last", "torch", {"channels_last": True, "fused": True}, KEPT_MEMORY),
    Competitor("torch.compile, memory kept", "torch", {"compile": True, "fused": True}, KEPT_MEMORY),
    Competitor("Keras, train_on_batch", "keras"),
    Competitor("TensorFlow, one function", "keras", {"function": True}),
    Competitor("JAX, jit", "jax"),
)


def races(run: Run) -> Iterator[Race]:
    """Yield the races."""
    task = {
        "problem": str(run.problem), "batch_size": BATCH_SIZE, "steps": COMPARED_STEPS, "seconds": run.seconds
    }  # fmt: skip
    operations = 2 * multiply_adds(LENET, training=True) * BATCH_SIZE
    for threads in run.threads:
        yield Race(
            f"LeNet training step, batch {BATCH_SIZE}, Adam, {threads_of(threads)}", "training", task,
            COMPETITORS, threads, operations, tolerance=TOLERANCE, goal=GOALS.get(threads, 0.0),
        )  # fmt: skip
