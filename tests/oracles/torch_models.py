"""The known networks as plain torch modules, from their papers, with torchvision's names for their parameters.

Those that torchvision does not have are named as `pellucid.interop.torch` names them: lists of layers by numbers,
MobileNetV1 by our own paths. Each takes a number of classes, and images with three channels (one for LeNet-5).
"""

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import nn


def named(**modules):
    """One after the other, each under its name."""
    return nn.Sequential(OrderedDict(modules))


def vision(features, places, classifier):
    """Features, their means over places × places regions, and a classifier: how torchvision's networks are made."""
    return named(
        features=nn.Sequential(*features), avgpool=nn.AdaptiveAvgPool2d(places), flatten=nn.Flatten(),
        classifier=nn.Sequential(*classifier),
    )  # fmt: skip


def dense(features, hidden, classes, dropout):
    """The three dense layers of AlexNet and VGG: a dropout before each that `dropout` names."""
    sizes = (features, hidden, hidden, classes)
    layers = []
    for number, (before, after) in enumerate(pairwise(sizes)):
        layers += [nn.Dropout()] if number in dropout else []
        layers += [nn.Linear(before, after), nn.ReLU()]
    return layers[:-1]


# ---- LeNet-5


def lenet(classes):
    features = [nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    classifier = [nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, classes)]
    return named(features=nn.Sequential(*features), flatten=nn.Flatten(), classifier=nn.Sequential(*classifier))


def lenet5(classes):
    features = []
    for before, after in ((1, 6), (6, 16)):
        features += [nn.Conv2d(before, after, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Tanh()]
    features += [nn.Conv2d(16, 120, 5), nn.Tanh()]
    classifier = [nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, classes)]
    return named(features=nn.Sequential(*features), flatten=nn.Flatten(), classifier=nn.Sequential(*classifier))


# ---- AlexNet and VGG


def alexnet(classes):
    features = [
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2),
    ]  # fmt: skip
    return vision(features, 6, dense(256 * 36, 4096, classes, dropout=(0, 1)))


def alexnet_2012(classes, places=1):
    """`places` are the rows and columns that the features end with: 6 of an image of 227×227."""

    def norm():
        return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)  # torch divides alpha by the 5 channels

    features = [
        nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), norm(), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), norm(), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
    ]  # fmt: skip
    return vision(features, places, dense(256 * places**2, 4096, classes, dropout=(1, 2)))


VGG = {
    11: "64 M 128 M 256 256 M 512 512 M 512 512 M",
    13: "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    16: "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    19: "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}
"""Filters of each convolution, and M for max pooling."""


def vgg(depth, norm=False):
    def model(classes):
        features, before = [], 3
        for word in VGG[depth].split():
            if word == "M":
                features.append(nn.MaxPool2d(2))
                continue
            filters = int(word)
            features.append(nn.Conv2d(before, filters, 3, padding=1))
            features += [nn.BatchNorm2d(filters), nn.ReLU()] if norm else [nn.ReLU()]
            before = filters
        return vision(features, 7, dense(512 * 49, 4096, classes, dropout=(1, 2)))

    return model


# ---- SqueezeNet and All-CNN


class Fire(nn.Module):
    def __init__(self, before, squeezed, expanded):
        super().__init__()
        self.squeeze = nn.Conv2d(before, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()

    def forward(self, x):
        x = self.relu1(self.squeeze(x))
        return self.relu2(torch.cat([self.expand1x1(x), self.expand3x3(x)], 1))


def by_maps(features, classifier):
    """Features, and a classifier that ends with one map a class."""
    end = [nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return named(
        features=nn.Sequential(*features), classifier=nn.Sequential(*classifier, *end), flatten=nn.Flatten()
    )  # fmt: skip


def squeezenet(first, pooled):
    """`first` is the first convolution; the fire modules after which `pooled` names a max pooling are numbered from
    2, as in the paper."""
    sizes = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))

    def model(classes):
        features = [first(), nn.ReLU(), nn.MaxPool2d(3, stride=2, ceil_mode=True)]
        before = features[0].out_channels
        for number, (squeezed, expanded) in enumerate(sizes, start=2):
            features.append(Fire(before, squeezed, expanded))
            features += [nn.MaxPool2d(3, stride=2, ceil_mode=True)] if number in pooled else []
            before = 2 * expanded
        return by_maps(features, [nn.Dropout(), nn.Conv2d(512, classes, 1)])

    return model


def all_cnn(classes):
    def stack(*convolutions):
        return [layer for convolution in convolutions for layer in (convolution, nn.ReLU())]

    features = [
        nn.Dropout(0.2),
        *stack(nn.Conv2d(3, 96, 3, padding=1), nn.Conv2d(96, 96, 3, padding=1)),
        *stack(nn.Conv2d(96, 96, 3, stride=2, padding=1)),
        nn.Dropout(),
        *stack(nn.Conv2d(96, 192, 3, padding=1), nn.Conv2d(192, 192, 3, padding=1)),
        *stack(nn.Conv2d(192, 192, 3, stride=2, padding=1)),
    ]
    last = stack(nn.Conv2d(192, 192, 3), nn.Conv2d(192, 192, 1))
    return by_maps(features, [nn.Dropout(), *last, nn.Conv2d(192, classes, 1)])


# ---- the ResNets


class Block(nn.Module):
    """Convolutions with batch normalisation, and a shortcut under the name `beside`, if any."""

    def __init__(self, convolutions, beside=None, shortcut=None):
        super().__init__()
        self.count, self.beside = len(convolutions), beside
        for number, convolution in enumerate(convolutions, start=1):
            self.add_module(f"conv{number}", convolution)
            self.add_module(f"bn{number}", nn.BatchNorm2d(convolution.out_channels))
            self.add_module(f"relu{number}", nn.ReLU())
        if beside is not None:
            self.add_module(beside, shortcut)

    def forward(self, x):
        y = x
        for number in range(1, self.count + 1):
            y = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(y))
            if number == self.count:
                y = y + (x if self.beside is None else getattr(self, self.beside)(x))
            y = getattr(self, f"relu{number}")(y)
        return y


def basic(before, width, stride):
    return [
        nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
    ]


def bottleneck(before, width, stride):
    narrow = width // 4
    return [
        nn.Conv2d(before, narrow, 1, bias=False),
        nn.Conv2d(narrow, narrow, 3, stride=stride, padding=1, bias=False),
        nn.Conv2d(narrow, width, 1, bias=False),
    ]


def projected(convolutions, before, width, stride):
    """The paper's shortcut of option B."""
    if (before, stride) == (width, 1):
        return Block(convolutions)
    projection = nn.Conv2d(before, width, 1, stride=stride, bias=False)
    return Block(convolutions, "downsample", nn.Sequential(projection, nn.BatchNorm2d(width)))


class Padded(nn.Module):
    """Every second pixel, with as many channels of zeros before as behind: the paper's shortcut of option A."""

    def __init__(self, new):
        super().__init__()
        self.new = new

    def forward(self, x):
        return nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.new // 2, self.new // 2))


def padded(convolutions, before, width, stride):
    return Block(convolutions) if stride == 1 else Block(convolutions, "shortcut", Padded(width - before))


def stage(convolutions, block, before, width, blocks, stride):
    sizes = [(before, stride), *[(width, 1)] * (blocks - 1)]
    return nn.Sequential(*(block(convolutions(size, width, s), size, width, s) for size, s in sizes))


def resnet(convolutions, blocks, first_width):
    def model(classes):
        widths = [64, *(first_width << number for number in range(4))]
        stages = {
            f"layer{number + 1}": stage(
                convolutions, projected, widths[number], widths[number + 1], blocks[number], 2 if number else 1
            )
            for number in range(4)
        }
        return named(
            conv1=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), bn1=nn.BatchNorm2d(64), relu=nn.ReLU(),
            maxpool=nn.MaxPool2d(3, stride=2, padding=1), **stages, avgpool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(), fc=nn.Linear(widths[-1], classes),
        )  # fmt: skip

    return model


def cifar_resnet(depth):
    """6n + 2 layers deep."""

    def model(classes):
        blocks = (depth - 2) // 6
        return named(
            conv1=nn.Conv2d(3, 16, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(16), relu=nn.ReLU(),
            layer1=stage(basic, padded, 16, 16, blocks, 1), layer2=stage(basic, padded, 16, 32, blocks, 2),
            layer3=stage(basic, padded, 32, 64, blocks, 2), avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
            linear=nn.Linear(64, classes),
        )  # fmt: skip

    return model


# ---- the MobileNets


def mobilenet_v1(classes):
    def separable(before, width, stride):
        return named(
            conv1=nn.Conv2d(before, before, 3, stride=stride, padding=1, groups=before, bias=False),
            norm1=nn.BatchNorm2d(before), relu1=nn.ReLU(),
            conv2=nn.Conv2d(before, width, 1, bias=False), norm2=nn.BatchNorm2d(width), relu2=nn.ReLU(),
        )  # fmt: skip

    widths = [32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    pairs = enumerate(pairwise(widths), start=1)
    blocks = {
        f"separable{number}": separable(before, width, 2 if number in (2, 4, 6, 12) else 1)
        for number, (before, width) in pairs
    }
    return named(
        conv1=nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False), norm1=nn.BatchNorm2d(32), relu1=nn.ReLU(),
        **blocks, pool1=nn.AdaptiveAvgPool2d(1), flatten1=nn.Flatten(), linear1=nn.Linear(1024, classes),
    )  # fmt: skip


class Inverted(nn.Module):
    def __init__(self, before, width, stride, expansion):
        super().__init__()
        self.shortcut = (before, stride) == (width, 1)
        wide = before * expansion
        widening = [normalised(before, wide, 1)] if expansion > 1 else []
        self.conv = nn.Sequential(
            *widening, normalised(wide, wide, 3, stride, groups=wide),
            nn.Conv2d(wide, width, 1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x):
        return x + self.conv(x) if self.shortcut else self.conv(x)


def normalised(before, width, size, stride=1, groups=1):
    convolution = nn.Conv2d(before, width, size, stride=stride, padding=size // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU6())


def mobilenet_v2(classes):
    features, before = [normalised(3, 32, 3, stride=2)], 32
    for expansion, width, blocks, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for number in range(blocks):
            features.append(Inverted(before, width, 1 if number else stride, expansion))
            before = width
    features.append(normalised(before, 1280, 1))
    return vision(features, 1, [nn.Dropout(0.2), nn.Linear(1280, classes)])


MODELS = {
    "lenet": lenet,
    "lenet5": lenet5,
    "alexnet": alexnet,
    "alexnet_2012": alexnet_2012,
    **{f"vgg{depth}": vgg(depth) for depth in VGG},
    **{f"vgg{depth}_bn": vgg(depth, norm=True) for depth in VGG},
    "squeezenet1_0": squeezenet(lambda: nn.Conv2d(3, 96, 7, stride=2), pooled=(4, 8)),
    "squeezenet1_1": squeezenet(lambda: nn.Conv2d(3, 64, 3, stride=2), pooled=(3, 5)),
    "all_cnn": all_cnn,
    "resnet18": resnet(basic, (2, 2, 2, 2), 64),
    "resnet34": resnet(basic, (3, 4, 6, 3), 64),
    "resnet50": resnet(bottleneck, (3, 4, 6, 3), 256),
    **{f"resnet{depth}": cifar_resnet(depth) for depth in (20, 32, 44, 56, 110)},
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
}
"""Name -> function of the number of classes."""
