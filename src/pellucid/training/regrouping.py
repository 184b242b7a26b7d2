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
a step                      the step; callbacks have heard of it          `catch_up`
validation                  the epoch; callbacks have heard of it         the same
what a callback shares      nothing: all call it again                    `collective.surviving`, `Telling.go_on`
an agreement                it ends, stops, has another learning rate     they agree anew
`share`                     it knows what callbacks remember              `share`: the newest counts
`verify`                    a checkpoint                                  nobody: it is that of the same state
ending early, together      a checkpoint                                  `Ending`: it is written again
finishing the run           it is finished                                the first rank, which does so once
==========================  ============================================  ==========================================

A callback's own exchange that does not survive (`collective.told_by_all` alone) may be complete for one rank and broken
for another, which calls it again, alone: then they have parted, and all end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import takewhile

from ..arguments import warn
from ..collective import Collective, numbers_of, told_by_all
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
from .telling import Telling


def remade(engine: Engine, make: Callable[[], Engine]) -> Engine:
    """Return an engine for the ranks that are left, with the weights and the optimiser's memory of the last step."""
    engine.pull()
    found = make()
    found.restore(engine.slots(), engine.updates)
    return found


def catch_up(
    ranks: Collective, training: Training, engine: Engine, telling: Telling, elapsed: float
) -> tuple[Telling, float] | None:
    """Let the ranks that are behind take over the state of those that are not.

    Callbacks that are called in every rank are as if they had been called here. What they remember, and have changed of
    the weights, has come with the state; all others that had been called there are told here.

    Parameters
    ----------
    ranks, training, engine
    telling : Telling
        Of the last step or epoch of this rank, which may have been broken off.
    elapsed : float
        Seconds that the running epoch has taken.

    Returns
    -------
    (Telling, float) or None
        Of the state that was taken over, who is to hear of the last step or epoch yet, and the seconds. None where this
        rank is not behind.
    """
    listeners, own = training.callbacks, (training.step, training.epoch)
    heard = takewhile(lambda each: not telling.left or each is not telling.left[0], listeners)
    shared = sum(map(for_all, heard))  # of those that every rank has
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
    elapsed = taken(message, f"what rank {numbers_of(ranks)[teller]} has").restore(training, engine, kept)
    places = [number for number, each in enumerate(listeners) if for_all(each)]
    heard_there = [*places, len(listeners)][furthest[2]]
    moment = "on_epoch" if training.epoch > own[1] else "on_batch"
    missing = [each for each in listeners[:heard_there] if not (remembers(each) and for_all(each))]
    Telling(moment, missing).go_on(training, engine, lasting=False)
    return Telling(moment, listeners[heard_there:]), elapsed


def take_parts(ranks: Collective, training: Training, engine: Engine, listeners: list[Callback]) -> None:
    """Let whoever has become the first rank take its parts: it writes the run, and calls whom the first one alone
    calls. Those of them that have not heard of the last epoch hear of it now."""
    share(ranks, training, listeners)
    if ranks.rank == 0:
        take_run(training, listeners)
        late = []
        for at, each in enumerate(listeners):
            if isinstance(each, Understudy):
                training.resumed = True
                listeners[at] = each.take_part(training)
                if isinstance(each, Remembering) and each.since < training.epoch:
                    late.append(each.part)
        Telling("on_epoch", late).go_on(training, engine)
    share(ranks, training, listeners)  # what they know who have just heard of the last epoch


def take_run(training: Training, listeners: list[Callback]) -> None:
    """Write the run from now on, unless this rank, which is the first, does so already."""
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
