"""Runs in places that are full, oddly named, or gone."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import pellucid as p
from pellucid.training import checkpoint


def network():
    return p.Sequential([p.Flatten(), p.Linear(64, 300), p.ReLU(), p.Linear(300, 10)], input_shape=(1, 8, 8))


def train(folder, **how):
    made = network()
    p.fit(made, p.datasets.digits()[1], epochs=2, batch_size=32, out=folder, progress=False, **how)
    return weights(made)


def resume(folder):
    made, _ = p.resume(folder, p.datasets.digits()[1], progress=False)
    return weights(made)


def weights(made):
    return [parameter.data.tobytes() for parameter in made.parameters().values()]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 900 kB, which is too small for two checkpoints and the network."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_told_and_what_was_saved_serves_elsewhere(small_disk, tmp_path):
    with pytest.raises(p.StorageError, match=r"the disk is full; free some space, .*bytes are free there") as caught:
        train(small_disk / "run", checkpoint_every=5)
    assert str(small_disk / "run") in str(caught.value)
    assert not list((small_disk / "run").glob(".*")), "nothing half is left"
    assert checkpoint.newest(small_disk / "run") is not None
    shutil.copytree(small_disk / "run", tmp_path / "elsewhere")
    assert resume(tmp_path / "elsewhere") == train(tmp_path / "whole")


@pytest.mark.parametrize("name", ["with spaces and 'quotes'", "Überläufe 🙂 и другие", "-rf", "a" * 200, "100 %s\\n"])
def test_a_run_may_be_called_what_it_likes(name, tmp_path):
    class Break(p.Callback):
        sees_weights = False

        def on_epoch(self, training):
            training.end(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        train(tmp_path / name / "run", callbacks=[Break()])
    assert resume(tmp_path / name / "run") == train(tmp_path / "whole")


def test_a_folder_that_vanishes_is_told(tmp_path):
    class Remove(p.Callback):
        def on_epoch(self, training):
            shutil.rmtree(tmp_path / "run")

    with pytest.raises(p.StorageError, match=r"run.\.lock was removed or replaced while this training held it"):
        train(tmp_path / "run", callbacks=[Remove()])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_can_only_be_read_is_told_before_the_first_step(tmp_path):
    tmp_path.chmod(0o500)
    made = network()
    before = weights(made)
    with pytest.raises(p.StorageError, match="access is not allowed; check the permissions, or use another folder"):
        p.fit(made, p.datasets.digits()[1], out=tmp_path / "run", progress=False)
    tmp_path.chmod(0o700)
    assert weights(made) == before


def test_a_run_may_be_moved_and_go_on(tmp_path):
    class Break(p.Callback):
        sees_weights = False

        def on_batch(self, training):
            if training.step == 15:
                training.end(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        train(tmp_path / "here", callbacks=[Break()])
    Path(tmp_path / "here").rename(tmp_path / "there")
    assert np.array_equal(resume(tmp_path / "there"), train(tmp_path / "whole"))
