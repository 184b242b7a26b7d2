"""What the tests of prediction at scale share: a folder of inputs of all kinds, and a network that tells them apart."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pellucid as p

SHAPE = (1, 8, 8)


@pytest.fixture(scope="session")
def network() -> p.Network:
    """A small network of three classes."""
    layers = [p.Conv2d(1, 4, 3), p.ReLU(), p.Flatten(), p.Linear(4 * 6 * 6, 3)]
    return p.Sequential(layers, input_shape=SHAPE, seed=3, class_names=("cat", "dog", "a, b"))


def fill(folder: Path, pictures: int = 20, rows: int = 700) -> Path:
    """Put pictures and arrays into a folder, some of them broken."""
    rng = np.random.default_rng(5)
    (folder / "deep" / "er").mkdir(parents=True)
    for number in range(pictures):
        where = folder / ("deep/er" if number % 3 else "") / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (9, 12)).astype(np.uint8)).save(where)
    np.save(folder / "many.npy", rng.integers(0, 256, (rows, 8, 8)).astype(np.uint8))
    floats = rng.random((30, 1, 8, 8)).astype(np.float32)
    floats[7, 0, 3, 3] = np.nan
    np.save(folder / "floats.npy", floats)
    (folder / "deep" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    for path in folder.rglob("*"):  # so that two folders hold the same inputs
        os.utime(path, ns=(10**18, 10**18))
    return folder


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with inputs in the folder `in`: 20 pictures, 730 images in arrays, 2 broken inputs."""
    monkeypatch.chdir(tmp_path)
    return fill(tmp_path / "in")
