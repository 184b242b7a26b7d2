"""Whether a run can be repeated: its files, and its first steps."""

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid.training.checkpoint import files
from pellucid.training.replay import check_files, replay


@pytest.fixture
def run(tmp_path):
    p.fit(network(), images(), out=tmp_path / "run", **HOW)
    return tmp_path / "run"


def test_the_first_steps_of_a_run_come_to_the_same_bits(run, tmp_path):
    found = {replay(run, images(), threads=threads) for threads in (1, 2, 3)}
    assert len(found) == 1
    other = tmp_path / "other"
    p.fit(network(), images(), out=other, **{**HOW, "seed": 4})
    assert replay(other, images()) not in found


def test_a_run_that_was_resumed_has_them_too(run, tmp_path):
    for step in (3, 5, 20):
        broken = tmp_path / f"broken{step}"
        with pytest.raises(ZeroDivisionError):
            p.fit(network(), images(), out=broken, callbacks=[BreakAt(step)], **HOW)
        p.resume(broken, images(), progress=False)
        assert replay(broken, images()) == replay(run, images())


@pytest.mark.parametrize("mixing", [[], [p.augment.MixUp(0.4)]], ids=["alone", "mixed"])
def test_augmentation_is_done_again(mixing, run, tmp_path):
    how = {**HOW, "augment": [*mixing, p.augment.Crop(1), p.augment.Affine(0.5, 0.1)]}
    p.fit(network(), images(), out=tmp_path / "augmented", **how)
    assert replay(tmp_path / "augmented", images()) != replay(run, images())


def test_other_steps_are_found(run):
    changed = (run / "config.toml").read_text().replace("lr = 0.01", "lr = 0.0101")
    (run / "config.toml").write_text(changed)
    with pytest.raises(p.StateError, match=r"after 5 steps the weights are .{12}… here, and were .{12}…: another"):
        replay(run, images())


def test_what_cannot_be_done_again_is_said(run, tmp_path):
    made = network()
    made.parameters()["conv1.weight"].data[...] += 1
    p.fit(made, images(), out=tmp_path / "fine", **HOW)
    with pytest.raises(p.ArgumentError, match="began from other weights than its seed draws, such as those of a file"):
        replay(tmp_path / "fine", images())
    p.fit(network(), images(), out=tmp_path / "short", **{**HOW, "epochs": 1, "batch_size": 120, "schedule": None})
    with pytest.raises(p.ArgumentError, match="has not noted its first 5 steps: it was ended before"):
        replay(tmp_path / "short", images())


def test_damaged_files_of_a_run_are_found(run):
    names = check_files(run)
    assert names == ["model.safetensors", files(run)[0].name]
    for name in names:
        good = (run / name).read_bytes()
        bad = bytearray(good)
        bad[-1] ^= 1
        (run / name).write_bytes(bad)
        with pytest.raises(p.ModelFileError, match=name):
            check_files(run)
        (run / name).write_bytes(good)
    assert np.array_equal(check_files(run), names)
