"""Following a recipe."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .. import models
from ..data import as_dataset, datasets
from ..errors import ArgumentError, DataError
from ..freezing import freeze
from ..inputs import Data
from ..network import Sequential
from ..pretrained import begin_from
from ..storage import expanded
from ..training import Callback, History, fit
from ..training.run import RunWriter
from .catalogue import load
from .recipe import Recipe


def run(
    recipe: str | os.PathLike[str] | Recipe,
    data: Data | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    validation: Data | float | None = None,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
    engine: str = "compiled",
    threads: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> tuple[Sequential, History]:
    """Make the network of a recipe and train it by that recipe.

    Parameters
    ----------
    recipe : str, path or Recipe
        A name in `RECIPES`; or a recipe of your own, as the path of its ``.toml`` file, or such as
        ``dataclasses.replace(by_name("mnist-99"), epochs=2)``.
    data : Dataset or (images, labels), optional
        What to train on; labels are class numbers. By default the training part of the recipe's data set, which is
        downloaded if it is not here; a recipe for fine-tuning may have none.
    weights : path, optional
        Pretrained weights to begin from, as `load_weights` takes them; those of the last layer may be missing, or be
        for other classes. A recipe for fine-tuning needs them.
    validation, callbacks, engine, threads, out, progress
        As in `fit`.
    seed : int, default 0
        Decides all that is drawn: first weights, order of images, what is held out.

    Returns
    -------
    network : Sequential
    history : History

    Raises
    ------
    ArgumentError, DataError, ModelFileError, ShapeError
        If there is no such recipe, or the data or the weights do not fit its network; and as in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).integers(0, 256, (64, 28, 28)).astype(np.uint8)
    >>> network, history = run("mnist-99", (x, np.arange(64) % 3), progress=False)
    >>> network.output_shape(), len(history.epochs)
    ((3,), 1)
    """
    recipe = recipe if isinstance(recipe, Recipe) else load(recipe)
    if recipe.begins_from and weights is None:
        raise ArgumentError(f"weights: {recipe.name} begins from {recipe.begins_from}; give the file, weights=…")
    if data is None and not recipe.data:
        raise ArgumentError(f"data: {recipe.name} is for images of your own; give them, data=…")
    if weights is not None:
        weights = expanded(weights, "weights")
        if not weights.exists():  # before anything is downloaded
            raise ArgumentError(f"weights: there is no file {str(weights)!r}")
    words = {
        "recipe": recipe.name,
        "model": recipe.model,
        "weights": weights and os.path.abspath(weights),
        "seed": seed,
    }
    written = [] if out is None else [RunWriter(out, words)]
    train = datasets.load(recipe.data)[0] if data is None else as_dataset(data)
    if not train.classes:
        raise DataError("data: expected labels that are classes, as whole numbers; use labels.astype(int)")
    network = models.by_name(recipe.model)(
        train.classes, train.shape, seed=seed, class_names=train.class_names, **recipe.model_arguments()
    )
    if weights is not None:
        begin_from(network, weights, new_head=recipe.new_head)
    if recipe.freeze_until:
        freeze(network, recipe.freeze_until)
    history = fit(
        network, train, validation=validation, seed=seed, callbacks=[*callbacks, *written], engine=engine,
        threads=threads, progress=progress, **recipe.fit_arguments(),
    )  # fmt: skip
    return network, history
