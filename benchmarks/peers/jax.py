"""JAX: the whole step, Adam included, as one compiled function."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.peers import Base, library
from benchmarks.problem import Array, Problem, Weights, as_pixels, channels_last
from benchmarks.recipes import IMAGE, LENET, Conv, Flatten, Linear, Pool, ReLU

LR, FIRST, SECOND, EPS = 1e-3, 0.9, 0.999, 1e-8


class Peer(Base):
    """JAX. Images are float32 on its device, (N, H, W, C). It takes its number of threads from the processors that it
    may use, so they are what `threads` restricts, where the system can."""

    packages = ("jax", "jaxlib")

    def __init__(self, settings: Mapping[str, Any]):
        super().__init__(settings)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: self.threads])
        os.environ["JAX_PLATFORMS"] = "cpu"
        self.jax = library("jax")

    def load(self, problem: Problem) -> None:
        """Make LeNet with the problem's weights."""
        jnp = self.jax.numpy
        self.weights = {name: jnp.asarray(array) for name, array in channels_last(problem.weights).items()}
        moments = {name: jnp.zeros_like(array) for name, array in self.weights.items()}
        self.state = self.weights, moments, self.jax.tree.map(jnp.copy, moments), jnp.float32(0)
        self._step = self.jax.jit(self._do_step, donate_argnums=0)
        self._outputs = self.jax.jit(self.outputs)

    def outputs(self, weights: Weights, x: Any) -> Any:
        """Return LeNet's outputs for images (N, H, W, C)."""
        lax, counts = self.jax.lax, {"conv": 0, "linear": 0}

        def next_of(kind: str) -> tuple[Any, Any]:
            counts[kind] += 1
            name = f"{kind}{counts[kind]}"
            return weights[f"{name}.weight"], weights[f"{name}.bias"]

        for layer in LENET:
            match layer:
                case Conv(_, _, stride):
                    weight, bias = next_of("conv")
                    layouts = "NHWC", "HWIO", "NHWC"
                    x = lax.conv_general_dilated(x, weight, (stride, stride), "VALID", dimension_numbers=layouts) + bias
                case Linear():
                    weight, bias = next_of("linear")
                    x = x @ weight + bias
                case Pool(size):
                    samples, rows, columns, channels = x.shape
                    # A little faster than reduce_window, here and in its gradient.
                    x = x.reshape(samples, rows // size, size, columns // size, size, channels).max((2, 4))
                case Flatten():
                    x = x.reshape(len(x), -1)
                case ReLU():
                    x = self.jax.nn.relu(x)
        return x

    def _do_step(self, state: Any, x: Any, y: Any) -> Any:
        jax, jnp = self.jax, self.jax.numpy
        weights, first, second, steps = state
        steps = steps + 1

        def loss_of(weights: Weights) -> Any:
            each = jax.nn.log_softmax(self.outputs(weights, x))
            return -jnp.take_along_axis(each, y[:, None], 1).mean()

        loss, gradients = jax.value_and_grad(loss_of)(weights)
        first = jax.tree.map(lambda m, g: FIRST * m + (1 - FIRST) * g, first, gradients)
        second = jax.tree.map(lambda v, g: SECOND * v + (1 - SECOND) * g * g, second, gradients)
        rate, root = LR / (1 - FIRST**steps), jnp.sqrt(1 - SECOND**steps)
        weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) / root + EPS), weights, first, second)
        return (weights, first, second, steps), loss

    def batches(self, problem: Problem, size: int) -> Sequence[Any]:
        """Return arrays of images and labels on the device."""
        x, y = as_pixels(problem.images).reshape(-1, *IMAGE[1:], IMAGE[0]), problem.labels.astype(np.int32)
        put = self.jax.device_put
        return [(put(x[i : i + size]), put(y[i : i + size])) for i in range(0, len(x) - size + 1, size)]

    def train_step(self, batch: Any) -> Any:
        """Ask for one step of Adam."""
        self.state, loss = self._step(self.state, *batch)
        return loss

    def number(self, loss: Any) -> float:
        """Wait until the steps that were asked for are done."""
        self.jax.block_until_ready(self.state)
        return float(loss)

    def infer(self, x: Array) -> Array:
        """Return the outputs for pixels."""
        return np.asarray(self._outputs(self.weights, x.reshape(-1, *IMAGE[1:], IMAGE[0])))
