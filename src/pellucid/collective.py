"""What a computation that is shared by several processes needs of them; `distributed` has it of MPI.

Each process is a *rank*, and all of them call the same methods in the same order.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import LostRankError, UnlikeRankError

Result = TypeVar("Result")

_surviving: ContextVar[tuple[Collective, ...]] = ContextVar("surviving", default=())
"""Ranks that go on without lost ones; see `surviving`."""
MEETINGS = ("what ranks tell each other", "the end of a step", "evaluate")
"""What ranks meet for."""
NUMBERS = 4
"""What each of them has to say there, at most."""
HOLD_AGAIN = 0.5
"""Seconds after which who holds the other ranks on purpose tells them so again."""


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


class Exchanging(Protocol):
    """Ranks that share the work on a batch.

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

        Until the exchange has been waited for, nobody writes to the array, and of what is in it a rank reads its own
        piece alone. Other exchanges may begin meanwhile.
        """


class Collective(Exchanging, Protocol):
    """The ranks of a computation, which may go on where some of them are lost: `rank` and `size` are other ones then.

    Attributes
    ----------
    elastic : bool
        Whether the others go on where some are lost; else nobody ever meets with a loss.
    losses : int
        How often those that are left have gone on without others.
    lost : sequence of int
        All that were lost, numbered as the computation began.
    """

    @property
    def elastic(self) -> bool: ...

    @property
    def losses(self) -> int: ...

    @property
    def lost(self) -> Sequence[int]: ...

    def hold(self, saves: bool = False) -> None:
        """Let the others know that they wait for this rank on purpose: from now on they wait as long again as for one
        that does not come. Who holds them says so again and again, about every second. While this rank itself waits for
        others, they are not told.

        Parameters
        ----------
        saves : bool, default False
            Whether it writes a file. Where another rank has failed, the file is still finished; anything else is not
            waited for.
        """

    def settled(self, done: bool) -> bool:
        """Return whether every rank has finished its work. All that are left get the same answer, whoever is lost
        meanwhile.

        If one has not, they are numbered anew (`rank`, `size`, `losses` and `lost` change), and shall do it again.
        Without fault tolerance the answer is True, for then no `LostRankError` is ever raised.
        """


def numbers_of(ranks: Collective) -> list[int]:
    """Return what those that are left were numbered as the computation began, as the messages name them."""
    return [number for number in range(ranks.size + len(ranks.lost)) if number not in ranks.lost]


def met(ranks: Collective, meeting: str, numbers: Sequence[float]) -> NDArray[np.float64]:
    """Return up to `NUMBERS` numbers of each rank, one row a rank, once all have come to the same of `MEETINGS`.

    Raises
    ------
    UnlikeRankError
        If they have not, as where one rank alone calls ``evaluate(…, ranks=ranks)``.
    RankError, LostRankError
        As `Exchange.wait` does.
    """
    rows = np.zeros((ranks.size, 1 + NUMBERS))
    rows[ranks.rank, : 1 + len(numbers)] = MEETINGS.index(meeting), *numbers
    ranks.gather(rows.reshape(-1).view(np.uint8), range(0, rows.nbytes + 1, rows[0].nbytes)).wait()
    came = rows[:, 0].astype(int).tolist()
    if len(set(came)) > 1:
        words = ", ".join(
            f"rank {rank} to {MEETINGS[each]}" for rank, each in zip(numbers_of(ranks), came, strict=True)
        )
        raise UnlikeRankError(
            f"ranks have come to other points of the work: {words}. What they share, as evaluate(…, ranks=ranks), all "
            "must call; a callback that does needs sees_weights = True, and every rank is given it"
        )
    return rows[:, 1:]


def told_by_all(ranks: Collective, message: bytes, meeting: str = MEETINGS[0]) -> list[bytes]:
    """Return what each rank has to say, in their order; it need not be as long as what others say.

    A callback that is told so by others puts it into `surviving`: where a rank is lost, this may be complete for one of
    the others and broken for another, and then they part.

    Raises
    ------
    UnlikeRankError, RankError, LostRankError
        As `met` does.
    """
    bounds = [0, *np.cumsum(met(ranks, meeting, [len(message)])[:, 0].astype(int)).tolist()]
    said = np.zeros(bounds[-1], np.uint8)
    said[bounds[ranks.rank] : bounds[ranks.rank + 1]] = np.frombuffer(message, np.uint8)
    ranks.gather(said, bounds).wait()
    return [said[start:stop].tobytes() for start, stop in pairwise(bounds)]


def compare(ranks: Collective, found: Mapping[str, Any], advice: str, meeting: str = MEETINGS[0]) -> None:
    """Refuse ranks of which one has found something else than the others: values that JSON has, or their text, by name.

    Raises
    ------
    UnlikeRankError
        On all ranks; it names those that are not as the others, and in what, with `advice` at its end.
    """
    message = json.dumps(found, default=str, sort_keys=True).encode()
    told = [json.loads(each) for each in told_by_all(ranks, message, meeting)]
    names, numbers = sorted({name for each in told for name in each}), numbers_of(ranks)
    strange = [text for name in names if (text := odd_ones(name, [each.get(name) for each in told], numbers))]
    if strange:
        raise UnlikeRankError(f"{'; '.join(strange)}. {advice}")


def odd_ones(name: str, told: Sequence[Any], numbers: Sequence[int]) -> str:
    """Return in words which ranks say something else than most do, by their numbers; of as many on both sides the first
    rank is right.

    Examples
    --------
    >>> odd_ones("training.seed", [0, 0, 7], [0, 2, 3])
    'rank 3: training.seed is 7, and 0 on the others'
    """
    texts = [str(each) for each in told]
    counts = Counter(texts)
    right = max(counts, key=lambda text: (counts[text], text == texts[0]))
    strange = [(number, text) for number, text in zip(numbers, texts, strict=True) if text != right]
    if not strange:
        return ""
    which = f"rank{'s' * (len(strange) > 1)} {', '.join(str(number) for number, _ in strange)}"
    return f"{which}: {name} is {strange[0][1]:.80}, and {right:.80} on the others"


def surviving(ranks: Collective | None, work: Callable[[], Result]) -> Result:
    """Return what `work` does when all ranks have done it: where one is lost meanwhile, all others do it again.

    Some ranks may have done it already when others meet with the loss, and those do it again, too; what must not be
    done twice is for `work` to see to. Where this is part of other work that survives, such as a training, that goes
    back to where all ranks have the same, and does this part anew.

    Raises
    ------
    LostRankError
        If a rank is lost, within other work.
    """
    if ranks is None:
        return work()
    outer = _surviving.get()
    within = _surviving.set((*outer, ranks))
    try:
        while True:
            losses = ranks.losses
            try:
                found, done = work(), True
            except LostRankError:
                done = False
            if ranks.losses == losses and ranks.settled(done):  # or a part of the work has found it out
                return found
            if any(each is ranks for each in outer):
                raise LostRankError("a rank is lost")
    finally:
        _surviving.reset(within)


@contextmanager
def holding(ranks: Collective | None) -> Iterator[None]:
    """Let other ranks wait for this one on purpose, for as long as something takes that is not theirs: a file that is
    written. A thread says so meanwhile, also where that hangs: nothing else belongs within."""
    if ranks is None:
        yield
        return
    over = threading.Event()

    def say() -> None:
        ranks.hold(saves=True)
        while not over.wait(HOLD_AGAIN):
            ranks.hold(saves=True)

    saying = threading.Thread(target=say, name="pellucid-holding", daemon=True)
    saying.start()
    try:
        yield
    finally:
        over.set()
        saying.join()
