"""Sum: one number of a network, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..steps import Shape
from .made import Made, Terms
from .plain import plain
from .snippet import snippet

NEAR = 2e-5
"""How far what a network computes in float32 may be from the same sum in float64, beside the sum of the terms'
magnitudes: what rounding comes to where very many terms are added up."""
LEAST = 8 * float(np.finfo(np.float32).smallest_subnormal)
"""And how far, however small all terms are: below float32's smallest normal number rounding is no longer relative."""


@dataclass(frozen=True, eq=False, repr=False)
class Sum:
    """One number of a network, and what it is made of.

    Attributes
    ----------
    kind : str
        Of the step that made it, such as "conv2d"; "input" for a number of the image itself.
    layer : str
        Path of the layer that made it.
    value : int
        Id of the value in which it stands.
    index : tuple of int
        Where in that value, without the axis of samples.
    formula : str
        In symbols.
    stored : float
        The number as the network computed it.
    recomputed : float
        The same by the formula, in float64, from the stored inputs and weights.
    terms : Terms
        Those numbers before it that it is made from, and what each contributes, ``amounts``. A convolution, a dense
        layer, a mean, a normalisation with running statistics, an addition and whatever only moves numbers are sums:
        ``amounts.sum() + constant`` is `recomputed`, but for rounding. Of a function of one number, a maximum and a
        share the one term has the whole; of a product each factor has its part.
    constant : float
        What it has without them: a bias, or 0.
    details : dict
        What is worth drawing, as plain data (lists, dicts, texts, numbers; NaN and infinities as texts); which, depends
        on the kind.
    """

    kind: str
    layer: str
    value: int
    index: Shape
    stored: float
    formula: str
    recomputed: float
    terms: Terms
    constant: float
    details: dict[str, Any]
    _made: Made

    @classmethod
    def of(cls, kind: str, layer: str, value: int, index: Shape, stored: float, made: Made) -> Sum:
        """Return what is made as the number at a place."""
        return cls(
            kind, layer, value, index, stored, made.formula, made.recomputed, made.terms, made.constant,
            plain(made.details), made,
        )  # fmt: skip

    @property
    def place(self) -> str:
        """Where it stands, as text: "conv2[17, 5, 9]"."""
        return f"{self.layer}[{', '.join(map(str, self.index))}]"

    @property
    def difference(self) -> float:
        """``stored − recomputed``: what rounding in the network's dtype did."""
        with np.errstate(all="ignore"):  # of numbers that are not finite it is NaN
            return float(np.subtract(self.stored, self.recomputed))

    @property
    def size(self) -> float:
        """What the difference is to be seen against: ``Σ |amounts| + |constant|``, or more where the step itself passes
        through larger numbers."""
        return max(self.terms.size + abs(self.constant), self._made.passed)

    def snippet(self) -> str:
        """Return the text of a NumPy program that has the numbers written in, prints the sum, and asserts that it is
        near the stored number. It needs nothing but NumPy, and reads no file."""
        title = [f"{self.place}, a number that {self.kind} made:", self.formula]
        return snippet(title, self._made.numbers, self._made.code, self.stored, NEAR * self.size + LEAST)

    def __repr__(self) -> str:
        return f"Sum({self.place} = {self.stored:.6g}: {self.kind} of {len(self.terms):,} terms)"
