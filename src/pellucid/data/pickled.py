"""Reads the arrays out of CIFAR-10's python batches without running a pickle.

The authors publish the batches as pickles. A pickle is a program: it may name any function and call it, and Python's
``pickle`` would obey. This is a reader of data in that notation instead. It knows the few opcodes that such a file
consists of, it builds numbers, bytes, lists, dicts and uint8 arrays, and a name in the file is only compared with the
five below; nothing is imported and nothing is called. Every other opcode or name is refused by name.

The opcodes are described in the comments of Python's ``pickletools``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..limits import LIMITS, Limits

_RECONSTRUCT = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
_NAMES = (*_RECONSTRUCT, "numpy ndarray", "numpy dtype", "_codecs encode")
_REFUSED = {
    0x50: "PERSID", 0x51: "BINPERSID", 0x69: "INST", 0x6F: "OBJ", 0x81: "NEWOBJ", 0x92: "NEWOBJ_EX",
    0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x93: "STACK_GLOBAL", 0x95: "FRAME", 0x47: "BINFLOAT",
    0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER", 0x49: "INT", 0x4C: "LONG", 0x53: "STRING", 0x56: "UNICODE",
    0x8C: "SHORT_BINUNICODE", 0x8E: "BINBYTES8", 0x30: "POP", 0x32: "DUP",
}  # fmt: skip
"""Opcodes that these files do not use, for the message."""

_MARK = object()


class _Name:
    """A name in the file, such as ``numpy ndarray``: something to compare with, never the thing that it names."""

    def __init__(self, text: str) -> None:
        self.text = text


class _Announced:
    """An ``array``, or a ``dtype``, which a file first announces and afterwards fills."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.value: NDArray[np.uint8] | None = None


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
    reader = _Reader(data, where, limits)
    try:
        result = reader.run()
    except DataError:
        raise
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # The stack or the memo does not hold what the opcode takes from it.
        reader.refuse("a complete batch", f"a damaged one ({type(error).__name__}: {error})")
    if not isinstance(result, dict):
        reader.refuse("a dict", f"a {type(result).__name__}")
    return {name: value.value if isinstance(value, _Announced) else value for name, value in result.items()}


class _Reader:
    """Walks over the opcodes with a stack and a memo, as the notation demands."""

    def __init__(self, data: bytes, where: str, limits: Limits) -> None:
        self.data = data
        self.where = where
        self.limits = limits
        self.position = 0
        self.opcode_at = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.encoded = 0

    def run(self) -> Any:
        """Follow the opcodes up to STOP; return what is then on top of the stack."""
        while True:
            self.opcode_at = self.position
            code = self.take(1)[0]
            if code == 0x2E:  # STOP
                break
            action = _ACTIONS.get(code)
            if action is None:
                self.refuse("an opcode of a CIFAR-10 batch", f"{code:#04x} ({_REFUSED.get(code, 'unknown')})")
            action(self)
        if self.position != len(self.data):
            self.refuse("the end of the file", f"{len(self.data) - self.position:,} more bytes")
        return self.stack.pop()

    def refuse(self, expected: str, found: str) -> NoReturn:
        raise DataError(f"{self.where}: at byte {self.opcode_at:,}: expected {expected}, found {found}")

    def take(self, count: int) -> bytes:
        part = self.data[self.position : self.position + count]
        if len(part) < count:
            self.refuse(f"{count:,} bytes", f"the end of the file after {len(part):,}")
        self.position += count
        return part

    def number(self, layout: str) -> int:
        """The next number in little-endian order, as `struct` describes it."""
        return int(struct.unpack("<" + layout, self.take(struct.calcsize(layout)))[0])

    def line(self) -> str:
        end = self.data.index(b"\n", self.position, self.position + 100)
        text = self.take(end - self.position).decode("ascii")
        self.position += 1
        return text

    def pop_to_mark(self) -> list[Any]:
        """Take everything above the last mark from the stack, and the mark."""
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                self.refuse("a mark on the stack", "none")
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def pop_tuple(self, count: int) -> None:
        items = tuple(self.stack[-count:])
        if len(items) < count:
            self.refuse(f"{count} values on the stack", f"{len(items)}")
        self.stack[-count:] = [items]

    def long(self) -> int:
        length = self.take(1)[0]
        if length > 8:
            self.refuse("an integer of at most 8 bytes", f"one of {length}")
        return int.from_bytes(self.take(length), "little", signed=True)

    def name(self) -> _Name:
        text = f"{self.line()} {self.line()}"
        if text not in _NAMES:
            self.refuse(f"one of the names {', '.join(_NAMES)}", f"{text!r}; nothing else is accepted")
        return _Name(text)

    def append(self, items: list[Any]) -> None:
        self.container(list).extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.container(dict)
        for name, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(name, bytes | str):
                self.refuse("a key of bytes or text", f"a {type(name).__name__}")
            target[_bytes(name)] = value

    def pop_pair(self) -> list[Any]:
        value, name = self.stack.pop(), self.stack.pop()
        return [name, value]

    def protocol(self) -> None:
        version = self.number("B")
        if version not in (2, 3):
            self.refuse("protocol 2 or 3", str(version))

    def container(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            self.refuse(f"a {kind.__name__} on the stack", f"a {type(self.stack[-1]).__name__}")
        return self.stack[-1]

    def reduce(self) -> None:
        """Where a pickle calls a function, compare the call with the three that make an array, and make it."""
        arguments, callee = self.stack.pop(), self.stack.pop()
        text = callee.text if isinstance(callee, _Name) else repr(type(callee))
        if text in _RECONSTRUCT and len(arguments) == 3 and getattr(arguments[0], "text", "") == "numpy ndarray":
            self.stack.append(_Announced("array"))
        elif text == "numpy dtype" and arguments[0] in ("u1", b"u1"):
            self.stack.append(_Announced("dtype"))
        elif text == "_codecs encode" and len(arguments) == 2 and _bytes(arguments[1]) == b"latin1":
            self.stack.append(self.encode(arguments[0]))
        else:
            self.refuse("a uint8 array", f"a call of {text} with {len(arguments)} arguments")

    def encode(self, text: str) -> bytes:
        """Bytes as Python 3 writes them in protocol 2: as a text of their code points, to be turned back."""
        self.encoded += len(text)
        if self.encoded > len(self.data):  # the same text over and over: little to write, much to hold
            self.refuse("at most as many bytes from text as the file has", f"{self.encoded:,}")
        return text.encode("latin1")

    def build(self) -> None:
        """Give an announced array its shape and bytes: the state is (version, shape, dtype, column order, bytes)."""
        state = self.stack.pop()
        target = self.container(_Announced)
        if target.what == "dtype":
            return  # its state says how a uint8 is aligned
        _, shape, dtype, fortran_order, content = state
        if not isinstance(dtype, _Announced) or dtype.what != "dtype" or fortran_order not in (False, 0):
            self.refuse("a uint8 array in row order", "another array")
        if not isinstance(content, bytes) or not all(type(size) is int and size >= 0 for size in shape):
            self.refuse("a shape of integers, and bytes", "something else")
        if len(shape) > self.limits.dimensions or math.prod(shape) != len(content):
            self.refuse(f"{'·'.join(map(str, shape))} bytes, as the shape says", f"{len(content):,}")
        target.value = np.frombuffer(content, np.uint8).reshape(shape)


def _bytes(text: bytes | str) -> bytes:
    return text.encode("latin1") if isinstance(text, str) else text


def _push(make: Callable[[_Reader], Any]) -> Callable[[_Reader], None]:
    def action(reader: _Reader) -> None:
        reader.stack.append(make(reader))

    return action


def _remember(layout: str) -> Callable[[_Reader], None]:
    def action(reader: _Reader) -> None:
        reader.memo[reader.number(layout)] = reader.stack[-1]

    return action


_ACTIONS: dict[int, Callable[[_Reader], None]] = {
    0x80: lambda r: r.protocol(),  # PROTO
    0x28: _push(lambda _: _MARK),  # MARK
    0x4E: _push(lambda _: None),  # NONE
    0x88: _push(lambda _: True),  # NEWTRUE
    0x89: _push(lambda _: False),  # NEWFALSE
    0x4B: _push(lambda r: r.number("B")),  # BININT1
    0x4D: _push(lambda r: r.number("H")),  # BININT2
    0x4A: _push(lambda r: r.number("i")),  # BININT
    0x8A: _push(lambda r: r.long()),  # LONG1
    0x55: _push(lambda r: r.take(r.number("B"))),  # SHORT_BINSTRING
    0x54: _push(lambda r: r.take(r.number("I"))),  # BINSTRING
    0x43: _push(lambda r: r.take(r.number("B"))),  # SHORT_BINBYTES
    0x42: _push(lambda r: r.take(r.number("I"))),  # BINBYTES
    0x58: _push(lambda r: r.take(r.number("I")).decode("utf-8")),  # BINUNICODE
    0x63: _push(lambda r: r.name()),  # GLOBAL
    0x7D: _push(lambda _: {}),  # EMPTY_DICT
    0x5D: _push(lambda _: []),  # EMPTY_LIST
    0x29: _push(lambda _: ()),  # EMPTY_TUPLE
    0x74: _push(lambda r: tuple(r.pop_to_mark())),  # TUPLE
    0x85: lambda r: r.pop_tuple(1),  # TUPLE1
    0x86: lambda r: r.pop_tuple(2),  # TUPLE2
    0x87: lambda r: r.pop_tuple(3),  # TUPLE3
    0x61: lambda r: r.append([r.stack.pop()]),  # APPEND
    0x65: lambda r: r.append(r.pop_to_mark()),  # APPENDS
    0x73: lambda r: r.set_items(r.pop_pair()),  # SETITEM
    0x75: lambda r: r.set_items(r.pop_to_mark()),  # SETITEMS
    0x71: _remember("B"),  # BINPUT
    0x72: _remember("I"),  # LONG_BINPUT
    0x68: _push(lambda r: r.memo[r.number("B")]),  # BINGET
    0x6A: _push(lambda r: r.memo[r.number("I")]),  # LONG_BINGET
    0x52: lambda r: r.reduce(),  # REDUCE
    0x62: lambda r: r.build(),  # BUILD
}
