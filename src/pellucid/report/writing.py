"""A report of a run, of a model file, or of a network in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..arguments import shown
from ..data import Dataset, as_dataset
from ..errors import ArgumentError, path_text
from ..geometry import whole_number
from ..inputs import Data
from ..layers import Layer
from ..network import Network
from ..serialization import load
from ..storage import expanded, write_file
from ..training.record import Record


def html_report(
    run: str | os.PathLike[str] | Network,
    data: Data | None = None,
    *,
    title: str | None = None,
    part: str = "",
    missing: str = "",
    images: Sequence[int] | None = None,
    layers: Sequence[type[Layer]] = (),
    engine: str = "compiled",
    threads: int | None = None,
) -> str:
    """Return a report as a page of HTML that needs nothing beside itself.

    Of a run it shows the settings and the course of the training; of the data how they are classified, the mistakes
    and why they were made; and of the network its layers, its filters, and what they make of images.

    Parameters
    ----------
    run : path or Network
        The folder of a run, a model file, or a network.
    data : Dataset or (images, labels), optional
        What to measure it on. Without, all that needs data is left out.
    title : str, optional
        By default the name of the folder or file.
    part : str
        What the data are of those that it was trained on, such as "test".
    missing : str
        Why there are no data, for the reader.
    images : sequence of int, optional
        Samples whose feature maps are shown; by default the most confident mistake, and the first that is right.
    layers : sequence of class
        Classes of one's own that the network is made of, as for `load`.
    engine, threads
        As for `predict`.

    Returns
    -------
    str
        At most 2 MB as UTF-8. Where there is more to show, less of it is shown, which is said.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    ShapeError, DataError, ArgumentError
        If the data are not what the network takes, or there is no such sample; or no data to take samples from.
    ModelFileError
        If there is no run, or it is damaged.
    """
    chosen = _chosen(images)
    if chosen is not None and data is None:
        raise ArgumentError("images: there are no data to take them from; give data, or leave images out")
    if isinstance(run, Network):
        network, place = run, None
    else:
        place = expanded(run, "run")
        network = load(place, layers)
    dataset = None if data is None else as_dataset(data)
    return page_of(
        network, place, dataset, title=title, part=part, missing=missing, images=chosen, engine=engine, threads=threads
    )


def page_of(network: Network, place: Path | None, data: Dataset | None, *, title: str | None = None, **how: Any) -> str:
    """Return the report of a network that has been opened already, as `html_report` does.

    Parameters
    ----------
    network : Network
    place : Path or None
        The folder of the run or the model file that it comes from.
    data : Dataset or None
    title : str, optional
        By default the name of the place.
    **how
        The further arguments of `material.gather`.
    """
    from .canvas import canvas
    from .material import gather
    from .page import page

    with canvas():  # what is missing is told before anything is computed
        pass
    name = "network" if place is None else place.resolve().name
    record = Record.of(place) if place is not None and place.is_dir() else None
    return page(gather(name if title is None else title, network, record, data, **how))


def save_report(
    path: str | os.PathLike[str], run: str | os.PathLike[str] | Network, data: Data | None = None, **how: Any
) -> None:
    """Write a report into a file; parameters and errors are those of `html_report`.

    Raises
    ------
    ArgumentError
        If the file's name does not end with .html or .htm, or it is the one that the report is of.
    StorageError
        If the file cannot be written.
    """
    target = page_place(path, run)
    write_file(target, html_report(run, data, **how).encode())


def page_place(path: str | os.PathLike[str], run: str | os.PathLike[str] | Network) -> Path:
    """Return where a report is to be written, or refuse what is no page's name, or the file that the report is of."""
    target = expanded(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise ArgumentError(f"{path_text(target)}: expected a name that ends with .html, as a report is a page of HTML")
    if not isinstance(run, Network) and target.resolve() == expanded(run, "run").resolve():
        raise ArgumentError(f"{path_text(target)} is what the report is of; give the report another name")
    return target


def _chosen(images: object) -> list[int] | None:
    """Return the numbers of the samples that are to be shown, if any are named."""
    if images is None:
        return None
    if not isinstance(images, Iterable):
        raise ArgumentError(f"images: expected several numbers, such as [0, 7], received {shown(images)}")
    return [whole_number(number, "images", 0) for number in images]
