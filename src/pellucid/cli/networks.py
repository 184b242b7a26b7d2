"""The network that `train` is about to train: made for the data, perhaps with pretrained weights and frozen layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import models
from ..data import Dataset
from ..errors import ArgumentError, ShapeError
from ..freezing import freeze
from ..network import Sequential
from ..pretrained import begin_from
from .pretrained import describe_pixels


def make_network(model: str, data: Dataset, seed: int, making: Mapping[str, Any], *, by_recipe: bool) -> Sequential:
    """Return the model for the images and classes of the data, or say which images it can take."""
    if not data.classes:
        raise ArgumentError(
            "train: expected labels that are classes, as whole numbers: save labels.astype(int); for other targets use "
            "pellucid.fit in Python"
        )
    make = models.by_name(model)
    try:
        return make(data.classes, data.shape, seed=seed, class_names=data.class_names, **making)
    except ShapeError as error:
        least = models.smallest_side(make, data.shape[0])
        if least is None or min(data.shape[1:]) >= least:
            raise
        other = "choose small" if not by_recipe else "choose small instead of a recipe"
        other = f"add --data mnist, or {other}" if data.name == "digits" else other
        raise ShapeError(f"{error}: {other}") from None


def begin(network: Sequential, weights: Path | None, new_head: bool, freeze_until: str) -> str:
    """Give a network pretrained weights, freeze its beginning, and return what there is to say about that."""
    said = []
    if weights is not None:
        anew = begin_from(network, weights, new_head=new_head)
        (classes,) = network.output_shape()
        head = f"{' and '.join(anew)} begin anew" if anew else f"the last layer kept, for {classes:,} classes"
        said.append(f"weights: {weights}; {describe_pixels(network.scaling)}; {head}")
    if freeze_until:
        freeze(network, freeze_until)
        learning = sum(parameter.size for parameter in network.parameters().values() if parameter.trainable)
        said.append(f"frozen: all before {freeze_until}; {learning:,} parameters learn")
    return "\n".join(said)
