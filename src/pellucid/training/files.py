"""Whether the files of a run are whole: each by its own seal, and by the copies that the newest checkpoint keeps."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from ..arguments import shown
from ..errors import ModelFileError, StorageError
from ..serialization.model_file import MODEL, decode_sealed, read_content
from ..serialization.tensor_file import SEAL
from ..storage import expanded
from .checkpoint import Checkpoint, every, files
from .config import CONFIG, RunConfig
from .plain import changes_in_words
from .record import measures
from .run import METRICS, json_line


def check_files(run: str | os.PathLike[str]) -> dict[str, str]:
    """Read all files of a run, and return for each what is wrong with it, or nothing; what is measured is left out
    where there is none yet.

    The checkpoints bear a seal, the SHA-256 of all their bytes, and so does the model file. The newest that is whole
    holds a copy of the config, of what the epochs measured until then, of the network's architecture and, when the
    training is finished, of the model file's seal: with these the others are compared.

    Raises
    ------
    ModelFileError
        If the folder is no run.
    """
    folder = expanded(run, "run")
    if not files(folder):
        RunConfig.read(folder)
    found, whole = dict[str, str](), None
    for path, each in every(folder):
        if isinstance(each, Checkpoint):
            whole = whole or each
        found[path.name] = "" if isinstance(each, Checkpoint) else str(each)
    others = {CONFIG: _config, METRICS: _metrics, MODEL: _model}
    if not (folder / METRICS).exists() and not (whole and whole.history().epochs):
        del others[METRICS]  # the first epoch makes it
    return {**{name: _said(check(folder, whole)) for name, check in others.items()}, **found}


def _said(wrong: Iterator[str]) -> str:
    """Return the first thing that is wrong."""
    try:
        return next(wrong, "")
    except (ModelFileError, StorageError) as error:
        return str(error)


def _config(folder: Path, whole: Checkpoint | None) -> Iterator[str]:
    config = RunConfig.read(folder)
    if whole is not None and (changes := changes_in_words(config.table, whole.config().table)):
        yield f"{folder / CONFIG} was changed: {changes}"


def _metrics(folder: Path, whole: Checkpoint | None) -> Iterator[str]:
    lines = [line for line in measures(folder / METRICS) if "epoch" in line]
    sealed = [] if whole is None else whole.history().epochs
    for number, epoch in enumerate(sealed):
        before, now = json.loads(json_line(epoch)), lines[number] if number < len(lines) else None
        if before != now:
            yield f"{folder / METRICS} was changed: epoch {number + 1} is {shown(now)}, and was {shown(before)}"
    if whole is not None and whole.finished and len(lines) > len(sealed):
        yield f"{folder / METRICS} was changed: it has {len(lines)} epochs, and there were {len(sealed)}"


def _model(folder: Path, whole: Checkpoint | None) -> Iterator[str]:
    content, path = read_content(folder)
    file = decode_sealed(content, path)
    seal = "" if whole is None else whole.state.get("model_sha256", "")
    if seal and seal != bytes(content[SEAL]).decode("ascii", "replace"):
        yield f"{path} is another file than the training left"
    if whole is not None and whole.begun["architecture"] != file.metadata.get("architecture"):
        yield f"{path} holds another network than was trained"
