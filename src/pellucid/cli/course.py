"""What `train` and `resume` share: a training that a signal may end, and what is printed when it is done."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import NonFiniteError, RankError, StateError, StorageError
from ..inference import evaluate
from ..network import Network
from ..recipes.catalogue import is_file
from ..storage import append_line
from ..training import Callback, EarlyStopping, KeepBest, Training
from ..training.following import Run
from ..training.record import Record
from ..training.run import METRICS, json_line
from . import resuming
from .ranks import shared_by
from .screen import called
from .signals import Stopped, outcome
from .sources import Parts

_OPTIONS = {" lr than": " --lr than", "clip_norm=": "--clip-norm ", " clip_norm than": " --clip-norm than"}
"""What makes steps smaller, as Python's errors name it and as the command does."""


class Announcement(Callback):
    """Says what is about to be trained, once nothing stands in the way, and keeps hold of the training."""

    sees_weights = False
    for_all_ranks = True
    training: Training | None = None

    def __init__(self, text: str):
        self._text = text

    def on_begin(self, training: Training) -> None:
        self.training = training
        if training.run is not None and (training.ranks is None or training.ranks.rank == 0):  # which has the folder
            from ..distributed import room

            room.tell(room.RUN, training.run.named)
        if self._text:
            print(self._text, file=sys.stderr)
        if training.ranks is not None:
            print(shared_by(training.ranks, training.batch_size), file=sys.stderr)

    @property
    def run(self) -> Run:
        """The run, once training has begun."""
        if self.training is None or self.training.run is None:
            raise StateError("no run has begun")
        return self.training.run


@contextmanager
def ended_in_words(announced: Announcement) -> Iterator[None]:
    """Say how to go on, or where the weights are, where a signal, the disk or a number that is not finite ends it."""
    try:
        yield
    except Stopped as stopped:
        if announced.training is None:
            raise
        raise Stopped(stopped.number, outcome(announced.training)) from None
    except (StorageError, RankError) as error:
        training = announced.training
        # Before the first step, other ranks than the first do not know where the run is written.
        go_on = resuming.command_of(training) if training is not None and training.step else ""
        if not go_on:
            raise
        kind = StorageError if isinstance(error, StorageError) else RankError
        raise kind(f"{error}; to go on when that is put right: {go_on}") from error
    except NonFiniteError as error:
        kept = f". The weights that are kept are saved in {announced.run.named}"
        raise NonFiniteError(smaller_steps(str(error), Record.of(announced.run.folder)) + kept) from error


def smaller_steps(reason: str, run: Record) -> str:
    """Return why a run has diverged, with the options of `train` that make steps smaller; a recipe decides them, so
    that it, or a copy of it, must say others. A run that was made in Python is left its own words."""
    recipe, model = (str(run.setting("command", name, "")) for name in ("recipe", "model"))
    if recipe:
        name = shlex.quote(recipe)
        copied = f"a copy of the recipe: {called()} recipes {name} > {name}-mine.toml"
        return f"{reason}, in {'the recipe' if is_file(recipe) else copied}"
    for argument, option in _OPTIONS.items() if model else ():
        reason = reason.replace(argument, option)
    return reason


def report(
    network: Network, parts: Parts, folder: Path, running: dict[str, Any], training: Training | None = None
) -> None:
    """Measure the network on the part held out, add the result to the run, and print it with what to do next."""
    best: Path | None = None
    for each in training.callbacks if training is not None else ():
        if isinstance(each, EarlyStopping) and each.stopped_epoch:
            told = f"{each.monitor} was best after {each.best_epoch}"
            print(f"stopped after epoch {each.stopped_epoch}: {told}{', whose weights are kept' * each.restore_best}")
        elif isinstance(each, KeepBest) and each.best_path is not None:
            best = Path(folder, each.folder, each.best_path.name)
            print(f"best by {each.monitor}: {', '.join(path.name for path in each.paths)} in {best.parent}")
    name, dataset = parts.held_out()
    scores = evaluate(network, dataset, **running)
    if not running.get("ranks") or running["ranks"].rank == 0:
        append_line(folder / METRICS, json_line({f"{name}_{what}": score for what, score in scores.items()}))
    run = shlex.quote(str(folder))
    print(f"saved in {folder}")
    print(f"next: {called()} evaluate {run} --confusion")
    print(f"      {called()} predict {run} YOUR-PICTURE.png")
    if best is not None:
        print(f"      {called()} evaluate {shlex.quote(str(best))}")
    print(f"{name} accuracy {100 * scores['accuracy']:.2f} %")
