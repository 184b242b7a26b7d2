"""Functions of whole numbers and addresses, while they are emitted: what the runner is written with.

`Kernel` is for loops over numbers that have to be fast. Here are variables, branches, loops that anything may leave,
and words of memory that several threads share; nothing is fast or clever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.ir as ir

from .values import INT, POINTER, Value, integer


class Code:
    """One function of whole numbers, while it is emitted; variables are places in memory."""

    def __init__(self, module: Any, name: str, arguments: list[str], result: bool = False):
        type = ir.FunctionType(INT if result else ir.VoidType(), [INT] * len(arguments))
        self.module, self.function = module, ir.Function(module, type, name)
        self.function.attributes.add("nounwind")
        self.entry = self.function.append_basic_block("entry")
        self.ir: Any = ir.IRBuilder(self.function.append_basic_block("body"))
        self.arguments: dict[str, Value] = dict(zip(arguments, self.function.args, strict=True))

    def block(self, words: int) -> Value:
        """Return the address of so many words, this function's own."""
        place = ir.IRBuilder(self.entry).alloca(ir.ArrayType(INT, words))
        place.align = 64
        return ir.IRBuilder(self.entry).ptrtoint(place, INT)

    def variable(self, value: Value) -> Value:
        """Return a place that holds a number."""
        place = ir.IRBuilder(self.entry).alloca(INT)
        self.ir.store(value, place)
        return place

    def get(self, place: Value) -> Value:
        """Return the number at a place."""
        return self.ir.load(place, typ=INT)

    def pointer(self, address: Value, word: Value | int = 0) -> Value:
        """Return a pointer to a word behind an address."""
        at = integer(word) if isinstance(word, int) else word
        return self.ir.gep(self.ir.inttoptr(address, POINTER), [at], source_etype=INT)

    def word(self, address: Value, word: Value | int = 0) -> Value:
        """Return a word behind an address."""
        return self.ir.load(self.pointer(address, word), typ=INT, align=8)

    def shared_word(self, address: Value, word: Value | int = 0) -> Value:
        """Return a word that another thread may be changing; what it wrote before is seen too."""
        return self.ir.load_atomic(self.pointer(address, word), "acquire", 8, typ=INT)

    def share(self, value: Value, address: Value, word: Value | int = 0) -> None:
        """Write a word that another thread may be reading."""
        # An exchange whose result nobody wants: llvmlite's atomic stores know no opaque pointers.
        self.ir.atomic_rmw("xchg", self.pointer(address, word), value, "release")

    def times(self, a: Value, factor: Value | int) -> Value:
        """Return a product."""
        return self.ir.mul(a, integer(factor) if isinstance(factor, int) else factor)

    def plus(self, a: Value, b: Value | int) -> Value:
        """Return a sum."""
        return self.ir.add(a, integer(b) if isinstance(b, int) else b)

    def less(self, a: Value, b: Value) -> Value:
        """Return whether a < b."""
        return self.ir.icmp_signed("<", a, b)

    def differ(self, a: Value, b: Value | int) -> Value:
        """Return whether two numbers differ."""
        return self.ir.icmp_signed("!=", a, integer(b) if isinstance(b, int) else b)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """``if condition:``"""
        inside, after = (self.function.append_basic_block(name) for name in ("when", "after"))
        self.ir.cbranch(condition, inside, after)
        self.ir.position_at_end(inside)
        yield
        if not self.ir.block.is_terminated:
            self.ir.branch(after)
        self.ir.position_at_end(after)

    @contextmanager
    def repeat(self) -> Iterator[Any]:
        """``while True:``; branch to what is yielded to leave the loop."""
        loop, after = (self.function.append_basic_block(name) for name in ("repeat", "after"))
        self.ir.branch(loop)
        self.ir.position_at_end(loop)
        yield after
        if not self.ir.block.is_terminated:
            self.ir.branch(loop)
        self.ir.position_at_end(after)

    @contextmanager
    def counted(self, start: Value, stop: Value, step: Value | None = None) -> Iterator[Value]:
        """``for i in range(start, stop, step)``."""
        place = self.variable(start)
        with self.repeat() as after:
            i = self.get(place)
            with self.when(self.ir.not_(self.less(i, stop))):
                self.ir.branch(after)
            yield i
            self.ir.store(self.ir.add(i, step if step is not None else integer(1)), place)

    def finish(self, result: Value | None = None) -> None:
        """Return, and close the function."""
        if result is None:
            self.ir.ret_void()
        else:
            self.ir.ret(result)
        ir.IRBuilder(self.entry).branch(self.function.blocks[1])

    def intrinsic(self, name: str, arguments: list[Any], result: Any = None) -> Any:
        """Return a function that LLVM knows."""
        type = ir.FunctionType(ir.VoidType() if result is None else result, arguments)
        return self.module.globals.get(name) or ir.Function(self.module, type, name)

    def call(self, code: Code, *arguments: Value) -> Value:
        """Call another function."""
        return self.ir.call(code.function, arguments)

    def call_at(self, address: Value, *arguments: Value) -> None:
        """Call the function that begins at an address; it returns nothing."""
        type = ir.FunctionType(ir.VoidType(), [INT] * len(arguments))
        self.ir.call(self.ir.inttoptr(address, type.as_pointer()), arguments)
