"""What ranks send each other in a step: read off the plan of a network's training, as many bytes as travel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise

from pellucid import Adam, CrossEntropy, lower, models
from pellucid.compiler.plan import Buffer, Call, Count, JobPhase, Plan, Scope, Send, Wait
from pellucid.compiler.planning import planned
from pellucid.compiler.rules import RULES
from pellucid.compiler.sharing import Share, shared
from pellucid.compiler.tiles import instruction_set


@dataclass(frozen=True)
class Message:
    """An exchange of a step.

    Attributes
    ----------
    scope : Scope
        Of what: of nodes (parts of sums), of samples, or of sums of which each rank has made a share.
    size : int
        Bytes of one node, or sample, or of the whole.
    chained : bool
        Whether it is a sum over all samples that goes from rank to rank, each of which adds its own samples to it, and
        then back to all.
    sent, awaited : int
        The phases of the plan that begin it, and that wait for it.
    """

    scope: Scope
    size: int
    chained: bool = False
    sent: int = 0
    awaited: int = 1

    def pieces(self, share: Share) -> list[int]:
        """Return how many bytes each rank has to send."""
        if self.scope is Scope.WHOLE:
            bounds: Sequence[int] = [rank * self.size // share.ranks for rank in range(share.ranks + 1)]
            return [stop - start for start, stop in pairwise(bounds)]
        bounds = share.node_bounds if self.scope is Scope.NODE else share.sample_bounds
        return [(stop - start) * self.size for start, stop in pairwise(bounds)]

    def received(self, share: Share) -> int:
        """Return how many bytes the rank receives that has the least of its own."""
        pieces = self.pieces(share)
        return sum(pieces) - min(pieces)


class Traffic:
    """What travels in steps of Adam of a known network.

    Parameters
    ----------
    model : str

    Attributes
    ----------
    leaf_size : int
    """

    def __init__(self, model: str):
        program = lower(models.by_name(model)(), loss=CrossEntropy(), optimizer=Adam(), resident=True)
        self._plan = planned(program, instruction_set(), RULES, {"input": "uint8", "target": "int64"})
        self._shared = cache(lambda samples: shared(self._plan, samples))
        self.leaf_size = program.leaf_size

    @cached_property
    def gradient(self) -> int:
        """Bytes of all parameters' gradients."""
        program = self._plan.program
        return 4 * sum(math.prod(program.values[program.ids[name]].shape) for name in program.named("parameter"))

    def messages(self, samples: int) -> list[Message]:
        """Return all exchanges of a step, in their order; their sizes do not depend on the number of ranks."""
        return list(messages(self._shared(samples)).values())

    def chained(self, samples: int) -> list[Message]:
        """Return all exchanges if sums over all samples went from rank to rank, where these are fewer bytes than the
        samples that they are of. The order of each sum would be the same."""
        known = self._shared(samples)
        all_of_them = messages(known)
        found = [message for message in all_of_them.values() if message.scope is Scope.NODE]
        for call in serial_sums(known):
            read = [all_of_them[each.buffer] for each in call.operands if each.buffer in all_of_them][:2]
            made = call.operands[-1].buffer
            sent, awaited = max(each.sent for each in read), max(each.awaited for each in read)
            if call.owned and 2 * made.size < samples * sum(each.size for each in read):
                found.append(Message(Scope.WHOLE, made.size, True, sent, awaited))
            else:
                found += [*read, *([all_of_them[made]] if call.owned else [])]
        return list(dict.fromkeys(found))


def messages(plan: Plan) -> dict[Buffer, Message]:
    """Return all exchanges of a plan that is shared, by what travels, in the order in which they are waited for."""
    found: dict[Buffer, Message] = {}
    sent: dict[Buffer, int] = {}
    for number, phase in enumerate(plan.phases):
        if isinstance(phase, Send):
            sent.update(dict.fromkeys(phase.buffers, number))
        elif isinstance(phase, Wait):
            found |= {each: Message(each.scope, each.size, False, sent[each], number) for each in phase.buffers}
    return found


def serial_sums(plan: Plan) -> list[Call]:
    """Return the calls of a plan that sum over all samples, one after the other."""
    jobs = (job for phase in plan.phases if isinstance(phase, JobPhase) for job in phase.jobs)
    return [job[0] for job in jobs if job[0].count is Count.BATCH]
