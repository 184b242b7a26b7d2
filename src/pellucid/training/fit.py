"""Training: epochs of batches, each one step of a program; nothing is computed here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Never

import numpy as np
from numpy.typing import ArrayLike

from ..build import lower
from ..collective import Collective
from ..data import as_dataset
from ..data.augment import Augmentation, as_augmentations
from ..errors import ArgumentError, path_text
from ..geometry import whole_number
from ..inputs import Data, as_loss, as_targets, check_images, refuse_more, warn_of_pixels
from ..losses import Loss
from ..native import uses_compiler
from ..network import Network
from ..optimizers import Adam, Optimizer
from ..random import Purpose, key
from ..schedules import Constant, Schedule
from .agreement import among, refuse_numpy
from .callbacks import Callback
from .checks import (
    check_normalised,
    divide,
    refuse_strangers,
    refuse_too_large,
    warn_of_guessing,
    warn_of_labels,
)
from .course import Course
from .engine import CompiledEngine, Engine, NumpyEngine
from .following import Run, RunFollower
from .history import History
from .progress import progress_callbacks
from .run import RunWriter
from .state import Settings, Training


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
    validated = None
    if held_out is not None:
        check_images(network, held_out.images)
        validated = held_out.images, as_targets(network, held_out.labels, loss)
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
    training.callbacks = among(ranks, [*callbacks, *written, *progress_callbacks(progress)])
    training.run = _run_among(training.callbacks)
    training.resumed = training.run is not None and training.run.resumed is not None

    def make() -> Engine:
        if native:
            return CompiledEngine(network, program, resident, size, threads, ranks)
        return NumpyEngine(network, program, resident)

    Course(training, program, make, validated, threads, ranks).run()
    warn_of_guessing(training)
    return training.history


def _run_among(listeners: Sequence[Callback]) -> Run | None:
    """Return the one that writes a run's folder, or follows it, if there is one; refuse a second, as a training is one
    run."""
    runs = [each for each in listeners if isinstance(each, RunWriter | RunFollower)]
    if len(runs) > 1:
        folders = " and ".join(path_text(run.folder) for run in runs)
        raise ArgumentError(f"fit: expected one folder for the run, received {folders}; leave out all but one")
    return runs[0] if runs else None
