"""Takes the pictures of docs/view.md: the page of a LeNet, wide and narrow. Needs MNIST, playwright and Chromium.

python tools/view_pictures.py [RUN]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

import pellucid as p
from pellucid.web.bench import Bench
from pellucid.web.serving.server import Server

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "assets"
COLOURS = 128
BYTES = 150_000
THREE = ((90, 70), (140, 50), (190, 80), (150, 130), (190, 170), (180, 220), (130, 240), (85, 210))
"""A digit on a pad of 280×280, as a line through these places."""


def main() -> None:
    """Train, or take a run, show it, and take the pictures."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("expected chromium or google-chrome, found neither")
    train, test = p.datasets.mnist()
    with tempfile.TemporaryDirectory() as place:
        run = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(place, "lenet")
        if len(sys.argv) == 1:
            p.fit(p.models.lenet(), train, validation=0.1, epochs=5, optimizer=p.Adam(2e-3), out=run)
        bench = Bench(p.load(run), "lenet-mnist", test, "test")
        with Server(bench, say=lambda line: None) as server, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            context = chromium.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
            page = context.new_page()
            page.goto(server.guard.address)
            for take in (wide, tour, narrow):
                page.goto(f"http://127.0.0.1:{server.port}/")
                page.locator("#bars li").first.wait_for()
                take(page)
            chromium.close()


def wide(page: Any) -> None:
    """A drawn digit, and the sum behind a number of the first convolution."""
    box = page.locator("#pad").bounding_box()
    places = [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in THREE]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    pin(page, "conv1", 1, (40, 12))
    keep(page, "view.png")


def tour(page: Any) -> None:
    """A step of the tour, in the dark."""
    page.emulate_media(color_scheme="dark")
    pin(page, "conv1", 3, (48, 30))
    page.locator("#open-tour").click()
    keep(page, "view-tour.png")
    page.get_by_label("Close the tour").click()
    page.emulate_media(color_scheme="light")


def narrow(page: Any) -> None:
    """One layer, and the sheet with the sum, on the screen of a telephone."""
    page.set_viewport_size({"width": 400, "height": 850})
    page.locator("#stepper select").select_option("pool1")
    page.locator("#stepper").scroll_into_view_if_needed()
    pin(page, "pool1", 1, (40, 40))
    page.locator("[data-path=pool1] .map").first.evaluate("element => element.scrollIntoView({block: 'center'})")
    keep(page, "view-narrow.png")


def pin(page: Any, path: str, channel: int, at: tuple[int, int]) -> None:
    page.locator(f"[data-path={path}] .map").nth(channel).click(position={"x": at[0], "y": at[1]})
    page.locator(f'.sums .body[data-place^="{path} "]:not([aria-busy])').wait_for()


def keep(page: Any, name: str) -> None:
    """Take a picture, in few colours."""
    page.mouse.move(700, 5)
    page.wait_for_timeout(800)  # the last map is coloured by another thread
    picture = FOLDER / name
    page.screenshot(path=picture)
    Image.open(picture).convert("RGB").quantize(COLOURS).save(picture, optimize=True)
    if picture.stat().st_size > BYTES:
        sys.exit(f"{name} has {picture.stat().st_size:,} bytes; expected at most {BYTES:,}")


if __name__ == "__main__":
    main()
