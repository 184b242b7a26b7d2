"""Which nodes of ONNX a forward step becomes: one small rule a kind, in two families.

A rule says what the definition of its kind says, in ONNX's operators; all of them mean the same from opset 13 on. Where
an operator's own settings are understood differently by different runtimes (ceil mode), where one does less than the
definition (an even size in LRN), or is too young, a rule writes the numbers out instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import writing_images, writing_pointwise
from .writing_graph import Rule

RULES: Mapping[str, Rule] = MappingProxyType({**writing_images.RULES, **writing_pointwise.RULES})
"""Kind of forward step -> its rule. What a program for prediction has beside these are layers of the user's own."""
