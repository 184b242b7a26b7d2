"""What a training's callbacks are in all ranks but the first: who waits for a part, should the first one be lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from .callbacks import Callback
from .checkpoint import Checkpoint
from .config import RunConfig
from .engine import Engine
from .listed import remembers
from .run import RunWriter
from .saving import Checkpoints, NoCheckpoints
from .state import Training


class Run(Protocol):
    """The run of a training, as a rank has it: the first one writes it (`RunWriter`), all others follow.

    Attributes
    ----------
    folder, named : Path
        The folder, and how it was named; for those that follow, as soon as the first rank has told them.
    resumed : Checkpoint or None
        Where the run goes on, until it has.
    gone_on : callable
        Called when nothing stands in the way any more of a run that goes on.
    """

    resumed: Checkpoint | None
    gone_on: Callable[[], None]

    @property
    def folder(self) -> Path: ...

    @property
    def named(self) -> Path: ...

    @property
    def checkpoints(self) -> Checkpoints | NoCheckpoints:
        """The checkpoints of the run, once it has begun."""

    def config(self, training: Training) -> RunConfig:
        """Return what the run says of a training that begins."""

    def lies_in(self, folder: Path) -> None:
        """Take note of where the first rank writes the run."""

    def go_on(self, training: Training, engine: Engine, callbacks: Sequence[Callback]) -> float:
        """Let a training go on where the run does, and return the seconds that its running epoch had taken."""

    def finish(self, training: Training) -> None:
        """Save what the training has come to."""

    def let_go(self) -> None:
        """Let others have the run."""


class RunFollower(Callback):
    """The run that another rank writes.

    Parameters
    ----------
    writer : RunWriter
        What this rank writes it with, once it is the first; it knows the folder.

    Attributes
    ----------
    folder, named, resumed, gone_on
        See `Run`.
    checkpoints : NoCheckpoints
    """

    sees_weights = False
    for_all_ranks = True

    def __init__(self, writer: RunWriter):
        self._writer, self._goes_on = writer, writer.resumed is not None
        self._told = False  # whether the first rank has told where the run lies, having begun it or gone on with it
        self.resumed, self.checkpoints = writer.resumed, NoCheckpoints()
        self.gone_on: Callable[[], None] = lambda: None

    @property
    def folder(self) -> Path:
        return self._writer.folder

    @property
    def named(self) -> Path:
        return self._writer.named

    def config(self, training: Training) -> RunConfig:
        return self._writer.config(training)

    def lies_in(self, folder: Path) -> None:
        self._writer.lies_in(folder)
        self._told = True

    def on_begin(self, training: Training) -> None:
        if self.resumed is not None:
            self.resumed.config().refuse_other(training, self.named)

    def go_on(self, training: Training, engine: Engine, callbacks: Sequence[Callback]) -> float:
        checkpoint, self.resumed = self.resumed, None
        self._writer.resumed = None  # it is as large as the network and all that its optimiser keeps
        if checkpoint is None:
            return 0.0
        elapsed = checkpoint.restore(training, engine, callbacks)
        for each in callbacks:
            if isinstance(each, Remembering):
                each.since = training.epoch
        return elapsed

    def take_part(self, training: Training) -> RunWriter:
        """Write the run from now on; begin it, or go on with it, where nobody has."""
        if self._told or self._goes_on:
            self._writer.take_over(training)
        else:
            self._writer.on_begin(training)
        if self._goes_on and not self._told:
            self.gone_on()
        return self._writer

    def on_end(self, training: Training, error: BaseException | None) -> None:
        if training.run is self._writer:
            self._writer.on_end(training, error)

    def finish(self, training: Training) -> None: ...

    def let_go(self) -> None:
        self._writer.let_go()


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
