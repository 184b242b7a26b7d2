"""A network in a file: its architecture as JSON, its weights and states as arrays. Nothing in it is code.

The file is a safetensors file (`tensor_file`) whose metadata hold the format's name and version and the architecture
(`architecture`). Arrays bear the paths of the parameters and states, as in "conv1.weight".
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import storage
from ..build import lower
from ..errors import ArgumentError, PellucidError, StorageError, path_text, printable
from ..layers import Layer
from ..limits import LIMITS, Limits, format_bytes, physical_memory
from ..network import Network
from ..scaling import Scaling
from .architecture import Table, describe
from .building import build, extended, read_use
from .fitting import compare, take
from .format_version import check_version
from .tensor_file import SEAL, WRITTEN, TensorFile, decode, parse_json, pieces, problem, structure

FORMAT, VERSION = "pellucid", "1"

PathLike = str | os.PathLike[str]

MODEL = "model.safetensors"
"""The file of the network in the folder of a run."""

OTHERS = {".pkl": "pickle", ".pickle": "pickle", ".pt": "PyTorch", ".pth": "PyTorch", ".th": "PyTorch"}
OTHERS |= {".onnx": "ONNX", ".h5": "HDF5", ".hdf5": "HDF5", ".keras": "Keras", ".npz": "NumPy"}
"""Endings that promise another kind of file than `save` writes."""


def save(network: Network, path: PathLike) -> None:
    """Save a network: layers, weights, states, class names, scaling, seed, and which parameters are frozen.

    The same network gives the same bytes. An earlier file at `path` is replaced only when the new one is complete.

    Parameters
    ----------
    network : Network
        With an `input_shape`. A layer of one's own needs a ``config()`` that returns its constructor's arguments as
        numbers, texts and lists (a tuple comes back as a list).
    path : str or path
        Of the file, such as "lenet.safetensors". The safetensors library can read it too.

    Raises
    ------
    ArgumentError
        If the network has no `input_shape`, a layer does not say how to make it anew, or the path ends like a file of
        another kind.
    StorageError
        If the file cannot be written.

    Notes
    -----
    Initialisers are not saved, their results are: after ``load``, ``initialize(seed)`` draws by the layers' defaults.
    """
    kind = OTHERS.get(Path(path).suffix.lower())
    if kind is not None:
        fix = f"name it {Path(path).with_suffix('.safetensors')}"
        if kind == "ONNX":
            fix += ", or call save_onnx(network, path)"
        raise ArgumentError(f"save: {path} looks like a {kind} file, but save writes safetensors; {fix}")
    storage.write_file(path, _pieces(network))


def to_bytes(network: Network) -> bytearray:
    """Return the content of the file that `save` writes.

    Raises
    ------
    ArgumentError
        As for `save`.
    """
    return bytearray().join(_pieces(network))


def fingerprint(network: Network) -> str:
    """Return the SHA-256 of the file that `save` writes: networks that differ in anything have another one.

    Raises
    ------
    ArgumentError
        As for `save`.
    """
    return bytes(_pieces(network)[0][SEAL]).decode()


def _pieces(network: Network) -> list[memoryview]:
    """Return the content of the file that `save` writes, in pieces; those of the weights are their own memory."""
    architecture = architecture_text(network)
    arrays = {name: q.data for name, q in network.parameters().items()}
    states = {name: np.asarray(s.data, network.dtype) for name, s in network.states().items()}
    if both := sorted(arrays.keys() & states.keys()):
        raise ArgumentError(f"save: a parameter and a state are both called {', '.join(both)}; rename one of each")
    metadata = {"format": FORMAT, "format_version": VERSION, "architecture": architecture}
    return pieces(arrays | states, metadata)


def architecture_text(network: Network) -> str:
    """Return the architecture of a network as JSON.

    Raises
    ------
    ArgumentError
        If a layer does not say how to make it anew, or they are nested too deep.
    """
    architecture = json.dumps(describe(network))
    depth, _ = structure(architecture, LIMITS.json_parts)
    if depth > LIMITS.json_depth:
        raise ArgumentError(
            f"save: the layers are nested too deep: as JSON {depth} levels, load takes "
            f"{LIMITS.json_depth}; put fewer containers inside each other"
        )
    return architecture


def load(path: PathLike, layers: Sequence[type[Layer]] = (), *, limits: Limits = LIMITS) -> Network:
    """Return the network that `save` wrote.

    Parameters
    ----------
    path : str or path
        Of the file, or of the folder of a run.
    layers : sequence of class, default ()
        Classes of one's own that the network was made of: ``load(path, layers=[Mine])``.
    limits : Limits
        What sizes are believed.

    Raises
    ------
    ModelFileError
        If the file is damaged, not a network of Pellucid's, of a newer version, names a class that is not known, or
        describes layers whose outputs are larger than the limits allow.
    StorageError
        If the file cannot be read.
    """
    table = extended(layers)
    content, name = read_content(path, limits)
    if OTHERS.get(Path(name).suffix.lower()) == "PyTorch":
        what = "expected a network saved by Pellucid, found the name of a file of PyTorch's"
        raise problem(name, what, "make the network, then call load_weights(network, path)")
    return _made(content, name, table, limits)


def from_bytes(content: bytes | bytearray, layers: Sequence[type[Layer]] = (), *, limits: Limits = LIMITS) -> Network:
    """Return the network of which `to_bytes` made this.

    Parameters
    ----------
    content : bytes
    layers, limits
        As for `load`.

    Raises
    ------
    ModelFileError
        As for `load`.
    """
    return _made(content, "the network's bytes", extended(layers), limits)


def _made(content: bytes | bytearray, name: str, table: Table, limits: Limits) -> Network:
    """Return the network in the content of a file of this name."""
    file = decode_sealed(content, name, limits)
    architecture = _architecture(file, limits)
    network = made(architecture, file, table)
    if differences := compare(network, file.entries, [WRITTEN[str(network.dtype)]]):
        fix = "the file is not from this version's save; save the network again"
        raise problem(file.path, f"the weights do not fit the architecture: {differences}", fix)
    refuse_demanding(network, file.path, limits)
    take(network, {path: file.array(path) for path in file.entries})
    return network


def made(architecture: object, file: TensorFile, table: Table) -> Network:
    """Return the network that a parsed architecture describes, whose weights the file holds; they are not drawn yet."""
    weight_bytes = sum(entry.end - entry.begin for entry in file.entries.values())
    try:
        return build(architecture, table, weight_bytes)
    except PellucidError as error:
        fix = "classes of your own belong in load(path, layers=[…]); else the file is not from this version's save"
        raise problem(file.path, f"the architecture describes no network: {printable(str(error), 500)}", fix) from error


def refuse_demanding(network: Network, path: str, limits: Limits) -> None:
    """Refuse a network whose outputs take more than what is believed, before anything is compiled or computed."""
    try:
        needed = lower(network, training=False).activation_bytes()
    except ArgumentError:  # for a layer of one's own, as it will say where it is used
        return
    if needed > limits.sample_bytes:
        what = f"expected layers whose outputs take at most {format_bytes(limits.sample_bytes)} for one sample"
        fix = "if they are right, pass limits=Limits(sample_bytes=…)"
        raise problem(path, f"{what}, found {format_bytes(needed)}", fix)


def read_content(path: PathLike, limits: Limits = LIMITS) -> tuple[bytes, str]:
    """Return the bytes of a file of weights, or of that in the folder of a run, and its path."""
    source = Path(path)
    if os.path.isdir(source):  # which raises no error of its own
        source /= MODEL
        if not os.path.lexists(source):
            where = f"cannot read {path_text(source)}"
            missing = StorageError(f"{where}: the folder holds no run; name that of one, or a file of weights")
            missing.errno = errno.ENOENT
            raise missing
    most = min(limits.file_bytes, physical_memory() // 2)  # a network made of it needs as much again
    return storage.read_file(source, most), str(source)


def decode_sealed(content: bytes | bytearray, path: str, limits: Limits = LIMITS) -> TensorFile:
    """Return the arrays in the bytes of a file, which must bear its seal if `save` wrote it."""
    file = decode(content, path, limits)
    if file.metadata.get("format") == FORMAT and not file.sealed:
        raise problem(path, "expected the SHA-256 of the file at its beginning", "save it again with pellucid.save")
    return file


def saved_use(file: TensorFile, limits: Limits = LIMITS) -> tuple[Scaling, tuple[str, ...]] | None:
    """Return how the network that `save` wrote into a file scales its images, and its class names.

    Returns
    -------
    tuple of Scaling and class names, or None
        None if `save` did not write the file.

    Raises
    ------
    ModelFileError
        If it did, and there is no such architecture in it.
    """
    if file.metadata.get("format") != FORMAT:
        return None
    try:
        return read_use(_architecture(file, limits))
    except ArgumentError as error:
        fix = "the file is not from this version's save; save the network again"
        raise problem(file.path, f"the architecture describes no network: {printable(str(error), 500)}", fix) from error


def _architecture(file: TensorFile, limits: Limits) -> object:
    """Return the architecture in a file's metadata as parsed JSON."""
    if file.metadata.get("format") != FORMAT:
        what = "expected a network saved by Pellucid, found arrays without an architecture"
        raise problem(file.path, what, "make the network, then call load_weights(network, path)")
    check_version(file.metadata.get("format_version", ""), file.path, "a network", int(VERSION))
    return parse_json(file.metadata.get("architecture", ""), file.path, "the architecture", limits)
