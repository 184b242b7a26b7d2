"""A network as the page is told of it: its layers, their shapes, and what reads what. Plain data for JSON."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import numpy as np

from ...build import lower
from ...geometry import ReceptiveField, Window
from ...inference.batches import weights
from ...network import Network
from ...program import Program
from ...report.judging import shown_names
from ...steps import Step
from ...summary import Row, summary
from ...summary.arithmetic import WINDOWS
from ..words.network import KINDS, line
from .reading import reading

INPUT = "input"
"""Path under which the page shows what the first layer reads: the scaled image."""


def describe(network: Network, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what there is to show of a network, whatever its weights are.

    Parameters
    ----------
    network : Network
    names : tuple of str, default ()
        What the data call the classes; taken where the network has no names, and as many outputs.

    Returns
    -------
    dict
        ``input_shape``, ``classes`` (names), ``scaling``, ``parameters``, ``multiply_adds``, and ``layers``, in the
        order of the data's flow, of which each has ``path``, ``kind``, ``does`` (in words), ``shape``, ``reads``
        (paths), ``weights`` (shape by the parameter's own name), ``parameters``, ``multiply_adds``, ``arithmetic``
        (lines), ``field``, ``line`` (of the summary), ``reading``, as the function of that name has it, and
        ``window``, where one slides: its sizes (rows, columns), as `window_of` has them.
    """
    program, told = lower(network), summary(network)
    values, shape = shown_values(program), program.values[program.output].shape
    rows = {row.path: row for row in told.rows}
    reads = _reads(program, values)
    shapes = {path: parameter.shape for path, parameter in network.parameters().items()}
    paths = {value: path for path, value in values.items()}
    steps = {value: step for step in program.steps[: program.forward] for value in step.outputs}
    layers = [
        {
            **_layer(path, program.values[value].shape, reads[path], rows.get(path), shapes, steps.get(value)),
            "reading": reading(program, steps[value], paths) if reads[path] else {},
            "window": window_of(program, steps[value]) if reads[path] else None,
        }
        for path, value in values.items()
    ]
    for before, layer in itertools.pairwise([{"path": ""}, *layers]):
        layer["line"] = line(layer, before["path"])
    return {
        "input_shape": program.values[program.input].shape,
        "classes": shown_names(network, names if shape == (len(names),) else ()) if len(shape) == 1 != shape[0] else (),
        "scaling": {"mean": network.scaling.means, "std": network.scaling.deviations},
        "parameters": told.totals.parameters,
        "multiply_adds": told.totals.multiply_adds,
        "layers": layers,
    }


def window_of(program: Program, step: Step) -> dict[str, Any] | None:
    """Return the window by which a convolution or a pooling reads: ``kernel_size``, ``stride``, ``dilation``, and
    ``padding`` as (top, bottom), (left, right), and ``before``, the size of what it reads; None for other steps."""
    window = step.keywords.get("window")
    if step.kind not in WINDOWS or not isinstance(window, Window):
        return None
    rows, columns = program.values[step.inputs[0]].shape[1:]
    found = window.on((rows, columns))
    return {
        "kernel_size": found.kernel_size, "stride": found.stride, "dilation": found.dilation, "padding": found.sides,
        "before": (rows, columns),
    }  # fmt: skip


def shown_values(program: Program) -> dict[str, int]:
    """Return the values that the page shows, by the paths of the layers that make them, in their order.

    Of a container and the layer that ends it, both of which make the same value, the layer is shown; a layer that
    does nothing now, such as dropout, makes none of its own. What a layer makes on its way, such as the numbers that a
    product repeats, is shown under the name of the value.
    """
    paths = {program.layers[0].input: INPUT}
    for place in program.layers:
        paths.setdefault(place.output, place.path)
    made = [value for step in program.steps[: program.forward] for value in step.outputs]
    return {
        paths.get(value, program.values[value].name): value for value in dict.fromkeys((program.layers[0].input, *made))
    }


def digest(network: Network) -> str:
    """Return the name of a network: the same for the same layers and the same weights."""
    sha = hashlib.sha256()
    for name, array in sorted(weights(network).items()):
        sha.update(f"{name} {array.shape} {array.dtype.str} ".encode())
        sha.update(np.ascontiguousarray(array).data)
    for step in lower(network).steps:
        sha.update(f"{step.kind} {step.layer} {step.attributes} ".encode())
    return sha.hexdigest()[:24]


def reads_of(network: Network) -> dict[str, list[str]]:
    """Return for each layer that is shown the paths of those that it reads."""
    program = lower(network)
    return _reads(program, shown_values(program))


def _reads(program: Program, values: dict[str, int]) -> dict[str, list[str]]:
    """Return for each shown value the paths of those that it is made of."""
    paths = {value: path for path, value in values.items()}
    sources: dict[int, list[str]] = {value: [path] for value, path in paths.items()}
    made: dict[str, list[str]] = {INPUT: []}
    for step in program.steps[: program.forward]:
        read = list(dict.fromkeys(path for value in step.inputs for path in sources.get(value, ())))
        for value in step.outputs:
            if value in paths:
                made.setdefault(paths[value], read)
            sources.setdefault(value, read)
    return {path: made.get(path, []) for path in values}


def _layer(
    path: str, shape: tuple[int, ...], reads: list[str], row: Row | None, shapes: dict[str, tuple[int, ...]],
    step: Step | None,
) -> dict[str, Any]:  # fmt: skip
    own = {name.removeprefix(f"{path}."): size for name, size in shapes.items() if name.rpartition(".")[0] == path}
    kind = "Input" if path == INPUT or step is None else step.kind
    known: dict[str, Any] = {"path": path, "kind": kind, "does": KINDS.get(kind), "shape": shape, "reads": reads}
    known["weights"] = own
    if row is None:
        return {**known, "parameters": 0, "multiply_adds": 0, "arithmetic": [], "field": None}
    return {
        **known,
        "kind": row.kind,
        "does": KINDS.get(row.kind),
        "parameters": row.parameters,
        "multiply_adds": row.multiply_adds,
        "arithmetic": row.arithmetic,
        "field": _field(row.field),
    }


def _field(field: object) -> dict[str, Any] | None:
    if not isinstance(field, ReceptiveField):
        return None
    return {"size": field.size, "stride": field.stride, "offset": field.offset}
