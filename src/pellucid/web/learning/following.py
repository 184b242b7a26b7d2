"""A training as the page follows it: what the thread that trains leaves here, and what the page makes of it.

The training only leaves numbers, and copies of weights where somebody wants them; it waits for nobody. What is shown is
made of these copies by another thread, `looking`, which takes a fixed small share of one processor, and newer copies
replace those that nobody has looked at yet.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelFileError, StorageError
from ...network import Network
from ..frames import frame
from ..words.training import COLUMNS, at_moment, beside, of_epoch, row_of, standing
from .controls import Controls
from .course import Course
from .image_course import ImageCourse
from .miniatures import Miniatures, Reach, captions, farther, painted, reach_of
from .moments import Moment, Moments

SHARE = 40
"""Between two looks lies at least so many times what the last one took, of a processor's time."""
INTERVAL = 1.0
"""Seconds between two looks, and two messages to a page, at least: more pictures cost more than they show, above all in
the browser, which paints them with the processors that train."""
PAUSED_INTERVAL = 0.1
"""The same while the training is paused."""
SENT = 6
"""Digits of numbers in the header."""

_log = logging.getLogger("pellucid.web")


class Following:
    """What is known of a training.

    Parameters
    ----------
    network : Network
        Only its layers are of interest.
    course : Course
    moments : Moments
    state : str
        "training", "finished", "interrupted", or "running": elsewhere, by another process.

    Attributes
    ----------
    controls : Controls
    step : int
    loss, lr : float
        Of the last step.
    rates : sequence of (int, float)
        As in `Training`.
    newest : Moment or None
        The copy of the weights that was left last.
    wanted : bool
        Whether somebody waits for another one.
    to_keep : deque of Moment
        Copies that are to be kept.
    image : (str, array) or None
        What the maps are of, with its name on the bench.
    trouble : str
        What the page says is wrong: why no more moments are kept, why none can be gone back to, or that the run holds
        another network by now.
    ending : str
        The error that has ended the training.
    courses : mapping of str to ImageCourse
        By the image's name on the bench.
    kept : set of int
        After which steps there is a moment. Two threads change it, each by one operation.
    miniatures : Miniatures
    """

    def __init__(self, network: Network, course: Course, moments: Moments, state: str):
        self.network, self.course, self.moments, self.state = network, course, moments, state
        self.controls = Controls()
        self.step, self.loss, self.lr, self.trouble, self.ending = 0, float("nan"), 0.0, "", ""
        self.rates: Sequence[tuple[int, float]] = ()
        self.newest: Moment | None = None
        self.wanted = state == "training"
        self.to_keep: deque[Moment] = deque()
        self.image: tuple[str, NDArray[Any]] | None = None
        self.miniatures = Miniatures(network)
        self._reach: Reach = {}
        self._table = [list(COLUMNS)]
        self.courses: OrderedDict[str, ImageCourse] = OrderedDict()
        self.kept = set(moments.steps())
        self._picture: tuple[int, dict[str, Any], dict[str, NDArray[Any]]] = (0, {}, {})
        self._looked_at: tuple[int, str] | None = None
        self._writing, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True, name="looking")

    @property
    def live(self) -> bool:
        """Whether the training goes on, in this process."""
        return self.state == "training"

    def newer(self) -> Network | None:
        """Return the network as it is by now, where that can only be read anew."""
        return None

    def moment(self, step: int, network: Network) -> Moment:
        """Return a moment that is kept; one that is damaged is left out from then on.

        Raises
        ------
        ArgumentError, ModelFileError, StorageError
            As `Moments.read` says.
        """
        try:
            return self.moments.read(step, network)
        except (ModelFileError, StorageError):
            self.kept.discard(step)
            raise

    @property
    def standing(self) -> tuple[Any, ...]:
        """What a page wants to hear of at once when it changes."""
        return self.state, self.controls.paused, self.controls.held

    # ---- the thread that looks
    def begin(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self) -> None:
        """Stop looking, and keep what is still to be kept."""
        self.wanted = False
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(5)
        while self.to_keep:
            self._keep()

    def _look_on(self) -> None:
        keeping = False
        while not self._ended.is_set():
            began, keeping = time.thread_time(), bool(self.to_keep) and not keeping  # in turns
            try:
                self._keep() if keeping else self._look()
            except Exception:  # skip this picture; training must not stop
                _log.exception("looking at the training")
            used = time.thread_time() - began
            self._ended.wait(PAUSED_INTERVAL if self.controls.paused else max(INTERVAL, SHARE * used))

    def _keep(self) -> None:
        with self._writing:
            moment = self.to_keep.popleft() if self.to_keep else None
            if moment is None or self.trouble:
                return
            try:
                self.moments.keep(moment)
                self.kept.add(moment.step)
            except StorageError as error:
                self.trouble = f"{error}; no more moments are kept"

    def _look(self) -> None:
        """Make the pictures of the newest weights, if there are newer ones, or another image, and somebody looks."""
        moment, image = self.newest, self.image
        if not self.controls.clients:
            self.wanted = False
            return
        self.wanted = True
        if moment is None or (now := (moment.step, "" if image is None else image[0])) == self._looked_at:
            return
        pictures, _ = self.miniatures.of(moment.weights, None if image is None else image[1])
        self._reach |= farther(self._reach, reach_of(pictures))
        told = {"at": moment.step, "image": now[1], "captions": captions(pictures, self._reach, self.network)}
        self._picture, self._looked_at = (self._picture[0] + 1, told, painted(pictures, self._reach)), now

    # ---- what a page is told
    def _rows(self, measured: NDArray[np.float64]) -> list[list[str]]:
        """Return the epochs as the page's table has them, each of which is written once."""
        known = self._table
        self._table = [*known, *(row_of(each) for each in measured[len(known) - 1 :].tolist())]
        return self._table

    def mark(self) -> tuple[Any, ...]:
        """Return what changes whenever there is something new to tell."""
        points, state = self.course.points, (self.state, self.controls.held)
        return points[0], len(points[1]), self.step, state, self._picture[0], len(self.kept), tuple(self.rates)

    def message(self, known: Known) -> bytes:
        """Return all that a page does not know yet, as a frame, and note that it knows it."""
        course, (version, told, pictures) = self.course, self._picture
        known.thinned, first, points = course.since(known.thinned, known.points)
        known.points, moments = first + len(points), sorted(self.kept)
        header = {
            "state": "paused" if self.live and self.controls.held else self.state, "step": self.step,
            "loss": _plain(self.loss), "lr": _plain(self.lr), "steps": course.total_steps,
            "steps_per_epoch": course.steps_per_epoch, "rates": [[step, _plain(factor)] for step, factor in self.rates],
            "moments": moments, "first": first, "trouble": self.trouble, "ending": self.ending,
            "named": [at_moment(step, course.steps_per_epoch, course.measured(step)) for step in moments],
        }  # fmt: skip
        header["words"] = standing(header, [point[1:3] for point in course.points[1][-1:]])
        header |= {"beside": beside(header), "epoch": of_epoch(course.epochs), "table": self._rows(course.table())}
        arrays = {"points": points, "epochs": course.table()}
        if version != known.picture:
            known.picture = version
            header["picture"] = told
            arrays |= pictures
        return frame(header, arrays)


class Known:
    """What a page has been told already."""

    def __init__(self) -> None:
        self.thinned, self.points, self.picture = -1, 0, 0


def _plain(value: float) -> float | None:
    """Return a number as JSON has it, in a few digits; None for one that is not finite."""
    return float(f"{value:.{SENT}g}") if np.isfinite(value) else None
