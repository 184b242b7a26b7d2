"""What layers over images have in common: they refuse what is no image, and windows that find no place in it."""

from __future__ import annotations

from ..errors import ShapeError
from ..geometry import Pair, Window
from ..steps import Shape


def image_shape(shape: Shape, channels: int | None = None) -> tuple[int, int, int]:
    """Return (C, H, W), or refuse with a ShapeError what is no image or has other than `channels` channels."""
    wanted = f"({channels if channels is not None else 'C'}, H, W)"
    if len(shape) != 3:
        raise ShapeError(f"expects images {wanted}", str(shape), "images are NCHW: reshape to (N, channels, H, W)")
    if min(shape) < 1:
        raise ShapeError(f"expects images {wanted} of at least one pixel", str(shape))
    if channels is not None and shape[0] != channels:
        fix = f"make the layer for {_channels(shape[0])}"
        if shape[2] == channels:
            fix = "images are NCHW: put the channels first with np.moveaxis(x, -1, 1)"
        raise ShapeError(f"expects {_channels(channels)}", f"{shape[0]}: {shape}", fix)
    return shape[0], shape[1], shape[2]


def _channels(number: int) -> str:
    return f"{number} channel" if number == 1 else f"{number} channels"


def places(window: Window, size: Pair) -> Pair:
    """Return (OH, OW) over images of `size` (H, W), or refuse with a ShapeError a window larger than they are."""
    counts = window.output_size(size)
    for axis, what in ((0, "rows"), (1, "columns")):
        if counts[axis] < 1:
            kernel = "×".join(map(str, window.kernel_size))
            raise ShapeError(
                f"a {kernel} window finds no place: {window.formula(size, axis)} {what}",
                f"{size[0]}×{size[1]} pixels",
                "use a smaller kernel_size or more padding",
            )
    return counts
