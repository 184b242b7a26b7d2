"""The page while a network trains, and when it has: in a browser."""

import threading
import time
from typing import Any

import pytest

import pellucid as p

from .conftest import WAIT, clock_digits

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web import Live

STEPS = 16 * 5


class Slowly(p.Callback):
    sees_weights = False

    def on_batch(self, training: Any) -> None:
        time.sleep(0.02)


def test_one_watches_a_training_and_goes_back_through_it(browser):
    network = p.Sequential(
        [p.Conv2d(1, 4, 5, stride=2), p.ReLU(), p.Flatten(), p.Linear(576, 10)], input_shape=(1, 28, 28), seed=1,
        scaling=p.Scaling(0.1307, 0.3081),
    )  # fmt: skip
    live = Live(browser=False, title="clock", say=lambda words: None)
    told = {"epochs": 16, "batch_size": 8, "callbacks": [live, Slowly()], "engine": "numpy", "progress": False}
    thread = threading.Thread(target=p.fit, args=[network, clock_digits()], kwargs=told)
    live_began = time.monotonic()
    thread.start()
    while live.server is None and time.monotonic() - live_began < 30:
        time.sleep(0.01)
    live._following.controls.clients += 1  # so that it stays paused until the page is there
    live._following.controls.pause()
    context = browser.new_context(viewport={"width": 400, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(WAIT)
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(live.server.guard.address)
        _watched(page)
        thread.join(30)
        assert not thread.is_alive()
        assert network.parameters()["linear1.weight"].data.any()
        _looked_back(page)
    finally:
        live._following.controls.go_on()
        thread.join(30)
        context.close()
        live.close()
    assert not errors, errors


def _watched(page: Any) -> None:
    panel, status = page.locator("#panel-learn"), page.locator(".learn-status")
    page.locator("#tab-learn[aria-selected=true]").wait_for()
    status.get_by_text("Paused").wait_for()
    page.locator("canvas[data-picture='filters conv1']").wait_for()
    before = _step(status)
    page.keyboard.press("n")
    page.wait_for_function(
        "step => document.querySelector('.learn-status').textContent.includes(`step ${step} `)", arg=before + 1
    )
    page.locator("#moment", has_text=f"after step {before + 1}").wait_for()
    panel.get_by_role("button", name="half the learning rate").click()
    panel.get_by_role("button", name="Continue").click()
    panel.get_by_text(f"learning rate × 0.5 by hand from step {before + 2} on").wait_for()
    status.get_by_text("Finished").wait_for()


def _looked_back(page: Any) -> None:
    panel, slider = page.locator("#panel-learn"), page.get_by_role("slider", name="Moment")
    page.locator("#moment").wait_for(state="hidden")
    panel.get_by_text("which is right.").wait_for()
    assert panel.locator(".learn-strip rect").count() > 10
    assert panel.locator(".learn-strip svg").get_attribute("aria-label").startswith("How sure it was of 0")
    slider.focus()
    page.keyboard.press("Home")
    page.locator("#moment", has_text="after step 0").wait_for()
    assert slider.get_attribute("aria-valuetext") == "after step 0, before the first"
    assert page.locator("#range").input_value() == "locked"
    assert page.locator("canvas[data-picture='small conv1']").get_attribute("data-step") == "0"
    panel.locator("summary").click()
    assert panel.locator(".learn-table tbody tr").count() == 16
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")  # closes the sheet, which the tab is in on a narrow page
    page.locator("#sheet-open").click()
    slider.focus()
    page.keyboard.press("End")
    page.locator("#moment").wait_for(state="hidden")


def _step(status: Any) -> int:
    return int(status.text_content().split("step ")[1].split()[0])


HIDDEN = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


class Until(p.Callback):
    """Trains slowly until an event."""

    sees_weights = False

    def __init__(self) -> None:
        self.over = threading.Event()

    def on_batch(self, training: Any) -> None:
        if self.over.wait(0.02):
            training.stop()


def test_nothing_is_made_for_a_page_that_nobody_sees(browser):
    network = p.Sequential([p.Conv2d(1, 4, 5), p.ReLU(), p.Flatten(), p.Linear(2304, 10)], input_shape=(1, 28, 28))
    live, until, context = Live(browser=False, say=lambda words: None), Until(), browser.new_context()
    told = {"epochs": 1000, "callbacks": [live, until], "engine": "numpy", "progress": False}
    thread = threading.Thread(target=p.fit, args=[network, clock_digits()], kwargs=told)
    thread.start()
    try:
        _wait(lambda: live.server is not None)
        page, controls = context.new_page(), live._following.controls
        page.goto(live.server.guard.address)
        page.locator(".learn-status").get_by_text("Training").wait_for(timeout=WAIT)
        _wait(lambda: controls.clients == 1)
        page.evaluate(HIDDEN, True)
        _wait(lambda: controls.clients == 0)
        page.evaluate(HIDDEN, False)
        _wait(lambda: controls.clients == 1)
    finally:
        until.over.set()
        thread.join(30)
        context.close()
        live.close()


def _wait(true: Any) -> None:
    end = time.monotonic() + WAIT / 1000
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
