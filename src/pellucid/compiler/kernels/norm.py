"""Batch normalisation and its gradients. The formulas are those of `definitions.norm`.

What holds for a whole channel, such as 1/s, is computed once a call: no pixel divides.

Axes: n samples, p pixels, c channels, l leaves. An image is seen as (samples, pixels · channels).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..builder import Kernel, Span
from ..cuts import full_runs
from ..tensors import Tensor
from ..values import Integer, Vector
from .channels import Numbers, each_vector, living
from .reduction import levels
from .sums import Chains, chained, channel_sums

Normal = Callable[[Integer, int, int], tuple[Vector, Vector]]
"""Mean and 1/s of a vector of channels: (first channel, lanes, living lanes) -> two vectors."""


# ---- statistics
def batch_statistics(k: Kernel, pixels: int, channels: int) -> None:
    """``statistics[:, c] = moments of statistics[:, c] and of x[n, :, c]``, one sample n after the other

    A sample's mean comes first, and in a second pass ``M2 = Σ p (x[n, p, c] − mean)²``: the mean of the squares less
    the square of the mean would lose the digits that matter. The first sample meets zeros, the moments of nothing.
    """
    images = k.piece("images", k.samples)
    x, statistics = k.tensor("x", k.samples, pixels * channels), k.tensor("statistics", 3, channels)
    for chains in chained(k, pixels, channels):
        with k.range(*images) as n:
            of_sample = _sample_moments(chains, x.at(n))
            for v, (c, live) in enumerate(chains.columns):
                before = [statistics.load(row, c, lanes=chains.lanes, live=live) for row in range(3)]
                for row, vector in enumerate(_moments(before, of_sample[v])):
                    statistics.store(vector, row, c, live=live)


def _sample_moments(chains: Chains, x: Tensor) -> list[Numbers]:
    """Return count, mean and M2 of a sample for vectors of channels."""
    count = x.kernel.constant(chains.pixels, chains.lanes)

    def number(at: Integer, v: int, live: int) -> Vector:
        return x.load(at, lanes=chains.lanes, live=live)

    means = [total / count for total in chains.sums(number)]
    side_by_side = chains.spread(means)

    def squared(at: Integer, v: int, live: int) -> Vector:
        deviation = living(number(at, v, live) - side_by_side[v], live)
        return deviation * deviation

    return [(count, mean, squares) for mean, squares in zip(means, chains.sums(squared), strict=True)]


def _moments(a: Numbers, b: Numbers) -> Numbers:
    """Return count, mean and M2 of two sets of numbers, of which the first may be empty.

    ``δ = mean_b − mean_a;  mean = mean_a + δ·n_b/n;  M2 = M2_a + M2_b + δ²·n_a·n_b/n``
    """
    count = a[0] + b[0]
    share, delta = b[0] / count, b[1] - a[1]
    weighted = ((a[0] * share).rounded() * delta).rounded()  # δ² alone might overflow, and then not vanish with n_a = 0
    return count, a[1] + delta * share, (a[2] + b[2]) + weighted * delta


def moments_leaves(k: Kernel, channels: int, stride: int) -> None:
    """``total[:, c] = tree over l of parts[l, :, c]``; leaves are the kernel's samples, and parts are overwritten.

    A leaf's statistics (3, channels) are the first numbers of its `stride`. Level by level, neighbours 2j and 2j + 1
    become number j; a last one without a neighbour moves up as it is.
    """
    parts, total = k.tensor("parts", k.samples, stride), k.tensor("total", 3, channels)
    lanes = k.isa.lanes
    for run in full_runs(channels, lanes):
        with k.range(run.start, run.stop, run.size) as c:
            rows = [row * channels + c for row in range(3)]
            _tree(k, parts, rows, run.size)
            for row in range(3):
                total.store(parts.load(0, rows[row], lanes=lanes, live=run.size), row, c, live=run.size)


def _tree(k: Kernel, parts: Tensor, rows: Sequence[Integer], live: int) -> None:
    """Combine the moments of all leaves in the first one, for the channels whose numbers lie at three `rows`."""

    def leaf(number: Integer) -> Numbers:
        return [parts.load(number, row, lanes=k.isa.lanes, live=live) for row in rows]

    def become(number: Integer, moments: Numbers) -> None:
        for row, vector in zip(rows, moments, strict=True):
            parts.store(vector, number, row, live=live)

    for pairs, left in levels(k):
        with k.range(0, pairs) as j:
            become(j, _moments(leaf(j * 2), leaf(j * 2 + 1)))
        with k.range(pairs, left) as j:  # the last one, where their number is odd
            become(j, leaf(j * 2))


# ---- with the statistics of the batch
def batch_norm(k: Kernel, pixels: int, channels: int, eps: float, relu: bool = False) -> None:
    """``y[n, p, c] = (x[n, p, c] − mean[c]) · weight[c]/s[c] + bias[c]``, ``s = √(M2/count + eps)``

    With `relu` the result passes through it on its way to memory.
    """
    images, x = k.piece("images", k.samples), k.tensor("x", k.samples, pixels * channels)
    normal = _of_batch(k.tensor("statistics", 3, channels), eps)
    _normalise(k, images, pixels, channels, x, normal, relu)


def batch_norm_grad_weight(k: Kernel, pixels: int, channels: int, eps: float) -> None:
    """``grad_weight[c] += Σ n, p  grad_output[n, p, c] · (x[n, p, c] − mean[c]) / s[c]``"""
    images, x = k.piece("images", k.samples), k.tensor("x", k.samples, pixels * channels)
    normal = _of_batch(k.tensor("statistics", 3, channels), eps)
    _grad_weight(k, images, pixels, channels, x, normal)


def batch_norm_grad_bias(k: Kernel, pixels: int, channels: int) -> None:
    """``grad_bias[c] += Σ n, p  grad_output[n, p, c]``"""
    images = k.piece("images", k.samples)
    grad_output, grad_bias = k.tensor("grad_output", k.samples, pixels * channels), k.tensor("grad_bias", channels)
    channel_sums(k, images, grad_output, grad_bias, pixels, channels)


def batch_norm_grad_input(k: Kernel, pixels: int, channels: int, eps: float) -> None:
    """``grad_input[n, p, c] = weight/s · (grad_output[n, p, c] − grad_bias/count − (x[n, p, c] − mean) · slope)``

    ``slope = grad_weight/(count · s)``; what has no index is the channel's own.
    """
    images, x = k.piece("images", k.samples), k.tensor("x", k.samples, pixels * channels)
    statistics, weight = k.tensor("statistics", 3, channels), k.tensor("weight", channels)
    grad_output = k.tensor("grad_output", k.samples, pixels * channels)
    grad_weight, grad_bias = k.tensor("grad_weight", channels), k.tensor("grad_bias", channels)
    grad_input = k.tensor("grad_input", k.samples, pixels * channels)
    normal = _of_batch(statistics, eps)

    def numbers(c: Integer, lanes: int, live: int) -> Numbers:
        (mean, inverse), count = normal(c, lanes, live), statistics.load(0, c, lanes=lanes, live=live)
        scale, along, shared = (t.load(c, lanes=lanes, live=live) for t in (weight, grad_weight, grad_bias))
        return mean, scale * inverse, along * inverse / count, shared / count

    def step(n: Integer, at: Integer, numbers: Numbers) -> None:
        mean, factor, slope, shared = numbers
        gradient = grad_output.load(n, at, lanes=mean.lanes) - shared
        gradient = gradient - (x.load(n, at, lanes=mean.lanes) - mean) * slope
        grad_input.store(gradient * factor, n, at)

    each_vector(k, images, pixels, channels, numbers, step)


# ---- with the running statistics
def running_statistics(k: Kernel, channels: int, momentum: float) -> None:
    """``new = (1 − momentum) · running + momentum · batch``, the batch's variance being ``M2/max(count − 1, 1)``"""
    old = k.tensor("running_mean", channels), k.tensor("running_var", channels)
    statistics = k.tensor("statistics", 3, channels)
    new = k.tensor("new_mean", channels), k.tensor("new_var", channels)
    lanes = k.isa.lanes
    one, kept, fresh = (k.constant(number, lanes) for number in (1.0, 1 - momentum, momentum))
    for run in full_runs(channels, lanes):
        with k.range(run.start, run.stop, run.size) as c:
            count, mean, squares = (statistics.load(row, c, lanes=lanes, live=run.size) for row in range(3))
            batch = mean, squares / (count - one).maximum(one)
            for before, number, after in zip(old, batch, new, strict=True):
                running = kept * before.load(c, lanes=lanes, live=run.size)
                after.store(running.rounded() + fresh * number, c, live=run.size)


def batch_norm_running(k: Kernel, pixels: int, channels: int, eps: float, relu: bool = False) -> None:
    """``y[n, p, c] = (x[n, p, c] − mean[c]) · weight[c]/s[c] + bias[c]``, ``s = √(var + eps)``

    With `relu` the result passes through it on its way to memory.
    """
    images, x = k.piece("images", k.samples), k.tensor("x", k.samples, pixels * channels)
    normal = _of_running(k.tensor("mean", channels), k.tensor("var", channels), eps)
    _normalise(k, images, pixels, channels, x, normal, relu)


def batch_norm_running_grad_weight(k: Kernel, pixels: int, channels: int, eps: float) -> None:
    """``grad_weight[c] += Σ n, p  grad_output[n, p, c] · (x[n, p, c] − mean[c]) / s[c]``"""
    images, x = k.piece("images", k.samples), k.tensor("x", k.samples, pixels * channels)
    normal = _of_running(k.tensor("mean", channels), k.tensor("var", channels), eps)
    _grad_weight(k, images, pixels, channels, x, normal)


def batch_norm_running_grad_input(k: Kernel, pixels: int, channels: int, eps: float) -> None:
    """``grad_input[n, p, c] = weight[c]/√(var[c] + eps) · grad_output[n, p, c]``"""
    images, var = k.piece("images", k.samples), k.tensor("var", channels)
    weight, grad_output = k.tensor("weight", channels), k.tensor("grad_output", k.samples, pixels * channels)
    grad_input = k.tensor("grad_input", k.samples, pixels * channels)

    def numbers(c: Integer, lanes: int, live: int) -> Numbers:
        inverse = _inverse(var.load(c, lanes=lanes, live=live), eps)
        return (weight.load(c, lanes=lanes, live=live) * inverse,)

    def step(n: Integer, at: Integer, numbers: Numbers) -> None:
        (factor,) = numbers
        grad_input.store(grad_output.load(n, at, lanes=factor.lanes) * factor, n, at)

    each_vector(k, images, pixels, channels, numbers, step)


# ---- what both have in common
def _of_batch(statistics: Tensor, eps: float) -> Normal:
    """Return what gives mean and 1/s of channels of the batch, ``s = √(M2/count + eps)``."""

    def normal(c: Integer, lanes: int, live: int) -> tuple[Vector, Vector]:
        count, mean, squares = (statistics.load(row, c, lanes=lanes, live=live) for row in range(3))
        return mean, _inverse(squares / count, eps)

    return normal


def _of_running(mean: Tensor, var: Tensor, eps: float) -> Normal:
    """Return what gives mean and 1/s of channels in the long run, ``s = √(var + eps)``."""

    def normal(c: Integer, lanes: int, live: int) -> tuple[Vector, Vector]:
        return mean.load(c, lanes=lanes, live=live), _inverse(var.load(c, lanes=lanes, live=live), eps)

    return normal


def _inverse(variance: Vector, eps: float) -> Vector:
    k, lanes = variance.kernel, variance.lanes
    return k.constant(1.0, lanes) / (variance + k.constant(eps, lanes)).sqrt()


def _normalise(k: Kernel, images: Span, pixels: int, channels: int, x: Tensor, normal: Normal, relu: bool) -> None:
    """``y[n, p, c] = (x[n, p, c] − mean[c]) · weight[c]/s[c] + bias[c]``

    The mean is subtracted first, though ``bias − mean · weight/s`` would save that: of a mean much larger than s it
    would leave few digits.
    """
    weight, bias = k.tensor("weight", channels), k.tensor("bias", channels)
    y = k.tensor("y", k.samples, pixels * channels)

    def numbers(c: Integer, lanes: int, live: int) -> Numbers:
        mean, inverse = normal(c, lanes, live)
        return mean, weight.load(c, lanes=lanes, live=live) * inverse, bias.load(c, lanes=lanes, live=live)

    def step(n: Integer, at: Integer, numbers: Numbers) -> None:
        mean, factor, start = numbers
        result = (x.load(n, at, lanes=mean.lanes) - mean) * factor + start
        y.store(result.relu() if relu else result, n, at)

    each_vector(k, images, pixels, channels, numbers, step)


def _grad_weight(k: Kernel, images: Span, pixels: int, channels: int, x: Tensor, normal: Normal) -> None:
    """``grad_weight[c] += 1/s[c] · Σ p  grad_output[n, p, c] · (x[n, p, c] − mean[c])``, one sample n after another"""
    grad_output, grad_weight = k.tensor("grad_output", k.samples, pixels * channels), k.tensor("grad_weight", channels)
    for chains in chained(k, pixels, channels):
        normals = [normal(c, chains.lanes, live) for c, live in chains.columns]
        means = chains.spread([mean for mean, _ in normals])
        with k.range(*images) as n:
            totals = _products(chains, grad_output.at(n), x.at(n), means)
            for (c, live), total, (_, inverse) in zip(chains.columns, totals, normals, strict=True):
                before = grad_weight.load(c, lanes=chains.lanes, live=live)
                grad_weight.store(before + total * inverse, c, live=live)


def _products(chains: Chains, grad_output: Tensor, x: Tensor, means: Numbers) -> list[Vector]:
    """Return ``Σ p  grad_output · (x − mean)`` of a sample for vectors of channels."""

    def product(at: Integer, v: int, live: int) -> Vector:
        deviation = x.load(at, lanes=chains.lanes, live=live) - means[v]
        return grad_output.load(at, lanes=chains.lanes, live=live) * deviation

    return chains.sums(product)
