"""The command that goes on with a training that has ended before its time; whoever names it takes it from here."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..training import Training
from ..training.checkpoint import files
from .screen import called


def command(run: str | Path, ranks: int = 1, elastic: bool = False) -> str:
    """Return the command that goes on with a run, by so many ranks."""
    words = [called(), "resume", shlex.quote(str(run))]
    if ranks > 1:
        words += ["--ranks", str(ranks), *["--elastic"] * elastic]
    return " ".join(words)


def command_of(training: Training) -> str:
    """Return the command that goes on with a training, by as many ranks as `pellucid` has started; nothing where there
    is no checkpoint."""
    if training.run is None or not files(training.run.folder):
        return ""
    return command(training.run.named, *_started(training))


def _started(training: Training) -> tuple[int, bool]:
    """Return by how many ranks `pellucid` was told to let a training be shared, and whether they are elastic."""
    if training.ranks is None:
        return 1, False
    from ..distributed import room
    from ..distributed.mpi import Ranks

    if not isinstance(training.ranks, Ranks) or not room.is_there():  # under mpiexec, it is not `pellucid` that does
        return 1, False
    return training.ranks.size + len(training.ranks.lost), training.ranks.elastic
