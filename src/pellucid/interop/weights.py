"""Weights from files into a network that is there: Pellucid's own files, other safetensors files, and PyTorch's."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import models
from ..arguments import as_array, no_network, shown
from ..errors import ArgumentError, ModelFileError, path_text, printable
from ..limits import LIMITS, Limits
from ..network import Network
from ..scaling import Scaling
from ..serialization.fitting import Differences, Entry, compare, held, listed, take
from ..serialization.model_file import PathLike, decode_sealed, read_content, saved_use
from ..serialization.tensor_file import READ, WRITTEN, TensorFile, encode, problem
from .known_models import count_classes, fitting_models
from .torch import to_torch_names
from .torch_file import TorchFile, decode, is_torch

PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and compile of PyTorch put before every name."""

AVERAGED = "n_averaged"
"""What PyTorch's AveragedModel counts, beside names that all begin with "module."."""

COUNTER = ".num_batches_tracked"
"""What PyTorch's batch normalisation counts and does not use unless its momentum is None."""

FLOATS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""What the dtypes that can become weights are called outside of files."""

STATISTICS = (".running_mean", ".running_var")
"""How names of numbers end that are not learnt: batch normalisation keeps them."""


class WeightsFile:
    """A file of weights, read and found in order; `open_weights` makes it. Printed, it says what the file holds.

    Attributes
    ----------
    path : str
    entries : mapping of str to Entry
        Shapes and dtypes by name, without what PyTorch adds to names and without its counters.
    use : tuple of Scaling and class names, or None
        How the network that `save` wrote there scales its images, and what its classes are called; None for a file of
        weights alone.

    Raises
    ------
    ModelFileError
        At `use`, if the file is Pellucid's, and does not say that in this version's way.
    """

    def __init__(self, file: TensorFile | TorchFile, path: str, limits: Limits) -> None:
        self._file, self._long, self._limits = file, _stripped(file.entries), limits
        self.path = path
        self.entries: Mapping[str, Entry] = {short: file.entries[long] for short, long in self._long.items()}

    @cached_property
    def use(self) -> tuple[Scaling, tuple[str, ...]] | None:
        return saved_use(self._file, self._limits) if isinstance(self._file, TensorFile) else None

    def __repr__(self) -> str:
        return "\n".join((f"{path_text(self.path)} holds {self._amounts()}", self._saved(), self._fitting()))

    def _amounts(self) -> str:
        """Return how many numbers there are, and of which dtypes."""
        learnt = sum(math.prod(entry.shape) for name, entry in self.entries.items() if not name.endswith(STATISTICS))
        kept = sum(math.prod(entry.shape) for entry in self.entries.values()) - learnt
        others = f", and {kept:,} running means and variances" if kept else ""
        dtypes = sorted({FLOATS.get(entry.dtype, printable(entry.dtype)) for entry in self.entries.values()})
        count = f"{len(self.entries):,} array{'' if len(self.entries) == 1 else 's'}"
        return f"{count} of {' and '.join(dtypes) or 'nothing'}: {learnt:,} parameters{others}"

    def _saved(self) -> str:
        """Return what the file says of the network that the weights are of."""
        try:
            use = self.use
        except ModelFileError:
            return "scaling and classes: not told in a way that this version understands"
        if use is None:
            return "scaling and names of classes: not in the file"
        scaling, names = use
        shown = ", ".join(map(printable, names[:10])) + (", …" if len(names) > 10 else "")
        return f"scaling: mean {scaling.mean}, deviation {scaling.std}; classes: {shown or 'without names'}"

    def _fitting(self) -> str:
        """Return which of the known models the weights fit, and for how many classes."""
        found = fitting_models(self)
        if not found:
            return "fits: none of the known models"
        return f"fits: {', '.join(found)}, for {count_classes(models.by_name(found[0])(), self):,} classes"

    @property
    def scaling(self) -> Scaling | None:
        """How the network in the file scales its images; None for weights alone."""
        return None if self.use is None else self.use[0]

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the classes of the network in the file are called; none for weights alone."""
        return () if self.use is None else self.use[1]

    def array(self, name: str) -> NDArray[Any]:
        """Return a read-only array; its dtype must be one of floats."""
        return self._file.array(self._long[name])

    def naming(self, network: Network) -> Mapping[str, str]:
        """Return what the file calls each path of a network: as Pellucid, or as torchvision, of which more are there.

        All may have one more part before them, as "model." where the network is a part of another module. Not all of
        the names need be in the file.
        """
        namings: list[Mapping[str, str]] = [{path: path for path in held(network)}, to_torch_names(network)]
        if self._first_part:
            namings += [{path: self._first_part + name for path, name in naming.items()} for naming in namings]
        return max(namings, key=lambda naming: sum(name in self.entries for name in naming.values()))

    @cached_property
    def _first_part(self) -> str:
        """The part that all names begin with, such as "model."; none if they do not."""
        part = next(iter(self.entries), "").partition(".")[0] + "."
        return part if all(name.startswith(part) for name in self.entries) else ""

    def compare(self, network: Network) -> Differences:
        """Return what does not fit between a network and the file."""
        return compare(network, self.entries, list(READ), self.naming(network))


WeightsSource: TypeAlias = PathLike | Mapping[str, Any] | WeightsFile

IN_MEMORY = "the mapping"
"""What arrays in memory are called where a file would be named by its path."""


def open_weights(path: PathLike | Mapping[str, Any], *, limits: Limits = LIMITS) -> WeightsFile:
    """Read a file of weights, as `load_weights` takes it; the numbers are converted when they are asked for.

    Raises
    ------
    ArgumentError, DataError
        If `path` is neither a path nor a mapping, or something in a mapping is no array of numbers.
    ModelFileError
        If the file is damaged or of another kind.
    StorageError
        If it cannot be read.
    """
    if isinstance(path, Mapping):
        return _of_arrays(path, limits)
    _refuse_no_path(path)
    content, name = read_content(path, limits)
    decoded = decode(content, name, limits) if is_torch(content) else decode_sealed(content, name, limits)
    return WeightsFile(decoded, name, limits)


def _refuse_no_path(path: object) -> None:
    """Refuse what is no path of a file; of what has a state_dict, such as a module of PyTorch's, say to pass that."""
    if isinstance(path, (str, os.PathLike)):
        return
    made = "state_dict" if hasattr(path, "state_dict") else "parameters" if isinstance(path, Network) else ""
    fix = f"; write {'network' if made == 'parameters' else 'module'}.{made}()" if made else ""
    expected = "the path of a file, or arrays by name such as module.state_dict()"
    raise ArgumentError(f"weights: expected {expected}, received {type(path).__name__} {shown(path)}{fix}")


def _of_arrays(arrays: Mapping[str, Any], limits: Limits) -> WeightsFile:
    """Return arrays by name as a file of them would be read."""
    for name, values in arrays.items():
        if isinstance(values, Mapping):
            raise ArgumentError(f"weights: {name} is a mapping itself, no array; pass mapping[{name!r}]")
    held = {str(name): as_array(values, f"{name}") for name, values in arrays.items()}
    for name, array in held.items():
        if str(array.dtype) not in WRITTEN:
            raise ArgumentError(f"{name}: expected an array of numbers, received one of {array.dtype}")
    return WeightsFile(decode_sealed(encode(held, {}), IN_MEMORY, limits), IN_MEMORY, limits)


def load_weights(network: Network, path: WeightsSource, strict: bool = True, *, limits: Limits = LIMITS) -> Differences:
    """Give a network the weights and states in a file, by their names; all are checked before any is set.

    Parameters
    ----------
    network : Network
    path : str, path, mapping of str to array, or WeightsFile
        Of any safetensors file, of a file of PyTorch's ``torch.save`` (which is read without PyTorch, and without
        running anything in it), or of the folder of a run; or one that is open. Or arrays by name, such as a
        ``state_dict()`` of PyTorch's. An architecture in it is not looked
        at; numbers are converted to the network's dtype.
    strict : bool, default True
        Whether names and shapes must be the same on both sides; otherwise those that are the same are taken, and the
        others stay as they were, such as the last layer where the number of classes is another.

    Returns
    -------
    Differences
        What did not fit, where not `strict`.

    Raises
    ------
    ArgumentError
        If `network` is none, or has no `input_shape`; or `path` is neither a path nor arrays by name.
    ModelFileError
        If the file is damaged or of another kind, if it does not fit (`strict`), if nothing in it does, or if a number
        in it is NaN or infinite, perhaps for being too large for the network's dtype.
    StorageError
        If the file cannot be read.

    Notes
    -----
    Names may be Pellucid's or torchvision's (`to_torch_names`), with "module." or "_orig_mod." before them or not, or
    one part that all of them have, such as "model."; the counters "num_batches_tracked" and "n_averaged" are passed
    over.
    """
    given: object = network
    if not isinstance(given, Network):
        fix = "make it, as with pellucid.models.resnet18()"
        received = no_network(given)
        raise ArgumentError(f"load_weights: expected a Sequential or Graph as network, received {received}; {fix}")
    file = path if isinstance(path, WeightsFile) else open_weights(path, limits=limits)
    differences, names = file.compare(network), file.naming(network)
    unfit = {*differences.missing, *differences.misshapen}
    fit = [each for each in held(network) if each not in unfit]
    if strict and differences:
        fix = "make the network that the file was saved from, or take what fits with strict=False"
        raise problem(file.path, f"the weights do not fit the network: {differences}", fix)
    if unfit and not fit:
        raise problem(file.path, f"nothing in the file fits the network: {differences}", "check the file's name")
    arrays = {each: file.array(names[each]) for each in fit}
    _refuse_non_finite(file.path, {names[each]: array for each, array in arrays.items()}, network.dtype)
    take(network, arrays)
    return differences


def _refuse_non_finite(path: str, arrays: Mapping[str, NDArray[Any]], dtype: np.dtype[Any]) -> None:
    """Refuse arrays that hold NaN or an infinity once they are of a network's dtype, whose range may be smaller."""
    astray: dict[str, str] = {}
    large: dict[str, str] = {}
    for name, array in arrays.items():
        with np.errstate(over="ignore"):
            wrong = array.size - np.count_nonzero(np.isfinite(array.astype(dtype, copy=False)))
        if wrong:
            counts = large if np.isfinite(array).all() else astray
            counts[name] = f"({wrong:,} of {array.size:,})"
    if astray:
        what = f"expected finite numbers, found NaN or infinities as {dtype} in {listed(astray)}"
        raise problem(path, what, "the training that made them went astray; take weights from before that")
    if large:
        what = f"expected numbers within the range of {dtype}, found some too large for it in {listed(large)}"
        raise problem(path, what, "load them into a network that is made with dtype='float64'")


def _stripped(names: Collection[str]) -> dict[str, str]:
    """Return the names in a file without what PyTorch adds, and what each is in full."""
    rest = [name for name in names if name != AVERAGED]
    names = rest if _shared(rest, 0) == PREFIXES[0] else names
    before = ""
    while names and (prefix := _shared(names, len(before))):
        before += prefix
    return {name[len(before) :]: name for name in names if not name.endswith(COUNTER)}


def _shared(names: Collection[str], begin: int) -> str:
    """Return which of PyTorch's prefixes all names go on with from a place in them; none if they do not."""
    return next((prefix for prefix in PREFIXES if all(name.startswith(prefix, begin) for name in names)), "")
