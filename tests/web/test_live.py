"""A training that is watched: the same bits, whatever the pages do that watch it; and what they may ask of it."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from websockets.exceptions import ConnectionClosed, InvalidStatus

from oracles.ranks import World
from pellucid.training import Settings, Training
from pellucid.training.record import Record
from pellucid.web import Live
from pellucid.web import live as live_module
from pellucid.web.bench import Bench
from pellucid.web.learning import controls
from pellucid.web.learning.following import Following
from pellucid.web.learning.moments import Moments
from pellucid.web.serving import live_socket

from .live_client import PATIENCE, Page, cookie_of, deaf_socket

STEPS = 4 * 8


def network() -> p.Sequential:
    layers = [p.Conv2d(1, 4, 3), p.BatchNorm2d(4), p.ReLU(), p.Dropout(0.2), p.Flatten(), p.Linear(144, 3)]
    return p.Sequential(layers, input_shape=(1, 8, 8))


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (64, 1, 8, 8), dtype=np.uint8), rng.integers(0, 3, 64)


def trained(*callbacks: p.Callback, **settings: Any) -> tuple[p.Sequential, p.History]:
    made = network()
    told = {"epochs": 4, "batch_size": 8, "progress": False, "engine": "numpy", **settings}
    return made, p.fit(made, data(), callbacks=[*callbacks], **told)


def weights(of: p.Sequential) -> dict[str, Any]:
    return {path: each.data for path, each in {**of.parameters(), **of.states()}.items()}


def same(one: p.Sequential, two: p.Sequential) -> bool:
    other = weights(two)
    return all(np.array_equal(array, other[path]) for path, array in weights(one).items())


class Each(p.Callback):
    """Does something after each step."""

    sees_weights = False

    def __init__(self, do: Callable[[Training], object]):
        self.on_batch = do


def slowly(training: Training) -> None:
    time.sleep(0.02)


@pytest.fixture
def live() -> Iterator[Live]:
    made = Live(browser=False, say=lambda words: None)
    yield made
    made.close()


@contextmanager
def going_on(live: Live, *callbacks: p.Callback, **settings: Any) -> Iterator[dict[str, Any]]:
    """Train in another thread, and end it at the end; what came of it is in the mapping then."""
    found: dict[str, Any] = {}

    def train() -> None:
        try:
            found["network"], found["history"] = trained(live, *callbacks, **settings)
        except BaseException as error:
            found["error"] = error

    thread = threading.Thread(target=train)
    thread.start()
    until(lambda: live.server is not None or not thread.is_alive())
    try:
        yield found
        thread.join(PATIENCE)
    finally:
        live.following.controls.go_on()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    if "error" in found:
        raise found["error"]


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def http_answers(live: Live) -> bool:
    """Whether the page's server answers."""
    return bool(cookie_of(live))


# ---- the training is the same


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_a_training_that_is_watched_has_the_same_bits(live, engine, tmp_path):
    with going_on(live, Each(slowly), engine=engine, out=tmp_path / "watched") as found, Page(live) as page:
        page.tell(do="pause")
        page.until(lambda header: header["state"] == "paused" and bool(page.pictures))
        page.tell(do="continue")
        page.until(lambda header: header["state"] == "finished")
    alone, history = trained(Each(slowly), engine=engine, out=tmp_path / "alone")
    assert same(alone, found["network"])
    assert found["history"].batches == history.batches
    model = "model.safetensors"
    assert (tmp_path / "watched" / model).read_bytes() == (tmp_path / "alone" / model).read_bytes()
    assert (tmp_path / "watched" / "config.toml").read_text() == (tmp_path / "alone" / "config.toml").read_text()
    assert page.pictures
    assert page.points[-1][0] == STEPS
    steps = [0, *(int(step) for step, *_ in page.points)]
    for (first, last), (_, loss, _, lr) in zip(pairwise(steps), page.points, strict=True):
        assert loss == pytest.approx(np.mean(history.batches[first:last]), rel=1e-5)
        assert lr == np.float32(0.001)
    assert page.arrays["filters conv1"].dtype == np.uint8
    assert page.arrays["small conv1"].shape == (4, 6, 6)


# ---- pages that misbehave


def test_a_page_that_reads_nothing_holds_nothing_up(live, monkeypatch):
    asked = []
    monkeypatch.setattr(Following, "message", lambda self, known: (asked.append(1), bytes(16 << 20))[1])
    with going_on(live, Each(lambda training: time.sleep(0.04))) as found:
        deaf = deaf_socket(live, cookie_of(live))
        until(lambda: bool(found))
        assert 1 <= len(asked) <= 2  # what lies on the way; one that reads gets a dozen
        deaf.close()
    assert same(found["network"], trained()[0])


def test_a_page_that_goes_is_forgotten(live):
    with going_on(live, Each(slowly)) as found:
        for _ in range(3):
            with Page(live) as page:
                page.read()
                page.socket.socket.close()  # without a word
        until(lambda: live.following.controls.clients == 0)
    assert same(found["network"], trained()[0])


def test_so_many_pages_at_once(live, monkeypatch):
    monkeypatch.setattr(live_socket, "MOST_SOCKETS", 20)
    with going_on(live, Each(slowly)) as found:
        cookie = cookie_of(live)
        live.following.controls.pause()
        pages = [Page(live, cookie) for _ in range(20)]
        with pytest.raises((ConnectionClosed, InvalidStatus)), Page(live, cookie) as more:
            more.read()
        live.following.controls.go_on()
        for page in pages:
            page.until(lambda header: header["state"] == "finished")
            assert page.points[-1][0] == STEPS
            page.socket.close()
    assert same(found["network"], trained()[0])


def test_a_page_that_asks_nonsense_is_told_so(live):
    with going_on(live, Each(slowly)), Page(live) as page:
        for words in ("no JSON", "[1]", '{"do": 1}', '{"do": "explode"}', '{"do": "rate", "factor": "nan"}', "{" * 900,
                      '{"do": "rate", "factor": "1e9"}', '{"do": "watch", "image": "none"}', "x" * 5000):  # fmt: skip
            page.socket.send(words)
            while "error" not in (header := page.read()):
                pass
            assert len(header["error"]) < 400
        page.socket.send(b"\xff\xfe")  # no text: it is let go of
        with pytest.raises(ConnectionClosed):
            page.until(lambda header: False)
    assert live.following.rates == []


# ---- what a page may ask


def test_pause_step_and_go_on(live):
    with going_on(live, Each(slowly)) as found, Page(live) as page:
        page.tell(do="pause")
        at = page.until(lambda header: header["state"] == "paused" and header["step"] > 0)["step"]
        time.sleep(0.3)
        assert live.following.step in (at, at + 1)
        at = live.following.step
        for more in (1, 2):
            page.tell(do="step")
            page.until(lambda header, step=at + more: header["step"] == step and header["state"] == "paused")
        page.until(lambda header: bool(page.pictures) and page.pictures[-1]["at"] == at + 2)
        page.tell(do="rate", factor="0.5")
        page.until(lambda header: header["rates"] == [[at + 2, 0.5]])  # at once, though it is paused
        page.tell(do="continue")
        header = page.until(lambda header: header["state"] == "finished")
        assert header["rates"] == [[at + 2, 0.5]]
    assert found["history"].epochs[-1]["lr"] == 0.0005
    with Page(live) as page:
        page.tell(do="pause")
        while "error" not in (header := page.read()):
            pass
        assert "end" in header["error"]


def test_what_is_asked_just_before_the_training_goes_on_holds_from_the_next_step_on(live):
    def change(training: Training) -> None:
        if training.step == 3:
            live.following.controls.clients = 1
            live.following.controls.pause()
            threading.Timer(0.3, both).start()

    def both() -> None:
        with live.following.controls._turn:  # so that the training finds both at once
            live.following.controls._factor = 0.5
            live.following.controls.paused = False

    trained(Each(change), live)
    assert live.following.rates == [(3, 0.5)]


def test_a_pause_is_no_time_that_an_epoch_took(live, tmp_path):
    def pause(training: Training) -> None:
        if training.step == 11:  # of the second of four epochs
            live.following.controls.clients = 1
            live.following.controls.pause()
            threading.Timer(0.8, live.following.controls.go_on).start()

    began = time.perf_counter()
    _, history = trained(Each(pause), live, out=tmp_path / "run")
    took, counted = time.perf_counter() - began, sum(epoch["seconds"] for epoch in history.epochs)
    assert took >= 0.8
    assert counted <= took - 0.75
    assert all(epoch["seconds"] > 0 for epoch in history.epochs)
    assert Record.of(tmp_path / "run").seconds == pytest.approx(counted)


def test_other_ranks_wait_on_purpose_during_a_pause(live):
    """It lasts longer than they wait for a rank that does not come."""

    def pause(training: Training) -> None:
        if training.step == 3:
            live.following.controls.clients = 1
            live.following.controls.pause()
            threading.Timer(2.0, live.following.controls.go_on).start()

    def work(rank: Any) -> Any:
        watching = [Each(pause), live] if rank.rank == 0 else []
        return trained(*watching, engine="compiled", ranks=rank)[0]

    expected, _ = trained(engine="compiled")
    assert all(same(found, expected) for found in World(2, patience=0.8).run(work))


def test_the_end_is_told_when_the_page_can_have_what_the_training_came_to(live, monkeypatch):
    told = []
    monkeypatch.setattr(Bench, "renew", lambda self, network: told.append(self.following.state))
    trained(live)
    assert told == ["training"]
    assert live.following.state == "finished"


def test_a_pause_and_the_end_are_told_at_once(live, monkeypatch):
    monkeypatch.setattr(live_socket, "INTERVAL", 3600.0)
    with going_on(live, Each(slowly)), Page(live) as page:
        page.read()
        page.tell(do="pause")
        page.until(lambda header: header["state"] == "paused")
        page.tell(do="continue")
        page.until(lambda header: header["state"] == "finished")


def test_a_pause_that_nobody_can_end_ends_by_itself(live, monkeypatch):
    monkeypatch.setattr(controls, "DESERTED_SECONDS", 0.3)
    with going_on(live, Each(lambda training: training.step == 3 and live.following.controls.pause())) as found:
        until(lambda: bool(found))
    assert same(found["network"], trained()[0])


def test_ctrl_c_ends_a_pause_with_a_checkpoint(live, tmp_path):
    def pause(training: Training) -> None:
        if training.step == 11:
            live.following.controls.clients = 1
            live.following.controls.pause()
            threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()

    with pytest.raises(KeyboardInterrupt):
        trained(Each(pause), live, out=tmp_path / "run")
    assert live.server is None
    resumed, history = p.resume(tmp_path / "run", data(), progress=False)
    assert same(resumed, trained()[0])
    assert len(history.epochs) == 4


def test_a_training_that_fails_keeps_its_page_which_says_why_and_shows_what_it_came_to(live):
    reached: dict[str, Any] = {}

    def fail(training: Training) -> None:
        if training.step == 11:
            reached.update({path: array.copy() for path, array in training.engine.weights().items()})
            raise ValueError("no such column")

    told: dict[str, Any] = {}

    def watch() -> None:
        with going_on(live, Each(slowly), Each(fail)), Page(live) as page:
            told.update(page.until(lambda header: header["state"] == "interrupted"))

    with pytest.raises(ValueError, match="column"):
        watch()
    assert (told["ending"], told["step"]) == ("ValueError: no such column", 11)
    shown = weights(live._bench.network)
    assert all(np.array_equal(shown[path], array) for path, array in reached.items())
    assert not same(live._bench.network, network())
    assert live.server is not None
    assert http_answers(live)


def test_a_training_that_fails_before_it_has_begun_leaves_no_page(live):
    class Refusing(p.Callback):
        def on_begin(self, training: Training) -> None:
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        trained(live, Refusing())
    assert live.server is None


def test_a_port_that_is_taken_is_refused_before_a_run_is_made(live, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(p.StorageError, match=f"port {port} of this machine cannot be had"):
            trained(Live(port=port, browser=False), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    own = Live(port=port, browser=False, say=lambda words: None)
    with pytest.raises(p.StorageError):
        Live(port=port)
    for _ in range(2):  # also for another training
        trained(own)
        assert own.server.port == port
    own.close()
    unused = Live(port=port, browser=False)
    unused.close()
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_the_address_for_another_browser_is_said_while_it_trains():
    said = []
    live = Live(browser=False, say=said.append)
    with going_on(live, Each(slowly)) as found:
        until(lambda: bool(said))
        first = said[-1].split()[-1]
        cookie_of(live)
        assert not found
        until(lambda: len(said) == 2)
        assert said[1] == f"another browser: {live.server.guard.address}"
        assert said[1].split()[-1] != first
        cookie_of(live)
        until(lambda: len(said) == 3)
    live.close()


# ---- the learning rate


def test_the_learning_rate_is_remembered_where_a_run_is_resumed(live, tmp_path):
    def change(training: Training) -> None:
        if training.step == 9:
            live.following.controls.multiply_lr(0.25)  # Live hears of it after the same step

    def fail(training: Training) -> None:
        if training.step == 17:
            raise RuntimeError

    whole, history = trained(Each(change), live)
    with pytest.raises(RuntimeError):
        trained(Each(change), live, Each(fail), out=tmp_path / "run", checkpoint_every=5)
    resumed, again = p.resume(tmp_path / "run", data(), progress=False)
    assert same(resumed, whole)
    assert not same(resumed, trained()[0])
    assert again.batches == history.batches
    assert again.epochs[-1]["lr"] == 0.00025
    assert Record.of(tmp_path / "run").rates == [(9, 0.25)]


def test_a_run_that_was_changed_by_hand_says_so(tmp_path, capsys):
    from pellucid.cli.runs import compare
    from pellucid.training.replay import replay

    for name, step in (("a", 2), ("b", 20), ("c", None)):
        trained(Each(lambda t, at=step: t.step == at and t.multiply_lr(2)), out=tmp_path / name)
    compare(str(tmp_path / "a"), str(tmp_path / "b"))
    assert "× 2 from step 3 on" in (told := capsys.readouterr().out)
    assert "× 2 from step 21 on" in told
    compare(str(tmp_path / "c"), str(tmp_path / "c"))
    assert "by hand" not in capsys.readouterr().out
    with pytest.raises(p.ArgumentError, match="changed by hand, × 2 from step 3 on"):
        replay(tmp_path / "a", data())
    assert replay(tmp_path / "b", data()) == replay(tmp_path / "c", data())


def test_a_factor_takes_the_place_of_the_one_before():
    settings = Settings(1, 8, p.CrossEntropy(), p.Adam(), p.schedules.Constant(), 0, True, "numpy")
    training = Training(network(), p.Dataset(*data()), settings, step=5)
    for step, factor in ((5, 0.5), (5, 0.1), (8, 0.1), (9, 3), (9, 0.1), (12, 1)):
        training.step = step
        training.multiply_lr(factor)
    assert training.rates == [(5, 0.1), (12, 1.0)]
    assert [training.factor(step) for step in (0, 4, 5, 11, 12, 99)] == [1, 1, 0.1, 0.1, 1, 1]
    with pytest.raises(p.ArgumentError):
        training.multiply_lr(float("nan"))


# ---- the moments


def test_moments_lie_in_the_run_and_go_on_with_it(live, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(Each(lambda t: t.step == 20 and t.end(KeyboardInterrupt())), live, out=tmp_path / "run")
    moments = Moments(tmp_path / "run")
    before = {step: moments.read(step, network()).weights for step in moments.steps()}
    assert min(before) == 0
    assert 20 in before
    p.resume(tmp_path / "run", data(), callbacks=[Live(browser=False, say=lambda words: None)], progress=False)
    assert moments.steps() == [*range(STEPS + 1)]
    for step, held in before.items():
        assert all(np.array_equal(held[path], array) for path, array in moments.read(step, network()).weights.items())
    last = moments.read(STEPS, network()).weights
    assert all(np.array_equal(last[path], array) for path, array in weights(trained()[0]).items())


def test_moments_behind_the_checkpoint_are_let_go_of_where_a_training_goes_on(live, monkeypatch, tmp_path):
    monkeypatch.setattr("pellucid.web.live.planned", lambda total, most: (0, 20, total))
    with pytest.raises(KeyboardInterrupt):
        trained(Each(lambda t: t.step == 20 and t.end(KeyboardInterrupt())), live, out=tmp_path / "run")
    view = tmp_path / "run" / "view"
    for step in (21, 30):  # as after a crash, with an older checkpoint
        (view / f"step-{step:06}.safetensors").write_bytes((view / "step-000020.safetensors").read_bytes())
    again = Live(browser=False, say=lambda words: None)
    p.resume(tmp_path / "run", data(), callbacks=[again], progress=False)
    again.close()
    assert Moments(tmp_path / "run").steps() == [0, 20, STEPS]


def test_the_server_is_given_the_port_that_was_reserved_and_never_let_go_of(monkeypatch):
    given = []
    own_server = live_module.Server
    monkeypatch.setattr(
        live_module, "Server", lambda *at, port, **how: given.append(port) or own_server(*at, port=port, **how)
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = Live(port=port, browser=False, say=lambda words: None)
    reserved = own._bound
    trained(own)
    own.close()
    assert given == [reserved]
    assert reserved is not None


def test_what_the_page_measures_on_is_said_to_be_unseen_only_where_it_is():
    many = p.Dataset(np.zeros((1500, 1, 8, 8), np.uint8), np.arange(1500) % 3)
    for given, of, held_out in ((None, 64, False), ((many, "test"), 1500, True), ((many, "training"), 1500, False)):
        data, part = given or (None, "")
        own = Live(data, part=part, browser=False, say=lambda words: None)
        trained(own, epochs=1)
        own.close()
        assert (own._bench.of, own._bench.held_out) == (of, held_out)
        assert len(own._bench.data) == min(of, 1000)


def test_a_disk_that_is_full_ends_no_training(live, monkeypatch, tmp_path):
    def fail(*given: Any, **named: Any) -> None:
        raise p.StorageError("cannot write: the disk is full")

    monkeypatch.setattr("pellucid.web.learning.moments.write_file", fail)
    made, _ = trained(live, out=tmp_path / "run")
    assert same(made, trained()[0])
    assert "the disk is full" in live.following.trouble
    assert not Moments(tmp_path / "run").steps()


def test_where_no_run_is_written_moments_stay_in_memory(live, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained(live)
    assert live.following.moments.steps()[-1] == STEPS
    assert not [*Path(tmp_path).iterdir()]
