"""What others have published of the networks in `models`: when, and how well they classify. Facts, with their sources.

Accuracies are in percent. Those that torchvision states for its weights were all measured in one way, so that they can
be compared with each other; a paper's own stand where torchvision has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "torchvision": (
            "torchvision's documentation, table of classification weights, IMAGENET1K_V1 of each: one crop of 224×224 "
            "from the middle, ImageNet's 50,000 validation images."
        ),
        "Krizhevsky 2012": (
            'A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet Classification with Deep Convolutional Neural '
            'Networks", 2012, table 2, one network: mean over ten crops of each validation image.'
        ),
        "Howard 2017": (
            'A. Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", '
            "2017, table 8: MobileNet of width 1 at 224×224. Top-5 is not given."
        ),
        "He 2015": (
            'K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", 2015, table 6: '
            "CIFAR-10's 10,000 test images, the best of five trainings for 110 layers. Augmented by shifts and flips."
        ),
        "Springenberg 2014": (
            'J. T. Springenberg, A. Dosovitskiy, T. Brox and M. Riedmiller, "Striving for Simplicity: The All '
            "Convolutional Net\", 2014, table 3: CIFAR-10's test images, without augmentation."
        ),
        "LeCun 1998": (
            'Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-Based Learning Applied to Document Recognition", '
            "1998, section III.B: MNIST's 10,000 test images, without distortions (0.8 % error with them)."
        ),
    }
)
"""Short name -> the source, and what it measured."""


@dataclass(frozen=True)
class Published:
    """What is published of a network.

    Attributes
    ----------
    year : int
        In which it was described.
    family : str
        Networks of one plan.
    data : str
        What it was tested on.
    top1 : float
        Percent of test images whose class is the first of its answers.
    top5 : float or None
        Percent of those whose class is among the first five.
    source : str
        Of the accuracies: one of `SOURCES`.
    """

    year: int
    family: str
    data: str
    top1: float
    top5: float | None
    source: str


def _imagenet(year: int, family: str, top1: float, top5: float) -> Published:
    return Published(year, family, "ImageNet", top1, top5, "torchvision")


def _cifar(year: int, family: str, error: float, source: str) -> Published:
    return Published(year, family, "CIFAR-10", round(100 - error, 2), None, source)


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "alexnet_2012": Published(2012, "AlexNet", "ImageNet", 59.3, 81.8, "Krizhevsky 2012"),
        "alexnet": _imagenet(2014, "AlexNet", 56.522, 79.066),
        "vgg11": _imagenet(2014, "VGG", 69.020, 88.628),
        "vgg13": _imagenet(2014, "VGG", 69.928, 89.246),
        "vgg16": _imagenet(2014, "VGG", 71.592, 90.382),
        "vgg19": _imagenet(2014, "VGG", 72.376, 90.876),
        "vgg11_bn": _imagenet(2015, "VGG with batch norm", 70.370, 89.810),
        "vgg13_bn": _imagenet(2015, "VGG with batch norm", 71.586, 90.374),
        "vgg16_bn": _imagenet(2015, "VGG with batch norm", 73.360, 91.516),
        "vgg19_bn": _imagenet(2015, "VGG with batch norm", 74.218, 91.842),
        "resnet18": _imagenet(2015, "ResNet", 69.758, 89.078),
        "resnet34": _imagenet(2015, "ResNet", 73.314, 91.420),
        "resnet50": _imagenet(2015, "ResNet", 76.130, 92.862),
        "squeezenet1_0": _imagenet(2016, "SqueezeNet", 58.092, 80.420),
        "squeezenet1_1": _imagenet(2016, "SqueezeNet", 58.178, 80.624),
        "mobilenet_v1": Published(2017, "MobileNet", "ImageNet", 70.6, None, "Howard 2017"),
        "mobilenet_v2": _imagenet(2018, "MobileNet", 71.878, 90.286),
        "all_cnn": _cifar(2014, "All-CNN", 9.08, "Springenberg 2014"),
        "resnet20": _cifar(2015, "ResNet", 8.75, "He 2015"),
        "resnet32": _cifar(2015, "ResNet", 7.51, "He 2015"),
        "resnet44": _cifar(2015, "ResNet", 7.17, "He 2015"),
        "resnet56": _cifar(2015, "ResNet", 6.97, "He 2015"),
        "resnet110": _cifar(2015, "ResNet", 6.43, "He 2015"),
        "lenet5": Published(1998, "LeNet", "MNIST", 99.05, None, "LeCun 1998"),
    }
)
"""Name of a model -> what is published of it: ImageNet first, then CIFAR-10 and MNIST, as tables list them.

The other models have no paper of their own.
"""
