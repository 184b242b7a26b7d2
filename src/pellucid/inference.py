"""Using a network: outputs, probabilities, classes, scores, and what goes on inside.

Inputs are taken in batches, so that the memory for what lies between input and output stays bounded however many images
there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import interpreter
from .build import lower
from .data import as_dataset, as_images
from .definitions.arrays import Array
from .definitions.pointwise import softmax
from .errors import ArgumentError, DataError, ShapeError
from .geometry import whole_number
from .inputs import Data, as_loss, as_targets, check_images, refuse_more, warn_of_pixels
from .losses import Loss
from .native import MOST_IMAGES, as_memory_allows, element, executable, load, uses_compiler
from .network import Sequential
from .program import Program
from .steps import Shape

_MOST_IMAGES = 256  # more at a time are no faster


# ---- outputs


def predict(
    network: Sequential, x: ArrayLike, *, batch_size: int | None = None, engine: str = "compiled",
    threads: int | None = None,
) -> Array:  # fmt: skip
    """Return the network's outputs for images x.

    Parameters
    ----------
    network : Sequential
    x : array (N, C, H, W), (N, H, W) or (N, features)
        uint8 (divided by 255 by the network's scaling) or floats.
    batch_size : int, optional
        Images at a time; by default as many as need about 256 MB.
    engine : str, default "compiled"
        "compiled" or "numpy"; a network in float64 always takes the latter.
    threads : int, optional
        Of the compiled engine; by default PELLUCID_THREADS, or else as many as this process has processors.

    Returns
    -------
    array (N, …) of the network's dtype
        Before any softmax, unless the network ends with one.

    Raises
    ------
    ShapeError, DataError
        If x is not what the network takes, or holds a NaN.
    """
    images, program = _images(network, x), lower(network)
    if not uses_compiler(network, engine):
        return _run_in_batches(network, program, images, {program.output}, batch_size)[program.output]
    outputs = np.empty((len(images), *program.values[program.output].shape), np.float32)
    kind, most = element(images), min(len(images), _at_once(program, batch_size, MOST_IMAGES))
    native = executable(network, program, most, {"input": kind}, threads)
    with native.busy:
        load(native, network)
        for batch in _batches(len(images), most):
            native.predict(np.ascontiguousarray(images[batch], kind), outputs[batch])
    return outputs


def predict_proba(
    network: Sequential, x: ArrayLike, *, batch_size: int | None = None, engine: str = "compiled",
    threads: int | None = None,
) -> Array:  # fmt: skip
    """Return the probability of each class: the softmax of the outputs, unless the network itself ends with it.

    Parameters
    ----------
    network, x, batch_size, engine, threads
        As for `predict`.

    Returns
    -------
    array (N, classes) of the network's dtype
        Each row sums to 1.

    Raises
    ------
    ShapeError, DataError
        As for `predict`, and if the network does not give one output a class.
    """
    outputs = _class_outputs(network, predict(network, x, batch_size=batch_size, engine=engine, threads=threads))
    last = next(step.kind for step in reversed(lower(network).steps) if step.kind != "flatten")
    return outputs if last == "softmax" else softmax(outputs)


def predict_classes(
    network: Sequential, x: ArrayLike, *, batch_size: int | None = None, engine: str = "compiled",
    threads: int | None = None,
) -> NDArray[np.int64]:  # fmt: skip
    """Return the class with the largest output; of equal ones the lowest number.

    Parameters
    ----------
    network, x, batch_size, engine, threads
        As for `predict`.

    Returns
    -------
    int64 array (N,)

    Raises
    ------
    ShapeError, DataError
        As for `predict_proba`.
    """
    outputs = _class_outputs(network, predict(network, x, batch_size=batch_size, engine=engine, threads=threads))
    return np.asarray(outputs.argmax(axis=1), np.int64)


def activations(network: Sequential, x: ArrayLike, *, batch_size: int | None = None) -> dict[str, Array]:
    """Return the output of every layer.

    Parameters
    ----------
    network, x, batch_size
        As for `predict`.

    Returns
    -------
    dict of str to array (N, …)
        By the layer's path, such as "conv1"; and under "input" what the first layer sees: the scaled images.

    Raises
    ------
    ShapeError, DataError
        As for `predict`.
    """
    images, program = _images(network, x), lower(network)
    places = {"input": program.layers[0].input, **{place.path: place.output for place in program.layers}}
    results = _run_in_batches(network, program, images, set(places.values()), batch_size)
    return {path: results[value] for path, value in places.items()}


def _run_in_batches(
    network: Sequential, program: Program, images: NDArray[Any], wanted: Collection[int], batch_size: int | None
) -> dict[int, Array]:
    """Return the wanted values of all images, by id."""
    weights = _weights(network)
    parts = [
        interpreter.run(program, {**weights, "input": images[batch]}, wanted)
        for batch in _batches(len(images), _at_once(program, batch_size))
    ]
    return {value: np.concatenate([part[value] for part in parts]) for value in wanted}


# ---- scores


@dataclass(frozen=True)
class Measured:
    """What one batch measured.

    Attributes
    ----------
    loss : float
        Mean over the batch; 0 where all its weights are 0.
    weight : float
        Sum of the weights that `loss` is a mean over; without weights the number of samples.
    correct : int or None
        How many samples were classified rightly; None where targets are no classes.
    """

    loss: float
    weight: float
    correct: int | None


@dataclass
class Tally:
    """Sums over batches, from which the means over all their samples follow.

    Attributes
    ----------
    samples : int
    correct : int or None
        As in `Measured`.
    loss, weight : float
        Sums of loss·weight and of weight.
    """

    samples: int = 0
    correct: int | None = None
    loss: float = 0.0
    weight: float = 0.0

    def add(self, batch: Measured, samples: int) -> None:
        """Add what a batch of so many samples measured."""
        self.samples += samples
        self.loss += batch.loss * batch.weight
        self.weight += batch.weight
        if batch.correct is not None:
            self.correct = (self.correct or 0) + batch.correct

    def scores(self) -> dict[str, float]:
        """Return the mean "loss", and the "accuracy" from 0 to 1 where targets are classes."""
        if not self.weight:
            raise DataError("loss: the weights of all samples are 0, so there is no mean; give some a weight above 0")
        loss = {"loss": self.loss / self.weight}
        return loss if self.correct is None else {**loss, "accuracy": self.correct / self.samples}


def measured(program: Program, results: Mapping[int, Any]) -> Measured:
    """Return what a program with a loss measured, from its results by id."""
    if program.loss is None or program.weight is None:
        raise ArgumentError("the program has no loss: lower the network with loss=CrossEntropy()")
    weight = float(results[program.weight])
    correct = None if program.correct is None else int(results[program.correct])
    return Measured(float(results[program.loss]) if weight else 0.0, weight, correct)


def evaluate(
    network: Sequential, data: Data, *more: Never, loss: Loss | None = None, batch_size: int | None = None,
    engine: str = "compiled", threads: int | None = None,
) -> dict[str, float]:  # fmt: skip
    """Return the mean loss over a data set, and the accuracy where the targets are classes.

    Parameters
    ----------
    network : Sequential
    data : Dataset or (images, labels)
        A pair is one argument.
    loss : Loss, default CrossEntropy()
    batch_size, engine, threads
        As in `predict`.

    Returns
    -------
    dict
        ``{"loss": …, "accuracy": …}``; accuracy from 0 to 1, every sample counting alike.

    Raises
    ------
    ShapeError, DataError
        If images or labels are not what the network and the loss take.
    """
    refuse_more("evaluate", more)
    dataset, loss = as_dataset(data), as_loss(loss)
    _check(network, dataset.images)
    return scores(network, dataset.images, as_targets(network, dataset.labels, loss), loss, batch_size, engine, threads)


def scores(
    network: Sequential, images: NDArray[Any], targets: NDArray[Any], loss: Loss, batch_size: int | None = None,
    engine: str = "compiled", threads: int | None = None,
) -> dict[str, float]:  # fmt: skip
    """Return what `evaluate` does, of images and targets that were checked."""
    program = lower(network, training=False, loss=loss, target_shape=targets.shape[1:], gradients=False)
    if uses_compiler(network, engine):
        return _compiled_scores(network, program, images, targets, batch_size, threads)
    weights, tally = _weights(network), Tally()
    for batch in _batches(len(images), _at_once(program, batch_size)):
        count = len(images[batch])
        feeds = {**weights, "input": images[batch], "target": targets[batch], "count": count}
        with np.errstate(invalid="ignore"):  # 0/0 where nothing in a batch has a weight
            results = interpreter.run(program, feeds)
        tally.add(measured(program, results), count)
    return tally.scores()


def _compiled_scores(
    network: Sequential, program: Program, images: NDArray[Any], targets: NDArray[Any], batch_size: int | None,
    threads: int | None,
) -> dict[str, float]:  # fmt: skip
    kinds, tally = {"input": element(images), "target": element(targets)}, Tally()
    most = min(len(images), _at_once(program, batch_size, MOST_IMAGES))
    native = executable(network, program, most, kinds, threads)
    with native.busy:
        load(native, network)
        for batch in _batches(len(images), most):
            count = len(images[batch])
            native.give("input", np.ascontiguousarray(images[batch], kinds["input"]))
            native.give("target", np.ascontiguousarray(targets[batch], kinds["target"]))
            native.run(count, {"count": count})
            tally.add(measured(program, native.ends(count)), count)
    return tally.scores()


def gradients(network: Sequential, x: ArrayLike, labels: ArrayLike, *, loss: Loss | None = None) -> dict[str, Array]:
    """Return the gradients of the mean loss L over a batch.

    The network is taken as in prediction: no dropout, running statistics.

    Parameters
    ----------
    network : Sequential
    x : array (N, C, H, W), (N, H, W) or (N, features)
        One batch: memory for all of it at once is needed.
    labels : array (N,) or (N, …)
        Class numbers, distributions, or targets of the output's shape.
    loss : Loss, default CrossEntropy()

    Returns
    -------
    dict of str to array
        ∂L/∂x under "input", with respect to x as given, before scaling; and ∂L/∂ of every trainable parameter by path.

    Raises
    ------
    ShapeError, DataError
        As for `evaluate`.
    """
    dataset, loss = as_dataset((x, labels)), as_loss(loss)
    _check(network, dataset.images)
    targets = as_targets(network, dataset.labels, loss)
    program = lower(network, training=False, loss=loss, target_shape=targets.shape[1:], input_gradient=True)
    names = ["input", *(path for path, parameter in network.parameters().items() if parameter.trainable)]
    wanted = {name: program.gradients[program.ids[name]] for name in names}
    feeds = {**_weights(network), "input": dataset.images, "target": targets, "count": len(dataset)}
    results = interpreter.run(program, feeds, set(wanted.values()))
    return {name: results[gradient] for name, gradient in wanted.items()}


# ---- what goes in


def _images(network: Sequential, x: ArrayLike) -> NDArray[Any]:
    images: NDArray[Any] = as_images(x)
    _check(network, images, np.shape(x))
    return images


def _check(network: Sequential, images: NDArray[Any], given: Shape | None = None) -> None:
    """Refuse images of another shape than the network's, and warn of pixels that nobody has divided."""
    check_images(network, images, given)
    warn_of_pixels(network, images)


def _weights(network: Sequential) -> dict[str, Array]:
    parameters = {name: parameter.data for name, parameter in network.parameters().items()}
    return parameters | {name: state.data for name, state in network.states().items()}


def _at_once(program: Program, batch_size: int | None, most: int = _MOST_IMAGES) -> int:
    """Return how many samples go through a program at a time: as told, or as memory allows, up to `most`."""
    if batch_size is None:
        return as_memory_allows(program, most)
    return whole_number(batch_size, "batch_size")


def _batches(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))


def _class_outputs(network: Sequential, outputs: Array) -> Array:
    if outputs.ndim != 2:
        raise ShapeError(f"classes need one output a class, but the network gives {network.output_shape()} a sample")
    if outputs.shape[1] == 1:
        raise ShapeError(
            "classes need at least two outputs, but the network gives one; compare predict(…) with a bound"
        )
    return outputs
