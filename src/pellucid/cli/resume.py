"""resume: a training that was interrupted goes on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ..collective import Collective
from ..errors import ArgumentError, ModelFileError
from ..serialization import load
from ..serialization.model_file import MODEL
from ..serialization.tensor_file import SEAL
from ..storage import read_beginning
from ..training import Training, resume
from ..training.checkpoint import glance, known_config, newest_readable
from ..training.going_on import in_python, refuse_own
from ..training.record import Record
from . import options, parsing
from .course import Announcement, ended_in_words, report
from .live import Browser, Port, View, refuse_misplaced, viewed
from .ranks import shared
from .screen import called, examples, say
from .signals import BetweenSteps
from .sources import parts_of_run, refuse_changed, run_folder, source_of

EXAMPLES = examples("pellucid resume run", "pellucid resume run --threads 1", "pellucid resume run --ranks 2")


@shared
def command(
    run: Annotated[str, typer.Argument(metavar="RUN", parser=parsing.named, help="The folder of a run.")],
    data: options.DataOfRun = None,
    data_dir: options.DataDir = None,
    threads: options.Threads = None,
    checkpoint_every: options.CheckpointEveryAgain = None,
    no_progress: options.NoProgress = False,
    view: View = False,
    port: Port = 0,
    browser: Browser = True,
    *,
    ranks: Collective | None,
) -> None:
    """Go on with a training that was interrupted.

    It is as if it had not been: whatever ended it, Ctrl-C, a kill or the power, weights and measures come out the same,
    to the last bit, as if it had run through; on any number of threads and ranks. It goes on at the last checkpoint, of
    which one is written as often as --checkpoint-every has said. A run that was ended between its last step and the
    measuring of the network is measured.
    """
    first = ranks is None or ranks.rank == 0
    if first:
        refuse_misplaced(view, port, browser)
    folder = run_folder(run)
    finished = _finished(folder)
    if finished and Record.of(folder).results:
        say(f"{folder}: {Record.of(folder).outcome}, nothing to do; to train on from its weights: {_train_on(folder)}")
        return
    if not finished:
        _refuse_own(run, folder)
    given, parts = parts_of_run(run, source_of(run, data, data_dir), progress=not no_progress)
    announced, running = _GoingOn(), {"engine": _engine(folder), "threads": threads, "ranks": ranks}
    if finished:
        refuse_changed(run, parts)
        say(f"{folder}: finished, and not measured at its end")
        report(load(folder), parts, folder, running)
        return
    with viewed(view and first, parts, folder.name, port, browser) as watching:
        callbacks = [BetweenSteps(), announced, *watching]
        with ended_in_words(announced):
            network, _ = resume(
                folder, given.train, validation=given.validation, callbacks=callbacks, threads=threads,
                checkpoint_every=checkpoint_every, progress=not no_progress, ranks=ranks,
            )  # fmt: skip
        report(network, parts, folder, running, announced.training)


def _refuse_own(run: str, folder: Path) -> None:
    """Refuse a run that needs something of one's own, which no option can name."""
    try:
        refuse_own(known_config(folder))
    except ArgumentError as error:
        raise ArgumentError(f"{error}. The command cannot give it: {in_python(run)} can") from None


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
    """Return the command that trains on from a run's weights, with the run's own settings."""
    record = Record.of(folder)
    told = {name: record.setting("command", name) for name in ("recipe", "data", "data_dir", "validation", "seed")}
    options = [
        f"--{name.replace('_', '-')} {shlex.quote(str(value))}"
        for name, value in told.items()
        if value is not None and (name, value) != ("seed", 0)
    ]
    model, words = (str(record.setting("command", name, "")) for name in ("model", "words"))
    begin = [called(), "train", *([shlex.quote(model)] if model and not told["recipe"] else [])]
    more = [each for each in (words, "" if told["data"] else "…") if each]
    return " ".join([*begin, *options, *more, "--weights", shlex.quote(str(folder))])


class _GoingOn(Announcement):
    """Says where the training goes on."""

    def __init__(self) -> None:
        super().__init__("")

    def on_begin(self, training: Training) -> None:
        super().on_begin(training)
        self.run.gone_on = lambda: say(f"{self.run.named}: going on {_where(training)}")


def _where(training: Training) -> str:
    """Return in words where a training goes on."""
    within = f", in epoch {training.epoch + 1:,}" if training.epoch < training.epochs else ""
    return f"after step {training.step:,} of {training.total_steps:,}{within}"
