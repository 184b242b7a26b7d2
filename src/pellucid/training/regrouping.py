"""What becomes of a training where ranks are lost: the others come to one state, and go on from there.

Every rank holds all of a training's state after each step, so that none is lost with a rank. But those that are left
need not have come equally far: some may have completed the last exchange of a step, and done it, when others met with
the loss in that exchange. They are at most one step apart, or on both sides of the end of an epoch, for each exchange
is one of all ranks. Those that are behind take over what the others have, as if they resumed from a checkpoint of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from ..arguments import warn
from ..collective import Collective
from ..serialization.tensor_file import decode, pieces
from .agreement import for_all
from .callbacks import Callback, Training
from .checkpoint import BEGUN, taken
from .engine import Engine
from .following import Remembering, RunFollower, Understudy, understudy
from .listed import remembers
from .remembered import packed, unpacked
from .saving import content, state_of


def remade(engine: Engine, make: Callable[[], Engine]) -> Engine:
    """Return an engine for the ranks that are left, with the weights and the optimiser's memory of the last step."""
    engine.pull()
    found = make()
    found.restore(engine.slots(), engine.updates)
    return found


def catch_up(
    ranks: Collective, training: Training, engine: Engine, listeners: Sequence[Callback], elapsed: float
) -> float:
    """Let the ranks that are behind take over the state of those that are not.

    Callbacks that are called in every rank are as if they had been called here; see `missing_it` for all others.

    Returns
    -------
    float
        Seconds that the running epoch has taken.
    """
    own = training.step, training.epoch
    all_told = [tuple(json.loads(each)) for each in ranks.all(json.dumps(own).encode())]
    furthest = max(all_told)
    if min(all_told) == furthest:
        return elapsed
    teller = all_told.index(furthest)
    remembering = [each for each in listeners if remembers(each)]
    message = b""
    if ranks.rank == teller:
        arrays, state = state_of(training, engine, [packed(each) for each in remembering], elapsed)
        message = b"".join(content(arrays, state, training, dict.fromkeys(BEGUN, "")))
    message = ranks.all(message)[teller]
    if own == furthest:
        return elapsed
    kept = [each if for_all(each) or isinstance(each, Understudy) else understudy(each) for each in remembering]
    return taken(message, f"what rank {teller} has").restore(training, engine, kept)


def missing_it(listeners: Sequence[Callback]) -> list[Callback]:
    """Return the callbacks that are to hear of a step or an epoch whose outcome was taken over: those that remember
    nothing that was taken over with it."""
    return [each for each in listeners if not remembers(each) or not (for_all(each) or isinstance(each, Understudy))]


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
        told = [int(words) for words in ranks.all(str(since).encode())]
        teller = told.index(max(told))
        message = b""
        if ranks.rank == teller:
            known, arrays = packed(each)
            message = b"".join(pieces(arrays, {"known": json.dumps(known)}))
        message = ranks.all(message)[teller]
        if isinstance(each, Remembering):
            file = decode(message, f"what {type(each).__name__} remembers")
            arrays = {name: file.array(name).copy() for name in file.entries}
            each.known, each.since = {**unpacked(json.loads(file.metadata["known"])), **arrays}, max(told)


def say_who_was_lost(lost: Sequence[int], left: int, step: int) -> None:
    """Say which ranks were lost, and that the others go on."""
    which = f"rank{'s' * (len(lost) > 1)} {', '.join(map(str, lost))} {'were' if len(lost) > 1 else 'was'} lost"
    go_on = "the last one goes" if left == 1 else f"the other {left} go"
    warn(f"{which} after step {step:,}; {go_on} on")
