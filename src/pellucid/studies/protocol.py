"""How networks of studies are trained and measured, and the words on that: both are made of one `Protocol`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ..schedules import LinearCycle
from .amounts import counted
from .rates import GROWING
from .result import Options

MNIST, CIFAR = "MNIST", "CIFAR-10"
TRAIN = 4_000
TEST: Mapping[str, int] = MappingProxyType({MNIST: 10_000, CIFAR: 1_000})
QUICK = 64
"""How many of the first images are taken of the training part, and of the test part; and of both in a quick study."""

HELD_OUT = 0.2
"""Share of the training images by which settings are chosen; test images serve for what is reported alone."""

_PARTS: Mapping[float, str] = MappingProxyType({0.1: "tenth", 0.2: "fifth", 0.25: "quarter", 0.5: "half"})


@dataclass(frozen=True)
class Protocol:
    """How networks are trained and measured.

    Attributes
    ----------
    rates : tuple of float
        Learning rates to choose from, and to begin with; see `rates.choose`. With one there is nothing to choose.
    epochs : int
    seeds : int
        Trainings of each network, with the seeds from 0 on.
    train : int
        How many of a set's first training images are trained on.
    test : mapping of str to int
        Name of a set -> how many of its first test images are measured on.
    batch_size : int
    schedule : LinearCycle
        How the learning rate rises and falls, where it does.
    """

    rates: tuple[float, ...]
    epochs: int
    seeds: int = Options.seeds
    train: int = TRAIN
    test: Mapping[str, int] = field(default_factory=lambda: TEST)
    batch_size: int = 32
    schedule: LinearCycle = field(default_factory=lambda: LinearCycle(start=0.1, peak_at=0.2))

    @classmethod
    def of(cls, rates: tuple[float, ...], epochs: int, options: Options, quick_epochs: int = 1) -> Protocol:
        """Return the protocol of a study with these rates and epochs, or of its quick form."""
        if options.quick:
            return cls(rates[:1], quick_epochs, options.seeds, QUICK, dict.fromkeys(TEST, QUICK))
        return cls(rates, epochs, options.seeds)

    # ---- in words

    @property
    def length(self) -> str:
        """How long a training is: ``12 epochs``."""
        return counted(self.epochs, "epoch")

    @property
    def brief(self) -> str:
        """What makes a quick run quick."""
        return f"trainings of {self.length} on {self.train:,} images"

    def data(self, names: Sequence[str]) -> str:
        """Return a sentence on the images that are taken of these sets."""
        of = "each set" if len(names) > 1 else names[0]
        measured = " and ".join(f"the first {self.test[name]:,} of {name}" for name in names)
        return f"Trained on the first {self.train:,} training images of {of}; of test images, measured on {measured}."

    @property
    def repeated(self) -> str:
        """What ± means."""
        if self.seeds == 1:
            return "Figures are those of one seed, which decides first weights and the order of images."
        return (
            f"Figures are means over {self.seeds} seeds, which decide first weights and the order of images, with the "
            "standard deviation. Differences are paired by seed."
        )

    @property
    def cycle(self) -> str:
        """How the learning rate rises and falls, and how its peak is found."""
        start, peak_at = self.schedule.start, self.schedule.peak_at
        begin = f"a {_PARTS[start]}" if start in _PARTS else _percent(start)
        return (
            f"the learning rate rises in a straight line over the first {_PARTS.get(peak_at, _percent(peak_at))} of "
            f"the steps, from {begin} of its peak, then falls to 0. {self._chosen}"
        )

    @property
    def _chosen(self) -> str:
        if len(self.rates) == 1:
            return f"The peak is {self.rates[0]:g}."
        *others, last = (f"{rate:g}" for rate in self.rates)
        return (
            f"The peak is chosen from {', '.join(others)} and {last}, for each network and set: what was best on "
            f"{_percent(HELD_OUT)} of the training images, held out while choosing; {GROWING}."
        )


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
