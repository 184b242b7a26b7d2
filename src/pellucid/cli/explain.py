"""explain: what the compiler made of a network."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from ..build import lower
from ..columns import fitting, left_out_line, text_width
from ..errors import ArgumentError
from ..losses import CrossEntropy
from ..native import load
from ..network import Network
from ..optimizers import Adam
from ..program import Program
from . import options, parsing
from .onnx_words import OnnxWords, with_onnx_words
from .opening import model_or_run
from .screen import GAP, console, examples, print_table

if TYPE_CHECKING:
    from ..compiler.executable import Executable
    from ..compiler.explain import Explanation

COLUMNS = ("phase", "layer", "does", "tile", "samples", "flops", "bytes", "µs", "GFLOP/s", "of peak")
EXPENDABLE = ("bytes", "flops", "tile", "samples", "GFLOP/s", "phase")
"""What is left out where a terminal has no room for all columns, the first ones first."""

EXAMPLES = examples(
    "pellucid explain lenet",
    "pellucid explain lenet --layer conv1",
    "pellucid explain lenet --layer conv1 --asm",
    "pellucid explain runs/small-digits --inference",
)


@with_onnx_words
def command(
    network: options.Network,
    layer: Annotated[
        str | None, typer.Option("--layer", metavar="PATH", help="Only this layer, such as conv1, or a pattern: conv*.")
    ] = None,
    ir: Annotated[bool, typer.Option("--ir", help="Print the code as LLVM's intermediate representation.")] = False,
    asm: Annotated[bool, typer.Option("--asm", help="Print the code as the processor's instructions.")] = False,
    inference: Annotated[
        bool, typer.Option("--inference", help="Show prediction. By default a training step with Adam.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option("--batch-size", metavar="N", parser=parsing.at_least_one, help="Images in a batch.")
    ] = 128,
    *,
    onnx: OnnxWords,
) -> None:
    """Show what the compiler made of a network, kernel by kernel.

    Prints every native function that a step calls: which layers it serves, the tile of registers it works on, how many
    floating-point operations it does and how many bytes it touches for the samples that a thread has at hand, and how
    fast it is here, beside the fastest that this processor can be.
    """
    from ..compiler.executable import Executable
    from ..compiler.explain import explain, measured_peak
    from ..compiler.jit import assembly

    made = model_or_run(network, "explain", onnx)
    program = _program(made, inference)
    executable = Executable(program, batch_size, 1, {"target": "int64"})
    _fill(executable, made, batch_size)
    found = [each for each in explain(executable) if layer is None or _serves(each.layers, layer)]
    if not found:
        known = ", ".join(place.path for place in program.layers)
        raise ArgumentError(f"layer: nothing is compiled for {layer!r}; the layers are {known}")
    _print_table(found, measured_peak() / 1e9)
    for each in found if ir or asm else []:
        print(f"\n; {each.kernel} ({each.layers}: {each.does})")
        if ir:
            print(each.recipe.emit()[0])
        if asm:
            print(assembly(each.recipe))


def _program(network: Network, inference: bool) -> Program:
    if inference:
        return lower(network, training=False)
    return lower(network, loss=CrossEntropy(), optimizer=Adam(), resident=True)


def _fill(executable: Executable, network: Network, batch_size: int) -> None:
    """Give a compiled program the network's weights and a batch of noise, and let it run once."""
    load(executable, network)
    from ..compiler.lowering import OUTPUTS

    shape, rng = (batch_size, *network.output_shape()), np.random.default_rng(0)
    images = rng.standard_normal((batch_size, *(network.input_shape or ())), np.float32)
    given: dict[str, Any] = {"count": batch_size, "lr": 1e-3, "step": 1}
    if executable.program.loss is None:
        arrays: dict[str, NDArray[Any]] = {"input": images, OUTPUTS: np.zeros(shape, np.float32)}
    else:
        places = np.arange(batch_size)
        arrays = {"input.data": images, "target.data": np.zeros(batch_size, np.int64), "index": places}
        arrays |= {"position": places, "dropout_key": np.zeros(2, np.uint32)}
    for name, array in arrays.items():  # what is given stays: each kernel will run again
        executable.give(name, array)
    executable.run(batch_size, given)


def _serves(layers: str, pattern: str) -> bool:
    return any(fnmatch(layer, pattern) for layer in layers.split(", "))


def _print_table(found: Sequence[Explanation], peak: float) -> None:
    """Print a line for every kernel, and below how fast the processor can be."""
    rows = [
        (
            str(each.phase), each.layers, each.does, each.tile, str(each.samples or "–"),
            "–" if each.flops is None else f"{each.flops:,}", f"{each.bytes:,}", f"{each.seconds * 1e6:.1f}",
            "–" if each.gflops is None else f"{each.gflops:.1f}",
            "–" if each.gflops is None else f"{100 * each.gflops / peak:.0f} %",
        )
        for each in found
    ]  # fmt: skip
    columns, left_out = _fitting(dict(zip(COLUMNS, zip(*rows, strict=True), strict=True)), console().width)
    print_table(columns, zip(*columns.values(), strict=True), right=COLUMNS[4:])
    if left_out:
        print(f"\n{left_out_line(left_out)}")
    print(f"\nOne thread here does at most {peak:.1f} GFLOP/s: a loop of nothing but multiply-adds.")


def _fitting(columns: dict[str, tuple[str, ...]], width: int) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the columns that find room in a terminal, a line a row, and the names of those that do not.

    Where there is no room for all, a kernel that serves several layers may be left with the first, or its path's end.
    """
    needed = {name: max(map(text_width, (name, *cells))) + GAP for name, cells in columns.items()}
    room = width + GAP  # the last column needs no gap behind it
    if sum(needed.values()) <= room:
        return columns, []
    needed["layer"] = max(text_width(_first(layers)) for layers in ("layer", *columns["layer"])) + GAP
    shown, left_out = fitting(needed, EXPENDABLE, room)
    longest = max(len("layer"), width - sum(needed[name] for name in shown if name != "layer"))
    kept = {name: columns[name] for name in shown}
    kept["layer"] = tuple(_shortened(layers, longest) for layers in columns["layer"])
    return kept, left_out


def _shortened(layers: str, room: int) -> str:
    """Return names of layers in so much room: all of them, or the first, or its end."""
    if len(layers) <= room:
        return layers
    first = _first(layers)
    return first if len(first) <= room else f"…{first[1 - room :]}"


def _first(layers: str) -> str:
    return layers.partition(",")[0]
