"""Operators that make images larger: transposed convolution, and pixels repeated or computed between others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ...definitions.resize import taps
from ...geometry import LARGEST, Pair, Sides
from ...layers import ConvTranspose2d, Upsample
from .conversion import Conversion, Rule
from .evaluation_resize import Axis, Settings, axes_of, runtimes_agree, settings
from .evaluation_windows import Span, kept, reached
from .nodes import Constant, NodeError, Use, Value
from .rules_weights import as_it_is
from .rules_windows import pair_of


def conv_transpose(build: Conversion, use: Use) -> Value:
    """`ConvTranspose2d`."""
    x, weight, bias = use.value(), use.constant(1, "the weights"), use.optional(2, "the bias")
    shape, groups = weight.array.shape, use.whole("group", 1)
    if len(shape) != 4 or len(x.shape) != 3 or 0 in shape:
        raise NodeError(
            f"has weights of the shape {shape} over samples {x.shape}; only images (N, C, H, W) are possible"
        )
    if use.wholes("kernel_shape") not in (None, shape[2:]):
        raise NodeError(f"expected the kernel_shape of the weights {shape[2:]}")
    strides, dilations = pair_of(use, "strides"), pair_of(use, "dilations")
    if max(*shape[2:], *strides, *dilations) > LARGEST:
        raise NodeError(f"has a window, stride or dilation of more than {LARGEST:,} pixels")
    spans = [Span(*numbers) for numbers in zip(shape[2:], strides, dilations, strict=True)]
    padding, more = _cut_off(use, spans, x.shape[1:], strides)
    layer = ConvTranspose2d(
        shape[0], shape[1] * groups, shape[2:], stride=strides, padding=padding, output_padding=more,
        dilation=dilations, groups=groups, bias=bias is not None,
    )  # fmt: skip
    build.learn(layer, "weight", weight, as_it_is, "as it is")
    if bias is not None:
        build.learn(layer, "bias", bias, as_it_is, "as it is")
    return build.layer(layer, x)


def _cut_off(use: Use, spans: list[Span], sizes: tuple[int, ...], strides: Pair) -> tuple[Sides, Pair]:
    """Return what is cut off of all that the pixels reach, and by how many pixels the result goes beyond."""
    whole = reached(spans, sizes)
    padding, shape = use.wholes("output_padding"), use.wholes("output_shape")
    if padding is not None and (len(padding) != 2 or min(padding) < 0):
        raise NodeError(f"output_padding: expected two numbers of at least 0, found {padding!r:.60}")
    if shape is not None and len(shape) < 2:
        raise NodeError(f"output_shape: expected at least two numbers, found {shape!r:.60}")
    sides, more = [], []
    same = use.text("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER") and use.wholes("output_shape") is None
    for size, stride, (first, length) in zip(whole, strides, kept(use, spans, sizes, whole), strict=True):
        beyond = first + length - size
        if first < 0 or length < 1 or beyond >= stride:
            raise NodeError(
                f"makes {length} pixels, of which {beyond} are beyond the reach of any; a stride is {stride}"
            )
        if same and beyond > 0:
            raise NodeError("auto_pad: what it is with a stride that leaves pixels out, runtimes do not agree")
        sides.append((first, max(0, -beyond)))
        more.append(max(0, beyond))
    return (sides[0], sides[1]), (more[0], more[1])


def resize(build: Conversion, use: Use) -> Value:
    """`Upsample`, where it computes the same: of images, nearest or linear, and not cut from a part."""
    x = use.value()
    asked = _of_samples(build, use, x)
    said, axes = settings(asked), axes_of(asked, (1, *x.shape))
    use.given(), [use.input(place) for place in range(len(use.node.inputs))]  # all of which `asked` has looked at
    changed = [axis for axis, how in axes.items() if how.length != how.size or how.scale != 1]
    smooth = asked.opset >= 18 and asked.switch("antialias")
    if asked.opset >= 11:
        asked.switch("exclude_outside"), asked.real("cubic_coeff_a", -0.75), asked.real("extrapolation_value", 0.0)
    asked.input(0)
    asked.refuse_rest()
    if not changed:
        return x
    if len(x.shape) != 3 or not {2, 3}.issuperset(changed) or min(axes[axis].length for axis in changed) < 1:
        raise NodeError(
            f"resizes axes {changed} of samples {x.shape}; only the pixels of images, axes 2 and 3, are possible"
        )
    if said.mode == "cubic" or said.coordinates == "tf_crop_and_resize" or smooth:
        raise NodeError(
            f"resizes by {said.mode} with {said.coordinates}{' and antialias' if smooth else ''}, as no layer"
        )
    if max(max(axes[axis].size, axes[axis].length) for axis in changed) > LARGEST:
        raise NodeError(f"has an image of more than {LARGEST:,} pixels along an axis")
    if not all(runtimes_agree(said, axes[axis]) for axis in changed):
        raise NodeError(
            "align_corners: what it is where size · scale is no whole number, runtimes do not agree; export the model "
            "with sizes in place of scales"
        )
    hows = tuple(axes.get(axis, Axis(x.shape[axis - 1], x.shape[axis - 1], 1.0, (0.0, 1.0))) for axis in (2, 3))
    for layer in _candidates(said, hows, scaled=asked.input(3) is None):
        if layer.output_shape(x.shape)[1:] == tuple(how.length for how in hows) and _agrees(layer, said, hows):
            return build.layer(layer, x)
    raise NodeError(
        f"resizes by {said.mode} with {said.coordinates} {said.rounding}, as no layer does with these sizes"
    )


def _of_samples(build: Conversion, use: Use, x: Value) -> Use:
    """Return the node as it is for one sample: with 1 for the number of samples among the sizes."""
    given = list(use.all_inputs())
    if len(given) > 3 and isinstance(sizes := given[3], Constant) and sizes.array.shape == (x.rank,):
        first = sizes.array[0]
        known = first == build.batch if sizes.batch is None else bool(sizes.batch[0]) and not sizes.batch[1:].any()
        if known:
            given[3] = Constant(np.concatenate([np.ones_like(sizes.array[:1]), sizes.array[1:]]))
    return Use(use.node, use.opset, tuple(given))


def _candidates(said: Settings, hows: tuple[Axis, ...], scaled: bool) -> list[Upsample]:
    """Return the layers that may do what is said, the most usual first."""
    factors = tuple(float(f"{how.scale:.7g}") for how in hows)
    size = {"scale_factor": factors} if scaled else {"size": tuple(how.length for how in hows)}
    if said.mode == "nearest":
        return [Upsample(**size, mode=mode) for mode in ("nearest", "nearest-exact")]
    others = ("", "align_corners", "asymmetric")
    return [Upsample(**size, mode="bilinear", **({other: True} if other else {})) for other in others]


def _agrees(layer: Upsample, said: Settings, hows: tuple[Axis, ...]) -> bool:
    """Return whether a layer's places lie where those of a Resize do."""
    for axis, how in enumerate(hows):
        scale = None if layer.scale_factor is None else layer.scale_factor[axis]
        mode = "nearest" if said.mode == "nearest" else "bilinear"
        first, _, share = taps(how.size, how.length, scale, mode, layer.coordinates)
        if mode == "nearest":
            if not np.array_equal(first, said.nearest(how)):
                return False
        elif not np.allclose(first + share, said.at(how).clip(0, how.size - 1), atol=1e-4):
            return False
    return True


RULES: Mapping[str, Rule] = MappingProxyType({"ConvTranspose": conv_transpose, "Resize": resize})
"""Operator -> its rule."""
