"""Many clients at one time: ``python -m tests.web.load --clients 200 --seconds 30`` prints how long answers took, and
how much memory the server has.

The clients are threads of this process, each with a connection of its own, which ask everything that the page asks;
the server is another process. Reads what it has of memory from /proc, so it measures that under Linux alone.
"""

import argparse
import contextlib
import http.client
import itertools
import json
import multiprocessing
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SHAPE = (1, 12, 12)


class Measured(NamedTuple):
    """What a load was answered with."""

    statuses: Counter[int]
    seconds: dict[str, list[float]]
    errors: list[str]
    before: int
    after: int

    def table(self) -> str:
        """The numbers, a line for each question."""
        lines = [f"{'':12}{'count':>8}{'p50':>9}{'p95':>9}{'p99':>9}{'most':>9}  ms"]
        every = sorted(itertools.chain.from_iterable(self.seconds.values()))
        for name, found in [*sorted(self.seconds.items()), ("all", every)]:
            quantiles = " ".join(f"{1000 * q:8.1f}" for q in np.quantile(found, [0.5, 0.95, 0.99, 1]))
            lines.append(f"{name:12}{len(found):8} {quantiles}")
        return "\n".join([
            *lines, f"statuses {dict(self.statuses)}; errors {len(self.errors)}: {self.errors[:3]}",
            f"memory before {self.before >> 20} MB, after {self.after >> 20} MB",
        ])  # fmt: skip


def load(clients: int, seconds: float) -> Measured:
    """Ask a server from so many connections at one time, for so many seconds."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=_serve, args=(there,), daemon=True)
    server.start()
    try:
        port, cookie = here.recv()
        warm = _Client(port, cookie, 0)
        for name in QUESTIONS:
            warm.ask(name)
        warm.close()
        before, until = _resident(server.pid), time.monotonic() + seconds
        every = [_Client(port, cookie, number) for number in range(clients)]
        threads = [threading.Thread(target=client.until, args=(until,)) for client in every]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = _resident(server.pid)
    finally:
        here.close()
        server.join(10)
    statuses, taken, errors = Counter[int](), dict[str, list[float]](), list[str]()
    for client in every:
        statuses.update(client.statuses)
        errors += client.errors
        for name, found in client.seconds.items():
            taken.setdefault(name, []).extend(found)
    return Measured(statuses, taken, errors, before, after)


def _serve(told: Any) -> None:
    """Serve a small network; the other end of the pipe is told port and cookie."""
    import pellucid as p
    from pellucid.web.bench import Bench
    from pellucid.web.serving.server import Server

    from .wire import open_page

    rng = np.random.default_rng(0)
    layers = [p.Conv2d(1, 4, 3), p.BatchNorm2d(4), p.ReLU(), p.MaxPool2d(2), p.Flatten(), p.Linear(100, 3), p.Softmax()]
    data = p.Dataset(rng.integers(0, 256, (200, *SHAPE), dtype=np.uint8), rng.integers(0, 3, 200), name="noise")
    bench = Bench(p.Sequential(layers, input_shape=SHAPE), "load", data)
    with Server(bench, say=lambda words: None) as server:
        told.send((server.port, open_page(server)))
        with contextlib.suppress(EOFError):  # the other end is closed when it is over
            told.recv()


def _resident(process: int | None) -> int:
    """Return the bytes of memory that a process has."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


class _Client:
    """One of many: asks at random, with an image that it showed before."""

    def __init__(self, port: int, cookie: str, seed: int):
        self._own = {"Cookie": cookie, "Origin": f"http://127.0.0.1:{port}"}
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._draw, self._image = random.Random(seed), ""
        self.statuses, self.seconds, self.errors = Counter[int](), dict[str, list[float]](), list[str]()

    def until(self, end: float) -> None:
        self.ask("sample")
        while time.monotonic() < end:
            self.ask(self._draw.choice(list(QUESTIONS)))
        self.close()

    def close(self) -> None:
        self._line.close()

    def ask(self, name: str) -> None:
        method, path, body = QUESTIONS[name]
        path = path.replace("IMAGE", self._image).replace("NUMBER", str(self._draw.randrange(200)))
        begun = time.monotonic()
        try:
            self._line.request(method, path, body, self._own)
            answer = self._line.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.errors.append(f"{name}: {error!r}")
            self.close()
            return
        self.seconds.setdefault(name, []).append(time.monotonic() - begun)
        self.statuses[answer.status] += 1
        if answer.status == 410:
            self.ask("sample")
        elif answer.status != 200:
            self.errors.append(f"{name}: {answer.status} {content[:200]!r}")
        elif method == "POST" and name in ("sample", "drawing", "pixels"):
            self._image = json.loads(content[4 : 4 + int.from_bytes(content[:4], "little")])["image"]


QUESTIONS: dict[str, tuple[str, str, bytes | None]] = {
    "page": ("GET", "/", None),
    "script": ("GET", "/main.js", None),
    "network": ("GET", "/api/network", None),
    "sample": ("POST", "/api/sample?number=NUMBER&layers=conv1,relu1", b""),
    "drawing": (
        "POST",
        "/api/drawing?rows=280&columns=280&layers=conv1",
        bytes(40_000) + b"\xff" * 400 + bytes(38_000),
    ),
    "pixels": ("POST", "/api/pixels?type=u1", bytes(range(144))),
    "seen": ("GET", "/api/seen?image=IMAGE", None),
    "samples": ("GET", "/api/samples?which=mistakes", None),
    "maps": ("GET", "/api/maps?image=IMAGE&layer=relu1&order=contribution", None),
    "sum": ("GET", "/api/sum?image=IMAGE&layer=conv1&index=1,2,3", None),
    "walk": ("GET", "/api/walk?image=IMAGE&layer=linear1&index=1", None),
    "methods": ("GET", "/api/methods", None),
    "saliency": ("GET", "/api/why?image=IMAGE&method=saliency", None),
    "grad_cam": ("GET", "/api/why?image=IMAGE&method=grad_cam&forgotten=1", None),
    "occlusion": ("GET", "/api/why?image=IMAGE&method=occlusion", None),
    "kernel": ("GET", "/api/kernel?layer=conv1&out=2", None),
    "edit": ("POST", "/api/edit?what=kernel&layer=conv1&out=1&channel=0&preset=blur", b""),
    "silence": ("POST", "/api/edit?what=silence&layer=conv1&out=1", b""),
    "undo": ("POST", "/api/undo?all=1", b""),
    "edits": ("GET", "/api/edits", None),
    "accuracy": ("GET", "/api/accuracy", None),
}
"""What is asked: method, path, and body."""


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clients", type=int, default=200)
    arguments.add_argument("--seconds", type=float, default=30)
    chosen = arguments.parse_args()
    print(load(chosen.clients, chosen.seconds).table())
