"""A report of a run, of a model file, or of a network in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ..data import as_dataset
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
        If the data are not what the network takes, or there is no such sample.
    ModelFileError
        If there is no run, or it is damaged.
    """
    from .canvas import canvas
    from .material import gather
    from .page import page

    with canvas():  # what is missing is told before anything is computed
        pass
    record = None
    if isinstance(run, Network):
        network, name = run, "network"
    else:
        folder = expanded(run, "run")
        network, name = load(folder, layers), folder.resolve().name
        record = Record.of(folder) if folder.is_dir() else None
    dataset = None if data is None else as_dataset(data)
    name = name if title is None else title
    return page(
        gather(
            name, network, record, dataset, part=part, missing=missing, images=images, engine=engine, threads=threads
        )
    )


def save_report(
    path: str | os.PathLike[str], run: str | os.PathLike[str] | Network, data: Data | None = None, **how: Any
) -> None:
    """Write a report into a file; parameters and errors are those of `html_report`.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    target = expanded(path)
    write_file(target, html_report(run, data, **how).encode())
