"""What a first run costs: processes from their start to their end, and the memory they take.

The time is that of the whole process, with the start of Python, unless the title says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import Competitor, Race
from benchmarks.peers import ENVIRONMENTS
from benchmarks.run import BATCH_SIZE, Run, threads_of

FIRST_STEP = """
from benchmarks.peers import peer
from benchmarks.problem import Problem
problem, library = Problem.read({problem!r}), peer({peer!r}, {settings!r})
library.load(problem)
library.number(library.train_step(library.batches(problem, {size})[0]))
"""
COMPILE = """
import os, shutil, tempfile, time
folder = tempfile.mkdtemp()
os.environ["PELLUCID_CACHE"] = {cache}
import pellucid.compiler.executable
from benchmarks.peers.pellucid import Peer
from benchmarks.problem import Problem
problem, library = Problem.read({problem!r}), Peer({settings!r})
library.load(problem)
began = time.perf_counter()
library.number(library.train_step(library.batches(problem, {size})[0]))
print("seconds", time.perf_counter() - began)
shutil.rmtree(folder)
"""
EPOCH = """
from benchmarks.peers import peer
from benchmarks.problem import Pictures
from benchmarks.recipes import RECIPES
peer({peer!r}, {settings!r}).train(RECIPES["epoch"], Pictures.read({data!r}), 0)
"""
NAMES = {"pellucid": "Pellucid", "torch": "torch", "keras": "Keras", "jax": "JAX"}
"""Peer, which is also what its distribution and its module are called -> its name."""


def races(run: Run) -> Iterator[Race]:
    """Yield the races."""
    threads = max(run.threads)
    settings = {"threads": threads}
    cache = {"PELLUCID_CACHE": str(run.folder / "cache")}
    task = {"bytecode": str(run.folder / "bytecode")}

    def process(peer: str, name: str, code: str) -> Competitor:
        python = run.environments.python(ENVIRONMENTS[peer])
        how = {"python": python, "code": code, "needs": peer}
        return Competitor(name, "process", how, cache, ours=peer == "pellucid")

    def race(title: str, competitors: list[Competitor]) -> Race:
        return Race(title, "process", task, competitors, threads, tolerance=0)

    imports = [process(peer, f"import {peer}", f"import {peer}") for peer in NAMES]
    yield race("Import", imports)

    problem = str(run.problem)
    firsts = [
        process(peer, name, FIRST_STEP.format(problem=problem, peer=peer, settings=settings, size=BATCH_SIZE))
        for peer, name in NAMES.items()
    ]
    yield race(f"Import and the first step of LeNet, compiled before, {threads_of(threads)}", firsts)

    compilations = [
        process("pellucid", name, COMPILE.format(problem=problem, settings=settings, size=BATCH_SIZE, cache=place))
        for name, place in (
            ("Pellucid, nothing cached", "folder"),
            ("Pellucid, everything cached", "os.environ['PELLUCID_CACHE']"),
        )
    ]
    yield race(f"Compiling LeNet's training, first step included, {threads_of(threads)}", compilations)

    data = str(run.mnist)
    epochs = [
        process(peer, name, EPOCH.format(data=data, peer=peer, settings=settings)) for peer, name in NAMES.items()
        if peer != "jax"
    ]  # fmt: skip
    yield race(f"An epoch of LeNet on MNIST, with its memory, {threads_of(threads)}", epochs)
