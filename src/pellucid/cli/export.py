"""export: a trained network as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..interop.onnx import OPSET
from ..interop.weights import open_weights
from ..limits import format_bytes
from ..network import Network
from . import options, parsing
from .onnx_words import OnnxWords, refuse_of_others, with_onnx_words
from .opening import is_model, model_or_run
from .pretrained import describe_pixels, name_classes, refuse_alone, with_weights
from .screen import called, examples, say

EXAMPLES = examples(
    "pellucid export runs/small-digits digits.onnx",
    "pellucid export run/model.safetensors model.onnx --input uint8",
    "pellucid export resnet18 resnet18.onnx --weights resnet18.pth",
)


def _file(text: str | Path) -> Path:
    """Read the path of the file to write, whose ending says which format is meant."""
    path = parsing.place(text)
    if path.suffix.lower() != ".onnx":
        raise typer.BadParameter(f"expected the name of a file that ends in .onnx, received {str(text)!r}")
    return path


def _input_type(text: str) -> str:
    """Read the type of the model's input."""
    from ..interop.onnx.writing_graph import INPUT_TYPES

    if text not in INPUT_TYPES:
        raise typer.BadParameter(f"expected one of {', '.join(INPUT_TYPES)}, received {text!r}")
    return text


@with_onnx_words
def command(
    network: options.Network,
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", parser=_file, help="The file to write.")],
    opset: Annotated[
        int,
        typer.Option("--opset", metavar="N", parser=parsing.at_least_one, help="Version of ONNX's operators."),
    ] = OPSET,
    input_type: Annotated[
        str,
        typer.Option(
            "--input",
            metavar="TYPE",
            parser=_input_type,
            help="What the model takes: float32, bytes divided by 255 before; or uint8, bytes as they are in images.",
        ),
    ] = "float32",
    weights: options.ModelWeights = None,
    scaling: options.ModelScaling = None,
    classes: options.Classes = None,
    *,
    onnx: OnnxWords,
) -> None:
    """Write a network as an ONNX model, for other programs.

    One of them is onnxruntime. The model computes what `pellucid predict` computes before the softmax; what the
    network's scaling does to pixels is part of it. The number of images is free, their size is the network's.
    """
    from ..interop.onnx.writing import save_onnx

    made = _opened(network, weights, scaling, onnx)
    name_classes(made, classes)
    save_onnx(made, file, opset=opset, input_type=input_type)
    print(f"{file}: ONNX, opset {opset}, {format_bytes(file.stat().st_size)}")
    print(f"input: {input_type} {_shape(made.input_shape or ())}, {_pixels(made, input_type)}")
    print(f"output: float32 {_shape(made.output_shape())}")


def _opened(network: str, weights: Path | None, scaling: str | None, onnx: OnnxWords) -> Network:
    """Return the network to export, and say so where it has learnt nothing."""
    if weights is not None:
        refuse_of_others(onnx, network)
        return with_weights(network, open_weights(weights), scaling)
    refuse_alone(scaling)
    if is_model(network):
        command = f"{called()} export {network} … --weights FILE"
        say(f"note: {network} has learnt nothing yet; with weights from a file: {command}")
    return model_or_run(network, "export", onnx)


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, ('batch', *shape)))})"


def _pixels(network: Network, input_type: str) -> str:
    """Return what the model expects, and does to it."""
    if len(network.input_shape or ()) == 1:
        return "features as in training"
    floats = "pixels from 0 to 1" if network.scaling.fits_pixels else "pixels in the units of its training"
    given = "pixels from 0 to 255" if input_type == "uint8" else floats
    inside = describe_pixels(network.scaling)
    return given if inside == "pixels from 0 to 1" else f"{given}; inside, {inside}"
