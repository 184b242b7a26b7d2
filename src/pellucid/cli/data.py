"""data: which sets there are, how to get them, whether their bytes are right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..data import datasets
from ..data.catalogue import get_entry
from ..data.download import cache_folder, locate
from ..errors import DataError
from . import parsing, showing
from .options import Verb
from .screen import download_progress, examples, print_table

app = typer.Typer(
    no_args_is_help=True,
    help="List, download and check data sets; look at their images.",
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
        parser=parsing.folder,
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


app.command("show", cls=Verb, epilog=showing.EXAMPLES)(showing.command)
