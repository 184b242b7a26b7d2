"""Sums and ways back as the page is told of them: plain data for JSON, with layers by their paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...steps import Shape
from ...sums import Sum, Trace, WalkStep
from ...sums.made import MOST_TERMS, Terms
from ...sums.plain import plain
from ..words.sum_numbers import with_numbers
from ..words.sums import agrees, family, in_words, letters, told
from ..words.walks import ending, of_step
from ..words.written import text


def as_sum(
    trace: Trace, shown: Mapping[str, int], value: int, index: Shape, other: Shape | None = None
) -> dict[str, Any]:  # fmt: skip
    """Return the sum behind one number.

    Parameters
    ----------
    trace : Trace
    shown : mapping of str to int
        The values that the page shows, by path.
    value : int
    index : tuple of int
        As for `Trace.sum`.
    other : tuple of int, optional
        The index of another number of the same value, which it is compared with.

    Returns
    -------
    dict
        As `Sum` has it, with what it is in ``words`` and in ``numbers``, what else is ``told`` of it, how far the
        network ``agrees``, the ``family`` of pictures that it is drawn as, and its formula's ``letters``; but for the
        terms: the largest by magnitude, each with ``path``, ``index`` and ``amount``, and what the others come to. The
        path of a term is None where the page does not show the value that it stands in. Of a dense layer, ``apart`` has
        each term less that of the ``other`` number, in the same way; else it is None.
    """
    found, paths = trace.sum(value, index), {value: path for path, value in shown.items()}
    apart = None
    if other is not None and other != index and found.kind == "linear":
        apart = _apart(found, trace.sum(value, other), paths)
    answer = {
        "kind": found.kind, "layer": found.layer, "path": paths.get(value), "index": index, "formula": found.formula,
        "stored": found.stored, "recomputed": found.recomputed, "difference": found.difference,
        "constant": found.constant, **_listed(found.terms, paths), "size": found.size, "snippet": found.snippet(),
        "apart": apart,
        "words": in_words(found), "numbers": with_numbers(found), "agrees": agrees(found),
        "told": told(found), "family": family(found), "letters": letters(found.formula),
    }  # fmt: skip
    sources = {str(value): path for value, path in paths.items()}
    return {**plain(answer), "details": found.details, "sources": sources}


def _listed(terms: Terms, paths: Mapping[int, str]) -> dict[str, Any]:
    """Return the largest terms, how many there are, and what those that are not listed come to."""
    chosen = terms.largest(MOST_TERMS)  # as the details of a dense layer list them
    largest = [
        {
            "path": paths.get(int(terms.values[k])),
            "index": terms.indices[k].tolist(),
            "amount": float(terms.amounts[k]),
        }
        for k in chosen
    ]
    with np.errstate(all="ignore"):  # of sums that are not finite
        others = float(terms.amounts.sum() - terms.amounts[chosen].sum())
    return {"terms": largest, "count": len(terms), "others": others}


def _apart(found: Sum, other: Sum, paths: Mapping[int, str]) -> dict[str, Any]:
    """Return the terms of a number less those of another one, which reads the same numbers by other weights."""
    with np.errstate(all="ignore"):
        amounts = found.terms.amounts - other.terms.amounts
    terms = Terms(found.terms.values, found.terms.indices, amounts)
    return {"index": other.index, "constant": found.constant - other.constant, **_listed(terms, paths)}


def as_steps(trace: Trace, shown: Mapping[str, int], value: int, index: Shape) -> dict[str, Any]:
    """Return the way from a number back to the image, as `Trace.walk_back` goes it.

    Returns
    -------
    dict
        Under ``steps`` of each number its ``path``, None where the page does not show it, ``layer``, ``index`` and
        ``number``; in ``words`` what it is made of; the ``share`` of the largest term, None where there was nothing to
        choose; and ``instead``, None but where that term has the other sign: the largest that has the number's.
    """
    paths = {value: path for path, value in shown.items()}
    steps, told, kept = trace.walk_back(value, index), [], 1.0
    for step in steps:
        is_last = step is steps[-1]
        before, kept = kept, kept * step.share
        told.append({
            "path": paths.get(step.value), "layer": step.layer, "index": step.index, "number": step.number,
            "words": ending(step) if is_last else of_step(step, before, kept),
            "share": step.share if step.terms > 1 and not is_last else None,
            "instead": None if is_last else _instead(trace, step, paths),
        })  # fmt: skip
    return {"steps": plain(told)}


def _instead(trace: Trace, step: WalkStep, paths: Mapping[int, str]) -> dict[str, Any] | None:
    """Return the largest term of a number's own sign, if the largest of all has the other and the page shows it."""
    if step.terms < 2 or not step.amount * step.number < 0:
        return None
    terms = trace.sum(step.value, step.index).terms
    largest = int(np.argmax(terms.amounts * np.sign(step.number)))
    path, amount = paths.get(int(terms.values[largest])), float(terms.amounts[largest])
    if path is None or amount * step.number <= 0:
        return None
    return {"path": path, "index": terms.indices[largest].tolist(), "amount": text(amount)}
