"""runs: which there are; compare: what two of them differ in."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ..arguments import shown
from ..errors import ArgumentError, printable
from ..limits import format_bytes
from ..training.checkpoint import rates_in_words
from ..training.config import RunConfig
from ..training.going_on import goes_on
from ..training.plain import differences
from ..training.record import Record, records
from . import options
from .course import smaller_steps
from .screen import called, examples, print_table, say

EXAMPLES = examples("pellucid runs", "pellucid runs experiments/")

_MOST_NEXT = 5
"""Runs that can be resumed, of which that is told."""


def command(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", parser=options.named, help="The folder that the runs lie in.")
    ] = "runs",
) -> None:
    """List the runs in a folder: what was trained, how far it came, how good it is, what it takes."""
    place = Path(options.place(folder))
    if not place.is_dir():
        raise ArgumentError(f"there is no folder {folder!r}; `pellucid train` makes runs in runs/, or where --out says")
    found = list(records(place))
    for error in found:
        if not isinstance(error, Record):
            say(f"note: {error}")
    runs = [each for each in found if isinstance(each, Record)]
    if not runs:
        raise ArgumentError(f"there are no runs in {folder}; `pellucid train` makes some")
    columns = ["run", "model", "data", "epochs", "accuracy", "on", "time", "size", "state"]
    print_table(columns, [_row(each) for each in runs], right=["epochs", "accuracy", "time", "size"])
    for each in runs:
        if each.state == "diverged":
            reason = printable(smaller_steps(each.reason, each), 400)
            print(f"{printable(each.folder.name)} diverged: {reason}; train it anew")
    interrupted = [
        each for each in runs if each.state == "interrupted" and goes_on(RunConfig(each.config, str(each.folder)))
    ]
    for number, each in enumerate(interrupted[:_MOST_NEXT]):
        print(f"{'      ' if number else 'next: '}{called()} resume {shlex.quote(str(each.folder))}")
    if len(interrupted) > _MOST_NEXT:
        print(f"      … and {len(interrupted) - _MOST_NEXT} more")


def _row(run: Record) -> list[str]:
    accuracy = run.accuracy()
    part, value = ("", "") if accuracy is None else (accuracy[0], f"{100 * accuracy[1]:.2f} %")
    texts = [run.folder.name, run.model, run.data, _epochs(run), value, part, f"{run.seconds:,.1f} s"]
    return [*map(printable, texts), format_bytes(run.bytes), _state(run)]


def _epochs(run: Record) -> str:
    """Return how many epochs there were of how many, and which one's weights are kept, unless the last one's."""
    best = f", best {run.best_epoch}" if run.best_epoch not in (0, len(run.epochs)) else ""
    return f"{run.epochs_done}/{run.setting('training', 'epochs', '?')}{best}"


def _state(run: Record) -> str:
    """Return in which state a run is, and where it is not finished how far it has come."""
    if run.state == "finished":
        return run.outcome
    return f"{run.state} after {run.how_far}" if run.how_far and run.state != "running" else run.state


def compare(
    run: Annotated[str, typer.Argument(metavar="RUN", parser=options.named, help="The folder of a run.")],
    other: Annotated[str, typer.Argument(metavar="RUN", parser=options.named, help="The folder of another one.")],
) -> None:
    """Show what two runs differ in: their settings, and what came of them."""
    one, two = Record.of(run), Record.of(other)
    names = [each.folder.name for each in (one, two)]
    heads = names if names[0] != names[1] else [run, other]
    rows = [
        [printable(name), *(_setting(name, each) for each in values)]
        for name, *values in differences(one.settings, two.settings)
    ]
    if rows:
        print_table(["setting", *heads], rows)
    else:
        print("the same settings")
    print()
    print_table(["measured", *heads], _measures(one, two), right=heads)


COMPARE_EXAMPLES = examples("pellucid compare runs/lenet-mnist runs/lenet-mnist-2")


def _setting(name: str, value: object) -> str:
    """Return a setting as it is shown; of a digest its beginning."""
    if value is None:
        return "–"
    text = value if isinstance(value, str) else shown(value)
    return printable(text[:12] if name.endswith("sha256") else text)


def _measures(one: Record, two: Record) -> list[list[str]]:
    """Return what both came to, a row each; losses and accuracies are those of the epochs whose weights are kept."""
    rows = [["state", _state(one), _state(two)], ["epochs", _epochs(one), _epochs(two)]]
    if one.rates or two.rates:
        rows.append(["learning rate by hand", *(rates_in_words(run.rates) or "–" for run in (one, two))])
    measured = [{**run.measured, **run.results} for run in (one, two)]
    for name in dict.fromkeys(name for each in measured for name in each):
        if name.endswith(("loss", "accuracy")):
            rows.append([name, *(_number(name, each.get(name)) for each in measured)])
    rows.append(["time", *(f"{each.seconds:,.1f} s" for each in (one, two))])
    return [[*map(printable, row)] for row in rows]


def _number(name: str, value: object) -> str:
    if not isinstance(value, (int, float)):
        return "–"
    return f"{100 * value:.2f} %" if name.endswith("accuracy") else f"{value:.4f}"
