"""resume: a training that was interrupted goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..serialization import load
from ..training import Training, resume
from ..training.checkpoint import glance, known_config
from ..training.record import Record
from . import options
from .course import Announcement, ended_in_words, report
from .screen import examples, say
from .signals import BetweenSteps
from .sources import parts_of_run, refuse_changed, run_folder, source_of

EXAMPLES = examples("pellucid resume run", "pellucid resume run --threads 1")


def command(
    run: Annotated[str, typer.Argument(metavar="RUN", parser=options.named, help="The folder of a run.")],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            parser=options.named,
            show_default=False,
            help="Where the data of the run are now, if they were moved.",
        ),
    ] = None,
    data_dir: options.DataDir = None,
    threads: options.Threads = None,
    checkpoint_every: options.CheckpointEvery = None,
    no_progress: options.NoProgress = False,
) -> None:
    """Go on with a training that was interrupted, as if it had not been.

    Whatever ended it, Ctrl-C, a kill or the power: weights and measures come out the same, to the last bit, as if it
    had run through; on any number of threads. It goes on at the last checkpoint, which `pellucid train` writes every
    30 seconds, or as often as --checkpoint-every says. A run that was ended between its last step and the measuring of
    the network is measured.
    """
    folder = run_folder(run)
    source = source_of(run)
    if data is not None or data_dir is not None:
        source = replace(source, data=data or source.data, data_dir=None if data_dir is None else str(data_dir))
    given, parts = parts_of_run(run, source, progress=not no_progress)
    announced, running = _GoingOn(), {"engine": _engine(folder), "threads": threads}
    if _unmeasured(folder):
        refuse_changed(run, parts)
        say(f"{folder}: finished, and not measured at its end")
        report(load(folder), parts, folder, running)
        return
    with ended_in_words(announced):
        network, _ = resume(
            folder, given.train, validation=given.validation, callbacks=[BetweenSteps(), announced], threads=threads,
            checkpoint_every=checkpoint_every, progress=not no_progress,
        )  # fmt: skip
    report(network, parts, folder, running, announced.training)


def _engine(folder: Path) -> str:
    """Return the engine of a run."""
    table = known_config(folder).table.get("training")
    return str(table.get("engine", "compiled")) if isinstance(table, Mapping) else "compiled"


def _unmeasured(folder: Path) -> bool:
    """Return whether a run is finished and lacks what is measured then, as where it was killed in that moment."""
    state = glance(folder)
    return state is not None and state.get("finished") is True and not Record.of(folder).results


class _GoingOn(Announcement):
    """Says where the training goes on."""

    def __init__(self) -> None:
        super().__init__("")

    def on_begin(self, training: Training) -> None:
        super().on_begin(training)
        checkpoint = self.run.resumed
        if checkpoint is not None:
            say(f"{self.run.named}: going on after step {checkpoint.state['step']:,}")
