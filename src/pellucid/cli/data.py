"""data: which sets there are, how to get them, whether their bytes are right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..arguments import number
from ..augmented import augmented, mixed_with
from ..data import Dataset, datasets, split_indices
from ..data.augment import MixUp
from ..data.catalogue import find_entry, get_entry
from ..data.dataset import class_numbers
from ..data.download import cache_folder, locate
from ..data.folders import find_pictures
from ..data.pictures import write_picture
from ..errors import ArgumentError, DataError, printable
from ..storage import expanded
from . import options
from .options import Verb
from .screen import download_progress, examples, print_table
from .sources import HELD_OUT

app = typer.Typer(
    no_args_is_help=True,
    help="List data sets, download them, check their files, look at their images.",
    epilog=examples(
        "pellucid data list",
        "pellucid data fetch mnist",
        "pellucid data verify mnist",
        "pellucid data show mnist --sample 17",
    ),
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the set, as `pellucid data list` shows it.")]
_Folder = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        parser=options.folder,
        help="Where to look first; then where PELLUCID_DATA points, then among the downloads.",
    ),
]


@app.command("list", cls=Verb, epilog=examples("pellucid data list"))
def list_(data_dir: _Folder = None) -> None:
    """List the data sets known by name, and where their files are."""
    rows = []
    for listing in datasets.describe(data_dir):
        entry = listing.entry
        shape = "×".join(map(str, entry.shape))
        train, test = entry.images
        where = listing.location or listing.note
        rows.append([entry.name, f"{train:,} + {test:,}", shape, f"{entry.title}\n{where}"])
    print_table(["name", "images", "shape", "what, and where"], rows, right=["images"])


@app.command(cls=Verb, epilog=examples("pellucid data fetch mnist"))
def fetch(name: _Name) -> None:
    """Download a data set, unless it is here already. Damaged downloads are replaced."""
    entry = get_entry(name)
    found, kept = locate(entry), cache_folder() / entry.name
    if found and found[0].parent != kept:
        print(f"{entry.name} is here already: {found[0].parent}")
        return
    with download_progress() as progress:
        datasets.fetch(entry, progress)
    print(f"{entry.name} is in {kept}")
    print(f"licence: {entry.licence}")
    print(f"source: {entry.source}")


@app.command(cls=Verb, epilog=examples("pellucid data verify mnist --data-dir downloads"))
def verify(name: _Name, data_dir: _Folder = None) -> None:
    """Compare the files of a data set with the published checksums."""
    results = datasets.verify(name, data_dir)
    print_table(["file", "checksum"], [[str(result.path), result.state] for result in results])
    wrong = [result for result in results if result.state == "wrong"]
    if wrong:
        names = ", ".join(result.path.name for result in wrong)
        raise DataError(f"{name}: not as published: {names}; `pellucid data fetch {name}` replaces a damaged download")


_SHOW = examples(
    "pellucid data show digits --sample 3",
    "pellucid data show mnist --sample 17 --augment crop:2 --epoch 3",
)


@app.command(cls=Verb, epilog=_SHOW)
def show(
    name: Annotated[str, typer.Argument(metavar="NAME|PATH", help="A set by name, or a path, as --data of train.")],
    sample: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=options.whole,
            help="Which of the images that are trained on, from 0: of the training part, without what is held out.",
        ),
    ] = 0,
    epoch: Annotated[
        int, typer.Option(metavar="N", parser=options.whole, help="In which epoch, from 1; each has other draws.")
    ] = 1,
    augment: options.Augment = None,
    seed: options.Seed = 0,
    validation: options.Validation = None,
    data_dir: options.DataDir = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=options.place,
            help="The file to write, a .png. By default one in this folder, named after the sample.",
        ),
    ] = None,
) -> None:
    """Write a training image as a picture, as `train` with the same words sees it.

    Its class is printed, and which file it came from, where the data are a folder of pictures. Needs Pillow.
    """
    if out is not None and out.suffix.lower() != ".png":
        raise typer.BadParameter(f"expected a file that ends in .png, received {str(out)!r}", param_hint="--out")
    how = options.augmentations(augment)
    with download_progress() as progress:
        train, test = datasets.load(name, None if data_dir is None else str(data_dir), progress=progress)
    order = _trained_on(train, test, validation, seed)
    if not 0 <= sample < len(order):
        raise ArgumentError(f"--sample: expected 0 to {len(order) - 1:,}, received {sample}")
    if len(train.shape) != 3 or train.images.dtype != np.uint8:
        raise DataError(f"{name} holds no pictures, but {train.images.dtype} of shape {train.shape}")
    learnt = train if len(order) == len(train) else train.subset(order)
    file = out if out is not None else Path(f"{train.name or 'data'}-{sample}-epoch-{epoch}.png")
    write_picture(file, augmented(learnt, [sample], how, seed=seed, epoch=epoch)[0])
    print(f"sample {sample}: {_called(learnt, sample)}")
    if how and isinstance(how[0], MixUp):
        partner, share = mixed_with(len(learnt), [sample], how[0], seed=seed, epoch=epoch)
        other, given = int(partner[0]), 100 * (1 - float(share[0]))
        print(f"mixed with sample {other}: {_called(learnt, other)}, {given:.1f} % of it")
    if find_entry(name) is None and (pictures := datasets.picture_folders(expanded(name, "data"))) is not None:
        print(f"from {printable(str(find_pictures(pictures[0]).files[int(order[sample])]), most=1000)}")
    print(f"saved in {file}")


def _trained_on(train: Dataset, test: Dataset | None, share: float | None, seed: int) -> np.ndarray:
    """Return which samples of the training part are trained on, as `train` divides them."""
    if share is None:
        share = HELD_OUT if test is None else 0.0
    share = number(share, "--validation", "a number from 0 up to but not 1")
    return split_indices(train, share, seed)[0] if share else np.arange(len(train))


def _called(data: Dataset, sample: int) -> str:
    """Return what the class of a sample is called."""
    numbers = class_numbers(data.labels)
    if numbers is None:
        return f"target {data.labels[sample].tolist()}"
    own = int(numbers[sample])
    return f"class {printable(data.class_names[own])}" if data.class_names else f"class {own}"
