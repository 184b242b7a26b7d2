"""How data are classified: the confusion matrix, the scores of each class, and whether confidence can be trusted."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..amounts import Amounts, of
from ..canvas import canvas, svg
from ..charts import draw_calibration
from ..html import Cell, Html, details, figure, gallery, image, paragraph, section, table, text
from ..judging import Judged
from ..material import Material
from ..pixels import PALETTE, as_png, shrunk, signed

_PAIRS = 20
_OPEN = 40
"""Rows up to which a table is shown at once."""
_SIDE = 256
_LETTERS = 10


def confusion(material: Material, amounts: Amounts) -> Html | None:
    """Return which classes are taken for which, and the scores of each class."""
    judged = material.found
    if not isinstance(judged, Judged):
        return None
    many = len(judged.names) > amounts.columns
    matrix = _matrix_picture(judged) if many else _matrix(judged)
    parts = [matrix, *([_pairs(judged)] if many else []), _class_table(judged, amounts)]
    return section("classes", "Classes", gallery(parts, "columns"))


def _matrix(judged: Judged) -> Html:
    counts = judged.confusion
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    most = float(np.where(np.eye(len(counts), dtype=bool), 0, shares).max())
    rows = [
        [name, *(_count(counts, shares, most, row, column) for column in range(len(counts)))]
        for row, name in enumerate(judged.names)
        if totals[row]
    ]
    heads = ["it is", *(_short(name) for name in judged.names)]
    caption = (
        "Confusion matrix: rows are what it is, columns what it was taken for; stronger colours are larger shares, of "
        "mistakes beside the most frequent one"
    )
    if len(rows) < len(counts):
        absent = len(counts) - len(rows)
        caption += f"; {absent:,} {'class does' if absent == 1 else 'classes do'} not occur"
    return table(caption, heads, rows, numbers=heads[1:], kind="matrix")


def _count(counts: NDArray[np.int64], shares: NDArray[np.float64], most: float, row: int, column: int) -> Cell:
    """Return a cell of the matrix; `most` is the largest share that is taken for something else."""
    count = int(counts[row, column])
    if not count:
        return Cell("·", "none")
    share = shares[row, column]
    if row == column:
        return Cell(f"{count:,}", f"r{1 + (share > 0.5) + (share > 0.9)}")
    return Cell(f"{count:,}", f"w{1 + (share > most / 3) + (share > 2 * most / 3)}")


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"


def _matrix_picture(judged: Judged) -> Html:
    """Return the matrix of many classes as a picture."""
    counts = judged.confusion.astype(np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares[np.diag_indices(len(shares))] *= -1  # blue
    pixels = shrunk(shares, _SIDE)
    side = max(1, 384 // len(pixels)) * len(pixels)
    alt = f"Confusion matrix of {len(shares):,} classes; the most frequent mistakes stand in the table below"
    caption = "Confusion matrix: rows are what it is, columns what it was taken for; blue is right, orange wrong."
    return figure(image(as_png(signed(pixels, float(np.abs(pixels).max())), PALETTE), alt, side, side), text(caption))


def _pairs(judged: Judged) -> Html:
    pairs = judged.taken_for
    rows = [(judged.names[true], judged.names[named], f"{count:,}") for count, true, named in pairs[:_PAIRS]]
    caption = f"The most frequent mistakes: {of(len(rows), len(pairs), 'pair')} of classes"
    return table(caption, ["it is", "taken for", "times"], rows, numbers=["times"])


def _class_table(judged: Judged, amounts: Amounts) -> Html:
    """Return precision, recall and F1 of each class; where they are cut, the worst stay."""
    found = judged.scores
    there = np.flatnonzero(np.isfinite(found.f1))
    caption = (
        "Each class: precision is the share of those taken for it that are it, recall the share of it that was found"
    )
    if len(there) < len(judged.names):
        caption += f"; {len(judged.names) - len(there):,} others neither occur nor were named"
    shown = there
    if len(there) > amounts.classes:
        shown = there[np.argsort(found.f1[there], kind="stable")[: amounts.classes]]
        caption += f"; here are the {len(shown):,} with the lowest F1 of {len(there):,}"
    rows = [
        [judged.names[k], *map(percent, (found.precision[k], found.recall[k], found.f1[k])), f"{found.support[k]:,}"]
        for k in shown
    ]
    columns = ["class", "precision", "recall", "F1", "samples"]
    whole = table(caption, columns, rows, numbers=columns[1:])
    return whole if len(rows) <= _OPEN else details(f"Each of {of(len(rows), len(there), 'class')}", whole)


def calibration(material: Material, amounts: Amounts) -> Html | None:
    """Return whether probabilities mean what they say."""
    judged = material.found
    if not isinstance(judged, Judged):
        return None
    found = judged.calibration
    with canvas() as new:
        drawing = new(4.4, 3.6)
        draw_calibration(drawing.add_subplot(), found)
        label = f"Reliability diagram: expected calibration error {percent(found.error)}; its numbers stand in a table"
        picture = Html(svg(drawing, text(label)))
    side = _side(judged)
    said = (
        f"The network is on average {percent(float(judged.confidence.mean()))} sure of the class that it names, and "
        f"right in {percent(judged.accuracy)} of the cases: {side}. In bins of confidence, both lie "
        f"{percent(found.error)} apart on average (the expected calibration error)."
    )
    rows = [
        [f"{low:.2f} to {high:.2f}", f"{count:,}", percent(sure), percent(right)]
        for low, high, count, sure, right in zip(
            found.edges, found.edges[1:], found.counts, found.confidence, found.accuracy, strict=False
        )
        if count
    ]
    columns = ["confidence", "samples", "mean confidence", "accuracy"]
    numbers = details("The numbers", table("Predictions by confidence", columns, rows, numbers=columns[1:]))
    caption = text("Reliability: how many predictions are right, of those that are so sure.")
    return section(
        "calibration", "Calibration", paragraph(said), gallery([figure(picture, caption)], "charts"), numbers
    )


def _side(judged: Judged) -> str:
    apart = float(judged.confidence.mean()) - judged.accuracy
    return "too sure of itself" if apart > 0.01 else "not sure enough" if apart < -0.01 else "about as sure as right"


def percent(share: float) -> str:
    """Return a share as it is shown; a dash where there is none."""
    return f"{100 * share:.2f} %" if math.isfinite(share) else "–"
