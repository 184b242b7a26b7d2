"""The words that verbs take, each with its help; those of `train` alone make up most of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from .. import initializers, recipes
from ..native import ENGINES
from ..optimizers import SGD, Adam, AdamW, Optimizer
from .sources import HELD_OUT

OPTIMIZERS: dict[str, tuple[type[Optimizer], dict[str, float | bool]]] = {
    "adam": (Adam, {}),
    "adamw": (AdamW, {}),
    "sgd": (SGD, {}),
    "momentum": (SGD, {"momentum": 0.9}),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True}),
}


class Length(NamedTuple):
    """How long to train unless told otherwise, with up to `images` training images."""

    images: float
    epochs: int
    batch_size: int


def whole(text: str | int) -> int:
    """Read a whole number; for the others, the library says what is wrong."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"expected a whole number, received {text!r}") from None


def real(text: str | float) -> float:
    """Read a number."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"expected a number, received {text!r}") from None


def named(text: str) -> str:
    """Read a name or a path, which an unset variable of the shell leaves empty."""
    if not text:
        raise typer.BadParameter("expected a name or a path, received nothing")
    return text


def folder(text: str | Path) -> Path:
    """Read the path of a folder; a shell leaves the ~ of ``--out=~/run`` as it is."""
    if not str(text):
        raise typer.BadParameter("expected a folder, received nothing")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise typer.BadParameter(f"the home folder that {str(text)!r} begins with is not known") from None


LENGTHS = (Length(10_000, epochs=20, batch_size=32), Length(float("inf"), epochs=10, batch_size=128))
"""Few images need more epochs, and smaller batches, to make enough steps to learn in."""

_FEW, _MANY = LENGTHS

# ---- for several verbs
Run = Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, or a model file.")]
DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        parser=folder,
        help="Where the files of a set known by name are, if not among the downloads.",
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        help=f"What computes: {' or '.join(ENGINES)}. The first is native code made for the network, the other the "
        "definitions in NumPy: slower, and the same but for rounding.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole,
        help="Threads of the compiled engine, which change no result. By default PELLUCID_THREADS, or else as many as "
        "there are processors.",
    ),
]

# ---- for train
Model = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        show_default=False,
        help="small (two convolutions, for images of 8×8 pixels or so), lenet (LeNet-5, from 16×16), mnist-s8 (learns "
        "quickly, from 11×11), mnist-s6 (three convolutions, from 19×19), or notebook (one convolution, to learn "
        "from). By default small for images below 16×16, lenet for others.",
    ),
]
RecipeName = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME",
        help=f"Train by a recipe: {', '.join(recipes.RECIPES)}. It decides the model and how it learns, so MODEL and "
        "the options from --epochs to --scaling cannot stand beside it; --data can, with images of one's own.",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|PATH",
        parser=named,
        help="A set known by name (`pellucid data list` shows them), a folder that holds a folder of pictures for each "
        "class, or a .npz file. By default digits, or what the recipe was made for.",
    ),
]
Validation = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        parser=real,
        help="Share of the training images to hold out, and to measure on after every epoch. By default 0, or "
        f"{HELD_OUT} where the data have no test part.",
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
    str, typer.Option("--optimizer", metavar="NAME", help=f"How weights are changed: {', '.join(OPTIMIZERS)}.")
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
        "(0.04:0.3:0); linear:START:PEAK_AT (0.1:0.2); step:EVERY_EPOCHS:FACTOR (10:0.1); or warm-up:STEPS:FORM "
        "(constant). What is left off is as in brackets.",
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
        "between. By default they stay as they are.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        metavar="N",
        parser=whole,
        help="Decides all that is drawn: first weights, order of images, what is held out.",
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
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Do not show how it goes.")]
