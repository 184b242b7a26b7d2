"""How many threads an estimator takes: no more than scikit-learn's own would."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

from ...compiler.threads import THREADS_VARIABLE, thread_count


def threads_for(threads: int | None) -> int:
    """Return the number of threads to compute with. What is computed does not depend on it.

    Parameters
    ----------
    threads : int, optional
        As an estimator was told. If it was not, PELLUCID_THREADS counts; and without that, as many as this process has
        processors, or as OpenMP may use, whichever is fewer. OpenMP's number is what OMP_NUM_THREADS says, which joblib
        sets in its worker processes, and what ``threadpoolctl.threadpool_limits`` says in this thread.

    Raises
    ------
    ArgumentError
        If it is no whole number from 1 to 1,024.
    """
    available = thread_count(threads)
    if threads is not None or os.environ.get(THREADS_VARIABLE, "").strip():
        return available
    return max(1, min(available, openmp_limit() or available))


def openmp_limit() -> int | None:
    """Return how many threads OpenMP may use in this thread of the program, or None where there is no OpenMP."""
    limits = [library["num_threads"] for library in _openmp().info()]
    return min(limits, default=None)


@cache
def _openmp() -> Any:
    """Return what asks the OpenMP libraries of this process, which are there since scikit-learn was imported; finding
    them takes milliseconds, asking does not."""
    return ThreadpoolController().select(user_api="openmp")
