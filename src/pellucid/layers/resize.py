"""The layer that makes images larger, or smaller, without learning anything."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from ..arguments import number
from ..definitions.arrays import Array
from ..definitions.resize import (
    places_of,
    repeat_pixels,
    repeat_pixels_grad_input,
    resize,
    resize_grad_input,
)
from ..errors import ArgumentError, ShapeError
from ..geometry import LARGEST, Pair, pair
from ..steps import Shape
from .base import Layer, LayerBuild
from .images import image_shape

MODES = ("nearest", "nearest-exact", "bilinear")


class Upsample(Layer):
    """Images of another size: every pixel repeated, or what lies between pixels computed.

    Parameters
    ----------
    size : int or (int, int), optional
        Height and width of the output.
    scale_factor : float or (float, float), optional
        By how much height and width are multiplied, rounded down. One of both is given.
    mode : str, default "nearest"
        "nearest": place o shows the pixel ``⌊o / scale⌋``; "nearest-exact": the pixel whose middle is nearest,
        ``⌊(o + ½) / scale⌋``, the same for whole factors; "bilinear": a mean of the four pixels round the place, the
        nearer the more.
    align_corners : bool, default False
        For "bilinear": whether the middles of the outermost pixels are those of the output's; otherwise the edges are.
    asymmetric : bool, default False
        For "bilinear": whether place o lies at ``o / scale``, as in TensorFlow 1, and PyTorch does not have it.

    Notes
    -----
    Shape: (N, C, H, W) -> (N, C, OH, OW). In a compiled network pixels are repeated a whole number of times by a
    kernel; all else runs in NumPy.

    Places are those of the formulas, with the factors as they are given; PyTorch rounds factors to float32, and for
    "nearest" passes over one that leaves the size as it is, so some of its places show a neighbouring pixel.

    Examples
    --------
    >>> Upsample(scale_factor=2).forward([[[[1, 2]]]])
    array([[[[1., 1., 2., 2.],
             [1., 1., 2., 2.]]]], dtype=float32)
    """

    stem = "upsample"

    def __init__(
        self,
        size: int | Pair | None = None,
        scale_factor: float | tuple[float, float] | None = None,
        mode: str = "nearest",
        align_corners: bool = False,
        *,
        asymmetric: bool = False,
    ):
        super().__init__()
        if (size is None) == (scale_factor is None):
            raise ArgumentError(f"Upsample: expected either size or scale_factor, received {size} and {scale_factor}")
        if mode not in MODES:
            raise ArgumentError(f"mode: expected one of {', '.join(map(repr, MODES))}, received {mode!r}")
        if (align_corners or asymmetric) and (mode != "bilinear" or (align_corners and asymmetric)):
            raise ArgumentError(
                f'align_corners, asymmetric: expected one of them at most, and with mode="bilinear", received {mode!r}'
            )
        self.size = None if size is None else pair(size, "size")
        self.scale_factor = None if scale_factor is None else _factors(scale_factor)
        self.mode, self.align_corners, self.asymmetric = mode, bool(align_corners), bool(asymmetric)
        if max(self.size or self.scale_factor or ()) > LARGEST:
            raise ArgumentError(f"Upsample: expected a size or scale_factor of at most {LARGEST:,}")

    @property
    def coordinates(self) -> str:
        """Where places lie among pixels: "half_pixel", "asymmetric" or "align_corners"."""
        if self.mode == "nearest" or self.asymmetric:
            return "asymmetric"
        return "align_corners" if self.align_corners else "half_pixel"

    def output_shape(self, input_shape: Shape) -> Shape:
        channels, height, width = image_shape(input_shape)
        rows, columns = self._places((height, width))
        if rows < 1 or columns < 1:
            raise ShapeError(f"leaves no pixel with scale_factor={self.scale_factor}", f"{height}×{width} pixels")
        return channels, rows, columns

    def _places(self, size: Pair) -> Pair:
        if self.scale_factor is None:
            return self.size or size
        return places_of(size[0], self.scale_factor[0]), places_of(size[1], self.scale_factor[1])

    def _times(self, size: Pair) -> Pair | None:
        """Return how often pixels are repeated, if that is all that is done with them."""
        after = self._places(size)
        times = after[0] // size[0], after[1] // size[1]
        whole = after == (times[0] * size[0], times[1] * size[1]) and self.scale_factor in (None, times)
        return times if whole and self.mode != "bilinear" else None

    def _how(self) -> dict[str, Any]:
        mode = "bilinear" if self.mode == "bilinear" else "nearest"
        return {"scale": self.scale_factor, "mode": mode, "coordinates": self.coordinates}

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        size = x.shape[2], x.shape[3]
        if (times := self._times(size)) is not None:
            return repeat_pixels(x, times=times)
        return resize(x, size=self._places(size), **self._how())

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        if (times := self._times((x.shape[2], x.shape[3]))) is not None:
            return repeat_pixels_grad_input(grad_output, times=times)
        return resize_grad_input(grad_output, shape=x.shape[1:], **self._how())

    def lower(self, build: LayerBuild, x: int) -> int:
        _, height, width = build.shape(x)
        shape = self.output_shape(build.shape(x))
        y = build.activation(shape)
        if (times := self._times((height, width))) is not None:
            build.step("repeat_pixels", [x], [y], times=times)
        else:
            build.step("resize", [x], [y], size=shape[1:], **self._how())
        return y

    def config(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "scale_factor": self.scale_factor,
            "mode": self.mode,
            "align_corners": self.align_corners,
            "asymmetric": self.asymmetric,
        }


def _factors(value: object) -> tuple[float, float]:
    """Return ``(vertical, horizontal)`` from one number above 0 or two."""
    numbers = value if isinstance(value, (tuple, list)) else (value, value)
    if len(numbers) != 2:
        raise ArgumentError(f"scale_factor: expected one number or two (vertical, horizontal), received {value!r}")
    vertical, horizontal = (number(each, "scale_factor", "a number above 0") for each in numbers)
    return vertical, horizontal
