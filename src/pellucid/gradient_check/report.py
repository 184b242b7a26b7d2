"""What a gradient check found: one GradientCheck a tensor, and the GradientReport that prints them as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..steps import Shape


@dataclass(frozen=True)
class GradientCheck:
    """How the gradient of one tensor fared.

    Attributes
    ----------
    name : str
        A parameter's path, or "input".
    shape : tuple of int
    error : float
        The largest difference between the two gradients, relative to the tensor's largest gradient.
    coordinate : tuple of int or None
        Where that is; None if only the direction through all coordinates showed it.
    backward, difference : float
        The two numbers there: what ``backward`` gave, and the quotient of differences.
    checked, kinks : int
        Coordinates that were checked, and those that were left out because they lie on a kink.
    ok : bool
        Whether the error is within the tolerance.
    note : str
        What seems to be wrong.
    """

    name: str
    shape: Shape
    error: float = math.inf
    coordinate: tuple[int, ...] | None = None
    backward: float = math.nan
    difference: float = math.nan
    checked: int = 0
    kinks: int = 0
    ok: bool = False
    note: str = ""

    def row(self) -> tuple[str, ...]:
        """Return the check as a line of the report's table."""
        at = "" if self.coordinate is None else f"({', '.join(map(str, self.coordinate))})"
        checked = f"{self.checked} of {math.prod(self.shape)}" + (f", {self.kinks} on kinks" if self.kinks else "")
        numbers = f"{self.error:.1e}", at, f"{self.backward:+.6e}", f"{self.difference:+.6e}"
        return self.name, "×".join(map(str, self.shape)), *numbers, checked, "ok" if self.ok else f"WRONG: {self.note}"


@dataclass(frozen=True, repr=False)
class GradientReport:
    """What `check_gradients` found; printed, it is a table with one line a tensor.

    Attributes
    ----------
    layer : str
        Name of the class.
    tolerance : float
    checks : tuple of GradientCheck
        One a parameter, and "input" last.
    """

    layer: str
    tolerance: float
    checks: tuple[GradientCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether every gradient is right."""
        return all(check.ok for check in self.checks)

    @property
    def worst(self) -> GradientCheck:
        """The check with the largest error; a failed one before all others."""
        return max(self.checks, key=lambda check: (not check.ok, check.error))

    def __str__(self) -> str:
        wrong = [check.name for check in self.checks if not check.ok]
        verdict = f"wrong for {', '.join(wrong)}" if wrong else "right"
        head = ("tensor", "shape", "error", "worst at", "backward", "difference", "checked", "")
        rows = [head, *(check.row() for check in self.checks)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
        title = f"gradients of {self.layer}: {verdict} (relative error up to {self.tolerance:g} is rounding)"
        return "\n".join([title, *(line.rstrip() for line in lines)])

    __repr__ = __str__
