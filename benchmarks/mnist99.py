"""Whole trainings on MNIST: an epoch end to end, and the recipes that reach 99 %.

Each turn has another seed, the same for all. The time of a recipe is that of training alone: shuffling and scaling
count, loading, compiling and the evaluation do not. Of the epoch the whole call counts, with progress shown.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import Competitor, Race
from benchmarks.lenet import KEPT_MEMORY
from benchmarks.recipes import RECIPES, multiply_adds
from benchmarks.run import Run, threads_of

TRAINING_IMAGES = 60_000

OURS = Competitor("Pellucid", "pellucid", ours=True)
TORCH = (
    Competitor("torch, memory kept", "torch", {}, KEPT_MEMORY),
    Competitor("torch, memory kept, fused Adam", "torch", {"fused": True}, KEPT_MEMORY),
)
KERAS = Competitor("Keras, fit", "keras")

RACES = {
    "epoch": ("An epoch of LeNet on MNIST, end to end, batch 128, Adam", (OURS, *TORCH, KERAS), 5.0),
    "lenet-fast": ("LeNet to 99.0 % on MNIST, recipe lenet-fast", (OURS, *TORCH), 0.0),
    "mnist-99": ("MNIST to 99.0 %, recipe mnist-99", (OURS, *TORCH), 0.0),
}
"""Recipe -> the race's title, who takes part, and how many times as fast as the others' best Pellucid is to be."""


def races(run: Run) -> Iterator[Race]:
    """Yield the races; single threads are left out, unless nothing else was asked for."""
    for threads in [each for each in run.threads if each > 1] or run.threads:
        for name, (title, competitors, goal) in RACES.items():
            recipe = RECIPES[name]
            operations = 2 * multiply_adds(recipe.layers, training=True) * TRAINING_IMAGES * recipe.epochs
            task = {"data": str(run.mnist), "recipe": name}
            yield Race(
                f"{title}, {threads_of(threads)}", "whole training", task, competitors, threads, operations,
                tolerance=0, goal=goal,
            )  # fmt: skip
