"""How fast the compiled kernels are beside the machine's peak, one thread, all in one run.

    python -m benchmarks.kernels

prints a Markdown table. The peak is that of a loop of multiply-adds between registers, emitted by the same compiler.
All cases take turns, round after round, and the best of each counts: a neighbour that takes the processor for a moment
meets them all alike. Before it is timed, each runs once, so that what fits is in the cache again. `PELLUCID_ISA`
chooses another instruction set. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.numpy_path import machine, table
from pellucid.compiler.jit import compiled
from pellucid.compiler.kernels.conv import conv2d, conv2d_grad_weight
from pellucid.compiler.kernels.conv_grad_input import ScatterTile, conv2d_grad_input, grad_input_tile
from pellucid.compiler.kernels.conv_routed import conv2d_grad_weight_routed, routed_multiply_adds, suits_routes
from pellucid.compiler.kernels.convolution import Convolution, forward_tile, weight_tile
from pellucid.compiler.kernels.depthwise import (
    depthwise_conv2d,
    depthwise_conv2d_grad_input,
    depthwise_conv2d_grad_weight,
    depthwise_grad_input_tile,
    depthwise_tile,
    depthwise_weight_tile,
)
from pellucid.compiler.kernels.linear import (
    linear,
    linear_grad_input,
    linear_grad_weight,
    linear_tile,
    linear_weight_tile,
)
from pellucid.compiler.kernels.peak import peak, peak_chains, peak_multiply_adds
from pellucid.compiler.packing import packed_size
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import ForwardTile, InstructionSet, WeightTile, instruction_set, lanes_for
from pellucid.geometry import Window

PEAK_TURNS = 5_000

CONVOLUTIONS = {
    "LeNet conv1: 1→6, 5×5, 28²": (128, Convolution(1, (28, 28), 6, Window.of(5))),
    "LeNet conv2: 6→16, 5×5, 12²": (128, Convolution(6, (12, 12), 16, Window.of(5))),
    "64→64, 3×3, 56²": (1, Convolution(64, (56, 56), 64, Window.of(3, padding=1))),
    "64→64, 3×3, stride 2, 56²": (4, Convolution(64, (56, 56), 64, Window.of(3, 2, padding=1))),
    "256→256, 3×3, 14²": (2, Convolution(256, (14, 14), 256, Window.of(3, padding=1))),
    "1×1, 256→64, 14²": (16, Convolution(256, (14, 14), 64, Window.of(1))),
    "3→32, 3×3, 32²": (16, Convolution(3, (32, 32), 32, Window.of(3, padding=1))),
    "1→8, 5×5, stride 2, 28²": (64, Convolution(1, (28, 28), 8, Window.of(5, 2))),
    "64→64, 3×3, 4 groups, 28²": (4, Convolution(64, (28, 28), 64, Window.of(3, padding=1), groups=4)),
    "3→64, 7×7, stride 2, 224²": (1, Convolution(3, (224, 224), 64, Window.of(7, 2, padding=3))),
}
DEPTHWISE = {
    "144 by channel, 3×3, 56²": (4, Convolution(144, (56, 56), 144, Window.of(3, padding=1), groups=144)),
}
LINEARS = {"16×256→120": (16, 256, 120), "1×256→120": (1, 256, 120), "512×512→512": (512, 512, 512)}


@dataclass
class Case:
    """One thing to be timed; `best` is the least time of one call so far, in seconds."""

    name: str
    tile: str
    multiply_adds: int
    call: Callable[[], None]
    calls: int = 1
    best: float = field(default=float("inf"))

    @property
    def gflops(self) -> float:
        """Thousand million floating-point operations a second, a multiply-add being two."""
        return 2 * self.multiply_adds / self.best / 1e9


def peak_case(isa: InstructionSet) -> Case:
    """Return the case whose speed is the machine's peak."""
    chains = peak_chains(isa)
    recipe = Recipe(peak, (PEAK_TURNS, isa.lanes, chains), isa)
    work = peak_multiply_adds(isa, PEAK_TURNS)
    return case("peak", recipe, f"{isa.lanes}×{chains}", work, (floats(2 * isa.lanes), floats(chains * isa.lanes)), 0)


def floats(*shape: int) -> np.ndarray:
    """Return random float32 numbers that begin where a cache line does, so that no vector of them lies across two."""
    size, line = int(np.prod(shape)), 64
    memory = np.empty(4 * size + line, np.uint8)
    start = -memory.ctypes.data % line
    array = memory[start : start + 4 * size].view(np.float32)
    np.random.default_rng(0).standard_normal(size, np.float32, out=array)
    return array.reshape(shape)


def convolution_cases(isa: InstructionSet) -> list[Case]:
    """Return the convolutions, forward and the gradient of the weights."""
    cases = []
    for name, (samples, conv) in CONVOLUTIONS.items():
        conv = conv.flattened()
        x, y = floats(samples, *conv.size, conv.in_channels), floats(samples, *conv.out_size, conv.out_channels)
        forward, backward = forward_tile(conv, isa), weight_tile(conv, isa)
        inward = grad_input_tile(conv, isa)
        weight, bias = floats(packed_size(conv.weight_shape, forward.lanes, conv.groups)), floats(conv.out_channels)
        grad, grad_output = floats(packed_size(conv.weight_shape, backward.lanes, conv.groups)), floats(*y.shape)
        exchanged = (conv.in_channels, conv.group_filters, *conv.window.kernel_size)
        for_input = floats(packed_size(exchanged, inward.lanes, conv.groups))
        work = samples * conv.multiply_adds()
        forth, back, through = (
            Recipe(conv2d, (conv, forward, True, True), isa),
            Recipe(conv2d_grad_weight, (conv, backward), isa),
            Recipe(conv2d_grad_input, (conv, inward, False), isa),
        )
        cases.append(case(f"{name}, forward", forth, describe(forward), work, (x, weight, bias, y), samples))
        cases.append(case(f"{name}, weight", back, describe(backward), work, (x, grad_output, grad), samples))
        ends = grad_output, for_input, floats(*x.shape)
        cases.append(case(f"{name}, input", through, describe(inward), work, ends, samples))
    return cases


def routed_cases(isa: InstructionSet) -> list[Case]:
    """Return the gradients of weights in front of a max pooling of 2 × 2, of convolutions without padding."""
    cases = []
    for name, (samples, conv) in CONVOLUTIONS.items():
        outputs = conv.out_size[0] // 2 * (conv.out_size[1] // 2)
        if any(conv.window.sides[0]) or not suits_routes(conv, outputs):
            continue
        places = np.random.default_rng(0).integers(0, conv.out_size[1], (samples, outputs, conv.out_channels))
        winner = (places * conv.window.stride[1] * conv.in_channels).astype(np.uint32)
        grad = floats(packed_size(conv.weight_shape, lanes_for(conv.out_channels, isa)))
        recipe = Recipe(conv2d_grad_weight_routed, (conv, outputs), isa)
        arrays = floats(samples, conv.in_channels * conv.size[0] * conv.size[1]), floats(*winner.shape), winner, grad
        work = samples * routed_multiply_adds(conv, outputs)
        cases.append(case(f"{name}, weight, routed", recipe, "", work, arrays, samples))
    return cases


def depthwise_cases(isa: InstructionSet) -> list[Case]:
    """Return convolutions by channel: forward, and both gradients."""
    cases = []
    for name, (samples, conv) in DEPTHWISE.items():
        x, y = floats(samples, *conv.size, conv.in_channels), floats(samples, *conv.out_size, conv.out_channels)
        forward, backward = depthwise_tile(conv, isa), depthwise_weight_tile(conv, isa)
        inward, bias = depthwise_grad_input_tile(conv, isa), floats(conv.out_channels)
        weight = floats(packed_size(conv.weight_shape, lanes_for(conv.out_channels, isa)))
        work, ends = samples * conv.multiply_adds(), (y, weight, floats(*x.shape))
        forth, back, through = (
            Recipe(depthwise_conv2d, (conv, forward, True, True), isa),
            Recipe(depthwise_conv2d_grad_weight, (conv, backward), isa),
            Recipe(depthwise_conv2d_grad_input, (conv, inward, False), isa),
        )
        cases.append(case(f"{name}, forward", forth, "", work, (x, weight, bias, y), samples))
        cases.append(case(f"{name}, weight", back, "", work, (x, y, floats(weight.size)), samples))
        cases.append(case(f"{name}, input", through, "", work, ends, samples))
    return cases


def linear_cases(isa: InstructionSet) -> list[Case]:
    """Return the fully connected layers: forward, and the gradients of the input and of the weights."""
    cases = []
    for name, (samples, inputs, outputs) in LINEARS.items():
        x, bias, y = floats(samples, inputs), floats(outputs), floats(samples, outputs)
        forward, backward = linear_tile(outputs, isa), linear_tile(inputs, isa)
        update = linear_weight_tile(inputs, outputs, isa)
        weight = floats(packed_size((outputs, inputs, 1, 1), forward.lanes))
        for_input = floats(packed_size((inputs, outputs, 1, 1), backward.lanes))
        work, shape = samples * inputs * outputs, (inputs, outputs)
        forth, back, grad = (
            Recipe(linear, (*shape, forward), isa),
            Recipe(linear_grad_input, (*shape, backward), isa),
            Recipe(linear_grad_weight, (*shape, update), isa),
        )
        name = f"linear {name}"
        cases.append(case(f"{name}, forward", forth, describe(forward), work, (x, weight, bias, y), samples))
        cases.append(case(f"{name}, input", back, describe(backward), work, (y, for_input, floats(*x.shape)), samples))
        cases.append(case(f"{name}, weight", grad, describe(update), work, (x, y, floats(weight.size)), samples))
    return cases


def case(name: str, recipe: Recipe, tile: str, work: int, arrays: Sequence[np.ndarray], samples: int) -> Case:
    """Return the case of a kernel that does all its work in one call."""
    kernel = compiled(recipe)
    handle = kernel.handle()
    piece, pointers = handle.piece(samples, {}), handle.pointers(tuple(arrays), samples)

    def call(alive: object = (kernel, arrays)) -> None:
        handle.run(piece, pointers)

    return Case(name, tile, work, call)


def describe(tile: ForwardTile | WeightTile | ScatterTile) -> str:
    """Return a tile in a few characters: lanes × vectors × rows of sums; "px" where the lanes are pixels."""
    if isinstance(tile, ScatterTile):
        return f"{tile.row_lanes}×{tile.vectors}×{tile.rows}"
    if isinstance(tile, ForwardTile):
        return (
            f"{tile.chunk} px×{tile.vectors}×{tile.rows}" if tile.chunk else f"{tile.lanes}×{tile.vectors}×{tile.rows}"
        )
    rows = str(tile.taps) if tile.taps else f"{tile.filter_rows}·{tile.filter_columns}·{tile.channels}"
    return f"{tile.lanes}×{tile.vectors}×{rows}"


def race(cases: Sequence[Case], seconds: float) -> None:
    """Time all cases in turns for about so many seconds."""
    for each in cases:
        each.call()
        began = time.perf_counter()
        each.call()
        each.calls = max(1, int(0.001 / max(time.perf_counter() - began, 1e-7)))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for each in cases:
            each.call()
            began = time.perf_counter()
            for _ in range(each.calls):
                each.call()
            each.best = min(each.best, (time.perf_counter() - began) / each.calls)


def report(seconds: float) -> str:
    """Measure everything and return the report."""
    isa = instruction_set()
    cases = [peak_case(isa), *convolution_cases(isa), *routed_cases(isa), *depthwise_cases(isa), *linear_cases(isa)]
    race(cases, seconds)
    top = cases[0].gflops
    rows = [["kernel", "tile", "time", "GFLOP/s", "of the peak"]]
    for each in cases:
        rows.append(
            [each.name, each.tile, f"{each.best * 1e6:,.1f} µs", f"{each.gflops:.1f}", f"{each.gflops / top:.0%}"]
        )
    return f"{machine()} {isa.name}, one thread.\n\n{table(rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description="Measure the compiled kernels.")
    parser.add_argument("--seconds", type=float, default=20, help="how long to measure (default: 20)")
    print(report(parser.parse_args().seconds))


if __name__ == "__main__":
    main()
