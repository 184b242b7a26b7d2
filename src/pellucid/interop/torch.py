"""The names that torchvision has for the parameters of the networks in `pellucid.models`.

They follow from a network's layers, so a changed head or another number of blocks needs no new table:

- A network with stages, ``layer1``, ``layer2``, …, is named as torchvision's ResNets; with no more than three of them,
  as the CIFAR ResNets of Y. Idelbayev (https://github.com/akamaster/pytorch_resnet_cifar10).
- A network with residual blocks, but without stages, is named as MobileNetV2.
- A list of layers, among which there may be SqueezeNet's fire modules, is named as AlexNet, VGG and SqueezeNet, by
  numbers: ``features.0.weight``, ``classifier.1.bias``.
- Any other network keeps Pellucid's own names: MobileNetV1, which torchvision does not have, and most that are
  not from `pellucid.models`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..definitions.arrays import Array
from ..layers import BatchNorm2d, Conv2d, Dropout, Flatten, Layer, Linear, Residual
from ..network import Network

Names = Iterator[tuple[str, str]]
"""Paths of layers, and what torchvision calls them."""


def to_torch_names(network: Network) -> dict[str, str]:
    """Return what torchvision calls each parameter and state of a network.

    Networks that torchvision does not have are named by the same rules: LeNet, All-CNN and the networks for MNIST as
    lists of layers, the ResNets for CIFAR-10 as those of Y. Idelbayev. MobileNetV1 keeps Pellucid's own names, as does
    any network that no rule fits.

    Returns
    -------
    dict of str to str
        From paths, such as "layer1.residual1.body.conv1.weight", to names, such as "layer1.0.conv1.weight"; each path
        to itself where the network keeps its own names.

    Examples
    --------
    >>> from pellucid import models
    >>> to_torch_names(models.vgg11())["linear3.bias"]
    'classifier.6.bias'
    """
    paths = [*network.parameters(), *network.states()]
    layers = dict(_walk(network))
    names = {}
    for path in paths:
        layer, _, name = path.rpartition(".")
        if layer in layers:
            names[path] = f"{layers[layer]}.{name}"
    complete = len(set(names.values())) == len(paths)
    return names if complete else {path: path for path in paths}


def state_dict(network: Network) -> dict[str, Array]:
    """Return copies of a network's parameters and states under torchvision's names.

    MobileNetV1, and any network that no rule fits, keeps Pellucid's own names; see `to_torch_names`.

    In PyTorch, ``{name: torch.from_numpy(array) for name, array in state_dict(network).items()}`` is what
    ``model.load_state_dict`` takes.
    """
    arrays = {path: parameter.data for path, parameter in network.parameters().items()}
    arrays |= {path: state.data for path, state in network.states().items()}
    return {name: arrays[path].copy() for path, name in to_torch_names(network).items()}


def _walk(network: Network) -> Names:
    layers = network.children()
    if "layer1" in layers:
        return _resnet(layers)
    if any(isinstance(layer, Residual) for layer in layers.values()):
        return _mobilenet_v2(layers)
    return _features_and_classifier(layers)


def _resnet(layers: Mapping[str, Layer]) -> Names:
    imagenet = len([name for name in layers if name.startswith("layer")]) > 3
    for name, layer in layers.items():
        if isinstance(layer, Linear):
            yield name, "fc" if imagenet else "linear"
        elif not layer.children():
            yield name, _as_bn(name)
        blocks = [(path, block) for path, block in layer.children().items() if isinstance(block, Residual)]
        for number, (path, block) in enumerate(blocks):
            for inner in block.body.children():
                yield f"{name}.{path}.body.{inner}", f"{name}.{number}.{_as_bn(inner)}"
            shortcut = block.shortcut.children() if block.shortcut is not None else {}
            for place, inner in enumerate(shortcut):
                beside = "downsample" if imagenet else "shortcut"
                yield f"{name}.{path}.shortcut.{inner}", f"{name}.{number}.{beside}.{place}"


def _as_bn(name: str) -> str:
    return name.replace("norm", "bn")


def _mobilenet_v2(layers: Mapping[str, Layer]) -> Names:
    """Name a convolution with its normalisation and activation, or a block, by one number."""
    number = 0
    for name, layer in layers.items():
        body, prefix = (layer.body, f"{name}.body") if isinstance(layer, Residual) else (layer, name)
        if isinstance(layer, Linear):
            yield name, "classifier.1"
        elif body.children():
            yield from _inverted_residual(prefix, body.children(), f"features.{number}.conv")
            number += 1
        elif isinstance(layer, Conv2d):
            yield name, f"features.{number}.0"
        elif isinstance(layer, BatchNorm2d):
            yield name, f"features.{number}.1"
            number += 1


def _inverted_residual(path: str, layers: Mapping[str, Layer], torch_name: str) -> Names:
    """Name a convolution and its normalisation by one number, or by two where no activation joins them, at the end."""
    convolutions = [name for name, layer in layers.items() if isinstance(layer, Conv2d)]
    norms = [name for name, layer in layers.items() if isinstance(layer, BatchNorm2d)]
    last = len(convolutions) - 1
    for number, (convolution, norm) in enumerate(zip(convolutions, norms, strict=False)):
        yield f"{path}.{convolution}", f"{torch_name}.{number}" + (".0" if number < last else "")
        yield f"{path}.{norm}", f"{torch_name}.{number}.1" if number < last else f"{torch_name}.{number + 1}"


def _features_and_classifier(layers: Mapping[str, Layer]) -> Names:
    start = _start_of_classifier(list(layers.values()))
    for number, (name, layer) in enumerate(layers.items()):
        place = f"features.{number}" if number < start else f"classifier.{number - start}"
        if list(layer.children()) == ["squeeze", "relu1", "expand"]:
            yield f"{name}.squeeze", f"{place}.squeeze"
            yield f"{name}.expand.branch1.conv1", f"{place}.expand1x1"
            yield f"{name}.expand.branch2.conv1", f"{place}.expand3x3"
        elif not layer.children():
            yield name, place


def _start_of_classifier(layers: Iterable[Layer]) -> int:
    """Return the place behind the Flatten, or that of the last Dropout if no weights follow, as in SqueezeNet."""
    places = list(enumerate(layers))
    flatten = max((place + 1 for place, layer in places if isinstance(layer, Flatten)), default=len(places))
    if any(layer.parameters() for _, layer in places[flatten:]):
        return flatten
    return max((place for place, layer in places if isinstance(layer, Dropout)), default=flatten)
