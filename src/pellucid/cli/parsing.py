"""How the words of the command line are read: each function returns what a word stands for, or refuses it and says what
was expected."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from ..arguments import shown
from ..data import augment
from ..data.augment import Augmentation
from ..errors import ArgumentError
from ..native import ENGINES
from ..scaling import IMAGENET_SCALING, Scaling
from ..storage import expanded
from ..training.interval import Interval


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


def shape(text: str) -> tuple[int, ...]:
    """Read the shape of one image, or of features."""
    size = "[0-9]{1,18}"  # more digits would be none of the machine's whole numbers
    sizes = re.split("[xX×,]", text) if re.fullmatch(f"{size}([xX×,]{size})*", text) else []
    if len(sizes) not in (1, 3):
        hint = f"; for one channel write 1x{'x'.join(sizes)}" if len(sizes) == 2 else ""
        raise typer.BadParameter(f"expected a shape CxHxW such as 3x144x144, received {shown(text)}{hint}")
    return tuple(map(int, sizes))


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
