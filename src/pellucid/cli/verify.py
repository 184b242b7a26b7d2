"""verify: whether this machine gives the bits that it should."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import PellucidError
from ..verification import THREADS, digest
from .screen import examples

EXAMPLES = examples("pellucid verify", "pellucid verify --threads 1,2,3,4,7")


def command(
    threads: Annotated[
        str, typer.Option("--threads", metavar="N,N,…", help="Numbers of threads to train with.")
    ] = ",".join(map(str, THREADS)),
) -> None:
    """Train a small network for a few steps, and print the digest of its weights.

    The weights must be the same, bit for bit, for every number of threads; if they are not, that is an error. Compare
    the digest with another machine's: where it is the same, results carry over exactly. It should be the same on all
    processors that multiply and add at once (with FMA), and another on those that do not.
    """
    if not all(part.strip().isdecimal() and int(part) for part in threads.split(",")):
        raise typer.BadParameter(
            f"expected numbers of threads such as 1,2,3, received {threads!r}", param_hint="--threads"
        )
    found = {int(part): digest(int(part)) for part in threads.split(",")}
    for number, each in found.items():
        print(f"{number} thread{'s' if number > 1 else ''}: {each}")
    if len(set(found.values())) > 1:
        raise PellucidError("the weights differ between numbers of threads; please report this, with your processor")
    print("the weights are the same, bit for bit")
