"""find-lr: which learning rate a network bears."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import MissingExtraError
from ..learning_rates import find_learning_rate
from ..recipes.catalogue import is_file
from . import options, train, training_options
from .beginning import again, begin, wanted_in
from .screen import called, examples, say

EXAMPLES = examples(
    "pellucid find-lr",
    "pellucid find-lr lenet --data mnist --optimizer nesterov --out rates.png",
    "pellucid find-lr --recipe mnist-99",
)


@training_options.words_of(
    train.command, "model", "recipe", "weights", "data", "data_dir", "validation", "batch_size", "optimizer",
    "weight_decay", "clip_norm", "average", "label_smoothing", "initializer", "scaling", "size", "new_head",
    "freeze_until", "lr_scale", "augment", "seed", "engine", "threads",
)  # fmt: skip
def command(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(metavar="FILE.png", parser=options.place, help="Where to draw how the loss went.")
    ] = Path("learning-rates.png"),
    **words: Any,
) -> None:
    """Train for a hundred steps with a growing learning rate, and say which one serves.

    The words are those of `train`, and network, images and batches are what `train` makes of them. The loss falls where
    the rate is large enough, and flies off where it is too large. The rate at which it falls most steeply is a good one
    to begin with; for a schedule with a peak, such as one-cycle, twice or three times as much.
    """
    from ..studies.rate_figure import save_rate_figure

    followed, _, parts, network, *_ = begin(context, wanted_in(context))
    how = {name: value for name, value in followed.fit_arguments().items() if name not in ("epochs", "schedule")}
    running = {name: words[name] for name in ("seed", "engine", "threads")}
    recipe = words["recipe"]
    found = find_learning_rate(network, parts.train, **how, **running)
    tried = f"{len(found.rates)} steps from {found.rates[0]:.1g} to {found.rates[-1]:.2g}"
    by = words["optimizer"] if recipe is None else f"recipe {followed.name}"
    print(f"{followed.model}, {by}, batches of {min(followed.batch_size, len(parts.train))}: {tried}")
    print(f"the loss falls most steeply at a learning rate of {found.suggestion:.2g}")
    try:
        save_rate_figure(found, out)
    except MissingExtraError as error:
        say(f"note: {error}")
    else:
        print(f"written: {out}")
    print(f"next: {_next(context, recipe, followed.optimizer.lr, f'{found.suggestion:.2g}')}")


def _next(context: typer.Context, recipe: str | None, before: float, rate: str) -> str:
    """Return the command that trains with this rate, and with all words that were given; a recipe decides its rate, so
    that a copy of it must say the new one."""
    if recipe is None:
        return " ".join(filter(None, (f"{called()} train", again(context, "out"), f"--lr {rate}")))
    own = is_file(recipe)
    file = recipe if own else f"{recipe}-mine.toml"
    copied = "" if own else f"{called()} recipes {recipe} > {file}\n      "
    words = " ".join(filter(None, (f"--recipe {shlex.quote(file)}", again(context, "out", "recipe"))))
    return f"{copied}write lr = {rate} in {file}, in place of {before:g}\n      {called()} train {words}"
