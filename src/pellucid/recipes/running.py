"""Following a recipe."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from ..data import as_dataset
from ..errors import ArgumentError
from ..inputs import Data
from ..interop.weights import open_weights
from ..network import Network
from ..storage import expanded
from ..training import Callback, History, fit
from ..training.run import RunWriter, refuse_taken
from . import catalogue
from .catalogue import load
from .preparing import missing, prepare, record, source_for
from .recipe import Recipe


def run(
    recipe: str | os.PathLike[str] | Recipe,
    data: Data | str | os.PathLike[str] | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    validation: Data | float | None = None,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
    engine: str = "compiled",
    threads: int | None = None,
    out: str | os.PathLike[str] | None = None,
    checkpoint_every: str | int | None = None,
    progress: bool | None = None,
) -> tuple[Network, History]:
    """Make the network of a recipe and train it by that recipe.

    Parameters
    ----------
    recipe : str, path or Recipe
        A name in `RECIPES`; or a recipe of your own, as the path of its ``.toml`` file, or such as
        ``dataclasses.replace(by_name("mnist-99"), epochs=2)``.
    data : Dataset, (images, labels), str or path, optional
        What to train on; labels are class numbers. A name or a path is taken as `datasets.load` takes it, and the
        training part is trained on: pictures of a folder have the recipe's size, or are cropped for a model that was
        made for ImageNet. By default the recipe's data set, which is downloaded if it is not here; a recipe for
        fine-tuning may have none.
    weights : path, optional
        Pretrained weights to begin from, as `load_weights` takes them; those of the last layer may be missing, or be
        for other classes. A recipe for fine-tuning needs them.
    validation, callbacks, engine, threads, out, checkpoint_every, progress
        As in `fit`.
    seed : int, default 0
        Decides all that is drawn: first weights, order of images, what is held out.

    Returns
    -------
    network : Network
    history : History

    Raises
    ------
    ArgumentError, DataError, ModelFileError, ShapeError
        If there is no such recipe, or the data or the weights do not fit its network; and as in `fit`.
    StorageError
        If a file cannot be read, and none is written.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).integers(0, 256, (64, 28, 28)).astype(np.uint8)
    >>> network, history = run("mnist-99", (x, np.arange(64) % 3), progress=False)
    >>> network.output_shape(), len(history.epochs)
    ((3,), 1)
    """
    chosen = recipe if isinstance(recipe, Recipe) else load(recipe)
    wanted = missing(chosen, weights, data)
    if wanted is not None:
        what, why = wanted
        raise ArgumentError(f"{what}: {why}; give them, {what}=…")
    file = None if weights is None else open_weights(expanded(weights, "weights"))
    if checkpoint_every is not None and out is None:
        raise ArgumentError("checkpoint_every: checkpoints lie in the folder of a run; name one, out=…")
    if out is not None:
        refuse_taken(expanded(out, "out"))  # before anything is downloaded or computed
    share = float(validation) if isinstance(validation, (int, float, np.number)) else 0.0
    if data is None or isinstance(data, (str, os.PathLike)):
        name = chosen.data if data is None else os.fspath(data)
        source = source_for(chosen.model, name, size=chosen.size, validation=share, seed=seed)
        (train, _), settings = source.load(), source.settings()
    else:
        train, settings = as_dataset(data), {"validation": share, "seed": seed}
    network, _ = prepare(chosen, train, file, seed)
    told = chosen.name if isinstance(recipe, Recipe) else catalogue.told(recipe)
    recorded = record(chosen, settings, told=told, weights=weights)
    written = [] if out is None else [RunWriter(out, recorded, checkpoint_every=checkpoint_every)]
    history = fit(
        network, train, validation=validation, seed=seed, callbacks=[*callbacks, *written], engine=engine,
        threads=threads, progress=progress, **chosen.fit_arguments(),
    )  # fmt: skip
    return network, history
