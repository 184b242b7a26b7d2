"""Copies of a network that share arrays with it: of a large one they take neither time nor memory.

Nobody may write to an array that is shared; who wants to change something has it apart first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy

import numpy as np

from ...definitions.arrays import Array
from ...inference.batches import weights
from ...network import Network
from ...program import Program


def sharing(network: Network, apart: Collection[str] = ()) -> Network:
    """Return a copy that shares all parameters and states with a network but those at the paths `apart`, which it may
    write to."""
    held = weights(network)
    own = {id(held[path]) for path in apart}
    return deepcopy(network, {id(array): array for array in held.values() if id(array) not in own})


def with_weights(network: Network, others: Mapping[str, Array]) -> Network:
    """Return a copy that has other parameters and states, by path; it shares those arrays, and of all others the
    network's."""
    held = weights(network)
    return deepcopy(
        network, {id(array): np.asarray(others.get(path, array), array.dtype) for path, array in held.items()}
    )


def to_run(network: Network, program: Program) -> Network:
    """Return a network that may be run while others run the same: a copy, where a layer of the user's own may remember
    what has gone through it. `program` is the network, lowered."""
    return sharing(network) if any(step.kind.startswith("custom") for step in program.steps) else network
