"""What a network took an image for while it learnt: at each moment that is kept, and since when it was right."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, ModelFileError, StorageError
from ..network import Network
from .miniatures import Miniatures
from .moments import Moments


@dataclass
class ImageCourse:
    """The course of one image.

    Parameters
    ----------
    network : Network
        Only its layers are of interest.
    image : array

    Attributes
    ----------
    probabilities : dict of int to array (classes,)
        After how many steps -> of each class.
    """

    network: Network
    image: NDArray[Any]
    probabilities: dict[int, NDArray[Any]] = field(default_factory=dict)
    _passed_over: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._miniatures = Miniatures(self.network)

    @property
    def reach(self) -> dict[str, float]:
        """How far colours reach, so that they mean the same at all moments."""
        return self._miniatures.reach

    def go_on(self, moments: Moments, seconds: float) -> bool:
        """Look at moments for about so long, and return whether all have been looked at; damaged ones are left out."""
        until = time.monotonic() + seconds
        for step in moments.steps():
            if step in self.probabilities or step in self._passed_over:
                continue
            if time.monotonic() > until:
                return False
            try:
                weights = moments.read(step, self.network).weights
            except (ModelFileError, StorageError, ArgumentError):
                self._passed_over.add(step)
                continue
            probabilities = self._miniatures.of(weights, self.image)[1]
            if probabilities is None:  # a network with one output takes images for nothing
                self._passed_over.add(step)
            else:
                self.probabilities[step] = probabilities
        return True

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
