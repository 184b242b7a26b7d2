"""The guided tour of the page: from its beginning to its end, paused and closed, and where there is little to show."""

from typing import Any

import pytest

import pellucid as p

from .conftest import opened
from .test_page_look import resize


def done(page: Any) -> None:
    page.locator("#tour .task.done").wait_for()


def pin(page: Any, path: str) -> None:
    page.locator(f'section[data-path="{path}"] .map').nth(1).click(position={"x": 10, "y": 10})


@pytest.mark.parametrize("width", [1400, 400])
def test_the_tour_from_its_beginning_to_its_end(page, width):
    resize(page, width, 900)
    tour = page.locator("#tour")
    page.locator("#open-tour").click()

    def step(title: str) -> None:
        tour.get_by_role("heading", name=title).wait_for()
        assert page.evaluate("document.activeElement.id") == "tour-title"
        assert page.locator(".toured").count()
        assert not tour.locator("[data-check=differs]").count()

    def onward() -> None:
        done(page)
        tour.get_by_role("button", name="Next").click()

    step("Nine products, one sum")
    assert tour.locator("[data-check=same]").count() == 1
    tour.get_by_label("place 1, 0: −4").click()
    assert "1·10 + (−1)·14 = −4" in tour.inner_text()
    tour.get_by_role("button", name="right minus left").click()
    assert "(−1)·10 + 1·11 = 1" in tour.inner_text()
    onward()
    step("The same, in your network")
    pin(page, "conv1")
    onward()
    step("Padding")
    tour.get_by_label("padding").select_option("1")
    assert "(4 + 2·1 − 3)//1 + 1 = 4" in tour.inner_text()
    onward()
    step("Stride")
    tour.get_by_label("stride").select_option("2")
    assert "(4 + 2·0 − 3)//2 + 1 = 1" in tour.inner_text()
    onward()
    step("Pooling")
    pin(page, "pool1")
    onward()
    step("Why 3×3")
    tour.get_by_label("3×3 filters in a row").select_option("2")
    assert "2 × 3·3 = 18 weights a channel see 5×5 pixels" in tour.inner_text()
    onward()
    step("The receptive field")
    page.locator("section.toured .map").first.hover(position={"x": 5, "y": 5})
    page.locator("section.toured .map").first.hover(position={"x": 20, "y": 20})
    assert "sees the rows" in tour.inner_text()
    onward()
    step("Activations")
    pin(page, "relu1")
    onward()
    step("From scores to shares")
    page.locator("#bars button").first.click()
    onward()
    step("Follow one number back")
    page.get_by_role("button", name="From ").click()
    page.locator(".walk li").nth(3).wait_for()
    place = page.locator(".sums .body").get_attribute("data-place")
    page.keyboard.press("Backspace")
    page.locator(f'.sums .body:not([aria-busy]):not([data-place="{place}"])').wait_for()
    page.locator(".walk li button").last.click()
    onward()
    step("What training changes")
    assert "1 − 0.01·169 = −0.69" in tour.inner_text()
    page.locator("#change-silence").click()
    done(page)
    page.locator("#change-reset").click()
    page.locator("#edited").wait_for(state="hidden")
    onward()
    step("Go on by yourself")
    tour.get_by_role("button", name="End").click()
    assert tour.is_hidden()
    assert page.evaluate("document.activeElement.id") == "open-tour"


def test_the_tour_pauses_closes_and_goes_on(page):
    tour, opener = page.locator("#tour"), page.locator("#open-tour")
    opener.click()
    for _ in range(2):
        tour.get_by_role("button", name="Next").click()
    tour.get_by_role("button", name="Pause").click()
    assert not page.locator(".toured").count()
    assert tour.get_by_role("button", name="Next").is_hidden()
    pin(page, "conv1")
    tour.get_by_role("button", name="Resume").click()
    tour.get_by_role("heading", name="Padding").wait_for()
    page.keyboard.press("F6")  # to what is pointed at, and back
    assert page.evaluate("document.activeElement.closest('.toured') !== null")
    page.keyboard.press("F6")
    assert page.evaluate("document.activeElement.id") == "tour-title"
    page.keyboard.press("Escape")
    assert tour.is_hidden()
    assert opener.inner_text() == "Resume tour"
    assert opener.evaluate("element => element === document.activeElement")
    page.reload()
    page.locator("#bars li").first.wait_for()
    opener.click()
    tour.get_by_role("heading", name="Padding").wait_for()
    page.evaluate("localStorage.clear()")


def test_the_tour_leaves_out_what_the_network_has_not(browser):
    pytest.importorskip("starlette")
    from pellucid.web.bench import Bench
    from pellucid.web.server import Server

    network = p.Sequential([p.Linear(4, 3), p.Tanh(), p.Linear(3, 2)], input_shape=(4,), seed=0)
    with Server(Bench(network, "dense", None), say=lambda line: None) as server:
        own = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
        with opened(own, server.guard.address) as page:
            page.locator("#open-tour").click()
            titles = []
            while page.locator("#tour").is_visible():
                titles.append(page.locator("#tour-title").inner_text())
                page.locator("#tour .tour-foot button").last.click()
        own.close()
    assert titles == [
        "Nine products, one sum", "Activations", "From scores to shares", "Follow one number back",
        "What training changes", "Go on by yourself",
    ]  # fmt: skip
