"""What verbs that take the words of `train` make of them: which data, which recipe, the network as it begins."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import typer

from .. import models, recipes
from ..data import Dataset
from ..errors import ArgumentError, ShapeError, path_text
from ..interop.weights import WeightsFile, open_weights
from ..network import Network
from ..recipes import Recipe
from ..recipes.preparing import Source, missing, prepare, source_for
from .adopted import adopted, is_one, refuse_beside_onnx
from .asked import Asked, read
from .pretrained import note_scaling
from .screen import say
from .sources import Parts, load_parts

DECIDED = (
    "model", "epochs", "batch_size", "optimizer", "lr", "schedule", "weight_decay", "clip_norm", "average",
    "label_smoothing", "initializer", "scaling", "size", "new_head", "freeze_until", "lr_scale", "augment",
)  # fmt: skip
"""The words that cannot stand beside a recipe, as it decides them."""


class Wanted(NamedTuple):
    """What a command asks for, before any data are there; `file` is that of ``--weights``."""

    asked: Asked | Recipe
    file: WeightsFile | None


class Beginning(NamedTuple):
    """A network that is about to be trained by a recipe, on parts of data; `anew` names what of its last layer begins
    anew beside weights, `learnt` for which classes these were learnt."""

    recipe: Recipe
    source: Source
    parts: Parts
    network: Network
    anew: tuple[str, ...]
    learnt: tuple[str, ...]


def wanted_in(context: typer.Context) -> Wanted:
    """Return what the words of a command ask for; all that can be refused without the data is refused here."""
    words = context.params
    if onnx := is_one(words):
        refuse_beside_onnx(words)
    file = None if words["weights"] is None or onnx else open_weights(words["weights"])
    if words["recipe"] is None:
        return Wanted(read(words, file), file)
    recipe = recipe_beside(context, words["recipe"])
    wanted = missing(recipe, words["weights"], words["data"])
    if wanted is not None:
        what, why = wanted
        add = "--weights FILE" if what == "weights" else f"--{what}"
        raise typer.BadParameter(f"{why}: add {add}", param_hint="--recipe")
    return Wanted(recipe, file)


def begin(context: typer.Context, wanted: Wanted, *, progress: bool = True) -> Beginning:
    """Load the data that a command names, and make the network for them."""
    words, (asked, file) = context.params, wanted
    source = chosen_source(words, asked.model, words["data"] or asked.data, asked.size)
    parts = load_parts(source, progress=progress)
    recipe = asked.recipe(parts.train) if isinstance(asked, Asked) else asked
    own = adopted(words, file, parts.train)
    if own is not None:
        path = words["weights"]
        recipe = replace(recipe, name=path.stem, model=f"the network in {path_text(path)}")
        _check_what_learns(recipe, own.network)
        return Beginning(recipe, source, parts, *own)
    with _smaller_named(recipe, parts.train):
        network, anew = prepare(recipe, parts.train, file, words["seed"])
    if words["recipe"] is None and file is not None:
        note_scaling(recipe.model, file, words["scaling"])
    _check_what_learns(recipe, network)
    return Beginning(recipe, source, parts, network, anew, () if file is None else file.class_names)


def chosen_source(words: dict[str, Any], model: str | None, data: str, size: tuple[int, int] | None) -> Source:
    """Return where the data come from that a command names, and how the model wants them."""
    folder = None if words["data_dir"] is None else str(words["data_dir"])
    source = source_for(model, data, folder, size=size, validation=words["validation"], seed=words["seed"])
    if words["size"] is not None and source.size is None:
        raise ArgumentError(f"--size: goes with a folder of pictures, and {source.data} is none")
    return source


def recipe_beside(context: typer.Context, name: str) -> Recipe:
    """Return the recipe of this name, or in this file; refuse words about what it decides."""
    recipe = recipes.load(name)
    refuse_beside(context, DECIDED, recipe.name, "recipe")
    return recipe


def refuse_beside(context: typer.Context, names: Collection[str], name: str, what: str) -> None:
    """Refuse words about what a recipe, or a run, decides; those that were not written do not count."""
    arguments = {each.name: each.metavar for each in context.command.params if each.param_type_name == "argument"}
    given = [arguments.get(each) or f"--{each.replace('_', '-')}" for each in written(context, names)]
    if given:
        raise typer.BadParameter(
            f"{name} decides {', '.join(given)}; leave out that, or the {what}", param_hint=f"--{what}"
        )


def written(context: typer.Context, names: Collection[str]) -> list[str]:
    """Return which of the words of a command were written, and not left to their defaults."""
    # An enumeration that is typer's own in some versions and click's in others, so it is told by its name.
    sources = {name: context.get_parameter_source(name) for name in names}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


def again(context: typer.Context, *but: str) -> str:
    """Return the words of a command as they were written, in a shell's quotes; without some."""
    given: list[str] = []
    for parameter in context.command.params:
        name = str(parameter.name)
        if name in but or not written(context, [name]):
            continue
        value = context.params[name]
        if parameter.param_type_name == "argument":
            given.append(str(value))
        elif value is True:
            given.append(parameter.opts[0])
        else:
            for each in value if parameter.multiple else [value]:
                given += [parameter.opts[0], "x".join(map(str, each)) if isinstance(each, tuple) else str(each)]
    return shlex.join(given)


@contextmanager
def _smaller_named(recipe: Recipe, data: Dataset) -> Iterator[None]:
    """Say which images or which model to take instead, where the images are too small for the model."""
    try:
        yield
    except ShapeError as error:
        least = models.smallest_side(models.by_name(recipe.model), data.shape[0])
        if least is None or min(data.shape[1:]) >= least:
            raise
        other = "choose small instead of a recipe" if recipe.about else "choose small"
        other = f"add --data mnist, or {other}" if data.name == "digits" else other
        raise ShapeError(f"{error}: {other}") from None


def _check_what_learns(recipe: Recipe, network: Network) -> None:
    """Refuse factors on the rate of what does not learn, by the name of the option; note that nothing is frozen."""
    learning = [path for path, parameter in network.parameters().items() if parameter.trainable]
    if recipe.freeze_until and len(learning) == len(network.parameters()):
        say(f"note: nothing is frozen: no layer before {recipe.freeze_until} has parameters")
    try:
        recipe.optimizer.factors(learning)
    except ArgumentError as error:
        option = str(error) if recipe.about else str(error).replace("lr_scales", "--lr-scale", 1)
        raise ArgumentError(option) from None
