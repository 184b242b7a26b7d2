"""What ranks send each other in a step, counted on the plan; nothing is compiled or run."""

from collections import Counter

import pellucid as p
from oracles.compiled import planned, training_program
from pellucid.compiler.plan import JobPhase, Scope, Send
from pellucid.compiler.sharing import Share, shared


def sent_in_a_step(network, samples, ranks):
    """Return how many bytes the last rank sends to each of the others, by the scope of what they are of."""
    plan = shared(planned(training_program(network, p.Adam(), target_shape=())), samples)
    share = Share(samples, plan.program.leaf_size, ranks - 1, ranks)
    times = {Scope.NODE: len(share.own_nodes), Scope.BATCH: share.sample_bounds[-1] - share.sample_bounds[-2]}
    calls = [call for phase in plan.phases if isinstance(phase, JobPhase) for job in phase.jobs for call in job]
    owned = {call.operands[-1].buffer for call in calls if call.owned}
    found = Counter({scope.value: 0 for scope in (Scope.NODE, Scope.BATCH, Scope.WHOLE)})
    for phase in plan.phases:
        for buffer in phase.buffers if isinstance(phase, Send) else ():
            found[buffer.scope.value] += buffer.size // ranks if buffer in owned else buffer.size * times[buffer.scope]
    return found
