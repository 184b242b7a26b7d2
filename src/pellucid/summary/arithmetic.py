"""What the steps of each kind cost and see, as numbers and as formulas with the numbers in them.

Every number in a summary has its formula here, written in the field's order: rows first, ``KH·KW·C·F``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from ..geometry import Pair, ReceptiveField, Window
from ..steps import Shape, Step

Field: TypeAlias = ReceptiveField | Literal["all", "unknown"] | None
"""What one number of a layer's output sees of the input image: a window, all of it, something that cannot be told
(a layer of one's own, regions of unequal size, other axes), or None where the input is no image."""

WINDOWS = frozenset({"conv2d", "max_pool2d", "avg_pool2d"})
JOINS = frozenset({"add", "multiply", "divide", "concat"})
OF_CLASSES = frozenset({"softmax", "log_softmax"})
"""Kinds whose output at a place depends on all channels of the input at that place."""
PLACE_BY_PLACE = frozenset(
    {
        "scale", "flatten", "relu", "leaky_relu", "relu6", "sigmoid", "tanh", "batch_norm_running",
        "local_response_norm", "pad_channels", "clip", "hard_sigmoid", "hard_swish", "elu", "silu", "softplus", "gelu",
        "prelu", "bias", "gain", "add_parameter", "multiply_parameter", "reshape", "slice_channels",
    }
)  # fmt: skip
"""Kinds whose output at a place depends on the input at that place only."""


def number(value: int) -> str:
    """Return a whole number with thousands apart, and the minus sign of the formulas."""
    return f"{value:,}".replace("-", "−")


class Share(NamedTuple):
    """What each of several groups has of channels, as a factor: ``(96/2)``."""

    channels: int
    groups: int

    def __str__(self) -> str:
        return f"({self.channels}/{self.groups})"


Factors: TypeAlias = Sequence[int | Share]


def product(factors: Factors) -> int:
    """Return what factors come to."""
    return math.prod(each.channels // each.groups if isinstance(each, Share) else each for each in factors)


def equation(factors: Iterable[Factors]) -> str:
    """Return a sum of products and what it is: ``equation([(3, 3, 3, 6), (6,)])`` is ``3·3·3·6 + 6 = 168``."""
    terms = [tuple(term) for term in factors]
    left = " + ".join("·".join(map(str, term)) for term in terms)
    total = number(sum(map(product, terms)))
    return total if left == total else f"{left} = {total}"


# ---- parameters and multiply-adds


def parameter_factors(shape: Shape, groups: int = 1) -> Factors:
    """Return a parameter's sizes in the order in which they are multiplied: a filter's window, inputs, outputs."""
    return (*shape[2:], _share(shape[1], groups), shape[0]) if len(shape) > 1 else shape or (1,)


def groups_of(image: Shape, weight: Shape) -> int:
    """Return in how many groups a convolution takes the channels of what its window slides over."""
    return image[0] // weight[1]


def group_note(groups: int, weight: Shape) -> str:
    """Return what stands behind the parameters of a convolution in groups."""
    return f" ({groups} groups{', one a channel' if weight[1] == 1 else ''})"


def _share(channels: int, groups: int) -> int | Share:
    """Return the channels of a group as a factor: as they are where it is the only one."""
    return channels if groups == 1 else Share(channels * groups, groups)


def _conv2d(inputs: Sequence[Shape], output: Shape) -> Factors:
    filters, channels, *window = inputs[1]
    return (*output[1:], filters, _share(channels, groups_of(*inputs[:2])), *window)


def _conv_transpose2d(inputs: Sequence[Shape], output: Shape) -> Factors:
    filters, channels, *window = inputs[1]
    return (*inputs[0][1:], filters, _share(channels, groups_of(output, inputs[1])), *window)


def _linear(inputs: Sequence[Shape], output: Shape) -> Factors:
    return inputs[0][0], output[0]


MULTIPLY_ADDS: Mapping[str, Callable[[Sequence[Shape], Shape], Factors]] = MappingProxyType(
    {"conv2d": _conv2d, "conv_transpose2d": _conv_transpose2d, "linear": _linear}
)
"""Kind -> the factors of a sample's multiply-adds from the shapes of inputs and output: OH·OW·F·(C/G)·KH·KW for a
convolution, H·W·F·(C/G)·KH·KW for a transposed one, I·O for a dense layer. All other kinds count 0, as is usual, for
theirs are few beside these."""


# ---- output sizes


def output_lines(step: Step, inputs: Sequence[Shape], output: Shape) -> list[str]:
    """Return how a step's output size comes about, and what its windows leave unread."""
    if step.kind in WINDOWS:
        return _window_lines(step.keywords["window"], (inputs[0][1], inputs[0][2]))
    if step.kind == "conv_transpose2d":
        return _by_axis([_transposed(step.keywords["window"], inputs[0], output, axis) for axis in (0, 1)])
    if step.kind == "flatten":
        return [f"features: {equation([inputs[0]])}"]
    if step.kind == "slice_channels":
        return [f"channels: {step.keywords['start']} to {step.keywords['stop'] - 1} of {inputs[0][0]}"]
    if step.kind == "concat":
        return [f"channels: {equation([shape[:1] for shape in inputs])}"]
    if step.kind == "pad_channels":
        counts = step.keywords["before"], inputs[0][0], step.keywords["after"]
        return [f"channels: {equation([(count,) for count in counts])}"]
    if step.kind == "adaptive_avg_pool2d":
        places, regions = ("×".join(map(str, shape[1:])) for shape in (inputs[0], output))
        return [f"regions: {regions} over {places} places"]
    return []


def _window_lines(window: Window, size: Pair) -> list[str]:
    lines = _by_axis([window.formula(size, axis) for axis in (0, 1)])
    unread = [_named(name, window.unread(axis, size[axis]), size[axis]) for axis, name in ((0, "row"), (1, "column"))]
    if any(unread):
        lines.append(f"unread: {' and '.join(filter(None, unread))} (of {size[0]}×{size[1]}, counted from 0)")
    return lines


def _transposed(window: Window, input: Shape, output: Shape, axis: int) -> str:
    """Return the size along an axis of what a transposed convolution makes, as a formula with its numbers."""
    (before, after), size = window.sides[axis], output[1 + axis]
    whole = (input[1 + axis] - 1) * window.stride[axis] + window.extent[axis]
    padding = f"2·{before}" if before == after else f"({before} + {after})"
    more = size - whole + before + after
    rest = f" + {more}" if more else ""
    return f"({input[1 + axis]} − 1)·{window.stride[axis]} + {window.extent[axis]} − {padding}{rest} = {size}"


def _by_axis(formulas: Sequence[str]) -> list[str]:
    """Return one line for both axes where they are alike, else one line each."""
    if formulas[0] == formulas[1]:
        return [f"rows, columns: {formulas[0]}"]
    return [f"rows: {formulas[0]}", f"columns: {formulas[1]}"]


def _named(name: str, indices: Sequence[int], size: int) -> str:
    """Return "row 19", "rows 2, 5, 8", or, where they are many, how many."""
    if not indices:
        return ""
    if len(indices) == 1:
        return f"{name} {indices[0]}"
    if len(indices) > 8:
        return f"{len(indices)} of {size} {name}s ({', '.join(map(str, indices[:3]))}, …, {indices[-1]})"
    return f"{name}s {', '.join(map(str, indices))}"


# ---- receptive fields


def field_of(step: Step, fields: Sequence[Field], inputs: Sequence[Shape], output: Shape) -> Field:
    """Return the receptive field of a step's output, from those of its inputs that have one."""
    field = fields[0]
    if step.kind in JOINS:
        return _union(fields)
    if step.kind == "linear" or (step.kind in OF_CLASSES and len(output) == 1):
        return "all"
    if step.kind == "adaptive_avg_pool2d" and output[1:] == (1, 1):
        return "all"
    if step.kind in PLACE_BY_PLACE or step.kind in OF_CLASSES:
        return field
    if step.kind in WINDOWS and isinstance(field, ReceptiveField):
        return field.through(step.keywords["window"])
    if step.kind == "pad" and step.keywords["mode"] != "constant":
        return field if field == "all" else "unknown"  # at the edges it sees what is mirrored or repeated there
    if step.kind in ("pad", "strided_slice") and isinstance(field, ReceptiveField) and len(output) == 3:
        return field.through(_of_one_pixel(step))
    if step.kind == "adaptive_avg_pool2d" and isinstance(field, ReceptiveField):
        return _through_regions(field, inputs[0], output)
    return field if field == "all" else "unknown"


def _of_one_pixel(step: Step) -> Window:
    """Return padding, or what is kept of rows or columns, as a window of one pixel; what is cut off counts below 0."""
    if step.kind == "pad":
        (_, *before), (_, *after) = step.keywords["before"], step.keywords["after"]
        return Window((1, 1), padding=((before[0], after[0]), (before[1], after[1])))
    start, stride = [0, 0, 0], [1, 1, 1]
    start[step.keywords["axis"] - 1], stride[step.keywords["axis"] - 1] = step.keywords["start"], step.keywords["step"]
    return Window((1, 1), (stride[1], stride[2]), ((-start[1], 0), (-start[2], 0)))


def _union(fields: Sequence[Field]) -> Field:
    if "all" in fields:
        return "all"
    known = [field for field in fields if isinstance(field, ReceptiveField)]
    if len(known) < len(fields) or any(field.stride != known[0].stride for field in known):
        return "unknown" if "unknown" in fields or known else None
    return reduce(ReceptiveField.union, known)


def _through_regions(field: ReceptiveField, input: Shape, output: Shape) -> Field:
    (height, width), (rows, columns) = input[1:], output[1:]
    if height % rows or width % columns:
        return "unknown"
    region = height // rows, width // columns
    return field.through(Window.of(region, region))


def field_lines(step: Step, fields: Sequence[Field], output: Field) -> list[str]:
    """Return how the receptive field of a step's output comes about, where it is another than its input's."""
    if isinstance(fields[0], ReceptiveField) and isinstance(output, ReceptiveField):
        if step.kind in WINDOWS:
            return _through_lines(fields[0], step.keywords["window"], output)
        if step.kind in JOINS:
            return [f"receptive field: union of {' and '.join(map(_seen, fields))} = {_seen(output)}"]
    return []


def _seen(field: Field) -> str:
    if not isinstance(field, ReceptiveField):
        return str(field)
    return f"{by_axis(field.size)} from {by_axis(field.offset)}"


def by_axis(pair: Pair) -> str:
    """Return one number where both axes are alike, else "vertical×horizontal"."""
    return number(pair[0]) if pair[0] == pair[1] else "×".join(map(number, pair))


def _through_lines(before: ReceptiveField, window: Window, after: ReceptiveField) -> list[str]:
    formulas = []
    for axis in (0, 1):
        step, kernel, dilation = before.stride[axis], window.kernel_size[axis], window.dilation[axis]
        spread = f"{dilation}·" if dilation > 1 else ""
        size = f"{before.size[axis]} + {spread}({kernel} − 1)·{step} = {after.size[axis]}"
        stride = f"{step}·{window.stride[axis]} = {after.stride[axis]}"
        offset = f"{number(before.offset[axis])} − {window.sides[axis][0]}·{step} = {number(after.offset[axis])}"
        formulas.append(f"{size}, stride {stride}, offset {offset}")
    if formulas[0] == formulas[1]:
        return [f"receptive field: {formulas[0]}"]
    return [f"receptive field, vertical: {formulas[0]}", f"receptive field, horizontal: {formulas[1]}"]
