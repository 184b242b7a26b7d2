"""Ctrl-C in Python: where a run is written it leaves a checkpoint of that very moment."""

import os
import signal
import threading
from types import SimpleNamespace

import pytest

import pellucid as p
from oracles.interrupted import HOW, images, network
from pellucid.training import Callback, checkpoint
from pellucid.training.interrupts import ByTheFirst, put_off


class Press(Callback):
    """Presses Ctrl-C after a step, and notes what was done after it."""

    sees_weights = False

    def __init__(self, step, times=1):
        self._step, self._times, self.after = step, times, False

    def on_batch(self, training):
        if training.step == self._step:
            for _ in range(self._times):
                os.kill(os.getpid(), signal.SIGINT)
            self.after = True


@pytest.fixture(autouse=True)
def default():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("step", [13, 40])
def test_the_first_one_waits_for_the_end_of_the_step(step, tmp_path):
    made = network()
    p.fit(made, images(), **HOW)
    press = Press(step)
    with pytest.raises(KeyboardInterrupt) as caught:
        p.fit(network(), images(), out=tmp_path, callbacks=[press], **HOW)
    assert press.after
    assert caught.value.__notes__ == [f"to go on: p.resume({str(tmp_path)!r}, …)"]
    assert checkpoint.newest(tmp_path).state["step"] == step
    resumed, _ = p.resume(tmp_path, images(), progress=False)
    for path, parameter in made.parameters().items():
        assert parameter.data.tobytes() == resumed.parameters()[path].data.tobytes()


def test_the_second_one_ends_it_at_once(tmp_path):
    press = Press(13, times=2)
    with pytest.raises(KeyboardInterrupt):
        p.fit(network(), images(), out=tmp_path, callbacks=[press], **HOW)
    assert not press.after
    assert checkpoint.newest(tmp_path).state["step"] < 13


def test_without_a_run_it_ends_at_once():
    press = Press(13)
    with pytest.raises(KeyboardInterrupt):
        p.fit(network(), images(), callbacks=[press], **HOW)
    assert not press.after


def test_who_has_said_what_becomes_of_it_is_left_to_it(tmp_path):
    heard = []
    signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    p.fit(network(), images(), out=tmp_path, callbacks=[Press(13)], **HOW)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert heard == [1]


def test_a_thread_may_train(tmp_path):
    done = []
    thread = threading.Thread(target=lambda: done.append(p.fit(network(), images(), out=tmp_path, **HOW)))
    thread.start()
    thread.join()
    assert len(done) == 1


# ---- one of several ranks
class Rank:
    """A rank, which may become the first one."""

    rank = 1


def test_what_the_first_rank_hears_others_leave_to_it():
    own, heard = Rank(), []
    signal.signal(signal.SIGINT, lambda *_: heard.append("as before"))
    handler = ByTheFirst(own, signal.SIGINT)
    handler(signal.SIGINT, None)
    assert not heard
    own.rank = 0
    handler(signal.SIGINT, None)
    assert heard == ["as before"]
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("ignored", [False, True])
def test_what_the_system_does_with_a_signal_it_does_in_the_first_rank(monkeypatch, ignored):
    sent, own = [], Rank()
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN if ignored else signal.SIG_DFL)
    handler = ByTheFirst(own, signal.SIGTERM)
    signal.signal(signal.SIGTERM, handler)
    monkeypatch.setattr(os, "kill", lambda process, number: sent.append((number, signal.getsignal(number))))
    handler(signal.SIGTERM, None)
    assert not sent
    own.rank = 0
    handler(signal.SIGTERM, None)
    assert sent == ([] if ignored else [(signal.SIGTERM, signal.SIG_DFL)])
    signal.signal(signal.SIGTERM, before)


def test_who_becomes_the_first_rank_puts_ctrl_c_off(tmp_path):
    own = Rank()
    handler = ByTheFirst(own, signal.SIGINT)
    signal.signal(signal.SIGINT, handler)
    training = SimpleNamespace(ranks=own, validating=False, ending=None)
    training.end = lambda error: setattr(training, "ending", error)

    def interrupted():
        with put_off(training, tmp_path):
            os.kill(os.getpid(), signal.SIGINT)
            assert training.ending is None, "that is for the first one"
            own.rank = 0
            os.kill(os.getpid(), signal.SIGINT)
            assert training.ending.__notes__ == [f"to go on: p.resume({str(tmp_path)!r}, …)"]

    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted()
    assert caught.value is training.ending
    assert signal.getsignal(signal.SIGINT) is handler
    signal.signal(signal.SIGINT, signal.default_int_handler)
