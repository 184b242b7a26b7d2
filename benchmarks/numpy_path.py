"""What the NumPy path costs: importing Pellucid, an epoch of LeNet on MNIST, and the memory of a whole `fit`.

    python -m benchmarks.numpy_path

prints a Markdown table. Every measurement is a process of its own, so that none finds warm what another left behind,
and each is repeated. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

BATCH_SIZE = 128
EPOCH_STEPS = 469  # of 60,000 images, the last one with 96
WARM_UP_STEPS = 10

IMPORT = """
import sys, time
before = set(sys.modules)
began, computed = time.perf_counter(), time.process_time()
import {package}
seconds, computed = time.perf_counter() - began, time.process_time() - computed
packages = set(name.partition(".")[0] for name in set(sys.modules) - before)
import json
print(json.dumps(dict(seconds=seconds, computed=computed, packages=sorted(packages - sys.stdlib_module_names))))
"""
STEPS = "from benchmarks.numpy_path import measure_steps; measure_steps({data_dir!r}, {steps})"
FIT = "from benchmarks.numpy_path import measure_fit; measure_fit({data_dir!r})"


# ---- in the measuring process (the imports are inside, for the parent must stay small: see `peak_memory`)


def measure_steps(data_dir: str | None, steps: int) -> None:
    """Print the seconds that an epoch takes at the pace of `steps` steps, after some to warm up."""
    import pellucid as p
    from pellucid.training import Callback, Training

    ends: list[float] = []

    class Clock(Callback):
        def on_batch(self, training: Training) -> None:
            ends.append(time.perf_counter())

    train, _ = p.datasets.mnist(data_dir)
    some = train.subset(range((WARM_UP_STEPS + steps) * BATCH_SIZE))
    p.fit(p.models.lenet(), some, epochs=1, batch_size=BATCH_SIZE, engine="numpy", callbacks=[Clock()], progress=False)
    print(json.dumps({"seconds": (ends[-1] - ends[-1 - steps]) / steps * EPOCH_STEPS}))


def measure_fit(data_dir: str | None) -> None:
    """Print the seconds and the peak memory of one epoch, validation included."""
    import pellucid as p

    train, test = p.datasets.mnist(data_dir)
    history = p.fit(
        p.models.lenet(), train, validation=test, epochs=1, batch_size=BATCH_SIZE, engine="numpy", progress=False
    )
    print(json.dumps({"seconds": history.epochs[0]["seconds"], "bytes": peak_memory()}))


def peak_memory() -> int:
    """Return the most memory that this process has had resident, in bytes.

    A process inherits this figure from the one that started it, which is why that one loads neither NumPy nor data.
    """
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


# ---- in the process that reports


def repeated(code: str, repeats: int, environment: dict[str, str]) -> list[dict[str, Any]]:
    """Run Python code in `repeats` new processes, one after the other, and return what each printed."""
    results = []
    for _ in range(repeats):
        process = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        if process.returncode:
            sys.exit("A measuring process failed; its error is above.")
        results.append(json.loads(process.stdout))
    return results


def measuring_environment(bytecode: Path) -> dict[str, str]:
    """Return an environment in which bytecode is kept between processes, as it is for an installed package."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**environment, "PYTHONPYCACHEPREFIX": str(bytecode)}


def table(rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose first row is its head and whose columns after the first are numbers."""
    head, *body = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def row(what: str, values: Sequence[float], unit: str, digits: int, target: str) -> list[str]:
    """Return a row of the table: the median of the values, and their range."""
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return [what, f"{middle} {unit}", f"{low} – {high}", str(len(values)), target]


def report(data_dir: str | None, repeats: int, steps: int, import_only: bool = False) -> str:
    """Measure everything, or the import alone, and return the report."""
    with tempfile.TemporaryDirectory() as folder:
        environment = measuring_environment(Path(folder))
        whole, part = IMPORT.format(package="pellucid"), IMPORT.format(package="numpy")
        repeated(whole, 1, environment)  # compiles the bytecode; not counted
        imports, numpy_imports = [], []
        for _ in range(4 * repeats):  # in turns, so that both meet the same machine
            imports += repeated(whole, 1, environment)
            numpy_imports += repeated(part, 1, environment)
        rows = [
            ["measured", "median", "range", "runs", "target"],
            row("`import pellucid`", [each["seconds"] for each in imports], "s", 3, "≤ 0.25 s"),
            row("of which `import numpy`", [each["seconds"] for each in numpy_imports], "s", 3, ""),
            row("`import pellucid`, processor time", [each["computed"] for each in imports], "s", 3, ""),
            row("of which `import numpy`", [each["computed"] for each in numpy_imports], "s", 3, ""),
        ]
        if not import_only:
            rows += training_rows(data_dir, repeats, steps, environment)
    loaded = f"`import pellucid` loads these packages beside the standard library: {', '.join(imports[0]['packages'])}."
    return f"{machine()}\n\n{table(rows)}\n\n{loaded}"


def training_rows(data_dir: str | None, repeats: int, steps: int, environment: dict[str, str]) -> list[list[str]]:
    """Measure the training, and return its rows of the table."""
    paces = repeated(STEPS.format(data_dir=data_dir, steps=steps), repeats, environment)
    fits = repeated(FIT.format(data_dir=data_dir), repeats, environment)
    return [
        row(f"an epoch of LeNet on MNIST, from {steps} steps", [each["seconds"] for each in paces], "s", 1, "≤ 20 s"),
        row("the same, a whole epoch", [each["seconds"] for each in fits], "s", 1, "≤ 20 s"),
        row("its peak memory", [each["bytes"] / 1e6 for each in fits], "MB", 0, "≤ 500 MB"),
    ]


def machine() -> str:
    """Return where and when this was measured, as a sentence."""
    from importlib.metadata import version  # after the measurements of the import

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{datetime.date.today().isoformat()}: {platform.system()} {platform.machine()}, {usable} CPUs, "
        f"Python {platform.python_version()}, NumPy {version('numpy')}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.numpy_path", description="Measure the NumPy path.")
    parser.add_argument("--data-dir", help="where MNIST's files are; otherwise found or downloaded as by `pellucid`")
    parser.add_argument("--repeats", type=int, default=3, help="processes for each measurement (default: 3)")
    parser.add_argument("--import-only", action="store_true", help="measure nothing but the import")
    parser.add_argument("--steps", type=int, default=100, help="steps that the pace is taken from (default: 100)")
    arguments = parser.parse_args()
    print(report(arguments.data_dir, arguments.repeats, arguments.steps, arguments.import_only))


if __name__ == "__main__":
    main()
