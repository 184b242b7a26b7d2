"""What the words of the page mean: a sentence for each kind of layer, a glossary, and what known data show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

_BENDS = "bends each number by itself, by the curve that its sum shows"
_CUTS = "cuts out or moves numbers; it changes none"

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "Input": "the image as the first layer reads it: every pixel, scaled",
        "Conv2d": "lays each filter over every place of what it reads; each makes a map of what it finds",
        "ConvTranspose2d": "a convolution in reverse: each number spreads out over a patch, so that maps grow",
        "BatchNorm2d": "brings each channel to about the same size, by what training found usual",
        "LayerNorm": "brings all numbers of this image to about the same size",
        "GroupNorm": "brings groups of channels to about the same size",
        "LocalResponseNorm": "makes a number smaller where the neighbouring channels are large",
        "ReLU": "makes what is below 0 a 0 and leaves all else",
        "LeakyReLU": "makes what is below 0 small and leaves all else",
        "PReLU": "makes what is below 0 small, by factors that were learnt",
        "ReLU6": "cuts numbers off below 0 and above 6",
        "Clip": "cuts numbers off at two ends",
        "Sigmoid": _BENDS,
        "Tanh": _BENDS,
        "ELU": _BENDS,
        "SiLU": _BENDS,
        "GELU": _BENDS,
        "Softplus": _BENDS,
        "HardSwish": _BENDS,
        "HardSigmoid": _BENDS,
        "MaxPool2d": "keeps the largest number of each window: that something is there, less exactly where",
        "AdaptiveMaxPool2d": "keeps the largest number of each region",
        "AvgPool2d": "keeps the mean of each window",
        "AdaptiveAvgPool2d": "keeps the mean of each region",
        "Mean": "keeps the mean along some sides",
        "Upsample": "makes maps larger by numbers in between",
        "Flatten": "puts all maps in one row",
        "Linear": "makes each of its numbers from all numbers before, each times a weight of its own",
        "Softmax": "makes scores shares that add up to 1",
        "LogSoftmax": "makes scores logarithms of shares",
        "Dropout": "in training leaves numbers out at random; here it does nothing",
        "Residual": "adds what its layers make to what they read",
        "Concat": "puts the maps of several paths behind each other",
        "Add": "adds the numbers of two paths",
        "Multiply": "multiplies the numbers of two paths",
        "Bias": "adds numbers that were learnt",
        "Gain": "multiplies by numbers that were learnt",
        "Pad": "puts numbers around",
        "PadChannels": "puts empty channels around",
        "Slice": _CUTS,
        "Transpose": _CUTS,
        "Reshape": _CUTS,
        "broadcast": "repeats numbers, so that each meets another",
    }
)
"""Kind of a layer -> what it does; those of the user's own have none."""


def with_article(name: str) -> str:
    """Return the name of a class as it stands in a sentence: "an 8", "an airplane", "a 3"."""
    return f"{'an' if name[:1].lower() in 'aeio8' or name in ('11', '18') else 'a'} {name}"


GLOSSARY: Mapping[str, str] = MappingProxyType(
    {
        "activation": "a layer that bends each number by itself; or a number that a layer makes",
        "beyond": "so many numbers are further from 0 than the colours reach, and have the last colour",
        "bias/biases": "a number that a filter adds to each of its sums",
        "channel/channels": "one of the sheets of numbers that a layer reads: the red of an image, or a map",
        "dead": "a map that is 0 everywhere, for this image",
        "epoch/epochs": "once through all images that the network learns from",
        "filter/filters": "weights that go over all places, with one kernel for each channel; what it finds is one map",
        "gradient": "how much a number changes, and which way, if another one grows a little",
        "Grad-CAM": "where the last maps speak for a class, each counted by its mean gradient",
        "kernel/kernels": "the small grid of weights that a filter has for one channel",
        "learning rate": "how far each step of training goes against the gradient",
        "loss": "how wrong the network is, as one number; training makes it small",
        "map/maps": "what one filter found, place by place, drawn as a picture",
        "mean |a|": "the mean size of a map’s numbers, their signs left out",
        "multiply-adds": "how many products a layer adds up for one image: its work",
        "occlusion": "what the class loses when a patch of the image is covered",
        "padding": "zeros that are laid around, so that a filter finds a place at the edge",
        "parameters": "all numbers that training changes: weights and biases",
        "patch": "the numbers that lie under a kernel at one place",
        "place": "a row and a column, or a number in a row; the first is 0",
        "rank correlation": "whether two pictures order their pixels alike: 1 is the same order, 0 none in common",
        "receptive field": "the pixels that a number can depend on",
        "saliency": "how much the class’s score changes with each pixel",
        "score/scores": "what the last layer gives a class, before shares are made of it",
        "share/shares": "the part of the whole that is one class’s, or one term’s; those of all classes add up to 1",
        "softmax": "turns scores into shares: e to the power of each, divided by the sum of these",
        "stride": "how far a filter goes from one place to the next",
        "weight/weights": "a number that something is multiplied by; it was learnt",
        "window": "the numbers that a pooling looks at for one of its own",
    }
)
"""Word -> what it means. A word that stands in several forms has them apart by "/", the first of them its name."""

LINKS: Mapping[str, str] = MappingProxyType(
    {
        "network": "This link was made with another network. What is shown is {title}, with its own numbers.",
        "moment": "The link was made with the network as it came out of its training; it is shown as it was after step",
        "edits": "The link was made with other edits of the network than there are here, so that numbers differ.",
        "before": "The link was made before the network was edited, so that numbers differ.",
        "missing": "The link names what there is not here",
        "copied": "Copied. The link opens on this machine while {title} is served at its port, as by "
        "`pellucid view … --port`, in a browser that has opened the address in the terminal.",
        "bare": "Copied, without the image, which is too large for a link: it opens with another one, on this machine "
        "while {title} is served at its port.",
        "uncopied": "The browser does not let this page copy. The link stands in its address bar.",
    }
)
"""What a link was made with that is not there -> what is said of it; behind the moment stands the step. And what is
said of one that was copied."""

SAID: Mapping[str, str] = MappingProxyType(
    {
        "keys": "in the tab Training, while it trains: pause or continue, next step, hold the page or follow",
        "lost": "The server has let go of this image, and the page cannot send it again: show another.",
        "past": "This is the network as it was after step {step} of its training, which stays as it was. ",
        "learning": "This is the network as it was after step {step} of its training. It can be changed once that is "
        "over; a pause is not enough.",
    }
)
"""What becomes of the page, what it shows, or keys -> what is said of it; the page puts in the step."""

SUBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "mnist": "handwritten digits (MNIST)",
        "digits": "handwritten digits",
        "kmnist": "handwritten Japanese letters (KMNIST)",
        "fashion-mnist": "pieces of clothing (Fashion-MNIST)",
        "cifar10": "animals and vehicles in small photographs (CIFAR-10)",
    }
)
"""Name of known data -> what a network that has learnt from them recognises."""

ORDERS: Mapping[str, str] = MappingProxyType(
    {
        "index": "by number", "mean": "by mean |a|", "contribution": "by what they add to the class",
        "dead": "dead first",
    }
)  # fmt: skip
"""Order of a layer's maps -> what it is called."""

LISTED = 10
"""Outputs that the page lists where they are no classes' scores."""


def outputs(shape: Sequence[int]) -> str:
    """Return what is said of outputs of a shape that are no classes' scores."""
    if len(shape) == 3:
        return f"The output is {'×'.join(map(str, shape))} numbers: maps, at the end of the layers."
    made = math.prod(shape)
    rest = f", of which the first {LISTED} are" if made > LISTED else ""
    return f"{made:,} outputs{rest}:" if made > 1 else ""


def dead_words(dead: int, maps: int) -> str:
    """Return how many of so many maps are 0 everywhere; "" if none is."""
    if not dead:
        return ""
    are = f"{'map' if maps == 1 else 'maps'} {'is' if dead == 1 else 'are'}"
    return f"{dead:,} of {maps:,} {are} 0 everywhere for this image"


FEW = 4
"""Classes that are named where there are many."""


def purpose(data: str, classes: tuple[str, ...], made: int) -> str:
    """Return in one sentence what a network is for, as far as its data and its classes tell.

    Parameters
    ----------
    data : str
        Their name; "" if there are none.
    classes : tuple of str
        Their names.
    made : int
        How many numbers the network makes.
    """
    if data in SUBJECTS:
        return f"This network recognises {SUBJECTS[data]}."
    if not classes:
        return f"This network makes {made:,} {'number' if made == 1 else 'numbers'} of each input."
    return (
        f"This network tells {len(classes):,} classes apart: {', '.join(classes[:FEW])}{' …' if classes[FEW:] else ''}."
    )


def line(layer: Mapping[str, Any], before: str) -> str:
    """Return a layer's line of the summary.

    Parameters
    ----------
    layer : mapping
        As `describe` has it.
    before : str
        Path of the layer that stands before it.
    """
    parts = ["×".join(map(str, layer["shape"]))]
    if any(path != before for path in layer["reads"]):
        parts.append(f"reads {' and '.join(layer['reads'])}")
    parts += [f"{layer[what]:,} {what.replace('_', '-')}" for what in ("parameters", "multiply_adds") if layer[what]]
    return " · ".join(parts)
