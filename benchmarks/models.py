"""The known networks at their own sizes: training steps, outputs for one image, and what the first step costs.

A step is one of Adam on a batch of 8; without dropout, whose masks would differ. The numbers are compared with torch's
by default: the definitions in float64 would take minutes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pellucid as p
from benchmarks.harness import Competitor, Race
from benchmarks.lenet import KEPT_MEMORY
from benchmarks.run import Run, threads_of

MODELS = ("alexnet", "vgg16", "squeezenet1_1", "resnet18", "resnet50", "mobilenet_v2", "resnet20")
TRAINING_BATCH = 8
TOLERANCE = 1e-3

TORCH = Competitor("torch, memory kept", "torch", {}, KEPT_MEMORY)
COMPETITORS = (
    Competitor("Pellucid", "pellucid", ours=True),
    TORCH,
    Competitor("torch, memory kept, channels last", "torch", {"channels_last": True, "fused": True}, KEPT_MEMORY),
)
FIRST_STEP = """
import os, shutil, tempfile, time
folder = tempfile.mkdtemp()
os.environ["PELLUCID_CACHE"] = {cache}
import pellucid.compiler.executable
from benchmarks.peers.pellucid import Peer
from benchmarks.problem import NetworkProblem
problem, library = NetworkProblem(**{network!r}), Peer({settings!r})
library.load_network(problem)
began = time.perf_counter()
library.number(library.train_step(library.batches(problem, problem.samples)[0]))
print("seconds", time.perf_counter() - began)
shutil.rmtree(folder)
"""


def races(run: Run) -> Iterator[Race]:
    """Yield the races."""
    threads = max(run.threads)
    for model in MODELS:
        network = p.models.by_name(model)()
        totals = p.summary(network).totals
        (classes,) = network.output_shape()
        described = {"model": model, "classes": classes, "shape": network.input_shape}
        for samples, work, title in (
            (1, "inference", "one image"),
            (TRAINING_BATCH, "training", f"a training step, batch {TRAINING_BATCH}, Adam"),
        ):
            task = {
                "network": {**described, "samples": samples},
                "batch_size": samples,
                "seconds": run.seconds,
                "steps": 1,
            }
            # A step computes the outputs, and the gradients of weights and inputs, which take as many each.
            operations = 2 * totals.multiply_adds * samples * (3 if work == "training" else 1)
            yield Race(
                f"{model}: {title}, {threads_of(threads)}", work, task, COMPETITORS, threads, operations,
                tolerance=TOLERANCE, reference=TORCH,
            )  # fmt: skip
        yield _first_steps(run, {**described, "samples": TRAINING_BATCH}, threads)


def _first_steps(run: Run, network: dict[str, object], threads: int) -> Race:
    """Return the race of a step that is compiled with one whose code is kept."""
    kept = {"PELLUCID_CACHE": str(run.folder / "cache")}
    competitors = [
        Competitor(
            name, "process",
            {
                "python": run.environments.python(""), "needs": "pellucid",
                "code": FIRST_STEP.format(network=network, settings={"threads": threads}, cache=place),
            },
            kept, ours=True,
        )
        for name, place in (("nothing cached", "folder"), ("everything cached", "os.environ['PELLUCID_CACHE']"))
    ]  # fmt: skip
    title = f"{network['model']}: the first step, with all that is done once, {threads_of(threads)}"
    return Race(title, "process", {"bytecode": str(run.folder / "bytecode")}, competitors, threads, tolerance=0)
