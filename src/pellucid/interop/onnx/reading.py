"""A network from an ONNX model, to predict with, to train on, and to look into."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from ... import storage
from ...arguments import nearest, shown
from ...errors import ArgumentError, PellucidError, path_text, printable
from ...geometry import whole_number
from ...layers import Layer, LogSoftmax, Reshape, Softmax
from ...limits import LIMITS, Limits, physical_memory
from ...network import Graph, Item, Network, NetworkOptions, Sequential
from ...network.graph import INPUT
from ...scaling import Scaling
from ...serialization.model_file import PathLike, refuse_demanding
from ...serialization.tensor_file import parse_json, problem
from ...steps import Shape
from .conversion import Conversion, Placed, leading_to, listed, live
from .entry import Entry
from .external import BesideModel, Refused
from .folding import Folder
from .model import LARGEST, Input, Model, decode
from .nodes import Value
from .rules import RULES
from .writing import CLASS_NAMES, SCALING


class Wanted(NamedTuple):
    """What the caller of `load_onnx` wants of a model."""

    output: str | None = None
    input_shape: Sequence[int] | None = None
    scaling: Scaling | None = None
    class_names: Sequence[str] | None = None
    drop_softmax: bool = False
    seed: int = 0
    dtype: DTypeLike = "float32"


def load_onnx(
    path: PathLike,
    *,
    output: str | None = None,
    input_shape: Sequence[int] | None = None,
    external_data: bool = False,
    scaling: Scaling | None = None,
    class_names: Sequence[str] | None = None,
    drop_softmax: bool = False,
    seed: int = 0,
    dtype: DTypeLike = "float32",
    limits: Limits = LIMITS,
) -> Network:
    """Return the network that an ONNX model is, with its weights: it predicts, and can be trained on.

    Parameters
    ----------
    path : str or path
        Of the file, such as "model.onnx".
    output : str, optional
        The tensor or the node whose result is the network's, where the model has several outputs, or an earlier result
        is wanted; by default the model's only output.
    input_shape : tuple of int, optional
        Of one input, without the batch axis, where the model leaves sizes open.
    external_data : bool, default False
        Whether weights may be read from other files, which the model names. They are read only below its own folder.
    scaling : Scaling, optional
        How images become what the model takes. By default what its first nodes do, where that is subtracting means and
        dividing by deviations; otherwise nothing. With a scaling of one's own such nodes become layers.
    class_names : sequence of str, optional
        By default those that `save_onnx` wrote into the model, of which an earlier result as `output` has none; () for
        none.
    drop_softmax : bool, default False
        Whether to leave out the Softmax (or LogSoftmax) that the model ends with, for a training with `CrossEntropy`,
        which applies it itself. `predict_proba` gives the same probabilities either way.
    seed, dtype
        As for `Sequential`. The seed is for what training draws, as in dropout; weights are the model's.
    limits : Limits
        What sizes are believed.

    Returns
    -------
    Sequential or Graph
        A Sequential, if each layer reads the one before it; otherwise a Graph. Layers are called as the model's nodes
        are, as far as letters, digits and _ go, or by their kind and number; where an exporter has numbered the nodes,
        as their weights are.

    Raises
    ------
    MissingExtraError
        If onnx is not installed.
    ModelFileError
        If the file is damaged, or has nodes that cannot become layers: all are named, each with the reason.
    ArgumentError
        If there is no such output, or the sizes of the input are open and not given.
    StorageError
        If the file cannot be read.

    Notes
    -----
    The batch axis is free, whatever number of samples the model was exported for. Nodes that compute shapes are
    computed beforehand. An Add after a Conv or MatMul becomes the bias; weights that several convolutions or products
    with matrices share are shared parameters, unless all their numbers are the same. What comes from the model's
    weights is learnt on; numbers written in nodes, and one number for all that is added or multiplied, stay as they are
    (`trainable` is False). Batch normalisation keeps its running averages.
    """
    most = min(limits.file_bytes, LARGEST, physical_memory() // 3)  # parsed, and as a network, it needs as much again
    name = os.fspath(Path(path))
    outside = BesideModel(name, limits) if external_data else Refused(name)
    model = decode(storage.read_file(path, most), name, limits, outside)
    size = sum(array.nbytes for array in model.constants.values())
    return to_network(model, size, Wanted(output, input_shape, scaling, class_names, drop_softmax, seed, dtype), limits)


def to_network(model: Model, size: int, wanted: Wanted, limits: Limits = LIMITS) -> Network:
    """Return the network that a model is.

    Parameters
    ----------
    model : Model
    size : int
        Bytes of the model's weights.
    wanted : Wanted
    limits : Limits

    Raises
    ------
    ModelFileError, ArgumentError
        As `load_onnx`.
    """
    output = _output(model, wanted.output)
    given = _given(model, output)
    shape = _shape(model, given, wanted.input_shape)
    entry = Entry(shape, given.dtype, wanted=wanted.scaling is None)
    batch = given.shape[0] if given.shape else None
    build = Conversion(model, RULES, entry, Folder(size), batch)
    last = build.run(output, Value(INPUT, shape, (given.name,)))
    if build.problems:
        what = f"expected nodes that can become layers, but {listed(build.problems)}"
        raise problem(model.path, what, "name an earlier result as output=…, or export the model with other operators")
    if isinstance(last, Value) and last.source == INPUT and len(last.names) > 1:
        last = build.layer(Reshape(last.shape), last)  # nodes that leave all as it is, beside a scaling perhaps
    if not isinstance(last, Value) or last.source == INPUT:
        raise problem(model.path, f"the output {output!r} is not computed by any layer", "name another as output=…")
    source = _without_softmax(build, last) if wanted.drop_softmax else last.source
    stated = _class_names(model, limits) if output == model.outputs[0] else ()
    names = stated if wanted.class_names is None else tuple(wanted.class_names)
    scaling = entry.scaling(_stated_scaling(model, limits)) if wanted.scaling is None else wanted.scaling
    try:
        options = NetworkOptions(seed=wanted.seed, dtype=wanted.dtype, scaling=scaling, class_names=names)
        network = _network(live(build.placed, source), source, shape, options)
    except PellucidError as error:
        fix = "check class_names, scaling, seed and dtype, if you gave any"
        raise problem(model.path, f"cannot become a network: {printable(str(error), 500)}", fix) from error
    refuse_demanding(network, model.path, limits)
    for place, array in build.numbers:
        place.data = _within(array, network.dtype, place.name, model.path)
    return network


def _within(array: Any, dtype: Any, name: str, path: str) -> Any:
    """Return an array in a network's dtype, or refuse numbers beyond its range."""
    with np.errstate(over="ignore"):
        made = array.astype(dtype, copy=False)
    if not np.isfinite(made).all():
        raise problem(path, f"{name}: expected numbers within {dtype}, found larger ones", "use dtype='float64'")
    return made


def _network(placed: Mapping[str, Placed], output: str, shape: Shape, options: NetworkOptions) -> Network:
    """Return what was placed as a Sequential, if each reads the one before it alone, or else as a Graph."""
    layers: list[Item] = [(name, each.does) for name, each in placed.items() if isinstance(each.does, Layer)]
    before = [INPUT, *placed]
    if len(layers) == len(placed) and all(
        each.sources[0].source == source for each, source in zip(placed.values(), before, strict=False)
    ):
        return Sequential(layers, input_shape=shape, **options)
    nodes = {name: (does, *(each.source for each in sources)) for name, (does, sources) in placed.items()}
    return Graph(nodes, output, input_shape=shape, **options)


def _without_softmax(build: Conversion, last: Value) -> str:
    """Return the node before the softmax that a model ends with."""
    does, sources = build.placed[last.source]
    if not isinstance(does, (Softmax, LogSoftmax)):
        path = path_text(build.model.path)
        raise ArgumentError(f"drop_softmax: {path} ends with {last.source} ({type(does).__name__}); leave it out")
    return sources[0].source


# ---- what goes in and comes out
def _output(model: Model, wanted: str | None) -> str:
    """Return the name of the tensor that is wanted: the model's only output, or what is made by a node of a name."""
    called = f"output: {path_text(model.path)}"
    if wanted is None:
        if len(model.outputs) == 1:
            return model.outputs[0]
        example = f"; choose one, as in output={printable(model.outputs[0])!r}" if model.outputs else ""
        raise ArgumentError(f"{called} has {len(model.outputs)} outputs: {_some(model.outputs)}{example}")
    for node in model.nodes:
        if wanted in node.outputs:
            return wanted
    for node in model.nodes:
        if node.name == wanted:
            return node.outputs[0]
    hint = nearest(str(wanted), [*model.outputs, *(node.name for node in model.nodes[:1000] if node.name)]) or "."
    raise ArgumentError(f"{called} has no tensor or node {shown(wanted)}{hint} Its outputs are {_some(model.outputs)}")


def _given(model: Model, output: str) -> Input:
    """Return the model's input, the only one that the output depends on."""
    read = {name for node in leading_to(model.nodes, output) for name in node.inputs}
    found = [each for each in model.inputs if each.name in read]
    if len(found) != 1:
        inputs = _some([each.name for each in found]) or "none"
        raise problem(model.path, f"expected one input, found {inputs}", "name a result of one input as output=…")
    return found[0]


def _shape(model: Model, given: Input, wanted: Sequence[int] | None) -> Shape:
    """Return the shape of one input, as the model says and the caller completes it."""
    path = path_text(model.path)
    stated = None if given.shape is None else given.shape[1:]
    if wanted is not None:
        sizes = tuple(whole_number(size, "input_shape") for size in wanted)
        if stated is not None and not _completes(stated, sizes):
            raise ArgumentError(f"input_shape: {path} takes {_text(stated)}, received {sizes}")
        return sizes
    if stated is None:
        raise ArgumentError(f"{path} does not say what shape its input has; say it, as in input_shape=(3, 224, 224)")
    shape = tuple(size for size in stated if size is not None)
    if len(stated) not in (1, 3):
        what = (
            f"expected an input of images (N, C, H, W) or features (N, F), found one without the batch {_text(stated)}"
        )
        raise problem(model.path, what, "use another model")
    if len(shape) < len(stated):
        example = tuple(224 if size is None else size for size in stated)
        raise ArgumentError(f"{path} leaves sizes of its input open, {_text(stated)}; say them: input_shape={example}")
    return shape


def _completes(stated: Sequence[int | None], sizes: Shape) -> bool:
    return len(sizes) == len(stated) and all(a in (None, b) for a, b in zip(stated, sizes, strict=True))


def _text(shape: Sequence[int | None]) -> str:
    return f"({', '.join('?' if size is None else str(size) for size in shape[:8])})"


def _some(names: Sequence[str]) -> str:
    first = ", ".join(printable(name, 60) for name in names[:5])
    return f"{first} and {len(names) - 5:,} more" if len(names) > 5 else first


# ---- what save_onnx wrote beside the graph
def _class_names(model: Model, limits: Limits) -> tuple[str, ...]:
    if CLASS_NAMES not in model.metadata:
        return ()
    match parse_json(model.metadata[CLASS_NAMES], model.path, "class names", limits):
        case list(names) if all(isinstance(name, str) for name in names):
            return tuple(names)
    raise problem(model.path, f"expected a list of texts as {CLASS_NAMES}", "export the model again")


def _stated_scaling(model: Model, limits: Limits) -> Scaling | None:
    if SCALING not in model.metadata:
        return None
    match parse_json(model.metadata[SCALING], model.path, "the scaling", limits):
        case {"mean": mean, "std": std}:
            try:
                return Scaling(mean, std)
            except ArgumentError as error:
                raise problem(model.path, f"{SCALING}: {error}", "export the model again") from None
    raise problem(model.path, f"expected a mean and a std as {SCALING}", "export the model again")
