"""How the page looks and is used: wide and narrow, by keyboard alone, by touch; in the dark, and while it computes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p

from .conftest import opened
from .drawn_sums import Panel

STATIC = Path(p.__file__).parent / "web" / "static"
BYTES = 300_000
"""That all files of the page may have together."""

PINNED = "#sample=3&layer=conv1&channel=1&cell=13,10"

BEYOND = """() => [...document.querySelectorAll("body *")].filter(each => {
    const box = each.getBoundingClientRect();
    const out = box.width && (box.right > innerWidth + 1 || box.left < -1);
    return out && !each.closest(".scroll, .wide, .unseen, .skip, svg");
}).map(each => each.outerHTML.slice(0, 150))"""

SMALL = """least => [...document.querySelectorAll("button, select, input, summary, a, [role=tab]")].filter(each => {
    const box = (each.closest("label") ?? each).getBoundingClientRect();
    const seen = each.checkVisibility({visibilityProperty: true}) && !each.closest("[inert], .skip, .unseen, p")
        && !each.matches(".skip, .unseen");
    return seen && box.width && (box.height < least - 0.5 || box.width < least - 0.5);
}).map(each => {
    const box = each.getBoundingClientRect();
    return [each.outerHTML.slice(0, 150), box.width, box.height];
})"""

IN_SIGHT = """element => { const box = element.getBoundingClientRect();
    return box.height > 0 && box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth; }"""


@pytest.fixture
def address(shown: Any) -> str:
    return f"http://127.0.0.1:{shown.server.port}/"


@pytest.fixture
def pinned(context: Any, address: str) -> Iterator[Any]:
    """The page as a link opens it, with a number pinned."""
    with opened(context, address + PINNED) as page:
        page.locator('.body[data-place="conv1 1,13,10"]').wait_for()
        yield page


def resize(page: Any, width: int, height: int = 850) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_all_files_together_are_small():
    assert sum(path.stat().st_size for path in STATIC.iterdir()) <= BYTES


def test_heights_are_of_what_a_telephone_shows_of_the_window():
    for path in STATIC.glob("*.css"):
        assert not re.findall(r"(?<!min-)height: [^;]*\dvh", path.read_text("utf-8")), path.name


def test_nothing_is_wider_than_the_window(pinned):
    pinned.locator("#open-tour").click()
    for tab in ("sum", "why", "change"):
        pinned.locator(f"#tab-{tab}").click()
        content = ":is(.sum, .told:not(:empty), input[type=number])"
        pinned.locator(f"#panel-{tab}:not([aria-busy]) {content}").first.wait_for()
        for width in (1400, 1101, 900, 400, 350):
            resize(pinned, width)
            assert not pinned.evaluate(BEYOND), (tab, width)
            assert pinned.evaluate("document.documentElement.scrollWidth") <= width, (tab, width)


def test_a_window_as_low_as_one_of_400_percent_has_all_of_it(pinned):
    resize(pinned, 350, 225)
    assert not pinned.evaluate(BEYOND)
    assert pinned.locator("#inspector").evaluate("element => getComputedStyle(element).position") == "static"
    pinned.locator("#panel-sum .copy").scroll_into_view_if_needed()
    assert pinned.locator("#panel-sum .copy").evaluate(IN_SIGHT)


def test_what_matters_is_in_sight(pinned):
    for selector in ("#pad", "#pixels", "#trail", "#scale", "#bars li:last-child", "#tabs"):
        assert pinned.locator(selector).evaluate(IN_SIGHT), selector
    resize(pinned, 400)
    pinned.evaluate("scrollTo(0, 1000)")
    for selector in (".thumbnail", ".best", "#trail", "#scale", "#stepper", "#sheet-open"):
        assert pinned.locator(selector).evaluate(IN_SIGHT), selector
    pinned.locator("#tab-change").click()
    pinned.locator("#change-silence").click()
    pinned.locator("#edited").wait_for()
    assert pinned.locator("#edited").evaluate(IN_SIGHT)
    pinned.locator("#change-reset").click()
    pinned.locator("#edited").wait_for(state="hidden")
    assert len(pinned.locator(".best li").all()) == 3


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (1366, 768), (1280, 720), (400, 800)])
def test_what_a_sample_is_stands_in_sight_above_what_it_is_taken_for(context, address, width, height):
    with opened(context, address) as page:
        resize(page, width, height)
        top = "() => document.querySelector('#bars').offsetTop"
        before = page.evaluate(top)
        page.get_by_label("next mistake").click()
        told = page.locator("#told", has_text="mistake 1 of ")
        told.wait_for()
        assert told.evaluate(IN_SIGHT)
        assert page.evaluate(top) == before
        label = page.locator("#bars .right .name").inner_text()
        assert told.inner_text().startswith(f"It is a {label}".replace("a 8", "an 8"))
        page.locator("#bars .likeliest").click()
        assert page.locator(".likeliest.right").count() == 0


def test_the_way_back_leaves_words_whole(pinned):
    drawn = """() => [...document.querySelectorAll(".layer > h2, .layer .line, .scores")].every(
        each => Number(getComputedStyle(each).zIndex) > 0)"""
    assert pinned.evaluate(drawn)


def test_where_the_sum_stands_below_a_tap_leads_to_it(pinned):
    resize(pinned, 350, 225)
    place = pinned.locator(".layer.here .map").first
    place.scroll_into_view_if_needed()
    place.click(position={"x": 12, "y": 12})
    pinned.wait_for_function("() => document.querySelector('.sums .body').getBoundingClientRect().top < 80")
    box = pinned.locator(".sums .body").bounding_box()
    assert 0 <= box["y"] < 80


def test_a_step_back_is_beside_the_number_it_begins_with(pinned):
    assert pinned.get_by_role("button", name="Step back").evaluate(IN_SIGHT)
    pinned.locator("#bars .bar").first.click()
    pinned.locator('.body[data-place^="softmax"]').wait_for()
    assert pinned.get_by_role("button", name="Step back").evaluate(IN_SIGHT)


def test_words_are_of_fingers_where_one_has_them(browser, context, address):
    finger = browser.new_context(
        viewport={"width": 400, "height": 850}, has_touch=True, is_mobile=True, storage_state=context.storage_state()
    )
    with opened(finger, address) as page:
        assert page.locator("#trail").inner_text() == "Tap a number to see its sum"
        assert page.locator("#pixels-hint").inner_text() == "Tap a pixel to follow it"
        assert "drop or paste" not in page.locator("#sources").inner_text()
        assert "Click" not in page.locator("#panel-sum").text_content()
    finger.close()


def test_axe_finds_no_fault(pinned):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()

    def check(*where: Any) -> None:
        found = axe.run(pinned).response["violations"]
        assert not found, (where, [(each["id"], [node["html"] for node in each["nodes"]]) for each in found])

    check("wide")
    pinned.emulate_media(color_scheme="dark")
    resize(pinned, 400, 900)
    pinned.locator("#open-tour").click()
    check("narrow, dark, with the tour")
    pinned.emulate_media(color_scheme="light")
    check("narrow, with the tour")
    resize(pinned, 1400, 900)
    pinned.emulate_media(color_scheme="dark")
    check("wide, dark, with the tour")
    pinned.locator("#tour [aria-label='Close the tour']").click()
    pinned.locator("#open-help").click()
    check("wide, dark, with the help")


def test_targets_are_large_enough(pinned):
    for width in (1400, 400):
        resize(pinned, width)
        pinned.locator("#open-tour").click()
        assert not pinned.evaluate(SMALL, 24)


def test_targets_are_larger_for_fingers(browser, context, address):
    finger = browser.new_context(
        viewport={"width": 400, "height": 850}, has_touch=True, is_mobile=True, storage_state=context.storage_state()
    )
    with opened(finger, address + PINNED) as page:
        page.locator('.body[data-place="conv1 1,13,10"]').wait_for()
        found = [each for each in page.evaluate(SMALL, 44) if "number" not in each[0] and "map" not in each[0]]
        assert not found
    finger.close()


# ---- the range of colours


def test_the_range_of_colours(pinned, shown):
    trace = shown.trace(3)
    maps = np.asarray(trace.values[trace.value("conv1")])

    def beyond(values: Any, reach: float) -> str:
        count = int(np.sum(np.abs(values) > np.float32(reach)))
        return f"{count} beyond"

    def shows(reach: float, count: str) -> None:
        words = f"{reach:.3g}"
        pinned.locator("#scale", has_text=words).filter(has_text=count).wait_for()

    layer, channel = (np.percentile(np.abs(each), 99.5) for each in (maps, maps[1]))
    shows(layer, beyond(maps, layer))
    pinned.select_option("#range", "channel")
    shows(channel, beyond(maps[1], channel))
    places = trace.program.layers
    whole = np.percentile(np.abs(np.concatenate([np.ravel(trace.values[each.output]) for each in places])), 99.5)
    pinned.select_option("#range", "network")
    shows(whole, beyond(maps, whole))
    pinned.select_option("#range", "layer")
    shows(layer, beyond(maps, layer))
    pinned.select_option("#range", "locked")
    pinned.get_by_label("next sample").click()
    pinned.locator("#told", has_text="It is a 4").wait_for()
    other = np.asarray(shown.trace(4).values[trace.value("conv1")])
    shows(layer, beyond(other, layer))


# ---- by keyboard alone


def tab_to(page: Any, selector: str, most: int = 40, key: str = "Tab") -> None:
    for _ in range(most):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{most} times {key} do not lead to {selector}")


@pytest.mark.parametrize("width", [1400, 400])
def test_a_walk_by_keyboard(page, width):
    resize(page, width)
    page.locator("section[data-path=input] .map").wait_for()
    tab_to(page, ".skip")
    page.keyboard.press("Enter")
    tab_to(page, "section[data-path=input] .map")
    page.keyboard.press("PageDown")
    page.locator("section[data-path=conv1] .map:focus").wait_for()
    for key in ("ArrowDown", "ArrowRight", "]", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    Panel(page, "conv1", (1, 1, 2))
    assert " ".join(page.locator("#trail").inner_text().split()).startswith("conv1 › channel 1 › (1, 2) › ")
    if width == 400:
        assert page.locator("#inspector").get_attribute("data-size") == "half"
    page.keyboard.press("Backspace")
    page.locator('.body[data-place^="input "]').wait_for()
    page.keyboard.press("Escape")
    page.locator("h3", has_text="Follow one number").wait_for(state="attached")
    if width == 400:
        assert page.locator("#inspector").get_attribute("data-size") == "closed"
        assert page.locator("#panels").evaluate("element => element.inert")
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "layer=" not in url)
    page.keyboard.press("?")
    page.locator("#help[open]").wait_for()
    page.keyboard.press("Escape")
    page.locator("#help").wait_for(state="hidden")


def test_the_sheet_is_opened_closed_and_dragged(page):
    resize(page, 400)
    sheet, opener = page.locator("#inspector"), page.locator("#sheet-open")

    def height() -> float:
        return sheet.evaluate("element => element.offsetHeight")

    assert opener.get_attribute("aria-expanded") == "false"
    assert height() < 60
    opener.click()
    assert opener.get_attribute("aria-expanded") == "true"
    assert 380 < height() < 460
    page.get_by_label("a larger sheet").click()
    assert height() > 600
    page.get_by_label("a smaller sheet").click()
    assert 380 < height() < 460
    grip = page.locator(".grip").bounding_box()
    middle = grip["x"] + grip["width"] / 2
    for to, size in ((150, "full"), (500, "half"), (830, "closed")):
        page.mouse.move(middle, page.locator(".grip").bounding_box()["y"] + 15)
        page.mouse.down()
        page.mouse.move(middle, to, steps=4)
        page.mouse.up()
        assert sheet.get_attribute("data-size") == size
    page.locator("#edited").evaluate("element => element.click()")  # whatever opens a tab opens the sheet
    assert sheet.get_attribute("data-size") == "half"
    page.keyboard.press("Tab")
    page.locator("#tab-change").focus()
    page.keyboard.press("Escape")
    assert sheet.get_attribute("data-size") == "closed"
    assert opener.evaluate("element => element === document.activeElement")


def test_one_layer_at_a_time(page):
    resize(page, 400)
    layers = page.locator("section.layer:visible")
    assert layers.count() == 1
    page.locator("#stepper select").select_option("norm1")
    page.locator("section[data-path=norm1] .map").first.wait_for()
    assert "reads" not in page.locator("section[data-path=norm1] .line").inner_text()
    page.get_by_label("next layer").click()
    page.locator("section[data-path=relu1] .map").first.wait_for()
    assert layers.count() == 1
    page.locator("section[data-path=relu1] .map").nth(2).click()
    page.locator('.body[data-place^="relu1 2,"]').wait_for()
    resize(page, 1400, 900)
    assert layers.count() > 30
    assert "reads residual1.body and lrn1" in page.locator("section[data-path=residual1] .line").inner_text()
    assert page.locator(".rail path").count()


# ---- waiting, moving


def test_what_takes_long_says_so(page):
    sign = page.locator("#computing")
    assert sign.inner_text() == ""
    held: list[Any] = []
    page.route("**/api/sum?*", lambda route: held.append(route))
    page.locator("section[data-path=conv1] .map").first.click()
    page.locator("#computing", has_text="computing").wait_for()
    held.pop().continue_()
    page.locator('.body[data-place^="conv1 "]').wait_for()
    page.locator("#computing:empty").wait_for(state="attached")


def test_motion_is_short_and_can_be_done_without(page):
    longest = """() => Math.max(...[...document.querySelectorAll("*")].flatMap(each => {
        const style = getComputedStyle(each);
        return [style.transitionDuration, style.animationDuration].flatMap(words => words.split(",").map(parseFloat));
    }))"""
    page.locator("#open-tour").click()
    assert page.evaluate(longest) == 0
    page.emulate_media(reduced_motion="no-preference")
    assert 0.15 <= page.evaluate(longest) <= 0.25


def test_forced_colours_leave_what_numbers_look_like(pinned):
    pinned.emulate_media(forced_colors="active")
    for selector in ("section[data-path=conv1] canvas", "#scale .gradient", ".swatch"):
        adjusted = pinned.locator(selector).first.evaluate("element => getComputedStyle(element).forcedColorAdjust")
        assert adjusted == "none", selector
