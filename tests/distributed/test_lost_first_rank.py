"""The first rank is lost, and what it alone had the next one has: the run, and callbacks. Here ranks are threads."""

import json
import shutil
from contextlib import ExitStack, contextmanager, nullcontext
from threading import Timer, current_thread
from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as p
from oracles.heard import Remembered
from oracles.interrupted import BreakAt
from oracles.ranks import LostHere, World
from oracles.shared_trainings import data, with_dropout
from pellucid.cli import ranks as words_of_ranks
from pellucid.cli import run as command
from pellucid.cli import signals
from pellucid.training import run as writing
from pellucid.training.checkpoint import files, newest
from pellucid.training.lock import locked_folder
from pellucid.training.run import RunWriter

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def in_threads(monkeypatch, tmp_path):
    """Let threads be ranks of the command; return what runs words in a world."""
    taken = {}

    @contextmanager
    def taking_part(patience, elastic):
        yield taken[current_thread()]

    monkeypatch.setattr(words_of_ranks, "taking_part", taking_part)
    monkeypatch.setattr(words_of_ranks, "refuse_alone", lambda: None)
    monkeypatch.setattr(signals, "handle", lambda handler=None: {})  # threads hear of none
    monkeypatch.setenv("PELLUCID_THREADS", "1")
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "1")  # which the command sets for a while, threads side by side
    monkeypatch.chdir(tmp_path)

    def run(world, *words):
        def work(rank):
            taken[current_thread()] = rank
            assert command([*words, "--distributed", "--no-progress"]) == 0

        world.run(work)
        return world

    return run


def test_the_result_goes_into_the_run_that_was_trained_where_the_first_rank_is_lost_before_it(in_threads, tmp_path):
    words = ["train", "small", "--data", "digits", "--epochs", "1"]
    whole = in_threads(World(2), *words)
    before = (tmp_path / "runs/small-digits/metrics.jsonl").read_text()
    in_threads(World(2, lost={0: (whole.exchanges[0], set())}), *words)
    assert (tmp_path / "runs/small-digits/metrics.jsonl").read_text() == before
    lines = (tmp_path / "runs/small-digits-2/metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1]) == json.loads(before.splitlines()[-1])


STEPS = 5
"""Of an epoch."""


def kept(folder):
    """Return the networks that `KeepBest` has kept."""
    return {path.name: path.read_bytes() for path in (folder / "best").iterdir()}


def begun(folder, rank=None, *, end_at=None, **more):
    """Train with all that only the first rank has; return what it heard."""
    heard = Remembered(for_all=False)
    ending = [] if end_at is None else [BreakAt(end_at)]
    network = with_dropout()
    p.fit(
        network, data(network), out=folder, ranks=rank, callbacks=[heard, p.KeepBest(count=9, monitor="loss"), *ending],
        checkpoint_every=1, epochs=4, batch_size=32, seed=3, progress=False, threads=1, **more,
    )  # fmt: skip
    return heard


def test_a_run_that_goes_on_tells_of_no_epoch_twice(tmp_path):
    """Of those before it was resumed; and the network that was kept of one stays what it was."""
    begun(tmp_path / "whole")
    with pytest.raises(ZeroDivisionError):
        begun(tmp_path / "run", end_at=2 * STEPS + 2)

    def go_on(rank, folder):
        heard = Remembered(for_all=False)
        p.resume(folder, data(with_dropout()), callbacks=[heard], ranks=rank, progress=False, threads=1)
        return heard.epochs

    for number in range(5, 50, 6):
        folder = shutil.copytree(tmp_path / "run", tmp_path / f"run-{number}")
        found = World(2, lost={0: (number, {0})}).run(lambda rank, folder=folder: go_on(rank, folder))
        assert found == [[1, 2, 3, 4]], number
        assert kept(folder) == kept(tmp_path / "whole"), number


def test_a_run_whose_first_rank_is_lost_before_it_goes_on_with_it_is_put_right_by_the_next_one(tmp_path):
    begun(tmp_path / "whole")
    run = tmp_path / "run"
    with pytest.raises(ZeroDivisionError):
        begun(run, end_at=2 * STEPS + 2)
    damaged, config = files(run)[0], (run / "config.toml").read_text()
    damaged.write_bytes(damaged.read_bytes()[:-1])
    (run / "config.toml").write_text(config.replace("seed = 3", "seed = 4"))
    said = []

    class Announcing(p.Callback):
        sees_weights, for_all_ranks = False, True

        def on_begin(self, training):
            training.run.gone_on = lambda: said.append(training.step)

    def go_on(rank):
        callbacks = [Remembered(for_all=False), Announcing()]
        p.resume(run, data(with_dropout()), callbacks=callbacks, ranks=rank, progress=False, threads=1)

    World(2, lost={0: (1, set())}).run(go_on)
    assert said == [2 * STEPS + 1]
    assert (run / f"{damaged.name}.damaged").exists()
    assert (run / "config.toml").read_text() == config
    assert kept(run) == kept(tmp_path / "whole")


def test_what_the_first_rank_has_half_written_as_the_run_begins_is_removed(tmp_path, monkeypatch):
    write, lost = writing.write_file, []

    def killed(path, *more):
        if not lost:
            lost.append((path.parent / ".pellucid-half.tmp").touch())
            raise LostHere
        write(path, *more)

    begun(tmp_path / "whole")
    monkeypatch.setattr(writing, "write_file", killed)
    World(2).run(lambda rank: begun(tmp_path / "run", rank))
    assert kept(tmp_path / "run") == kept(tmp_path / "whole")
    assert not [*(tmp_path / "run").glob(".*")]


def taken_over(folder):
    """Let a lost rank's run be taken over."""
    training = SimpleNamespace(holding=nullcontext, history=p.History(), ranks=SimpleNamespace(lost=[0]))
    run = RunWriter(folder)
    try:
        run.take_over(training)
    finally:
        run.let_go()


def test_a_run_that_a_lost_rank_holds_still_is_waited_for(tmp_path, monkeypatch):
    begun(tmp_path)
    with ExitStack() as lost:
        lost.enter_context(locked_folder(tmp_path))
        monkeypatch.setattr(writing, "HANDING_OVER", 0.0)
        with pytest.raises(p.errors.RankError, match=r"is still held by the rank .* lost \(0\).*end it, and go on"):
            taken_over(tmp_path)
        monkeypatch.setattr(writing, "HANDING_OVER", 15.0)
        (tmp_path / ".pellucid-half.tmp").touch()
        Timer(1.5, lost.pop_all().close).start()
        taken_over(tmp_path)
    assert not (tmp_path / ".pellucid-half.tmp").exists()


def test_who_has_become_the_first_saves_the_network_where_the_training_is_ended(tmp_path):
    def work(rank):
        with pytest.raises(ZeroDivisionError):
            begun(tmp_path, rank, end_at=STEPS + 2)

    World(2, lost={0: (20, {0})}).run(work)
    saved, expected = p.load(tmp_path).parameters(), newest(tmp_path).network().parameters()
    assert newest(tmp_path).state["step"] == STEPS + 2
    assert all(np.array_equal(saved[path].data, each.data) for path, each in expected.items())
