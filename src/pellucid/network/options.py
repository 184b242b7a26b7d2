"""What a network is told beside its layers, checked: its scaling, its class names, its input's shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import ArgumentError, ShapeError
from ..geometry import whole_number
from ..limits import physical_memory
from ..scaling import Scaling
from ..steps import Shape


def checked_scaling(scaling: Scaling | None) -> Scaling:
    """Return how images are scaled, by default only by their dtype; refuse what is no Scaling."""
    if scaling is not None and not isinstance(scaling, Scaling):
        raise ArgumentError(f"scaling: expected a Scaling(mean=…, std=…), received {scaling!r}")
    return scaling if scaling is not None else Scaling()


def refuse_other_number(class_names: Sequence[str], output_shape: Shape) -> None:
    """Refuse class names where there are more or fewer outputs."""
    if class_names and len(output_shape) == 1 and len(class_names) != output_shape[0]:
        raise ArgumentError(
            f"class_names: expected one for each of the {output_shape[0]} outputs, received {len(class_names)}"
        )


def checked_shape(input_shape: Sequence[int]) -> Shape:
    """Return the shape of one input, or refuse what is none."""
    if not isinstance(input_shape, Sequence) or not input_shape:
        raise ArgumentError(f"input_shape: expected (channels, height, width) or (features,), received {input_shape!r}")
    shape = tuple(whole_number(size, "input_shape") for size in input_shape)
    if len(shape) not in (1, 3):
        raise ArgumentError(f"input_shape: expected (channels, height, width) or (features,), received {shape}")
    refuse_too_large(shape, "input_shape")
    return shape


def refuse_too_large(shape: Shape, where: str) -> None:
    """Refuse the shape of one sample that would not fit into memory, before anybody makes an array of it."""
    needed = math.prod(shape) * 4
    if needed > physical_memory():
        raise ShapeError(
            f"a single output {shape} would need {needed:,} bytes, and this machine has {physical_memory():,}",
            where=where,
        )
