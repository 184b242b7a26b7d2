"""Several ranks come to the bits of one process. Here ranks are threads; `test_mpi` has real ones."""

import numpy as np
import pytest

import pellucid as p
from oracles.ranks import World
from oracles.shared_trainings import CASES, data, residual, trained


@pytest.mark.parametrize("case", CASES)
def test_any_number_of_ranks_comes_to_the_bits_of_one_process(case):
    expected = trained(case)
    for size in (1, 2, 3, 4, 8):
        for found in World(size).run(lambda rank: trained(case, rank)):
            assert found == expected, f"{size} ranks"


def test_ranks_of_several_threads_come_to_the_same_bits():
    expected = trained("batch normalisation")
    assert World(3).run(lambda rank: trained("batch normalisation", rank, threads=2)) == [expected] * 3


def test_other_data_come_to_other_bits():
    """The control: the digest tells apart what differs by one sample's weight."""
    weights = np.ones(133)
    weights[-1] = 1.001
    assert trained("batch normalisation") != trained("batch normalisation", sample_weight=weights)


def test_evaluating_is_shared_too():
    network = residual()
    held_out = data(network)
    expected = p.evaluate(network, held_out)
    assert World(3).run(lambda rank: p.evaluate(residual(), held_out, ranks=rank)) == [expected] * 3


def test_numpy_takes_whole_batches():
    with pytest.raises(p.errors.ArgumentError, match='ranks: expected engine="compiled"'):
        World(2).run(lambda rank: trained("convolutions", rank, engine="numpy"))
