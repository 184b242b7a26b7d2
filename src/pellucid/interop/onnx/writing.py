"""A network as an ONNX model: for onnxruntime, for other runtimes, for viewers.

The forward steps of its program become nodes, one small rule a kind (`writing_rules`); the names stay. What is written
was checked by onnx itself, which infers all shapes and holds them against the program's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import storage
from ...arguments import warn
from ...build import lower
from ...errors import ArgumentError, PellucidError, printable
from ...geometry import whole_number
from ...inputs import trained_on
from ...layers import Parameter, State
from ...limits import format_bytes
from ...network import Network
from ...program import Program
from ...scaling import Scaling
from ...serialization.model_file import OTHERS, PathLike
from ...steps import Shape
from ...version import VERSION
from . import OPSET
from .package import onnx_package
from .writing_graph import INPUT, OUTPUT, Node, OnnxGraph, check_input_type
from .writing_rules import RULES

OLDEST_OPSET = 13
"""The oldest in which all that the rules write means what it means today."""

LARGEST = 2**31 - 1
"""Bytes of the largest file: a protocol buffer, of which ONNX files are made, can be no longer."""

BATCH = "batch"
"""What the number of samples is called, which any run may choose."""

CLASS_NAMES, SCALING = "pellucid.class_names", "pellucid.scaling"
"""Keys of the model's metadata; the values are JSON."""


def save_onnx(network: Network, path: PathLike, *, opset: int | None = None, input_type: str = "float32") -> None:
    """Save a network as an ONNX model, which computes what `predict` does.

    The number of samples is free; height and width are those of the network's `input_shape`. Dropout is gone, and batch
    normalisation uses its running averages. An earlier file at `path` is replaced only when the new one is complete.

    Parameters
    ----------
    network : Network
        With an `input_shape`. One in float64 is written in float32, with a warning.
    path : str or path
        Of the file, such as "lenet.onnx".
    opset : int, optional
        Version of ONNX's operators, from 13 on; by default 17.
    input_type : "float32" or "uint8", default "float32"
        How the model takes images. What the network's `scaling` says is part of the model either way. As in `predict`,
        float32 is not divided by 255 (pixels from 0 to 1 are expected, as a rule), and uint8 is. Of a network that was
        trained on larger floats, whose `scaling` has a mean or a deviation above 1, uint8 is warned of.

    Raises
    ------
    MissingExtraError
        If onnx is not installed.
    ArgumentError
        If the network has no `input_shape`, or holds layers of one's own, which ONNX has no operator for; if it is too
        large for a file of ONNX; or the path ends like a file of another kind.
    StorageError
        If the file cannot be written.

    Notes
    -----
    Graph input and output are called "input" and "output", other tensors as in the program (`lower`): "conv1.weight",
    "conv1.output". Nodes bear the paths of their layers. Class names and scaling are in the model's metadata.
    """
    _refuse_other_kind(path)
    storage.write_file(path, onnx_bytes(network, opset=opset, input_type=input_type))


def onnx_bytes(network: Network, *, opset: int | None = None, input_type: str = "float32") -> bytes:
    """Return what `save_onnx` writes, for a runtime in the same process.

    Parameters
    ----------
    network, opset, input_type
        As for `save_onnx`.

    Raises
    ------
    MissingExtraError, ArgumentError
        As `save_onnx`.
    """
    onnx = onnx_package()
    version = _opset(opset, onnx.defs.onnx_opset_version())
    program = lower(network, training=False)
    graph = OnnxGraph(program, check_input_type(input_type), version)
    _refuse_unknown(program)
    for step in program.steps:
        graph.begin(step)
        RULES[step.kind](graph, step)
    _refuse_large(graph)
    content = bytes(_model(onnx, graph, network).SerializeToString())
    try:
        onnx.checker.check_model(content, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = printable(str(error), 500)
        raise PellucidError(f"onnx refuses the model that was made ({reason}); please report this") from error
    if program.dtype != "float32":
        warn(f"the network computes in {program.dtype}; the ONNX model does in float32, as runtimes have it")
    if input_type == "uint8" and not network.scaling.fits_pixels:
        warn(f"the model divides uint8 by 255, but {trained_on(network.scaling)}; write it for float32")
    return content


# ---- what is refused
def _opset(opset: int | None, newest: int) -> int:
    version = OPSET if opset is None else whole_number(opset, "opset")
    if not OLDEST_OPSET <= version <= newest:
        raise ArgumentError(
            f"opset: expected a version from {OLDEST_OPSET} to {newest}, the newest that the installed onnx knows, "
            f"received {version}"
        )
    return version


def _refuse_other_kind(path: PathLike) -> None:
    """Refuse a name that promises another kind of file."""
    suffix = Path(path).suffix.lower()
    kind = "safetensors" if suffix == ".safetensors" else OTHERS.get(suffix, "ONNX")
    if kind != "ONNX":
        name = Path(path).with_suffix(".onnx")
        raise ArgumentError(f"save_onnx: {path} looks like a {kind} file, but save_onnx writes ONNX; name it {name}")


def _refuse_unknown(program: Program) -> None:
    """Refuse steps that have no rule, all at once."""
    unknown = [
        f"{step.layer} ({type(step.keywords['layer']).__name__ if step.kind == 'custom' else step.kind})"
        for step in program.steps
        if step.kind not in RULES
    ]
    if unknown:
        raise ArgumentError(
            f"save_onnx: ONNX has no operator for {', '.join(unknown)}; put layers of the library in the place of your "
            "own, whose NumPy code no other runtime can run"
        )


def _refuse_large(graph: OnnxGraph) -> None:
    """Refuse what would not fit into one file, before weights are drawn or copied."""
    numbers = sum(map(math.prod, graph.written.values()))
    if 4 * numbers > LARGEST - 2**24:  # leaves room for all else
        raise ArgumentError(
            f"save_onnx: the weights take {format_bytes(4 * numbers)}, and a file of ONNX holds at most "
            f"{format_bytes(LARGEST)}; make the network smaller, or use p.save, whose files have no such bound"
        )


# ---- from plain data to onnx's objects
def _model(onnx: Any, graph: OnnxGraph, network: Network) -> Any:
    """Return the model. Arrays go straight to where they stay: there are models of hundreds of megabytes."""
    program, opset = graph.program, onnx.helper.make_opsetid("", graph.opset)
    model = onnx.ModelProto(
        ir_version=onnx.helper.find_min_ir_version_for([opset]),
        producer_name="pellucid",
        producer_version=VERSION,
        opset_import=[opset],
        metadata_props=[onnx.StringStringEntryProto(key=key, value=value) for key, value in _metadata(network).items()],
    )
    model.graph.name = "network"
    model.graph.node.extend(_node(onnx, node) for node in graph.nodes)
    model.graph.input.append(_input(onnx, graph, network.scaling))
    model.graph.output.append(_tensor(onnx, OUTPUT, "float32", graph.shape(program.output)))
    made = {name: shape for name, shape in graph.made.items() if name != OUTPUT}
    model.graph.value_info.extend(_tensor(onnx, name, "float32", shape) for name, shape in made.items())
    held: dict[str, Parameter | State] = {**network.parameters(), **network.states()}
    for name, shape in graph.written.items():
        _add_array(onnx, model.graph, name, _single(name, held[name].data).reshape(shape))
    for name, array in graph.constants.items():
        _add_array(onnx, model.graph, name, array)
    return model


def _metadata(network: Network) -> dict[str, str]:
    """Return what a reader needs to make the same network again, beside the graph."""
    scaling = {"mean": network.scaling.mean, "std": network.scaling.std}
    return {CLASS_NAMES: json.dumps(network.class_names), SCALING: json.dumps(scaling)}


def _node(onnx: Any, node: Node) -> Any:
    attributes: Mapping[str, Any] = node.attributes
    return onnx.helper.make_node(node.operator, node.inputs, [node.output], node.name, **attributes)


def _input(onnx: Any, graph: OnnxGraph, scaling: Scaling) -> Any:
    """Return the graph's input, with what it expects in words, as viewers show them."""
    words = "bytes, as files of images hold them"
    if graph.input_type == "float32":
        words = "numbers as predict takes them: bytes of images divided by 255"
    scaled = "" if scaling == Scaling() else "; the first nodes scale them further"
    return _tensor(onnx, INPUT, graph.input_type, graph.shape(graph.program.input), f"{words}{scaled}")


def _tensor(onnx: Any, name: str, dtype: str, shape: Shape, words: str = "") -> Any:
    """Return the description of a tensor that has a batch axis."""
    kind = onnx.TensorProto.UINT8 if dtype == "uint8" else onnx.TensorProto.FLOAT
    return onnx.helper.make_tensor_value_info(name, kind, (BATCH, *shape), words)


def _add_array(onnx: Any, graph: Any, name: str, array: NDArray[Any]) -> None:
    kind = onnx.TensorProto.INT64 if array.dtype.kind == "i" else onnx.TensorProto.FLOAT
    little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
    graph.initializer.add(name=name, data_type=kind, dims=array.shape, raw_data=little.tobytes())


def _single(name: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """Return numbers in float32, or refuse those that it does not reach."""
    with np.errstate(over="ignore"):
        single = array.astype(np.float32, copy=False)
    if single is not array and not np.array_equal(np.isinf(single), np.isinf(array)):
        raise ArgumentError(f"save_onnx: {name} holds numbers beyond float32, in which ONNX models are written")
    return single
