"""The page while a network trains, and when it has: in a browser."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
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


def made() -> p.Sequential:
    return p.Sequential(
        [p.Conv2d(1, 4, 5, stride=2), p.ReLU(), p.Flatten(), p.Linear(576, 10)], input_shape=(1, 28, 28), seed=1,
        scaling=p.Scaling(0.1307, 0.3081),
    )  # fmt: skip


@contextmanager
def watched(browser: Any, width: int, network: p.Sequential, *callbacks: p.Callback, epochs: int = 16) -> Iterator[Any]:
    """A page that watches a training, which is paused until it is there."""
    live = Live(browser=False, title="clock", say=lambda words: None)
    told = {"epochs": epochs, "batch_size": 8, "callbacks": [live, *callbacks], "engine": "numpy", "progress": False}
    thread = threading.Thread(target=p.fit, args=[network, clock_digits()], kwargs=told)
    live_began = time.monotonic()
    thread.start()
    while live.server is None and time.monotonic() - live_began < 30:
        time.sleep(0.01)
    live.following.controls.clients += 1  # so that it stays paused until the page is there
    live.following.controls.pause()
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(WAIT)
    page, errors = context.new_page(), []
    page.on("console", lambda told: errors.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(live.server.guard.address)
        page.locator("#tab-learn[aria-selected=true]").wait_for()
        yield page, live, thread
    finally:
        live.following.controls.go_on()
        thread.join(30)
        context.close()
        live.close()
    assert not errors, errors


def test_one_watches_a_training_and_goes_back_through_it(browser):
    network = made()
    with watched(browser, 400, network, Slowly()) as (page, _, thread):
        _watched(page)
        thread.join(30)
        assert not thread.is_alive()
        assert network.parameters()["linear1.weight"].data.any()
        _looked_back(page)


class Remembering(p.Callback):
    """Keeps the weights after every step, and takes its time."""

    sees_weights = True

    def __init__(self) -> None:
        self.weights: dict[int, dict[str, Any]] = {}
        self.enough = False

    def on_batch(self, training: Any) -> None:
        parameters = training.network.parameters()
        self.weights[training.step] = {name: each.data.copy() for name, each in parameters.items()}
        time.sleep(0.05)
        if self.enough:
            training.stop()

    def shares(self, step: int) -> list[float]:
        """What the network after a step takes the first image for."""
        network = made()
        for name, array in self.weights[step].items():
            network.parameters()[name].data = array
        return list(p.predict_proba(network, clock_digits().images[:1])[0])


SHOWN = """() => ({
    badge: document.querySelector("#moment").textContent,
    shares: [...document.querySelectorAll("#bars .fill")].map(each => parseFloat(each.style.width) / 100),
})"""


def _at(page: Any) -> tuple[int, list[float]]:
    """The step that the page says it shows, and the prediction."""
    shown = page.evaluate(SHOWN)
    return int(shown["badge"].split("step ")[1].split()[0].replace(",", "")), shown["shares"]


def test_the_page_follows_the_training_until_it_is_held(browser):
    network, remembering = made(), Remembering()
    with watched(browser, 1400, network, remembering, epochs=1000) as (page, live, thread):
        badge = page.locator("#moment")
        page.locator("#moment", has_text="paused, step").wait_for()
        live.following.controls.clients -= 1
        live.following.controls.go_on()
        seen = []
        for _ in range(3):
            page.wait_for_function(
                "last => document.querySelector('#moment').textContent !== last", arg=badge.text_content()
            )
            assert badge.text_content().startswith("live, step ")
            seen.append(_at(page))
        assert [step for step, _ in seen] == sorted({step for step, _ in seen})
        for step, shares in seen:
            np.testing.assert_allclose(shares, remembering.shares(step), rtol=1e-3, atol=1e-5)
        badge.click()
        page.locator("#moment", has_text="follow live").wait_for()
        held, at = _at(page), live.following.step
        page.wait_for_timeout(2500)
        assert _at(page) == held
        assert live.following.step > at
        page.locator("#tab-why").click()
        badge.click()
        page.locator(
            "#moment:disabled", has_text="held, step"
        ).wait_for()  # what looks into one network has it in peace
        shown, at = live._bench.revision, live.following.step
        page.wait_for_timeout(2500)
        assert (live._bench.revision, live.following.step > at) == (shown, True)
        page.locator("#tab-learn").click()
        page.locator("#moment", has_text="live, step").wait_for()
        live.following.controls.pause()
        page.locator("#moment", has_text="paused").wait_for()
        remembering.enough = True  # not before: on a busy machine all this takes its time
        live.following.controls.go_on()
        thread.join(60)
        badge.wait_for(state="hidden")
        expected = list(p.predict_proba(network, clock_digits().images[:1])[0])
        np.testing.assert_allclose(page.evaluate(SHOWN)["shares"], expected, rtol=1e-3, atol=1e-5)


def _watched(page: Any) -> None:
    panel, status = page.locator("#panel-learn"), page.locator(".learn-status")
    status.get_by_text("Paused").wait_for()
    page.locator("canvas[data-picture='filters conv1']").wait_for()
    before = _step(status)
    page.locator("#range").focus()
    page.keyboard.press("n")  # outside of the tab, single letters do nothing
    page.wait_for_timeout(300)
    assert _step(status) == before
    for place, step in (
        ("#panel-learn", before + 1),
        ("#tab-learn", before + 2),
    ):  # a click leaves the keyboard on the latter
        page.locator(place).focus()
        page.keyboard.press("n")
        status.get_by_text(f"step {step} of").wait_for()
        page.locator("#moment", has_text=f"paused, step {step}").wait_for()
        assert page.locator(".learn-sees").text_content().endswith(f", after step {step}.")
        page.locator(f"canvas[data-picture='small conv1'][data-step='{step}']").wait_for()
    slider = page.get_by_role("slider", name="Moment")
    slider.focus()
    for key, shown in (("Home", 0), ("End", before + 2)):  # back to a training that is paused, which tells nothing new
        page.keyboard.press(key)
        page.locator(f"canvas[data-picture='small conv1'][data-step='{shown}']").wait_for()
    panel.get_by_role("button", name="half the learning rate").click()
    panel.get_by_role("button", name="Continue").click()
    panel.get_by_text(f"learning rate × 0.5 by hand from step {before + 3} on").wait_for()
    page.reload()
    page.locator("#panel-learn").get_by_text("by hand").wait_for()
    assert page.locator("#learn-factor").input_value() == "0.5", "so that half of it is a quarter"
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
    page.locator("canvas[data-picture='small conv1'][data-step='0']").wait_for()
    panel.locator("summary").click()
    assert panel.locator(".learn-table tbody tr").count() == 16
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")  # closes the sheet, which the tab is in on a narrow page
    page.locator("#sheet-open").click()
    slider.focus()
    page.keyboard.press("End")
    page.locator("#moment").wait_for(state="hidden")
    page.wait_for_function("() => document.querySelector('#range').value === 'layer'")  # as it was before


def _step(status: Any) -> int:
    return int(status.text_content().split("step ")[1].split()[0])


HIDDEN = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


FLAP = f"() => {{ ({HIDDEN})(true); ({HIDDEN})(false); }}"


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
        page, controls = context.new_page(), live.following.controls
        page.goto(live.server.guard.address)
        page.locator(".learn-status").get_by_text("Training").wait_for(timeout=WAIT)
        _wait(lambda: controls.clients == 1)
        page.evaluate(HIDDEN, True)
        _wait(lambda: controls.clients == 0)
        page.evaluate(HIDDEN, False)
        _wait(lambda: controls.clients == 1)
        for _ in range(3):  # faster than a socket takes to close
            page.evaluate(FLAP)
        page.wait_for_timeout(1000)
        _wait(lambda: controls.clients == 1)
        page.evaluate(HIDDEN, True)
        _wait(lambda: controls.clients == 0)
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
