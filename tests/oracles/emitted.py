"""Kernels called by their emitters: inputs as arrays, one output between guards, or in memory that faults beside it."""

import numpy as np

from pellucid.compiler.jit import compiled
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import instruction_set

GUARD = 64


def channels_last(x):
    """(N, C, H, W) -> (N, H, W, C); features (N, F) stay"""
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def channels_first(x):
    """(N, H, W, C) -> (N, C, H, W); features (N, F) stay"""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def run(emitter, parameters, inputs, shape, *, isa=None, checked=False, pieces=({},), dtype=np.float32, samples=None):
    """Return what a kernel writes into its last tensor, of `shape`; no number beside it may change.

    Inputs are reshaped as the kernel declares its tensors.
    """
    handle = compiled(Recipe(emitter, parameters, isa or instruction_set(), checked)).handle()
    samples = shape[0] if samples is None else samples
    size = int(np.prod(shape))
    memory = np.full(size + 2 * GUARD, 77, dtype)
    y = memory[GUARD : GUARD + size]
    y[:] = np.nan if memory.dtype.kind == "f" else 99
    assert len(handle.tensors) == len(inputs) + 1, f"expected {[tensor['name'] for tensor in handle.tensors]}"
    arrays = [np.ascontiguousarray(x) for x in inputs]
    for array, tensor in zip([*arrays, y], handle.tensors, strict=True):
        each = int(np.prod([n for n in tensor["shape"] if n != "samples"]))
        assert array.dtype.name == tensor["element"], f"{tensor['name']}: {array.dtype.name}"
        assert tensor["name"] == "data" or array.size == each * (samples if "samples" in tensor["shape"] else 1), tensor
    for piece in pieces:
        handle.run(handle.piece(samples, piece), [array.ctypes.data for array in (*arrays, y)])
    assert (memory[:GUARD] == 77).all(), "the kernel wrote before its output"
    assert (memory[GUARD + size :] == 77).all(), "the kernel wrote behind its output"
    return y.reshape(shape).copy()
