"""train: a network from data to a run directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from .. import models, recipes
from ..data import Dataset
from ..errors import ArgumentError, ShapeError
from ..geometry import whole_number
from ..interop import WeightsFile, open_weights
from ..network import Network
from ..recipes import Recipe, catalogue
from ..recipes.preparing import missing, prepare, record, source_for
from ..storage import fresh_folder
from ..training import Callback, EarlyStopping, Training, fit
from ..training.run import RunWriter, refuse_taken
from . import options
from .asked import Asked, read
from .course import Announcement, ended_in_words, report
from .pretrained import describe_pixels, note_scaling
from .screen import examples, say, some
from .signals import BetweenSteps
from .sources import Parts, load_parts

EXAMPLES = examples(
    "pellucid train",
    "pellucid train --recipe mnist-99 --seed 1",
    "pellucid train lenet --data mnist --initializer glorot-uniform --out run",
    "pellucid train --data photos/ --validation 0.2 --epochs 30",
    "pellucid train lenet --data mnist --optimizer nesterov --schedule linear",
    "pellucid train lenet --data photos/ --weights run --freeze-until linear1",
    "pellucid train lenet --data mnist --log tensorboard:logs",
)

DECIDED = (
    "model", "epochs", "batch_size", "optimizer", "lr", "schedule", "weight_decay", "label_smoothing", "initializer",
    "scaling", "size", "new_head", "freeze_until", "lr_scale", "augment",
)  # fmt: skip
"""The words that cannot stand beside a recipe, as it decides them."""


def command(
    context: typer.Context,
    model: options.Model = None,
    recipe: options.RecipeName = None,
    weights: options.Weights = None,
    data: options.Data = None,
    data_dir: options.DataDir = None,
    validation: options.Validation = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    optimizer: options.OptimizerName = "adam",
    lr: options.LearningRate = None,
    schedule: options.ScheduleText = "constant",
    weight_decay: options.WeightDecay = None,
    label_smoothing: options.LabelSmoothing = 0.0,
    initializer: options.InitializerName = None,
    scaling: options.ScalingText = None,
    size: options.Size = None,
    new_head: options.NewHead = False,
    freeze_until: options.FreezeUntil = None,
    lr_scale: options.LearningRateScales = None,
    augment: options.Augment = None,
    early_stopping: options.EarlyStoppingPatience = None,
    seed: options.Seed = 0,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
    out: options.Out = None,
    checkpoint_every: options.CheckpointEvery = None,
    log: options.Logs = None,
    no_progress: options.NoProgress = False,
) -> None:
    """Train a network on images, and save it as a run.

    A run is a folder: the network (model.safetensors), what was measured (metrics.jsonl), and all that is needed to
    repeat it (config.toml). The network is saved after epochs and when Ctrl-C ends the training; `pellucid resume` goes
    on from there, or after a kill from the last checkpoint. At the end the accuracy on the test part of the data is
    printed.
    """
    file = None if weights is None else open_weights(weights)
    asked = read(context.params, file) if recipe is None else _chosen(context, recipe)
    if out is not None:
        refuse_taken(out)  # before anything is downloaded or computed
    logs = options.loggers_of(log)
    folder = None if data_dir is None else str(data_dir)
    source = source_for(asked.model, data or asked.data, folder, size=asked.size, validation=validation, seed=seed)
    if size is not None and source.size is None:
        raise ArgumentError(f"--size: goes with a folder of pictures, and {source.data} is none")
    parts = load_parts(source, progress=not no_progress)
    followed = asked.recipe(parts.train) if isinstance(asked, Asked) else asked
    with _smaller_named(followed, parts.train):
        network, anew = prepare(followed, parts.train, file, seed)
    if recipe is None and file is not None:
        note_scaling(followed.model, file, scaling)
    _check_what_learns(followed, network)
    told = None if recipe is None else catalogue.told(recipe)
    recorded = record(followed, source.settings(), told=told, weights=weights)
    words = {**recorded, "initializer": initializer, "scaling": scaling}
    run = _Run(out, f"{followed.name}-{_in_folder_name(parts.train.name)}", words, checkpoint_every)
    begun = "" if file is None else _describe_weights(network, anew, file, str(weights))
    announced = Announcement(_describe(followed, network, parts, begun))
    running = {"engine": engine, "threads": threads}
    settings = {**followed.fit_arguments(), **running, "seed": seed, "progress": not no_progress}
    callbacks = [*_early(early_stopping, parts), *logs, BetweenSteps(), run, announced]
    with ended_in_words(announced):
        fit(network, parts.train, validation=parts.validation, callbacks=callbacks, **settings)
    report(network, parts, run.folder, running, announced.training)


class _Run(RunWriter):
    """A run in the folder asked for, or else in a new one below runs/, made when training begins and not before."""

    def __init__(self, folder: Path | None, name: str, words: dict[str, Any], checkpoint_every: str | None):
        where = folder if folder is not None else Path("runs", name)
        super().__init__(where, words, checkpoint_every=checkpoint_every)
        self._choose = folder is None

    def on_begin(self, training: Training) -> None:
        if self._choose:
            self.folder = fresh_folder(self.folder.parent, self.folder.name)
        super().on_begin(training)


def _early(patience: int | None, parts: Parts) -> list[Callback]:
    """Return what stops the training early, if that is wanted: by the validation part, where there is one."""
    if patience is None:
        return []
    whole_number(patience, "--early-stopping")
    return [EarlyStopping("loss" if parts.validation is None else "val_loss", patience)]


def _chosen(context: typer.Context, name: str) -> Recipe:
    """Return the recipe of this name, or in this file; refuse words beside it, and words that it cannot do without."""
    recipe = recipes.load(name)
    _refuse_beside(context, recipe)
    wanted = missing(recipe, context.params["weights"], context.params["data"])
    if wanted is not None:
        what, why = wanted
        add = "--weights FILE" if what == "weights" else f"--{what}"
        raise typer.BadParameter(f"{why}: add {add}", param_hint="--recipe")
    return recipe


def _refuse_beside(context: typer.Context, recipe: Recipe) -> None:
    """Refuse words about what the recipe decides; those that were not written have their defaults and do not count."""
    # An enumeration that is typer's own in some versions and click's in others, so it is told by its name.
    sources = {name: context.get_parameter_source(name) for name in DECIDED}
    written = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if written:
        shown = ", ".join("MODEL" if name == "model" else f"--{name.replace('_', '-')}" for name in written)
        raise typer.BadParameter(f"{recipe.name} decides {shown}; leave out that, or the recipe", param_hint="--recipe")


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


def _in_folder_name(name: str) -> str:
    """Return a data set's name as a part of a folder's name."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name) or "data"


def _describe(recipe: Recipe, network: Network, parts: Parts, begun: str) -> str:
    """Return what is about to be trained, and on what; `begun` says from which weights."""
    parameters = sum(parameter.size for parameter in network.parameters().values())
    lines = [f"{recipe.model}: {parameters:,} parameters", begun]
    if recipe.freeze_until:
        learning = sum(parameter.size for parameter in network.parameters().values() if parameter.trainable)
        lines.append(f"frozen: all before {recipe.freeze_until}; {learning:,} parameters learn")
    lines.append(_describe_data(parts))
    if recipe.augment:
        lines.append(f"augmented: {', '.join(map(str, recipe.augment))}")
    if recipe.about:
        # What it reaches was measured after training on all images that there are.
        own = parts.train.name == recipe.data and parts.validation is None and recipe.reaches is not None
        reaches = "it reaches" if recipe in recipes.RECIPES.values() else "its file says that it reaches"
        lines.insert(0, f"{recipe.name}: {recipe.about}" + (f"; {reaches} {recipe.reaches}" if own else ""))
    return "\n".join(filter(None, lines))


def _describe_weights(network: Network, anew: tuple[str, ...], file: WeightsFile, name: str) -> str:
    """Return which weights a network begins from, by the name that they were given, and what becomes of its head."""
    head = f"{' and '.join(anew)} begin anew" if anew else _kept(network, file.class_names)
    return f"weights: {name}; {describe_pixels(network.scaling)}; {head}"


def _kept(network: Network, learnt: tuple[str, ...]) -> str:
    """Return that the last layer is kept; for which classes it was learnt, if for others than the data have."""
    if learnt and network.class_names and learnt != network.class_names:
        return f"the last layer kept, which was learnt for {some(learnt)}: --new-head begins it anew"
    (classes,) = network.output_shape()
    return f"the last layer kept, for {classes:,} classes"


def _describe_data(parts: Parts) -> str:
    train = parts.train
    channels, height, width = train.shape
    counts = [f"{len(train):,} images {channels}×{height}×{width} to train on"]
    if parts.validation is not None:
        counts.append(f"{len(parts.validation):,} to validate with")
    if parts.test is not None:
        counts.append(f"{len(parts.test):,} to test with")
    return f"{train.name or 'data'}: {', '.join(counts)}; {train.classes} classes"
