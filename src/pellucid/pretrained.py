"""Pretrained networks: a model by name with the weights in a file, and beginning from weights for other classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from . import models
from .data.datasets import imagenet_classes
from .data.preparation import Preparation
from .errors import ArgumentError, ModelFileError, ShapeError
from .interop import WeightsFile, load_weights, open_weights
from .interop.weights import WeightsSource
from .network import Sequential
from .scaling import IMAGENET_SCALING, Scaling

FOR_IMAGENET: Mapping[str, int] = MappingProxyType(
    {
        "alexnet": 224, "alexnet_2012": 227,
        **dict.fromkeys((f"vgg{layers}{norm}" for layers in (11, 13, 16, 19) for norm in ("", "_bn")), 224),
        "squeezenet1_0": 224, "squeezenet1_1": 224, "resnet18": 224, "resnet34": 224, "resnet50": 224,
        "mobilenet_v1": 224, "mobilenet_v2": 224,
    }
)  # fmt: skip
"""The models that were made for ImageNet, and the height and width of their pictures."""


def pretrained(
    model: str,
    path: WeightsSource,
    *,
    scaling: Scaling | None = None,
    input_shape: Sequence[int] | None = None,
    class_names: Sequence[str] = (),
) -> Sequential:
    """Return a model by name with the weights in a file, for as many classes as the file has them for.

    Parameters
    ----------
    model : str
        A name in `models.MODELS`.
    path : str, path or WeightsFile
        As `load_weights` takes it.
    scaling : Scaling, optional
        By default that of the network in the file, if Pellucid saved it; for weights alone, `IMAGENET_SCALING` for the
        models in `FOR_IMAGENET`, and else pixels from 0 to 1. A file of weights alone does not say what is right.
    input_shape : tuple of int, optional
        By default the model's own.
    class_names : sequence of str, default ()
        What the classes are called, where the file does not say it; taken if there are as many as classes. Without
        them, 1,000 classes are ImageNet's.

    Returns
    -------
    Sequential

    Raises
    ------
    ArgumentError
        If there is no such model.
    ModelFileError
        If the weights are not those of the model; the message names the models that they fit. And as `load_weights`.
    ShapeError
        If the model cannot take that `input_shape`.
    StorageError
        If the file cannot be read.
    """
    make, file = models.by_name(model), path if isinstance(path, WeightsFile) else open_weights(path)
    shape = {} if input_shape is None else {"input_shape": input_shape}
    drawn = make(**shape)
    classes = _count_classes(drawn, file)
    known = (file.class_names, tuple(class_names), imagenet_classes())
    names = next((names for names in known if len(names) == classes), ())
    network = make(classes, **shape, scaling=scaling or usual_scaling(model, file), class_names=names)
    if file.compare(network):
        takes = f"{model} takes" if input_shape is None else "the data have"
        raise _unfit(network, file, f"the weights do not fit {model}", takes)
    load_weights(network, file)
    return network


def usual_scaling(model: str | None, file: WeightsFile) -> Scaling | None:
    """Return the scaling of the network in a file; for weights alone, ImageNet's if the model was made for that."""
    if file.scaling is not None:
        return file.scaling
    return None if model is None or usual_crop(model) is None else IMAGENET_SCALING


def usual_preparation(model: str) -> Preparation | None:
    """Return how pictures are prepared for a model that was made for ImageNet, for whatever classes; None for others.

    Raises
    ------
    ArgumentError
        If there is no such model.
    """
    side = usual_crop(model)
    return None if side is None else Preparation.for_crop(side)


def usual_crop(model: str) -> int | None:
    """Return the height and width of the pictures of a model that was made for ImageNet; None for others.

    Raises
    ------
    ArgumentError
        If there is no such model.
    """
    return FOR_IMAGENET.get(models.by_name(model).__name__)


def begin_from(network: Sequential, path: WeightsSource, *, new_head: bool = False) -> tuple[str, ...]:
    """Give a network the weights and states in a file; only those of its head may be missing, or of another shape.

    The head is the last layer that has parameters: it is what other classes need anew.

    Parameters
    ----------
    network : Sequential
    path : str, path or WeightsFile
        As `load_weights` takes it.
    new_head : bool, default False
        Whether the head begins anew also where the file has one for as many classes, which are others.

    Returns
    -------
    tuple of str
        Paths of those of the head's parameters that begin as the network draws them.

    Raises
    ------
    ArgumentError
        If the network has no parameters.
    ModelFileError
        If something else does not fit, or the file cannot be understood.
    StorageError
        If the file cannot be read.
    """
    file, head = path if isinstance(path, WeightsFile) else open_weights(path), _head(network)
    if not head:
        raise ArgumentError("begin_from: expected a network with parameters, received one that has none to begin with")
    differences = file.compare(network)
    anew = (*differences.missing, *differences.misshapen)
    if any(not name.startswith(f"{head}.") for name in (*anew, *differences.extra)):
        raise _unfit(network, file, f"only what belongs to {head}, the last layer that learns, may differ")
    load_weights(network, file, strict=False)
    if not new_head:
        return anew
    drawn = {name: parameter for name, parameter in network.parameters().items() if name.startswith(f"{head}.")}
    for name, parameter in drawn.items():
        parameter.initialize(network.seed, name)
    return tuple(drawn)


def fitting_models(file: WeightsFile) -> tuple[str, ...]:
    """Return the names of the models whose weights a file may hold: all names and shapes fit, but those of the head.

    They are tried for images of their usual size, with as many channels as the first layer in the file takes. Of a
    fully connected layer the number of features may be another: it follows from the size of the images.
    """
    return tuple(name for name, make in models.MODELS.items() if _fits(make(), make, file))


def _fits(usual: Sequential, make: models.Model, file: WeightsFile) -> bool:
    channels, shape = _channels(usual, file), usual.input_shape
    if channels is None or shape is None:
        return False
    try:
        network = usual if channels == shape[0] else make(input_shape=(channels, *shape[1:]))
    except (ArgumentError, ShapeError):  # so many channels cannot be
        return False
    return all(_is_of_head(network, name) or _is_of_size(network, file, name) for name in _unlike(network, file))


def _unlike(network: Sequential, file: WeightsFile) -> tuple[str, ...]:
    """Return all names that do not fit between a network and a file."""
    differences = file.compare(network)
    return (*differences.missing, *differences.extra, *differences.misshapen)


def _is_of_head(network: Sequential, name: str) -> bool:
    return name.startswith(f"{_head(network)}.")


def _is_of_size(network: Sequential, file: WeightsFile, name: str) -> bool:
    """Return whether a weight is of another shape in a file because of the size of the images alone."""
    parameter, entry = network.parameters().get(name), file.entries.get(file.naming(network).get(name, ""))
    if parameter is None or entry is None:
        return False
    return len(parameter.shape) == len(entry.shape) == 2 and parameter.shape[0] == entry.shape[0]


def _channels(network: Sequential, file: WeightsFile) -> int | None:
    """Return how many channels the first layer of a network takes in a file; None if it is not there."""
    first = next(iter(network.parameters()), "")
    entry = file.entries.get(file.naming(network).get(first, ""))
    return entry.shape[1] if entry is not None and len(entry.shape) == 4 and entry.shape[1] else None


def _unfit(network: Sequential, file: WeightsFile, what: str, takes: str = "the data have") -> ModelFileError:
    """Return the error for weights that are not a network's: what they are for instead, as far as can be seen.

    `takes` says why the network has the channels that it has.
    """
    channels, unlike, shape = _channels(network, file), _unlike(network, file), network.input_shape or ()
    first = next(iter(network.parameters()))
    follows = [name for name in unlike if not _is_of_head(network, name)]
    if follows == [first] and channels is not None and channels != shape[0]:
        plural = "" if channels == 1 else "s"
        return ModelFileError(f"{file.path}: the weights are for {channels} channel{plural}, {takes} {shape[0]}")
    if follows and all(_is_of_size(network, file, name) for name in follows):
        size = "×".join(map(str, shape[1:]))
        fix = f"the weights are for images of another size than {size}: {file.compare(network)}"
        return ModelFileError(f"{file.path}: {fix}; resize the images to that of the training")
    found = fitting_models(file)
    fix = (
        f"they fit {', '.join(found)}" if found else "name the model that they are of; they fit none of the known ones"
    )
    return ModelFileError(f"{file.path}: {what}: {file.compare(network)}; {fix}")


def _head(network: Sequential) -> str:
    """Return the path of the last layer that has parameters of its own; nothing if there is none."""
    return next(
        (path for path, layer in reversed([*network.walk()]) if layer.parameters() and not layer.children()), ""
    )


def _count_classes(network: Sequential, file: WeightsFile) -> int:
    """Return for how many classes the weights in a file are: the number of biases of the last layer there."""
    *_, last = network.parameters()
    entry = file.entries.get(file.naming(network)[last])
    if entry is None:
        return int(network.output_shape()[0])  # what is missing is said when the weights are compared
    if len(entry.shape) != 1 or not entry.shape[0]:
        raise ModelFileError(f"{file.path}: {last}: expected a number for each class, found shape {entry.shape}")
    return entry.shape[0]
