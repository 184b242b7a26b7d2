"""predict: what a trained network sees in pictures."""

from __future__ import annotations

import sys
from typing import Annotated

import numpy as np
import typer

from ..data import read_inputs
from ..errors import ArgumentError, PellucidError
from ..geometry import whole_number
from ..inference import predict_proba
from ..network import Sequential
from . import options
from .screen import class_name, examples
from .sources import open_network

EXAMPLES = examples(
    "pellucid predict runs/small-digits three.png",
    "pellucid predict runs/small-digits *.jpg --invert --top 1",
    "pellucid predict run/model.safetensors images.npy",
)


def command(
    run: options.Run,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Pictures of any size, grey or colour; or .npy arrays of images."),
    ],
    top: Annotated[int, typer.Option(metavar="N", parser=options.whole, help="How many classes to show.")] = 3,
    invert: Annotated[
        bool,
        typer.Option(
            "--invert", help="Exchange dark and light: for dark ink on white paper, if the network knows light on dark."
        ),
    ] = False,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
) -> None:
    """Say what is in pictures.

    Prints a line for each picture: its likeliest classes, with their probabilities. A file that cannot be read is
    reported, and the others follow.
    """
    top = whole_number(top, "--top")
    network = open_network(run)
    if network.input_shape is None or len(network.input_shape) != 3:
        raise ArgumentError(f"{run} takes inputs of shape {network.input_shape}, not pictures")
    channels, height, width = network.input_shape
    width_of_names, failed = max(map(len, files)), False
    for file in files:
        try:
            images = read_inputs(file, (channels, height, width), invert)
            lines = _lines(network, predict_proba(network, images, engine=engine, threads=threads), top)
        except PellucidError as error:
            failed = True
            where = "" if file in str(error) else f"{file}: "
            print(f"error: {where}{error}", file=sys.stderr)
            continue
        for number, line in enumerate(lines):
            name = file if len(lines) == 1 else f"{file}[{number}]"
            print(f"{name:{width_of_names}}  {line}")
    if failed:
        raise typer.Exit(1)


def _lines(network: Sequential, probabilities: np.ndarray, top: int) -> list[str]:
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    return [
        "   ".join(f"{class_name(network, int(k))} {100 * row[k]:.1f} %" for k in likeliest)
        for row, likeliest in zip(probabilities, order, strict=True)
    ]
