"""A sum in words, how it is drawn, and what the letters of its formula stand for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from ...sums import Sum
from .written import power, text

_COPY = "a number that stands elsewhere too, copied"
_PLUS, _TIMES = "a number + a learnt one", "a number × a learnt one"
_MEAN = "the sum of {numbers}, divided by {divisor}"

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "conv2d": "{bias}the sum of patch × kernel, over {channels}",
        "conv_transpose2d": "{bias}the sum of number × weight, over all numbers whose kernel reaches this place",
        "linear": "{bias}the sum of number × weight, over all {count:,} numbers before it",
        "max_pool2d": "the largest number in its window",
        "avg_pool2d": _MEAN, "adaptive_avg_pool2d": _MEAN, "mean": _MEAN,
        "softmax": "e to the power of the score, as a share of all such powers",
        "log_softmax": "the logarithm of the class’s share",
        "batch_norm_running": "(number − mean) / √(variance + eps) of its channel, × a learnt weight, + a learnt bias",
        "local_response_norm": "the number, divided by a power of what its neighbours’ squares come to",
        "add": "the sum of two numbers, one from each path",
        "multiply": "the product of two numbers, one from each path",
        "bias": _PLUS, "add_parameter": _PLUS, "gain": _TIMES, "multiply_parameter": _TIMES,
        "concat": _COPY, "flatten": _COPY, "reshape": _COPY, "transpose": _COPY, "slice_channels": _COPY,
        "strided_slice": _COPY, "broadcast": _COPY,
        "relu": "the number itself where it is above 0, else 0",
        "scale": "({pixel} − mean) / std",
    }
)  # fmt: skip
"""Kind of a step -> what a number that it makes is."""

ONE: Mapping[str, str] = MappingProxyType(
    {
        "max_pool2d": "the winner of a window",
        "batch_norm_running": "a line through one number",
        "softmax": "the share of one score",
        **dict.fromkeys(("avg_pool2d", "adaptive_avg_pool2d", "mean"), "a mean of one"),
        **dict.fromkeys(("bias", "gain"), "one number, and a learnt one"),
        **dict.fromkeys(("flatten", "reshape", "concat", "transpose", "slice_channels", "strided_slice"), "a copy"),
        **dict.fromkeys(("pad", "pad_channels"), "a copy"),
    }
)
"""Kind of a step -> what it makes of one number, where it has no other; all others are functions of it."""

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "relu": "ReLU", "relu6": "ReLU6", "leaky_relu": "leaky ReLU", "prelu": "PReLU", "elu": "ELU", "gelu": "GELU",
        "silu": "SiLU",
    }
)  # fmt: skip
"""Kind of an activation -> its name, where that is another word."""

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "conv2d": "conv", "linear": "linear", "max_pool2d": "maximum", "softmax": "softmax", "log_softmax": "softmax",
        "batch_norm_running": "batchNorm", "local_response_norm": "localResponse", "scale": "scaled",
        **dict.fromkeys(("avg_pool2d", "adaptive_avg_pool2d", "mean"), "mean"),
        **dict.fromkeys(("add", "multiply"), "joined"),
        **dict.fromkeys(("bias", "gain", "add_parameter", "multiply_parameter"), "learnt"),
        **dict.fromkeys(("concat", "flatten", "reshape", "transpose", "slice_channels", "strided_slice"), "copied"),
        **dict.fromkeys(("broadcast", "pad", "pad_channels", "dropout"), "copied"),
        **dict.fromkeys(("custom", "input"), "given"),
    }
)  # fmt: skip
"""Kind of a step -> the pictures that the page draws its sum as."""

LETTERS: Mapping[tuple[str, ...], str] = MappingProxyType(
    {
        ("y",): "this number",
        ("x",): "what the layer reads",
        ("Σ",): "the sum over all values of the letters after it",
        ("f",): "number of the filter",
        ("c",): "number of the channel",
        ("oy", "ox"): "row and column of this number",
        ("a", "b"): "row and column of this number",
        ("ky", "kx"): "row and column in the kernel, or in the window",
        ("SH", "SW"): "stride: how far the window goes, down and across",
        ("DH", "DW"): "dilation: how far its rows and columns are apart",
        ("top", "left"): "rows and columns of padding before the first",
        ("H", "W"): "rows and columns of what is read",
        ("OH", "OW"): "rows and columns of what is made",
    }
)
"""Letters of formulas -> what they stand for."""


def in_words(found: Sum) -> str | None:
    """Return what a number is, such as "bias + the sum of patch × kernel, over all 6 input channels"; None of
    kinds that there is nothing to say of but the formula."""
    details = found.details
    if "curve" in details and found.kind not in WORDS:
        return f"{of_one(found.kind)}: the point on its curve"
    if found.kind not in WORDS:
        return None
    channels, values = len(details.get("channels", ())), len(details.get("values", ()))
    of_group = " of its group" if details.get("groups", 1) > 1 else ""
    return WORDS[found.kind].format(
        bias="bias + " if found.constant else "",
        channels="one input channel" if channels == 1 else f"all {channels:,} input channels{of_group}",
        count=len(found.terms),
        numbers="one number" if values == 1 else f"{values:,} numbers",
        divisor=details.get("divisor"),
        pixel="pixel" if details.get("divisor") == 1 else f"pixel / {details.get('divisor')}",
    )


def of_one(kind: str) -> str:
    """Return what a step makes of the one number that it reads: "the winner of a window", "tanh of one number"."""
    return ONE.get(kind) or f"{NAMES.get(kind, kind.replace('_', ' '))} of one number"


def family(found: Sum) -> str:
    """Return which pictures the page draws a sum as: those of its kind, a curve, or else its terms."""
    return "activation" if "curve" in found.details else FAMILIES.get(found.kind, "terms")


def told(found: Sum) -> list[str]:
    """Return sentences on what is particular to this one number: the winner of its window, its padding, its copy."""
    details, drawn_as = found.details, family(found)
    if drawn_as == "maximum":
        row, column = details["winner"]
        ties = ", ".join(f"({row}, {column})" for row, column in details["ties"])
        equal = [f"As large: {ties}. Of equal ones the first counts, row by row."] if ties else []
        return [f"The largest, ringed, is at row {row}, column {column}.", *equal]
    if drawn_as == "mean" and "window" in details:
        zeros = int(details["divisor"]) - len(details["values"])
        which = "One zero of the padding is" if zeros == 1 else f"{zeros} zeros of the padding are"
        return [f"{which} counted as well."] if zeros > 0 else []
    if drawn_as == "copied" and "from" not in details:
        return ["This number is padding: it was put round the others."]
    if drawn_as == "copied":
        put = "A copy, put round the others as padding:"
        return [details.get("note", put if details.get("padding") else "A copy: the same number stands in")]
    return [details.get("note", "This number is part of the image, as it was given.")] if drawn_as == "given" else []


def agrees(found: Sum) -> str:
    """Return how near the stored number is to the sum in 64 bits: "✓ agrees to 3·10⁻⁷", rounded up."""
    if found.stored == found.recomputed or (math.isnan(found.stored) and math.isnan(found.recomputed)):
        return "✓ agrees exactly"
    if not math.isfinite(found.difference):
        too_large = "as a number on the way was too large for it"
        return f"the network stored {text(found.stored)}, {too_large}; in 64 bits: {text(found.recomputed)}"
    return f"✓ agrees to {power(abs(found.difference))}"


def letters(formula: str) -> list[str]:
    """Return what the letters of a formula stand for: "oy, ox: row and column of this number"."""
    has = set(re.findall(r"[A-Za-z]+|Σ", formula))
    known = [([letter for letter in group if letter in has], words) for group, words in LETTERS.items()]
    return [f"{', '.join(group)}: {words}" for group, words in known if group]
