"""What a page asks of a training, and what that finds between two steps."""

import threading
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page needs the extra web")

from pellucid.web.learning.controls import Controls


def steps_done(controls: Controls) -> int:
    """How many steps a training does before it holds for good."""
    for done in range(100):
        looks = iter([False])  # after one look it would end
        may_go_on = controls._step
        assert controls.hold(lambda looks=looks: next(looks, True))  # type: ignore[misc]
        if not may_go_on:
            return done
    raise AssertionError("it goes on and on")


@pytest.fixture
def controls(monkeypatch: pytest.MonkeyPatch) -> Controls:
    monkeypatch.setattr("pellucid.web.learning.controls._TURN", 0.001)
    made = Controls()
    made.enter()
    return made


def test_who_asks_for_steps_that_are_not_done_yet_asks_for_one(controls: Controls) -> None:
    controls.pause()
    for _ in range(60):
        controls.step()
    assert steps_done(controls) == 1


def test_a_pause_takes_a_step_back_that_is_not_done_yet(controls: Controls) -> None:
    controls.pause()
    controls.step()
    controls.pause()
    assert steps_done(controls) == 0


def test_a_step_while_it_trains_only_pauses(controls: Controls) -> None:
    controls.step()
    assert controls.paused
    assert steps_done(controls) == 0


def test_who_lets_it_go_on_asks_for_no_step(controls: Controls) -> None:
    controls.pause()
    controls.step()
    controls.go_on()
    controls.pause()
    assert steps_done(controls) == 0


@pytest.mark.parametrize("name", ["factor", "multiply_lr"])
def test_who_looks_at_the_controls_keeps_others_from_changing_them(controls: Controls, name: str) -> None:
    controls.multiply_lr(0.5)
    with controls._turn:
        other = threading.Thread(target=getattr(controls, name), args=[] if name == "factor" else [0.25])
        other.start()
        other.join(0.1)
        assert controls._factor == 0.5
    other.join()
    assert controls.factor() == (None if name == "factor" else 0.25)


def test_a_page_alone_may_leave(controls: Controls, monkeypatch: Any) -> None:
    monkeypatch.setattr("pellucid.web.learning.controls.DESERTED_SECONDS", 0.0)
    controls.pause()
    controls.leave()
    assert controls.hold(lambda: False)
    assert not controls.paused
