"""What a training's callbacks are in all ranks but the first: who waits for a part, should the first one be lost."""

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
        What this rank writes it with, once it is the first.

    Attributes
    ----------
    part : RunWriter
        `run`.
    written : Path or None
        Where the first rank writes it, as soon as that is known.
    """

    for_all_ranks = True

    def __init__(self, run: RunWriter):
        super().__init__(run.named, resumed=run.resumed)
        self._checkpoints = NoCheckpoints()
        self.part, self.written = run, None if run.resumed is None else run.folder

    def on_begin(self, training: Training) -> None:
        if self.resumed is not None:
            self._compared(training, self.resumed)

    def go_on(self, training: Training, engine: Engine, callbacks: Sequence[Callback]) -> float:
        checkpoint, self.resumed = self.resumed, None
        self.part.resumed = None  # it is as large as the network and all that its optimiser keeps
        return 0.0 if checkpoint is None else checkpoint.restore(training, engine, callbacks)

    def take_part(self, training: Training) -> RunWriter:
        """Write the run from now on."""
        self.part.take_over(training, self.written)
        return self.part

    def let_go(self) -> None:
        self.part.let_go()

    def on_epoch(self, training: Training) -> None: ...

    def on_end(self, training: Training, error: BaseException | None) -> None:
        if training.run is self.part:
            self.part.on_end(training, error)

    def finish(self, training: Training) -> None: ...


class Understudy(Callback):
    """Stands for a callback that the first rank has, and takes its part where this rank becomes the first.

    Parameters
    ----------
    part : Callback
    """

    sees_weights = False

    def __init__(self, part: Callback):
        self.part, self._plays = part, False

    def take_part(self, training: Training) -> Callback:
        """Let the callback begin, in a training that goes on; from now on it is called itself."""
        self._plays = True
        self.part.on_begin(training)
        return self.part

    def on_end(self, training: Training, error: BaseException | None) -> None:
        if self._plays:
            self.part.on_end(training, error)


class Remembering(Understudy):
    """Stands for a callback that remembers something; `known` is what, and `since` after how many epochs."""

    def __init__(self, part: Callback):
        super().__init__(part)
        self.known: Mapping[str, Any] = {}
        self.since = 0

    def state(self) -> Mapping[str, Any]:
        return self.known

    def restore(self, state: Mapping[str, Any]) -> None:
        self.known = state

    def take_part(self, training: Training) -> Callback:
        found = super().take_part(training)
        if self.known:
            found.restore(self.known)
        return found


def understudy(callback: Callback) -> Understudy:
    """Return what stands for a callback; for one that remembers something it has the name, too."""
    if remembers(callback):
        return type(type(callback).__name__, (Remembering,), {})(callback)  # type: ignore[no-any-return]
    return Understudy(callback)
