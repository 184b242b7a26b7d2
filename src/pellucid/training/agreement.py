"""What the ranks of a training agree on: what they begin with, what becomes of it after every step, and the weights.

All ranks do the same steps, each its own samples of every batch, so that each holds the whole state of the training
after every step. The first one alone writes, shows and listens to signals; what it learns so, the others learn here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ..arguments import shown
from ..collective import Collective, compare, met, told_by_all
from ..data.dataset import digest
from ..errors import ArgumentError
from ..program import Program
from ..version import VERSION
from .callbacks import Callback
from .config import repeated
from .engine import Engine
from .following import RunFollower, Understudy, understudy
from .listed import listed, remembers
from .plain import flat, plain
from .run import RunWriter
from .state import Training

ALIKE = "All ranks need the same code, data and settings"
FAILED = 1
"""The exit code of a rank that ends because of another one's error."""


@dataclass(frozen=True)
class Agreed:
    """What all ranks do now. What one of them is told meanwhile, by a signal perhaps, the others have not heard of: it
    waits until they agree again.

    Attributes
    ----------
    ending : BaseException or None
        What the training ends with.
    stopping : bool
        Whether it stops.
    due : bool
        Whether a checkpoint is written.
    """

    ending: BaseException | None
    stopping: bool
    due: bool


class Company(Protocol):
    """What a course of training asks of the ranks."""

    @property
    def outdated(self) -> bool:
        """Whether ranks were lost since: those that are left need another one."""

    def compare(self, training: Training, engine: Engine) -> None:
        """Refuse ranks that do not begin with the same as the others."""

    def begin(self, training: Training, engine: Engine) -> None:
        """Do so again, and let all ranks know where the run is written."""

    def after(self, training: Training, due: bool = False) -> Agreed:
        """Let all ranks know what one of them wants to be done after a step, or before the first one; return what all
        do."""

    def verify(self, training: Training, engine: Engine) -> None:
        """Refuse ranks that have other weights than the others."""

    def verify_end(self, training: Training) -> None:
        """Refuse ranks that callbacks have left with another network than the others."""


class Alone:
    """One process, which agrees with itself."""

    outdated = False

    def compare(self, training: Training, engine: Engine) -> None: ...

    def begin(self, training: Training, engine: Engine) -> None: ...

    def after(self, training: Training, due: bool = False) -> Agreed:
        return Agreed(training.ending, training.stopping, due)

    def verify(self, training: Training, engine: Engine) -> None: ...

    def verify_end(self, training: Training) -> None: ...


class Agreement:
    """Several processes; see `Company`.

    Parameters
    ----------
    ranks : Collective
    program : Program
        Of the training's steps.
    """

    def __init__(self, ranks: Collective, program: Program):
        self._ranks, self._program, self._losses = ranks, program, ranks.losses

    @property
    def outdated(self) -> bool:
        """Whether ranks were lost since."""
        return self._ranks.losses > self._losses

    def compare(self, training: Training, engine: Engine) -> None:
        """Refuse ranks that do not begin with the same.

        Raises
        ------
        UnlikeRankError
            On all ranks; it names those that are not as the others, and in what.
        """
        compare(self._ranks, beginning(training, engine, self._program), ALIKE)

    def begin(self, training: Training, engine: Engine) -> None:
        """Refuse ranks that callbacks or checkpoints have let begin with something else than the others; and let all
        know where the run is written.

        Raises
        ------
        UnlikeRankError
            As `compare` does.
        """
        run = training.run
        # Where the next exchange is complete for the first rank, this one is for all: before it writes a checkpoint,
        # each of the others knows where, should it be lost then.
        if (folder := told_by_all(self._ranks, b"" if run is None else os.fsencode(run.folder))[0]) and run is not None:
            run.lies_in(Path(os.fsdecode(folder)))
        self.compare(training, engine)

    def after(self, training: Training, due: bool = False) -> Agreed:
        """Let all ranks end, stop, slow down or write a checkpoint where one of them wants it.

        The word of each is what it ends with, whether it stops, whether a checkpoint is due, and the factor on the
        learning rate from the next step on, of which the first rank's counts. Only what was in the words is agreed on:
        a signal may come while this rank waits for those of the others.
        """
        factor = training.factor(training.step)
        words = exit_code(training.ending), training.stopping, due, factor
        endings, stopping, dues, factors = met(self._ranks, "the end of a step", words).T
        if factors[0] != factor:
            training.multiply_lr(float(factors[0]))
        if stopping.any():
            training.stop()
        if endings.any() and training.ending is None:
            training.end(SystemExit(int(endings[endings != 0][0])))
        return Agreed(training.ending if endings.any() else None, bool(stopping.any()), bool(dues.any()))

    def verify(self, training: Training, engine: Engine) -> None:
        """Refuse ranks that have come to other weights than the others.

        Raises
        ------
        UnlikeRankError
            On all ranks; it names those that are not as the others.
        """
        self._compare(
            f"the digest of the weights after step {training.step:,}",
            [*engine.weights().values(), *engine.slots().values()],
        )

    def verify_end(self, training: Training) -> None:
        """Refuse ranks that callbacks have left with another network than the others.

        Raises
        ------
        UnlikeRankError
            As `verify` does.
        """
        network = training.network
        arrays = [each.data for each in (*network.parameters().values(), *network.states().values())]
        self._compare("the digest of the network as the training leaves it", arrays)

    def _compare(self, name: str, arrays: Sequence[NDArray[Any]]) -> None:
        """Refuse ranks whose arrays are not those of the others."""
        compare(
            self._ranks,
            {name: digest(*arrays)},
            "A callback, a layer or a loss of one's own that gives another result in each process may be the cause, or "
            "a fault of a machine; go on from the last checkpoint",
        )


def among(ranks: Collective | None, listeners: Sequence[Callback]) -> list[Callback]:
    """Return which callbacks a rank has: all but the first do without those that only watch (`Callback.sees_weights`),
    and write no run."""
    if ranks is None or ranks.rank == 0:
        return [*listeners]
    kept = [RunFollower(each) if isinstance(each, RunWriter) else each for each in listeners]
    return [each if for_all(each) else understudy(each) for each in kept]


def for_all(callback: Callback) -> bool:
    """Return whether a callback is called in every rank."""
    return callback.sees_weights or callback.for_all_ranks


def refuse_numpy(ranks: Collective | None, native: bool) -> None:
    """Refuse several ranks where the steps are done by the definitions, on whole batches."""
    if ranks is not None and not native:
        raise ArgumentError('ranks: expected engine="compiled" and a network in float32: NumPy takes whole batches')


def beginning(training: Training, engine: Engine, program: Program) -> dict[str, Any]:
    """Return by name what all ranks must begin with."""
    from ..compiler.tiles import instruction_set  # takes its time

    steps = [(step.kind, step.layer, step.inputs, step.outputs, plain(step.keywords)) for step in program.steps]
    settings = {name: shown(value) for name, value in flat(repeated(training)).items()}
    return {
        "the version of Pellucid": VERSION, "the digest of Pellucid's code": code_digest(),
        "the instruction set": instruction_set().name,
        "the digest of the network": hashlib.sha256(str(steps).encode()).hexdigest(),
        "the digest of the weights": digest(*engine.weights().values(), *engine.slots().values()),
        "the step that it goes on after": training.step, "callbacks that remember": remembering(training.callbacks),
        "callbacks with sees_weights = True": seeing(training.callbacks),
        **settings,
    }  # fmt: skip


def remembering(callbacks: Sequence[Callback]) -> str:
    """Return the callbacks that remember something, with their settings: all ranks have these, though some are called
    in the first one alone."""
    parts = [each.part if isinstance(each, Understudy) else each for each in callbacks]
    entries = listed([each for each in parts if remembers(each)])
    told = [f"{each.pop('name')}({', '.join(f'{name}={value!r}' for name, value in each.items())})" for each in entries]
    return ", ".join(told) or "none"


def seeing(callbacks: Sequence[Callback]) -> str:
    """Return the names of the callbacks that every rank calls, for they may look at weights or change them."""
    found = [type(each).__name__ for each in callbacks if each.sees_weights and not isinstance(each, RunWriter)]
    return ", ".join(found) or "none"


@cache
def code_digest() -> str:
    """Return the SHA-256 of all source of this package; where that is not at hand, that of nothing."""
    found, package = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        found.update(f"{path.relative_to(package).as_posix()}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def exit_code(ending: BaseException | None) -> int:
    """Return what a process would exit with that ends so; 0 if it does not end."""
    if isinstance(ending, SystemExit) and isinstance(ending.code, int):
        return ending.code or FAILED
    return 0 if ending is None else 130 if isinstance(ending, KeyboardInterrupt) else FAILED
