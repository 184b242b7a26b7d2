"""Where data come from: by name, from folders and files, and those that a run was made with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ..arguments import nearest_name, number, shown
from ..data import Dataset, augment, split
from ..data.augment import Augmentation
from ..data.catalogue import find_entry
from ..data.datasets import picture_folders
from ..errors import ArgumentError, DataError, ModelFileError, StorageError
from ..geometry import pair
from ..recipes.preparing import Source
from ..serialization.model_file import MODEL
from ..storage import expanded
from ..training.checkpoint import known_config
from ..training.config import CONFIG
from ..training.run import read_config
from .screen import download_progress, say

HELD_OUT = 0.1
"""Share held out for validation where the data have no test part, so that there is something honest to measure on."""

_KEPT = re.compile(r"epoch-\d+\.safetensors")
"""What `KeepBest` calls its files, in a folder of the run's."""


class Parts(NamedTuple):
    """Data, divided."""

    train: Dataset
    validation: Dataset | None
    test: Dataset | None

    def held_out(self) -> tuple[str, Dataset]:
        """Return the name of the part to measure on, and that part: the test part if there is one."""
        if self.test is not None:
            return "test", self.test
        return ("training", self.train) if self.validation is None else ("validation", self.validation)


def load_parts(source: Source, *, progress: bool = True) -> Parts:
    """Load the data and hold out the validation part; files that are not on this machine are downloaded."""
    share = source.validation
    if share is not None:
        share = number(share, "--validation", "a number from 0 up to but not 1")
    if source.data_dir is not None:
        refuse_needless_folder(source.data)
    with download_progress(progress) as report:
        train, test = source.load(report)
    if share is None:
        share = HELD_OUT if test is None else 0.0
    if not share:
        return Parts(train, None, test)
    rest, validation = split(train, share, source.seed)
    return Parts(rest, validation, test)


def parts_of_run(run: str, source: Source, *, progress: bool = True) -> tuple[Parts, Parts]:
    """Return the data of a run as `fit` was given them, and as the network is measured with them: divided there too,
    where `fit` itself held a share out. What it was given to validate with may be the test part of the data."""
    training = known_config(expanded(run)).table.get("training")
    training = training if isinstance(training, Mapping) else {}
    share = training.get("validation")
    if isinstance(share, Mapping):
        parts = load_parts(source, progress=progress)
        tested = parts.validation is None and parts.test is not None and parts.test.digest() == share.get("sha256")
        return (parts._replace(validation=parts.test) if tested else parts), parts
    given = load_parts(replace(source, validation=0.0), progress=progress)
    if not isinstance(share, float):
        return given, given
    rest, validation = split(
        given.train, number(share, "validation", "a number between 0 and 1"), training.get("seed", 0)
    )
    return given, Parts(rest, validation, given.test)


def picture_folder(data: str) -> tuple[str, Path] | None:
    """Return the folder of pictures to measure on, after the name of the part that it is; None for other data."""
    folders = None if find_entry(data) else picture_folders(expanded(data, "--data"))
    if folders is None:
        return None
    train, test = folders
    return ("overall", train) if test is None else ("test", test)


def refuse_needless_folder(data: str) -> None:
    """Refuse --data-dir beside data that do not come from there."""
    entry = find_entry(data)
    if entry is None:
        if expanded(data, "--data").exists():
            raise ArgumentError(f"--data-dir: goes with a set known by name, such as mnist; {shown(data)} is a path")
        return  # a slip in a name, as the search for the data tells
    if entry.name == "digits":
        raise ArgumentError(
            "--data-dir: digits come with the package and need no folder; name the set that is there with --data, such "
            "as --data mnist"
        )


def run_folder(run: str) -> Path:
    """Return the folder of a run."""
    folder = expanded(run)
    if not folder.exists():
        raise ArgumentError(f"there is no run {run!r}{meant(folder)} `pellucid train` makes runs")
    if not folder.is_dir():
        raise ArgumentError(f"{run} is a file, not the folder of a run")
    return folder


def enclosing_run(path: str) -> str:
    """Return the folder of the run that a model file is of, where it lies as a training has left it: the run's own, or
    one of the best that it has kept. All other paths are returned as they are."""
    place = expanded(path)
    above = {MODEL: 1}.get(place.name, 2 if _KEPT.fullmatch(place.name) else 0)
    if not above or not place.is_file():
        return path
    folder = place.absolute().parents[above - 1]
    with suppress(ModelFileError, StorageError):
        if {"training", "network"} <= read_config(folder).keys():
            here = Path.cwd()
            return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
    return path


def source_of(run: str, data: str | None = None, data_dir: Path | None = None) -> Source:
    """Return which data a run was made with; `data` and `data_dir` say where they are now, where they were moved or
    the run does not say it, as one that was made from arrays."""
    folder = expanded(enclosing_run(run))
    if not folder.is_dir():
        raise ArgumentError(f"{run} is a model file, which does not say what to measure it on; add --data")
    config = known_config(folder).table
    command = _Table(folder / CONFIG, "command", config.get("command", {}))
    recorded = command.get("data", str) or _Table(folder / CONFIG, "data", config.get("data", {})).get("name", str)
    if not (data or recorded):
        raise ArgumentError(f"{run} does not say what it was trained on; add --data")
    place = None if data_dir is None else str(data_dir)
    if data is None and data_dir is None:
        place = command.get("data_dir", str)
    share, seed = command.get("validation", float), command.get("seed", int) or 0
    return Source(data or recorded, place, share, seed, **_pictures(command))


def pictures_of(run: str) -> dict[str, Any]:
    """Return how a run has prepared the pictures of its folder, as `crop` and `size` of its source; for a run on other
    data, and for a model file, both are None."""
    path = expanded(enclosing_run(run)) / CONFIG
    command = read_config(path.parent).get("command", {}) if path.is_file() else {}
    return _pictures(_Table(path, "command", command))


def _pictures(command: _Table) -> dict[str, Any]:
    size = command.get("size", list)
    return {"crop": command.get("crop", int), "size": None if size is None else pair(size, f"{command.where}.size")}


def refuse_changed(run: str, parts: Parts) -> None:
    """Refuse data that are not divided as they were for the run: images it was trained on would be measured."""
    path = expanded(run) / CONFIG
    config = read_config(path.parent)
    dataset, known = parts.train, _Table(path, "data", config.get("data", {})).get("sha256", str)
    if parts.validation is not None:
        held_out = _Table(path, "training", config.get("training", {})).get("validation", object)
        if isinstance(held_out, Mapping):  # and not the share that fit was told to hold out
            dataset, known = parts.validation, _Table(path, "training.validation", held_out).get("sha256", str)
    if known is not None and dataset.digest() != known:
        what = "training" if dataset is parts.train else "validation"
        raise DataError(
            f"the data have changed since the run was trained: the {what} part of {dataset.name or 'the data'}, "
            f"{len(dataset):,} images, is not the one that {path} records, so images that it was trained on might be "
            "measured; add --data with images that it has not seen"
        )


def held_out_of(run: str, data: str | None = None, data_dir: Path | None = None) -> tuple[str, Dataset]:
    """Return the part to measure a run or a model file on, after its name: of what the run was made with, or of data
    that are named instead.

    Raises
    ------
    DataError
        If the run's data are not divided as they were.
    ArgumentError
        If nothing says which data.
    """
    if data is None:
        run, given = enclosing_run(run), run
        if run != given:
            say(f"data: those of the run {run}")
        source = source_of(run, data_dir=data_dir)
    else:
        place = None if data_dir is None else str(data_dir)
        source = Source(data, place, validation=0.0, **pictures_of(run))
    parts = load_parts(source)
    name, dataset = parts.held_out()
    if data is None and name != "test":
        refuse_changed(run, parts)
    return "overall" if data is not None and name == "training" else name, dataset


class Drawn(NamedTuple):
    """What a run draws for its training images; `share` is what `fit` itself held out of them, and None where it was
    given the parts."""

    augment: tuple[Augmentation, ...]
    seed: int
    share: float | None


def drawn_in(run: str) -> Drawn:
    """Return what was done to the training images of a run, as its config says."""
    path = expanded(run) / CONFIG
    table = _Table(path, "training", read_config(path.parent).get("training", {}))
    held_out = table.get("validation", object)
    share = None if isinstance(held_out, Mapping) else table.get("validation", float) or 0.0
    done = tuple(_augmentation(each, table.where) for each in table.get("augment", list) or ())
    return Drawn(done, table.get("seed", int) or 0, share)


def _augmentation(table: object, where: str) -> Augmentation:
    """Return what a table of a config describes, by the name of its class and its settings."""
    settings = dict(table) if isinstance(table, Mapping) else {}
    name = settings.pop("name", None)
    try:
        return {kind.__name__: kind for kind in augment.KINDS.values()}[name](**settings)
    except (KeyError, TypeError, ArgumentError):
        raise ModelFileError(f"{where}.augment: expected augmentations, found {table!r:.80}") from None


def refuse_other_images(run: str, learnt: Dataset) -> None:
    """Refuse images that are not those that a run was trained on."""
    path = expanded(run) / CONFIG
    known = _Table(path, "data", read_config(path.parent).get("data", {})).get("sha256", str)
    if known is not None and learnt.digest() != known:
        raise DataError(
            f"these are not the images that the run was trained on: {len(learnt):,} of {learnt.name or 'the data'} are "
            f"not those that {path} records; say where they are now, NAME|PATH"
        )


class _Table:
    """A table of a config file, which a user may have edited."""

    def __init__(self, path: Path, name: str, table: object):
        self.where = f"{path}: {name}"
        if not isinstance(table, Mapping):
            raise ModelFileError(f"{self.where}: expected a table, found {table!r}")
        self._table = table

    def get(self, key: str, kind: type) -> Any:
        """Return the value of `key` if it is of that kind, or None if there is none."""
        value = self._table.get(key)
        if value is None or isinstance(value, kind) or (kind is float and isinstance(value, int)):
            return value
        raise ModelFileError(f"{self.where}.{key}: expected {kind.__name__}, found {value!r}")


def meant(path: Path) -> str:
    """Return ``"; did you mean …?"``, from what lies beside the path and in runs/ there; else a full stop."""
    found = near(path)
    return "." if found is None else f"; did you mean {found!r}?"


def near(path: Path) -> str | None:
    """Return what was meant by a path where nothing is, if it lies beside it or in runs/ there."""
    for folder in (path.parent, path.parent / "runs"):
        if folder.is_dir():
            found = nearest_name(path.name, (each.name for each in folder.iterdir()))
            if found is not None:
                return str(folder / found)
    return None
