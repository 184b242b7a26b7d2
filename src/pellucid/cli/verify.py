"""verify: whether this machine gives the bits that it should, and whether a run is whole and can be repeated."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import ArgumentError, PellucidError
from ..training.replay import check_files, replay
from ..verification import THREADS, digest
from . import options
from .screen import examples, say
from .sources import load_parts, run_folder, source_of

EXAMPLES = examples("pellucid verify", "pellucid verify --threads 1,2,3,4,7", "pellucid verify runs/lenet-mnist")


def command(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", parser=options.named, show_default=False, help="The folder of a run to verify."),
    ] = None,
    threads: Annotated[
        str, typer.Option("--threads", metavar="N,N,…", help="Numbers of threads to train with.")
    ] = ",".join(map(str, THREADS)),
) -> None:
    """Train a small network for a few steps, and print the digest of its weights; or verify a run.

    The weights must be the same, bit for bit, for every number of threads; if they are not, that is an error. Compare
    the digest with another machine's: where it is the same, results carry over exactly. It should be the same on all
    processors that multiply and add at once (with FMA), and another on those that do not.

    Of a run, all files are read and compared with the digest in each; then its first five steps are done again, with
    each number of threads, and must come to the weights that were noted then.
    """
    if not all(part.strip().isdecimal() and int(part) for part in threads.split(",")):
        raise typer.BadParameter(
            f"expected numbers of threads such as 1,2,3, received {threads!r}", param_hint="--threads"
        )
    numbers = [int(part) for part in threads.split(",")]
    if run is not None:
        _verify_run(run, numbers)
        return
    found = {number: digest(number) for number in numbers}
    for number, each in found.items():
        print(f"{_named(number)}: {each}")
    if len(set(found.values())) > 1:
        raise PellucidError("the weights differ between numbers of threads; please report this, with your processor")
    print("the weights are the same, bit for bit")


def _verify_run(run: str, numbers: list[int]) -> None:
    """Verify a run's files, and its first steps where they can be done again."""
    folder = run_folder(run)
    for name in check_files(folder):
        print(f"{name}: whole")
    parts = load_parts(source_of(run))
    for number in numbers:
        try:
            found = replay(folder, parts.train, validation=parts.validation, threads=number)
        except ArgumentError as error:
            say(f"note: the first steps cannot be done again: {error}")
            return
        print(f"{_named(number)}: {found}")
    print("the first steps are the same, bit for bit")


def _named(threads: int) -> str:
    return f"{threads} thread{'s' if threads > 1 else ''}"
