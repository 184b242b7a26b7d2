"""What it costs a training that somebody watches it: LeNet on MNIST, side by side without the page and with it open.

    python -m benchmarks.live_view [--page chromium|socket]

trains by turns, opens the page in a process of its own (headless Chromium, or only the socket that a page has), and
prints a Markdown table. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pellucid as p
from pellucid import models
from pellucid.web import Live

READY = "ready"


class Measured(NamedTuple):
    """What one training took: seconds of an epoch, seconds of processors of all its threads."""

    seconds: float
    processor: float


class Clock(p.Callback):
    """Notes the processors' seconds that this process takes from the end of the first epoch to that of the last."""

    sees_weights = False

    def on_epoch(self, training: Any) -> None:
        if training.epoch == 1:
            self.began, self.wall = time.process_time(), time.perf_counter()
        self.processor, self.seconds = time.process_time() - self.began, time.perf_counter() - self.wall


def trained(train: p.Dataset, epochs: int, page: subprocess.Popen[str] | None) -> Measured:
    """Train; the first epoch is not counted. With a page, it is open before the training begins."""

    def opened(words: str) -> None:
        if page is not None and words.startswith("watch"):
            _say(page, words.split()[-1])
            _hear(page)

    clock = Clock()
    live = Live(browser=False, say=opened) if page is not None else None
    callbacks = [clock] if live is None else [clock, live]
    p.fit(models.lenet(), train, epochs=epochs + 1, callbacks=callbacks, progress=False)
    if live is not None:
        live.close()
    return Measured(clock.seconds / epochs, clock.processor / epochs)


def main(words: Sequence[str] | None = None) -> None:
    """Train by turns, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live_view", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="trainings of either kind, at least 2 (default: 5)")
    parser.add_argument(
        "--epochs", type=int, default=2, help="of a training, after one that is not counted (default: 2)"
    )
    parser.add_argument(
        "--page", choices=("chromium", "socket"), default="chromium", help="what opens (default: chromium)"
    )
    parser.add_argument("--data-dir", help="where MNIST's files are; otherwise found or downloaded as by `pellucid`")
    parser.add_argument("--be-page", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(words)
    if arguments.be_page:
        _browse() if arguments.page == "chromium" else _listen()
        return
    train, _ = p.datasets.mnist(arguments.data_dir)
    command = [sys.executable, "-m", "benchmarks.live_view", "--be-page", "--page", arguments.page]
    page = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    found: dict[bool, list[Measured]] = {False: [], True: []}
    for number in range(arguments.rounds):
        for watched in (False, True) if number % 2 == 0 else (True, False):
            found[watched].append(trained(train, arguments.epochs, page if watched else None))
    page.stdin.close()
    page.wait(20)
    print("| LeNet, an epoch of MNIST | seconds, median | least | seconds of processors |\n|---|---:|---:|---:|")
    for watched, name in ((False, "alone"), (True, f"watched ({arguments.page})")):
        seconds = [each.seconds for each in found[watched]]
        processor = statistics.median(each.processor for each in found[watched])
        print(f"| {name} | {statistics.median(seconds):.3f} | {min(seconds):.3f} | {processor:.3f} |")
    ratios = [two.seconds / one.seconds for one, two in zip(found[False], found[True], strict=True)]
    more = [(two.processor - one.processor) / two.seconds for one, two in zip(found[False], found[True], strict=True)]
    print(f"\nthe page takes {100 * statistics.median(more):.1f} % of one processor from this process")
    low, middle, high = (100 * (ratio - 1) for ratio in statistics.quantiles(ratios, n=4))
    print(f"slower by {middle:.1f} % (median of {len(ratios)} pairs; half of them lie from {low:.1f} to {high:.1f} %)")


# ---- the page, in a process of its own: it reads addresses, opens them, and says when it is there


def _say(page: subprocess.Popen[str], words: str) -> None:
    page.stdin.write(words + "\n")
    page.stdin.flush()


def _hear(page: subprocess.Popen[str]) -> None:
    while (line := page.stdout.readline()) and line.strip() != READY:
        pass


def _browse() -> None:
    """Open each address in Chromium, with the picture of the training in sight."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        window = None
        for line in sys.stdin:
            if window is not None:
                window.close()
            window = browser.new_page(viewport={"width": 1400, "height": 900})
            window.goto(line.strip())
            window.locator("#tab-learn[aria-selected=true]").wait_for(timeout=120_000)
            print(READY, flush=True)


def _listen() -> None:
    """Open each address's socket, and read all that comes."""
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    for line in sys.stdin:
        address = urlsplit(line.strip())
        asked = http.client.HTTPConnection(address.netloc)
        asked.request("GET", f"{address.path}?{address.query}")
        cookie = asked.getresponse().getheader("set-cookie").partition(";")[0]
        where = f"ws://{address.netloc}/api/live"
        with connect(where, origin=f"http://{address.netloc}", additional_headers={"cookie": cookie}) as socket:
            print(READY, flush=True)
            for _ in _messages(socket, ConnectionClosed):
                pass


def _messages(socket: Any, closed: type[Exception]) -> Iterator[bytes]:
    with contextlib.suppress(closed):
        while True:
            yield socket.recv()


if __name__ == "__main__":
    main()
