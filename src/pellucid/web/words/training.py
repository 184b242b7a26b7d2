"""What the tab "Training" says: how far a training is, and what it came to see in an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from .network import with_article
from .written import accuracy, percent, rate, significant

STATES = {
    "training": "Training", "paused": "Paused", "finished": "Finished", "interrupted": "Interrupted",
    "running": "Still training, as of this page’s opening",
}  # fmt: skip
"""State of a training -> how that is called."""


COLUMNS: Mapping[str, Callable[[float], str]] = {
    "epoch": "{:.0f}".format, "loss": significant, "training accuracy": accuracy, "held-out loss": significant,
    "held-out accuracy": accuracy, "learning rate": rate,
}  # fmt: skip
"""Of the table of epochs: head -> how its numbers are written."""


def row_of(measured: Sequence[float]) -> list[str]:
    """Return a row of the table of epochs; a dash stands for what nobody measured."""
    pairs = zip(COLUMNS.values(), measured, strict=True)
    return [write(value) if math.isfinite(value) else "–" if math.isnan(value) else "∞" for write, value in pairs]


def epoch_of(step: int, steps_per_epoch: int) -> int:
    """Return which epoch a step belongs to."""
    return -(-step // steps_per_epoch)


def standing(told: Mapping[str, Any], measured: Sequence[tuple[float, float]]) -> str:
    """Return how far a training is.

    Parameters
    ----------
    told : mapping
        What the page is told of it.
    measured : sequence of (float, float)
        Loss and accuracy of the last steps, alone; empty as long as there are none.
    """
    step, each, paused = told["step"], told["steps_per_epoch"], told["state"] == "paused"
    lost, right = measured[-1] if measured else (math.nan, math.nan)
    if paused:
        lost = math.nan if told["loss"] is None else told["loss"]
    epochs = max(1, round(told["steps"] / each))
    parts = [
        f"{STATES[told['state']]}: step {step:,} of {told['steps']:,}",
        f"epoch {min(max(1, epoch_of(step, each)), epochs)} of {epochs}",
    ]
    if math.isfinite(lost):
        parts.append(f"{'this step’s loss' if paused else 'loss'} {significant(lost)}")
    if math.isfinite(right):
        parts.append(f"training accuracy {accuracy(right)}")
    if told["lr"]:
        parts.append(f"learning rate {rate(told['lr'])}")
    return " · ".join(parts)


def at_moment(step: int, steps_per_epoch: int, measured: tuple[float, float]) -> str:
    """Return which moment of a training that after a step is, and the loss and accuracy that were ``measured``, NaN
    where nobody knows."""
    if not step:
        return "after step 0, before the first"
    words = f"after step {step:,}, epoch {epoch_of(step, steps_per_epoch)}"
    loss, right = measured
    words += f" · loss {significant(loss)}" if math.isfinite(loss) else ""
    return words + (f" · training accuracy {accuracy(right)}" if math.isfinite(right) else "")


def beside(told: Mapping[str, Any]) -> str:
    """Return what else is to be known of a training: what was done by hand, and what went wrong."""
    parts = [f"learning rate × {rate(by)} by hand from step {step + 1:,} on" for step, by in told["rates"]]
    if told["trouble"]:
        parts.append(told["trouble"])
    if told["ending"]:
        parts.append(f"ended by an error: {told['ending']}")
    if told["state"] not in ("training", "paused") and not told["moments"]:
        parts.append("no moments were kept to go back to: pellucid train … --view keeps some")
    return "; ".join(parts)


def of_epoch(epochs: Sequence[Mapping[str, float]]) -> str:
    """Return what the last of the epochs has measured; "" as long as there are none."""
    if not epochs:
        return ""
    last = epochs[-1]
    right = last.get("accuracy", math.nan)
    known = "" if math.isnan(right) else f", accuracy {accuracy(right)}"
    return f"epoch {last['epoch']:.0f} done: loss {significant(last['loss'])}{known}"


def since_when(header: Mapping[str, Any], steps: NDArray[Any], name: str, steps_per_epoch: int) -> str:
    """Return since which moment an image is taken for what is right.

    Parameters
    ----------
    header : mapping
        What the page is told of its course.
    steps : array
        Of the moments.
    name : str
        Of the class that is right.
    steps_per_epoch : int
    """
    step, as_is = header["since"], "as now" if header["live"] else "as at the end"
    if header["known"]:
        as_is = "which is right"
    taken = f"taken it for {with_article(name)}, {as_is}."
    if step is None:
        return f"At the last moment it has not {taken}"
    if step == steps[0]:
        return f"From the beginning it has {taken}"
    return f"▼ Since step {step:,} (epoch {epoch_of(step, steps_per_epoch)}) it has {taken}"


def how_sure(share: NDArray[Any], name: str) -> str:
    """Return how sure a network was of the class that is right, at first and at last."""
    return f"How sure it was of {name}: {percent(share[0])} at first, {percent(share[-1])} at last."
