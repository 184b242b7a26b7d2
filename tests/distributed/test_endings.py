"""How a training of several ranks ends, and is saved meanwhile. Here ranks are threads."""

import time

import pytest

import pellucid as p
from oracles.interrupted import HOW, images, network
from oracles.ranks import World
from oracles.shared_trainings import trained
from pellucid.collective import NUMBERS, holding, told_by_all
from pellucid.training import run as training_run
from pellucid.training import saving
from pellucid.training.checkpoint import files

WORD = (1 + NUMBERS) * 8
"""Bytes of what a rank says after a step."""
PATIENCE = 1.5
"""Seconds that ranks wait for one that does not come."""


@pytest.fixture
def slow_disk(monkeypatch):
    """Let the checkpoint after three steps take longer than ranks wait, when all kernels are there."""
    p.fit(network(), images(), **HOW)
    write = saving.write_file

    def slowly(path, *more, **how):
        if "000000003" in str(path):
            time.sleep(1.5 * PATIENCE)
        write(path, *more, **how)

    monkeypatch.setattr(saving, "write_file", slowly)


def ended(rank, run, **more):
    """Train; return what has ended it, and which checkpoint there is as this rank leaves."""
    try:
        p.fit(network(), images(), out=run, ranks=rank, **{**HOW, **more})
    except (KeyboardInterrupt, SystemExit) as error:
        return type(error), files(run)[0].name
    raise AssertionError("it was to end")


def end_at(step, rank):
    """Return what lets the first rank end after so many steps."""

    def watch(training):
        if rank.rank == 0 and training.step == step:
            training.end(KeyboardInterrupt())

    return p.on_batch(watch, sees_weights=False)


def test_no_rank_leaves_before_the_first_one_has_saved_what_all_end_with(tmp_path, slow_disk):
    """It takes longer than they wait for a rank that does not come."""
    run = tmp_path / "run"
    found = World(3, patience=PATIENCE).run(lambda rank: ended(rank, run, callbacks=[end_at(3, rank)]))
    last = "checkpoint-000000003.safetensors"
    assert found == [(KeyboardInterrupt, last), (SystemExit, last), (SystemExit, last)]


def test_if_the_first_rank_is_lost_while_it_saves_the_next_one_does(tmp_path, monkeypatch):
    run, whole = tmp_path / "run", World(2)
    whole.run(lambda rank: ended(rank, tmp_path / "whole", callbacks=[end_at(3, rank)]))
    last = {0: (whole.exchanges[0] - 1, set())}  # as it begins to say that it has saved
    monkeypatch.setattr(saving, "write_file", _not_by_the_first(saving.write_file))
    (found,) = World(2, lost=last).run(lambda rank: ended(rank, run, callbacks=[end_at(3, rank)]))
    assert found == (SystemExit, "checkpoint-000000003.safetensors")


def _not_by_the_first(write):
    """Return what writes, but not the third checkpoint where the first thread is to: it is lost then."""
    asked = []

    def written(path, *more, **how):
        asked.append(path)
        if "000000003" not in str(path) or asked.count(path) > 1:
            write(path, *more, **how)

    return written


def test_what_the_first_rank_is_told_while_it_waits_all_do_after_the_next_step():
    """A signal comes when its word after the second step has been said, and those of the others have not come."""

    def work(rank):
        seen, gather = [], rank.gather

        def gather_and_hear(room, bounds):
            found = gather(room, bounds)
            if rank.rank == 0 and len(room) == 3 * WORD and seen and seen[-1].step == 2:
                seen[-1].end(KeyboardInterrupt())
            return found

        rank.gather = gather_and_hear
        try:
            trained("convolutions", rank, callbacks=[p.on_batch(seen.append)])
        except BaseException as error:
            return type(error), seen[-1].step

    assert World(3, patience=2.0).run(work) == [(KeyboardInterrupt, 3), (SystemExit, 3), (SystemExit, 3)]


@pytest.mark.parametrize("late", [False, True])
def test_a_stop_is_heard_of_at_once_or_by_all_after_the_next_step(late):
    def work(rank):
        seen, gather = [], rank.gather

        def stop():
            if rank.rank == 0 and seen and seen[-1].step == 2:
                seen[-1].stop()

        def gather_and_stop(room, bounds):
            if len(room) == 3 * WORD and not late:
                stop()
            found = gather(room, bounds)
            if len(room) == 3 * WORD and late:
                stop()
            return found

        rank.gather = gather_and_stop
        return len(trained("convolutions", rank, epochs=3, callbacks=[p.on_batch(seen.append)])[1])

    assert set(World(3, patience=2.0).run(work)) == {3}


def test_a_checkpoint_may_take_longer_than_ranks_wait(tmp_path, slow_disk):
    def work(rank):
        return p.fit(network(), images(), out=tmp_path / "run", checkpoint_every=3, ranks=rank, **HOW).batches

    expected = p.fit(network(), images(), **HOW).batches
    assert World(2, patience=PATIENCE).run(work) == [expected] * 2


def test_the_network_at_the_end_may_take_longer_than_ranks_wait(tmp_path, monkeypatch):
    expected = p.fit(network(), images(), **HOW).batches  # all kernels are there
    save = training_run.save

    def slowly(network, path):
        time.sleep(1.5 * PATIENCE)
        save(network, path)

    monkeypatch.setattr(training_run, "save", slowly)
    world = World(2, patience=PATIENCE)
    assert (
        world.run(lambda rank: p.fit(network(), images(), out=tmp_path / "run", ranks=rank, **HOW).batches)
        == [expected] * 2
    )
    assert world.reasons == {"saves"}


def test_who_hangs_as_callbacks_have_their_end_is_given_up():
    class Hangs(p.Callback):
        def on_end(self, training, error):
            if training.ranks.rank == 1:
                time.sleep(2 * PATIENCE)

    with pytest.raises(p.errors.RankError):
        World(2, patience=PATIENCE).run(lambda rank: p.fit(network(), images(), ranks=rank, callbacks=[Hangs()], **HOW))


def test_who_waits_itself_holds_nobody():
    """Otherwise two that wait for each other would do so for ever."""

    def work(rank):
        if rank.rank == 0:
            with holding(rank):
                told_by_all(rank, b"")

    with pytest.raises(p.errors.RankError):
        World(2, patience=1.2).run(work)
