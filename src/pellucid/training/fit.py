"""Training: epochs of batches, each one step of a program; nothing is computed here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import isclose
from typing import Any, Never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import number, warn
from ..build import lower
from ..collective import Collective, surviving
from ..data import as_dataset, batches
from ..data.augment import Augmentation, as_augmentations
from ..data.dataset import digest
from ..errors import ArgumentError, NonFiniteError, RankError, StorageError, path_text
from ..geometry import whole_number
from ..inference import Tally, scores
from ..inputs import Data, as_loss, as_targets, check_images, refuse_more, warn_of_pixels
from ..losses import Loss
from ..native import uses_compiler
from ..network import Network
from ..optimizers import Adam, Optimizer
from ..program import Program
from ..random import Purpose, Words, key
from ..schedules import Constant, Schedule
from ..serialization.fitting import held
from .agreement import Agreement, Alone, Ranks, among, refuse_numpy
from .callbacks import FIRST_STEPS, Callback, Settings, Training
from .checks import (
    check_normalised,
    divide,
    refuse_strangers,
    refuse_too_large,
    smaller_steps,
    warn_of_guessing,
    warn_of_labels,
)
from .engine import CompiledEngine, DivergedError, Engine, NumpyEngine
from .history import History
from .interrupts import put_off
from .listed import remembers
from .progress import progress_callbacks
from .regrouping import catch_up, missing_it, remade, say_who_was_lost, share, take_parts, take_run
from .run import RunWriter


def fit(
    network: Network,
    train: Data,
    *more: Never,
    validation: Data | float | None = None,
    epochs: int = 10,
    batch_size: int = 128,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    schedule: Schedule | None = None,
    augment: Sequence[Augmentation] | None = None,
    sample_weight: ArrayLike | None = None,
    seed: int = 0,
    shuffle: bool = True,
    callbacks: Sequence[Callback] = (),
    engine: str = "compiled",
    threads: int | None = None,
    out: str | os.PathLike[str] | None = None,
    checkpoint_every: str | int | None = None,
    progress: bool | None = None,
    ranks: Collective | None = None,
) -> History:
    """Train a network, and return what was measured on the way.

    Parameters
    ----------
    network : Network
        Made with an `input_shape`; its weights are changed, those of parameters excepted that are not `trainable` when
        training begins.
    train : Dataset or (images, labels)
        A pair is one argument. Labels are class numbers (N,), distributions (N, classes), or targets of the output's
        shape.
    validation : Dataset, (images, labels) or float, optional
        Evaluated after every epoch; a number between 0 and 1 holds that share of `train` out, stratified by class.
    epochs, batch_size : int, default 10 and 128
        The last batch of an epoch holds what is left.
    loss : Loss, default CrossEntropy()
    optimizer : Optimizer, default Adam(1e-3)
    schedule : Schedule, optional
        Multiplies the optimiser's learning rate before every step.
    augment : sequence of Augmentation, optional
        What is done to the images, in this order and anew at every epoch: ``[p.augment.Crop(padding=2)]``. Where the
        network is validated, nothing of it is done. With `MixUp` the accuracy in training counts a mixture as right
        where the class of its larger share is found.
    sample_weight : array (N,), optional
        How much each sample counts; numbers of at least 0. The loss is the weighted mean; the accuracy counts every
        sample alike.
    seed : int, default 0
        Of the order of samples, of augmentation and dropout, and of the validation split; the initial weights have the
        network's own.
    shuffle : bool, default True
        Whether every epoch visits the samples in a new order.
    callbacks : sequence of Callback
        A plain function goes in as ``p.on_epoch(f)`` or ``p.on_batch(f)``.
    engine : str, default "compiled"
        What runs the steps: "compiled", native code made for this network, or "numpy", the definitions themselves. A
        network in float64 always takes the latter.
    threads : int, optional
        Of the compiled engine; by default PELLUCID_THREADS, or else as many as this process has processors. The results
        are the same for any number.
    out : path, optional
        A folder for the run: ``config.toml``, ``metrics.jsonl`` and ``model.safetensors``, saved after each epoch in
        which there was a checkpoint and at the end; and checkpoints, from which `resume` goes on.
    checkpoint_every : str or int, default "30s"
        How often a checkpoint is written into `out`: after so many steps, or a time such as "30s", "5min" or "1h". What
        ends the training early leaves one too, if it leaves the time: Ctrl-C waits for the end of the step, unless the
        program has said what else becomes of it; a second one ends the training at once.
    progress : bool, optional
        Whether to show progress; by default in a terminal or a notebook.
    ranks : Collective, optional
        The processes that share the training: each calls this with the same arguments, does its samples of every batch,
        and has the same network in the end, to the last bit that of one process. See `pellucid.distributed`. The first
        one alone writes `out` and shows progress.

    Returns
    -------
    History

    Raises
    ------
    NonFiniteError
        If the loss or a weight becomes NaN or infinite; the network keeps the last good weights.
    RankError
        If a rank has other code, data or settings than the others, or does not come.
    ArgumentError, DataError, ShapeError
        If something does not fit, before anything is changed.

    Examples
    --------
    >>> import numpy as np
    >>> import pellucid as p
    >>> network = p.Sequential([p.Flatten(), p.Linear(4, 2)], input_shape=(1, 2, 2))
    >>> x = np.random.default_rng(0).random((20, 1, 2, 2), np.float32)
    >>> history = p.fit(network, (x, (x.mean((1, 2, 3)) > 0.5).astype(int)), epochs=3, progress=False)
    >>> [sorted(epoch) for epoch in history.epochs][0]
    ['accuracy', 'epoch', 'loss', 'lr', 'seconds']
    """
    refuse_more("fit", more)
    if checkpoint_every is not None and out is None:
        raise ArgumentError("checkpoint_every: checkpoints lie in the folder of a run; name one, out=…")
    loss = as_loss(loss)
    optimizer = optimizer if optimizer is not None else Adam()
    schedule = schedule if schedule is not None else Constant()
    refuse_strangers(optimizer, schedule, callbacks)
    key(seed, Purpose.SHUFFLE)  # refuses a bad seed now
    data, held_out, weights = divide(as_dataset(train, "train"), validation, sample_weight, seed)
    check_images(network, data.images)
    augment = as_augmentations(augment, data.shape)
    native = uses_compiler(network, engine)
    ranks = None if ranks is None or ranks.size == 1 else ranks
    refuse_numpy(ranks, native)
    targets = as_targets(network, data.labels, loss)
    if held_out is not None:
        check_images(network, held_out.images)
        validated = held_out.images, as_targets(network, held_out.labels, loss)
    else:
        validated = None
    warn_of_pixels(network, data.images)
    warn_of_labels(network, targets, loss)
    resident = {"input.data": data.images, "target.data": targets}
    if weights is not None:
        resident["sample_weight.data"] = weights.astype(network.dtype)
    program = lower(
        network, loss=loss, optimizer=optimizer, target_shape=targets.shape[1:], weighted=weights is not None,
        resident=True, augment=augment,
    )  # fmt: skip
    size = min(whole_number(batch_size, "batch_size"), len(data))
    check_normalised(program, len(data), size)
    if not native:
        refuse_too_large(program, size)
    settings = Settings(
        whole_number(epochs, "epochs"), size, loss, optimizer, schedule, seed, bool(shuffle), engine, augment,
        float(validation) if isinstance(validation, (int, float, np.number)) else held_out, weights,
    )  # fmt: skip
    training = Training(network, data, settings, ranks=ranks)
    written = [] if out is None else [RunWriter(out, checkpoint_every=checkpoint_every)]
    # What refuses a folder comes before any display.
    listeners = among(ranks, [*callbacks, *written, *progress_callbacks(progress)])
    training.callbacks, training.run = listeners, _run_among(listeners)
    training.resumed = training.run is not None and training.run.resumed is not None

    def make() -> Engine:
        if native:
            return CompiledEngine(network, program, resident, size, threads, ranks)
        return NumpyEngine(network, program, resident)

    training.engine = make()
    agreed: Ranks = Alone() if ranks is None else Agreement(ranks, program)
    losses, lost = (0, 0) if ranks is None else (ranks.losses, len(ranks.lost))
    course = _Course(
        training, program, training.engine, make, validated, listeners, threads, ranks, agreed, losses, lost
    )
    training.lr = course.lr()  # asked now, so that a schedule that does not fit is refused before anything is written
    surviving(ranks, partial(agreed.compare, training, training.engine))  # likewise ranks that are not alike
    with ExitStack() as ending:
        if training.run is not None:
            ending.callback(training.run.let_go)  # also where another listener fails at the end
        with ExitStack() as listening:
            for listener in listeners:
                listening.enter_context(_listening(listener, training))
            with put_off(training, None if training.run is None else training.run.named):
                course.begin()
                course.run()
        surviving(ranks, course.finish)
    for listener in listeners:
        listener.on_finish(training)
    warn_of_guessing(training)
    return training.history


@dataclass
class _Course:
    """One training under way: its epochs and their steps.

    Attributes
    ----------
    whole : bool
        Whether all that is to be known of it can be put into a checkpoint: the last step is done, all listeners have
        been told of it, and the engine has the weights. While anything of that is half done it is False, and it stays
        False where that fails: nobody could go on from there to the same bits.
    """

    training: Training
    program: Program
    engine: Engine
    make: Callable[[], Engine]
    """Makes an engine for the ranks that there are."""
    validated: tuple[NDArray[Any], NDArray[Any]] | None
    listeners: list[Callback]
    threads: int | None
    ranks: Collective | None
    agreed: Ranks
    losses: int = 0
    lost: int = 0
    """After how many losses the engine was made, and how many ranks were lost."""
    finished: bool = False
    whole: bool = True
    began: float = 0.0
    """When the running epoch began, by `time.perf_counter`."""

    def begin(self) -> None:
        """Begin at the first step, or where a checkpoint says that an earlier training was."""
        self.engine.push()  # what listeners have changed as training began
        self.began = time.perf_counter()
        if self.training.run is not None:
            self.training.elapsed = self.training.run.go_on(self.training, self.engine, self._remembering())
            self.began -= self.training.elapsed
        if self.training.step:
            self._warn_of_rate()

    def run(self) -> None:
        """Do all epochs. However they end, the network has the averaged weights then, where there are any."""
        training = self.training
        try:
            if ended := surviving(self.ranks, self._to_the_end):
                raise ended
        except NonFiniteError as error:
            if training.run is not None:
                training.run.checkpoints.failed = str(error)
            raise
        except StorageError as error:
            if training.run is not None:
                error.add_note(f"to go on when that is put right: p.resume({str(training.run.named)!r}, …)")
            raise
        finally:
            try:
                self._checkpoint()
            finally:
                self.engine.pull()
                self._take_averages()

    def _all_epochs(self) -> None:
        """Do what is left of all epochs, with the ranks that are left."""
        training = self.training
        lost = self.ranks is not None and self.ranks.losses > self.losses
        if self.ranks is not None and lost:
            self._regroup(self.ranks)
        with self._changing():
            self.agreed.begin(training, self.engine)
        if lost:  # what one of them wanted not all may have heard of
            self.agreed.after(training)
            self._end_if_asked()
        self._checkpoint()
        while training.epoch < training.epochs and (self._within_epoch or not training.stopping):
            self._epoch()
        self._verify()

    def _to_the_end(self) -> BaseException | None:
        """Do what is left; return what all ranks have agreed to end with before that, if anything."""
        try:
            self._all_epochs()
        except BaseException as error:
            if error is not self.training.ending:
                raise
        return self.training.ending

    def finish(self) -> None:
        """Finish the run, when the training has ended; all ranks wait for the first one."""
        first = self.ranks is None or self.ranks.rank == 0
        if first:
            take_run(self.training, self.listeners)
        if first and not self.finished and self.training.run is not None:
            self.training.run.finish(self.training)
        self.finished = first
        if self.ranks is not None:
            self.ranks.all(b"")

    def _regroup(self, ranks: Collective) -> None:
        """Come to one state with the ranks that are left; where this one has become the first, it takes its part."""
        training, step, epoch = self.training, self.training.step, self.training.epoch
        lost, self.lost = ranks.lost[self.lost :], len(ranks.lost)
        self.losses, self.agreed, self.whole = ranks.losses, Agreement(ranks, self.program), False
        self.engine = training.engine = remade(self.engine, self.make)
        elapsed = catch_up(ranks, training, self.engine, self.listeners, time.perf_counter() - self.began)
        self.began = time.perf_counter() - elapsed
        if training.step > step:
            self._tell_of_batch(missing_it(self.listeners))
        if training.epoch > epoch:
            self._tell_of_epoch(missing_it(self.listeners))
        share(ranks, training, self.listeners)
        if ranks.rank == 0:
            self._tell_of_epoch(take_parts(training, self.listeners))
            say_who_was_lost(lost, ranks.size, training.step)

    def _warn_of_rate(self) -> None:
        """Warn where the schedule gives another rate for the last step than that step had: another function of the
        same name, which no config tells apart."""
        training, rate = self.training, self.lr(self.training.step - 1)
        if not isclose(rate, training.lr, rel_tol=1e-12):
            warn(
                f"schedule: step {training.step:,} had the learning rate {training.lr:g}, and would have {rate:g} now; "
                "give the schedule that the run was begun with"
            )

    @property
    def _within_epoch(self) -> bool:
        """Whether an epoch has been begun and is not counted yet, as where a checkpoint lay within it."""
        return self.training.step > self.training.epoch * self.training.steps_per_epoch

    @property
    def _seconds(self) -> float:
        """Seconds that the running epoch has taken, without those for which somebody held it."""
        return time.perf_counter() - self.began - self.training.held

    def lr(self, step: int | None = None) -> float:
        """Return the learning rate of the step after so many, by default of the next one."""
        training = self.training
        done = training.step if step is None else step
        factor = training.settings.schedule(done, training.total_steps, training.steps_per_epoch)
        rate = training.settings.optimizer.lr * number(factor, "schedule", "a number of at least 0")
        return rate * training.factor(done)

    def _epoch(self) -> None:
        """Train for one epoch, validate, and append both to the history."""
        training, settings = self.training, self.training.settings
        done = training.step - training.epoch * training.steps_per_epoch  # some, where a checkpoint lay within it
        if not done:
            training.tally, training.elapsed, training.held = Tally(), 0.0, 0.0
            self.began = time.perf_counter()
        keys = {
            "dropout_key": key(settings.seed, Purpose.DROPOUT, training.epoch),
            "augment_key": key(settings.seed, Purpose.AUGMENT, training.epoch),
        }
        order = batches(
            len(training.data), settings.batch_size, seed=settings.seed, epoch=training.epoch, shuffle=settings.shuffle
        )
        for index in islice(order, done, None):
            if training.stopping:
                break
            with self._changing():
                self._step(index, keys)
                if training.step == FIRST_STEPS and training.run is not None:
                    self.engine.pull()
                    training.first_steps = digest(*(each.data for each in held(training.network).values()))
                self._tell_of_batch(self.listeners)
            due = training.run is not None and training.run.checkpoints.due(training.step)
            due = self.agreed.after(training, due)
            self._end_if_asked()
            if due:
                self._verify()
                self._checkpoint()
        seconds = self._seconds
        found = self._validate()
        done = training.step - training.epoch * training.steps_per_epoch
        part = {"steps": done} if done < training.steps_per_epoch else {}
        with self._changing():
            training.epoch += 1
            training.history.epochs.append({
                "epoch": training.epoch, **part, **training.tally.scores(),
                **{f"val_{name}": score for name, score in found.items()}, "lr": training.lr, "seconds": seconds,
            })  # fmt: skip
            self._tell_of_epoch(self.listeners)
        self.agreed.after(training)
        if self.ranks is not None:
            share(self.ranks, training, self.listeners)
        self._end_if_asked()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Do what belongs together: while it is half done, or where it fails, there is no checkpoint."""
        self.whole = False
        yield
        self.whole = True

    def _end_if_asked(self) -> None:
        """Raise what somebody wants the training to end with, now that there can be a checkpoint."""
        if self.training.ending is not None:
            raise self.training.ending

    def _checkpoint(self) -> None:
        """Write a checkpoint of what there is between two steps, where a run wants any."""
        run = self.training.run
        if self.whole and run is not None:
            with self._changing():
                run.checkpoints.write(self.training, self.engine, self._remembering(), self._seconds)

    def _verify(self) -> None:
        """Refuse ranks whose weights have come apart: of these there is no checkpoint."""
        with self._changing():
            self.agreed.verify(self.training, self.engine)

    def _remembering(self) -> list[Callback]:
        """Return the callbacks that have something to remember, in their order."""
        return [each for each in self.listeners if remembers(each)]

    def _validate(self) -> dict[str, float]:
        """Return the scores of what is held out, if anything is. What ends it is raised when all is as it was."""
        network, settings = self.training.network, self.training.settings
        if self.validated is None:
            return {}
        found: dict[str, float] = {}
        ended: BaseException | None = None
        with self._changing(), self._looking(), self._averaged():
            try:
                self.training.validating = True
                found = scores(
                    network,
                    *self.validated,
                    settings.loss,
                    engine=settings.engine,
                    threads=self.threads,
                    ranks=self.ranks,
                )
            except BaseException as error:
                ended = error
            finally:
                self.training.validating = False
        if ended is not None:
            raise ended
        return found

    def _tell_of_epoch(self, listeners: Sequence[Callback]) -> None:
        """Tell listeners that an epoch is done; they see the averaged weights, where there are any."""
        with self._looking(), self._averaged():
            for listener in listeners:
                listener.on_epoch(self.training)

    def _tell_of_batch(self, listeners: Sequence[Callback]) -> None:
        """Tell listeners that a step is done; those that may look at the weights, or change them, can."""
        told = [each for each in listeners if getattr(each.on_batch, "__func__", None) is not Callback.on_batch]
        with self._looking() if any(listener.sees_weights for listener in told) else nullcontext():
            for listener in told:
                listener.on_batch(self.training)

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Let the network have the weights for a while, and take over what somebody has changed there."""
        self.engine.pull()
        try:
            yield
        finally:
            self.engine.push()

    def _step(self, index: NDArray[np.int64], keys: Mapping[str, Words]) -> None:
        """Do one step with the samples at `index` and the epoch's keys; note what it measured."""
        training, before = self.training, self.training.lr
        training.lr = self.lr()
        numbers = {
            "index": index, "position": training.seen + np.arange(len(index)), "count": len(index),
            "lr": training.lr, **keys,
        }  # fmt: skip
        try:
            batch = self.engine.step(numbers)
        except NonFiniteError as error:
            self.whole = True  # all is as it was before the step
            advice = f". {smaller_steps(training)}" if isinstance(error, DivergedError) else ""
            raise NonFiniteError(f"step {training.step + 1} (epoch {training.epoch + 1}): {error}{advice}") from None
        except RankError:
            self.whole, training.lr = True, before  # likewise
            raise
        training.step += 1
        training.tally.add(batch, len(index))
        training.history.batches.append(batch.loss)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Let the network have the averaged weights for a while, where the optimiser keeps any."""
        parameters = self.training.network.parameters()
        trained = {path: parameters[path].data.copy() for path in self.engine.averages()}
        self._take_averages()
        try:
            yield
        finally:
            for path, data in trained.items():
                parameters[path].data = data

    def _take_averages(self) -> None:
        """Give the network the averaged weights, where the optimiser keeps any."""
        parameters = self.training.network.parameters()
        for path, average in self.engine.averages().items():
            parameters[path].data = average


def _run_among(listeners: Sequence[Callback]) -> RunWriter | None:
    """Return the one that writes a run's folder, if there is one; refuse a second, as a training is one run."""
    runs = [each for each in listeners if isinstance(each, RunWriter)]
    if len(runs) > 1:
        folders = " and ".join(path_text(run.folder) for run in runs)
        raise ArgumentError(f"fit: expected one folder for the run, received {folders}; leave out all but one")
    return runs[0] if runs else None


@contextmanager
def _listening(listener: Callback, training: Training) -> Iterator[None]:
    """Tell a callback that training begins, and later that it has ended."""
    listener.on_begin(training)
    try:
        yield
    except BaseException as error:
        listener.on_end(training, error)
        raise
    listener.on_end(training, None)
