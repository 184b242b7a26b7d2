"""Few larger images on one to four threads: what is spread over these, beside the definitions and one thread's bits."""

import pytest

from fuzz import __main__ as long_run
from fuzz.worker import Order, report
from pellucid.compiler.schedule import Schedule


@pytest.fixture(autouse=True)
def one_process(kept_kernels, monkeypatch):
    """Compile in this process alone, and share kernels with the other tests."""
    monkeypatch.setenv("PELLUCID_THREADS", "1")


def test_few_images_have_the_same_bits_on_one_to_four_threads(tmp_path):
    """In another process, which a touch of other memory would kill."""
    out = tmp_path / "spread.jsonl"
    assert long_run.main(["--seeds", "4:8", "--spread", "--out", str(out)]) == 0
    reports = long_run.lines(out)
    assert [found["compared"] for found in reports] == [1] * 4
    assert {"all", "whole ones between"} <= {found["what"] for found in reports}


@pytest.mark.parametrize(("seed", "text"), [(24, "lies outside"), (68, "other bits for 1 on")])
def test_a_range_of_one_call_that_another_is_given_is_found(seed, text, monkeypatch):
    """As many rows as the first of a job has, for all of them: too many for one, too few for another."""
    honest = Schedule._parts

    def of_the_first(schedule, job):
        known = dict(schedule._code[job[0].recipe].handle().ranges)
        whole = {name: (0, known[name]) for name in job[0].split if name != "images"}
        return honest(schedule, job) if job[0].parts > 1 else [whole]

    monkeypatch.setenv("PELLUCID_CHECK", "1")
    order = Order("spread", seed, checked=True)
    assert not report(order)["mismatches"]
    monkeypatch.setattr(Schedule, "_parts", of_the_first)
    mismatches = report(order)["mismatches"]
    assert mismatches
    assert all(text in each for each in mismatches)
