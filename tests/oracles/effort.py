"""How much work Python does, without a clock: a loop within a loop shows, on however busy a machine."""

import sys
from collections.abc import Callable
from typing import Any


def effort(work: Callable[[], Any]) -> int:
    """Return how often functions are entered while `work` runs, generators at every turn."""
    entered = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal entered
        entered += event.endswith("call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return entered
