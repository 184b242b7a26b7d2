"""Real processes under mpiexec: the bits of one process, and an end of all of them where one goes wrong."""

import os
import platform
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from oracles.mpi_jobs import environment, job, needs_mpi
from oracles.shared_trainings import trained
from pellucid.distributed import launch
from pellucid.training.checkpoint import files

SECONDS = 60
"""In which all ranks have ended where one has: mostly those that it takes to start them, on a busy machine."""


@pytest.fixture(autouse=True)
def mpi():
    needs_mpi()


def ended(size, *words, **how):
    began = time.monotonic()
    found = job(size, *words, **how)
    assert time.monotonic() - began < SECONDS
    return found


def test_three_processes_come_to_the_bits_of_one_also_where_one_holds_the_others_on_purpose():
    expected, *_ = trained("batch normalisation")
    found = job(3, "hold")
    assert (found.returncode, found.stdout.strip()) == (0, expected), found.stderr


def test_arrays_that_are_too_large_for_one_exchange_of_mpi_go_in_parts():
    expected, *_ = trained("large layers")
    found = job(3, "parts")
    assert (found.returncode, found.stdout.strip()) == (0, expected), found.stderr


@pytest.mark.parametrize("what", ["fail", "pause"])
def test_an_error_of_one_rank_ends_all_and_is_said_once_also_while_the_first_one_pauses(what):
    found = ended(2, what)
    assert found.returncode == 1
    assert found.stderr.count("ValueError: a fault of one rank") == 1


def test_a_rank_that_does_not_come_is_named_when_the_time_is_up():
    found = ended(3, "hang", patience=2.0)
    assert found.returncode == 1
    assert len(re.findall(r"RankError: rank 2 \(.+, process \d+\) did not come within 2 seconds", found.stderr)) == 1


BEGINNING = {
    "version": "the version of Pellucid is 0.0.1, and ", "code": "the digest of Pellucid's code is another, and ",
    "seed": "training.seed is 4, and 3 on the others", "settings": "training.epochs is 3, and 5 on the others",
    "data": "data.sha256 is ",
}  # fmt: skip


def test_a_rank_that_is_not_as_the_others_is_named_before_the_first_step_and_nothing_is_written(tmp_path):
    found = ended(3, f"unlike={tmp_path}")
    assert found.returncode == 1
    assert found.stderr.count("RankError: rank 2: data.sha256 is ") == 1
    for rank in range(3):
        assert (tmp_path / f"threads-{rank}").read_text() == "fine"
        for what, words in BEGINNING.items():
            told = (tmp_path / f"begins-{what}-{rank}").read_text()
            assert told.startswith("rank 2: ")
            assert f"rank 2: {words}" in told
            assert "All ranks need the same code, data and settings" in told
        assert (tmp_path / f"goes-on-code-{rank}").read_text() == (tmp_path / f"begins-code-{rank}").read_text()
    assert not (tmp_path / "new").exists()
    before, after = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("before", "run")
    )
    assert after == before


def test_the_command_starts_ranks_itself_and_they_write_the_run_of_one_process(tmp_path):
    words = [sys.executable, "-m", "pellucid", "train", "--epochs", "2", "--threads", "1"]

    def run(out, *more):
        command = [*words, "--out", str(tmp_path / out), *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment())

    one, several = run("one"), run("several", "--ranks", "2")
    assert (one.returncode, several.returncode) == (0, 0), several.stderr
    assert several.stdout.replace("several", "one") == one.stdout
    for name in ("config.toml", "model.safetensors"):
        assert (tmp_path / "several" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_ranks_leave_what_stands_at_the_commands_input_to_others():
    launching = (
        "from pellucid.distributed.launch import Launched; raise SystemExit(Launched(2, ['--version']).wait(print))"
    )
    words = ["sh", "-c", '"$0" -c "$1" && cat', sys.executable, launching]
    found = subprocess.run(words, input="the next\n", capture_output=True, text=True, timeout=60, env=environment())
    assert found.stdout.endswith("the next\n"), found.stderr


def ranks_of(run):
    """Return the processes of the ranks that train a run."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = place.read_bytes().decode(errors="replace").split("\0")
            if words[0] == sys.executable and {str(run), "--distributed"} <= {*words}:
                found.append(int(place.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="ranks are found in /proc")
def test_where_a_rank_is_killed_the_command_says_so_once_and_comes_to_the_same(tmp_path):
    words = [sys.executable, "-m", "pellucid", "train", "--epochs", "12", "--batch-size", "64", "--no-progress"]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment()}
    one, several = tmp_path / "one", tmp_path / "several"
    expected = subprocess.run([*words, "--out", str(one)], timeout=120, **how)
    with subprocess.Popen([*words, "--out", str(several), "--ranks", "3", "--elastic"], **how) as process:
        end = time.monotonic() + SECONDS
        while not (several / "metrics.jsonl").exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.002)
        os.kill(max(ranks_of(several)), signal.SIGKILL)
        out, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    lost = [line for line in said.splitlines() if re.fullmatch(r"note: rank . was lost after step \d+; .*", line)]
    assert [each.partition("; ")[2] for each in lost] == ["the other 2 go on"]
    shared = "3 ranks share each batch of 64 images; elastic: the others go on where one is lost"
    first, *others = [line for line in said.splitlines() if line not in lost]
    assert first.startswith("starting 3 ranks of 1 thread")
    assert others == [*expected.stderr.splitlines(), shared]
    assert out.replace("several", "one") == expected.stdout
    assert (several / "model.safetensors").read_bytes() == (one / "model.safetensors").read_bytes()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="ranks are found in /proc")
def test_where_the_command_itself_is_killed_its_ranks_save_what_they_have_and_end(tmp_path):
    run = tmp_path / "run"
    words = ["train", "--epochs", "100000", "--no-progress", "--out", str(run), "--ranks", "2"]
    how = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment()}
    with subprocess.Popen([sys.executable, "-m", "pellucid", *words], **how) as process:
        end = time.monotonic() + SECONDS
        while not (run / "metrics.jsonl").exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        left = ranks_of(run)
        process.kill()
    end = time.monotonic() + SECONDS
    while any(Path(f"/proc/{each}").exists() for each in left) and time.monotonic() < end:
        time.sleep(0.05)
    assert len(left) == 2
    assert not ranks_of(run)
    assert any(int(path.stem.rpartition("-")[2]) for path in files(run)), "a checkpoint after some steps"


KILLED = """
folder=$TMPDIR/ompi.$$
mkdir -m 700 "$folder"
printf 'prterun-{host}-%s@0.0;tcp4://127.0.0.1:36273\\n5.0.11rc1\\n%s\\n0:0\\n' $$ $$ > "$folder/pmix.{host}.tool"
chmod 600 "$folder/pmix.{host}.tool"
exec "$@"
"""
"""Leaves in the folder for temporary files what a launcher that had this process number left there as it was killed."""


@pytest.mark.parametrize("own", [False, True])
def test_what_a_killed_launcher_left_behind_keeps_none_from_starting(tmp_path, own):
    command = launch.started(2, [sys.executable, "-c", "print('here')"])
    variables = launch.environment(str(tmp_path / "room") if own else None) | {"TMPDIR": str(tmp_path)}
    (tmp_path / "room").mkdir()
    words = ["sh", "-c", KILLED.format(host=platform.node().partition(".")[0]), "sh", *command]
    found = subprocess.run(words, capture_output=True, text=True, env=variables, timeout=60)
    assert (found.stdout.split() == ["here", "here"]) is own, found.stderr  # in the folder of all, it does not start
