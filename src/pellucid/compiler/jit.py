"""From a kernel's recipe to a function that can be called: emit, compile, keep on the disk, link.

With an entry of the recipe's key on the disk nothing is emitted.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import sys
import threading
import weakref
from collections.abc import Iterable, Mapping
from functools import cache as remember
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from ..errors import CompilerError, ShapeError
from . import cache
from .builder import MAX_AXES
from .objects import undefined_symbols
from .recipe import SAMPLES, Recipe
from .tiles import InstructionSet, target

LIBRARIES = 256
"""How many libraries one of LLVM's linkers makes."""


def compiled(recipe: Recipe) -> Compiled:
    """Return the callable of a recipe: the one at hand, else one from the disk, else a new one, kept there."""
    return compiled_together({recipe: None})[recipe]


def compiled_together(contents: Mapping[Recipe, bytes | None]) -> dict[Recipe, Compiled]:
    """Return the callables of recipes: those at hand, else of their contents, as `object_code` gives them, else as
    `compiled` does."""
    with _lock:
        ready = at_hand(contents)
        linked = _linked({recipe: content for recipe, content in contents.items() if recipe not in ready})
        made = {recipe: Compiled(recipe, handle) for recipe, handle in linked.items()}
        _at_hand.update(made)
        return ready | made


def at_hand(recipes: Iterable[Recipe]) -> dict[Recipe, Compiled]:
    """Return the callables that somebody holds already."""
    with _lock:
        found = {recipe: _at_hand.get(recipe) for recipe in recipes}
    return {recipe: kernel for recipe, kernel in found.items() if kernel is not None}


def kept_code(*recipes: Recipe) -> list[bytes | None]:
    """Return the object code of each recipe, or None where it is not on the disk."""
    place = cache.folder()
    keys = [recipe.key() if place else None for recipe in recipes]
    return [cache.load(place, key) if place and key else None for key in keys]


def object_code(recipe: Recipe) -> bytes:
    """Return a recipe compiled, and keep it on the disk: a line of JSON on how to call it, then the object file. It may
    run anywhere, such as in another process."""
    ir, interface = recipe.emit()
    with _lock:
        code = bytes(_machine(recipe.isa, recipe.checked).emit_object(_verified(ir, recipe.isa)))
    foreign = ", ".join(sorted(undefined_symbols(code)))
    if foreign:
        raise CompilerError(
            f"{recipe.name}: expected code that calls nobody, but for {recipe.isa.name} it calls {foreign}; "
            "the kernel uses something that this instruction set lacks"
        )
    content = json.dumps(interface).encode() + b"\n" + code
    key = recipe.key()
    place = cache.folder() if key else None
    if key and place:
        cache.save(place, key, content)
    return content


def assembly(recipe: Recipe) -> str:
    """Return a kernel as the processor's instructions."""
    with _lock:
        return str(_machine(recipe.isa, recipe.checked).emit_assembly(_verified(recipe.emit()[0], recipe.isa)))


class Compiled:
    """A kernel that can be called, with arrays or by its address.

    A pickled one is its recipe alone: where it is loaded it is linked again at its first use.
    """

    def __init__(self, recipe: Recipe, handle: Handle | None = None):
        self.recipe, self._handle = recipe, handle

    def handle(self) -> Handle:
        """Return the linked code."""
        if self._handle is None:
            with _lock:
                self._handle = _linked({self.recipe: None})[self.recipe]
        return self._handle

    @property
    def address(self) -> int:
        """Where the native function begins: ``void f(int64 *piece, void **tensors)``. Valid while this object lives."""
        return self.handle().address

    def __call__(self, *arrays: np.ndarray[Any, Any], samples: int, **ranges: tuple[int, int]) -> None:
        """Do a piece of the work: of all `samples` the given ranges, and the whole of those that are not given."""
        handle = self.handle()
        handle.run(handle.piece(samples, ranges), handle.pointers(arrays, samples))

    def __getstate__(self) -> dict[str, Any]:
        return {"recipe": self.recipe, "_handle": None}


class Handle:
    """Linked code, unloaded when nobody holds it any more."""

    def __init__(self, name: str, interface: Mapping[str, Any], library: Any, checked: bool):
        self.name, self._library = name, library
        self.tensors, self.ranges, self.sites = interface["tensors"], interface["ranges"], interface["sites"]
        self.addresses = {symbol: int(library[symbol]) for symbol in interface["symbols"]}
        self.address = self.addresses.get(name, 0)
        self._function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(self.address)
        self._fault = (ctypes.c_int64 * (1 + MAX_AXES)).from_address(self.addresses["fault"]) if checked else None

    def piece(self, samples: int, ranges: dict[str, tuple[int, int]]) -> ctypes.Array[ctypes.c_int64]:
        """Return a piece of the work as the kernel reads it."""
        unknown = ranges.keys() - {name for name, _ in self.ranges}
        if unknown:
            known = ", ".join(name for name, _ in self.ranges)
            raise TypeError(f"{self.name}: no range is called {', '.join(sorted(unknown))}; there are {known}")
        numbers = [samples]
        for name, whole in self.ranges:
            stop = samples if whole == SAMPLES else whole
            first, last = ranges.get(name, (0, stop))
            if not 0 <= first <= last <= stop:
                raise ShapeError(f"{self.name}: expects {name} within 0 to {stop}", f"{first} to {last}")
            numbers += [first, last]
        return (ctypes.c_int64 * len(numbers))(*numbers)

    def pointers(self, arrays: tuple[np.ndarray[Any, Any], ...], samples: int) -> list[int]:
        """Return where the arrays' numbers lie, after refusing arrays that do not fit."""
        if len(arrays) != len(self.tensors):
            expected = ", ".join(tensor["name"] for tensor in self.tensors)
            raise ShapeError(f"{self.name}: expects the arrays {expected}", f"{len(arrays)} arrays")
        for array, tensor in zip(arrays, self.tensors, strict=True):
            shape = tuple(samples if size == SAMPLES else size for size in tensor["shape"])
            if array.shape != shape or array.dtype.name != tensor["element"] or not array.flags.c_contiguous:
                raise ShapeError(
                    f"{self.name}: expects {tensor['name']} as a contiguous array {shape} of {tensor['element']}",
                    f"{array.shape} of {array.dtype.name}{'' if array.flags.c_contiguous else ', not contiguous'}",
                )
        return [array.ctypes.data for array in arrays]

    def run(self, piece: ctypes.Array[ctypes.c_int64], pointers: list[int]) -> None:
        """Call the function; a check that failed raises IndexError."""
        tensors = (ctypes.c_void_p * len(pointers))(*pointers)
        self._function(ctypes.addressof(piece), ctypes.addressof(tensors))
        self.report()

    def report(self) -> None:
        """Raise IndexError if a check has failed since the last report, naming kernel, index and tensor."""
        if self._fault is not None and self._fault[0]:
            site, *index = list(self._fault)
            self._fault[0] = 0
            where = self.sites[site - 1]
            axes = where.partition("]")[0].count(",") + 1
            raise IndexError(f"{self.name}: index [{', '.join(map(str, index[:axes]))}] lies outside {where}")


_lock = threading.RLock()

# When a process forks nobody is at work with LLVM, which has a lock of its own: in the child that thread would be gone.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)

_at_hand: weakref.WeakValueDictionary[Recipe, Compiled] = weakref.WeakValueDictionary()
_numbers = itertools.count()
_fltused = ctypes.c_int(0x9875)


def _linked(contents: Mapping[Recipe, bytes | None]) -> dict[Recipe, Handle]:
    """Return recipes linked: of their contents, or of what is on the disk, or compiled now."""
    handles = {}
    for recipe, content in contents.items():
        head, _, code = (content or kept_code(recipe)[0] or object_code(recipe)).partition(b"\n")
        interface = json.loads(head)
        # Each by itself: linked together they are ready sooner, but LLVM's linker once ended the process over it.
        handles[recipe] = Handle(recipe.name, interface, _library(interface["symbols"], code), recipe.checked)
    return handles


def _library(symbols: Iterable[str], code: bytes) -> Any:
    """Return an object file linked: the addresses of its symbols, valid for as long as it lives."""
    builder = llvm.JITLibraryBuilder().add_object_img(code)
    for symbol in symbols:
        builder.export_symbol(symbol)
    if sys.platform == "win32":  # see `objects.ALLOWED`
        builder.import_symbol("_fltused", ctypes.addressof(_fltused))
        builder.import_symbol("__chkstk", ctypes.cast(ctypes.WinDLL("ntdll")["__chkstk"], ctypes.c_void_p).value)
    number = next(_numbers)
    return builder.link(_linker(number // LIBRARIES), f"library-{number}")


@lru_cache(maxsize=1)
def _linker(turn: int) -> Any:
    """Return LLVM's linker. It keeps the name of all that it ever linked, and each makes it slower; so they take turns,
    and a former one goes with the last library that it linked."""
    _initialize()
    return llvm.create_lljit_compiler(suppress_errors=True)


@remember
def _machine(isa: InstructionSet, checked: bool = False) -> Any:
    """Return what makes object code. With all the branches of checked kernels LLVM's usual care would take seconds."""
    _initialize()
    wanted = target(isa)
    return llvm.Target.from_triple(wanted.triple).create_target_machine(
        cpu=wanted.cpu, features=wanted.features, opt=0 if checked else 2, jit=True, reloc="pic", codemodel="small"
    )


@remember
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def _verified(ir: str, isa: InstructionSet) -> Any:
    module = llvm.parse_assembly(ir)
    module.triple = target(isa).triple
    module.data_layout = str(_machine(isa).target_data)
    module.verify()
    return module
