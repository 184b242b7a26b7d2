"""Augmentation: training images made anew at every epoch, in ways that leave what they show, or mixed in known shares.

An augmentation here is a small immutable object that says what is to be done. It becomes a step of the training
program, after the scaling and before the first layer (`MixUp` before both); what the step computes stands in
`definitions.augment` and `definitions.mixup`. Draws depend on the seed, the epoch, the sample's number in the data set
and the augmentation's place in the list alone: any sample of any epoch can be drawn again by itself. Nothing is
augmented where a network is evaluated or predicts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar

from ..arguments import nearest, number, shown
from ..errors import ArgumentError
from ..geometry import whole_number

Numbers = tuple[float, ...]

_LARGEST_ALPHA = 1000


@dataclass(frozen=True)
class Augmentation:
    """Base of the augmentations.

    Attributes
    ----------
    kind : str
        Of the step that it becomes.
    stem : str
        What its short text begins with; see `by_name`.
    """

    kind: ClassVar[str]
    stem: ClassVar[str]
    fills: ClassVar[bool] = True
    """Whether it puts something where an image has no pixel: what 0 becomes by scaling."""
    mixes: ClassVar[bool] = False
    """Whether it needs a second sample of the data set, and changes targets too."""

    def __str__(self) -> str:
        """Return the short text that `by_name` makes the same of."""
        settings = ",".join(format(getattr(self, field.name), "g") for field in fields(self))
        return f"{self.stem}:{settings}" if settings else self.stem

    def check(self, shape: tuple[int, int, int]) -> None:
        """Refuse images (C, H, W) that it cannot change."""

    def attributes(self, mean: Numbers, std: Numbers) -> dict[str, Any]:
        """Return the attributes of its step, the ordinal excepted.

        Parameters
        ----------
        mean, std : tuple of float
            Of the scaling: one for all channels, or one each.
        """
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**settings, "fill": _of_zero(mean, std)} if self.fills else settings


@dataclass(frozen=True)
class Crop(Augmentation):
    """Images padded on all sides, of which a part of their own size is cut out at random: shifts by whole pixels.

    Parameters
    ----------
    padding : int, default 4
        How far an image may be shifted, in pixels.

    References
    ----------
    He, Zhang, Ren, Sun (2015): Deep residual learning for image recognition, section 4.2.
    """

    kind, stem = "crop", "crop"
    padding: int = 4

    def __post_init__(self) -> None:
        object.__setattr__(self, "padding", whole_number(self.padding, "Crop.padding"))

    def check(self, shape: tuple[int, int, int]) -> None:
        most = min(shape[1:]) - 1
        if self.padding > most:
            fix = f"use at most {most}" if most else "leave it out"
            raise ArgumentError(f"Crop.padding: {self.padding} could shift images {_size(shape)} out of sight; {fix}")


@dataclass(frozen=True)
class Flip(Augmentation):
    """Images mirrored, left for right. Not for digits or letters.

    Parameters
    ----------
    p : float, default 0.5
        How probable that is for each image.
    """

    kind, stem, fills = "flip", "flip", False
    p: float = 0.5

    def __post_init__(self) -> None:
        _keep(self, p=number(self.p, "Flip.p", "a number from 0 to 1"))


@dataclass(frozen=True)
class Affine(Augmentation):
    """Images shifted, turned, stretched and sheared, each by a little that is drawn from − to + what is given.

    Parameters
    ----------
    shift : float, default 0
        Along each axis, in pixels.
    rotate : float, default 0
        About the middle, in radians; up to π.
    scale : float, default 0
        Each axis by a factor of its own, from 1 − scale to 1 + scale.
    shear : float, default 0
        Columns for every row, up to 1.

    Notes
    -----
    The result's pixels are read between four of the image's (bilinearly).

    References
    ----------
    LeCun, Bottou, Bengio, Haffner (1998): Gradient-based learning applied to document recognition, section III.
    """

    kind, stem = "affine", "affine"
    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0

    def __post_init__(self) -> None:
        _keep(
            self,
            shift=number(self.shift, "Affine.shift", "a number of at least 0"),
            rotate=number(self.rotate, "Affine.rotate", "a number of at least 0"),
            scale=number(self.scale, "Affine.scale", "a number from 0 up to but not 1"),
            shear=number(self.shear, "Affine.shear", "a number from 0 to 1"),
        )
        if self.rotate > math.pi:
            hint = f"; {self.rotate:g} degrees are {math.radians(self.rotate):.4g}" if self.rotate <= 180 else ""
            raise ArgumentError(f"Affine.rotate: expected radians, from 0 to π, received {self.rotate:g}{hint}")

    def check(self, shape: tuple[int, int, int]) -> None:
        if self.shift > max(shape[1:]):
            raise ArgumentError(f"Affine.shift: {self.shift:g} pixels are more than images {_size(shape)} have")


@dataclass(frozen=True)
class ColourJitter(Augmentation):
    """Colour images with another brightness, contrast and saturation, each changed by a factor near 1.

    Parameters
    ----------
    brightness, contrast, saturation : float, default 0
        The factor is drawn from 1 − this to 1 + this.
    """

    kind, stem, fills = "colour_jitter", "jitter", False
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = number(getattr(self, field.name), f"ColourJitter.{field.name}", "a number from 0 to 1")
            _keep(self, **{field.name: value})

    def check(self, shape: tuple[int, int, int]) -> None:
        if shape[0] != 3:
            raise ArgumentError(f"ColourJitter: expects images of 3 channels, red, green and blue, received {shape[0]}")

    def attributes(self, mean: Numbers, std: Numbers) -> dict[str, Any]:
        return {**super().attributes(mean, std), "mean": mean, "std": std}


@dataclass(frozen=True)
class Cutout(Augmentation):
    """A square of every image covered, at a random place.

    Parameters
    ----------
    size : int
        Of its sides, in pixels. Its middle may be any pixel; what hangs over the border is cut off.

    References
    ----------
    DeVries, Taylor (2017): Improved regularization of convolutional neural networks with Cutout.
    """

    kind, stem = "cutout", "cutout"
    size: int = 8

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", whole_number(self.size, "Cutout.size"))

    def check(self, shape: tuple[int, int, int]) -> None:
        if self.size >= 2 * max(shape[1:]) - 1:  # from its place at either end it reaches the other
            raise ArgumentError(f"Cutout.size: {self.size} covers all of images {_size(shape)}, wherever it lies")


@dataclass(frozen=True)
class MixUp(Augmentation):
    """Images mixed with others of the data set, and their targets in the same shares.

    Of each image and its target a share λ is kept, and 1 − λ is that of another sample, any of the data set. Class
    numbers become distributions: a 7 may be seven tenths of a 7 and three of a 1. It comes first in the list, and what
    follows changes the mixture. Also for features (F,).

    Parameters
    ----------
    alpha : float, default 0.2
        λ is drawn from the distribution Beta(alpha, alpha): near 0 or 1 where alpha is small, near a half where it is
        large; at most 1,000. Of λ and 1 − λ the larger is taken, which lets a sample keep its class as the one that
        counts most.

    Notes
    -----
    The loss in training is that of the mixtures, higher than that of the images would be. The accuracy in training
    counts a mixture as right where the class of the larger share is found. Sample weights stay the sample's own.

    References
    ----------
    Zhang, Cisse, Dauphin, Lopez-Paz (2018): mixup: Beyond empirical risk minimization.
    """

    kind, stem, fills, mixes = "mixup", "mixup", False, True
    alpha: float = 0.2

    def __post_init__(self) -> None:
        _keep(self, alpha=number(self.alpha, "MixUp.alpha", "a number above 0"))
        if self.alpha > _LARGEST_ALPHA:
            raise ArgumentError(
                f"MixUp.alpha: expected at most {_LARGEST_ALPHA:,}, where all shares are halves already, "
                f"received {self.alpha:g}"
            )


KINDS: Mapping[str, type[Augmentation]] = MappingProxyType(
    {kind.stem: kind for kind in (Crop, Flip, Affine, ColourJitter, Cutout, MixUp)}
)
"""What a short text begins with -> the class."""


def by_name(text: str) -> Augmentation:
    """Return the augmentation that a short text describes: a name, a colon, and its settings in order.

    ``crop:PADDING``, ``flip:P``, ``affine:SHIFT,ROTATE,SCALE,SHEAR``, ``jitter:BRIGHTNESS,CONTRAST,SATURATION``,
    ``cutout:SIZE``, ``mixup:ALPHA``. Settings may be left off from the end.

    Raises
    ------
    ArgumentError
        If there is none of that form, or it would change nothing, as all of its numbers are 0.

    Examples
    --------
    >>> by_name("crop:2")
    Crop(padding=2)
    >>> str(by_name("affine:1.5,0.12"))
    'affine:1.5,0.12,0,0'
    """
    if not isinstance(text, str):
        raise ArgumentError(f"augmentation: expected a text such as 'crop:2', received {shown(text)}")
    name, colon, rest = text.partition(":")
    if name not in KINDS:
        hint = nearest(name, KINDS) or f". Known: {', '.join(map(_usage, KINDS.values()))}"
        raise ArgumentError(f"unknown augmentation {shown(name)}{hint}")
    kind, settings = KINDS[name], rest.split(",") if colon else []
    try:
        if len(settings) > len(fields(kind)):
            raise ValueError
        values = [
            int(setting) if isinstance(field.default, int) else float(setting)
            for setting, field in zip(settings, fields(kind), strict=False)
        ]
    except ValueError:
        raise ArgumentError(f"augmentation {shown(text)}: expected the form {_usage(kind)}") from None
    found = kind(*values)
    if not any(getattr(found, field.name) for field in fields(kind)):
        some = "; for images ±1.5 pixels and ±0.12 radians say affine:1.5,0.12" if kind is Affine else ""
        raise ArgumentError(f"augmentation {shown(text)}: changes nothing, as all of {_usage(kind)} are 0{some}")
    return found


def as_augmentations(augment: object, shape: tuple[int, ...]) -> tuple[Augmentation, ...]:
    """Return what `fit` was told of augmentation as a tuple, checked against the shape of an image.

    Parameters
    ----------
    augment : sequence of Augmentation, or one, or None
    shape : tuple of int
        (C, H, W); features (F,) can be mixed, and nothing else.
    """
    if augment is None:
        return ()
    several = augment if isinstance(augment, Sequence) and not isinstance(augment, str) else (augment,)
    for place, each in enumerate(several):
        if not isinstance(each, Augmentation) or type(each) not in KINDS.values():
            raise ArgumentError(f"augment: expected a list such as [augment.Crop(padding=2)], received {shown(each)}")
        if each.mixes and place:
            raise ArgumentError(
                f"augment: {each!r} is number {place + 1} of the list, but must come first, and once: images are mixed "
                "as they are in the data set, and what follows changes the mixture"
            )
        if each.mixes:
            continue
        if len(shape) != 3:
            raise ArgumentError(f"augment: expects images (channels, height, width), received samples of shape {shape}")
        each.check((shape[0], shape[1], shape[2]))
    return tuple(several)


def _usage(kind: type[Augmentation]) -> str:
    return f"{kind.stem}:{','.join(field.name.upper() for field in fields(kind))}"


def _of_zero(mean: Numbers, std: Numbers) -> Numbers:
    """Return what a pixel of value 0 becomes by scaling: one number for all channels, or one each."""
    channels = max(len(mean), len(std))
    return tuple(0.0 - mean[c % len(mean)] / std[c % len(std)] for c in range(channels))


def _size(shape: tuple[int, int, int]) -> str:
    return f"{shape[1]}×{shape[2]}"


def _keep(augmentation: Augmentation, **settings: float) -> None:
    """Let a frozen augmentation have its settings as Python's own numbers."""
    for name, value in settings.items():
        object.__setattr__(augmentation, name, value)
