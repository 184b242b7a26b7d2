"""The page that goes back through a training, where that fails; and what it asks of one that goes on."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web.serving.server import Server

from .conftest import WAIT
from .learnt import watched
from .test_page_live import made
from .test_page_live import watched as followed


@pytest.fixture
def damaged(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """The page of a run of which the moment after step 2 is damaged."""
    bench = watched(tmp_path / "run")
    path = tmp_path / "run" / "view" / "step-000002.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(WAIT)
    with Server(bench, say=lambda words: None) as server:
        page = context.new_page()
        page.goto(server.guard.address)
        page.locator("#bars li").first.wait_for()
        page.locator("#tab-learn").click()
        yield page
        context.close()


def test_a_moment_that_cannot_be_read_changes_nothing_and_is_left_out(damaged: Any) -> None:
    page, slider = damaged, damaged.get_by_role("slider", name="Moment")
    slider.wait_for()
    last, words = int(slider.get_attribute("max")), slider.get_attribute("aria-valuetext")
    assert words.startswith("the end, after step ")
    page.locator("#learn-moment").evaluate(
        "(each) => { each.value = 2; each.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    page.locator("#problem", has_text="step-000002").wait_for()
    page.wait_for_function("last => Number(document.querySelector('#learn-moment').max) === last - 1", arg=last)
    assert slider.get_attribute("aria-valuetext") == words
    assert slider.input_value() == str(last - 1)
    assert page.locator("#moment").is_hidden()
    assert page.locator("#range").input_value() == "layer"
    slider.focus()
    page.keyboard.press("Home")
    page.locator("#moment", has_text="after step 0").wait_for()
    assert page.locator("#problem").text_content() == "", "it is mended"
    assert page.locator("#range").input_value() == "locked"


@pytest.fixture
def finished(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """The page of a run that is over."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(WAIT)
    with Server(watched(tmp_path / "run"), say=lambda words: None) as server:
        page = context.new_page()
        page.goto(server.guard.address)
        page.locator("#bars li").first.wait_for()
        yield page
        context.close()


TOLD = """() => {
    const told = document.querySelector(".learn-sees").textContent;
    const bars = [...document.querySelectorAll("#bars .fill")].map((each) => parseFloat(each.style.width));
    return [Number(/for (\\d+) /.exec(told)?.[1]), bars.indexOf(Math.max(...bars)), told];
}"""


PLACES = """() => {
    const boxOf = (each) => document.querySelector(each).getBoundingClientRect();
    const [slider, bar] = ["#learn-moment", ".learn-strip .here"].map(boxOf);
    return [slider.left, slider.width, bar.left + bar.width / 2];
}"""


def drawn(page: Any) -> None:
    """Draw a vertical line."""
    pad = page.locator("#pad").bounding_box()
    page.mouse.move(pad["x"] + 0.5 * pad["width"], pad["y"] + 0.2 * pad["height"])
    page.mouse.down()
    page.mouse.move(pad["x"] + 0.5 * pad["width"], pad["y"] + 0.8 * pad["height"], steps=5)
    page.mouse.up()


def test_the_tab_tells_of_the_image_that_is_shown_and_of_no_other(finished: Any) -> None:
    page = finished
    held_back: list[Any] = []
    page.locator("#tab-learn").click()
    page.locator(".learn-scrub > p", has_text="taken it for").wait_for()
    assert page.evaluate(TOLD)[0] == page.evaluate(TOLD)[1] == 0
    page.route("**/api/course?*", lambda route: held_back.append(route))
    drawn(page)
    page.wait_for_function("() => document.querySelectorAll('#panel-learn [aria-busy=true]').length === 2")
    assert page.locator(".learn-scrub > p").text_content() == "Computing for this image …"
    said, likeliest, words = page.evaluate(TOLD)
    assert said == likeliest, words
    before = page.locator("canvas[data-picture='small conv1']").evaluate("(each) => each.toDataURL()")
    page.wait_for_timeout(600)
    for each in held_back:
        each.continue_()
    page.unroute("**/api/course?*")
    page.locator(".learn-scrub > p", has_text="taken it for").wait_for()
    assert page.locator("#panel-learn [aria-busy=true]").count() == 0
    assert page.locator("canvas[data-picture='small conv1']").evaluate("(each) => each.toDataURL()") != before
    page.locator("#tab-sum").click()
    page.get_by_role("button", name="next sample").click()
    page.wait_for_function("() => document.querySelectorAll('#panel-learn canvas[aria-busy=true]').length === 1")
    page.locator("#tab-learn").click()
    page.wait_for_function("() => document.querySelectorAll('#panel-learn [aria-busy=true]').length === 0")
    assert page.evaluate(TOLD)[0] == page.evaluate(TOLD)[1]
    assert page.locator("#problem").text_content() == ""


def test_the_bar_of_a_moment_stands_below_the_slider_is_marked_and_leads_there(finished: Any) -> None:
    page, slider = finished, finished.get_by_role("slider", name="Moment")
    page.locator("#tab-learn").click()
    page.locator(".learn-scrub > p", has_text="taken it for").wait_for()
    bars = page.locator(".learn-strip rect:not(.here)")
    count = bars.count()
    assert int(slider.get_attribute("max")) == count - 1, "the last moment is the end"
    strip = page.locator(".learn-strip").bounding_box()
    page.mouse.click(strip["x"] + strip["width"] * 3.5 / count, strip["y"] + 5)
    page.locator("#moment", has_text="after step 3 ").wait_for()
    assert slider.input_value() == "3"
    words = page.locator(".learn-scrub output").text_content()
    assert words.startswith("after step 3, epoch 1 · loss ")
    left, width, middle = page.evaluate(PLACES)
    assert abs(left + 8 + (width - 16) * 3 / (count - 1) - middle) < 1.5, "its thumb, 16 pixels wide"


def test_colours_are_locked_for_moments_alone_also_in_a_page_that_is_loaded_anew(finished: Any) -> None:
    page, slider, range_ = finished, finished.get_by_role("slider", name="Moment"), finished.locator("#range")
    is_by_layer = "() => document.querySelector('#range').value === 'layer'"
    page.locator("#tab-learn").click()
    slider.focus()
    page.keyboard.press("Home")
    page.locator("#moment", has_text="after step 0").wait_for()
    assert range_.input_value() == "locked"
    page.wait_for_url(re.compile("moment=0"))
    assert "range=layer" in page.url, "it is what the link leads back to"
    page.reload()
    page.locator("#moment", has_text="after step 0").wait_for()
    page.wait_for_function("() => document.querySelector('#range').value === 'locked'")
    slider.focus()
    page.keyboard.press("End")
    page.locator("#moment").wait_for(state="hidden")
    page.wait_for_function(is_by_layer)
    range_.select_option("locked")
    for key, hidden in (("Home", False), ("End", True)):
        slider.focus()
        page.keyboard.press(key)
        page.locator("#moment").wait_for(state="hidden" if hidden else "visible")
    page.wait_for_timeout(200)
    assert range_.input_value() == "locked", "as somebody chose"


REPEATED = """() => document.querySelector('#panel-learn').dispatchEvent(
    new KeyboardEvent('keydown', { key: 'n', repeat: true, bubbles: true }))"""


def test_a_key_that_is_held_asks_once_and_what_went_wrong_is_forgotten_with_the_next(browser: Any) -> None:
    with followed(browser, 1400, made()) as (page, live, _):
        panel = page.locator("#panel-learn")
        page.locator(".learn-status").get_by_text("Paused").wait_for()
        page.locator("#learn-factor").fill("1000")
        panel.get_by_role("button", name="Set").click()
        page.locator("#problem", has_text="factor: expected at most 100").wait_for()
        before = live.following.step
        for _ in range(20):
            page.evaluate(REPEATED)
        page.wait_for_timeout(300)
        assert live.following.step == before
        panel.get_by_role("button", name="Step").click()
        page.wait_for_function(
            "step => document.querySelector('.learn-status').textContent.includes(`step ${step} `)", arg=before + 1
        )
        assert page.locator("#problem").text_content() == ""


def test_the_slider_stays_where_it_was_put_while_answers_for_earlier_places_come(finished: Any) -> None:
    page, slider = finished, finished.get_by_role("slider", name="Moment")
    page.locator("#tab-learn").click()
    page.locator(".learn-scrub > p", has_text="taken it for").wait_for()
    page.route("**/api/moment?*", lambda route: (page.wait_for_timeout(50), route.continue_()))
    slider.focus()
    page.keyboard.press("Home")
    for place in range(1, 8):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(60)
        assert slider.input_value() == str(place)
    page.locator("#moment", has_text="after step 7 ").wait_for()
    page.wait_for_timeout(200)
    assert slider.input_value() == "7"
    page.unroute("**/api/moment?*")
    page.keyboard.press("End")
    page.locator("#moment").wait_for(state="hidden")


def test_a_layer_that_is_first_seen_at_a_moment_has_the_colours_of_the_end(finished: Any) -> None:
    page, slider = finished, finished.get_by_role("slider", name="Moment")
    page.set_viewport_size({"width": 400, "height": 850})
    page.locator("#stepper select").select_option("linear1")
    page.locator("section[data-path=linear1] .map").wait_for()
    reach = re.compile(r"[\d.]+")
    at_the_end = reach.findall(page.locator("#scale").inner_text())
    page.reload()
    page.locator("#sheet-open").click()
    page.locator("#tab-learn").click()
    slider.focus()
    page.keyboard.press("Home")
    page.locator("#moment", has_text="after step 0").wait_for()
    page.locator("#stepper select").select_option("linear1")
    page.locator("section[data-path=linear1] .map").wait_for()
    page.wait_for_timeout(300)
    assert reach.findall(page.locator("#scale").inner_text())[:2] == at_the_end[:2]


def test_keys_that_are_held_do_what_they_do_elsewhere_but_for_those_of_the_tab(browser: Any) -> None:
    prevented = """key => { let found; const heard = (event) => { found = event.defaultPrevented; };
        addEventListener("keydown", heard, { once: true });
        const event = new KeyboardEvent("keydown", { key, repeat: true, bubbles: true, cancelable: true });
        document.querySelector("#panel-learn .learn-status").dispatchEvent(event); return found; }"""
    with followed(browser, 1400, made()) as (page, _, _):
        page.locator(".learn-status").get_by_text("Paused").wait_for()
        for key, kept in {"ArrowDown": False, "Tab": False, " ": False, "p": True, "n": True, "Enter": True}.items():
            assert page.evaluate(prevented, key) == kept, key
        page.locator("#tab-change").click()
        page.locator("#change-past", has_text="a pause is not enough").wait_for()
        assert page.locator("#change-past button").is_hidden()
