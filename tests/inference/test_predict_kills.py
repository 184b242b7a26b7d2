"""A prediction of files that is killed and goes on: a few of the cases of ``python -m tests.faults predict``."""

import os
from collections.abc import Callable

import pytest

from faults import prediction
from pellucid.inference.share import Share

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes that are killed are forked")


def wrong(case: Callable[[int], str], numbers: range) -> dict[int, str]:
    """Return what is wrong, by the case's number."""
    return {number: said for number in numbers if (said := case(number))}


def test_a_kill_at_a_random_instant_changes_no_byte_of_the_table() -> None:
    assert not wrong(prediction.at_random, range(5))


def test_a_kill_at_any_system_call_changes_none_either() -> None:
    assert not wrong(prediction.at_call, range(0, prediction.calls(), prediction.calls() // 8))


def test_two_predictions_that_begin_at_once_do_not_mix_their_inputs() -> None:
    assert not wrong(prediction.at_once, range(16))


def test_a_prediction_that_goes_on_at_another_place_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    prediction.whole("csv")
    batches = Share._batches
    monkeypatch.setattr(Share, "_batches", lambda self, numbers: batches(self, [*self._mine][: len(numbers)]))
    found = (prediction.at_call(number) for number in range(prediction.calls() // 2, prediction.calls()))
    assert "the table has other bytes" in found
