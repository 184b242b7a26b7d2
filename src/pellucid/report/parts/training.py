"""How a network was trained: its curves, and the settings that repeat it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ...training.plain import differences
from ...training.record import Record
from ..amounts import Amounts, of
from ..canvas import canvas, svg
from ..charts import draw_chart
from ..course import Chart, Course
from ..html import Html, details, figure, gallery, paragraph, section, table, text
from ..material import Material

TITLES = {
    "epoch": "epoch", "loss": "loss", "accuracy": "accuracy", "val_loss": "validation loss",
    "val_accuracy": "validation accuracy", "lr": "learning rate", "seconds": "seconds",
}  # fmt: skip
_DIGEST = 12


def curves(material: Material, amounts: Amounts) -> Html | None:
    """Return the curves of loss, accuracy and learning rate, and their numbers."""
    course = material.course
    charts = [] if course is None else course.charts()
    if course is None or not charts:
        return None
    notes = " ".join(filter(None, (chart.note for chart in charts)))
    parts = [paragraph(_told(course), course.told(), notes), gallery(map(_drawn, charts), "charts")]
    if course.epochs:
        parts.append(details("The numbers, epoch by epoch", _epochs(course, amounts)))
    return section("training", "Training", *parts)


def _told(course: Course) -> str:
    epochs = f"{len(course.epochs):,} epoch{'' if len(course.epochs) == 1 else 's'}"
    return f"{epochs}, {len(course.batches):,} steps." if course.batches else f"{epochs}."


def _drawn(chart: Chart) -> Html:
    with canvas() as new:
        drawing = new(4.4, 2.9)
        draw_chart(drawing.add_subplot(), chart)
        picture = Html(svg(drawing, text(_heard(chart), 1000)))
    return figure(picture, text(f"{chart.title}{' (logarithmic)' if chart.log else ''}"))


def _heard(chart: Chart) -> str:
    """Return what a screen reader says of a chart: where each line begins and ends, and how far it goes."""
    lines = [
        f"{line.name or chart.title}: from {line.y[0]:.3g} to {line.y[-1]:.3g}, between {min(line.y):.3g} and "
        f"{max(line.y):.3g}"
        for line in chart.lines
        if line.y
    ]
    marked = f" Epoch {chart.marked}, whose weights are kept, is marked." if chart.marked else ""
    return f"Chart of {chart.unit} over epochs. {'; '.join(lines)}.{marked}"


def _epochs(course: Course, amounts: Amounts) -> Html:
    names = list(dict.fromkeys(name for epoch in course.epochs for name in epoch))
    last = course.epochs[-amounts.rows :]
    rows = [[_number(name, epoch.get(name)) for name in names] for epoch in last]
    columns = [TITLES.get(name, name) for name in names]
    shown = "" if len(last) == len(course.epochs) else f", the last {of(len(last), len(course.epochs), 'epoch')}"
    return table(f"What was measured{shown}", columns, rows, numbers=columns)


def _number(name: str, value: object) -> str:
    if not isinstance(value, (int, float)):
        return "–"
    if name.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def settings(material: Material, amounts: Amounts) -> Html | None:
    """Return the settings of the run, from its ``config.toml``."""
    record = material.record
    if record is None:
        return None
    tables = {name: value for name, value in record.settings.items() if isinstance(value, Mapping)}
    alone = {name: value for name, value in record.config.items() if not isinstance(record.settings[name], Mapping)}
    said = paragraph("All settings of the training, as they stand in its config.toml.")
    tables = {"": alone, **tables} if alone else tables
    parts, left = [], amounts.rows
    for name, settings_of in tables.items():
        rows = _rows(settings_of)
        parts += [_settings(name, rows[:left], len(rows))] if rows else []
        left = max(0, left - len(rows))
    if results := _results(record):
        parts.append(table("Measured when all was done", ["result", "value"], results, numbers=["value"]))
    return section("settings", "Settings", said, gallery(parts, "columns"))


def _settings(name: str, rows: list[tuple[str, str]], there: int) -> Html:
    cut = "" if len(rows) == there else f" ({of(len(rows), there, 'setting')})"
    return table(f"{f'[{name}]' if name else 'Of the run'}{cut}", ["setting", "value"], rows)


def _rows(settings_of: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return settings as rows; of digests the beginning is shown."""
    return [(name, _shown(name, value)) for name, value, _ in differences(settings_of, {})]


def _shown(name: str, value: object) -> str:
    if name.endswith("sha256") and isinstance(value, str):
        return f"{value[:_DIGEST]}…"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    if isinstance(value, (list, tuple, dict)) and not value:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _results(record: Record) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), _number(name, value)) for name, value in record.results.items()]
