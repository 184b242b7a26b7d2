"""PyTorch: eager, compiled, or with images in channels-last order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from benchmarks.peers import Base, library
from benchmarks.problem import Array, ConvolutionProblem, NetworkProblem, Pictures, Problem, as_pixels
from benchmarks.recipes import IMAGE, LENET, Conv, Flatten, Layer, Linear, Norm, Pool, Recipe, ReLU, shapes


class Peer(Base):
    """Torch; the settings are "compile", "channels_last" and "fused" (the optimiser), all False where not given.

    The data is resident as float32 tensors.
    """

    packages = ("torch",)

    def __init__(self, settings: Mapping[str, Any]):
        super().__init__(settings)
        self.torch = library("torch")
        self.torch.set_num_threads(self.threads)
        last = settings.get("channels_last", False)
        self.format = self.torch.channels_last if last else self.torch.contiguous_format

    # ---- LeNet
    def load(self, problem: Problem) -> None:
        """Make LeNet with the problem's weights."""
        network = self.network(LENET)
        with self.torch.no_grad():
            for parameter, weight in zip(network.parameters(), problem.weights.values(), strict=True):
                parameter.copy_(self.torch.from_numpy(weight))
        self._begin(network)

    def load_network(self, problem: NetworkProblem) -> None:
        """Make a known network as the parity tests do, with the problem's weights."""
        network = library("tests.oracles.torch_models").MODELS[problem.model](problem.classes)
        network = network.to(memory_format=self.format)
        with self.torch.no_grad():
            for name, tensor in network.state_dict().items():
                if tensor.is_floating_point():
                    tensor.copy_(self.torch.from_numpy(problem.weight(name, tuple(tensor.shape))))
        for layer in network.modules():
            if isinstance(layer, self.torch.nn.Dropout):
                layer.p = 0.0
        self._begin(network)

    def _begin(self, network: Any) -> None:
        self.optimizer = self.torch.optim.Adam(network.parameters(), 1e-3, fused=self.settings.get("fused"))
        self.model = self._compiled(network)
        self.loss = self.torch.nn.CrossEntropyLoss()

    def network(self, layers: Sequence[Layer]) -> Any:
        """Return a network of layers that are described in plain data."""
        made = [self._layer(layer, before) for layer, before, _ in shapes(layers, IMAGE)]
        return self.torch.nn.Sequential(*made).to(memory_format=self.format)

    def _layer(self, layer: Layer, before: tuple[int, ...]) -> Any:
        nn = self.torch.nn
        match layer:
            case Conv(filters, kernel, stride):
                return nn.Conv2d(before[0], filters, kernel, stride)
            case Linear(outputs):
                return nn.Linear(before[0], outputs)
            case Norm():
                return nn.BatchNorm2d(before[0]) if len(before) == 3 else nn.BatchNorm1d(before[0])
            case Pool(size):
                return nn.MaxPool2d(size)
            case Flatten():
                return nn.Flatten()
            case ReLU():
                return nn.ReLU()

    def _compiled(self, network: Any) -> Any:
        return self.torch.compile(network) if self.settings.get("compile") else network

    def _images(self, pixels: Array) -> Any:
        return self.torch.from_numpy(pixels).contiguous(memory_format=self.format)

    def batches(self, problem: Problem | NetworkProblem, size: int) -> Sequence[Any]:
        """Return tensors of images and labels."""
        x, y = self._images(as_pixels(problem.images)), self.torch.from_numpy(problem.labels)
        return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x) - size + 1, size)]

    def train_step(self, batch: Any) -> Any:
        """Do one step of Adam."""
        x, y = batch
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def number(self, loss: Any) -> float:
        """Return a loss as a number; nothing is queued on a processor."""
        return float(loss.item())

    def for_inference(self) -> None:
        """Take the running statistics of batch normalisation."""
        self.model.eval()

    def infer(self, x: Array) -> Array:
        """Return the outputs for pixels; the tensor shares their memory."""
        with self.torch.inference_mode():
            outputs: Array = self.model(self._images(x)).numpy()
        return outputs

    # ---- a layer alone
    def convolution(self, problem: ConvolutionProblem) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """Return forward and backward, the latter by autograd from an output that was computed once."""
        torch = self.torch
        arrays = [self._images(array) for array in problem.arrays()]
        x, weight, grad_output = arrays[0].requires_grad_(), arrays[1].requires_grad_(), arrays[2]

        def convolve() -> Any:
            return torch.nn.functional.conv2d(x, weight, padding=problem.padding, groups=problem.groups)

        def forward() -> Any:
            with torch.no_grad():
                return {"y": convolve()}

        output = convolve()

        def backward() -> Any:
            gradients = torch.autograd.grad(output, (x, weight), grad_output, retain_graph=True)
            return dict(zip(("grad_input", "grad_weight"), gradients, strict=True))

        return forward, backward

    def canonical(self, result: Any) -> dict[str, Array]:
        """Return what a function of `convolution` returned; the layout is canonical whatever the order in memory."""
        return {name: tensor.numpy() for name, tensor in result.items()}

    # ---- a whole training
    def train(self, recipe: Recipe, data: Pictures, seed: int) -> tuple[float, float]:
        """Train in a plain loop. All pixels are scaled at once, at the beginning, within the time that is measured."""
        torch = self.torch
        torch.manual_seed(seed)
        network = self.network(recipe.layers)
        self._initialize(network, recipe)
        optimizer = torch.optim.AdamW(
            network.parameters(), recipe.lr, recipe.betas, 1e-8, weight_decay=0.0, fused=self.settings.get("fused")
        )
        loss_of = torch.nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
        model, size = self._compiled(network), recipe.batch_size
        images, labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
        steps = recipe.epochs * -(-len(images) // size)
        numbers = count()
        began = time.perf_counter()
        x = self._scaled(images, recipe)
        for _ in range(recipe.epochs):
            order = torch.randperm(len(x))
            for start in range(0, len(x), size):
                index, step = order[start : start + size], next(numbers)
                for group in optimizer.param_groups:
                    group["lr"] = recipe.lr_at(step, steps)
                optimizer.zero_grad()
                loss = loss_of(model(x[index]), labels[index])
                loss.backward()
                optimizer.step()
                if recipe.progress and step % 20 == 0:
                    print(f"\r{step} of {steps}: {loss.item():.4f}", end="", flush=True)
        seconds = time.perf_counter() - began
        network.eval()
        with torch.inference_mode():
            outputs = network(self._scaled(torch.from_numpy(data.test_images), recipe))
        right = (outputs.argmax(1) == torch.from_numpy(data.test_labels)).double().mean()
        return seconds, float(right)

    def _scaled(self, images: Any, recipe: Recipe) -> Any:
        x = images[:, None].to(self.torch.float32, memory_format=self.format).div_(255)
        return x.sub_(recipe.mean).div_(recipe.deviation)

    def _initialize(self, network: Any, recipe: Recipe) -> None:
        initial = self.torch.nn.init
        draw = initial.xavier_uniform_ if recipe.initial == "glorot" else self._he
        for layer in network:
            if isinstance(layer, (self.torch.nn.Conv2d, self.torch.nn.Linear)):
                draw(layer.weight)
                initial.zeros_(layer.bias)

    def _he(self, weight: Any) -> None:
        self.torch.nn.init.kaiming_normal_(weight, nonlinearity="relu")
