"""A network of more channels than a row of the page shows: wherever one goes, the number in question is on the page."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

import pellucid as p
from pellucid.web.bench import Bench
from pellucid.web.serving.server import Server

from .conftest import let_in, opened

MANY = 64
SIDE = 12


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    network = p.Sequential(
        [p.Conv2d(1, MANY, 3), p.ReLU(), p.Conv2d(MANY, MANY, 3), p.MaxPool2d(2), p.Flatten(), p.Linear(16 * MANY, 10)],
        input_shape=(1, SIDE, SIDE), seed=1,
    )  # fmt: skip
    images = np.random.default_rng(0).integers(0, 256, (10, SIDE, SIDE)).astype(np.uint8)
    with Server(Bench(network, "wide", p.Dataset(images, np.arange(10))), say=lambda line: None) as made:
        yield made


@pytest.fixture(scope="module")
def window(browser: Any, server: Any) -> Iterator[Any]:
    with let_in(browser, server.guard.address) as own:
        yield own


@pytest.fixture
def page(window: Any, server: Any) -> Iterator[Any]:
    with opened(window, f"http://127.0.0.1:{server.port}/#sample=0") as own:
        yield own


def shown(page: Any, layer: str, channel: int) -> None:
    """See one map pinned, that of a channel, and its number at the top."""
    label = f"{layer}, channel {channel}, "
    page.locator(f'.layer[data-path="{layer}"] .map.pinned[aria-label^="{label}"]').wait_for()
    assert page.locator(".layer .map.pinned").count() == 1
    page.locator("#trail output").wait_for()
    assert f"{layer} › channel {channel} ›" in " ".join(page.locator("#trail").inner_text().split())


def test_a_link_shows_the_map_that_it_names(page):
    page.evaluate("location.hash = 'sample=1&layer=conv2&channel=55&cell=3,4'")
    shown(page, "conv2", 55)


def test_walking_back_shows_every_number(page):
    page.locator("#bars .bar").first.click()
    page.locator("#trail", has_text="linear1").wait_for()
    seen = []
    for layer in ("flatten1", "pool1", "conv2", "relu1", "conv1"):
        page.keyboard.press("Backspace")
        page.locator("#trail", has_text=layer).wait_for()
        page.locator("#trail output").wait_for()
        if layer != "flatten1":
            seen.append(page.evaluate("import('/state.js').then(({ get }) => get().channel)"))
            shown(page, layer, seen[-1])
    assert max(seen) >= 24, "this network shows nothing"


def test_channels_are_stepped_through_beyond_those_that_are_shown(page):
    page.evaluate("location.hash = 'sample=1&layer=conv2&channel=23&cell=3,4'")
    shown(page, "conv2", 23)
    page.get_by_label("next channel").click()
    shown(page, "conv2", 24)
    page.get_by_label("channel before").click()
    shown(page, "conv2", 23)


def test_the_keyboard_goes_on_to_the_maps_that_are_not_shown(page):
    maps = page.locator(".layer[data-path=conv1] .map")
    maps.nth(23).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("]")
    focused = page.locator(".map:focus")
    page.locator('.map:focus[aria-label^="conv1, channel 24, row 1, column 0"]').wait_for()
    page.keyboard.press("[")
    page.locator('.map:focus[aria-label^="conv1, channel 23, row 1, column 0"]').wait_for()
    page.select_option("[aria-label='order of the maps of conv1']", "mean")
    page.locator(".layer[data-path=conv1] .caption", has_text="·").first.wait_for()
    maps.nth(23).focus()
    before = focused.get_attribute("aria-label")
    page.keyboard.press("]")
    page.wait_for_function("(before) => document.activeElement.ariaLabel !== before", arg=before)
    assert page.locator(".layer[data-path=conv1] .controls").inner_text().split("–")[0].endswith("24")
    for _ in range(MANY):
        page.keyboard.press("]")
        page.wait_for_timeout(20)
    page.wait_for_function("() => document.activeElement.matches('.layer .map:nth-child(17)')")  # the canvas, 16 maps


def test_another_layer_is_entered_at_the_same_channel_and_place(page):
    page.locator(".layer[data-path=conv1] .map").nth(5).focus()
    for key in ("ArrowDown", "ArrowRight", "PageDown"):
        page.keyboard.press(key)
    page.locator('.map:focus[aria-label^="relu1, channel 5, row 1, column 1"]').wait_for()
