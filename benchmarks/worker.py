"""The process in which one library is measured.

    python -m benchmarks.worker PEER WORK SETTINGS TASK

SETTINGS and TASK are JSON objects. It answers with a line of JSON when it is ready, and another for each line
that it reads, a request such as ``{"repeat": 0}``; at the end of its input it ends. What libraries print goes
to its standard error.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

from benchmarks.peers import Base, peer
from benchmarks.works import WORKS, Work

OWN = ("benchmarks", "pellucid")
"""Packages that are here: where a module of theirs is missing something is broken."""


def serve(prepare: Callable[[], tuple[Base, Work]], requests: Iterable[str], answers: TextIO) -> None:
    """Prepare, and measure whenever asked to. Each answer has "missing", "error", or what was found."""

    def answer(what: Mapping[str, Any]) -> None:
        print(json.dumps(what), file=answers, flush=True)

    try:
        library, work = prepare()
        answer({**work.facts, "versions": library.versions(), "note": library.note()})
        for request in requests:
            answer(work.repeat(json.loads(request)["repeat"]))
    except Exception as error:  # whatever a library does, the others are measured all the same
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and missing.partition(".")[0] not in OWN:
            answer({"missing": missing})
        else:
            answer({"error": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"})
            traceback.print_exc()


def main() -> None:
    name, kind, settings, task = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not come between the answers

    def prepare() -> tuple[Base, Work]:
        library = peer(name, json.loads(settings))
        return library, WORKS[kind](library, json.loads(task))

    serve(prepare, sys.stdin, answers)


if __name__ == "__main__":
    main()
