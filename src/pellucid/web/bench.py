"""The bench: a network on it, data beside it, and the images that somebody has looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..build import lower
from ..data import Dataset
from ..data.dataset import class_numbers
from ..errors import ArgumentError
from ..explanations import randomised
from ..inference.batches import accepted, weights
from ..network import Network
from ..program import Program
from ..report.judging import Judged
from .description import describe, digest, shown_values
from .edits import Edits
from .following import Following
from .look import Look, image_id
from .measuring import Measuring
from .moments import Moment
from .sharing import sharing, to_run, with_weights

IMAGES = 64
"""Images that are kept: those that were looked at last."""
STROKES = 1 << 24
"""Bytes of images that a pen passes through, one with every move, which are kept beside these."""


class UnknownImageError(ArgumentError):
    """An image is asked for that is not, or no longer, on the bench."""


class OutdatedError(ArgumentError):
    """A question is about the network as it was before it was changed."""


@dataclass(eq=False)
class Bench:
    """What the page shows.

    Networks on it never change: with every edit another takes the place of the one before, and shares with it all
    arrays that are the same. So whoever has taken one, or a look at an image, goes on with it and waits for nobody.

    Attributes
    ----------
    network : Network
        As it is now, with all edits.
    original : Network
        As it was given. Nobody may change it as long as it is here.
    title : str
    data : Dataset or None
        What it is measured on.
    part : str
        What the data are of those that it was trained on, such as "test".
    held_out : bool
        Whether the network was trained without them.
    of : int
        How many images there are, where the data are only the first of them; else 0.
    revision : int
        Grows with every edit, and whenever the network is shown as it was at another moment.
    busy : lock
        Held while the bench is changed, and by nobody who computes.
    explaining : lock
        Held by one explanation at a time.
    following : Following or None
        What is known of the training that the network comes from.
    description : dict
        What there is to show of the network; edits do not change it.
    work : int
        Multiply-adds for one image.
    explained : float
        The share that is done of the explanation that is being made.
    step : int or None
        After how many steps of the training the network is shown, without edits; None for the network as it is.
    chosen : bool
        Whether somebody went to that moment; else pages only follow the training.
    """

    network: Network
    title: str
    data: Dataset | None = None
    part: str = ""
    revision: int = 0
    busy: threading.RLock = field(default_factory=threading.RLock)
    explaining: threading.Lock = field(default_factory=threading.Lock)
    explained: float = 0.0
    held_out: bool = False
    of: int = 0
    _images: OrderedDict[str, NDArray[Any]] = field(default_factory=OrderedDict)
    _strokes: OrderedDict[str, NDArray[Any]] = field(default_factory=OrderedDict)
    _looks: OrderedDict[str, Look] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        weights(self.network)  # those that are not there yet are drawn once, for all
        self.original = self.network
        self.edits = Edits(self.network)
        self.following: Following | None = None
        self.step: int | None = None
        self.chosen = False
        self._edition = 0  # the revision that the last edit led to
        self._forgetful: tuple[tuple[Network, int], Network] | None = None
        self._lowered: tuple[Network, Program] | None = None
        self._measuring: Measuring | None = None
        self.description = self._described()
        self.work: int = self.description["multiply_adds"]
        self._measure()

    def _measure(self) -> None:
        """Let the network be measured on the data from the beginning."""
        if self._measuring is not None:
            self._measuring.end()
        self._measuring = None if self.data is None else Measuring(self.data)

    def _described(self) -> dict[str, Any]:
        names = () if self.data is None else self.data.class_names
        return {"digest": digest(self.original), **describe(self.network, names)}

    @cached_property
    def of_classes(self) -> bool:
        """Whether outputs may be scores of classes, as far as the data tell: their answers are no other numbers."""
        return self.data is None or class_numbers(self.data.labels) is not None

    @cached_property
    def values(self) -> dict[str, int]:
        """Path of each shown layer -> the value that it makes."""
        return shown_values(lower(self.network))

    def changed(self) -> None:
        """Note that another network has just taken the place of the one before, and what that made of images."""
        self.revision += 1
        self._looks.clear()

    def edited(self) -> None:
        """Show the network with all edits, of which one has just been made or undone."""
        self._edition = self.revision + 1
        self.show_edited()

    def show_edited(self) -> None:
        """Show the network with all edits."""
        self.network = self.edits.network
        self.changed()

    def show_original(self) -> None:
        """Show the network as it was before all edits, until `show_edited` shows it with them again."""
        self.network = self.original
        self.changed()

    def go_to(self, moment: Moment | None, *, chosen: bool = False) -> None:
        """Let the network be as it was at a moment of its training, or None: as it is, with its edits."""
        self.chosen = chosen
        there = self.network is self.edits.network if moment is None else self.step == moment.step
        if there and (moment is None) == (self.step is None):
            return  # as where another page has gone there
        self.network = self.edits.network if moment is None else with_weights(self.original, moment.weights)
        self.step = None if moment is None else moment.step
        self.changed()

    def renew(self, network: Network) -> None:
        """Let the network have the weights that its training has come to. What was edited is let go of."""
        held = {name: array.copy() for name, array in weights(network).items()}
        with self.busy:
            self.original = with_weights(self.original, held)
            self.edits = Edits(self.original)
            self._measure()
            self.description = self._described()
            self.step, self.chosen = None, False
            self.edited()

    @property
    def comparing(self) -> bool:
        """Whether the network is shown as it was before its edits."""
        return bool(self.edits.done) and self.network is self.original

    def catch_up(self) -> None:
        """Let a page that opens find the network with its edits; or else as a training elsewhere has come to."""
        with self.busy:
            if self.comparing:  # a page was closed that compared the two
                self.show_edited()
        if self.following is None or self.edits.done:
            return
        newer = self.following.newer()
        if newer is None:
            return
        if _sizes(newer) == _sizes(self.original):
            with self.busy:
                if not self.edits.done and not self.chosen:  # as another page may have done meanwhile
                    self.renew(newer)
        else:
            self.following.trouble = "the run holds another network now; end this page and view the run again"

    def forgetful(self, network: Network, layers: int) -> Network:
        """Return a network as if so many of its last layers had not been trained; the last one is kept. Whoever asks
        holds `explaining`."""
        key = network, layers
        if self._forgetful is None or self._forgetful[0] != key:
            self._forgetful = key, randomised(network, layers)
        return self._forgetful[1]

    # ---- images
    def put(self, image: NDArray[Any], *, passing: bool = False) -> str:
        """Put an image on the bench, and return its name. One that a pen is `passing` through pushes out none that was
        looked at otherwise.

        Raises
        ------
        ShapeError, DataError
            If the network does not take it.
        """
        image = accepted(self.network, image[None])[0]
        name = image_id(image)
        with self.busy:
            if passing and name not in self._images:
                held, most = self._strokes, max(IMAGES, STROKES // max(1, image.nbytes))
            else:
                held, most = self._images, IMAGES
            held[name] = image
            held.move_to_end(name)
            while len(held) > most:
                held.popitem(last=False)
        return name

    def image(self, name: str) -> NDArray[Any]:
        """Return an image that was put there."""
        with self.busy:
            held = self._images if name in self._images else self._strokes
            if name not in held:
                raise UnknownImageError(f"image: {name[:24]!r} is not here any more; show it again")
            held.move_to_end(name)
            return held[name]

    def look(self, name: str) -> Look:
        """Return what the network, as it is now, makes of an image that was put there."""
        with self.busy:
            image = self.image(name)
            if name not in self._looks:
                network, program = self.network, self._program()
                if (own := to_run(network, program)) is not network:
                    network, program = own, lower(own)
                self._looks[name] = Look.at(network, self.revision, image, program)
                kept = max(2, min(16, int(5e8 / program.activation_bytes())))
                while len(self._looks) > kept:
                    self._looks.popitem(last=False)
            self._looks.move_to_end(name)
            return self._looks[name]

    def _program(self) -> Program:
        """Return the network as it is now, lowered for prediction: each has a program of its own, as a layer of the
        user's own is part of it."""
        if self._lowered is None or self._lowered[0] is not self.network:
            self._lowered = self.network, lower(self.network)
        return self._lowered[1]

    # ---- data
    def measured(self, revision: int | None = None) -> Judged | str | None:
        """Return what the network makes of the data, now or as it was given (revision 0).

        Instead, a text that says why nothing can be told; or None, as long as it is measured: ask again.
        """
        with self.busy:
            if self._measuring is None:
                return "there are no data here to be right about"
            if revision is None:
                revision = self._measured_as()
            return self._measuring.found(revision, lambda: sharing(self.original if revision == 0 else self.network))

    def _measured_as(self) -> int:
        """Return the revision under which the network is measured that is shown: of one that comes back, as before."""
        if self.network is self.edits.network:
            return self._edition if self.edits.done else 0
        return 0 if self.network is self.original else self.revision

    def share_measured(self) -> float:
        """Return the share of the data that the network has seen which is being measured."""
        return 0.0 if self._measuring is None else self._measuring.done

    def sample(self, number: int) -> NDArray[Any]:
        """Return an image of the data."""
        if self.data is None:
            raise ArgumentError("number: there are no data here to take an image from")
        return np.asarray(self.data.images[number])


def _sizes(network: Network) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter and state by its path."""
    return {path: array.shape for path, array in weights(network).items()}
