"""Networks trained elsewhere: a model by name with the weights in a file, and how it wants its pictures."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from .. import models
from ..data.datasets import Preparation, imagenet_classes
from ..errors import ModelFileError
from ..interop.weights import load_weights, saved_shapes
from ..network import Sequential
from ..pretrained import saved_scaling
from ..scaling import IMAGENET_SCALING, Scaling
from . import options


def with_weights(
    model: str,
    weights: Path,
    scaling: str | None = None,
    *,
    input_shape: Sequence[int] | None = None,
    class_names: tuple[str, ...] = (),
) -> Sequential:
    """Return a model by name with the weights in a file, for as many classes as the file has them for.

    Parameters
    ----------
    model : str
        A name in `models.MODELS`.
    weights : Path
    scaling : str, optional
        What stands behind ``--scaling``; see `scaling_for`.
    input_shape : tuple of int, optional
        By default the model's own.
    class_names : tuple of str, default ()
        Taken if there are as many as classes. Without them, 1,000 classes are ImageNet's.
    """
    make = models.by_name(model)
    shape = {} if input_shape is None else {"input_shape": input_shape}
    count = _count_classes(make(**shape), weights)
    names = next((names for names in (class_names, imagenet_classes()) if len(names) == count), ())
    network = make(count, **shape, scaling=scaling_for(model, weights, scaling), class_names=names)
    load_weights(network, weights)
    return network


def scaling_for(model: str | None, weights: Path | None, text: str | None) -> Scaling | None:
    """Return the scaling that a text describes; without one, that of the file of weights if Pellucid saved it, or else
    the one for ImageNet if there are weights and the model was made for that."""
    if text is not None:
        return options.scaling(text)
    if weights is None:
        return None
    for_imagenet = model is not None and preparation_of_model(model) is not None
    return saved_scaling(weights) or (IMAGENET_SCALING if for_imagenet else None)


def preparation_of(network: Sequential) -> Preparation | None:
    """Return how pictures are prepared for a network that tells ImageNet's classes apart; None for others."""
    match network.input_shape:
        case (3, height, width) if network.class_names == imagenet_classes() and height == width:
            return Preparation.for_crop(height)
    return None


def preparation_of_model(model: str) -> Preparation | None:
    """Return how pictures are prepared for a model that was made for ImageNet, for whatever classes; None for others.

    That is one which has 1,000 classes unless told otherwise.
    """
    make = models.by_name(model)
    if _default(make, "num_classes") != len(imagenet_classes()):
        return None
    return Preparation.for_crop(_default(make, "input_shape")[-1])


def refuse_alone(scaling: str | None) -> None:
    """Refuse a scaling without weights: a run has its own."""
    if scaling is not None:
        raise typer.BadParameter("goes with --weights; a run has its own scaling", param_hint="--scaling")


def describe(model: str, weights: Path, network: Sequential) -> str:
    """Return what a network was made of, for people."""
    (classes,) = network.output_shape()
    return f"{model} with the weights in {weights.name}: {classes:,} classes, {describe_pixels(network.scaling)}"


def describe_pixels(scaling: Scaling) -> str:
    """Return what pixels a network sees, for people."""
    if scaling == Scaling():
        return "pixels from 0 to 1"
    if scaling == IMAGENET_SCALING:
        return "pixels scaled as for ImageNet"
    return f"pixels scaled by {','.join(map(str, scaling.means))}:{','.join(map(str, scaling.deviations))}"


def _count_classes(network: Sequential, weights: Path) -> int:
    """Return for how many classes the weights in a file are: the number of biases of the last layer there."""
    *_, last = network.parameters()
    shapes = saved_shapes(network, weights)
    if last not in shapes:
        return int(network.output_shape()[0])  # what is missing is said when the weights are loaded
    if len(shapes[last]) != 1 or not shapes[last][0]:
        raise ModelFileError(f"{weights}: {last}: expected a number for each class, found shape {shapes[last]}")
    return shapes[last][0]


def _default(make: models.Model, argument: str) -> Any:
    return inspect.signature(make).parameters[argument].default
