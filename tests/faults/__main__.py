"""The long run: ``python -m tests.faults [KIND …] --cases N [--seed S]``.

Each kind of fault happens to as many trainings, numbered from S on; a number says all about a case. What is wrong is
printed with the number, and the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # whose oracles write PyTorch's files

from . import disks, files, hostile, kills, noted, numbers, prediction, ranks, signals

KINDS: dict[str, tuple[str, Callable[[int], str]]] = {
    "kill": ("SIGKILL at a random instant; a fifth of the resuming processes too", kills.at_random),
    "kill-call": ("SIGKILL at every system call of a run", kills.at_call),
    "predict": ("SIGKILL at random instants of predict_files, on one to three processes", prediction.at_random),
    "predict-call": ("SIGKILL at every system call of predict_files", prediction.at_call),
    "predict-two": ("two predictions of different inputs begin at once with one table", prediction.at_once),
    "signal": ("Ctrl-C or SIGTERM at a random instant of pellucid train", signals.at_random),
    "failing-call": ("every system call of a run fails in every way", disks.failing_call),
    "power": ("a power cut after any call: writes lost, torn, reordered", disks.power_cut),
    "rank": ("SIGKILL of a rank at a random instant of an elastic job of three", ranks.at_random),
    "rank-exchange": ("SIGKILL of a rank at each exchange of an elastic job", ranks.at_exchange),
    "rank-first": ("SIGKILL of the first rank of an elastic job", ranks.the_first),
    "rank-two": ("SIGKILL of two ranks of three at once", ranks.two),
    "rank-save": (
        "SIGKILL of the first rank at every system call that writes a checkpoint or keeps a network",
        ranks.in_a_save,
    ),
    "rank-hangs": ("a rank hangs for longer than the others wait", ranks.hanging),
    "rank-paused": ("a rank is stopped for ten seconds", ranks.paused),
    "rank-all": ("SIGKILL of all ranks; another number of ranks resumes", ranks.all_killed),
    "numbers": ("weights that become infinite at a random step", numbers.astray),
    "hostile": ("files that lie about themselves, for every reader", hostile.case),
    "hostile-onnx": ("ONNX models that lie about themselves", partial(hostile.case, kind="onnx")),
    "damage": ("a file of a run cut off, or with other bits", files.damaged),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Trainings under faults.")
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--cases", type=int, required=True, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="number of the first case")
    asked = parser.parse_args(words)
    wrong = 0
    with tempfile.TemporaryDirectory() as cache:
        os.environ["PELLUCID_CACHE"] = cache
        for kind in asked.kinds or KINDS:
            wrong += run(kind, range(asked.seed, asked.seed + asked.cases))
    return int(wrong > 0)


def run(kind: str, numbers: range) -> int:
    """Run the cases of one kind, and return how many are wrong."""
    about, case = KINDS[kind]
    began, wrong = time.monotonic(), 0
    for number in numbers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            said = case(number)
        if said:
            wrong += 1
            print(f"{kind} {number}: {said}", flush=True)
    seconds = time.monotonic() - began
    what = f" ({told})" if (told := noted.counted()) else ""
    print(f"{kind}: {about}: {len(numbers):,} cases in {seconds:,.0f} s{what}, {wrong} wrong", flush=True)
    return wrong


if __name__ == "__main__":
    raise SystemExit(main())
