"""find-lr: which learning rate a network bears."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import MissingExtraError
from ..learning_rates import find_learning_rate
from ..recipes import Recipe
from ..recipes.catalogue import is_file
from . import parsing, train, training_options
from .beginning import again, begin, wanted_in
from .screen import called, examples, say

EXAMPLES = examples(
    "pellucid find-lr",
    "pellucid find-lr lenet --data mnist --optimizer nesterov --out rates.png",
    "pellucid find-lr --recipe mnist-99",
)

NEEDLESS = {
    "--lr": "it finds the rate; leave that out",
    "--schedule": "it lets the rate grow from step to step; leave that out",
    "--epochs": "it takes a hundred steps; leave that out",
}
"""Words of `train` that it does not take, and why."""

_STEPS = 1000
"""Steps over which a schedule is looked at."""


@training_options.words_of(
    train.command, "model", "recipe", "weights", "data", "data_dir", "validation", "batch_size", "optimizer",
    "weight_decay", "clip_norm", "average", "label_smoothing", "initializer", "scaling", "size", "new_head",
    "freeze_until", "lr_scale", "augment", "seed", "engine", "threads",
)  # fmt: skip
def command(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(metavar="FILE.png", parser=parsing.place, help="Where to draw how the loss went.")
    ] = Path("learning-rates.png"),
    **words: Any,
) -> None:
    """Find a learning rate that serves, in a hundred steps.

    The rate grows from step to step. The words are those of `train`, and network, images and batches are what `train`
    makes of them. The loss falls where the rate is large enough, and flies off where it is too large. The rate at which
    it falls most steeply is a good one to begin with; for a schedule with a peak, such as one-cycle, twice or three
    times as much. A rate between that and where the loss flies off is one that the network bears: whether it serves
    better, only trainings tell.
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
    if found.flown_off is not None:
        print(f"it flies off at {found.flown_off:.2g}")
    peak = recipe is not None and _has_peak(followed)
    if peak:
        twice, thrice = (f"{times * found.suggestion:.2g}" for times in (2, 3))
        print(f"the recipe's schedule has a peak, which few steps reach: {twice} to {thrice} are for that")
    try:
        save_rate_figure(found, out)
    except MissingExtraError as error:
        say(f"note: {error}")
    else:
        print(f"written: {out}")
    rate = f"{found.suggestion * (2 if peak else 1):.2g}"
    if recipe is None:
        next_ = " ".join(filter(None, (f"{called()} train", again(context, "out"), f"--lr {rate}")))
    elif found.bears(followed.optimizer.lr):
        print(f"the recipe's {followed.optimizer.lr:g} is within what the network bears")
        next_ = f"{called()} train {again(context, 'out')}"
    else:
        next_ = _changed(context, recipe, followed, rate)
    print(f"next: {next_}")


def _has_peak(recipe: Recipe) -> bool:
    """Return whether the rate of a recipe rises to its largest value and falls again."""
    factors = [recipe.schedule(step, _STEPS, max(1, _STEPS // recipe.epochs)) for step in range(_STEPS)]
    return max(factors) > max(factors[0], factors[-1])


def _changed(context: typer.Context, name: str, recipe: Recipe, rate: str) -> str:
    """Return how to train with another rate than a recipe has, which decides it: a copy of it must say the new one."""
    own = is_file(name)
    file = name if own else f"{name}-mine.toml"
    copied = "" if own else f"{called()} recipes {name} > {file}\n      "
    change = f"write lr = {rate} in {file}, in place of {recipe.optimizer.lr:g}"
    if recipe.reaches is not None:
        change += ", and take [reaches] out, which was measured with that"
    words = " ".join(filter(None, (f"--recipe {shlex.quote(file)}", again(context, "out", "recipe"))))
    return f"{copied}{change}\n      {called()} train {words}"
