"""The command line: ``python -m benchmarks lenet|mnist99|inference|layers|models|coldstart|augment``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import augment, coldstart, inference, layers, lenet, mnist99, models
from benchmarks.harness import Race, Result, Rules, hold, starter
from benchmarks.report import as_json, markdown
from benchmarks.run import Run
from benchmarks.workers import PEERS_VARIABLE, PROJECT, Environments

BENCHMARKS: dict[str, Callable[[Run], Iterator[Race]]] = {
    "lenet": lenet.races,
    "mnist99": mnist99.races,
    "inference": inference.races,
    "layers": layers.races,
    "models": models.races,
    "coldstart": coldstart.races,
    "augment": augment.races,
}
SEEDS = 10
"""Turns of whole trainings, whose accuracies are averaged."""


def main(words: Sequence[str] | None = None) -> None:
    """Run a benchmark, print its report, and keep report and measurements in files."""
    arguments = parser().parse_args(words)
    repeats = arguments.repeats or (SEEDS if arguments.benchmark == "mnist99" else Rules.repeats)
    rules = Rules(repeats, arguments.attempts or 3 * repeats, arguments.tolerance, arguments.load)
    environments = Environments(dict(arguments.python), arguments.environments)
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        run = Run(Path(folder), environments, arguments.threads, arguments.seconds, arguments.data_dir)
        start = starter(environments, Path(arguments.logs or folder))
        for race in BENCHMARKS[arguments.benchmark](run):
            results.append(hold(chosen(race, arguments.only), rules, start, tell))
    text = markdown(results, rules)
    print(text)
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{arguments.benchmark}.md").write_text(f"{text}\n", encoding="utf-8")
    (out / f"{arguments.benchmark}.json").write_text(as_json(arguments.benchmark, results, rules), encoding="utf-8")


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Pellucid beside other libraries.")
    add = made.add_argument
    add("benchmark", choices=list(BENCHMARKS))
    add("--python", type=named, action="append", default=[], metavar="NAME=PATH", help="the Python of an environment")
    add("--environments", metavar="FOLDER", help=f"virtual environments, named; by default ${PEERS_VARIABLE}")
    add("--only", default="", metavar="WORDS", help="competitors whose name or module has one of these, comma between")
    add("--threads", type=numbers, default=default_threads(), metavar="N,N", help="numbers of threads (default: 2,1)")
    add("--seconds", type=float, default=1.0, help="how long a turn takes, about (default: 1)")
    add("--repeats", type=int, help=f"undisturbed turns (default: {Rules.repeats}; {SEEDS} for mnist99)")
    add("--attempts", type=int, help="turns after which no more are tried (default: three times as many)")
    add("--tolerance", type=float, default=Rules.tolerance, help="share of a processor others may have (default: 0.05)")
    add("--load", type=int, default=0, metavar="N", help="keep N processors busy meanwhile (default: 0)")
    add("--data-dir", help="where MNIST's files are; otherwise found or downloaded as by `pellucid`")
    add("--out", default=str(PROJECT / "build" / "benchmarks"), help="folder of the report (default: build/benchmarks)")
    add("--logs", help="folder for what the libraries print (default: thrown away)")
    return made


def named(word: str) -> tuple[str, str]:
    """Read NAME=PATH."""
    name, equals, path = word.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=PATH, received {word!r}")
    return name, path


def numbers(word: str) -> list[int]:
    """Read whole numbers with commas between them."""
    return [int(part) for part in word.split(",")]


def default_threads() -> list[int]:
    """Return the numbers of threads to measure with: two and one, where there are two processors."""
    return [2, 1] if (os.cpu_count() or 1) > 1 else [1]


def chosen(race: Race, only: str) -> Race:
    """Return a race of the competitors whose name or module has one of these words, or of all."""
    wanted = [word.strip().lower() for word in only.split(",") if word.strip()]
    if not wanted:
        return race
    kept = [each for each in race.competitors if any(w in f"{each.name} {each.peer}".lower() for w in wanted)]
    return replace(race, competitors=kept)


def tell(text: str) -> None:
    """Say what goes on, beside the report."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
