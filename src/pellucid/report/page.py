"""A report as one page of HTML that needs nothing beside itself: no network, no script, no other file."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from string import Template
from typing import NamedTuple, TypeAlias

from ..training.record import Record
from ..version import VERSION
from .amounts import Amounts
from .html import Html, element, join, paragraph, text
from .judging import Compared, Judged
from .material import Material
from .parts import classes, inside, regression, samples, training
from .parts.classes import percent

MOST_BYTES = 2_000_000
"""Size of a page, beyond which it shows less of everything."""

_Part: TypeAlias = Callable[[Material, Amounts], Html | None]


class _Entry(NamedTuple):
    """A part of a page: where it stands, what leads there, what makes it."""

    identifier: str
    title: str
    part: _Part


PARTS = (
    _Entry("training", "Training", training.curves),
    _Entry("outputs", "Outputs and targets", regression.comparison),
    _Entry("classes", "Classes", classes.confusion),
    _Entry("calibration", "Calibration", classes.calibration),
    _Entry("mistakes", "Mistakes", samples.mistakes),
    _Entry("network", "Network", inside.network),
    _Entry("filters", "Filters", inside.filters),
    _Entry("maps", "Feature maps", inside.feature_maps),
    _Entry("settings", "Settings", training.settings),
)


def page(material: Material) -> str:
    """Return a report; the same material gives the same page.

    It has at most 2 MB: where there is more to show, less of it is shown, and that is said.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    amounts = Amounts()
    while True:
        made = _page(material, amounts)
        if len(made.encode()) <= MOST_BYTES or amounts.fewer() == amounts:
            return made
        amounts = amounts.fewer()


def _page(material: Material, amounts: Amounts) -> str:
    parts = [(entry, entry.part(material, amounts)) for entry in PARTS]
    links = [
        element("li", element("a", text(entry.title), href=f"#{entry.identifier}")) for entry, part in parts if part
    ]
    template = Template(files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=text(f"{material.title}: report"),
        style=files(__package__).joinpath("report.css").read_text(encoding="utf-8"),
        heading=text(material.title),
        lead=text(_lead(material)),
        facts=_facts(material),
        missing=_missing(material),
        links=join(links),
        main=join(part for _, part in parts if part),
        version=text(VERSION),
    )


def _lead(material: Material) -> str:
    """Return in a sentence what was trained on what, and measured on what."""
    record, found = material.record, material.found
    told = []
    if record is not None:
        told.append(f"{record.model or 'a network'}{f' trained on {record.data}' if record.data else ''}")
        if record.state != "finished":
            told.append(f"the training is {record.state}")
        elif record.stopped_epoch:
            told.append(f"stopped early after epoch {record.stopped_epoch:,}")
    if found is not None:
        samples = "images" if found.data.images.ndim == 4 else "samples"
        part = f"{material.part} " if material.part else ""
        told.append(f"measured on {len(found.data):,} {part}{samples}")
    return f"{', '.join(told) or 'A network'}."


def _facts(material: Material) -> Html:
    """Return the numbers that say most, as a list."""
    found, record = material.found, material.record
    facts = []
    if isinstance(found, Judged):
        facts += [("accuracy", percent(found.accuracy)), ("mistakes", f"{len(found.mistakes):,}")]
        facts += [("calibration error", percent(found.calibration.error))]
    elif isinstance(found, Compared):
        facts += [("root mean squared error", f"{float((found.errors**2).mean() ** 0.5):.4g}")]
    facts += [("parameters", f"{material.summary.totals.parameters:,}")]
    if record is not None:
        facts += _epochs(record)
        facts += [("training time", f"{record.seconds:,.1f} s")]
    inner = (element("div", element("dt", text(name)), element("dd", text(value))) for name, value in facts)
    return element("dl", join(inner), class_="facts")


def _epochs(record: Record) -> list[tuple[str, str]]:
    """Return how many epochs there were, of how many if it stopped early, and which one's weights are kept."""
    count = len(record.epochs)
    asked = f" of {record.setting('training', 'epochs', '?')}" if record.stopped_epoch else ""
    facts = [("epoch" if count == 1 and not asked else "epochs", f"{count:,}{asked}")]
    return [*facts, ("best epoch", f"{record.best_epoch:,}")] if record.best_epoch not in (0, count) else facts


def _missing(material: Material) -> Html:
    if not material.missing:
        return Html("")
    return paragraph(f"What needs data is left out: {material.missing}.")
