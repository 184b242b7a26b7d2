"""The long run: ``python -m tests.fuzz --seeds A:B [--kernels|--networks|--bits|--spread] [--guard] [--jobs N]``.

Every case's report is a line of JSON in a file, which ``--out`` names. A run that is started again goes on where the
file ends; seeds say all about a case, so any line's case can be made again alone. With PELLUCID_CHECK=1 all kernels
check their bounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from pellucid.compiler.recipe import checks_wanted

from .agreement import Outcome
from .worker import MEMORY, Order

CASES_OF_A_PROCESS = 500
"""After so many a worker is replaced, and with it what it keeps on the disk."""
ALONE = {"kernel": "kernels", "network": "networks", "bits": "bits", "spread": "spread"}
"""Kind of case -> the option that asks for nothing else."""
PROGRAM = f"from {__package__}.worker import serve; serve()"
ROOT = Path(__file__).resolve().parents[__package__.count(".") + 1]
"""Where this package is imported from."""


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for and is not in the file yet; return 1 if anything is wrong, in the file or now."""
    arguments = parser().parse_args(words)
    out = Path(arguments.out)
    done = {order_of(line) for line in lines(out)}
    ahead = [order for order in orders(arguments) if order not in done]
    print(f"{len(ahead)} cases to run, {len(done)} in {out}", flush=True)
    with out.open("a", encoding="utf-8") as file:
        run(ahead, arguments.jobs, file)
    wanted = set(orders(arguments))
    return summarise([line for line in lines(out) if order_of(line) in wanted])


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Random kernels and networks, compiled.")
    made.add_argument("--seeds", type=span, required=True, metavar="A:B", help="from A up to but not including B")
    one = made.add_mutually_exclusive_group()
    one.add_argument("--kernels", action="store_true", help="kernels only")
    one.add_argument("--networks", action="store_true", help="networks only")
    one.add_argument("--bits", action="store_true", help="networks on AVX2 and AVX-512, whose bits must be the same")
    one.add_argument("--spread", action="store_true", help="one to three larger images on one to four threads")
    made.add_argument("--guard", action="store_true", help="with forbidden pages behind every buffer, then before it")
    made.add_argument("--out", default="fuzz.jsonl", metavar="FILE", help="reports (default: fuzz.jsonl)")
    made.add_argument("--jobs", type=int, default=1, metavar="N", help="processes side by side (default: 1)")
    return made


def span(text: str) -> range:
    """Return the seeds of A:B."""
    first, _, stop = text.partition(":")
    return range(int(first), int(stop))


def orders(arguments: argparse.Namespace) -> Iterator[Order]:
    """Yield all that is asked for."""
    ordinary, *guarded = MEMORY
    only = next((kind for kind, option in ALONE.items() if getattr(arguments, option)), None)
    kinds = ["network", "kernel"] if only is None else [only]
    for seed in arguments.seeds:
        for kind in kinds:
            for memory in guarded if arguments.guard else [ordinary]:
                yield Order(kind, seed, memory, checks_wanted())


# ---- the file
def lines(path: Path) -> list[dict[str, Any]]:
    """Return the reports of a file; a last line that was cut short is none, and is taken away."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]


def order_of(report: dict[str, Any]) -> Order:
    return Order(report["kind"], report["seed"], report["memory"], report["checked"])


# ---- processes
def run(ahead: list[Order], jobs: int, file: IO[str]) -> None:
    """Work off the orders with so many processes, and write down the reports."""
    left, lock = iter(ahead), threading.Lock()
    threads = [threading.Thread(target=_work, args=(left, lock, file), daemon=True) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(left: Iterator[Order], lock: threading.Lock, file: IO[str]) -> None:
    """Take orders as long as there are any; whoever dies of one is replaced."""
    process: subprocess.Popen[str] | None = None
    number = 0
    while True:
        with lock:
            order = next(left, None)
        if order is None:
            break
        if process is None or number % CASES_OF_A_PROCESS == 0:
            _stop(process)
            process = _start()
        number += 1
        answer = _ask(process, order)
        if answer is None:
            answer = {**asdict(order), "what": "", **asdict(Outcome()), "seconds": 0}
            answer["mismatches"] = [f"died with exit status {_stop(process)}"]
            process = None
        with lock:
            file.write(json.dumps(answer) + "\n")
            file.flush()
            if answer["mismatches"]:
                print(f"{order}: {'; '.join(answer['mismatches'][:3])}", flush=True)
    _stop(process)


def _start() -> subprocess.Popen[str]:
    """Return a new process that waits for orders; Ctrl-C ends the run, and must not look like a fault of a case."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "PELLUCID_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment, start_new_session=True,
    )  # fmt: skip


def _ask(process: subprocess.Popen[str], order: Order) -> dict[str, Any] | None:
    """Return the report of an order, or None where the process died of it."""
    if process.stdin is None or process.stdout is None:
        raise OSError("expected a process with pipes")
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(asdict(order)) + "\n")
        process.stdin.flush()
    line = process.stdout.readline()
    answer: dict[str, Any] | None = json.loads(line) if line.endswith("\n") else None
    return answer


def _stop(process: subprocess.Popen[str] | None) -> int:
    """Wait until a process has ended, for which it has no more orders, and return its exit status."""
    if process is None:
        return 0
    process.communicate()
    return process.returncode


# ---- what it came to
def summarise(reports: list[dict[str, Any]]) -> int:
    """Print what the reports say, and return 1 if anything is wrong."""
    wrong = [report for report in reports if report["mismatches"]]
    for kind, title in ALONE.items():
        for memory in MEMORY:
            own = [report for report in reports if (report["kind"], report["memory"]) == (kind, memory)]
            if own:
                _print_summary(f"{title}, {memory} memory", own)
    for report in wrong[:20]:
        print(f"{order_of(report)} {report['what']}: {'; '.join(report['mismatches'][:3])}")
    return 1 if wrong else 0


def _print_summary(title: str, reports: list[dict[str, Any]]) -> None:
    excluded = Counter(report["excluded"].rpartition("(")[2].rstrip(")") for report in reports if report["excluded"])
    compared, explained = (sum(n) for n in zip(*((r["compared"], len(r["explained"])) for r in reports), strict=True))
    wrong = sum(bool(report["mismatches"]) for report in reports)
    share = 100 * excluded.total() / len(reports)
    print(f"{title}: {len(reports):,} run in {sum(report['seconds'] for report in reports):,.0f} s, {wrong:,} wrong")
    print(f"  excluded {excluded.total():,} ({share:.1f} %): {dict(excluded.most_common())}")
    print(
        f"  arrays compared {compared:,}; of these further off than the tolerance, as rounding explains, {explained:,}"
    )
    print(f"  {dict(Counter(report['what'] for report in reports).most_common())}")


if __name__ == "__main__":
    sys.exit(main())
