"""What happens to images before the first layer. The formulas are those of `definitions.input`.

Data sets keep their channels first, the kernels have them last: here is where they change places.

Axes: d samples of the data set, n samples of the batch, c channels, p pixels.
"""

from __future__ import annotations

from ..builder import Kernel
from ..tensors import BY_NAME, FLOAT32, Tensor
from ..values import Integer, Vector
from .shuffle import FEW, deinterleave, interleave, transpose_tiles
from .sweeps import lanes_within, sweep

Numbers = tuple[float, ...]
"""One number for all channels, or one for each."""


def gather(k: Kernel, size: int, element: str) -> None:
    """``y[n, i] = data[index[n], i]``, for numbers of any type.

    The data set has count[0] samples. A checked kernel holds the index against that; else nobody does.
    """
    kind = BY_NAME[element]
    lanes = lanes_within(size, k.isa.lanes * FLOAT32.bits // kind.bits)

    images = k.piece("images", k.samples)
    data, index = (
        k.tensor("data", k.samples, size, element=kind),
        k.tensor("index", k.samples, element=BY_NAME["int64"]),
    )
    count = k.tensor("count", 1, element=BY_NAME["int64"])
    y = k.tensor("y", k.samples, size, element=kind)

    data = data.view(0, count.integer(0), size)
    with k.range(*images) as n:
        d = index.integer(n)
        for i in sweep(k, size, lanes):
            if kind is FLOAT32:
                y.store(data.load(d, i, lanes=lanes), n, i)
            else:
                y.store(data.load_words(d, i, lanes=lanes), n, i)


def scale(k: Kernel, channels: int, pixels: int, a: Numbers, b: Numbers, element: str = "uint8") -> None:
    """``y[n, p, c] = a[c] · x[n, c, p] + b[c]``

    With ``a = 1 / (255 · std)`` for uint8, else ``1 / std``, and ``b = −mean / std`` that is the definition's
    ``(x / 255 − mean) / std`` to within rounding.
    """
    images, size = k.piece("images", k.samples), channels * pixels
    x = k.tensor("x", k.samples, size, element=BY_NAME[element])
    y = k.tensor("y", k.samples, pixels, channels).view(0, k.samples, size)
    factor, shift = _ByChannel(k, "a", a), _ByChannel(k, "b", b)

    def load(c: Integer, p: Integer, lanes: int) -> Vector:
        numbers = floats(x, n, c * pixels + p, lanes)
        return numbers * factor.at(c, lanes) + shift.at(c, lanes)

    def store(numbers: Vector, p: Integer, c: Integer) -> None:
        y.store(numbers, n, p * channels + c)

    with k.range(*images) as n:
        if pixels > 1:
            move = interleave if channels <= FEW else transpose_tiles  # a vector is of one channel when it is loaded
            move(k, channels, pixels, load, store)
            return
        lanes = lanes_within(channels, k.isa.lanes)
        for c in sweep(k, channels, lanes):
            numbers = floats(x, n, c, lanes)
            y.store(numbers * factor.along(c, lanes) + shift.along(c, lanes), n, c)


def scale_grad_input(k: Kernel, channels: int, pixels: int, a: Numbers) -> None:
    """``grad_input[n, c, p] = a[c] · grad_output[n, p, c]``"""
    images, size = k.piece("images", k.samples), channels * pixels
    grad_output = k.tensor("grad_output", k.samples, pixels, channels).view(0, k.samples, size)
    grad_input = k.tensor("grad_input", k.samples, size)
    factor = _ByChannel(k, "a", a)

    def load(p: Integer, c: Integer, lanes: int) -> Vector:
        return grad_output.load(n, p * channels + c, lanes=lanes)

    def store(numbers: Vector, c: Integer, p: Integer) -> None:
        grad_input.store(numbers * factor.at(c, numbers.lanes), n, c * pixels + p)

    with k.range(*images) as n:
        if pixels > 1:
            move = deinterleave if channels <= FEW else transpose_tiles  # a vector is of one channel when it is stored
            move(k, pixels, channels, load, store)
            return
        lanes = lanes_within(channels, k.isa.lanes)
        for c in sweep(k, channels, lanes):
            grad_input.store(load(0, c, lanes) * factor.along(c, lanes), n, c)


class _ByChannel:
    """Numbers of the channels, part of the code."""

    def __init__(self, k: Kernel, name: str, numbers: Numbers):
        self.k, self.numbers = k, numbers
        self.table = k.table(name, numbers) if len(numbers) > 1 else None

    def at(self, c: Integer, lanes: int) -> Vector:
        """Return the number of one channel in every lane."""
        if self.table is None:
            return self.k.constant(self.numbers[0], lanes)
        return self.k.constant(self.numbers[c], lanes) if isinstance(c, int) else self.table.splat(c, lanes=lanes)

    def along(self, c: Integer, lanes: int) -> Vector:
        """Return the numbers of neighbouring channels, c the first."""
        return self.k.constant(self.numbers[0], lanes) if self.table is None else self.table.load(c, lanes=lanes)


def floats(x: Tensor, n: Integer, i: Integer, lanes: int) -> Vector:
    """Return neighbouring numbers of a sample, whatever their type."""
    return x.load(n, i, lanes=lanes) if x.element is FLOAT32 else x.load_words(n, i, lanes=lanes).to(32).floats()
