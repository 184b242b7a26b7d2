"""Follows a pickle as data: its opcodes move values on a stack, and nothing that it names is ever run.

A pickle is a program: it may name any function and call it, and Python's ``pickle`` would obey. Here the few opcodes
that files of data consist of make numbers, texts, lists, tuples and dicts. A name in the file is a text, which must
stand in a closed table, and what is done at a "call" is this package's own: who reads a kind of file derives a class
from `PickleMachine` that says which names there are and what they stand for. Every other opcode or name is refused by
name, with its offset.

The opcodes are described in the comments of Python's ``pickletools``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn

from .errors import PellucidError

_LONGEST_INTEGER = 16
_LONGEST_KEY = 1000
"""Letters or bytes of a dict's key. Two keys that are the same are compared to the end, as often as the file likes."""
_NEWEST_PROTOCOL = 5
_MARK = object()


class Name:
    """A name in the file, such as ``numpy ndarray``: something to compare with, never the thing that it names."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class PickleMachine:
    """Walks over the opcodes with a stack and a memo, as the notation demands.

    Parameters
    ----------
    data : bytes
        What holds the pickle, of protocol 2 (or 3, without its newer opcodes).
    opcodes : int
        How many are followed: what the values can take of memory is a small multiple of it.
    position : int, default 0
        Of the pickle's first byte; after `run`, of the byte behind its last.
    """

    what: ClassVar[str]
    """What kind of file it is, for messages."""

    names: ClassVar[Collection[str]]
    """The names, as in "module name", that may stand in such a file."""

    more: ClassVar[Mapping[int, Callable[[Any], None]]] = MappingProxyType({})
    """Opcodes that this kind of file has beside the common ones."""

    def __init__(self, data: bytes, opcodes: int, position: int = 0) -> None:
        self.data = data
        self.opcodes = self.left = opcodes
        self.position = self.opcode_at = position
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    # ---- what a kind of file decides
    def refuse(self, expected: str, found: str) -> NoReturn:
        """Raise the error that says what was expected at `opcode_at`, and what was found."""
        raise NotImplementedError

    def refuse_dialect(self, expected: str, found: str) -> NoReturn:
        """Refuse what a pickle may well hold, though this kind of file does not: it need not be damaged."""
        self.refuse(expected, found)

    def call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """Return what stands for a call of `name`, one of `names`."""
        raise NotImplementedError

    def build(self, target: Any, state: Any) -> None:
        """Complete a value that an earlier call has made."""
        raise NotImplementedError

    def string(self, raw: bytes) -> Any:
        """Return a string of Python 2."""
        return raw

    def key(self, name: Any) -> Any:
        """Return what a dict's key becomes, or refuse it.

        A number becomes its text, as bytes. Its own hash is known to everyone, so a file could choose numbers that all
        fall on one place of the dict, each of which is then compared with all others; those of bytes are not foreseen.
        """
        if isinstance(name, int | float):
            return repr(name).encode()
        if not isinstance(name, bytes | str | None):  # a tuple's hash could go as deep as the file likes
            self.refuse_dialect("a number or text as key", f"a {type(name).__name__}")
        if name is not None:
            self.refuse_long(name)
        return name

    def refuse_long(self, key: bytes | str) -> None:
        """Refuse what is too long for the key of a dict."""
        if len(key) > _LONGEST_KEY:
            self.refuse_dialect(f"a key of at most {_LONGEST_KEY:,} letters", f"one of {len(key):,}")

    # ---- the walk
    def run(self) -> Any:
        """Follow the opcodes up to STOP; return what is then on top of the stack."""
        try:
            return self._run()
        except PellucidError:
            raise
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError, struct.error) as error:
            # The stack or the memo does not hold what the opcode takes from it.
            self.refuse(f"a complete {self.what}", f"a damaged one ({type(error).__name__}: {error!s:.100})")

    def _run(self) -> Any:
        while True:
            self.opcode_at = self.position
            code = self.take(1)[0]
            if code == 0x2E:  # STOP
                return self.stack.pop()
            action = _ACTIONS.get(code) or self.more.get(code)
            if action is None:
                self._refuse_opcode(code)
            self.spend(1)
            action(self)

    def _refuse_opcode(self, code: int) -> NoReturn:
        import pickletools

        known = next((opcode.name for opcode in pickletools.opcodes if ord(opcode.code) == code), None)
        refuse = self.refuse if known is None else self.refuse_dialect
        refuse(f"an opcode of a {self.what}", f"{code:#04x} ({known or 'unknown'})")

    def spend(self, count: int) -> None:
        """Take from the number of steps that are left, for something that makes `count` values."""
        self.left -= count
        if self.left < 0:
            self.refuse(f"at most {self.opcodes:,} steps", "more")

    def expect_end(self) -> None:
        self.opcode_at = self.position
        if self.position != len(self.data):
            self.refuse("the end of the file", f"{len(self.data) - self.position:,} more bytes")

    def take(self, count: int) -> bytes:
        part = self.data[self.position : self.position + count]
        if len(part) < count:
            self.refuse(f"{count:,} bytes", f"the end of the file after {len(part):,}")
        self.position += count
        return part

    def number(self, layout: str) -> int:
        """The next number in little-endian order, as `struct` describes it."""
        return int(struct.unpack("<" + layout, self.take(struct.calcsize(layout)))[0])

    def _line(self) -> str:
        end = self.data.index(b"\n", self.position, self.position + 200)
        text = self.take(end - self.position).decode("ascii")
        self.position += 1
        return text

    def _pop_to_mark(self) -> list[Any]:
        """Take everything above the last mark from the stack, and the mark."""
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                self.refuse("a mark on the stack", "none")
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def _pop_tuple(self, count: int) -> None:
        items = tuple(self.stack[-count:])
        if len(items) < count:
            self.refuse(f"{count} values on the stack", f"{len(items)}")
        self.stack[-count:] = [items]

    def _pop_pair(self) -> list[Any]:
        value, name = self.stack.pop(), self.stack.pop()
        return [name, value]

    def _long(self) -> int:
        length = self.take(1)[0]
        if length > _LONGEST_INTEGER:
            self.refuse_dialect(f"an integer of at most {_LONGEST_INTEGER} bytes", f"one of {length}")
        return int.from_bytes(self.take(length), "little", signed=True)

    def _name(self) -> Name:
        text = f"{self._line()} {self._line()}"
        if text not in self.names:
            self.refuse_name(text)
        return Name(text)

    def refuse_name(self, name: str) -> NoReturn:
        self.refuse(f"one of the names {', '.join(self.names)}", f"{name!r}; nothing else is accepted")

    def _append(self, items: list[Any]) -> None:
        self.top(list).extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self.top(dict)
        for name, value in zip(items[::2], items[1::2], strict=True):
            target[self.key(name)] = value

    def _protocol(self) -> None:
        version = self.number("B")
        if version not in (2, 3):
            refuse = self.refuse_dialect if version <= _NEWEST_PROTOCOL else self.refuse
            refuse("protocol 2 or 3", str(version))

    def top(self, kind: type) -> Any:
        """Return what is on top of the stack, which must be of this kind."""
        if not isinstance(self.stack[-1], kind):
            self.refuse(f"a {kind.__name__} on the stack", f"a {type(self.stack[-1]).__name__}")
        return self.stack[-1]

    def reduce(self) -> None:
        """Where a pickle calls a function: put on the stack what stands for the result."""
        arguments, callee = self.stack.pop(), self.stack.pop()
        if not isinstance(callee, Name) or not isinstance(arguments, tuple):
            self.refuse("a name and its arguments", f"a {type(callee).__name__} and a {type(arguments).__name__}")
        self.stack.append(self.call(callee.text, arguments))

    def _build(self) -> None:
        state = self.stack.pop()
        self.build(self.stack[-1], state)


def _push(make: Callable[[PickleMachine], Any]) -> Callable[[PickleMachine], None]:
    def action(machine: PickleMachine) -> None:
        machine.stack.append(make(machine))

    return action


def _remember(layout: str) -> Callable[[PickleMachine], None]:
    def action(machine: PickleMachine) -> None:
        machine.memo[machine.number(layout)] = machine.stack[-1]

    return action


_ACTIONS: dict[int, Callable[[PickleMachine], None]] = {
    0x80: lambda m: m._protocol(),  # PROTO
    0x28: _push(lambda _: _MARK),  # MARK
    0x4E: _push(lambda _: None),  # NONE
    0x88: _push(lambda _: True),  # NEWTRUE
    0x89: _push(lambda _: False),  # NEWFALSE
    0x4B: _push(lambda m: m.number("B")),  # BININT1
    0x4D: _push(lambda m: m.number("H")),  # BININT2
    0x4A: _push(lambda m: m.number("i")),  # BININT
    0x8A: _push(lambda m: m._long()),  # LONG1
    0x55: _push(lambda m: m.string(m.take(m.number("B")))),  # SHORT_BINSTRING
    0x54: _push(lambda m: m.string(m.take(m.number("I")))),  # BINSTRING
    0x43: _push(lambda m: m.take(m.number("B"))),  # SHORT_BINBYTES
    0x42: _push(lambda m: m.take(m.number("I"))),  # BINBYTES
    0x58: _push(lambda m: m.take(m.number("I")).decode("utf-8")),  # BINUNICODE
    0x63: _push(lambda m: m._name()),  # GLOBAL
    0x7D: _push(lambda _: {}),  # EMPTY_DICT
    0x5D: _push(lambda _: []),  # EMPTY_LIST
    0x29: _push(lambda _: ()),  # EMPTY_TUPLE
    0x74: _push(lambda m: tuple(m._pop_to_mark())),  # TUPLE
    0x85: lambda m: m._pop_tuple(1),  # TUPLE1
    0x86: lambda m: m._pop_tuple(2),  # TUPLE2
    0x87: lambda m: m._pop_tuple(3),  # TUPLE3
    0x61: lambda m: m._append([m.stack.pop()]),  # APPEND
    0x65: lambda m: m._append(m._pop_to_mark()),  # APPENDS
    0x73: lambda m: m._set_items(m._pop_pair()),  # SETITEM
    0x75: lambda m: m._set_items(m._pop_to_mark()),  # SETITEMS
    0x71: _remember("B"),  # BINPUT
    0x72: _remember("I"),  # LONG_BINPUT
    0x68: _push(lambda m: m.memo[m.number("B")]),  # BINGET
    0x6A: _push(lambda m: m.memo[m.number("I")]),  # LONG_BINGET
    0x52: lambda m: m.reduce(),  # REDUCE
    0x62: lambda m: m._build(),  # BUILD
}
