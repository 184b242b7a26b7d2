"""Training: epochs of batches, each one step of a program; nothing is computed here."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..build import lower
from ..data import Dataset, as_dataset, batches, split_indices
from ..errors import ArgumentError, DataError, NonFiniteError
from ..geometry import whole_number
from ..inference import Data, Measured, as_targets, check_shape, evaluate
from ..layers.base import physical_memory
from ..losses import CrossEntropy, Loss
from ..network import Sequential
from ..optimizers import Adam, Optimizer
from ..program import Program
from ..random import Purpose, key
from ..schedules import Constant, Schedule
from .callbacks import Callback, Training
from .engine import NumpyEngine
from .history import History
from .progress import progress_callbacks
from .run import RunWriter

ENGINES = ("numpy",)


def fit(
    network: Sequential,
    train: Data,
    *,
    validation: Data | float | None = None,
    epochs: int = 10,
    batch_size: int = 128,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    schedule: Schedule | None = None,
    sample_weight: ArrayLike | None = None,
    seed: int = 0,
    shuffle: bool = True,
    callbacks: Sequence[Callback] = (),
    engine: str = "numpy",
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> History:
    """Train a network, and return what was measured on the way.

    Parameters
    ----------
    network : Sequential
        Made with an `input_shape`; its weights are changed.
    train : Dataset or (images, labels)
        Labels are class numbers (N,), distributions (N, classes), or targets of the output's shape.
    validation : Dataset, (images, labels) or float, optional
        Evaluated after every epoch; a number from 0 to 1 holds that share of `train` out, stratified by class.
    epochs, batch_size : int, default 10 and 128
        The last batch of an epoch holds what is left.
    loss : Loss, default CrossEntropy()
    optimizer : Optimizer, default Adam(1e-3)
    schedule : Schedule, optional
        Multiplies the optimiser's learning rate before every step.
    sample_weight : array (N,), optional
        How much each sample counts; numbers of at least 0. The loss is the weighted mean.
    seed : int, default 0
        Of the order of samples, of dropout, and of the validation split; the initial weights have the network's own.
    shuffle : bool, default True
        Whether every epoch visits the samples in a new order.
    callbacks : sequence of Callback
    engine : str, default "numpy"
        What runs the steps.
    out : path, optional
        A folder for the run: ``config.toml``, ``metrics.jsonl`` and ``model.safetensors``, saved after every epoch.
    progress : bool, optional
        Whether to show progress; by default in a terminal or a notebook.

    Returns
    -------
    History

    Raises
    ------
    NonFiniteError
        If the loss or a weight becomes NaN or infinite; the network keeps the last good weights.
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
    loss = loss if loss is not None else CrossEntropy()
    optimizer = optimizer if optimizer is not None else Adam()
    schedule = schedule if schedule is not None else Constant()
    if engine not in ENGINES:
        raise ArgumentError(f"engine: expected one of {', '.join(ENGINES)}, received {engine!r}")
    key(seed, Purpose.SHUFFLE)  # refuses a bad seed now
    data, held_out, weights = _divide(as_dataset(train), validation, sample_weight, seed)
    check_shape(network, data.shape)
    targets = as_targets(network, data.labels, loss)
    if held_out is not None:
        check_shape(network, held_out.shape)
        as_targets(network, held_out.labels, loss)
    program = lower(
        network, loss=loss, optimizer=optimizer, target_shape=targets.shape[1:], weighted=weights is not None,
        resident=True,
    )  # fmt: skip
    size = min(whole_number(batch_size, "batch_size"), len(data))
    _refuse_too_large(program, size)

    resident: dict[str, Any] = {"input.data": data.images, "target.data": targets}
    if weights is not None:
        resident["sample_weight.data"] = weights.astype(network.dtype)
    epochs = whole_number(epochs, "epochs")
    settings = {
        "epochs": epochs, "batch_size": size, "seed": seed, "shuffle": shuffle, "engine": engine, "loss": loss,
        "optimizer": optimizer, "schedule": schedule,
    }  # fmt: skip
    training = Training(network, data, settings, size, epochs)
    listeners = [*callbacks, *progress_callbacks(progress), *([] if out is None else [RunWriter(out)])]
    runner = NumpyEngine(network, program, resident)
    course = _Course(training, runner, optimizer.lr, schedule, seed, shuffle, listeners)
    with _ended(training, listeners):
        while training.epoch < training.epochs and not training.stopping:
            course.epoch()
            with course.averaged():
                if held_out is not None:
                    scores = evaluate(network, held_out, loss=loss)
                    training.history.epochs[-1].update({f"val_{name}": score for name, score in scores.items()})
                for listener in listeners:
                    listener.on_epoch(training)
        course.keep_averages()
    return training.history


@dataclass
class _Course:
    """One training under way: the epochs and steps between beginning and end."""

    training: Training
    engine: NumpyEngine
    lr: float
    schedule: Schedule
    seed: int
    shuffle: bool
    listeners: Sequence[Callback]

    def epoch(self) -> None:
        """Do one epoch, and append what it measured to the history."""
        training, began = self.training, time.perf_counter()
        mask_key = key(self.seed, Purpose.DROPOUT, training.epoch)
        training.seen, training.correct = 0, None
        total = weight = 0.0
        order = batches(
            len(training.data), training.batch_size, seed=self.seed, epoch=training.epoch, shuffle=self.shuffle
        )
        for index in order:
            factor = self.schedule(training.step, training.total_steps, training.steps_per_epoch)
            training.lr = self.lr * factor
            numbers = {
                "index": index, "position": training.seen + np.arange(len(index)), "dropout_key": mask_key,
                "count": len(index), "lr": training.lr, "step": training.step + 1,
            }  # fmt: skip
            batch = self._step(numbers)
            total, weight = total + batch.loss * batch.weight, weight + batch.weight
            training.step, training.seen = training.step + 1, training.seen + len(index)
            if batch.correct is not None:
                training.correct = (training.correct or 0) + batch.correct
            training.history.batches.append(batch.loss)
            for listener in self.listeners:
                listener.on_batch(training)
            if training.stopping:
                break
        training.epoch += 1
        measured: dict[str, float] = {"epoch": training.epoch, "loss": total / weight}
        if training.correct is not None:
            measured["accuracy"] = training.correct / training.seen
        training.history.epochs.append({**measured, "lr": training.lr, "seconds": time.perf_counter() - began})

    def _step(self, numbers: dict[str, Any]) -> Measured:
        try:
            return self.engine.step(numbers)
        except NonFiniteError as error:
            raise NonFiniteError(
                f"step {self.training.step + 1} (epoch {self.training.epoch + 1}): {error}; the weights before this "
                f"step are kept. Try a smaller lr than {self.training.lr:g}, or clip_norm"
            ) from None

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the network have the averaged weights for a while, where the optimiser keeps any."""
        parameters, averages = self.training.network.parameters(), self.engine.averages()
        trained = {path: parameters[path].data.copy() for path in averages}
        self.keep_averages()
        try:
            yield
        finally:
            for path, data in trained.items():
                parameters[path].data = data

    def keep_averages(self) -> None:
        """Give the network the averaged weights, where the optimiser keeps any."""
        parameters = self.training.network.parameters()
        for path, average in self.engine.averages().items():
            parameters[path].data = average


@contextmanager
def _ended(training: Training, listeners: Sequence[Callback]) -> Iterator[None]:
    """Tell all listeners when training begins, and when it ends, however it ends."""
    try:
        for listener in listeners:
            listener.on_begin(training)
        yield
    except BaseException as error:
        for listener in listeners:
            listener.on_end(training, error)
        raise
    for listener in listeners:
        listener.on_end(training, None)


def _divide(
    data: Dataset, validation: Data | float | None, sample_weight: ArrayLike | None, seed: int
) -> tuple[Dataset, Dataset | None, NDArray[Any] | None]:
    """Return what to train on, what to validate on, and the weights of the former's samples."""
    weights = None if sample_weight is None else _checked_weights(sample_weight, len(data))
    if validation is None or not isinstance(validation, (int, float)):
        return data, None if validation is None else as_dataset(validation), weights
    if not 0 < validation < 1:
        raise ArgumentError(f"validation: expected data, or a share between 0 and 1, received {validation!r}")
    rest, held_out = split_indices(data, validation, seed)
    return data.subset(rest), data.subset(held_out), None if weights is None else weights[rest]


def _checked_weights(sample_weight: ArrayLike, samples: int) -> NDArray[Any]:
    weights = np.asarray(sample_weight)
    if weights.shape != (samples,) or weights.dtype.kind not in "biuf":
        raise DataError(f"sample_weight: expected {samples:,} numbers, received {weights.dtype} {weights.shape}")
    if not np.isfinite(weights).all() or weights.min() < 0 or not weights.any():
        raise DataError("sample_weight: expected finite numbers of at least 0, and one above 0")
    return weights


def _refuse_too_large(program: Program, batch_size: int) -> None:
    needed = program.activation_bytes() * batch_size
    if needed > physical_memory():
        raise ArgumentError(
            f"batch_size: {batch_size} samples of this network need {needed:,} bytes at a time, and this machine has "
            f"{physical_memory():,}; use a smaller batch_size"
        )
