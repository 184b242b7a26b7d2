"""What training measured: plain lists of plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """The course of a training.

    Attributes
    ----------
    batches : list of float
        The loss of every step's batch, in order.
    epochs : list of dict
        One an epoch: ``epoch`` (from 1), ``loss`` and ``accuracy`` (from 0 to 1; means over the epoch's batches as they
        were met, in training mode), ``val_loss`` and ``val_accuracy`` (where there is validation data), ``lr`` (of the
        epoch's last step) and ``seconds`` (training without validation). Accuracies only where targets are classes. Of
        an epoch that was ended in its midst, ``steps`` says how many there were.

    Examples
    --------
    >>> History(epochs=[{"epoch": 1, "loss": 0.5, "accuracy": 0.8, "lr": 0.001, "seconds": 2.0}])
    History(1 epoch: loss 0.5000, accuracy 80.00 %)
    """

    batches: list[float] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, ready for JSON."""
        return {"batches": list(self.batches), "epochs": [dict(epoch) for epoch in self.epochs]}

    def __repr__(self) -> str:
        count = len(self.epochs)
        text = f"{count} epoch" + ("" if count == 1 else "s")
        return f"History({text}: {describe(self.epochs[-1])})" if self.epochs else f"History({text})"


def describe(epoch: dict[str, float]) -> str:
    """Return one epoch's numbers as a phrase: ``loss 0.0412 (val 0.0532), accuracy 98.71 % (val 98.20 %)``."""
    shown = {name: _shown(name, value) for name, value in epoch.items() if name.endswith(("loss", "accuracy"))}
    parts = []
    for name, text in shown.items():
        if name.removeprefix("val_") == name or name.removeprefix("val_") not in shown:
            beside = f" (val {shown[f'val_{name}']})" if f"val_{name}" in shown else ""
            parts.append(f"{name.replace('val_', 'validation ')} {text}{beside}")
    return ", ".join(parts)


def _shown(name: str, value: float) -> str:
    return f"{100 * value:.2f} %" if name.endswith("accuracy") else f"{value:.4f}"
