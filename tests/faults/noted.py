"""What has happened in cases, to be counted: a kill that comes when all is done shows nothing."""

from __future__ import annotations

from collections import Counter

NOTED: Counter[str] = Counter()


def note(what: str) -> None:
    """Note that something has happened once more."""
    NOTED[what] += 1


def counted() -> str:
    """Return in words what has happened how often, and begin anew."""
    found = ", ".join(f"{count:,} {what}" for what, count in NOTED.most_common())
    NOTED.clear()
    return found
