"""Keras on TensorFlow: `train_on_batch` and `fit`, or a step as one function of TensorFlow's."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.peers import Base, library
from benchmarks.problem import Array, Pictures, Problem, as_pixels, channels_last
from benchmarks.recipes import IMAGE, LENET, Conv, Flatten, Layer, Linear, Norm, Pool, Recipe, ReLU

ROWS_LAST = (*IMAGE[1:], IMAGE[0])

EPS = 1e-8 * math.sqrt(1 - 0.999)
"""Adam's eps. Keras adds it to √v before v is corrected for its bias, the others after: in the first steps, which are
compared, this is about the same."""


class Peer(Base):
    """Keras; the setting is "function", False where not given.

    Images are float32, (N, H, W, C), as is usual there. `train_on_batch` is given NumPy's arrays, the function tensors.
    """

    packages = ("keras", "tensorflow")

    def __init__(self, settings: Mapping[str, Any]):
        super().__init__(settings)
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        self.tensorflow = library("tensorflow")
        self.tensorflow.config.threading.set_intra_op_parallelism_threads(self.threads)
        self.tensorflow.config.threading.set_inter_op_parallelism_threads(self.threads)
        self.keras = library("keras")

    # ---- LeNet
    def load(self, problem: Problem) -> None:
        """Make LeNet with the problem's weights."""
        self.model = self.network(LENET)
        self.model.set_weights(list(channels_last(problem.weights).values()))
        self._compile(self.model, 1e-3, [])
        self._step = self.tensorflow.function(self._do_step)
        self._outputs = self.tensorflow.function(lambda x: self.model(x, training=False))

    def network(self, layers: Sequence[Layer]) -> Any:
        """Return a network of layers that are described in plain data."""
        made = [self._layer(layer) for layer in layers]
        return self.keras.Sequential([self.keras.layers.Input(ROWS_LAST), *made])

    def _layer(self, layer: Layer) -> Any:
        layers = self.keras.layers
        match layer:
            case Conv(filters, kernel, stride):
                return layers.Conv2D(filters, kernel, stride)
            case Linear(outputs):
                return layers.Dense(outputs)
            case Norm():
                return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
            case Pool(size):
                return layers.MaxPooling2D(size)
            case Flatten():
                return layers.Flatten()
            case ReLU():
                return layers.ReLU()

    def _compile(self, model: Any, lr: float, metrics: list[str]) -> None:
        loss = self.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(self.keras.optimizers.Adam(lr, epsilon=EPS), loss, metrics=metrics)
        model.optimizer.build(model.trainable_variables)

    def batches(self, problem: Problem, size: int) -> Sequence[Any]:
        """Return arrays, or tensors, of images and labels."""
        x, y = as_pixels(problem.images).reshape(-1, *ROWS_LAST), problem.labels
        pairs = [(x[i : i + size], y[i : i + size]) for i in range(0, len(x) - size + 1, size)]
        if not self.settings.get("function"):
            return pairs
        return [tuple(map(self.tensorflow.constant, pair)) for pair in pairs]

    def train_step(self, batch: Any) -> Any:
        """Do one step of Adam."""
        return self._step(*batch) if self.settings.get("function") else self.model.train_on_batch(*batch)

    def _do_step(self, x: Any, y: Any) -> Any:
        variables = self.model.trainable_variables
        with self.tensorflow.GradientTape() as tape:
            loss = self.model.loss(y, self.model(x, training=True))
        self.model.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    def infer(self, x: Array) -> Array:
        """Return the outputs for pixels, by a function of TensorFlow's."""
        outputs: Array = self._outputs(x.reshape(-1, *ROWS_LAST)).numpy()
        return outputs

    # ---- a whole training
    def train(self, recipe: Recipe, data: Pictures, seed: int) -> tuple[float, float]:
        """Train with `fit`, whose functions were traced, on a few images, before the time begins."""
        if recipe.cycle or recipe.label_smoothing or (recipe.mean, recipe.deviation) != (0.0, 1.0):
            raise NotImplementedError("this recipe is not written for Keras")
        self.keras.utils.set_random_seed(seed)
        model, size = self.network(recipe.layers), recipe.batch_size
        self._compile(model, recipe.lr, ["accuracy"])
        x, y = as_pixels(data.images).reshape(-1, *ROWS_LAST), data.labels
        variables = [*model.variables, *model.optimizer.variables]
        first = [variable.numpy() for variable in variables]
        model.fit(x[: 2 * size], y[: 2 * size], size, verbose=0)  # traces its functions
        for variable, value in zip(variables, first, strict=True):
            variable.assign(value)
        began = time.perf_counter()
        model.fit(x, y, size, recipe.epochs, verbose=1 if recipe.progress else 0)
        seconds = time.perf_counter() - began
        outputs = model.predict(as_pixels(data.test_images).reshape(-1, *ROWS_LAST), verbose=0)
        return seconds, float((outputs.argmax(1) == data.test_labels).mean())
