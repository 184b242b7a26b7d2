"""Pretrained networks: a model by name with the weights in a file, and beginning from weights for other classes."""

from __future__ import annotations

from collections.abc import Sequence

from . import models
from .data.datasets import imagenet_classes
from .data.preparation import Preparation
from .errors import ArgumentError, ModelFileError
from .interop.known_models import are_of_size, channels_of, count_classes, head, unlike_before_head
from .interop.known_models import fitting_models as fitting_models
from .interop.weights import WeightsFile, WeightsSource, load_weights, open_weights
from .layers import Conv2d, Linear
from .models.making import defaults
from .network import Network
from .scaling import IMAGENET_SCALING, Scaling


def pretrained(
    model: str,
    path: WeightsSource,
    *,
    scaling: Scaling | None = None,
    input_shape: Sequence[int] | None = None,
    class_names: Sequence[str] = (),
) -> Network:
    """Return a model by name with the weights in a file, for as many classes as the file has them for.

    Parameters
    ----------
    model : str
        A name in `models.MODELS`.
    path : str, path or WeightsFile
        As `load_weights` takes it.
    scaling : Scaling, optional
        By default that of the network in the file, if Pellucid saved it; for weights alone, `IMAGENET_SCALING` for the
        models made for ImageNet, and else pixels from 0 to 1. A file of weights alone does not say what is right.
    input_shape : tuple of int, optional
        By default the model's own.
    class_names : sequence of str, default ()
        What the classes are called, where the file does not say it; taken if there are as many as classes. Without
        them, 1,000 classes are ImageNet's.

    Returns
    -------
    Network

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
    takes = f"{model} takes" if input_shape is None else "the data have"
    _refuse_other_channels(drawn, file, takes)  # before a scaling for its channels is
    classes = count_classes(drawn, file)
    known = (file.class_names, tuple(class_names), imagenet_classes())
    names = next((names for names in known if len(names) == classes), ())
    plain = make(classes, **shape)
    if file.compare(plain):
        raise _unfit(plain, file, f"the weights do not fit {model}", make.__name__)
    network = make(classes, **shape, scaling=scaling or usual_scaling(model, file), class_names=names)
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
    classes, (_, side, _) = defaults(models.by_name(model))
    return side if classes == len(imagenet_classes()) else None


def begin_from(network: Network, path: WeightsSource, *, new_head: bool = False) -> tuple[str, ...]:
    """Give a network the weights and states in a file; only those of its head may be missing, or of another shape.

    The head is the last layer that has parameters: it is what other classes need anew.

    Parameters
    ----------
    network : Network
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
    file, last = path if isinstance(path, WeightsFile) else open_weights(path), head(network)
    if not last:
        raise ArgumentError("begin_from: expected a network with parameters, received one that has none to begin with")
    if unlike_before_head(network, file):
        _refuse_other_channels(network, file, "the data have")
        raise _unfit(network, file, f"only what belongs to {last}, the last layer that learns, may differ")
    differences = load_weights(network, file, strict=False)
    if not new_head:
        return (*differences.missing, *differences.misshapen)
    drawn = {name: parameter for name, parameter in network.parameters().items() if name.startswith(f"{last}.")}
    for name, parameter in drawn.items():
        parameter.initialize(network.seed, name)
    return tuple(drawn)


def with_classes(
    network: Network, classes: int, class_names: Sequence[str] = (), *, new_head: bool = False
) -> tuple[str, ...]:
    """Let a network that knows other classes tell these apart: where they are not as many, its last layer begins anew.

    Parameters
    ----------
    network : Network
        With one output a class; it is changed.
    classes : int
    class_names : sequence of str, default ()
    new_head : bool, default False
        Whether the last layer begins anew also where it is for as many classes.

    Returns
    -------
    tuple of str
        Paths of the parameters that begin anew.

    Raises
    ------
    ArgumentError
        If the last layer that learns is no Linear or Conv2d, or what follows does not keep one output a class.
    """
    path, anew = head(network), network.output_shape() != (classes,) or new_head
    if anew:
        last = network[path] if path else None
        if not isinstance(last, (Linear, Conv2d)):
            raise ArgumentError(
                f"{path or 'the network'}: expected a Linear or Conv2d as the last layer that learns, to make one for "
                f"{classes} classes, found {type(last).__name__}; exchange it in Python: network[{path!r}] = …"
            )
        outputs = "out_features" if isinstance(last, Linear) else "out_channels"
        network[path] = type(last)(**{**last.config(), outputs: classes})
        if network.output_shape() != (classes,):
            shape = network.output_shape()
            network[path] = last
            raise ArgumentError(f"{path}: with {classes} outputs the network gives {shape} a sample, not one a class")
    network.class_names = tuple(class_names)
    own = network[path].parameters() if anew else {}
    return tuple(f"{path}.{name}" for name in own)


def refuse_channels(model: str, file: WeightsFile, input_shape: Sequence[int], name: str) -> None:
    """Refuse data of another number of channels than a model's weights in a file are for, by the data's name.

    Raises
    ------
    ArgumentError
    """
    network = models.by_name(model)(input_shape=tuple(input_shape))
    channels = _other_channels(network, file)
    if channels is not None:
        count = f"{input_shape[0]} channel{'' if input_shape[0] == 1 else 's'}"
        kind = {1: f"grey images ({count})", 3: f"colour images ({count})"}.get(input_shape[0], f"images of {count}")
        raise ArgumentError(f"{name} has {kind}; these weights are for {channels}")


def _refuse_other_channels(network: Network, file: WeightsFile, takes: str) -> None:
    """Refuse weights that would be a network's if it had other channels; `takes` says why it has those it has."""
    channels, shape = _other_channels(network, file), network.input_shape or ()
    if channels is not None:
        plural = "" if channels == 1 else "s"
        raise ModelFileError(f"{file.path}: the weights are for {channels} channel{plural}, {takes} {shape[0]}")


def _other_channels(network: Network, file: WeightsFile) -> int | None:
    """Return for how many channels weights are that are a network's but for that; None for all others."""
    channels, shape = channels_of(network, file), network.input_shape or ()
    if channels is None or channels == shape[0]:
        return None
    first = next(iter(network.parameters()))
    others = [name for name in unlike_before_head(network, file) if name != first]
    return channels if are_of_size(network, file, others) else None


def _unfit(network: Network, file: WeightsFile, what: str, model: str = "") -> ModelFileError:
    """Return the error for weights that are not a network's: what they are for instead, as far as can be seen.

    `model` is the network's name; `what` is wrong where nothing better can be said.
    """
    follows = unlike_before_head(network, file)
    if follows and are_of_size(network, file, follows):
        size = "×".join(map(str, (network.input_shape or ())[1:]))
        fix = f"the weights are for images of another size than {size}: {file.compare(network)}"
        return ModelFileError(f"{file.path}: {fix}; resize the images to that of the training")
    found = fitting_models(file)
    if found and model not in found:
        others = f", not {model}" if model else f"; {what}"
        return ModelFileError(f"{file.path}: these are weights of {' or '.join(found)}{others}")
    fix = "name the model that they are of; they fit none of the known ones"
    return ModelFileError(f"{file.path}: {what}: {file.compare(network)}{'' if found else f'; {fix}'}")
