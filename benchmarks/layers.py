"""Convolutions alone, forward and backward (both gradients), in batches of 16: no network around them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict

from benchmarks.harness import Competitor, Race
from benchmarks.lenet import KEPT_MEMORY
from benchmarks.problem import ConvolutionProblem
from benchmarks.run import Run, threads_of

FLOAT_BYTES = 4
TOLERANCE = 2e-5

LAYERS = {
    "conv 64→64, 3×3, 56²": ConvolutionProblem(16, 64, 56, 64, 3, padding=1),
    "depthwise 144, 3×3, 56²": ConvolutionProblem(16, 144, 56, 144, 3, padding=1, groups=144),
    "conv 256→64, 1×1, 56²": ConvolutionProblem(16, 256, 56, 64, 1),
}
GOALS = {"depthwise 144, 3×3, 56²": 2.0}
"""Layer -> how many times as fast as the best of the others Pellucid is to be."""
SHARES = {"conv 64→64, 3×3, 56²": (0.95, 0.9), "conv 256→64, 1×1, 56²": (0.9, 0.9)}
"""Layer -> the share of the machine's limit that it is to reach, forward and backward."""

COMPETITORS = (
    Competitor("Pellucid, the kernels", "pellucid", ours=True),
    Competitor("torch, memory kept", "torch", {}, KEPT_MEMORY),
    Competitor("torch, memory kept, channels last", "torch", {"channels_last": True}, KEPT_MEMORY),
)


def races(run: Run) -> Iterator[Race]:
    """Yield the races."""
    for threads in run.threads:
        for name, layer in LAYERS.items():
            for backward in (False, True):
                x, _, output = (math.prod(shape) for shape in layer.shapes)
                # Forward reads x and writes y; backward reads x and y's gradient, and writes that of x.
                moved = (2 * x if backward else x) + output
                yield Race(
                    f"{name}, {'backward' if backward else 'forward'}, batch {layer.samples}, {threads_of(threads)}",
                    "layer", {"convolution": asdict(layer), "backward": backward, "seconds": run.seconds},
                    COMPETITORS, threads, 2 * layer.multiply_adds * (1 + backward), FLOAT_BYTES * moved,
                    TOLERANCE, GOALS.get(name, 0.0), SHARES.get(name, (0.0, 0.0))[backward],
                )  # fmt: skip
