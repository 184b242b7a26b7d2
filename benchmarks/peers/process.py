"""A process of whichever Python; see `works.Process`."""

from __future__ import annotations

from benchmarks.peers import Base


class Peer(Base):
    """The settings say which process; there is no library to load here."""
