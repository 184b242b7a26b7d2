"""summary: what a network is made of."""

from __future__ import annotations

import re
import shutil
import sys
from typing import Annotated

import typer

from ..arguments import shown
from ..interop.known_models import fitting_models
from ..interop.weights import WeightsFile
from ..storage import expanded
from ..summary import summary
from . import options
from .opening import is_model, model_or_run, weights_alone
from .screen import called, examples

EXAMPLES = examples(
    "pellucid summary lenet --arithmetic",
    "pellucid summary lenet --input 3x32x32",
    "pellucid summary runs/small-digits",
)


def command(
    network: options.Network,
    input_shape: Annotated[
        str | None,
        typer.Option("--input", metavar="CxHxW", help="Shape of one image. By default the network's own."),
    ] = None,
    arithmetic: Annotated[bool, typer.Option("--arithmetic", help="Show how each number comes about.")] = False,
) -> None:
    """Show a network layer by layer.

    Prints for each layer the shape of its output, how many parameters it has, how many multiply-adds it takes, and
    which part of the image one of its numbers sees. Of a file of weights alone, such as PyTorch's .pth, it says what
    the file holds, and which models the weights fit.
    """
    shape = None if input_shape is None else _shape(input_shape)
    making = {} if shape is None else {"input_shape": shape}
    if shape is None and not arithmetic and not is_model(network) and expanded(network).is_file():
        file = weights_alone(network)
        if file is not None:
            _show_weights(file)
            return
    found = summary(model_or_run(network, "summary", **making), shape, arithmetic=arithmetic)
    print(found.text(shutil.get_terminal_size().columns if sys.stdout.isatty() else None))


def _show_weights(file: WeightsFile) -> None:
    print(file)
    found = fitting_models(file)
    if found:
        print(f"next: {called()} summary {found[0]}")


def _shape(text: str) -> tuple[int, ...]:
    size = "[0-9]{1,18}"  # more digits would be none of the machine's whole numbers
    sizes = re.split("[xX×,]", text) if re.fullmatch(f"{size}([xX×,]{size})*", text) else []
    if len(sizes) not in (1, 3):
        hint = f"; for one channel write 1x{'x'.join(sizes)}" if len(sizes) == 2 else ""
        raise typer.BadParameter(
            f"expected a shape CxHxW such as 3x144x144, received {shown(text)}{hint}", param_hint="--input"
        )
    return tuple(map(int, sizes))
