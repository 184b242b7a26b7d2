"""A process of whichever Python; see `works.Process`."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from benchmarks.peers import Base

VERSION = "from importlib.metadata import version; print(version({distribution!r}))"


class Peer(Base):
    """The settings are "python", "code", and "needs": a distribution that must be installed there."""

    def __init__(self, settings: Mapping[str, Any]):
        super().__init__(settings)
        needed = settings["needs"]
        words = [settings["python"], "-c", VERSION.format(distribution=needed)]
        found = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if found.returncode:
            raise ModuleNotFoundError(f"no {needed}", name=needed)
        self._versions = {needed: found.stdout.strip()}

    def versions(self) -> dict[str, str]:
        """Return the version of what the process needs."""
        return self._versions
