"""The native code that runs a schedule: which kernel comes next, on which samples, at which addresses, on which thread.

A *schedule* (see `schedule`) is phases with a barrier after each. A phase is items that any thread may take, in any
order; an item is a list of calls of kernels. Threads claim items one by one, so that a thread which the system has
taken away from its processor holds up the one item that it works on, and no more. Threads of even numbers take them
from the front and the others from the back: so, phase after phase, a thread mostly finds in its processor's cache what
it has left there.

The words of memory that it shares with Python are named by the enumerations `ContextWord`, `PhaseWord`, `ItemWord`,
`CallWord` and `OperandWord`.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import llvmlite.ir as ir

from .code import Code
from .values import INT, POINTER, Value, integer

CACHE_LINE = 8
"""Words of a line of the cache; what several threads change lies in a line of its own."""
PHASES = 512
"""The most phases of a schedule."""
CLAIM_BITS = 20
MOST_ITEMS = 1 << CLAIM_BITS
"""The most items of a phase: claims count to here, twice in a word."""
GENERATIONS = 1 << 63 - 2 * CLAIM_BITS
"""How many steps have numbers of their own: a thread would have to be late by just so many to be taken in."""


class ContextWord(IntEnum):
    """Words of what all threads share."""

    GENERATION = 0  # number of the running step; threads that see a new one join it
    PHASE_COUNT = CACHE_LINE
    BASES = CACHE_LINE + 1  # address of the first thread's table of base addresses
    BASES_EACH = CACHE_LINE + 2  # words of such a table
    YIELD = CACHE_LINE + 3  # address of a function that gives the processor to others, or 0
    PHASES = 2 * CACHE_LINE  # for each phase two lines, of `SharedWord`


CONTEXT_WORDS = ContextWord.PHASES + PHASES * 2 * CACHE_LINE


class SharedWord(IntEnum):
    """Words of a phase that all threads look at. A phase's own words are copied here, because whoever is late may look
    at them when the step and its memory are long gone."""

    CLAIM = 0  # the generation, how many items are claimed from the front, and from the back
    PHASE = 1  # those of `PhaseWord`
    DONE = CACHE_LINE  # the number of finished items


class PhaseWord(IntEnum):
    """Words of a phase."""

    ITEMS = 0  # address of its items
    ITEM_COUNT = 1
    MICRO = 2  # samples that go through an item's calls at a time


class ItemWord(IntEnum):
    """Words of an item."""

    CALLS = 0  # address of the first call
    CALLS_END = 1
    FIRST = 2  # its first sample
    SAMPLES = 3
    LEAF = 4  # its number among the leaves


class CallWord(IntEnum):
    """Words of a call: these, then its operands, then its ranges."""

    FUNCTION = 0
    WORDS = 1  # length of all
    OPERANDS = 2
    RANGES = 3
    COUNT = 4  # the number of samples that the kernel is told; if negative, so many times those at hand
    ONCE = 5  # whether it is called for the first samples of an item only
    HEAD = 6


class OperandWord(IntEnum):
    """Words of an operand: its address is base + offset + sample · per_sample + leaf · per_leaf, all in bytes."""

    BASE = 0  # index into the thread's table of base addresses
    OFFSET = 1
    PER_SAMPLE = 2
    PER_LEAF = 3
    WORDS = 4


MOST_OPERANDS, MOST_RANGES = 512, 8
"""What a call may have at most: there is room for so many addresses and ranges, and a schedule with more is refused."""
PLAIN_MXCSR = 0x1F80
"""What x86's register of the floating-point mode holds when a program begins."""
SPINS_BEFORE_YIELD = 2_000
"""Turns of waiting after which a thread gives its processor away each turn."""


def runner() -> tuple[str, tuple[str, ...]]:
    """Return the module of ``lead(context, phases, count, bases, bases_each)``, ``work(context, thread, seen, turns)``
    and ``alone(phases, count, bases)``."""
    module = ir.Module("runner")
    perform = emit_perform(module)
    run = emit_run(module, perform)
    emit_lead(module, run)
    emit_work(module, run)
    emit_alone(module, perform)
    return str(module), ("lead", "work", "alone")


def emit_perform(module: Any) -> Code:
    """``perform(bases, item, micro)``: the calls of an item, for a few of its samples after the other."""
    code = Code(module, "perform", ["bases", "item", "micro"])
    code.function.linkage = "internal"
    bases, item, micro = code.arguments.values()
    addresses, piece = code.block(MOST_OPERANDS), code.block(1 + 2 * MOST_RANGES)
    first, leaf = code.word(item, ItemWord.FIRST), code.word(item, ItemWord.LEAF)
    last = code.plus(first, code.word(item, ItemWord.SAMPLES))
    last_call = code.word(item, ItemWord.CALLS_END)
    with code.counted(first, last, micro) as sample:
        left = code.ir.sub(last, sample)
        at_hand = code.ir.select(code.less(left, micro), left, micro)
        place = code.variable(code.word(item, ItemWord.CALLS))
        with code.repeat() as after:
            call = code.get(place)
            with code.when(code.ir.not_(code.less(call, last_call))):
                code.ir.branch(after)
            code.ir.store(code.plus(call, code.times(code.word(call, CallWord.WORDS), 8)), place)
            later = code.ir.and_(code.differ(code.word(call, CallWord.ONCE), 0), code.differ(sample, first))
            with code.when(code.ir.not_(later)):
                emit_call(code, call, (bases, sample, leaf, at_hand), addresses, piece)
    code.finish()
    return code


def emit_call(code: Code, call: Value, now: tuple[Value, ...], addresses: Value, piece: Value) -> None:
    """One call of a kernel: its tensors' addresses and its piece are put together, then it runs."""
    bases, sample, leaf, at_hand = now
    operands, ranges = code.word(call, CallWord.OPERANDS), code.word(call, CallWord.RANGES)
    operand = code.plus(call, CallWord.HEAD * 8)
    with code.counted(integer(0), operands) as i:
        own = code.plus(operand, code.times(i, OperandWord.WORDS * 8))
        base = code.word(bases, code.word(own, OperandWord.BASE))
        address = code.plus(base, code.word(own, OperandWord.OFFSET))
        address = code.plus(address, code.times(sample, code.word(own, OperandWord.PER_SAMPLE)))
        address = code.plus(address, code.times(leaf, code.word(own, OperandWord.PER_LEAF)))
        code.ir.store(address, code.pointer(addresses, i))
    told = code.word(call, CallWord.COUNT)
    samples = code.ir.select(code.less(told, integer(0)), code.ir.mul(code.ir.neg(told), at_hand), told)
    code.ir.store(samples, code.pointer(piece))
    spans = code.plus(operand, code.times(operands, OperandWord.WORDS * 8))
    with code.counted(integer(0), code.times(ranges, 2)) as i:
        bound = code.word(spans, i)
        bound = code.ir.select(code.less(bound, integer(0)), samples, bound)
        code.ir.store(bound, code.pointer(piece, code.plus(i, 1)))
    code.call_at(code.word(call, CallWord.FUNCTION), piece, addresses)


def emit_run(module: Any, perform: Code) -> Code:
    """``run(context, generation, thread)``: take part in a step, to its end.

    A claim is one word, in which the generation stands above the numbers of claimed items: whoever is late and belongs
    to an older step cannot claim. Until a claim is won only the context is looked at, which is always there; what it
    points to is there until the item is done.
    """
    code = Code(module, "run", ["context", "generation", "thread"])
    code.function.linkage = "internal"
    context, generation, thread = code.arguments.values()
    from_front = code.ir.not_(code.differ(code.ir.and_(thread, integer(1)), 0))
    with code.counted(integer(0), code.shared_word(context, ContextWord.PHASE_COUNT)) as p:
        shared = emit_shared(code, context, p)
        phase = code.plus(shared, SharedWord.PHASE * 8)
        with code.repeat() as no_more:
            claim = code.shared_word(shared, SharedWord.CLAIM)
            with code.when(code.differ(code.ir.lshr(claim, integer(2 * CLAIM_BITS)), generation)):
                code.ir.ret_void()
            front = code.ir.and_(code.ir.lshr(claim, integer(CLAIM_BITS)), integer(MOST_ITEMS - 1))
            back = code.ir.and_(claim, integer(MOST_ITEMS - 1))
            items = code.shared_word(phase, PhaseWord.ITEM_COUNT)
            with code.when(code.ir.not_(code.less(code.ir.add(front, back), items))):
                code.ir.branch(no_more)
            number = code.ir.select(from_front, front, code.ir.sub(items, code.plus(back, 1)))
            more = code.ir.select(from_front, integer(1 << CLAIM_BITS), integer(1))
            place = code.pointer(shared, SharedWord.CLAIM)
            won = code.ir.cmpxchg(place, claim, code.ir.add(claim, more), "acq_rel", "acquire")
            with code.when(code.ir.extract_value(won, 1)):
                item = code.plus(code.shared_word(phase, PhaseWord.ITEMS), code.times(number, len(ItemWord) * 8))
                table = code.times(code.times(thread, code.shared_word(context, ContextWord.BASES_EACH)), 8)
                bases = code.ir.add(code.shared_word(context, ContextWord.BASES), table)
                code.call(perform, bases, item, code.shared_word(phase, PhaseWord.MICRO))
                code.ir.atomic_rmw("add", code.pointer(shared, SharedWord.DONE), integer(1), "acq_rel")
        turns = code.variable(integer(0))
        with code.repeat() as complete:
            with code.when(code.differ(code.shared_word(context, ContextWord.GENERATION), generation)):
                code.ir.ret_void()
            finished = code.shared_word(shared, SharedWord.DONE)
            with code.when(code.ir.not_(code.less(finished, code.shared_word(phase, PhaseWord.ITEM_COUNT)))):
                code.ir.branch(complete)
            emit_wait(code, context, turns)
    code.finish()
    return code


def emit_shared(code: Code, context: Value, phase: Value) -> Value:
    """Return the address of what all threads look at of a phase."""
    return code.plus(context, code.times(code.plus(code.times(phase, 2 * CACHE_LINE), ContextWord.PHASES), 8))


def emit_lead(module: Any, run: Code) -> None:
    """``lead(context, phases, count, bases, bases_each)``: tell the others that a step begins, and take part in it.

    Whoever is late with an older step may hold its claim against these words at any time. So all claims are taken from
    the older step before any other word changes, and the new step's number, on which the others join, comes last.
    """
    code = Code(module, "lead", ["context", "phases", "count", "bases", "bases_each"])
    context, phases, count, bases, bases_each = code.arguments.values()
    generation = code.ir.and_(code.plus(code.word(context, ContextWord.GENERATION), 1), integer(GENERATIONS - 1))
    claim = code.ir.shl(generation, integer(2 * CLAIM_BITS))
    with code.counted(integer(0), count) as p:
        place = code.pointer(emit_shared(code, context, p), SharedWord.CLAIM)
        code.ir.atomic_rmw("xchg", place, claim, "acq_rel")
    code.ir.fence("seq_cst")
    with code.counted(integer(0), count) as p:
        shared, own = emit_shared(code, context, p), code.plus(phases, code.times(p, len(PhaseWord) * 8))
        for word in PhaseWord:
            code.share(code.word(own, word), shared, SharedWord.PHASE + word)
        code.share(integer(0), shared, SharedWord.DONE)
    own_words = {ContextWord.PHASE_COUNT: count, ContextWord.BASES: bases, ContextWord.BASES_EACH: bases_each}
    for place, value in own_words.items():
        code.share(value, context, place)
    code.ir.atomic_rmw("xchg", code.pointer(context, ContextWord.GENERATION), generation, "acq_rel")
    with plain_arithmetic(code):
        code.call(run, context, generation, integer(0))
    code.finish()


def emit_work(module: Any, run: Code) -> None:
    """``work(context, thread, seen, turns)``: wait for a step newer than `seen` for so many turns, take part in it,
    and return its number; `seen` where none came."""
    code = Code(module, "work", ["context", "thread", "seen", "turns"], result=True)
    context, thread, seen, most = code.arguments.values()
    turns = code.variable(integer(0))
    with code.counted(integer(0), most):
        generation = code.shared_word(context, ContextWord.GENERATION)
        with code.when(code.differ(generation, seen)):
            with plain_arithmetic(code):
                code.call(run, context, generation, thread)
            code.ir.ret(generation)
        emit_wait(code, context, turns)
    code.finish(seen)


def emit_alone(module: Any, perform: Code) -> None:
    """``alone(phases, count, bases)``: do all items of so many phases one after the other: nobody shares the work."""
    code = Code(module, "alone", ["phases", "count", "bases"])
    phases, count, bases = code.arguments.values()
    with plain_arithmetic(code), code.counted(integer(0), count) as p:
        phase = code.plus(phases, code.times(p, len(PhaseWord) * 8))
        items, micro = code.word(phase, PhaseWord.ITEMS), code.word(phase, PhaseWord.MICRO)
        with code.counted(integer(0), code.word(phase, PhaseWord.ITEM_COUNT)) as number:
            code.call(perform, bases, code.plus(items, code.times(number, len(ItemWord) * 8)), micro)
    code.finish()


@contextmanager
def plain_arithmetic(code: Code) -> Iterator[None]:
    """Let the processor round to the nearest and keep denormal numbers meanwhile, whatever this thread had chosen.

    Such a mode is each thread's own: the bits would depend on who does which item.
    """
    machine, builder = platform.machine().lower(), code.ir
    if machine in ("x86_64", "amd64"):
        read, write = (code.intrinsic(f"llvm.x86.sse.{name}mxcsr", [POINTER]) for name in ("st", "ld"))
        before, plain = (builder.inttoptr(code.block(1), POINTER) for _ in range(2))
        builder.call(read, [before])
        builder.store(ir.Constant(ir.IntType(32), PLAIN_MXCSR), plain)
        builder.call(write, [plain])
        yield
        builder.call(write, [before])
    elif machine in ("aarch64", "arm64"):
        read, write = code.intrinsic("llvm.aarch64.get.fpcr", [], INT), code.intrinsic("llvm.aarch64.set.fpcr", [INT])
        chosen = builder.call(read, [])
        builder.call(write, [integer(0)])
        yield
        builder.call(write, [chosen])
    else:
        yield


def emit_wait(code: Code, context: Value, turns: Value) -> None:
    """One turn of waiting: a short rest at first, later the processor is offered to others."""
    emit_pause(code)
    turn = code.plus(code.get(turns), 1)
    code.ir.store(turn, turns)
    offer = code.word(context, ContextWord.YIELD)
    patient = code.ir.and_(code.less(integer(SPINS_BEFORE_YIELD), turn), code.differ(offer, 0))
    with code.when(patient):
        code.call_at(offer)


def emit_pause(code: Code) -> None:
    """Tell the processor that this is a loop that waits."""
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        name, values = "llvm.x86.sse2.pause", []
    elif machine in ("aarch64", "arm64"):
        name, values = "llvm.aarch64.hint", [ir.Constant(ir.IntType(32), 1)]
    else:
        return
    code.ir.call(code.intrinsic(name, [value.type for value in values]), values)
