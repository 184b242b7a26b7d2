"""summary: what a network is made of."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated, Any

import typer

from ..interop.known_models import fitting_models
from ..interop.weights import WeightsFile
from ..storage import expanded
from ..summary import summary
from . import options, parsing
from .onnx_words import OnnxWords, with_onnx_words
from .opening import is_model, model_or_run, weights_alone
from .screen import called, examples

EXAMPLES = examples(
    "pellucid summary lenet --arithmetic",
    "pellucid summary lenet --input 3x32x32",
    "pellucid summary runs/small-digits",
)


@with_onnx_words
def command(
    network: options.Network,
    shape: Annotated[
        Any,  # numbers, which typer would take for as many words
        typer.Option(
            "--input",
            metavar="CxHxW",
            parser=parsing.shape,
            show_default=False,
            help="Shape of one image. By default the network's own.",
        ),
    ] = None,
    arithmetic: Annotated[bool, typer.Option("--arithmetic", help="Show how each number comes about.")] = False,
    *,
    onnx: OnnxWords,
) -> None:
    """Show a network layer by layer.

    Prints for each layer the shape of its output, how many parameters it has, how many multiply-adds it takes, and
    which part of the image one of its numbers sees. Of a file of weights alone, such as PyTorch's .pth, it says what
    the file holds, and which models the weights fit.
    """
    making = {} if shape is None else {"input_shape": shape}
    if shape is None and not arithmetic and not is_model(network) and expanded(network).is_file():
        file = weights_alone(network)
        if file is not None:
            _show_weights(file)
            return
    found = summary(model_or_run(network, "summary", onnx, **making), shape, arithmetic=arithmetic)
    print(found.text(shutil.get_terminal_size().columns if sys.stdout.isatty() else None))


def _show_weights(file: WeightsFile) -> None:
    print(file)
    found = fitting_models(file)
    if found:
        print(f"next: {called()} summary {found[0]}")
