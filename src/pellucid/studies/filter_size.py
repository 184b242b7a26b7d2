"""filter-size: one large filter or several small ones: what they see, what they cost, and how much each pixel counts.

The filters are taken by themselves, as they would stand inside a network: as many channels out as in, the image's size
kept, a ReLU after each convolution, no bias.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..network import Sequential
from .amounts import counted
from .effective_field import energy, uniform_width
from .figures import Map, Maps, Points, Series
from .filter_accuracy import EPOCHS, RATES
from .filter_accuracy import sections as accuracies
from .filters import FILTERS, Filters
from .protocol import Protocol
from .result import Figure, Options, Result, Section, Table, quick_note
from .small_networks import sizes
from .timing import forward, forward_and_backward, times

CHANNELS, SIZE, SAMPLES = 64, 56, 16
QUICK_CHANNELS, QUICK_SIZE, QUICK_SAMPLES = 8, 14, 2
ENERGY_CHANNELS = 16
DRAWS, DEPTH_DRAWS, QUICK_DRAWS = (128, 16), (16, 4), (2, 2)
"""Of how many weights, and for each of how many inputs, gradients are averaged: for the fields of the choices of
filters, of which every pixel is shown, and for those of deep stacks, of which the width is."""
DEPTHS = (1, 2, 3, 5, 10, 20)


ABOUT = (
    "VGG's authors wrote in 2014 that three 3×3 convolutions in a row see what one of 7×7 sees, with fewer weights and "
    "with three activations instead of one. The first table checks the sizes and counts the cost, the second how much "
    "each pixel really counts."
)
UNIFORM = (
    "A receptive field says which pixels can count, not how much they do. The gradient of a middle output with respect "
    "to every input pixel, squared and averaged over random weights and inputs, says that (W. Luo et al., 2016). Its "
    "uniform width is that of a window whose pixels all count alike and that spreads as far about its centre: "
    "√(12·variance + 1) pixels, as the variance of a window of w pixels is (w² − 1)/12. For one convolution it is the "
    "window itself. n of 3×3 add up n variances of (3² − 1)/12 = 2/3 each, so it should be √(8·n + 1), which grows "
    "with the root of n while the receptive field, 2·n + 1, grows with n."
)


def study(options: Options) -> Result:
    """Return what each choice of filters sees, costs and takes, and how deep stacks see."""
    protocol = Protocol.of(RATES, EPOCHS, options)
    note = quick_note(options, f"few channels, small images, few repeats, {protocol.brief}")
    learnt = accuracies(protocol, options)  # first, as it may find no images, before minutes go into times
    return Result("Filter sizes", (*note, ABOUT, *_costs(options), UNIFORM, *_fields(options), *learnt))


# ---- what filters cost


def _costs(options: Options) -> list[Section]:
    channels, side, samples = _extent(options)
    rows = []
    for each in FILTERS:
        options.progress(f"{each.name}: forward and backward")
        network = Sequential(each.layers(channels), input_shape=(channels, side, side))
        size = sizes(network)
        field, parameters, multiply_adds = size.cells
        one = (size.field * channels) ** 2
        makers = [partial(make, network, samples, options) for make in (forward, forward_and_backward)]
        rows.append((
            each.name, field, parameters, f"{100 * size.parameters / one:.0f} %", multiply_adds,
            *times(makers, options),
        ))  # fmt: skip
    title = f"What filters cost: {channels} channels, {side}×{side} pixels, times for {counted(samples, 'image')}"
    columns = (
        "filters", "receptive field", "parameters", "relative to one filter of that size", "multiply-adds", "forward",
        "forward and backward",
    )  # fmt: skip
    return [Table("costs", title, columns, rows, measured=frozenset(columns[-2:]))]


def _extent(options: Options) -> tuple[int, int, int]:
    """Return channels, pixels along a side, and images."""
    return (QUICK_CHANNELS, QUICK_SIZE, QUICK_SAMPLES) if options.quick else (CHANNELS, SIZE, SAMPLES)


# ---- how much each pixel counts


def _fields(options: Options) -> list[Section]:
    """Return how evenly each choice of filters sees, and how the fields of deep stacks grow."""
    seen = [each for each in FILTERS if each.kernels != (1,)]
    energies = {each.name: _energy_of(each, QUICK_DRAWS if options.quick else DRAWS) for each in seen}
    rows = []
    for each in seen:
        found = energies[each.name]
        field = len(found)
        share = found[field // 2 - 1 : field // 2 + 2, field // 2 - 1 : field // 2 + 2].sum()
        rows.append((each.name, f"{field}×{field}", f"{uniform_width(found):.1f}", f"{100 * share:.0f} %"))
    columns = ("filters", "receptive field", "uniform width", "share of the middle 3×3")
    maps = [Map(each.name, np.sqrt(energies[each.name])) for each in seen if len(energies[each.name]) > 3]
    caption = (
        "How much each pixel of the receptive field counts: the root of the mean squared gradient, dark the most. "
        "One filter looks at all alike; filters in a row look at the middle."
    )
    return [
        Table("fields", "How much of the field counts", columns, rows),
        Figure("fields", caption, Maps(maps, columns=4)),
        *_depth(options),
    ]


def _depth(options: Options) -> list[Section]:
    depths, draws = (DEPTHS[:4], QUICK_DRAWS) if options.quick else (DEPTHS, DEPTH_DRAWS)
    rows, widths = [], []
    for depth in depths:
        options.progress(f"gradients through a stack of {depth}")
        widths.append(uniform_width(_energy_of(Filters("", (3,) * depth), draws)))
        expected = math.sqrt(8 * depth + 1)
        rows.append((str(depth), str(2 * depth + 1), f"{widths[-1]:.1f}", f"{expected:.1f}"))
    columns = ("3×3 convolutions", "receptive field", "uniform width", "√(8·n + 1)")
    plot = Points(
        "3×3 convolutions in a row", "pixels along a side",
        (
            Series("receptive field", depths, [2 * depth + 1 for depth in depths], joined=True),
            Series("uniform width, measured", depths, widths, joined=True),
        ),
    )  # fmt: skip
    caption = "With depth the receptive field grows evenly, what really counts in it ever more slowly."
    return [Table("depth", "Deep stacks of 3×3", columns, rows), Figure("depth", caption, plot)]


def _energy_of(filters: Filters, draws: tuple[int, int]) -> NDArray[np.float64]:
    """Return how much each pixel of the receptive field counts for the one output that sees no more than it."""
    weights, samples = draws
    layers = (filters.layers(ENERGY_CHANNELS, padding=0) for _ in range(weights))
    shape = ENERGY_CHANNELS, filters.field, filters.field
    return energy((Sequential(each, input_shape=shape, seed=seed) for seed, each in enumerate(layers)), samples)
