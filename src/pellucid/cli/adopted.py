"""The network that lies in the file of --weights, architecture and all, for the classes of other data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import typer

from .. import models
from ..build import lower
from ..data import Dataset
from ..errors import ArgumentError, ModelFileError, path_text
from ..freezing import freeze
from ..interop.known_models import unlike_before_head
from ..interop.weights import WeightsFile
from ..network import Network
from ..scaling import Scaling
from ..serialization import load
from ..transfer import with_classes
from . import parsing
from .opening import is_onnx


class Adopted(NamedTuple):
    """A network from a file, what of its last layer begins anew, and for which classes that was learnt."""

    network: Network
    anew: tuple[str, ...]
    learnt: tuple[str, ...]


def refuse_beside_onnx(words: dict[str, Any]) -> None:
    """Refuse what says which network it is beside an ONNX model, which is one itself."""
    for name, called in (("model", "MODEL"), ("recipe", "--recipe")):
        if words[name] is not None:
            raise typer.BadParameter(f"an ONNX model is the network itself; leave out {called}", param_hint="--weights")


def adopted(words: dict[str, Any], file: WeightsFile | None, train: Dataset) -> Adopted | None:
    """Return the network in the file of ``--weights`` for the classes of data, where the words name no other.

    None where they do, or where the model that suits the images takes those weights.
    """
    if words["weights"] is None or words["model"] is not None or words["recipe"] is not None:
        return None
    if file is not None:
        usual = models.by_name(models.for_data(train.shape))(train.classes, train.shape)
        if not unlike_before_head(usual, file):
            return None
    network = _read(words["weights"], file, words["scaling"], train)
    if network.input_shape != train.shape:
        sizes = ("×".join(map(str, shape or ())) for shape in (network.input_shape, train.shape))
        takes = "{} takes {}, and {} has {}".format(
            path_text(words["weights"]), next(sizes), train.name or "the data", next(sizes)
        )
        raise ArgumentError(f"{takes}: name a MODEL for such images, or make the images so; --size stretches pictures")
    learnt, network.seed = network.class_names, words["seed"]
    anew = with_classes(network, train.classes, train.class_names, new_head=words["new_head"])
    if words["freeze_until"]:
        freeze(network, words["freeze_until"])
    return Adopted(network, anew, learnt)


def _read(path: Path, file: WeightsFile | None, scaling: str | None, train: Dataset) -> Network:
    """Return a network as its file has it, for logits where it ends with a softmax."""
    given = None if scaling is None else parsing.scaling(scaling)
    if file is not None:
        network = load(path)
        if given is not None:
            _refuse_other_channels(network, given)
            network.scaling = given
        return network
    with _to_be_converted():
        return _of_onnx(path, given, train)


def _of_onnx(path: Path, given: Scaling | None, train: Dataset) -> Network:
    """Return an ONNX model as a network, without the softmax that it may end with."""
    from ..interop.onnx.reading import load_onnx  # takes its time

    try:
        network = load_onnx(path, scaling=given, input_shape=train.shape)
    except ArgumentError:
        return load_onnx(path, scaling=given)  # it is for images of another shape, as is said then
    ends = lower(network).steps[-1].kind in ("softmax", "log_softmax")  # which the loss applies itself
    return load_onnx(path, scaling=given, input_shape=train.shape, drop_softmax=True) if ends else network


@contextmanager
def _to_be_converted() -> Iterator[None]:
    """Let the error of a model whose weights lie in another file say how ``--weights`` takes it."""
    try:
        yield
    except ModelFileError as error:
        call = "load_onnx(path, external_data=True)"
        saved = f'pellucid.save(pellucid.{call}, "model.safetensors")'
        fix = f"make a file for --weights of it in Python: {saved}"
        raise type(error)(str(error).replace(call, fix)) from None


def _refuse_other_channels(network: Network, scaling: Scaling) -> None:
    """Refuse a scaling for other channels than a network takes."""
    channels = (network.input_shape or (1,))[0]
    if scaling.channels not in (1, channels):
        raise ArgumentError(f"--scaling: has numbers for {scaling.channels} channels, but the network takes {channels}")


def is_one(words: dict[str, Any]) -> bool:
    """Return whether ``--weights`` names an ONNX model."""
    return words["weights"] is not None and is_onnx(str(words["weights"]))
