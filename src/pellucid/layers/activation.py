"""Activations: one function of each number (Softmax: of each sample's numbers)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from numpy.typing import ArrayLike

from ..arguments import number
from ..definitions import DEFINITIONS
from ..definitions.arrays import Array
from ..errors import ShapeError
from ..steps import Shape
from .base import Layer, LayerBuild


class Activation(Layer):
    """Base of the activations: forward and backward are the definitions of its `kind`.

    A derivative is shortest in terms of either the function's input or its output: `remembers` says which of them
    the kind's gradient takes. Every shape is taken, and kept.
    """

    kind: ClassVar[str]
    remembers: ClassVar[Literal["input", "output"]] = "output"

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        x = self.accept(x)
        y: Array = DEFINITIONS[self.kind](x, **self.config())
        self._cache = y if self.remembers == "output" else x
        return y

    def backward(self, grad_output: ArrayLike) -> Array:
        remembered, grad_output = self.remembered(grad_output)
        grad_input: Array = DEFINITIONS[f"{self.kind}.grad_input"](remembered, grad_output, **self.config())
        return grad_input

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        build.step(self.kind, [x], [y], **self.config())
        return y


class ReLU(Activation):
    """Rectified linear unit: ``y = max(x, 0)``; at 0 the derivative is taken as 0, and a NaN passes.

    Notes
    -----
    Shape: any, unchanged.

    References
    ----------
    V. Nair and G. Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", 2010.

    Examples
    --------
    >>> ReLU().forward([[-1, 2]])
    array([[0., 2.]], dtype=float32)
    """

    stem = kind = "relu"


class LeakyReLU(Activation):
    """``y = x where x ≥ 0, else negative_slope · x``; at 0 the derivative is taken as negative_slope.

    Parameters
    ----------
    negative_slope : float, default 0.01

    Notes
    -----
    Shape: any, unchanged.

    References
    ----------
    A. Maas, A. Hannun and A. Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.
    """

    stem, kind, remembers = "leaky", "leaky_relu", "input"

    def __init__(self, negative_slope: float = 0.01):
        super().__init__()
        self.negative_slope = number(negative_slope, "negative_slope")

    def config(self) -> dict[str, Any]:
        return {"negative_slope": self.negative_slope}


class ReLU6(Activation):
    """``y = min(max(x, 0), 6)``, as in MobileNet; at 0 and 6 the derivative is taken as 0.

    Notes
    -----
    Shape: any, unchanged.

    References
    ----------
    A. Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010.
    """

    stem = kind = "relu6"


class Sigmoid(Activation):
    """``y = 1 / (1 + e⁻ˣ)``, between 0 and 1.

    Notes
    -----
    Shape: any, unchanged.
    """

    stem = kind = "sigmoid"


class Tanh(Activation):
    """``y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)``, between −1 and 1.

    Notes
    -----
    Shape: any, unchanged.
    """

    stem = kind = "tanh"


class OfClasses(Activation):
    """Base of what looks at all classes of a sample together."""

    def output_shape(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise ShapeError("expects at least one axis of classes beside the batch", "none")
        return input_shape


class Softmax(OfClasses):
    """``y[n, k] = exp(x[n, k]) / Σ j exp(x[n, j])`` over axis 1: each sample's numbers become shares that sum to 1.

    Not before `CrossEntropy`, which takes the numbers before the softmax (logits).

    Notes
    -----
    Shape: (N, K, …), unchanged, with K classes on axis 1.
    """

    stem = kind = "softmax"
