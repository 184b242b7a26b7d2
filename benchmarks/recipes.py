"""Networks and recipes as plain data, which every library builds with its own layers.

The libraries run in environments of their own, where Pellucid is not installed; so nothing here imports it, nor any
other library.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias


@dataclass(frozen=True)
class Conv:
    """A convolution of square windows, without padding."""

    filters: int
    kernel: int
    stride: int = 1


@dataclass(frozen=True)
class Norm:
    """Batch normalisation, of images or of features."""


@dataclass(frozen=True)
class ReLU:
    """The positive part."""


@dataclass(frozen=True)
class Pool:
    """The maximum of each window of so many rows and columns, side by side."""

    size: int = 2


@dataclass(frozen=True)
class Flatten:
    """Images become features."""


@dataclass(frozen=True)
class Linear:
    """A dense layer."""

    outputs: int


Layer: TypeAlias = Conv | Norm | ReLU | Pool | Flatten | Linear
Shape: TypeAlias = tuple[int, ...]

IMAGE: Shape = (1, 28, 28)
CLASSES = 10

LENET: tuple[Layer, ...] = (
    Conv(6, 5), ReLU(), Pool(), Conv(16, 5), ReLU(), Pool(), Flatten(),
    Linear(120), ReLU(), Linear(84), ReLU(), Linear(CLASSES),
)  # fmt: skip
S8: tuple[Layer, ...] = (
    Conv(8, 5, stride=2), Norm(), ReLU(), Conv(24, 3), Pool(), Norm(), ReLU(), Flatten(),
    Linear(64), Norm(), ReLU(), Linear(CLASSES),
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    layers : tuple of Layer
    epochs, batch_size : int
    lr : float
        The learning rate, or its peak: with `cycle` it goes up from a tenth in a straight line over the first fifth of
        the steps, and then down to 0.
    label_smoothing : float
    initial : str
        The weights' first values: "glorot" (uniform) or "he" (normal). Biases begin as 0.
    betas : (float, float)
        Of Adam, with an eps of 1e-8.
    mean, deviation : float
        A pixel x from 0 to 1 enters as (x − mean) / deviation.
    progress : bool
        Whether progress is shown, and the time counted from the call of training to its return.
    """

    layers: tuple[Layer, ...]
    epochs: int
    batch_size: int
    lr: float
    label_smoothing: float = 0.0
    cycle: bool = True
    initial: str = "he"
    betas: tuple[float, float] = (0.9, 0.99)
    mean: float = 0.1307
    deviation: float = 0.3081
    progress: bool = False

    def lr_at(self, step: int, steps: int) -> float:
        """Return the learning rate of a step of so many; steps count from 0.

        Examples
        --------
        >>> [round(Recipe((), 1, 1, 1.0).lr_at(step, 10), 3) for step in (0, 1, 2, 9)]
        [0.1, 0.55, 1.0, 0.125]
        """
        if not self.cycle:
            return self.lr
        peak = 0.2 * steps
        return self.lr * (0.1 + 0.9 * step / peak if step < peak else (steps - step) / (steps - peak))


RECIPES = MappingProxyType({
    "epoch": Recipe(
        LENET, epochs=1, batch_size=128, lr=1e-3, cycle=False, initial="glorot", betas=(0.9, 0.999), mean=0.0,
        deviation=1.0, progress=True,
    ),
    "lenet-fast": Recipe(LENET, epochs=3, batch_size=128, lr=6e-3, label_smoothing=0.05),
    "mnist-99": Recipe(S8, epochs=1, batch_size=64, lr=2e-2, label_smoothing=0.1),
})  # fmt: skip


def shapes(layers: Sequence[Layer], shape: Shape = IMAGE) -> Iterator[tuple[Layer, Shape, Shape]]:
    """Yield each layer with the shapes of its input and its output, without the axis of samples.

    Examples
    --------
    >>> [after for layer, _, after in shapes(LENET) if isinstance(layer, (Conv, Linear))]
    [(6, 24, 24), (16, 8, 8), (120,), (84,), (10,)]
    """
    for layer in layers:
        before = shape
        match layer:
            case Conv(filters, kernel, stride):
                shape = (filters, *((size - kernel) // stride + 1 for size in shape[1:]))
            case Pool(size):
                shape = (shape[0], *(rows // size for rows in shape[1:]))
            case Flatten():
                shape = (math.prod(shape),)
            case Linear(outputs):
                shape = (outputs,)
        yield layer, before, shape


def multiply_adds(layers: Sequence[Layer], training: bool) -> int:
    """Return the multiply-adds of convolutions and dense layers for one image.

    Training takes them three times, for the output and for both gradients; the first layer's input needs none.

    Examples
    --------
    >>> multiply_adds(LENET, training=False), multiply_adds(LENET, training=True)
    (281640, 758520)
    """
    each = []
    for layer, before, after in shapes(layers):
        match layer:
            case Conv(_, kernel, _):
                each.append(math.prod(after) * before[0] * kernel**2)
            case Linear(outputs):
                each.append(before[0] * outputs)
    return 3 * sum(each) - each[0] if training else sum(each)
