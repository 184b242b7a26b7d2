"""What comes before a training by a recipe, in Python as on the command line: the data, the network that begins, and
what the run records of both, so that it can be measured and repeated."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import models
from ..data import Dataset, datasets
from ..data.catalogue import find_entry
from ..data.datasets import Preparation, picture_folders
from ..data.download import Progress
from ..errors import DataError
from ..freezing import freeze
from ..interop.weights import WeightsFile
from ..network import Network
from ..storage import expanded
from ..transfer import begin_from, usual_crop
from .recipe import Recipe


@dataclass(frozen=True)
class Source:
    """Which data, and how they are prepared and divided; a run's ``config.toml`` keeps it under "command".

    Parameters
    ----------
    data : str
        A name, or the path of a folder or file.
    data_dir : str, optional
        Where the files of a set known by name lie.
    validation : float, optional
        Share of the training part to hold out; None leaves it to who loads them.
    seed : int, default 0
        Decides which samples are held out.
    crop : int, optional
        Height and width of the square that is cropped from each picture of a folder, once its shorter side is resized;
        see `Preparation.for_crop`.
    size : (int, int), optional
        Height and width that each picture of a folder is stretched to. Without it, and without `crop`, that is the
        size that most of them have.
    """

    data: str
    data_dir: str | None = None
    validation: float | None = None
    seed: int = 0
    crop: int | None = None
    size: tuple[int, int] | None = None

    def load(self, progress: Progress | None = None) -> tuple[Dataset, Dataset | None]:
        """Return the training and the test part, None if there is none; what is not on this machine is downloaded."""
        preparation = None if self.crop is None else Preparation.for_crop(self.crop)
        return datasets.load(self.data, self.data_dir, preparation=preparation, size=self.size, progress=progress)

    def settings(self) -> dict[str, Any]:
        """Return this as plain data; paths are made absolute, so that the run serves from any folder."""
        data = self.data if find_entry(self.data) else str(expanded(self.data, "data").absolute())
        data_dir = None if self.data_dir is None else str(expanded(self.data_dir, "data_dir").absolute())
        kept = {"validation": self.validation, "seed": self.seed, "crop": self.crop, "size": self.size}
        return {"data": data, "data_dir": data_dir, **kept}


def source_for(
    model: str | None,
    data: str,
    data_dir: str | None = None,
    *,
    size: tuple[int, int] | None = None,
    validation: float | None = None,
    seed: int = 0,
) -> Source:
    """Return data as a model wants them: pictures of a folder stretched to a size if one is given, and else cropped for
    a model that was made for ImageNet."""
    pictures = find_entry(data) is None and picture_folders(expanded(data, "data")) is not None
    crop = usual_crop(model) if pictures and size is None and model is not None else None
    return Source(data, data_dir, validation, seed, crop, size if pictures else None)


def missing(recipe: Recipe, weights: object, data: object) -> tuple[str, str] | None:
    """Return what only who follows the recipe can give and has not, "weights" or "data", and why it is wanted."""
    if recipe.begins_from and weights is None:
        return "weights", f"{recipe.name} begins from {recipe.begins_from}"
    if data is None and not recipe.data:
        return "data", f"{recipe.name} is for images of your own"
    return None


class Prepared(NamedTuple):
    """A network that is ready to be trained, and which parameters of its last layer begin anew beside weights."""

    network: Network
    anew: tuple[str, ...]


def prepare(recipe: Recipe, train: Dataset, weights: WeightsFile | None = None, seed: int = 0) -> Prepared:
    """Return the network of a recipe for the images and classes of data, as it begins.

    Parameters
    ----------
    recipe : Recipe
    train : Dataset
    weights : WeightsFile, optional
        What it begins from; else from what is drawn.
    seed : int, default 0
        Decides what is drawn.

    Raises
    ------
    DataError
        If the labels are no classes.
    ModelFileError, ShapeError, ArgumentError
        If weights, images or classes do not fit the network.
    """
    if not train.classes:
        raise DataError(
            "data: expected labels that are classes, as whole numbers: use labels.astype(int); for other targets there "
            "is pellucid.fit"
        )
    network = models.by_name(recipe.model)(
        train.classes, train.shape, seed=seed, class_names=train.class_names, **recipe.model_arguments()
    )
    anew = () if weights is None else begin_from(network, weights, new_head=recipe.new_head)
    if recipe.freeze_until:
        freeze(network, recipe.freeze_until)
    return Prepared(network, anew)


def record(
    recipe: Recipe, data: Mapping[str, Any], *, told: str | None = None, weights: str | os.PathLike[str] | None = None
) -> dict[str, Any]:
    """Return what a run says of how it was started beyond what `fit` knows, as `RunWriter` takes it.

    Parameters
    ----------
    recipe : Recipe
    data : mapping
        The `settings` of their `Source`; or what there is of these, for data in memory.
    told : str, optional
        The recipe's name, or the path of its file; None where there was none.
    weights : path, optional
    """
    return {
        "recipe": told, "model": recipe.model, "weights": None if weights is None else absolute(weights), **data,
        "new_head": recipe.new_head or None, "freeze_until": recipe.freeze_until or None,
    }  # fmt: skip


def absolute(path: str | os.PathLike[str]) -> str:
    """Return a path so that it says from any folder what is meant."""
    return str(expanded(path).absolute())
