"""The choices of filters that filter-size compares: one large convolution, or several small ones in its place."""

from __future__ import annotations

from dataclasses import dataclass

from ..geometry import PaddingArgument
from ..layers import Conv2d, Layer, ReLU


@dataclass(frozen=True)
class Filters:
    """One convolution or several in a row.

    Attributes
    ----------
    name : str
    kernels : tuple of int
        Size of each convolution's window.
    depthwise : bool
        Whether the first looks at each channel by itself, and leaves mixing them to the next.
    """

    name: str
    kernels: tuple[int, ...]
    depthwise: bool = False

    @property
    def field(self) -> int:
        """Pixels along a side that an output can see: each convolution of K adds K − 1 to the first pixel."""
        return sum(self.kernels) - len(self.kernels) + 1

    def layers(self, channels: int, padding: PaddingArgument = "same") -> list[Layer]:
        """Return the layers, for so many channels in and out."""
        found: list[Layer] = []
        for position, kernel in enumerate(self.kernels):
            groups = channels if self.depthwise and position == 0 else 1
            found += [Conv2d(channels, channels, kernel, padding=padding, groups=groups, bias=False), ReLU()]
        return found


FILTERS = (
    Filters("one 7×7", (7,)),
    Filters("three 3×3", (3, 3, 3)),
    Filters("one 5×5", (5,)),
    Filters("two 3×3", (3, 3)),
    Filters("one 3×3", (3,)),
    Filters("depthwise separable 3×3", (3, 1), depthwise=True),
    Filters("one 1×1", (1,)),
)
