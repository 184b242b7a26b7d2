"""data show: a training image as a picture, as a training sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from ..arguments import number
from ..augmented import augmented, mixed_with
from ..data import Dataset, datasets, split_indices
from ..data.augment import Augmentation, MixUp
from ..data.catalogue import find_entry
from ..data.dataset import class_numbers
from ..data.folders import find_pictures
from ..data.pictures import write_picture
from ..errors import ArgumentError, DataError, printable
from ..models import by_name
from ..recipes.preparing import Source
from ..storage import expanded
from ..training.record import Record
from . import options, parsing, training_options
from .beginning import chosen_source, recipe_beside, refuse_beside
from .screen import download_progress, examples
from .sources import HELD_OUT, drawn_in, refuse_needless_folder, refuse_other_images, run_folder, source_of

EXAMPLES = examples(
    "pellucid data show digits --sample 3",
    "pellucid data show mnist --sample 17 --augment crop:2 --epoch 3",
    "pellucid data show photos/ --model resnet18 --sample 8",
    "pellucid data show --run run --sample 17 --epoch 3",
)

DECIDED = ("model", "recipe", "size", "augment", "seed", "validation")
"""The words that cannot stand beside a run, as it decides them."""


_SIDE = 256
"""Pixels that the longer side of a small image is enlarged to, at most."""


class _Seen(NamedTuple):
    """Which images a training sees, and how: `run` is its folder, where it is one that was made."""

    source: Source
    augment: Sequence[Augmentation]
    seed: int
    run: str | None = None


def command(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|PATH",
            parser=parsing.named,
            show_default=False,
            help="A set by name, or a path, as --data of train. By default digits, or what the recipe was made for; "
            "with --run, what that was made with, if it was not moved.",
        ),
    ] = None,
    sample: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=parsing.whole,
            help="Which of the images that are trained on, from 0: of the training part, without what is held out.",
        ),
    ] = 0,
    epoch: Annotated[
        int, typer.Option(metavar="N", parser=parsing.whole, help="In which epoch, from 1; each has other draws.")
    ] = 1,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            parser=parsing.named,
            help="Show what this run has seen, with the image as it was to the left of it.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", parser=parsing.named, help="As MODEL of train: one made for ImageNet crops its pictures."
        ),
    ] = None,
    recipe: training_options.RecipeName = None,
    size: options.Size = None,
    augment: options.Augment = None,
    seed: options.Seed = 0,
    validation: options.Validation = None,
    data_dir: options.DataDir = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=parsing.place,
            help="The file to write, a .png. By default one in this folder, named after the sample and what became "
            "of it.",
        ),
    ] = None,
    scale: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=parsing.at_least_one,
            show_default=False,
            help="Draw each pixel as N×N. By default such that a small image has about 256 pixels; 1 leaves it as it "
            "is.",
        ),
    ] = None,
) -> None:
    """Write a training image as a picture, as a training sees it.

    The training is that of `train` with the same words, or a run. Its class is printed, and which file it came from,
    where the data are a folder of pictures. What training would make brighter than white, or darker than black, is
    white or black in the picture. Needs Pillow.
    """
    if out is not None and out.suffix.lower() != ".png":
        raise typer.BadParameter(f"expected a file that ends in .png, received {str(out)!r}", param_hint="--out")
    seen = _asked(context) if run is None else _in_run(context, run)
    if run is not None:
        _refuse_no_epoch(run, epoch)
    if seen.source.data_dir is not None:
        refuse_needless_folder(seen.source.data)
    with download_progress() as progress:
        train, test = seen.source.load(progress)
    order = _trained_on(train, test, seen.source)
    if not 0 <= sample < len(order):
        raise ArgumentError(f"--sample: expected 0 to {len(order) - 1:,}, received {sample}")
    if len(train.shape) != 3 or train.images.dtype != np.uint8:
        raise DataError(f"{seen.source.data} holds no pictures, but {train.images.dtype} of shape {train.shape}")
    learnt = train if len(order) == len(train) else train.subset(order)
    if run is not None:
        refuse_other_images(run, learnt)
    image = augmented(learnt, [sample], seen.augment, seed=seen.seed, epoch=epoch)[0]
    file = out if out is not None else Path(f"{_in_file_name(seen, train.name or 'data', sample, epoch)}.png")
    original = learnt.images[sample]
    shown = _beside(original, image) if run is not None and seen.augment else image
    times = max(1, _SIDE // max(image.shape[1:])) if scale is None else scale
    write_picture(file, shown.repeat(times, axis=1).repeat(times, axis=2))
    _describe(seen, learnt, sample, epoch, int(order[sample]))
    if seen.augment and np.array_equal(image, original):
        print("what was drawn for it leaves it as it is")
    print(f"saved in {file}")


def _asked(context: typer.Context) -> _Seen:
    """Return what `train` would see with the words of a command."""
    words = context.params
    recipe = None if words["recipe"] is None else recipe_beside(context, words["recipe"])
    data = words["name"] or ("digits" if recipe is None else recipe.data)
    if not data:
        raise typer.BadParameter("the recipe is for images of your own: name them, NAME|PATH", param_hint="--recipe")
    if recipe is not None:
        return _Seen(chosen_source(words, recipe.model, data, recipe.size), recipe.augment, words["seed"])
    model = None if words["model"] is None else by_name(words["model"]).__name__
    how = parsing.augmentations(words["augment"])
    return _Seen(chosen_source(words, model, data, words["size"]), how, words["seed"])


def _in_run(context: typer.Context, run: str) -> _Seen:
    """Return what a run has seen; where its data are now, if they were moved, is said beside it."""
    refuse_beside(context, DECIDED, run, "run")
    run_folder(run)
    words, drawn = context.params, drawn_in(run)
    try:
        source = source_of(run, words["name"], words["data_dir"])
    except ArgumentError:  # it was made in Python
        raise ArgumentError(f"{run} does not say what it was trained on; name the data, NAME|PATH") from None
    if drawn.share is not None:  # else the command divided them that made the run
        source = replace(source, validation=drawn.share, seed=drawn.seed)
    return _Seen(source, drawn.augment, drawn.seed, run)


def _refuse_no_epoch(run: str, epoch: int) -> None:
    """Refuse an epoch that the run has not had; of one that is not finished, one that it will not have either."""
    record = Record.of(run)
    finished = record.state == "finished"
    last = len(record.epochs) if finished else record.setting("training", "epochs")
    if isinstance(last, int) and not 1 <= epoch <= last:
        count = f"{last} epoch{'s' * (last != 1)}"
        said = f"{run} {'had' if finished else 'is a run of'} {count}"
        raise ArgumentError(f"--epoch: expected 1 to {last}, as {said}, received {epoch}")


def _trained_on(train: Dataset, test: Dataset | None, source: Source) -> NDArray[np.int64]:
    """Return which samples of the training part are trained on, as `train` divides them."""
    share = source.validation
    if share is None:
        share = HELD_OUT if test is None else 0.0
    share = number(share, "--validation", "a number from 0 up to but not 1")
    return split_indices(train, share, source.seed)[0] if share else np.arange(len(train))


def _in_file_name(seen: _Seen, data: str, sample: int, epoch: int) -> str:
    """Return what tells a picture from others: the sample, the epoch, and what was done to it, or the run."""
    parts = [data, str(sample), f"epoch-{epoch}"]
    if seen.run is not None:
        parts.append(expanded(seen.run).resolve().name)
    else:
        parts += [*map(str, seen.augment), *([f"seed-{seen.seed}"] if seen.seed else [])]
    return "-".join(parts).replace(":", "-").replace(",", "-").replace("/", "-")


def _beside(original: NDArray[Any], seen: NDArray[Any]) -> NDArray[Any]:
    """Return two images (C, H, W) as one, with a white line between them."""
    channels, height, width = original.shape
    line = np.full((channels, height, max(1, width // 16)), 255, original.dtype)
    return np.concatenate((original, line, seen), axis=2)


def _describe(seen: _Seen, learnt: Dataset, sample: int, epoch: int, place: int) -> None:
    """Print what the picture shows; `place` is the sample's number before a part was held out."""
    print(f"sample {sample}: {_called(learnt, sample)}")
    done = ", ".join(map(str, seen.augment)) or "no"
    run = "" if seen.run is None else f" of {printable(seen.run)}{'; on the left as it is' * bool(seen.augment)}"
    print(f"augmented: {done}, in epoch {epoch}{run}")
    if seen.augment and isinstance(seen.augment[0], MixUp):
        partner, share = mixed_with(len(learnt), [sample], seen.augment[0], seed=seen.seed, epoch=epoch)
        other, given = int(partner[0]), 100 * (1 - float(share[0]))
        print(f"{given:.1f} % of the picture is sample {other}: {_called(learnt, other)}")
    data = seen.source.data
    if find_entry(data) is None and (pictures := datasets.picture_folders(expanded(data, "data"))) is not None:
        print(f"from {printable(str(find_pictures(pictures[0]).files[place]), most=1000)}")


def _called(data: Dataset, sample: int) -> str:
    """Return what the class of a sample is called."""
    numbers = class_numbers(data.labels)
    if numbers is None:
        return f"target {data.labels[sample].tolist()}"
    own = int(numbers[sample])
    return f"class {printable(data.class_names[own])}" if data.class_names else f"class {own}"
