"""How images become numbers: the settings of a network's first step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arguments import shown
from .errors import ArgumentError


@dataclass(frozen=True)
class Scaling:
    """How images become numbers round zero: ``(x/255 − mean) / std`` for uint8, ``(x − mean) / std`` for others.

    Parameters
    ----------
    mean, std : float or sequence of float, default 0 and 1
        One number, or one a channel, in units of the divided image (0 to 1).

    Raises
    ------
    ArgumentError
        If a number is not finite, a deviation not above 0, or means and deviations are for different channels.
    """

    mean: float | Sequence[float] = 0.0
    std: float | Sequence[float] = 1.0

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            numbers = _numbers(getattr(self, name), f"Scaling.{name}")
            object.__setattr__(self, name, numbers if len(numbers) > 1 else numbers[0])
        if not all(deviation > 0 for deviation in self.deviations):
            raise ArgumentError(f"Scaling.std: expected numbers above 0, received {self.std!r}")
        if len(self.means) != len(self.deviations) and 1 not in (len(self.means), len(self.deviations)):
            raise ArgumentError(
                f"Scaling: expected as many means as deviations, received {len(self.means)} and {len(self.deviations)}"
            )

    @property
    def means(self) -> tuple[float, ...]:
        """The mean of each channel, or one for all."""
        return _numbers(self.mean, "Scaling.mean")

    @property
    def deviations(self) -> tuple[float, ...]:
        """The standard deviation of each channel, or one for all."""
        return _numbers(self.std, "Scaling.std")

    @property
    def fits_pixels(self) -> bool:
        """Whether it can be of pixels from 0 to 1: means are at most 1 away from 0, and deviations at most 1.

        Else floats come in other units, and bytes, which are divided by 255, do not go with it.
        """
        return max(*map(abs, self.means), *self.deviations) <= 1

    @property
    def channels(self) -> int:
        """How many channels the scaling tells apart; 1 serves any number."""
        return max(len(self.means), len(self.deviations))


def _numbers(value: float | Sequence[float], name: str) -> tuple[float, ...]:
    try:
        array = np.atleast_1d(np.asarray(value, float))
    except (TypeError, ValueError, OverflowError):
        array = np.array([])
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ArgumentError(f"{name}: expected a finite number, or one a channel, received {shown(value)}")
    return tuple(array.tolist())


IMAGENET_SCALING = Scaling((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""What torchvision's weights, and many others, were trained with: mean and deviation of red, green and blue over
pictures of ImageNet."""
