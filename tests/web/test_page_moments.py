"""The page that goes back through a training, where that fails; and what it asks of one that goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web.server import Server

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


REPEATED = """() => document.querySelector('#panel-learn').dispatchEvent(
    new KeyboardEvent('keydown', { key: 'n', repeat: true, bubbles: true }))"""


def test_a_key_that_is_held_asks_once_and_what_went_wrong_is_forgotten_with_the_next(browser: Any) -> None:
    with followed(browser, 1400, made()) as (page, live, _):
        panel = page.locator("#panel-learn")
        page.locator(".learn-status").get_by_text("Paused").wait_for()
        page.locator("#learn-factor").fill("1000")
        panel.get_by_role("button", name="Set").click()
        page.locator("#problem", has_text="factor: expected at most 100").wait_for()
        before = live._following.step
        for _ in range(20):
            page.evaluate(REPEATED)
        page.wait_for_timeout(300)
        assert live._following.step == before
        panel.get_by_role("button", name="Step").click()
        page.wait_for_function(
            "step => document.querySelector('.learn-status').textContent.includes(`step ${step} `)", arg=before + 1
        )
        assert page.locator("#problem").text_content() == ""
