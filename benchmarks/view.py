"""How long the page makes one wait: for its first layer and first prediction, a new image, a sum, an explanation.

    python -m benchmarks.view [--models vgg16 resnet20]

opens networks with weights drawn at random in headless Chromium, and prints a Markdown table. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

from pellucid import models
from pellucid.inference.batches import weights
from pellucid.web.bench import Bench
from pellucid.web.serving.server import Server

PATIENCE = 300_000
"""Milliseconds that anything may take."""


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.view", description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=["vgg16", "resnet20"], help="by name (default: vgg16 resnet20)")
    parser.add_argument("--rounds", type=int, default=3, help="openings of each page (default: 3)")
    arguments = parser.parse_args(words)
    found = {name: _measured(name, arguments.rounds) for name in arguments.models}
    print(f"| seconds, median of {arguments.rounds} | {' | '.join(found)} |\n|---|{'---:|' * len(found)}")
    for row in next(iter(found.values())):
        print(f"| {row} | {' | '.join(f'{statistics.median(each[row]):.2f}' for each in found.values())} |")


def _measured(name: str, rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each thing takes, of every round."""
    from playwright.sync_api import sync_playwright

    seconds: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(rounds):
            began = time.perf_counter()
            network = models.by_name(name)()
            weights(network)
            seconds.setdefault("weights drawn", []).append(time.perf_counter() - began)
            bench = Bench(network, name)
            with Server(bench, say=lambda words: None) as server:
                page = browser.new_page(viewport={"width": 1400, "height": 900})
                page.set_default_timeout(PATIENCE)
                for row, taken in _steps(page, server.guard.address, bench):
                    seconds.setdefault(row, []).append(taken)
                page.close()
        browser.close()
    return seconds


def _steps(page: Any, address: str, bench: Bench) -> Iterator[tuple[str, float]]:
    """Do on a page what people do, and yield what it is called and the seconds that it took."""
    began = time.perf_counter()

    def since() -> float:
        return time.perf_counter() - began

    page.goto(address)
    first = list(bench.values)[1]
    page.locator(f'[data-path="{first}"] button.map').first.wait_for()
    yield "page opens: the first layer's maps", since()
    page.locator("#bars:not([aria-busy]) li").first.wait_for()
    yield "page opens: the prediction", since()
    yield "another image: its prediction", page.evaluate(ANOTHER)
    layer = next(path for path in bench.values if path.startswith("linear"))
    for row, query in (
        ("a sum of the first linear layer", f"sum?image=IMAGE&layer={layer}&index=0"),
        ("maps of the first layer by what they add to the class", f"maps?image=IMAGE&layer={first}&order=contribution"),
        ("saliency", "why?image=IMAGE&method=saliency"),
        ("Grad-CAM", "why?image=IMAGE&method=grad_cam"),
        ("occlusion", "why?image=IMAGE&method=occlusion"),
    ):
        yield row, page.evaluate(ASK, query)
    yield "another image while occlusion is made: its prediction", page.evaluate(BESIDE)


ANOTHER = """async () => {
  const { showBytes } = await import("/showing.js");
  const { network } = await import("/network.js");
  const length = network.input_shape.reduce((product, side) => product * side);
  window.other = () => Uint8Array.from({ length }, () => 256 * Math.random());
  const began = performance.now();
  await showBytes(other());
  return (performance.now() - began) / 1000;
}"""
ASK = """async (query) => {
  const { get } = await import("/state.js");
  const began = performance.now();
  const answer = await fetch(`api/${query.replace("IMAGE", get().image)}`);
  await answer.arrayBuffer();
  return answer.ok ? (performance.now() - began) / 1000 : NaN;
}"""
BESIDE = """async () => {
  const { send } = await import("/api.js");
  const leaving = new AbortController();
  const { image } = await send("pixels", { type: "u1", wait: true }, other());
  fetch(`api/why?image=${image}&method=occlusion`, { signal: leaving.signal }).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 300));
  const next = other();
  const began = performance.now();
  await send("pixels", { type: "u1", wait: true }, next);
  const seconds = (performance.now() - began) / 1000;
  leaving.abort();
  return seconds;
}"""


if __name__ == "__main__":
    main()
