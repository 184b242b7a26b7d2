"""What frames the page: its top, the left column, the sheet and the strip of a narrow page; a link to take along."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .conftest import WAIT, Shown, opened

PLACE = "#sample=3&layer=conv1&channel=1&cell=13,10"
BARE = "#sample=3"
BOX = "(element) => element.getBoundingClientRect().toJSON()"


@contextmanager
def page_of(browser: Any, context: Any, shown: Shown, link: str, width: int, height: int, **how: Any) -> Iterator[Any]:
    own = browser.new_context(
        viewport={"width": width, "height": height}, storage_state=context.storage_state(),
        **{"reduced_motion": "reduce", **how},
    )  # fmt: skip
    own.set_default_timeout(WAIT)
    with opened(own, f"http://127.0.0.1:{shown.server.port}/{link}") as page:
        yield page
    own.close()


def box(page: Any, selector: str) -> Any:
    return page.locator(selector).first.evaluate(BOX)


@pytest.fixture
def phone(browser: Any, context: Any, shown: Shown) -> Iterator[Any]:
    with page_of(browser, context, shown, BARE, 400, 800, has_touch=True, is_mobile=True) as page:
        yield page


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_a_map_that_is_tapped_stays_in_sight(browser: Any, context: Any, shown: Shown, motion: str) -> None:
    how = {"has_touch": True, "is_mobile": True, "reduced_motion": motion}
    with page_of(browser, context, shown, BARE, 400, 800, **how) as page:
        page.select_option("#stepper select", "conv1")
        page.locator("[data-path=conv1] .map").nth(5).wait_for()
        page.evaluate("""() => scrollBy(0, document.querySelector("[data-path=conv1] .map:last-of-type")
            .getBoundingClientRect().y - 600)""")
        page.locator("[data-path=conv1] .map").nth(5).tap()
        page.locator("#inspector[data-size=half]").wait_for()
        page.wait_for_function("""() => {
            const [map, sheet, stepper] = [".map.pinned", "#inspector", "#stepper"].map((each) =>
                document.querySelector(each).getBoundingClientRect());
            return sheet.y === innerHeight / 2 && stepper.bottom <= map.top && map.bottom <= sheet.top;
        }""")


def test_the_sheet_leaves_the_strip_free_wherever_the_page_is_scrolled_to(phone: Any) -> None:
    phone.get_by_label("a larger sheet").tap()
    phone.get_by_label("a larger sheet").tap()
    for top in (0, 30, 2000):
        phone.evaluate(f"scrollTo(0, {top})")
        assert box(phone, "#strip")["top"] == 0
        assert box(phone, "#strip")["bottom"] <= box(phone, "#inspector")["top"] + 0.5


def test_on_a_phone_classes_are_as_high_as_a_finger_and_told_from_their_shares(phone: Any) -> None:
    assert box(phone, "#bars .bar")["height"] >= 44
    assert phone.locator(".best li").first.inner_text().count(":") == 1
    dotted = phone.locator("p.line .term").first  # a word in a sentence is as wide as it is
    assert dotted.evaluate("(each) => getComputedStyle(each).minWidth") == "0px"


def test_at_400_percent_one_line_stays_at_the_top(browser: Any, context: Any, shown: Shown) -> None:
    with page_of(browser, context, shown, PLACE, 350, 225) as page:
        page.locator('.body[data-place="conv1 1,13,10"]').wait_for()
        page.locator("#panel-sum .copy").scroll_into_view_if_needed()
        strip = box(page, "#strip")
        assert strip["top"] == 0
        assert strip["height"] < 40
        assert box(page, "#trail output")["right"] <= 350
        assert page.locator(".best li:visible").count() == 1


def test_the_top_is_as_high_whatever_comes_into_it(browser: Any, context: Any, shown: Shown) -> None:
    for width in (1400, 1280, 900):
        with page_of(browser, context, shown, BARE, width, 800) as page:
            before = box(page, "#bar")["height"]
            page.evaluate("""() => { for (const badge of document.querySelectorAll(".badge")) {
                badge.hidden = false; } }""")
            page.evaluate("""() => import("/cells.js").then(({ hover }) =>
                hover({ layer: "residual1.body", channel: 0, cell: [1, 1], value: -0.1234 }))""")
            page.locator("#trail output").wait_for()
            assert box(page, "#bar")["height"] == before, width
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_samples_and_mistakes_are_in_sight_and_in_a_low_window_the_prediction(
    browser: Any, context: Any, shown: Shown
) -> None:
    with page_of(browser, context, shown, BARE, 1400, 900) as page:
        assert box(page, ".data .row:nth-of-type(2)")["bottom"] <= 900
        assert box(page, "#pixels")["width"] == box(page, "#pixels-frame")["width"] == box(page, "#pad")["width"]
    with page_of(browser, context, shown, BARE, 1000, 700) as page:
        assert box(page, "#bars li:last-child")["bottom"] <= 700


def test_the_link_to_what_is_looked_at_is_copied_and_where_it_opens_is_said(
    browser: Any, context: Any, shown: Shown
) -> None:
    with page_of(browser, context, shown, PLACE, 1400, 900, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.locator("[data-path=conv1] .map.pinned").wait_for()
        page.get_by_role("button", name="Copy link").click()
        notice = page.locator("#notice", has_text="Copied. The link opens on this machine while every-family")
        page.evaluate("scrollTo(0, 2000)")
        assert 0 <= notice.evaluate(BOX)["top"] < 200  # though the page is scrolled
        assert page.evaluate("getComputedStyle(document.querySelector('#notice')).color") == page.evaluate(
            "getComputedStyle(document.body).color"
        )  # no warning
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.url
        assert "sample=3" in copied
        page.locator("#notice button").click()
        assert page.evaluate("document.activeElement.id") == "copy-link"
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
        page.get_by_role("button", name="Copy link").click()
        page.locator("#problem", has_text="The browser does not let this page copy.").wait_for()
        assert page.locator("#notice").is_hidden()


def test_the_way_of_another_number_is_not_drawn(browser: Any, context: Any, shown: Shown) -> None:
    with page_of(browser, context, shown, BARE, 1400, 900) as page:
        page.locator("#bars .bar").first.click()
        page.locator(".links rect.way").first.wait_for()
        page.locator("#tab-change").click()
        page.locator("[data-path=conv1] .map").nth(2).click()
        page.locator("[data-path=conv1] .map.pinned").wait_for()
        page.wait_for_function("() => !document.querySelector('.links .way')")
