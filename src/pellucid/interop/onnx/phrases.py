"""Layers that models write as several nodes, because ONNX, or the opset, has no operator of them.

The first of such nodes gives a `Part`; those after it add to it, and the last makes the layer:

- GELU: ``x · (1 + erf(x / √2)) · ½``, in whichever order it is multiplied,
- local response normalisation over an even number of channels: ``x / (k + Σ shares · x²)^beta``, the sum being a 1×1
  convolution, as `save_onnx` writes it,
- layer normalisation, ``d / √(mean(d²) + eps)`` with ``d = x − mean(x)``, before there was an operator for it,
- means of regions that differ in size: ``rows · x · columns``, likewise; pixels that are shown again, in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...definitions.resize import taps
from ...geometry import regions
from ...layers import (
    GELU,
    AdaptiveAvgPool2d,
    Bias,
    Conv2d,
    Gain,
    Join,
    Layer,
    LayerNorm,
    LocalResponseNorm,
    Mean,
    Upsample,
    joins,
)
from ...steps import Shape
from .conversion import Conversion, Rule
from .nodes import Constant, Given, NodeError, Part, Use, Value

ERF, GATE, PRODUCT, POWER, ROWS = "an Erf", "an Erf and 1", "x times an Erf and 1", "a Pow", "a matrix times images"
DEVIATION = "a Sqrt"
"""What parts are of."""

NEAR = 1e-4
"""How far a number in a model may be from √2, relatively: exporters write 1.4142."""


def erf(build: Conversion, use: Use) -> Part:
    """`GELU`, together with the nodes round it."""
    x, factor = _of_gain(build, use.value())
    if not math.isclose(factor, math.sqrt(0.5), rel_tol=NEAR):
        raise NodeError("is possible within GELU alone, x · (1 + erf(x / √2)) / 2")
    return Part(ERF, x)


def power(build: Conversion, use: Use) -> Value | Part:
    """`joins.Multiply`, if the exponent is 2; `LocalResponseNorm`, together with the nodes round it."""
    x, exponent = use.value(), use.single(1, "the exponent")
    if use.opset < 7:  # how the exponent is stretched, which is one number here
        use.switch("broadcast"), use.whole("axis", -1)
    if exponent == 2:
        return build.join(joins.Multiply(), (x, x))
    found = None if exponent is None else _response(build, x, exponent)
    if found is None:
        raise NodeError(
            f"has the exponent {exponent}; only 2 is possible, and others within local response normalisation"
        )
    return found


def continued(build: Conversion, use: Use) -> Value | Part | None:
    """Return what a part becomes by an Add, Mul or Div; None where no input is a part."""
    given = use.all_inputs()
    part = next((each for each in given if isinstance(each, Part)), None)
    if part is None:
        return None
    found: Value | Part | None = None
    operator, first, second = use.node.operator, use.input(0), use.input(1)
    other = second if first is part else first
    if operator == "Add" and part.of == ERF and _single(other) == 1:
        found = Part(GATE, part.x, (1.0,))
    elif operator == "Mul" and part.of in (GATE, PRODUCT):
        found = _gelu(build, part, other)
    elif operator == "Div" and part.of == POWER and isinstance(first, Value) and first.source == part.x.source:
        size, alpha, beta, k = part.numbers
        found = build.layer(LocalResponseNorm(size, alpha=alpha, beta=beta, k=k), first)
    elif operator == "Div" and part.of == DEVIATION and isinstance(first, Value) and first.source == part.x.source:
        x, axes, eps = part.numbers
        found = build.layer(LayerNorm(x.shape[-axes:], eps=eps, elementwise_affine=False), x)
    if found is None:
        raise NodeError(f"takes {part.of}, which is no layer without what usually follows")
    return found


def _gelu(build: Conversion, part: Part, other: Given | None) -> Value | Part | None:
    """Return a product of ``1 + erf`` with a number, or with x, or with a number of times x."""
    (factor,) = part.numbers
    if isinstance(other, Value) and part.of == GATE:
        x, times = (other, 1.0) if other.source == part.x.source else _of_gain(build, other)
        if x.source != part.x.source:
            return None
        part, factor = part._replace(of=PRODUCT), factor * times
    elif (number := _single(other)) is not None:
        factor *= number
    else:
        return None
    if part.of == PRODUCT and math.isclose(factor, 0.5, rel_tol=NEAR):
        return build.each_number(GELU(), part.x, times=2)
    return part._replace(numbers=(factor,))


def _of_gain(build: Conversion, x: Value) -> tuple[Value, float]:
    """Return what a value is a multiple of, and how often; of none but itself, where it is no product with a number."""
    placed = build.placed.get(x.source)
    held = build.held(placed.does.weight) if placed is not None and isinstance(placed.does, Gain) else None
    return (x, 1.0) if placed is None or held is None or held.size > 1 else (placed.sources[0], float(held.ravel()[0]))


def _single(given: Given | None) -> float | None:
    """Return the number that a constant is; None for others."""
    if not isinstance(given, Constant) or given.array.size != 1 or given.array.dtype.kind != "f":
        return None
    return float(given.array.ravel()[0])


# ---- local response normalisation
def _response(build: Conversion, sums: Value, beta: float) -> Part | None:
    """Return the power of a weighted sum of squares of neighbouring channels; None if it is another's."""
    conv = build.placed.get(sums.source)
    if conv is None or not isinstance(conv.does, Conv2d):
        return None
    square = build.placed.get(conv.sources[0].source)
    shares, k = build.held(conv.does.weight), build.held(conv.does.bias)
    if square is None or not isinstance(square.does, joins.Multiply) or shares is None or k is None:
        return None
    a, b = square.sources[0], square.sources[-1]
    size = _neighbours(shares)
    if len(square.sources) != 2 or a.source != b.source or size is None or np.ptp(k) > 0:
        return None
    return Part(POWER, a, (size, float(shares.max()) * size, beta, float(k[0])))


def _neighbours(shares: NDArray[Any]) -> int | None:
    """Return over how many channels a 1×1 convolution sums, each with one share; None if it does another thing."""
    if shares.shape[2:] != (1, 1) or shares.shape[0] != shares.shape[1]:
        return None
    shares = shares[:, :, 0, 0]
    half = int(np.count_nonzero(shares[0]))  # the first channel sees itself and those behind it
    ahead = np.arange(len(shares)) - np.arange(len(shares))[:, None]
    same = half > 0 and np.array_equal(shares, np.where((ahead >= -half) & (ahead < half), shares[0, 0], 0))
    return 2 * half if same else None


# ---- layer normalisation
def square_root(build: Conversion, use: Use) -> Part:
    """`LayerNorm`, together with the nodes round it."""
    variance, added = _made_by(build, use.value(), Bias)
    squares, mean = _mean(build, variance)
    centred, _ = _made_by(build, squares, joins.Multiply)
    found = _less_its_mean(build, centred)
    eps = build.held(added.bias) if isinstance(added, Bias) else None
    if found is not None and eps is not None and eps.size == 1:
        x, axes = found
        squared = {each.source for each in build.placed[squares.source].sources} == {centred.source}
        last = set(range(x.rank - len(axes), x.rank))
        if squared and set(mean) == set(axes) == last:
            return Part(DEVIATION, centred, (x, len(axes), float(f"{eps.ravel()[0]:.7g}")))
    raise NodeError("is possible within layer normalisation over the last axes alone")


def _less_its_mean(build: Conversion, centred: Value) -> tuple[Value, Shape] | None:
    """Return the value that a difference to its own mean is made of, with the axes of the mean; None for others."""
    x, difference = _made_by(build, centred, joins.Add)
    if difference is None or len(build.placed[centred.source].sources) != 2:
        return None
    subtracted, minus = _made_by(build, build.placed[centred.source].sources[1], Gain)
    of, axes = _mean(build, subtracted)
    factor = build.held(minus.weight) if isinstance(minus, Gain) else None
    if not axes or of.source != x.source or factor is None:
        return None
    return (x, axes) if (factor == -1).all() else None


def _mean(build: Conversion, x: Value) -> tuple[Value, Shape]:
    """Return what a value is the mean of, and over which axes, which stay; over none, if it is no mean."""
    of, mean = _made_by(build, x, Mean)
    if isinstance(mean, Mean) and mean.keepdims:
        return of, mean.axes
    of, pool = _made_by(build, x, AdaptiveAvgPool2d)
    return of, (2, 3) if isinstance(pool, AdaptiveAvgPool2d) and pool.output_size == (1, 1) else ()


def _made_by(build: Conversion, x: Value, kind: type[Layer | Join]) -> tuple[Value, Layer | Join | None]:
    """Return the first of what a value is made of, and what makes it; the value and None if that is of another kind."""
    placed = build.placed.get(x.source)
    return (placed.sources[0], placed.does) if placed is not None and isinstance(placed.does, kind) else (x, None)


# ---- means of regions
def means(build: Conversion, use: Use) -> Value | Part | None:
    """Return images times a matrix on either side, if these take means of regions; None for other products."""
    match use.all_inputs():
        case Constant(array=rows), Value() as x if rows.ndim == 2 and len(x.shape) == 3 and rows.shape[1] == x.shape[1]:
            use.inputs()
            return Part(ROWS, x, (rows,))
        case Part(of="a matrix times images") as part, Constant(array=columns):
            (rows,), width = part.numbers, part.x.shape[2]
            if columns.ndim == 2 and len(columns) == width and _are_means(rows) and _are_means(columns.T):
                use.input(0), use.input(1)
                return build.layer(AdaptiveAvgPool2d((len(rows), columns.shape[1])), part.x)
            if columns.ndim == 2 and len(columns) == width and (layer := _showing(rows, columns.T)) is not None:
                use.input(0), use.input(1)
                return build.layer(layer, part.x)
    return None


def _are_means(shares: NDArray[Any]) -> bool:
    """Return whether a matrix (places, size) makes of pixels along an axis the means of as many regions."""
    places, size = shares.shape
    expected = np.zeros((places, size))
    for place, region in enumerate(regions(size, places)):
        expected[place, region] = 1 / (region.stop - region.start)
    return bool(np.allclose(shares, expected, atol=1e-6))


def _showing(rows: NDArray[Any], columns: NDArray[Any]) -> Upsample | None:
    """Return the layer that shows pixels as two matrices (places, size) choose them; None if there is none."""
    if any(np.count_nonzero(each) != len(each) or (each.max(axis=1, initial=0) != 1).any() for each in (rows, columns)):
        return None
    for mode in ("nearest", "nearest-exact"):
        layer = Upsample((len(rows), len(columns)), mode=mode)
        chosen = [taps(each.shape[1], len(each), None, "nearest", layer.coordinates)[0] for each in (rows, columns)]
        if all(
            np.array_equal(each.argmax(axis=1), pixels) for each, pixels in zip((rows, columns), chosen, strict=True)
        ):
            return layer
    return None


RULES: Mapping[str, Rule] = MappingProxyType({"Erf": erf, "Pow": power, "Sqrt": square_root})
"""Operator -> its rule."""
