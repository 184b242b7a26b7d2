"""Cutting an axis into pieces, and what is known of them without listing them."""

from itertools import product

from pellucid.compiler.cuts import even_pieces, even_runs, full_pieces, full_runs, runs

SIZES = list(product(range(40), range(1, 13)))


def test_runs_are_those_of_the_pieces():
    for total, size in SIZES:
        assert even_runs(total, size) == runs(even_pieces(total, size))
        assert full_runs(total, size) == runs(full_pieces(total, size))


def test_pieces_cover_the_axis_once():
    for total, size in SIZES:
        for pieces in (even_pieces(total, size), full_pieces(total, size)):
            covered = [i for start, count in pieces for i in range(start, start + count)]
            assert covered == list(range(total))
            assert all(0 < count <= size for _, count in pieces)


def test_even_pieces_are_few_and_alike():
    for total, limit in SIZES:
        sizes = [size for _, size in even_pieces(total, limit)]
        assert len(sizes) == -(-total // limit)
        assert max(sizes, default=0) - min(sizes, default=0) <= 1


def test_runs_of_different_kinds_stay_apart():
    found = runs(full_pieces(10, 2), lambda start, size: start >= 4)
    assert [(run.start, run.count, run.kind) for run in found] == [(0, 2, False), (4, 3, True)]
    assert [run.stop for run in found] == [4, 10]
