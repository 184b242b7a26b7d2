"""What stands in the tab of sums, read from the page, and what NumPy says of it: one check a kind of step."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest

import pellucid as p

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

    def ringed(self, start: str) -> list[list[int]]:
        """Row and column of the cells of a grid that are ringed."""
        grid = self.body.locator("table", has=self.page.locator("caption", has_text=start))
        found = grid.locator("tbody tr").evaluate_all(
            "lines => lines.map(line => [...line.querySelectorAll('td')].map(cell => cell.matches('.ringed')))"
        )
        return np.argwhere(np.array(found, bool)).tolist()

    def number(self, start: str, head: str) -> float:
        """The number in the row with a heading."""
        return float(next(row[-1] for row in self.rows(start) if row[0] == head))


def click(page: Any, path: str, channel: int, row: int, column: int, shape: tuple[int, ...]) -> None:
    """Click a cell in the stack of layers; on a narrow page, after choosing the layer."""
    choice = page.locator("#stepper select")
    if choice.is_visible():
        choice.select_option(path)
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
    columns = 1 if shape == (10,) else min(shape[0], 32)  # the numbers of classes stand below each other
    return (0, feature // columns, feature % columns), (-(-shape[0] // columns), columns), (feature,)


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
    largest, *tap = (int(at) for at in np.unravel_index(np.argmax(np.abs(products)), products.shape))
    np.testing.assert_array_equal(panel.numbers("patch"), patch[largest])
    np.testing.assert_array_equal(panel.numbers("⊙ kernel"), weight[filter_][largest].astype(float))
    np.testing.assert_allclose(panel.numbers("= products"), products[largest], rtol=1e-15)
    for start in ("patch", "⊙ kernel", "= products"):
        assert tap in panel.ringed(start), "the product that the words begin with"
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
    assert panel.body.get_by_text("As large: ").count() == int((window == window.max()).sum() > 1)


def drawn_mean(panel: Panel, trace: p.Trace, found: p.Sum) -> None:
    x, (channel, row, column) = inputs(trace, found)[0], found.index
    if found.layer == "pool2":
        window = np.pad(x[channel], 1)[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
    else:
        made, size = trace.program.values[found.value].shape[1:], x.shape[1:]
        first, last = ([-(-(at + end) * size[axis] // made[axis]) if end else at * size[axis] // made[axis]
                        for axis, at in enumerate((row, column))] for end in (0, 1))  # fmt: skip
        window = x[channel, first[0] : last[0], first[1] : last[1]]
    np.testing.assert_array_equal(panel.numbers("window"), window)
    assert panel.number("The mean", "divided by") == window.size
    assert panel.number("The mean", "mean") == pytest.approx(window.mean(dtype=float), rel=1e-12)


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
    "linear": drawn_linear, "softmax": drawn_shares, "batch_norm_running": drawn_norm,
    "local_response_norm": drawn_neighbours,
}  # fmt: skip
"""Kind of step -> what holds for its picture; of all others the last line is the number."""


def check_picture(panel: Panel, trace: p.Trace, found: p.Sum) -> None:
    """Hold what is drawn against NumPy."""
    DRAWN.get(found.kind, drawn_last)(panel, trace, found)


def runs(lines: str, found: p.Sum) -> None:
    """Run a program that stands on the page: it prints the number."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(lines, {})
    assert float(out.getvalue()) == pytest.approx(found.recomputed, rel=1e-9, abs=1e-12)
