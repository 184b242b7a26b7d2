"""A network compiled for prediction with the lowest latency: array in, array out, and little between."""

from __future__ import annotations

import copy
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .build import lower
from .data import as_images
from .definitions.arrays import Array
from .errors import CompilerError
from .inputs import check_images, warn_of_pixels
from .native import MOST_IMAGES, as_memory_allows, load
from .network import Network

if TYPE_CHECKING:
    from .compiler.executable import Executable

_FLOAT32 = np.dtype(np.float32)
_OF_THIS_PROCESS = ("_program", "_busy", "_executables", "_one")


def compile(network: Network, *, threads: int | None = None) -> CompiledNetwork:
    """Return a frozen snapshot of a network, compiled for this machine, that predicts with the lowest latency.

    Parameters
    ----------
    network : Network
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

    A copy of it, or a pickle, holds the weights and no code: where it is made it is compiled at its first call.

    Attributes
    ----------
    input_shape, output_shape : tuple of int
        Of one sample.
    """

    def __init__(self, network: Network, threads: int | None = None):
        from .compiler.threads import thread_count

        self._network = copy.deepcopy(network)  # whole: layers of one's own compute with their own weights
        self._program = lower(self._network, training=False)
        if self._program.dtype != "float32":
            raise CompilerError(
                f"compile: the network computes in {network.dtype}, compiled networks in float32; take predict, which "
                "takes the definitions in NumPy, or let the network have float32 with network.cast('float32')"
            )
        self._threads, self._at_once = thread_count(threads), as_memory_allows(self._program, MOST_IMAGES)
        self.input_shape = self._program.values[self._program.input].shape
        self.output_shape = self._program.values[self._program.output].shape
        self._shape_of_one = (1, *self.input_shape)
        self._seen_pixels = False
        self._begin()
        self._one = self._executable("float32").single()

    def _begin(self) -> None:
        """Begin without any code: the first call will compile."""
        self._busy = threading.Lock()
        self._executables: dict[str, Executable] = {}
        self._one = self._first
        _alive.add(self)

    def _first(self, x: Array) -> Array:
        self._one = self._executable("float32").single()
        return self._one(x)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _OF_THIS_PROCESS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._program = lower(self._network, training=False)
        self._begin()

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
        if not self._seen_pixels:  # once: looking at all of them takes a few percent of LeNet's time
            self._seen_pixels = True
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
            load(made, self._network)
            self._executables[element] = made
        return self._executables[element]


_alive: weakref.WeakSet[CompiledNetwork] = weakref.WeakSet()


def _begin_anew() -> None:
    """After a fork nobody will ever finish what another thread had begun."""
    for network in list(_alive):
        if network._busy.locked():
            network._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
