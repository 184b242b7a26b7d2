"""What becomes of a training where ranks are lost: the others come to one state, and go on from there.

Every rank holds all of a training's state after each step, so that none is lost with a rank. But those that are left
need not have come equally far: some may have completed the last exchange of a step, and done it, when others met with
the loss in that exchange. They are at most one step apart, or on both sides of the end of an epoch: after each they
agree on how to go on, in an exchange to which every rank has something to send, so that it ends for nobody before all
have begun it. (Others may: a rank without samples sends nothing.) Those that are behind take over what the others have,
as if they resumed from a checkpoint of it.

==========================  ============================================  ==========================================
a rank is lost in           what another one may have done already        who sees to that
==========================  ============================================  ==========================================
a step                      the step; callbacks have heard of it          `catch_up`, `missing_it`
validation                  the epoch; callbacks have heard of it         the same
a callback's own exchange   nothing: all call it again                    `collective.surviving`, `Telling.go_on`
the agreement after either  it ends, stops, has another learning rate     they agree anew
`share`                     it knows what callbacks remember              `share`: the newest counts
`verify`                    a checkpoint                                  nobody: it is that of the same state
finishing the run           it is finished                                the first rank, who does so once
==========================  ============================================  ==========================================
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from ..arguments import warn
from ..collective import Collective, told_by_all
from ..serialization.tensor_file import decode, pieces
from .agreement import for_all
from .callbacks import Callback
from .checkpoint import BEGUN, taken
from .engine import Engine
from .following import Remembering, RunFollower, Understudy, understudy
from .listed import remembers
from .remembered import packed, unpacked
from .saving import content, state_of
from .state import Training


def remade(engine: Engine, make: Callable[[], Engine]) -> Engine:
    """Return an engine for the ranks that are left, with the weights and the optimiser's memory of the last step."""
    engine.pull()
    found = make()
    found.restore(engine.slots(), engine.updates)
    return found


def catch_up(
    ranks: Collective, training: Training, engine: Engine, listeners: Sequence[Callback], heard: int, elapsed: float
) -> tuple[int, float] | None:
    """Let the ranks that are behind take over the state of those that are not.

    Callbacks that are called in every rank are as if they had been called here, but for what is not in that state; see
    `missing_it`.

    Parameters
    ----------
    ranks, training, engine, listeners
    heard : int
        How many of the callbacks have heard of the last step or epoch; see `heard_by`.
    elapsed : float
        Seconds that the running epoch has taken.

    Returns
    -------
    (int, float) or None
        Of the state that was taken over, how many of this rank's callbacks are to be as if they had heard of it, and
        the seconds. None where this rank is not behind.
    """
    own = training.step, training.epoch
    shared = sum(map(for_all, listeners[:heard]))  # of those that every rank has
    told = [tuple(json.loads(each)) for each in told_by_all(ranks, json.dumps((*own, shared)).encode())]
    furthest = max(told)
    if all(each[:2] == furthest[:2] for each in told):
        return None
    teller = told.index(furthest)
    remembering = [each for each in listeners if remembers(each)]
    message = b""
    if ranks.rank == teller:
        arrays, state = state_of(training, engine, [packed(each) for each in remembering], elapsed)
        message = b"".join(content(arrays, state, training, dict.fromkeys(BEGUN, "")))
    message = told_by_all(ranks, message)[teller]
    if own == furthest[:2]:
        return None
    kept = [each if for_all(each) else understudy(each) for each in remembering]  # of the others, see `share`
    elapsed = taken(message, f"what rank {teller} has").restore(training, engine, kept)
    places = [number for number, each in enumerate(listeners) if for_all(each)]
    return [*places, len(listeners)][furthest[2]], elapsed


def heard_by(listeners: Sequence[Callback], left: Sequence[Callback]) -> int:
    """Return how many callbacks have heard of something, of which those that are left have not."""
    return next((number for number, each in enumerate(listeners) if left and each is left[0]), len(listeners))


def missing_it(listeners: Sequence[Callback]) -> list[Callback]:
    """Return the callbacks that have not heard of the step or epoch that this rank took over: all but those whose state
    came with it. What they change of the weights has come, too."""
    return [each for each in listeners if not (remembers(each) and for_all(each))]


def take_parts(training: Training, listeners: list[Callback]) -> list[Callback]:
    """Let this rank be the first one: write the run, and call whom only the first one calls. Return those of them that
    have not heard of the last epoch."""
    take_run(training, listeners)
    late = []
    for at, each in enumerate(listeners):
        if isinstance(each, Understudy):
            training.resumed = True
            listeners[at] = each.take_part(training)
            if isinstance(each, Remembering) and each.since < training.epoch:
                late.append(each.part)
    return late


def take_run(training: Training, listeners: list[Callback]) -> None:
    """Write the run from now on, unless this rank does so already."""
    for at, each in enumerate(listeners):
        if isinstance(each, RunFollower):
            training.run = listeners[at] = each.take_part(training)


def share(ranks: Collective, training: Training, listeners: Sequence[Callback]) -> None:
    """Let all ranks know what the callbacks of the first one remember, and since when; the newest counts."""
    for each in listeners:
        if for_all(each) or not remembers(each):
            continue
        since = each.since if isinstance(each, Remembering) else training.epoch
        told = [int(words) for words in told_by_all(ranks, str(since).encode())]
        teller = told.index(max(told))
        message = b""
        if ranks.rank == teller:
            known, arrays = packed(each)
            message = b"".join(pieces(arrays, {"known": json.dumps(known)}))
        message = told_by_all(ranks, message)[teller]
        if isinstance(each, Remembering):
            file = decode(message, f"what {type(each).__name__} remembers")
            arrays = {name: file.array(name).copy() for name in file.entries}
            each.known, each.since = {**unpacked(json.loads(file.metadata["known"])), **arrays}, max(told)


def say_who_was_lost(lost: Sequence[int], left: int, step: int) -> None:
    """Say which ranks were lost, and that the others go on."""
    which = f"rank{'s' * (len(lost) > 1)} {', '.join(map(str, lost))} {'were' if len(lost) > 1 else 'was'} lost"
    go_on = "the last one goes" if left == 1 else f"the other {left} go"
    warn(f"{which} after step {step:,}; {go_on} on")
