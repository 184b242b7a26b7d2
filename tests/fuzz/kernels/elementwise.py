"""What works number by number, or moves numbers: activations, dropout, adding, joining, padding, flattening,
softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.compiler.kernels import axes, exponential, learned, piecewise, shuffle
from pellucid.compiler.kernels import dropout as masks
from pellucid.compiler.kernels import pointwise as kernels
from pellucid.definitions import DEFINITIONS
from pellucid.definitions import learned as learning
from pellucid.definitions import linear as flattening
from pellucid.definitions import pointwise as definitions

from .case import CHANNELS_LAST, Case, Result, Tensor
from .draws import Draws

SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 147)


ACTIVATIONS = {
    kernels: ("relu", "leaky_relu", "relu6", "sigmoid", "tanh"),
    piecewise: ("clip", "hard_sigmoid", "hard_swish"),
    exponential: ("elu", "silu", "softplus", "gelu"),
}
OF_OUTPUT = {"relu", "relu6", "sigmoid", "tanh", "clip", "hard_sigmoid"}
"""Kinds whose derivative is written with the output."""


def settings(draws: Draws, kind: str) -> dict[str, Any]:
    """Return the settings of an activation, in the order of its kernel's parameters."""
    match kind:
        case "leaky_relu":
            return {"negative_slope": draws.one((0.01, 0.3))}
        case "clip":
            least, most = draws.one(((-1.5, 2.0), (None, 0.5), (-0.25, None)))
            return {"min": least, "max": most}
        case "hard_sigmoid":
            return {"alpha": draws.one((1 / 6, 0.2)), "beta": draws.one((0.5, 0.25))}
        case "elu":
            return {"alpha": draws.one((1.0, 0.3))}
    return {}


def activation(draws: Draws) -> Case:
    """An activation or the gradient of one."""
    kind, family = draws.one([(kind, family) for family, kinds in ACTIVATIONS.items() for kind in kinds])
    size, samples, backward = draws.one(SIZES), draws.samples(), draws.chance(0.5)
    how = settings(draws, kind)
    x = draws.with_faults(draws.one((1, 5, 30)) * draws.numbers(samples, size)).astype(np.float32)
    if backward and kind in OF_OUTPUT:
        x = DEFINITIONS[kind](x, **how)
    grad = draws.numbers(samples, size)
    if family is not exponential:  # whose tails become 0 in float32, but not yet in float64: 0 · ∞ would be NaN
        grad = draws.with_faults(grad)
    inputs = [Tensor(x), Tensor(grad)] if backward else [Tensor(x)]
    definition: Callable[..., Any] = DEFINITIONS[f"{kind}.grad_input" if backward else kind]
    result = Result("grad_input" if backward else "y", (samples, size))
    return Case(
        getattr(family, definition.__name__), (size, *how.values()), lambda *given: definition(*given, **how),
        tuple(inputs), (result,), samples,
    )  # fmt: skip


def learnt(draws: Draws) -> Case:
    """A step with a number for each channel, or with one for all, or the gradient of one."""
    name = draws.one(("prelu", "prelu_grad_input", "bias", "gain", "gain_grad_input"))
    x, one = image(draws), draws.chance(0.3)
    numbers = Tensor(draws.numbers(1 if one else x.shape[1]))
    definition: Callable[..., Any] = getattr(learning, name)

    def of_channels(*given: Any) -> Any:
        first, numbers, *rest = given
        return definition(first, numbers if name.startswith("prelu") else numbers[:, None], *rest)

    images = [Tensor(x, CHANNELS_LAST)]
    if name == "prelu_grad_input":
        images.append(Tensor(draws.numbers(*x.shape), CHANNELS_LAST))
    parameters = (x[0].size, 1) if one else (x.shape[2], x.shape[1])
    result = Result("grad_input" if "grad" in name else "y", x.shape, CHANNELS_LAST)
    tensors = images[0], numbers, *images[1:]
    return Case(getattr(learned, name), parameters, of_channels, tensors, (result,), len(x))


def scale_and_shift(draws: Draws) -> Case:
    x = image(draws)
    numbers = [Tensor(draws.numbers(x.shape[1])) for _ in range(2)]
    tensors, result = (Tensor(x, CHANNELS_LAST), *numbers), Result("y", x.shape, CHANNELS_LAST)
    definition = DEFINITIONS["scale_and_shift"]
    return Case(learned.scale_and_shift, (x.shape[2], x.shape[1]), definition, tensors, (result,), len(x))


def learnt_gradient(draws: Draws) -> Case:
    """The gradient of numbers of channels, or of one for all."""
    name = draws.one(("prelu_grad_weight", "bias_grad_bias", "gain_grad_weight"))
    x = draws.numbers(draws.samples(), draws.channels(), draws.pixels())
    one, grad = draws.chance(0.3), draws.numbers(*x.shape)
    count = 1 if one else x.shape[1]
    definition: Callable[..., Any] = getattr(learning, name)

    def of_channels(*given: Any) -> Any:
        return definition(*given, shape=(count,) if name.startswith("prelu") else (count, 1)).reshape(count)

    tensors = tuple(Tensor(each, CHANNELS_LAST) for each in ((grad,) if name == "bias_grad_bias" else (x, grad)))
    parameters = (x[0].size, 1) if one else (x.shape[2], x.shape[1])
    result = Result("gradient", (count,), start=draws.numbers(count))
    return Case(getattr(learned, name), parameters, of_channels, tensors, (result,), len(x))


def log_softmax(draws: Draws) -> Case:
    x = 3 * draws.numbers(draws.samples(), draws.channels(), draws.pixels())
    parameters, result = (x.shape[2], x.shape[1]), Result("y", x.shape, CHANNELS_LAST)
    definition = DEFINITIONS["log_softmax"]
    return Case(exponential.log_softmax, parameters, definition, (Tensor(x, CHANNELS_LAST),), (result,), len(x))


def log_softmax_grad_input(draws: Draws) -> Case:
    y = DEFINITIONS["log_softmax"](3 * draws.numbers(draws.samples(), draws.channels(), draws.pixels()))
    tensors = Tensor(y, CHANNELS_LAST), Tensor(draws.numbers(*y.shape), CHANNELS_LAST)
    parameters, result = (y.shape[2], y.shape[1]), Result("grad_input", y.shape, CHANNELS_LAST)
    definition = DEFINITIONS["log_softmax.grad_input"]
    return Case(exponential.log_softmax_grad_input, parameters, definition, tensors, (result,), len(y))


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


def multiply(draws: Draws) -> Case:
    """A product, or the gradient of a factor, which is one too."""
    a, backward = draws.with_faults(draws.numbers(draws.samples(), draws.one(SIZES))), draws.chance(0.5)
    emitter = kernels.multiply_grad_input if backward else kernels.multiply
    tensors, result = (Tensor(a), Tensor(draws.numbers(*a.shape))), Result("product", a.shape)
    return Case(emitter, (a.shape[1],), definitions.multiply, tensors, (result,), len(a))


def broadcast(draws: Draws) -> Case:
    """An image from one with some axes of length 1, or the gradient of that one."""
    shape = draws.channels(), *draws.size()
    small = tuple(1 if draws.chance(0.5) else length for length in shape)
    backward = draws.chance(0.5)
    given, made = (shape, small) if backward else (small, shape)
    emitter = kernels.broadcast_grad_input if backward else kernels.broadcast
    definition: Callable[..., Any] = definitions.broadcast_grad_input if backward else definitions.broadcast
    x = draws.numbers(draws.samples(), *given)
    result = Result("grad_input" if backward else "y", (len(x), *made), CHANNELS_LAST)
    tensors = (Tensor(x, CHANNELS_LAST),)
    return Case(emitter, (shape, small), lambda x: definition(x, shape=made), tensors, (result,), len(x))


def transpose(draws: Draws) -> Case:
    """The axes of a sample of features, of an image, or of what has an axis less or more than that."""
    shape = (draws.channels(), *draws.size(), draws.one((1, 2, 5)))[: draws.one((1, 2, 3, 3, 4))]
    order = tuple((draws.rng.permutation(len(shape)) + 1).tolist())
    x = draws.numbers(draws.samples(), *shape)
    result = Result("y", (len(x), *(shape[axis - 1] for axis in order)), CHANNELS_LAST)
    tensors = (Tensor(x, CHANNELS_LAST),)
    return Case(
        axes.transpose, (shape, order), lambda x: DEFINITIONS["transpose"](x, axes=order), tensors, (result,), len(x)
    )


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
    activation: 10, learnt: 2, learnt_gradient: 1.5, log_softmax: 1, log_softmax_grad_input: 1,
    multiply: 1, broadcast: 1, softmax: 1, softmax_grad_input: 1,
    add: 1, concat: 1, concat_grad_input: 1, pad_channels: 1,
    transpose: 1, flatten: 1, flatten_grad_input: 1, dropout: 2, scale_and_shift: 1,
}  # fmt: skip
"""Cases, with how often each is drawn."""
