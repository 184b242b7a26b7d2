"""Using a network: outputs, probabilities, classes, scores, and what goes on inside.

Inputs are taken in batches small enough that memory stays bounded however many images there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import interpreter
from .build import lower
from .data import Dataset, as_dataset, as_images
from .definitions.arrays import Array
from .definitions.pointwise import softmax
from .errors import ArgumentError, DataError, ShapeError
from .geometry import whole_number
from .losses import CrossEntropy, Loss
from .network import Sequential
from .program import Program
from .steps import Shape

Data: TypeAlias = Dataset | tuple[ArrayLike, ArrayLike]
"""A data set, or a pair (images, labels) of arrays."""

_BATCH_BYTES = 2**28


def predict(network: Sequential, x: ArrayLike, *, batch_size: int | None = None) -> Array:
    """Return the network's outputs for images x.

    Parameters
    ----------
    network : Sequential
    x : array (N, C, H, W), (N, H, W) or (N, features)
        uint8 (divided by 255 by the network's scaling) or floats.
    batch_size : int, optional
        Images at a time; by default as many as need about 256 MB, at most 256.

    Returns
    -------
    array (N, …) of the network's dtype
        Before any softmax, unless the network ends with one.

    Raises
    ------
    ShapeError, DataError
        If x is not what the network takes, or holds a NaN.
    """
    images = _images(network, x)
    program = lower(network)
    outputs = [
        interpreter.run(program, {**_weights(network), "input": images[batch]}, {program.output})[program.output]
        for batch in _batches(program, len(images), batch_size)
    ]
    return np.concatenate(outputs)


def predict_proba(network: Sequential, x: ArrayLike, *, batch_size: int | None = None) -> Array:
    """Return each class's probability (N, classes): the softmax of the outputs, if the network does not end with it."""
    outputs = _class_outputs(network, predict(network, x, batch_size=batch_size))
    return outputs if lower(network).steps[-1].kind == "softmax" else softmax(outputs)


def predict_classes(network: Sequential, x: ArrayLike, *, batch_size: int | None = None) -> NDArray[np.int64]:
    """Return the class with the largest output (N,); of equal ones the lowest number."""
    outputs = _class_outputs(network, predict(network, x, batch_size=batch_size))
    return np.asarray(outputs.argmax(axis=1), np.int64)


def evaluate(
    network: Sequential, data: Data, *, loss: Loss | None = None, batch_size: int | None = None
) -> dict[str, float]:
    """Return the mean loss over a data set, and the accuracy where the targets are classes.

    Parameters
    ----------
    network : Sequential
    data : Dataset or (images, labels)
    loss : Loss, default CrossEntropy()
    batch_size : int, optional
        As in `predict`.

    Returns
    -------
    dict
        ``{"loss": …, "accuracy": …}``; accuracy from 0 to 1.
    """
    dataset, loss = as_dataset(data), loss if loss is not None else CrossEntropy()
    images, targets = _images(network, dataset.images), as_targets(network, dataset.labels, loss)
    program = lower(network, training=False, loss=loss, target_shape=targets.shape[1:], gradients=False)
    total, weight, correct = 0.0, 0.0, 0
    for batch in _batches(program, len(images), batch_size):
        feeds = {"input": images[batch], "target": targets[batch], "count": len(images[batch])}
        part = measured(program, interpreter.run(program, {**_weights(network), **feeds}))
        total, weight = total + part.loss * part.weight, weight + part.weight
        correct += part.correct or 0
    scores = {"loss": total / weight}
    return scores if program.correct is None else {**scores, "accuracy": correct / len(images)}


@dataclass(frozen=True)
class Measured:
    """What one batch measured: its loss, the sum of weights that the loss is a mean over (without weights the number
    of samples), and how many samples were classified rightly, where targets are classes."""

    loss: float
    weight: float
    correct: int | None


def measured(program: Program, results: Mapping[int, Any]) -> Measured:
    """Return what a program with a loss measured."""
    if program.loss is None or program.weight is None:
        raise ArgumentError("the program has no loss")
    correct = None if program.correct is None else int(results[program.correct])
    return Measured(float(results[program.loss]), float(results[program.weight]), correct)


def activations(network: Sequential, x: ArrayLike) -> dict[str, Array]:
    """Return the output (N, …) of every layer by path, such as "conv1", and what the first layer sees, "input"."""
    program = lower(network)
    places = {"input": program.layers[0].input, **{place.path: place.output for place in program.layers}}
    results = interpreter.run(program, {**_weights(network), "input": _images(network, x)}, set(places.values()))
    return {path: results[value] for path, value in places.items()}


def gradients(network: Sequential, x: ArrayLike, labels: ArrayLike, *, loss: Loss | None = None) -> dict[str, Array]:
    """Return ∂L/∂ of the input ("input") and of every trainable parameter by path, L the mean loss over the batch.

    The network is taken as in prediction: no dropout, running statistics. The input's gradient is with respect to x
    as given, before scaling.
    """
    dataset, loss = as_dataset((x, labels)), loss if loss is not None else CrossEntropy()
    images, targets = _images(network, dataset.images), as_targets(network, dataset.labels, loss)
    program = lower(network, training=False, loss=loss, target_shape=targets.shape[1:], input_gradient=True)
    names = ["input", *(path for path, parameter in network.parameters().items() if parameter.trainable)]
    wanted = {name: program.gradients[program.ids[name]] for name in names}
    feeds = {**_weights(network), "input": images, "target": targets, "count": len(images)}
    results = interpreter.run(program, feeds, set(wanted.values()))
    return {name: results[gradient] for name, gradient in wanted.items()}


def as_targets(network: Sequential, labels: NDArray[Any], loss: Loss) -> NDArray[Any]:
    """Return labels as the loss takes them for this network, or refuse those it cannot mean."""
    output = network.output_shape()
    if not loss.classification or labels.dtype.kind == "f":
        return labels.astype(network.dtype, copy=False)
    loss.check(output, labels.shape[1:])
    if labels.max(initial=0) >= output[0]:
        sample = int(labels.argmax())
        raise DataError(
            f"labels: sample {sample:,} has class {labels[sample]}, but the network has {output[0]} outputs, for "
            f"classes 0 to {output[0] - 1}; give the last layer {labels.max() + 1} outputs"
        )
    return labels


def check_shape(network: Sequential, shape: Shape) -> None:
    """Refuse images of another shape than the network was made for."""
    wanted = network.input_shape
    if wanted is None or shape == wanted:
        return
    fix = ""
    if len(wanted) == 3 and len(shape) == 1:
        rows = f"x.reshape({', '.join(map(str, (-1, *wanted)))})"
        fix = f"; write {rows}" if shape[0] == math.prod(wanted) else "; for one image write image[None]"
    elif len(wanted) == 1 and math.prod(shape) == wanted[0]:
        fix = f"; write x.reshape(-1, {wanted[0]})"
    raise ShapeError(f"the network expects images of shape {wanted}, received {shape}{fix}")


def _images(network: Sequential, x: ArrayLike) -> NDArray[Any]:
    images: NDArray[Any] = as_images(x)
    check_shape(network, images.shape[1:])
    return images


def _weights(network: Sequential) -> dict[str, Array]:
    parameters = {name: parameter.data for name, parameter in network.parameters().items()}
    return parameters | {name: state.data for name, state in network.states().items()}


def _batches(program: Program, count: int, batch_size: int | None) -> Iterator[slice]:
    if batch_size is None:
        batch_size = max(1, min(256, _BATCH_BYTES // max(1, program.activation_bytes())))
    size = whole_number(batch_size, "batch_size")
    return (slice(start, start + size) for start in range(0, count, size))


def _class_outputs(network: Sequential, outputs: Array) -> Array:
    if outputs.ndim != 2:
        raise ShapeError(f"classes need one output a class, but the network gives {network.output_shape()} a sample")
    return outputs


def class_name(network: Sequential, number: int) -> str:
    """Return the name of a class, or its number where there are no names."""
    names: Sequence[str] = network.class_names
    return names[number] if number < len(names) else str(number)
