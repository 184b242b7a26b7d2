"""A network compiled for prediction with the lowest latency: array in, array out, and little between."""

from __future__ import annotations

import copy
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .build import lower
from .data import as_images
from .definitions.arrays import Array
from .errors import CompilerError
from .inputs import check_images, warn_of_pixels
from .native import MOST_IMAGES, as_memory_allows
from .network import Sequential

if TYPE_CHECKING:
    from .compiler.executable import Executable

_FLOAT32 = np.dtype(np.float32)


def compile(network: Sequential, *, threads: int | None = None) -> CompiledNetwork:
    """Return a frozen snapshot of a network, compiled for this machine, that predicts with the lowest latency.

    Parameters
    ----------
    network : Sequential
        In float32. What becomes of its weights later changes nothing in the snapshot.
    threads : int, optional
        By default PELLUCID_THREADS, or else as many as this process has processors; a single image takes one.

    Returns
    -------
    CompiledNetwork
        Call it with images, as many as you like.

    Raises
    ------
    ArgumentError, CompilerError
        If the network has no input_shape, or is in float64.

    Examples
    --------
    >>> import numpy as np
    >>> import pellucid as p
    >>> fast = p.compile(p.Sequential([p.Flatten(), p.Linear(4, 2)], input_shape=(1, 2, 2)))
    >>> fast(np.zeros((1, 1, 2, 2), np.float32)).shape
    (1, 2)
    """
    return CompiledNetwork(network, threads)


class CompiledNetwork:
    """What `compile` returns: call it with images.

    Attributes
    ----------
    input_shape, output_shape : tuple of int
        Of one sample.
    """

    def __init__(self, network: Sequential, threads: int | None = None):
        from .compiler.runtime import thread_count

        if network.dtype != np.float32:
            raise CompilerError(
                f"compile: the network computes in {network.dtype}, compiled networks in float32; take predict, which "
                "takes the definitions in NumPy, or let the network have float32 with network.cast('float32')"
            )
        self._program = lower(network, training=False)
        if any(step.kind == "custom" for step in self._program.steps):  # it computes with the layer's own weights
            network = copy.deepcopy(network)
            self._program = lower(network, training=False)
        self._network = network
        self._threads, self._at_once = thread_count(threads), as_memory_allows(self._program, MOST_IMAGES)
        self.input_shape = self._program.values[self._program.input].shape
        self.output_shape = self._program.values[self._program.output].shape
        self._weights = {name: parameter.data.copy() for name, parameter in network.parameters().items()}
        self._weights |= {name: state.data.copy() for name, state in network.states().items()}
        self._busy = threading.Lock()
        self._executables: dict[str, Executable] = {}
        self._one = self._executable("float32").single()
        self._shape_of_one = (1, *self.input_shape)

    def __call__(self, x: ArrayLike) -> Array:
        """Return the network's outputs for images x.

        Parameters
        ----------
        x : array (N, C, H, W), (N, H, W) or (N, features)
            As for `predict`; but in a single float32 image nobody looks for a NaN. Its outputs are NaN then.

        Returns
        -------
        float32 array (N, …)
        """
        if type(x) is np.ndarray and x.shape == self._shape_of_one and x.dtype is _FLOAT32:
            with self._busy:
                return self._one(x)
        return self._any(x)

    def _any(self, x: ArrayLike) -> Array:
        images: NDArray[Any] = as_images(x)
        check_images(self._network, images, np.shape(x))
        warn_of_pixels(self._network, images)
        element = "uint8" if images.dtype == np.uint8 else "float32"
        y = np.empty((len(images), *self.output_shape), np.float32)
        with self._busy:
            executable = self._executable(element)
            for start in range(0, len(images), self._at_once):
                part = np.ascontiguousarray(images[start : start + self._at_once], element)
                executable.predict(part, y[start : start + self._at_once])
        return y

    def _executable(self, element: str) -> Executable:
        """Return the network compiled for images of a type."""
        from .compiler.executable import Executable  # takes its time, and not everybody who imports this compiles

        if element not in self._executables:
            made = Executable(self._program, self._at_once, self._threads, {"input": element})
            for name in made.names():
                made.write(name, self._weights[name])
            self._executables[element] = made
        return self._executables[element]
