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

from ..data import Dataset
from ..errors import ArgumentError, NonFiniteError
from ..explanations import randomised
from ..inference.batches import accepted, weights
from ..network import Network
from ..report.judging import Judged, judge
from ..serialization.fitting import take
from .description import describe, digest, shown_values
from .edits import Edits
from .following import Following
from .look import Look, image_id
from .moments import Moment

IMAGES = 64
"""Images that are kept: those that were looked at last."""


class UnknownImageError(ArgumentError):
    """An image is asked for that is not, or no longer, on the bench."""


@dataclass(eq=False)
class Bench:
    """What the page shows. Whoever uses it holds `busy`.

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
    _images: OrderedDict[str, NDArray[Any]] = field(default_factory=OrderedDict)
    _looks: OrderedDict[tuple[str, int], Look] = field(default_factory=OrderedDict)
    _judged: dict[int, Judged | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.original, self.network = self.network, deepcopy(self.network)
        self.edits = Edits(self.network)
        self._forgetful: dict[tuple[int, int], Network] = {}
        self.following: Following | None = None
        self.step: int | None = None
        self._now = self.network  # with its edits
        self._then: Network | None = None  # as it was at another moment

    @cached_property
    def description(self) -> dict[str, Any]:
        """What there is to show of the network; edits do not change it."""
        return {"title": self.title, "digest": digest(self.original), **describe(self.network)}

    @cached_property
    def values(self) -> dict[str, int]:
        """Path of each shown layer -> the value that it makes."""
        from ..build import lower

        return shown_values(lower(self.network))

    def changed(self) -> None:
        """Note that the network has just been edited."""
        self.revision += 1
        self._forgetful.clear()

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
            self._judged.clear()
            self.__dict__.pop("description", None)
            self.go_to(None)

    def forgetful(self, layers: int) -> Network:
        """Return the network, as it is now, with its last layers as before any training; 0 for the network itself."""
        key = self.revision, layers
        if key not in self._forgetful:
            self._forgetful[key] = randomised(self.network, layers) if layers else self.network
        return self._forgetful[key]

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
    def judged(self, revision: int | None = None) -> Judged | None:
        """Return what the network makes of the data, now or as it was given (revision 0); None without classes."""
        at = self.revision if revision is None else revision
        if at not in self._judged:
            network = self.original if at == 0 else self.network
            self._judged = {0: self._judged[0]} if 0 in self._judged else {}
            self._judged[at] = self._judge(network)
        return self._judged[at]

    def _judge(self, network: Network) -> Judged | None:
        if self.data is None:
            return None
        try:
            found = judge(network, self.data)
        except NonFiniteError:
            return None
        return found if isinstance(found, Judged) else None

    def sample(self, number: int) -> NDArray[Any]:
        """Return an image of the data."""
        if self.data is None:
            raise ArgumentError("number: there are no data here to take an image from")
        return np.asarray(self.data.images[number])
