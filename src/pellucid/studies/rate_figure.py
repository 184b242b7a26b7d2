"""The search for a learning rate as a figure."""

from __future__ import annotations

import os

from ..learning_rates import LearningRates
from ..storage import write_file
from .figures import Points, Series


def rate_figure(found: LearningRates) -> Points:
    """Return the losses over the rates, and where their average falls most steeply."""
    most = max(found.averages)  # what has flown off further would press all else together
    at = found.rates.index(found.suggestion)
    series = [
        Series("each batch", found.rates, [min(loss, most) for loss in found.losses]),
        Series("average", found.rates, found.averages, joined=True),
        Series(f"steepest, at {found.suggestion:.2g}", [found.suggestion], [found.averages[at]], above=True),
    ]
    return Points("learning rate", "loss of a batch", series, x_log=True)


def save_rate_figure(found: LearningRates, path: str | os.PathLike[str]) -> None:
    """Draw the search into a PNG file. Needs matplotlib: ``pip install '.[plot]'``.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    from .drawing import png

    write_file(path, png(rate_figure(found)))
