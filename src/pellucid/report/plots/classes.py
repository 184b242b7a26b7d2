"""How data are classified, as plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...data import as_dataset
from ...errors import DataError
from ...geometry import whole_number
from ...inputs import Data
from ...network import Network
from ..canvas import canvas
from ..charts import MOST_NAMED, draw_calibration, draw_confusion, draw_pixels
from ..judging import Judged, judge
from ..pixels import picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion(network: Network, data: Data) -> Figure:
    """Plot how often each class was taken for each: rows are what it is, columns what it was taken for.

    Blue is right and orange wrong, the darker the larger the share of the class, and of what is wrong beside the
    largest; up to 30 classes, counts and names stand in it.

    Parameters
    ----------
    network : Network
    data : Dataset or (images, labels)

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError, ShapeError, ArgumentError
        If the data are not what the network takes, or have no classes.
    MissingExtraError
        If matplotlib is not installed.
    """
    judged = _judged(network, data)
    side = 2.2 + 0.34 * min(len(judged.names), MOST_NAMED)
    with canvas() as new:
        figure = new(side, side)
        draw_confusion(figure.add_subplot(), judged.confusion, judged.names)
    return figure


def calibration(network: Network, data: Data) -> Figure:
    """Plot whether probabilities mean what they say (a reliability diagram): accuracy over confidence.

    Parameters, returns and raises as `confusion`; `pellucid.calibration` has the formula and its source.
    """
    found = _judged(network, data).calibration
    with canvas() as new:
        figure = new(4.2, 4.0)
        axes = figure.add_subplot()
        draw_calibration(axes, found)
        axes.set_title(f"expected calibration error {100 * found.error:.2f} %", fontsize=10)
    return figure


def mistakes(network: Network, data: Data, *, count: int = 12) -> Figure:
    """Plot the images that the network is most sure of and wrong about, with both classes.

    Parameters
    ----------
    network, data
        As for `confusion`.
    count : int, default 12
        How many at most.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError, ShapeError, ArgumentError, MissingExtraError
        As for `confusion`; and if there are no images, or no mistakes.
    """
    judged = _judged(network, data)
    shown = judged.mistakes[: whole_number(count, "count")]
    if judged.data.images.ndim != 4:
        raise DataError(f"mistakes are shown as images, but samples are of shape {judged.data.shape}")
    if not len(shown):
        raise DataError("there are no mistakes: all samples are classified rightly")
    columns = min(6, len(shown))
    rows = -(-len(shown) // columns)
    with canvas() as new:
        figure = new(1.5 * columns, 1.9 * rows)
        for number, sample in enumerate(shown, start=1):
            axes = figure.add_subplot(rows, columns, number)
            draw_pixels(axes, picture(judged.data.images[sample]), _told(judged, int(sample)), palette=False)
    return figure


def _told(judged: Judged, sample: int) -> str:
    named = f"{judged.names[judged.predicted[sample]]}, {100 * judged.confidence[sample]:.1f} %"
    return f"{named}\nit is {judged.names[judged.labels[sample]]}"


def _judged(network: Network, data: Data) -> Judged:
    found = judge(network, as_dataset(data))
    if not isinstance(found, Judged):
        raise DataError("data: expected labels that are classes, and a network with an output for each of them")
    return found
