"""What a computation that is shared by several processes needs of them; `distributed` has it of MPI.

Each process is a *rank*, and all of them call the same methods in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from numpy.typing import NDArray

from .errors import LostRankError

Result = TypeVar("Result")


class Exchange(Protocol):
    """An exchange under way."""

    def wait(self) -> None:
        """Return when all that was to come is there, and what was sent may be written to again.

        Raises
        ------
        RankError
            If a rank does not come.
        LostRankError
            If it is gone, and the others can go on.
        """


class Collective(Protocol):
    """The ranks of a computation.

    Attributes
    ----------
    rank, size : int
        This one, from 0 on, and how many there are. Both may change where ranks are lost.
    losses : int
        How often those that are left have gone on without others.
    lost : sequence of int
        All that were lost, numbered as the computation began.
    """

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    @property
    def losses(self) -> int: ...

    @property
    def lost(self) -> Sequence[int]: ...

    def gather(self, room: NDArray[Any], bounds: Sequence[int]) -> Exchange:
        """Begin to bring every rank's piece of an array to all others: that of rank r are the bytes ``bounds[r]`` to
        ``bounds[r + 1]``, and it is in its place already.

        Until the exchange has been waited for, nobody touches the array; other exchanges may begin meanwhile.
        """

    def all(self, message: bytes) -> list[bytes]:
        """Return what each rank has to say, in their order; it need not be as long as what others say."""

    def hold(self) -> None:
        """Let the others know that they wait for this rank on purpose: from now on they wait as long again as for one
        that does not come. Who holds them says so again and again, about every second."""

    def settled(self, done: bool) -> bool:
        """Return whether all ranks have done what they were about; all get the same answer, whoever is lost meanwhile.

        Where one has not, all that are left number themselves anew. Ranks that cannot go on without each other need not
        ask: none of them has met with a `LostRankError`.
        """


def surviving(ranks: Collective | None, work: Callable[[], Result]) -> Result:
    """Return what `work` does when all ranks have done it: where one is lost meanwhile, all others do it again.

    Some ranks may have done it already when others meet with the loss, and those do it again, too; what must not be
    done twice is for `work` to see to.
    """
    while True:
        try:
            found, done = work(), True
        except LostRankError:
            done = False
        if ranks is None or ranks.settled(done):
            return found
