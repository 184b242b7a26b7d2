"""Networks trained elsewhere: a model by name with the weights in a file, and how it wants its pictures."""

from __future__ import annotations

from pathlib import Path

import typer

from ..data.datasets import Preparation, imagenet_classes
from ..errors import ArgumentError
from ..interop.weights import WeightsFile
from ..network import Network
from ..scaling import IMAGENET_SCALING, Scaling
from ..transfer import pretrained, usual_scaling
from . import parsing
from .opening import is_onnx
from .screen import say
from .sources import pictures_of


def with_weights(
    model: str,
    file: WeightsFile,
    scaling: str | None = None,
    *,
    input_shape: tuple[int, ...] | None = None,
    class_names: tuple[str, ...] = (),
) -> Network:
    """Return a model by name with the weights in a file, and say what it was made of; see `pretrained`.

    Parameters
    ----------
    model : str
        A name in `models.MODELS`.
    file : WeightsFile
    scaling : str, optional
        What stands behind ``--scaling``.
    input_shape, class_names
        As for `pretrained`.
    """
    network = pretrained(
        model, file, scaling=scaling_for(model, file, scaling), input_shape=input_shape, class_names=class_names
    )
    (classes,) = network.output_shape()
    name = Path(file.path).name
    say(f"{model} with the weights in {name}: {classes:,} classes, {describe_pixels(network.scaling)}")
    note_scaling(model, file, scaling)
    return network


def scaling_for(model: str | None, file: WeightsFile | None, text: str | None) -> Scaling | None:
    """Return the scaling that a text describes; without one, what `usual_scaling` of weights is, if there are any."""
    if text is not None:
        return parsing.scaling(text)
    return None if file is None else usual_scaling(model, file)


def note_scaling(model: str, file: WeightsFile, text: str | None) -> None:
    """Say that nothing tells how pixels were scaled where neither the file, nor the model, nor the user does."""
    if text is None and file.scaling is None and usual_scaling(model, file) is None:
        say("note: the file does not say how pixels were scaled; see --scaling")


def preparation_of(run: str, network: Network) -> Preparation | None:
    """Return how pictures are prepared for the network of a run or a model file: as they were in its training, or as
    networks that tell ImageNet's classes apart want it; None where they are stretched."""
    kept = pictures_of(run)
    if kept["crop"] is not None:
        return Preparation.for_crop(kept["crop"])
    if kept["size"] is not None:
        return None
    match network.input_shape:
        case (3, height, width) if network.class_names == imagenet_classes() and height == width:
            return Preparation.for_crop(height)
    return None


def name_classes(network: Network, names: tuple[str, ...] | None) -> None:
    """Let the classes of a network be called as ``--classes`` says, if it says anything."""
    if names is None:
        return
    classes = network.output_shape()[0]
    if len(names) != classes:
        raise ArgumentError(f"--classes: expected {classes:,} names, one for each class, received {len(names):,}")
    network.class_names = names


def scaling_alone(scaling: str | None, run: str) -> Scaling | None:
    """Return a scaling that is given without weights, for an ONNX model; refuse it for others."""
    if scaling is None or not is_onnx(run):
        refuse_alone(scaling)
        return None
    return parsing.scaling(scaling)


def refuse_alone(scaling: str | None) -> None:
    """Refuse a scaling without weights: a run has its own."""
    if scaling is not None:
        raise typer.BadParameter("goes with --weights; a run has its own scaling", param_hint="--scaling")


def describe_pixels(scaling: Scaling) -> str:
    """Return what pixels a network sees, for people."""
    if scaling == Scaling():
        return "pixels from 0 to 1"
    if scaling == IMAGENET_SCALING:
        return "pixels scaled as for ImageNet"
    return f"pixels scaled by {','.join(map(str, scaling.means))}:{','.join(map(str, scaling.deviations))}"
