"""What a rank of a test's MPI job does: ``mpiexec -n 2 python -m tests.distributed.rank WHAT``."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pellucid as p
from oracles.shared_trainings import trained
from pellucid.distributed.job import job


def main(what, patience=60.0):
    with job(patience) as ranks:
        other = ranks.rank == ranks.size - 1

        def fail(training):
            if other and training.step == 2:
                raise ValueError("a fault of one rank")

        def hang(training):
            if other and training.step == 2:
                time.sleep(60)

        if what in ("fail", "hang"):
            trained("convolutions", ranks, callbacks=[p.on_batch(fail if what == "fail" else hang)])
        else:
            digest, *_ = trained(what, ranks)
            if ranks.rank == 0:
                print(digest)


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
