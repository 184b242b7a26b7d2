"""Training problems: a random network with data, a loss and an optimiser, lowered in float32 and in float64."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import (
    SGD,
    Adam,
    AdamW,
    CrossEntropy,
    Flatten,
    Linear,
    MeanSquaredError,
    Scaling,
    Sequential,
    augment,
    lower,
)
from pellucid.errors import ArgumentError, ShapeError
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.program import Program

from .architectures import Architect, Shape

BATCHES = (1, 2, 3, 5, 7, 8, 9, 13, 15, 16, 17, 24, 31, 33, 40)


@dataclass
class Problem:
    """What one step of training is given.

    Attributes
    ----------
    network : Sequential
        In float32.
    twin : Sequential
        The same in float64.
    how : mapping
        Arguments of `lower`: "loss", "optimizer", "target_shape", "weighted", "training", …
    program, exact : Program
        The network's training step in float32, and in float64.
    images, targets, sample_weight : array
        The data set.
    batch : int
        Samples of the batch.
    largest : int
        Of the largest batch that memory is made for.
    numbers : mapping
        What is other at each step: "index", "position", "dropout_key", "augment_key", "count", "lr" and "step".
    slots : mapping of str to array
        The optimiser's memory before the step.
    """

    network: Sequential
    twin: Sequential
    how: Mapping[str, Any]
    program: Program
    exact: Program
    images: np.ndarray[Any, Any]
    targets: np.ndarray[Any, Any]
    sample_weight: np.ndarray[Any, Any] | None
    batch: int
    largest: int
    numbers: Mapping[str, Any]
    slots: Mapping[str, Any]

    @property
    def data(self) -> dict[str, np.ndarray[Any, Any]]:
        """What the step gathers its batch from."""
        weights = {} if self.sample_weight is None else {"sample_weight.data": self.sample_weight}
        return {"input.data": self.images, "target.data": self.targets, **weights}

    @property
    def held(self) -> dict[str, np.ndarray[Any, Any]]:
        """Parameters, states and slots before the step."""
        parameters = {name: q.data for name, q in self.network.parameters().items()}
        return {**parameters, **{name: s.data for name, s in self.network.states().items()}, **self.slots}

    def describe(self) -> str:
        """Return all that somebody needs to see what is computed."""
        frozen = [name for name, q in self.network.parameters().items() if not q.trainable]
        return (
            f"{self.network!r}, scaling={self.network.scaling}, frozen={frozen}\n{self.how}\n"
            f"images {self.images.shape} {self.images.dtype}, targets {self.targets.shape} {self.targets.dtype}, "
            f"batch={self.batch} of at most {self.largest}, step={self.numbers['step']}, lr={self.numbers['lr']}"
        )


def problem(seed: int) -> Problem:
    """Return the problem of a seed: the first that can be drawn."""
    rng = np.random.default_rng(seed)
    while True:
        try:
            return _problem(rng)
        except (ArgumentError, ShapeError):  # such as a Softmax before a loss that applies it
            continue


def _problem(rng: np.random.Generator) -> Problem:
    architect = Architect(rng)
    network, loss, target_shape = _with_loss(architect)
    optimizer = _optimizer(architect, network)
    weighted = architect.chance(0.3)
    how: dict[str, Any] = {
        "loss": loss, "optimizer": optimizer, "target_shape": target_shape, "weighted": weighted, "resident": True,
        "training": not architect.chance(0.06), "input_gradient": architect.chance(0.06),
    }  # fmt: skip
    aside = np.random.default_rng(network.seed)  # so that the other dice fall as they did
    how["augment"] = () if how["input_gradient"] else _augmentations(aside, network.input_shape or ())
    program = lower(network, **how)
    twin = copy.deepcopy(network)
    twin.cast("float64")
    batch = architect.one(BATCHES)
    largest = batch if architect.chance(0.5) else batch + architect.one(BATCHES)
    if program.leaf_size <= 8:
        batch, largest = min(batch, 9), min(largest, 12)
    samples = largest + int(rng.integers(0, 4))
    step = 1 if architect.chance(0.4) else int(rng.integers(2, 60))
    numbers = {**_numbers(rng, samples, batch, step), "augment_key": aside.integers(0, 2**32, 2, np.uint32)}
    return Problem(
        network, twin, how, program, lower(twin, **how),
        _images(architect, samples, network), _targets(rng, samples, loss, network.output_shape(), target_shape),
        _weights(rng, samples, numbers["index"][0]) if weighted else None, batch, largest, numbers,
        _slots(rng, program, network, step),
    )  # fmt: skip


# ---- what is computed
def _with_loss(architect: Architect) -> tuple[Sequential, Loss, Shape]:
    """Return a network with a loss that takes what it gives, and the shape of a target."""
    shape = architect.input_shape()
    layers, end = architect.grow(shape, int(architect.rng.integers(1, 8)))
    classes = architect.chance(0.75)
    if classes and len(end) > 1:
        layers, end = [*layers, Flatten()], (math.prod(end),)
    if len(layers) < 8 and len(end) == 1 and architect.chance(0.7):
        layers = [*layers, Linear(end[0], architect.one((2, 3, 5, 10, 17, 33)))]
    seed, scaling = int(architect.rng.integers(2**31)), _scaling(architect, shape)
    network = Sequential(layers, input_shape=shape, seed=seed, scaling=scaling)
    architect.fill(network)
    output = network.output_shape()
    if not classes:
        return network, MeanSquaredError(), output
    weights = architect.rng.uniform(0.2, 2, output[0]).tolist() if architect.chance(0.3) else ()
    loss = CrossEntropy(0.1 if architect.chance(0.3) else 0.0, weights)
    return network, loss, output if architect.chance(0.3) else ()


def _scaling(architect: Architect, shape: Shape) -> Scaling | None:
    if architect.chance(0.5):
        return None
    means, deviations = (1 if architect.chance(0.5) else shape[0] for _ in range(2))
    rng = architect.rng
    return Scaling(rng.uniform(-0.2, 0.5, means).tolist(), rng.uniform(0.3, 1, deviations).tolist())


def _optimizer(architect: Architect, network: Sequential) -> Optimizer:
    rng = architect.rng
    learning = [path for path, q in network.parameters().items() if q.trainable]
    if not learning:
        raise ArgumentError("nothing to train")
    scaled = learning[int(rng.integers(len(learning)))]
    how: dict[str, Any] = {
        "weight_decay": 0.0 if architect.chance(0.5) else 0.05,
        "clip_norm": None if architect.chance(0.6) else float(rng.choice([0.01, 0.3, 100.0])),
        "average": None if architect.chance(0.7) else float(rng.choice([0.9, 0.999])),
        "lr_scales": {} if architect.chance(0.7) else {scaled.split(".")[0]: 0.3, scaled: 2.0},
    }
    match architect.one(range(5)):
        case 0:
            return SGD(**how)
        case 1:
            return SGD(momentum=0.9, **how)
        case 2:
            return SGD(momentum=0.6, nesterov=True, **how)
        case 3:
            return Adam(betas=(0.9, 0.95), eps=float(rng.choice([1e-8, 1e-3])), **how)
    return AdamW(**how)


def _augmentations(rng: np.random.Generator, shape: Shape) -> tuple[augment.Augmentation, ...]:
    """Return what is done to images, in some cases something."""
    changes = _changes(rng, shape)
    return (augment.MixUp(float(rng.choice([0.2, 1.0, 8.0]))), *changes) if rng.random() < 0.2 else changes


def _changes(rng: np.random.Generator, shape: Shape) -> tuple[augment.Augmentation, ...]:
    """Return what is done to each image by itself."""
    if len(shape) != 3 or rng.random() < 0.6:
        return ()
    known = [
        augment.Flip(), augment.Affine(1.5, 0.2, 0.1, 0.1), augment.Affine(shift=1.0), augment.Cutout(2),
        *([augment.Crop(int(rng.integers(1, min(shape[1:]))))] if min(shape[1:]) > 1 else []),
        *([augment.ColourJitter(0.3, 0.3, 0.3)] if shape[0] == 3 else []),
    ]  # fmt: skip
    return tuple(known[int(i)] for i in rng.permutation(len(known))[: int(rng.integers(1, 4))])


# ---- what it is given
def _images(architect: Architect, samples: int, network: Sequential) -> np.ndarray[Any, Any]:
    shape, rng = (samples, *(network.input_shape or ())), architect.rng
    if len(shape) > 2 and architect.chance(0.4):
        return rng.integers(0, 256, shape, np.uint8)
    return rng.standard_normal(shape, np.float32) * np.float32(rng.choice([0.3, 1.0, 4.0]))


def _targets(
    rng: np.random.Generator, samples: int, loss: Loss, output: Shape, target_shape: Shape
) -> np.ndarray[Any, Any]:
    if not loss.classification:
        return rng.standard_normal((samples, *target_shape), np.float32)
    if not target_shape:
        return rng.integers(0, output[0], samples)
    return rng.dirichlet(np.full(output[0], 0.3), samples).astype(np.float32)


def _weights(rng: np.random.Generator, samples: int, counting: int) -> np.ndarray[Any, Any]:
    """Return the samples' weights, of which some are 0, but not that of the sample `counting`."""
    drawn = rng.uniform(0.1, 3, samples).astype(np.float32)
    drawn[rng.random(samples) < 0.1] = 0
    drawn[counting] = 1
    return drawn


def _numbers(rng: np.random.Generator, samples: int, batch: int, step: int) -> dict[str, Any]:
    return {
        "index": rng.permutation(samples)[:batch].astype(np.int64),
        "position": rng.permutation(1000)[:batch].astype(np.int64),
        "dropout_key": rng.integers(0, 2**32, 2, np.uint32),
        "count": batch,
        "lr": float(rng.choice([0.03, 0.3])),
        "step": step,
    }


def _slots(rng: np.random.Generator, program: Program, network: Sequential, step: int) -> dict[str, Any]:
    """Return the optimiser's memory: zeros before the first step, anything later; second moments are squares."""
    held = {**network.parameters(), **network.states()}
    slots = {name: program.values[v].shape for name, v in program.named("state").items() if name not in held}
    if step == 1:
        return {name: np.zeros(shape, np.float32) for name, shape in slots.items()}
    return {
        name: rng.uniform(0.01, 1, shape).astype(np.float32) if name.startswith("second")
        else (0.3 * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in slots.items()
    }  # fmt: skip
