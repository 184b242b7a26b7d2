"""The sums that the page draws, cell by cell in every family of layers, against NumPy; and the way back to a pixel."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pellucid as p

PATHS = (
    "input", "conv1", "norm1", "relu1", "pool1", "lrn1", "residual1.body", "residual1", "leaky1", "prelu1", "clip1",
    "hard_swish1", "elu1", "silu1", "gelu1", "tanh1", "hard_sigmoid1", "softplus1", "relu61", "sigmoid1", "pool2",
    "concat1.branch1", "concat1.branch2", "concat1", "bias1", "gain1", "pad1", "pad2", "slice1", "transpose1", "graph1.a",
    "graph1.b", "conv2", "pool3", "flatten1", "linear1", "tanh2", "linear2", "softmax1",
)  # fmt: skip
"""What the page shows of the network of these tests."""

TABLES = """element => [...element.querySelectorAll("table")].map(table => ({
    caption: table.caption.textContent,
    scopes: [...table.querySelectorAll("th")].every(head => head.scope),
    rows: [...table.querySelectorAll("tbody tr, tfoot tr")].map(row => [...row.children].map(
        cell => cell.querySelector("data")?.value ?? cell.textContent)),
    heads: [...table.querySelectorAll("thead th")].map(head => head.textContent),
}))"""


class Panel:
    """What stands in the tab, read from the page."""

    def __init__(self, page: Any, path: str, index: tuple[int, ...]):
        self.page, self.body = page, page.locator(".sums .body")
        page.locator(f'.body[data-place="{path} {",".join(map(str, index))}"]:not([aria-busy])').wait_for()
        self.tables = {table["caption"]: table for table in self.body.evaluate(TABLES)}

    def rows(self, start: str) -> list[list[str]]:
        """The rows of the table whose caption begins so."""
        return next(table["rows"] for caption, table in self.tables.items() if caption.startswith(start))

    def numbers(self, start: str) -> np.ndarray[Any, Any]:
        """The numbers of a grid."""
        return np.array([row[1:] for row in self.rows(start)], float)

    def number(self, start: str, head: str) -> float:
        """The number in the row with a heading."""
        return float(next(row[-1] for row in self.rows(start) if row[0] == head))


@pytest.fixture(scope="module")
def stack(context: Any, shown: Any) -> Iterator[Any]:
    """One page for the cells of all layers."""
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{shown.server.port}/")
    page.locator("#bars li").first.wait_for()
    yield page
    page.close()


@pytest.fixture(scope="module")
def trace(shown: Any) -> p.Trace:
    return shown.trace(0)


def click(page: Any, path: str, channel: int, row: int, column: int, shape: tuple[int, ...]) -> None:
    """Click a cell in the stack of layers."""
    page.locator(f'section.layer[data-path="{path}"]').evaluate("element => element.scrollIntoView({block: 'center'})")
    button = page.locator(f'section.layer[data-path="{path}"] button.map').nth(channel)
    box = button.bounding_box()
    button.click(position={"x": (column + 0.5) * box["width"] / shape[1], "y": (row + 0.5) * box["height"] / shape[0]})


def cell_in(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[tuple[int, int, int], tuple[int, int], Any]:
    """Draw a cell: (channel, row, column) on the page, the rows and columns of its map, and its index."""
    if len(shape) == 3:
        cell = tuple(int(rng.integers(min(size, 24) if axis == 0 else size)) for axis, size in enumerate(shape))
        return cell, shape[1:], cell
    feature = int(rng.integers(shape[0]))
    columns = min(shape[0], 32)
    return (0, feature // columns, feature % columns), (-(-shape[0] // columns), columns), (feature,)


def test_every_layer_that_is_shown_is_clicked(shown):
    from pellucid.web.description import shown_values

    assert tuple(shown_values(p.lower(shown.network))) == PATHS


@pytest.mark.parametrize("path", PATHS)
def test_a_click_shows_the_whole_sum(stack, trace, path, rng):
    value = trace.value(path)
    (channel, row, column), size, index = cell_in(trace.program.values[value].shape, rng)
    click(stack, path, channel, row, column, size)
    panel, found = Panel(stack, path, index), trace.sum(path, index)
    assert all(table["scopes"] for table in panel.tables.values())
    assert panel.number("The number", "stored by the network") == found.stored
    assert panel.number("The number", "computed anew, in 64 bits") == pytest.approx(found.recomputed, rel=1e-13)
    assert panel.number("The number", "difference") == pytest.approx(found.difference, rel=1e-6, abs=1e-13)
    assert panel.body.locator("[data-check]").get_attribute("data-check") == "same"
    DRAWN.get(found.kind, drawn_last)(panel, trace, found)
    runs(panel.body.locator("textarea").input_value(), found)


# ---- the pictures of the kinds, against NumPy


def inputs(trace: p.Trace, found: p.Sum) -> list[Any]:
    step = next(step for step in trace.program.steps if found.value in step.outputs)
    return [trace.values[value] for value in step.inputs]


def drawn_last(panel: Panel, trace: p.Trace, found: p.Sum) -> None:
    """The last line of a table is the number."""
    lines = [table["rows"][-1] for caption, table in panel.tables.items() if caption != "The number"]
    ends = [float(next(filter(None, reversed(line)))) for line in lines]
    assert any(end == pytest.approx(found.recomputed, rel=1e-12, abs=1e-14) for end in ends), ends


def drawn_conv(panel: Panel, trace: p.Trace, found: p.Sum) -> None:
    x, weight, bias = inputs(trace, found)
    filter_, row, column = found.index
    stride, padding = (2 if found.layer == "conv2" else 1), int(found.layer in ("conv2", "residual1.body"))
    seen, kernel = weight.shape[1], weight.shape[2]
    group = filter_ // (len(weight) // (len(x) // seen))
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding))).astype(np.float64)
    at = row * stride, column * stride
    patch = padded[group * seen : (group + 1) * seen, at[0] : at[0] + kernel, at[1] : at[1] + kernel]
    products = patch * weight[filter_]
    subtotals = products.sum(axis=(1, 2))
    largest = int(np.argmax(np.abs(subtotals)))
    np.testing.assert_array_equal(panel.numbers("patch"), patch[largest])
    np.testing.assert_array_equal(panel.numbers("⊙ kernel"), weight[filter_][largest].astype(float))
    np.testing.assert_allclose(panel.numbers("= products"), products[largest], rtol=1e-15)
    hatched = panel.body.locator(".grid").first.locator(".padding").count()
    inside = np.pad(np.ones(x.shape[1:]), padding)[at[0] : at[0] + kernel, at[1] : at[1] + kernel]
    assert hatched == int((inside == 0).sum())

    *channels, last_bias, total = panel.rows("Channel by channel")
    if len(subtotals) > 8:
        assert channels.pop()[0] == f"other {len(subtotals) - 8} together"
    order = np.argsort(-np.abs(subtotals), kind="stable")[: len(channels)]
    assert [int(line[0].removeprefix("channel ")) for line in channels] == [group * seen + c for c in order]
    np.testing.assert_allclose([float(line[1]) for line in channels], subtotals[order], rtol=1e-12, atol=1e-15)
    assert float(last_bias[1]) == bias[filter_]
    assert float(total[1]) == pytest.approx(subtotals.sum() + bias[filter_], rel=1e-12)


def drawn_maximum(panel: Panel, trace: p.Trace, found: p.Sum) -> None:
    channel, row, column = found.index
    window = inputs(trace, found)[0][channel, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
    np.testing.assert_array_equal(panel.numbers("window"), window)
    ringed = panel.body.locator(".ringed data").evaluate_all("found => found.map(each => each.value)")
    assert [float(each) for each in ringed] == [window.max()]
    assert panel.body.locator(".ties").count() == int((window == window.max()).sum() > 1)


def drawn_mean(panel: Panel, trace: p.Trace, found: p.Sum) -> None:
    x, (channel, row, column) = inputs(trace, found)[0], found.index
    if found.kind == "mean":
        return drawn_last(panel, trace, found)
    if found.layer == "pool2":
        window = np.pad(x[channel], 1)[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
    else:
        sides = [int(np.ceil(size / out)) for size, out in zip(x.shape[1:], found_shape(trace, found), strict=True)]
        starts = [
            at * size // out
            for at, size, out in zip(found.index[1:], x.shape[1:], found_shape(trace, found), strict=True)
        ]
        window = x[channel, starts[0] : starts[0] + sides[0], starts[1] : starts[1] + sides[1]]
    np.testing.assert_array_equal(panel.numbers("window"), window)
    assert panel.number("The mean", "divided by") == window.size
    assert panel.number("The mean", "mean") == pytest.approx(window.mean(dtype=float), rel=1e-12)
    return None


def found_shape(trace: p.Trace, found: p.Sum) -> tuple[int, ...]:
    return trace.program.values[found.value].shape[1:]


def drawn_linear(panel: Panel, trace: p.Trace, found: p.Sum) -> None:
    x, weight, bias = inputs(trace, found)
    products = x.astype(np.float64) * weight[found.index[0]]
    first, *terms, rest, total = panel.rows("Products")
    assert float(first[2]) == bias[found.index[0]]
    order = np.argsort(-np.abs(products), kind="stable")
    np.testing.assert_allclose([float(line[2]) for line in terms], products[order[:12]], rtol=1e-15)
    assert rest[0] == f"other {len(x) - 12} together"
    assert float(rest[2]) == pytest.approx(products[order[12:]].sum(), rel=1e-9)
    assert float(total[2]) == pytest.approx(found.recomputed, rel=1e-12)


def drawn_shares(panel: Panel, trace: p.Trace, found: p.Sum) -> None:
    z = inputs(trace, found)[0].astype(np.float64)
    *classes, total = panel.rows("From scores")
    numbers = np.array([line[2:] for line in classes], float)
    e = np.exp(z - z.max())
    np.testing.assert_allclose(numbers, np.column_stack([z - z.max(), e, e / e.sum()]), rtol=1e-13)
    assert float(total[3]) == pytest.approx(e.sum(), rel=1e-13)


def drawn_norm(panel: Panel, trace: p.Trace, found: p.Sum) -> None:
    x, *learnt = inputs(trace, found)
    mean, variance, weight, bias = (float(each[found.index[0]]) for each in learnt)
    a = weight / np.sqrt(variance + 1e-5)
    assert panel.number("The channel", "x") == x[found.index]
    assert panel.number("The channel", "variance") == variance
    assert panel.number("Step by step", "y") == pytest.approx(found.recomputed, rel=1e-12)
    assert panel.number("The same", "a = weight / √(variance + eps)") == pytest.approx(a, rel=1e-12)
    assert panel.number("The same", "b = bias − a · mean") == pytest.approx(bias - a * mean, rel=1e-9)
    assert panel.number("The same", "a · x + b") == pytest.approx(found.recomputed, rel=1e-9, abs=1e-12)
    assert panel.body.locator("svg .point").count() == 1


def drawn_neighbours(panel: Panel, trace: p.Trace, found: p.Sum) -> None:
    channel, *place = found.index
    neighbours = inputs(trace, found)[0][(slice(max(0, channel - 1), channel + 2), *place)].astype(np.float64)
    *rows, total = panel.rows("Its neighbours")
    np.testing.assert_array_equal([float(row[1]) for row in rows], neighbours)
    assert float(total[2]) == pytest.approx((neighbours**2).sum(), rel=1e-12)
    drawn_last(panel, trace, found)


DRAWN = {
    "conv2d": drawn_conv, "max_pool2d": drawn_maximum, "avg_pool2d": drawn_mean, "adaptive_avg_pool2d": drawn_mean,
    "mean": drawn_mean, "linear": drawn_linear, "softmax": drawn_shares, "batch_norm_running": drawn_norm,
    "local_response_norm": drawn_neighbours,
}  # fmt: skip
"""Kind of step -> what holds for its picture; of all others the last line is the number."""


def runs(lines: str, found: p.Sum) -> None:
    """Run a program that stands on the page: it prints the number."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(lines, {})
    assert float(out.getvalue()) == pytest.approx(found.recomputed, rel=1e-9, abs=1e-12)


# ---- what a person does


def test_the_sum_is_copied_as_a_program(stack, trace):
    click(stack, "conv1", 2, 7, 9, (24, 24))
    panel = Panel(stack, "conv1", (2, 7, 9))
    panel.body.locator("button.copy").click()
    panel.body.get_by_text("Copied.").wait_for()
    runs(stack.evaluate("navigator.clipboard.readText()"), trace.sum("conv1", (2, 7, 9)))


def test_a_term_is_pinned_by_a_click(page, trace):
    click(page, "conv2", 4, 1, 1, (4, 3))
    panel = Panel(page, "conv2", (4, 1, 1))
    panel.body.get_by_role("button", name="Show 4 more").click()
    assert len(panel.body.evaluate(TABLES)[3]["rows"]) == 12 + 2
    other = panel.body.locator("button.channel").nth(9)
    channel = int(other.get_attribute("data-channel"))
    other.click()
    assert page.locator(".grid caption").first.text_content() == f"patch: graph1.b, channel {channel}"
    page.locator(".grid").first.locator("button.number").nth(4).click()
    Panel(page, "graph1.b", (channel, 2, 2))
    assert page.evaluate("document.activeElement.textContent") == f"graph1.b, channel {channel}, row 2, column 2"


def test_the_way_back_ends_at_a_pixel(page, trace):
    page.get_by_role("button", name="From ").click()
    best = int(trace.values[trace.program.output].argmax())
    steps = trace.walk_back("softmax1", (best,))
    Panel(page, "softmax1", (best,))
    items = page.locator(".walk li")
    items.nth(len(steps) - 1).wait_for()
    assert items.count() == len(steps)
    share = trace.values[trace.program.output][best]
    assert items.first.text_content().startswith(f"{best}: {100 * share:.0f} %")
    values = items.locator("data").evaluate_all("found => found.map(each => each.value)")
    np.testing.assert_array_equal([float(each) for each in values], [step.number for step in steps])
    kept = items.nth(1).text_content()
    assert f"the largest of {steps[1].terms}" in kept and f"keeps {100 * steps[1].share:.1f} % of the sum" in kept

    items.nth(3).locator("button").click()  # a step is pinned, and the way stays
    Panel(page, steps[3].layer, steps[3].index)
    assert items.count() == len(steps) and items.nth(3).get_attribute("aria-current") == "step"
    page.keyboard.press("Backspace")
    Panel(page, steps[4].layer, steps[4].index)
    items.nth(len(steps) - 6).locator("button").click()
    for step in steps[-5:]:
        page.keyboard.press("Backspace")
        Panel(page, step.layer, step.index)
    assert items.last.get_attribute("aria-current") == "step"
    assert "the image itself" in items.last.text_content()
    page.keyboard.press("Backspace")  # there is nothing before it
    Panel(page, "input", steps[-1].index)


def test_the_keyboard_is_enough(page):
    page.locator("section[data-path=input] .map").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # "To the layers"
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('section[data-path=input] .map')"):
            break
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    Panel(page, "input", (0, 1, 2))
    page.keyboard.press("PageDown")
    page.locator("section[data-path=conv1] .map:focus").wait_for()
    for key in ("ArrowRight", "]", "Enter"):
        page.keyboard.press(key)
    Panel(page, "conv1", (1, 0, 1))
    page.locator(".large .map").focus()
    for key in ("ArrowDown", "ArrowDown", "Shift+ArrowRight", "]"):
        page.keyboard.press(key)
    Panel(page, "conv1", (2, 2, 6))
    assert "channel=2&cell=2%2C6" in page.url
    for _ in range(9):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.grid .number')"):
            break
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    Panel(page, "input", (0, 3, 7))
    page.keyboard.press("Escape")
    page.get_by_text("Follow one number").wait_for()
    assert "cell=" not in page.url and "layer=input" in page.url
    page.keyboard.press("Escape")
    page.locator(".large").wait_for(state="hidden")


def test_a_link_opens_a_sum(context, shown):
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{shown.server.port}/#sample=3&layer=pool2&channel=1&cell=0,5")
    assert Panel(page, "pool2", (1, 0, 5)).number("The number", "stored by the network") == float(
        shown.trace(3).sum("pool2", (1, 0, 5)).stored
    )
    page.close()


def test_the_page_tells_when_it_comes_to_something_else(page):
    def wrong(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "recomputed": 1e6})

    page.route("**/api/sum?*", wrong)
    click(page, "conv1", 0, 3, 3, (24, 24))
    page.locator("[data-check=differs]").wait_for()
    assert "the server to 1.00000000000e+6" in page.locator("[data-check=differs]").text_content().replace(
        "1000000", "1.00000000000e+6"
    )


def test_a_narrow_page_has_all_of_it(page):
    for width, path, channel, row, column, size in (
        (400, "conv1", 1, 3, 4, (24, 24)), (400, "linear1", 0, 0, 7, (2, 32)), (1101, "softmax1", 0, 0, 3, (1, 10)),
        (1101, "norm1", 1, 2, 2, (24, 24)),
    ):  # fmt: skip
        page.set_viewport_size({"width": width, "height": 800})
        click(page, path, channel, row, column, size)
        page.locator(f'.body[data-place^="{path} "]').wait_for()
        beyond = page.evaluate(
            """() => [document.documentElement, document.querySelector("#inspector"), ...document.querySelectorAll(".sums .body > *")]
            .filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.outerHTML.slice(0, 200))"""
        )
        assert not beyond, (path, beyond)


def test_axe_finds_no_fault(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for scheme, path, channel, row, column, size in (
        ("light", "conv2", 2, 0, 0, (4, 3)), ("dark", "linear2", 0, 0, 3, (1, 10)),
    ):  # fmt: skip
        page.emulate_media(color_scheme=scheme)
        click(page, path, channel, row, column, size)
        page.locator(f'.body[data-place^="{path} "]').wait_for()
        found = axe.run(page, context="#panel-sum").response["violations"]
        assert not found, [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]
