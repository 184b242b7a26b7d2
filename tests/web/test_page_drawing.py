"""Drawing on the page: the maps follow the pen, with nothing asked but what the network makes of it."""

import math
import re
from typing import Any

import numpy as np
import pytest

import pellucid as p

from .conftest import Shown

NO_SOCKET = """window.WebSocket = class {
    static OPEN = 1;
    static CONNECTING = 0;
    readyState = 3;
    constructor() { window.tried = (window.tried ?? 0) + 1; setTimeout(() => this.onclose?.()); }
};"""
SEEN = """() => Array.from(document.getElementById("pixels").getContext("2d").getImageData(0, 0, 28, 28).data)
    .filter((byte, at) => at % 4 === 0)"""
COLOURS = """async path => {
    const { word } = await import("./colours.js");
    const { mapsOf } = await import("./layers.js");
    const maps = mapsOf(path);
    const [, rows, columns] = maps.layer.shape;
    const { width, height } = maps.canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(maps.canvas, 0, 0);
    const picture = copy.getImageData(0, 0, width, height);
    const words = new Uint32Array(picture.data.buffer);
    let wrong = 0;
    maps.places.forEach(([left, top], k) => {
        for (let at = 0; at < rows * columns; at += 1) {
            const colour = word(maps.numbers[k * rows * columns + at], maps.ranges[k]);
            for (const [down, right] of [[0, 0], [maps.zoom - 1, maps.zoom - 1]]) {
                const y = top + Math.floor(at / columns) * maps.zoom + down;
                if (words[y * picture.width + left + (at % columns) * maps.zoom + right] !== colour) wrong += 1;
            }
        }
    });
    return wrong;
}"""

RELABELLED = """before => {
    const button = document.querySelectorAll("section[data-path=conv1] .map")[2];
    return button.getAttribute("aria-label") !== before;
}"""


def draw(page: Any, moves: int = 12) -> None:
    box = page.locator("#pad").bounding_box()
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    page.mouse.move(middle[0] + 50, middle[1])
    page.mouse.down()
    for move in range(moves):
        page.mouse.move(middle[0] + 50 * math.cos(move / 2), middle[1] + 60 * math.sin(move / 2))
    page.mouse.up()


def settled(page: Any) -> np.ndarray:
    """Wait until the page shows what is on the pad, and return it."""
    page.wait_for_function("""async () => {
        const { padInk } = await import("./pad.js");
        const { get } = await import("./state.js");
        const now = padInk().bytes.join();
        if (window.before !== now || window.image !== get().image) { window.same = 0; }
        Object.assign(window, { before: now, image: get().image, same: (window.same ?? 0) + 1 });
        return window.same > 30 && !document.querySelector("#computing").textContent;
    }""")
    ink = page.evaluate("""async () => {
        const { rows, columns, bytes } = (await import("./pad.js")).padInk();
        return [rows, columns, Array.from(bytes)];
    }""")
    return np.array(ink[2], np.uint8).reshape(ink[:2])


def asked(page: Any) -> list[str]:
    """Return a list that will hold what the page asks for by requests."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if "/api/" in request.url else None)
    return found


def follows(page: Any, shown: Shown) -> None:
    """Assert that image, maps and their colours are those of the drawing."""
    image = p.drawn_digit(settled(page))
    assert page.evaluate(SEEN) == image.ravel().tolist()
    maps = p.activations(shown.network, image[None])["conv1"][0]
    button = page.locator("section[data-path=conv1] .map").nth(2)
    button.focus()
    for key in ("ArrowDown", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    words = button.get_attribute("aria-label")
    assert words.startswith("conv1, channel 2, row 2, column 10, ")
    value = float(words.rpartition(", ")[2].replace("\u2212", "-"))
    assert value == pytest.approx(float(maps[2, 2, 10]), rel=1e-3, abs=1e-6)
    assert page.evaluate(COLOURS, "conv1") == 0


def test_maps_follow_the_pen_and_nothing_is_asked_twice(page, shown):
    draw(page, 2)  # which opens the socket
    settled(page)
    requests = asked(page)
    draw(page)
    follows(page, shown)
    assert not [each for each in requests if "drawing" in each or "layer=conv1" in each]
    before = page.locator("section[data-path=conv1] .map").nth(2).get_attribute("aria-label")
    page.locator("#clear").click()
    page.wait_for_function(RELABELLED, arg=before)


def test_ink_that_is_set_by_keyboard_is_on_the_pad(page):
    draw(page)
    settled(page)
    page.locator("#pixels-cell").focus()
    for key in ("9", "ArrowRight", "9"):
        page.keyboard.press(key)
    assert settled(page)[0, :10].tolist() == [255] * 10
    bytes_ = """async () => Array.from((await import("./pixels.js")).shownPixels().data)"""
    before = page.evaluate(bytes_)
    page.locator("#raw").check()
    settled(page)
    assert page.evaluate(bytes_) == before
    assert before[:2] == [255, 255]
    page.locator("#raw").uncheck()


def test_without_a_socket_requests_have_to_do(context, shown):
    with context.new_page() as page:
        page.add_init_script(NO_SOCKET)
        page.goto(f"http://127.0.0.1:{shown.server.port}/")
        page.locator("#bars li").first.wait_for()
        requests = asked(page)
        draw(page)
        follows(page, shown)
        assert [each for each in requests if "drawing" in each]
        assert page.evaluate("tried") == 1


def test_colours_reach_as_far_as_is_chosen(page, shown):
    for chosen in ("channel", "network", "locked", "layer"):
        page.locator("#range").select_option(chosen)
        draw(page, 6)
        image = p.drawn_digit(settled(page))
        maps = p.activations(shown.network, image[None])["conv1"][0]
        ranges = page.evaluate("async () => (await import('./layers.js')).mapsOf('conv1').ranges")
        if chosen == "channel":
            np.testing.assert_allclose(ranges, [np.percentile(np.abs(each), 99.5) for each in maps], rtol=1e-5)
        elif chosen == "layer":
            np.testing.assert_allclose(ranges, np.percentile(np.abs(maps), 99.5), rtol=1e-5)
        elif chosen == "network":
            every = [np.ravel(each[0]) for each in p.activations(shown.network, image[None]).values()]
            assert len(set(ranges)) == 1
            assert ranges[0] == pytest.approx(np.percentile(np.abs(np.concatenate(every)), 99.5), rel=0.2)
        else:
            locked = ranges
            draw(page, 9)
            settled(page)
            assert page.evaluate("async () => (await import('./layers.js')).mapsOf('conv1').ranges") == locked
        assert page.evaluate(COLOURS, "conv1") == 0


def test_the_address_tells_of_a_drawing_once_it_rests(page):
    draw(page)
    page.wait_for_url(re.compile("pixels="))
