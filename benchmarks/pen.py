"""How fast the page follows a pen: from a stroke on the pad to the maps of LeNet that are in sight.

    python -m benchmarks.pen

draws in headless Chromium, and prints a Markdown table. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import math
import shutil
import statistics
from collections.abc import Sequence
from typing import Any

from pellucid import models
from pellucid.web.bench import Bench
from pellucid.web.serving.server import Server

PAUSE = 16
"""Milliseconds between two moves: as a screen of 60 Hz tells them."""

WATCH = """() => {
  window.lags = [];
  window.answers = [];
  const inSight = [...document.querySelectorAll("[data-path] canvas")].filter((canvas) => {
    const { top, bottom, height } = canvas.getBoundingClientRect();
    return height && top < innerHeight && bottom > 0;
  });
  const last = inSight.at(-1);
  let moved = []; // when the pen was where nothing was asked about yet
  const asked = []; // {at, moved} of questions without an answer, in order
  let answered = []; // when the pen was where the answers that came are not painted yet
  const follow = (event) => { if (event.buttons) moved.push(event.timeStamp); };
  document.getElementById("pad").addEventListener("pointerrawupdate", follow, true);
  window.WebSocket = class extends WebSocket {
    constructor(address) {
      super(address);
      this.addEventListener("message", () => { // hears of it before the page does
        const question = asked.shift();
        answers.push(performance.now() - question.at);
        answered.push(...question.moved);
      });
    }
    send(message) {
      asked.push({ at: performance.now(), moved: moved.splice(0) });
      super.send(message);
    }
  };
  const { putImageData } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.putImageData = function (...given) {
    if (this.canvas === last) {
      const shown = answered.splice(0);
      if (shown.length) requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => lags.push(...shown.map((each) => performance.now() - each));
        port2.postMessage(null); // comes when the page is done with the frame
      });
    }
    return putImageData.apply(this, given);
  };
  return inSight.length;
}"""
"""In the page: notes how long it takes from each move of the pen, as the browser heard of it, to the end of the frame
in which the last of the layers in sight has maps of an image with that move in it; and from question to answer."""


def main(words: Sequence[str] | None = None) -> None:
    """Draw, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pen", description=__doc__.partition("\n")[0])
    parser.add_argument("--moves", type=int, default=300, help="of the pen (default: 300)")
    moves = parser.parse_args(words).moves
    with Server(Bench(models.lenet(), "LeNet"), say=lambda words: None) as server:
        layers, lags, answers = drawn(server.guard.address, moves)
    print(f"| LeNet, {layers} layers in sight | times | median | 95th percentile | most |\n|---|---:|---:|---:|---:|")
    for name, found in (("pen to picture", lags), ("of that, question and answer", answers)):
        last = statistics.quantiles(found, n=20)[-1]
        print(f"| {name} | {len(found)} | {statistics.median(found):.0f} ms | {last:.0f} ms | {max(found):.0f} ms |")


def drawn(address: str, moves: int) -> tuple[int, list[float], list[float]]:
    """Return how many layers were in sight while something was drawn, and the milliseconds from a move of the pen to
    the frame that shows it, and from question to answer."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(address)
        page.locator("[data-path] canvas").first.wait_for()
        page.wait_for_timeout(2000)
        layers = page.evaluate(WATCH)
        _draw(page, moves // 10)  # what is done for the first time takes longer
        page.evaluate("lags.length = answers.length = 0")
        _draw(page, moves)
        found = layers, page.evaluate("lags"), page.evaluate("answers")
        browser.close()
    return found


def _draw(page: Any, moves: int) -> None:
    box = page.locator("#pad").bounding_box()
    middle, reach = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2], box["width"] / 3
    page.mouse.move(middle[0] + reach, middle[1])
    page.mouse.down()
    for move in range(moves):
        page.mouse.move(middle[0] + reach * math.cos(move / 9), middle[1] + reach * math.sin(move / 7))
        page.wait_for_timeout(PAUSE)
    page.mouse.up()
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main()
