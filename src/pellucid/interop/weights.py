"""Weights from files into a network that is there: Pellucid's own files, other safetensors files, and PyTorch's."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..limits import LIMITS, Limits
from ..network import Sequential
from ..serialization.fitting import Differences, compare, held, take
from ..serialization.model_file import PathLike, decode_sealed, read_content
from ..serialization.tensor_file import READ, TensorFile, problem
from ..steps import Shape
from .torch import to_torch_names
from .torch_file import TorchFile, decode, is_torch

PREFIX = "module."
"""What DataParallel of PyTorch puts before every name."""

COUNTER = ".num_batches_tracked"
"""What PyTorch's batch normalisation counts and does not use unless its momentum is None."""


def load_weights(network: Sequential, path: PathLike, strict: bool = True, *, limits: Limits = LIMITS) -> Differences:
    """Give a network the weights and states in a file, by their names; all are checked before any is set.

    Parameters
    ----------
    network : Sequential
    path : str or path
        Of any safetensors file, of a file of PyTorch's ``torch.save`` (which is read without PyTorch, and without
        running anything in it), or of the folder of a run. An architecture in it is not looked at; numbers are
        converted to the network's dtype.
    strict : bool, default True
        Whether names and shapes must be the same on both sides; otherwise those that are the same are taken, and the
        others stay as they were, such as the last layer where the number of classes is another.

    Returns
    -------
    Differences
        What did not fit, where not `strict`.

    Raises
    ------
    ModelFileError
        If the file is damaged or of another kind, if it does not fit (`strict`), or if nothing in it does.
    StorageError
        If the file cannot be read.

    Notes
    -----
    Names may be Pellucid's or torchvision's (`to_torch_names`), with "module." before them or not; the counters
    "num_batches_tracked" are passed over.
    """
    file, name = _open(path, limits)
    entries = _stripped(file.entries)
    names = _naming(network, entries)
    differences = compare(network, {short: file.entries[long] for short, long in entries.items()}, list(READ), names)
    unfit = {*differences.missing, *differences.misshapen}
    fit = [each for each in held(network) if each not in unfit]
    if strict and differences:
        fix = "make the network that the file was saved from, or take what fits with strict=False"
        raise problem(name, f"the weights do not fit the network: {differences}", fix)
    if unfit and not fit:
        raise problem(name, f"nothing in the file fits the network: {differences}", "check the file's name")
    take(network, {each: file.array(entries[names[each]]) for each in fit})
    return differences


def saved_shapes(network: Sequential, path: PathLike, *, limits: Limits = LIMITS) -> dict[str, Shape]:
    """Return the shape in a file of each parameter and state of a network that has a name there, by path.

    Raises
    ------
    ModelFileError, StorageError
        If the file cannot be read.
    """
    file, _ = _open(path, limits)
    entries = _stripped(file.entries)
    names = _naming(network, entries)
    return {each: file.entries[entries[name]].shape for each, name in names.items() if name in entries}


def _open(path: PathLike, limits: Limits) -> tuple[TensorFile | TorchFile, str]:
    """Return the arrays in a file, and what to call the file in messages."""
    content, name = read_content(path, limits)
    return decode(content, name, limits) if is_torch(content) else decode_sealed(content, name, limits), name


def _stripped(names: Collection[str]) -> dict[str, str]:
    """Return the names in a file without what PyTorch adds, and what each is in full."""
    prefix = PREFIX if names and all(name.startswith(PREFIX) for name in names) else ""
    return {name.removeprefix(prefix): name for name in names if not name.endswith(COUNTER)}


def _naming(network: Sequential, names: Collection[str]) -> Mapping[str, str]:
    """Return what a file calls each path of a network: as Pellucid, or as torchvision, of which more are there."""
    ours, torchs = {path: path for path in held(network)}, to_torch_names(network)
    return max(ours, torchs, key=lambda naming: sum(name in names for name in naming.values()))
