"""What the machine itself can do: multiply-adds between registers, and copying from memory to memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.kernels import peak_case
from pellucid.compiler.tiles import instruction_set

COPIED = 2**25
"""Floats of an array that is copied, 128 MB: far more than any cache holds."""


class Machine:
    """The machine, with so many threads at work."""

    def __init__(self, threads: int):
        self._threads = ThreadPoolExecutor(threads)
        # A lone multiply-add is fused and counts as two operations, as everywhere.
        self._loops = [peak_case(instruction_set()) for _ in range(threads)]
        self._arrays = [(np.ones(COPIED, np.float32), np.ones(COPIED, np.float32)) for _ in range(threads)]

    def speeds(self, seconds: float) -> dict[str, float]:
        """Return "flops" and "bandwidth", floating-point operations and bytes a second; a copied byte counts twice."""
        operations = self._rate([loop.call for loop in self._loops], seconds) * 2 * self._loops[0].multiply_adds
        copies = self._rate([_copy(*arrays) for arrays in self._arrays], seconds)
        return {"flops": operations, "bandwidth": copies * 2 * self._arrays[0][0].nbytes}

    def _rate(self, calls: list[Callable[[], Any]], seconds: float) -> float:
        """Return how often a second all threads together call."""

        def paced(call: Callable[[], Any]) -> float:
            count, began = 0, time.perf_counter()
            while time.perf_counter() < began + seconds:
                call()
                count += 1
            return count / (time.perf_counter() - began)

        return sum(self._threads.map(paced, calls))


def _copy(source: Any, destination: Any) -> Callable[[], None]:
    return lambda: np.copyto(destination, source)
