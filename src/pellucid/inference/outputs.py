"""What a network makes of images: outputs, probabilities, classes, and what goes on inside."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import interpreter
from ..build import lower
from ..definitions.arrays import Array
from ..definitions.pointwise import softmax
from ..errors import ShapeError
from ..native import MOST_IMAGES, element, executable, load, uses_compiler
from ..network import Network
from ..program import Program
from .batches import accepted, at_once, batches, weights


def predict(
    network: Network, x: ArrayLike, *, batch_size: int | None = None, engine: str = "compiled",
    threads: int | None = None, progress: Callable[[int], object] | None = None,
) -> Array:  # fmt: skip
    """Return the network's outputs for images x.

    Parameters
    ----------
    network : Network
    x : array (N, C, H, W), (N, H, W) or (N, features)
        uint8 (divided by 255 by the network's scaling) or floats.
    batch_size : int, optional
        Images at a time; by default as many as need about 256 MB.
    engine : str, default "compiled"
        "compiled" or "numpy"; a network in float64 always takes the latter.
    threads : int, optional
        Of the compiled engine; by default PELLUCID_THREADS, or else as many as this process has processors.
    progress : callable, optional
        Told after each batch how many images are done. What it raises ends the work.

    Returns
    -------
    array (N, …) of the network's dtype
        Before any softmax, unless the network ends with one.

    Raises
    ------
    ShapeError, DataError
        If x is not what the network takes, or holds a NaN.
    """
    return _outputs(network, accepted(network, x), lower(network), batch_size, engine, threads, progress)


def predict_proba(
    network: Network, x: ArrayLike, *, batch_size: int | None = None, engine: str = "compiled",
    threads: int | None = None, progress: Callable[[int], object] | None = None,
) -> Array:  # fmt: skip
    """Return the probability of each class: the softmax of the outputs, unless the network itself ends with it.

    Parameters
    ----------
    network, x, batch_size, engine, threads, progress
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
    images, program = accepted(network, x), lower(network)
    refuse_no_classes(network)
    return as_probabilities(program, _outputs(network, images, program, batch_size, engine, threads, progress))


def predict_classes(
    network: Network, x: ArrayLike, *, batch_size: int | None = None, engine: str = "compiled",
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
    outputs = predict(network, x, batch_size=batch_size, engine=engine, threads=threads)
    refuse_no_classes(network)
    return np.asarray(outputs.argmax(axis=1), np.int64)


def activations(network: Network, x: ArrayLike, *, batch_size: int | None = None) -> dict[str, Array]:
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
    images, program = accepted(network, x), lower(network)
    places = {"input": program.layers[0].input, **{place.path: place.output for place in program.layers}}
    results = _run_in_batches(network, program, images, set(places.values()), batch_size)
    return {path: results[value] for path, value in places.items()}


def _outputs(
    network: Network, images: NDArray[Any], program: Program, batch_size: int | None, engine: str, threads: int | None,
    progress: Callable[[int], object] | None,
) -> Array:  # fmt: skip
    """Return the outputs for images that the network takes; `program` is it as lowered."""
    if not uses_compiler(network, engine):
        return _run_in_batches(network, program, images, {program.output}, batch_size, progress)[program.output]
    outputs = np.empty((len(images), *program.values[program.output].shape), np.float32)
    kind, most = element(images), min(len(images), at_once(program, batch_size, MOST_IMAGES))
    native = executable(network, program, most, {"input": kind}, threads)
    with native.busy:
        load(native, network)
        for batch in batches(len(images), most):
            native.predict(np.ascontiguousarray(images[batch], kind), outputs[batch])
            if progress is not None:
                progress(min(batch.stop, len(images)))
    return outputs


def _run_in_batches(
    network: Network, program: Program, images: NDArray[Any], wanted: Collection[int], batch_size: int | None,
    progress: Callable[[int], object] | None = None,
) -> dict[int, Array]:  # fmt: skip
    """Return the wanted values of all images, by id."""
    held, parts = weights(network), list[dict[int, Array]]()
    for batch in batches(len(images), at_once(program, batch_size)):
        parts.append(interpreter.run(program, {**held, "input": images[batch]}, wanted))
        if progress is not None:
            progress(min(batch.stop, len(images)))
    return {value: np.concatenate([part[value] for part in parts]) for value in wanted}


def as_probabilities(program: Program, outputs: Array) -> Array:
    """Return what a program that predicts has put out as probabilities: their softmax, unless it ends with one."""
    last = next(step.kind for step in reversed(program.steps) if step.kind not in ("flatten", "reshape"))
    return outputs if last == "softmax" else softmax(outputs)


def refuse_no_classes(network: Network) -> None:
    """Refuse a network that does not give one output a class."""
    shape = network.output_shape()
    if len(shape) != 1:
        raise ShapeError(f"classes need one output a class, but the network gives {shape} a sample")
    if shape == (1,):
        raise ShapeError(
            "classes need at least two outputs, but the network gives one; compare predict(…) with a bound"
        )
