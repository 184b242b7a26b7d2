"""A run directory: what a training was told, what it measured, and the network that came of it.

``config.toml``        what is needed to repeat the run: settings, digests of data and first weights, versions
``metrics.jsonl``      one line an epoch, as JSON; null is a number that is not finite; at the end, which epoch was best
``model.safetensors``  the network with its weights, saved before the first step, after epochs and at the end
``checkpoint-….safetensors``  the two newest states of the training, from which it can be resumed

What is needed to go on stands in each checkpoint too, so that damage to the other files is no matter. Objects of one's
own are recorded by name, and by their settings if they are dataclasses.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from ..arguments import warn
from ..errors import ArgumentError, ModelFileError, RankError, StorageError
from ..locking import Hold
from ..serialization import save
from ..serialization.model_file import MODEL, architecture_text
from ..serialization.tensor_file import SEAL
from ..storage import append_line, expanded, make_folder, read_beginning, remove_stumps, sync_file, write_file
from .callbacks import Callback
from .checkpoint import Checkpoint, files, glance, newest_readable, set_aside
from .config import CONFIG as CONFIG
from .config import EVERY, RunConfig
from .engine import Engine
from .going_on import way_on
from .interval import Interval
from .keeping import EarlyStopping
from .lock import locked_by_another, locked_folder, refuse_lost
from .plain import changes_in_words
from .remembered import NUMBER, encoded
from .saving import Checkpoints, NoCheckpoints
from .state import Training

METRICS = "metrics.jsonl"
HANDING_OVER = 15.0
"""Seconds that a rank waits for the run to be let go of by one that was lost: the system may be slow to end it."""


class RunWriter(Callback):
    """Writes a run directory while training goes on.

    Parameters
    ----------
    folder : path
        Made if need be; one that holds a run already is refused, and stays as it is.
    command : mapping, optional
        What the run was started with beyond what `fit` knows, such as the names of the model and the data; what is
        None is left out.
    checkpoint_every : str or int, optional
        As in `fit`.
    resumed : Checkpoint, optional
        Where the run in the folder goes on; without it a new one begins.
    lock : Hold, optional
        That of the caller (`locked_run`), where a run goes on.

    Attributes
    ----------
    folder, named : Path
        The folder, wherever the process goes; and as it was named, for messages.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        command: Mapping[str, Any] | None = None,
        *,
        checkpoint_every: str | int | None = None,
        resumed: Checkpoint | None = None,
        lock: Hold | None = None,
    ):
        self.named, self.resumed, self._lock = expanded(folder, "out"), resumed, lock
        self.folder = self.named.absolute()
        self._command, self._every = command or {}, EVERY if checkpoint_every is None else checkpoint_every
        Interval.of(self._every)  # which refuses what is none, before anything is begun
        self._epochs = 0  # written to the log
        self._going = False  # whether the files are those of this training
        self.gone_on: Callable[[], None] = lambda: None
        """Called when nothing stands in the way any more of a run that goes on."""
        self._saved = 0  # checkpoints that were written before the network was saved last
        self._unlocking = ExitStack()
        self._checkpoints: Checkpoints | NoCheckpoints

    @property
    def checkpoints(self) -> Checkpoints | NoCheckpoints:
        """The checkpoints of the run, once it has begun."""
        return self._checkpoints

    def on_begin(self, training: Training) -> None:
        with ExitStack() as failing:
            failing.callback(self.let_go)
            begun, at = self._begin(training) if self.resumed is None else self._compared(training, self.resumed)
            failing.pop_all()
        self._checkpoints = Checkpoints(self.folder, self._every, begun, at, self._refuse_lost)

    def _begin(self, training: Training) -> tuple[dict[str, str], None]:
        """Make the folder and what lies there before the first step; return what every checkpoint holds."""
        refuse_taken(self.folder, self.named)
        config = self.config(training).readable_text()
        begun = {"architecture": architecture_text(training.network), "config": config}
        make_folder(self.folder)
        lock = self._unlocking.enter_context(locked_folder(self.folder))
        refuse_taken(self.folder, self.named, held=True)  # another training may have begun here at the same moment
        remove_stumps(self.folder)  # of one that was killed as it began
        write_file(self.folder / CONFIG, config.encode())
        self._save(training)
        self._lock, self._going = lock, True
        return begun, None

    def _compared(self, training: Training, checkpoint: Checkpoint) -> tuple[dict[str, str], tuple[int, int]]:
        """Refuse a training that is not the one that was begun; return what every checkpoint holds, and where it goes
        on. Nothing is written yet."""
        checkpoint.config().refuse_other(training, self.named)
        return checkpoint.begun, (checkpoint.state["step"], checkpoint.state["epoch"])

    def _go_on(self, checkpoint: Checkpoint) -> None:
        """Let the files say what the checkpoint does."""
        self._refuse_lost()
        self._put_right(checkpoint)
        self._write_log(checkpoint.history().epochs)

    def _put_right(self, checkpoint: Checkpoint) -> None:
        """Remove what another process has left half written, set aside what is damaged, and restore the config."""
        remove_stumps(self.folder)
        set_aside(self.folder, checkpoint)
        self._restore_config(checkpoint.config(), checkpoint.begun["config"])

    def lies_in(self, folder: Path) -> None:
        """Take note of where the run is written, if another process has chosen that."""
        if folder != self.folder:
            self.folder, self.named = folder, self.named.parent / folder.name

    def take_over(self, training: Training) -> None:
        """Go on writing the run of a training that another process has written until it was lost, or has been about to
        go on with.

        Raises
        ------
        RankError
            If that process holds the run still.
        """
        try:
            with training.holding():
                self._lock = self._unlocking.enter_context(locked_folder(self.folder, HANDING_OVER))
        except ArgumentError:
            lost = ", ".join(map(str, training.ranks.lost)) if training.ranks is not None else ""
            raise RankError(
                f"{self.named} is still held by the rank that wrote it, one of those that were lost ({lost}): its "
                "process goes on, or hangs; end it, and go on from the last checkpoint (pellucid resume)"
            ) from None
        found = newest_readable(self.folder)
        if found is not None:
            self._put_right(found)
            begun = found.begun
        else:
            remove_stumps(self.folder)
            text = RunConfig.read(self.folder).text()
            begun = {"architecture": architecture_text(training.network), "config": text}
        self._checkpoints = Checkpoints(self.folder, self._every, begun, refuse=self._refuse_lost)
        self._write_log(training.history.epochs)

    def _write_log(self, epochs: Sequence[Mapping[str, Any]]) -> None:
        """Write the log of all epochs anew."""
        write_file(self.folder / METRICS, "".join(f"{json_line(epoch)}\n" for epoch in epochs).encode())
        self._epochs, self._going = len(epochs), True

    def _refuse_lost(self) -> None:
        refuse_lost(self._lock)

    def _restore_config(self, config: RunConfig, text: str) -> None:
        """Write the config as it was begun with where the file is damaged or was changed, and say so."""
        changes = ""
        with suppress(ModelFileError, StorageError):
            changes = changes_in_words(RunConfig.read(self.folder).table, config.table)
            if not changes:
                return
        which = f" ({changes})" if changes else ""
        warn(f"{self.folder / CONFIG} was changed since the run was begun{which}; it is written anew as it was then")
        write_file(self.folder / CONFIG, text.encode())

    def go_on(self, training: Training, engine: Engine, callbacks: Sequence[Callback]) -> float:
        """Let a training go on where the run does, and return the seconds that its running epoch had taken: 0 where a
        new one begins. What was read for it is let go of."""
        checkpoint, self.resumed = self.resumed, None
        if checkpoint is None:
            return 0.0
        elapsed = checkpoint.restore(training, engine, callbacks)
        self._go_on(checkpoint)
        self.gone_on()
        return elapsed

    def config(self, training: Training) -> RunConfig:
        """Return what the run says of a training that begins."""
        return RunConfig.of(training, self._command, self._every)

    def let_go(self) -> None:
        """Let others have the run."""
        self._unlocking.close()

    def on_epoch(self, training: Training) -> None:
        self._refuse_lost()
        self._write_measures(training)
        if self._checkpoints.written > self._saved:  # so that short epochs do not wait for the disk each
            self._save(training)
            self._saved = self._checkpoints.written

    def on_end(self, training: Training, error: BaseException | None) -> None:
        try:
            if self._going and (self._lock is None or self._lock.in_place()):
                self._write_measures(training)
                if error is not None and training.step:
                    self._save(training)
        except StorageError as second:
            if not isinstance(error, StorageError):
                raise
            error.add_note(str(second))  # the first one says what ended the training
        finally:
            if error is not None:
                self.let_go()

    def finish(self, training: Training) -> None:
        """Save the network as all callbacks have left it, and let go of what was kept for going on."""
        try:
            self._refuse_lost()
            self._save(training)
            if chosen := chosen_epochs(training.callbacks):
                append_line(self.folder / METRICS, json_line(chosen))
            if (self.folder / METRICS).exists():
                sync_file(self.folder / METRICS)
            seal = read_beginning(self.folder / MODEL, SEAL.stop)[SEAL].decode()
            self._checkpoints.finish(training, seal)
        finally:
            self.let_go()

    def _save(self, training: Training) -> None:
        """Save the network; other ranks wait as long as it takes."""
        with training.holding():
            save(training.network, self.folder / MODEL)

    def _write_measures(self, training: Training) -> None:
        """Write the epochs measured since the last time."""
        for epoch in training.history.epochs[self._epochs :]:
            append_line(self.folder / METRICS, json_line(epoch))
            self._epochs += 1


def json_line(measured: Mapping[str, Any]) -> str:
    """Return a line of ``metrics.jsonl``: JSON, which knows no NaN and no infinity; null stands for them."""
    return json.dumps(_with_null(encoded(dict(measured), "metrics")), allow_nan=False)


def _with_null(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_null(each) for each in value]
    if isinstance(value, dict):
        return None if NUMBER in value else {name: _with_null(each) for name, each in value.items()}
    return value


def chosen_epochs(callbacks: Sequence[Callback]) -> dict[str, int]:
    """Return which epoch's weights were taken back, and after which one the training was ended early, as far as any
    were: "best_epoch" and "stopped_epoch"."""
    early = [each for each in callbacks if isinstance(each, EarlyStopping)]
    best = next((each.best_epoch for each in early if each.restore_best), 0)  # the first one has the last word
    stopped = max((each.stopped_epoch for each in early), default=0)
    return {name: epoch for name, epoch in (("best_epoch", best), ("stopped_epoch", stopped)) if epoch}


def refuse_taken(folder: Path, named: Path | None = None, *, held: bool = False) -> None:
    """Refuse a folder that holds a run, or what one has left; a training that ended before its first step has left
    nothing of use.

    Parameters
    ----------
    folder : Path
    named : Path, optional
        What it is called in the message.
    held : bool, default False
        Whether this process holds it.
    """
    config, metrics, model = ((folder / name).exists() for name in (CONFIG, METRICS, MODEL))
    begun = config and _begun_only(folder) and (held or not locked_by_another(folder))
    if files(folder) or metrics or ((config or model) and not begun):
        state = glance(folder)
        go_on = state is not None and state.get("finished") is not True and not locked_by_another(folder)
        advice = f"; to go on: {way_on(folder, named or folder)}" if go_on else ""
        raise ArgumentError(f"{named or folder} holds a run already; choose another folder{advice}")


def _begun_only(folder: Path) -> bool:
    """Return whether a config is that of a run, and not a file of someone's own that is called so; one that a kill has
    left empty has nothing to lose."""
    try:
        return not (folder / CONFIG).stat().st_size or {"training", "network"} <= RunConfig.read(folder).table.keys()
    except (ModelFileError, StorageError, OSError):
        return False


def read_config(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a run's ``config.toml`` says; see `RunConfig.read`."""
    return dict(RunConfig.read(folder).table)
