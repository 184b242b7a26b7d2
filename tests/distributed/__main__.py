"""The same-bits table: ``python -m tests.distributed [NAME …] [--ranks 2,3,4,8]``; with ``--bytes`` what travels.

Every training is done by one process, and by as many ranks as are asked for, each a process of its own under mpiexec.
The table has the digest of the weights that came of it, or what came instead; the exit code is 1 then.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracles.mpi_jobs import job
from oracles.shared_trainings import CASES, MODELS, trained
from oracles.travelling import sent_in_a_step
from pellucid import models
from pellucid.distributed.launch import without_reports

KINDS = {**CASES, **MODELS}
PATIENCE = 250.0
"""Seconds that ranks wait for each other, of which there may be many more than processors."""
WEIGHED = {"lenet": 128, "resnet20": 128, "resnet18": 64, "vgg16": 32}
"""Models whose messages are counted, with the size of a batch."""


def main(words=None):
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.distributed", description="Weights, by number of ranks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(KINDS))
    parser.add_argument("--ranks", default="2,3,4,8", metavar="N,N,…")
    parser.add_argument("--bytes", action="store_true", help="show how many bytes a rank sends in a step")
    told = parser.parse_args(words)
    if told.bytes:
        return weigh([int(each) for each in told.ranks.split(",")])
    sizes = [int(each) for each in told.ranks.split(",")]
    print("| network | 1 process |", *(f"{size} ranks |" for size in sizes))
    print("|---|---|" + "---|" * len(sizes))
    right = True
    for name in told.names or KINDS:
        expected, *_ = trained(name)
        found = [job(size, name, patience=PATIENCE) for size in sizes]
        digests = [each.stdout.strip() or " ".join(without_reports(each.stderr.splitlines())) for each in found]
        cells = ["the same" if digest == expected else f"**{digest[-80:]}**" for digest in digests]
        print(f"| {name} | `{expected[:12]}` |", *(f"{cell} |" for cell in cells), flush=True)
        right &= all(digest == expected for digest in digests)
    return 0 if right else 1


def weigh(sizes):
    """Print how many bytes the first rank sends to each other one in a step: sums, samples, and parts of large sums."""
    print("| network | images a step | ranks | parts of sums | of samples | of large sums |\n|---|---|---|---|---|---|")
    for name, samples in WEIGHED.items():
        for size in sizes:
            found = sent_in_a_step(models.by_name(name)(), samples, size)
            cells = " | ".join(f"{found[kind]:,}" for kind in ("node", "batch", "whole"))
            print(f"| {name} | {samples} | {size} | {cells} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
