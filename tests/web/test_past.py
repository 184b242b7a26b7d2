"""What a run tells of its training when it is looked at: with and without moments, also while it is being trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")

from pellucid.training.lock import locked_folder
from pellucid.web.answers import seeing
from pellucid.web.answers.asked import Asked
from pellucid.web.bench import Bench
from pellucid.web.learning.past import followed


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.random((40, 1, 4, 4), np.float32), np.arange(40) % 2


class Each(p.Callback):
    """Does something after each step."""

    sees_weights = False

    def __init__(self, do: Callable[[Any], object]):
        self.on_batch = do


def end_at_6(training: Any) -> None:
    if training.step == 6:
        training.end(RuntimeError("enough"))


def network() -> p.Sequential:
    return p.Sequential([p.Flatten(), p.Linear(16, 2)], input_shape=(1, 4, 4), seed=1)


def trained(folder: Path, **settings: Any) -> p.Sequential:
    made = network()
    p.fit(made, data(), epochs=3, batch_size=10, out=folder, progress=False, engine="numpy", **settings)
    return made


def test_a_plain_training_has_curves_and_no_moments(tmp_path):
    made = trained(tmp_path / "run", validation=0.25)
    past = followed(made, tmp_path / "run")
    assert (past.state, past.step, list(past.kept)) == ("finished", 9, [])
    assert (past.course.total_steps, past.course.steps_per_epoch) == (9, 3)
    assert past.course.points[1][-1][0] == 9
    assert np.isfinite(past.course.table()).all()
    assert past.newer() is None


def test_a_training_that_was_broken_off_is_told_from_one_that_goes_on(tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(RuntimeError, match="enough"):
        trained(folder, callbacks=[Each(end_at_6)])
    past = followed(network(), folder)
    assert (past.state, past.step) == ("interrupted", 6)
    assert (past.course.total_steps, past.course.steps_per_epoch) == (12, 4), (
        "as the config says, not as far as it came"
    )
    with locked_folder(folder):
        assert followed(network(), folder).state == "running"


def test_who_opens_the_page_again_sees_how_far_it_has_come_since(tmp_path):
    folder, seen = tmp_path / "run", []

    def look(training: Any) -> None:
        if training.step == 3:
            bench = Bench(network(), "run")
            bench.following = followed(bench.network, folder)
            seen.append(bench)
        if training.step in (3, 4, 9):
            bench = seen[0]
            told = seeing.catch_up(bench, Asked({}))
            image = bench.put(data()[0][0])
            past = bench.following
            seen.append((told["revision"], past.state, past.step, bench.look(image).output))

    trained(folder, callbacks=[Each(look)], checkpoint_every=2)
    bench, third, fourth, ninth = seen
    assert [each[:3] for each in (third, fourth, ninth)] == [(0, "running", 2), (0, "running", 2), (1, "running", 8)]
    assert (ninth[3] != third[3]).any()
    seeing.catch_up(bench, Asked({}))
    assert (bench.following.state, bench.following.step) == ("finished", 12)
    np.testing.assert_allclose(
        bench.look(bench.put(data()[0][0])).output, p.predict(p.load(folder), data()[0][:1])[0], rtol=1e-5
    )


def test_what_was_edited_is_not_taken_away(tmp_path):
    folder, seen = tmp_path / "run", []

    def look(training: Any) -> None:
        if training.step == 3:
            bench = Bench(network(), "run")
            bench.following = followed(bench.network, folder)
            bench.versions.edits.silence("linear1", 0)
            bench.versions.show_edited()
            seen.append(bench)

    trained(folder, callbacks=[Each(look)], checkpoint_every=2)
    seeing.network(seen[0], Asked({}))
    assert len(seen[0].versions.edits.done) == 1
    assert not seen[0].network["linear1"].weight.data[0].any()


def test_folders_that_are_no_runs_tell_nothing(tmp_path):
    assert followed(network(), tmp_path) is None
    (tmp_path / "config.toml").write_text("damaged [")
    assert followed(network(), tmp_path) is None


def test_a_run_that_holds_another_network_now_is_said_and_not_taken_over(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    trained(folder)
    bench = Bench(network(), "run")
    bench.following = followed(bench.network, folder)
    other = p.Sequential([p.Flatten(), p.Linear(16, 7), p.Linear(7, 3)], input_shape=bench.network.input_shape)
    monkeypatch.setattr(bench.following, "newer", lambda: other)
    told = seeing.catch_up(bench, Asked({}))
    assert told["revision"] == 0
    assert "another network" in bench.following.trouble
