"""predict --input: what a trained network sees in any number of files, into a table."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from ..data.datasets import Preparation
from ..errors import path_text
from ..inference import Predicted, predict_files
from ..inference.asked import FORMATS
from ..inference.ranks import Rank
from ..inference.share import Progress
from ..network import Network
from . import parsing
from .onnx_words import OnnxWords
from .screen import duration, say
from .signals import Stopped

Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="PATTERN",
        parser=parsing.named,
        show_default=False,
        help="Files to predict into a table, however many: a pattern in quotes, such as 'photos/**.png', where ** "
        "stands for any folders; a folder, for all that is in it; a file, also of many images (.npy, or IDX); or a "
        ".txt file of paths. May be given several times. The same command goes on after it was ended.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        parser=parsing.place,
        help="With --input: the table, ….csv or ….parquet, with a row for each input. --output does as well.",
    ),
]
Probabilities = Annotated[
    bool, typer.Option("--probabilities", help="With --input: a column for the probability of each class.")
]
ProcessCount = Annotated[
    int | None,
    typer.Option(
        "--ranks",
        metavar="N",
        parser=parsing.at_least_one,
        show_default=False,
        help="With --input: processes that share the work, on this machine; the table is the same. Those that mpiexec "
        "or srun start share it by themselves.",
    ),
]


class Table(NamedTuple):
    """What is to be put into a table, and where it is to be."""

    inputs: list[str]
    out: Path
    probabilities: bool
    ranks: int | None


def table_of(
    inputs: list[str] | None, out: Path | None, probabilities: bool, ranks: int | None, files: list[str] | None,
    onnx: OnnxWords,
) -> tuple[Table | None, OnnxWords]:  # fmt: skip
    """Return the table that the words of `predict` ask for, if they do, and what is left of those for ONNX models."""
    if not inputs:
        for hint, given in (("--out", out), ("--probabilities", probabilities), ("--ranks", ranks)):
            if given:
                raise typer.BadParameter("goes with --input, for a table", param_hint=hint)
        if not files:
            raise typer.BadParameter("expected a picture or an array; or --input, for a table", param_hint="FILE")
        return None, onnx
    if files:
        fix = "put the pattern into quotes, or write --input before each"
        raise typer.BadParameter(
            f"goes without other files, and there is {path_text(files[0])}; {fix}", param_hint="--input"
        )
    if out is None and onnx.output is not None and Path(onnx.output).suffix.lower() in FORMATS:
        out, onnx = parsing.place(onnx.output), onnx._replace(output=None)
    if out is None:
        raise typer.BadParameter("expected a name, ….csv or ….parquet, to go with --input", param_hint="--out")
    if out.suffix.lower() not in FORMATS:
        raise typer.BadParameter(f"expected ….csv or ….parquet, received {path_text(out)}", param_hint="--out")
    return Table(inputs, out, probabilities, ranks), onnx


def write(table: Table, network: Network, preparation: Preparation | None, rank: Rank, **how: Any) -> None:
    """Predict into a table, or a process's share of it, and say what came of it."""
    began = time.monotonic()
    with going_on(), _shown(rank) as progress:
        done = predict_files(
            network, table.inputs, table.out, probabilities=table.probabilities, preparation=preparation,
            rank=rank, progress=progress, **how,
        )  # fmt: skip
    if table.ranks is None:  # else the process that has started this one says it
        say_what_came(done, time.monotonic() - began, rank)


@contextmanager
def going_on() -> Iterator[None]:
    """Let a signal that ends the work say how it goes on."""
    try:
        yield
    except Stopped as stopped:
        raise Stopped(stopped.number, "; the same command goes on where it stopped") from None


def say_what_came(done: Predicted, seconds: float, rank: Rank | None = None) -> None:
    """Say what has come of a prediction into a table; failed inputs make the exit code 1."""
    name = path_text(done.output)
    if not done.complete:
        if rank is not None:
            say(f"process {rank.rank} of {rank.ranks} has done its share of {name}; the last one makes the table")
        return
    print(f"{name}: {done.rows:,} rows, {'complete already' if done.already else duration(seconds)}")
    if done.failed:
        what = f"{done.failed:,} of {done.rows:,} inputs could not be predicted"
        print(f'error: {what}; the column "error" of {name} says why', file=sys.stderr)
        raise typer.Exit(1)


@contextmanager
def _shown(rank: Rank) -> Iterator[Progress | None]:
    """Give what shows the progress of the first process in a terminal."""
    if rank.rank or rank.ranks > 1 or not sys.stderr.isatty():
        yield None
        return
    with bar() as show:
        yield show


@contextmanager
def bar() -> Iterator[Progress]:
    """Give what shows a bar in the terminal: how many inputs are done, the rate, and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    counted, rate = TextColumn("{task.completed:,} of {task.total:,}"), TextColumn("{task.fields[rate]}")
    columns = (BarColumn(), counted, rate, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task: Any = None
        first, began = 0, time.monotonic()

        def show(done: int, total: int, failed: int) -> None:
            nonlocal task, first, began
            if task is None:  # what was done before does not count for the rate
                task, first, began = bars.add_task("", total=total, completed=done, rate=""), done, time.monotonic()
            seconds = time.monotonic() - began
            speed = f"{(done - first) / seconds:,.0f}/s" if seconds > 1 else ""
            bars.update(task, completed=done, total=total, rate=speed + (f", {failed:,} failed" if failed else ""))

        yield show
