"""Sums and ways back as the page is told of them: plain data for JSON, with layers by their paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..steps import Shape
from ..sums import Trace, WalkStep
from ..sums.made import MOST_TERMS
from ..sums.plain import plain
from .sum_numbers import with_numbers
from .sum_words import ONE, family, in_words, letters, told


def as_sum(trace: Trace, shown: Mapping[str, int], value: int, index: Shape) -> dict[str, Any]:
    """Return the sum behind one number.

    Parameters
    ----------
    trace : Trace
    shown : mapping of str to int
        The values that the page shows, by path.
    value : int
    index : tuple of int
        As for `Trace.sum`.

    Returns
    -------
    dict
        As `Sum` has it, with what it is in ``words`` and in ``numbers``, what else is ``told`` of it, the ``family`` of
        pictures that it is drawn as, and its formula's ``letters``; but for the terms: the largest by magnitude, each
        with ``path``, ``index`` and ``amount``, and what the others come to. The path of a term is None where the page
        does not show the value that it stands in.
    """
    found, paths = trace.sum(value, index), {value: path for path, value in shown.items()}
    chosen = found.terms.largest(MOST_TERMS)  # as the details of a dense layer list them
    largest = [
        {
            "path": paths.get(int(found.terms.values[k])),
            "index": found.terms.indices[k].tolist(),
            "amount": float(found.terms.amounts[k]),
        }
        for k in chosen
    ]
    with np.errstate(all="ignore"):  # of sums that are not finite
        others = float(found.terms.amounts.sum() - found.terms.amounts[chosen].sum())
    answer = {
        "kind": found.kind, "layer": found.layer, "path": paths.get(value), "index": index, "formula": found.formula,
        "stored": found.stored, "recomputed": found.recomputed, "difference": found.difference,
        "constant": found.constant, "terms": largest, "count": len(found.terms), "others": others,
        "size": found.size, "snippet": found.snippet(),
        "words": in_words(found), "numbers": with_numbers(found),
        "told": told(found), "family": family(found), "letters": letters(found.formula),
    }  # fmt: skip
    sources = {str(value): path for value, path in paths.items()}
    return {**plain(answer), "details": found.details, "sources": sources}


def as_steps(trace: Trace, shown: Mapping[str, int], value: int, index: Shape) -> dict[str, Any]:
    """Return the way from a number back to the image, as `Trace.walk_back` goes it."""
    paths = {value: path for path, value in shown.items()}
    return {"steps": plain([_step(step, paths) for step in trace.walk_back(value, index)])}


def _step(step: WalkStep, paths: Mapping[int, str]) -> dict[str, Any]:
    return {
        "kind": step.kind, "layer": step.layer, "path": paths.get(step.value), "index": step.index,
        "number": step.number, "amount": step.amount, "share": step.share, "terms": step.terms,
        "one": ONE.get(step.kind, "a function of one number"),
        "source": None if step.source is None else paths.get(step.source), "source_index": step.source_index,
    }  # fmt: skip
