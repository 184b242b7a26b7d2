"""models: the known networks beside each other: how old, how deep, how large, how good, how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..build import lower
from ..initializers import Zeros
from ..limits import format_bytes
from ..models import MODELS
from ..network import Sequential
from ..snapshot import compile
from ..summary import summary
from ..summary.summary import Totals
from .amounts import amount, digits, grouped
from .figures import Points, Series
from .noise import noise
from .published import PUBLISHED, SOURCES, Published
from .result import NOT_MEASURED, Figure, Options, Result, Section, Table, quick_note
from .timing import Times, measure

QUICK = ("lenet5", "resnet20")

ABOUT = (
    "Layers are those with weights, along the longest way from input to output. Multiply-adds are those of one image. "
    "The time is that of one image after the other, array in to array out; beside it stands how many multiply-adds "
    "that makes in a second. Where layers are large enough, threads share an image; small networks run on one."
)


def study(options: Options) -> Result:
    """Return the survey: a table for each data set, a plot for ImageNet, and the sources."""
    names = [name for name in PUBLISHED if not options.quick or name in QUICK]
    facts = [_facts(name, options) for name in names]
    note = quick_note(options, f"some of the networks ({', '.join(names)}), few repeats")
    sections: list[Section] = [*note, ABOUT]
    for data in dict.fromkeys(each.published.data for each in facts):
        those = [each for each in facts if each.published.data == data]
        sections.append(_table(data, those))
        if data == "ImageNet":
            sections.append(_figure(those))
    sections.append(_sources([each.published.source for each in facts]))
    return Result("Known networks", tuple(sections))


@dataclass(frozen=True)
class _Facts:
    """What is published of a network, counted, and measured."""

    name: str
    published: Published
    depth: int
    totals: Totals
    times: Times | None


def _facts(name: str, options: Options) -> _Facts:
    options.progress(name)
    network = MODELS[name](initializer=Zeros())  # which weights change no time, but drawing VGG16's takes some
    times = None
    if options.measure:
        fast, image = compile(network, threads=options.threads), noise((1, *(network.input_shape or ())), "images")
        times = measure(lambda: fast(image), options)
    return _Facts(name, PUBLISHED[name], depth(network), summary(network).totals, times)


def depth(network: Sequential) -> int:
    """Return how many layers with weights lie on the longest way through a network: what its authors count.

    Examples
    --------
    >>> from pellucid import models
    >>> depth(models.resnet18())  # 21 have weights, but three of them stand in shortcuts
    18
    """
    program = lower(network)
    found = {program.input: 0}
    for step in program.steps[: program.forward]:
        before = max(found.get(value, 0) for value in step.inputs)
        found.update(dict.fromkeys(step.outputs, before + (step.kind in ("conv2d", "conv_transpose2d", "linear"))))
    return found[program.output]


def _table(data: str, facts: Sequence[_Facts]) -> Table:
    with_top5 = any(each.published.top5 is not None for each in facts)
    accuracies = ["top-1, %", "top-5, %"] if with_top5 else ["accuracy, %"]
    measured = ["one image", "multiply-adds a second"]
    columns = [
        "model", "year", "layers", "parameters", "weights", "multiply-adds", *accuracies, "source", *measured
    ]  # fmt: skip
    rows = [_cells(each, with_top5) for each in facts]
    return Table(data.lower(), f"Networks for {data}", columns, rows, frozenset(measured))


def _cells(facts: _Facts, with_top5: bool) -> list[str]:
    totals, published, times = facts.totals, facts.published, facts.times
    accuracies = [f"{published.top1:g}"]
    if with_top5:
        accuracies.append("–" if published.top5 is None else f"{published.top5:g}")
    measured = [NOT_MEASURED] * 2
    if times is not None:
        measured = [str(times), amount(totals.multiply_adds / times.median)]
    return [
        facts.name, str(published.year), str(facts.depth), grouped(totals.parameters),
        format_bytes(totals.weight_bytes), amount(totals.multiply_adds), *accuracies, published.source, *measured,
    ]  # fmt: skip


def _figure(facts: Sequence[_Facts]) -> Figure:
    series = []
    for family in dict.fromkeys(each.published.family for each in facts):
        those = [each for each in facts if each.published.family == family]
        x, y, names, sizes = zip(
            *((f.totals.multiply_adds / 1e9, f.published.top1, f.name, f.totals.parameters) for f in those), strict=True
        )
        series.append(Series(family, x, y, labels=names, sizes=sizes))
    axes = "multiply-adds of one image, × 10⁹", "top-1 accuracy, %"
    least, *_, most = sorted(facts, key=lambda each: each.totals.parameters)
    caption = (
        "Accuracy on ImageNet, as published, against what one image costs. The area of a point is the number of "
        f"parameters: from {_millions(least)} to {_millions(most)}."
    )
    return Figure("accuracy", caption, Points(*axes, series, x_log=True, sizes="parameters"))


def _millions(facts: _Facts) -> str:
    return f"{digits(facts.totals.parameters / 1e6)} million ({facts.name})"


def _sources(names: Sequence[str]) -> Table:
    rows = [(name, text) for name, text in SOURCES.items() if name in names]
    return Table("sources", "Sources of the accuracies", ("source", "what it is, and what it measured"), rows)
