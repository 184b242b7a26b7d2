"""A network that has learnt the clock's digits, and questions to a bench without HTTP."""

import time
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pellucid as p
from pellucid.web import Live
from pellucid.web.answers import questions
from pellucid.web.answers.asked import Asked
from pellucid.web.bench import Bench
from pellucid.web.learning.past import followed

from .conftest import SIZE, clock_digits
from .parsed import parse

QUESTIONS = {question.name: question.answer for question in questions.QUESTIONS}


@cache
def _fitted() -> p.Sequential:
    first = [p.Conv2d(1, 4, 5), p.BatchNorm2d(4), p.ReLU(), p.MaxPool2d(2)]
    second = [p.Conv2d(4, 6, 5), p.ReLU(), p.MaxPool2d(2)]
    network = p.Sequential([*first, *second, p.Flatten(), p.Linear(96, 10)], input_shape=(1, SIZE, SIZE), seed=2)
    p.fit(network, clock_digits(), epochs=12, batch_size=10, optimizer=p.Adam(3e-3), engine="numpy")
    return network


def learnt() -> p.Sequential:
    """A small network, right on nearly all of the clock's digits."""
    return deepcopy(_fitted())


def watched(folder: Path) -> Bench:
    """A small network on the clock's digits, with the moments of its training, which is written to a folder."""
    layers = [p.Conv2d(1, 4, 5, stride=2), p.ReLU(), p.Flatten(), p.Linear(576, 10)]
    network = p.Sequential(layers, input_shape=(1, SIZE, SIZE), seed=1)
    live = Live(browser=False, say=lambda words: None)
    told: dict[str, Any] = {"epochs": 4, "batch_size": 10, "engine": "numpy", "progress": False}
    p.fit(network, clock_digits(), callbacks=[live], out=folder, **told)
    live.close()
    bench = Bench(network, "clock", clock_digits(), "test")
    bench.following = followed(network, folder)
    return bench


def ask(bench: Bench, name: str, body: bytes = b"", **words: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask a bench, and return what it tells, and the arrays."""
    found = QUESTIONS[name](bench, Asked({word: str(value) for word, value in words.items()}, body))
    return parse(found) if isinstance(found, bytes) else (found, {})


def settled(bench: Bench, name: str, **words: Any) -> dict[str, Any]:
    """Ask until all is measured."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told, _ = ask(bench, name, **words)
        if not told["pending"]:
            return told
        time.sleep(0.01)
    raise AssertionError(f"{name} is still being measured")
