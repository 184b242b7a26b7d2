"""A training in the words of the command line: what they say at once, and a recipe once the data are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from .. import initializers, models, optimizers, schedules
from ..arguments import number, shown
from ..data import Dataset
from ..data.augment import Augmentation
from ..initializers import Initializer
from ..interop.weights import WeightsFile
from ..losses import CrossEntropy
from ..optimizers import Optimizer
from ..recipes import Recipe
from ..scaling import Scaling
from ..schedules import Schedule
from ..transfer import fitting_models
from .parsing import augmentations
from .pretrained import scaling_for
from .training_options import LENGTHS

_OF_OPTIMIZERS = ("lr", "weight_decay", "clip_norm", "average")
"""The words that are settings of the optimiser, where they are given."""


@dataclass(frozen=True)
class Asked:
    """What a `Recipe` says, except for what is left open until the number and size of the images are known.

    Attributes
    ----------
    model : str or None
        None for what suits the images.
    epochs, batch_size : int or None
        None for what suits their number.
    others
        As those of a `Recipe`.
    """

    model: str | None
    epochs: int | None
    batch_size: int | None
    optimizer: Optimizer
    schedule: Schedule
    loss: CrossEntropy
    initializer: Initializer | None
    scaling: Scaling
    size: tuple[int, int] | None
    begins_from: str
    new_head: bool
    freeze_until: str
    augment: tuple[Augmentation, ...] = ()
    data: str = "digits"

    def recipe(self, train: Dataset) -> Recipe:
        """Return the recipe that these words come to for data to train on."""
        model = self.model if self.model is not None else models.for_data(train.shape)
        usual = next(each for each in LENGTHS if len(train) <= each.images)
        return Recipe(
            name=model, about="", model=model, data=self.data,
            epochs=usual.epochs if self.epochs is None else self.epochs,
            batch_size=usual.batch_size if self.batch_size is None else self.batch_size,
            optimizer=self.optimizer, schedule=self.schedule, loss=self.loss, initializer=self.initializer,
            scaling=self.scaling, begins_from=self.begins_from, new_head=self.new_head, freeze_until=self.freeze_until,
            size=self.size, augment=self.augment,
        )  # fmt: skip


def read(words: dict[str, Any], file: WeightsFile | None) -> Asked:
    """Return what the words of a command ask for, which are named as its parameters; `file` is that of ``--weights``.

    All that can be refused without the data is refused here. What a command has no word for is as `train` does it when
    it is told nothing.
    """
    weights, model = words["weights"], words["model"]
    if weights is None:
        _refuse_without_weights(words)
    elif file is not None and model is None and file.use is None:
        _refuse_without_model(file, weights)
    given = {name: words[name] for name in _OF_OPTIMIZERS if words.get(name) is not None}
    scales = _scales(words["lr_scale"] or [])
    return Asked(
        model=None if model is None else models.by_name(model).__name__,
        epochs=words.get("epochs"), batch_size=words["batch_size"],
        optimizer=optimizers.by_name(words["optimizer"], **given, lr_scales=scales),
        schedule=schedules.by_name(words.get("schedule", "constant")),
        loss=CrossEntropy(label_smoothing=words["label_smoothing"]),
        initializer=None if words["initializer"] is None else initializers.by_name(words["initializer"]),
        scaling=scaling_for(model, file, words["scaling"]) or Scaling(), size=words["size"],
        begins_from="" if weights is None else str(weights), new_head=words["new_head"],
        freeze_until=words["freeze_until"] or "", augment=augmentations(words["augment"]),
    )  # fmt: skip


def _refuse_without_weights(words: dict[str, Any]) -> None:
    """Refuse options that say what becomes of pretrained weights where there are none."""
    for name in ("new_head", "freeze_until"):
        if words[name]:
            hint = f"--{name.replace('_', '-')}"
            raise typer.BadParameter("goes with --weights: without them all weights are random", param_hint=hint)


def _refuse_without_model(file: WeightsFile, weights: Path) -> None:
    """Refuse weights alone where nobody says of which network they are."""
    fits = ", ".join(fitting_models(file)[:3])
    said = f"{weights} holds weights alone, which do not say of which network: name the MODEL that they are of"
    raise typer.BadParameter(f"{said}{fits and f', such as {fits}'}", param_hint="--weights")


def _scales(texts: list[str]) -> dict[str, float]:
    """Return the factors on the learning rate that ``LAYER=FACTOR`` describe."""
    scales = {}
    for text in texts:
        layer, _, factor = text.partition("=")
        if layer in scales:
            raise typer.BadParameter(f"{layer} is given two factors; leave out one", param_hint="--lr-scale")
        try:
            value = float(factor)
        except ValueError:
            expected = "expected LAYER=FACTOR, such as layer3=0.1"
            raise typer.BadParameter(f"{expected}, received {shown(text)}", param_hint="--lr-scale") from None
        scales[layer] = number(value, f"--lr-scale {layer}", "a number of at least 0")
    return scales
