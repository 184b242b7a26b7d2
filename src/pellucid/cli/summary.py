"""summary: what a network is made of."""

from __future__ import annotations

import re
import shutil
import sys
from typing import Annotated

import typer

from .. import models
from ..arguments import shown
from ..storage import expanded
from ..summary import summary
from .screen import examples
from .sources import open_network

EXAMPLES = examples(
    "pellucid summary lenet --arithmetic",
    "pellucid summary lenet --input 3x32x32",
    "pellucid summary runs/small-digits",
)


def command(
    network: Annotated[
        str, typer.Argument(metavar="MODEL|RUN|FILE", help="A model by name, the folder of a run, or a model file.")
    ],
    input_shape: Annotated[
        str | None,
        typer.Option("--input", metavar="CxHxW", help="Shape of one image. By default the network's own."),
    ] = None,
    arithmetic: Annotated[bool, typer.Option("--arithmetic", help="Show how each number comes about.")] = False,
) -> None:
    """Show a network layer by layer.

    Prints for each layer the shape of its output, how many parameters it has, how many multiply-adds it takes, and
    which part of the image one of its numbers sees.
    """
    shape = None if input_shape is None else _shape(input_shape)
    if network in models.MODELS or not expanded(network).exists():
        make = models.by_name(network)
        found = summary(make() if shape is None else make(input_shape=shape), arithmetic=arithmetic)
    else:
        found = summary(open_network(network), shape, arithmetic=arithmetic)
    print(found.text(shutil.get_terminal_size().columns if sys.stdout.isatty() else None))


def _shape(text: str) -> tuple[int, ...]:
    size = "[0-9]{1,18}"  # more digits would be none of the machine's whole numbers
    sizes = re.split("[xX×,]", text) if re.fullmatch(f"{size}([xX×,]{size})*", text) else []
    if len(sizes) not in (1, 3):
        hint = f"; for one channel write 1x{'x'.join(sizes)}" if len(sizes) == 2 else ""
        raise typer.BadParameter(
            f"expected a shape CxHxW such as 3x144x144, received {shown(text)}{hint}", param_hint="--input"
        )
    return tuple(map(int, sizes))
