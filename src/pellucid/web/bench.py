"""The bench: a network on it, data beside it, and the images that somebody has looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
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
from .learning.following import Following
from .looking.description import describe, digest, shown_values
from .looking.images import Images
from .looking.look import Look
from .looking.measuring import Measuring
from .looking.sharing import sharing, to_run, with_weights
from .versions import Versions

LOOKS = 16
"""Looks at images that are kept at most."""
FEWEST_LOOKS = 2
"""Looks that are kept however large they are."""
LOOK_BYTES = 5e8
"""Bytes of activations that more of them may have together."""


class Bench:
    """What the page shows: a network in one of its versions, images, and what the one makes of the other.

    Parameters
    ----------
    network : Network
        As it is given. Nobody may change it as long as it is here.
    title : str
    data : Dataset, optional
        What it is measured on.
    part : str
        What the data are of those that it was trained on, such as "test".
    held_out : bool
        Whether the network was trained without them.
    of : int
        How many images there are, where the data are only the first of them; else 0.

    Attributes
    ----------
    versions : Versions
        Of the network, and which one is shown; who changes anything, changes these.
    busy : lock
        Theirs.
    images : Images
    following : Following or None
        What is known of the training that the network comes from.
    description : dict
        What there is to show of the network; edits do not change it.
    work : int
        Multiply-adds for one image.
    explaining : lock
        Held by one explanation at a time.
    explained : float
        The share that is done of the explanation that is being made.
    """

    def __init__(
        self, network: Network, title: str, data: Dataset | None = None, part: str = "", *, held_out: bool = False,
        of: int = 0,
    ):  # fmt: skip
        weights(network)  # those that are not there yet are drawn once, for all
        self.title, self.data, self.part, self.held_out, self.of = title, data, part, held_out, of
        self._looks: OrderedDict[str, Look] = OrderedDict()
        self.versions, self.images = Versions(network, self._looks.clear), Images()
        self.busy = self.versions.busy
        self.following: Following | None = None
        self.explaining, self.explained = threading.Lock(), 0.0
        self._forgetful: tuple[tuple[Network, int], Network] | None = None
        self._lowered: tuple[Network, Program] | None = None
        self._measuring = self._new_measuring()
        self.description = self._described(network)
        self.work: int = self.description["multiply_adds"]

    # ---- the network
    @property
    def network(self) -> Network:
        """The network, as it is shown."""
        return self.versions.network

    @property
    def revision(self) -> int:
        """Grows whenever another network is shown."""
        return self.versions.revision

    @cached_property
    def of_classes(self) -> bool:
        """Whether outputs may be scores of classes, as far as the data tell: their answers are no other numbers."""
        return self.data is None or class_numbers(self.data.labels) is not None

    @cached_property
    def values(self) -> dict[str, int]:
        """Path of each shown layer -> the value that it makes."""
        return shown_values(lower(self.network))

    def renew(self, network: Network) -> None:
        """Let the network have the weights that its training has come to. What was edited is let go of."""
        held = {name: array.copy() for name, array in weights(network).items()}
        with self.busy:
            original = with_weights(self.versions.original, held)
            if self._measuring is not None:
                self._measuring.end()
            self._measuring = self._new_measuring()
            self.description = self._described(original)  # who hears of the revision finds what belongs to it
            self.versions.renew(original)

    def catch_up(self) -> None:
        """Let a page that opens find the network with its edits; or else as a training elsewhere has come to."""
        with self.busy:
            if self.versions.comparing:  # another page holds the button, or was closed meanwhile
                self.versions.show_edited()
        if self.following is None or self.versions.edits.done:
            return
        newer = self.following.newer()
        if newer is None:
            return
        if _sizes(newer) == _sizes(self.versions.original):
            with self.busy:
                if not self.versions.edits.done and not self.versions.chosen:  # as another page may have done meanwhile
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

    def _described(self, original: Network) -> dict[str, Any]:
        names = () if self.data is None else self.data.class_names
        return {"digest": digest(original), **describe(original, names)}

    # ---- images, and what the network makes of them
    def put(self, image: NDArray[Any], *, passing: bool = False) -> str:
        """Put an image on the bench, and return its name; as `Images.put`.

        Raises
        ------
        ShapeError, DataError
            If the network does not take it.
        """
        return self.images.put(accepted(self.network, image[None])[0], passing=passing)

    def image(self, name: str) -> NDArray[Any]:
        """Return an image that was put there; as `Images.get`."""
        return self.images.get(name)

    def look(self, name: str) -> Look:
        """Return what the network, as it is shown, makes of an image that was put there."""
        image = self.image(name)
        with self.busy:
            if name not in self._looks:
                network, program = self.network, self._program()
                if (own := to_run(network, program)) is not network:
                    network, program = own, lower(own)
                self._looks[name] = Look.at(network, self.revision, image, program)
                most = max(FEWEST_LOOKS, min(LOOKS, int(LOOK_BYTES / program.activation_bytes())))
                while len(self._looks) > most:
                    self._looks.popitem(last=False)
            self._looks.move_to_end(name)
            return self._looks[name]

    def _program(self) -> Program:
        """Return the network as it is shown, lowered for prediction: each has a program of its own, as a layer of the
        user's own is part of it."""
        if self._lowered is None or self._lowered[0] is not self.network:
            self._lowered = self.network, lower(self.network)
        return self._lowered[1]

    # ---- data
    def sample(self, number: int) -> NDArray[Any]:
        """Return an image of the data."""
        if self.data is None:
            raise ArgumentError("number: there are no data here to take an image from")
        return np.asarray(self.data.images[number])

    def measured(self) -> Judged | str | None:
        """Return what the network, as it is shown, makes of the data.

        Instead, a text that says why nothing can be told; or None, as long as it is measured: ask again.
        """
        with self.busy:
            return self._measured(self.versions.first_revision, self.network)

    def measured_before(self) -> Judged | str | None:
        """Return the same of the network before its edits."""
        with self.busy:
            return self._measured(0, self.versions.original)

    def share_measured(self) -> float:
        """Return the share of the data that the network has seen which is being measured."""
        return 0.0 if self._measuring is None else self._measuring.done

    def _measured(self, revision: int, network: Network) -> Judged | str | None:
        if self._measuring is None:
            return "there are no data here to be right about"
        return self._measuring.found(revision, lambda: sharing(network))

    def _new_measuring(self) -> Measuring | None:
        """Return what measures networks on the data, and knows of none yet."""
        return None if self.data is None else Measuring(self.data)


def _sizes(network: Network) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter and state by its path."""
    return {path: array.shape for path, array in weights(network).items()}
