"""Which network a word stands for: a model by name, the folder of a run, or a model file, ONNX or the library's own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import models
from ..arguments import known_name, nearest_name, nearest_or_all, shown
from ..errors import ArgumentError, ModelFileError, PellucidError, StorageError, path_text
from ..interop.known_models import fitting_models
from ..interop.weights import WeightsFile, open_weights
from ..network import Network
from ..scaling import Scaling
from ..serialization import load
from ..serialization.model_file import MODEL, OTHERS
from ..storage import expanded
from ..training.checkpoint import files
from ..training.going_on import way_on
from ..training.record import Record
from .onnx_words import OnnxWords, in_words, refuse_of_others
from .screen import called, say
from .sources import meant, near

TAKES_WEIGHTS = ("evaluate", "predict", "export", "view")
"""The verbs that take a model by name with --weights; others show a model, whatever its weights are."""

_UNFINISHED = {
    "interrupted": "is interrupted after", "diverged": "has diverged after", "running": "is being trained, and has done"
}  # fmt: skip
"""The states of a run whose network is not what the training was to come to, in words."""

_PLAIN = OnnxWords()


def open_run(path: str, verb: str, scaling: Scaling | None = None, onnx: OnnxWords = _PLAIN) -> Network:
    """Return the network of a run directory or a model file; of weights alone, say how the verb takes them.

    An ONNX model takes its pixels scaled as `scaling` says, or as it says itself, and is read as `onnx` says.
    """
    place = expanded(path)
    if not is_onnx(path):
        refuse_of_others(onnx, path)
    if not place.exists():
        if _may_be_model(path) and known_name(path, models.MODELS):
            raise ArgumentError(f"{path} is a model that has learnt nothing yet; add --weights FILE, or name a run")
        raise ArgumentError(f"there is no run or model file {shown(path)}{meant(place)} `pellucid train` makes runs")
    if is_onnx(path):
        from ..interop.onnx.reading import load_onnx  # takes its time

        with in_words():
            return load_onnx(place, scaling=scaling, **onnx._asdict())
    try:
        network = load(place)
    except ModelFileError:
        file = weights_alone(path)
        if file is None:
            raise
        if place in files(place.parent):
            run = path_text(Path(path).parent)
            raise ModelFileError(
                f"{path_text(path)} is a checkpoint, from which a training goes on; name its run: "
                f"{called()} {verb} {run}"
            ) from None
        raise ModelFileError(
            f"{path_text(path)} holds weights alone, and no network; {_fix(path, verb, file)}"
        ) from None
    if verb in TAKES_WEIGHTS:
        _note_unfinished(path, place)
    return network


def _note_unfinished(path: str, place: Path) -> None:
    """Say so where a network is that of a run which is not finished: it is as it was saved last."""
    if not (place.is_dir() or place.name == MODEL):
        return
    folder, named = (place, Path(path)) if place.is_dir() else (place.parent, Path(path).parent)
    with suppress(ModelFileError, StorageError):  # what lies in a folder that is no run
        record = Record.of(folder)
        if record.state in _UNFINISHED and record.how_far:
            advice = f" ({way_on(folder, named)})" if record.state == "interrupted" else ""
            told = f"{path_text(named)} {_UNFINISHED[record.state]} {record.how_far}{advice}"
            say(f"note: {told}; this is its network as saved last")


def model_or_run(text: str, verb: str, onnx: OnnxWords = _PLAIN, **making: Any) -> Network:
    """Return the model of a name, or else the network of a run directory or a model file.

    Parameters
    ----------
    text : str
        With a separator of folders in it, it is never the name of a model.
    verb : str
        What was asked for, as error messages repeat it.
    onnx : OnnxWords
        How an ONNX model is read.
    **making
        What a model is made with; networks of runs and files are there already.
    """
    if is_model(text):
        refuse_of_others(onnx, text)
        return models.by_name(text)(**making)
    if _may_be_model(text) and not expanded(text).exists():
        found = nearest_name(text, models.MODELS) or near(expanded(text))
        hint = nearest_or_all(text, models.MODELS) if found is None else f"; did you mean {found!r}?"
        raise ArgumentError(f"there is no model, run or model file {shown(text)}{hint}")
    return open_run(text, verb, onnx=onnx)


def is_model(text: str) -> bool:
    """Return whether a word is the name of a model; one with dashes in it may be a file or folder instead."""
    return text in models.MODELS or (
        _may_be_model(text) and known_name(text, models.MODELS) is not None and not expanded(text).exists()
    )


def is_onnx(text: str) -> bool:
    """Return whether a word is the name of an ONNX model."""
    return OTHERS.get(expanded(text).suffix.lower()) == "ONNX"


def weights_alone(path: str) -> WeightsFile | None:
    """Return a file of weights alone; None for other files.

    Raises
    ------
    ModelFileError
        If it is called as PyTorch's files are, and cannot be understood.
    """
    place = expanded(path)
    try:
        file = open_weights(place)
        return file if file.use is None else None
    except PellucidError:
        if OTHERS.get(place.suffix.lower()) == "PyTorch":
            raise
        return None


def _fix(path: str, verb: str, file: WeightsFile) -> str:
    model = next(iter(fitting_models(file)), "MODEL")
    weights = f" --weights {path}" if verb in TAKES_WEIGHTS else ""
    return f"name the model that they are of: {called()} {verb} {model}{weights}"


def _may_be_model(text: str) -> bool:
    return not set(text) & {"/", "\\"}
