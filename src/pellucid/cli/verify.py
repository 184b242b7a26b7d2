"""verify: whether this machine gives the bits that it should, and whether a run is whole and can be repeated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import PellucidError, StateError
from ..training.checkpoint import glance, rates_in, rates_in_words
from ..training.files import check_files
from ..training.lock import locked_by_another
from ..training.replay import replay
from ..training.run import METRICS
from ..verification import THREADS, digest
from . import options, parsing
from .screen import examples
from .sources import parts_of_run, run_folder, source_of

EXAMPLES = examples("pellucid verify", "pellucid verify --threads 1,2,3,4,7", "pellucid verify runs/lenet-mnist")


def command(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", parser=parsing.named, show_default=False, help="The folder of a run to verify."),
    ] = None,
    threads: Annotated[
        str, typer.Option("--threads", metavar="N,N,…", help="Numbers of threads to train with.")
    ] = ",".join(map(str, THREADS)),
    data: options.DataOfRun = None,
    data_dir: options.DataDir = None,
) -> None:
    """Check a run's files, or what this machine computes.

    Without a run, a small network is trained for a few steps, and the digest of its weights is printed. The weights
    must be the same, bit for bit, for every number of threads; if they are not, that is an error. Compare the digest
    with another machine's: where it is the same, results carry over exactly. It should be the same on all processors
    that multiply and add at once (with FMA), and another on those that do not.

    Of a run, all files are read and compared with the digest in each, or with the copy that the newest checkpoint
    holds; then its first five steps are done again, with each number of threads, and must come to the weights that were
    noted then. The last line says what was found; if anything is wrong, the exit code is 1. That the steps cannot be
    done again, as where a callback of one's own had a part in them, is nothing wrong: the last line says why.
    """
    if not all(part.strip().isdecimal() and int(part) for part in threads.split(",")):
        raise typer.BadParameter(
            f"expected numbers of threads such as 1,2,3, received {threads!r}", param_hint="--threads"
        )
    numbers = [int(part) for part in threads.split(",")]
    if run is not None:
        _verify_run(run, numbers, data, data_dir)
        return
    for name, given in {"--data": data, "--data-dir": data_dir}.items():
        if given is not None:
            raise typer.BadParameter("goes with RUN: without one, nothing is read", param_hint=name)
    found = {number: digest(number) for number in numbers}
    for number, each in found.items():
        print(f"{_named(number)}: {each}")
    if len(set(found.values())) > 1:
        raise PellucidError("the weights differ between numbers of threads; please report this, with your processor")
    print("the weights are the same, bit for bit")


def _verify_run(run: str, numbers: list[int], data: str | None, data_dir: Path | None) -> None:
    """Verify a run's files, and its first steps where they can be done again."""
    folder = run_folder(run)
    if locked_by_another(folder):
        print(f"{run} is being trained now: what is said of its files holds for this moment")
    found = check_files(folder)
    if METRICS not in found:
        print(f"{METRICS}: none yet, as no epoch is done")
    for name, wrong in found.items():
        print(f"{name}: {f'wrong: {wrong}' if wrong else 'whole'}")
    if rates := rates_in_words(rates_in(glance(folder) or {})):
        print(f"learning rate: changed by hand, {rates}")
    told = _replay_run(run, folder, numbers, data, data_dir)
    if names := [name for name, wrong in found.items() if wrong]:
        raise PellucidError(f"{', '.join(names)}: damaged or changed; {told}")
    print(f"files whole; {told}")


def _replay_run(run: str, folder: Path, numbers: list[int], data: str | None, data_dir: Path | None) -> str:
    """Do the first steps of a run again, and return what came of it in words."""
    try:
        given, _ = parts_of_run(run, source_of(run, data, data_dir))
        for number in numbers:
            found = replay(folder, given.train, validation=given.validation, threads=number)
            print(f"{_named(number)}: {found}")
    except StateError:
        raise
    except PellucidError as error:
        return f"not replayed: {error}"
    return "the first steps are the same, bit for bit"


def _named(threads: int) -> str:
    return f"{threads} thread{'s' if threads > 1 else ''}"
