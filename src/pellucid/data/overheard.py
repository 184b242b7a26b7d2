"""Warnings, gathered where they are raised, thread by thread.

``warnings.catch_warnings`` changes what is global: of two threads that use it at once, the one that leaves last puts
back what the other had put there, and from then on all warnings are lost. Here the first thread that listens changes
it, the last one puts it back, and each thread hears its own.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_heard = threading.local()
_listening = 0
_before: Any = None


@contextmanager
def overheard() -> Iterator[list[Warning]]:
    """Gather what is warned of in this thread, instead of showing it; inside another, only the inner one hears."""
    outer, told = getattr(_heard, "told", None), list[Warning]()
    _begin()
    _heard.told = told
    try:
        yield told
    finally:
        _heard.told = outer
        _end()


def _begin() -> None:
    global _listening, _before
    with _lock:
        if _listening == 0:
            _before = warnings.catch_warnings()
            _before.__enter__()
            warnings.simplefilter("always")
            warnings.showwarning = _passing_to(warnings.showwarning)
        _listening += 1


def _end() -> None:
    global _listening, _before
    with _lock:
        _listening -= 1
        if _listening == 0:
            _before.__exit__(None, None, None)
            _before = None


def _passing_to(others: Any) -> Any:
    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        told = getattr(_heard, "told", None)
        if told is None:
            others(message, category, *place)
        else:
            told.append(message if isinstance(message, Warning) else category(message))

    return show
