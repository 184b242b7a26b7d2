"""filter-size: one large filter or several small ones: what they see, what they cost, and how evenly they look.

The filters are taken by themselves, as they would stand inside a network: as many channels out as in, the image's size
kept, a ReLU after each convolution, no bias.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..geometry import PaddingArgument, ReceptiveField
from ..layers import Conv2d, Layer, ReLU
from ..network import Sequential
from ..summary import summary
from ..summary.arithmetic import number
from .amounts import amount
from .effective_field import energy, even_width
from .figures import Map, Maps, Points, Series
from .filter_accuracy import sections as accuracies
from .result import Figure, Options, Result, Section, Table
from .timing import forward, forward_and_backward, times

CHANNELS, SIZE, SAMPLES = 64, 56, 16
QUICK_CHANNELS, QUICK_SIZE, QUICK_SAMPLES = 8, 14, 2
ENERGY_CHANNELS = 16
DRAWS, QUICK_DRAWS = (16, 4), (2, 2)
"""Of how many weights, and for each of how many inputs, gradients are averaged."""
DEPTHS = (1, 2, 3, 5, 10, 20)


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
    Filters("3×3 by channel, then 1×1", (3, 1), depthwise=True),
    Filters("one 1×1", (1,)),
)

ABOUT = (
    "VGG's authors wrote in 2014 that three 3×3 convolutions in a row see what one of 7×7 sees, with fewer weights and "
    "with three activations instead of one. The first table checks the sizes and counts the cost, the second how much "
    "each pixel really counts."
)
EVEN = (
    "A receptive field says which pixels can count, not how much they do. The gradient of a middle output with respect "
    "to every input pixel, squared and averaged over random weights and inputs, says that (W. Luo et al., 2016). Its "
    "even width is that of a window whose pixels all count alike and that spreads as far: √(12·variance + 1) pixels. "
    "For one convolution it is the window itself. For n of 3×3 it should be √(8·n + 1), which grows with the root of n "
    "while the receptive field, 2·n + 1, grows with n."
)


def study(options: Options) -> Result:
    """Return what each choice of filters sees, costs and takes, and how deep stacks see."""
    return Result("Filter sizes", (ABOUT, *_costs(options), EVEN, *_fields(options), *accuracies(FILTERS, options)))


# ---- what filters cost


def _costs(options: Options) -> list[Section]:
    channels, size, samples = _extent(options)
    rows = []
    for each in FILTERS:
        options.progress(f"{each.name}: forward and backward")
        network = Sequential(each.layers(channels), input_shape=(channels, size, size))
        totals, field = summary(network).totals, _field(network)
        one = (field * channels) ** 2
        makers = [partial(make, network, samples, options) for make in (forward, forward_and_backward)]
        rows.append((
            each.name, f"{field}×{field}", number(totals.parameters), f"{100 * totals.parameters / one:.0f} %",
            amount(totals.multiply_adds), *times(makers, options),
        ))  # fmt: skip
    title = f"What filters cost: {channels} channels, {size}×{size} pixels, times for {samples} images"
    columns = (
        "filters", "receptive field", "parameters", "beside one filter of that field", "multiply-adds", "forward",
        "forward and backward",
    )  # fmt: skip
    return [Table("costs", title, columns, rows, measured=frozenset(columns[-2:]))]


def _field(network: Sequential) -> int:
    """Return how many pixels along a side an output of a network can see."""
    field = summary(network).rows[-1].field
    return field.size[0] if isinstance(field, ReceptiveField) else 0


def _extent(options: Options) -> tuple[int, int, int]:
    """Return channels, pixels along a side, and images."""
    return (QUICK_CHANNELS, QUICK_SIZE, QUICK_SAMPLES) if options.quick else (CHANNELS, SIZE, SAMPLES)


# ---- how much each pixel counts


def _fields(options: Options) -> list[Section]:
    """Return how evenly each choice of filters sees, and how the fields of deep stacks grow."""
    seen = [each for each in FILTERS if each.kernels != (1,)]
    energies = {each.name: _energy(each, options) for each in seen}
    rows = []
    for each in seen:
        found = energies[each.name]
        field = len(found)
        share = found[field // 2 - 1 : field // 2 + 2, field // 2 - 1 : field // 2 + 2].sum()
        rows.append((each.name, f"{field}×{field}", f"{even_width(found):.1f}", f"{100 * share:.0f} %"))
    columns = ("filters", "receptive field", "even width", "share of the middle 3×3")
    maps = [Map(each.name, np.sqrt(energies[each.name])) for each in seen if len(energies[each.name]) > 3]
    caption = (
        "How much each pixel of the receptive field counts: the root of the mean squared gradient, dark the most. "
        "One filter looks evenly; filters in a row look at the middle."
    )
    return [
        Table("fields", "How much of the field counts", columns, rows),
        Figure("fields", caption, Maps(maps, columns=4)),
        *_depth(options),
    ]


def _depth(options: Options) -> list[Section]:
    depths = DEPTHS[:4] if options.quick else DEPTHS
    rows, widths = [], []
    for depth in depths:
        options.progress(f"gradients through a stack of {depth}")
        widths.append(even_width(_energy(Filters("", (3,) * depth), options)))
        expected = math.sqrt(8 * depth + 1)
        rows.append((str(depth), str(2 * depth + 1), f"{widths[-1]:.1f}", f"{expected:.1f}"))
    columns = ("3×3 convolutions", "receptive field", "even width", "√(8·n + 1)")
    plot = Points(
        "3×3 convolutions in a row", "pixels along a side",
        (
            Series("receptive field", depths, [2 * depth + 1 for depth in depths], joined=True),
            Series("even width, measured", depths, widths, joined=True),
        ),
    )  # fmt: skip
    caption = "With depth the receptive field grows evenly, what really counts in it ever more slowly."
    return [Table("depth", "Deep stacks of 3×3", columns, rows), Figure("depth", caption, plot)]


def _energy(filters: Filters, options: Options) -> NDArray[np.float64]:
    """Return how much each pixel of the receptive field counts for the one output that sees no more than it."""
    draws, samples = QUICK_DRAWS if options.quick else DRAWS
    field = sum(filters.kernels) - len(filters.kernels) + 1
    layers = (filters.layers(ENERGY_CHANNELS, padding=0) for _ in range(draws))
    shape = ENERGY_CHANNELS, field, field
    return energy((Sequential(each, input_shape=shape, seed=seed) for seed, each in enumerate(layers)), samples)
