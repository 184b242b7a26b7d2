"""The words that verbs take, each with its help; those of `train` alone make up most of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand

from .. import initializers, optimizers, recipes
from ..arguments import shown
from ..data import augment
from ..data.augment import Augmentation
from ..errors import ArgumentError
from ..interop import loggers
from ..native import ENGINES
from ..scaling import IMAGENET_SCALING, Scaling
from ..storage import expanded
from ..training import Callback
from ..training.interval import Interval
from .sources import HELD_OUT


class Verb(TyperCommand):
    """A command whose help shows its arguments by their metavar alone, without the types of Python behind them."""

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        for parameter in self.params:
            if parameter.param_type_name == "argument":
                vars(parameter)["display_type_rich"] = lambda ctx: ""


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
        raise typer.BadParameter(f"expected a whole number, received {shown(text)}") from None


def at_least_one(text: str | int) -> int:
    """Read a whole number of at least 1."""
    number = whole(text)
    if number < 1:
        raise typer.BadParameter(f"expected a whole number of at least 1, received {number}")
    return number


def engine(text: str) -> str:
    """Read the name of what computes."""
    if text not in ENGINES:
        raise typer.BadParameter(f"expected one of {', '.join(ENGINES)}, received {shown(text)}")
    return text


def real(text: str | float) -> float:
    """Read a number."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"expected a number, received {shown(text)}") from None


def named(text: str) -> str:
    """Read a name or a path, which an unset variable of the shell leaves empty."""
    if not text:
        raise typer.BadParameter("expected a name or a path, received nothing")
    return text


def folder(text: str | Path) -> Path:
    """Read the path of a folder."""
    if not str(text):
        raise typer.BadParameter("expected a folder, received nothing")
    return place(text)


def place(text: str | Path) -> Path:
    """Read the path of a file or folder; a shell leaves the ~ of ``--out=~/run`` as it is."""
    try:
        return expanded(named(str(text)))
    except ArgumentError as error:
        raise typer.BadParameter(str(error).removeprefix("path: ")) from None


def interval(text: str) -> str:
    """Check how often a checkpoint is written."""
    try:
        Interval.of(text)
    except ArgumentError as error:
        raise typer.BadParameter(str(error).removeprefix("checkpoint_every: ")) from None
    return text


def scaling(text: str) -> Scaling:
    """Read what ``MEAN:STD`` or a name says of pixels."""
    if text == "imagenet":
        return IMAGENET_SCALING
    try:
        means, deviations = (tuple(map(float, side.split(","))) for side in text.split(":"))
    except ValueError:
        expected = "expected MEAN:STD, such as 0.1307:0.3081, or imagenet"
        raise typer.BadParameter(f"{expected}, received {text!r}", param_hint="--scaling") from None
    return Scaling(*(numbers[0] if len(numbers) == 1 else numbers for numbers in (means, deviations)))


def size(text: str | tuple[int, int]) -> tuple[int, int]:
    """Read height and width."""
    if isinstance(text, tuple):
        return text
    sides = re.fullmatch(r"([1-9]\d{0,8})[xX×]([1-9]\d{0,8})", text, re.ASCII)
    if sides is None:
        raise typer.BadParameter(f"expected HEIGHTxWIDTH, such as 32x32, received {shown(text)}")
    return int(sides[1]), int(sides[2])


def class_names(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """Read names of classes."""
    names = text if isinstance(text, tuple) else tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise typer.BadParameter(f"expected names that differ, such as cat,dog, received {shown(text)}")
    return names


def augmentations(texts: list[str] | None) -> tuple[Augmentation, ...]:
    """Read what is to be done to images."""
    try:
        return tuple(map(augment.by_name, texts or ()))
    except ArgumentError as error:
        raise typer.BadParameter(str(error), param_hint="--augment") from None


def loggers_of(texts: list[str] | None) -> list[Callback]:
    """Read where the training is to be logged."""
    try:
        return [*map(loggers.by_name, texts or ())]
    except ArgumentError as error:
        raise typer.BadParameter(str(error), param_hint="--log") from None


LENGTHS = (Length(10_000, epochs=20, batch_size=32), Length(float("inf"), epochs=10, batch_size=128))
"""Few images need more epochs, and smaller batches, to make enough steps to learn in."""

_FEW, _MANY = LENGTHS

# ---- for several verbs
Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN|MODEL",
        parser=named,
        help="The folder of a run, or a model file, also of ONNX; or with --weights a model by name.",
    ),
]
Network = Annotated[
    str,
    typer.Argument(
        metavar="MODEL|RUN|FILE",
        parser=named,
        help="A model by name, the folder of a run, or a model file, ONNX or not.",
    ),
]
ModelWeights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        parser=place,
        help="Weights for MODEL: PyTorch's .pth, .pt or .th, or .safetensors. The file says for how many classes.",
    ),
]
ModelScaling = Annotated[
    str | None,
    typer.Option(
        "--scaling",
        metavar="MEAN:STD",
        help="What the weights were trained with: pixels, from 0 to 1, become (pixel − MEAN) / STD; imagenet stands "
        "for what torchvision takes. By default imagenet for the models made for ImageNet, and for ONNX models what "
        "they do themselves.",
    ),
]
Classes = Annotated[
    Any,  # names, which typer would take for as many words
    typer.Option(
        "--classes",
        metavar="NAME,NAME,…",
        parser=class_names,
        show_default=False,
        help="What the classes are called, in their order. By default as the network says, or by their numbers.",
    ),
]
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
        parser=engine,
        help=f"What computes: {' or '.join(ENGINES)}. The first is native code made for the network, the other the "
        "definitions in NumPy: slower, and the same but for rounding.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=at_least_one,
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
        help=f"Train by a recipe: {', '.join(recipes.RECIPES)}; or the path of a .toml file of one's own. It decides "
        "the model and how it learns, so MODEL and the options from --epochs to --augment cannot stand beside it; "
        "--data can, with images of one's own. `pellucid recipes` shows them.",
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
Weights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        parser=place,
        help="Begin from pretrained weights: those of a run or a model file, of another .safetensors file, or of "
        "PyTorch's .pth. Only the last layer may be missing there, or be for other classes.",
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
Size = Annotated[
    Any,  # a pair, which typer would take for two words
    typer.Option(
        "--size",
        metavar="HxW",
        parser=size,
        show_default=False,
        help="Height and width that the pictures of a folder are stretched to, such as 32x32. By default the size that "
        "most of them have; for models made for ImageNet they are resized and cropped instead.",
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
Augment = Annotated[
    list[str] | None,
    typer.Option(
        "--augment",
        metavar="FORM",
        help="Change the training images anew at every epoch: crop:PADDING (4) shifts them by so many pixels at most; "
        "flip:P (0.5) mirrors that share of them; affine:SHIFT,ROTATE,SCALE,SHEAR (0 each) in pixels, radians and "
        "shares; jitter:BRIGHTNESS,CONTRAST,SATURATION (0 each) in shares; cutout:SIZE (8) covers a square; "
        "mixup:ALPHA (0.2), which must come first, mixes each with another one, and its class too. What is left off is "
        "as in brackets. May be given several times, and is done in this order.",
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
Logs = Annotated[
    list[str] | None,
    typer.Option(
        "--log",
        metavar="FORM",
        help="Log the training for another program to show: tensorboard:FOLDER (logs) or mlflow:URI "
        "(sqlite:///mlflow.db). What is left off is as in brackets. May be given several times.",
    ),
]
CheckpointEvery = Annotated[
    str | None,
    typer.Option(
        metavar="TIME|STEPS",
        parser=interval,
        show_default=False,
        help="How often to write a checkpoint, from which `pellucid resume` goes on: a time such as 30s or 5min, or a "
        "number of steps.  [default: 30s]",
    ),
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Show no bars, and no line for each epoch.")]
