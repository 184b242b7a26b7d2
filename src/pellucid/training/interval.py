"""How often a checkpoint is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..arguments import shown
from ..errors import ArgumentError
from ..geometry import whole_number

_EVERY = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h)")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Interval:
    """How often a checkpoint is written: every so many steps, or seconds; the other one is 0."""

    steps: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, every: str | int) -> Interval:
        """Return what is meant by 500, "500", "30s", "5min" or "1h".

        Raises
        ------
        ArgumentError
            If it is none of these, or 0.
        """
        if isinstance(every, str):
            found = _EVERY.fullmatch(every.strip())
            if found is not None and float(found[1]) > 0:
                return cls(seconds=float(found[1]) * _SECONDS[found[2]])
            if not every.strip().isdecimal():
                raise ArgumentError(
                    f"checkpoint_every: expected a number of steps such as 500, or a time such as 30s, 5min or 1h, "
                    f"received {shown(every)}"
                )
            every = int(every)
        return cls(steps=whole_number(every, "checkpoint_every"))
