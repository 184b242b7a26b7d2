"""The page in a browser: one server and one Chromium for all tests that look at it.

The network behind the page has every family of layers in it, so that each has a cell to click at. Tests that need a
page take `page`, which is opened anew and must end without an error on its console; those that ask the server itself
take `shown`.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import pellucid as p
from fuzz.architectures import Architect

SIZE = 28
SEGMENTS = {
    "top": (slice(4, 7), slice(8, 20)), "middle": (slice(13, 16), slice(8, 20)),
    "bottom": (slice(22, 25), slice(8, 20)), "upper left": (slice(4, 15), slice(8, 11)),
    "upper right": (slice(4, 15), slice(17, 20)),
    "lower left": (slice(13, 25), slice(8, 11)), "lower right": (slice(13, 25), slice(17, 20)),
}  # fmt: skip
DIGITS = (
    "top bottom upper-left upper-right lower-left lower-right", "upper-right lower-right",
    "top middle bottom upper-right lower-left", "top middle bottom upper-right lower-right",
    "middle upper-left upper-right lower-right", "top middle bottom upper-left lower-right",
    "top middle bottom upper-left lower-left lower-right", "top upper-right lower-right",
    "top middle bottom upper-left upper-right lower-left lower-right",
    "top middle bottom upper-left upper-right lower-right",
)  # fmt: skip
WAIT = 30_000
"""Milliseconds that a page may take for anything: the machine has other things to do."""


class Shown(NamedTuple):
    """What the page shows."""

    network: p.Sequential
    data: p.Dataset
    server: Any

    def trace(self, sample: int = 0) -> p.Trace:
        """What the network makes of a sample of its data."""
        return p.trace(self.network, self.data.images[sample])


def clock_digits() -> p.Dataset:
    """The ten digits as a digital clock writes them, four times, each in another ink."""
    images = np.zeros((40, SIZE, SIZE), np.uint8)
    labels = np.arange(40) % 10
    for image, label, ink in zip(images, labels, np.linspace(255, 120, 40), strict=True):
        for segment in DIGITS[label].split():
            image[SEGMENTS[segment.replace("-", " ")]] = ink
    return p.Dataset(images, labels, name="clock")


def every_family() -> p.Sequential:
    """A network for drawn digits with every family of layers in it, and numbers drawn for all that it learns."""
    activations = [
        p.LeakyReLU(), p.PReLU(6), p.Clip(-2, 2), p.HardSwish(), p.ELU(), p.SiLU(), p.GELU(), p.Tanh(), p.HardSigmoid(),
        p.Softplus(), p.ReLU6(), p.Sigmoid(),
    ]  # fmt: skip
    gate = p.Graph({"a": (p.AdaptiveAvgPool2d(1), "input"), "b": (p.joins.Multiply(), "input", "a")})
    network = p.Sequential(
        [
            p.Conv2d(1, 6, 5), p.BatchNorm2d(6), p.ReLU(), p.MaxPool2d(2), p.LocalResponseNorm(3),
            p.Residual(p.Conv2d(6, 6, 3, padding=1, groups=2)), *activations, p.AvgPool2d(3, stride=2, padding=1),
            p.Concat(p.Conv2d(6, 10, 1), p.Mean((1,), keepdims=True)), p.Bias((11, 1, 1)), p.Gain((11, 1, 1)),
            p.PadChannels(1, 0), p.Pad((0, 1, 1)), p.Slice(2, 1, 7), p.Transpose((1, 3, 2)), gate,
            p.Conv2d(12, 20, 3, stride=2, padding=1), p.AdaptiveAvgPool2d(2), p.Dropout(), p.Flatten(),
            p.Linear(80, 40), p.Tanh(), p.Linear(40, 10), p.Softmax(),
        ],
        input_shape=(1, SIZE, SIZE), seed=3, scaling=p.Scaling(0.1307, 0.3081),
    )  # fmt: skip
    Architect(np.random.default_rng(5)).fill(network)
    return network


@pytest.fixture(scope="session")
def shown() -> Iterator[Shown]:
    """A server of the page."""
    for name in ("starlette", "uvicorn", "websockets"):
        pytest.importorskip(name)
    from pellucid.web.bench import Bench
    from pellucid.web.serving.server import Server

    network, data = every_family(), clock_digits()
    with Server(Bench(network, "every-family", data, "test"), say=lambda line: None) as server:
        yield Shown(network, data, server)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    api = pytest.importorskip("playwright.sync_api")
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("needs Chromium on the path, as Debian's package of that name puts it")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"], timeout=4 * WAIT)
        yield chromium
        chromium.close()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Addresses that a browser was given, on a machine with a screen, whose temporary files are in a folder."""
    from pellucid.web.serving import browser as leading

    found: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: not found.append(address))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(leading, "SNAPS", tmp_path / "none")
    monkeypatch.setattr(leading, "_is_windows", lambda: False)
    monkeypatch.setenv("DISPLAY", ":0")
    return found


@pytest.fixture(autouse=True)
def own_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hide from tests without a browser that Playwright's loop stands still in this thread: they may run their own."""
    standing = None if "browser" in request.fixturenames else asyncio._get_running_loop()
    if standing is not None:
        asyncio._set_running_loop(None)
    yield
    if standing is not None:
        asyncio._set_running_loop(standing)


@pytest.fixture(scope="session")
def context(browser: Any, shown: Shown) -> Iterator[Any]:
    """A window that has the page's cookie, and may write to the clipboard."""
    own = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    own.set_default_timeout(WAIT)
    own.grant_permissions(["clipboard-read", "clipboard-write"], origin=f"http://127.0.0.1:{shown.server.port}")
    first = own.new_page()
    first.goto(shown.server.guard.address)
    first.close()
    yield own
    own.close()


@contextlib.contextmanager
def let_in(browser: Any, address: str, *scripts: str) -> Iterator[Any]:
    """A window that has the cookie of the page whose address this is; each of its pages begins with the scripts."""
    own = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    own.set_default_timeout(WAIT)
    for script in scripts:
        own.add_init_script(script)
    first = own.new_page()
    first.goto(address)
    first.close()
    yield own
    own.close()


@contextlib.contextmanager
def opened(context: Any, address: str, *expected: str) -> Iterator[Any]:
    """A page of a window, at an address, that must end without an error on its console, but for those expected."""
    own, errors = context.new_page(), []

    def note(message: Any) -> None:
        known = any(each in message.text for each in expected)
        if message.type in ("error", "warning") and not known:
            errors.append(message.text)

    own.on("console", note)
    own.on("pageerror", lambda error: errors.append(str(error)))
    own.goto(address)
    own.locator("#bars li").first.wait_for()
    try:
        yield own
    finally:
        own.close()
    assert not errors, errors


@pytest.fixture
def page(context: Any, shown: Shown) -> Iterator[Any]:
    """The page as it opens, with the first sample."""
    with opened(context, f"http://127.0.0.1:{shown.server.port}/") as own:
        yield own
