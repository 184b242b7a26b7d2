"""Ranks are lost at every exchange of a training, and the others come to the bits of one process.

Here ranks are threads; `tests.faults.ranks` kills real ones.
"""

import json

import pytest

import pellucid as p
from oracles.mpi_jobs import needs_mpi
from oracles.ranks import World, lost_everywhere, reaching
from oracles.shared_trainings import data, trained, with_dropout
from pellucid.distributed.fellows import Fellow

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def first(number, size):
    """Return who is lost at an exchange: the first rank."""
    return {0}


def both(number, size):
    """Return who is lost at an exchange: all but one."""
    return set(range(size)) - {number % size}


def test_a_rank_lost_at_any_exchange_costs_no_bit():
    assert not lost_everywhere(lambda rank: trained("dropout", rank), trained("dropout"))


@pytest.mark.parametrize("victims", [first, both])
def test_nor_does_the_first_one_nor_all_but_one(victims):
    assert not lost_everywhere(lambda rank: trained("dropout", rank), trained("dropout"), victims, every=5)


def test_ranks_that_do_not_come_to_one_state_are_found(monkeypatch):
    """The control: without what brings those together that have come unequally far, bits or ranks come apart."""
    expected = trained("dropout")
    monkeypatch.setattr("pellucid.training.course.catch_up", lambda *asked: None)

    def work(rank):
        try:
            return trained("dropout", rank)
        except p.errors.RankError:
            return "come apart"

    assert lost_everywhere(work, expected)


def left_in(folder, ranks=None, **more):
    """Train, and return what lies in the run's folder, but for the times."""
    network = with_dropout()
    x, labels = data(network)
    p.fit(
        network, (x, labels), validation=(x[:50], labels[:50]), epochs=2, batch_size=64, seed=3, progress=False,
        out=folder, checkpoint_every=1, threads=1, callbacks=[p.KeepBest(count=1)], ranks=ranks, **more,
    )  # fmt: skip
    return True


def outcome(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    log = [{name: value for name, value in line.items() if name != "seconds"} for line in lines]
    kept = {path.name: path.read_bytes() for path in (folder / "best").iterdir()}
    return log, kept, (folder / "model.safetensors").read_bytes(), sorted(path.name for path in folder.iterdir())


def test_where_the_first_rank_is_lost_the_next_one_writes_the_run(tmp_path):
    left_in(tmp_path / "one")
    whole = World(2)
    whole.run(lambda rank: left_in(tmp_path / "whole", rank))
    for number, ahead in [*((n, False) for n in range(5, whole.exchanges[0] + 1, 5)), (5, True), (7, True), (9, True)]:
        out = tmp_path / f"{number} {ahead}"
        lost = {0: (number, set() if ahead else reaching(2, number))}
        World(2, lost=lost, ahead=ahead).run(lambda rank, out=out: left_in(out, rank))
        assert outcome(out) == outcome(tmp_path / "one"), out.name


def test_evaluating_goes_on_without_a_lost_rank():
    network = with_dropout()
    held_out = data(network)
    expected = p.evaluate(network, held_out)
    assert not lost_everywhere(lambda rank: p.evaluate(with_dropout(), held_out, ranks=rank), expected)


def test_a_rank_is_told_from_a_later_process_of_the_same_number():
    own = Fellow.own(0)
    Fellow(0, own.machine, own.process, own.began - 1).kill()
    Fellow(0, "another machine", own.process, own.began).kill()


# ---- real ranks; `python -m tests.faults rank rank-exchange rank-save` does more of this
def test_a_real_rank_is_killed_at_random_instants():
    needs_mpi()
    from faults import ranks

    assert not {number: said for number in range(5) if (said := ranks.at_random(number))}


def test_a_real_rank_is_killed_at_an_exchange():
    needs_mpi()
    from faults import ranks

    assert not ranks.killed_at(victim=1, exchange=30)


def test_the_first_real_rank_is_killed_while_it_writes_a_checkpoint():
    needs_mpi()
    from faults import ranks

    assert not ranks.in_a_save(ranks.calls_of_saves() // 2)
