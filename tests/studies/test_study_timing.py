"""How studies measure time; no test here looks at a clock for long."""

import math

import numpy as np
import pytest

import pellucid as p
from pellucid.studies import NOT_MEASURED, Options, timing
from pellucid.studies.noise import noise


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        ((0.00155, 0.00133, 0.00213), "1.55 ms (1.33 – 2.13)"),
        ((98e-6, 97e-6, 0.0042), "98.0 µs (97.0 – 4,200)"),
        ((0.9997, 0.5, 2.0), "1.00 s (0.50 – 2.00)"),
        ((0.0009997,), "1.00 ms (1.00 – 1.00)"),
    ],
)
def test_times_show_median_and_range(seconds: tuple[float, ...], text: str) -> None:
    assert str(timing.Times(seconds)) == text


class Clock:
    """Time that passes only where work is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now, self.works = 0.0, 0
        monkeypatch.setattr("time.perf_counter", lambda: self.now)

    def work(self, seconds: float) -> None:
        self.now += seconds
        self.works += 1


def test_work_is_done_once_for_nothing_and_then_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    measured = timing.measure(lambda: clock.work(0.3), Options())
    assert clock.works == 2 + len(measured.seconds), "once for nothing, and once to see how long it takes"
    assert measured.seconds == pytest.approx([0.3] * 4), "together more than a second"
    assert len(timing.measure(lambda: clock.work(0.3), Options(quick=True)).seconds) == 3
    assert len(timing.measure(lambda: clock.work(20), Options()).seconds) == 3, "at least so many, however long"


def test_short_work_is_done_many_times_in_a_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    measured = timing.measure(lambda: clock.work(10e-6), Options())
    assert measured.seconds == pytest.approx([10e-6] * len(measured.seconds))
    assert len(measured.seconds) == math.ceil(1 / (128 * 10e-6)), "128 is the first power of 2 that takes 1 ms"


def test_nothing_is_made_where_nothing_is_measured() -> None:
    def make() -> None:
        raise AssertionError("made all the same")

    assert timing.times([make, make], Options(measure=False)) == [NOT_MEASURED] * 2
    with pytest.raises(AssertionError, match="made all the same"):
        timing.times([make], Options())


def test_passes_run_the_whole_network() -> None:
    network = p.Sequential([p.Conv2d(2, 3, 3), p.ReLU()], input_shape=(2, 5, 5))
    options = Options(quick=True, threads=1)
    timing.forward(network, 3, options)()
    timing.forward_and_backward(network, 3, options)()


def test_noise_is_the_same_for_a_seed_and_normal() -> None:
    numbers = noise((50, 40), "numbers", 1)
    assert numbers.dtype == np.float32
    assert numbers.shape == (50, 40)
    np.testing.assert_array_equal(numbers, noise((50, 40), "numbers", 1))
    assert not np.array_equal(numbers, noise((50, 40), "numbers", 2))
    assert not np.array_equal(numbers, noise((50, 40), "others", 1))
    assert abs(numbers.mean()) < 0.1
    assert abs(numbers.std() - 1) < 0.05
