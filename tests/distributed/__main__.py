"""The same-bits table: ``python -m tests.distributed [NAME …] [--ranks 2,3,4,8]``.

Every training is done by one process, and by as many ranks as are asked for, each a process of its own under mpiexec.
The table has the digest of the weights that came of it, or what came instead; the exit code is 1 then.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracles.mpi_jobs import job
from oracles.shared_trainings import CASES, MODELS, trained

KINDS = {**CASES, **MODELS}


def main(words=None):
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.distributed", description="Weights, by number of ranks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(KINDS))
    parser.add_argument("--ranks", default="2,3,4,8", metavar="N,N,…")
    told = parser.parse_args(words)
    sizes = [int(each) for each in told.ranks.split(",")]
    print("| network | 1 process |", *(f"{size} ranks |" for size in sizes))
    print("|---|---|" + "---|" * len(sizes))
    right = True
    for name in told.names or KINDS:
        expected, *_ = trained(name)
        found = [job(size, name) for size in sizes]
        digests = [each.stdout.strip() or each.stderr.strip()[-60:] for each in found]
        cells = ["the same" if digest == expected else f"**{digest[:12]}**" for digest in digests]
        print(f"| {name} | `{expected[:12]}` |", *(f"{cell} |" for cell in cells), flush=True)
        right &= all(digest == expected for digest in digests)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
