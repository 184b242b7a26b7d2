"""Memory with pages beside it that nobody may touch: whoever reads or writes beyond a buffer dies at once.

A page is a few thousand bytes, and a buffer is rarely so many: it either ends where a forbidden page begins, or begins
where one ends. So there are two runs.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from pellucid.compiler import memory
from pellucid.compiler.drafting import Outline
from pellucid.compiler.lowering import Lowering
from pellucid.compiler.plan import Operand

NONE = 0
"""PROT_NONE of mprotect."""
MEMORY = Lowering.memory


class Memory:
    """Ordinary memory."""

    def copy(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the array's numbers in this memory."""
        return np.array(array, order="C")


class Guarded(Memory):
    """Memory of which each array has pages of its own, with a forbidden one before and behind them.

    Parameters
    ----------
    at_end : bool
        Whether arrays end where the forbidden page begins, or begin where it ends.
    """

    def __init__(self, at_end: bool):
        self.at_end = at_end

    def room(self, size: int) -> np.ndarray[Any, Any]:
        """Return so many bytes, all of them 0."""
        page = mmap.PAGESIZE
        pages = -(-size // page)
        block = mmap.mmap(-1, (pages + 2) * page)
        bytes_of = np.frombuffer(block, np.uint8)
        first = (pages + 1) * page - size if self.at_end else page
        found = bytes_of[first : first + size]
        for forbidden in (0, (pages + 1) * page):
            _protect(bytes_of.ctypes.data + forbidden, page, NONE)
        return found

    def rooms(self, sizes: Sequence[int]) -> list[np.ndarray[Any, Any]]:
        """Return memory for several buffers, as `memory.rooms` does."""
        return [self.room(size) for size in sizes]

    def copy(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = self.room(array.nbytes).view(array.dtype).reshape(array.shape)
        found[...] = array
        return found

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Let all that is made of programs meanwhile have its buffers here, each by itself: those too that else would
        share a thread's memory with others, one after the other."""
        with (
            patch.object(memory, "rooms", self.rooms),
            patch.object(Outline, "passes", _nothing_passes),
            patch.object(Lowering, "memory", _for_the_batch),
        ):
            yield


def _nothing_passes(outline: Outline, value: int) -> bool:
    return False


def _for_the_batch(lowering: Lowering, name: str, size: int, passes: bool) -> Operand:
    return MEMORY(lowering, name, size, passes=False)


def _protect(address: int, size: int, protection: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), protection):
        raise OSError(ctypes.get_errno(), "mprotect")
