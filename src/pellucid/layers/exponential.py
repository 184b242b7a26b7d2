"""Activations made of exponentials that came after the sigmoid, and the logarithms of the softmax."""

from __future__ import annotations

from typing import Any

from ..arguments import number
from .activation import Activation, OfClasses


class ELU(Activation):
    """Exponential linear unit: ``y = x where x > 0, else alpha · (eˣ − 1)``; at 0 the derivative is taken as alpha.

    Parameters
    ----------
    alpha : float, default 1

    Notes
    -----
    Shape: any, unchanged.

    References
    ----------
    D. Clevert, T. Unterthiner and S. Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units
    (ELUs)", 2016.

    Examples
    --------
    >>> ELU().forward([[-1, 2]])
    array([[-0.63212055,  2.        ]], dtype=float32)
    """

    stem, kind, remembers = "elu", "elu", "input"

    def __init__(self, alpha: float = 1.0):
        super().__init__()
        self.alpha = number(alpha, "alpha")

    def config(self) -> dict[str, Any]:
        return {"alpha": self.alpha}


class SiLU(Activation):
    """Sigmoid linear unit, or swish: ``y = x / (1 + e⁻ˣ)``.

    Notes
    -----
    Shape: any, unchanged.

    References
    ----------
    P. Ramachandran, B. Zoph and Q. Le, "Searching for Activation Functions", 2017.

    Examples
    --------
    >>> SiLU().forward([[0, 1]])
    array([[0.       , 0.7310586]], dtype=float32)
    """

    stem, kind, remembers = "silu", "silu", "input"


class Softplus(Activation):
    """``y = log(1 + eˣ)``, a ReLU without its kink.

    Notes
    -----
    Shape: any, unchanged.

    References
    ----------
    C. Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option Pricing", 2000.

    Examples
    --------
    >>> Softplus().forward([[0, 20]])
    array([[ 0.6931472, 20.       ]], dtype=float32)
    """

    stem, kind, remembers = "softplus", "softplus", "input"


class GELU(Activation):
    """Gaussian error linear unit: ``y = x · Φ(x)``, Φ being the share of a standard normal distribution below x.

    It is ``Φ(x) = erfc(−x / √2) / 2`` itself, not the approximation with a tanh.

    Notes
    -----
    Shape: any, unchanged.

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian Error Linear Units (GELUs)", 2016.

    Examples
    --------
    >>> GELU().forward([[-1, 0, 1]])
    array([[-0.15865526,  0.        ,  0.8413447 ]], dtype=float32)
    """

    stem, kind, remembers = "gelu", "gelu", "input"


class LogSoftmax(OfClasses):
    """``y[n, k] = x[n, k] − log Σ j exp(x[n, j])`` over axis 1: the logarithms of `Softmax`, which cannot overflow.

    Before `CrossEntropy` it changes nothing: the softmax of these logarithms are the same shares.

    Notes
    -----
    Shape: (N, K, …), unchanged, with K classes on axis 1.

    Examples
    --------
    >>> LogSoftmax().forward([[0, 0]])
    array([[-0.6931472, -0.6931472]], dtype=float32)
    """

    stem = kind = "log_softmax"
