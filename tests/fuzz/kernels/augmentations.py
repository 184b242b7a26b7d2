"""Images made anew before the first layer, and mixed. Functions are named after the kernels that they draw cases of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.compiler.kernels import augment as kernels
from pellucid.compiler.kernels import mixup as mixing
from pellucid.definitions import augment as definitions
from pellucid.definitions import mixup as mixtures

from .case import CHANNELS_LAST, Case, Result, Tensor
from .draws import Draws


class Images:
    """Random images, the draws that they get, and what is put where they have no pixel."""

    def __init__(self, draws: Draws, channels: int | None = None):
        channels = draws.channels() if channels is None else channels
        size = draws.size() if draws.chance(0.7) else (draws.whole(14, 40), draws.whole(14, 40))
        self.x = draws.numbers(draws.samples(), channels, *size)
        self.fill = tuple(draws.rng.uniform(-2, 0, draws.one((1, channels))).tolist())
        self.ordinal = draws.whole(0, 5)
        self._key = draws.rng.integers(0, 2**32, 2, np.uint32)
        self._index = draws.rng.integers(0, 2**32, len(self.x))

    def case(self, emitter: Callable[..., None], parameters: tuple[Any, ...], **how: Any) -> Case:
        """Return the case of a kernel with these parameters, and with these arguments of its definition."""
        definition = getattr(definitions, emitter.__name__)
        tensors = Tensor(self.x, CHANNELS_LAST), Tensor(self._key), Tensor(self._index)
        return Case(
            emitter, (self.x.shape[2:], *parameters), lambda *given: definition(*given, **how, ordinal=self.ordinal),
            tensors, (Result("y", self.x.shape, CHANNELS_LAST),), len(self.x),
        )  # fmt: skip

    @property
    def channels(self) -> int:
        return int(self.x.shape[1])


def crop(draws: Draws) -> Case:
    own = Images(draws)
    if min(own.x.shape[2:]) == 1:
        return flip(draws)
    padding = draws.whole(1, min(own.x.shape[2:]) - 1)
    own.x = draws.with_faults(own.x)
    return own.case(kernels.crop, (own.channels, padding, own.fill, own.ordinal), padding=padding, fill=own.fill)


def flip(draws: Draws) -> Case:
    own, p = Images(draws), draws.one((0.0, 0.3, 0.5, 1.0))
    own.x = draws.with_faults(own.x)
    return own.case(kernels.flip, (own.channels, p, own.ordinal), p=p)


def cutout(draws: Draws) -> Case:
    own = Images(draws)
    size = draws.whole(1, 2 * max(own.x.shape[2:]))
    own.x = draws.with_faults(own.x)
    return own.case(kernels.cutout, (own.channels, size, own.fill, own.ordinal), size=size, fill=own.fill)


def affine(draws: Draws) -> Case:
    """An affine map, small or large; each of its parts may be missing."""
    own, wide = Images(draws), draws.chance(0.3)
    most = {"shift": 20.0, "rotate": np.pi, "scale": 0.99, "shear": 3.0} if wide else {
        "shift": 2.0, "rotate": 0.3, "scale": 0.2, "shear": 0.2
    }  # fmt: skip
    how = {name: float(draws.rng.uniform(0, top)) if draws.chance(0.8) else 0.0 for name, top in most.items()}
    parameters = (own.channels, *how.values(), own.fill, own.ordinal, (definitions.SINE, definitions.COSINE))
    own.x = draws.with_faults(own.x)
    return own.case(kernels.affine, parameters, **how, fill=own.fill)


def colour_jitter(draws: Draws) -> Case:
    own = Images(draws, channels=3)
    strengths = {name: float(draws.rng.uniform(0, 1)) for name in ("brightness", "contrast", "saturation")}
    mean, std = (tuple(draws.rng.uniform(0.2, 1, draws.one((1, 3))).tolist()) for _ in range(2))
    parameters = tuple(strengths.values()), mean, std, definitions.GREY, own.ordinal
    return own.case(kernels.colour_jitter, parameters, **strengths, mean=mean, std=std)


def mixup(draws: Draws) -> Case:
    element, size = draws.one(("uint8", "float32")), draws.one((1, 2, 3, 7, 16, 17, 33, 64, 100, 147))
    count = draws.whole(1, 30)
    bytes_, floats = draws.rng.integers(0, 256, (count, size), np.uint8), draws.with_faults(draws.numbers(count, size))
    own = Mixing(draws, count)

    def definition(data: Any, key: Any, index: Any) -> Any:
        wide = "float64" if data.dtype != np.float32 else "float32"
        return mixtures.mixup(data, key, index, **own.how, dtype=wide)

    data = Tensor(bytes_ if element == "uint8" else floats)
    made, parameters = (Result("y", (own.samples, size)),), (size, element, *own.parameters)
    return Case(mixing.mixup, parameters, definition, (data, *own.tensors), made, own.samples)


def mixup_classes(draws: Draws) -> Case:
    classes, own = draws.one((2, 3, 5, 10, 16, 17, 33, 100)), Mixing(draws, draws.whole(1, 30))

    def definition(data: Any, key: Any, index: Any) -> Any:
        return mixtures.mixup_classes(data, key, index, **own.how, classes=classes, dtype="float64")

    data = Tensor(draws.rng.integers(0, classes, own.count))
    made, parameters = (Result("target", (own.samples, classes)),), (classes, "int64", *own.parameters)
    return Case(mixing.mixup_classes, parameters, definition, (data, *own.tensors), made, own.samples)


class Mixing:
    """What mixing takes beside the data of so many samples."""

    def __init__(self, draws: Draws, count: int):
        self.count, self.samples = count, draws.samples()
        self.how: dict[str, Any] = {"alpha": draws.one((0.1, 0.2, 1.0, 8.0)), "ordinal": draws.whole(0, 5)}
        key, index = draws.rng.integers(0, 2**32, 2, np.uint32), draws.rng.integers(0, count, self.samples)
        self.tensors = Tensor(key), Tensor(index), Tensor(np.array([count]), told=False)
        self.parameters = self.how["ordinal"], tuple(mixtures.shares(self.how["alpha"]).tolist())


FAMILY = {crop: 0.5, flip: 0.5, affine: 0.5, colour_jitter: 0.5, cutout: 0.5, mixup: 0.5, mixup_classes: 0.3}
"""Cases, with how often each is drawn."""
