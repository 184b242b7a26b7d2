"""A network in a file: its architecture as JSON, its weights and states as arrays. Nothing in it is code.

The file is a safetensors file (`tensor_file`) whose metadata hold the format's name and version and the architecture
(`architecture`). Arrays bear the paths of the parameters and states, as in "conv1.weight".
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import storage
from ..errors import ArgumentError, PellucidError
from ..layers import Layer
from ..limits import LIMITS, Limits
from ..network import Sequential
from ..steps import Shape
from .architecture import build, describe, extended
from .tensor_file import READ, WRITTEN, TensorFile, decode, encode, nesting, parse_json, problem

FORMAT, VERSION = "pellucid", "1"

PathLike = str | os.PathLike[str]

MODEL = "model.safetensors"
"""The file of the network in the folder of a run."""

OTHERS = {".pkl": "pickle", ".pickle": "pickle", ".pt": "PyTorch", ".pth": "PyTorch", ".onnx": "ONNX"}
OTHERS |= {".h5": "HDF5", ".hdf5": "HDF5", ".keras": "Keras", ".npz": "NumPy"}
"""Endings that promise another kind of file than `save` writes."""


def save(network: Sequential, path: PathLike) -> None:
    """Save a network: layers, weights, states, class names, scaling, seed, and which parameters are frozen.

    The same network gives the same bytes. An earlier file at `path` is replaced only when the new one is complete.

    Parameters
    ----------
    network : Sequential
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
        name = Path(path).with_suffix(".safetensors")
        raise ArgumentError(f"save: {path} looks like a {kind} file, but save writes safetensors; name it {name}")
    architecture = json.dumps(describe(network))
    arrays = {name: q.data for name, q in network.parameters().items()}
    states = {name: np.asarray(s.data, network.dtype) for name, s in network.states().items()}
    if both := sorted(arrays.keys() & states.keys()):
        raise ArgumentError(f"save: a parameter and a state are both called {', '.join(both)}; rename one of each")
    if nesting(architecture) > LIMITS.json_depth:
        raise ArgumentError(
            f"save: the layers are nested too deep: as JSON {nesting(architecture)} levels, load takes "
            f"{LIMITS.json_depth}; put fewer containers inside each other"
        )
    metadata = {"format": FORMAT, "format_version": VERSION, "architecture": architecture}
    storage.write_file(path, encode(arrays | states, metadata))


def load(path: PathLike, layers: Sequence[type[Layer]] = (), *, limits: Limits = LIMITS) -> Sequential:
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
        If the file is damaged, not a network of Pellucid's, of a newer version, or names a class that is not known.
    StorageError
        If the file cannot be read.
    """
    table = extended(layers)
    file = _read(path, limits)
    architecture = _architecture(file, limits)
    weight_bytes = sum(entry.end - entry.begin for entry in file.entries.values())
    try:
        network = build(architecture, table, weight_bytes)
    except PellucidError as error:
        fix = "classes of your own belong in load(path, layers=[…]); else the file is not from this version's save"
        raise problem(file.path, f"the architecture describes no network: {error}", fix) from error
    if differences := compare(network, file, exact=True):
        fix = "the file is not from this version's save; save the network again"
        raise problem(file.path, f"the weights do not fit the architecture: {differences}", fix)
    _take(network, file)
    return network


def load_weights(network: Sequential, path: PathLike, strict: bool = True, *, limits: Limits = LIMITS) -> Differences:
    """Give a network the weights and states in a safetensors file, by their names; all are checked before any is set.

    Parameters
    ----------
    network : Sequential
    path : str or path
        Of any safetensors file, or of the folder of a run. An architecture in it is not looked at; numbers are
        converted to the network's dtype.
    strict : bool, default True
        Whether names and shapes must be the same on both sides; otherwise those that are the same are taken.

    Returns
    -------
    Differences
        What did not fit, where not `strict`.

    Raises
    ------
    ModelFileError
        If the file is damaged or not safetensors, if it does not fit (`strict`), or if nothing in it does.
    StorageError
        If the file cannot be read.
    """
    file = _read(path, limits)
    differences = compare(network, file)
    if strict and differences:
        fix = "make the network that the file was saved from, or take what fits with strict=False"
        raise problem(file.path, f"the weights do not fit the network: {differences}", fix)
    wanted = {**network.parameters(), **network.states()}
    if wanted and len(differences.missing) + len(differences.misshapen) == len(wanted):
        raise problem(file.path, f"nothing in the file fits the network: {differences}", "check the file's name")
    _take(network, file, without={*differences.missing, *differences.misshapen})
    return differences


@dataclass(frozen=True)
class Differences:
    """What does not fit between a network and a file of weights; false if all fits.

    Attributes
    ----------
    missing, extra : tuple of str
        Names that only the network has, and that only the file has.
    misshapen : dict of str to str
        Names whose arrays have another shape, or a dtype that is not known, and what was expected and found.
    """

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    misshapen: dict[str, str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.misshapen)

    def __str__(self) -> str:
        found = (
            ("missing in the file", self.missing),
            ("extra in the file", self.extra),
            ("of another shape or dtype", [f"{name} {what}" for name, what in self.misshapen.items()]),
        )
        return "; ".join(f"{title}: {_listed(names)}" for title, names in found if names) or "none"


def _listed(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def compare(network: Sequential, file: TensorFile, *, exact: bool = False) -> Differences:
    """Return what does not fit; with `exact` the dtype must be the network's too."""
    shapes: dict[str, Shape] = {name: q.shape for name, q in network.parameters().items()}
    shapes |= {name: s.shape for name, s in network.states().items()}
    dtypes = [WRITTEN[str(network.dtype)]] if exact else list(READ)
    misshapen = {}
    for name, shape in shapes.items():
        entry = file.entries.get(name)
        if entry is not None and (entry.shape != shape or entry.dtype not in dtypes):
            wanted = f"{'×'.join(map(str, shape)) or 'a single number'} ({' or '.join(dtypes)})"
            misshapen[name] = f"(expected {wanted}, found {entry})"
    missing = tuple(name for name in shapes if name not in file.entries)
    extra = tuple(name for name in file.entries if name not in shapes)
    return Differences(missing, extra, misshapen)


def _read(path: PathLike, limits: Limits) -> TensorFile:
    source = Path(path, MODEL) if Path(path).is_dir() else Path(path)
    name = str(source)
    file = decode(storage.read_file(source, limits.file_bytes), name, limits)
    if file.metadata.get("format") == FORMAT and not file.sealed:
        raise problem(name, "expected the SHA-256 of the file at its beginning", "save it again with pellucid.save")
    return file


def _architecture(file: TensorFile, limits: Limits) -> object:
    """Return the architecture in a file's metadata as parsed JSON."""
    if file.metadata.get("format") != FORMAT:
        what = "expected a network saved by Pellucid, found arrays without an architecture"
        raise problem(file.path, what, "make the network, then call load_weights(network, path)")
    version = file.metadata.get("format_version", "")
    if version != VERSION:
        what = f"expected format version {VERSION}, found {version!r:.20}"
        raise problem(file.path, what, "the file is of a newer Pellucid: update Pellucid to read it")
    return parse_json(file.metadata.get("architecture", ""), file.path, "the architecture", limits)


def _take(network: Sequential, file: TensorFile, without: Collection[str] = ()) -> None:
    for name, q in network.parameters().items():
        if name not in without:
            q.data = file.array(name)
    for name, s in network.states().items():
        if name not in without:
            s.data = np.array(file.array(name), network.dtype)
