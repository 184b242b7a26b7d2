"""A training that is over, or was interrupted, as its run tells of it."""

from __future__ import annotations

from pathlib import Path

from ..network import Network
from ..training.checkpoint import newest_readable, rates_in
from .course import Course
from .following import Following
from .moments import Moments


def followed(network: Network, folder: Path) -> Following | None:
    """Return what a run tells of its training; None if no moments of it were kept."""
    moments = Moments(folder)
    steps, found = moments.steps(), newest_readable(folder)
    if not steps:
        return None
    if found is None:
        return Following(network, Course(steps[-1], steps[-1]), moments, "interrupted")
    history = found.history()
    course = Course.of(history, max(steps[-1], len(history.batches)))
    following = Following(network, course, moments, "finished" if found.finished else "interrupted")
    following.step, following.rates = len(history.batches), rates_in(found.state)
    following.lr = float(history.epochs[-1]["lr"]) if history.epochs else 0.0
    return following
