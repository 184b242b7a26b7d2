"""What a rank of a test's MPI job does: ``mpiexec -n 2 python -m tests.distributed.rank WHAT``."""

import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from oracles.shared_trainings import trained
from pellucid.collective import told_by_all
from pellucid.distributed import exchange
from pellucid.distributed.job import job
from pellucid.errors import RankError
from pellucid.training import agreement

OTHER = ("version", "code", "seed", "settings", "data")
"""What the last rank may have that the others have not."""


@contextmanager
def changed(what):
    """Let this process have another version, or other code, if that is `what`."""
    version, digest = agreement.VERSION, agreement.code_digest
    if what == "version":
        agreement.VERSION = "0.0.1"
    if what == "code":
        agreement.code_digest = lambda: "another"
    try:
        yield
    finally:
        agreement.VERSION, agreement.code_digest = version, digest


def unlike(ranks, folder):
    """Let the last rank be other than the rest: in its number of threads, with which all train and leave off within; in
    one thing after the other, with which all want to begin, and to go on. What each of them is told lies in a file; the
    last refusal ends the job."""
    other = ranks.rank == ranks.size - 1

    def begin(out, x, threads=1, **more):
        p.fit(network(), (x, images()[1]), **{**HOW, **more}, threads=threads, out=folder / out, ranks=ranks)

    def go_on(x):
        p.resume(folder / "run", (x, images()[1]), threads=1, progress=False, ranks=ranks)

    def told(name, work, *words, **more):
        try:
            work(*words, **more)
        except RankError as error:
            (folder / f"{name}-{ranks.rank}").write_text(str(error))

    try:
        begin("run", images()[0], threads=1 + other, callbacks=[BreakAt(3)])
    except (ZeroDivisionError, SystemExit):
        (folder / f"threads-{ranks.rank}").write_text("fine")
    told_by_all(ranks, b"")
    if not ranks.rank:
        shutil.copytree(folder / "run", folder / "before")
    told_by_all(ranks, b"")
    x = images()[0].copy()
    x[0, 0, 0, 0] ^= other
    for what in OTHER:
        more = {"seed": {"seed": 4}, "settings": {"epochs": 3}}.get(what, {}) if other else {}
        with changed(what if other else ""):
            told(f"begins-{what}", begin, "new", x if what == "data" else images()[0], **more)
    with changed("code" if other else ""):
        told("goes-on-code", go_on, images()[0])
    go_on(x)


def main(what, patience=60.0):
    with job(patience) as ranks:
        other = ranks.rank == ranks.size - 1

        def fail(training):
            if other and training.step == 2:
                raise ValueError("a fault of one rank")

        def pause(training):
            if training.step == 2 and ranks.rank == 0:
                end = time.monotonic() + 90
                while time.monotonic() < end:
                    training.hold()
                    time.sleep(0.1)

        def hang(training):
            if other and training.step == 2:
                time.sleep(60)

        def hold(training):
            if training.step == 2:
                ranks.patience = 1.5
            if training.step == 2 and ranks.rank == 0:
                for _ in range(30):
                    training.hold()
                    time.sleep(0.1)
            if training.step == 3:
                ranks.patience = patience

        if what.startswith("unlike="):
            unlike(ranks, Path(what.partition("=")[2]))
        elif what in ("fail", "hang", "pause"):
            odd = {"fail": [fail], "hang": [hang], "pause": [pause, fail]}[what]
            trained("convolutions", ranks, callbacks=[*map(p.on_batch, odd)])
        else:
            case, holding = ("batch normalisation", [p.on_batch(hold)]) if what == "hold" else (what, [])
            if what == "parts":
                case, exchange.LARGEST = "large layers", 10_000
            digest, *_ = trained(case, ranks, callbacks=holding)
            if ranks.rank == 0:
                print(digest)


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
