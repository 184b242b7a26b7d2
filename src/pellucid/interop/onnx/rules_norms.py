"""Operators that normalise within a sample: over its last axes, or over groups of channels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...layers import GroupNorm, LayerNorm, Parameter, Reshape
from ...steps import Shape
from .conversion import Conversion, Rule, floats
from .nodes import Constant, NodeError, Use, Value


def layer_normalization(build: Conversion, use: Use) -> Value:
    """`LayerNorm`."""
    x, scale, bias = use.value(), use.constant(1, "the scale"), use.optional(2, "the bias")
    axis = use.axis(use.whole("axis", -1), x.rank)
    use.whole("stash_type", 1)
    if axis == 0:
        raise NodeError("normalises over the samples too")
    shape = x.shape[axis - 1 :]
    plain = _plain(scale, bias)
    layer = LayerNorm(shape, eps=use.real("epsilon", 1e-5), elementwise_affine=not plain, bias=bias is not None)
    for name, numbers in (("weight", scale), ("bias", bias)):
        if numbers is not None and not plain:
            build.learn(layer, name, numbers, lambda array: _of_shape(array, shape), "of its last axes")
    return build.layer(layer, x)


def _of_shape(array: NDArray[Any], shape: Shape) -> NDArray[Any]:
    """Return numbers in the shape of what is normalised, axes of length 1 before it left out."""
    fits = array.size == 1 or array.shape[max(0, array.ndim - len(shape)) :] == shape[-array.ndim :]
    if not fits or array.size > np.prod(shape):
        raise NodeError(f"has numbers of the shape {array.shape}; expected {shape}, as is normalised")
    return np.broadcast_to(array.reshape(array.shape[max(0, array.ndim - len(shape)) :]), shape)


def _plain(scale: Constant, bias: Constant | None) -> bool:
    """Return whether all is multiplied by 1 and 0 is added, as it is written where both are nodes that follow."""
    return bool((floats(scale) == 1).all()) and (bias is None or not floats(bias).any())


def instance_normalization(build: Conversion, use: Use) -> Value:
    """`GroupNorm`, of as many groups as channels; with a Reshape on either side, as PyTorch writes it, of fewer."""
    x = use.value()
    return _groups(build, use, x, x.shape[0])


def group_normalization(build: Conversion, use: Use) -> Value:
    """`GroupNorm`."""
    x, groups = use.value(), use.whole("num_groups")
    if use.opset >= 21:
        use.whole("stash_type", 1)
    if groups < 1 or x.shape[0] % groups:
        raise NodeError(f"cuts {x.shape[0]} channels into {groups} groups")
    return _groups(build, use, x, groups)


def _groups(build: Conversion, use: Use, x: Value, groups: int) -> Value:
    """Place a `GroupNorm`: scales of 1 and biases of 0 are none, for so it is written where others follow."""
    channels = x.shape[0]
    numbers = {"weight": use.constant(1, "the scale"), "bias": use.constant(2, "the bias")}
    if any(each.array.shape not in ((channels,), (groups,)) for each in numbers.values()):
        shapes = " and ".join(str(each.array.shape) for each in numbers.values())
        raise NodeError(f"has a scale and a bias of the shapes {shapes}, for {channels} channels")
    plain = _plain(*numbers.values())
    layer = GroupNorm(groups, channels, eps=use.real("epsilon", 1e-5), affine=not plain)
    if not plain:
        for name, constant in numbers.items():  # until opset 21 one for each group
            build.learn(layer, name, constant, lambda array: array.repeat(channels // array.size), "of channels")
    return build.layer(layer, x)


# ---- layers that are several nodes
def unfolded(build: Conversion, x: Value, shape: Shape) -> Value | None:
    """Return a value in another shape, if it was in that one before it was normalised by groups that the shape has.

    ``Reshape(groups, …) -> GroupNorm -> Reshape(channels, …)`` is a `GroupNorm` of these groups.
    """
    norm = build.before(x)
    if not isinstance(norm, GroupNorm) or norm.weight is not None or shape[0] % norm.num_groups:
        return None
    (inner,) = build.placed[x.source].sources
    if not isinstance(build.before(inner), Reshape) or build.placed[inner.source].sources[0].shape != shape:
        return None
    before = build.take_back(build.take_back(x)._replace(names=inner.names))
    return build.layer(GroupNorm(norm.num_groups, shape[0], eps=norm.eps, affine=False), before)


def scaled(build: Conversion, x: Value, numbers: Constant) -> bool:
    """Give a `GroupNorm` or `LayerNorm` without any a scale, and a bias that is 0 as yet, if x is of such."""
    norm = build.before(x)
    if not isinstance(norm, (GroupNorm, LayerNorm)) or norm.weight is not None or not _fit(numbers, norm, x):
        return False
    shape = (norm.num_channels,) if isinstance(norm, GroupNorm) else norm.normalized_shape
    norm.weight, norm.bias = Parameter("weight", shape), Parameter("bias", shape)
    build.learn(norm, "weight", numbers, lambda array: array.reshape(shape), "of what is normalised")
    build.hold(norm.bias, np.zeros(shape, np.float32))
    return True


def shifted(build: Conversion, x: Value, numbers: Constant, form: Any) -> bool:
    """Give a `GroupNorm` or `LayerNorm` whose biases are all 0 others, if x is of such."""
    norm = build.before(x)
    bias = norm.bias if isinstance(norm, (GroupNorm, LayerNorm)) else None
    held = build.held(bias)
    if not isinstance(norm, (GroupNorm, LayerNorm)) or bias is None or held is None or held.any():
        return False
    if not _fit(numbers, norm, x):
        return False
    build.learn(norm, "bias", numbers, lambda array: form(array).reshape(bias.shape), "of what is normalised")
    return True


def _fit(numbers: Constant, norm: GroupNorm | LayerNorm, x: Value) -> bool:
    """Return whether the model's weights are one for each channel of a value, or for each number of its last axes."""
    shape = numbers.array.shape
    if isinstance(norm, LayerNorm):
        return numbers.learnt and shape == norm.normalized_shape
    shape = shape[1:] if len(shape) == x.rank and shape[0] == 1 else shape
    return numbers.learnt and shape == (x.shape[0], *(1 for _ in x.shape[1:]))


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "LayerNormalization": layer_normalization,
        "InstanceNormalization": instance_normalization,
        "GroupNormalization": group_normalization,
    }
)
"""Operator -> its rule."""
