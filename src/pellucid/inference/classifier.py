"""Probabilities of batch after batch: what is needed for each is made ready once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import interpreter
from ..build import lower
from ..definitions.arrays import Array
from ..inputs import check_images, warn_of_pixels
from ..native import element, load, uses_compiler
from ..network import Network
from .batches import at_once, weights
from .outputs import as_probabilities, refuse_no_classes

if TYPE_CHECKING:
    from ..compiler.executable import Executable


class Classifier:
    """A network's probabilities for one batch after another, as `predict_proba` gives them.

    Its weights are those of the moment when this is made, or of the first batch.

    Parameters
    ----------
    network : Network
    engine, threads
        As for `predict`.

    Attributes
    ----------
    batch_size : int
        The most images at a time: as many as need about 256 MB, and a power of two.
    classes : int

    Raises
    ------
    ShapeError
        If the network does not give one output a class.
    """

    def __init__(self, network: Network, engine: str = "compiled", threads: int | None = None):
        self._network, self._program, self._threads = network, lower(network, training=False), threads
        refuse_no_classes(network)
        (self.classes,) = network.output_shape()
        self._compiled = uses_compiler(network, engine)
        self.batch_size = at_once(self._program, None)
        self._executables: dict[str, Executable] = {}
        self._seen: set[bool] = set()

    def __call__(self, images: NDArray[Any]) -> Array:
        """Return the probabilities (N, classes) of images (N, …), at most `batch_size` of them.

        Raises
        ------
        ShapeError, DataError
            As `predict`.
        """
        check_images(self._network, images)
        are_bytes = images.dtype == np.uint8
        if are_bytes not in self._seen:  # said once, of the first ones
            self._seen.add(are_bytes)
            warn_of_pixels(self._network, images)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite, the caller sees
            return as_probabilities(self._program, self._outputs(images))

    def _outputs(self, images: NDArray[Any]) -> Array:
        if not self._compiled:
            held = {**weights(self._network), "input": images}
            outputs: Array = interpreter.run(self._program, held, {self._program.output})[self._program.output]
            return outputs
        kind = element(images)
        outputs = np.empty((len(images), self.classes), np.float32)
        self._executable(kind).predict(np.ascontiguousarray(images, kind), outputs)
        return outputs

    def _executable(self, kind: str) -> Executable:
        from ..compiler.executable import Executable  # takes its time, and not everybody who imports this compiles
        from ..compiler.threads import thread_count

        if kind not in self._executables:
            made = Executable(self._program, self.batch_size, thread_count(self._threads), {"input": kind})
            load(made, self._network)
            self._executables[kind] = made
        return self._executables[kind]
