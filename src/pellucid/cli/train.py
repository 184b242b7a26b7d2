"""train: a network from data to a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from .. import initializers, models, recipes, schedules
from ..arguments import number, shown
from ..data import Dataset
from ..errors import ArgumentError
from ..interop import open_weights
from ..losses import CrossEntropy
from ..network import Sequential
from ..optimizers import Optimizer
from ..pretrained import fitting_models, usual_crop
from ..recipes import Recipe
from ..storage import expanded, fresh_folder
from ..training import Training, fit
from ..training.run import RunWriter, refuse_taken
from . import options
from .course import Opening, ended_in_words, report
from .networks import begin, make_network
from .options import LENGTHS, OPTIMIZERS
from .pretrained import note_scaling, scaling_for
from .screen import choose, examples, say
from .signals import BetweenSteps
from .sources import Parts, Source, load_parts, picture_folder

EXAMPLES = examples(
    "pellucid train",
    "pellucid train --recipe mnist-99 --seed 1",
    "pellucid train lenet --data mnist --initializer glorot-uniform --out run",
    "pellucid train --data photos/ --validation 0.2 --epochs 30",
    "pellucid train lenet --data mnist --optimizer nesterov --schedule linear",
    "pellucid train lenet --data photos/ --weights run --freeze-until linear1",
)

DECIDED = (
    "model", "epochs", "batch_size", "optimizer", "lr", "schedule", "weight_decay", "label_smoothing", "initializer",
    "scaling", "new_head", "freeze_until", "lr_scale",
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
    new_head: options.NewHead = False,
    freeze_until: options.FreezeUntil = None,
    lr_scale: options.LearningRateScales = None,
    seed: options.Seed = 0,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
    out: options.Out = None,
    checkpoint_every: options.CheckpointEvery = None,
    no_progress: options.NoProgress = False,
) -> None:
    """Train a network on images, and save it as a run.

    A run is a folder: the network (model.safetensors), what was measured (metrics.jsonl), and all that is needed to
    repeat it (config.toml). The network is saved after every epoch and when Ctrl-C ends the training; `pellucid resume`
    goes on from there, or after a kill from the last checkpoint. At the end the accuracy on the test part of the data
    is printed.
    """
    if weights is not None and not weights.exists():
        raise ArgumentError(f"--weights: there is no file {str(weights)!r}")
    file = None if weights is None else open_weights(weights)
    chosen = None if recipe is None else recipes.load(recipe)
    if chosen is not None:
        _refuse_beside(context, chosen)
        if chosen.begins_from and weights is None:
            wanted = f"{chosen.name} begins from {chosen.begins_from}: add --weights FILE"
            raise typer.BadParameter(wanted, param_hint="--recipe")
        if not (data or chosen.data):
            wanted = f"{chosen.name} is for images of your own: add --data"
            raise typer.BadParameter(wanted, param_hint="--recipe")
        model, new_head, freeze_until = chosen.model, chosen.new_head, chosen.freeze_until
        model_arguments, fit_arguments = chosen.model_arguments(), chosen.fit_arguments()
    else:
        _refuse_without_weights(weights, new_head, freeze_until)
        if model is None and file is not None and file.use is None:
            said = f"{weights} holds weights alone, which do not say of which network: name the MODEL that they are of"
            fits = ", ".join(fitting_models(file)[:3])
            raise typer.BadParameter(f"{said}{fits and f', such as {fits}'}", param_hint="--weights")
        model_arguments = {
            "initializer": None if initializer is None else initializers.by_name(initializer),
            "scaling": scaling_for(model, file, scaling),
        }
        fit_arguments = {
            "loss": CrossEntropy(label_smoothing=label_smoothing),
            "optimizer": _optimizer(optimizer, lr, weight_decay, _scales(lr_scale or [])),
            "schedule": schedules.by_name(schedule),
        }
        if model is not None:
            models.by_name(model)  # refuses an unknown name before anything is loaded
    if out is not None:
        refuse_taken(out)  # before anything is downloaded or computed
    data = data or (chosen.data if chosen is not None else "digits")
    crop = None if model is None or picture_folder(data) is None else usual_crop(model)
    source = Source(data, None if data_dir is None else str(data_dir), validation, seed, crop)
    parts = load_parts(source, progress=not no_progress)
    model = model if model is not None else models.for_data(parts.train.shape)
    network = make_network(model, parts.train, seed, model_arguments, by_recipe=chosen is not None)
    if file is not None and chosen is None:
        note_scaling(model, file, scaling)
    begun = begin(network, weights, file, new_head, freeze_until or "")
    learning = [path for path, parameter in network.parameters().items() if parameter.trainable]
    if freeze_until and len(learning) == len(network.parameters()):
        say(f"note: nothing is frozen: no layer before {freeze_until} has parameters")
    if lr_scale:
        _refuse_unknown_layers(fit_arguments["optimizer"], learning)
    recorded = {
        "recipe": recipe if recipe in recipes.RECIPES else _absolute(recipe), "model": model,
        "weights": _absolute(weights), **source.settings(), "initializer": initializer, "scaling": scaling,
        "new_head": new_head or None, "freeze_until": freeze_until or None,
    }  # fmt: skip
    name = f"{model if chosen is None else chosen.name}-{_in_folder_name(parts.train.name)}"
    run = _Run(out, name, recorded, checkpoint_every)
    opening = Opening("" if no_progress else _describe(chosen, model, network, parts, begun))
    running = {"engine": engine, "threads": threads}
    length = _length(parts.train, epochs, batch_size)
    settings = {**length, **fit_arguments, **running, "seed": seed, "progress": not no_progress}
    with ended_in_words(opening):
        fit(network, parts.train, validation=parts.validation, callbacks=[BetweenSteps(), run, opening], **settings)
    report(network, parts, run.folder, running)


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


def _refuse_beside(context: typer.Context, recipe: Recipe) -> None:
    """Refuse words about what the recipe decides; those that were not written have their defaults and do not count."""
    # An enumeration that is typer's own in some versions and click's in others, so it is told by its name.
    sources = {name: context.get_parameter_source(name) for name in DECIDED}
    written = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if written:
        shown = ", ".join("MODEL" if name == "model" else f"--{name.replace('_', '-')}" for name in written)
        raise typer.BadParameter(f"{recipe.name} decides {shown}; leave out that, or the recipe", param_hint="--recipe")


def _refuse_without_weights(weights: Path | None, new_head: bool, freeze_until: str | None) -> None:
    """Refuse options that say what becomes of pretrained weights where there are none."""
    for given, name in ((new_head, "--new-head"), (freeze_until, "--freeze-until")):
        if given and weights is None:
            raise typer.BadParameter("goes with --weights: without them all weights are random", param_hint=name)


def _absolute(path: str | Path | None) -> str | None:
    """Return a path so that the run's config says from any folder what is meant."""
    return None if path is None else str(expanded(path).absolute())


def _length(data: Dataset, epochs: int | None, batch_size: int | None) -> dict[str, int]:
    """Return how long to train: as told, or else as suits the number of images."""
    usual = next(each for each in LENGTHS if len(data) <= each.images)
    return {
        "epochs": usual.epochs if epochs is None else epochs,
        "batch_size": usual.batch_size if batch_size is None else batch_size,
    }


def _optimizer(name: str, lr: float | None, weight_decay: float | None, lr_scales: dict[str, float]) -> Optimizer:
    kind, settings = choose(name, OPTIMIZERS, "optimiser")
    given = {"lr": lr, "weight_decay": weight_decay}
    numbers: dict[str, Any] = {**settings, **{key: value for key, value in given.items() if value is not None}}
    return kind(**numbers, lr_scales=lr_scales)


def _scales(texts: list[str]) -> dict[str, float]:
    """Return the factors on the learning rate that ``LAYER=FACTOR`` describe."""
    scales = {}
    for text in texts:
        layer, _, factor = text.partition("=")
        if layer in scales:
            raise typer.BadParameter(f"{layer} is given two factors; leave out one", param_hint="--lr-scale")
        try:
            value = float(factor)
        except ValueError:
            expected = "expected LAYER=FACTOR, such as layer3=0.1"
            raise typer.BadParameter(f"{expected}, received {shown(text)}", param_hint="--lr-scale") from None
        scales[layer] = number(value, f"--lr-scale {layer}", "a number of at least 0")
    return scales


def _refuse_unknown_layers(optimizer: Optimizer, learning: list[str]) -> None:
    """Refuse factors for what does not learn, by the name of the option."""
    try:
        optimizer.factors(learning)
    except ArgumentError as error:
        raise ArgumentError(str(error).replace("lr_scales", "--lr-scale", 1)) from None


def _in_folder_name(name: str) -> str:
    """Return a data set's name as a part of a folder's name."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name) or "data"


def _describe(recipe: Recipe | None, model: str, network: Sequential, parts: Parts, begun: str) -> str:
    """Return what is about to be trained, and on what; `begun` says what was done to the network already."""
    parameters = sum(parameter.size for parameter in network.parameters().values())
    lines = [f"{model}: {parameters:,} parameters", begun, _describe_data(parts)]
    if recipe is not None:
        # What it reaches was measured after training on all images that there are.
        own = parts.train.name == recipe.data and parts.validation is None and recipe.reaches is not None
        reaches = "it reaches" if recipe in recipes.RECIPES.values() else "its file says that it reaches"
        lines.insert(0, f"{recipe.name}: {recipe.about}" + (f"; {reaches} {recipe.reaches}" if own else ""))
    return "\n".join(filter(None, lines))


def _describe_data(parts: Parts) -> str:
    train = parts.train
    channels, height, width = train.shape
    counts = [f"{len(train):,} images {channels}×{height}×{width} to train on"]
    if parts.validation is not None:
        counts.append(f"{len(parts.validation):,} to validate with")
    if parts.test is not None:
        counts.append(f"{len(parts.test):,} to test with")
    return f"{train.name or 'data'}: {', '.join(counts)}; {train.classes} classes"
