"""The emitter: integers that fold, loops that carry registers, lanes of floats and words, and checked memory."""

import numpy as np
import pytest

from pellucid.compiler.builder import Kernel
from pellucid.compiler.jit import compiled
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tensors import INT64, UINT8, UINT32
from pellucid.compiler.tiles import GENERIC, instruction_set, supported
from pellucid.random import philox

ISA = instruction_set()


def run(emitter, *arrays, samples=0, parameters=(), isa=ISA, checked=False, **ranges):
    """Compile an emitter and call it."""
    compiled(Recipe(emitter, parameters, isa, checked))(*arrays, samples=samples, **ranges)


# ---- integers
def test_an_index_folds_what_is_known():
    k = Kernel("fold", ISA)
    n = k.samples
    i = 3 * (n + 2) - n - (1 + n * 2)
    assert (i.terms, i.constant) == ({}, 5)
    assert (5 - n + n).constant == 5
    with pytest.raises(TypeError, match="known while emitting"):
        n * n


def integers(k: Kernel) -> None:
    out = k.tensor("out", 6, element=UINT32)
    first, last = k.piece("range", 100)
    values = [k.maximum(first, last), k.minimum(first, 4), (last - first) // 3, 7 * first - last + 40]
    values += k.overlap((first, last), (5, 60))
    for i, value in enumerate(values):
        out.store(k.spread(value, 1), i)


def test_integers_of_the_running_kernel():
    out = np.zeros(6, np.uint32)
    run(integers, out, range=(3, 90))
    assert out.tolist() == [90, 3, 29, 21 - 90 + 40 & 0xFFFF_FFFF, 5, 60]


# ---- loops
def turns(k: Kernel, start: int, step: int) -> None:
    out = k.tensor("out", 1)
    _, stop = k.piece("range", 100)
    acc = k.registers(range(1), 1, 1)
    acc[0, 0] = k.zeros(1)
    with k.range(start, stop, step), k.range(0, 3):
        acc[0, 0] += k.constant(1.0, 1)
    out.store(acc[0, 0], 0)


@pytest.mark.parametrize(("start", "stop", "step"), [(0, 0, 1), (0, 1, 1), (2, 9, 3), (2, 8, 3), (5, 2, 1)])
def test_a_loop_makes_as_many_turns_as_pythons(start, stop, step):
    out = np.empty(1, np.float32)
    run(turns, out, parameters=(start, step), range=(0, stop))
    assert out[0] == 3 * len(range(start, stop, step))


def prefix_sums(k: Kernel, size: int, unroll: int) -> None:
    x, y = k.tensor("x", k.samples, size), k.tensor("y", k.samples, size)
    with k.range(*k.piece("rows", k.samples)) as n:
        acc = k.registers(["sum"], 1, 1)
        acc["sum", 0] = k.zeros(1)
        for i in k.unrolled(size, unroll):
            acc["sum", 0] += x.load(n, i, lanes=1)
            y.store(acc["sum", 0], n, i)


@pytest.mark.parametrize("unroll", [1, 3, 7, 9])
def test_an_unrolled_loop_takes_the_rest_too(unroll, rng):
    x = rng.integers(-9, 9, (4, 7)).astype(np.float32)
    y = np.full((4, 7), 99, np.float32)
    run(prefix_sums, x, y, parameters=(7, unroll), samples=4, rows=(1, 3))
    assert np.array_equal(y[1:3], x[1:3].cumsum(axis=1))
    assert (y[[0, 3]] == 99).all()


# ---- floats
def arithmetic(k: Kernel) -> None:
    x, y = k.tensor("x", 3, 4), k.tensor("y", 8, 4)
    a, b, c = (x.load(i, 0, lanes=4) for i in range(3))
    results = [
        a * b + c,
        c - a * b,
        a * b - c,
        (a * b).rounded() + c,
        a / b,
        (a * a).sqrt(),
        a.maximum(b),
        a.minimum(b),
    ]
    for i, result in enumerate(results):
        y.store(result, i, 0)


def test_arithmetic_and_where_it_rounds():
    x = np.array([[1 + 2**-12, 2, -3, 5], [1 + 2**-12, 3, 2, -4], [-1, 1, 0.5, 7]], np.float32)
    y = np.empty((8, 4), np.float32)
    run(arithmetic, x, y)
    a, b, c = x
    exact = (a.astype(float) * b + c).astype(np.float32)
    once = exact if ISA.fused else a * b + c
    assert exact[0] != (a * b + c)[0], "the numbers must tell one rounding from two"
    less = (a.astype(float) * b - c).astype(np.float32) if ISA.fused else a * b - c
    assert np.array_equal(y[:6], [once, -less, less, a * b + c, a / b, abs(a)])
    assert np.array_equal(y[6:], [np.maximum(a, b), np.minimum(a, b)])


def extremes(k: Kernel) -> None:
    x, y = k.tensor("x", 2, 4), k.tensor("y", 3, 4)
    a, b = x.load(0, 0, lanes=4), x.load(1, 0, lanes=4)
    for i, result in enumerate([a.maximum(b), a.minimum(b), a.relu()]):
        y.store(result, i, 0)


@pytest.mark.parametrize("isa", supported(), ids=lambda isa: isa.name)
def test_nan_is_never_hidden_and_of_equals_the_first_counts(isa):
    x = np.array([[np.nan, 1, np.nan, -0.0], [1, np.nan, np.nan, 0.0]], np.float32)
    y = np.empty((3, 4), np.float32)
    run(extremes, x, y, isa=isa)
    assert np.isnan(y[:2, :3]).all()
    assert np.signbit(y[:, 3]).all()
    assert np.array_equal(np.isnan(y[2]), [True, False, True, False])


def test_no_instruction_carries_a_fast_math_flag():
    for emitter in (arithmetic, extremes, prefix_sums):
        ir, _ = Recipe(emitter, (7, 2) if emitter is prefix_sums else (), ISA, False).emit()
        assert not set(ir.split()) & {"fast", "reassoc", "nnan", "ninf", "nsz", "arcp", "contract", "afn"}


# ---- words
def random_words(k: Kernel, key: tuple[int, int]) -> None:
    """Philox4x32-10 of the counters (n, 1, 2, lane), four lanes at a time."""
    out = k.tensor("out", k.samples, 4, 4, element=UINT32)
    with k.range(*k.piece("rows", k.samples)) as n:
        words = [k.spread(n, 4), k.words([1] * 4), k.words([2] * 4), k.words(range(4))]
        key0, key1 = key
        for _ in range(10):
            product0, product1 = words[0].to(64) * 0xD2511F53, words[2].to(64) * 0xCD9E8D57
            words = [
                (product1 >> 32).to(32) ^ words[1] ^ key0,
                product1.to(32),
                (product0 >> 32).to(32) ^ words[3] ^ key1,
                product0.to(32),
            ]
            key0, key1 = key0 + 0x9E3779B9 & 0xFFFFFFFF, key1 + 0xBB67AE85 & 0xFFFFFFFF
        for i, word in enumerate(words):
            out.store(word, n, i, 0)


@pytest.mark.parametrize("isa", supported(), ids=lambda isa: isa.name)
def test_words_make_the_random_numbers_of_the_definition(isa):
    out = np.zeros((3, 4, 4), np.uint32)
    run(random_words, out, parameters=((123, 0xFFFFFFFF),), samples=3, isa=isa)
    n, lane = np.meshgrid(range(3), range(4), indexing="ij")
    counters = np.stack([n, np.ones_like(n), np.full_like(n, 2), lane], axis=-1)
    assert np.array_equal(out.transpose(0, 2, 1), philox(counters, [123, 0xFFFFFFFF]))


def gathered(k: Kernel) -> None:
    """y[n] = x[rows[n]] / 255 where the pixel is at least 128, else its negative."""
    x, rows = k.tensor("x", 5, 8, element=UINT8), k.tensor("rows", k.samples, element=INT64)
    y = k.tensor("y", k.samples, 8)
    with k.range(*k.piece("rows", k.samples)) as n:
        words = x.load_words(rows.integer(n), 0, lanes=8)
        value = words.floats() / k.constant(255.0, 8)
        y.store((words >= 128).choose(value, -value), n, 0)


def test_bytes_are_gathered_by_index_and_become_floats(rng):
    x, rows = rng.integers(0, 256, (5, 8), np.uint8), np.array([4, 0, 4], np.int64)
    y = np.empty((3, 8), np.float32)
    run(gathered, x, rows, y, samples=3, checked=True)
    expected = x[rows].astype(np.float32) / np.float32(255)
    assert np.array_equal(y, np.where(x[rows] >= 128, expected, -expected))
    with pytest.raises(IndexError, match=r"gathered: index \[5, 0\] lies outside x\[5, 8\]"):
        run(gathered, x, np.array([4, 5, 0], np.int64), y, samples=3, checked=True)


def exponents(k: Kernel) -> None:
    x, y = k.tensor("x", 4), k.tensor("y", 4)
    y.store((((x.load(0, lanes=4).bits() >> 23) & 0xFF) << 23).as_floats(), 0)


def test_the_bits_of_floats_can_be_worked_on():
    y = np.empty(4, np.float32)
    run(exponents, np.array([1.5, -3, 0.3, 1000], np.float32), y)
    assert y.tolist() == [1, 2, 0.25, 512]


# ---- memory
def tails(k: Kernel, live: int) -> None:
    x, y = k.tensor("x", live), k.tensor("y", live)
    y.store(x.load(0, lanes=8, live=live) + k.constant(1.0, 8), 0, live=live)


@pytest.mark.parametrize("isa", [ISA, GENERIC], ids=lambda isa: isa.name)
@pytest.mark.parametrize("live", range(1, 9))
def test_a_tail_touches_its_live_lanes_only(live, isa):
    memory = np.zeros(24, np.float32)
    run(tails, np.arange(live, dtype=np.float32), memory[8 : 8 + live], parameters=(live,), isa=isa)
    assert memory.tolist() == [0] * 8 + [i + 1 for i in range(live)] + [0] * (16 - live)


def short_load(k: Kernel, live: int) -> None:
    x, y = k.tensor("x", live), k.tensor("y", 8)
    y.store(x.load(0, lanes=8, live=live), 0)


@pytest.mark.parametrize("isa", [ISA, GENERIC], ids=lambda isa: isa.name)
@pytest.mark.parametrize("live", range(1, 9))
def test_lanes_beyond_the_live_ones_are_zero_whatever_lies_there(live, isa):
    memory, y = np.full(24, np.nan, np.float32), np.empty(8, np.float32)
    memory[8 : 8 + live] = 5
    run(short_load, memory[8 : 8 + live], y, parameters=(live,), isa=isa)
    assert y.tolist() == [5] * live + [0] * (8 - live)


def copy_from(k: Kernel) -> None:
    x, y = k.tensor("x", 10), k.tensor("y", 4)
    start, _ = k.piece("start", 100)
    y.store(x.load(start, lanes=4), 0)


def test_the_last_vector_that_fits_is_let_through_and_the_next_is_not():
    x, y = np.arange(10, dtype=np.float32), np.empty(4, np.float32)
    run(copy_from, x, y, checked=True, start=(6, 6))
    assert y.tolist() == [6, 7, 8, 9]
    with pytest.raises(IndexError, match=r"copy_from: index \[7\] lies outside x\[10\], 4 lanes"):
        run(copy_from, x, y, checked=True, start=(7, 7))


def too_far(k: Kernel) -> None:
    x, y = k.tensor("x", k.samples, 10), k.tensor("y", k.samples, 10)
    with k.range(*k.piece("rows", k.samples)) as n, k.range(0, 12, 4) as i:
        y.store(x.load(n, i, lanes=4).relu(), n, i)


def test_a_planted_mistake_is_named_with_its_line():
    x, y = np.ones((3, 10), np.float32), np.zeros((3, 10), np.float32)
    line = too_far.__code__.co_firstlineno + 3
    message = rf"too_far: index \[0, 8\] lies outside x\[samples, 10\], 4 lanes, at test_builder.py:{line}"
    for _ in range(2):  # the report is cleared, and made again
        with pytest.raises(IndexError, match=message):
            run(too_far, x, y, samples=3, checked=True)
    assert y[0, :8].all()
    assert not y[1:].any()


def before_the_first(k: Kernel) -> None:
    x, y = k.tensor("x", 4), k.tensor("y", 4)
    with k.range(0, 2) as i:
        y.store(x.load(i - 1, lanes=1), i)


def test_an_index_below_zero_is_named():
    with pytest.raises(IndexError, match=r"before_the_first: index \[-1\] lies outside x\[4\], 1 lanes"):
        run(before_the_first, np.ones(4, np.float32), np.ones(4, np.float32), checked=True)


def test_a_constant_index_outside_is_refused_while_emitting():
    def emit(k: Kernel) -> None:
        k.tensor("x", 3, 5).load(1, 2, lanes=4)

    with pytest.raises(IndexError, match=r"x\[1, 2\] \(4 lanes\) lies outside \[3, 5\] along axis 1"):
        Recipe(emit, (), ISA, False).emit()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x: x.load(0, lanes=1), "x has 2 axes, 1 were given"),
        (lambda x: x.integer(0, 0), "x holds float32, this needs uint8 or uint32 or uint64 or int64"),
        (lambda x: x.store(x.kernel.words([1]), 0, 0), "x holds float32, this needs uint8"),
    ],
)
def test_a_wrong_use_of_a_tensor_is_refused(wrong, message):
    with pytest.raises(TypeError, match=message):
        wrong(Kernel("wrong", ISA).tensor("x", 3, 5))
