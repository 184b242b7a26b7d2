"""The versions of a network, one of which is shown: with its edits, before them, or at a moment of its training."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

from ..network import Network
from .learning.moments import Moment
from .looking.edits import Edits
from .looking.sharing import with_weights


class Versions:
    """A network as it was given, as it was edited, and as it was in training.

    Networks never change here: another takes the place of the one that is shown, and shares with it all arrays that
    are the same. So whoever has taken one goes on with it, and waits for nobody.

    Parameters
    ----------
    network : Network
        As it was given. Nobody may change it as long as it is here.
    when_changed : callable
        Called, with `busy` held, whenever another network is shown.

    Attributes
    ----------
    busy : lock
        Held while another network takes the place of the one that is shown, and by nobody who computes. Every method
        takes it; who does several things as one, such as an edit that is then shown, holds it for all of them.
    original : Network
        As it was given, or as its training has come to since.
    edits : Edits
        Of the original.
    network : Network
        As it is shown.
    start : str
        A name that no other start of a server has: revisions are comparable within one.
    revision : int
        Grows whenever another network is shown.
    step : int or None
        After how many steps of the training the network is shown, without edits; None for the network as it is.
    chosen : bool
        Whether somebody went to that moment; else pages only follow the training.
    """

    def __init__(self, network: Network, when_changed: Callable[[], None]):
        self.busy, self._when_changed = threading.RLock(), when_changed
        self.original = self.network = network
        self.edits = Edits(network)
        self.start, self.revision = secrets.token_hex(8), 0
        self.step: int | None = None
        self.chosen = False
        self._edited, self._edited_at = network, 0  # that with all edits, and the revision at which it was shown first

    @property
    def comparing(self) -> bool:
        """Whether the network is shown as it was before its edits."""
        return bool(self.edits.done) and self.network is self.original

    @property
    def first_revision(self) -> int:
        """The revision at which the network that is shown was shown first, 0 for the original: what is known of one
        that comes back is known under this."""
        if self.network is self.edits.network:
            return self._edited_at if self.edits.done else 0
        return 0 if self.network is self.original else self.revision

    def show_edited(self) -> None:
        """Show the network with all edits: after each of them, and when one has looked at what was before them."""
        with self.busy:
            self._show(self.edits.network)

    def show_original(self) -> None:
        """Show the network as it was before all edits, until `show_edited` shows it with them again."""
        with self.busy:
            self._show(self.original)

    def go_to(self, moment: Moment | None, *, chosen: bool = False) -> None:
        """Show the network as it was at a moment of its training, or for None as it is, with its edits."""
        with self.busy:
            if moment is None:
                if self.network is not self.edits.network:
                    self._show(self.edits.network)
            elif self.step == moment.step:  # as where another page has gone there
                self.chosen = chosen
            else:
                self._show(with_weights(self.original, moment.weights), moment.step, chosen=chosen)

    def renew(self, original: Network) -> None:
        """Show what a training has come to, as the original from now on. What was edited is let go of."""
        with self.busy:
            self.original, self.edits = original, Edits(original)
            self.show_edited()

    def _show(self, network: Network, step: int | None = None, *, chosen: bool = False) -> None:
        self.network, self.step, self.chosen = network, step, chosen
        self.revision += 1
        if network is self.edits.network is not self._edited:
            self._edited, self._edited_at = network, self.revision
        self._when_changed()
