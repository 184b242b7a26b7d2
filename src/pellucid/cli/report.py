"""report: a network and its training on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..data import Dataset
from ..errors import ArgumentError, DataError, StorageError
from ..limits import format_bytes
from ..storage import expanded, write_file
from . import options, parsing
from .onnx_words import OnnxWords, with_onnx_words
from .opening import open_run
from .screen import examples, say
from .sources import held_out_of, refuse_needless_folder

EXAMPLES = examples(
    "pellucid report runs/small-digits",
    "pellucid report run --out report.html --image 8 --image 115",
    "pellucid report run/model.safetensors --data mnist",
)


@with_onnx_words
def command(
    run: Annotated[
        str, typer.Argument(metavar="RUN", parser=parsing.named, help="The folder of a run, or a model file, ONNX too.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            parser=parsing.place,
            help="The file to write. By default report.html in the run's folder, or beside the model file.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            parser=parsing.named,
            help="What to measure on, as in `pellucid evaluate`. By default what the run was made with.",
        ),
    ] = None,
    data_dir: options.DataDir = None,
    images: Annotated[
        list[int] | None,
        typer.Option(
            "--image",
            metavar="N",
            parser=parsing.whole,
            help="Show the feature maps of this image of the data, counted from 0. May be given several times. By "
            "default of the worst mistake, and of an image that is recognised.",
        ),
    ] = None,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
    *,
    onnx: OnnxWords,
) -> None:
    """Write a page about a run: curves, mistakes, filters, maps.

    With its settings, the confusion of classes, and why mistakes were made. The page is one file, which needs no
    network, and can be read as it is or passed on. Where the data of the run are no longer there, it shows what can be
    shown without. Needs matplotlib.
    """
    from ..report.writing import page_of, page_place

    if data is not None and data_dir is not None:
        refuse_needless_folder(data)
    network, place = open_run(run, "report", onnx=onnx), expanded(run)
    by_default = place / "report.html" if place.is_dir() else place.with_suffix(".html")
    file = page_place(by_default if out is None else out, place)
    part, dataset, missing = _data(run, data, data_dir)
    if images and dataset is None:
        raise ArgumentError(f"--image: there are no data to take images from: {missing}")
    made = page_of(
        network, place, dataset, part=part, missing=missing, images=images or None, engine=engine, threads=threads
    ).encode()
    write_file(file, made)
    print(f"written: {file} ({format_bytes(len(made))})")


def _data(run: str, data: str | None, data_dir: Path | None) -> tuple[str, Dataset | None, str]:
    """Return the data to measure on, after the part that they are; or none, and why there are none."""
    try:
        part, dataset = held_out_of(run, data, data_dir)
    except (ArgumentError, DataError, StorageError) as error:
        if data is not None or data_dir is not None:
            raise
        say(f"note: the report is made without data: {error}")
        return "", None, str(error)
    return "" if part == "overall" else part, dataset, ""
