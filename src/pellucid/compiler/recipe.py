"""What decides a kernel's code: a `Recipe`.

Its key is a digest of that and of everything else that does: the sources of the compiler, LLVM's version, the
processor. Under that name the code is kept on the disk, so that nothing need be emitted again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from . import sources
from .builder import Kernel
from .tiles import InstructionSet, Target, target
from .values import Index

CHECK_VARIABLE = "PELLUCID_CHECK"
SAMPLES = "samples"


def checks_wanted() -> bool:
    """Return whether PELLUCID_CHECK=1 asks for a bounds check in every load and store."""
    return os.environ.get(CHECK_VARIABLE) == "1"


@dataclass(frozen=True)
class Recipe:
    """All that decides a kernel's code.

    Attributes
    ----------
    emitter : callable
        A function of a module, called with a `Kernel` and the parameters.
    parameters : tuple
        Plain data: numbers, texts, tuples and frozen dataclasses of them.
    isa : InstructionSet
    checked : bool
        Whether every load and store checks its index.
    """

    emitter: Callable[..., Any]
    parameters: tuple[Hashable, ...]
    isa: InstructionSet
    checked: bool = field(default_factory=checks_wanted)

    @property
    def name(self) -> str:
        """The kernel's kind, as in the definitions."""
        return self.emitter.__name__

    def key(self) -> str | None:
        """Return the digest under which the code is kept, or None where the sources cannot be read."""
        source = sources.digest(self.emitter.__module__)
        if source is None:
            return None
        own = (self.emitter.__module__, self.emitter.__qualname__, _plain(self.parameters), self.checked)
        return hashlib.sha256(repr((source, _versions(self.isa, target(self.isa)), own)).encode()).hexdigest()

    def emit(self) -> tuple[str, dict[str, Any]]:
        """Return the kernel's IR, and what calling it takes: its tensors, its ranges, the sites of its checks."""
        kernel = Kernel(self.name, self.isa, self.checked)
        self.emitter(kernel, *self.parameters)
        tensors = [
            {"name": t.name, "element": t.element.name, "shape": [_size(size) for size in t.shape]}
            for t in kernel.tensors
        ]
        ranges = [[name, _size(whole)] for name, whole in kernel.ranges]
        symbols = [self.name, "fault"] if self.checked else [self.name]
        text = kernel.finish()
        return text, {"tensors": tensors, "ranges": ranges, "sites": kernel.sites, "symbols": symbols}


class Routine(Recipe):
    """A recipe whose emitter is no kernel: it returns the text of a module, and the symbols that others may call."""

    def emit(self) -> tuple[str, dict[str, Any]]:
        text, symbols = self.emitter(*self.parameters)
        return text, {"tensors": [], "ranges": [], "sites": [], "symbols": list(symbols)}


def _size(size: int | Index) -> int | str:
    return size if isinstance(size, int) else SAMPLES


@cache
def _versions(isa: InstructionSet, emitted_for: Target) -> str:
    """Return what decides the code of all recipes alike, besides the sources."""
    return repr((llvmlite.__version__, llvm.llvm_version_info, sys.version_info[:2], _plain(isa), emitted_for))


def _plain(value: object) -> object:
    """Return plain data in a form whose `repr` says all about it; anything else would make two kernels look alike."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, tuple((f.name, _plain(getattr(value, f.name))) for f in fields(value))
    raise TypeError(f"a kernel's parameters are numbers, texts, tuples and dataclasses of them, not {value!r}")
