"""Trainings under faults: a few cases of each kind of the long run (`python -m tests.faults`), and its controls."""

import os

import numpy as np
import pytest

from faults import disks, files, hostile, kills, numbers, signals, work
from pellucid import storage
from pellucid.serialization import tensor_file
from pellucid.training import checkpoint
from pellucid.training import run as run_module
from pellucid.training.engine import CompiledEngine

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes that are killed are forked"),
    pytest.mark.filterwarnings("ignore"),
]


def wrong(case, numbers):
    """Return what is wrong, by the case's number."""
    return {number: said for number in numbers if (said := case(number))}


# ---- kills
def test_a_kill_at_a_random_instant_loses_no_bit():
    assert not wrong(kills.at_random, range(20))


def test_a_kill_at_any_system_call_of_a_save_leaves_a_checkpoint():
    calls = kills.calls_of_a_run()
    assert not wrong(kills.at_call, range(calls // 3, calls // 3 + 24))  # two saves, one after the other


def test_a_signal_at_a_random_instant_leaves_a_run_that_can_be_resumed():
    assert not wrong(signals.at_random, range(6))


def test_a_state_that_is_not_restored_is_found(monkeypatch):
    expected = kills.whole(work.Size())
    monkeypatch.setattr(CompiledEngine, "restore", lambda engine, slots, updates: engine.push())
    monkeypatch.setattr(kills, "whole", lambda size: expected)
    found = (kills.at_random(number) for number in range(60))  # not every instant lies within the training
    assert "the resumed training came to other bits" in found


# ---- disks
def test_where_a_call_fails_the_last_checkpoint_serves():
    calls = kills.calls_of_a_run()
    ways = len(disks.FAULTS) + 1
    assert not wrong(disks.failing_call, range(0, calls * ways, calls * ways // 40))


def test_a_power_cut_leaves_what_was_saved():
    assert not wrong(disks.power_cut, range(400))


@pytest.fixture
def fresh_disk(monkeypatch):
    """The run on the simulated disk is made anew, before and after; none of those that are cut off goes on."""
    monkeypatch.setattr(disks, "RESUMED", 10**9)
    disks.traced.cache_clear()
    yield
    disks.traced.cache_clear()


@pytest.mark.usefixtures("fresh_disk")
def test_names_that_are_not_forced_to_the_disk_are_found(monkeypatch):
    def promise(folder):
        names = [path.name for path in checkpoint.files(folder)]
        if names and isinstance(storage.system, disks.Disk):
            storage.system.promised = int(names[0].split("-")[1].split(".")[0])

    monkeypatch.setattr(storage, "_sync_folder", promise)
    assert wrong(disks.power_cut, range(300))


@pytest.mark.usefixtures("fresh_disk")
def test_content_that_is_not_forced_to_the_disk_is_found(monkeypatch):
    honest = disks.Disk.sync

    def sync(disk, file):
        if os.path.isdir(disk._open[file][0]):
            honest(disk, file)

    monkeypatch.setattr(disks.Disk, "sync", sync)
    assert wrong(disks.power_cut, range(300))


@pytest.mark.usefixtures("fresh_disk")
def test_a_folder_whose_name_is_not_forced_to_the_disk_is_found(monkeypatch):
    monkeypatch.setattr(storage, "_make_folders", lambda folder, exist_ok=False: storage.system.make_folders(folder))
    found = wrong(disks.power_cut, range(300))
    assert any("there is no checkpoint" in said for said in found.values())


@pytest.mark.usefixtures("fresh_disk")
def test_measures_that_are_not_forced_to_the_disk_are_found(monkeypatch):
    monkeypatch.setattr(run_module, "sync_file", lambda path: None)
    monkeypatch.setattr(disks, "RESUMED", 1)
    calls = len(disks.traced()[0].states)
    assert wrong(disks.power_cut, range(calls - 8, calls))


# ---- numbers
def test_numbers_that_go_astray_leave_the_weights_before():
    assert not wrong(numbers.astray, range(10))


# ---- files
def test_files_that_lie_about_themselves_are_refused():
    assert not wrong(hostile.case, range(220))


def test_a_reader_without_care_is_found(monkeypatch):
    good = hostile.readers()["npy"][2]
    careless = {"npy": (lambda path: np.load(path, allow_pickle=True), ".npy", good)}
    monkeypatch.setattr(hostile, "readers", lambda: careless)
    assert len(wrong(hostile.case, range(30))) > 5


def test_damaged_files_are_refused_or_replaced():
    assert not wrong(files.damaged, range(300))


def test_damage_that_nobody_looks_for_is_found(monkeypatch):
    files.originals()
    monkeypatch.setattr(tensor_file, "_digest", lambda content: bytes(content[0][tensor_file.SEAL]))
    assert wrong(files.damaged, range(100))
