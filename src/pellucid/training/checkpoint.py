"""A training's whole state in a file: all that it takes to go on as if nothing had happened.

That is the weights and states, the optimiser's memory, the counters, what callbacks remember, and the history; and
what else is needed to begin, the architecture of the network and the text of ``config.toml``. Random numbers need no
state of their own: each is drawn from the seed, the epoch and the sample it is for. The file is a sealed safetensors
file (`serialization.tensor_file`); arrays have a prefix that says what they are::

    network/conv1.weight    optimizer/first_moment(conv1.weight)    history/batches    callback 0/best/conv1.weight

Two generations are kept (`saving`). The newest that is whole is used.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..arguments import warn
from ..definitions.arrays import Array
from ..errors import ModelFileError, StorageError
from ..inference import Tally
from ..layers import Layer
from ..limits import LIMITS, Limits
from ..network import Network
from ..serialization import load
from ..serialization.building import extended
from ..serialization.fitting import compare, take
from ..serialization.format_version import OtherVersionError, check_version
from ..serialization.model_file import MODEL, made
from ..serialization.tensor_file import WRITTEN, TensorFile, decode, metadata_of, parse_json, problem
from ..storage import read_beginning, read_file, rename_file
from .callbacks import Callback
from .config import RunConfig
from .engine import Engine
from .history import History
from .remembered import decoded, unpacked
from .state import Training

FORMAT, VERSION, OLDEST = "pellucid checkpoint", "2", "2"
"""What a file says that it is; the version that is written, and the oldest that can be read."""
BEGUN = "architecture", "config"
"""Texts in every checkpoint, of what the training began from."""

_LOOKS = 10
"""How often it is looked for checkpoints, at most, where a training lets go of those that there were."""
_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and found whole.

    Attributes
    ----------
    path : str
    state : mapping
        Counters and what else is no array.
    file : TensorFile
        The arrays.
    """

    path: str
    state: Mapping[str, Any]
    file: TensorFile

    @property
    def finished(self) -> bool:
        """Whether the training had come to its end."""
        return self.state.get("finished") is True

    @property
    def begun(self) -> dict[str, str]:
        """What the training began from: "architecture" and "config", as texts."""
        return {name: self.file.metadata[name] for name in BEGUN}

    def config(self) -> RunConfig:
        """Return the config of the run as it was written."""
        return RunConfig.parsed(self.begun["config"].encode(), f"{self.path}, config")

    def network(self, layers: Sequence[type[Layer]] = (), limits: Limits = LIMITS) -> Network:
        """Return the network with its weights; those of a finished training are in its model file."""
        if self.finished:
            return load(Path(self.path).parent, layers, limits=limits)
        text = self.begun["architecture"]
        network = made(parse_json(text, self.path, "the architecture", limits), self.file, extended(layers))
        take(network, self._fitting(network))
        return network

    def history(self) -> History:
        """Return what had been measured."""
        epochs = [decoded(each) for each in self.state["epochs"]]
        return History(batches=self.file.array("history/batches").tolist(), epochs=epochs)

    def restore(self, training: Training, engine: Engine, callbacks: Sequence[Callback]) -> float:
        """Let a training go on from here, and return the seconds that its running epoch had taken.

        Raises
        ------
        ModelFileError
            If it is of another network, optimiser or callbacks, or a callback does not find what it remembered; network
            and engine are as they were then.
        """
        state, slots = self.state, self._arrays("optimizer/")
        expected = {name: array.shape for name, array in engine.slots().items()}
        if expected != {name: array.shape for name, array in slots.items()}:
            raise problem(self.path, "this checkpoint is of another optimiser", OTHER)
        names, told = [type(each).__name__ for each in callbacks], state["callbacks"]
        if names != [each["name"] for each in told]:
            saved = ", ".join(str(each["name"]) for each in told) or "none"
            received = ", ".join(names) or "none"
            raise problem(
                self.path, f"expected the callbacks that remember something, {saved}; received {received}", OTHER
            )
        weights = self._fitting(training.network)
        training.epoch, training.step, training.lr = state["epoch"], state["step"], state["lr"]
        training.stopping, training.tally, training.history = state["stopping"], Tally(**state["tally"]), self.history()
        training.first_steps, training.rates[:] = state["first_steps"], rates_in(state)
        for number, (callback, plain) in enumerate(zip(callbacks, told, strict=True)):
            known = {**unpacked(plain), **self._arrays(f"callback {number}/")}
            try:
                callback.restore(known)
            except KeyError as error:
                what = f"{type(callback).__name__} finds nothing called {error} in what it remembered"
                raise problem(self.path, what, "resume it with the version that the run was begun with") from error
        take(training.network, weights)
        engine.restore(slots, state["updates"])
        return float(state["elapsed"])

    def _fitting(self, network: Network) -> dict[str, Array]:
        """Return the weights and states, or refuse a network that they do not fit."""
        weights = self._arrays("network/")
        entries = {name: self.file.entries[f"network/{name}"] for name in weights}
        if differences := compare(network, entries, [WRITTEN[str(network.dtype)]]):
            raise problem(self.path, f"this checkpoint is of another network: {differences}", OTHER)
        return weights

    def _arrays(self, prefix: str) -> dict[str, Array]:
        """Return the arrays whose names begin with a prefix, without it, as copies."""
        found = (name for name in self.file.entries if name.startswith(prefix))
        return {name.removeprefix(prefix): self.file.array(name).copy() for name in found}


OTHER = "resume a training with the settings that it was begun with"


def files(folder: Path) -> list[Path]:
    """Return the checkpoints of a run, the newest first."""
    found = (path for path in folder.iterdir() if _NAME.fullmatch(path.name)) if folder.is_dir() else ()
    return sorted(found, key=step_of, reverse=True)


def step_of(path: Path) -> int:
    """Return the step that a checkpoint's name says."""
    name = _NAME.fullmatch(path.name)
    return int(name[1]) if name else -1


def every(folder: Path, limits: Limits = LIMITS) -> Iterator[tuple[Path, Checkpoint | ModelFileError | StorageError]]:
    """Yield the checkpoints of a run, the newest first, or why one cannot be read.

    Those that a training lets go of in this moment are left out; where none of the others is whole, those that have
    come meanwhile follow.
    """
    seen, whole, gone = set[Path](), False, True
    for _ in range(_LOOKS):
        if whole or not gone:
            return
        listed, gone = [path for path in files(folder) if path not in seen], False
        for path in listed:
            seen.add(path)
            try:
                found: Checkpoint | ModelFileError | StorageError = read(path, limits)
                whole = True
            except (ModelFileError, StorageError) as error:
                found = error
                if not path.exists():
                    gone = True
                    continue
            yield path, found


def rates_in(state: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Return by what the learning rate was multiplied by hand, and after how many steps; see `Training.rates`."""
    return [(int(step), float(factor)) for step, factor in state.get("rates", ())]


def rates_in_words(rates: Sequence[tuple[int, float]]) -> str:
    """Return what was done to the learning rate by hand: "× 0.5 from step 702 on, × 1 from step 900 on"; counted from
    1. Nothing if nothing was done."""
    return ", ".join(f"× {factor:g} from step {step + 1:,} on" for step, factor in rates)


def newest(folder: Path, limits: Limits = LIMITS) -> Checkpoint | None:
    """Return the newest checkpoint of a run that is whole, with a warning for each newer one that is not.

    Raises
    ------
    ModelFileError
        If there are some, and none is whole; or one is of a version that cannot be read here.
    """
    damaged: list[Exception] = []
    for path, found in every(folder, limits):
        if isinstance(found, Checkpoint):
            for error in damaged:
                warn(f"{error}; going on from {path.name}")
            return found
        if isinstance(found, OtherVersionError):  # no older one may be taken in its place
            raise found
        damaged.append(found)
    if damaged:
        raise ModelFileError(f"{damaged[0]}. No checkpoint is whole{train_on(folder)}") from damaged[0]
    return None


def train_on(folder: Path) -> str:
    """Return how to train on from the network of a run that cannot be resumed, as the end of a message."""
    if not (folder / MODEL).is_file():
        return ""
    return f"; {MODEL} has the weights that were saved last: pellucid train … --weights {shlex.quote(str(folder))}"


def newest_readable(folder: Path, limits: Limits = LIMITS) -> Checkpoint | None:
    """Return the newest checkpoint that can be read; None if there is none, whatever the reason. Nobody is warned."""
    return next((found for _, found in every(folder, limits) if isinstance(found, Checkpoint)), None)


def set_aside(folder: Path, found: Checkpoint) -> None:
    """Give the checkpoints that are newer than the one found, and damaged, a name that says so: they count no more."""
    for path in files(folder):
        if step_of(path) > step_of(Path(found.path)):
            rename_file(path, f"{path.name}.damaged")


def read(path: Path, limits: Limits = LIMITS) -> Checkpoint:
    """Return a checkpoint.

    Raises
    ------
    ModelFileError
        If it is damaged, no checkpoint, or of a version that cannot be read here.
    StorageError
        If it cannot be read.
    """
    return taken(read_file(path, limits.file_bytes), str(path), limits)


def taken(content: bytes | bytearray, path: str, limits: Limits = LIMITS) -> Checkpoint:
    """Return the checkpoint in a file's content, as `read` does."""
    file = decode(content, path, limits)
    if not file.sealed or file.metadata.get("format") != FORMAT:
        raise problem(path, "expected a checkpoint with its SHA-256, found another file", "remove it")
    check_version(file.metadata.get("format_version", ""), path, "a checkpoint", int(VERSION), int(OLDEST))
    if missing := [name for name in ("state", *BEGUN) if name not in file.metadata]:
        raise problem(path, f"this checkpoint has no {missing[0]}", "remove it")
    return Checkpoint(path, parse_json(file.metadata["state"], path, "the state", limits), file)


def glance(folder: Path, limits: Limits = LIMITS) -> Mapping[str, Any] | None:
    """Return the counters of the newest checkpoint whose header can be read, or None; the rest is not looked at, and
    nobody is warned."""
    for path in files(folder):
        with suppress(ModelFileError, StorageError):
            state = parse_json(str(_header(path, limits).get("state")), str(path), "the state", limits)
            if isinstance(state, dict):
                return state
    return None


def known_config(folder: Path) -> RunConfig:
    """Return the config of a run as it was begun: the copy in the newest checkpoint that is whole, for the file may
    have been edited since; without one, what that says.

    Where the file says what the header of the newest checkpoint says, the two vouch for each other, and no more is
    read. Where not, which is right is for a checkpoint's digest to say, for which all of it is read.

    Raises
    ------
    ModelFileError
        If there is neither that nor a file that can be read.
    """
    with suppress(ModelFileError, StorageError):
        file = RunConfig.read(folder)
        for path in files(folder)[:1]:
            copy = str(_header(path).get("config")).encode(errors="replace")
            if RunConfig.parsed(copy, str(path)).table == file.table:
                return file
    found = newest_readable(folder)
    return RunConfig.read(folder) if found is None else found.config()


def _header(path: Path, limits: Limits = LIMITS) -> dict[str, Any]:
    """Return the texts in the header of a checkpoint, which need not be whole: nothing else of it is read."""
    length = int.from_bytes(read_beginning(path, 8), "little")
    return metadata_of(read_beginning(path, 8 + min(length, limits.header_bytes)), str(path), limits)
