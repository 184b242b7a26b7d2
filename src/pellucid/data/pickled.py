"""Reads the arrays out of CIFAR-10's python batches, which are pickles, without running anything.

`PickleMachine` follows the pickle. Here is what such a batch may name: five things, which together make bytes and uint8
arrays.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..limits import LIMITS, Limits, extent
from ..pickle_machine import Name, PickleMachine

_RECONSTRUCT = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")


def read_batch(data: bytes, where: str, *, limits: Limits = LIMITS) -> dict[bytes, Any]:
    """Return the top-level dict of a CIFAR-10 batch: ``b"data"`` is a uint8 array, ``b"labels"`` a list of int.

    Parameters
    ----------
    data : bytes
        The bytes of the file, of protocol 2 (or 3, without its newer opcodes).
    where : str
        What to call the file in messages.
    limits : Limits
        Bounds on the arrays.

    Raises
    ------
    DataError
        For an opcode or a name outside of the known few, or a file that is cut or damaged; it names the offset.
    """
    machine = _BatchMachine(data, where, limits)
    result = machine.run()
    machine.expect_end()
    if not isinstance(result, dict):
        machine.refuse("a dict", f"a {type(result).__name__}")
    return {name: value.value if isinstance(value, _Announced) else value for name, value in result.items()}


class _Announced:
    """An ``array``, or a ``dtype``, which a file first announces and afterwards fills."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.value: NDArray[np.uint8] | None = None


class _BatchMachine(PickleMachine):
    what = "CIFAR-10 batch"
    names = (*_RECONSTRUCT, "numpy ndarray", "numpy dtype", "_codecs encode")

    def __init__(self, data: bytes, where: str, limits: Limits) -> None:
        super().__init__(data, limits.pickle_opcodes)
        self.where = where
        self.limits = limits
        self.encoded = 0

    def refuse(self, expected: str, found: str) -> NoReturn:
        raise DataError(f"{self.where}: at byte {self.opcode_at:,}: expected {expected}, found {found}")

    def key(self, name: Any) -> bytes:
        if not isinstance(name, bytes | str):
            self.refuse("a key of bytes or text", f"a {type(name).__name__}")
        self.refuse_long(name)
        return _bytes(name)

    def call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """Compare the call with the three that make an array, and make it."""
        match name, arguments:
            case "numpy dtype", ("u1" | b"u1", *_):
                return _Announced("dtype")
            case "_codecs encode", (str(text), "latin1" | b"latin1"):
                return self.encode(text)
            case _, (Name(text="numpy ndarray"), _, _) if name in _RECONSTRUCT:
                return _Announced("array")
        self.refuse("a uint8 array", f"a call of {name} with {len(arguments)} arguments")

    def encode(self, text: str) -> bytes:
        """Bytes as Python 3 writes them in protocol 2: as a text of their code points, to be turned back."""
        self.encoded += len(text)
        if self.encoded > len(self.data):  # the same text over and over: little to write, much to hold
            self.refuse("at most as many bytes from text as the file has", f"{self.encoded:,}")
        return text.encode("latin1")

    def build(self, target: Any, state: Any) -> None:
        """Give an announced array its shape and bytes: the state is (version, shape, dtype, column order, bytes)."""
        if not isinstance(target, _Announced):
            self.refuse("an array to be filled", f"a {type(target).__name__}")
        if target.what == "dtype":
            return  # its state says how a uint8 is aligned
        _, shape, dtype, fortran_order, content = state
        if not isinstance(dtype, _Announced) or dtype.what != "dtype" or fortran_order not in (False, 0):
            self.refuse("a uint8 array in row order", "another array")
        if not isinstance(content, bytes) or not all(type(size) is int and size >= 0 for size in shape):
            self.refuse("a shape of integers, and bytes", "something else")
        if (
            len(shape) > self.limits.dimensions
            or math.prod(shape) != len(content)
            or extent(shape) > self.limits.elements
        ):
            self.refuse(f"{'·'.join(map(str, shape))} bytes, as the shape says", f"{len(content):,}")
        target.value = np.frombuffer(content, np.uint8).reshape(shape)


def _bytes(text: bytes | str) -> bytes:
    return text.encode("latin1") if isinstance(text, str) else text
