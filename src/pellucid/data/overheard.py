"""Warnings, gathered where they are raised, thread by thread.

``warnings.catch_warnings`` changes what is global: of two threads that use it at once, the one that leaves last puts
back what the other had put there, and from then on all warnings are lost. Here the first thread that listens changes
it, the last one puts it back, and each thread hears its own.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
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
            filters = list(warnings.filters)
            _before = warnings.catch_warnings()
            _before.__enter__()
            warnings.simplefilter("always")
            warnings.showwarning = _passing_to(warnings.showwarning, filters)
        _listening += 1


def _end() -> None:
    global _listening, _before
    with _lock:
        _listening -= 1
        if _listening == 0:
            _before.__exit__(None, None, None)
            _before = None


def _passing_to(others: Any, filters: Sequence[Any]) -> Any:
    """Return what shows warnings: to the thread that listens, or else as the filters say that were there before."""

    def show(message: Warning | str, category: type[Warning], filename: str, line: int, *place: Any) -> None:
        warning = message if isinstance(message, Warning) else category(message)
        told = getattr(_heard, "told", None)
        if told is not None:
            told.append(warning)
            return
        action = _action(filters, str(message), category, Path(filename).stem, line)
        if action == "error":
            raise warning
        if action != "ignore":
            others(message, category, filename, line, *place)

    return show


def _action(filters: Sequence[Any], text: str, category: type[Warning], module: str, line: int) -> str:
    """Return what the first filter that fits says, as in the module ``warnings``."""
    for action, form, kind, home, number in filters:
        fits = issubclass(category, kind) and number in (0, line)
        if fits and (form is None or form.match(text)) and (home is None or home.match(module)):
            return str(action)
    return "default"
