"""What a network took an image for while it learnt: at each moment that is kept, and since when it was right."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...definitions.arrays import Array
from ...errors import ArgumentError, ModelFileError, StorageError
from ...network import Network
from .miniatures import Miniatures, Reach, reach_of
from .moments import Moments


@dataclass
class ImageCourse:
    """The course of one image.

    Parameters
    ----------
    network : Network
        Only its layers are of interest.
    miniatures : Miniatures
        Of that network.
    image : array

    Attributes
    ----------
    probabilities : dict of int to array (classes,)
        After how many steps -> of each class.
    """

    network: Network
    miniatures: Miniatures
    image: NDArray[Any]
    probabilities: dict[int, NDArray[Any]] = field(default_factory=dict)
    _looked_at: set[int] = field(default_factory=set)
    _damaged: set[int] = field(default_factory=set)
    _last: tuple[int, Reach] | None = None

    def reach(self, moments: Moments) -> Reach:
        """Return how far colours reach at the last moment, and so at all: they mean the same wherever one goes. It is
        empty where no moment can be read."""
        for step in reversed(moments.steps()):
            if self._last is not None and step == self._last[0]:
                return self._last[1]
            if step not in self._damaged and (pictures := self._look(moments, step)):
                self._last = step, reach_of(pictures)
                return self._last[1]
        return {}

    def go_on(self, moments: Moments, seconds: float) -> bool:
        """Look at moments for about so long, and return whether all have been looked at; damaged ones are left out."""
        until = time.monotonic() + seconds
        for step in moments.steps():
            if step in self._looked_at:
                continue
            if time.monotonic() > until:
                return False
            self._look(moments, step)
        return True

    def _look(self, moments: Moments, step: int) -> dict[str, Array]:
        """Note what the image is taken for at a moment, and return the pictures of it; none of one that is damaged."""
        self._looked_at.add(step)
        try:
            weights = moments.read(step, self.network).weights
        except (ModelFileError, StorageError, ArgumentError):
            self._damaged.add(step)
            return {}
        pictures, probabilities = self.miniatures.of(weights, self.image)
        if probabilities is not None:  # a network with one output takes images for nothing
            self.probabilities[step] = probabilities
        return pictures

    def arrays(self, right: int | None) -> dict[str, NDArray[Any]]:
        """Return ``steps``, what the image was ``taken`` for, and the ``share`` of the class that is right (of the one
        that it was taken for, where nobody knows what is right)."""
        steps = sorted(self.probabilities)
        if not steps:
            nothing = np.zeros(0, np.int64)
            return {"steps": nothing, "taken": nothing, "share": np.zeros(0)}
        every = np.stack([self.probabilities[step] for step in steps])
        taken = every.argmax(axis=1)
        share = every[np.arange(len(steps)), taken] if right is None else every[:, right]
        return {"steps": np.array(steps), "taken": taken, "share": share}

    def right_since(self, right: int | None) -> int | None:
        """Return since which moment the image has been taken for what is right, for good; None if at the last one it is
        not."""
        since = None
        for step in sorted(self.probabilities):
            if int(self.probabilities[step].argmax()) != right:
                since = None
            elif since is None:
                since = step
        return since
