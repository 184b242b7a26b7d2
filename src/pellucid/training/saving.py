"""Writing the checkpoints of a run that is being trained: when, what, and how many are kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..definitions.arrays import Array
from ..serialization.fitting import held
from ..serialization.tensor_file import pieces
from ..storage import remove_file, write_file
from .callbacks import Callback
from .checkpoint import FORMAT, VERSION, files, step_of
from .engine import Engine
from .interval import Interval
from .remembered import encoded, packed
from .state import Training

GENERATIONS = 2
"""Checkpoints that are kept: were the newest damaged, there is the one before."""
SHARE = 20
"""Where the interval is a time, a save is due at the earliest after so many times what the last one took."""


class Checkpoints:
    """The checkpoints of a run that is being trained.

    Parameters
    ----------
    folder : Path
        Of the run.
    every : str or int
        As `Interval.of` takes it; each checkpoint says it, for the training that goes on from there.
    begun : mapping of str to str
        What a training begins from, for every checkpoint: the "architecture" of the network as JSON, and the text of
        the "config".
    at : (int, int), optional
        Step and epoch of the checkpoint that the training goes on from: it is not written again.
    refuse : callable, optional
        Called before each is written; raises where nothing may be written any more.
    """

    def __init__(
        self, folder: Path, every: str | int, begun: Mapping[str, str], at: tuple[int, int] | None = None,
        refuse: Callable[[], None] = lambda: None,
    ):  # fmt: skip
        self._folder, self._every, self._interval = folder, every, Interval.of(every)
        self.begun, self._at, self._refuse = dict(begun), at, refuse
        self._time, self._took = time.monotonic(), 0.0
        self.written, self.failed = 0, ""
        """How many were written; and the number that was not finite, in words, if one has ended the training."""

    def due(self, step: int) -> bool:
        """Return whether it is time for another one, after so many steps."""
        if self._interval.steps:
            return step % self._interval.steps == 0
        return time.monotonic() - self._time >= max(self._interval.seconds, SHARE * self._took)

    def write(self, training: Training, engine: Engine, callbacks: Sequence[Callback], elapsed: float) -> None:
        """Write the state after the last step; whatever lies between steps must be finished.

        Parameters
        ----------
        training, engine, callbacks
        elapsed : float
            Seconds that the running epoch has taken.

        Raises
        ------
        ArgumentError
            If a callback remembers what a file cannot give back, or the history holds such a thing.
        """
        remembered = [packed(each) for each in callbacks]  # asked in any case, as some keep what it is about elsewhere
        at, self._at = self._at, None
        if at == (training.step, training.epoch):
            return
        arrays, state = state_of(training, engine, remembered, elapsed)
        self._put(arrays, {**state, "failed": self.failed, "checkpoint_every": self._every}, training)

    def finish(self, training: Training, model: str) -> None:
        """Note that the training is finished: its network is in the run's model file, and only the history is kept.

        Parameters
        ----------
        training : Training
        model : str
            The SHA-256 in the model file.
        """
        state = {
            "finished": True, "first_steps": training.first_steps, "model_sha256": model,
            "rates": [*map(list, training.rates)],
        }  # fmt: skip
        self._put({}, state, training, keep=1)

    def _put(
        self, arrays: Mapping[str, Array], state: Mapping[str, Any], training: Training, keep: int = GENERATIONS
    ) -> None:
        """Write a file, and let go of all but it and those before it that are kept."""
        began = time.monotonic()
        found = content(arrays, state, training, self.begun)
        self._refuse()
        path = self._folder / f"checkpoint-{training.step:09}.safetensors"
        write_file(path, found)
        before = [each for each in files(self._folder) if step_of(each) < training.step]
        for each in files(self._folder):
            if each != path and each not in before[: keep - 1]:
                remove_file(each)
        self._time = time.monotonic()
        self._took = self._time - began
        self.written += 1


class NoCheckpoints:
    """Stands where `Checkpoints` do: the first rank writes them."""

    written, failed = 0, ""

    def due(self, step: int) -> bool:
        return False

    def write(self, training: Training, engine: Engine, callbacks: Sequence[Callback], elapsed: float) -> None: ...

    def finish(self, training: Training, model: str) -> None: ...


def state_of(
    training: Training, engine: Engine, remembered: Sequence[tuple[Mapping[str, Any], Mapping[str, Array]]],
    elapsed: float,
) -> tuple[dict[str, Array], dict[str, Any]]:  # fmt: skip
    """Return what there is to know of a training after its last step, but for the history: arrays, and all else.

    Parameters
    ----------
    training, engine
    remembered : sequence
        What callbacks remember, as `packed` returns it.
    elapsed : float
        Seconds that the running epoch has taken.
    """
    engine.pull()
    arrays: dict[str, Array] = {f"network/{path}": each.data for path, each in held(training.network).items()}
    arrays |= {f"optimizer/{name}": array for name, array in engine.slots().items()}
    state: dict[str, Any] = {
        "epoch": training.epoch, "step": training.step, "lr": training.lr, "stopping": training.stopping,
        "updates": engine.updates, "elapsed": elapsed, "tally": vars(training.tally), "callbacks": [],
        "first_steps": training.first_steps, "rates": [*map(list, training.rates)],
    }  # fmt: skip
    for number, (known, kept) in enumerate(remembered):
        state["callbacks"].append(known)
        arrays |= {f"callback {number}/{name}": array for name, array in kept.items()}
    return arrays, state


def content(
    arrays: Mapping[str, Array], state: Mapping[str, Any], training: Training, begun: Mapping[str, str]
) -> list[memoryview]:
    """Return what the file of a checkpoint holds, the history with it."""
    arrays = {**arrays, "history/batches": np.array(training.history.batches, np.float64)}
    epochs = [encoded(dict(epoch), f"history.epochs[{n}]") for n, epoch in enumerate(training.history.epochs)]
    text = json.dumps({**state, "epochs": epochs}, allow_nan=False)
    return pieces(arrays, {"format": FORMAT, "format_version": VERSION, "state": text, **begun})
