"""The network that `train` is about to train: made for the data, perhaps with pretrained weights and frozen layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import models
from ..data import Dataset
from ..errors import ArgumentError, ShapeError
from ..freezing import freeze
from ..interop import WeightsFile
from ..network import Sequential
from ..pretrained import begin_from
from .pretrained import describe_pixels
from .screen import some


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


def begin(
    network: Sequential, weights: Path | None, file: WeightsFile | None, new_head: bool, freeze_until: str
) -> str:
    """Give a network pretrained weights, freeze its beginning, and return what there is to say about that.

    `weights` is the name by which the file was given.
    """
    said = []
    if file is not None:
        anew = begin_from(network, file, new_head=new_head)
        head = f"{' and '.join(anew)} begin anew" if anew else _kept(network, file.class_names)
        said.append(f"weights: {weights}; {describe_pixels(network.scaling)}; {head}")
    if freeze_until:
        freeze(network, freeze_until)
        learning = sum(parameter.size for parameter in network.parameters().values() if parameter.trainable)
        said.append(f"frozen: all before {freeze_until}; {learning:,} parameters learn")
    return "\n".join(said)


def _kept(network: Sequential, learnt: tuple[str, ...]) -> str:
    """Return that the last layer is kept; for which classes it was learnt, if for others than the data have."""
    if learnt and network.class_names and learnt != network.class_names:
        return f"the last layer kept, which was learnt for {some(learnt)}: --new-head begins it anew"
    (classes,) = network.output_shape()
    return f"the last layer kept, for {classes:,} classes"
