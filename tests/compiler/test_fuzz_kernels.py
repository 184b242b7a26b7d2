"""Random kernels: each beside its definition in float64, from the same inputs, whole and in pieces."""

import os
from dataclasses import replace

import numpy as np
import pytest

from fuzz import __main__ as long_run
from fuzz.guards import Memory
from fuzz.kernels import drawn
from fuzz.kernels.case import LINE, Case, Result, Tensor, examine
from pellucid.compiler.rules import RULES
from pellucid.compiler.tiles import instruction_set

KERNELS, CHECKED = 1000, 20
SLOW = {"conv2d_grad_weight"}
"""What takes seconds to compile where every load is checked; the long run has it."""


@pytest.fixture(autouse=True)
def shared(kept_kernels):
    """Share kernels with the other tests."""


def test_kernels_agree_with_the_definitions(tmp_path):
    """On all processors, and for all of this machine's instruction sets."""
    out = tmp_path / "kernels.jsonl"
    jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    long_run.main(["--seeds", f"0:{KERNELS}", "--kernels", "--jobs", str(jobs), "--out", str(out)])
    reports = long_run.lines(out)
    assert len(reports) == KERNELS
    for report in reports:
        assert not report["mismatches"], f"{report}\n{drawn(report['seed'])[0].parameters}"


def test_checked_kernels_agree_and_stay_within_their_bounds():
    for seed in range(KERNELS, KERNELS + CHECKED):
        case, isa, rng = drawn(seed)
        if case.emitter.__name__ not in SLOW:
            assert not examine(case, isa, True, rng, Memory()).mismatches, f"seed {seed}"


def test_every_kernel_is_drawn():
    names = {drawn(seed)[0].emitter.__name__ for seed in range(4000)}
    others = {"adamw", "reshape", "slice_channels", "repeat_pixels", "repeat_pixels_grad_input"}
    others |= {f"conv_transpose2d{gradient}" for gradient in ("", "_grad_input", "_grad_weight", "_grad_bias")}
    others |= {f"scale_and_shift_grad_{of}" for of in ("input", "weight", "bias")}  # which other kinds' kernels do too
    of_kinds = {kind.replace(".", "_") for kind in RULES} - others
    depthwise = {f"depthwise_conv2d{gradient}" for gradient in ("", "_grad_weight", "_grad_input")}
    assert not (of_kinds | depthwise | {"add_leaves", "moments_leaves", "repack"}) - names


# ---- controls
def first(name):
    """Return the first case of a kernel."""
    return next(case for case in (drawn(seed)[0] for seed in range(4000)) if case.emitter.__name__ == name)


def outcome_of(case):
    return examine(case, instruction_set(), False, np.random.default_rng(0), Memory())


@pytest.mark.parametrize(
    ("name", "place", "factor"), [("leaky_relu", 1, 1.5), ("batch_norm", 2, 3.0), ("adam", 0, 0.999)]
)
def test_a_wrong_parameter_is_found(name, place, factor):
    case = first(name)
    assert not outcome_of(case).mismatches
    parameters = tuple(p * factor if i == place else p for i, p in enumerate(case.parameters))
    assert outcome_of(replace(case, parameters=parameters)).mismatches


def sum_of_lines(k):
    """``total[0] += Σ i  x[i]``, where a piece's numbers are added up before they are added to the total."""
    numbers = k.piece("numbers", k.samples)
    x, total, acc = k.tensor("x", k.samples), k.tensor("total", 1), k.registers(["sum"], 1, 1)
    acc["sum", 0] = k.zeros(1)
    with k.range(*numbers) as i:
        acc["sum", 0] += x.load(i, lanes=1)
    total.store(total.load(0, lanes=1) + acc["sum", 0], 0)


def test_other_bits_in_pieces_are_found(rng):
    x = Tensor(rng.standard_normal(LINE * 40, np.float32))
    case = Case(sum_of_lines, (), np.sum, (x,), (Result("total", (1,), start=np.ones(1, np.float32)),), x.array.size)
    assert outcome_of(case).mismatches == ["total: other bits in pieces"]
