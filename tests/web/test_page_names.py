"""Names are shown as text, whatever they are: nothing runs, nothing is fetched, and no name passes for another's."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pellucid as p
from pellucid.errors import printable

from .hostile import NAMES

WATCH = """
  window.seen = [];
  addEventListener("securitypolicyviolation", (event) => window.seen.push(event.blockedURI || event.violatedDirective));
  for (const name of ["alert", "confirm", "prompt", "print", "open"]) window[name] = () => window.seen.push(name);
"""
TITLES = (
    *NAMES[:8],
    "\u202egnp.exe",
    "a\x00b\x1b[2J\r\nc",
    "\udcff",
    "7" * 10_000,
    "</title><script>alert(1)</script>",
)
LINKS = (
    "net=<img src=x onerror=alert(1)>&layer=<script>alert(1)</script>&channel=1&cell=1,2&view=sum",
    "layer=linear1&channel=-1&cell=__proto__&view=constructor&range=<b>&class=9999999&raw=2",
    "layer=linear1&channel=99999999&cell=1e9,NaN&view=why&class=%00", "sample=999999999", "sample=<script>",
    "pixels=%ff%fe&pixels=<svg onload=alert(1)>", "pixels=" + "A" * 200_000, "__proto__[x]=1&constructor.prototype.x=1",
    "view=javascript:alert(1)", "%", "&&&===", "layer=" + "conv1." * 3000,
)  # fmt: skip
BARS = 10
WAIT = 30_000


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 200


@pytest.fixture(scope="module")
def hostile() -> Iterator[Any]:
    """A bench of a network all of whose classes have hostile names, and a server of it. Of each of its samples other
    ten classes are the likeliest."""
    for name in ("starlette", "uvicorn", "websockets"):
        pytest.importorskip(name)
    from pellucid.web.bench import Bench
    from pellucid.web.serving.server import Server

    layers = [p.Flatten(), p.Linear(64, len(NAMES)), p.Softmax()]
    network = p.Sequential(layers, input_shape=(1, 8, 8), class_names=NAMES)
    count = -(-len(NAMES) // BARS)
    weights = np.zeros((len(NAMES), 64))
    weights[np.arange(len(NAMES)), np.arange(len(NAMES)) // BARS] = 9
    network.parameters()["linear1.weight"].data = weights.astype(network.dtype)
    images = np.zeros((count, 64), np.uint8)
    images[np.arange(count), np.arange(count)] = 255
    data = p.Dataset(
        images.reshape(-1, 1, 8, 8), np.arange(count) * BARS, name="<img src=x onerror=alert(1)>\u202e\udcff"
    )
    bench = Bench(network, NAMES[0], data, "test")
    with Server(bench, say=lambda words: None) as server:
        yield bench, server


@pytest.fixture(scope="module")
def window(browser: Any, hostile: Any) -> Iterator[Any]:
    """A page on that server, and a list of what it does that it should not."""
    server, wrong = hostile[1], []
    own = (f"http://127.0.0.1:{server.port}/", f"blob:http://127.0.0.1:{server.port}/", "data:image/")
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1400, "height": 900})
    context.set_default_timeout(WAIT)
    context.add_init_script(WATCH)
    page = context.new_page()
    page.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
    page.on("console", lambda message: wrong.append(message.text) if of_note(message) else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(own) else wrong.append(request.url))
    page.on("popup", lambda popup: wrong.append("a window"))
    page.goto(server.guard.address)
    page.locator("#bars li").first.wait_for()
    yield page, wrong
    context.close()


def of_note(message: Any) -> bool:
    """Return whether a line of the console tells of more than an answer that refuses a question, as the page shows."""
    return message.type in ("error", "warning") and "the server responded with a status of 4" not in message.text


def quiet(window: Any) -> None:
    """Nothing was said, nothing ran, nobody else was asked, and nothing is there that the page does not make."""
    page, wrong = window
    assert wrong == []
    assert page.evaluate("window.seen") == []
    assert (
        page.evaluate(
            "document.querySelectorAll('iframe, object, embed, base, video, math, [action], [href*=evil]').length"
        )
        == 0
    )
    assert page.evaluate("[...document.scripts].every((each) => each.src.startsWith(location.origin))")
    assert page.evaluate(
        "[...document.querySelectorAll('*')].every((each) => !each.getAttributeNames().some((a) => a.startsWith('on')))"
    )


def test_names_of_classes_are_text(window: Any) -> None:
    page, _ = window
    known = page.evaluate("fetch('/api/network').then((answer) => answer.json()).then((told) => told.classes)")
    assert known == [printable(name) for name in NAMES]
    for number, first in enumerate(range(0, len(NAMES), BARS)):
        page.locator(".data input").fill(str(number))
        page.locator(".data input").press("Tab")
        expected = known[first : first + BARS]
        page.wait_for_function(
            "(names) => { const shown = [...document.querySelectorAll('#bars .name')].map((each) => each.textContent);"
            " return names.every((name) => shown.includes(name)); }", arg=expected,
        )  # fmt: skip
        assert page.locator("#bars .name *").count() == 0
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.wait_for_timeout(200)
    quiet(window)


def test_a_title_is_text(window: Any, hostile: Any) -> None:
    page, (bench, _) = window[0], hostile
    for title in TITLES:
        bench.title = title
        page.reload()
        page.locator("#bars li").first.wait_for()
        assert page.locator("#title").text_content() == printable(title)
        assert page.locator("#title *").count() == 0
        assert page.title().startswith(" ".join(printable(title).split())[:40])
        quiet(window)


def test_a_link_is_no_program(window: Any, hostile: Any) -> None:
    page, (_, server) = window[0], hostile
    for link in LINKS:
        page.goto("about:blank")
        page.goto(f"http://127.0.0.1:{server.port}/#{link}")
        page.wait_for_function("() => document.getElementById('title').textContent")
        page.wait_for_timeout(150)
        assert page.evaluate("({}).x") is None
        quiet(window)
