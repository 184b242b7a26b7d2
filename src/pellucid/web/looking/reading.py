"""Which cells of the layers before it one number of a layer reads: a rule that the page follows for any cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...program import Program
from ...steps import Step

_WINDOWS = frozenset({"conv2d", "max_pool2d", "avg_pool2d"})
_ALL = frozenset({"linear", "softmax", "log_softmax"})
_ONE = frozenset(
    {
        "flatten", "reshape", "dropout", "relu", "leaky_relu", "relu6", "clip", "hard_sigmoid", "hard_swish", "sigmoid",
        "silu", "tanh", "elu", "softplus", "gelu", "prelu", "batch_norm_running", "bias", "gain", "add", "multiply",
    }
)  # fmt: skip


def reading(program: Program, step: Step, shown: Mapping[int, str]) -> dict[str, dict[str, Any]]:
    """Return how a step's numbers read those that the page shows, as plain data; nothing where that is no simple rule.

    Parameters
    ----------
    shown : mapping of int to str
        Paths of the values that the page shows.

    Returns
    -------
    dict of dict
        For each path that is read: ``{}`` where all of it is; ``{"flat": True}`` where it is the number at the same
        place in row-major order; else ``extent``, ``stride`` and ``before`` (padding) of a window in rows and columns,
        ``filters`` (how many channels read the same ones), ``channels`` (how many these are) and ``shift`` (which
        channel is the source's first, where inputs stand behind each other).
    """
    shape = program.values[step.outputs[0]].shape
    sources = [(shown[value], program.values[value].shape) for value in step.inputs if value in shown]
    if step.kind == "concat" and len(shape) == 3:
        begins = [sum(size[0] for _, size in sources[:k]) for k in range(len(sources))]
        return {path: _window(shift=begin) for (path, _), begin in zip(sources, begins, strict=True)}
    if step.kind in _WINDOWS:
        return {sources[0][0]: _sliding(program, step)}
    if step.kind == "adaptive_avg_pool2d" and shape[1:] == (1, 1):
        return {sources[0][0]: _window(extent=sources[0][1][1:])}
    if step.kind in _ALL and len(shape) == 1:
        return {path: {} for path, _ in sources}
    if step.kind in _ONE:
        return {path: _window() if size == shape else {"flat": True} for path, size in sources}
    return {}


def _window(**known: Any) -> dict[str, Any]:
    """Return the window of one number at the same place in the same channel, but for what is given."""
    point = {"extent": (1, 1), "stride": (1, 1), "before": (0, 0), "filters": 1, "channels": 1, "shift": 0}
    return {**point, **known}


def _sliding(program: Program, step: Step) -> dict[str, Any]:
    keywords: dict[str, Any] = dict(step.attributes)
    window = keywords["window"]
    (top, _), (left, _) = window.sides
    place = {"extent": window.extent, "stride": window.stride, "before": (top, left)}
    if step.kind != "conv2d":
        return _window(**place)
    filters, channels, *_ = program.values[step.inputs[1]].shape
    return _window(**place, filters=filters // keywords["groups"], channels=channels)
