"""Kernels compiled by several processes: what goes through the pipes, and what happens when a process fails."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest

import pellucid as p
from oracles.compiled import planned, training_program
from pellucid import models
from pellucid.build import lower
from pellucid.compiler import cache, driver
from pellucid.compiler.driver import WORTH_A_PROCESS, compile_all, serve
from pellucid.compiler.executable import recipes
from pellucid.compiler.jit import object_code
from pellucid.compiler.kernels.pointwise import leaky_relu
from pellucid.compiler.recipe import Recipe, _plain
from pellucid.compiler.tiles import BY_NAME, instruction_set

SLOPES = [0.1 * number for number in range(1, 1 + 2 * WORTH_A_PROCESS)]
KERNELS = [Recipe(leaky_relu, (8, slope), instruction_set(), False) for slope in SLOPES]
"""Enough to be worth two other processes, and quickly compiled."""


def networks():
    path = p.Sequential([p.Conv2d(4, 4, 3, padding=1), p.BatchNorm2d(4)])
    normalised = [
        p.Conv2d(3, 4, 3, stride=2, padding="same"), p.BatchNorm2d(4), p.ReLU6(), p.Residual(path), p.Dropout(0.1),
        p.Conv2d(4, 4, 3, groups=4, dilation=2, padding=2), p.LocalResponseNorm(3), p.AvgPool2d(2, padding=1),
        p.LeakyReLU(0.2), p.Concat(p.Tanh(), p.Sigmoid()), p.PadChannels(1, 0), p.AdaptiveAvgPool2d(1), p.Flatten(),
        p.Linear(9, 3),
    ]  # fmt: skip
    return models.lenet(), p.Sequential(normalised, input_shape=(3, 12, 12), scaling=p.Scaling(0.1, 0.3))


@pytest.fixture
def compiling_alone():
    """Start processes as the library does."""


@pytest.fixture
def no_cache(monkeypatch):
    monkeypatch.setattr(cache, "folder", lambda: None)


def right(kernels):
    """Return whether all are there and each of them computes what its recipe says."""
    assert kernels.keys() == set(KERNELS)
    x = np.full((1, 8), -1, np.float32)
    for recipe, kernel in kernels.items():
        y = np.zeros((1, 8), np.float32)
        kernel(x, y, samples=1)
        if not np.allclose(y, -recipe.parameters[1]):
            return False
    return True


# ---- recipes as text
@pytest.mark.parametrize("isa", list(BY_NAME))
def test_recipes_go_through_text_and_come_back(isa):
    programs = [lower(network) for network in networks()]
    for optimizer in (p.Adam(lr_scales={}), p.SGD(0.1, momentum=0.9, nesterov=True, clip_norm=1.0, average=0.9)):
        programs += [training_program(network, optimizer) for network in networks()]
    found = {recipe for program in programs for recipe in recipes(planned(program, isa, input="uint8"))}
    assert len(found) > 60
    for recipe in found:
        text = json.dumps(driver._written(recipe))
        again = driver._read(json.loads(text))
        assert again == recipe
        assert _plain(again.parameters) == _plain(recipe.parameters)
        assert repr(_plain(again.parameters)) == repr(_plain(recipe.parameters)), "1 is not 1.0 here"


def test_the_control_another_parameter_is_another_recipe():
    one, other = (json.dumps(driver._written(recipe)) for recipe in KERNELS[:2])
    assert one != other
    assert driver._read(json.loads(one)) != KERNELS[1]
    checked = Recipe(leaky_relu, (8, 0.1), instruction_set(), True)
    assert driver._read(driver._written(checked)).checked


def test_only_names_of_the_kernels_modules_are_looked_up():
    with pytest.raises(KeyError, match="subprocess"):
        driver._read({"emitter": ["subprocess", "run"], "parameters": [], "isa": "avx2", "checked": False})
    with pytest.raises(KeyError, match="os"):
        driver._value({"class": ["os", "system"], "fields": {}})


# ---- code as text
def test_code_goes_through_text_and_comes_back():
    for content in (b"", b"{}\n\x7fELF\n \r\n\0", bytes(range(256)) * 50):
        line = driver._sealed(content)
        assert line.count(b"\n") == 1
        assert driver._opened(line) == content


def test_what_is_not_whole_is_refused(rng):
    line = driver._sealed(object_code(KERNELS[0]))
    assert driver._opened(line)
    bad = [b"", b"\n", b"hello\n", b"aGVsbG8=\n", b"0" * 64 + b" aGVsbG8=\n", line[:64], line[:65], line[1:]]
    bad += [line[: int(length)] for length in rng.integers(0, len(line) - 2, 100)]
    for at in rng.integers(0, len(line) - 1, 300):
        flipped = bytearray(line)
        flipped[at] ^= 1 << rng.integers(7)
        bad.append(bytes(flipped))
    for each in bad:
        with pytest.raises(ValueError, match=r"expected a line|base64|Incorrect padding|Non-ASCII"):
            driver._opened(each)


def test_a_process_answers_line_by_line():
    questions = b"".join(json.dumps(driver._written(recipe)).encode() + b"\n" for recipe in KERNELS[:3])
    answers = io.BytesIO()
    serve(io.BytesIO(questions), answers)
    assert [driver._opened(line) for line in answers.getvalue().splitlines()] == list(map(object_code, KERNELS[:3]))


# ---- processes
@pytest.fixture
def started(monkeypatch):
    """Return the list of processes that are started during the test."""
    found = []

    class Remembered(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            found.append(self)

    monkeypatch.setattr(subprocess, "Popen", Remembered)
    return found


def test_one_process_needs_no_other(started, no_cache):
    assert right(compile_all(KERNELS, 1))
    assert not started


def test_a_network_is_compiled_by_as_many_processes_as_it_has_threads(started, no_cache, monkeypatch):
    monkeypatch.setenv("PELLUCID_THREADS", "2")
    network, x = models.lenet(), np.random.default_rng(0).random((2, 1, 28, 28), np.float32)
    expected = p.predict(network, x, engine="numpy")
    np.testing.assert_allclose(p.compile(network)(x), expected, rtol=0, atol=2e-5 * np.abs(expected).max())
    assert len(started) == 1
    assert started[0].returncode == 0


def test_a_few_kernels_are_not_worth_a_process(started, no_cache):
    few = KERNELS[: WORTH_A_PROCESS - 1]
    assert compile_all(few, 8).keys() == set(few)
    assert not started


def test_what_is_on_the_disk_needs_no_process(started):
    compile_all(KERNELS, 1)
    assert right(compile_all(KERNELS, 8))
    assert not started


def test_what_is_at_hand_is_not_even_read(started, monkeypatch):
    held = compile_all(KERNELS, 1)
    monkeypatch.setattr(cache, "load", None)
    assert compile_all(KERNELS, 8) == held
    assert not started


def test_another_process_compiles_all_that_it_is_asked(started, no_cache):
    found = dict.fromkeys(KERNELS)
    driver._ask(driver._Shared(KERNELS), found, [])
    assert [found[recipe] for recipe in KERNELS] == [object_code(recipe) for recipe in KERNELS]
    assert len(started) == 1
    assert started[0].returncode == 0


def test_each_kernel_is_compiled_once(started, no_cache, monkeypatch):
    here, compiling = [], driver.object_code

    def remember(recipe):
        here.append(recipe)
        return compiling(recipe)

    monkeypatch.setattr(driver, "object_code", remember)
    assert right(compile_all(KERNELS, 3))
    assert len(started) == 2
    assert all(process.returncode == 0 for process in started)
    assert len(here) == len(set(here))


RUBBISH = {
    "dies at once": "raise SystemExit(1)",
    "says nothing and ends": "import sys; sys.stdin.readline()",
    "prints rubbish": "import sys; [print('rubbish', flush=True) for line in sys.stdin]",
    "prints what base64 knows": "import sys; [print('aGVsbG8=', flush=True) for line in sys.stdin]",
    "prints an empty line": "import sys; [print('', flush=True) for line in sys.stdin]",
    "prints no text": "import sys; [sys.stdout.buffer.write(bytes(range(256))) for line in sys.stdin]",
    "prints the half of an answer": """
import io, sys
from pellucid.compiler.driver import serve
answers = io.BytesIO()
serve(io.BytesIO(sys.stdin.buffer.readline()), answers)
sys.stdout.buffer.write(answers.getvalue()[: len(answers.getvalue()) // 8 * 4])
""",
    "dies after an answer": """
import io, sys
from pellucid.compiler.driver import serve
serve(io.BytesIO(sys.stdin.buffer.readline()))
raise SystemExit(1)
""",
}


@pytest.mark.parametrize("program", RUBBISH.values(), ids=RUBBISH)
def test_a_process_that_fails_costs_nothing_but_time(program, started, no_cache, monkeypatch):
    monkeypatch.setattr(driver, "PROGRAM", program.replace("{", "{{").replace("}", "}}"))
    assert right(compile_all(KERNELS, 2))
    assert len(started) == 1
    assert started[0].returncode is not None, "it has been waited for"


def test_a_process_that_hangs_is_ended(started, no_cache, monkeypatch):
    monkeypatch.setattr(driver, "PROGRAM", "import time; time.sleep(1000)")
    monkeypatch.setattr(driver, "PATIENCE", 0.2)
    assert right(compile_all(KERNELS, 2))
    assert started[0].returncode is not None


def test_a_frozen_program_starts_none_of_itself(started, no_cache, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert right(compile_all(KERNELS, 4))
    assert not started


@pytest.mark.parametrize("executable", ["/nowhere/python", "", None])
def test_where_no_process_can_be_started_this_one_compiles(executable, no_cache, monkeypatch):
    monkeypatch.setattr(sys, "executable", executable)
    assert right(compile_all(KERNELS, 4))


def test_another_process_imports_nothing_from_the_working_directory(no_cache, monkeypatch, tmp_path):
    """It may be anybody's. `pellucid train` does not look there either."""
    spoilt = "open('imported', 'w').close()\nraise ImportError('not mine')\n"
    for name in ("json", "base64", "numpy", "pellucid"):
        (tmp_path / f"{name}.py").write_text(spoilt)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    found = dict.fromkeys(KERNELS[:2])
    driver._ask(driver._Shared(KERNELS[:2]), found, [])
    assert all(found.values())
    assert not (tmp_path / "imported").exists()
    subprocess.run([sys.executable, "-c", "import base64"], stderr=subprocess.DEVNULL, check=False)
    assert (tmp_path / "imported").exists(), "the control: Python itself would have"


def test_kernels_are_shared_out_once():
    shared, taken = driver._Shared(range(5)), []
    first, second = iter(shared), iter(shared)
    for iterator in (first, second, first, second, first):
        taken.append(next(iterator))
    assert sorted(taken) == list(range(5))
    assert next(first, None) is next(second, None) is None
