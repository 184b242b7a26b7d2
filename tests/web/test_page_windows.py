"""Several windows on one network, and a network that is shown as it was in training."""

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web.bench import Bench
from pellucid.web.serving.server import Server

from .asgi import request
from .conftest import WAIT, clock_digits, let_in, opened
from .learnt import learnt, watched


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return watched(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def server(bench: Bench) -> Iterator[Server]:
    with Server(bench, say=lambda line: None) as made:
        yield made


@pytest.fixture
def windows(browser: Any, server: Server, bench: Bench) -> Iterator[tuple[Any, Any]]:
    """Two windows, both with the tab in which the network is changed, on the network as it came out."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(WAIT)
    first = context.new_page()
    first.goto(server.guard.address)
    first.close()
    address = f"http://127.0.0.1:{server.port}/#sample=3&view=change"
    with bench.busy:
        bench.versions.go_to(None)
        bench.versions.edits.reset()
        bench.versions.show_edited()
    with opened(context, address) as one, opened(context, address) as two:
        for each in (one, two):
            each.locator(".weights input").first.wait_for()
            each.locator("#change-silence:enabled").wait_for()
        yield one, two
    context.close()


def first_cell(page: Any) -> str:
    return page.locator("[data-path=conv1] .map").first.get_attribute("aria-label")


def test_an_answer_that_an_edit_has_overtaken_is_asked_for_anew(windows: tuple[Any, Any]) -> None:
    page, _ = windows
    held: list[Any] = []
    page.route("**/api/sample?*", lambda route: held.append((route, route.fetch())))
    page.get_by_label("next sample").click()
    while not held:
        page.wait_for_timeout(20)
    page.locator("#change-silence").click()
    page.locator("#edited").wait_for()
    with page.expect_response("**/api/seen?*") as answered:
        held[0][0].fulfill(response=held[0][1])
    assert answered.value.ok
    page.wait_for_url("**/*sample=4*")


def test_a_server_that_has_ended_is_not_asked_again_and_again(browser: Any, server: Server, windows: Any) -> None:
    own = browser.new_context(storage_state=windows[0].context.storage_state())
    asked: list[str] = []
    with opened(own, f"http://127.0.0.1:{server.port}/", "ERR_FAILED") as page:
        page.clock.install()
        page.reload()
        page.locator("#bars li").first.wait_for()
        page.route("**/api/edition*", lambda route: (asked.append(route.request.url), route.abort()))
        for _ in range(4):
            page.clock.run_for(2000)
            page.wait_for_timeout(100)
        assert len(asked) == 1
        page.evaluate("dispatchEvent(new Event('focus'))")
        page.wait_for_timeout(100)
        assert len(asked) == 2
    own.close()


def test_what_is_changed_in_one_window_is_shown_in_the_other(windows: tuple[Any, Any]) -> None:
    one, two = windows
    before = first_cell(two)
    one.locator("#change-silence").click()
    one.locator("#change-edits li", has_text="conv1: channel 0 silenced").wait_for()
    two.locator("#change-edits li", has_text="conv1: channel 0 silenced").wait_for()
    two.locator("#edited").wait_for()
    two.wait_for_function("(old) => document.querySelector('[data-path=conv1] .map').ariaLabel !== old", arg=before)
    assert first_cell(two) == first_cell(one)
    two.locator("#change-undo").click()
    two.locator("#edited").wait_for(state="hidden")
    one.locator("#edited").wait_for(state="hidden")
    assert one.locator("#change-edits li").count() == 0
    one.wait_for_function("(old) => document.querySelector('[data-path=conv1] .map').ariaLabel === old", arg=before)


def test_who_draws_hears_of_what_is_changed_in_another_window(windows: tuple[Any, Any]) -> None:
    """Every stroke's answer tells of the edit; none may pass for that with which the edits were listed."""
    one, two = windows
    box = one.locator("#pad").bounding_box()
    one.mouse.move(box["x"] + 100, box["y"] + 60)
    one.mouse.down()
    for step in range(60):
        one.mouse.move(box["x"] + 100 + step, box["y"] + 60 + step % 40)
        if step == 20:
            two.locator("#change-silence").click()
    one.mouse.up()
    one.locator("#change-edits li", has_text="conv1: channel 0 silenced").wait_for()
    one.locator("#edited").wait_for()


def test_a_window_that_nobody_looks_at_asks_for_nothing_until_one_comes_back(windows: tuple[Any, Any]) -> None:
    one, two = windows
    asked: list[str] = []
    two.on("request", lambda sent: asked.append(sent.url) if "/api/edition?" in sent.url else None)
    two.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    two.wait_for_timeout(200)
    asked.clear()
    one.locator("#change-silence").click()
    one.locator("#edited").wait_for()
    two.wait_for_timeout(2500)
    assert asked == []
    assert two.locator("#edited").is_hidden()
    two.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    two.locator("#edited").wait_for(timeout=1900)  # before it would ask by itself


def test_as_it_was_in_training_the_network_is_not_changed_and_the_panel_says_why(windows: tuple[Any, Any]) -> None:
    one, two = windows
    first = one.locator(".weights input").first
    one.locator("#tab-learn").click()
    slider = one.get_by_role("slider", name="Moment")
    slider.focus()
    one.keyboard.press("Home")
    for page in (one, two):
        page.locator("#moment", has_text="after step 0").wait_for()
    one.locator("#tab-change").click()
    names = ".weights input, #panel-change fieldset button, #change-bias, #change-every"
    for page in (one, two):
        reason = page.locator("#change-past")
        assert re.match("This is the network as it was after step 0 of its training", reason.inner_text())
        assert page.locator(names).count() >= 25 + 4
        assert all(each.is_disabled() for each in page.locator(names).all())
        assert page.locator("#change-channel").is_enabled()  # what it was may be looked at
    assert not one.locator(".weights .changed").count(), "nobody has changed it"
    for page in (one, two):
        told = page.locator("#accuracy", has_text=" right after step 0; ")
        assert re.search(r" % at the end\. \d+ images are taken otherwise than at the end\.$", told.inner_text())
    one.locator("#change-past button", has_text="Go to its end").click()
    for page in (one, two):
        page.locator("#moment").wait_for(state="hidden")
    assert one.locator("#tab-change").get_attribute("aria-selected") == "true"
    assert first.is_enabled()
    assert one.locator("#change-past").is_hidden()
    assert two.locator("#change-silence").is_enabled()


def test_a_number_that_is_being_typed_when_another_window_goes_to_a_moment_is_not_sent(windows: Any) -> None:
    one, two = windows
    sent: list[str] = []
    one.on("request", lambda each: sent.append(each.url) if "/api/edit?" in each.url else None)
    field = one.locator(".weights input").first
    before = field.input_value()
    field.fill("5")
    two.locator("#tab-learn").click()
    two.get_by_role("slider", name="Moment").focus()
    two.keyboard.press("Home")
    one.locator("#change-past").wait_for()
    one.wait_for_function("() => document.querySelector('.weights input').value !== '5'")
    assert sent == []
    two.keyboard.press("End")
    one.locator("#change-past").wait_for(state="hidden")
    one.wait_for_function("was => document.querySelector('.weights input').value === was", arg=before)
    assert one.locator("#problem").text_content() == ""


@pytest.mark.parametrize("edited", [True, False])
def test_a_page_whose_server_was_started_anew_is_loaded_anew_at_the_same_place(
    browser: Any, tmp_path: Path, edited: bool
) -> None:
    first = Server(Bench(learnt(), "clock", clock_digits()), say=lambda line: None)
    port = first.port
    asked: list[str] = []
    with ExitStack() as running, let_in(browser, running.enter_context(first).guard.address) as context, opened(
        context, f"http://127.0.0.1:{port}/", "Failed to load", "WebSocket"
    ) as page:  # fmt: skip
        page.on("request", lambda sent: asked.append(sent.url) if "/api/" in sent.url else None)
        page.locator("#tab-change").click()
        if edited:
            page.locator("#change-silence").click()
            page.locator("#edited").wait_for()
        running.close()
        page.evaluate("() => { window.before = true; }")
        with Server(Bench(learnt(), "clock", clock_digits()), port=port, say=lambda line: None) as second:
            other = context.new_page()
            other.goto(second.guard.address)
            other.locator("#bars li").first.wait_for()
            asked.clear()
            page.bring_to_front()
            page.get_by_label("next sample").click()  # unless it has asked by itself already
            page.wait_for_function("() => !window.before")
            page.locator("#told", has_text="It is a").wait_for()
            assert page.locator("#edited").is_hidden()
            assert ("made with other edits" in page.locator("#notice").text_content()) == edited
            page.wait_for_timeout(500)
            assert len(asked) < 40
            page.get_by_label("next sample").click()
            page.wait_for_url("**/*sample=*view=change*")


def test_a_page_that_is_opened_then_says_at_once_what_it_shows(windows: tuple[Any, Any], bench: Bench) -> None:
    one, _ = windows
    following, bench.following = bench.following, None  # else a page that is opened goes to the end
    try:
        with bench.busy:
            bench.versions.go_to(following.moments.read(1, bench.versions.original))
        one.reload()
        one.locator("#moment", has_text="after step 1").wait_for()
        one.locator("#change-past").wait_for()
    finally:
        bench.following = following


def test_the_question_what_has_changed_waits_for_nobody(bench: Bench) -> None:
    from pellucid.web.serving.application import application

    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with bench.busy:
            held.set()
            let_go.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    reply = request(application(bench), "/api/edition")
    let_go.set()
    thread.join()
    assert reply.status == 200
    assert f'"revision":{bench.revision}'.encode() in reply.body
