"""Which numbers of the layers before it one number of a layer reads: a rule that the page follows for any cell."""

from __future__ import annotations

from typing import Any

from ..program import Program
from ..steps import Step

_WINDOWS = frozenset({"conv2d", "max_pool2d", "avg_pool2d"})
_ALL = frozenset({"linear", "softmax", "log_softmax"})
_ONE = frozenset(
    {
        "flatten", "reshape", "dropout", "relu", "leaky_relu", "relu6", "clip", "hard_sigmoid", "hard_swish", "sigmoid",
        "silu", "tanh", "elu", "softplus", "gelu", "prelu", "batch_norm_running", "bias", "gain", "add", "multiply",
    }
)  # fmt: skip


def reading(program: Program, step: Step) -> dict[str, Any] | None:
    """Return how a step's numbers read those of its inputs, as plain data; None where that is no simple rule.

    Returns
    -------
    dict or None
        With ``how``: "one" (the number at the same place, in row-major order), "all", "joined" (one channel of one
        input, which stand behind each other), "regions" (of an adaptive pool), or "window", which has ``extent``,
        ``stride``, ``before`` (rows and columns of padding), ``filters`` (those that read the same channels) and
        ``channels`` (how many these are).
    """
    shape = program.values[step.outputs[0]].shape
    if step.kind in _WINDOWS:
        return _window(program, step)
    if step.kind == "adaptive_avg_pool2d":
        return {"how": "regions"}
    if step.kind == "concat":
        return {"how": "joined"} if len(shape) == 3 else None
    if step.kind in _ALL and len(shape) == 1:
        return {"how": "all"}
    return {"how": "one"} if step.kind in _ONE else None


def _window(program: Program, step: Step) -> dict[str, Any]:
    keywords = dict(step.attributes)
    window, filters, channels = keywords["window"], 1, 1
    if step.kind == "conv2d":
        made, channels, *_ = program.values[step.inputs[1]].shape
        filters = made // keywords["groups"]
    (top, _), (left, _) = window.sides
    return {
        "how": "window", "extent": window.extent, "stride": window.stride, "before": (top, left), "filters": filters,
        "channels": channels,
    }  # fmt: skip
