"""Batch normalisation and local response normalisation, and their gradients.

``batch norm: y = weight · x̂ + bias,  x̂ = (x − mean) / √(variance + eps)``, mean and variance a channel over the batch
``local response: y = x · s^−beta,  s[c] = k + alpha/size · Σ x²`` over `size` neighbouring channels

Axes: N samples, C channels, P pixels of a channel (1 for features (N, C)).
References: S. Ioffe and C. Szegedy, "Batch Normalization", 2015; A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet
Classification with Deep Convolutional Neural Networks", 2012, section 3.3.
"""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array


def batch_statistics(x: Array) -> Array:
    """Return count = N·P, mean and M2 = Σ (x − mean)² of every channel of x (N, C, …): (3, C)."""
    pixels = _pixels(x)
    count = pixels.shape[0] * pixels.shape[2]
    mean = pixels.mean(axis=(0, 2))
    squares = ((pixels - mean[:, None]) ** 2).sum(axis=(0, 2))
    # three times (C,) -> (3, C)
    return np.stack([np.full_like(mean, count), mean, squares])


def batch_norm(x: Array, statistics: Array, weight: Array, bias: Array, *, eps: float) -> Array:
    """``y = weight · x̂ + bias``, with the statistics (3, C) of this batch: x (N, C, …), weight, bias (C,) ->
    y (N, C, …)."""
    y = _normalised(x, statistics, eps) * weight[:, None] + bias[:, None]
    # (N, C, P) -> (N, C, …)
    return y.reshape(x.shape)


def batch_norm_grad_weight(x: Array, statistics: Array, grad_output: Array, *, eps: float) -> Array:
    """``∂L/∂weight[c] = Σ n, p  grad_output[n, c, p] · x̂[n, c, p]``: x, grad_output (N, C, …) -> (C,)."""
    return np.asarray((_pixels(grad_output) * _normalised(x, statistics, eps)).sum(axis=(0, 2)))


def batch_norm_grad_bias(grad_output: Array) -> Array:
    """``∂L/∂bias[c] = Σ n, p  grad_output[n, c, p]``: (N, C, …) -> (C,)."""
    return np.asarray(_pixels(grad_output).sum(axis=(0, 2)))


def batch_norm_grad_input(
    x: Array, statistics: Array, weight: Array, grad_output: Array, grad_weight: Array, grad_bias: Array, *, eps: float
) -> Array:
    """``∂L/∂x = weight/s · (grad_output − grad_bias/count − x̂ · grad_weight/count)``, ``s = √(variance + eps)``:
    x, grad_output (N, C, …), all others of the channels (C,) -> grad_input (N, C, …).

    Every x[j] of a channel moves its mean and s, and so each x̂[i] = (x[i] − mean)/s. ``∂mean/∂x[j] = 1/count`` and
    ``∂s/∂x[j] = x̂[j]/count`` give ``∂x̂[i]/∂x[j] = ([i = j] − 1/count − x̂[i] · x̂[j]/count)/s``. Summed over all i with
    weight · grad_output[i], the first term leaves grad_output[j], the second grad_bias, the third grad_weight.
    """
    count, factor = statistics[0], weight / _deviation(statistics, eps)
    shared = (grad_bias / count)[:, None] + _normalised(x, statistics, eps) * (grad_weight / count)[:, None]
    grad_input: Array = (_pixels(grad_output) - shared) * factor[:, None]
    # (N, C, P) -> (N, C, …)
    return grad_input.reshape(x.shape)


def running_statistics(
    running_mean: Array, running_var: Array, statistics: Array, *, momentum: float
) -> tuple[Array, Array]:
    """``running ← (1 − momentum) · running + momentum · batch``: running mean and variance (C,), statistics (3, C) ->
    the new mean and variance (C,).

    The batch's variance is the unbiased M2 / (count − 1), and 0 where there is but one number a channel.
    """
    count, mean, squares = statistics
    unbiased = squares / np.maximum(count - 1, 1)
    return (
        (1 - momentum) * running_mean + momentum * mean,
        (1 - momentum) * running_var + momentum * unbiased,
    )


def batch_norm_running(
    x: Array, running_mean: Array, running_var: Array, weight: Array, bias: Array, *, eps: float
) -> Array:
    """``y = weight · x̂ + bias`` with the running mean and variance (C,), when not training: x, y (N, C, …)."""
    return batch_norm(x, _as_statistics(running_mean, running_var), weight, bias, eps=eps)


def batch_norm_running_grad_weight(
    x: Array, running_mean: Array, running_var: Array, grad_output: Array, *, eps: float
) -> Array:
    """``∂L/∂weight[c] = Σ n, p  grad_output[n, c, p] · x̂[n, c, p]``: x, grad_output (N, C, …) -> (C,)."""
    return batch_norm_grad_weight(x, _as_statistics(running_mean, running_var), grad_output, eps=eps)


def batch_norm_running_grad_input(running_var: Array, weight: Array, grad_output: Array, *, eps: float) -> Array:
    """``∂L/∂x = weight/√(running_var + eps) · grad_output``, the statistics being constants: (N, C, …) -> (N, C, …)."""
    factor = weight / np.sqrt(running_var + eps)
    grad_input: Array = _pixels(grad_output) * factor[:, None]
    # (N, C, P) -> (N, C, …)
    return grad_input.reshape(grad_output.shape)


def _pixels(x: Array) -> Array:
    """Return x with all pixels of a channel in one axis: (N, C, H, W) or (N, C) -> (N, C, P)."""
    return x.reshape(x.shape[0], x.shape[1], math.prod(x.shape[2:]))


def _normalised(x: Array, statistics: Array, eps: float) -> Array:
    """Return ``x̂ = (x − mean)/s``: x (N, C, …), statistics (3, C) -> (N, C, P)."""
    normalised: Array = (_pixels(x) - statistics[1][:, None]) / _deviation(statistics, eps)[:, None]
    return normalised


def _deviation(statistics: Array, eps: float) -> Array:
    """Return ``s = √(variance + eps)``, variance = M2/count: (3, C) -> (C,)."""
    count, _, squares = statistics
    return np.asarray(np.sqrt(squares / count + eps))


def _as_statistics(mean: Array, var: Array) -> Array:
    """Return a mean and a variance as the statistics of a single number would hold them: (C,), (C,) -> (3, C)."""
    return np.stack([np.ones_like(mean), mean, var])


# ---- local response normalisation
def local_response_norm(x: Array, *, size: int, alpha: float, beta: float, k: float) -> Array:
    """``y[c] = x[c] · s[c]^−beta``, ``s[c] = k + alpha/size · Σ x[j]²`` over j from c − ⌊size/2⌋, `size` channels in
    all, those outside counting as 0: x (N, C, H, W) -> y (N, C, H, W)."""
    return x * _scale(x, size, alpha, k) ** -beta


def local_response_norm_grad_input(
    x: Array, grad_output: Array, *, size: int, alpha: float, beta: float, k: float
) -> Array:
    """``∂L/∂x[c] = g[c] · s[c]^−beta − 2·alpha·beta/size · x[c] · Σ j  g[j] · x[j] · s[j]^(−beta−1)``, g = grad_output,
    over the channels j whose window holds c: (N, C, H, W) -> (N, C, H, W).

    x[c] is a factor of y[c], and stands in every such s[j] with ``∂s[j]/∂x[c] = 2·alpha/size · x[c]``, where
    ``∂y[j]/∂s[j] = −beta · x[j] · s[j]^(−beta−1)``.
    """
    scale = _scale(x, size, alpha, k)
    # j's window reaches ⌊size/2⌋ channels back and (size − 1)//2 on, so c lies in it from j = c − (size − 1)//2
    through_scale = _channel_sums(grad_output * x * scale ** (-beta - 1), (size - 1) // 2, size)
    return grad_output * scale**-beta - (2 * alpha * beta / size) * x * through_scale


def _scale(x: Array, size: int, alpha: float, k: float) -> Array:
    """Return s (N, C, H, W), what y is divided by before the power."""
    return k + (alpha / size) * _channel_sums(x * x, size // 2, size)


def _channel_sums(x: Array, before: int, size: int) -> Array:
    """Return for each channel c the sum over `size` channels beginning at c − before; those outside count as 0."""
    channels = x.shape[1]
    # (N, C, H, W) -> (N, before + C + after, H, W)
    padded = np.pad(x, ((0, 0), (before, size - 1 - before), (0, 0), (0, 0)))
    total = np.zeros_like(x)
    for shift in range(size):
        total += padded[:, shift : shift + channels]
    return total
