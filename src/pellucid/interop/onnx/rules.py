"""Which layers the operators of ONNX become: the one table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import (
    phrases,
    rules_arithmetic,
    rules_norms,
    rules_pointwise,
    rules_shapes,
    rules_upscaling,
    rules_weights,
    rules_windows,
)
from .conversion import Rule

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        **rules_weights.RULES,
        **rules_windows.RULES,
        **rules_norms.RULES,
        **rules_upscaling.RULES,
        **rules_arithmetic.RULES,
        **rules_pointwise.RULES,
        **rules_shapes.RULES,
        **phrases.RULES,
    }
)
"""Operator -> its rule, whose docstring says what it becomes."""


def operator_table() -> str:
    """Return the operators and what they become as a table in Markdown, as docs/onnx.md shows it."""
    rows = [f"| {operator} | {' '.join((rule.__doc__ or '').split())[:-1]} |" for operator, rule in RULES.items()]
    return "\n".join(["| Operator | Becomes |", "| --- | --- |", *rows])
