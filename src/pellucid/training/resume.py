"""Going on with a training that was interrupted, to the very bits of one that never was."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack

from numpy.typing import ArrayLike

from ..collective import Collective
from ..errors import ArgumentError, ModelFileError
from ..inputs import Data
from ..layers import Layer
from ..losses import Loss
from ..network import Network
from ..optimizers import Optimizer
from ..schedules import Schedule
from ..storage import expanded
from .callbacks import Callback
from .checkpoint import newest
from .config import RunConfig
from .fit import fit
from .history import History
from .lock import locked_run
from .run import RunWriter


def resume(
    run: str | os.PathLike[str],
    train: Data,
    *,
    validation: Data | None = None,
    sample_weight: ArrayLike | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    schedule: Schedule | None = None,
    callbacks: Sequence[Callback] = (),
    layers: Sequence[type[Layer]] = (),
    threads: int | None = None,
    checkpoint_every: str | int | None = None,
    progress: bool | None = None,
    ranks: Collective | None = None,
) -> tuple[Network, History]:
    """Go on with a training where its last checkpoint was written.

    The weights, the optimiser's memory and the history come out as if the training had never been interrupted, to the
    last bit (times excepted), whatever ended it: Ctrl-C, the power, or a kill. It may go on with another number of
    threads.

    Parameters
    ----------
    run : path
        The folder that `fit` was given as `out`.
    train : Dataset or (images, labels)
        The same data again.
    validation : Dataset or (images, labels), optional
        What was given then; a share that was held out is held out again.
    sample_weight : array (N,), optional
        The same weights again.
    loss, optimizer, schedule : optional
        Where they were of one's own: the same again. All others are made from the run's config.
    callbacks : sequence of Callback
        Those of one's own again; the library's own are made from the run's config, and all come into the order that
        they had. One that only watched (see `Callback.sees_weights`) may be left out, and new ones may be added.
    layers : sequence of class
        Classes of one's own that the network is made of, as for `load`.
    threads, progress, ranks
        As in `fit`; there may be another number of ranks than before.
    checkpoint_every : str or int, optional
        As in `fit`; by default what was said last. The next checkpoint remembers it; the run's config says what it was
        begun with.

    Returns
    -------
    network : Network
    history : History

    Raises
    ------
    ArgumentError
        If the run is finished, or the settings, the data or the callbacks are others.
    ModelFileError
        If there is no run, or no checkpoint of it is whole. A damaged one with a good one before it is a warning, and
        bears the name ``….damaged`` then; a damaged config or model file is made anew.

    Notes
    -----
    The bits are the same with the same version on a processor that multiplies and adds at once. Other versions than
    those in the config are a warning that names them.
    """
    folder = expanded(run, "run").absolute()
    with ExitStack() as ending:
        lock = None if ranks is not None and ranks.rank else ending.enter_context(locked_run(folder))
        found = newest(folder)
        if found is None:
            RunConfig.read(folder)  # which may be damaged, or of another version
            raise ModelFileError(f"{folder} has no checkpoint: it was ended before its first step; train again")
        if found.finished:
            raise ArgumentError(
                f"{folder} is finished: {len(found.history().epochs)} epochs are done, and it is not extended, as its "
                f"schedule was laid out for them; to train on from its weights: p.fit(p.load({str(run)!r}), …), with "
                "another out"
            )
        config, network = found.config(), found.network(layers)
        config.warn_of_versions(network, folder)
        told = config.fit_arguments(validation, loss, schedule, optimizer)
        listeners = config.callbacks(callbacks)
        every = found.state.get("checkpoint_every", config.table.get("checkpoint_every"))
        every = every if checkpoint_every is None else checkpoint_every
        writer = RunWriter(run, checkpoint_every=every, resumed=found, lock=lock)
        del found  # as large as the network and all that its optimiser keeps
        ending.callback(writer.let_go)
        history = fit(
            network, train, sample_weight=sample_weight, callbacks=[*listeners, writer], threads=threads,
            progress=progress, ranks=ranks, **told,
        )  # fmt: skip
    return network, history
