"""Recipe files: TOML, every key of which is checked.

```toml
about = "MNIST to 99 % in one epoch"
model = "mnist_s8"
data = "mnist"                                  # may be left out where begins_from is there
epochs = 1
batch_size = 64
schedule = "linear:0.1:0.2"                     # as --schedule; this key and those below may be left out
initializer = "he-normal"                       # as --initializer
augment = ["crop:2", "flip"]                    # as --augment, one after the other
scaling = { mean = 0.1307, std = 0.3081 }       # one number each, or one for each channel
loss = { label_smoothing = 0.1 }                # or class_weights: cross entropy's
begins_from = "an S8 trained on other digits"   # for fine-tuning: what weights are given when it is followed
new_head = true                                 # also where they are for as many classes, as these are others
freeze_until = "linear1"                        # the first layer that learns
size = [28, 28]                                 # height and width that pictures of a folder are stretched to

[optimizer]                                     # not to be left out; what its class takes may be set
name = "adamw"                                  # as --optimizer
lr = 2e-2
lr_scales = { linear1 = 0.1 }

[reaches]                                       # on the test images, in per cent
mean = 99.11
deviation = 0.07
seeds = 20
seconds = 0.6                                   # of training, on the machine where that was measured; may be left out
```

The recipe is called as its file is, without the ending.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from types import MappingProxyType
from typing import Any, TypeVar

from .. import initializers, models, optimizers, schedules
from ..arguments import nearest_or_all, number, shown
from ..data import augment
from ..errors import ArgumentError
from ..freezing import freeze
from ..geometry import whole_number
from ..limits import LIMITS
from ..losses import CrossEntropy
from ..optimizers import Optimizer
from ..scaling import Scaling
from ..storage import expanded, read_file
from ..toml_file import parse_toml
from .recipe import Reached, Recipe

Made = TypeVar("Made")

KEYS: Mapping[str, tuple[type, str]] = MappingProxyType({
    "about": (str, "a text that says what it is good for"),
    "model": (str, 'the name of a model, such as "lenet"'),
    "data": (str, 'the name of a data set, such as "mnist", or a path'),
    "epochs": (int, "a whole number of at least 1"),
    "batch_size": (int, "a whole number of at least 1"),
    "optimizer": (dict, 'a table such as { name = "adam", lr = 1e-3 }'),
    "schedule": (str, 'a text such as "linear:0.1:0.2"'),
    "loss": (dict, "a table such as { label_smoothing = 0.1 }"),
    "initializer": (str, 'a name such as "he-normal"'),
    "augment": (tuple, 'texts such as ["crop:2", "flip"]'),
    "scaling": (dict, "a table such as { mean = 0.1307, std = 0.3081 }"),
    "begins_from": (str, "a text that says which pretrained weights are to be given"),
    "new_head": (bool, "true or false"),
    "freeze_until": (str, 'the path of the first layer that learns, such as "layer3"'),
    "size": (list, "height and width, such as [32, 32]"),
    "reaches": (dict, "a table such as { mean = 99.1, deviation = 0.1, seeds = 5 }"),
})  # fmt: skip
"""Key -> what its value is."""

REQUIRED = ("about", "model", "epochs", "batch_size", "optimizer")


def read(path: str | os.PathLike[str]) -> Recipe:
    """Read a recipe from a TOML file.

    Raises
    ------
    ArgumentError
        If a key is missing, unknown or has a value that makes no sense; the message names file, key and expectation.
    StorageError
        If the file cannot be read.
    """
    source = expanded(path, "recipe")
    content = read_file(source, LIMITS.toml_bytes)
    try:
        table = parse_toml(content)
    except ValueError as error:
        raise ArgumentError(f"{path}: expected a recipe in TOML: {error}") from error
    with _prefixed(str(path)):
        _check_keys(table)
        recipe = _recipe(source.stem, table)
        _check_paths(recipe)
    return recipe


def _recipe(name: str, table: Mapping[str, Any]) -> Recipe:
    with _prefixed("model"):
        model = models.by_name(table["model"]).__name__
    with _prefixed("schedule"):
        schedule = schedules.by_name(table.get("schedule", "constant"))
    with _prefixed("initializer"):
        initializer = initializers.by_name(table["initializer"]) if "initializer" in table else None
    with _prefixed("augment"):
        augmentations = tuple(map(augment.by_name, table.get("augment", ())))
    return Recipe(
        name=name, about=table["about"], model=model, data=table.get("data", ""), epochs=table["epochs"],
        batch_size=table["batch_size"], optimizer=_optimizer(table["optimizer"]), schedule=schedule,
        loss=_made(CrossEntropy, "loss", table.get("loss", {})), initializer=initializer,
        scaling=_made(Scaling, "scaling", table.get("scaling", {})), begins_from=table.get("begins_from", ""),
        new_head=table.get("new_head", False), freeze_until=table.get("freeze_until", ""),
        reaches=_reached(table.get("reaches")), size=table.get("size"),
        augment=augmentations,
    )  # fmt: skip


def _check_keys(table: Mapping[str, Any]) -> None:
    """Refuse keys that are not known, that are missing, and whose values are of another kind."""
    _refuse_unknown(table, KEYS)
    for key, (kind, expected) in KEYS.items():
        if key in table and not _is(kind, table[key]):
            raise ArgumentError(f"{key}: expected {expected}, found {shown(table[key])}")
        if key not in table and (key in REQUIRED or (key == "data" and "begins_from" not in table)):
            raise ArgumentError(f"{key}: expected {expected}, found nothing")


def _is(kind: type, value: object) -> bool:
    """Return whether a value is of this kind: whole numbers are at least 1, texts say something, a list is of two whole
    numbers, and a tuple of texts."""
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if kind is list:
        return isinstance(value, list) and len(value) == 2 and all(_is(int, side) for side in value)
    if kind is tuple:
        return isinstance(value, list) and all(_is(str, text) for text in value)
    return isinstance(value, kind) and value != ""


def _refuse_unknown(table: Mapping[str, Any], known: Collection[str]) -> None:
    for key in table:
        if key not in known:
            raise ArgumentError(f"{key:.80}: there is no such key{nearest_or_all(key, known)}")


def _optimizer(table: Mapping[str, Any]) -> Optimizer:
    with _prefixed("optimizer"):
        if not isinstance(table.get("name"), str):
            found = shown(table["name"]) if "name" in table else "nothing"
            raise ArgumentError(f"name: expected one of {', '.join(optimizers.NAMES)}, found {found}")
        return optimizers.by_name(**table)


def _made(kind: type[Made], key: str, settings: Mapping[str, Any]) -> Made:
    """Return an object of this class with the settings in a table; the class checks their values."""
    with _prefixed(key):
        _refuse_unknown(settings, [field.name for field in fields(kind)])  # type: ignore[arg-type]
        return kind(**settings)


def _reached(table: Mapping[str, Any] | None) -> Reached | None:
    if table is None:
        return None
    with _prefixed("reaches"):
        _refuse_unknown(table, Reached._fields)
        for name in ("mean", "deviation", "seeds"):
            if name not in table:
                raise ArgumentError(f"{name}: expected a number, found nothing")
        seconds = table.get("seconds")
        return Reached(
            number(table["mean"], "mean", "a number of at least 0"),
            number(table["deviation"], "deviation", "a number of at least 0"),
            whole_number(table["seeds"], "seeds"),
            None if seconds is None else number(seconds, "seconds", "a number above 0"),
        )


def _check_paths(recipe: Recipe) -> None:
    """Refuse paths that lead nowhere in the recipe's model."""
    if not (recipe.freeze_until or recipe.optimizer.lr_scales):
        return
    network = models.by_name(recipe.model)()
    if recipe.freeze_until:
        with _prefixed("freeze_until"):
            freeze(network, recipe.freeze_until)
    with _prefixed("optimizer"):
        recipe.optimizer.factors([path for path, q in network.parameters().items() if q.trainable])


@contextmanager
def _prefixed(where: str) -> Iterator[None]:
    """Let what is wrong begin with where that is."""
    try:
        yield
    except ArgumentError as error:
        raise ArgumentError(f"{where}: {error}") from None
