"""The sums that the page draws, cell by cell in every family of layers, against NumPy; and the way back to a pixel."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pellucid as p

from .conftest import opened
from .drawn_sums import TABLES, Panel, cell_in, check_picture, click, runs

PATHS = (
    "input", "conv1", "norm1", "relu1", "pool1", "lrn1", "residual1.body", "residual1", "leaky1", "prelu1", "clip1",
    "hard_swish1", "elu1", "silu1", "gelu1", "tanh1", "hard_sigmoid1", "softplus1", "relu61", "sigmoid1", "pool2",
    "concat1.branch1", "concat1.branch2", "concat1", "bias1", "gain1", "pad1", "pad2", "slice1", "transpose1",
    "graph1.a", "graph1.b.repeated", "graph1.b", "conv2", "pool3", "flatten1", "linear1", "tanh2", "linear2",
    "softmax1",
)  # fmt: skip
"""What the page shows of the network of these tests."""


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


def test_every_layer_that_is_shown_is_clicked(shown):
    from pellucid.web.looking.description import shown_values

    assert tuple(shown_values(p.lower(shown.network))) == PATHS


@pytest.mark.parametrize("path", PATHS)
def test_a_click_shows_the_whole_sum(stack, trace, path, rng):
    from pellucid.web.looking.description import shown_values

    value = shown_values(trace.program)[path]
    (channel, row, column), size, index = cell_in(trace.program.values[value].shape, rng)
    click(stack, path, channel, row, column, size)
    panel, found = Panel(stack, path, index), trace.sum(value, index)
    assert all(table["scopes"] for table in panel.tables.values())
    assert panel.number("The number", "stored by the network") == found.stored
    assert panel.number("The number", "computed anew, in 64 bits") == pytest.approx(found.recomputed, rel=1e-13)
    assert panel.number("The number", "difference") == pytest.approx(found.difference, rel=1e-6, abs=1e-13)
    assert panel.body.locator("[data-check]").get_attribute("data-check") == "same"
    assert not re.search("∞|NaN", panel.body.inner_text()), "all numbers of this network are finite"
    check_picture(panel, trace, found)
    runs(panel.body.locator("textarea").input_value(), found)


# ---- what a person does


def test_the_sum_is_copied_as_a_program(stack, trace):
    click(stack, "conv1", 2, 7, 9, (24, 24))
    panel = Panel(stack, "conv1", (2, 7, 9))
    fold = panel.body.locator(".taken summary")
    before = fold.bounding_box()
    panel.body.locator("button.copy").click()
    panel.body.get_by_text("Copied.").wait_for()
    assert fold.bounding_box() == before, "words that come move nothing"
    runs(stack.evaluate("navigator.clipboard.readText()"), trace.sum("conv1", (2, 7, 9)))

    stack.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    panel.body.locator("button.copy").click()
    panel.body.get_by_text("Press Ctrl+C").wait_for()
    runs(stack.evaluate("document.getSelection().toString()"), trace.sum("conv1", (2, 7, 9)))


def test_a_term_is_pinned_by_a_click(page, trace):
    click(page, "conv2", 4, 1, 1, (4, 3))
    panel = Panel(page, "conv2", (4, 1, 1))
    panel.body.get_by_role("button", name="Show 4 more").click()
    assert len(panel.body.evaluate(TABLES)[3]["rows"]) == 12 + 2
    other = panel.body.locator("button.channel").nth(9)
    channel = int(other.get_attribute("data-channel"))
    other.click()
    assert page.locator(".grids .of").text_content().startswith(f"graph1.b, channel {channel}: adds ")
    page.locator(".grid").first.locator("button.number").nth(4).click()
    Panel(page, "graph1.b", (channel, 2, 2))
    assert page.evaluate("document.activeElement.textContent") == f"graph1.b, channel {channel}, row 2, column 2"


def test_terms_in_words_are_those_of_the_grids(page, trace):
    click(page, "conv2", 4, 1, 1, (4, 3))
    panel, found = Panel(page, "conv2", (4, 1, 1)), trace.sum("conv2", (4, 1, 1))
    words = panel.body.locator(".with-numbers")
    for k, term in enumerate(found.terms.largest(2)):
        channel = int(found.terms.indices[term][0])
        link = words.locator("button").nth(k)
        assert f"{link.text_content()} (channel {channel})" in words.text_content()
        link.click()
        assert page.locator(".grids .of").text_content().startswith(f"graph1.b, channel {channel}: adds ")
        shown = [
            page.locator("table.grid", has=page.locator("caption", has_text=start)).locator(".ringed").all_inner_texts()
            for start in ("patch", "⊙ kernel")
        ]
        x, weight = (each.strip("()").replace("0.", ".") for each in link.text_content().split("·"))
        assert (x, weight) in zip(*shown, strict=True)


def test_rows_of_patch_kernel_and_products_are_level(page, browser, context, shown):
    bodies = """() => [...document.querySelectorAll(".grids tbody")].map(each => {
        const { top, height, width } = each.getBoundingClientRect();
        const [cell] = [...each.querySelectorAll("td")].map(one => one.getBoundingClientRect());
        return { top, height, width, cell: [cell.width, cell.height] };
    })"""
    click(page, "conv1", 2, 7, 9, (24, 24))
    page.locator('.body[data-place="conv1 2,7,9"]').wait_for()
    patch, kernel, products = page.evaluate(bodies)
    assert patch["top"] == kernel["top"] == products["top"]
    assert patch["height"] == kernel["height"] == products["height"]
    tops = page.locator(".grids caption").evaluate_all("all => all.map(each => each.getBoundingClientRect().top)")
    assert len(set(tops)) == 1

    finger = browser.new_context(
        viewport={"width": 400, "height": 850}, has_touch=True, is_mobile=True, storage_state=context.storage_state()
    )
    address = f"http://127.0.0.1:{shown.server.port}/#sample=0&layer=conv1&channel=2&cell=7,9"
    with opened(finger, address) as touched:
        touched.locator('.body[data-place="conv1 2,7,9"]').wait_for()
        patch, kernel, products = touched.evaluate(bodies)
        assert patch["cell"] == kernel["cell"] == products["cell"], "below each other, of one size"
        assert patch["top"] < kernel["top"] < products["top"]
        assert min(patch["cell"]) >= 44
    finger.close()


def test_the_keyboard_stays_on_its_step_when_another_image_comes(page):
    page.get_by_role("button", name="From ").click()
    step = page.locator(".walk li").nth(1).locator("button")
    step.focus()
    before = page.locator(".walk").text_content()
    page.evaluate("import('/showing.js').then(({ showSample }) => showSample(7))")
    page.wait_for_function("was => document.querySelector('.walk').textContent !== was", arg=before)
    assert page.evaluate("document.activeElement.closest('.walk li') === document.querySelectorAll('.walk li')[1]")


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
    assert f"the largest of {steps[1].terms}" in kept
    assert f"{100 * steps[1].share:.1f} % of all that was added and taken away" in kept
    assert sum("one path of very many" in words for words in items.all_text_contents()) == 1

    items.nth(3).locator("button").click()  # a step is pinned, and the way stays
    Panel(page, steps[3].layer, steps[3].index)
    assert items.count() == len(steps)
    assert items.nth(3).get_attribute("aria-current") == "step"
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
    Panel(page, "conv1", (1, 1, 3))  # the place stays where it was in the layer before
    page.locator(".large .map").focus()
    for key in ("ArrowDown", "ArrowDown", "Shift+ArrowRight", "]"):
        page.keyboard.press(key)
    Panel(page, "conv1", (2, 3, 8))
    page.wait_for_url("**channel=2&cell=3%2C8**")
    for _ in range(9):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.grid .number')"):
            break
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    Panel(page, "input", (0, 4, 9))
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Follow one number").wait_for()
    page.wait_for_url(lambda url: "cell=" not in url and "layer=input" in url)
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
    assert "the server to 1.00000000000·10⁶" in page.locator("[data-check=differs]").text_content()


def test_a_narrow_page_has_all_of_it(page):
    for width, path, channel, row, column, size in (
        (400, "conv1", 1, 3, 4, (24, 24)), (400, "linear1", 0, 0, 7, (2, 32)), (1101, "softmax1", 0, 0, 3, (1, 10)),
        (1101, "norm1", 1, 2, 2, (24, 24)),
    ):  # fmt: skip
        page.set_viewport_size({"width": width, "height": 800})
        click(page, path, channel, row, column, size)
        page.locator(f'.body[data-place^="{path} "]').wait_for()
        beyond = page.evaluate(
            """() => [...document.querySelectorAll(":root, #inspector, .sums .body > *")]
            .filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.outerHTML.slice(0, 200))"""
        )
        assert not beyond, (path, beyond)


def test_axe_finds_no_fault(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme="dark")
    click(page, "conv2", 2, 0, 0, (4, 3))
    page.locator('.body[data-place="conv2 2,0,0"]').wait_for()
    found = axe.run(page, context="#panel-sum").response["violations"]
    assert not found, [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]
