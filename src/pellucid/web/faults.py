"""What nobody foresaw: the page says so in a sentence, and the terminal shows where."""

from __future__ import annotations

import logging

_log = logging.getLogger("pellucid.web")


def noted(error: Exception, doing: str) -> str:
    """Write an error to the log, with what was being done, and return what the page says of it."""
    _log.error("%s", doing, exc_info=error)
    return f"{type(error).__name__}: a fault of Pellucid's; the terminal shows more"
