"""Recipes: a network, data and all settings of a training, with the accuracy that they reach together.

A recipe makes a result that anybody can repeat, and a place to begin from. Its settings were chosen on training images
held out for that; what it reaches was measured afterwards, on the test images.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from . import models
from .arguments import nearest
from .data import as_dataset, datasets
from .errors import ArgumentError, DataError
from .initializers import GlorotUniform, HeNormal, Initializer
from .inputs import Data
from .losses import CrossEntropy, Loss
from .network import Sequential
from .optimizers import Adam, AdamW, Optimizer
from .scaling import Scaling
from .schedules import Constant, LinearCycle, Schedule
from .training import Callback, History, fit
from .training.run import RunWriter


class Reached(NamedTuple):
    """The accuracy that trainings reached, in per cent: mean and standard deviation over the seeds 0, 1, 2, …

    Each figure is that of ``pellucid train --recipe NAME --seed SEED``, which trains on all training images and then
    measures on all test images, once.
    """

    mean: float
    deviation: float
    seeds: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.deviation:.2f} % ({self.seeds} seeds)"


@dataclass(frozen=True)
class Recipe:
    """A training with all that decides its result but the seed.

    Attributes
    ----------
    name : str
    about : str
        What it is good for.
    model : str
        A name in `models.MODELS`.
    data : str
        The data set that it was made for, by name.
    epochs, batch_size : int
    optimizer : Optimizer
    schedule : Schedule
    loss : Loss
    initializer : Initializer
        Of the weights; biases begin as zeros.
    scaling : Scaling
    reaches : Reached
        On the test part of `data`.
    """

    name: str
    about: str
    model: str
    data: str
    epochs: int
    batch_size: int
    optimizer: Optimizer
    schedule: Schedule
    loss: Loss
    initializer: Initializer
    scaling: Scaling
    reaches: Reached

    def making(self) -> dict[str, Any]:
        """Return how the network is made, as arguments of its model."""
        return {"initializer": self.initializer, "scaling": self.scaling}

    def learning(self) -> dict[str, Any]:
        """Return how it learns, as arguments of `fit`."""
        names = ("epochs", "batch_size", "loss", "optimizer", "schedule")
        return {name: getattr(self, name) for name in names}


MNIST_SCALING = Scaling(0.1307, 0.3081)
"""Mean and standard deviation of the pixels of MNIST's training images."""

RECIPES: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in (
    Recipe(
        "lenet-origin", "LeNet with the settings that are usual in teaching",
        model="lenet", data="mnist", epochs=10, batch_size=128,
        optimizer=Adam(1e-3), schedule=Constant(), loss=CrossEntropy(),
        initializer=GlorotUniform(), scaling=Scaling(),
        reaches=Reached(98.90, 0.03, 5),
    ),
    Recipe(
        "lenet-fast", "LeNet to 99 % in three epochs",
        model="lenet", data="mnist", epochs=3, batch_size=128,
        optimizer=AdamW(6e-3, betas=(0.9, 0.99), weight_decay=0.0), schedule=LinearCycle(start=0.1, peak_at=0.2),
        loss=CrossEntropy(label_smoothing=0.05), initializer=HeNormal(), scaling=MNIST_SCALING,
        reaches=Reached(99.09, 0.10, 20),
    ),
    Recipe(
        "mnist-99", "MNIST to 99 % in one epoch",
        model="mnist-s8", data="mnist", epochs=1, batch_size=64,
        optimizer=AdamW(2e-2, betas=(0.9, 0.99), weight_decay=0.0), schedule=LinearCycle(start=0.1, peak_at=0.2),
        loss=CrossEntropy(label_smoothing=0.1), initializer=HeNormal(), scaling=MNIST_SCALING,
        reaches=Reached(99.11, 0.07, 20),
    ),
    Recipe(
        "mnist-994", "MNIST to 99.4 % in four epochs",
        model="mnist-s6", data="mnist", epochs=4, batch_size=64,
        optimizer=AdamW(2e-2, betas=(0.9, 0.99), weight_decay=0.0), schedule=LinearCycle(start=0.1, peak_at=0.2),
        loss=CrossEntropy(label_smoothing=0.1), initializer=HeNormal(), scaling=MNIST_SCALING,
        reaches=Reached(99.40, 0.05, 5),
    ),
)})  # fmt: skip
"""Name -> recipe."""


def by_name(name: str) -> Recipe:
    """Return the recipe of this name.

    Raises
    ------
    ArgumentError
        If there is none; the message suggests the nearest name.

    Examples
    --------
    >>> by_name("mnist-99").model
    'mnist-s8'
    """
    if name in RECIPES:
        return RECIPES[name]
    raise ArgumentError(f"unknown recipe {name!r}{nearest(str(name), RECIPES) or '.'} Known: {', '.join(RECIPES)}")


def run(
    recipe: str | Recipe,
    data: Data | None = None,
    *,
    validation: Data | float | None = None,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
    engine: str = "compiled",
    threads: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> tuple[Sequential, History]:
    """Make the network of a recipe and train it by that recipe.

    Parameters
    ----------
    recipe : str or Recipe
        A name in `RECIPES`, or a recipe of your own, such as ``dataclasses.replace(by_name("mnist-99"), epochs=2)``.
    data : Dataset or (images, labels), optional
        What to train on; labels are class numbers. By default the training part of the recipe's data set, which is
        downloaded if it is not here.
    validation, callbacks, engine, threads, out, progress
        As in `fit`.
    seed : int, default 0
        Decides all that is drawn: first weights, order of images, what is held out.

    Returns
    -------
    network : Sequential
    history : History

    Raises
    ------
    ArgumentError, DataError, ShapeError
        If there is no such recipe, or the data do not fit its network; and as in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).integers(0, 256, (64, 28, 28)).astype(np.uint8)
    >>> network, history = run("mnist-99", (x, np.arange(64) % 3), progress=False)
    >>> network.output_shape(), len(history.epochs)
    ((3,), 1)
    """
    recipe = recipe if isinstance(recipe, Recipe) else by_name(recipe)
    train = datasets.load(recipe.data)[0] if data is None else as_dataset(data)
    if not train.classes:
        raise DataError("data: expected labels that are classes, as whole numbers; use labels.astype(int)")
    network = models.by_name(recipe.model)(
        train.classes, train.shape, seed=seed, class_names=train.class_names, **recipe.making()
    )
    written = [] if out is None else [RunWriter(out, {"recipe": recipe.name, "model": recipe.model, "seed": seed})]
    history = fit(
        network, train, validation=validation, seed=seed, callbacks=[*callbacks, *written], engine=engine,
        threads=threads, progress=progress, **recipe.learning(),
    )  # fmt: skip
    return network, history
