"""Networks by name: each is a function that returns a `Sequential`, written as its list of layers.

All take the same arguments, and by default make the network that their paper describes. The years in their docstrings
are those of first publication, on arXiv where the paper is there.

Parameters
----------
num_classes : int
    Outputs: 1,000 by default where the network is for ImageNet, else 10.
input_shape : (channels, height, width)
    Of one image, with any number of channels. Each docstring says which sizes the network takes, and how many
    parameters it has by default.
**options
    `seed`, `dtype`, `scaling`, `class_names` and `initializer` of `Sequential`.

Raises
------
ArgumentError
    If an argument makes no sense, or an option is not known.
ShapeError
    If the images are too small; the message says the smallest size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from ..arguments import look_up
from ..errors import ArgumentError
from ..network import Sequential
from .alexnet import alexnet as alexnet
from .alexnet import alexnet_2012 as alexnet_2012
from .allcnn import all_cnn as all_cnn
from .lenet import lenet as lenet
from .lenet import lenet5 as lenet5
from .making import smallest_side as smallest_side
from .mnist import mnist_s6 as mnist_s6
from .mnist import mnist_s8 as mnist_s8
from .mobilenet import mobilenet_v1 as mobilenet_v1
from .mobilenet import mobilenet_v2 as mobilenet_v2
from .notebook import notebook as notebook
from .resnet import resnet18 as resnet18
from .resnet import resnet20 as resnet20
from .resnet import resnet32 as resnet32
from .resnet import resnet34 as resnet34
from .resnet import resnet44 as resnet44
from .resnet import resnet50 as resnet50
from .resnet import resnet56 as resnet56
from .resnet import resnet110 as resnet110
from .small import small as small
from .squeezenet import squeezenet1_0 as squeezenet1_0
from .squeezenet import squeezenet1_1 as squeezenet1_1
from .vgg import vgg11 as vgg11
from .vgg import vgg11_bn as vgg11_bn
from .vgg import vgg13 as vgg13
from .vgg import vgg13_bn as vgg13_bn
from .vgg import vgg16 as vgg16
from .vgg import vgg16_bn as vgg16_bn
from .vgg import vgg19 as vgg19
from .vgg import vgg19_bn as vgg19_bn

Model = Callable[..., Sequential]

MODELS: Mapping[str, Model] = MappingProxyType(
    {
        model.__name__: model
        for model in (
            small, notebook, mnist_s8, mnist_s6, lenet, lenet5,
            all_cnn, resnet20, resnet32, resnet44, resnet56, resnet110,
            alexnet, alexnet_2012, vgg11, vgg13, vgg16, vgg19, vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn,
            squeezenet1_0, squeezenet1_1, resnet18, resnet34, resnet50, mobilenet_v1, mobilenet_v2,
        )
    }
)  # fmt: skip
"""Name -> function, called as ``model(num_classes, input_shape, **options)``. First those for small grey images, then
for CIFAR-10, then for ImageNet."""


def by_name(name: str) -> Model:
    """Return the function that makes the network of this name; capitals, dashes and underscores do not matter.

    Raises
    ------
    ArgumentError
        If there is none, and the message suggests the nearest name; or if it is no text.

    Examples
    --------
    >>> by_name("lenet")(input_shape=(1, 32, 32)).output_shape()
    (10,)
    """
    return look_up(name, MODELS, "model")


def for_data(input_shape: Sequence[int]) -> str:
    """Return the name of the network to begin with for images (channels, height, width): by their smaller side.

    Examples
    --------
    >>> for_data((1, 8, 8)), for_data((1, 28, 28))
    ('small', 'lenet')

    Raises
    ------
    ArgumentError
        If it is no shape of images.
    """
    if len(input_shape) != 3:
        raise ArgumentError(f"input_shape: expected (channels, height, width), received {tuple(input_shape)}")
    return "small" if min(input_shape[1:]) < 16 else "lenet"
