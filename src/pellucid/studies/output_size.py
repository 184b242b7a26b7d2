"""output-size: how many places a window takes along an axis, with the formula, and which pixels they see."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..errors import ArgumentError
from ..geometry import LARGEST, Window, whole_number
from .figures import Sight, Sights
from .result import Figure, Options, Result, Section, Table

Padding: TypeAlias = int | Literal["same"]

COLUMNS = ("input", "kernel", "stride", "padding", "dilation", "places along an axis", "span", "rows not read")
SHOWN = 6
"""As many windows are drawn, on inputs of up to `DRAWN_PIXELS` a side."""
DRAWN_PIXELS = 24
MOST = 1_000
"""Windows, of which each is a row."""


@dataclass(frozen=True)
class Windows:
    """Which windows a table has: each with each, the last to vary first.

    Attributes
    ----------
    inputs, kernels, strides, dilations : sequence of int
    paddings : sequence of int or "same"

    Raises
    ------
    ArgumentError
        If there are more than `MOST`.
    """

    inputs: Sequence[int] = (28,)
    kernels: Sequence[int] = (3, 5)
    strides: Sequence[int] = (1, 2)
    paddings: Sequence[Padding] = (0, 1, "same")
    dilations: Sequence[int] = (1, 2)

    def __post_init__(self) -> None:
        counts = [len(each) for each in (self.inputs, self.kernels, self.strides, self.paddings, self.dilations)]
        if math.prod(counts) > MOST:
            asked = " · ".join(map(str, counts))
            raise ArgumentError(f"expected at most {MOST:,} windows, received {asked} = {math.prod(counts):,}")

    def cases(self) -> Iterator[tuple[int, Window]]:
        """Yield each input size with each window."""
        for size, kernel, stride, dilation, padding in itertools.product(
            self.inputs, self.kernels, self.strides, self.dilations, self.paddings
        ):
            if whole_number(size, "input") > LARGEST:
                raise ArgumentError(f"input: expected at most {LARGEST:,}, received {size:,}")
            yield size, Window.of(kernel, stride, padding, dilation)


KNOWN = (
    ("LeNet-5's convolutions", 28, Window.of(5)),
    ("AlexNet's first convolution", 224, Window.of(11, 4, 2)),
    ("AlexNet's overlapping pooling", 55, Window.of(3, 2)),
    ("VGG's convolutions", 224, Window.of(3, 1, 1)),
    ("VGG's pooling", 224, Window.of(2, 2)),
    ("ResNet's first convolution", 224, Window.of(7, 2, 3)),
    ("ResNet's pooling", 112, Window.of(3, 2, 1)),
    ("ResNet's shortcuts between stages", 56, Window.of(1, 2)),
    ("SqueezeNet 1.0's first convolution", 224, Window.of(7, 2)),
    ("MobileNet's first convolution", 224, Window.of(3, 2, 1)),
)
"""Windows of known networks, on the inputs that they meet there."""

DRAWN = (
    (7, Window.of(3)),
    (7, Window.of(3, padding=1)),
    (8, Window.of(3, 2)),
    (9, Window.of(3, dilation=2)),
    (8, Window.of(1, 2)),
    (7, Window.of(2, 2)),
)

FORMULA = (
    "A window of `kernel` pixels, `dilation` apart, spans `dilation·(kernel − 1) + 1` of them. Along each axis it "
    "finds `(input + before + after − span)//stride + 1` places, where `//` rounds down: what is left over at the end "
    "is not read. Rows and columns are counted from 0."
)
CAPTION = (
    "Which pixels the outputs of a window see. Dark: those of one output. A dot stands in the middle of each window, "
    "so the dots are the output. Grey: padding. Hatched: pixels that no window reads."
)

NO_PICTURE = f"There is no picture: windows are drawn on inputs of up to {DRAWN_PIXELS} pixels a side, where they fit."


def study(options: Options, asked: Windows | None = None) -> Result:
    """Return sizes for the windows that are asked for, or else for a choice, with those of known networks.

    It takes no longer than a quick study, so the options change nothing.
    """
    cases = list((asked or Windows()).cases())
    sections: list[Section] = [FORMULA, _table(cases)]
    drawn = [case for case in cases if case[0] <= DRAWN_PIXELS and _fits(*case)][:SHOWN] if asked else list(DRAWN)
    if not asked:
        sections.append(_known())
    if drawn:
        sights = [_sight(size, window) for size, window in drawn]
        sections.append(Figure("windows", CAPTION, Sights(sights, columns=3)))
    else:
        sections.append(NO_PICTURE)
    return Result("Output sizes", tuple(sections))


def _table(cases: Sequence[tuple[int, Window]]) -> Table:
    rows = [(*_settings(size, window), *_outcome(size, window)) for size, window in cases]
    return Table("sizes", "Sizes", COLUMNS, rows)


def _known() -> Table:
    rows = []
    for name, size, window in KNOWN:
        rows.append((name, *_settings(size, window)[:-1], *_outcome(size, window)))
    return Table("known", "Windows of known networks", ("window", *COLUMNS[:4], *COLUMNS[5:]), rows)


def _settings(size: int, window: Window) -> tuple[str, ...]:
    padding = "same" if window.padding == "same" else str(window.sides[0][0])
    return str(size), str(window.kernel_size[0]), str(window.stride[0]), padding, str(window.dilation[0])


def _outcome(size: int, window: Window) -> tuple[str, str, str]:
    """Return the formula with its numbers, how many pixels the window spans, and what no place reads."""
    formula = window.formula((size, size), 0)
    span = str(window.extent[0])
    return formula, span, _indices(window.unread(0, size)) if _fits(size, window) else "does not fit"


def _fits(size: int, window: Window) -> bool:
    return window.output_size((size, size))[0] > 0


def _indices(found: Sequence[int]) -> str:
    if len(found) > 4:
        return f"{len(found)}: {found[0]}, {found[1]}, …, {found[-1]}"
    return ", ".join(map(str, found)) or "–"


def _sight(size: int, window: Window) -> Sight:
    places = window.output_size((size, size))[0]
    words = [f"{window.kernel_size[0]}×{window.kernel_size[0]}"]
    words += [f"stride {window.stride[0]}"] if window.stride[0] > 1 else []
    words += [f"dilation {window.dilation[0]}"] if window.dilation[0] > 1 else []
    if window.padding == "same":
        words.append("same padding")
    elif window.sides[0][0]:
        words.append(f"padding {window.sides[0][0]}")
    return Sight(f"{', '.join(words)}\n{size}×{size} → {places}×{places}", size, window, (places // 3, places // 3))
