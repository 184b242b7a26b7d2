"""The course of a training: its epochs and their steps, what is measured, and who is told.

`ending` says how it ends, and `regrouping` what becomes of it where one of several processes is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..collective import Collective, surviving
from ..data import batches
from ..data.dataset import digest
from ..errors import NonFiniteError, RankError, UnlikeRankError
from ..inference import Tally, scores
from ..program import Program
from ..random import Purpose, Words, key
from ..serialization.fitting import held
from .agreement import Agreed, Agreement, Alone, Company
from .callbacks import Callback
from .checks import smaller_steps
from .ending import Ended, Ending
from .engine import DivergedError, Engine
from .interrupts import put_off
from .listed import remembers
from .rates import rate, warn_of_other_rate
from .regrouping import catch_up, remade, say_who_was_lost, share, take_parts
from .state import FIRST_STEPS, Training
from .telling import Telling, averaged, listening, looking


class Course:
    """One training, from its first step, or the one that a checkpoint holds, to its end.

    Parameters
    ----------
    training : Training
        With the callbacks that listen, in a list: some of them change places where a rank is lost.
    program : Program
        Of a step.
    make : callable
        Makes an engine for the ranks that there are.
    validated : (images, targets), optional
    threads : int, optional
        For validation.
    ranks : Collective, optional
        The processes that share the training, if there are several.
    """

    def __init__(
        self,
        training: Training,
        program: Program,
        make: Callable[[], Engine],
        validated: tuple[NDArray[Any], NDArray[Any]] | None,
        threads: int | None,
        ranks: Collective | None,
    ):
        self._training, self._program, self._make = training, program, make
        self._validated, self._threads, self._ranks = validated, threads, ranks
        training.callbacks = self._listeners = list(training.callbacks)
        self._engine = training.engine = make()
        self._agreed = self._agreement()
        self._said = 0 if ranks is None else len(ranks.lost)  # lost ranks of which everybody knows
        self._telling = Telling("on_batch")  # the last one
        self._stopping = False  # whether all stop, as far as they have agreed
        self._ending = Ending(training, self._listeners, ranks)
        self._began = 0.0  # when the running epoch did, by `time.perf_counter`
        self._whole = True
        """Whether all that is to be known can be put into a checkpoint: the last step is done, all listeners have been
        told of it, and the engine has the weights. While anything of that is half done it is False, and it stays False
        where that fails: nobody could go on from there to the same bits."""

    def _agreement(self) -> Company:
        return Alone() if self._ranks is None else Agreement(self._ranks, self._program)

    def run(self) -> None:
        """Train; callbacks are told when it begins, when it ends, and when all is written. `fit` says what may be
        raised."""
        training, run = self._training, self._training.run
        training.lr = rate(training)  # a schedule that does not fit is refused before anything is written
        surviving(self._ranks, partial(self._agreed.compare, training, self._engine))  # likewise unlike ranks
        with ExitStack() as lasting:
            if run is not None:
                lasting.callback(run.let_go)  # also where a listener fails at the end
            with listening(self._listeners, training), put_off(training, None if run is None else run.named):
                self._begin()
                try:
                    self._ending.reach(self._all_epochs)
                finally:
                    self._ending.close(self._engine, self._checkpoint)
            self._ending.finish(self._agreed)
        for listener in self._listeners:
            listener.on_finish(training)

    def _begin(self) -> None:
        """Begin at the first step, or where a checkpoint says that an earlier training was."""
        self._engine.push()  # what listeners have changed as training began
        self._began = time.perf_counter()
        if self._training.run is not None:
            self._training.elapsed = self._training.run.go_on(self._training, self._engine, self._remembering())
            self._began -= self._training.elapsed
        if self._training.step:
            warn_of_other_rate(self._training)

    def _all_epochs(self) -> None:
        """Do what is left of all epochs, with the ranks that are left."""
        training = self._training
        if self._ranks is not None and self._agreed.outdated:
            self._regroup(self._ranks)
        with self._changing():
            self._agreed.begin(training, self._engine)
        self._end_if_asked(self._agree())  # what one rank wants by now, others have not heard of
        self._checkpoint()
        while training.epoch < training.epochs and (self._within_epoch or not self._stopping):
            self._epoch()
        self._verify()

    def _regroup(self, ranks: Collective) -> None:
        """Come to one state with the ranks that are left."""
        training = self._training
        self._agreed, self._whole = self._agreement(), False
        self._engine = training.engine = remade(self._engine, self._make)
        if taken := catch_up(ranks, training, self._engine, self._telling, time.perf_counter() - self._began):
            self._telling, elapsed = taken
            self._began = time.perf_counter() - elapsed
        self._telling.go_on(training, self._engine)
        take_parts(ranks, training, self._engine, self._listeners)
        if ranks.rank == 0:
            say_who_was_lost(ranks.lost[self._said :], ranks.size, training.step)
        self._said = len(ranks.lost)

    @property
    def _steps_of_epoch(self) -> int:
        """Steps that the running epoch has done; also where a checkpoint lay within it, and the training went on."""
        return self._training.step - self._training.epoch * self._training.steps_per_epoch

    @property
    def _within_epoch(self) -> bool:
        """Whether an epoch has been begun and is not counted yet."""
        return self._steps_of_epoch > 0

    @property
    def _seconds(self) -> float:
        """Seconds that the running epoch has taken, without those for which somebody held it."""
        return time.perf_counter() - self._began - self._training.held

    def _epoch(self) -> None:
        """Train for one epoch, or for what is left of it, validate, and append both to the history."""
        training, settings = self._training, self._training.settings
        if not self._within_epoch:
            training.tally, training.elapsed, training.held = Tally(), 0.0, 0.0
            self._began = time.perf_counter()
        keys = {
            "dropout_key": key(settings.seed, Purpose.DROPOUT, training.epoch),
            "augment_key": key(settings.seed, Purpose.AUGMENT, training.epoch),
        }
        order = batches(
            len(training.data), settings.batch_size, seed=settings.seed, epoch=training.epoch, shuffle=settings.shuffle
        )
        for index in islice(order, self._steps_of_epoch, None):
            if self._stopping:
                break
            self._batch(index, keys)
        seconds = self._seconds
        self._close_epoch(self._validate(), seconds)

    def _batch(self, index: NDArray[np.int64], keys: Mapping[str, Words]) -> None:
        """Do the step of the samples at `index`, and all that is due after it."""
        training = self._training
        with self._changing():
            self._step(index, keys)
            if training.step == FIRST_STEPS and training.run is not None:
                self._engine.pull()
                training.first_steps = digest(*(each.data for each in held(training.network).values()))
            self._tell("on_batch")
        due = training.run is not None and training.run.checkpoints.due(training.step)
        agreed = self._agree(due)
        self._end_if_asked(agreed)
        if agreed.due:
            self._verify()
            self._checkpoint()

    def _step(self, index: NDArray[np.int64], keys: Mapping[str, Words]) -> None:
        """Do one step with the samples at `index` and the epoch's keys; note what it measured."""
        training, before = self._training, self._training.lr
        training.lr = rate(training)
        numbers = {
            "index": index, "position": training.seen + np.arange(len(index)), "count": len(index),
            "lr": training.lr, **keys,
        }  # fmt: skip
        try:
            batch = self._engine.step(numbers)
        except NonFiniteError as error:
            self._whole = True  # all is as it was before the step
            advice = f". {smaller_steps(training)}" if isinstance(error, DivergedError) else ""
            raise NonFiniteError(f"step {training.step + 1} (epoch {training.epoch + 1}): {error}{advice}") from None
        except RankError:
            self._whole, training.lr = True, before  # likewise
            raise
        training.step += 1
        training.tally.add(batch, len(index))
        training.history.batches.append(batch.loss)

    def _close_epoch(self, validated: Mapping[str, float], seconds: float) -> None:
        """Count an epoch that took so long, note what was measured, and tell of it."""
        training, done = self._training, self._steps_of_epoch
        part = {"steps": done} if done < training.steps_per_epoch else {}
        with self._changing():
            training.epoch += 1
            training.history.epochs.append({
                "epoch": training.epoch, **part, **training.tally.scores(),
                **{f"val_{name}": score for name, score in validated.items()}, "lr": training.lr, "seconds": seconds,
            })  # fmt: skip
            self._tell("on_epoch")
        agreed = self._agree()
        if self._ranks is not None:
            share(self._ranks, training, self._listeners)
        self._end_if_asked(agreed)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Do what belongs together: while it is half done, or where it fails, there is no checkpoint."""
        self._whole = False
        yield
        self._whole = True

    def _tell(self, moment: str) -> None:
        """Tell all callbacks that a step or an epoch is done."""
        self._telling = Telling(moment, self._listeners)
        self._telling.go_on(self._training, self._engine)

    def _agree(self, due: bool = False) -> Agreed:
        """Return what all ranks do now."""
        agreed = self._agreed.after(self._training, due)
        self._stopping = agreed.stopping
        return agreed

    def _end_if_asked(self, agreed: Agreed) -> None:
        """End with what all have agreed to end with, if anything, now that there can be a checkpoint."""
        if agreed.ending is not None:
            raise Ended(agreed.ending)

    def _checkpoint(self) -> None:
        """Write a checkpoint of what there is between two steps, where a run wants any."""
        run = self._training.run
        if self._whole and run is not None:
            with self._changing(), self._training.holding():
                run.checkpoints.write(self._training, self._engine, self._remembering(), self._seconds)

    def _verify(self) -> None:
        """Refuse ranks whose weights have come apart: of these there is no checkpoint."""
        try:
            self._agreed.verify(self._training, self._engine)
        except UnlikeRankError:
            self._whole = False
            raise

    def _remembering(self) -> list[Callback]:
        """Return the callbacks that have something to remember, in their order."""
        return [each for each in self._listeners if remembers(each)]

    def _validate(self) -> dict[str, float]:
        """Return the scores of what is held out, if anything is. What ends it is raised when all is as it was."""
        network, settings = self._training.network, self._training.settings
        if self._validated is None:
            return {}
        found: dict[str, float] = {}
        ended: BaseException | None = None
        with self._changing(), looking(self._engine), averaged(network, self._engine):
            try:
                self._training.validating = True
                found = scores(
                    network, *self._validated, settings.loss, engine=settings.engine, threads=self._threads,
                    ranks=self._ranks,
                )  # fmt: skip
            except BaseException as error:
                ended = error
            finally:
                self._training.validating = False
        if ended is not None:
            raise ended
        return found
