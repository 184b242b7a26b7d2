"""What is said of the steps of a way back."""

from __future__ import annotations

from ...sums import WalkStep
from .sums import of_one
from .written import percent, text

THIN = 0.01
"""Of all: a path that says less is one of very many."""


def of_step(step: WalkStep, before: float, kept: float) -> str:
    """Return how a way goes on, and what it says until here: ``before`` and after this step, as a share."""
    if step.terms == 1:
        return of_one(step.kind)
    against = ", against it" if step.amount * step.number < 0 else ""
    told = (
        f"the largest of {step.terms:,} terms, {text(step.amount)}{against}: {_part(step.share)} of all that was added "
        "and taken away"
    )
    if before < THIN:
        return told
    if kept < THIN:
        return f"{told}; from here on, this is one path of very many"
    return told if before == 1 else f"{told}; {_part(kept)} along this path so far"


def ending(step: WalkStep) -> str:
    """Return where a way ends, and why."""
    if step.kind in ("scale", "input"):
        *_, row, column = (0, *step.index)
        return f"the image itself: row {row}, column {column}"
    if step.source is not None:
        return "the way goes on"
    if step.terms:
        return f"all {step.terms:,} terms are 0" + (": the number is the bias alone" if step.number else "")
    return "nothing of the network stands before it"


def _part(share: float) -> str:
    return "100 %" if share == 1 else percent(share)
