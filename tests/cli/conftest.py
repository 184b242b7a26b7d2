"""What the tests of the command line share: running a command, small data, a trained run."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from pellucid.cli import run


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def pellucid(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[..., Result]:
    """Runs a command in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PELLUCID_DATA", raising=False)

    def command(*words: object) -> Result:
        capsys.readouterr()
        code = run([str(word) for word in words])
        return Result(code, *capsys.readouterr())

    return command


def stripes(count: int, offset: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images 6×6 of three classes, by the row of a bright stripe, with a little noise."""
    labels = np.arange(count) % 3
    images = np.random.default_rng(offset).integers(0, 40, (count, 6, 6)).astype(np.uint8)
    images[np.arange(count), 2 * labels] += 200
    return images, labels


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of stripes: 48 images to train on, 12 to test with."""
    path = tmp_path_factory.mktemp("data") / "stripes.npz"
    (x_train, y_train), (x_test, y_test) = stripes(48), stripes(12, offset=1)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@pytest.fixture(scope="session")
def trained(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learnt the stripes."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    words = ["train", "small", "--data", str(toy), "--epochs", "8", "--batch-size", "8", "--out", str(folder)]
    assert run([*words, "--lr", "0.01", "--no-progress"]) == 0
    return folder
