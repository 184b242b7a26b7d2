"""Integers of sliding windows: output sizes, "same" padding, receptive fields. No arrays here.

One formula serves convolution, pooling, the summary and the error messages:
``(input + before + after − (dilation·(kernel − 1) + 1)) // stride + 1``.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from .errors import ArgumentError

Pair: TypeAlias = tuple[int, int]
Sides: TypeAlias = tuple[Pair, Pair]
"""Padding in full: ``((top, bottom), (left, right))``."""
PaddingArgument: TypeAlias = int | Sequence[int] | Sequence[Sequence[int]] | Literal["same"]


def whole_number(value: object, name: str, minimum: int = 1) -> int:
    """Return `value` as an int, or refuse it by `name` unless it is a whole number of at least `minimum`."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < minimum:
        raise ArgumentError(f"{name}: expected a whole number of at least {minimum}, received {value!r}")
    return number


def pair(value: object, name: str, minimum: int = 1) -> Pair:
    """Return ``(vertical, horizontal)`` from one whole number or two."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ArgumentError(f"{name}: expected one number or two (vertical, horizontal), received {value!r}")
        return whole_number(value[0], name, minimum), whole_number(value[1], name, minimum)
    number = whole_number(value, name, minimum)
    return number, number


def sides(value: object, name: str = "padding") -> Sides | Literal["same"]:
    """Return padding in full from an int, a pair (vertical, horizontal), ((top, bottom), (left, right)) or "same"."""
    if isinstance(value, str):
        if value != "same":
            raise ArgumentError(f'{name}: expected a number, pairs or "same", received {value!r}')
        return "same"
    if isinstance(value, (tuple, list)) and any(isinstance(part, (tuple, list)) for part in value):
        if len(value) != 2:
            raise ArgumentError(f"{name}: expected ((top, bottom), (left, right)), received {value!r}")
        return pair(value[0], name, 0), pair(value[1], name, 0)
    vertical, horizontal = pair(value, name, 0)
    return (vertical, vertical), (horizontal, horizontal)


def extent(kernel_size: int, dilation: int = 1) -> int:
    """Return how many neighbours a dilated window spans: ``dilation·(kernel_size − 1) + 1``."""
    return dilation * (kernel_size - 1) + 1


def output_size(input_size: int, kernel_size: int, stride: int = 1, padding: int | Pair = 0, dilation: int = 1) -> int:
    """Return the number of places a window takes along one axis.

    Parameters
    ----------
    input_size, kernel_size : int
        Pixels of the input and of the window along this axis.
    stride : int
        Pixels from one place to the next.
    padding : int or (before, after)
        Pixels added on either side; one number is added on both.
    dilation : int
        Pixels from one tap of the window to the next.

    Returns
    -------
    int
        ``(input_size + before + after − (dilation·(kernel_size − 1) + 1)) // stride + 1``; 0 or less where the
        window is larger than its padded input.

    References
    ----------
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016, relationships 6 and 12.

    Examples
    --------
    >>> output_size(28, 3, stride=1, padding=1)
    28
    >>> output_size(20, 3, stride=2)        # floor of 9.5
    9
    """
    input_size = whole_number(input_size, "input_size", 0)
    kernel_size, stride = whole_number(kernel_size, "kernel_size"), whole_number(stride, "stride")
    before, after = pair(padding, "padding", 0)
    return (input_size + before + after - extent(kernel_size, whole_number(dilation, "dilation"))) // stride + 1


def same_padding(input_size: int, kernel_size: int, stride: int = 1, dilation: int = 1) -> Pair:
    """Return (before, after) so that the output size is ``ceil(input_size / stride)``; an odd pixel goes after."""
    total = max(0, (-(-input_size // stride) - 1) * stride + extent(kernel_size, dilation) - input_size)
    return total // 2, total - total // 2


@dataclass(frozen=True)
class Window:
    """A window that slides over an image: everything about it but the image's size.

    Attributes
    ----------
    kernel_size, stride, dilation : (int, int)
        Vertical, horizontal.
    padding : ((top, bottom), (left, right)) or "same"
        "same" depends on the input; :meth:`on` makes it numbers.
    ceil_mode : bool
        Whether a last place that hangs over the padded input's edge still counts. As in PyTorch it counts only if it
        starts inside the input or the padding before it.
    """

    kernel_size: Pair
    stride: Pair = (1, 1)
    padding: Sides | Literal["same"] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    ceil_mode: bool = False

    @classmethod
    def of(
        cls,
        kernel_size: object,
        stride: object = 1,
        padding: object = 0,
        dilation: object = 1,
        ceil_mode: bool = False,
    ) -> Window:
        """Return the window that a layer's arguments describe, each checked by name."""
        return cls(
            pair(kernel_size, "kernel_size"),
            pair(stride, "stride"),
            sides(padding),
            pair(dilation, "dilation"),
            bool(ceil_mode),
        )

    @property
    def extent(self) -> Pair:
        """Rows and columns that the window spans."""
        return extent(self.kernel_size[0], self.dilation[0]), extent(self.kernel_size[1], self.dilation[1])

    @property
    def sides(self) -> Sides:
        """The padding as numbers; "same" must have met its input (:meth:`on`) before."""
        if self.padding == "same":
            raise ArgumentError('padding "same" depends on the size of the input: call Window.on(size) first')
        return self.padding

    def on(self, size: Pair) -> Window:
        """Return this window with "same" padding made numbers for an input of `size` (height, width)."""
        if self.padding != "same":
            return self
        vertical, horizontal = (
            same_padding(size[axis], self.kernel_size[axis], self.stride[axis], self.dilation[axis]) for axis in (0, 1)
        )
        return replace(self, padding=(vertical, horizontal))

    def output_size(self, size: Pair) -> Pair:
        """Return (rows, columns) of places over an input of `size`; 0 or less where the window does not fit."""
        window = self.on(size)
        return window._places(size, 0), window._places(size, 1)

    def _places(self, size: Pair, axis: int) -> int:
        before, after = self.sides[axis]
        stride = self.stride[axis]
        places = output_size(size[axis], self.kernel_size[axis], stride, (before, after), self.dilation[axis])
        if self.ceil_mode and places > 0:
            overhang = (size[axis] + before + after - self.extent[axis]) % stride
            if overhang and places * stride < size[axis] + before:
                places += 1
        return places

    def padded(self, size: Pair) -> Sides:
        """Return the padding that all places together read: the window's own, and what ceil mode hangs over."""
        rows, columns = self.output_size(size)
        return self._reach(size, 0, rows), self._reach(size, 1, columns)

    def _reach(self, size: Pair, axis: int, places: int) -> Pair:
        before, after = self.sides[axis]
        read = (places - 1) * self.stride[axis] + self.extent[axis]
        return before, max(after, read - size[axis] - before)

    def taps(self, axis: int, size: int) -> list[list[int]]:
        """Return, for every place along `axis`, the input indices that its taps read, padding excluded."""
        before = self.sides[axis][0]
        places = self.output_size((size, size))[axis]
        reads = (
            [place * self.stride[axis] - before + k * self.dilation[axis] for k in range(self.kernel_size[axis])]
            for place in range(places)
        )
        return [[index for index in read if 0 <= index < size] for read in reads]

    def unread(self, axis: int, size: int) -> list[int]:
        """Return the input indices along `axis` that no place reads, such as the last row that a stride skips."""
        read = {index for taps in self.taps(axis, size) for index in taps}
        return [index for index in range(size) if index not in read]

    def formula(self, size: Pair, axis: int) -> str:
        """Return the output size along `axis` as a formula with its numbers, such as ``(144 + 2·0 − 3)//1 + 1 = 142``."""
        window = self.on(size)
        before, after = window.sides[axis]
        padding = f"2·{before}" if before == after else f"{before} + {after}"
        span = str(self.kernel_size[axis])
        if self.dilation[axis] > 1:
            span = f"({self.dilation[axis]}·({self.kernel_size[axis]} − 1) + 1)"
        rounding = f"⌈/{self.stride[axis]}⌉" if self.ceil_mode else f"//{self.stride[axis]}"
        return f"({size[axis]} + {padding} − {span}){rounding} + 1 = {window._places(size, axis)}"


@dataclass(frozen=True)
class ReceptiveField:
    """What one place of a feature map sees of the network's input, along (vertical, horizontal).

    Attributes
    ----------
    size : (int, int)
        Input pixels that influence one place.
    stride : (int, int)
        Input pixels between the fields of neighbouring places.
    offset : (int, int)
        Input index where the field of place 0 begins; negative inside the padding.
    """

    size: Pair = (1, 1)
    stride: Pair = (1, 1)
    offset: Pair = (0, 0)

    def through(self, window: Window) -> ReceptiveField:
        """Return the field of a place of `window`'s output, where this is the field of a place of its input.

        References
        ----------
        A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
        """
        (top, _), (left, _) = window.sides
        (height, width), (rows, columns), (y, x) = self.size, self.stride, self.offset
        tall, wide = window.extent
        size = height + (tall - 1) * rows, width + (wide - 1) * columns
        stride = rows * window.stride[0], columns * window.stride[1]
        offset = y - top * rows, x - left * columns
        return ReceptiveField(size, stride, offset)

    def union(self, other: ReceptiveField) -> ReceptiveField:
        """Return the field that covers both, for layers that add or join two paths."""
        starts = tuple(min(a, b) for a, b in zip(self.offset, other.offset, strict=True))
        ends = (max(a + s, b + t) for a, s, b, t in zip(self.offset, self.size, other.offset, other.size, strict=True))
        size = tuple(end - start for start, end in zip(starts, ends, strict=True))
        return ReceptiveField((size[0], size[1]), self.stride, (starts[0], starts[1]))
