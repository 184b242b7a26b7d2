"""What a training that fails leaves of an estimator: all that there was before, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...serialization.fitting import held, take

COPY = "_in_units"
"""The attribute that holds a copy of the network: after a training it is made anew."""


@contextmanager
def undone_on_failure(estimator: Any) -> Iterator[None]:
    """Take back what an estimator has noted, and what its network has learnt, if this block fails.

    Where a user interrupts it, what was learnt so far is kept.
    """
    vars(estimator).pop(COPY, None)
    before = dict(vars(estimator))
    network = before.get("_network")
    weights = {} if network is None else {path: each.data.copy() for path, each in held(network).items()}
    try:
        yield
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        if interrupted and vars(estimator).get("_network") is not network:
            raise  # the new network is noted last: all else that belongs to it is there
        vars(estimator).clear()
        vars(estimator).update(before)
        if network is not None and not interrupted:
            take(network, weights)
        raise
