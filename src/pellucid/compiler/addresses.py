"""Where the elements of tensors lie: sums of integers that are emitted as far outside of the loops as they can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import llvmlite.ir as ir

from .values import Index, Integer, Value, integer

if TYPE_CHECKING:
    from .builder import Kernel
    from .tensors import Element


class Addresses:
    """The addresses of a kernel, each of them emitted once."""

    def __init__(self, kernel: Kernel):
        self._kernel = kernel
        self._births: dict[Value, int] = {}
        self._known: dict[tuple[Value, ...], Value] = {}

    def born(self, atom: Value) -> None:
        """Note that an integer has come to be. Of two that are in scope the older one dominates the younger."""
        self._births[atom] = len(self._births)

    def find(self, base: Value, element: Element, flat: Integer) -> Value:
        """Return base + flat. Every term is added where its atom was born, once: outer terms outside inner loops.

        All but the innermost pointer are frozen. LLVM would take the sum apart again, to find the cheapest way through
        all loops at once, and take two to five times as long for code that is as fast.
        """
        k = self._kernel
        terms, constant = (flat.terms, flat.constant) if isinstance(flat, Index) else ({}, flat)
        pointer, here = base, k.ir.block
        key: tuple[Value, ...] = (base,)
        atoms = sorted(terms, key=lambda atom: (atom.parent is not k.entry, self._births[atom]))
        for atom in atoms:
            key += (atom, terms[atom], atom is atoms[-1])
            if key not in self._known:
                self._go_behind(atom)
                offset = k.ir.mul(atom, integer(terms[atom]), flags=["nsw"])
                found = k.ir.gep(pointer, [offset], source_etype=element.type)
                self._known[key] = found if atom is atoms[-1] else self._frozen(found)
                k.ir.position_at_end(here)
            pointer = self._known[key]
        return k.ir.gep(pointer, [integer(constant)], source_etype=element.type) if constant else pointer

    def _frozen(self, pointer: Value) -> Value:
        """Return a pointer that LLVM does not look behind; llvmlite's builder has no function for it."""
        emit = self._kernel.ir
        instruction = ir.instructions.Instruction(emit.block, pointer.type, "freeze", [pointer])
        emit._insert(instruction)
        return instruction

    def _go_behind(self, atom: Value) -> None:
        """Move to where an atom has just come to be, behind the phis of its block."""
        emit, instructions = self._kernel.ir, atom.parent.instructions
        at = instructions.index(atom) + 1
        while at < len(instructions) and isinstance(instructions[at], ir.PhiInstr):
            at += 1
        if at < len(instructions):
            emit.position_before(instructions[at])
        else:
            emit.position_at_end(atom.parent)
