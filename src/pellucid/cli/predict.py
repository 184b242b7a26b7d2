"""predict: what a trained network sees in pictures."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..data import read_inputs
from ..data.datasets import Preparation, imagenet_classes
from ..errors import ArgumentError, NonFiniteError, PellucidError, path_text
from ..inference import predict_proba
from ..interop.weights import open_weights
from ..limits import LIMITS
from ..network import Network
from ..transfer import usual_preparation
from . import options, parsing, processes
from .onnx_words import OnnxWords, refuse_of_others, with_onnx_words
from .opening import open_run
from .pretrained import name_classes, preparation_of, scaling_alone, with_weights
from .screen import class_name, examples
from .table import Inputs, Out, Probabilities, ProcessCount, table_of, write

EXAMPLES = examples(
    "pellucid predict runs/small-digits three.png",
    "pellucid predict runs/small-digits *.jpg --invert --top 1",
    "pellucid predict runs/mnist-99-mnist photo.jpg --drawn --invert",
    "pellucid predict run/model.safetensors images.npy",
    "pellucid predict model.onnx three.png",
    "pellucid predict run --input 'photos/**.png' --out classes.csv",
    "pellucid predict resnet18 --weights resnet18.pth dog.jpg",
)


@with_onnx_words
def command(
    context: typer.Context,
    run: options.Run,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            parser=parsing.named,
            show_default=False,
            help="Pictures of any size, grey or colour; or .npy arrays of images.",
        ),
    ] = None,
    inputs: Inputs = None,
    out: Out = None,
    probabilities: Probabilities = False,
    ranks: ProcessCount = None,
    weights: options.ModelWeights = None,
    scaling: options.ModelScaling = None,
    classes: options.Classes = None,
    top: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=parsing.at_least_one,
            help="How many classes to show. By default 3, or 5 of ImageNet's; with --input 1.",
        ),
    ] = None,
    invert: Annotated[
        bool,
        typer.Option(
            "--invert", help="Exchange dark and light: for dark ink on white paper, if the network knows light on dark."
        ),
    ] = False,
    drawn: Annotated[
        bool,
        typer.Option(
            "--drawn",
            help="Take each picture for a digit drawn by hand, anywhere and of any size: it is scaled and centred as "
            "MNIST's digits were.",
        ),
    ] = False,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
    *,
    onnx: OnnxWords,
) -> None:
    """Say what is in pictures.

    Prints a line for each picture: its likeliest classes, with their probabilities. A file that cannot be read is
    reported, and the others follow. Pictures are stretched to the network's size; for networks with ImageNet's
    classes, and for models made for them, the shorter side is resized, and the central square cropped, as their authors
    did. With --drawn the ink alone is taken, scaled and centred. With --input the files may be any number: they are
    predicted into a table, which goes on where it stopped if the command is ended and given again.
    """
    table, onnx = table_of(inputs, out, probabilities, ranks, files, onnx)
    if table is not None and processes.predicted_by_processes(table, context.meta[options.WORDS], threads):
        return
    network, preparation = _opened(run, weights, scaling, onnx)
    name_classes(network, classes)
    shape = _shape_of_pictures(network, run, drawn)
    if table is not None:
        how = {"invert": invert, "drawn": drawn, "engine": engine, "threads": threads}
        write(table, network, preparation, processes.own_rank(), top=top or 1, **how)
        return
    if top is None:
        top = 5 if network.class_names == imagenet_classes() else 3
    names, failed = list(files or ()), False
    width_of_names = max(len(path_text(file)) for file in names)
    for file in names:
        try:
            images = read_inputs(file, shape, invert, preparation=preparation, drawn=drawn)
            found = _likeliest(network, predict_proba(network, images, engine=engine, threads=threads), top)
        except PellucidError as error:
            failed = True
            where = "" if path_text(file) in str(error) else f"{path_text(file)}: "
            print(f"error: {where}{error}", file=sys.stderr)
            continue
        for number, likeliest in enumerate(found):
            name = path_text(file) if len(found) == 1 else f"{path_text(file)}[{number}]"
            print(_in_lines(f"{name:{width_of_names}}  ", likeliest))
    if failed:
        raise typer.Exit(1)


def _shape_of_pictures(network: Network, run: str, drawn: bool) -> tuple[int, int, int]:
    """Return the shape of the pictures that a network takes, or refuse one that takes none, or too large ones."""
    if network.input_shape is None or len(network.input_shape) != 3:
        raise ArgumentError(f"{run} takes inputs of shape {network.input_shape}, not pictures")
    channels, height, width = network.input_shape
    if height * width > LIMITS.pixels:
        size = f"{width:,}×{height:,} = {height * width:,}"
        raise ArgumentError(f"{run} takes pictures of {size} pixels; at most {LIMITS.pixels:,} are allowed")
    if drawn and channels != 1:
        raise ArgumentError(
            f"--drawn: {run} takes pictures of {channels} channels, and ink has no colour; leave it out, or name a "
            "network of grey images, such as those of MNIST"
        )
    return channels, height, width


def _opened(run: str, weights: Path | None, scaling: str | None, onnx: OnnxWords) -> tuple[Network, Preparation | None]:
    """Return a network, and how pictures are prepared for it unless they are stretched."""
    if weights is None:
        network = open_run(run, "predict", scaling_alone(scaling, run), onnx)
        return network, preparation_of(run, network)
    refuse_of_others(onnx, run)
    preparation = usual_preparation(run)
    return with_weights(run, open_weights(weights), scaling), preparation


def _likeliest(network: Network, probabilities: np.ndarray, top: int) -> list[list[str]]:
    """Return for each picture its likeliest classes with their probabilities."""
    if np.isnan(probabilities).any():
        raise NonFiniteError("a probability is NaN: weights of the network are NaN, or so large that outputs overflow")
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    return [
        [f"{class_name(network, int(k))} {100 * row[k]:.1f} %" for k in likeliest]
        for row, likeliest in zip(probabilities, order, strict=True)
    ]


def _in_lines(start: str, parts: list[str], gap: str = "   ") -> str:
    """Return one line; or as many as a terminal needs, so that it breaks none of the parts."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    lines = [start + parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(gap) + len(part) <= columns:
            lines[-1] += gap + part
        else:
            lines.append(" " * len(start) + part)
    return "\n".join(lines)
