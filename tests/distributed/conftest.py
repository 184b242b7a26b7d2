"""Ranks under an MPI that does what a test says."""

import pytest

from oracles.fake_mpi import Communicator, Mpi, Victim
from pellucid.distributed import exchange, mpi, roll_call


@pytest.fixture
def started(monkeypatch):
    """Return what makes the ranks of a job as one of them sees them; they wait for less long than real ones."""
    monkeypatch.setattr(exchange, "ATTENTIVE", 0.01)
    monkeypatch.setattr(exchange, "_given_up", [])
    monkeypatch.setattr(mpi, "LEARNING", 0.2)
    monkeypatch.setattr(roll_call, "ANSWERING", 0.1)
    monkeypatch.setattr(roll_call, "HOLD_AGAIN", 0.0)

    def start(rank=0, elastic=False, patience=0.1, size=3):
        world = Communicator(rank, range(size))
        monkeypatch.setattr(mpi, "loaded_mpi", lambda patience: Mpi(world))
        monkeypatch.setenv(mpi.FT_VARIABLE, str(elastic).lower())
        ranks = mpi.Ranks(patience=patience)
        ranks.fellows = {number: Victim(number, world.log) for number in range(size)}
        return ranks, world.copy, world.copy.copy.inbox

    return start
