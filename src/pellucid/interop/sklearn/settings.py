"""From an estimator's parameters, which are names and numbers, to what `fit` takes."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from sklearn.utils import check_random_state

from ...arguments import shown
from ...data.augment import Augmentation
from ...data.augment import by_name as augmentation_by_name
from ...errors import ArgumentError
from ...geometry import whole_number
from ...optimizers import Adam, Optimizer
from ...optimizers import by_name as optimizer_by_name
from ...schedules import Schedule
from ...schedules import by_name as schedule_by_name
from ...training import Callback, EarlyStopping

RandomState: TypeAlias = int | np.random.RandomState | None

SMALLEST_BATCH, LARGEST_BATCH, BATCHES = 16, 128, 32
"""Bounds of the batch size "auto", and how many batches an epoch has at least where these allow it."""

LR_OF_FEATURES, LR_OF_IMAGES = 0.01, 0.003
"""Learning rates of the optimiser "auto"."""

PATIENCE = 10
"""Epochs without an improvement that ``early_stopping=True`` waits for."""


def batch_size_of(batch_size: int | str, count: int) -> int:
    """Return the size of batches of so many samples; "auto" grows with their number, by powers of two.

    Where that would leave a last batch of one sample, which says little, a batch has one more.

    Examples
    --------
    >>> [batch_size_of("auto", count) for count in (20, 150, 1437, 60_000, 1025)]
    [16, 16, 32, 128, 33]
    """
    if batch_size != "auto":
        if isinstance(batch_size, str):
            raise ArgumentError(f'batch_size: expected a whole number or "auto", received {shown(batch_size)}')
        return whole_number(batch_size, "batch_size")
    size = 1 << max(1, count // BATCHES).bit_length() - 1
    size = min(max(size, SMALLEST_BATCH), LARGEST_BATCH)
    while size < count and count % size == 1:
        size += 1
    return size


def optimizer_of(optimizer: str | Optimizer, lr: float | None, images: bool, samples: int | None) -> Optimizer:
    """Return an optimiser by name, or as it is; with this learning rate, if there is one.

    Parameters
    ----------
    optimizer : str or Optimizer
        "auto" is Adam with a weight decay of 2/N for N samples, as a prior on the weights is that counts as much as two
        samples. It is rounded to a power of two, so that not every N needs a kernel of its own, and is 1/32 at most.
    lr : float, optional
    images : bool
        Whether the samples are images, or features.
    samples : int, optional
        Their number; without it nothing decays.

    Examples
    --------
    >>> optimizer_of("auto", None, images=False, samples=150).weight_decay
    0.015625
    """
    if isinstance(optimizer, Optimizer):
        return optimizer if lr is None else replace(optimizer, lr=lr)
    if optimizer == "auto":
        decay = 0.0 if samples is None else 2.0 ** min(round(math.log2(2 / samples)), -5)
        return Adam(lr if lr is not None else LR_OF_IMAGES if images else LR_OF_FEATURES, weight_decay=decay)
    return optimizer_by_name(optimizer, **({} if lr is None else {"lr": lr}))


def schedule_of(schedule: str | Schedule | None) -> Schedule | None:
    """Return a schedule by name, or as it is."""
    return schedule_by_name(schedule) if isinstance(schedule, str) else schedule


def augment_of(augment: Sequence[str | Augmentation] | None) -> list[Augmentation] | None:
    """Return augmentations, those that are short texts by these."""
    if augment is None:
        return None
    several: Sequence[Any] = [augment] if isinstance(augment, (str, Augmentation)) else augment
    if not isinstance(several, (list, tuple)):
        raise ArgumentError(f'augment: expected a list of augmentations, as in ["crop:2"], received {shown(augment)}')
    return [augmentation_by_name(each) if isinstance(each, str) else each for each in several]


def stopping_of(early_stopping: bool | EarlyStopping) -> list[EarlyStopping]:
    """Return the callback that ends a training early, if any is to."""
    if isinstance(early_stopping, EarlyStopping):
        return [copy.deepcopy(early_stopping)]
    if not isinstance(early_stopping, (bool, np.bool_)):
        raise ArgumentError(
            f"early_stopping: expected True, False or an EarlyStopping(…), received {shown(early_stopping)}"
        )
    return [EarlyStopping("val_loss", patience=PATIENCE)] if early_stopping else []


def callbacks_of(callbacks: Sequence[Callback]) -> list[Callback]:
    """Return what else listens to a training; `fit` looks at each."""
    if not isinstance(callbacks, (list, tuple)):
        raise ArgumentError(
            f"callbacks: expected a list of Callback objects, as in [MyCallback()], received {shown(callbacks)}"
        )
    for each in callbacks:
        if isinstance(each, EarlyStopping):
            raise ArgumentError("callbacks: EarlyStopping needs samples that are held out; say early_stopping= instead")
    return list(callbacks)


def refuse_at_fit(estimator: str, names: Collection[str], parameters: Collection[str]) -> None:
    """Refuse what `fit` does not take, and say where that is said instead."""
    if not names:
        return
    name = next(iter(names))
    fix = f"all settings are {estimator}'s own, as in {estimator}(epochs=10)"
    if name in parameters:
        fix = f"say {estimator}({name}=…)"
    elif name.startswith(("val", "eval")):
        fix = f"{estimator}(early_stopping=True, validation_fraction=0.1) holds samples out of X"
    raise ArgumentError(f"{estimator}.fit: expected X, y and sample_weight, received {name}= too; {fix}")


def seed_of(random_state: RandomState) -> int:
    """Return a seed: a whole number itself, else one that is drawn; from NumPy's global generator if there is none."""
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool) and random_state >= 0:
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
