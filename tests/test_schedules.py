"""Schedules: factors by hand, an interpolation as oracle, the shape of each curve, and their texts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid import schedules
from pellucid.errors import ArgumentError
from pellucid.schedules import Constant, Cosine, Drops, LinearCycle, OneCycle, Step, WarmUp

SHARE = st.floats(0, 1)
INNER_SHARE = st.floats(0.01, 0.99)
PLAIN = st.one_of(
    st.just(Constant()),
    st.builds(Step, st.integers(1, 50), st.floats(1e-3, 1)),
    st.builds(Drops, st.floats(1e-3, 1), st.lists(INNER_SHARE, min_size=1, max_size=3)),
    st.builds(Cosine, SHARE),
    st.builds(OneCycle, SHARE, INNER_SHARE, SHARE),
    st.builds(LinearCycle, SHARE, INNER_SHARE),
)
ANY = st.one_of(PLAIN, st.builds(WarmUp, st.integers(1, 9), PLAIN))


def factors(schedule, total_steps, steps_per_epoch=10):
    return [schedule(step, total_steps, steps_per_epoch) for step in range(total_steps)]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(), [1, 1, 1, 1]),
        (Cosine(), [1, 0.5 + 0.5 * 0.5**0.5, 0.5, 0.5 - 0.5 * 0.5**0.5]),  # (1 + cos 0°, 45°, 90°, 135°) / 2
        (Cosine(final=0.2), [1, 0.6 + 0.4 * 0.5**0.5, 0.6, 0.6 - 0.4 * 0.5**0.5]),
        (OneCycle(start=0.04, peak_at=0.5), [0.04, 0.52, 1, 0.5]),  # half-way up: (0.04 + 1) / 2
        (OneCycle(start=0.0, peak_at=0.5, final=0.5), [0, 0.5, 1, 0.75]),
        (LinearCycle(start=0.1, peak_at=0.5), [0.1, 0.55, 1, 0.5]),
        (WarmUp(3), [0.25, 0.5, 0.75, 1]),
        (WarmUp(1, after=Cosine()), [0.5, 1, 0.75, 0.25]),  # (1 + cos 0°, 60°, 120°) / 2 from step 1 on
    ],
    ids=repr,
)
def test_factors_of_four_steps_by_hand(schedule, expected):
    assert factors(schedule, 4) == pytest.approx(expected, abs=1e-15)


def test_step_falls_after_whole_epochs():
    """Three steps an epoch, down after every two epochs: at steps 6 and 12."""
    expected = [1.0] * 6 + [0.5] * 6 + [0.25] * 3
    assert factors(Step(every_epochs=2, factor=0.5), 15, steps_per_epoch=3) == expected


def test_drops_come_at_their_shares_of_all_steps():
    assert factors(Drops(0.5, (0.75, 0.3)), 8) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]
    paper = Drops()  # He et al.: 0.1 until 32,000 steps, 0.01 until 48,000, 0.001 until 64,000
    rates = [0.1 * paper(step, 64_000, 391) for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_epochs_after_a_warm_up_count_from_its_end():
    schedule = WarmUp(2, after=Step(every_epochs=1, factor=0.5))
    assert factors(schedule, 8, steps_per_epoch=3) == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 0.5, 0.5, 0.5])


def test_linear_cycle_peaks_at_its_share_and_ends_after_the_last_step():
    """The recipes' setting: from 0.1 up over the first 20 % of the steps, then down to 0."""
    curve = factors(LinearCycle(start=0.1, peak_at=0.2), 1000)
    assert curve[0] == 0.1
    assert (max(curve), curve.index(max(curve))) == (1.0, 200)
    assert curve[-1] == pytest.approx(1 / (0.8 * 1000))


def test_linear_cycle_may_peak_between_two_steps():
    """938 steps (an epoch of MNIST in batches of 64): the peak is at 187.6, steps 187 and 188 stay below."""
    curve = factors(LinearCycle(start=0.1, peak_at=0.2), 938)
    assert curve[187] == pytest.approx(0.1 + 0.9 * 187 / 187.6)
    assert curve[188] == pytest.approx(750 / 750.4)
    assert max(curve) == curve[188] < 1
    assert curve[-1] == pytest.approx(1 / 750.4)


@given(SHARE, INNER_SHARE, st.integers(1, 60))
@settings(deadline=None, max_examples=60)
def test_linear_cycle_is_the_interpolation_of_three_points(start, peak_at, total):
    expected = np.interp(np.arange(total), [0, peak_at * total, total], [start, 1, 0])
    assert factors(LinearCycle(start, peak_at), total) == pytest.approx(expected, abs=1e-12)


@given(ANY, st.integers(10, 60))
@settings(deadline=None, max_examples=80)
def test_factors_lie_between_0_and_1(schedule, total):
    curve = factors(schedule, total)
    assert all(type(factor) is float for factor in curve)
    assert min(curve) >= 0
    assert max(curve) <= 1 + 1e-15


@given(st.sampled_from([OneCycle, LinearCycle]), SHARE, INNER_SHARE, st.integers(2, 60))
@settings(deadline=None, max_examples=60)
def test_cycles_start_low_rise_to_their_peak_and_fall(kind, start, peak_at, total):
    curve = factors(kind(start, peak_at), total)
    changes = np.diff(curve)
    rising = np.arange(1, total) <= peak_at * total
    falling = np.arange(total - 1) >= peak_at * total
    assert curve[0] == pytest.approx(start, abs=1e-15)
    assert np.all(changes[rising] >= -1e-15)
    assert np.all(changes[falling] <= 1e-15)
    assert curve[-1] > 0 or start == 0  # no step is wasted at the end


@given(SHARE, st.integers(1, 60))
@settings(deadline=None, max_examples=40)
def test_cosine_falls_from_1_towards_its_end(final, total):
    curve = factors(Cosine(final), total)
    assert curve[0] == 1
    assert np.all(np.diff(curve) <= 0)
    assert curve[-1] >= final - 1e-15


@given(st.integers(1, 9), PLAIN, st.integers(10, 40))
@settings(deadline=None, max_examples=40)
def test_a_warm_up_rises_evenly_to_the_schedule_after_it(steps, after, total):
    curve = factors(WarmUp(steps, after), total)
    whole = factors(after, total - steps)
    assert curve[steps:] == whole
    assert curve[:steps] == pytest.approx([whole[0] * (step + 1) / (steps + 1) for step in range(steps)])


def test_a_warm_up_as_long_as_the_training_is_refused():
    with pytest.raises(ArgumentError) as caught:
        WarmUp(500)(0, 300, 100)
    assert str(caught.value) == (
        "WarmUp: 500 steps of warm-up need a training of more steps, but this one has 300; "
        "train longer, or use WarmUp(steps=30, …)"
    )


@pytest.mark.parametrize(
    "schedule", [Constant(), Step(), Drops(), Cosine(), OneCycle(), LinearCycle(), WarmUp(1)], ids=repr
)
@pytest.mark.parametrize("call", [(-1, 10, 5), (10, 10, 5), (0, 0, 5), (0, 10, 0)])
def test_steps_outside_the_training_are_refused(schedule, call):
    with pytest.raises(ArgumentError, match=r"a schedule needs 0 ≤ step < total_steps and steps_per_epoch ≥ 1"):
        schedule(*call)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Step(every_epochs=0), "Step.every_epochs: expected a whole number of at least 1, received 0"),
        (lambda: Step(every_epochs=1.5), "Step.every_epochs: expected a whole number of at least 1, received 1.5"),
        (lambda: Step(factor=0.0), "Step.factor: expected a number above 0, received 0.0"),
        (lambda: Drops(factor=0), "Drops.factor: expected a number above 0, received 0"),
        (lambda: Drops(at=(0.5, 1)), "Drops.at: expected a number between 0 and 1, received 1"),
        (lambda: Drops(at=0.5), "Drops.at: expected shares such as (0.5, 0.75), received 0.5"),
        (lambda: Drops(at=[]), "Drops.at: expected shares such as (0.5, 0.75), received []"),
        (lambda: Cosine(final=-0.1), "Cosine.final: expected a number from 0 to 1, received -0.1"),
        (lambda: OneCycle(start=math.nan), "OneCycle.start: expected a number from 0 to 1, received nan"),
        (lambda: OneCycle(peak_at=1.0), "OneCycle.peak_at: expected a number between 0 and 1, received 1.0"),
        (lambda: OneCycle(final=2.0), "OneCycle.final: expected a number from 0 to 1, received 2.0"),
        (lambda: LinearCycle(start=1.1), "LinearCycle.start: expected a number from 0 to 1, received 1.1"),
        (lambda: LinearCycle(peak_at=0.0), "LinearCycle.peak_at: expected a number between 0 and 1, received 0.0"),
        (lambda: WarmUp(0), "WarmUp.steps: expected a whole number of at least 1, received 0"),
        (lambda: WarmUp(True), "WarmUp.steps: expected a whole number of at least 1, received True"),
        (lambda: WarmUp(5, "cosine"), "WarmUp.after: expected a schedule such as Cosine(), received 'cosine'"),
        (lambda: WarmUp(5, Cosine), f"WarmUp.after: expected a schedule such as Cosine(), received {Cosine!r}"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("constant", Constant()),
        ("step:10:0.1", Step(10, 0.1)),
        ("step:7", Step(7)),
        ("drops", Drops()),
        ("drops:0.2", Drops(0.2)),
        ("drops:0.1:0.5:0.75:0.9", Drops(0.1, (0.5, 0.75, 0.9))),
        ("cosine", Cosine()),
        ("cosine:0.01", Cosine(0.01)),
        ("one-cycle", OneCycle()),
        ("One_Cycle", OneCycle()),
        ("one-cycle:0.1:0.4:0.01", OneCycle(0.1, 0.4, 0.01)),
        ("linear", LinearCycle(0.1, 0.2)),
        ("linear:0.2:0.5", LinearCycle(0.2, 0.5)),
        ("warm-up:500", WarmUp(500)),
        ("warm-up:500:step:10:0.5", WarmUp(500, Step(10, 0.5))),
    ],
)
def test_texts_are_read(text, expected):
    assert schedules.by_name(text) == expected


def test_numpy_settings_become_numbers_of_python():
    schedule = WarmUp(np.int64(5), Step(np.int32(3), np.float32(0.5)))
    assert repr(schedule) == "WarmUp(steps=5, after=Step(every_epochs=3, factor=0.5))"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("linera", "unknown schedule 'linera'; did you mean 'linear'?"),
        ("OneCycel", "unknown schedule 'OneCycel'; did you mean 'one-cycle'?"),
        ("warm-up:5:cosin", "unknown schedule 'cosin'; did you mean 'cosine'?"),
        ("zzz", "unknown schedule 'zzz'. Known: constant"),
        ("step:x", "schedule 'step:x': expected the form step:EVERY_EPOCHS:FACTOR (such as step:10:0.1)"),
        ("step:1.5", "schedule 'step:1.5': expected the form step:EVERY_EPOCHS:FACTOR (such as step:10:0.1)"),
        ("step:1:0.5:2", "schedule 'step:1:0.5:2': expected the form step:EVERY_EPOCHS:FACTOR (such as step:10:0.1)"),
        ("drops:0.1:x", "schedule 'drops:0.1:x': expected the form drops:FACTOR:AT:AT… (such as drops:0.1:0.5:0.75)"),
        ("constant:1", "schedule 'constant:1': expected the form constant"),
        ("cosine:", "schedule 'cosine:': expected the form cosine:FINAL (such as cosine:0.01)"),
        ("warm-up", "schedule 'warm-up': expected the form warm-up:STEPS:SCHEDULE (such as warm-up:500:cosine)"),
        ("warm-up:1:" * 2, "schedule: expected another schedule after the warm-up, received a second warm-up"),
        ("warm-up:1:" * 2000, "schedule: expected another schedule after the warm-up, received a second warm-up"),
        (f"step:{'9' * 5000}", "schedule 'step:999"),
        ("cosine:2", "Cosine.final: expected a number from 0 to 1, received 2.0"),
    ],
)
def test_texts_that_cannot_be_read_say_why(text, message):
    with pytest.raises(ArgumentError) as caught:
        schedules.by_name(text)
    assert str(caught.value).startswith(message)
