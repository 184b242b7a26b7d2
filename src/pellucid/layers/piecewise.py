"""Activations of straight lines: x between two bounds, a sigmoid of three lines, and what that one makes of x."""

from __future__ import annotations

from typing import Any

from ..arguments import number
from ..errors import ArgumentError
from .activation import Activation


class Clip(Activation):
    """``y = min(max(x, least), most)``, the bounds being `min` and `max`; at both the derivative is taken as 0.

    Parameters
    ----------
    min, max : float or None
        The least and the largest value; None is no bound. One of them is given at least.

    Notes
    -----
    Shape: any, unchanged. ``Clip(-1, 1)`` is PyTorch's Hardtanh, ``Clip(0, 6)`` is `ReLU6`.

    Examples
    --------
    >>> Clip(-1, None).forward([[-3, 0, 3]])
    array([[-1.,  0.,  3.]], dtype=float32)
    """

    stem = kind = "clip"

    def __init__(self, min: float | None, max: float | None):
        super().__init__()
        self.min = None if min is None else number(min, "min")
        self.max = None if max is None else number(max, "max")
        if self.min is None and self.max is None:
            raise ArgumentError("Clip: expected min, max or both, received None for both, which would change nothing")
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ArgumentError(f"Clip: expected min below max, received min={self.min:g} and max={self.max:g}")

    def config(self) -> dict[str, Any]:
        return {"min": self.min, "max": self.max}


class HardSigmoid(Activation):
    """``y = min(max(alpha · x + beta, 0), 1)``: a sigmoid of three straight lines; where they meet the derivative is 0.

    Parameters
    ----------
    alpha : float, default 1/6
        The slope, above 0. PyTorch and Keras have 1/6 (Keras had 0.2 before version 3); ONNX has 0.2 by default.
    beta : float, default 0.5
        The value at 0.

    Notes
    -----
    Shape: any, unchanged.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", 2019, section 5.2.

    Examples
    --------
    >>> HardSigmoid().forward([[-4, 0, 1.5]])
    array([[0.  , 0.5 , 0.75]], dtype=float32)
    """

    stem = kind = "hard_sigmoid"

    def __init__(self, alpha: float = 1 / 6, beta: float = 0.5):
        super().__init__()
        self.alpha, self.beta = number(alpha, "alpha", "a number above 0"), number(beta, "beta")

    def config(self) -> dict[str, Any]:
        return {"alpha": self.alpha, "beta": self.beta}


class HardSwish(Activation):
    """``y = x · min(max(x/6 + 1/2, 0), 1)``: 0 below −3, x above 3; at −3 and 3 the derivative is taken as 0 and 1.

    Notes
    -----
    Shape: any, unchanged.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", 2019, section 5.2.

    Examples
    --------
    >>> HardSwish().forward([[-4, 1.5, 4]])
    array([[-0.   ,  1.125,  4.   ]], dtype=float32)
    """

    stem, kind, remembers = "hard_swish", "hard_swish", "input"
