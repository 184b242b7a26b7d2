"""The address with the token, in a browser: used once, it stands nowhere any more."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p


@pytest.fixture
def bench() -> Any:
    pytest.importorskip("starlette")
    from pellucid.web.bench import Bench

    layers = [p.Flatten(), p.Linear(64, 3), p.Softmax()]
    images = np.zeros((3, 1, 8, 8), np.uint8)
    return Bench(p.Sequential(layers, input_shape=(1, 8, 8)), "token", p.Dataset(images, np.arange(3)))


def test_the_token_stays_nowhere(browser: Any, bench: Any, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("uvicorn")
    pytest.importorskip("websockets")
    from pellucid.web.serving.server import Server

    said: list[str] = []
    with Server(bench, say=said.append) as server:
        address, context = server.guard.address, browser.new_context()
        token, page, asked = address.partition("token=")[2], context.new_page(), []
        page.on("request", lambda request: asked.append((request.url, request.all_headers())))
        page.goto(address)
        page.locator("#bars li").first.wait_for()
        home = f"http://127.0.0.1:{server.port}/"
        assert page.url.startswith(f"{home}#")
        assert page.evaluate("[history.length, document.referrer]")[1] == ""
        entries = "performance.getEntries().map((each) => each.name).join() + document.documentElement.outerHTML"
        assert token not in page.evaluate(entries)
        assert token not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert [url for url, _ in asked if token in url] == [address]
        assert all(token not in str(headers) and "referer" not in headers for _, headers in asked)
        page.goto("about:blank")
        page.go_back()
        page.locator("#bars li").first.wait_for()
        assert page.url.startswith(home)
        page.reload()
        page.locator("#bars li").first.wait_for()

        other = browser.new_context()  # of somebody who has read the address over one's shoulder
        answer = other.new_page().goto(address)
        assert answer.status == 403
        assert "This address has been used" in answer.text()
        assert other.new_page().goto(home).status == 403
        assert len(said) == 1
        assert token not in said[0]
        other.close()
        context.close()
    assert capfd.readouterr() == ("", "")


def test_a_browser_comes_from_the_file_that_it_is_given(
    browser: Any, bench: Any, given: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("uvicorn")
    pytest.importorskip("websockets")
    from pellucid.web.serving.server import Server

    with Server(bench, say=lambda words: None) as server:
        server.invite(lambda words: None, browser=True)
        context = browser.new_context()
        page = context.new_page()
        page.goto(given[0], wait_until="commit")
        page.locator("#bars li").first.wait_for()
        assert page.url.startswith(f"http://127.0.0.1:{server.port}/#")
        assert page.evaluate("document.referrer") == ""
        assert list(tmp_path.iterdir()) == []
        page.reload()
        page.locator("#bars li").first.wait_for()
        context.close()


def test_the_address_may_be_clicked_on_another_page(browser: Any, bench: Any) -> None:
    """Such as a terminal in a browser: the cookie, which is for this page alone, is there all the same."""
    pytest.importorskip("uvicorn")
    pytest.importorskip("websockets")
    from pellucid.web.serving.server import Server

    with Server(bench, say=lambda words: None) as server:
        context, address = browser.new_context(), server.guard.address
        page = context.new_page()
        page.goto(f"data:text/html,<a href='{address}'>open</a>")
        page.locator("a").click()
        page.locator("#bars li").first.wait_for()
        assert page.url.startswith(f"http://127.0.0.1:{server.port}/#")
        page.go_back()
        assert page.url.startswith("data:")  # the address with the token is none that one comes back to
        context.close()
