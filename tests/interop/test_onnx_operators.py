"""What the operators of ONNX become, each against onnxruntime, in the opsets in which it changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx

from oracles.onnx_cases import CASES, Case, made, runnable
from oracles.onnx_models import load, run
from oracles.onnx_revisions import REVISIONS, Revision, revision, revisions
from pellucid.interop.onnx.rules import RULES, operator_table


def operators(case: Case) -> list[str]:
    return [each.op_type for each in (case.nodes if isinstance(case.nodes, list) else [case.nodes])]


def kinds(network: p.Network) -> str:
    """What a network is made of, in one text: "Conv2d ReLU Add"."""
    if isinstance(network, p.Graph):
        return " ".join(type(each.does).__name__ for each in network.nodes.values())
    return " ".join(type(layer).__name__ for layer in network)


@pytest.mark.parametrize("case", [*CASES, *REVISIONS], ids=lambda case: f"{'-'.join(operators(case))}-{case.opset}")
def test_an_operator(case: Case, tmp_path: Path, rng: np.random.Generator) -> None:
    if case.opset > onnx.defs.onnx_opset_version():
        pytest.skip("is newer than the installed onnx")
    x = rng.uniform(-3, 3, (2, *case.shape)).astype(np.float32)
    network = load(made(case), tmp_path)
    assert kinds(network) == case.becomes
    near = 3e-5 if case.becomes == "GELU" else 2e-6  # 1.4142 is not quite √2
    np.testing.assert_allclose(p.predict(network, x, engine="numpy"), run(runnable(case), x), rtol=1e-5, atol=near)


def test_every_rule_is_tried() -> None:
    tried = {operator for case in [*CASES, *REVISIONS] for operator in operators(case)}
    assert RULES.keys() - tried == set()


def test_every_opset_in_which_an_operator_changed_is_tried() -> None:
    tried: set[Revision] = {
        revision(operator, case.opset) for case in [*CASES, *REVISIONS] for operator in operators(case)
    }
    assert revisions(RULES) - tried == set()


def test_the_page_lists_the_operators() -> None:
    page = Path(__file__).parents[2] / "docs" / "onnx.md"
    assert operator_table() in page.read_text(encoding="utf-8"), f"put this table there:\n{operator_table()}"
