"""Random networks: a compiled step of training, and what it predicts, beside the definitions in float64.

What looks for mistakes is itself looked at: each of the controls below makes one, and it must be found.
"""

import copy
import os
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from fuzz import __main__ as long_run
from fuzz import networks, worker
from fuzz.networks import Definitions, examine
from fuzz.problems import problem
from pellucid import (
    Conv2d,
    CrossEntropy,
    LeakyReLU,
    Linear,
    MaxPool2d,
    MeanSquaredError,
    ReLU,
    ReLU6,
    Sequential,
    Tanh,
    lower,
)
from pellucid.compiler import executable
from pellucid.compiler.plan import Count
from pellucid.compiler.rules import RULES, losses
from pellucid.compiler.schedule import Schedule
from pellucid.compiler.tiles import VARIABLE, supported

NETWORKS = 150
MOST_EXCLUDED = 15
"""So many may be worth nothing because rounding decides at a kink; it is one in twenty."""
NEVER = {"batch_norm_running.grad_weight", "batch_norm_running.grad_input", "scale.grad_input"}


@pytest.fixture(autouse=True)
def one_process(kept_kernels, monkeypatch):
    """Compile in this process alone, and share kernels with the other tests."""
    monkeypatch.setenv("PELLUCID_THREADS", "1")


def test_networks_agree_with_the_definitions(tmp_path, record_property):
    """On all processors; on 1, 2 and 3 threads each, and some for other instruction sets than the best."""
    out = tmp_path / "networks.jsonl"
    jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    long_run.main(["--seeds", f"0:{NETWORKS}", "--networks", "--jobs", str(jobs), "--out", str(out)])
    reports = long_run.lines(out)
    for report in reports:
        assert not report["mismatches"], f"{report}\n{problem(report['seed']).describe()}"
    excluded = [report["excluded"] for report in reports if report["excluded"]]
    record_property("excluded", excluded)
    assert len(reports) == NETWORKS
    assert len(excluded) <= MOST_EXCLUDED, excluded


@pytest.mark.parametrize("seed", [3, 40, 77, 90])
def test_checked_networks_agree_and_stay_within_their_bounds(seed, monkeypatch):
    monkeypatch.setenv("PELLUCID_CHECK", "1")
    assert not examine(problem(seed)).mismatches


def test_networks_have_all_kinds_of_steps():
    kinds = {step.kind for seed in range(250) for step in problem(seed).program.steps}
    assert not RULES.keys() - kinds - NEVER
    assert {"custom", "custom.grad"} <= kinds  # a layer of one's own


# ---- controls
def problems_with(kind):
    """Return problems with a kind of step that are not excluded."""
    for found in map(problem, range(1000)):
        if any(step.kind == kind for step in found.program.steps) and not why_excluded(found):
            yield found


def why_excluded(found):
    return Definitions(found.program, found.exact, {**found.held, **found.data, **found.numbers}).why_excluded()


def is_found(monkeypatch, kind, change):
    """Return whether it is found that one rule lowers another step than it is given; not every problem shows it."""

    def wrong(lowering, operation):
        RULES[kind](lowering, replace(operation, step=change(operation.step)))

    monkeypatch.setattr(executable, "RULES", {**RULES, kind: wrong})
    return any(examine(found).mismatches for found in islice(problems_with(kind), 6))


def with_attribute(name, factor):
    """Return what multiplies an attribute of a step."""
    return lambda step: replace(step, attributes=tuple((k, v * factor if k == name else v) for k, v in step.attributes))


@pytest.mark.parametrize(
    ("kind", "name", "factor"),
    [
        ("leaky_relu.grad_input", "negative_slope", 1.01),
        ("batch_norm", "eps", 3.0),
        ("running_statistics", "momentum", 0.99),
        ("local_response_norm", "beta", 1.001),
        ("sgd", "lr_scale", 1.001),
        ("sgd_momentum", "momentum", 1.001),
        ("clip_factor", "max_norm", 1.001),
        ("dropout", "p", 0.99),
        ("mixup", "alpha", 1.3),
        ("mixup_classes", "alpha", 1.3),
    ],
)
def test_a_wrong_number_is_found(kind, name, factor, monkeypatch):
    assert is_found(monkeypatch, kind, with_attribute(name, factor))


def test_numbers_in_another_order_are_found(monkeypatch):
    """Images have their channels last in memory, and targets that are images have them first."""
    images = (p for p in map(problem, range(1000)) if p.targets.ndim == 4 and min(p.targets[0].shape) > 1)
    found = next(p for p in images if not why_excluded(p))
    assert not examine(found).mismatches
    monkeypatch.setattr(losses, "_numbers", lambda lowering, operation, target: lowering.operand(target))
    assert any(text.startswith("loss[]") for text in examine(found).mismatches)


def test_other_bits_on_other_threads_are_found(monkeypatch):
    honest, runs = networks.left, []

    def left(program, native):
        runs.append(native.threads)
        found = honest(program, native)
        return {name: np.nextafter(a, np.float32(9)) if native.threads == 2 else a for name, a in found.items()}

    monkeypatch.setattr(networks, "left", left)
    mismatches = examine(problem(1)).mismatches
    assert runs == [3, 2, 1]
    assert mismatches
    assert all(text.endswith("other bits on 2 threads") for text in mismatches)


SEVERAL_FUSED = pytest.mark.skipif(
    len([isa for isa in supported() if isa.fused]) < 2, reason="needs a processor with AVX2 and AVX-512"
)


@SEVERAL_FUSED
@pytest.mark.parametrize("seed", range(12))
def test_instruction_sets_that_multiply_and_add_at_once_make_the_same_bits(seed):
    found = worker.report(worker.Order("bits", seed))
    assert found["compared"]
    assert not found["mismatches"]


@SEVERAL_FUSED
def test_other_bits_on_another_instruction_set_are_found(monkeypatch):
    honest = worker.step_on

    def step_on(given):
        found = honest(given)
        return {name: bytes(len(bits)) for name, bits in found.items()} if os.environ[VARIABLE] == "avx2" else found

    monkeypatch.setattr(worker, "step_on", step_on)
    mismatches = worker.report(worker.Order("bits", 0))["mismatches"]
    assert mismatches
    assert all(text.endswith("avx2 has other bits than avx512") for text in mismatches)


def test_what_a_larger_batch_left_is_found(monkeypatch):
    """A schedule that is not told of fewer leaves adds up what the batch before has left in the others."""

    def leaves(found, samples):
        return -(-samples // found.program.leaf_size)

    larger = (p for p in map(problem, range(1000)) if leaves(p, p.batch) < leaves(p, p.largest))
    found = next(p for p in larger if not why_excluded(p))
    honest = Schedule.set_batch

    def never_fewer(schedule, samples):
        honest(schedule, samples)
        for at, count, _ in schedule._counts:
            if count is Count.LEAVES:
                schedule._calls[at] = leaves(found, found.largest)

    monkeypatch.setattr(Schedule, "set_batch", never_fewer)
    assert examine(found).mismatches


# ---- kinks
ALMOST = np.array([[3, 1]], np.float32), np.array([[0.1, -0.3]], np.float32)
"""3 · 0.1 − 0.3 is −7·10⁻⁹ of the float32 numbers next to these, and 0 where that is rounded."""


def decides(layers, x, weight, name="linear1.weight"):
    """Return at which step rounding decides, for a network with one weight."""
    both = [Sequential(copy.deepcopy(layers), input_shape=x.shape[1:], dtype=dtype) for dtype in ("float32", "float64")]
    shape = both[0].output_shape()
    loss = CrossEntropy() if len(shape) == 1 and shape[0] > 1 else MeanSquaredError()
    target = np.zeros(1, int) if loss.classification else np.zeros((1, *shape), np.float32)
    program, exact = (lower(network, loss=loss, target_shape=target.shape[1:]) for network in both)
    feeds = {"input": x, name: weight, "target": target, "count": 1}
    return Definitions(program, exact, feeds).why_excluded()


def test_rounding_decides_at_a_kink():
    x, weight = ALMOST
    for kind in (ReLU(), LeakyReLU()):
        assert decides([Linear(2, 1, bias=False), kind], x, weight)
        assert not decides([Linear(2, 1, bias=False), kind], x, -np.abs(weight))
        assert not decides([Linear(2, 1, bias=False), kind], 0 * x, weight)  # on the kink, by construction
        assert not decides([kind, Linear(2, 1, bias=False)], x * np.float32(1e-9), weight)  # near, and nobody moves it
    assert not decides([Linear(2, 1, bias=False), Tanh()], x, weight)
    assert decides([Linear(2, 1, bias=False), ReLU6()], x, weight + np.array([[2, 0]], np.float32))


def test_rounding_decides_between_two_largest():
    _, weight = ALMOST
    x = np.array([[[[3, 0]], [[0, -1]]]], np.float32)  # two pixels of two channels
    layers = [Conv2d(2, 1, 1, bias=False), MaxPool2d((1, 2))]
    assert decides(layers, x, weight[:, :, None, None], "conv1.weight")
    assert not decides(layers, x + np.array([0, 1], np.float32), weight[:, :, None, None], "conv1.weight")
    assert decides([Linear(2, 2, bias=False)], ALMOST[0], np.diag(np.float32([0.1, 0.3])))
