"""Integers of sliding windows: output sizes, "same" padding, receptive fields. No arrays here.

One formula serves convolution, pooling, the summary and the error messages:
``(input + before + after − (dilation·(kernel − 1) + 1)) // stride + 1``.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from .arguments import shown
from .errors import ArgumentError

Pair: TypeAlias = tuple[int, int]
Sides: TypeAlias = tuple[Pair, Pair]
"""Padding in full: ``((top, bottom), (left, right))``."""
LARGEST = 65_536
"""Largest kernel size, stride, padding or dilation. Work is done a tap, and no picture has a longer side."""
PaddingArgument: TypeAlias = int | Sequence[int] | Sequence[Sequence[int]] | Literal["same"]


def whole_number(value: object, name: str, minimum: int = 1) -> int:
    """Return `value` as an int, or refuse it by `name` unless it is a whole number of at least `minimum`.

    Raises
    ------
    ArgumentError
        If it is less, or no whole number; a bool is none.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < minimum:
        raise ArgumentError(f"{name}: expected a whole number of at least {minimum}, received {shown(value)}")
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
    if isinstance(value, str) and value == "same":
        return "same"
    if isinstance(value, str) or (isinstance(value, (tuple, list)) and len(value) != 2):
        raise ArgumentError(
            f'{name}: expected a number, (vertical, horizontal), ((top, bottom), (left, right)) or "same", '
            f"received {value!r}"
        )
    vertical, horizontal = value if isinstance(value, (tuple, list)) else (value, value)
    return pair(vertical, name, 0), pair(horizontal, name, 0)


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
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016, relationships 6 and 15.

    Raises
    ------
    ArgumentError
        If a number is none, or too small.

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


def regions(size: int, number: int) -> list[slice]:
    """Return as many regions as `number` that cover an axis: region a is ``⌊a·size/number⌋ … ⌈(a + 1)·size/number⌉``.

    Neighbours may share a pixel where `number` does not divide `size`.

    Examples
    --------
    >>> regions(5, 2)
    [slice(0, 3, None), slice(2, 5, None)]
    """
    return [slice(a * size // number, -(-(a + 1) * size // number)) for a in range(number)]


@dataclass(frozen=True)
class Window:
    """A window that slides over an image: everything about it but the image's size.

    Attributes
    ----------
    kernel_size, stride, dilation : (int, int)
        Vertical, horizontal.
    padding : ((top, bottom), (left, right)) or "same"
        "same" depends on the input; `on` makes it numbers.
    ceil_mode : bool
        Whether a last place that hangs over the padded input's edge still counts. As in PyTorch it counts only if it
        starts inside the input or the padding before it; a window larger than its input may so find one place.
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
        window = cls(
            pair(kernel_size, "kernel_size"),
            pair(stride, "stride"),
            sides(padding),
            pair(dilation, "dilation"),
            bool(ceil_mode),
        )
        around = () if window.padding == "same" else (*window.padding[0], *window.padding[1])
        numbers = {
            "kernel_size": window.kernel_size, "stride": window.stride, "padding": around, "dilation": window.dilation
        }  # fmt: skip
        for name, values in numbers.items():
            if max(values, default=0) > LARGEST:
                raise ArgumentError(f"{name}: expected at most {LARGEST:,}, received {max(values):,}")
        return window

    @property
    def extent(self) -> Pair:
        """Rows and columns that the window spans."""
        return extent(self.kernel_size[0], self.dilation[0]), extent(self.kernel_size[1], self.dilation[1])

    @property
    def sides(self) -> Sides:
        """The padding as numbers; "same" must have met its input (`on`) before."""
        if self.padding == "same":
            raise ArgumentError('padding "same" depends on the size of the input: call Window.on(size) first')
        return self.padding

    def on(self, size: Pair) -> Window:
        """Return this window with "same" padding made numbers for an input of `size` (height, width)."""
        return replace(self, padding=(self._sides(0, size[0]), self._sides(1, size[1])))

    def output_size(self, size: Pair) -> Pair:
        """Return (rows, columns) of places over an input of `size`; 0 or less where the window does not fit."""
        return self._places(0, size[0]), self._places(1, size[1])

    def padded(self, size: Pair) -> Sides:
        """Return the padding that all places together read: the window's own, and what ceil mode hangs over."""
        return self._read(0, size[0]), self._read(1, size[1])

    def spans(self, axis: int, size: int) -> list[tuple[slice, slice]]:
        """Return, for every tap along `axis`, the places at which it lies inside the input, and what it reads there.

        Both slices, of places and of input indices, are equally long; they are empty where the tap meets only padding.
        """
        before, stride, places = self._sides(axis, size)[0], self.stride[axis], self._places(axis, size)
        spans = []
        for tap in range(self.kernel_size[axis]):
            shift = tap * self.dilation[axis] - before  # at place o the tap reads index o·stride + shift
            first = max(0, -(shift // stride))  # the least o where that is 0 or more
            last = min(places - 1, (size - 1 - shift) // stride)
            if first > last:
                spans.append((slice(0, 0), slice(0, 0)))
            else:
                pixels = slice(first * stride + shift, last * stride + shift + 1, stride)
                spans.append((slice(first, last + 1), pixels))
        return spans

    def taps(self, axis: int, size: int) -> list[list[int]]:
        """Return, for every place along `axis`, the input indices that its taps read, padding excluded."""
        reads: list[list[int]] = [[] for _ in range(self._places(axis, size))]
        for places, pixels in self.spans(axis, size):
            for place, pixel in zip(_indices(places), _indices(pixels), strict=True):
                reads[place].append(pixel)
        return reads

    def unread(self, axis: int, size: int) -> list[int]:
        """Return the input indices along `axis` that no place reads, such as the last row that a stride skips."""
        read = bytearray(size)
        for _, pixels in self.spans(axis, size):
            read[pixels] = b"\1" * len(_indices(pixels))
        return [index for index in range(size) if not read[index]]

    def blind(self, axis: int, size: int) -> int | None:
        """Return the first place along `axis` whose taps read nothing but padding, or None if there is none.

        A window that begins inside the input reads its first pixel there. One that begins before it sees the input
        with its first tap at or after index 0, unless dilation carries that tap past the input's end.
        """
        before, stride, dilation = self._sides(axis, size)[0], self.stride[axis], self.dilation[axis]
        for place in range(min(self._places(axis, size), -(-before // stride))):
            missing = before - place * stride  # pixels from the window's beginning to index 0
            tap = -(-missing // dilation)
            if tap >= self.kernel_size[axis] or tap * dilation - missing >= size:
                return place
        return None

    def formula(self, size: Pair, axis: int) -> str:
        """Return the output size along `axis` as a formula with its numbers, such as ``(144 + 2·0 − 3)//1 + 1 = 142``.

        In ceil mode it reads ``⌈(…)/2⌉ + 1``, and a last "− 1" is the place that would begin beyond the input.
        """
        before, after = self._sides(axis, size[axis])
        padding = f"2·{before}" if before == after else f"{before} + {after}"
        span = str(self.kernel_size[axis])
        if self.dilation[axis] > 1:
            span = f"({self.dilation[axis]}·({self.kernel_size[axis]} − 1) + 1)"
        places, stride = self._places(axis, size[axis]), self.stride[axis]
        terms = f"({size[axis]} + {padding} − {span})//{stride} + 1"
        if self.ceil_mode:
            beyond = (places - 1) * stride + self.extent[axis] < size[axis] + before + after
            terms = f"⌈({size[axis]} + {padding} − {span})/{stride}⌉ + 1" + (" − 1" if beyond else "")
        return f"{terms} = {str(places).replace('-', '−')}"

    def _sides(self, axis: int, size: int) -> Pair:
        """Return the padding (before, after) along `axis`, where the input has `size` pixels."""
        if self.padding == "same":
            return same_padding(size, self.kernel_size[axis], self.stride[axis], self.dilation[axis])
        return self.padding[axis]

    def _places(self, axis: int, size: int) -> int:
        """Return how many places there are along `axis`."""
        before, after = self._sides(axis, size)
        stride = self.stride[axis]
        places, left_over = divmod(size + before + after - self.extent[axis], stride)
        places += 1
        if self.ceil_mode and left_over and places * stride < size + before:
            places += 1  # one more, which begins at index places·stride − before, inside the input
        return places

    def _read(self, axis: int, size: int) -> Pair:
        """Return the padding (before, after) that the places read: `after` grows with what ceil mode hangs over."""
        before, after = self._sides(axis, size)
        end = (self._places(axis, size) - 1) * self.stride[axis] + self.extent[axis]
        return before, max(after, end - size - before)


def _indices(span: slice) -> range:
    return range(span.start, span.stop, span.step or 1)


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

        Along each axis ``size ← size + (extent − 1)·stride``, ``offset ← offset − before·stride``,
        ``stride ← stride·window.stride``.

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
