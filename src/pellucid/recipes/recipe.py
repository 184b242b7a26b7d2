"""What a recipe is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ..data.augment import Augmentation
from ..errors import ArgumentError
from ..geometry import pair
from ..initializers import Initializer
from ..losses import Loss
from ..optimizers import Optimizer
from ..scaling import Scaling
from ..schedules import Schedule


class Reached(NamedTuple):
    """The accuracy that trainings reached, in per cent: mean and sample standard deviation over the seeds 0, 1, 2, …

    Each figure is that of ``pellucid train --recipe NAME --seed SEED``, which trains on all training images and then
    measures on all test images, once. `seconds` is how long such a training took, its data loaded and its code compiled
    before, where that was measured too: of the package's recipes with two threads, on the machine of
    ``docs/performance.md``, by ``python -m benchmarks mnist99``. On another machine it takes another time.
    """

    mean: float
    deviation: float
    seeds: int
    seconds: float | None = None

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.deviation:.2f} % ({self.seeds} seeds)"


@dataclass(frozen=True)
class Recipe:
    """A training with all that decides its result but the seed.

    Attributes
    ----------
    name : str
    about : str
        What it is good for.
    model : str
        A name in `models.MODELS`.
    data : str
        The data set that it was made for, by name; or the path of another. Empty where `begins_from` is not, and the
        data are to be one's own.
    epochs, batch_size : int
    optimizer : Optimizer
    schedule : Schedule
    loss : Loss
    initializer : Initializer or None
        Of the weights; biases begin as zeros. None leaves it to each layer.
    scaling : Scaling
    begins_from : str
        What pretrained weights it begins from, in words, if it is for fine-tuning: they are given when it is followed.
    new_head : bool
        Whether the last layer begins anew even if the weights have one for as many classes.
    freeze_until : str
        Path of the first layer that learns, if those before it are frozen.
    reaches : Reached or None
        On the test part of `data`; None where that was not measured.
    size : (int, int) or None
        Height and width that pictures of a folder are stretched to. None leaves them as `datasets.load` makes them, or
        crops them for a model that was made for ImageNet.
    augment : tuple of Augmentation
        What is done to the training images, anew at every epoch.

    Raises
    ------
    ArgumentError
        If it says what becomes of pretrained weights and begins from none, or `size` is none.
    """

    name: str
    about: str
    model: str
    data: str
    epochs: int
    batch_size: int
    optimizer: Optimizer
    schedule: Schedule
    loss: Loss
    initializer: Initializer | None
    scaling: Scaling
    begins_from: str = ""
    new_head: bool = False
    freeze_until: str = ""
    reaches: Reached | None = None
    size: tuple[int, int] | None = None
    augment: tuple[Augmentation, ...] = ()

    def __post_init__(self) -> None:
        for name in ("new_head", "freeze_until"):
            if getattr(self, name) and not self.begins_from:
                raise ArgumentError(f"{name}: goes with begins_from: without pretrained weights all are random")
        if self.size is not None:
            object.__setattr__(self, "size", pair(self.size, "size"))

    def model_arguments(self) -> dict[str, Any]:
        """Return how the network is made, as arguments of its model."""
        return {"initializer": self.initializer, "scaling": self.scaling}

    def fit_arguments(self) -> dict[str, Any]:
        """Return how it learns, as arguments of `fit`."""
        names = ("epochs", "batch_size", "loss", "optimizer", "schedule", "augment")
        return {name: getattr(self, name) for name in names}
