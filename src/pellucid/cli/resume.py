"""resume: a training that was interrupted goes on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ModelFileError
from ..serialization import load
from ..serialization.model_file import MODEL
from ..serialization.tensor_file import SEAL
from ..storage import read_beginning
from ..training import Training, resume
from ..training.checkpoint import glance, known_config, newest_readable
from ..training.record import Record
from . import options
from .course import Announcement, ended_in_words, report
from .live import Browser, Port, View, viewed
from .screen import called, examples, say
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
    checkpoint_every: options.CheckpointEveryAgain = None,
    no_progress: options.NoProgress = False,
    view: View = False,
    port: Port = 0,
    browser: Browser = True,
) -> None:
    """Go on with a training that was interrupted, as if it had not been.

    Whatever ended it, Ctrl-C, a kill or the power: weights and measures come out the same, to the last bit, as if it
    had run through; on any number of threads. It goes on at the last checkpoint, of which one is written as often as
    --checkpoint-every has said. A run that was ended between its last step and the measuring of
    the network is measured.
    """
    folder = run_folder(run)
    finished = _finished(folder)
    if finished and Record.of(folder).results:
        say(f"{folder}: finished, nothing to do; to train on from its weights: {_train_on(folder)}")
        return
    source = source_of(run)
    if data is not None or data_dir is not None:
        source = replace(source, data=data or source.data, data_dir=None if data_dir is None else str(data_dir))
    given, parts = parts_of_run(run, source, progress=not no_progress)
    announced, running = _GoingOn(), {"engine": _engine(folder), "threads": threads}
    if finished:
        refuse_changed(run, parts)
        say(f"{folder}: finished, and not measured at its end")
        report(load(folder), parts, folder, running)
        return
    with viewed(view, parts, folder.name, port, browser) as watching:
        callbacks = [BetweenSteps(), announced, *watching]
        with ended_in_words(announced):
            network, _ = resume(
                folder, given.train, validation=given.validation, callbacks=callbacks, threads=threads,
                checkpoint_every=checkpoint_every, progress=not no_progress,
            )  # fmt: skip
        report(network, parts, folder, running, announced.training)


def _engine(folder: Path) -> str:
    """Return the engine of a run."""
    table = known_config(folder).table.get("training")
    return str(table.get("engine", "compiled")) if isinstance(table, Mapping) else "compiled"


def _finished(folder: Path) -> bool:
    """Return whether a run is finished: by a checkpoint that is whole, and a model file that is the one it left."""
    found = newest_readable(folder) if (glance(folder) or {}).get("finished") is True else None
    if found is None or not found.finished:
        return False
    left = found.state.get("model_sha256")
    if left and left != bytes(read_beginning(folder / MODEL, SEAL.stop)[SEAL]).decode("ascii", "replace"):
        raise ModelFileError(
            f"{folder / MODEL} is another file than the training left; put that one back, or train again"
        )
    return True


def _train_on(folder: Path) -> str:
    """Return the command that trains on from a run's weights."""
    record = Record.of(folder)
    data = str(record.setting("command", "data") or "")
    told = [f"--data {shlex.quote(data)}"] if data else ["…"]
    return " ".join(
        [
            called(),
            "train",
            *filter(None, [shlex.quote(record.model) if record.model else ""]),
            *told,
            "--weights",
            shlex.quote(str(folder)),
        ]
    )


class _GoingOn(Announcement):
    """Says where the training goes on."""

    def __init__(self) -> None:
        super().__init__("")

    def on_begin(self, training: Training) -> None:
        super().on_begin(training)
        self.run.gone_on = lambda: say(f"{self.run.named}: going on after step {training.step:,}")
