"""A training that is over, was interrupted, or goes on elsewhere, as its run tells of it."""

from __future__ import annotations

from pathlib import Path

from ...errors import PellucidError
from ...limits import LIMITS
from ...network import Network
from ...storage import read_file
from ...training import History
from ...training.checkpoint import Checkpoint, newest_readable, rates_in
from ...training.config import CONFIG
from ...training.record import Record
from .course import Course
from .following import Following
from .moments import OTHER, Moments, training_of

STATES = {"finished": "finished", "running": "running"}
"""State of a `Record` -> what the page says; any other has been interrupted."""


class Past(Following):
    """What a run says of its training. While another process trains it, it says more from time to time.

    Parameters
    ----------
    network : Network
        Only its layers are of interest.
    folder : Path

    Raises
    ------
    ModelFileError, StorageError
        If it is no run, or a file of it is damaged.
    """

    def __init__(self, network: Network, folder: Path):
        self._folder = folder
        super().__init__(network, Course(1, 1), Moments(folder), "interrupted")
        self._read()

    @property
    def has_something(self) -> bool:
        """Whether anything was measured, or a moment is kept."""
        return bool(self.step or self.kept or self.course.epochs)

    def newer(self) -> Network | None:
        """Read the run again if it is still being trained, and return its network if that has learnt since."""
        if self.state != "running":
            return None
        before = self.step
        try:
            self._read()
            found = newest_readable(self._folder)
            return None if found is None or self.step == before else found.network()
        except PellucidError:  # what is written this moment, is there at the next
            return None

    def _read(self) -> None:
        record, found = Record.of(self._folder), newest_readable(self._folder)
        history = History(epochs=record.epochs) if found is None else found.history()
        self.state = STATES.get(record.state, "interrupted")
        self.moments.training = training_of(self._config(found))
        others = self.moments.of_another()
        self.kept = set(self.moments.steps()).difference(others)
        self.trouble = f"the moments are of another training: {OTHER}" if others else ""
        self.step = len(history.batches)
        most = max(record.total_steps, self.step, *self.kept, 1)
        self.course = Course.of(history, most, record.steps_per_epoch)
        self.rates = () if found is None else rates_in(found.state)
        self.lr = float(history.epochs[-1]["lr"]) if history.epochs else 0.0

    def _config(self, checkpoint: Checkpoint | None) -> str:
        """Return the text of the config that the training was begun with."""
        if checkpoint is not None:
            return checkpoint.begun["config"]
        return read_file(self._folder / CONFIG, LIMITS.toml_bytes).decode("utf-8", "replace")


def followed(network: Network, folder: Path) -> Past | None:
    """Return what a run tells of its training; None if it tells nothing."""
    try:
        found = Past(network, folder)
    except PellucidError:
        return None
    return found if found.has_something else None
