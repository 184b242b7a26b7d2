"""One number of a dense layer: every input times its weight, and the bias; and one of a product of two matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..steps import Shape
from .cell import Cell
from .details import Dense, Product
from .made import MOST_TERMS, Made, Terms


def linear(cell: Cell) -> Made:
    """``y[o] = bias[o] + Σ i  x[i] · weight[o, i]``"""
    x, weight, *rest = cell.inputs
    output = cell.index[0]
    bias = float(rest[0][output]) if rest else 0.0
    row = weight[output]
    products = x.astype(np.float64) * row
    terms = Terms.of(cell.step.inputs[0], np.arange(len(x))[:, None], products)
    return Made(
        "y[o] = bias[o] + Σ i  x[i] · weight[o, i]",
        float(products.sum() + bias),
        terms,
        {"x": x, "weight": row, "bias": bias},
        ["y = bias + (x * weight).sum()"],
        _largest(cell, terms, x, row, bias),
        bias,
    )


def matmul(cell: Cell) -> Made:
    """``y[…, p, r] = Σ q  a[…, p, q] · b[…, q, r]``

    Each factor of a product is half the term, as in ``y = a · b``.
    """
    (a, b), (*before, p, r) = cell.inputs, cell.index
    row = a[(*before, p)].astype(np.float64)
    column = np.moveaxis(b, -1, 0)[(r, *before)].astype(np.float64)
    products, count = row * column, len(row)
    places = [[(*before, p, q) for q in range(count)], [(*before, q, r) for q in range(count)]]
    halves = [Terms.of(value, each, products / 2) for value, each in zip(cell.step.inputs, places, strict=True)]
    both = (np.concatenate([getattr(half, name) for half in halves]) for name in ("values", "indices", "amounts"))
    return Made(
        "y[…, p, r] = Σ q  a[…, p, q] · b[…, q, r]",
        float(products.sum()),
        Terms(*both),
        {"row": row, "column": column},
        ["y = (row * column).sum()"],
        {"row": row, "column": column},
    )


def _largest(cell: Cell, terms: Terms, x: NDArray[Any], row: NDArray[Any], bias: float) -> Dense:
    """Return the largest terms, with where they stood in the maps before they were flattened, and what the others come
    to."""
    chosen = terms.largest(MOST_TERMS)
    value, shape = _map_before(cell)
    listed: list[Product] = [
        {"index": i, "x": x[i], "weight": row[i], "amount": terms.amounts[i], "before": np.unravel_index(i, shape)}
        for i in chosen.tolist()
    ]
    others = np.delete(terms.amounts, chosen)
    return {
        "bias": bias,
        "terms": listed,
        "rest": {"count": len(others), "total": others.sum()},
        "map": {"value": value, "shape": shape},
    }


def _map_before(cell: Cell) -> tuple[int, Shape]:
    """Return the value, and its shape, whose numbers the features are in row-major order: the features themselves where
    nothing was flattened."""
    value = cell.step.inputs[0]
    while cell.values[value].ndim == 1 and value in cell.makers and cell.makers[value].kind in ("flatten", "reshape"):
        value = cell.makers[value].inputs[0]
    return value, cell.values[value].shape
