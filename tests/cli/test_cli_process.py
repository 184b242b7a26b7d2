"""The command line as a process: entry points, signals, pipes. What needs no process is tested without one."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid as p
from pellucid.version import VERSION

from .processes import LISTENING, PELLUCID, POSIX, SOURCE, ended, environment, start


def test_module_and_exit_code(tmp_path: Path) -> None:
    with ended(start("--version", folder=tmp_path)) as process:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, f"pellucid {VERSION}\n", "")
    with ended(start("train", "--optimizer", "adma", "--debug", folder=tmp_path)) as process:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (1, "")
        assert err.startswith("Traceback (most recent call last):\n")
        assert err.splitlines()[-1].startswith("error: unknown optimiser 'adma'; did you mean 'adam'?")


@POSIX
@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_a_signal_ends_training_and_saves(number: signal.Signals, word: str, toy: Path, tmp_path: Path) -> None:
    words = ("train", "--data", str(toy), "--epochs", "1000000", "--out", "run")
    with ended(start(*words, folder=tmp_path, command=(sys.executable, "-c", LISTENING))) as process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith("epoch       2/1000000: "):
            assert process.poll() is None, "it ended before a second epoch"
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (128 + number, "")
    last = err.splitlines()[-1]
    assert re.fullmatch(rf"{word} after [\d,]+ of 2,000,000 steps; to go on: .*pellucid resume run", last)
    assert "Traceback" not in err
    assert p.load(tmp_path / "run/model.safetensors").input_shape == (1, 6, 6)
    *checkpoints, config, metrics, model = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert [config, metrics, model] == ["config.toml", "metrics.jsonl", "model.safetensors"]
    assert checkpoints[-1] == f"checkpoint-{int(last.split()[2].replace(',', '')):09}.safetensors"


# A call that no handler of Python's can interrupt, as those of compiled code are: of a length, or one without an end.
NATIVE = """
import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import pellucid.cli as c
import hashlib, sys, time

def native(seconds=None):
    print("native", file=sys.stderr, flush=True)
    def work(rounds): hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)
    began = time.perf_counter()
    work(50_000)
    work(1_000_000_000 if seconds is None else int(50_000 * seconds / (time.perf_counter() - began)))

{patch}
c.main()
"""
SLOW_STEPS = """
from pellucid.training.engine import CompiledEngine
step = CompiledEngine.step
CompiledEngine.step = lambda self, numbers: (native({seconds}), step(self, numbers))[1]
"""
STOPPING = "stopping after this step; again to end at once\n"
SIGNALS = pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")], ids=["Ctrl-C", "SIGTERM"]
)


def native(patch: str) -> tuple[str, ...]:
    return sys.executable, "-c", NATIVE.replace("{patch}", patch)


def read_until(process: "subprocess.Popen[str]", line: str) -> list[str]:
    """The lines on the standard error stream up to this one."""
    assert process.stderr is not None
    lines: list[str] = []
    while not lines or lines[-1] != line:
        lines.append(process.stderr.readline())
        assert lines[-1], f"it ended: {lines}"
    return lines


@POSIX
@SIGNALS
def test_a_second_signal_ends_a_step_of_native_code(
    number: signal.Signals, word: str, toy: Path, tmp_path: Path
) -> None:
    command = native(SLOW_STEPS.format(seconds=None))
    with ended(start("train", "--data", str(toy), "--out", "run", folder=tmp_path, command=command)) as process:
        read_until(process, "native\n")
        process.send_signal(number)
        read_until(process, STOPPING)
        assert process.poll() is None
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (128 + number, "")
    assert re.fullmatch(rf"{word}; to go on from step 0: .*pellucid resume run\n", err)


# What a terminal of 80 columns is sent: the words of the training's end and the bar, which a test has no terminal for.
IN_A_TERMINAL = """
class Terminal(type(sys.stderr)):
    def isatty(self): return True
    @property
    def encoding(self): return "utf-8"

sys.stderr.flush(); sys.stderr = Terminal(sys.stderr.detach(), "utf-8", line_buffering=True)
import os; os.environ.update(TERM="xterm", COLUMNS="80", NO_COLOR="")
"""


@POSIX
def test_a_bar_is_gone_when_a_second_signal_ends_a_step(toy: Path, tmp_path: Path) -> None:
    command = native(IN_A_TERMINAL + SLOW_STEPS.format(seconds=None))
    with ended(start("train", "--data", str(toy), "--out", "run", folder=tmp_path, command=command)) as process:
        assert process.stderr is not None
        sent = ""
        while "native" not in sent:
            sent += process.stderr.readline()
        process.send_signal(signal.SIGINT)
        while "stopping after this step" not in sent:
            sent += process.stderr.readline()
        process.send_signal(signal.SIGINT)
        sent += process.communicate(timeout=20)[1]
    above, _, last = sent.rpartition("\x1b[2K")
    assert "all epochs" in above
    assert "\x1b[2Kstopping after this step; again to end at once\n" in above
    assert re.fullmatch(r"interrupted; to go on from step 0: .*pellucid resume run\n", last)


@POSIX
def test_a_step_of_native_code_is_finished_after_one_signal(toy: Path, tmp_path: Path) -> None:
    command = native(SLOW_STEPS.format(seconds=3))
    with ended(start("train", "--data", str(toy), "--out", "run", folder=tmp_path, command=command)) as process:
        read_until(process, "native\n")
        process.send_signal(signal.SIGINT)
        read_until(process, STOPPING)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.startswith("interrupted after 1 of ")
    assert (tmp_path / "run/model.safetensors").exists()


@POSIX
@SIGNALS
def test_a_signal_ends_native_code_outside_training(
    number: signal.Signals, word: str, trained: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "one.npy", np.zeros((6, 6), np.uint8))
    np.save(tmp_path / "two.npy", np.ones((6, 6), np.uint8))
    patch = """
from pellucid.cli import predict
forward = predict.predict_proba
predict.predict_proba = lambda net, x, **how: native() if x.any() else forward(net, x, **how)
"""
    words = ("predict", str(trained), "one.npy", "two.npy")
    with ended(start(*words, folder=tmp_path, command=native(patch))) as process:
        read_until(process, "native\n")
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (128 + number, f"{word}\n")
    assert out.startswith("one.npy  "), "what was printed before appears"


@POSIX
def test_a_signal_when_all_is_done_changes_nothing(tmp_path: Path) -> None:
    late = 'import atexit, time; atexit.register(lambda: (print("late", file=sys.stderr, flush=True), time.sleep(1)))'
    with ended(start("--version", folder=tmp_path, command=native(late))) as process:
        read_until(process, "late\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, f"pellucid {VERSION}\n", "")


# Python reads this before it looks for `-m pellucid`: with SIGINT as in a shell's foreground, Ctrl-C comes as soon as
# the module in question is about to be imported.
CTRL_C = """
import os, signal, sys

class AtImport:
    @staticmethod
    def find_spec(name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, AtImport)
"""


@POSIX
@pytest.mark.parametrize("module", ["numpy", "pellucid.models", "pellucid.training", "typer", "pellucid.cli.train"])
def test_ctrl_c_ends_the_start_in_a_word(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(CTRL_C.format(module=module), encoding="utf-8")
    paths = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{SOURCE}"}
    (tmp_path / "pellucid-script").mkdir()
    script = tmp_path / "pellucid-script" / "pellucid"
    script.write_text("from pellucid.__main__ import main\nmain()\n", encoding="utf-8")
    for command in (PELLUCID, (sys.executable, str(script))):
        done = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, env={**environment(), **paths}, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@POSIX
def test_another_programs_ctrl_c_is_its_own(tmp_path: Path) -> None:
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import pellucid; "
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    )
    with ended(start(folder=tmp_path, command=(sys.executable, "-c", code))) as process:
        assert process.communicate(timeout=60) == ("True\n", "")


def test_a_command_line_that_is_not_installed_is_told_in_a_line(tmp_path: Path) -> None:
    code = "import sys; sys.modules['typer'] = None; from pellucid.__main__ import main; main()"
    with ended(start(folder=tmp_path, command=(sys.executable, "-c", code))) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("error: typer is not installed, or is broken (")
    assert err.count("\n") == 1


@POSIX
def test_a_reader_that_goes_away_is_no_error_to_speak_of(trained: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "many.npy", np.zeros((5_000, 6, 6), np.uint8))
    with ended(start("predict", str(trained), "many.npy", folder=tmp_path)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("many.npy[0] ")
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 1


@POSIX
@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        ("--version >&-", 0, "", ""),
        ("train smal >&-", 1, "", "error: unknown model 'smal'; "),
        ("--version 2>&-", 0, f"pellucid {VERSION}\n", ""),
        ("train smal 2>&-", 1, "", ""),
        ("train smal >&- 2>&-", 1, "", ""),
    ],
)
def test_a_stream_that_is_closed_is_no_fault(words: str, code: int, out: str, err: str, tmp_path: Path) -> None:
    command = ("sh", "-c", f'exec "$@" {words}', "sh", *PELLUCID)
    with ended(start(folder=tmp_path, command=command)) as process:
        shown = process.communicate(timeout=60)
    assert (process.returncode, shown[0], shown[1][: len(err)]) == (code, out, err)
    assert bool(shown[1]) == bool(err)


@POSIX
def test_a_terminal_without_the_letters_is_shown_question_marks(tmp_path: Path) -> None:
    command = ("env", "PYTHONIOENCODING=ascii", *PELLUCID)
    with ended(start("data", "list", folder=tmp_path, command=command)) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "1?28?28" in out
