"""The page at 400 %, in forced colours, where nothing is to move, and by keyboard alone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web.serving.server import Server

from .conftest import WAIT, opened
from .learnt import watched

TABS = ("sum", "why", "change", "learn")
PLACE = "#sample=3&layer=conv1&channel=2&cell=5,6"
MOVING = """() => [...document.querySelectorAll('*')].filter((each) => {
  const { transitionDuration, animationName } = getComputedStyle(each);
  return parseFloat(transitionDuration) > 0 || animationName !== 'none';
}).length"""
FOCUS = "document.activeElement"


@pytest.fixture(scope="module")
def server(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with Server(watched(tmp_path_factory.mktemp("runs") / "run"), say=lambda line: None) as made:
        context = browser.new_context()
        page = context.new_page()
        page.goto(made.guard.address)
        page.locator("#bars li").first.wait_for()
        made.state = context.storage_state()
        context.close()
        yield made


@contextmanager
def shown(browser: Any, server: Any, link: str = "", **how: Any) -> Iterator[Any]:
    context = browser.new_context(storage_state=server.state, **{"reduced_motion": "reduce", **how})
    context.set_default_timeout(WAIT)
    with opened(context, f"http://127.0.0.1:{server.port}/{link}") as page:
        yield page
    context.close()


def test_at_four_hundred_percent_everything_is_there_and_nothing_lies_beside_the_page(
    browser: Any, server: Any
) -> None:
    """1280×1024 pixels, of which 320×256 are left."""
    with shown(browser, server, PLACE, viewport={"width": 320, "height": 256}, device_scale_factor=4) as page:
        page.locator("#inspector .swatch").first.wait_for()
        for tab in TABS:
            page.locator(f"#tab-{tab}").click()
            page.wait_for_timeout(400)
            assert page.evaluate("document.documentElement.scrollWidth") == 320
            sizes = "(each) => [each.scrollWidth - each.clientWidth, each.scrollHeight - each.clientHeight]"
            assert page.locator("#inspector").evaluate(sizes) == [0, 0], tab  # one scrolls the page, and nothing in it
            standing = """() => [...document.querySelectorAll('body *')].filter((each) =>
              ['fixed', 'sticky'].includes(getComputedStyle(each).position) && each.checkVisibility()
              && each.offsetHeight > innerHeight / 3).map((each) => each.id)"""
            assert page.evaluate(standing) == []
        page.locator("#tab-sum").click()
        overflowing = "(all) => all.filter((each) => each.scrollWidth > each.clientWidth + 1).length"
        assert page.locator(".grid .swatch").evaluate_all(overflowing) == 0


def test_in_forced_colours_what_is_chosen_is_not_told_by_colours(browser: Any, server: Any) -> None:
    with shown(browser, server, PLACE, forced_colors="active", viewport={"width": 1280, "height": 900}) as page:
        width = "(each) => getComputedStyle(each).borderTopWidth"
        assert [page.locator(f"#tab-{tab}").evaluate(width) for tab in TABS] == ["3px", "1px", "1px", "1px"]
        outline = "(each) => getComputedStyle(each).outlineColor"
        assert page.locator("#pad").evaluate(outline) == page.locator("body").evaluate(
            "(each) => getComputedStyle(each).color"
        )
        assert page.locator(".map.pinned").first.evaluate("(each) => getComputedStyle(each).outlineStyle") == "solid"


def test_nothing_moves_where_nothing_is_to_move(browser: Any, server: Any) -> None:
    for how, some in (("reduce", False), ("no-preference", True)):
        with shown(browser, server, PLACE, reduced_motion=how, viewport={"width": 900, "height": 900}) as page:
            page.locator("#open-tour").click()
            page.locator("#tour").wait_for()
            assert (page.evaluate(MOVING) > 0) is some


# ---- by keyboard


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(40)


def tab_to(page: Any, selector: str, key: str = "Tab") -> None:
    """Go on until the keyboard is somewhere, and see on the way that it is always seen where it is."""
    for _ in range(160):
        page.keyboard.press(key)
        if page.evaluate(f"{FOCUS} === document.body"):  # from the end of the page to its beginning
            continue
        drawn = """(all) => { const each = all[0].id === 'file' ? all[0].previousElementSibling : all[0];
          const { outlineStyle, outlineWidth } = getComputedStyle(each); return `${outlineStyle} ${outlineWidth}`; }"""
        assert page.locator(":focus").evaluate_all(drawn) == "solid 3px", page.evaluate(f"{FOCUS}.outerHTML")
        if page.evaluate(f"(selector) => {FOCUS}.matches(selector)", selector):
            return
    raise AssertionError(f"the keyboard does not come to {selector}")


def at(page: Any) -> str:
    return page.evaluate(f"{FOCUS}.id || {FOCUS}.ariaLabel || {FOCUS}.textContent || {FOCUS}.tagName")


def test_all_parts_are_walked_through_by_keyboard(browser: Any, server: Any) -> None:
    with shown(browser, server, "#sample=3", viewport={"width": 1280, "height": 900}) as page:
        trail = page.locator("#trail")
        # draw
        tab_to(page, "#pixels-cell")
        press(page, "ArrowDown", "ArrowRight", "9")
        assert at(page) == "pixels-cell"
        page.wait_for_url("**/*pixels=*")
        # walk through, follow one number, walk back
        tab_to(page, "[data-path=conv1] .map")
        press(page, "ArrowDown", "Shift+ArrowRight", "]")
        trail.get_by_text("channel 1").wait_for()
        press(page, "PageDown")
        page.wait_for_function("() => document.activeElement.closest('[data-path]')?.dataset.path === 'relu1'")
        press(page, "PageUp")
        page.wait_for_function("() => document.activeElement.closest('[data-path]')?.dataset.path === 'conv1'")
        press(page, "Enter")
        page.locator("#panel-sum .swatch").first.wait_for()
        press(page, "Backspace")
        trail.get_by_role("button", name="input").wait_for()
        assert at(page).startswith("input, channel"), "the keyboard goes along"
        press(page, "Escape", "Escape")
        # why
        tab_to(page, "[role=tab]")
        press(page, "ArrowRight")
        assert at(page) == "tab-why"
        page.locator(".told", has_text="strongest").first.wait_for()
        tab_to(page, "#why-method")
        # change
        tab_to(page, "[role=tab]", "Shift+Tab")
        press(page, "ArrowRight")
        page.locator(".weights input").first.wait_for()
        tab_to(page, ".weights input")
        press(page, "Control+a", "1", "Enter")
        page.locator("#change-edits li").first.wait_for()
        tab_to(page, "#change-undo")
        press(page, "Enter")
        page.locator("#edited").wait_for(state="hidden")
        assert at(page) == "change-layer", "where nothing is left to undo, the keyboard goes to what one does next"
        # go back through the training
        tab_to(page, "[role=tab]", "Shift+Tab")
        press(page, "ArrowRight")
        tab_to(page, "#learn-moment")
        press(page, "Home")
        page.locator("#moment", has_text="after step 0").wait_for()
        press(page, "End")
        page.locator("#moment").wait_for(state="hidden")
        # the tour
        tab_to(page, "#open-tour", "Shift+Tab")
        press(page, "Enter")
        page.locator("#tour").wait_for()
        assert at(page) == "tour-title"
        press(page, "F6", "F6")
        assert at(page) == "tour-title"
        press(page, "Escape")
        assert at(page) == "open-tour"


def test_the_keyboard_is_not_lost_where_a_button_has_done_its_last(browser: Any, server: Any) -> None:
    with shown(
        browser, server, "#sample=3&layer=conv1&channel=1&cell=5,6", viewport={"width": 900, "height": 900}
    ) as page:
        large = page.locator("#panel-sum")
        large.get_by_role("button", name="channel before").focus()
        press(page, "Enter")
        large.get_by_role("heading", name="conv1, channel 0", exact=True).wait_for()
        page.wait_for_timeout(100)
        assert at(page) == "next channel"
        page.get_by_role("button", name="a smaller sheet").focus()
        press(page, "Enter")
        assert at(page) == "sheet-open"
    with shown(browser, server, "", viewport={"width": 400, "height": 900}) as page:
        page.get_by_role("button", name="next layer").focus()
        press(page, "Enter", "Enter", "Enter", "Enter")
        assert at(page) == "layer"


def test_the_help_has_the_keys_of_the_documentation(page: Any) -> None:
    documented = (Path(__file__).parents[2] / "docs" / "view.md").read_text("utf-8").partition("## Keys")[2]
    names = set(re.findall(r"^\| ([^|]+) \| (?!does)(?!---)", documented, re.MULTILINE))
    page.locator("#open-help").click()
    shown = page.locator("#help table th").all_inner_texts()
    assert len(shown) == len(set(shown))
    assert set(shown) == names - {"p, n, l"}, "those of a training, which this page has none of"


def test_a_dotted_word_has_its_own_meaning_and_no_other(page: Any) -> None:
    first, second = (page.locator(f"section[data-path={path}] .kind .term") for path in ("conv1", "pool1"))
    first.hover()
    meaning = page.locator("#tip").inner_text()
    assert first.get_attribute("aria-describedby") == "tip"
    second.hover()
    assert page.locator("#tip").inner_text() != meaning
    assert first.get_attribute("aria-describedby") is None
    page.mouse.move(0, 0)
    assert page.locator("[aria-describedby=tip]").count() == 0


def test_tips_can_be_read_in_forced_colours(page: Any) -> None:
    """Chromium lays a plate of the page's colour behind text: that of a tip must not have that colour, too."""
    page.emulate_media(forced_colors="active")
    page.locator("section[data-path=conv1] .kind .term").hover()
    colours = page.locator("#tip").evaluate(
        "tip => [getComputedStyle(tip).color, getComputedStyle(tip).backgroundColor]"
    )
    canvas = page.evaluate(
        "() => { document.body.style.background = 'Canvas'; return getComputedStyle(document.body).backgroundColor; }"
    )
    page.emulate_media(forced_colors="none")
    assert colours[1] == canvas
    assert colours[0] != canvas
