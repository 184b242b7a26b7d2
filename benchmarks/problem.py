"""What every library is given to compute: weights and pictures with labels, a layer alone. Plain NumPy.

Layouts are Pellucid's and torch's: images (N, C, H, W), weights (F, C, KH, KW) and (outputs, inputs).
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.recipes import CLASSES, IMAGE, LENET, Conv, Flatten, Linear, shapes

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = dict[str, Array]

NOISY_LABELS = 0.3
"""Share of the labels that say nothing about their picture. Were there none, the loss would soon be next to nothing,
and numbers so small that processors are slow with them would decide the time."""


@dataclass(frozen=True)
class Problem:
    """Weights, pictures and labels.

    Attributes
    ----------
    weights : dict of str to float32 array
        Of LeNet: "conv1.weight", "conv1.bias", and so on from the input to the output.
    images : uint8 array (N, 28, 28)
    labels : int64 array (N,)
    """

    weights: Weights
    images: Array
    labels: Array

    @classmethod
    def drawn(cls, count: int, seed: int = 0) -> Problem:
        """Return a problem drawn at random: pictures of ten kinds, each with noise of its own."""
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, CLASSES, count)
        kinds = rng.normal(90, 60, (CLASSES, *IMAGE[1:]))
        images = (kinds[labels] + rng.normal(0, 60, (count, *IMAGE[1:]))).clip(0, 255).astype(np.uint8)
        labels = np.where(rng.random(count) < NOISY_LABELS, rng.integers(0, CLASSES, count), labels)
        return cls(_glorot_uniform(rng), images, labels)

    @classmethod
    def read(cls, path: str | Path) -> Problem:
        """Return what `write` wrote."""
        with np.load(path, allow_pickle=False) as file:
            weights = {name.removeprefix("weights/"): file[name] for name in file if name.startswith("weights/")}
            return cls(weights, file["images"], file["labels"])

    def write(self, path: str | Path) -> None:
        """Write everything into one file."""
        arrays: dict[str, Any] = {f"weights/{name}": array for name, array in self.weights.items()}
        np.savez(path, images=self.images, labels=self.labels, **arrays)


@dataclass(frozen=True)
class NetworkProblem:
    """One of the known networks with weights drawn by their names in torch, and one batch of pictures.

    Attributes
    ----------
    model : str
        Name in `pellucid.models`.
    samples, classes : int
    shape : tuple of int
        Channels, rows and columns of a picture.
    """

    model: str
    samples: int
    classes: int
    shape: tuple[int, int, int]

    @property
    def images(self) -> Array:
        """The pictures: uint8 (N, C, H, W)."""
        return np.random.default_rng(0).integers(0, 256, (self.samples, *self.shape), np.uint8)

    @property
    def labels(self) -> Array:
        """Their classes: int64 (N,)."""
        return np.random.default_rng(1).integers(0, self.classes, self.samples)

    def weight(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return a parameter or a running statistic by its name in torch: such that what goes through the network
        neither grows nor vanishes."""
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        if len(shape) > 1:
            return rng.standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / math.prod(shape[1:])))
        centre = 0.0 if name.endswith(("bias", "mean")) else 1.0
        return (centre + 0.1 * rng.standard_normal(shape)).astype(np.float32)


@dataclass(frozen=True)
class ConvolutionProblem:
    """A convolution alone, of a batch of square images, with all groups alike; strides are 1."""

    samples: int
    channels: int
    size: int
    filters: int
    kernel: int
    padding: int = 0
    groups: int = 1

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Of x (N, C, H, W), of the weights (F, C/G, KH, KW) and of the output (N, F, OH, OW)."""
        out_size = self.size + 2 * self.padding - self.kernel + 1
        return (
            (self.samples, self.channels, self.size, self.size),
            (self.filters, self.channels // self.groups, self.kernel, self.kernel),
            (self.samples, self.filters, out_size, out_size),
        )

    @property
    def multiply_adds(self) -> int:
        """Of the output; each of the two gradients takes as many. Products with the padding count too."""
        _, weight, output = self.shapes
        return math.prod(output) * math.prod(weight[1:])

    def arrays(self) -> tuple[Array, Array, Array]:
        """Return x, the weights and the output's gradient, all float32."""
        rng = np.random.default_rng(1)
        x, weight, grad_output = (rng.standard_normal(shape, np.float32) for shape in self.shapes)
        return x, weight, grad_output


@dataclass(frozen=True)
class Pictures:
    """A data set to train on, such as MNIST: uint8 images (N, 28, 28) and int64 labels (N,)."""

    images: Array
    labels: Array
    test_images: Array
    test_labels: Array

    @classmethod
    def read(cls, path: str | Path) -> Pictures:
        """Return what `write` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(**file)

    def write(self, path: str | Path) -> None:
        """Write everything into one file."""
        np.savez(path, **vars(self))


def as_pixels(images: Array) -> Array:
    """Return uint8 images (N, H, W) or (N, C, H, W) as float32 from 0 to 1, (N, C, H, W)."""
    return np.divide(images[:, None] if images.ndim == 3 else images, 255, dtype=np.float32)


def channels_last(weights: Weights) -> Weights:
    """Return LeNet's weights for images (N, H, W, C): (KH, KW, C, F) and (inputs, outputs)."""
    channels, *size = next(before for layer, before, _ in shapes(LENET) if isinstance(layer, Flatten))

    def turned(name: str, weight: Array) -> Array:
        if name == "linear1.weight":  # its inputs are the numbers of an image, which lie in another order there
            weight = np.moveaxis(weight.reshape(-1, channels, *size), 1, 3).reshape(len(weight), -1)
        # (F, C, KH, KW) -> (KH, KW, C, F); (outputs, inputs) -> (inputs, outputs)
        return np.ascontiguousarray(weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T)

    return {name: turned(name, weight) for name, weight in weights.items()}


def _glorot_uniform(rng: np.random.Generator) -> Weights:
    weights: Weights = {}
    counts = {"conv": 0, "linear": 0}
    for layer, before, _ in shapes(LENET):
        shape: tuple[int, ...]
        match layer:
            case Conv(filters, kernel, _):
                kind, shape = "conv", (filters, before[0], kernel, kernel)
            case Linear(outputs):
                kind, shape = "linear", (outputs, before[0])
            case _:
                continue
        counts[kind] += 1
        bound = math.sqrt(6 / (math.prod(shape[1:]) + math.prod(shape) / shape[1]))
        weights[f"{kind}{counts[kind]}.weight"] = rng.uniform(-bound, bound, shape).astype(np.float32)
        weights[f"{kind}{counts[kind]}.bias"] = np.zeros(shape[0], np.float32)
    return weights
