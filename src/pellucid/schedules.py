"""Learning-rate schedules: what the optimiser's learning rate is multiplied with at each step of a training.

A schedule is a small immutable object without state, called before every step with the step's number, so training can
be resumed anywhere. Steps count from 0, epochs too; ``total_steps`` is the length of the whole training.

Where a schedule runs to an end, the end is the moment *after* the last step: step s stands at the share
s / total_steps, which is 0 at first and never quite 1. So no step is wasted on a factor of 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from .arguments import known_name, look_up, number, shown
from .errors import ArgumentError
from .geometry import whole_number


class Schedule(Protocol):
    """What the training loop asks of a schedule; any function of this form serves."""

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """The factor for this step, where 0 ≤ step < total_steps."""


@dataclass(frozen=True)
class Constant:
    """The learning rate as it is."""

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        _check_call(step, total_steps, steps_per_epoch)
        return 1.0


@dataclass(frozen=True)
class Step:
    """Down by ``factor`` after every ``every_epochs`` epochs: factor ^ ⌊epoch / every_epochs⌋."""

    every_epochs: int = 10
    factor: float = 0.1

    def __post_init__(self) -> None:
        _keep(self, every_epochs=whole_number(self.every_epochs, "Step.every_epochs"))
        _keep(self, factor=number(self.factor, "Step.factor", "a number above 0"))

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        _check_call(step, total_steps, steps_per_epoch)
        return self.factor ** (step // steps_per_epoch // self.every_epochs)


@dataclass(frozen=True)
class Drops:
    """Down by ``factor`` at each of the shares ``at`` of all steps: factor ^ (how many of them are reached).

    References
    ----------
    He, Zhang, Ren, Sun (2015): Deep residual learning for image recognition, section 4.2: a tenth from 32,000 of
    64,000 steps on, and a hundredth from 48,000, which is what the defaults say.
    """

    factor: float = 0.1
    at: Sequence[float] = (0.5, 0.75)

    def __post_init__(self) -> None:
        _keep(self, factor=number(self.factor, "Drops.factor", "a number above 0"))
        if not isinstance(self.at, (tuple, list)) or not self.at:
            raise ArgumentError(f"Drops.at: expected shares such as (0.5, 0.75), received {self.at!r}")
        shares = tuple(number(share, "Drops.at", "a number between 0 and 1") for share in self.at)
        object.__setattr__(self, "at", shares)

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        _check_call(step, total_steps, steps_per_epoch)
        return self.factor ** sum(step >= share * total_steps for share in self.at)


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from 1 at the first step to ``final`` after the last.

    References
    ----------
    Loshchilov, Hutter (2017): SGDR: stochastic gradient descent with warm restarts, equation 5, without restarts.
    """

    final: float = 0.0

    def __post_init__(self) -> None:
        _keep(self, final=number(self.final, "Cosine.final", "a number from 0 to 1"))

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        _check_call(step, total_steps, steps_per_epoch)
        return _half_cosine(1.0, self.final, step / total_steps)


@dataclass(frozen=True)
class OneCycle:
    """Half a cosine from ``start`` up to 1 at the share ``peak_at`` of the steps, another down to ``final``.

    References
    ----------
    Smith, Topin (2018): Super-convergence: very fast training of neural networks using large learning rates. Theirs
    is linear, as `LinearCycle`; the cosine became usual later.
    """

    start: float = 0.04
    peak_at: float = 0.3
    final: float = 0.0

    def __post_init__(self) -> None:
        _keep(self, start=number(self.start, "OneCycle.start", "a number from 0 to 1"))
        _keep(self, peak_at=number(self.peak_at, "OneCycle.peak_at", "a number between 0 and 1"))
        _keep(self, final=number(self.final, "OneCycle.final", "a number from 0 to 1"))

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        _check_call(step, total_steps, steps_per_epoch)
        peak = self.peak_at * total_steps
        if step < peak:
            return _half_cosine(self.start, 1.0, step / peak)
        return _half_cosine(1.0, self.final, (step - peak) / (total_steps - peak))


@dataclass(frozen=True)
class LinearCycle:
    """A straight line from ``start`` up to 1 at the share ``peak_at`` of the steps, another down to 0 after the last.

    The peak lies at peak_at·total_steps. Where that is whole, exactly this step has the factor 1; else the peak falls
    between two steps and both stay a little below. The last step has 1 / ((1 − peak_at)·total_steps).

    Examples
    --------
    >>> [round(LinearCycle(start=0.1, peak_at=0.2)(step, 10, 10), 3) for step in range(10)]
    [0.1, 0.55, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    """

    start: float = 0.1
    peak_at: float = 0.2

    def __post_init__(self) -> None:
        _keep(self, start=number(self.start, "LinearCycle.start", "a number from 0 to 1"))
        _keep(self, peak_at=number(self.peak_at, "LinearCycle.peak_at", "a number between 0 and 1"))

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        _check_call(step, total_steps, steps_per_epoch)
        peak = self.peak_at * total_steps
        if step < peak:
            return self.start + (1.0 - self.start) * (step / peak)
        return (total_steps - step) / (total_steps - peak)


@dataclass(frozen=True)
class WarmUp:
    """A straight line over the first ``steps`` steps, then ``after``.

    Step s < steps has (s + 1) / (steps + 1) of the first factor of ``after``: never 0, and step number ``steps`` is the
    first with the whole. ``after`` runs as if training began there, over total_steps − steps steps; its epochs, too,
    count from there.
    """

    steps: int
    after: Schedule = field(default_factory=Constant)

    def __post_init__(self) -> None:
        _keep(self, steps=whole_number(self.steps, "WarmUp.steps"))
        if not callable(self.after) or isinstance(self.after, type):
            raise ArgumentError(f"WarmUp.after: expected a schedule such as Cosine(), received {self.after!r}")

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        _check_call(step, total_steps, steps_per_epoch)
        if self.steps >= total_steps:
            raise ArgumentError(
                f"WarmUp: {self.steps} steps of warm-up need a training of more steps, but this one has {total_steps}; "
                f"train longer, or use WarmUp(steps={max(1, total_steps // 10)}, …)"
            )
        share = min(1.0, (step + 1) / (self.steps + 1))
        return share * self.after(max(0, step - self.steps), total_steps - self.steps, steps_per_epoch)


def by_name(text: str) -> Schedule:
    """The schedule that a short text describes: a name, then its settings in order, separated by colons.

    ``constant``, ``step:EVERY_EPOCHS:FACTOR``, ``drops:FACTOR:AT:AT…``, ``cosine:FINAL``,
    ``one-cycle:START:PEAK_AT:FINAL``, ``linear:START:PEAK_AT``, ``warm-up:STEPS:SCHEDULE``. Settings may be left off
    from the end; ``one_cycle`` is ``one-cycle``.

    Examples
    --------
    >>> by_name("step:10:0.1")
    Step(every_epochs=10, factor=0.1)
    >>> by_name("warm-up:500:cosine")
    WarmUp(steps=500, after=Cosine(final=0.0))
    """
    written, colon, rest = text.partition(":") if isinstance(text, str) else (text, "", "")
    form = look_up(written, FORMS, "schedule")
    # The last setting takes all that is left, as a schedule after a warm-up has colons of its own.
    settings = rest.split(":", max(0, len(form.readers) - 1)) if colon else []
    wrong_form = ArgumentError(f"schedule {shown(text)}: expected the form {form.usage}")
    if not form.required <= len(settings) <= len(form.readers):
        raise wrong_form
    try:
        values = [read(setting) for read, setting in zip(form.readers, settings, strict=False)]
    except ArgumentError:  # about the schedule after a warm-up, and it says more
        raise
    except ValueError:
        raise wrong_form from None
    found: Schedule = form.schedule(*values)
    return found


def _after_warm_up(text: str) -> Schedule:
    if known_name(text.partition(":")[0], FORMS) == "warm-up":
        raise ArgumentError("schedule: expected another schedule after the warm-up, received a second warm-up")
    return by_name(text)


def _shares(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split(":")))


class _Form(NamedTuple):
    """How a schedule is written: its class, one reader a setting, and how many settings it cannot do without."""

    usage: str
    schedule: type[Any]
    readers: tuple[Callable[[str], Any], ...]
    required: int = 0


FORMS = {
    "constant": _Form("constant", Constant, ()),
    "step": _Form("step:EVERY_EPOCHS:FACTOR (such as step:10:0.1)", Step, (int, float)),
    "drops": _Form("drops:FACTOR:AT:AT… (such as drops:0.1:0.5:0.75)", Drops, (float, _shares)),
    "cosine": _Form("cosine:FINAL (such as cosine:0.01)", Cosine, (float,)),
    "one-cycle": _Form("one-cycle:START:PEAK_AT:FINAL (such as one-cycle:0.04:0.3)", OneCycle, (float, float, float)),
    "linear": _Form("linear:START:PEAK_AT (such as linear:0.1:0.2)", LinearCycle, (float, float)),
    "warm-up": _Form("warm-up:STEPS:SCHEDULE (such as warm-up:500:cosine)", WarmUp, (int, _after_warm_up), required=1),
}

KINDS: Mapping[str, type] = MappingProxyType({form.schedule.__name__: form.schedule for form in FORMS.values()})
"""The classes, by their names, as a run's config has them."""


def _half_cosine(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1.0 + math.cos(math.pi * share)) / 2.0


def _keep(schedule: object, **settings: float) -> None:
    """Let a frozen schedule have its settings as Python's own numbers."""
    for name, value in settings.items():
        object.__setattr__(schedule, name, value)


def _check_call(step: int, total_steps: int, steps_per_epoch: int) -> None:
    if not (0 <= step < total_steps and steps_per_epoch >= 1):
        raise ArgumentError(
            "a schedule needs 0 ≤ step < total_steps and steps_per_epoch ≥ 1, received "
            f"step {step}, total_steps {total_steps}, steps_per_epoch {steps_per_epoch}"
        )
