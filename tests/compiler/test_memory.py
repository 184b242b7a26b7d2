"""Room for buffers: what is needed at one time never shares memory, and what is not does."""

from hypothesis import given
from hypothesis import strategies as st

from oracles.effort import effort
from pellucid.compiler.kernels.reduction import zero
from pellucid.compiler.memory import CACHE_BYTES, LINE, arena, in_lines, micro_batch, rooms
from pellucid.compiler.plan import Buffer, Call, Operand, Scope
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import GENERIC

RECIPE = Recipe(zero, (), GENERIC, False)


def passing(size, name="x"):
    return Buffer(name, size, Scope.PASSING)


def calls(*touched):
    """Return calls, given the buffers that each of them touches."""
    return [Call(RECIPE, tuple(map(Operand, buffers))) for buffers in touched]


def clashes(places, spans):
    """Return the pairs of buffers that are needed at one time and share memory."""
    return [
        (a, b)
        for a in spans
        for b in spans
        if a is not b
        and spans[a][0] <= spans[b][1]
        and spans[b][0] <= spans[a][1]
        and places[a] < places[b] + b.size
        and places[b] < places[a] + a.size
    ]


# ---- a thread's memory
def test_a_chain_of_layers_needs_room_for_two_neighbours():
    a, b, c, d = (passing(LINE) for _ in range(4))
    places, size = arena(calls([a], [a, b], [b, c], [c, d]))
    assert size == 2 * LINE
    assert places == {a: 0, b: LINE, c: 0, d: LINE}


def test_what_is_read_at_the_end_keeps_its_room():
    a, b, c = (passing(LINE) for _ in range(3))
    places, size = arena(calls([a], [a, b], [b, c], [a, c]))
    assert size == 3 * LINE
    assert len({places[buffer] for buffer in (a, b, c)}) == 3


def test_a_gap_is_used_where_it_is_wide_enough():
    gone, kept = passing(2 * LINE), passing(LINE)
    small, large = passing(LINE), passing(3 * LINE)
    places, size = arena(calls([gone, kept], [kept, small], [kept, small, large]))
    assert (places[gone], places[kept], places[small]) == (0, 2 * LINE, 0), "the small one fits into the gap"
    assert places[large] == 3 * LINE, "the large one does not"
    assert size == 6 * LINE


def test_sizes_are_rounded_up_to_lines():
    a, b = passing(1), passing(LINE + 1)
    places, size = arena(calls([a, b]))
    assert size == 3 * LINE
    assert {places[a], places[b]} == {0, 2 * LINE}


def test_only_what_passes_gets_room():
    kept = Buffer("kept", 100, Scope.BATCH)
    assert arena(calls([kept])) == ({}, 0)
    assert arena([]) == ({}, 0)


SPANS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(1, 500)), min_size=1, max_size=25
)  # first call, how many after it, bytes


def needed(spans):
    """Return buffers with their first and last calls, and those calls."""
    found = {passing(size): (first, first + more) for first, more, size in spans}
    return found, calls(*([b for b, (i, j) in found.items() if i == at or j == at] for at in range(19)))


@given(SPANS)
def test_what_is_needed_at_one_time_shares_no_memory(spans):
    found, touching = needed(spans)
    places, size = arena(touching)
    assert places.keys() == found.keys()
    assert not clashes(places, found)
    assert all(place % LINE == 0 for place in places.values())
    assert all(place + buffer.size <= size for buffer, place in places.items())
    at_once = [sum(in_lines(b.size) for b, (i, j) in found.items() if i <= at <= j) for at in range(19)]
    assert max(at_once) <= size <= sum(in_lines(b.size) for b in found)


@given(SPANS)
def test_each_buffer_takes_the_lowest_place_that_is_free(spans):
    found, touching = needed(spans)
    placed = {}
    for buffer in sorted(found, key=lambda b: (found[b][0], -b.size)):
        taken = sorted((placed[b], placed[b] + in_lines(b.size)) for b in placed if found[b][1] >= found[buffer][0])
        free = [stop for _, stop in taken if not any(a < stop + in_lines(buffer.size) and stop < b for a, b in taken)]
        fits = not any(start < in_lines(buffer.size) for start, _ in taken)
        placed[buffer] = 0 if fits else min(free)
    assert arena(touching)[0] == placed


def test_twice_as_many_buffers_are_twice_the_work():
    def wide(count):
        branches = [passing(LINE) for _ in range(count)]
        return calls(*([branch] for branch in branches), branches)

    few, many = wide(200), wide(400)
    assert effort(lambda: arena(many)) < 2.5 * effort(lambda: arena(few))


def test_the_control_a_clash_is_seen():
    a, b, c = (passing(LINE) for _ in range(3))
    spans = {a: (0, 1), b: (1, 2), c: (2, 3)}
    assert set(clashes({a: 0, b: LINE - 1, c: 0}, spans)) == {(a, b), (b, a), (b, c), (c, b)}
    assert clashes({a: 0, b: LINE, c: 0}, {**spans, c: (1, 3)}) == [(a, c), (c, a)]
    assert clashes({a: 0, b: LINE, c: 0}, spans) == []


# ---- micro-batches
def test_a_leaf_goes_through_at_once_where_it_fits_into_the_cache():
    assert micro_batch(calls([passing(CACHE_BYTES // 16)]), 16) == 16
    assert micro_batch(calls([passing(CACHE_BYTES // 16 + 1)]), 16) == 8
    assert micro_batch(calls([passing(CACHE_BYTES // 2)]), 8) == 2


def test_one_sample_goes_through_however_large():
    assert micro_batch(calls([passing(10 * CACHE_BYTES)]), 16) == 1
    assert micro_batch([], 16) == 16


# ---- what is kept
def test_rooms_lie_apart_on_lines_of_their_own():
    sizes = [1, 0, LINE, LINE + 1, 1000]
    found = rooms(sizes)
    assert [room.nbytes for room in found] == sizes
    starts = [room.ctypes.data for room in found if room.nbytes]
    assert all(start % LINE == 0 for start in starts)
    for number, room in enumerate(found):
        assert not room.any()
        room[:] = number + 1
    for number, room in enumerate(found):
        assert (room == number + 1).all(), "another room has been written to"


def test_no_rooms_at_all():
    assert rooms([]) == []
