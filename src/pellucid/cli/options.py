"""The words that verbs take, each with its help; those that say how a network learns are in `training_options`, and how
a word is read is in `parsing`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from ..native import ENGINES
from . import parsing
from .sources import HELD_OUT

UsageError: Any = typer.BadParameter.__base__  # which typer does not export

WORDS = "pellucid.words"
"""Under what a command's context keeps its words."""


class Verb(TyperCommand):
    """A command whose help shows its arguments by their metavar alone, without the types of Python behind them."""

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        for parameter in self.params:
            if parameter.param_type_name == "argument":
                vars(parameter)["display_type_rich"] = lambda ctx: ""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words, which `ctx.meta` keeps; an error about them knows of which command they are."""
        ctx.meta[WORDS] = list(args)
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            error.ctx = error.ctx or ctx
            raise


Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN|MODEL",
        parser=parsing.named,
        help="The folder of a run, or a model file, also of ONNX; or with --weights a model by name.",
    ),
]
Network = Annotated[
    str,
    typer.Argument(
        metavar="MODEL|RUN|FILE",
        parser=parsing.named,
        help="A model by name, the folder of a run, or a model file, ONNX or not.",
    ),
]
ModelWeights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        parser=parsing.place,
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
        parser=parsing.class_names,
        show_default=False,
        help="What the classes are called, in their order. By default as the network says, or by their numbers.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        parser=parsing.folder,
        help="Where the files of a set known by name are, if not among the downloads.",
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        parser=parsing.engine,
        help=f"What computes: {' or '.join(ENGINES)}. The first is native code made for the network, the other the "
        "definitions in NumPy: slower, and the same but for rounding.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=parsing.at_least_one,
        help="Threads of the compiled engine, which change no result. By default PELLUCID_THREADS, or else as many as "
        "there are processors.",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|PATH",
        parser=parsing.named,
        help="A set known by name (`pellucid data list` shows them), a folder that holds a folder of pictures for each "
        "class, or a .npz file with the arrays x_train and y_train, and perhaps x_test and y_test, or else x and y. By "
        "default digits, or what the recipe was made for.",
    ),
]
DataOfRun = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="NAME|PATH",
        parser=parsing.named,
        show_default=False,
        help="Where the data of the run are now, if they were moved, or if it was made from arrays.",
    ),
]
Validation = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        parser=parsing.real,
        help="Share of the training images to hold out: to measure on, and not to train on. By default 0, or "
        f"{HELD_OUT} where the data have no test part.",
    ),
]
Size = Annotated[
    Any,  # a pair, which typer would take for two words
    typer.Option(
        "--size",
        metavar="HxW",
        parser=parsing.size,
        show_default=False,
        help="Height and width that the pictures of a folder are stretched to, such as 32x32. By default the size that "
        "most of them have; for models made for ImageNet they are resized and cropped instead.",
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
        parser=parsing.whole,
        help="Decides all that is drawn: first weights, order of images, what is held out.",
    ),
]


def _checkpoint_every(default: str) -> Any:
    return typer.Option(
        metavar="TIME|STEPS",
        parser=parsing.interval,
        show_default=False,
        help="How often to write a checkpoint, from which `pellucid resume` goes on: a time such as 30s or 5min, or a "
        f"number of steps.  [default: {default}]",
    )


CheckpointEvery = Annotated[str | None, _checkpoint_every("30s")]
CheckpointEveryAgain = Annotated[str | None, _checkpoint_every("as was said last")]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Show no bars, and no line for each epoch.")]
