"""Random kernels: each beside its definition in float64, from the same inputs, whole and in pieces."""

from dataclasses import replace

import numpy as np
import pytest

from fuzz import kernels
from fuzz.guards import Memory
from fuzz.kernels import drawn, examine_kernel
from fuzz.kernels.case import examine
from pellucid.compiler.rules import KERNELS, RULES
from pellucid.compiler.tiles import instruction_set

ALL, AT_ONCE = 1000, 50
MEASURING = {"peak"}


@pytest.mark.parametrize("first", range(0, ALL, AT_ONCE))
def test_kernels_agree_with_the_definitions(first):
    for seed in range(first, first + AT_ONCE):
        name, outcome = examine_kernel(seed)
        assert not outcome.mismatches, f"seed {seed}: {name} {drawn(seed)[0].parameters}: {outcome.mismatches}"


@pytest.mark.parametrize("seed", range(ALL, ALL + 20))
def test_checked_kernels_agree_and_stay_within_their_bounds(seed):
    case, isa, rng = drawn(seed)
    parameters = str(case.parameters)
    if case.emitter.__name__ == "conv2d_grad_weight":
        pytest.skip(f"takes seconds to compile: {parameters}")
    assert not examine(case, isa, True, rng, Memory()).mismatches


def test_every_kernel_is_drawn():
    names = {drawn(seed)[0].emitter.__name__ for seed in range(4000)}
    assert {kind.replace(".", "_") for kind in RULES} - {"adamw"} <= names  # adam's kernel does that too
    assert {"add_leaves", "moments_leaves", "repack"} <= names
    assert {name.removeprefix("depthwise_") for name in names if name.startswith("depthwise_")}
    assert len(KERNELS) > 0


# ---- controls
def first(name):
    """Return the first case of a kernel."""
    return next(case for case in (drawn(seed)[0] for seed in range(4000)) if case.emitter.__name__ == name)


def outcome_of(case):
    return examine(case, instruction_set(), False, np.random.default_rng(0), Memory())


@pytest.mark.parametrize(
    ("name", "place", "factor"), [("leaky_relu", 1, 1.001), ("batch_norm", 2, 3.0), ("adam", 0, 0.999)]
)
def test_a_wrong_parameter_is_found(name, place, factor):
    case = replace(first(name), uncut=frozenset({"images", "numbers"}))
    assert not outcome_of(case).mismatches
    parameters = tuple(p * factor if i == place else p for i, p in enumerate(case.parameters))
    assert outcome_of(replace(case, parameters=parameters)).mismatches


def test_other_bits_in_pieces_are_found():
    """The squares of a gradient are added up by a tree, which cuts make another one."""
    squares = [case for case in (drawn(seed)[0] for seed in range(4000)) if case.emitter.__name__ == "add_squares"]
    found = [outcome_of(replace(case, uncut=frozenset())).mismatches for case in squares[:6]]
    assert any("total: other bits in pieces" in mismatches for mismatches in found)


def test_a_number_beside_the_result_is_none():
    case = first("relu")
    assert kernels.FAMILIES
    assert outcome_of(case).compared == 1
