"""What augmentation costs: LeNet trained on MNIST by the recipe lenet-fast, with and without, by Pellucid alone.

As with all trainings the time is that of the epochs. A shift by whole pixels is to take at most 15 % of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import Competitor, Race
from benchmarks.mnist99 import TRAINING_IMAGES
from benchmarks.recipes import RECIPES, multiply_adds
from benchmarks.run import Run, threads_of

RECIPE = "lenet-fast"
AUGMENTED = (("crop:2",), ("crop:2", "flip"), ("affine:1.5,0.12,0.08,0.06",), ("cutout:8",), ("mixup:0.2",))
COMPETITORS = (
    Competitor("Pellucid, images as they are", "pellucid", ours=True),
    *(Competitor(f"Pellucid, {' '.join(texts)}", "pellucid", {"augment": texts}) for texts in AUGMENTED),
)


def races(run: Run) -> Iterator[Race]:
    """Yield the races."""
    recipe = RECIPES[RECIPE]
    operations = 2 * multiply_adds(recipe.layers, training=True) * TRAINING_IMAGES * recipe.epochs
    task = {"data": str(run.mnist), "recipe": RECIPE}
    for threads in run.threads:
        yield Race(
            f"LeNet with augmented images, recipe {RECIPE}, {threads_of(threads)}", "whole training", task, COMPETITORS,
            threads, operations, tolerance=0,
        )  # fmt: skip
