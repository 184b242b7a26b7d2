"""What a run of a benchmark is given, and the files that its workers read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks import model_files
from benchmarks.problem import Pictures, Problem
from benchmarks.workers import Environments

BATCHES, BATCH_SIZE = 64, 128


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes
    ----------
    folder : path
        Of the files that workers read; it is gone when the run is over.
    environments : Environments
    threads : sequence of int
        Each race is held with each of these.
    seconds : float
        How long a turn takes, where a race can choose.
    data : str or None
        Where MNIST's files are; see `datasets.mnist`.
    """

    folder: Path
    environments: Environments
    threads: Sequence[int]
    seconds: float
    data: str | None = None

    @cached_property
    def problem(self) -> Path:
        """The file of weights and pictures."""
        path = self.folder / "problem.npz"
        Problem.drawn(BATCHES * BATCH_SIZE).write(path)
        return path

    @cached_property
    def mnist(self) -> Path:
        """The file of MNIST's pictures."""
        from pellucid import datasets

        parts = [np.asarray(array) for part in datasets.mnist(self.data) for array in (part.images, part.labels)]
        path = self.folder / "mnist.npz"
        images, labels, test_images, test_labels = parts
        size = images.shape[-2:]
        Pictures(images.reshape(-1, *size), labels, test_images.reshape(-1, *size), test_labels).write(path)
        return path

    def model(self, kind: str, batch_size: int) -> str:
        """Return the path of LeNet as a file, "onnx" or "tflite"; nobody may have been there to write it."""
        path = self.folder / f"lenet-{batch_size}.{kind}"
        if not path.exists():
            model_files.write(kind, self.problem, batch_size, path, self.environments)
        return str(path)


def threads_of(count: int) -> str:
    """Return a number of threads in words."""
    return "1 thread" if count == 1 else f"{count} threads"
