"""Several windows on one network, and a network that is shown as it was in training."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web.bench import Bench
from pellucid.web.server import Server

from .asgi import request
from .conftest import WAIT, opened
from .learnt import watched


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
    one.locator("#change-past button").click()
    slider.focus()
    one.keyboard.press("End")
    for page in (one, two):
        page.locator("#moment").wait_for(state="hidden")
    one.locator("#tab-change").click()
    assert first.is_enabled()
    assert one.locator("#change-past").is_hidden()
    assert two.locator("#change-silence").is_enabled()


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
    from pellucid.web.application import application

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
