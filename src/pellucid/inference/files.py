"""Prediction at scale: any number of files into one table, part by part, so that it may be killed and go on.

What is promised: one row for each input, whatever happens to the process or to some of the inputs; and the same bytes
of the output whether it was killed or not, and for any number of processes, threads and readers. `parts` says how rows
lie on the disk until all are there, `request` what may not change meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from ..data.preparation import Preparation
from ..errors import ArgumentError
from ..geometry import whole_number
from ..network import Network
from ..storage import expanded
from .asked import Place, asked, own_share
from .classifier import Classifier
from .parts import at_work
from .ranks import checked, rank_of_environment
from .reading import Reader, usual_readers
from .rows import Columns
from .share import Predicted, Progress, Share


def predict_files(
    network: Network,
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    top: int = 1,
    probabilities: bool = False,
    invert: bool = False,
    drawn: bool = False,
    preparation: Preparation | None = None,
    engine: str = "compiled",
    threads: int | None = None,
    readers: int | None = None,
    rank: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> Predicted:
    """Predict the classes of any number of pictures and arrays in files, into a table with one row for each.

    The memory that this takes does not grow with their number. Called again with the same arguments after it was
    killed, it goes on where it stopped, and the table comes out the same.

    Parameters
    ----------
    network : Network
        That gives one output a class.
    inputs : str, path, or several of them
        Patterns such as "photos/**.png", paths of files, folders, or text files of paths, as `matching` takes them. A
        file whose name ends in .npy, .idx or -ubyte holds an array of images; every other one is a picture.
    output : str or path
        Of the table, "….csv" or "….parquet". Beside it stand its record, "….json", and while this goes on the folder
        of its parts, "….parts".
    top : int, default 1
        How many of the likeliest classes have columns.
    probabilities : bool, default False
        Whether each class has a column for its probability.
    invert, drawn, preparation
        As for `read_inputs`.
    engine, threads
        As for `predict`.
    readers : int, optional
        Threads that read files; by default as many as there are processors, up to 4.
    rank : (int, int), optional
        Which of how many processes this one is, from 0; by default as mpiexec or srun say in the environment, or else
        PELLUCID_RANK and PELLUCID_RANKS. Each does its share, and the last one makes the table.
    progress : callable, optional
        Is called with the numbers of inputs done, of all, and of failed ones: those of this process's share.

    Returns
    -------
    Predicted

    Raises
    ------
    ArgumentError, ShapeError
        If an argument makes no sense, or the network does not take pictures or give classes.
    DataError
        If nothing matches a pattern. What is wrong with a file stands in its row, in the column "error".
    StateError
        If the network or the inputs are no longer those with which the prediction began, if the output is there
        already, or if another process does this one's share.
    StorageError, MissingExtraError
        If the output cannot be written, or pyarrow or Pillow is missing.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import pellucid as p
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.save(folder / "x.npy", np.zeros((3, 1, 28, 28), np.uint8))
    >>> p.predict_files(p.models.lenet(), folder / "x.npy", folder / "x.csv").rows
    3
    >>> (folder / "x.csv").read_text().splitlines()[0]
    'file,index,class,probability,error'
    """
    who = rank_of_environment() if rank is None else checked(*rank)
    place = Place.of(expanded(output, "output"))
    columns, reader, classifier = _ready(network, top, probabilities, invert, drawn, preparation, engine, threads)
    number = usual_readers() if readers is None else whole_number(readers, "readers")
    patterns = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    with at_work(place.parts, place.record), own_share(place, who) as path:
        job = asked(network, patterns, place, columns, reader, classifier, engine, who, path)
        return Share(job, who, columns, reader, classifier).predict(number, progress)


def _ready(
    network: Network, top: int, every: bool, invert: bool, drawn: bool, preparation: Preparation | None, engine: str,
    threads: int | None,
) -> tuple[Columns, Reader, Classifier]:  # fmt: skip
    """Return what the arguments come to."""
    classifier = Classifier(network, engine, threads)
    shape = network.input_shape
    if shape is None or len(shape) != 3:
        raise ArgumentError(f"network: expected one that takes pictures, received one of inputs of shape {shape}")
    channels, height, width = shape
    if drawn and channels != 1:
        raise ArgumentError(f"drawn: expected a network of 1 channel, as ink has no colour, received one of {channels}")
    reader = Reader((channels, height, width), np.dtype(network.dtype), invert, preparation, drawn)
    return Columns.of(network, whole_number(top, "top"), every), reader, classifier
