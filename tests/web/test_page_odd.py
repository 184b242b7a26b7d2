"""What is rare: layers of one's own, windows that lie in the padding alone, numbers beyond float32; and names that no
module of the page has."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p
import pellucid.web

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web.bench import Bench
from pellucid.web.serving.server import Server

from .conftest import WAIT, clock_digits, opened
from .drawn_sums import Panel, click


class Doubled(p.Layer):
    """A layer of one's own."""

    stem = "doubled"

    def output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, x: Any, training: bool = False) -> Any:
        self._cache = x = self.accept(x)
        return 2 * x

    def backward(self, grad_output: Any) -> Any:
        _, grad_output = self.remembered(grad_output)
        return 2 * grad_output


@contextmanager
def page_of(browser: Any, network: p.Sequential) -> Iterator[Any]:
    """A page of a network, that must end without an error on its console."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(WAIT)
    with Server(Bench(network, "odd", clock_digits(), "test"), say=lambda line: None) as server:
        with opened(context, server.guard.address) as page:
            yield page
        context.close()


def test_a_number_that_code_of_ones_own_made_is_shown(browser: Any) -> None:
    network = p.Sequential([p.Conv2d(1, 2, 5), Doubled(), p.Flatten(), p.Linear(1152, 3)], input_shape=(1, 28, 28))
    with page_of(browser, network) as page:
        click(page, "doubled1", 1, 3, 4, (24, 24))
        Panel(page, "doubled1", (1, 3, 4))
        click(page, "input", 0, 5, 5, (28, 28))
        Panel(page, "input", (0, 5, 5))


def test_a_window_in_the_padding_alone_reads_nothing(browser: Any) -> None:
    network = p.Sequential([p.Conv2d(1, 2, 2, padding=5), p.Flatten(), p.Linear(2738, 3)], input_shape=(1, 28, 28))
    with page_of(browser, network) as page:
        click(page, "conv1", 0, 0, 0, (37, 37))
        Panel(page, "conv1", (0, 0, 0))
        assert page.evaluate("""async () => {
            const [{ readBy }, { layerAt }] = await Promise.all([import('/reads.js'), import('/network.js')]);
            return [readBy(layerAt('conv1'), 0, [0, 0]).length, readBy(layerAt('conv1'), 0, [4, 4]).length];
        }""") == [0, 1]


def test_a_number_beyond_float32_agrees_with_nothing(browser: Any) -> None:
    network = p.Sequential([p.Flatten(), p.Linear(784, 3), p.ReLU(), p.Linear(3, 2)], input_shape=(1, 28, 28))
    weight = network["linear1"].weight
    weight.data = np.where(np.arange(784) % 2, -3e38, 3e38).astype(np.float32) * np.ones((3, 1), np.float32)
    with page_of(browser, network) as page:
        click(page, "linear1", 0, 0, 0, (1, 3))
        panel = Panel(page, "linear1", (0,))
        told = panel.body.locator("details.held summary").inner_text()
        stored = panel.number("The number", "stored by the network")
        assert not np.isfinite(stored)
        assert "✓" not in told
        assert told.startswith("the network stored")


STATIC = Path(pellucid.web.__file__).parent / "static"
WORDS = {"if", "for", "while", "switch", "catch", "function", "return", "async", "await", "import", "of", "in", "super"}
TEXTS = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|(?P<pattern>`(?:\\.|[^`\\])*`)", re.DOTALL
)
CALLED = re.compile(r"(?<![\w$.#])([A-Za-z_$][\w$]*)\s*\(")
NAMED = re.compile(r"(?<![\w$.])([A-Za-z_$][\w$]*)(?!\s*[\w$(:])|(?:function\*?|class)\s+([A-Za-z_$][\w$]*)")
METHODS = re.compile(r"^\s+(?:static |async |get |set )*#?([A-Za-z_$][\w$]*)\([^\n]*\) \{$", re.MULTILINE)


def undeclared(text: str) -> set[str]:
    """Return the functions that a module calls and that stand nowhere else in it, as where they are imported."""
    text = TEXTS.sub(lambda found: " ".join(re.findall(r"\$\{(.*?)\}", found["pattern"] or "")) + '""', text)
    named = {each for pair in NAMED.findall(text) for each in pair}
    return {name for name in CALLED.findall(text) if name not in named | WORDS | {*METHODS.findall(text)}}


def test_every_function_that_is_called_is_declared_or_imported(page: Any) -> None:
    """A name that no module has is an error only when somebody comes to that line."""
    for path in sorted(STATIC.glob("*.js")):
        called = sorted(undeclared(path.read_text(encoding="utf-8")))
        missing = page.evaluate("(names) => names.filter((name) => !(name in globalThis))", called)
        assert not missing, path.name


def test_the_control_one_that_is_not_is_found() -> None:
    text = 'import { a } from "./a.js";\nexport function b({ number: c }) { return a(c) + number(c.number); }'
    assert undeclared(text) == {"number"}
