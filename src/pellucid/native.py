"""The compiled programs of a network, kept for as long as the network lives."""

from __future__ import annotations

import os
import weakref
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .collective import Collective
from .errors import ArgumentError
from .layers import Parameter, State
from .network import Network
from .program import Program

if TYPE_CHECKING:
    from .compiler.executable import Executable

ENGINES = ("compiled", "numpy")
MOST_IMAGES = 1024
"""The most samples that go through a compiled program at a time."""

BATCH_BYTES = 2**28
"""What the layers' outputs may take for the samples that go through a network at a time."""

MOST_KEPT = 4
"""Compiled programs of one network that are kept at a time."""

_kept: weakref.WeakKeyDictionary[Network, dict[Hashable, Executable]] = weakref.WeakKeyDictionary()


def uses_compiler(network: Network, engine: str) -> bool:
    """Return whether an engine is the compiler: it computes in float32, so a float64 network takes NumPy.

    Raises
    ------
    ArgumentError
        If there is no such engine.
    """
    if engine not in ENGINES:
        raise ArgumentError(f"engine: expected one of {', '.join(ENGINES)}, received {engine!r}")
    return engine == "compiled" and network.dtype == np.float32


def executable(
    network: Network, program: Program, samples: int, elements: Mapping[str, str], threads: int | None,
    ranks: Collective | None = None,
) -> Executable:  # fmt: skip
    """Return a program compiled for batches of at least `samples`: the one made before, where nothing has changed.

    It takes the network's weights with `load`; while it has them and runs, the caller holds its `busy` lock.
    """
    from .compiler.executable import Executable  # takes its time, and not everybody who imports this computes
    from .compiler.recipe import checks_wanted
    from .compiler.threads import thread_count
    from .compiler.tiles import instruction_set

    threads = thread_count(threads)
    losses = 0 if ranks is None else ranks.losses
    how = threads, instruction_set().name, checks_wanted(), ranks, losses
    key = (program.steps, program.values, tuple(sorted(elements.items())), how)
    kept = _kept.setdefault(network, {})
    found = kept.get(key)
    if found is None or found.samples < samples:
        room = 1 << (samples - 1).bit_length()  # so that a few more samples do not make another
        found = Executable(program, room, threads, elements, ranks)
        if key not in kept and len(kept) >= MOST_KEPT:
            kept.clear()
        kept[key] = found
    return found


def as_memory_allows(program: Program, most: int) -> int:
    """Return how many samples go through a program at a time: a power of two up to `most`, within `BATCH_BYTES`."""
    fitting = max(1, min(most, BATCH_BYTES // max(1, program.activation_bytes())))
    return 1 << fitting.bit_length() - 1


def _forget_busy() -> None:
    """After a fork nobody will ever finish what another thread had begun."""
    for kept in list(_kept.values()):
        for key in [key for key, found in kept.items() if found.busy.locked()]:
            del kept[key]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_busy)


def load(found: Executable, network: Network) -> None:
    """Let a compiled program take over the network's weights and states."""
    held: dict[str, Parameter | State] = {**network.parameters(), **network.states()}
    for name in found.names():
        if name in held:
            found.write(name, held[name].data)


def element(array: NDArray[Any]) -> str:
    """Return NumPy's name of the type in which kernels read an array: bytes of images, whole numbers, or float32."""
    if array.dtype == np.uint8 and array.ndim > 1:
        return "uint8"
    return "float32" if array.dtype.kind == "f" else "int64"
