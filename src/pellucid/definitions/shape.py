"""Steps that give a sample another shape: its numbers in other axes, in another order, with others around, or fewer.

Axes are counted as in the batch: 0 is that of the samples, which stays as it is, and 1 is the first of a sample.
"""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array


def reshape(x: Array, *, shape: tuple[int, ...]) -> Array:
    """The same numbers, in row-major order, in other axes: (N, …) -> (N, *shape). Its gradient is reshaped back."""
    return x.reshape(x.shape[0], *shape)


def transpose(x: Array, *, axes: tuple[int, ...]) -> Array:
    """Axis i of the result is axis axes[i − 1] of x. Its gradient is transposed back."""
    return np.ascontiguousarray(x.transpose(0, *axes))


def pad(x: Array, *, before: tuple[int, ...], after: tuple[int, ...], mode: str, value: float) -> Array:
    """x with before[i] numbers before and after[i] behind those of axis i + 1.

    They are `value` ("constant"), those at the edge again ("edge"), or those on the other side of it ("reflect").
    """
    widths = ((0, 0), *zip(before, after, strict=True))
    if mode == "constant":
        return np.pad(x, widths, constant_values=value)
    return np.pad(x, widths, "edge" if mode == "edge" else "reflect")


def pad_grad_input(
    grad_output: Array, *, before: tuple[int, ...], after: tuple[int, ...], mode: str, shape: tuple[int, ...]
) -> Array:
    """``∂L/∂x[n, i, …] = Σ grad_output`` over the places that show x[n, i, …]: (N, …) -> (N, *shape)."""
    for axis, size in enumerate(shape, start=1):
        first = before[axis - 1]
        if mode == "constant":
            grad_output = np.take(grad_output, range(first, first + size), axis)
        elif first or after[axis - 1]:
            source = np.pad(np.arange(size), (first, after[axis - 1]), "edge" if mode == "edge" else "reflect")
            # place p along the axis shows number source[p]: (…, before + size + after, …) -> (…, size, …)
            total = np.zeros((*grad_output.shape[:axis], size, *grad_output.shape[axis + 1 :]), grad_output.dtype)
            np.add.at(np.moveaxis(total, axis, 0), source, np.moveaxis(grad_output, axis, 0))
            grad_output = total
    return grad_output


def slice_channels(x: Array, *, start: int, stop: int) -> Array:
    """``y[n, c] = x[n, start + c]``: (N, C, …) -> (N, stop − start, …). Its gradient is padded with channels of 0."""
    return x[:, start:stop]


def strided_slice(x: Array, *, axis: int, start: int, stop: int, step: int) -> Array:
    """Every `step`-th of what lies along an axis from `start` up to but not `stop`."""
    return x[_along(axis, start, stop, step)]


def strided_slice_grad_input(
    grad_output: Array, *, axis: int, start: int, stop: int, step: int, shape: tuple[int, ...]
) -> Array:
    """The gradients where the numbers came from, and 0 elsewhere: (N, …) -> (N, *shape)."""
    grad_input = np.zeros((len(grad_output), *shape), grad_output.dtype)
    grad_input[_along(axis, start, stop, step)] = grad_output
    return grad_input


def _along(axis: int, start: int, stop: int, step: int) -> tuple[slice, ...]:
    return (*[slice(None)] * axis, slice(start, stop, step))


def mean(x: Array, *, axes: tuple[int, ...], keepdims: bool) -> Array:
    """The mean over some axes, which are left out of the result, or kept with one number each.

    A sum more than the dtype holds makes it infinite, although all numbers are finite.
    """
    return np.asarray(x.mean(axis=axes, keepdims=keepdims))


def mean_grad_input(grad_output: Array, *, axes: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """``∂L/∂x = grad_output / count`` of the mean that each number went into, of so many: (N, …) -> (N, *shape)."""
    kept = [1 if axis in axes else size for axis, size in enumerate(shape, start=1)]
    count = math.prod(shape[axis - 1] for axis in axes)
    # (N, …) -> (N, …, 1, …) -> (N, *shape)
    share = grad_output.reshape(len(grad_output), *kept) / count
    return np.array(np.broadcast_to(share, (len(grad_output), *shape)))
