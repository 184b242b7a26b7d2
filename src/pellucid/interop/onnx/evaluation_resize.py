"""Resize: images, or tensors of any rank, of another size.

Along each axis the result is a product with a matrix, ``y[o] = Σ i  weight[o, i] · x[i]``. Place o lies at a coordinate
between the numbers of x, and a row holds what each of these contributes there: the nearest one alone, the two on either
side ("linear"), or four ("cubic").

References: R. Keys, "Cubic convolution interpolation for digital image processing", 1981; the operator's description in
ONNX for the ways in which places become coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .nodes import NodeError, Operation, Use

Numbers: TypeAlias = NDArray[Any]


class Axis(NamedTuple):
    """How one axis is resized: numbers before and after, the factor as it is stated, and the part of x that is seen."""

    size: int
    length: int
    scale: float
    part: tuple[float, float]


COORDINATES: Mapping[str, Callable[[Numbers, Axis], Numbers]] = MappingProxyType(
    {
        "half_pixel": lambda o, a: (o + 0.5) / a.scale - 0.5,
        "half_pixel_symmetric": lambda o, a: (
            (a.size / 2) * (1 - a.length / (a.scale * a.size)) + (o + 0.5) / a.scale - 0.5
        ),
        "pytorch_half_pixel": lambda o, a: (o + 0.5) / a.scale - 0.5 if a.length > 1 else np.zeros_like(o),
        "align_corners": lambda o, a: o * ((a.size - 1) / (a.scale * a.size - 1)) if a.length > 1 else np.zeros_like(o),
        "asymmetric": lambda o, a: o / a.scale,
        "tf_half_pixel_for_nn": lambda o, a: (o + 0.5) / a.scale,
        "tf_crop_and_resize": lambda o, a: (
            a.part[0] * (a.size - 1) + o * ((a.part[1] - a.part[0]) * (a.size - 1) / (a.length - 1))
            if a.length > 1
            else np.full_like(o, (a.part[0] + a.part[1]) * (a.size - 1) / 2)
        ),
    }
)
"""coordinate_transformation_mode -> the coordinates in x of the places o.

With "align_corners" the last corner is that of size · scale numbers, also where that is no whole number, as in ONNX's
tests; onnxruntime takes the last place, so such a node becomes no layer (`runtimes_agree`).
"""

NEAREST: Mapping[str, Callable[[Numbers], Numbers]] = MappingProxyType(
    {
        "round_prefer_floor": lambda x: np.ceil(x - 0.5),
        "round_prefer_ceil": lambda x: np.floor(x + 0.5),
        "floor": np.floor,
        "ceil": np.ceil,
    }
)
"""nearest_mode -> the number that is taken for a coordinate."""


class Settings(NamedTuple):
    """What a Resize says of all axes; an empty rounding is that of opset 10."""

    mode: str
    coordinates: str
    rounding: str

    def at(self, how: Axis) -> Numbers:
        """Return where the places of an axis lie among its numbers."""
        return COORDINATES[self.coordinates](np.arange(how.length, dtype=np.float64), how)

    def nearest(self, how: Axis) -> Numbers:
        """Return which number each place shows."""
        rounded = NEAREST[self.rounding or ("ceil" if how.scale < 1 else "floor")](self.at(how))
        return rounded.astype(int).clip(0, how.size - 1)


def settings(use: Use) -> Settings:
    """Return what a node says of all axes."""
    mode, coordinates = use.text("mode", "nearest"), "asymmetric"
    if use.opset >= 11:
        coordinates = use.text("coordinate_transformation_mode", "half_pixel")
    if coordinates not in COORDINATES or mode not in ("nearest", "linear", "cubic"):
        raise NodeError(f"knows no mode {mode!r:.40} with the coordinates {coordinates!r:.40}")
    rounding = use.text("nearest_mode", "round_prefer_floor") if use.opset >= 11 else ""
    if rounding and rounding not in NEAREST:
        raise NodeError(f"nearest_mode: expected {', '.join(NEAREST)}, found {rounding!r:.40}")
    return Settings(mode, coordinates, rounding)


def resize(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """See above."""
    x, said = arrays[0], settings(use)
    filters = _filter(use, said.mode)
    outside = use.real("extrapolation_value", 0.0) if use.opset >= 11 else 0.0
    result, beyond = x.astype(np.float64) if said.mode != "nearest" else x, np.zeros([1] * x.ndim, bool)
    for axis, how in axes_of(use, x.shape).items():
        at = said.at(how)
        if said.mode == "nearest":
            result = np.take(result, said.nearest(how), axis)
        else:
            result = np.moveaxis(np.tensordot(filters.matrix(at, how), result, (1, axis)), 0, axis)
        if said.coordinates == "tf_crop_and_resize":
            off = (at < 0) | (at > how.size - 1)
            beyond = beyond | off.reshape([-1 if each == axis else 1 for each in range(x.ndim)])
    result = np.where(beyond, outside, result) if beyond.any() else result
    return _as(x.dtype, result)


def _as(dtype: np.dtype[Any], result: Numbers) -> Numbers:
    """Return numbers in a type; those of a whole type are rounded, within its bounds."""
    if dtype.kind in "iu" and result.dtype.kind == "f":
        bounds = np.iinfo(dtype)
        result = np.rint(result).clip(bounds.min, bounds.max)
    return np.asarray(result, dtype)


# ---- sizes
def axes_of(use: Use, shape: tuple[int, ...]) -> dict[int, Axis]:
    """Return the axes that are resized, and how."""
    if use.opset < 11:
        given = use.constant(1, "scales").array
        if given.shape != (len(shape),):
            raise NodeError(f"scales: expected {len(shape)} numbers, found the shape {given.shape}")
        return {axis: _scaled(size, float(given[axis])) for axis, size in enumerate(shape)}
    named = use.wholes("axes") if use.opset >= 18 else None
    axes = tuple(range(len(shape))) if named is None else tuple(use.axis(axis, len(shape)) for axis in named)
    policy = use.text("keep_aspect_ratio_policy", "stretch") if use.opset >= 18 else "stretch"
    roi, scales, sizes = use.optional(1, "roi"), use.optional(2, "scales"), use.numbers(3, "sizes")
    parts = [(0.0, 1.0)] * len(axes)
    if roi is not None and roi.array.size == 2 * len(axes):
        starts, ends = np.split(roi.array.astype(float), 2)
        parts = list(zip(starts.tolist(), ends.tolist(), strict=True))
    given_scales = [] if scales is None else scales.array.astype(float).ravel().tolist()
    if len(sizes or given_scales) != len(axes) or (sizes and given_scales):
        raise NodeError(f"expected either scales or sizes, {len(axes)} of them")
    old = [shape[axis] for axis in axes]
    hows = map(_scaled, old, given_scales) if not sizes else _to(old, sizes, policy)
    return {axis: how._replace(part=part) for axis, how, part in zip(axes, hows, parts, strict=True)}


def runtimes_agree(said: Settings, how: Axis) -> bool:
    """Return whether all runtimes see the places of an axis at the same coordinates.

    With "align_corners" they do where size · scale is a whole number, but for what float32 cuts off of the scale.
    """
    if said.coordinates != "align_corners" or min(how.size, how.length) < 2:
        return True
    return math.isclose(how.size * how.scale, how.length, rel_tol=1e-6)


def _scaled(size: int, scale: float) -> Axis:
    if not (scale > 0 and math.isfinite(size * scale)):
        raise NodeError(f"scales: expected finite numbers above 0, found {scale:g}")
    return Axis(size, math.floor(size * scale), scale, (0.0, 1.0))


def _to(old: Sequence[int], new: Sequence[int], policy: str) -> list[Axis]:
    """Return how axes get new sizes, or by one factor for all one as large as these allow, or as they need."""
    if policy == "stretch":
        return [Axis(a, b, b / a, (0.0, 1.0)) for a, b in zip(old, new, strict=True)]
    if policy not in ("not_larger", "not_smaller"):
        raise NodeError(f"keep_aspect_ratio_policy: found {policy!r:.40}")
    factors = [b / a for a, b in zip(old, new, strict=True)]
    scale = min(factors) if policy == "not_larger" else max(factors)
    return [Axis(size, math.floor(size * scale + 0.5), scale, (0.0, 1.0)) for size in old]


# ---- weights
class Filter(NamedTuple):
    """What numbers round a coordinate contribute: by their distance, up to a reach.

    Attributes
    ----------
    weight : function
        Of distances.
    reach : int
        From which distance on the weight is 0.
    smooth : bool
        Whether the filter is as much wider as the result is smaller.
    only_inside : bool
        Whether numbers beyond the edge do not count, rather than being those at the edge.
    """

    weight: Callable[[Numbers], Numbers]
    reach: int
    smooth: bool
    only_inside: bool

    def matrix(self, at: Numbers, how: Axis) -> Numbers:
        """Return the weights (places, numbers of x) for the coordinates `at`."""
        narrow = min(1.0, how.scale) if self.smooth else 1.0
        reach = math.ceil(self.reach / narrow)
        first = np.floor(at).astype(int)
        # (O, 1) + (taps,) -> (O, taps): the numbers within reach
        taps = first[:, None] + np.arange(1 - reach, reach + 1)
        weights = self.weight(np.abs(taps - at[:, None]) * narrow)
        inside = taps.clip(0, how.size - 1)
        if self.only_inside:
            weights = np.where(inside == taps, weights, 0)
        weights /= weights.sum(axis=1, keepdims=True)
        made: Numbers = np.zeros((len(at), how.size))
        np.add.at(made, (np.arange(len(at))[:, None], inside), weights)
        return made


def _filter(use: Use, mode: str) -> Filter:
    excluded = use.switch("exclude_outside") if use.opset >= 11 else False
    smooth = use.switch("antialias") if use.opset >= 18 else False
    a = use.real("cubic_coeff_a", -0.75) if use.opset >= 11 else 0.0

    def cubic(d: Numbers) -> Numbers:
        near, far = ((a + 2) * d - (a + 3)) * d * d + 1, a * (((d - 5) * d + 8) * d - 4)
        return np.where(d <= 1, near, np.where(d < 2, far, 0))

    def linear(d: Numbers) -> Numbers:
        return np.asarray(np.maximum(0, 1 - d))

    return Filter(cubic, 2, smooth, excluded) if mode == "cubic" else Filter(linear, 1, smooth, excluded)


OPERATIONS: Mapping[str, Operation] = MappingProxyType({"Resize": resize})
"""Operator -> what computes it."""
