"""The bench: a network on it, data beside it, and the images that somebody has looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..build import lower
from ..data import Dataset
from ..errors import ArgumentError, printable
from ..explanations import randomised
from ..inference.batches import accepted, weights
from ..network import Network
from ..report.judging import Judged
from ..serialization.fitting import take
from ..summary import summary
from .description import describe, digest, shown_values
from .edits import Edits
from .following import Following
from .look import Look, image_id
from .measuring import Measuring
from .moments import Moment

IMAGES = 64
"""Images that are kept: those that were looked at last."""


class UnknownImageError(ArgumentError):
    """An image is asked for that is not, or no longer, on the bench."""


@dataclass(eq=False)
class Bench:
    """What the page shows. Whoever uses it holds `busy`; what takes long is done with a `snapshot`, without it.

    Attributes
    ----------
    network : Network
        As it is now, with all edits; a copy, so that who gave it keeps theirs.
    title : str
    data : Dataset or None
        What it is measured on.
    part : str
        What the data are of those that it was trained on, such as "test".
    revision : int
        Grows with every edit, and whenever the network is shown as it was at another moment.
    busy : lock
    explaining : lock
        Held by one explanation at a time.
    following : Following or None
        What is known of the training that the network comes from.
    step : int or None
        After how many steps of the training the network is shown, without edits; None for the network as it is.
    """

    network: Network
    title: str
    data: Dataset | None = None
    part: str = ""
    revision: int = 0
    busy: threading.RLock = field(default_factory=threading.RLock)
    explaining: threading.Lock = field(default_factory=threading.Lock)
    _images: OrderedDict[str, NDArray[Any]] = field(default_factory=OrderedDict)
    _looks: OrderedDict[tuple[str, int], Look] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        weights(self.network)  # those that are not there yet are drawn once, for both
        self.original, self.network = self.network, deepcopy(self.network)
        self.edits = Edits(self.network)
        self.following: Following | None = None
        self.step: int | None = None
        self._copies: dict[int, Network] = {}
        self._measure()
        self._now = self.network  # with its edits
        self._then: Network | None = None  # as it was at another moment

    def _measure(self) -> None:
        """Let the network be measured on the data from the beginning."""
        self._measuring = None
        if self.data is not None:
            self._measuring = Measuring(self.data, summary(self.network).totals.multiply_adds)

    @cached_property
    def description(self) -> dict[str, Any]:
        """What there is to show of the network; edits do not change it."""
        return {"title": printable(self.title), "digest": digest(self.original), **describe(self.network)}

    @cached_property
    def values(self) -> dict[str, int]:
        """Path of each shown layer -> the value that it makes."""
        return shown_values(lower(self.network))

    def changed(self) -> None:
        """Note that the network has just been edited."""
        self.revision += 1
        self._copies.clear()

    def go_to(self, moment: Moment | None) -> None:
        """Let the network be as it was at a moment of its training, or None: as it is, with its edits."""
        if moment is None:
            self.network, self.step = self._now, None
        else:
            if self._then is None:
                self._then = deepcopy(self._now)
            take(self._then, moment.weights)
            self.network, self.step = self._then, moment.step
        self.changed()

    def renew(self, network: Network) -> None:
        """Let the network have the weights that its training has come to. What was edited is let go of."""
        with self.busy:
            for each in (self.original, self._now):
                take(each, {name: array.copy() for name, array in weights(network).items()})
            self.edits.done.clear()
            self._measure()
            self.__dict__.pop("description", None)
            self.go_to(None)

    def snapshot(self, forgotten: int = 0) -> Network:
        """Return the network as it is now, or as if so many of its last layers had not been trained: a copy, which no
        edit changes. Of those that have forgotten something, the last one is kept."""
        if forgotten not in self._copies:
            self._copies = {key: network for key, network in self._copies.items() if key == 0}
            self._copies[forgotten] = randomised(self.network, forgotten)
        return self._copies[forgotten]

    # ---- images
    def put(self, image: NDArray[Any]) -> str:
        """Put an image on the bench, and return its name.

        Raises
        ------
        ShapeError, DataError
            If the network does not take it.
        """
        image = accepted(self.network, image[None])[0]
        name = image_id(image)
        self._images[name] = image
        self._images.move_to_end(name)
        while len(self._images) > IMAGES:
            self._images.popitem(last=False)
        return name

    def image(self, name: str) -> NDArray[Any]:
        """Return an image that was put there."""
        if name not in self._images:
            raise UnknownImageError(f"image: {name[:24]!r} is not here any more; show it again")
        return self._images[name]

    def look(self, name: str) -> Look:
        """Return what the network, as it is now, makes of an image that was put there."""
        image, key = self.image(name), (name, self.revision)
        if key not in self._looks:
            self._looks[key] = Look.at(self.network, image)
            kept = max(2, min(16, int(5e8 / self._looks[key].program.activation_bytes())))
            while len(self._looks) > kept:
                self._looks.popitem(last=False)
        self._looks.move_to_end(key)
        return self._looks[key]

    # ---- data
    def measured(self, revision: int | None = None) -> Judged | str | None:
        """Return what the network makes of the data, now or as it was given (revision 0).

        Instead, a text that says why nothing can be told; or None, as long as it is measured: ask again.
        """
        if self._measuring is None:
            return "there are no data here to be right about"
        if revision is None:
            revision = self.revision if self.edits.done or self.edits.network is not self.network else 0
        return self._measuring.found(revision, (lambda: self.original) if revision == 0 else self.snapshot)

    def share_measured(self) -> float:
        """Return the share of the data that the network has seen which is being measured."""
        return 0.0 if self._measuring is None else self._measuring.done

    def sample(self, number: int) -> NDArray[Any]:
        """Return an image of the data."""
        if self.data is None:
            raise ArgumentError("number: there are no data here to take an image from")
        return np.asarray(self.data.images[number])
