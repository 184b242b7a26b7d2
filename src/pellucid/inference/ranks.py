"""Which of several processes this one is, as whoever started it says in the environment."""

from __future__ import annotations

import os
from typing import NamedTuple

from ..errors import ArgumentError

_NAMES = (
    ("PELLUCID_RANK", "PELLUCID_RANKS"),  # for every other launcher
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # mpiexec of Open MPI
    ("PMI_RANK", "PMI_SIZE"),  # of MPICH and Intel MPI
    # srun; the step's number of tasks, for within `sbatch` a plain command has the job's, and is alone all the same
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)


class Rank(NamedTuple):
    """One of several processes that share some work: number 0 … `ranks` - 1."""

    rank: int = 0
    ranks: int = 1

    def share(self, count: int) -> range:
        """Return which of so many things are this process's: they lie side by side, and are as many as others have,
        or one more.

        Examples
        --------
        >>> [Rank(rank, 3).share(7) for rank in range(3)]
        [range(0, 2), range(2, 4), range(4, 7)]
        """
        return range(self.rank * count // self.ranks, (self.rank + 1) * count // self.ranks)


def checked(rank: int, ranks: int, where: str = "rank") -> Rank:
    """Return a rank, or refuse what is none."""
    if not 0 <= rank < ranks:
        raise ArgumentError(f"{where}: expected a number from 0 to {ranks - 1} of {ranks} processes, received {rank}")
    return Rank(rank, ranks)


def variables() -> tuple[str, str] | None:
    """Return the names of the environment's variables that say which process this one is, and of how many; None where
    it was started alone."""
    return next((names for names in _NAMES if all(name in os.environ for name in names)), None)


def rank_of_environment() -> Rank:
    """Return which process this one is; one that was started alone is the only one.

    Raises
    ------
    ArgumentError
        If the environment says what makes no sense.
    """
    names = variables()
    if names is None:
        return Rank()
    rank, ranks = (os.environ[name] for name in names)
    if not (rank.isdecimal() and ranks.isdecimal()):
        raise ArgumentError(f"{', '.join(names)}: expected whole numbers, received {rank!r} and {ranks!r}")
    return checked(int(rank), int(ranks), names[0])
