"""How strongly one value inside a network depends on another: the vector–Jacobian product, from which all gradients
here follow.

It is the backward pass of training, begun at any value instead of the loss, and ended at any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import interpreter
from ..arguments import as_numbers, nearest, shown
from ..build import Builder
from ..definitions.arrays import Array
from ..differentiation import Backward
from ..errors import ArgumentError, ShapeError
from ..inference.batches import accepted, at_once, batches, weights
from ..network import Network
from ..program import Program
from ..steps import Shape

_SOFTMAXES = ("softmax", "log_softmax")


def vector_jacobian(
    network: Network, x: ArrayLike, vector: ArrayLike, *, of: str | None = None, by: Sequence[str] = ("input",),
    batch_size: int | None = None,
) -> dict[str, Array]:  # fmt: skip
    """Return the gradient of a weighted sum of numbers in a network, with respect to others before them.

    ``g[n, j] = Σ i  vector[n, i] · ∂y[n, i]/∂z[n, j]``, for y the output of the layer `of` and z that of a layer in
    `by`. The network is taken as in prediction: no dropout, running statistics.

    Parameters
    ----------
    network : Network
    x : array (N, C, H, W), (N, H, W) or (N, features)
    vector : array (N, …) of y's shape
        What each number of y counts.
    of : str, optional
        Path of a layer, such as "conv2". By default y are the network's outputs; before the softmax, if it ends with
        one.
    by : sequence of str, default ("input",)
        Paths of layers before y; "input" is x as given, before scaling.
    batch_size : int, optional
        Images at a time; by default as many as need about 256 MB.

    Returns
    -------
    dict of str to array (N, …)
        g for each name in `by`.

    Raises
    ------
    ArgumentError
        If there is no such layer, or y does not depend on z.
    ShapeError, DataError
        If x is not what the network takes, or `vector` not of y's shape.

    Examples
    --------
    >>> import numpy as np
    >>> import pellucid as p
    >>> network = p.Sequential([p.Linear(3, 2)], input_shape=(3,))
    >>> network["linear1"].weight.data = [[1, 2, 3], [4, 5, 6]]
    >>> vector_jacobian(network, np.zeros((1, 3)), [[1, 0]])["input"].tolist()
    [[1.0, 2.0, 3.0]]
    """
    return gradients_and_values(network, x, vector, of=of, by=by, batch_size=batch_size)[0]


def gradients_and_values(
    network: Network, x: ArrayLike, vector: ArrayLike, *, of: str | None = None, by: Sequence[str] = ("input",),
    values: Sequence[str] = (), batch_size: int | None = None, argument: str = "by",
) -> tuple[dict[str, Array], dict[str, Array]]:  # fmt: skip
    """Return what `vector_jacobian` does, and z itself for those of `by` that `values` names: both come of one pass.

    Parameters
    ----------
    network, x, vector, of, by, batch_size
        As for `vector_jacobian`.
    values : sequence of str
    argument : str
        What the caller calls `by`, for messages.

    Raises
    ------
    ArgumentError, ShapeError, DataError
        As for `vector_jacobian`.
    """
    images = accepted(network, x)
    program, seed, places = _program(network, of, by, argument)
    value = program.values[seed]
    rows = as_numbers(vector, "vector").astype(program.dtype, copy=False)
    if rows.shape != (len(images), *value.shape):
        raise ShapeError(f"vector: expected the shape {(len(images), *value.shape)}, received {rows.shape}")
    held, sources = weights(network), {name: program.gradients[place] for name, place in places.items()}
    kept = {name: places[name] for name in values}
    wanted = {*sources.values(), *kept.values()} - {seed}
    parts = [
        {
            **interpreter.run(program, {**held, "input": images[batch], value.name: rows[batch]}, wanted),
            seed: rows[batch],
        }
        for batch in batches(len(images), at_once(program, batch_size))
    ]
    gradients, themselves = (
        {name: np.concatenate([part[each] for part in parts]) for name, each in these.items()}
        for these in (sources, kept)
    )
    return gradients, themselves


def jacobian_rows(
    network: Network, images: NDArray[np.generic], places: Sequence[tuple[int, ...]], *, of: str
) -> Iterator[Array]:
    """Yield ``∂y[n, place]/∂x[n]`` for y the output of the layer `of`, as blocks (places, samples, …).

    Together they hold each of the places for each of the images. The images go forward once, and backward once a
    place: of several places together where there is room.
    """
    program, seed, inner = _program(network, of, ("input",))
    source = program.gradients[inner["input"]]
    forward, backward = _halves(program)
    read = {program.output, *(value for step in backward.steps for value in step.inputs)}
    kept = read & {value for step in forward.steps for value in step.outputs}
    held, most = weights(network), at_once(program, None)
    for batch in batches(len(images), most):
        values = interpreter.run(forward, {**held, "input": images[batch]}, kept)
        feeds = {"input": images[batch], **{program.values[value].name: array for value, array in values.items()}}
        count = len(images[batch])
        # a layer of the user's own remembers the batch that went forward, and knows of no repetition
        together = 1 if any(step.kind == "custom" for step in forward.steps) else max(1, most // count)
        for some in batches(len(places), together):
            rows = _ones(places[some], (count, *program.values[seed].shape), program.dtype)
            repeated = {name: _repeated(program, name, array, len(rows)) for name, array in feeds.items()}
            vectors = {program.values[seed].name: rows.reshape(-1, *rows.shape[2:])}
            found = interpreter.run(backward, {**held, **repeated, **vectors}, {source})
            yield found[source].reshape(len(rows), count, *images.shape[1:])


def _halves(program: Program) -> tuple[Program, Program]:
    """Return the steps up to y, and the steps back from it."""
    steps, middle = program.steps, program.forward
    return (
        replace(program, steps=steps[:middle], backward=middle),
        replace(program, steps=steps[middle:], forward=0, backward=len(steps) - middle),
    )


def _ones(places: Sequence[tuple[int, ...]], shape: Shape, dtype: str) -> Array:
    """Return for each place an array (N, …) of zeros with ones there."""
    rows = np.zeros((len(places), *shape), dtype)
    for row, place in zip(rows, places, strict=True):
        row[(..., *place)] = 1
    return rows


def _repeated(program: Program, name: str, array: Array, times: int) -> Array:
    """Return what there is for each sample that many times over, and all else as it is."""
    return np.concatenate([array] * times) if program.values[program.ids[name]].has_samples else array


def score_shape(network: Network) -> Shape:
    """Return the shape of what `vector_jacobian` takes for a network's scores: its outputs, before any softmax."""
    build = Builder(network, training=False, resident=False)
    return build.shape(_scores(build, _lowered(build)[1]))


def _program(
    network: Network, of: str | None, by: Sequence[str], argument: str = "by"
) -> tuple[Program, int, dict[str, int]]:
    """Return a program, the value in it that holds the vector, and by name the values that it has gradients of; what
    cannot be is refused by the name of the `argument` that was `by`."""
    build = Builder(network, training=False, resident=False)
    x, output = _lowered(build)
    places = {"input": x, **{place.path: place.output for place in build.layers}}
    end = _scores(build, output) if of is None else _known(of, places, "of")
    wanted = {name: _known(name, places, argument) for name in by}
    forward = next((number for number, step in enumerate(build.steps, start=1) if end in step.outputs), 0)
    del build.steps[forward:]  # what comes after it has no part in this
    seed = build.given("vector", build.shape(end), "gradient")
    gradients = Backward(build, wanted.values()).differentiate(end, seed)
    for name, value in wanted.items():
        if value not in gradients:
            after = f"{of or 'the output'} does not depend on {name}"
            raise ArgumentError(f"{argument}: {after}; name layers that come before it")
    program = Program(
        tuple(build.values), tuple(build.steps), forward, len(build.steps), x, end, (), None, None,
        MappingProxyType(gradients), MappingProxyType({}), str(network.dtype),
    )  # fmt: skip
    return program, seed, wanted


def _lowered(build: Builder) -> tuple[int, int]:
    """Add the network's own steps, and return the values of its input and its output."""
    x = build.given("input", build.network.input_shape or (), "input")
    return x, build.network.lower(build, x)


def _scores(build: Builder, output: int) -> int:
    """Return the value of the outputs, or of what a softmax at the network's end is taken of."""
    maker = {value: step for step in build.steps for value in step.outputs}
    value = output
    while value in maker and maker[value].kind == "flatten":
        value = maker[value].inputs[0]
    return maker[value].inputs[0] if value in maker and maker[value].kind in _SOFTMAXES else output


def _known(name: object, places: dict[str, int], argument: str) -> int:
    if not isinstance(name, str):
        raise ArgumentError(f"{argument}: expected the path of a layer, received {shown(name)}")
    if name not in places:
        hint = nearest(name, places) or f". There are {', '.join(places)}"
        raise ArgumentError(f"{argument}: no layer {shown(name)}{hint}")
    return places[name]
