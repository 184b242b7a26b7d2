"""Ranks are lost at every exchange of a training, and the others come to the bits of one process."""

import pytest

from oracles.ranks import World
from oracles.shared_trainings import trained

CASE = "dropout"


def exchanges(size, work):
    """Return how many exchanges a rank begins where nobody is lost."""
    world = World(size)
    world.run(work)
    return world.exchanges[0]


def reaching(size, number):
    """Return to which ranks the last message of a lost one comes, another half of them for each number."""
    return {rank for rank in range(size) if (rank + number) % 2}


def lost_everywhere(size, work, expected, victims=lambda number, size: {number % size}):
    """Return at which exchanges it was of consequence that ranks were lost."""
    wrong = {}
    count = exchanges(size, work)
    for number in range(1, count + 1):
        lost = {victim: (number, reaching(size, number // size)) for victim in victims(number, size)}
        found = World(size, lost=lost).run(work)
        assert len(found) == size - len(lost)
        if any(each != expected for each in found):
            wrong[number] = found
    return wrong


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_a_rank_lost_at_any_exchange_costs_no_bit():
    assert not lost_everywhere(3, lambda rank: trained(CASE, rank), trained(CASE))
