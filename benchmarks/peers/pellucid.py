"""Pellucid itself: with its compiled engine, or with the definitions in NumPy.

The data is resident as the bytes of a data set; gathering a batch and scaling it belong to a step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import pellucid as p
from benchmarks.peers import Base
from benchmarks.problem import Array, ConvolutionProblem, NetworkProblem, Pictures, Problem
from benchmarks.recipes import IMAGE, Conv, Flatten, Layer, Linear, Norm, Pool, Recipe, ReLU, shapes
from pellucid.definitions.conv import conv2d, conv2d_grad_input, conv2d_grad_weight
from pellucid.geometry import Window
from pellucid.interop.torch import to_torch_names
from pellucid.schedules import Constant, LinearCycle
from pellucid.training import engine as engines

NO_KEY = np.zeros(2, np.uint32)
"""Of dropout, which no network here has."""


class Peer(Base):
    """Pellucid; the settings are "engine" ("compiled" or "numpy"), "dtype" and, for trainings, "augment"."""

    packages = ("pellucid", "numpy")

    def __init__(self, settings: Mapping[str, Any]):
        super().__init__(settings)
        self.engine = settings.get("engine", "compiled")
        self.dtype = settings.get("dtype", "float32")
        self.augment = [p.augment.by_name(text) for text in settings.get("augment", ())]
        self._infer: Callable[[Array], Array] | None = None
        self._canonical: Callable[[str, Array], Array] = lambda name, array: array

    def note(self) -> str:
        """Return which engine it is, where it is not the usual one."""
        return "" if self.engine == "compiled" else f"engine={self.engine!r}"

    # ---- LeNet
    def load(self, problem: Problem) -> None:
        """Make LeNet with the problem's weights."""
        self.model = p.models.lenet(dtype=self.dtype)
        for name, parameter in self.model.parameters().items():
            parameter.data[...] = problem.weights[name]

    def load_network(self, problem: NetworkProblem) -> None:
        """Make a known network with the problem's weights."""
        self.model = p.models.by_name(problem.model)(problem.classes, problem.shape, dtype=self.dtype)
        names = to_torch_names(self.model)
        for path, held in {**self.model.parameters(), **self.model.states()}.items():
            held.data[...] = problem.weight(names[path], held.data.shape)
        for layer in self.model:
            if isinstance(layer, p.Dropout):
                layer.p = 0.0

    def batches(self, problem: Problem | NetworkProblem, size: int) -> Sequence[Array]:
        """Return the places of each batch's pictures in the data set."""
        images = problem.images if problem.images.ndim == 4 else problem.images[:, None]
        self._runner = training_engine(self.model, images, problem.labels, size, self.engine, self.threads)
        return np.split(np.arange(len(images) // size * size), len(images) // size)

    def train_step(self, batch: Array) -> float:
        """Do one step of Adam."""
        return step(self._runner, batch)

    def infer(self, x: Array) -> Array:
        """Return the outputs for pixels."""
        if self._infer is None:
            self._infer = self._compiled()
        return self._infer(x)

    def _compiled(self) -> Callable[[Array], Array]:
        if self.engine == "compiled":
            return p.compile(self.model, threads=self.threads)
        return lambda x: p.predict(self.model, x, engine=self.engine)

    # ---- a layer alone
    def convolution(self, problem: ConvolutionProblem) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """Return forward and backward: the kernels by themselves, or the definitions."""
        if self.engine == "compiled":
            from benchmarks.convolution import Convolving  # needs the compiler

            kernels = Convolving(problem, self.threads)
            self._canonical = kernels.canonical
            return kernels.forward, kernels.backward
        return defined_convolution(problem, self.dtype)

    def canonical(self, result: Any) -> dict[str, Array]:
        """Return what a function of `convolution` returned; the definitions' layout is the canonical one."""
        return {name: self._canonical(name, array) for name, array in result.items()}

    # ---- a whole training
    def train(self, recipe: Recipe, data: Pictures, seed: int) -> tuple[float, float]:
        """Train with `fit`.

        Where progress is shown the time is that of the whole call of `fit`, compiling included; else that of the
        epochs, with shuffling and scaling but without what is done once.
        """
        network = recipe_network(recipe, seed)
        optimizer = p.AdamW(recipe.lr, betas=recipe.betas, weight_decay=0)
        began = time.perf_counter()
        history = p.fit(
            network, (data.images, data.labels), epochs=recipe.epochs, batch_size=recipe.batch_size,
            loss=p.CrossEntropy(recipe.label_smoothing), optimizer=optimizer, seed=seed, progress=recipe.progress,
            schedule=LinearCycle(0.1, 0.2) if recipe.cycle else Constant(), engine=self.engine, threads=self.threads,
            augment=self.augment,
        )  # fmt: skip
        whole = time.perf_counter() - began
        seconds = whole if recipe.progress else sum(epoch["seconds"] for epoch in history.epochs)
        scores = p.evaluate(network, (data.test_images, data.test_labels), engine=self.engine, threads=self.threads)
        return seconds, scores["accuracy"]


def defined_convolution(problem: ConvolutionProblem, dtype: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return forward and backward of a convolution by the definitions."""
    x, weight, grad = (array.astype(dtype) for array in problem.arrays())
    window, groups = Window.of(problem.kernel, padding=problem.padding), problem.groups

    def forward() -> dict[str, Array]:
        return {"y": conv2d(x, weight, window=window, groups=groups)}

    def backward() -> dict[str, Array]:
        size = (problem.size, problem.size)
        return {
            "grad_input": conv2d_grad_input(grad, weight, size=size, window=window, groups=groups),
            "grad_weight": conv2d_grad_weight(x, grad, window=window, groups=groups),
        }

    return forward, backward


def training_engine(network: p.Sequential, images: Array, labels: Array, size: int, engine: str, threads: int) -> Any:
    """Return what does steps of Adam on batches of up to `size` pictures; making it compiles whatever is compiled."""
    program = p.lower(network, loss=p.CrossEntropy(), optimizer=p.Adam(1e-3), resident=True)
    resident = {"input.data": images, "target.data": labels}
    if engine == "compiled":
        return engines.CompiledEngine(network, program, resident, size, threads)
    return engines.NumpyEngine(network, program, resident)


def step(engine: Any, index: Array) -> float:
    """Do a step with the pictures at these places, and return its loss."""
    numbers = {"index": index, "position": index, "count": len(index), "dropout_key": NO_KEY, "lr": 1e-3}
    loss: float = engine.step(numbers).loss
    return loss


def recipe_network(recipe: Recipe, seed: int) -> p.Sequential:
    """Return a recipe's network, with weights of its own."""
    initial = p.GlorotUniform() if recipe.initial == "glorot" else p.HeNormal()
    layers = [_layer(layer, before, initial) for layer, before, _ in shapes(recipe.layers)]
    scaling = p.Scaling(recipe.mean, recipe.deviation)
    return p.Sequential(layers, input_shape=IMAGE, seed=seed, scaling=scaling)


def _layer(layer: Layer, before: tuple[int, ...], initial: Any) -> p.Layer:
    match layer:
        case Conv(filters, kernel, stride):
            return p.Conv2d(before[0], filters, kernel, stride=stride, initializer=initial)
        case Linear(outputs):
            return p.Linear(before[0], outputs, initializer=initial)
        case Norm():
            return p.BatchNorm2d(before[0])
        case Pool(size):
            return p.MaxPool2d(size)
        case Flatten():
            return p.Flatten()
        case ReLU():
            return p.ReLU()
