"""runs: which there are; compare: what two of them differ in."""

from __future__ import annotations

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
from . import parsing, resuming
from .course import smaller_steps
from .screen import duration, examples, print_table, say

EXAMPLES = examples("pellucid runs", "pellucid runs experiments/")

_MOST_NEXT = 5
"""Runs that can be resumed, of which that is told."""

_SHORT = {"validation": "val"}
"""Parts of data as a column has room for them."""


def command(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", parser=parsing.named, help="The folder that the runs lie in.")
    ] = "runs",
) -> None:
    """List the runs in a folder: how far each came, how good it is.

    With what was trained, and what it takes. In a narrow terminal the size of the files is left out, then the data,
    then the time.
    """
    place = Path(parsing.place(folder))
    if not place.is_dir():
        raise ArgumentError(f"there is no folder {folder!r}; `pellucid train` makes runs in runs/, or where --out says")
    found = list(records(place))
    for error in found:
        if not isinstance(error, Record):
            say(f"note: {error}")
    runs = [each for each in found if isinstance(each, Record)]
    if not runs:
        raise ArgumentError(f"there are no runs in {folder}; `pellucid train` makes some")
    columns = ["run", "state", "model", "data", "epochs", "accuracy", "time", "size"]
    right = ["epochs", "time", "size"]
    print_table(columns, [_row(each) for each in runs], right=right, spare=["size", "data", "time"])
    for each in runs:
        if each.state == "diverged":
            reason = printable(smaller_steps(each.reason, each), 400)
            print(f"{printable(each.folder.name)} diverged: {reason}; train it anew")
    interrupted = [
        each for each in runs if each.state == "interrupted" and goes_on(RunConfig(each.config, str(each.folder)))
    ]
    for number, each in enumerate(interrupted[:_MOST_NEXT]):
        far = f"  # after {each.how_far}" if each.how_far else ""
        print(f"{'      ' if number else 'next: '}{resuming.command(each.folder)}{far}")
    if len(interrupted) > _MOST_NEXT:
        print(f"      … and {len(interrupted) - _MOST_NEXT} more")


def _row(run: Record) -> list[str]:
    found = run.accuracy()
    accuracy = "" if found is None else f"{100 * found[1]:.2f} % {_SHORT.get(found[0], found[0])}"
    texts = [run.folder.name, run.outcome, run.model, run.data, _epochs(run), accuracy]
    return [*map(printable, texts), duration(run.seconds), format_bytes(run.bytes)]


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
    run: Annotated[str, typer.Argument(metavar="RUN", parser=parsing.named, help="The folder of a run.")],
    other: Annotated[str, typer.Argument(metavar="RUN", parser=parsing.named, help="The folder of another one.")],
) -> None:
    """Show in what two runs differ: settings, and what came of them."""
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
    rows.append(["time", *(duration(each.seconds) for each in (one, two))])
    return [[*map(printable, row)] for row in rows]


def _number(name: str, value: object) -> str:
    if not isinstance(value, (int, float)):
        return "–"
    return f"{100 * value:.2f} %" if name.endswith("accuracy") else f"{value:.4f}"
