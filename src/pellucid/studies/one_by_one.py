"""one-by-one: what a 1×1 convolution does: it mixes channels, and so saves what larger windows would cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..layers import Conv2d, Layer, ReLU, Residual
from ..models.mobilenet import V1
from ..network import Sequential
from ..summary import summary
from .amounts import amount, counted, grouped
from .figures import Bars, Group, Map, Maps
from .result import NOT_MEASURED, Figure, Options, Result, Section, Table, quick_note
from .timing import forward, forward_and_backward, measure, times

SAMPLES, QUICK_SAMPLES = 8, 1

MIXING = (
    "A 1×1 convolution looks at one pixel, so it can only mix that pixel's channels: each output is a weighted sum of "
    "them, the same one everywhere. These three filters turn red, green and blue into a grey and into two opponent "
    "colours, which is about what the eye does."
)
BOTTLENECK = (
    "Mixing down to few channels, and up again after the 3×3 convolution, makes that one cheap. ResNet-50 works on a "
    "quarter of its channels so. The other row of each stage is what the block would be without: the two 3×3 "
    "convolutions of ResNet-18 and 34, on all channels."
)
SEPARABLE = (
    "A full K×K convolution of M channels to N takes K²·M·N multiply-adds at each place. A depthwise separable "
    "one, a K×K convolution for each channel and a 1×1 convolution that mixes them, takes K²·M + M·N: a share of 1/N + "
    "1/K², which is an eighth to a ninth for K = 3 and many channels. How much time that saves is another matter, for "
    "a depthwise convolution reads and writes as much as a full one, and has little to do in between."
)

FILTERS = {"grey": (0.299, 0.587, 0.114), "red − green": (1.0, -1.0, 0.0), "blue − yellow": (-0.5, -0.5, 1.0)}
"""ITU-R 601's luma, and differences of colours; yellow is the mean of red and green."""
COLOURS = {
    "red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0), "white": (1, 1, 1),
    "grey": (0.5, 0.5, 0.5),
}  # fmt: skip
STAGES, QUICK_STAGES = ((256, 56), (1024, 14)), ((32, 8),)
"""Channels and pixels along a side of ResNet-50's first and third stage."""


def study(options: Options) -> Result:
    """Return how channels are mixed, and what a bottleneck and a separable convolution save."""
    note = quick_note(options, "few and small convolutions, few repeats")
    sections = [*note, MIXING, *_mixing(), BOTTLENECK, _bottleneck(options), SEPARABLE, *_separable(options)]
    return Result("1×1 convolutions", tuple(sections))


# ---- channels are mixed


def _mixing() -> list[Section]:
    conv = Conv2d(3, len(FILTERS), 1, bias=False)
    conv.weight.data = np.array([*FILTERS.values()], np.float32)[:, :, None, None]
    columns = ("colour", "red, green, blue", *FILTERS)
    colours = np.array([*COLOURS.values()], np.float32).T  # (3, colours)
    mixed = conv.forward(colours[None, :, None])[0, :, 0].T  # (colours, filters)
    rows = [
        [name, ", ".join(f"{each:g}" for each in colour), *(_signed(value) for value in found)]
        for (name, colour), found in zip(COLOURS.items(), mixed, strict=True)
    ]
    weights = ["weights", "", *(", ".join(_signed(each) for each in filter_) for filter_ in FILTERS.values())]
    scene = _scene()
    planes = conv.forward(scene[None])[0]
    maps = [Map("red, green, blue", scene.transpose(1, 2, 0))]
    maps += [Map(name, plane, grey=name == "grey") for name, plane in zip(FILTERS, planes, strict=True)]
    caption = "A picture and what three 1×1 filters make of it. In the two last, red is above 0 and blue below."
    return [
        Table("mixing", "Colours, mixed", columns, [weights, *rows]),
        Figure("mixing", caption, Maps(maps, columns=4)),
    ]


def _signed(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _scene() -> NDArray[np.float32]:
    """Return a picture (3, 24, 24): sky, a yellow sun, a meadow, a white house with a red roof and a blue door."""
    y, x = np.mgrid[:24, :24]
    house = (y >= 11) & (y < 19) & (x >= 3) & (x < 12)
    roof = (y >= 6) & (y < 11) & (abs(x - 7) <= y - 5)
    parts = (
        (y < 16, (0.5, 0.75, 1.0)),
        (y >= 16, (0.25, 0.6, 0.2)),
        ((y - 5) ** 2 + (x - 18) ** 2 <= 10, (1.0, 0.9, 0.1)),
        (house, (0.95, 0.95, 0.95)),
        (roof, (0.8, 0.15, 0.1)),
        ((y >= 14) & (y < 19) & (x >= 6) & (x < 9), (0.15, 0.2, 0.6)),
    )
    scene = np.zeros((3, 24, 24), np.float32)
    for where, colour in parts:
        scene[:, where] = np.array(colour, np.float32)[:, None]
    return scene


# ---- bottlenecks


def _bottleneck(options: Options) -> Table:
    samples = QUICK_SAMPLES if options.quick else SAMPLES
    rows = []
    for channels, size in QUICK_STAGES if options.quick else STAGES:
        for name, body in (_narrowed(channels), _wide(channels)):
            options.progress(f"{name}: forward and backward")
            network = Sequential([Residual(Sequential(body)), ReLU()], input_shape=(channels, size, size))
            totals = summary(network).totals
            makers = [partial(make, network, samples, options) for make in (forward, forward_and_backward)]
            counts = grouped(totals.parameters), amount(totals.multiply_adds)
            rows.append((f"{name}, {size}×{size}", *counts, *times(makers, options)))
    columns = ("block", "parameters", "multiply-adds", "forward", "forward and backward")
    title = f"ResNet-50's block with and without its bottleneck, times for {counted(samples, 'image')}"
    return Table("bottleneck", title, columns, rows, frozenset(columns[-2:]))


def _narrowed(channels: int) -> tuple[str, list[Layer]]:
    narrow = channels // 4
    layers = [
        Conv2d(channels, narrow, 1, bias=False),
        ReLU(),
        Conv2d(narrow, narrow, 3, padding=1, bias=False),
        ReLU(),
        Conv2d(narrow, channels, 1, bias=False),
    ]
    return f"1×1 {channels}→{narrow}, 3×3, 1×1 {narrow}→{channels}", layers


def _wide(channels: int) -> tuple[str, list[Layer]]:
    layers = [
        Conv2d(channels, channels, 3, padding=1, bias=False),
        ReLU(),
        Conv2d(channels, channels, 3, padding=1, bias=False),
    ]
    return f"two 3×3 {channels}→{channels}", layers


# ---- depthwise separable convolutions


def _separable(options: Options) -> list[Section]:
    """Return MobileNetV1's depthwise separable convolutions beside full ones."""
    samples = QUICK_SAMPLES if options.quick else SAMPLES
    rows: list[Sequence[str]] = []
    labels: list[str] = []
    saved: list[float] = []
    faster: list[float] = []
    sums = [0, 0]
    places = _places()
    for (channels, width, stride, size), count in [*places.items()][: 2 if options.quick else None]:
        name = f"{channels}→{width}, {size}×{size}" + (f", stride {stride}" if stride > 1 else "")
        full = _stack(channels, width, stride, size, separable=False)
        separable = _stack(channels, width, stride, size, separable=True)
        costs = [summary(network).totals.multiply_adds for network in (full, separable)]
        sums = [total + count * cost for total, cost in zip(sums, costs, strict=True)]
        measured, ratio = [NOT_MEASURED] * 3, costs[0] / costs[1]
        if options.measure:
            options.progress(f"{name}: full and depthwise separable")
            taken = [measure(forward(network, samples, options), options) for network in (full, separable)]
            labels, saved = [*labels, name], [*saved, ratio]
            faster.append(taken[0].median / taken[1].median)
            measured = [*map(str, taken), f"{faster[-1]:.1f}"]
        share = f"1/{width} + 1/9 = 1/{ratio:.2f}"
        rows.append((f"{count} of {name}" if count > 1 else name, *map(amount, costs), share, *measured))
    rows.append(("all together", *map(amount, sums), f"1/{sums[0] / sums[1]:.2f}", "", "", ""))
    columns = ("layer", "full", "depthwise separable", "share", "time, full", "time, separable", "times as fast")
    title = (
        "MobileNetV1's convolutions, full and depthwise separable: multiply-adds, and forward times for "
        f"{counted(samples, 'image')}"
    )
    table = Table("separable", title, columns, rows, frozenset(columns[-3:]))
    if not options.measure:
        return [table]
    groups = (Group("fewer multiply-adds", saved), Group("less time", faster))
    caption = (
        "By how many times MobileNetV1's depthwise separable convolutions save multiply-adds and time over full ones."
    )
    return [table, Figure("separable", caption, Bars("times", labels, groups))]


def _places() -> Counter[tuple[int, int, int, int]]:
    """Return how many of MobileNetV1's convolutions have which channels in and out, stride and input size."""
    found, channels, size = [], 32, 112
    for width, stride in V1:
        found.append((channels, width, stride, size))
        channels, size = width, size // stride
    return Counter(found)


def _stack(channels: int, width: int, stride: int, size: int, separable: bool) -> Sequential:
    layers: Sequence[Layer] = [Conv2d(channels, width, 3, stride=stride, padding=1, bias=False), ReLU()]
    if separable:
        depthwise = Conv2d(channels, channels, 3, stride=stride, padding=1, groups=channels, bias=False)
        layers = [depthwise, ReLU(), Conv2d(channels, width, 1, bias=False), ReLU()]
    return Sequential(layers, input_shape=(channels, size, size))
