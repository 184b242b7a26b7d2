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

    step("From an image to 10 scores")
    assert "input 1×28×28 → conv1 6×24×24" in tour.inner_text()
    tour.get_by_role("button", name="Do it for me").click()  # a 7 on the pad
    onward()
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
    assert "(8 + 2·0 − 3)//2 + 1 = 3" in tour.inner_text()
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
    tour.get_by_role("button", name="not sure").click()
    page.locator("#told", has_text="wrong").wait_for()
    page.locator("#bars button").first.click()
    onward()
    step("Where it is wrong")
    page.get_by_role("button", name="next mistake").click()
    onward()
    step("Follow one number back")
    page.get_by_role("button", name="From ").click()
    page.locator(".walk li").nth(3).wait_for()
    place = page.locator(".sums .body").get_attribute("data-place")
    page.keyboard.press("Backspace")
    page.locator(f'.sums .body:not([aria-busy]):not([data-place="{place}"])').wait_for()
    page.locator(".walk li button").last.click()
    onward()
    step("Which pixels counted?")
    page.locator("#why-forgotten").evaluate(
        "slider => { slider.value = 2; slider.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    onward()
    step("What training changes")
    assert "1 − 0.01·169 = −0.69" in tour.inner_text()
    tour.get_by_label("learning rate").select_option("0.1")
    onward()
    step("What hangs on a channel")
    page.locator("#change-silence").click()
    page.locator("#edited").wait_for()
    onward()
    step("Go on by yourself")
    page.locator("#edited").wait_for(state="hidden")  # what the tour asked for is undone
    page.wait_for_url("**view=sum**")
    tour.get_by_role("button", name="End").click()
    assert tour.is_hidden()
    assert page.evaluate("document.activeElement.id") == "open-tour"


def test_the_tour_pauses_closes_and_goes_on(page):
    tour, opener = page.locator("#tour"), page.locator("#open-tour")
    opener.click()
    for _ in range(2):
        tour.get_by_role("button", name="Next").click()
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
    from pellucid.web.serving.server import Server

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
        "From numbers to 2 scores", "Nine products, one sum", "Activations", "From scores to shares",
        "Follow one number back", "What training changes", "What hangs on a channel", "Go on by yourself",
    ]  # fmt: skip


def begun(page: Any, name: str) -> Any:
    """The tour at one of its steps."""
    page.evaluate("name => localStorage.setItem('pellucid tour', name)", name)
    page.locator("#open-tour").click()
    page.locator(".toured").first.wait_for()
    return page.locator("#tour")


def test_each_step_is_done_for_the_reader_on_demand(page):
    tour = begun(page, "start")
    steps = 0
    while (button := tour.get_by_role("button", name="Do it for me")).is_visible():
        button.click()
        done(page)
        steps += 1
        tour.locator(".tour-foot button").last.click()
    assert steps == 15
    assert tour.locator("#tour-title").inner_text() == "Go on by yourself"
    page.locator("#edited").wait_for(state="hidden")


def test_who_edits_on_their_own_in_the_tour_keeps_it(page):
    tour = begun(page, "silence")
    tour.get_by_role("button", name="Do it for me").click()
    done(page)
    page.locator("#change-bias").fill("3")
    page.keyboard.press("Enter")
    page.locator("#change-edits li").nth(1).wait_for()
    tour.get_by_role("button", name="Next").click()
    assert page.locator("#change-edits li").count() == 2
    page.evaluate("document.querySelector('#change-reset').click()")
    page.locator("#edited").wait_for(state="hidden")


def test_a_tour_that_pauses_in_the_step_that_edits_keeps_the_edit_until_that_is_left(page):
    tour = begun(page, "silence")
    tour.get_by_role("button", name="Do it for me").click()
    done(page)
    tour.get_by_role("button", name="Pause").click()
    tour.get_by_role("button", name="Resume").click()
    assert page.locator("#change-edits li").count() == 1
    tour.get_by_role("button", name="Next").click()
    page.locator("#edited").wait_for(state="hidden")


def test_a_step_is_chosen_from_the_list_of_all(page):
    tour = begun(page, "start")
    tour.get_by_label("Step").select_option(label="4/16 Padding")
    tour.get_by_role("heading", name="Padding").wait_for()
    page.evaluate("localStorage.clear()")


def test_a_step_shows_what_it_says_whichever_tab_was_open(page):
    pin(page, "conv1")
    page.locator('.body[data-place^="conv1 "]').wait_for()
    page.locator("#tab-change").click()
    tour = begun(page, "convolution")
    assert page.locator("#panel-sum").is_visible()  # the step begins with the tab that it speaks of
    page.locator("#tab-change").click()
    pin(page, "conv1")  # the number that was pinned before counts as well
    done(page)
    assert page.locator('#panel-sum .body[data-place^="conv1 "]').is_visible()
    tour.get_by_role("button", name="Close the tour").click()
    page.evaluate("localStorage.clear()")


def test_the_filter_slides_over_the_example_unless_nothing_is_to_move(page):
    sums = "() => [...document.querySelectorAll('#tour .worked')].map(each => each.textContent).join()"
    begun(page, "nine")
    page.wait_for_timeout(1200)
    assert "1·6 + (−1)·10" in page.evaluate(sums)
    page.get_by_role("button", name="Close the tour").click()
    page.emulate_media(reduced_motion="no-preference")
    begun(page, "nine")
    page.wait_for_function(f"() => ({sums})().includes('1·11 + (−1)·15')")
    page.locator("#tour").get_by_role("button", name="Close the tour").click()
    page.evaluate("localStorage.clear()")


def test_who_comes_first_is_told_what_this_is_and_offered_the_tour(page):
    page.evaluate("localStorage.clear()")
    page.reload()
    about = page.locator("#about")
    about.get_by_text("This network tells 10 classes apart: 0, 1, 2, 3 …. It is right on").wait_for()
    assert page.locator(".invitation").is_visible()
    about.get_by_role("button", name="Take the tour").click()
    page.locator("#tour-title", has_text="From an image").wait_for()
    assert about.get_by_role("button", name="Take the tour").is_hidden()
    page.reload()
    page.locator("#bars li").first.wait_for()
    assert about.get_by_role("button", name="Take the tour").is_hidden()
    page.evaluate("localStorage.clear()")


def test_words_say_what_they_mean(page):
    word = page.locator("section[data-path=conv1] .term", has_text="multiply-adds")
    word.hover()
    assert "how many products a layer adds up" in page.get_by_role("tooltip").inner_text()
    page.mouse.move(0, 0)
    page.get_by_role("tooltip").wait_for(state="hidden")
    assert "keeps the largest number of each window" in page.locator("section[data-path=pool1] .doing").inner_text()
    assert not page.locator("section[data-path=conv2] .doing").count()  # it stands with the first of its kind
    page.locator("#open-help").click()
    entries = page.locator(".glossary dt").all_inner_texts()
    assert {"bias", "kernel", "beyond", "Conv2d", "rank correlation"} <= set(entries)
    assert len(set(entries)) == len(entries)
