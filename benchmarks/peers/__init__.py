"""The libraries that are measured: one module each, all with a class `Peer` that does the same work in its own way.

Each library may live in an environment of its own. A module here can be imported where its library is missing; making
a `Peer` is what needs it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.problem import Array, ConvolutionProblem, NetworkProblem, Pictures, Problem
    from benchmarks.recipes import Recipe

ENVIRONMENTS: Mapping[str, str] = MappingProxyType({
    "pellucid": "",
    "process": "",
    "torch": "torch",
    "keras": "tensorflow",
    "jax": "jax",
    "onnxruntime": "onnxruntime",
    "litert": "litert",
    "openvino": "openvino",
})  # fmt: skip
"""Module of this folder -> the environment that its library is in; "" is the one that runs the benchmarks."""


class Base:
    """A library at work. What one does not override it is not asked for.

    Parameters
    ----------
    settings : mapping
        "threads", how many to use; and what a competitor's own settings are.
    """

    packages: Sequence[str] = ()
    """Distributions whose versions are reported."""

    def __init__(self, settings: Mapping[str, Any]):
        self.settings = settings
        self.threads = int(settings["threads"])

    def versions(self) -> dict[str, str]:
        """Return the version of each package."""
        return {package: version(package) for package in self.packages}

    def note(self) -> str:
        """Return what else should stand beside the competitor's name, or nothing."""
        return ""

    def model_file(self, writer: str) -> str:
        """Return the path of the setting "model".

        Raises
        ------
        ModuleNotFoundError
            If nobody wrote it, because its writer is missing.
        """
        path = str(self.settings["model"])
        if not Path(path).exists():
            raise ModuleNotFoundError(f"no {path}", name=writer)
        return path

    # ---- LeNet, and other networks
    def load(self, problem: Problem) -> None:
        """Make LeNet with the problem's weights."""
        raise NotImplementedError

    def load_network(self, problem: NetworkProblem) -> None:
        """Make a known network with the problem's weights; nothing is dropped in training."""
        raise NotImplementedError

    def batches(self, problem: Problem | NetworkProblem, size: int) -> Sequence[Any]:
        """Return the problem's pictures and labels in batches, as a training loop of this library would hold them."""
        raise NotImplementedError

    def train_step(self, batch: Any) -> Any:
        """Do one step of Adam with a learning rate of 1e-3, and return the batch's mean loss before it."""
        raise NotImplementedError

    def number(self, loss: Any) -> float:
        """Return a loss as a number, once everything that was asked for before is done."""
        return float(loss)

    def for_inference(self) -> None:
        """Get a network that was loaded ready for `infer`: running statistics count from now on."""

    def infer(self, x: Array) -> Array:
        """Return the network's outputs for float32 pixels (N, C, H, W) as an array of NumPy's."""
        raise NotImplementedError

    # ---- a layer alone
    def convolution(self, problem: ConvolutionProblem) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """Return two functions, which compute the output and both gradients, by name, as arrays of this library."""
        raise NotImplementedError

    def canonical(self, result: Any) -> dict[str, Array]:
        """Return what such a function returned by name, in canonical layout: "y", "grad_input", "grad_weight"."""
        raise NotImplementedError

    # ---- a whole training
    def train(self, recipe: Recipe, data: Pictures, seed: int) -> tuple[float, float]:
        """Train by a recipe, and return the seconds that took and the accuracy on the test set."""
        raise NotImplementedError


def library(name: str) -> Any:
    """Return a library's module; type checkers need not have it."""
    return importlib.import_module(name)


def peer(name: str, settings: Mapping[str, Any]) -> Base:
    """Return a library, ready to be given work.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    made: Base = library(f"benchmarks.peers.{name}").Peer(settings)
    return made
