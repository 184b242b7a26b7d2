"""Normalisation layers: over the batch, and over neighbouring channels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import number
from ..definitions.arrays import Array
from ..definitions.norm import (
    batch_norm,
    batch_norm_grad_bias,
    batch_norm_grad_input,
    batch_norm_grad_weight,
    batch_norm_running,
    batch_norm_running_grad_input,
    batch_norm_running_grad_weight,
    batch_statistics,
    local_response_norm,
    local_response_norm_grad_input,
    running_statistics,
)
from ..errors import ShapeError
from ..geometry import whole_number
from ..initializers import Constant
from ..steps import Shape
from .base import Layer, LayerBuild
from .images import image_shape
from .parameter import Parameter, State


class BatchNorm2d(Layer):
    """Every channel gets mean 0 and variance 1 over the batch, then a learnt scale and shift.

    ``y = weight · (x − mean) / √(variance + eps) + bias``

    In training, mean and (biased) variance are the batch's own, and running averages of them are kept; otherwise the
    running averages are used. A frozen layer, neither of whose parameters is trainable, uses the running averages in
    training too, and leaves them alone.

    Parameters
    ----------
    num_features : int
        Channels.
    eps : float, default 1e-5
    momentum : float, default 0.1
        Share of the new batch in ``running ← (1 − momentum) · running + momentum · batch`` (PyTorch's meaning).

    Attributes
    ----------
    weight, bias : Parameter (num_features,)
        Begin as 1 and 0.
    running_mean, running_var : State (num_features,)
        Begin as 0 and 1; the running variance takes the unbiased one of each batch.

    Notes
    -----
    Shape: (N, C, H, W) -> (N, C, H, W), or (N, C) -> (N, C) after a dense layer.

    What a frozen layer does in training is Keras's choice: fine-tuning a pretrained network then leaves what it has
    learnt of its own images in place, and a few new ones do not replace it. In PyTorch the statistics go on changing
    until the layer is told ``eval()`` as well.

    A training batch of one number a channel (N·H·W = 1) has nothing to be normalised by. It gives the bias, its
    gradient is 0, and its variance counts as 0 in the running average. `fit` refuses such batches, as PyTorch does, and
    warns of those of fewer than 8 numbers.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
    Shift", 2015.
    """

    stem = "norm"

    def __init__(self, num_features: int, *, eps: float = 1e-5, momentum: float = 0.1):
        super().__init__()
        self.num_features = whole_number(num_features, "num_features")
        self.eps = number(eps, "eps", "a number above 0")
        self.momentum = number(momentum, "momentum", "a number from 0 to 1")
        self.weight = Parameter("weight", (self.num_features,), Constant(1.0))
        self.bias = Parameter("bias", (self.num_features,))
        self.running_mean = State("running_mean", np.zeros(self.num_features))
        self.running_var = State("running_var", np.ones(self.num_features))

    @property
    def frozen(self) -> bool:
        """Whether nothing of this layer is learnt, so that its statistics stay too."""
        return not (self.weight.trainable or self.bias.trainable)

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) == 1:
            if input_shape[0] != self.num_features:
                fix = f"use BatchNorm2d({input_shape[0]})"
                raise ShapeError(f"expects {self.num_features} features", str(input_shape[0]), fix)
            return input_shape
        return image_shape(input_shape, self.num_features)

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        x = self.accept(x)
        mean, var = self.running_mean, self.running_var
        if self.frozen or not training:
            self._cache = x, None
            return batch_norm_running(x, mean.data, var.data, self.weight.data, self.bias.data, eps=self.eps)
        statistics = batch_statistics(x)
        mean.data, var.data = running_statistics(mean.data, var.data, statistics, momentum=self.momentum)
        self._cache = x, statistics
        return batch_norm(x, statistics, self.weight.data, self.bias.data, eps=self.eps)

    def backward(self, grad_output: ArrayLike) -> Array:
        (x, statistics), grad = self.remembered(grad_output)
        mean, var, weight, eps = self.running_mean.data, self.running_var.data, self.weight.data, self.eps
        self.bias.grad = batch_norm_grad_bias(grad)
        if statistics is None:
            self.weight.grad = batch_norm_running_grad_weight(x, mean, var, grad, eps=eps)
            return batch_norm_running_grad_input(var, weight, grad, eps=eps)
        self.weight.grad = batch_norm_grad_weight(x, statistics, grad, eps=eps)
        return batch_norm_grad_input(x, statistics, weight, grad, self.weight.grad, self.bias.grad, eps=eps)

    def lower(self, build: LayerBuild, x: int) -> int:
        shape = self.output_shape(build.shape(x))
        weight, bias = build.parameter(self.weight), build.parameter(self.bias)
        mean, var = build.state(self.running_mean), build.state(self.running_var)
        if self.frozen or not build.training:
            y = build.activation(shape)
            build.step("batch_norm_running", [x, mean, var, weight, bias], [y], eps=self.eps)
            return y
        statistics = build.saved("statistics", (3, self.num_features), "sum", "moments")
        build.step("batch_statistics", [x], [statistics])
        y = build.activation(shape)
        build.step("batch_norm", [x, statistics, weight, bias], [y], eps=self.eps)
        renewed = [build.renewed(mean), build.renewed(var)]
        build.step("running_statistics", [mean, var, statistics], renewed, momentum=self.momentum)
        return y

    def config(self) -> dict[str, Any]:
        return {"num_features": self.num_features, "eps": self.eps, "momentum": self.momentum}


class LocalResponseNorm(Layer):
    """Each value is divided by a power of the squares of its neighbours along the channels.

    ``y[c] = x[c] · (k + alpha/size · Σ x[j]²)^−beta`` over `size` channels j around c.

    Parameters
    ----------
    size : int
        Channels in the sum; an even size has one more before c than after.
    alpha, beta, k : float, default 1e-4, 0.75, 1.0
        As in PyTorch, `alpha` is divided by `size`; the paper's α is ``alpha / size``.

    Notes
    -----
    Shape: (N, C, H, W) -> (N, C, H, W). Channels outside the image count as 0.

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012,
    section 3.3.
    """

    stem = "lrn"

    def __init__(self, size: int, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        super().__init__()
        self.size = whole_number(size, "size")
        self.alpha = number(alpha, "alpha", "a number of at least 0")
        self.beta = number(beta, "beta", "a number of at least 0")
        self.k = number(k, "k", "a number of at least 0")

    def output_shape(self, input_shape: Shape) -> Shape:
        return image_shape(input_shape)

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return local_response_norm(x, **self.config())

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        return local_response_norm_grad_input(x, grad_output, **self.config())

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        build.step("local_response_norm", [x], [y], **self.config())
        return y

    def config(self) -> dict[str, Any]:
        return {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
