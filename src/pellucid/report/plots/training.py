"""How a training went, as a plot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...errors import DataError
from ...training import History
from ..canvas import canvas
from ..charts import draw_chart
from ..course import Course

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves(measured: History | str | os.PathLike[str]) -> Figure:
    """Plot loss, accuracy and learning rate over the epochs; the loss of each batch too.

    Parameters
    ----------
    measured : History or path
        What `fit` returned, or the folder of a run.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        If nothing was measured yet.
    ModelFileError
        If the folder is no run.
    MissingExtraError
        If matplotlib is not installed.
    """
    charts = Course.of(measured).charts()
    if not charts:
        raise DataError("measured: expected a training with at least one step, received one that has not begun")
    with canvas() as new:
        figure = new(3.6 * len(charts), 3.0)
        for number, chart in enumerate(charts, start=1):
            axes = figure.add_subplot(1, len(charts), number)
            draw_chart(axes, chart)
            axes.set_title(chart.title, fontsize=10)
    return figure
