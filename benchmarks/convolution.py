"""Pellucid's kernels of a convolution, called by themselves: what they do without a network around them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.kernels import floats
from benchmarks.problem import Array, ConvolutionProblem
from pellucid.compiler.jit import compiled
from pellucid.compiler.kernels.conv import conv2d, conv2d_grad_weight
from pellucid.compiler.kernels.conv_grad_input import conv2d_grad_input, grad_input_tile
from pellucid.compiler.kernels.convolution import Convolution, forward_tile, weight_tile
from pellucid.compiler.kernels.depthwise import (
    depthwise_conv2d,
    depthwise_conv2d_grad_input,
    depthwise_conv2d_grad_weight,
    depthwise_grad_input_tile,
    depthwise_tile,
    depthwise_weight_tile,
)
from pellucid.compiler.packing import for_input, pack, unpack
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import InstructionSet, instruction_set, lanes_for
from pellucid.geometry import Window


class Convolving:
    """A convolution's kernels and their arrays, (N, H, W, C) and packed weights.

    Each thread has some of the images. The gradient of the weights is a sum over them: each thread has one of its own,
    and they are added up in the end.
    """

    def __init__(self, problem: ConvolutionProblem, threads: int):
        x, weight, grad_output = problem.arrays()
        isa = instruction_set()
        groups = 1 if _depthwise(problem) else problem.groups  # a depthwise layer is packed as one group
        self._packing = weight.shape, lanes_for(problem.filters // groups, isa), groups
        images, gradients, packed = _rows_last(x), _rows_last(grad_output), _placed(pack(weight, *self._packing[1:]))
        exchanged = packed
        if not _depthwise(problem):
            exchanged = _placed(pack(for_input(weight, groups), lanes_for(problem.channels // groups, isa), groups))
        self._y, self._grad_input = floats(*gradients.shape), floats(*images.shape)
        self._sums = [floats(packed.size) for _ in range(threads)]
        kernels, samples = recipes(problem, isa), problem.samples
        self._forward = Pieces(kernels[0], samples, [(images, packed, self._y)] * threads)
        self._inward = Pieces(kernels[1], samples, [(gradients, exchanged, self._grad_input)] * threads)
        self._onward = Pieces(kernels[2], samples, [(images, gradients, sums) for sums in self._sums])
        self._pool = ThreadPoolExecutor(threads)

    def forward(self) -> dict[str, Array]:
        """Compute the output."""
        self._forward.run(self._pool)
        return {"y": self._y}

    def backward(self) -> dict[str, Array]:
        """Compute both gradients."""
        for sums in self._sums:
            sums[...] = 0
        self._inward.run(self._pool)
        self._onward.run(self._pool)
        for sums in self._sums[1:]:
            self._sums[0] += sums
        return {"grad_input": self._grad_input, "grad_weight": self._sums[0]}

    def canonical(self, name: str, array: Array) -> Array:
        """Return what `forward` or `backward` returned under a name in canonical layout."""
        return unpack(array, *self._packing) if name == "grad_weight" else np.moveaxis(array, 3, 1)


def recipes(problem: ConvolutionProblem, isa: InstructionSet) -> tuple[Recipe, Recipe, Recipe]:
    """Return the kernels that networks use for such a layer: forward, the input's gradient, the weights' gradient."""
    window = Window.of(problem.kernel, padding=problem.padding)
    conv = Convolution(problem.channels, (problem.size, problem.size), problem.filters, window, problem.groups)
    if _depthwise(problem):
        return (
            Recipe(depthwise_conv2d, (conv, depthwise_tile(conv, isa), False, False), isa),
            Recipe(depthwise_conv2d_grad_input, (conv, depthwise_grad_input_tile(conv, isa), False), isa),
            Recipe(depthwise_conv2d_grad_weight, (conv, depthwise_weight_tile(conv, isa)), isa),
        )
    conv = conv.flattened()
    return (
        Recipe(conv2d, (conv, forward_tile(conv, isa), False, False), isa),
        Recipe(conv2d_grad_input, (conv, grad_input_tile(conv, isa), False), isa),
        Recipe(conv2d_grad_weight, (conv, weight_tile(conv, isa)), isa),
    )


class Pieces:
    """A kernel's work, the images cut among threads, each of which has its own arrays."""

    def __init__(self, recipe: Recipe, samples: int, arrays: Sequence[tuple[Array, ...]]):
        self._kernel, self._arrays = compiled(recipe), arrays  # their addresses hold as long as they live
        self._handle, count = self._kernel.handle(), len(arrays)
        shapes = [[samples if size == "samples" else size for size in t["shape"]] for t in self._handle.tensors]
        self._jobs = [
            (
                self._handle.piece(samples, {"images": (samples * t // count, samples * (t + 1) // count)}),
                self._handle.pointers(tuple(map(np.ndarray.reshape, own, shapes)), samples),
            )
            for t, own in enumerate(arrays)
        ]

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Do all pieces, the first on the caller's own thread."""
        others = [pool.submit(self._handle.run, *job) for job in self._jobs[1:]]
        self._handle.run(*self._jobs[0])
        for other in others:
            other.result()


def _depthwise(problem: ConvolutionProblem) -> bool:
    return problem.groups == problem.channels == problem.filters


def _rows_last(images: Array) -> Array:
    """(N, C, H, W) -> (N, H, W, C)"""
    return _placed(np.moveaxis(images, 1, 3))


def _placed(array: Array) -> Array:
    """Return a copy that begins where a line of the cache does."""
    place = floats(*array.shape)
    place[...] = array
    return place
