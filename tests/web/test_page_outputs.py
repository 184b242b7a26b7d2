"""Networks whose outputs are no classes' scores, or no numbers: nothing is invented for them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web.bench import Bench
from pellucid.web.serving.server import Server

from .conftest import WAIT, clock_digits
from .learnt import ask, learnt, settled


def network(*layers: Any) -> p.Sequential:
    return p.Sequential([p.Conv2d(1, 3, 5, stride=4), *layers], input_shape=(1, 28, 28), seed=1)


def broken(number: float) -> p.Sequential:
    """A network of which one weight is no number that one reckons with."""
    made = learnt()
    made["conv1"].weight.data[0, 0, 0, 0] = number
    return made


def dense(*layers: Any) -> p.Sequential:
    return network(p.Flatten(), p.Linear(108, 3), *layers)


@pytest.mark.parametrize(
    ("made", "of_classes"),
    [
        (dense(), True), (dense(p.Softmax()), True), (dense(p.LogSoftmax()), True), (network(p.Mean((1, 2))), True),
        (dense(p.Sigmoid()), False), (dense(p.Tanh()), False), (network(), False), (broken(np.nan), False),
    ],
)  # fmt: skip
def test_probabilities_are_those_of_classes(made: p.Sequential, of_classes: bool) -> None:
    bench = Bench(made, "some")
    _, arrays = ask(bench, "seen", image=bench.put(clock_digits().images[0]))
    assert ("probabilities" in arrays) == of_classes
    assert arrays["output"].size == np.prod(made.output_shape())


def test_numbers_to_be_met_are_no_classes() -> None:
    data = clock_digits()
    targets = np.random.default_rng(1).normal(size=(len(data), 3)).astype(np.float32)
    bench = Bench(dense(), "some", p.Dataset(data.images, targets))
    assert "probabilities" not in ask(bench, "seen", image=bench.put(bench.sample(0)))[1]
    told = settled(bench, "samples", which="mistakes")
    assert told["problem"] == "the data have no classes to be right about"
    assert told["total"] == 0


def test_sums_of_what_is_not_finite_are_told_without_a_warning() -> None:
    for number in (np.nan, np.inf):
        bench = Bench(broken(number), "broken")
        image = bench.put(clock_digits().images[0])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for layer, index in (("conv1", "0,0,0"), ("relu1", "0,0,0"), ("linear1", "0")):
                told, _ = ask(bench, "sum", image=image, layer=layer, index=index)
                assert told["path"] == layer
                ask(bench, "maps", image=image, layer=layer)


def test_pixels_of_another_count_are_told_in_full() -> None:
    bench = Bench(dense(), "some")
    expected = r"expected 1×28×28 = 784 numbers of float32, 3,136 bytes, received 3"
    with pytest.raises(p.errors.DataError, match=expected):
        ask(bench, "pixels", b"abc", type="f4")


def test_a_network_that_takes_no_known_shape_is_refused_before_a_page_opens() -> None:
    with pytest.raises(p.errors.ArgumentError, match="input_shape"):
        Bench(p.Sequential([p.Linear(5, 3)]), "shapeless")


@contextmanager
def page_of(browser: Any, bench: Bench) -> Iterator[Any]:
    """The page of a bench, which must end without an error on its console."""
    errors: list[str] = []
    with Server(bench, say=lambda line: None) as server:
        context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(server.guard.address)
        page.locator("#bars li, #bars p").first.wait_for()
        yield page
        context.close()
    assert not errors, errors


def test_what_is_no_number_is_said_to_be_none(browser: Any) -> None:
    data = clock_digits()
    with page_of(browser, Bench(broken(np.nan), "broken", data, "test")) as page:
        page.locator("#bars li", has_text="output 0: not a number").wait_for()
        assert page.locator("#bars .fill").count() == 0
        page.locator("[data-path=conv1] .map").first.click()
        page.locator("#scale", has_text="576 not a number").wait_for()
        page.locator("[data-path=norm1] .map").first.click()
        page.locator("#panel-sum p", has_text="no curve through what is no number").wait_for()
        page.locator("#told", has_text="Nothing can be said of what is right").wait_for()
        page.get_by_role("button", name="next mistake").wait_for(state="hidden")


def test_outputs_that_are_maps_are_said_to_be_maps(browser: Any) -> None:
    with page_of(browser, Bench(network(), "maps")) as page:
        assert (
            page.locator("#bars").inner_text().strip() == "The output is 3×6×6 numbers: maps, at the end of the layers."
        )
        page.set_viewport_size({"width": 400, "height": 850})
        assert page.locator(".best li").count() == 0


def test_long_thin_images_are_drawn_as_a_screen_has_pixels_for(browser: Any) -> None:
    made = p.Sequential([p.Conv2d(1, 24, (1, 5), stride=(1, 2)), p.Flatten(), p.Linear(24 * 2998, 2)],
                        input_shape=(1, 1, 6000), seed=1)  # fmt: skip
    with page_of(browser, Bench(made, "thin")) as page:
        canvas = page.locator("[data-path=conv1] canvas")
        canvas.scroll_into_view_if_needed()
        page.wait_for_function("() => document.querySelector('[data-path=conv1] canvas').width > 300")
        assert canvas.evaluate("({ width, height }) => width * height") < 4e6
        box = page.locator("[data-path=conv1] .map").nth(3).bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 2)
        page.locator('.body[data-place^="conv1 3,0,"]').wait_for()
        column = int(page.locator(".body").get_attribute("data-place").split(",")[-1])
        assert column == pytest.approx(1499, abs=30)


def test_mistakes_are_gone_through_beyond_the_first_list(browser: Any) -> None:
    data = clock_digits()
    many = p.Dataset(np.tile(data.images, (6, 1, 1, 1)), np.tile((data.labels + 1) % 10, 6))
    with page_of(browser, Bench(learnt(), "wrong", many, "test")) as page:
        page.get_by_role("button", name="mistake before").click()  # the last
        page.locator("#spoken", has_text="of 2").wait_for(state="attached")
        at, total = page.locator("#spoken").inner_text().removeprefix("mistake ").split(" of ")
        assert at == total
        assert int(total) > 200
        page.get_by_role("button", name="next mistake").click()  # round to the first
        page.locator("#spoken", has_text=f"mistake 1 of {total}").wait_for(state="attached")


def test_a_map_that_is_gone_to_is_shown_by_number_and_the_choice_of_the_order_says_so(browser: Any) -> None:
    made = p.Sequential([p.Conv2d(1, 30, 5), p.Flatten(), p.Linear(30 * 576, 2)], input_shape=(1, 28, 28), seed=1)
    with page_of(browser, Bench(made, "many", clock_digits())) as page:
        order, first = page.locator("[data-path=conv1] select"), page.locator("[data-path=conv1] .map").first
        before = first.get_attribute("aria-label")
        order.select_option("mean")
        page.wait_for_function(
            "(old) => document.querySelector('[data-path=conv1] .map').ariaLabel !== old", arg=before
        )  # fmt: skip
        labels = page.locator("[data-path=conv1] .map").evaluate_all("all => all.map((each) => each.ariaLabel)")
        shown = {int(label.split("channel ")[1].split(",")[0]) for label in labels}
        other = min(set(range(30)) - shown)
        page.evaluate(f"location.hash = '#sample=0&layer=conv1&channel={other}&cell=1,1'")
        page.locator(f'.body[data-place="conv1 {other},1,1"]').wait_for()
        page.locator("#trail button").click()
        page.locator(f"[data-path=conv1] .map:focus[aria-label^='conv1, channel {other},']").wait_for()
        assert order.input_value() == "index"


def test_a_picture_of_ink_on_paper_is_turned_round(browser: Any, tmp_path: Any) -> None:
    image = pytest.importorskip("PIL.Image")
    seen = "async () => Array.from((await import('./pixels.js')).shownPixels().data)"
    found = []
    with page_of(browser, Bench(learnt(), "paper", clock_digits())) as page:
        for paper, ink in ((250, 0), (5, 255)):
            drawn = image.new("L", (40, 40), paper)
            drawn.paste(ink, (18, 8, 22, 32))
            drawn.save(tmp_path / "drawn.png")
            page.get_by_label("next sample").click()
            page.wait_for_url(lambda url: "sample=" in url)
            page.locator("#file").set_input_files(tmp_path / "drawn.png")
            page.wait_for_function("() => document.querySelector('#file').value === ''")  # it may be chosen again
            page.wait_for_url(lambda url: "pixels=" in url)
            found.append(page.evaluate(seen))
    assert found[0] == found[1]
    assert max(found[0]) > 200
    assert min(found[0]) == 0


def test_maps_that_are_0_everywhere_are_noted(browser: Any) -> None:
    bench = Bench(learnt(), "silent", clock_digits())
    bench.versions.edits.silence("conv1", 2)
    bench.versions.show_edited()
    with page_of(browser, bench) as page:
        page.locator("[data-path=conv1]", has_text="1 of 4 maps is 0 everywhere for this image").wait_for()


def test_a_painter_that_fails_leaves_no_page_blank(browser: Any) -> None:
    with page_of(browser, Bench(learnt(), "painted", clock_digits())) as page:
        painted = page.evaluate("""async () => {
            const own = window.Worker;
            let made = null;
            window.Worker = class { constructor() { made = this; } postMessage() {} };
            const { paint } = await import("/painting.js?anew");
            window.Worker = own;
            const canvas = document.createElement("canvas");
            const side = 400; // so many pixels that they are left to the worker
            const sides = { rows: side, columns: side, width: side, height: side };
            const job = { ...sides, places: [[0, 0, 0]], ranges: [1], zoom: 1 };
            paint(canvas, { ...job, numbers: new Float32Array(side * side).fill(1) });
            const sizes = [canvas.width];
            made.onerror(new Event("error"));
            sizes.push(canvas.width);
            paint(canvas, { ...job, numbers: new Float32Array(side * side).fill(-1) });
            const [red, , blue] = canvas.getContext("2d").getImageData(5, 5, 1, 1).data;
            return [...sizes, red > blue];
        }""")
    assert painted == [300, 400, True]


def test_mistakes_of_another_pair_are_listed_from_the_first_though_it_was_chosen_meanwhile(browser: Any) -> None:
    data = clock_digits()
    many = p.Dataset(np.tile(data.images, (6, 1, 1, 1)), np.tile((data.labels + 1) % 10, 6))
    with page_of(browser, Bench(learnt(), "wrong", many, "test")) as page:
        held: list[Any] = []  # the first question alone
        page.locator("#pairs").wait_for()
        page.route("**/api/samples?*which=mistakes*", lambda route: route.continue_() if held else held.append(route))
        with page.expect_request("**/api/samples?*which=mistakes*"):
            page.get_by_role("button", name="mistake before").click()
        page.locator("#pairs").select_option(index=1)
        times = page.locator("#pairs option").nth(1).inner_text().split(": ")[1]
        held[0].continue_()
        page.locator("#spoken", has_text=f"mistake 1 of {times}").wait_for(state="attached")
        assert page.locator("#problem").is_hidden()


def test_mistakes_are_to_be_chosen_where_there_are_several_kinds(browser: Any) -> None:
    data = clock_digits()
    labels = p.predict_classes(learnt(), data.images)
    labels[0] = (labels[0] + 1) % 10
    with page_of(browser, Bench(learnt(), "one", p.Dataset(data.images, labels), "test")) as page:
        page.locator("#told", has_text="wrong").wait_for()
        assert page.get_by_role("button", name="next mistake").is_visible()
        assert page.locator("#pairs").is_hidden()
