"""Kernels that know no samples run through flat arrays, whole lines of the cache at a time.

Parameters, their gradients and an optimiser's memory lie in blocks where each begins at a line (see `layout`), so that
what lies between them may be computed too: nobody reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..builder import Kernel, Span
from ..values import Integer

LINE = 16
"""Floats in a line of the cache."""


def lines(k: Kernel, numbers: Span, size: int = LINE) -> Iterator[Integer]:
    """``for i in numbers``, a vector at a time, `size` numbers in one turn; both ends are whole multiples of it."""
    with k.range(*numbers, size) as i:
        for v in range(0, size, k.isa.lanes):
            yield i + v
