"""find-lr: which learning rate a network bears."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import models, optimizers
from ..errors import MissingExtraError
from ..learning_rates import find_learning_rate
from ..recipes.preparing import source_for
from ..studies.rate_figure import save_rate_figure
from . import options
from .screen import called, examples, say
from .sources import load_parts

EXAMPLES = examples("pellucid find-lr", "pellucid find-lr lenet --data mnist --optimizer nesterov --out rates.png")


def command(
    model: options.Model = None,
    data: options.Data = None,
    data_dir: options.DataDir = None,
    batch_size: options.BatchSize = None,
    optimizer: options.OptimizerName = "adam",
    augment: options.Augment = None,
    seed: options.Seed = 0,
    threads: options.Threads = None,
    out: Annotated[
        Path, typer.Option(metavar="FILE.png", parser=options.place, help="Where to draw how the loss went.")
    ] = Path("learning-rates.png"),
) -> None:
    """Train for a hundred steps with a growing learning rate, and say which one serves.

    The loss falls where the rate is large enough, and flies off where it is too large. The rate at which it falls most
    steeply is a good one to begin with; for a schedule with a peak, such as onecycle, twice or three times as much.
    """
    how = options.augmentations(augment)
    parts = load_parts(source_for(model, data or "digits", None if data_dir is None else str(data_dir), seed=seed))
    name = models.for_data(parts.train.shape) if model is None else model
    network = models.by_name(name)(parts.train.classes, parts.train.shape, seed=seed)
    size = 128 if batch_size is None else batch_size
    found = find_learning_rate(
        network, parts.train, batch_size=size, optimizer=optimizers.by_name(optimizer), augment=how, seed=seed,
        threads=threads,
    )  # fmt: skip
    tried = f"{len(found.rates)} steps from {found.rates[0]:.1g} to {found.rates[-1]:.2g}"
    print(f"{name}, {optimizer}, batches of {size}: {tried}")
    print(f"the loss falls most steeply at a learning rate of {found.suggestion:.2g}")
    try:
        save_rate_figure(found, out)
    except MissingExtraError as error:
        say(f"note: {error}")
    else:
        print(f"written: {out}")
    print(f"next: {called()} train {name} --lr {found.suggestion:.2g}")
