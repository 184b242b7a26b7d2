"""train: a network from data to a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from .. import models, recipes
from ..collective import Collective
from ..geometry import whole_number
from ..network import Network
from ..recipes import Recipe, catalogue
from ..recipes.preparing import record
from ..storage import fresh_folder
from ..training import Callback, EarlyStopping, KeepBest, Training, fit
from ..training.run import RunWriter, refuse_taken
from . import options, training_options
from .beginning import again, begin, wanted_in
from .course import Announcement, ended_in_words, report
from .live import Browser, Port, View, refuse_misplaced, viewed
from .pretrained import describe_pixels
from .ranks import WORDS, shared
from .screen import examples, some
from .signals import BetweenSteps
from .sources import Parts

EXAMPLES = examples(
    "pellucid train",
    "pellucid train --recipe mnist-99 --seed 1",
    "pellucid train lenet --data mnist --initializer glorot-uniform --out run",
    "pellucid train --data photos/ --validation 0.2 --epochs 30",
    "pellucid train lenet --data mnist --optimizer nesterov --schedule linear",
    "pellucid train lenet --data photos/ --weights run --freeze-until linear1",
    "pellucid train --data photos/ --weights model.onnx",
    "pellucid train lenet --data mnist --log tensorboard:logs",
    "pellucid train lenet --data mnist --view",
    "pellucid train resnet20 --data cifar10 --ranks 4",
)


@shared
def command(
    context: typer.Context,
    model: training_options.Model = None,
    recipe: training_options.RecipeName = None,
    weights: training_options.Weights = None,
    data: options.Data = None,
    data_dir: options.DataDir = None,
    validation: options.Validation = None,
    epochs: training_options.Epochs = None,
    batch_size: training_options.BatchSize = None,
    optimizer: training_options.OptimizerName = "adam",
    lr: training_options.LearningRate = None,
    schedule: training_options.ScheduleText = "constant",
    weight_decay: training_options.WeightDecay = None,
    clip_norm: training_options.ClipNorm = None,
    average: training_options.Average = None,
    label_smoothing: training_options.LabelSmoothing = 0.0,
    initializer: training_options.InitializerName = None,
    scaling: training_options.ScalingText = None,
    size: options.Size = None,
    new_head: training_options.NewHead = False,
    freeze_until: training_options.FreezeUntil = None,
    lr_scale: training_options.LearningRateScales = None,
    augment: options.Augment = None,
    early_stopping: training_options.EarlyStoppingPatience = None,
    keep_best: training_options.KeptCount = None,
    seed: options.Seed = 0,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
    out: training_options.Out = None,
    checkpoint_every: options.CheckpointEvery = None,
    log: training_options.Logs = None,
    no_progress: options.NoProgress = False,
    view: View = False,
    port: Port = 0,
    browser: Browser = True,
    *,
    ranks: Collective | None,
) -> None:
    """Train a network on images, and save it as a run.

    A run is a folder: the network (model.safetensors), what was measured (metrics.jsonl), and all that is needed to
    repeat it (config.toml). The network is saved after epochs and when Ctrl-C ends the training; `pellucid resume` goes
    on from there, or after a kill from the last checkpoint. At the end the accuracy on the test part of the data is
    printed.
    """
    wanted = wanted_in(context)
    first = ranks is None or ranks.rank == 0
    if first:
        refuse_misplaced(view, port, browser)
    if out is not None and first:
        refuse_taken(out)  # before anything is downloaded or computed
    logs = training_options.loggers_of(log)
    followed, source, parts, network, anew, learnt = begin(context, wanted, progress=not no_progress)
    told = None if recipe is None else catalogue.told(recipe)
    recorded = record(followed, source.settings(), told=told, weights=weights)
    if followed.model not in models.MODELS:
        recorded["model"] = None  # the weights are of a network that no name makes
    words = {**recorded, "initializer": initializer, "scaling": scaling, "words": again(context, *_NOT_AGAIN) or None}
    run = _Run(out, f"{followed.name}-{_in_folder_name(parts.train.name)}", words, checkpoint_every)
    begun = "" if weights is None else _describe_weights(network, anew, learnt, str(weights))
    announced = Announcement(_describe(followed, network, parts, begun))
    running = {"engine": engine, "threads": threads, "ranks": ranks}
    settings = {**followed.fit_arguments(), **running, "seed": seed, "progress": not no_progress}
    callbacks = [
        *_early(early_stopping, parts), *logs, BetweenSteps(), run, *_keeping(keep_best, parts), announced
    ]  # fmt: skip
    with viewed(view and first, parts, f"{followed.name}-{parts.train.name}", port, browser) as watching:
        with ended_in_words(announced):
            fit(network, parts.train, validation=parts.validation, callbacks=[*callbacks, *watching], **settings)
        report(network, parts, announced.run.named, running, announced.training)


_NOT_AGAIN = (
    "model", "recipe", "weights", "data", "data_dir", "validation", "seed", "initializer", "new_head", "threads", "out",
    "checkpoint_every", "log", "no_progress", *WORDS,
)  # fmt: skip
"""What the run says by itself, and what a training that begins from its weights has no need of."""


class _Run(RunWriter):
    """A run in the folder asked for, or else in a new one below runs/, made when training begins and not before."""

    def __init__(self, folder: Path | None, name: str, words: dict[str, Any], checkpoint_every: str | None):
        where = folder if folder is not None else Path("runs", name)
        super().__init__(where, words, checkpoint_every=checkpoint_every)
        self._choose = folder is None

    def on_begin(self, training: Training) -> None:
        if self._choose:
            self.folder = fresh_folder(self.folder.parent, self.folder.name)
            self.named = self.named.parent / self.folder.name
        super().on_begin(training)


def _early(patience: int | None, parts: Parts) -> list[Callback]:
    """Return what stops the training early, if that is wanted."""
    if patience is None:
        return []
    whole_number(patience, "--early-stopping")
    return [EarlyStopping(_watched(parts), patience)]


def _keeping(count: int | None, parts: Parts) -> list[Callback]:
    """Return what keeps the best networks, if that is wanted; it stands behind the run, in whose folder it does so."""
    if count is None:
        return []
    whole_number(count, "--keep-best")
    return [KeepBest(count=count, monitor=_watched(parts))]


def _watched(parts: Parts) -> str:
    """Return by what the best epoch is told, so that all who ask for it mean the same one."""
    return "loss" if parts.validation is None else "val_loss"


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


def _describe_weights(network: Network, anew: tuple[str, ...], learnt: tuple[str, ...], name: str) -> str:
    """Return which weights a network begins from, by the name that they were given, and what becomes of its head."""
    head = f"{' and '.join(anew)} begin anew" if anew else _kept(network, learnt)
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
