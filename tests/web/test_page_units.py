"""Functions of the page that are nothing but functions: each case is what is called, and what it gives."""

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Shown, opened
from .written_cases import PERCENTS, SHORTS, TEXTS

MINUS = "\u2212"


def _written(value: float) -> str:
    """A number as JavaScript reads it."""
    return repr(value).replace("inf", "Infinity").replace("nan", "NaN")


NUMBERS = [
    *((f"text({_written(value)}, {digits})", words) for value, digits, words in TEXTS),
    *((f"short({_written(value)}, {digits})", words) for value, digits, words in SHORTS),
    *((f"percent({value})", words) for value, words in PERCENTS),
    ("signed(0.5)", "+0.5000"),
    ("signed(-0.5)", f"{MINUS}0.5000"),
    ("plain(-0.00001, 5)", "0"),
    ("count(44426)", "44,426"),
]
COLOURS = [
    ("word(NaN, 1)", 0xFF00D4FF),  # yellow
    ("css(0, 1)", "rgb(244 244 244)"),
    ("css(-5, 1)", "rgb(180 83 9)"),
    ("css(1, 0)", "rgb(29 78 216)"),
    ("outside([1, -3, 2, NaN, Infinity, NaN], 2)", [2, 2]),
    ("ink(0, 1)", "#000000"),
    ("ink(1, 1)", "#ffffff"),
]
NETWORK = [
    ("receptiveField(layerAt('conv1'), [0, 0])", {"top": 0, "left": 0, "rows": 5, "columns": 5}),
    ("receptiveField(layerAt(residual), [0, 0])", {"top": 0, "left": 0, "rows": 8, "columns": 8}),
    ("receptiveField(layerAt(residual), [11, 11])", {"top": 20, "left": 20, "rows": 8, "columns": 8}),
    ("receptiveField(layerAt('linear1'), [0, 3])", {"top": 0, "left": 0, "rows": 28, "columns": 28}),
    ("cellFits(layerAt('linear2'), [9, 0])", True),
    ("cellFits(layerAt('linear2'), [10, 0])", False),
    ("cellFits(layerAt('linear1'), [1, 7])", True),
    ("cellFits(layerAt('linear1'), [1, 8])", False),
    ("isOutput(layerAt('linear2'))", True),
    ("isOutput(layerAt('softmax1'))", True),
    ("isOutput({ ...layerAt('linear1'), shape: [10] })", False),  # as many numbers, but hidden
    ("cellName(layerAt('linear2'), 0, [8, 0])", "linear2, number 8"),  # and not "8 (8)"
    ("moved(layerAt('linear1'), [0, 31], 1, 0)", [0, 31]),  # the last row is shorter
    ("moved(layerAt('conv1'), [0, 0], -1, 5)", [0, 5]),
    ("indexOf(layerAt('linear1'), 0, [1, 7])", [39]),
]
PLACED = [
    ("sizes(lenet)", {"step": 1, "zoom": 1, "unit": 3, "pixel": 3, "width": 154, "height": 24, "last": [130, 0, 5]}),
    ("sizes({ ...lenet, captioned: true }).height", 28),
    ("sizes({ ...lenet, room: 200, captioned: true }).last", [26, 60, 5]),
    ("sizes({ ...lenet, least: [24, 100] }).last", [0, 26, 5]),  # five in a row of 34 + 2 squares each
    (
        "sizes({ ...lenet, rows: 4, columns: 4, many: 2 })",
        {"step": 1, "zoom": 4, "unit": 5, "pixel": 20, "width": 33, "height": 16, "last": [17, 0, 1]},
    ),
    (
        "sizes({ ...lenet, rows: 224, columns: 224, many: 2 })",  # of which every other number is drawn
        {"step": 2, "zoom": 1, "unit": 1, "pixel": 0.5, "width": 230, "height": 112, "last": [118, 0, 1]},
    ),
    (
        "sizes({ ...lenet, rows: 224, columns: 224, many: 2, ratio: 2 })",
        {"step": 1, "zoom": 1, "unit": 0.5, "pixel": 0.5, "width": 460, "height": 224, "last": [236, 0, 1]},
    ),
    (
        "sizes({ ...lenet, rows: 4, columns: 32, many: 1, cell: 12 })",
        {"step": 1, "zoom": 2, "unit": 6, "pixel": 12, "width": 64, "height": 8, "last": [0, 0, 0]},
    ),
]
RAIL = [
    ("jumpsOf([{path: 'a', reads: []}, {path: 'b', reads: ['a']}, {path: 'c', reads: ['b', 'a']}])",
     [{"from": 0, "to": 2}]),
    ("jumpsOf([{path: 'a', reads: []}, {path: 'b', reads: ['a', 'gone']}])", []),
    ("spread([{from: 0, to: 9}, {from: 1, to: 3}, {from: 2, to: 4}, {from: 4, to: 6}])", [2, 0, 1, 0]),
]  # fmt: skip
KEYBOARD = [
    ("within(5, 0, 3)", 3),
    ("stepped([0, 0], [-1, 5], { rows: 3, columns: 4 })", [0, 3]),
    ("arrowStep({ key: 'ArrowUp', shiftKey: true })", [-5, 0]),
    ("arrowStep({ key: 'ArrowRight', shiftKey: true }, 1)", [0, 1]),
    ("arrowStep({ key: 'ArrowUp', ctrlKey: true }) ?? null", None),
    ("arrowStep({ key: 'a' }) ?? null", None),
    ("either({ key: '[' }, '[', ']')", -1),
    ("either({ key: 'a' }, '[', ']')", 0),
]
GRIDS = [
    ("written('patch', [[0.5, -0.125]])", ["patch", "0.500", "−0.125"]),
    ("written('kernel', [[0.018, -0.0002], [0.003, 0]])", ["kernel (× 10⁻²)", "1.80", "−0.020", "0.300", "0"]),
    ("written('kernel', [[0.018, -0.0002], [0.003, 0]], { tight: true })",
     ["kernel (× 10⁻²)", "1.8", "−.02", ".30", "0"]),
    ("written('= products', [[12345, -1]], { tight: true })", ["= products (× 10⁴)", "1.2", ".00"]),
]  # fmt: skip
SMALL = "numbers: [0, 1, 2, 3, 4, 5, 6], rows: 2, columns: 4, places: [[0, 0, 0]], ranges: [6], zoom: 1"
COLOURED = [
    (f"[...coloured({{{SMALL}, width: 4, height: 2}})].map(places)", [0, 1, 2, 3, 4, 5, 6, None]),
    (f"[...coloured({{{SMALL}, width: 2, height: 1, step: 2}})].map(places)", [0, 2]),
    ("[...coloured({numbers: [1, 2], rows: 1, columns: 2, places: [[1, 0, 0]], ranges: [2], zoom: 2, width: 5,"
     " height: 2})].map((each) => [word(1, 2), word(2, 2)].indexOf(each))", [-1, 0, 0, 1, 1, -1, 0, 0, 1, 1]),
]  # fmt: skip
NEWEST = [
    ("record(newestOnly)", ["first", "last"]),
    ("record(newestOnly, true)", ["first", "last", "Error: first fails"]),
]
SCOPE = """
    const residual = layerAt ? ["residual1", "residual1.conv1"].find(layerAt) : "";
    const lenet = { rows: 24, columns: 24, many: 6, room: 640, least: [24, 24] };
    const sizes = (given) => {
        const { places, ...found } = placeMaps(given);
        return { ...found, last: places.at(-1) };
    };
    const places = (each) => {
        const at = [0, 1, 2, 3, 4, 5, 6].findIndex((k) => word(k, 6) === each);
        return at < 0 ? null : at;
    };
    const written = (...given) => [...grid(...given).querySelectorAll("caption, data")].map((each) => each.textContent);
    const record = async (newestOnly, fails) => {
        const done = [];
        const call = newestOnly(async (name) => {
            await null;
            done.push(name);
            if (fails && name === "first") throw new Error("first fails");
        });
        const first = call("first").catch((error) => done.push(String(error)));
        call("passed over");
        call("last");
        await first;
        return done;
    };
"""
"""What the calls use beside what the modules export."""
CASES = {
    "numbers": NUMBERS, "colours": COLOURS, "network cells": NETWORK, "rail": RAIL, "placing": PLACED,
    "coloured colours": COLOURED, "api": NEWEST,
    "numbers within keyboard": KEYBOARD, "sum-grid": GRIDS,
}  # fmt: skip


@pytest.fixture(scope="module")
def page(context: Any, shown: Shown) -> Iterator[Any]:
    with opened(context, f"http://127.0.0.1:{shown.server.port}/#sample=0") as own:
        yield own


@pytest.mark.parametrize("modules", CASES)
def test_what_functions_give(page: Any, modules: str) -> None:
    calls, expected = zip(*CASES[modules], strict=True)
    found = f"await Promise.all({modules.split()}.map((name) => import(`/${{name}}.js`)))"
    scope = f"Object.assign({{ layerAt: null, word: null, grid: null }}, ...{found})"
    names = page.evaluate(f"async () => Object.keys({scope})")
    own = f"const {{ {', '.join(names)} }} = {scope}; {SCOPE} return Promise.all([{', '.join(calls)}]);"
    for call, gives, wanted in zip(calls, page.evaluate(f"async () => {{ {own} }}"), expected, strict=True):
        assert gives == wanted, call


def test_a_listener_that_fails_does_not_keep_others_from_hearing(page: Any) -> None:
    heard = page.evaluate("""async () => {
        const { broadcast } = await import("/state.js");
        const [listen, tell] = broadcast();
        const [told, { reportError: own }] = [[], window];
        window.reportError = (error) => told.push(error.message);
        listen(() => { throw new Error("fails"); });
        listen((...something) => told.push(...something));
        tell("heard", "whole");
        window.reportError = own;
        return told;
    }""")
    assert heard == ["fails", "heard", "whole"]


def test_one_who_points_is_heard_by_all_though_the_first_fails(page: Any) -> None:
    heard = page.evaluate("""async () => {
        const { hover, onHover } = await import("/cells.js");
        const [told, { reportError: own }] = [[], window];
        window.reportError = (error) => told.push(error.message);
        let failing = true;
        onHover(() => { if (failing) throw new Error("fails"); });
        onHover((place) => { if (failing) told.push(place); });
        hover(null);
        failing = false;
        window.reportError = own;
        return told;
    }""")
    assert heard == ["fails", None]


def test_ranges_that_are_locked_stay_until_they_are_no_more(page: Any) -> None:
    found = page.evaluate("""async () => {
        const [{ rangesOf }, { set }] = await Promise.all(["ranges", "state"].map((name) => import(`/${name}.js`)));
        const reach = (range, own) => { set({ range }); return rangesOf("nowhere", { range: own, arrays: {} }, 2); };
        return [reach("locked", 1), reach("locked", 5), reach("layer", 5), reach("locked", 7)];
    }""")
    assert found == [[1, 1], [1, 1], [5, 5], [7, 7]]
    page.evaluate("import('/state.js').then(({ set }) => set({ range: 'layer' }))")


def test_an_image_that_is_too_long_for_an_address_is_left_out(page: Any) -> None:
    links = page.evaluate("""async () => {
        const { get, link } = await import("/state.js");
        const own = get().source;
        const links = [5999, 6000].map((letters) => {
            get().source = { kind: "pixels", data: "A".repeat(letters) };
            return link("x");
        });
        get().source = own;
        return links;
    }""")
    assert ["pixels=" in each for each in links] == [True, False]
