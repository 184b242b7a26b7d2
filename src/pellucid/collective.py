"""What a computation that is shared by several processes needs of them; `distributed` has it of MPI.

Each process is a *rank*, and all of them call the same methods in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray


class Exchange(Protocol):
    """An exchange under way."""

    def wait(self) -> None:
        """Return when all that was to come is there, and what was sent may be written to again.

        Raises
        ------
        RankError
            If a rank does not come.
        """


class Collective(Protocol):
    """The ranks of a computation.

    Attributes
    ----------
    rank, size : int
        This one, from 0 on, and how many there are.
    """

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    def gather(self, room: NDArray[Any], bounds: Sequence[int]) -> Exchange:
        """Begin to bring every rank's piece of an array to all others: that of rank r are the bytes ``bounds[r]`` to
        ``bounds[r + 1]``, and it is in its place already.

        Until the exchange has been waited for, nobody touches the array; other exchanges may begin meanwhile.
        """

    def all(self, message: bytes) -> list[bytes]:
        """Return what each rank has to say, in their order; it need not be as long as what others say."""
