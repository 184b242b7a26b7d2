"""What a training that fails leaves of an estimator: all that there was before, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...serialization.fitting import held, take


@contextmanager
def undone_on_failure(estimator: Any) -> Iterator[None]:
    """Take back what an estimator has noted, and what its network has learnt, if this block fails.

    Where a user interrupts it, what was learnt so far is kept.
    """
    before = dict(vars(estimator))
    network = before.get("network_")
    weights = {} if network is None else {path: each.data.copy() for path, each in held(network).items()}
    try:
        yield
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        if interrupted and vars(estimator).get("network_") is not network:
            raise  # the new network is noted last: all else that belongs to it is there
        vars(estimator).clear()
        vars(estimator).update(before)
        if network is not None and not interrupted:
            take(network, weights)
        raise
