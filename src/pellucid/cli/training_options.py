"""The words that say what is trained, how it learns, and what is kept of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

import typer

from .. import initializers, optimizers, recipes
from ..errors import ArgumentError
from ..interop import loggers
from ..training import Callback
from .parsing import folder, named, place, real, whole


class Length(NamedTuple):
    """How long to train unless told otherwise, with up to `images` training images."""

    images: float
    epochs: int
    batch_size: int


LENGTHS = (Length(10_000, epochs=20, batch_size=32), Length(float("inf"), epochs=10, batch_size=128))
"""Few images need more epochs, and smaller batches, to make enough steps to learn in."""

_FEW, _MANY = LENGTHS

Model = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        show_default=False,
        help="For small grey images notebook, small, mnist_s8, mnist_s6, lenet, lenet5; for small photographs all_cnn, "
        "resnet20 and deeper; for larger ones the families alexnet, vgg, squeezenet, resnet18 and deeper, mobilenet "
        "(`pellucid study models` shows them all). By default small for images below 16×16, lenet for others.",
    ),
]
RecipeName = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME|FILE",
        parser=named,
        help=f"As a recipe does it: {', '.join(recipes.RECIPES)}; or the path of a .toml file of one's own. It decides "
        "the model and how it learns, and words about that, such as MODEL and --augment, cannot stand beside it; "
        "--data can, with images of one's own. `pellucid recipes` shows them.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        parser=place,
        help="Begin from pretrained weights: those of a run or a model file, of another .safetensors file, or of "
        "PyTorch's .pth. Only the last layer may be missing there, or be for other classes. Without MODEL, also an "
        "ONNX model, or any network that was saved: it is the network then.",
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole,
        help=f"How often to go through the training images. By default {_MANY.epochs}, or {_FEW.epochs} if there are "
        f"no more than {_FEW.images:,} images.",
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole,
        help=f"Images in one step. By default {_MANY.batch_size}, or {_FEW.batch_size} if there are no more than "
        f"{_FEW.images:,} images.",
    ),
]
OptimizerName = Annotated[
    str, typer.Option("--optimizer", metavar="NAME", help=f"How weights are changed: {', '.join(optimizers.NAMES)}.")
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        "--lr", metavar="RATE", parser=real, help="Learning rate. By default 0.001 for adam and adamw, 0.01 for others."
    ),
]
ScheduleText = Annotated[
    str,
    typer.Option(
        "--schedule",
        metavar="FORM",
        help="How the learning rate changes: constant; cosine:FINAL, a share of it (0); one-cycle:START:PEAK_AT:FINAL "
        "(0.04:0.3:0); linear:START:PEAK_AT (0.1:0.2); step:EVERY_EPOCHS:FACTOR (10:0.1); drops:FACTOR:AT:AT… "
        "(0.1:0.5:0.75); or warm-up:STEPS:FORM (constant). What is left off is as in brackets.",
    ),
]
WeightDecay = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        parser=real,
        help="How strongly weights are drawn to 0. By default 0.01 for adamw, 0 for others.",
    ),
]
ClipNorm = Annotated[
    float | None,
    typer.Option(
        "--clip-norm",
        metavar="NORM",
        parser=real,
        show_default=False,
        help="Where the norm of all gradients together exceeds this, scale them down to it, so that no step is too "
        "large. By default they are taken as they are.",
    ),
]
Average = Annotated[
    float | None,
    typer.Option(
        "--average",
        metavar="DECAY",
        parser=real,
        show_default=False,
        help="Average the weights over the steps, with this decay such as 0.999, and validate and save the averages.",
    ),
]
LabelSmoothing = Annotated[
    float, typer.Option(metavar="SHARE", parser=real, help="Share of each label to spread evenly over all classes.")
]
InitializerName = Annotated[
    str | None,
    typer.Option(
        "--initializer",
        metavar="NAME",
        help=f"How first weights are drawn: {', '.join(initializers.NAMES)}. By default as each layer does it.",
    ),
]
ScalingText = Annotated[
    str | None,
    typer.Option(
        "--scaling",
        metavar="MEAN:STD",
        help="Pixels, from 0 to 1, become (pixel − MEAN) / STD. One number each, or one for each channel with commas "
        "between; imagenet stands for what torchvision takes. By default they stay as they are; with --weights, as "
        "they were in a run, and imagenet for the models made for ImageNet.",
    ),
]
NewHead = Annotated[
    bool,
    typer.Option(
        "--new-head",
        help="With --weights: let the last layer begin anew though they have one for as many classes, as these are "
        "others.",
    ),
]
FreezeUntil = Annotated[
    str | None,
    typer.Option(
        metavar="LAYER",
        parser=named,
        help="Let the layers before this one stay as they are: layer3, or layer3.residual2.",
    ),
]
LearningRateScales = Annotated[
    list[str] | None,
    typer.Option(
        "--lr-scale",
        metavar="LAYER=FACTOR",
        help="Multiply the learning rate of a layer: layer3=0.1. May be given several times.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        parser=folder,
        help="Where to save the run. By default runs/MODEL-DATA or runs/RECIPE-DATA, or -2, -3, … behind it if taken.",
    ),
]
EarlyStoppingPatience = Annotated[
    int | None,
    typer.Option(
        "--early-stopping",
        metavar="N",
        parser=whole,
        show_default=False,
        help="End when the loss has not become smaller for N epochs, and take the best epoch's weights back: the loss "
        "on what --validation holds out, else in training.",
    ),
]
KeptCount = Annotated[
    int | None,
    typer.Option(
        "--keep-best",
        metavar="K",
        parser=whole,
        show_default=False,
        help="Keep the networks of the K best epochs, in the folder best of the run: by the loss that --early-stopping "
        "looks at.",
    ),
]
Logs = Annotated[
    list[str] | None,
    typer.Option(
        "--log",
        metavar="FORM",
        help="Log the training for another program to show: tensorboard:FOLDER (logs) or mlflow:URI "
        "(sqlite:///mlflow.db). What is left off is as in brackets. May be given several times.",
    ),
]


Command = TypeVar("Command", bound=Callable[..., None])


def words_of(verb: Callable[..., None], *names: str) -> Callable[[Command], Command]:
    """Let a command take these words of another verb as well, before its own, with what they mean there.

    The command gets them as ``**words``; `beginning` reads them in its context.
    """
    shared = inspect.signature(verb, eval_str=True).parameters

    def taking(command: Command) -> Command:
        context, *own = inspect.signature(command, eval_str=True).parameters.values()
        words = [context, *(shared[name] for name in names), *own[:-1]]  # the last are ``**words``
        command.__signature__ = inspect.Signature(words)  # type: ignore[attr-defined]
        return command

    return taking


def loggers_of(texts: list[str] | None) -> list[Callback]:
    """Read where the training is to be logged."""
    try:
        return [*map(loggers.by_name, texts or ())]
    except ArgumentError as error:
        raise typer.BadParameter(str(error), param_hint="--log") from None
