"""A schedule's words: what the runner reads, for any batch; kernels are stand-ins, and nothing runs."""

from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as p
from oracles.compiled import planned, training_program
from pellucid.build import lower
from pellucid.compiler import runner
from pellucid.compiler.kernels.reduction import zero
from pellucid.compiler.memory import LINE
from pellucid.compiler.plan import Buffer, Call, Count, DefinitionPhase, JobPhase, LeafPhase, Operand, Scope
from pellucid.compiler.recipe import SAMPLES, Recipe
from pellucid.compiler.schedule import ARENA, FIRST_GIVEN, Schedule, calls
from pellucid.compiler.tiles import GENERIC
from pellucid.errors import CompilerError

CALL, ITEM = runner.CallWord, runner.ItemWord


def stand_in(name, ranges=(("numbers", SAMPLES),)):
    """Return a recipe that differs from others by its name, and the callable of it."""
    recipe = Recipe(zero, (name,), GENERIC, False)
    handle = SimpleNamespace(address=hash(name) & 0xFFFF, ranges=[list(each) for each in ranges])
    return recipe, SimpleNamespace(handle=lambda: handle)


def plan_of(phases, given=(), leaf_size=16):
    program = SimpleNamespace(leaf_size=leaf_size)
    return SimpleNamespace(program=program, phases=phases, given=dict.fromkeys(given), totals={})


def read(address, words):
    """Return so many words that lie at an address."""
    return np.ctypeslib.as_array((np.ctypeslib.ctypes.c_int64 * words).from_address(int(address)))


def items_of(schedule, number=0):
    """Return the items of a phase, as the runner finds them."""
    segment = next(each for each in schedule.segments if isinstance(each, range))
    phase = read(schedule.phases(segment) + number * 8 * len(runner.PhaseWord), len(runner.PhaseWord))
    count = phase[runner.PhaseWord.ITEM_COUNT]
    return phase, read(phase[runner.PhaseWord.ITEMS], int(count) * len(ITEM)).reshape(-1, len(ITEM))


def calls_of(item):
    """Return the calls of an item: head, operands, ranges."""
    found, at = [], int(item[ITEM.CALLS])
    while at < item[ITEM.CALLS_END]:
        head = read(at, CALL.HEAD)
        words = read(at, int(head[CALL.WORDS]))
        operands = words[CALL.HEAD :][: 4 * head[CALL.OPERANDS]].reshape(-1, 4)
        ranges = words[CALL.HEAD + 4 * head[CALL.OPERANDS] :].reshape(-1, 2)
        assert len(ranges) == head[CALL.RANGES]
        found.append((head, operands, ranges))
        at += 8 * int(head[CALL.WORDS])
    assert at == item[ITEM.CALLS_END]
    return found


# ---- leaves
def leaves(samples=40, **how):
    recipe, code = stand_in("leaf")
    buffers = [
        Buffer("passing", 100, Scope.PASSING), Buffer("batch", 12, Scope.BATCH), Buffer("leaf", 8, Scope.LEAF),
        Buffer("whole", 8, Scope.WHOLE), Buffer("given", 7, Scope.GIVEN),
    ]  # fmt: skip
    call = Call(recipe, tuple(Operand(buffer, 4) for buffer in buffers), **how)
    plan = plan_of([LeafPhase([call], 4)], given=["other", "given"])
    return Schedule(plan, {recipe: code}, samples, 2), buffers


def test_a_batch_is_cut_into_leaves():
    schedule, _ = leaves()
    phase, items = items_of(schedule)
    assert phase[runner.PhaseWord.MICRO] == 4
    assert items[:, ITEM.FIRST].tolist() == [0, 16, 32]
    assert items[:, ITEM.SAMPLES].tolist() == [16, 16, 8]
    assert items[:, ITEM.LEAF].tolist() == [0, 1, 2]


@pytest.mark.parametrize("samples", [1, 15, 16, 17, 32, 39, 40])
def test_a_smaller_batch_has_fewer_and_shorter_leaves(samples):
    schedule, _ = leaves()
    schedule.set_batch(3)
    schedule.set_batch(samples)
    assert schedule.batch == samples
    _, items = items_of(schedule)
    assert items[:, ITEM.SAMPLES].sum() == samples
    assert items[:-1, ITEM.SAMPLES].tolist() == [16] * (len(items) - 1)
    assert items[:, ITEM.FIRST].tolist() == [16 * leaf for leaf in range(len(items))]


def test_after_a_small_batch_a_whole_one_is_whole_again():
    schedule, _ = leaves()
    before = items_of(schedule)[1].copy()
    schedule.set_batch(5)
    assert len(items_of(schedule)[1]) == 1
    schedule.set_batch(40)
    assert np.array_equal(items_of(schedule)[1], before)


def test_addresses_are_base_and_strides():
    schedule, buffers = leaves()
    ((head, operands, ranges),) = calls_of(items_of(schedule)[1][0])
    assert head[CALL.COUNT] == -1
    assert head[CALL.ONCE] == 0
    assert ranges.tolist() == [[0, -1]], "as many as are at hand"
    assert operands[0].tolist() == [ARENA, 4, 0, 0]
    for words, buffer in zip(operands[1:4], buffers[1:4], strict=True):
        place = schedule.view(Operand(buffer, 4), 1, np.uint8).ctypes.data
        per_sample, per_leaf = buffer.size * (buffer.scope is Scope.BATCH), buffer.size * (buffer.scope is Scope.LEAF)
        assert words.tolist() == [0, place, per_sample, per_leaf]
    assert operands[4].tolist() == [FIRST_GIVEN + 1, 4, 7, 0]


def test_kept_buffers_have_room_for_the_batch_or_its_leaves():
    schedule, (_, batch, leaf, whole, _) = leaves()
    sizes = {buffer.name: len(schedule.view(Operand(buffer), size, np.uint8))
             for buffer, size in ((batch, 40 * 12), (leaf, 3 * 8), (whole, 8))}  # fmt: skip
    assert sizes == {"batch": 480, "leaf": 24, "whole": 8}
    assert len(schedule.view(Operand(batch), 481, np.uint8)) == 480, "and for no more"


def test_each_thread_has_memory_of_its_own():
    schedule, _ = leaves()
    first, second = schedule.bases[:, ARENA]
    assert abs(first - second) >= 4 * 2 * LINE, "four samples of two lines"
    assert first % LINE == second % LINE == 0


def test_what_is_given_is_given_to_every_thread():
    schedule, _ = leaves()
    array = np.zeros(3, np.uint8)
    schedule.give("given", array)
    schedule.give("unheard of", array)  # what no kernel reads needs no place
    place = FIRST_GIVEN + list(schedule.plan.given).index("given")
    assert schedule.bases[:, place].tolist() == [array.ctypes.data] * 2
    assert schedule.bases[:, FIRST_GIVEN].tolist() == [0, 0]


@pytest.mark.parametrize("more", [0, 1])
def test_a_call_has_no_more_tensors_than_the_runner_has_room_for(more):
    recipe, code = stand_in("many")
    buffers = [Buffer(str(number), 4, Scope.WHOLE) for number in range(runner.MOST_OPERANDS + more)]
    job = (Call(recipe, tuple(map(Operand, buffers)), count=1),)
    if not more:
        schedule = Schedule(plan_of([JobPhase([job])]), {recipe: code}, 1, 1)
        ((_, operands, _),) = calls_of(items_of(schedule)[1][0])
        assert len(operands) == 512
        return
    with pytest.raises(CompilerError, match='at most 512 tensors and 8 ranges, received 513 and 1; use engine="numpy"'):
        Schedule(plan_of([JobPhase([job])]), {recipe: code}, 1, 1)


# ---- counts
@pytest.mark.parametrize(("count", "told"), [(Count.BATCH, 17), (Count.LEAVES, 2), (5, 5), (Count.AT_HAND, -1)])
def test_kernels_are_told_what_they_ask_for(count, told):
    recipe, code = stand_in("job")
    job = (Call(recipe, (), count=count), Call(recipe, (), count=7))
    schedule = Schedule(plan_of([JobPhase([job])]), {recipe: code}, 40, 1)
    schedule.set_batch(17)
    found = calls_of(items_of(schedule)[1][0])
    assert [head[CALL.COUNT] for head, _, _ in found] == [told, 7]


# ---- jobs
@pytest.mark.parametrize(
    ("parts", "blocks", "tiles"),
    [
        (1, [[0, 3]], [[0, 4]]),
        (2, [[0, 2], [2, 3]], [[0, 4]]),
        (3, [[0, 1], [1, 2], [2, 3]], [[0, 4]]),
        (4, [[0, 1], [1, 2], [2, 3]], [[0, 2], [2, 4]]),
        (99, [[0, 1], [1, 2], [2, 3]], [[0, 1], [1, 2], [2, 3], [3, 4]]),
    ],
)
def test_a_job_is_cut_along_what_its_first_call_says(parts, blocks, tiles):
    recipe, code = stand_in("split", [("blocks", 3), ("rows", SAMPLES), ("tiles", 4)])
    job = (Call(recipe, (), split=("blocks", "tiles"), parts=parts, ranges=(("rows", (4, 9)),)),)
    schedule = Schedule(plan_of([JobPhase([job])]), {recipe: code}, 1, 1)
    _, items = items_of(schedule)
    spans = [calls_of(item)[0][2].tolist() for item in items]
    assert spans == [[b, [4, 9], t] for b in blocks for t in tiles]


def test_unnamed_ranges_are_whole():
    recipe, code = stand_in("whole", [("blocks", 3), ("rows", SAMPLES)])
    schedule = Schedule(plan_of([JobPhase([(Call(recipe, ()),)])]), {recipe: code}, 1, 1)
    assert calls_of(items_of(schedule)[1][0])[0][2].tolist() == [[0, 3], [0, -1]]


# ---- segments
def segments(phases):
    recipe, code = stand_in("x")
    made = [
        DefinitionPhase(None) if phase == "numpy" else JobPhase([(Call(recipe, ()),)] * (number + 1))
        for number, phase in enumerate(phases)
    ]
    return Schedule(plan_of(made), {recipe: code}, 1, 1)


def test_native_phases_run_in_one_call_between_steps_in_numpy():
    schedule = segments(["native", "native", "numpy", "native", "numpy", "numpy", "native"])
    assert [each if isinstance(each, range) else "numpy" for each in schedule.segments] == [
        range(0, 2), "numpy", range(2, 3), "numpy", "numpy", range(3, 4),
    ]  # fmt: skip
    assert [schedule.items(each) for each in schedule.segments if isinstance(each, range)] == [2, 4, 7]


def test_no_segment_has_more_phases_than_the_runner_has_room_for(monkeypatch):
    monkeypatch.setattr(runner, "PHASES", 3)
    schedule = segments(["native"] * 7 + ["numpy"] + ["native"] * 3)
    assert [each if isinstance(each, range) else "numpy" for each in schedule.segments] == [
        range(0, 3), range(3, 6), range(6, 7), "numpy", range(7, 10),
    ]  # fmt: skip


# ---- real plans
class Known(dict):
    """Stand-ins for whatever kernels there are."""

    def __missing__(self, recipe):
        _, code = stand_in("any", [("blocks", 2), ("input_tiles", 2), ("channel_tiles", 2), ("numbers", SAMPLES)])
        return self.setdefault(recipe, code)


def network():
    path = p.Sequential([p.Conv2d(2, 2, 3, padding=1), p.BatchNorm2d(2)])
    return p.Sequential([p.Conv2d(1, 2, 3), p.Residual(path), p.Flatten(), p.Linear(32, 3)], input_shape=(1, 6, 6))


@pytest.mark.parametrize("samples", [1, 16, 33])
def test_every_call_of_a_plan_is_written(samples):
    for plan in (planned(training_program(network(), p.Adam())), planned(lower(network()))):
        schedule = Schedule(plan, Known(), samples, 1)
        assert len(schedule.segments) == 1
        for number, phase in enumerate(plan.phases):
            _, items = items_of(schedule, number)
            if isinstance(phase, LeafPhase):
                assert len(items) == -(-samples // plan.program.leaf_size)
                assert all(len(calls_of(item)) == len(phase.calls) for item in items)
            else:
                assert len(items) >= len(phase.jobs)
        assert len(list(calls(plan.phases))) > len(plan.phases)


def test_limits_of_the_runner_are_kept():
    """A call's operands and ranges are put together in memory of fixed size."""
    for make in (training_program(network(), p.AdamW(average=0.9, clip_norm=1.0)), lower(network())):
        for call in calls(planned(make).phases):
            assert len(call.operands) <= runner.MOST_OPERANDS
            assert len(call.split) <= runner.MOST_RANGES


def test_a_batch_that_memory_was_not_made_for_is_refused():
    recipe, code = stand_in("x")
    schedule = Schedule(plan_of([LeafPhase([Call(recipe, ())], 16)]), {recipe: code}, 40, 1)
    for wrong in (0, 41):
        with pytest.raises(CompilerError, match=f"batches of up to 40 samples, not for {wrong}"):
            schedule.set_batch(wrong)


def test_a_phase_of_more_items_than_can_be_claimed_is_refused(monkeypatch):
    monkeypatch.setattr(runner, "MOST_ITEMS", 4)
    recipe, code = stand_in("x")
    Schedule(plan_of([JobPhase([(Call(recipe, ()),)] * 3)]), {recipe: code}, 1, 1)
    with pytest.raises(CompilerError, match="4 pieces of work at a time, and the limit is 3: take a smaller"):
        Schedule(plan_of([JobPhase([(Call(recipe, ()),)] * 4)]), {recipe: code}, 1, 1)


def test_memory_is_made_for_no_more_threads_than_find_work():
    recipe, code = stand_in("x")
    plan = plan_of([LeafPhase([Call(recipe, ())], 16), JobPhase([(Call(recipe, ()),)] * 5)])
    for samples, threads, expected in ((16, 10**20, 8), (200, 10**20, 16), (200, 3, 3)):
        assert len(Schedule(plan, {recipe: code}, samples, threads).bases) == expected
