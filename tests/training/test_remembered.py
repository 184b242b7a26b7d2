"""What callbacks may remember: it comes back as it was, or is refused by name before the first step."""

import math

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid.training import Callback, checkpoint
from pellucid.training.remembered import decoded, encoded

ARRAYS = {
    "counts": np.arange(3), "bytes": np.arange(4, dtype=np.uint8), "seen": np.array([True, False]),
    "halves": np.array([0.5], np.float16), "none": np.zeros((0, 2), np.int32), "wide": np.array(7, np.uint64),
    "columns": np.arange(6.0).reshape(2, 3).T,
}  # fmt: skip


class Keep(Callback):
    """Remembers what it is given."""

    def __init__(self, **what):
        self.what = what

    def state(self):
        return self.what

    def restore(self, state):
        self.restored = state


def kept(folder, **what):
    """Return what a callback gets back that remembered this."""
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=folder, callbacks=[Keep(**what), BreakAt(9)], **HOW)
    again = Keep(**what)
    p.resume(folder, images(), callbacks=[again], progress=False)
    return again.restored


def test_numbers_that_are_not_finite_and_numpys_come_back(tmp_path):
    what = {"best": -math.inf, "deep": [{"a": [math.inf, 1.5]}], "count": np.int64(3), "share": np.float32(0.5)}
    found = kept(tmp_path, **what, nothing=None, text="ä", yes=True)
    assert found == {**what, "nothing": None, "text": "ä", "yes": True}
    assert type(found["count"]) is int
    assert math.isnan(decoded(encoded(math.nan, "")))


def test_an_entry_may_be_called_as_ours_are(tmp_path):
    assert kept(tmp_path, name="x", state={"name": 1}) == {"name": "x", "state": {"name": 1}}


def test_arrays_of_whole_numbers_come_back(tmp_path):
    found = kept(tmp_path, **ARRAYS)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize(
    "value",
    [(1, 2), {1: "a"}, {"a": {2: 3}}, {1, 2}, 10**30, 1j, object(), np.array(["a"]), [np.zeros(2)], {"__number__": 1}],
    ids=lambda value: type(value).__name__,
)
def test_what_would_come_back_otherwise_is_refused_before_the_first_step(value, tmp_path):
    made = network()
    first = made.parameters()["linear1.weight"].data.copy()
    with pytest.raises(p.ArgumentError, match=r"^Keep\.state\(\), 'mine': expected .* received"):
        p.fit(made, images(), out=tmp_path, callbacks=[Keep(mine=value)], **HOW)
    assert (made.parameters()["linear1.weight"].data == first).all()


def test_too_much_is_refused(tmp_path):
    with pytest.raises(p.ArgumentError, match=r"Keep\.state\(\): expected at most 400,000 values beside the arrays"):
        p.fit(network(), images(), out=tmp_path, callbacks=[Keep(mine=[0] * 500_000)], **HOW)


def test_what_was_measured_may_be_numpys(tmp_path):
    class Measure(Callback):
        def on_epoch(self, training):
            training.history.epochs[-1] |= {"f1": np.float32(0.5), "rows": [np.int64(1), math.nan], "best": math.inf}

    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path, callbacks=[Measure(), BreakAt(20)], **HOW)
    (one, two) = checkpoint.newest(tmp_path).history().epochs
    assert (one["f1"], one["rows"][0], math.isnan(one["rows"][1]), two["best"]) == (0.5, 1, True, math.inf)
    assert '"f1": 0.5, "rows": [1, null], "best": null}' in (tmp_path / "metrics.jsonl").read_text()
    _, history = p.resume(tmp_path, images(), callbacks=[Measure()], progress=False)
    assert [epoch["f1"] for epoch in history.epochs] == [0.5] * 5
