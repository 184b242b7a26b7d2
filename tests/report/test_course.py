"""The course of a training: from a history and from a run, by batch and by epoch."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

import pellucid as p
from oracles.reports import network, stripes
from pellucid.report.course import MOST_POINTS, Course


def test_a_run_and_its_history_say_the_same(run: Path):
    course = Course.of(run)
    assert len(course.epochs) == 3
    assert len(course.batches) == 3 * 6
    assert course.steps_per_epoch == 6
    history = Course.of(p.History(course.batches, course.epochs))
    assert history.steps_per_epoch == 6
    assert [chart.lines for chart in history.charts()[:2]] == [chart.lines for chart in course.charts()[:2]]


def test_the_rate_of_every_step_follows_from_the_settings(run: Path):
    rates = Course.of(run).rates
    schedule = p.recipes.by_name("mnist-99").schedule
    assert rates == [1e-3 * schedule(step, 18, 6) for step in range(18)]
    assert [round(rates[6 * epoch + 5], 12) for epoch in range(3)] == [
        round(epoch["lr"], 12) for epoch in Course.of(run).epochs
    ]


def test_charts_have_all_that_was_measured(run: Path):
    loss, accuracy, rate = Course.of(run).charts()
    assert [line.name for line in loss.lines] == ["each batch", "training", "validation"]
    assert [line.name for line in accuracy.lines] == ["training", "validation"]
    assert max(accuracy.lines[0].y) > 1, "in per cent"
    assert loss.lines[0].x[-1] == pytest.approx(3)
    assert len(rate.lines[0].x) == 18


def test_many_batches_become_few_points():
    batches = [float(n) for n in range(10 * MOST_POINTS + 3)]
    (chart,) = Course.of(p.History(batches, [])).charts()
    line = chart.lines[0]
    assert len(line.x) <= MOST_POINTS
    assert line.y[0] == pytest.approx(sum(range(11)) / 11)
    assert chart.note == "Each point of the batches is the mean of 11."


def test_what_is_not_finite_is_left_out():
    epochs = [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": None}, {"epoch": 3, "loss": math.inf}]
    (chart,) = Course.of(p.History([1.0, math.nan, 0.01], epochs)).charts()
    assert [list(line.y) for line in chart.lines] == [[1.0, 0.01], [1.0]]
    assert chart.log, "a loss that falls to a hundredth is drawn over a logarithmic axis"


def test_a_run_without_checkpoint_or_with_a_schedule_of_ones_own_has_its_epochs(run: Path, tmp_path: Path):
    for name in ("config.toml", "metrics.jsonl"):
        text = (run / name).read_text()
        (tmp_path / name).write_text(text.replace('name = "LinearCycle"', 'name = "Mine"'))
    course = Course.of(tmp_path)
    assert course.batches == []
    assert course.rates == []
    assert [len(chart.lines[0].x) for chart in course.charts()] == [3, 3, 3]


def test_the_epoch_whose_weights_are_kept_is_marked_and_told(tmp_path: Path):
    early = p.EarlyStopping("loss", patience=1, min_delta=100)
    p.fit(network(), stripes(12), epochs=5, out=tmp_path, callbacks=[early], progress=False, engine="numpy")
    course = Course.of(tmp_path)
    assert [chart.marked for chart in course.charts()] == [1, 1, 1]
    assert course.told() == "It stopped early, after epoch 2; the weights are those of the best epoch, 1."
    assert replace(course, stopped_epoch=0).told() == "The weights are those of the best epoch, 1."
    assert replace(course, best_epoch=0).told() == "It stopped early, after epoch 2."
    assert replace(course, best_epoch=2, stopped_epoch=0).told() == ""
    page = p.report.html_report(tmp_path)
    assert course.told() in page
    assert "stopped early after epoch 2" in page
    assert "<dt>epochs</dt><dd>2 of 5</dd>" in page
    assert "<dt>best epoch</dt><dd>1</dd>" in page
    assert "Epoch 1, whose weights are kept, is marked." in page
    assert "epoch of the weights" in page
    for setting in ("[callbacks]", "EarlyStopping.patience", "checkpoint_every"):
        assert setting in page
