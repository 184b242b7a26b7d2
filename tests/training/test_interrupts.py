"""Ctrl-C in Python: where a run is written it leaves a checkpoint of that very moment."""

import os
import signal
import threading

import pytest

import pellucid as p
from oracles.interrupted import HOW, images, network
from pellucid.training import Callback, checkpoint


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
