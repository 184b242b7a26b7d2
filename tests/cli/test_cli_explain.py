"""explain: what the compiler made of a network, in a table and as code."""

import re

import numpy as np
import pytest
from rich.console import Console

import pellucid as p
from oracles.compiled import Factor
from pellucid import models
from pellucid.cli import explain as command
from pellucid.compiler import explain as explaining
from pellucid.compiler.executable import Executable
from pellucid.compiler.explain import explain

OWN = {"weights", "new weights", "scalars", "flags"}
"""What a compiled program gives to itself."""


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch):
    """Measure in passing."""
    monkeypatch.setattr(explaining, "ROUNDS", 2)


def compiled(network, inference):
    program = command._program(network, inference)
    executable = Executable(program, 32, 1, {"target": "int64"})
    command._fill(executable, network, 32)
    return executable


@pytest.mark.parametrize("inference", [False, True], ids=["training", "inference"])
def test_what_kernels_are_measured_on_stays(inference):
    """Each call runs again, long after the first: were an array gone by then, it would write into somebody's memory."""
    executable = compiled(models.lenet(), inference)
    held = executable._held
    assert executable.plan.given.keys() <= held.keys() | OWN
    assert all(isinstance(array, np.ndarray) for array in held.values())
    assert executable._schedule.bases[0, executable._schedule._given["input" if inference else "input.data"]] == (
        held["input" if inference else "input.data"].ctypes.data
    )


def test_a_call_finds_what_the_calls_before_it_make():
    """A routed gradient is read at addresses that another kernel writes: from stale ones it would read anything."""
    executable = compiled(models.lenet(), inference=False)
    for arena in executable._schedule._arenas:
        arena[:] = 255
    found = {each.kernel: each for each in explain(executable)}
    assert found["conv2d_grad_weight_routed"].flops == 2 * 16 * 144 * 6 * 25, "of the pooled outputs, no others"
    assert found["conv2d"].flops == 2 * 16 * 8 * 8 * 16 * 150
    assert found["linear_grad_weight"].samples == 32, "of the whole batch"
    assert found["linear_grad_weight"].flops == 2 * 32 * 256 * 120


def test_the_table(pellucid):
    shown = pellucid("explain", "lenet", "--batch-size", "16", "--layer", "conv*")
    assert shown.code == 0
    assert re.search(r"conv1, relu1 +conv2d \+ relu +\d+ lanes", shown.out)
    assert "linear1" not in shown.out
    assert re.search(r"One thread here does at most [\d.]+ GFLOP/s", shown.out)


LONG = "layer1.residual1.body.conv1, layer1.residual1.body.relu1"


@pytest.mark.parametrize(
    ("width", "layers", "shown", "left_out"),
    [
        (200, LONG, LONG, []),
        (135, "conv1, relu1", "conv1, relu1", []),
        (134, "conv1, relu1", "conv1", []),
        (120, LONG, "layer1.residual1.body.conv1", ["bytes", "flops", "tile"]),
        (100, "conv1, relu1", "conv1, relu1", ["bytes", "flops", "tile"]),
        (80, "conv1, relu1", "conv1", ["bytes", "flops", "tile", "samples"]),
        (80, LONG, "…er1.residual1.body.conv1", ["bytes", "flops", "tile", "samples", "GFLOP/s", "phase"]),
        (70, LONG, "…al1.body.conv1", ["bytes", "flops", "tile", "samples", "GFLOP/s", "phase"]),
    ],
)
def test_a_line_of_the_table_is_one_of_the_terminal(width, layers, shown, left_out):
    row = ("1", layers, "conv2d_grad_input + relu.grad_input", "8 lanes × 2 × 6", "16", "2,764,800", "271,360", "36.8",
           "75.2", "84 %")  # fmt: skip
    columns, missing = command._fitting({name: (cell,) for name, cell in zip(command.COLUMNS, row, strict=True)}, width)
    assert columns["layer"] == (shown,)
    assert missing == left_out
    assert [name for name in command.COLUMNS if name not in left_out] == list(columns)
    assert sum(max(len(name), len(cells[0])) + command.GAP for name, cells in columns.items()) - command.GAP <= width


def test_a_narrow_terminal_says_what_is_not_shown(pellucid, monkeypatch):
    words = "explain", "notebook", "--inference", "--batch-size", "16"
    whole = pellucid(*words).out
    monkeypatch.setattr(command, "console", lambda: Console(width=60))
    narrow = pellucid(*words).out
    assert "A wider terminal shows more: bytes, flops" in narrow
    assert "A wider terminal" not in whole
    assert len(narrow.partition("A wider")[0].splitlines()) == len(whole.partition("One thread")[0].splitlines())
    assert max(map(len, narrow.partition("A wider")[0].splitlines())) <= 60


def test_prediction_is_shown_where_asked_for(pellucid):
    shown = pellucid("explain", "notebook", "--inference", "--batch-size", "16")
    assert shown.code == 0
    assert "conv2d" in shown.out
    assert "grad" not in shown.out


def test_code_is_printed(pellucid):
    words = "explain", "notebook", "--inference", "--batch-size", "16", "--layer", "conv1"
    assert 'define void @"conv2d"' in pellucid(*words, "--ir").out
    assert "conv2d:" in pellucid(*words, "--asm").out
    both = pellucid(*words, "--ir", "--asm").out
    assert 0 < both.index('define void @"conv2d"') < both.index("conv2d:")


def test_a_layer_that_is_not_there_is_named(pellucid):
    shown = pellucid("explain", "notebook", "--layer", "conv9")
    assert shown.code == 1
    assert "layer: nothing is compiled for 'conv9'; the layers are conv1" in shown.err


def test_a_layer_without_a_kernel_has_no_line():
    network = p.Sequential([p.Flatten(), Factor(), p.Linear(4, 2)], input_shape=(1, 2, 2))
    shown = {each.layers for each in explain(compiled(network, inference=True))}
    assert "linear1" in shown
    assert not any("factor" in layers for layers in shown)


def test_what_is_copied_multiplies_nothing():
    layers = [p.Conv2d(3, 8, 3, padding=1), p.MaxPool2d(2), p.Flatten(), p.Linear(128, 2)]
    executable = compiled(p.Sequential(layers, input_shape=(3, 8, 8)), inference=False)
    found = {each.kernel: each for each in explain(executable)}
    assert found["pad"].flops is None
    assert found["conv2d_grad_weight_routed"].flops == 2 * 16 * 16 * 8 * 27
