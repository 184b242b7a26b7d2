"""The words that verbs take of an ONNX model: what it leaves open, and what it holds more of than one network."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple, TypeVar

import typer

from ..errors import ArgumentError, ModelFileError
from . import parsing


class OnnxWords(NamedTuple):
    """What `load_onnx` is told of a model."""

    external_data: bool = False
    input_shape: tuple[int, ...] | None = None
    output: str | None = None


ExternalData = Annotated[
    bool,
    typer.Option(
        "--external-data",
        help="Of an ONNX model: read its weights from the files beside it that it names, as PyTorch writes them.",
    ),
]
InputShape = Annotated[
    Any,  # numbers, which typer would take for as many words
    typer.Option(
        "--input-shape",
        metavar="CxHxW",
        parser=parsing.shape,
        show_default=False,
        help="Of an ONNX model that leaves it open: the shape of one image, such as 3x224x224.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        metavar="NAME",
        parser=parsing.named,
        help="Of an ONNX model: the result that is wanted, by a tensor's name or a node's. By default its only one.",
    ),
]

Command = TypeVar("Command", bound=Callable[..., None])


def with_onnx_words(command: Command) -> Command:
    """Let a command take these words behind its own; it gets them together, as `onnx`."""

    @functools.wraps(command)
    def taking(*given: Any, external_data: bool, input_shape: Any, output: str | None, **words: Any) -> None:
        command(*given, **words, onnx=OnnxWords(external_data, input_shape, output))

    own = [each for each in inspect.signature(command, eval_str=True).parameters.values() if each.name != "onnx"]
    kinds = {"external_data": (ExternalData, False), "input_shape": (InputShape, None), "output": (Output, None)}
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in kinds.items()
    ]
    taking.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]
    return taking  # type: ignore[return-value]


def refuse_of_others(onnx: OnnxWords, what: str) -> None:
    """Refuse these words where there is no ONNX model."""
    for name, value in zip(OnnxWords._fields, onnx, strict=True):
        if value:
            hint = f"--{name.replace('_', '-')}"
            raise typer.BadParameter(f"goes with an ONNX model, and {what} is none", param_hint=hint)


@contextmanager
def in_words() -> Iterator[None]:
    """Let errors of `load_onnx` name a verb's words instead of Python's arguments."""
    try:
        yield
    except (ArgumentError, ModelFileError) as error:
        raise type(error)(_in_words(str(error))) from None


def _in_words(text: str) -> str:
    """Return a message with the words of the command line for arguments.

    Examples
    --------
    >>> _in_words("say them: input_shape=(3, 224, 224)"), _in_words("choose one, as in output='a'")
    ('say them: --input-shape 3x224x224', "choose one, as in --output 'a'")
    """
    text = re.sub(r"input_shape=\(([\d, ]+?),?\)", lambda found: f"--input-shape {found[1].replace(', ', 'x')}", text)
    text = re.sub(r"load_onnx\(path, external_data=True\)", "add --external-data", text)
    text = text.replace("output=…", "--output NAME").replace("as in output=", "as in --output ")
    return re.sub(r"^(input_shape|output): ", lambda found: f"--{found[1].replace('_', '-')}: ", text)
