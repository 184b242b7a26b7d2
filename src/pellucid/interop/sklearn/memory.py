"""An optimiser's memory, kept from one training to the next."""

from __future__ import annotations

from collections.abc import Mapping

from ...definitions.arrays import Array
from ...errors import StateError
from ...training import Callback, Training
from ...training.engine import Engine


class Memory(Callback):
    """Lets a training begin with the optimiser's memory that the last one has ended with.

    So calls of `partial_fit` are one training: Adam's moments, and its number of steps, go on. Where the optimiser has
    become another kind, it begins anew.
    """

    sees_weights = False

    def __init__(self) -> None:
        self._slots: Mapping[str, Array] = {}
        self._updates = 0

    def on_begin(self, training: Training) -> None:
        engine = _engine(training)
        shapes = {name: slot.shape for name, slot in engine.slots().items()}
        if shapes == {name: slot.shape for name, slot in self._slots.items()}:
            engine.restore(self._slots, self._updates)

    def on_end(self, training: Training, error: BaseException | None) -> None:
        if isinstance(error, Exception):  # the estimator takes the weights of before, and so its memory
            return
        engine = _engine(training)
        self._slots = {name: slot.copy() for name, slot in engine.slots().items()}
        self._updates = engine.updates


def _engine(training: Training) -> Engine:
    if training.engine is None:
        raise StateError("a training without an engine keeps no optimiser's memory")
    return training.engine
