"""What works number by number, or moves numbers: activations, dropout, adding, joining, padding, flattening,
softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.compiler.kernels import dropout as masks
from pellucid.compiler.kernels import pointwise as kernels
from pellucid.compiler.kernels import shuffle
from pellucid.definitions import linear as flattening
from pellucid.definitions import pointwise as definitions

from .case import CHANNELS_LAST, Case, Result, Tensor
from .draws import Draws

SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 147)


def activation(draws: Draws) -> Case:
    """An activation or the gradient of one."""
    kind = draws.one(("relu", "leaky_relu", "relu6", "sigmoid", "tanh"))
    size, samples, backward = draws.one(SIZES), draws.samples(), draws.chance(0.5)
    how = {"negative_slope": draws.one((0.01, 0.3))} if kind == "leaky_relu" else {}
    name = f"{kind}_grad_input" if backward else kind
    x = draws.with_faults(draws.one((1, 5, 30)) * draws.numbers(samples, size)).astype(np.float32)
    if backward and kind != "leaky_relu":
        x = getattr(definitions, kind)(x)  # the derivative is written with the output
    inputs = [Tensor(x)] + ([Tensor(draws.with_faults(draws.numbers(samples, size)))] if backward else [])
    definition: Callable[..., Any] = getattr(definitions, name)
    result = Result("grad_input" if backward else "y", (samples, size))
    return Case(
        getattr(kernels, name), (size, *how.values()), lambda *given: definition(*given, **how), tuple(inputs),
        (result,), samples,
    )  # fmt: skip


def image(draws: Draws) -> np.ndarray[Any, Any]:
    """Return a random image (N, C, P)."""
    return draws.with_faults(draws.numbers(draws.samples(), draws.channels(), draws.pixels()))


def softmax(draws: Draws) -> Case:
    x = 3 * draws.numbers(draws.samples(), draws.channels(), draws.pixels())
    parameters, result = (x.shape[2], x.shape[1]), Result("y", x.shape, CHANNELS_LAST)
    return Case(kernels.softmax, parameters, definitions.softmax, (Tensor(x, CHANNELS_LAST),), (result,), len(x))


def softmax_grad_input(draws: Draws) -> Case:
    y = definitions.softmax(3 * draws.numbers(draws.samples(), draws.channels(), draws.pixels()))
    tensors = Tensor(y, CHANNELS_LAST), Tensor(draws.numbers(*y.shape), CHANNELS_LAST)
    parameters, result = (y.shape[2], y.shape[1]), Result("grad_input", y.shape, CHANNELS_LAST)
    return Case(kernels.softmax_grad_input, parameters, definitions.softmax_grad_input, tensors, (result,), len(y))


def add(draws: Draws) -> Case:
    a, fused = draws.with_faults(draws.numbers(draws.samples(), draws.one(SIZES))), draws.chance(0.5)

    def definition(a: Any, b: Any) -> Any:
        return definitions.relu(a + b) if fused else a + b

    tensors = Tensor(a), Tensor(draws.numbers(*a.shape))
    return Case(kernels.add, (a.shape[1], fused), definition, tensors, (Result("y", a.shape),), len(a))


def concat(draws: Draws) -> Case:
    samples, pixels = draws.samples(), draws.pixels()
    channels = tuple(draws.channels() for _ in range(draws.one((1, 2, 3))))
    parts = tuple(Tensor(draws.numbers(samples, c, pixels), CHANNELS_LAST) for c in channels)
    result = Result("y", (samples, sum(channels), pixels), CHANNELS_LAST)
    return Case(kernels.concat, (pixels, channels), definitions.concat, parts, (result,), samples)


def concat_grad_input(draws: Draws) -> Case:
    grad = image(draws)
    start, stop = sorted(draws.rng.choice(grad.shape[1] + 1, 2, replace=False).tolist())

    def definition(grad: Any) -> Any:
        return definitions.concat_grad_input(grad, start=start, stop=stop)

    result = Result("grad_input", (len(grad), stop - start, grad.shape[2]), CHANNELS_LAST)
    parameters, tensors = (grad.shape[2], grad.shape[1], start, stop), (Tensor(grad, CHANNELS_LAST),)
    return Case(kernels.concat_grad_input, parameters, definition, tensors, (result,), len(grad))


def pad_channels(draws: Draws) -> Case:
    x, (before, after) = image(draws), (draws.one((0, 1, 2, 3, 5, 8, 17, 40)) for _ in range(2))

    def definition(x: Any) -> Any:
        return definitions.pad_channels(x, before=before, after=after)

    result = Result("y", (len(x), before + x.shape[1] + after, x.shape[2]), CHANNELS_LAST)
    parameters, tensors = (x.shape[2], x.shape[1], before, after), (Tensor(x, CHANNELS_LAST),)
    return Case(kernels.pad_channels, parameters, definition, tensors, (result,), len(x))


def flatten(draws: Draws) -> Case:
    x = image(draws)
    result, parameters = Result("y", (len(x), x[0].size)), (x.shape[2], x.shape[1])
    return Case(shuffle.flatten, parameters, flattening.flatten, (Tensor(x, CHANNELS_LAST),), (result,), len(x))


def flatten_grad_input(draws: Draws) -> Case:
    x = image(draws)

    def definition(grad: Any) -> Any:
        return flattening.flatten_grad_input(grad, shape=x.shape[1:])

    result, grad = Result("grad_input", x.shape, CHANNELS_LAST), Tensor(x.reshape(len(x), -1))
    return Case(shuffle.flatten_grad_input, (x.shape[2], x.shape[1]), definition, (grad,), (result,), len(x))


def dropout(draws: Draws) -> Case:
    """Dropout, or its gradient, which is the same mask."""
    shape = draws.samples(), draws.channels(), *draws.size()
    x, backward = draws.with_faults(draws.numbers(*shape)), draws.chance(0.4)
    how = {"p": draws.one((0.0, 0.2, 0.5, 0.9)), "ordinal": draws.whole(0, 3)}
    emitter = masks.dropout_grad_input if backward else masks.dropout
    key, position = draws.rng.integers(0, 2**32, 2, np.uint32), draws.rng.integers(0, 2**31, len(x))
    tensors = Tensor(x, CHANNELS_LAST), Tensor(key), Tensor(position)
    result, parameters = Result("y", x.shape, CHANNELS_LAST), (shape[2] * shape[3], shape[1], *how.values())
    return Case(emitter, parameters, lambda *given: definitions.dropout(*given, **how), tensors, (result,), len(x))


FAMILY = {
    activation: 5, softmax: 1, softmax_grad_input: 1, add: 1, concat: 1, concat_grad_input: 1, pad_channels: 1,
    flatten: 1, flatten_grad_input: 1, dropout: 2,
}  # fmt: skip
"""Cases, with how often each is drawn."""
