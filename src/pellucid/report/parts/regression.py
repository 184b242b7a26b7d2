"""How predicted numbers compare with the right ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..amounts import Amounts, of
from ..canvas import canvas, svg
from ..charts import draw_points
from ..html import Html, figure, gallery, paragraph, section, table, text
from ..judging import Compared
from ..material import Material

_PANELS, _POINTS, _WORST = 4, 500, 12


def comparison(material: Material, amounts: Amounts) -> Html | None:
    """Return how predicted numbers compare with the right ones."""
    compared = material.found
    if not isinstance(compared, Compared):
        return None
    count = compared.targets.shape[1]
    measures = compared.by_output()[: amounts.rows]
    rows = [[f"output {number}", *map(_figure, each)] for number, each in enumerate(measures)]
    columns = ["output", "root mean squared error", "mean absolute error", "R²"]
    caption = f"How far outputs are from targets: {of(len(rows), count, 'output')}"
    drawn = [_points(compared.targets[:, k], compared.outputs[:, k], k) for k in range(min(count, _PANELS))]
    cut = "" if count <= _PANELS else f"Drawn are the first {_PANELS} of {count:,} outputs."
    said = f"{len(compared.targets):,} samples; the dashed line is where outputs are right."
    return section(
        "outputs", "Outputs and targets", paragraph(said, cut), gallery(drawn, "charts"),
        table(caption, columns, rows, numbers=columns[1:]), _worst(compared),
    )  # fmt: skip


def _points(targets: NDArray[np.float64], outputs: NDArray[np.float64], number: int) -> Html:
    step = math.ceil(len(targets) / _POINTS)
    with canvas() as new:
        drawing = new(4.4, 3.4)
        draw_points(drawing.add_subplot(), targets[::step], outputs[::step])
        picture = Html(
            svg(drawing, text(f"Points: output {number} over its target, for {len(targets[::step])} samples"))
        )
    every = "" if step == 1 else f", one sample of {step}"
    return figure(picture, text(f"Output {number}{every}"))


def _worst(compared: Compared) -> Html:
    worst = compared.worst[:_WORST]
    rows = [
        [f"{int(n):,}", _numbers(compared.targets[n]), _numbers(compared.outputs[n]), _figure(compared.errors[n])]
        for n in worst
    ]
    caption = f"The largest errors: {of(len(rows), len(compared.worst), 'sample')}"
    return table(caption, ["sample", "target", "output", "error"], rows, numbers=["target", "output", "error"])


def _numbers(values: Sequence[float] | NDArray[np.float64], most: int = 4) -> str:
    return ", ".join(map(_figure, values[:most])) + (", …" if len(values) > most else "")


def _figure(value: float) -> str:
    return f"{value:.4g}".replace("-", "−") if math.isfinite(value) else "–"
