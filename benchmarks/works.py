"""What a library is measured at: one class a kind of work, all of one form.

Made with a library and a task, a work does its work once, so that others can compare what came out (`facts`), and then
as often as it takes to be warm. `repeat` measures.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from itertools import repeat
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from benchmarks.disturbance import Moment, Span
from benchmarks.numpy_path import measuring_environment
from benchmarks.peers import Base
from benchmarks.problem import ConvolutionProblem, NetworkProblem, Pictures, Problem, as_pixels
from benchmarks.recipes import RECIPES

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system counts resident memory."""
LOOKED_AT = 64
"""Numbers of a large array that are compared."""


class Work(Protocol):
    """What a worker needs of a work.

    Attributes
    ----------
    facts : dict
        "numbers": what was computed, by name.
    """

    facts: dict[str, Any]

    def repeat(self, number: int) -> dict[str, Any]:
        """Measure once: "seconds" of one call, and "wall", "own" and "others" of `Span`; `number` counts from 0."""


class Pace:
    """A call that is repeated, so often that it takes about so many seconds.

    Parameters
    ----------
    call : callable
        Returns what `finish` takes.
    finish : callable
        Waits until the call's work is done: some libraries only queue it.
    seconds : float
        How long a measurement takes; before the first, as much time goes by unmeasured.
    """

    def __init__(self, call: Callable[[], Any], finish: Callable[[Any], Any], seconds: float):
        self._call, self._finish = call, finish
        spent, calls = 0.0, 1
        while True:
            span = self._timed(calls)
            spent += span.wall
            if spent >= seconds:
                break
            calls = max(1, min(2 * calls, int(seconds / max(span.wall / calls, 1e-9))))
        self.calls = max(1, round(seconds * calls / span.wall))

    def measure(self) -> dict[str, Any]:
        """Return what a work's `repeat` does."""
        self._timed(max(1, self.calls // 20))  # the caches hold what another left there
        span = self._timed(self.calls)
        return {"seconds": span.wall / self.calls, "calls": self.calls, **asdict(span)}

    def _timed(self, calls: int) -> Span:
        call, result, began = self._call, None, Moment.now()
        for _ in repeat(None, calls):
            result = call()
        self._finish(result)
        return Span.between(began, Moment.now())


class Training:
    """Steps of training, on one batch after the other.

    The task has "problem", a file, for LeNet, or "network", what a `NetworkProblem` is made of; "batch_size"; "steps",
    whose losses are compared; "seconds".
    """

    def __init__(self, peer: Base, task: Mapping[str, Any]):
        problem = _loaded(peer, task)
        self._peer, self._at, self._large = peer, 0, "network" in task
        self._batches = peer.batches(problem, task["batch_size"])
        losses = [peer.number(self._step()) for _ in range(task["steps"])]
        self.facts = {"numbers": {"losses": losses}}
        self._pace = Pace(self._step, peer.number, task["seconds"]) if task["seconds"] else None

    def _step(self) -> Any:
        self._at = (self._at + 1) % len(self._batches)
        return self._peer.train_step(self._batches[self._at])

    def repeat(self, number: int) -> dict[str, Any]:
        """Measure one step, and its memory where the network is large."""
        return _with_memory(_measured(self._pace), self._large)


class Inference:
    """Outputs for one batch, array in to array out. The task has "problem" or "network", as that of `Training`,
    "batch_size" and "seconds"."""

    def __init__(self, peer: Base, task: Mapping[str, Any]):
        problem = _loaded(peer, task)
        self._large = "network" in task
        peer.for_inference()
        x = as_pixels(problem.images[: task["batch_size"]])
        outputs = np.asarray(peer.infer(x), float)
        self.facts = {"numbers": {"outputs": outputs.ravel()[: 10 * LOOKED_AT].tolist()}}
        self._pace = Pace(partial(peer.infer, x), lambda _: None, task["seconds"]) if task["seconds"] else None

    def repeat(self, number: int) -> dict[str, Any]:
        """Measure one call, and its memory where the network is large."""
        return _with_memory(_measured(self._pace), self._large)


class Layer:
    """A convolution alone. The task has "convolution", "backward" (or forward) and "seconds"."""

    def __init__(self, peer: Base, task: Mapping[str, Any]):
        forward, backward = peer.convolution(ConvolutionProblem(**task["convolution"]))
        call = backward if task["backward"] else forward
        found = peer.canonical(call())
        self.facts = {"numbers": {name: _some(array) for name, array in found.items()}}
        self._pace = Pace(call, lambda _: None, task["seconds"]) if task["seconds"] else None

    def repeat(self, number: int) -> dict[str, Any]:
        """Measure one call."""
        return _measured(self._pace)


class WholeTraining:
    """A recipe from its first step to its last; its repeats have other seeds. The task has "data" and "recipe"."""

    def __init__(self, peer: Base, task: Mapping[str, Any]):
        self._peer, self._recipe, self._data = peer, RECIPES[task["recipe"]], Pictures.read(task["data"])
        self.facts: dict[str, Any] = {"numbers": {}}

    def repeat(self, number: int) -> dict[str, Any]:
        """Train, and return "accuracy" and "seed" too."""
        began = Moment.now()
        seconds, accuracy = self._peer.train(self._recipe, self._data, number)
        return {"seconds": seconds, "accuracy": accuracy, "seed": number, **asdict(Span.between(began, Moment.now()))}


class Process:
    """A process from its start to its end, or the part of it that it times itself, printing a line "seconds 1.5".

    The library is `peers.process`. The task has "bytecode", a folder to keep that in, as for installed packages.
    """

    def __init__(self, peer: Base, task: Mapping[str, Any]):
        self._command = [peer.settings["python"], "-c", peer.settings["code"]]
        self._environment = measuring_environment(Path(task["bytecode"]))
        self.facts: dict[str, Any] = {"numbers": {}}
        self.repeat(0)  # compiles the bytecode, and whatever else is kept

    def repeat(self, number: int) -> dict[str, Any]:
        """Run it, and return "memory" too: the most bytes that it had resident."""
        began = Moment.now(own=0.0)
        with subprocess.Popen(self._command, env=self._environment, stdout=subprocess.PIPE, text=True) as process:
            printed = process.stdout.read() if process.stdout else ""
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        span = Span.between(began, Moment.now(own=used.ru_utime + used.ru_stime))
        if process.returncode:
            raise RuntimeError("the process failed; its error is in the log")
        timed = [float(line.split()[1]) for line in printed.splitlines() if line.startswith("seconds ")]
        return {"seconds": sum(timed) if timed else span.wall, "memory": used.ru_maxrss * RSS_UNIT, **asdict(span)}


class Limits:
    """What the machine can do; the library is only asked for its number of threads. The task has "seconds"."""

    def __init__(self, peer: Base, task: Mapping[str, Any]):
        from benchmarks.peak import Machine  # needs the compiler, which other libraries' environments lack

        self._machine, self._seconds = Machine(peer.threads), task["seconds"] / 2
        self.facts: dict[str, Any] = {"numbers": {}}

    def repeat(self, number: int) -> dict[str, Any]:
        """Measure "flops" and "bandwidth"; see `Machine`."""
        began = Moment.now()
        speeds = self._machine.speeds(self._seconds)
        span = Span.between(began, Moment.now())
        return {"seconds": span.wall, **speeds, **asdict(span)}


WORKS: Mapping[str, Callable[[Base, Mapping[str, Any]], Work]] = MappingProxyType({
    "training": Training, "inference": Inference, "layer": Layer, "whole training": WholeTraining,
    "process": Process, "limits": Limits,
})  # fmt: skip


def _measured(pace: Pace | None) -> dict[str, Any]:
    if pace is None:
        raise ValueError("the task gave no seconds: this worker was to compute, and not to be measured")
    return pace.measure()


def _loaded(peer: Base, task: Mapping[str, Any]) -> Problem | NetworkProblem:
    """Return a task's problem, which the library has loaded."""
    if "network" in task:
        network = NetworkProblem(**task["network"])
        peer.load_network(network)
        return network
    problem = Problem.read(task["problem"])
    peer.load(problem)
    return problem


def _with_memory(measured: dict[str, Any], wanted: bool) -> dict[str, Any]:
    """Add "memory", the most bytes that this process had resident."""
    if not wanted:
        return measured
    import resource  # which Windows does not have

    return {**measured, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT}


def _some(array: Any) -> list[float]:
    """Return numbers from all over an array, the same places for every array of its size."""
    flat = np.asarray(array, float).ravel()
    found: list[float] = flat[np.random.default_rng(0).integers(0, flat.size, LOOKED_AT)].tolist()
    return found
