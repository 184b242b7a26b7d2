"""Convolution and pooling as nested loops over single numbers, in float64.

They are slow and obvious: no function of the package is called, and of a window only its fields are read (padding as
numbers, not "same"). Where the package computes with formulas, these loops walk and count.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np


def starts(window, axis, size):
    """Where the window's first tap stands along an axis at each of its places, found by walking."""
    before, after = window.padding[axis]
    stride, span = window.stride[axis], (window.kernel_size[axis] - 1) * window.dilation[axis] + 1
    found = []
    start = -before
    while start + span <= size + after:
        found.append(start)
        start += stride
    left_uncovered = start - stride + span < size + after
    if window.ceil_mode and left_uncovered and start < size:
        found.append(start)
    return found


def reads(window, size) -> Iterator[tuple[int, int, int, int, int, int]]:
    """All (oy, ox, ky, kx, i, j): at place (oy, ox) the tap (ky, kx) stands on the pixel (i, j), maybe outside."""
    for (oy, top), (ox, left) in product(enumerate(starts(window, 0, size[0])), enumerate(starts(window, 1, size[1]))):
        for ky, kx in product(range(window.kernel_size[0]), range(window.kernel_size[1])):
            yield oy, ox, ky, kx, top + ky * window.dilation[0], left + kx * window.dilation[1]


def places(window, size):
    return len(starts(window, 0, size[0])), len(starts(window, 1, size[1]))


def inside(i, j, size):
    return 0 <= i < size[0] and 0 <= j < size[1]


def conv2d(x, weight, bias, window, groups):
    samples, _, *size = x.shape
    filters, channels = weight.shape[:2]
    y = np.zeros((samples, filters, *places(window, size)))
    for n, f in product(range(samples), range(filters)):
        first = f // (filters // groups) * channels  # the first input channel of the filter's group
        y[n, f] += 0 if bias is None else bias[f]
        for (oy, ox, ky, kx, i, j), c in product(reads(window, size), range(channels)):
            if inside(i, j, size):
                y[n, f, oy, ox] += x[n, first + c, i, j] * weight[f, c, ky, kx]
    return y


def conv2d_gradients(x, weight, grad_output, window, groups):
    """Gradients of the input, the weights and the bias: each product of the forward loops, differentiated."""
    samples, _, *size = x.shape
    filters, channels = weight.shape[:2]
    grad_x, grad_weight, grad_bias = np.zeros(x.shape), np.zeros(weight.shape), np.zeros(filters)
    for n, f in product(range(samples), range(filters)):
        first = f // (filters // groups) * channels
        for oy, ox in product(range(grad_output.shape[2]), range(grad_output.shape[3])):
            grad_bias[f] += grad_output[n, f, oy, ox]
        for (oy, ox, ky, kx, i, j), c in product(reads(window, size), range(channels)):
            if inside(i, j, size):
                grad_x[n, first + c, i, j] += grad_output[n, f, oy, ox] * weight[f, c, ky, kx]
                grad_weight[f, c, ky, kx] += grad_output[n, f, oy, ox] * x[n, first + c, i, j]
    return grad_x, grad_weight, grad_bias


def max_pool2d(x, grad_output, window):
    """The maxima, and the gradient of x; the first of equal maxima wins, and a NaN wins over all numbers."""
    samples, channels, *size = x.shape
    y, grad_x = np.zeros((samples, channels, *places(window, size))), np.zeros(x.shape)
    for n, c in product(range(samples), range(channels)):
        winners = {}
        for oy, ox, _, _, i, j in reads(window, size):
            if inside(i, j, size):
                best = x[n, c, *winners[oy, ox]] if (oy, ox) in winners else None
                value = x[n, c, i, j]
                if best is None or value > best or (np.isnan(value) and not np.isnan(best)):
                    winners[oy, ox] = i, j
        for (oy, ox), (i, j) in winners.items():
            y[n, c, oy, ox] = x[n, c, i, j]
            grad_x[n, c, i, j] += grad_output[n, c, oy, ox]
    return y, grad_x


def avg_pool2d(x, grad_output, window, count_include_pad):
    """The means, and the gradient of x."""
    samples, channels, *size = x.shape
    y, grad_x = np.zeros((samples, channels, *places(window, size))), np.zeros(x.shape)
    (top, bottom), (left, right) = window.padding
    for n, c in product(range(samples), range(channels)):
        counts = np.zeros(y.shape[2:])
        for oy, ox, _, _, i, j in reads(window, size):
            in_padding = -top <= i < size[0] + bottom and -left <= j < size[1] + right
            counts[oy, ox] += in_padding if count_include_pad else inside(i, j, size)
        for oy, ox, _, _, i, j in reads(window, size):
            if inside(i, j, size):
                y[n, c, oy, ox] += x[n, c, i, j] / counts[oy, ox]
                grad_x[n, c, i, j] += grad_output[n, c, oy, ox] / counts[oy, ox]
    return y, grad_x


def adaptive_avg_pool2d(x, grad_output):
    """The means of regions, as many as grad_output has, and the gradient of x."""
    samples, channels, height, width = x.shape
    rows, columns = grad_output.shape[2:]
    y, grad_x = np.zeros(grad_output.shape), np.zeros(x.shape)
    for n, c, a, b in product(range(samples), range(channels), range(rows), range(columns)):
        # pixel i belongs to region a where the two, drawn on the same line, overlap
        vertical = [i for i in range(height) if i * rows < (a + 1) * height and (i + 1) * rows > a * height]
        horizontal = [j for j in range(width) if j * columns < (b + 1) * width and (j + 1) * columns > b * width]
        region = list(product(vertical, horizontal))
        for i, j in region:
            y[n, c, a, b] += x[n, c, i, j] / len(region)
            grad_x[n, c, i, j] += grad_output[n, c, a, b] / len(region)
    return y, grad_x
