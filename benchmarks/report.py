"""What races found, as Markdown to read and as JSON to keep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean, median, stdev
from typing import Any

from benchmarks.harness import Entry, Result, Rules
from benchmarks.numpy_path import machine, table

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
WANTED_ACCURACY = 0.99


def markdown(results: Sequence[Result], rules: Rules) -> str:
    """Return the report of a benchmark."""
    rule = (
        f"Medians of {rules.repeats} turns, with the smallest and the largest; a turn in which others had more than "
        f"{rules.tolerance:.0%} of a processor was taken again."
    )
    if rules.load:
        rule = f"Medians of {rules.repeats} turns, with {rules.load} other processes computing all the time."
    return "\n\n".join([f"{machine()} {rule}", *map(section, results), _versions(results)])


def section(result: Result) -> str:
    """Return a race's table, and what it comes to."""
    done = sorted((each for each in result.entries if each.turns), key=_seconds)
    ours = min((each for each in done if each.competitor.ours and _right(result, each)), key=_seconds, default=None)
    rows = [_row(result, each, ours) for each in done]
    rows += [{"": each.competitor.name, "median": each.problem} for each in result.entries if not each.turns]
    head = [name for name in COLUMNS if name in ("", "median") or any(row.get(name) for row in rows)]
    whole = table([head, *([row.get(name, "") for name in head] for row in rows)])
    return "\n\n".join([f"### {result.race.title}", whole, *_conclusions(result, done, ours)])


COLUMNS = ("", "median", "range", "turns", "Pellucid is", "of the limit", "memory", "accuracy", "differs by")
"""Of a table; those that are empty are left out."""


def _row(result: Result, entry: Entry, ours: Entry | None) -> dict[str, str]:
    values, memory, limit = entry.values(), entry.values("memory"), _limit(result)
    compared = ours is not None and _right(result, entry) and not entry.competitor.ours
    return {
        "": _name(entry),
        "median": duration(entry.seconds),
        "range": f"{duration(min(values))} – {duration(max(values))}",
        "turns": _turns(entry),
        "Pellucid is": f"{entry.seconds / ours.seconds:.2f}× as fast" if compared and ours else "",
        "of the limit": f"{limit / entry.seconds:.0%}" if limit else "",
        "memory": f"{median(memory) / 1e6:,.0f} MB" if memory else "",
        "accuracy": _accuracy(entry.values("accuracy")),
        "differs by": _difference(result, entry),
    }


def _conclusions(result: Result, done: Sequence[Entry], ours: Entry | None) -> list[str]:
    """Return sentences on the machine's limit, on the best of the others, and on what cannot be relied on."""
    race, found = result.race, []
    if result.limits:
        flops, bandwidth = result.limits["flops"] / 1e9, result.limits["bandwidth"] / 1e9
        limit = _limit(result)
        least = f", so at least {duration(limit)}" if limit else ""
        found.append(f"The machine meanwhile: {flops:.0f} GFLOP/s, {bandwidth:.1f} GB/s{least}.")
    others = [each for each in done if not each.competitor.ours and _right(result, each)]
    if ours and others:
        best = min(others, key=_seconds)
        goal = f" (goal: {race.goal:g}×)" if race.goal else ""
        found.append(
            f"Best of the others: {_name(best)}, {duration(best.seconds)}. Pellucid, {duration(ours.seconds)}, is "
            f"**{best.seconds / ours.seconds:.2f}×** as fast{goal}."
        )
    if ours and race.share and result.limits:
        found.append(f"It reaches **{_limit(result) / ours.seconds:.0%}** of the limit (goal: {race.share:.0%}).")
    if not all(each.reliable for each in done):
        found.append("**Disturbed**: where the turns say so, all were, and the numbers are no measurement.")
    return [" ".join(found)] if found else []


def duration(seconds: float) -> str:
    """Return seconds with three digits and the unit that suits them.

    Examples
    --------
    >>> duration(0.00606), duration(11.04e-6), duration(2.8)
    ('6.06 ms', '11.0 µs', '2.80 s')
    """
    size, unit = next((each for each in UNITS if seconds >= each[0]), UNITS[-1])
    value = seconds / size
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def as_json(benchmark: str, results: Sequence[Result], rules: Rules) -> str:
    """Return everything that was measured, every turn of it."""
    races = [_race(each) for each in results]
    found = {"benchmark": benchmark, "where": machine(), "rules": asdict(rules), "races": races}
    return json.dumps(found, ensure_ascii=False, indent=1)


def _race(result: Result) -> dict[str, Any]:
    race = result.race
    entries = [
        {
            "name": each.competitor.name, "ours": each.competitor.ours, "settings": dict(each.competitor.settings),
            "environment": dict(each.competitor.environment), "problem": each.problem,
            "versions": each.facts.get("versions", {}), "note": each.facts.get("note", ""),
            "difference": each.difference, "reliable": each.reliable,
            "seconds": median(each.values()) if each.turns else None, "turns": each.turns,
        }
        for each in result.entries
    ]  # fmt: skip
    return {
        "title": race.title, "threads": race.threads, "operations": race.operations, "bytes": race.bytes,
        "tolerance": race.tolerance, "goal": race.goal, "limits": result.limits, "entries": entries,
    }  # fmt: skip


def _limit(result: Result) -> float:
    """Return the least seconds that the machine allows a call; 0 where that is not known."""
    race, limits = result.race, result.limits
    return max(race.operations / limits["flops"], race.bytes / limits["bandwidth"]) if limits else 0.0


def _right(result: Result, entry: Entry) -> bool:
    """Return whether an entry computed what the definitions do."""
    return entry.difference is None or entry.difference <= result.race.tolerance


def _seconds(entry: Entry) -> float:
    return entry.seconds


def _name(entry: Entry) -> str:
    note = entry.facts.get("note")
    name = f"{entry.competitor.name} ({note})" if note else entry.competitor.name
    return f"**{name}**" if entry.competitor.ours else name


def _turns(entry: Entry) -> str:
    discarded = len(entry.turns) - len(entry.counted)
    if not entry.reliable:
        return f"{len(entry.turns)}, all disturbed"
    return f"{len(entry.counted)}" + (f", {discarded} discarded" if discarded else "")


def _difference(result: Result, entry: Entry) -> str:
    if entry.difference is None:
        return ""
    return f"{entry.difference:.0e}" if _right(result, entry) else f"**another result: {entry.difference:.0e}**"


def _accuracy(found: Sequence[float]) -> str:
    """Return mean and deviation of accuracies in per cent, and how many are good enough."""
    if not found:
        return ""
    spread = f" ± {stdev(found):.2%}" if len(found) > 1 else ""
    good = sum(each >= WANTED_ACCURACY for each in found)
    return f"{fmean(found):.2%}{spread}, {good} of {len(found)} ≥ {WANTED_ACCURACY:.1%}"


def _versions(results: Sequence[Result]) -> str:
    """Return a sentence on the versions of all libraries."""
    versions: dict[str, str] = {}
    for result in results:
        for entry in result.entries:
            versions.update(entry.facts.get("versions", {}))
    return "Versions: " + ", ".join(f"{name} {number}" for name, number in sorted(versions.items())) + "."
