"""What the page shows fits together: of one network, of the image that was asked for last, and as its link says."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web import Live
from pellucid.web.answers.questions import Question
from pellucid.web.bench import Bench
from pellucid.web.learning.past import followed
from pellucid.web.looking.images import IMAGES
from pellucid.web.serving.application import application
from pellucid.web.serving.server import Server

from .asgi import request
from .conftest import clock_digits, let_in, opened
from .learnt import ask

ALONE = "setInterval = () => 0"
"""In a page: it does not ask from time to time whether another window has changed the network."""
SHARES = "[...document.querySelectorAll('#bars .share')].map((each) => each.innerText)"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A network with the moments of its training."""
    folder: Path = tmp_path_factory.mktemp("runs") / "run"
    network = p.Sequential(
        [p.Conv2d(1, 4, 5, stride=2), p.ReLU(), p.Flatten(), p.Linear(576, 10)], input_shape=(1, 28, 28), seed=1
    )
    live = Live(browser=False, say=lambda words: None)
    p.fit(
        network, clock_digits(), epochs=4, batch_size=10, callbacks=[live], out=folder, engine="numpy", progress=False
    )
    live.close()
    made = Bench(network, "clock", clock_digits(), "test")
    made.following = followed(network, folder)
    return made


@pytest.fixture(scope="module")
def server(bench: Bench) -> Iterator[Server]:
    with Server(bench, say=lambda line: None) as made:
        yield made


@pytest.fixture
def home(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}/"


@pytest.fixture
def window(browser: Any, server: Server, bench: Bench) -> Iterator[Any]:
    """A window with the page's cookie, for pages of the network as it came out."""
    with bench.busy:
        bench.versions.go_to(None)
        bench.versions.edits.reset()
        bench.versions.show_edited()
    with let_in(browser, server.guard.address, ALONE) as own:
        yield own


def shares(page: Any) -> list[str]:
    return page.evaluate(SHARES)


def silence(bench: Bench, path: str, out: int) -> None:
    """Change the network, as another window would."""
    with bench.busy:
        bench.versions.edits.silence(path, out)
        bench.versions.show_edited()


# ---- one network


def test_what_is_done_in_a_window_shows_what_another_one_has_changed(window: Any, home: str, bench: Bench) -> None:
    with opened(window, f"{home}#sample=3&layer=conv1&channel=0&cell=5,5") as page:
        page.locator('.body[data-place="conv1 0,5,5"]').wait_for()
        before = shares(page)
        silence(bench, "conv1", 0)
        page.locator("#bars .bar").first.click()  # asks for a sum, of a network that is not there any more
        page.locator("#edited").wait_for()
        page.wait_for_function(f"(old) => {SHARES}.join() !== old", arg=",".join(before))
        page.locator("[data-path=conv1] .map[aria-label$=', 0']").first.wait_for()
        assert page.locator("#problem").is_hidden()


def test_outputs_that_come_later_are_shown_as_those_of_the_network_that_made_them(
    window: Any, home: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large network they come with a question of their own, and it may have been edited meanwhile."""
    monkeypatch.setattr("pellucid.web.answers.seeing.AT_ONCE", 0)
    held: list[Any] = []
    with opened(window, f"{home}#sample=3") as page:
        page.locator("#told", has_text="It is a 3").wait_for()
        page.route("**/api/seen?*wait=1*", lambda route: route.continue_() if held else held.append(route))
        page.get_by_role("button", name="next sample").click()
        while not held:
            page.wait_for_timeout(20)
        assert page.locator("#bars[aria-busy]").count() == 1
        silence(bench, "conv1", 0)
        held[0].continue_()
        page.locator("#edited").wait_for()
        page.locator("#told", has_text="It is a 4").wait_for()
        page.locator("#bars:not([aria-busy])").wait_for()
        after = shares(page)
        page.reload()
        page.locator("#told", has_text="It is a 4").wait_for()
        assert shares(page) == after


def test_an_image_that_is_asked_for_tells_of_edits_and_only_then_they_are_asked_for(
    window: Any, home: str, bench: Bench
) -> None:
    with opened(window, f"{home}#sample=3") as page:
        page.locator("#told", has_text="It is a 3").wait_for()
        page.wait_for_load_state("networkidle")
        asked: list[str] = []
        page.on("request", lambda sent: asked.append(sent.url) if re.search("/api/edit", sent.url) else None)
        step = page.get_by_role("button", name="next sample")
        with bench.busy:
            bench.versions.show_edited()  # to another moment and back, as it were
        step.click()
        page.locator("#told", has_text="It is a 4").wait_for()
        assert asked == []
        silence(bench, "conv1", 0)
        step.click()
        page.locator("#edited").wait_for()


def test_the_accuracy_is_that_of_the_network_as_another_window_left_it(window: Any, home: str, bench: Bench) -> None:
    with opened(window, f"{home}#sample=3") as page:
        silence(bench, "conv1", 0)
        page.locator("#tab-change").click()
        page.locator("#change-edits li", has_text="conv1: channel 0 silenced").wait_for()
        page.locator("#accuracy", has_text="right").wait_for()


def test_an_answer_names_moment_and_edits_of_the_network_that_made_it(window: Any, home: str, bench: Bench) -> None:
    with opened(window, f"{home}#sample=3") as page:
        with bench.busy:
            bench.versions.go_to(bench.following.moments.read(1, bench.versions.original))
        page.get_by_role("button", name="next sample").click()
        page.locator("#moment", has_text="after step 1").wait_for()
        with opened(window, home) as other:  # which does not move the network
            other.locator("#moment", has_text="after step 1").wait_for()
        page.reload()
        page.locator("#moment", has_text="after step 1").wait_for()
        assert bench.versions.step == 1


def test_a_question_about_another_revision_is_refused() -> None:
    bench = Bench(p.Sequential([p.Conv2d(1, 2, 3), p.Flatten(), p.Linear(18, 3)], input_shape=(1, 5, 5)), "small")
    app, name = application(bench), bench.put(np.zeros((1, 5, 5), np.uint8))
    for words, outdated in (("", False), ("&revision=0", False), ("&revision=1", True), ("&revision=00", True)):
        reply = request(app, f"/api/maps?image={name}&layer=conv1{words}")
        assert (reply.status, b'"outdated":true' in reply.body) == (200, outdated)
    edit = "/api/edit?what=silence&layer=conv1&out=0"
    assert request(app, f"{edit}&revision=7", method="POST").status == 409
    assert not bench.versions.edits.done
    assert request(app, f"{edit}&revision=0", method="POST").status == 200
    assert request(app, "/api/undo?all=0&revision=0", method="POST").status == 409
    assert len(bench.versions.edits.done) == 1


def test_an_answer_that_an_edit_has_overtaken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.web.answers import seeing

    bench = Bench(p.Sequential([p.Conv2d(1, 2, 3), p.Flatten(), p.Linear(18, 3)], input_shape=(1, 5, 5)), "small")
    name, own = bench.put(np.zeros((1, 5, 5), np.uint8)), seeing.maps

    def overtaken(bench: Bench, asked: Any) -> Any:
        found = own(bench, asked)
        silence(bench, "conv1", 1)
        return found

    monkeypatch.setattr("pellucid.web.serving.application.QUESTIONS", [Question("maps", overtaken, of_revision=True)])
    reply = request(application(bench), f"/api/maps?image={name}&layer=conv1&revision=0")
    assert b'"outdated":true' in reply.body


def test_looks_of_networks_that_are_gone_are_let_go_of(bench: Bench) -> None:
    name = bench.put(bench.sample(1))
    for out in (0, 1):
        bench.look(name)
        silence(bench, "conv1", out)
    assert not bench._looks
    bench.look(name)
    assert list(bench._looks) == [name]


def test_going_where_the_network_is_already_changes_nothing(bench: Bench) -> None:
    moment = bench.following.moments.read(1, bench.versions.original)
    with bench.busy:
        bench.versions.go_to(moment)
        revision = bench.revision
        bench.versions.go_to(moment)
        assert bench.revision == revision
        bench.versions.go_to(None)
        assert bench.revision == revision + 1
        bench.versions.go_to(None)
        assert bench.revision == revision + 1


# ---- one image


def test_a_late_answer_does_not_replace_a_newer_image(window: Any, home: str) -> None:
    held: list[Any] = []
    with opened(window, f"{home}#sample=0") as page:
        page.route(re.compile(r"/api/sample\?number=1&"), lambda route: held.append(route))
        step = page.get_by_role("button", name="next sample")
        step.click()
        step.click()
        page.locator("#told", has_text="It is a 2").wait_for()
        for route in held:
            with contextlib.suppress(Exception):  # nobody waits for it any more
                route.continue_()
        page.wait_for_timeout(300)
        assert page.locator("input[max='39']").input_value() == "2"
        assert page.locator("#told").inner_text().startswith("It is a 2")
        assert page.locator("#problem").is_hidden()


def test_an_image_that_the_server_let_go_of_is_sent_there_again(window: Any, home: str, bench: Bench) -> None:
    with opened(window, f"{home}#sample=3", "status of 410") as page:
        page.locator("[data-path=conv1] .map").first.wait_for()
        for number in range(IMAGES):
            bench.put(np.full((1, 28, 28), number, np.uint8))
        page.locator("#bars .bar").first.click()
        page.locator('.body[data-place^="linear1"]').wait_for()
        assert page.locator("#problem").is_hidden()
        assert page.locator("input[max='39']").input_value() == "3"


def test_images_that_are_looked_at_stay(bench: Bench) -> None:
    name = bench.put(bench.sample(5))
    for number in range(IMAGES):
        bench.put(np.full((1, 28, 28), 100 + number, np.uint8))
        ask(bench, "seen", image=name)


# ---- one link


@pytest.mark.parametrize("word", ["sample=999999", "sample=x", "pixels=!!!!", "range=nonsense", "view=nonsense"])
def test_a_page_that_is_opened_with_nonsense_says_so_and_shows_an_image(window: Any, home: str, word: str) -> None:
    with opened(window, f"{home}#{word}") as page:  # which waits for a prediction
        page.locator("#notice", has_text="The link names what there is not here").wait_for()
        assert page.locator('[role=tab][aria-selected="true"]').inner_text() == "Sum"
        assert page.locator("#range").input_value() == "layer"
        page.locator("#told", has_text="It is a 0").wait_for()


def test_a_link_holds_the_edits_and_says_where_they_are_missing(window: Any, home: str, bench: Bench) -> None:
    silence(bench, "conv1", 0)
    with opened(window, f"{home}#sample=3") as page:
        page.wait_for_url("**edits=**")
        edited = page.url
        page.reload()
        page.locator("#told", has_text="It is a 3").wait_for()
        assert page.locator("#notice").is_hidden()
        page.locator("#tab-change").click()
        page.locator("#change-reset").click()
        page.wait_for_url(lambda url: "edits=" not in url)
        as_it_was = page.url
    with opened(window, edited) as page:
        page.locator("#notice", has_text="other edits").wait_for()
    silence(bench, "conv1", 1)
    with opened(window, as_it_was) as page:
        page.locator("#notice", has_text="before the network was edited").wait_for()


def test_a_link_leads_to_the_moment_that_it_was_made_at(window: Any, home: str, bench: Bench) -> None:
    with opened(window, f"{home}#sample=3&moment=2") as page:
        page.locator("#moment", has_text="after step 2").wait_for()
        page.wait_for_url("**moment=2**")
        link = page.url
    bench.versions.go_to(None)
    with opened(window, link) as page:
        page.locator("#moment", has_text="after step 2").wait_for()
        assert page.locator("#notice").is_hidden()
    with opened(window, link.replace("moment=2", "moment=3333")) as page:
        page.locator("#notice", has_text="the network after step 3,333 of its training").wait_for()


def test_links_to_the_parts_of_the_page_leave_the_address_alone(window: Any, home: str) -> None:
    with opened(window, f"{home}#sample=3") as page:
        page.wait_for_url("**net=**")
        for part in ("layers", "inspector"):
            page.locator(f".skip[href='#{part}']").focus()
            page.keyboard.press("Enter")
            assert page.evaluate("document.activeElement.id") == part
            assert "sample=3" in page.url


def test_a_browser_that_takes_no_more_changes_of_the_address_keeps_all_else_going(window: Any, home: str) -> None:
    with opened(window, f"{home}#sample=3") as page:
        page.evaluate("() => { history.replaceState = () => { throw new DOMException('many', 'SecurityError'); }; }")
        page.get_by_role("button", name="next sample").click()
        page.locator("#told", has_text="It is a 4").wait_for()
        page.locator("#bars .bar").first.click()
        page.locator('.body[data-place^="linear1"]').wait_for()
        page.wait_for_timeout(400)
        assert page.locator("#problem").is_hidden()


# ---- the keyboard, and who does not see


def test_what_has_the_keyboard_is_seen_to_have_it(window: Any, home: str) -> None:
    with opened(window, f"{home}#sample=3") as page:
        page.locator("#tab-sum").focus()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "panel-sum"
        assert page.locator("#panel-sum").evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
        page.locator("#pixels-cell").focus()
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "file":
                break
        assert page.locator("label[for=file]").evaluate("element => getComputedStyle(element).outlineStyle") == "solid"


def test_where_arrows_move_a_cell_a_screen_reader_leaves_them_to_the_page(window: Any, home: str) -> None:
    with opened(window, f"{home}#sample=3&layer=conv1&channel=0&cell=5,5") as page:
        page.locator(".large .map").wait_for()
        every = page.locator("button.map")
        every.nth(5).wait_for()
        assert every.evaluate_all("all => all.every((each) => each.closest('[role=application][aria-label]'))")
