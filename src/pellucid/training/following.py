"""The run of a training as all ranks but the first have it: they go on from its checkpoint, and write nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .callbacks import Callback, Training
from .engine import Engine
from .listed import remembers
from .run import RunWriter
from .saving import NoCheckpoints


class RunFollower(RunWriter):
    """The run that another rank writes.

    Parameters
    ----------
    run : RunWriter
        What this rank would write it with, were it the first.
    """

    for_all_ranks = True

    def __init__(self, run: RunWriter):
        super().__init__(run.named, resumed=run.resumed)
        self._checkpoints = NoCheckpoints()

    def on_begin(self, training: Training) -> None:
        if self.resumed is not None:
            self._compared(training, self.resumed)

    def go_on(self, training: Training, engine: Engine, callbacks: Sequence[Callback]) -> float:
        checkpoint, self.resumed = self.resumed, None
        return 0.0 if checkpoint is None else checkpoint.restore(training, engine, callbacks)

    def on_epoch(self, training: Training) -> None: ...

    def on_end(self, training: Training, error: BaseException | None) -> None: ...

    def finish(self, training: Training) -> None: ...


class StandIn(Callback):
    """Stands where a checkpoint remembers a callback that another rank has."""

    sees_weights = False

    def state(self) -> Mapping[str, Any]:
        return {}


def stand_in(callback: Callback) -> Callback:
    """Return what does nothing in the place of a callback; of one that remembers something it has the name, too."""
    return type(type(callback).__name__, (StandIn,), {})() if remembers(callback) else Callback()
