"""How numbers hang together, as the page draws it: what each reads, the way back, scores and shares, and all shapes."""

from typing import Any

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from .conftest import WAIT, opened

RULED = """async () => {
    const { network } = await import('/network.js');
    return network.layers.filter(({ reading }) => Object.keys(reading).length).map(({ path, shape }) => [path, shape]);
}"""
READ = """async ([path, index]) => {
    const [{ cellOf, layerAt, indexOf }, { readBy }] = await Promise.all([import('/network.js'), import('/reads.js')]);
    const layer = layerAt(path);
    const { channel, cell } = cellOf(layer, index);
    return readBy(layer, channel, cell).map((box) => {
        const places = [];
        for (let c = box.first; c < box.first + box.channels; c += 1)
            for (let y = box.top; y < box.top + box.rows; y += 1)
                for (let x = box.left; x < box.left + box.columns; x += 1)
                    places.push(indexOf(layerAt(box.path), c, [y, x]));
        const { shape } = layerAt(box.path); // the last row of a folded vector may not be full
        return [box.path, places.filter((place) => place.every((at, axis) => at < shape[axis]))];
    });
}"""
CHOSEN_FROM = "max_pool2d", "softmax"
"""Kinds that read more than the one number that is their only term."""
IN_STRIP = """(each) => { const [own, strip] = [each, each.parentNode].map((each) => each.getBoundingClientRect());
    return strip.left <= own.left && own.right <= strip.right; }"""
SCORES = "section[data-path=linear2] .scores"


@pytest.fixture
def page(context: Any, shown: Any) -> Any:
    with opened(context, f"http://127.0.0.1:{shown.server.port}/") as own:
        own.locator("section[data-path=conv1] .map").first.wait_for()
        yield own


def test_the_boxes_that_a_number_reads_hold_the_terms_of_its_sum(page, shown, rng):
    from pellucid.web.looking.description import shown_values

    trace = shown.trace(0)
    values = shown_values(trace.program)
    paths = {value: path for path, value in values.items()}
    ruled = page.evaluate(RULED)
    assert len(ruled) > 25
    for path, shape in ruled:
        for index in (tuple(0 for _ in shape), tuple(int(rng.integers(side)) for side in shape)):
            found = trace.sum(values[path], index)
            terms = {
                (paths[int(value)], tuple(place))
                for value, place in zip(found.terms.values, found.terms.indices.tolist(), strict=True)
                if int(value) in paths
            }  # fmt: skip
            read = {(source, tuple(place)) for source, places in page.evaluate(READ, [path, index]) for place in places}
            assert terms <= read if found.kind in CHOSEN_FROM else terms == read, (path, index)


def test_what_is_pointed_at_shows_what_it_reads_and_its_number_beside_it(page, shown):
    page.locator("#about", has_text="It is right on").wait_for()  # which moves what is below it
    button, place = page.locator("section[data-path=conv1] .map").nth(2), 10
    size = button.bounding_box()["width"] / 24
    button.hover(position={"x": (place + 0.5) * size, "y": (place + 0.5) * size})
    page.locator(".links .read").wait_for()
    assert page.locator(".links .read").count() == 1  # the image has one channel
    told = page.locator(".at-pointer")
    value = next(step.outputs[0] for step in shown.trace(0).program.steps if step.layer == "conv1")
    number = shown.trace(0).values[value][2, place, place]
    where, said = told.evaluate("element => [element.firstChild.textContent, element.lastChild.textContent]")
    assert where == f"row {place}, column {place}"
    assert float(said.replace("−", "-")) == pytest.approx(number, rel=1e-3)
    assert page.locator(".links .read").bounding_box()["width"] == pytest.approx(5 * size, abs=4)
    page.locator("section[data-path=relu1] .map").nth(3).hover(position={"x": 30, "y": 30})
    page.wait_for_function("() => document.querySelectorAll('.links .pale').length === 5")
    assert page.locator(".links .read").count() == 1
    page.mouse.move(2, 2)
    page.wait_for_function("() => !document.querySelector('.links').childNodes.length")
    assert told.is_hidden()


def test_nothing_is_drawn_over_the_layers_because_maps_are_painted(page):
    """As they are with every stroke of a pen, while a number is pinned."""
    page.locator("section[data-path=conv1] .map").first.click()
    page.locator(".links rect.way").first.wait_for()
    changed = page.evaluate("""async () => {
        const { mapsOf } = await import('/layers.js');
        const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        await frames();
        const now = document.querySelector('.links').firstChild;
        for (const path of ['conv1', 'norm1', 'relu1']) mapsOf(path).show(mapsOf(path).found);
        await frames();
        return document.querySelector('.links').firstChild !== now;
    }""")
    assert not changed


def test_the_way_back_is_marked_in_all_layers_and_gone_step_by_step(page, shown):
    page.locator("#bars .bar").first.click()
    page.locator(".links rect.way").first.wait_for()
    step = page.get_by_role("button", name="Step back")  # as nothing is to move by itself
    first = page.locator(".walk li[aria-current]").text_content()
    step.click()
    other = "(first) => document.querySelector('.walk li[aria-current]').textContent !== first"
    page.wait_for_function(other, arg=first)
    assert page.locator(".links rect.way").count() >= 2
    assert step.evaluate("element => element === document.activeElement")


def test_it_plays_by_itself_until_something_else_is_done(browser, context, shown):
    own = browser.new_context(storage_state=context.storage_state(), reduced_motion="no-preference")
    own.set_default_timeout(WAIT)
    with opened(own, f"http://127.0.0.1:{shown.server.port}/") as page:
        page.get_by_role("button", name="▶ Walk back").click()
        page.locator(".walk li:nth-child(3)[aria-current]").wait_for()
        page.keyboard.press("Shift")
        page.get_by_role("button", name="▶ Walk back").wait_for()
        now = page.locator(".walk li[aria-current]").text_content()
        page.wait_for_timeout(1800)
        assert page.locator(".walk li[aria-current]").text_content() == now
    own.close()


def test_a_step_back_that_is_refused_is_no_error_of_the_page(context, shown):
    """As where the server has let go of the image meanwhile, or the network has been edited."""
    gone = {"status": 410, "content_type": "application/json", "body": '{"error": "is not here any more"}'}
    with opened(context, f"http://127.0.0.1:{shown.server.port}/", "status of 410") as page:
        page.locator("#bars .bar").first.click()
        page.locator(".walk li[aria-current]").wait_for()
        page.route("**/api/walk?*", lambda route: route.fulfill(**gone))
        page.get_by_label("next sample").click()
        page.wait_for_url(lambda url: "sample=1" in url)
        page.get_by_role("button", name="Step back").click()
        page.wait_for_timeout(300)
        assert page.locator("#problem").is_hidden()


def test_backspace_takes_the_keyboard_along(page):
    page.locator("section[data-path=relu1] .map").nth(1).click(position={"x": 20, "y": 20})
    page.locator(".walk li").first.wait_for()
    page.keyboard.press("Backspace")
    page.locator("section[data-path=norm1] .map:focus").wait_for()


def test_the_scores_of_classes_stand_below_each_other_with_their_names(page, shown):
    page.locator("section[data-path=linear2]").scroll_into_view_if_needed()
    page.locator(f"{SCORES} li").first.wait_for()
    trace = shown.trace(0)
    value = next(step.outputs[0] for step in trace.program.steps if step.layer == "linear2")
    words = page.locator(f"{SCORES} .score").all_text_contents()
    numbers = trace.values[value].tolist()
    assert [float(word.replace("−", "-")) for word in words] == pytest.approx(numbers, rel=1e-3)
    assert page.locator(f"{SCORES} .name").all_text_contents() == [str(k) for k in range(10)]


def test_a_class_shows_its_share_and_then_what_its_score_is_made_of(browser, tmp_path):
    from pellucid.web.bench import Bench
    from pellucid.web.serving.server import Server

    network = p.Sequential([p.Conv2d(1, 2, 5), p.ReLU(), p.Flatten(), p.Linear(2 * 576, 10)], input_shape=(1, 28, 28))
    data = p.Dataset(np.arange(784, dtype=np.uint8).reshape(1, 28, 28), np.zeros(1, int), name="one")
    with Server(Bench(network, "logits", data, "test"), say=lambda line: None) as server:
        own = browser.new_context(viewport={"width": 1400, "height": 700}, reduced_motion="reduce")
        own.set_default_timeout(WAIT)
        with opened(own, server.guard.address) as page:
            page.locator("#bars .bar").nth(3).click()
            page.locator("#panel-sum caption", has_text="From scores to shares").wait_for()
            scores = p.predict(network, data.images)[0]
            shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
            row = page.locator("#panel-sum tr", has=page.locator("strong")).locator("data").last
            assert float(row.get_attribute("value")) == pytest.approx(shares[3], rel=1e-4)
            assert page.locator("#bars .score").nth(3).text_content() != ""
            page.locator("#inspector").evaluate("element => element.scrollTo(0, 1e6)")
            page.locator("#bars .bar").nth(5).click()
            page.locator('.body[data-place="linear1 5"]').wait_for()
            assert page.locator("#inspector").evaluate("element => element.scrollTop") == 0
            box = page.locator("section[data-path=linear1]").bounding_box()
            assert 0 <= box["y"] < 700
        own.close()


def test_maps_say_which_they_are_and_what_they_are_ordered_by(page, shown):
    captions = page.locator("section[data-path=conv1] .caption")
    assert captions.all_text_contents() == list("012345")
    page.locator("section[data-path=conv1] select").select_option("mean")
    captions.filter(has_text=" · ").first.wait_for()
    trace = shown.trace(0)
    value = next(step.outputs[0] for step in trace.program.steps if step.layer == "conv1")
    means = np.abs(trace.values[value]).reshape(6, -1).mean(axis=1)
    first, mean = captions.first.text_content().split(" · ")
    assert int(first) == means.argmax()
    assert float(mean) == pytest.approx(means.max(), rel=0.06)


def test_the_strip_at_the_top_leads_through_all_shapes(page):
    strip = page.get_by_role("navigation", name="All layers, by their shapes")
    assert strip.get_by_role("button").first.text_content() == "input 1×28×28"
    strip.get_by_role("button", name="linear2 10").click()
    page.locator("section[data-path=linear2] .map:focus").wait_for()
    strip.get_by_role("button", name="linear2 10").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.textContent") == "linear1 40"
    names = strip.get_by_role("button").all_text_contents()
    assert not any(each.startswith("concat1.branch2") for each in names)
    assert len({*names}) == len(names)
    marked = strip.locator("[tabindex='0']")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    marked.filter(has_text="linear2").wait_for()
    page.locator("section[data-path=pool1] .map").first.click()
    marked.filter(has_text="pool1").wait_for()
    assert marked.evaluate(IN_STRIP)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.evaluate("scrollTo(0, 0)")
    marked.filter(has_text="input").wait_for()
    assert marked.evaluate(IN_STRIP)


def test_the_colours_are_those_of_the_layer_that_is_pointed_at(page):
    page.locator("section[data-path=lrn1] .map").first.hover()
    page.locator("#scale .name", has_text="lrn1").wait_for()
    page.mouse.move(2, 2)
    page.locator("#scale .name", has_text="input").wait_for()
    page.locator("section[data-path=conv1] .map").first.click()
    page.mouse.move(2, 2)
    page.locator("#scale .name", has_text="conv1").wait_for()
    page.keyboard.press("Escape")
    assert page.locator("#trail").inner_text().split()[:2] == ["conv1", "Point"]


def test_the_keyboard_stays_in_the_prediction_and_at_the_top_when_another_image_comes(page):
    page.locator("section[data-path=conv1] .map").first.click()
    for selector in ("#bars .bar:nth-child(1)", "#trail button"):
        focused = page.locator(selector).first
        focused.focus()
        before = page.locator("#bars").inner_text()
        page.evaluate("""async () => {
            const [{ showSample }, { get }] = [await import('/showing.js'), await import('/state.js')];
            await showSample(get().source.number + 1);
        }""")
        page.wait_for_function("(before) => document.querySelector('#bars').innerText !== before", arg=before)
        assert focused.evaluate("(each) => each === document.activeElement"), selector


def test_what_was_drawn_is_on_the_pad_when_the_page_is_loaded_anew(page):
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 150, steps=8)
    page.mouse.up()
    page.wait_for_function("() => location.hash.includes('pixels=')")
    page.reload()
    page.locator("#bars li").first.wait_for()
    ink = """() => { const pad = document.getElementById('pad');
        return pad.getContext('2d').getImageData(0, 0, pad.width, pad.height).data.some((byte) => byte > 100); }"""
    page.wait_for_function(ink)
