"""What callbacks have in common that log a training for another program to show.

A log that cannot be begun is refused before the first step. What fails later is warned of once, and the training goes
on without the log: a server that is away for a moment must not end it. What was measured stands in the run's own
``metrics.jsonl`` in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..arguments import warn
from ..training.callbacks import Callback
from ..training.state import Training


class Logger(Callback):
    """Base of the loggers.

    Where one writes within its store is chosen once training is under way, when the name of the run's folder is known,
    and remembered for a training that is resumed; with the folder of the run, for a copy of that, elsewhere, is another
    one, and must not go on in what is the original's.
    """

    sees_weights = False
    _training: Training
    _place: str | None = None
    """Name or number of what is written to, once there is one."""
    _resumed = _lost = False

    def on_begin(self, training: Training) -> None:
        self._training, self._place, self._resumed, self._lost = training, None, False, False

    def on_end(self, training: Training, error: BaseException | None) -> None:
        del self._training  # so that a log that is kept, copied or used again keeps neither data nor engine

    def state(self) -> Mapping[str, Any]:
        self._attempt(self._complete)
        return {} if self._place is None else {"place": self._place, "run": self._folder()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._place = state.get("place")
        if self._place is not None and "run" in state and state["run"] != self._folder():
            self._place = None
            warn(f"{type(self).__name__}: the run lies in another folder than when its log was begun; a new log begins")
        self._resumed = self._place is not None

    def _folder(self) -> str | None:
        """Return the run's folder, with all links followed, if there is one."""
        run = self._training.run
        return None if run is None else str(run.folder.resolve())

    def _complete(self) -> None:
        """Open the log, and have all that was measured until now in it."""
        raise NotImplementedError

    def _attempt(self, write: Callable[..., None], *arguments: Any) -> None:
        """Write something, unless that has failed before; where it fails, warn."""
        if self._lost:
            return
        try:
            write(*arguments)
        except Exception as error:
            self._lost = True
            warn(f"{type(self).__name__}: the log ends here, and the training goes on without it ({error})")

    def _called(self, name: str | None) -> str:
        """Return what the run is called: the name given, or else its folder's."""
        run = self._training.run
        return name or ("" if run is None else run.folder.resolve().name) or "run"
