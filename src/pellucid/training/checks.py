"""What `fit` refuses before it changes anything, and what it warns of."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import as_array, nearest_name, number, warn
from ..data import Dataset, as_dataset, split_indices
from ..errors import ArgumentError, DataError
from ..inputs import Data
from ..limits import physical_memory
from ..losses import CrossEntropy, Loss
from ..network import Network
from ..optimizers import Optimizer
from ..program import Program
from .callbacks import Callback
from .history import History
from .state import Training

_FEW_NUMBERS = 8  # a mean and a variance of fewer say more of chance than of the images
_STEPS_TO_LEARN = 50  # after fewer, the loss of a good training too may still be that of guessing
_RISE, _JUMP = 0.02, 0.25  # of the level of guessing: what a loss rises or falls by in one epoch under steps too large

_CALLED_ELSEWHERE = {"on_train_begin": "on_begin", "on_train_batch_end": "on_batch", "on_train_end": "on_end"}
"""What Keras calls moments of a training, where the names are not near to those here."""


def refuse_strangers(optimizer: Any, schedule: Any, callbacks: Any) -> None:
    """Refuse what is of another kind than its argument's, such as a class where an object is expected."""
    for name, given, fits, example in (
        ("optimizer", optimizer, isinstance(optimizer, Optimizer), "Adam(1e-3)"),
        ("schedule", schedule, callable(schedule), "pellucid.schedules.Cosine()"),
    ):
        if isinstance(given, type) or not fits:
            raise ArgumentError(f"{name}: expected an object such as {example}, received {given!r}")
    if not isinstance(callbacks, (list, tuple)) or not all(isinstance(each, Callback) for each in callbacks):
        raise ArgumentError(
            "callbacks: expected a list of Callback objects, as in [MyCallback()], or with functions in it, "
            f"[pellucid.on_epoch(f)], received {callbacks!r}"
        )
    for each in callbacks:
        _refuse_never_called(type(each))


def _refuse_never_called(kind: type[Callback]) -> None:
    """Refuse a method that is called as if it were for a moment of the training, and is for none, as those of other
    libraries or one with a slip in its name: it would never run, and nobody would know."""
    moments = [name for name in vars(Callback) if name.startswith("on_")]
    for name in dir(kind):
        if name.startswith("on_") and name not in moments and callable(getattr(kind, name)):
            meant = _CALLED_ELSEWHERE.get(name) or nearest_name(name, moments)
            hint = f"did you mean {meant}?" if meant else f"there are {', '.join(moments)}."
            raise ArgumentError(
                f"callbacks: {kind.__name__}.{name} is never called; {hint} What is no moment of a training has a name "
                "that does not begin with on_"
            )


def divide(
    data: Dataset, validation: Data | float | None, sample_weight: ArrayLike | None, seed: int
) -> tuple[Dataset, Dataset | None, NDArray[Any] | None]:
    """Return what to train on, what to validate on, and the weights of the former's samples."""
    weights = None if sample_weight is None else _checked_weights(sample_weight, len(data))
    if not isinstance(validation, (int, float, np.number)):
        return data, None if validation is None else as_dataset(validation, "validation"), weights
    rest, held_out = split_indices(data, number(validation, "validation", "a number between 0 and 1"), seed)
    if weights is not None:
        weights = _checked_weights(weights[rest], len(rest))
    return data.subset(rest), data.subset(held_out), weights


def _checked_weights(sample_weight: ArrayLike, samples: int) -> NDArray[Any]:
    weights = as_array(sample_weight, "sample_weight")
    if weights.shape != (samples,) or weights.dtype.kind not in "biuf":
        raise DataError(f"sample_weight: expected {samples:,} numbers, received {weights.dtype} {weights.shape}")
    if not np.isfinite(weights).all() or weights.min() < 0 or not weights.any():
        raise DataError("sample_weight: expected finite numbers of at least 0, and one above 0")
    return weights


def warn_of_labels(network: Network, targets: NDArray[Any], loss: Loss) -> None:
    """Warn where classes seem to be counted from 1, and an output too many hides it."""
    classes = network.output_shape()[0]
    if not loss.classification or targets.dtype.kind != "i" or classes < 3:
        return
    if np.unique(targets).tolist() == list(range(1, classes)):
        warn(
            f"labels count from 1? All classes from 1 to {classes - 1} occur, and 0 never does: write labels - 1, and "
            f"give the last layer {classes - 1} outputs"
        )


def warn_of_guessing(training: Training) -> None:
    """Warn where a classification ends as it would have without a look at the images: all classes equally likely."""
    settings, classes = training.settings, training.network.output_shape()[0]
    enough = training.step >= _STEPS_TO_LEARN and settings.optimizer.lr > 0
    if not (enough and training.history.epochs and isinstance(settings.loss, CrossEntropy)):
        return
    loss, guessing, lr = training.history.epochs[-1]["loss"], math.log(classes), settings.optimizer.lr
    if round(loss, 2) >= round(guessing, 2):
        unusual = lr > type(settings.optimizer).lr
        thrown = _has_jumped(training.history, guessing) or (unusual and not _still_falls(training.history, guessing))
        other = f"a smaller lr than {lr:g}" if thrown else f"a larger lr than {lr:g}, or more epochs"
        warn(f"the loss, {loss:.2f}, is not below ln {classes} = {guessing:.2f}, the level of guessing: try {other}")


def _has_jumped(history: History, guessing: float) -> bool:
    """Return whether the loss rose from an epoch to the next, or was thrown far off, as steps too large do."""
    losses = [epoch["loss"] for epoch in history.epochs]
    rose = any(after - before > _RISE * guessing for before, after in pairwise(losses))
    fell = any(before - after > _JUMP * guessing for before, after in pairwise(losses))
    first, *others = history.batches or losses
    return rose or fell or any(other > 2 * max(first, guessing) for other in others)


def _still_falls(history: History, guessing: float) -> bool:
    """Return whether the last epoch's loss is below that of the one before, by what can be seen."""
    losses = [epoch["loss"] for epoch in history.epochs[-2:]]
    return losses[0] - losses[-1] > guessing / 1000


def smaller_steps(training: Training) -> str:
    """Return what to try where a step made a number that is not finite: the rate is named as it was set."""
    optimizer = training.settings.optimizer
    same = math.isclose(training.lr, optimizer.lr, rel_tol=1e-3)
    momentary = "" if same else f" (the schedule had made it {training.lr:g})"
    clip = "clip_norm=1" if optimizer.clip_norm is None else f"a smaller clip_norm than {optimizer.clip_norm:g}"
    return f"Try a smaller lr than {optimizer.lr:g}{momentary}, or {clip}"


def check_normalised(program: Program, samples: int, batch_size: int) -> None:
    """Refuse a smallest batch, mostly the last, that leaves a layer one number a channel to take mean and variance of,
    and warn of few: what is then learnt fits no other batch."""
    smallest = samples % batch_size or batch_size
    counts = {
        step.layer: smallest * math.prod(program.values[step.inputs[0]].shape[1:])
        for step in program.steps
        if step.kind == "batch_statistics"
    }
    layer = min(counts, key=lambda each: counts[each], default="")
    if not layer or counts[layer] >= _FEW_NUMBERS:
        return
    batch = f"{'every' if samples % batch_size == 0 else 'the last'} batch, of {smallest}"
    found = "1 number" if counts[layer] == 1 else f"{counts[layer]} numbers"
    text = f"{layer} normalises each channel over its batch, and {batch}, gives it {found}"
    fix = f"choose another batch_size than {batch_size}, or take larger images"
    if counts[layer] == 1:
        raise ArgumentError(f"{text}, which has no variance; {fix}")
    warn(f"{text}, which say little of the others; {fix}")


def refuse_too_large(program: Program, batch_size: int) -> None:
    """Refuse a batch that this machine's memory cannot hold."""
    needed, present = program.activation_bytes() * batch_size, physical_memory()
    if needed > present:
        raise ArgumentError(
            f"batch_size: {batch_size} samples of this network need {needed:,} bytes at a time, and this machine has "
            f"{present:,}; use a smaller batch_size"
        )
