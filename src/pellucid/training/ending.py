"""How a training ends, and who writes what then.

==========================  ========================================  ================================================
it ends                     what is written                           who writes it
==========================  ========================================  ================================================
after its last epoch, or    a checkpoint; when callbacks have had     the first rank, for which all others wait
as it is stopped            their end, the network, and that the run  (`Ending.finish`); the next one, if that is lost
                            is finished
with what all have agreed   a checkpoint                              likewise (`Ending.close`)
to end with before that
with any other error        a checkpoint, if there can be one: the    the first rank, if the error is its own, or if the
                            last step is done, and callbacks have     others do not come; who fails, too, waits for it
                            heard of it
==========================  ========================================  ================================================

`Ending.reach` does the epochs; `Ending.close` writes the checkpoint; then callbacks have their `on_end`, in which the
run's log is completed, and after an error the network is saved; and without one `Ending.finish` finishes the run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..collective import Collective, surviving, told_by_all
from ..errors import NonFiniteError, StorageError
from .agreement import Company
from .callbacks import Callback
from .engine import Engine
from .regrouping import take_run
from .state import Training
from .telling import take_averages


class Ended(BaseException):
    """All ranks have agreed to end with `error`."""

    def __init__(self, error: BaseException):
        self.error = error


class Ending:
    """The end of a training.

    Parameters
    ----------
    training : Training
    listeners : list of Callback
        Those of the training; who follows the run changes places with who writes it where the first rank is lost.
    ranks : Collective or None
        The processes that share the training.
    """

    def __init__(self, training: Training, listeners: list[Callback], ranks: Collective | None):
        self._training, self._listeners, self._ranks = training, listeners, ranks
        self._together = False  # whether all have agreed to end before the last epoch
        self._finished = False  # whether this process has finished the run

    def reach(self, epochs: Callable[[], None]) -> None:
        """Do all epochs, with the ranks that are left; raise what ends them early.

        What all have agreed to end with (`Ended`) comes out of this when all ranks know that they have.
        """
        try:
            ended = surviving(self._ranks, partial(_agreed_on, epochs))
            if ended is not None:
                self._together = True
                raise ended
        except NonFiniteError as error:
            if self._training.run is not None:
                self._training.run.checkpoints.failed = str(error)
            raise
        except StorageError as error:
            if self._training.run is not None:
                error.add_note(f"to go on when that is put right: p.resume({str(self._training.run.named)!r}, …)")
            raise

    def close(self, engine: Engine, checkpoint: Callable[[], None]) -> None:
        """Save what there is, however the epochs have ended, and give the network the averaged weights, where there are
        any. `checkpoint` writes one, if there can be one."""
        try:
            if self._together:
                surviving(self._ranks, partial(self._save_for_all, checkpoint))
            else:
                checkpoint()
        finally:
            engine.pull()
            take_averages(self._training.network, engine)

    def finish(self, company: Company) -> None:
        """Finish the run, when callbacks have left the network as it stays, and the same in all ranks."""
        surviving(self._ranks, partial(self._finish_for_all, company))

    def _save_for_all(self, checkpoint: Callable[[], None]) -> None:
        """Write the checkpoint of a training that all ranks end: none leaves before there is one."""
        self._be_first()
        checkpoint()
        self._wait_for_first()

    def _finish_for_all(self, company: Company) -> None:
        company.verify_end(self._training)
        self._be_first()
        if self._is_first and not self._finished and self._training.run is not None:
            self._training.run.finish(self._training)
        self._finished = self._is_first
        self._wait_for_first()

    @property
    def _is_first(self) -> bool:
        return self._ranks is None or self._ranks.rank == 0

    def _be_first(self) -> None:
        """Write the run from now on, if this rank has become the first one."""
        if self._is_first:
            take_run(self._training, self._listeners)

    def _wait_for_first(self) -> None:
        if self._ranks is not None:
            told_by_all(self._ranks, b"")


def _agreed_on(epochs: Callable[[], None]) -> BaseException | None:
    """Do all epochs; return what all ranks have agreed to end with before that, if anything."""
    try:
        epochs()
    except Ended as ended:
        return ended.error
    return None
