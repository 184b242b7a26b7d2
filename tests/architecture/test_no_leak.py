"""The fixture that fails a leaking test is tested itself: each leak is named, and the next test does not feel it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

LEAKS = """
import os
import numpy as np

START = os.getcwd()

def test_environment(): os.environ["LEFT_BEHIND"] = "1"
def test_environment_is_back(): assert "LEFT_BEHIND" not in os.environ
def test_folder(tmp_path): os.chdir(tmp_path)
def test_folder_is_back(): assert os.getcwd() == START
def test_errors(): np.seterr(divide="ignore")
def test_errors_are_back(): assert np.geterr()["divide"] == "warn"
def test_printing(): np.set_printoptions(precision=3)
def test_printing_is_back(): assert np.get_printoptions()["precision"] == 8
def test_generator(): np.random.rand()
def test_with_monkeypatch(monkeypatch, tmp_path):
    monkeypatch.setenv("TIDY", "1")
    monkeypatch.chdir(tmp_path)
def test_with_a_context():
    with np.errstate(all="raise"), np.printoptions(precision=2): pass
"""


def test_every_leak_is_reported_once_and_undone(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120)
    culprits = re.findall(r"ERROR at teardown of (\w+)", result.stdout)
    changed = re.findall(r"^E +Failed: this test changed (.+) and did not put it back", result.stdout, re.MULTILINE)
    assert list(zip(culprits, changed, strict=True)) == [
        ("test_environment", "the environment variables"),
        ("test_folder", "the working directory"),
        ("test_errors", "NumPy's reaction to floating-point errors"),
        ("test_printing", "NumPy's print options"),
        ("test_generator", "NumPy's global random generator"),
    ]
    assert "11 passed, 5 errors" in result.stdout
