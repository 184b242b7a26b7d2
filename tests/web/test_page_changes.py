"""The page in a browser: asking why, and changing the network. What it shows is held against the library."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest

import pellucid as p
from pellucid import explanations
from pellucid.web.words.written import significant

from .conftest import clock_digits, let_in, opened
from .learnt import learnt

SAMPLE = 8


@pytest.fixture(scope="module")
def bench() -> Any:
    pytest.importorskip("starlette")
    from pellucid.web.bench import Bench

    return Bench(learnt(), "learnt", clock_digits(), "test")


@pytest.fixture(scope="module")
def window(browser: Any, bench: Any) -> Iterator[tuple[Any, str]]:
    """A window of its own, on a server of its own: what is changed here is nobody else's."""
    from pellucid.web.serving.server import Server

    with Server(bench, say=lambda line: None) as server, let_in(browser, server.guard.address) as own:
        yield own, f"http://127.0.0.1:{server.port}/#sample={SAMPLE}"


@contextmanager
def tab(window: tuple[Any, str], name: str) -> Iterator[Any]:
    with opened(window[0], f"{window[1]}&view={name}") as page:
        page.locator(f"#panel-{name}").wait_for()
        yield page


@pytest.fixture
def change(window: Any, bench: Any) -> Iterator[Any]:
    bench.versions.edits.reset()
    bench.versions.show_edited()
    with tab(window, "change") as page:
        page.locator("#change-layer option").first.wait_for(state="attached")
        page.locator(".weights input").first.wait_for()
        yield page


@pytest.fixture
def why(window: Any, bench: Any) -> Iterator[Any]:
    bench.versions.edits.reset()
    bench.versions.show_edited()
    with tab(window, "why") as page:
        page.locator(".told", has_text="strongest").first.wait_for()
        yield page


def number(words: str) -> float:
    """The last number in a text, as the page writes it."""
    return float(re.findall(r"[−-]?[\d.]+(?:e[−-]?\d+)?", words)[-1].replace("−", "-"))


def cell(page: Any, path: str, channel: int) -> float:
    """What the page shows of the first cell of a map, once it follows the network."""
    page.locator(f"[data-path={path}]").scroll_into_view_if_needed()
    button = page.locator(f"[data-path={path}] .map").nth(channel)
    button.wait_for()
    return number(button.get_attribute("aria-label"))


def wait_for_cell(page: Any, path: str, channel: int, value: float) -> None:
    """Wait until the page shows a number, which it has to fetch."""
    for _ in range(200):
        if cell(page, path, channel) == pytest.approx(value, rel=1e-3, abs=1e-6):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{path} shows {cell(page, path, channel)}, expected {value}")


def first_cells(network: p.Sequential, path: str) -> np.ndarray:
    return p.activations(network, clock_digits().images[SAMPLE : SAMPLE + 1])[path][0, :, 0, 0]


# ---- change


def test_what_is_typed_into_a_kernel_changes_everything_behind_it_and_undo_restores_it(change, bench):
    before, same = learnt(), learnt()
    assert change.locator("#edited").is_hidden()
    change.locator("[data-path=norm1] .map").nth(1).click(position={"x": 1, "y": 1})
    change.locator("#change-channel").wait_for()
    assert change.locator("#tab-change").get_attribute("aria-selected") == "true"
    change.wait_for_timeout(300)
    assert change.locator("#change-layer").input_value() == "conv1", "of a normalised map, the kernels that made it"
    assert change.locator("#change-channel").input_value() == "1"
    weights = before["conv1"].weight.data[1, 0]
    shown = [number(f"{each.input_value()}") for each in change.locator(".weights input").all()]
    np.testing.assert_allclose(shown, weights.ravel(), atol=0.006 * np.abs(weights).max())

    field = change.locator(".weights input").nth(7)
    field.focus()
    change.keyboard.press("Control+a")
    change.keyboard.type("1.5")
    change.keyboard.press("Enter")
    change.locator("#change-edits li", has_text="conv1: weight (1, 0, 1, 2)").wait_for()
    assert change.locator("#edited").is_visible()
    same["conv1"].weight.data[1, 0, 1, 2] = 1.5
    for path in ("norm1", "conv2"):
        for channel in (0, 1):
            wait_for_cell(change, path, channel, first_cells(same, path)[channel])
    assert first_cells(same, "conv2")[0] != pytest.approx(first_cells(before, "conv2")[0], rel=1e-3)

    change.reload()
    change.locator("#edited").wait_for()
    change.locator("#change-edits li").wait_for()
    change.locator("#change-undo").click()
    change.locator("#edited").wait_for(state="hidden")
    assert bench.network["conv1"].weight.data.tobytes() == before["conv1"].weight.data.tobytes()
    wait_for_cell(change, "conv2", 0, first_cells(before, "conv2")[0])


def test_two_numbers_typed_one_after_the_other_are_both_there(change, bench):
    """The second is typed before the server has answered the first."""
    held: list[Any] = []
    change.route("**/api/edit?*", lambda route: held.append(route) if not held else route.continue_())
    for at, value in ((3, "1.5"), (7, "-2.5")):
        change.locator(".weights input").nth(at).fill(value)
        change.locator(".weights input").nth(at).press("Enter")
    held[0].continue_()
    change.locator("#change-edits li").nth(1).wait_for()
    kernel = bench.network["conv1"].weight.data[0, 0].ravel()
    assert (kernel[3], kernel[7]) == (1.5, -2.5)


def test_edits_are_listed_with_what_they_change_and_each_is_undone_alone(change, bench):
    change.locator("#change-layer").select_option("conv2")
    change.locator("#change-silence").click()
    change.locator("#change-layer").select_option("linear1")
    change.locator(
        "#panel-change p", has_text="Only the kernels of convolutions are changed weight by weight"
    ).wait_for()
    was = significant(float(bench.network["linear1"].bias.data[0]))
    change.locator("#change-bias").fill("0.5")
    change.locator("#change-bias").press("Enter")
    change.locator("#change-edits li", has_text=f"linear1: bias of channel 0: {was} → 0.500").wait_for()
    change.locator("#change-edits li", has_text="silenced").get_by_role("button").click()
    change.locator("#change-edits li").nth(1).wait_for(state="detached")
    assert change.evaluate("document.activeElement.id") == "change-undo"
    assert bench.network["linear1"].bias.data[0] == 0.5
    assert bench.network["conv2"].weight.data.tobytes() == learnt()["conv2"].weight.data.tobytes()
    change.locator("#change-layer").select_option("conv1")
    change.locator("#panel-change p", has_text="weight by weight").wait_for(state="detached")
    assert "docs/tutorial.md" in change.locator("#panel-change").inner_text()


def test_above_the_layers_stands_how_right_the_edited_network_is(change, bench):
    about = change.locator("#about")
    about.get_by_text(re.compile("It is right on .* % of 40 images")).wait_for()
    for channel in (1, 3):
        bench.versions.edits.silence("conv2", channel)
    with bench.busy:
        bench.versions.show_edited()
    data = clock_digits()
    rates = [100 * np.mean(p.predict_classes(each, data.images) == data.labels) for each in (learnt(), bench.network)]
    words = r"As trained, it is right on {:.2f} % of 40 images; as edited, on {:.2f} %\.".format(*rates)
    about.get_by_text(re.compile(words)).wait_for()
    change.locator("#change-reset").click()
    about.get_by_text(re.compile("It is right on .* % of 40 images")).wait_for()


def test_maps_that_came_with_the_image_are_not_asked_for_again(change):
    held: list[Any] = []
    change.route("**/api/maps?*layer=input*", lambda route: held.append(route))
    with change.expect_response("**/api/seen?*"):
        change.locator("#change-silence").click()
    change.wait_for_function(
        "async () => (await import('./layers.js')).mapsOf('input').asking.signal.aborted"
    )  # as the answer brought them
    change.wait_for_timeout(300)
    change.evaluate("async () => (await import('./layers.js')).mapsOf('input').refresh(true)")
    change.wait_for_timeout(100)
    assert len(held) == 1


# ---- mistakes


def test_mistakes_are_gone_through_by_what_is_taken_for_what(change, bench):
    for channel in (1, 3):
        bench.versions.edits.silence("conv2", channel)
    with bench.busy:
        bench.versions.show_edited()
    data, now = clock_digits(), p.predict_classes(bench.network, clock_digits().images)
    pairs = [(np.sum((data.labels == a) & (now == b)), a, b) for a in range(10) for b in range(10) if a != b]
    times, label, taken = max(pairs, key=lambda pair: (pair[0], -pair[1], -pair[2]))
    change.locator("#pairs option", has_text=f"{label} taken for {taken}: {times}").wait_for(state="attached")
    assert change.locator("#pairs option").first.inner_text() == f"all {np.sum(now != data.labels)} mistakes"
    change.locator("#pairs").select_option(f"{label},{taken}")
    for at in (1, 2):
        change.locator("#spoken", has_text=f"mistake {at} of {times}").wait_for(state="attached")
        sample = int(change.locator("input[max='39']").input_value())
        assert (data.labels[sample], now[sample]) == (label, taken)
        change.get_by_label("next mistake").click()


def test_clicks_for_mistakes_are_counted_while_they_are_listed(change, bench):
    for channel in (1, 3):
        bench.versions.edits.silence("conv2", channel)
    with bench.busy:
        bench.versions.show_edited()
    change.locator("#pairs option").nth(1).wait_for(state="attached")
    held: list[Any] = []
    change.route("**/api/samples?*which=mistakes*", lambda route: held.append(route))
    for _ in range(3):
        change.get_by_label("next mistake").click()
    change.wait_for_timeout(200)
    assert len(held) == 1
    held[0].continue_()
    change.locator("#spoken", has_text="mistake 3 of").wait_for(state="attached")


def test_the_number_of_a_sample_that_was_refused_does_not_stay_in_the_field(window):
    page = window[0].new_page()  # on whose console the refusal may stand
    page.goto(window[1])
    field = page.locator("input[max='39']")
    page.locator("#told", has_text="8").wait_for()
    refusal = {"status": 400, "content_type": "application/json", "body": '{"error": "not today"}'}
    page.route("**/api/sample?number=5&*", lambda route: route.fulfill(**refusal))
    field.fill("5")
    field.press("Enter")
    page.locator("#problem", has_text="not today").wait_for()
    page.wait_for_function("() => document.querySelector(\"input[max='39']\").value === '8'")
    page.close()


def test_another_channel_keeps_the_cell(change):
    change.locator("[data-path=conv2] .map").first.click(position={"x": 5, "y": 5})
    change.wait_for_url(lambda url: "cell=" in url)
    _, _, cell = change.url.partition("cell=")
    change.locator("#change-channel").fill("2")
    change.locator("#change-channel").press("Enter")
    change.wait_for_url(lambda url: "channel=2" in url)
    assert change.url.partition("cell=")[2] == cell


def test_a_silent_channel_and_the_images_that_flip(change, bench):
    change.locator("#accuracy", has_text="right").wait_for()
    change.locator("#change-layer").select_option("conv2")
    for channel in (1, 3):
        change.locator("#change-channel").fill(str(channel))
        change.locator("#change-channel").press("Enter")
        change.locator(".kernels button").nth(3).wait_for()
        change.locator("#change-silence").click()
        change.locator("#change-edits li", has_text=f"conv2: channel {channel} silenced").wait_for()
    wait_for_cell(change, "conv2", 3, 0)
    data = clock_digits()
    before, now = (p.predict_classes(each, data.images) for each in (learnt(), bench.network))
    words = f"{100 * np.mean(before == data.labels):.2f} % right before, {100 * np.mean(now == data.labels):.2f} % now"
    change.locator("#accuracy", has_text=words).wait_for()
    flipped = np.flatnonzero(before != now)
    change.locator(".flip").nth(len(flipped) - 1).wait_for()
    assert change.locator(".flip").count() == len(flipped)
    name = f"sample {flipped[-1]}, a {data.labels[flipped[-1]]}: was taken for {before[flipped[-1]]}, now for"
    last = change.locator(".flip").last
    assert last.get_attribute("aria-label").startswith(name)
    last.click()
    change.locator("li .likeliest", has_text=str(now[flipped[-1]])).wait_for()
    change.wait_for_url(re.compile(rf"sample={flipped[-1]}\b"))


def test_a_filter_is_chosen_for_one_kernel_or_for_all(change, bench):
    change.locator("#change-layer").select_option("conv2")
    change.locator(".kernels button").nth(2).click()
    change.locator("#panel-change button", has_text="blur").click()
    change.locator("#change-edits li", has_text="conv2: kernel of channel 0 for channel 2: blur").wait_for()
    change.locator("#change-every").check()
    change.locator("#panel-change button", has_text="zero").click()
    change.locator("#change-edits li", has_text="conv2: all 4 kernels of channel 0: zero").wait_for()
    assert not bench.network["conv2"].weight.data[0].any()
    change.locator("#change-reset").click()
    change.locator("#edited").wait_for(state="hidden")


def test_the_network_before_all_edits_is_shown_as_long_as_the_button_is_held(change, bench):
    compare = change.locator("#change-compare")
    assert compare.is_disabled()
    change.locator("#change-layer").select_option("conv1")
    change.locator("#change-silence").click()
    change.locator("#change-compare:enabled").wait_for()
    wait_for_cell(change, "conv1", 0, 0)
    change.locator("#accuracy", has_text="right").wait_for()
    told = change.locator("#accuracy").inner_text()
    before = float(first_cells(learnt(), "conv1")[0])
    compare.scroll_into_view_if_needed()
    compare.hover()
    change.mouse.down()
    change.locator("#change-compare[aria-pressed=true]").wait_for()
    wait_for_cell(change, "conv1", 0, before)
    change.mouse.up()
    wait_for_cell(change, "conv1", 0, 0)
    compare.focus()
    change.keyboard.down("Enter")
    wait_for_cell(change, "conv1", 0, before)
    change.keyboard.up("Enter")
    wait_for_cell(change, "conv1", 0, 0)
    assert change.locator("#accuracy").inner_text() == told
    assert change.locator("#change-edits li").count() == 1


def test_what_was_refused_does_not_stand_there_as_if_it_were_done(window, bench, monkeypatch):
    from pellucid.web.looking.edits import Edits

    def refuse(self: Any, *given: Any, **how: Any) -> None:
        raise p.ArgumentError("not today")

    monkeypatch.setattr(Edits, "kernel", refuse)
    page = window[0].new_page()  # on whose console the refusal may stand
    page.goto(f"{window[1]}&view=change")
    field = page.locator(".weights input").first
    field.wait_for()
    before = field.input_value()
    field.fill("9")
    field.press("Enter")
    page.locator("#problem", has_text="not today").wait_for()
    page.wait_for_function("old => document.querySelector('.weights input').value === old", arg=before)
    page.close()


# ---- why


def test_pictures_are_the_librarys_and_differ_once_layers_are_forgotten(why):
    x = clock_digits().images[SAMPLE : SAMPLE + 1]
    pictures = why.locator("#panel-why .picture")
    for method, function in (
        ("saliency", explanations.saliency), ("occlusion", partial(explanations.occlusion, measure="score")),
        ("grad_cam", explanations.grad_cam),
    ):  # fmt: skip
        why.locator("#why-forgotten").fill("0")
        why.locator("#why-method").select_option(method)
        words = {"saliency": "gradient", "occlusion": "covers", "grad_cam": "maps of relu2"}[method]
        why.locator("#panel-why p", has_text=words).wait_for()
        own = function(learnt(), x)[0]
        assert strongest(pictures.nth(0)) == pytest.approx(signed_most(own), rel=2e-3)
        why.locator("#why-forgotten").fill("2")
        why.locator("#why-agreement strong").wait_for()
        other = function(explanations.randomised(learnt(), 2), x, SAMPLE)[0]
        expected = explanations.rank_correlation(own, other)
        assert number(why.locator("#why-agreement strong").inner_text()) == pytest.approx(expected, abs=0.006)
        assert strongest(pictures.nth(1)) == pytest.approx(signed_most(other), rel=2e-3)
    assert "If it hardly changes, distrust it" in why.locator("#panel-why").inner_text()
    assert "linear1, conv2 (2 of 4)" in why.locator("#panel-why").inner_text()


def strongest(picture: Any) -> float:
    return number(re.split(" (?:at|about) row", picture.locator(".told").inner_text())[0])


def signed_most(picture: np.ndarray) -> float:
    return float(picture.ravel()[np.abs(picture).argmax()])


def test_a_class_is_explained_against_another_and_what_was_said_before_is_pale_meanwhile(why):
    x = clock_digits().images[SAMPLE : SAMPLE + 1]
    picture, told = why.locator("#panel-why .picture").first, why.locator("#panel-why .shows")
    held: list[Any] = []
    why.route("**/api/why?*against=3*", lambda route: held.append(route))
    why.locator("#why-against").select_option("3")
    why.locator("#panel-why[aria-busy]").wait_for()
    why.wait_for_function("() => getComputedStyle(document.querySelector('#panel-why .shows')).opacity === '0.4'")
    held.pop().continue_()
    why.locator("#panel-why p", has_text="How much the score of 8 less that of 3 changes with each pixel").wait_for()
    own = explanations.saliency(learnt(), x, SAMPLE, against=3)[0]
    assert strongest(picture) == pytest.approx(signed_most(own), rel=2e-3)
    why.unroute("**/api/why?*against=3*")
    why.locator("#why-method").select_option("occlusion")
    why.locator("#panel-why p", has_text="blue speaks for 8, orange for 3").wait_for()
    own = explanations.occlusion(learnt(), x, against=3, measure="score")[0]
    assert strongest(picture) == pytest.approx(signed_most(own), rel=2e-3)
    why.locator("#why-against").select_option("none")
    told.get_by_text("blue needs it").wait_for()


def test_no_class_is_explained_against_itself(why):
    why.locator("#why-against").select_option("3")
    why.locator("#why-class").select_option("3")
    against = "document.querySelector('#why-against').value"
    why.wait_for_function(f"() => {against} === ''")
    why.locator("#why-class").select_option("")
    why.locator("#panel-why:not([aria-busy]) .shows").wait_for()
    assert why.evaluate(against) == ""


def test_a_picture_that_is_not_there_has_no_caption(context, shown):
    held: list[Any] = []
    with opened(context, f"http://127.0.0.1:{shown.server.port}/") as page:
        page.route("**/api/why?*", lambda route: held.append(route))
        page.locator("#tab-why").click()
        page.locator("#panel-why[aria-busy]").wait_for()
        assert page.get_by_text("as it has learnt").is_hidden()
        assert page.get_by_text("after forgetting").is_hidden()
        held.pop().continue_()
        page.get_by_text("as it has learnt").wait_for()


def test_the_sum_of_a_score_says_what_makes_it_more_than_that_of_the_class_it_is_against(why):
    scores = p.activations(learnt(), clock_digits().images[SAMPLE : SAMPLE + 1])["linear1"][0]
    why.locator("#why-against").select_option("3")
    why.locator("#bars .likeliest").click()
    caption = why.locator("caption", has_text="8 minus 3: each number times the difference of its weights")
    table = why.locator("#panel-sum table", has=caption)
    difference = float(table.locator("tfoot data").first.get_attribute("value"))
    assert difference == pytest.approx(scores[8] - scores[3], rel=1e-4)
    why.locator("#tab-why").click()
    why.locator("#why-against").select_option("")
    why.locator("#tab-sum").click()
    table.wait_for(state="detached")


def test_the_image_lies_over_the_numbers_as_a_veil_that_leaves_their_colours(why):
    styles = """() => [...document.querySelectorAll("#panel-why .picture canvas")].slice(0, 2).map((each) => {
        const { opacity, mixBlendMode, filter } = getComputedStyle(each);
        return [opacity, mixBlendMode, filter];
    })"""
    veil, numbers = why.evaluate(styles)
    assert numbers == ["1", "normal", "none"]
    assert veil == ["0.25", "multiply", "grayscale(1) invert(1)"]
    why.locator("#why-mix").fill("0")
    assert [each[0] for each in why.evaluate(styles)] == ["0", "1"]
    why.locator("#would-be").click()
    why.locator("#would-be-look").wait_for()
    assert why.locator("#panel-why .picture:visible").nth(1).locator(".veiled").count() == 0, (
        "an image alone is as it is"
    )


def test_the_cells_of_grad_cam_lie_where_the_layer_reads(why):
    why.locator("#why-method").select_option("grad_cam")
    why.locator("#panel-why p", has_text="each in the middle of the 14×14 pixels that it reads").wait_for()
    picture = why.locator("#panel-why .picture").first
    under, over = (picture.locator("canvas").nth(number).bounding_box() for number in (0, 1))
    pixel = under["width"] / 28
    field = explanations.field_of_layer(learnt(), "relu2")
    first = field.offset[1] + field.size[1] / 2 - field.stride[1] / 2  # the edge of the first cell
    assert (over["x"] - under["x"]) / pixel == pytest.approx(first, abs=0.05)
    assert over["width"] / pixel == pytest.approx(8 * field.stride[1], abs=0.05)
    cam = explanations.grad_cam(learnt(), clock_digits().images[SAMPLE : SAMPLE + 1])[0]
    row, column = np.unravel_index(cam.argmax(), cam.shape)
    middle = [round(offset + (size - 1) / 2 + stride * place + 1e-9) for offset, size, stride, place in zip(
        field.offset, field.size, field.stride, (row, column), strict=True)]  # fmt: skip
    assert picture.locator(".told").inner_text().endswith(f"about row {middle[0]}, column {middle[1]} of the pixels")
    picture.locator(".map").hover(position={"x": (first + 2.5 * field.stride[1]) * pixel, "y": 14 * pixel})
    assert ", column 2: " in picture.locator(".told").inner_text()
    assert picture.locator(".told").inner_text().endswith("columns 4–17")


def test_it_is_said_what_a_picture_is_worth(why):
    why.locator("#why-forgotten").fill("4")
    why.locator("#why-agreement strong").wait_for()
    told = why.locator("#why-agreement").inner_text()
    found = number(why.locator("#why-agreement strong").inner_text())
    zone = "be suspicious" if found >= 0.5 else "partly the image" if found >= 0.2 else "it comes of what was learnt"
    assert zone in told.splitlines()[0]
    x = clock_digits().images[SAMPLE]
    contrast = np.abs(x[0] - np.median(x[0])).ravel()
    of_image = explanations.rank_correlation(contrast, explanations.saliency(learnt(), x[None])[0].ravel())
    assert number(told.rstrip(".")) == pytest.approx(of_image, abs=0.006)
    left = why.locator(".of-pictures").evaluate("element => parseFloat(element.style.left)")
    assert left == pytest.approx(100 * max(0, found), abs=0.6)


def test_a_network_that_is_sure_needs_no_patch(why, bench):
    with bench.busy:  # sure beyond doubt
        bench.versions.edits.bias("linear1", SAMPLE, 50)
        bench.versions.show_edited()
    why.locator("#why-method").select_option("occlusion")
    why.locator("#why-measure").select_option("probability")
    why.locator("#panel-why p", has_text="No patch matters: the probability changes by").wait_for()
    why.locator("#why-measure").select_option("score")
    why.locator("#panel-why p", has_text="How much the class’s score falls where a patch of 7×7 pixels").wait_for()
    assert "No patch matters" not in why.locator("#panel-why").inner_text()


def test_a_picture_is_read_by_keyboard(why):
    own = explanations.saliency(learnt(), clock_digits().images[SAMPLE : SAMPLE + 1])[0]
    picture = why.locator("#panel-why .picture").first
    picture.locator(".map").focus()
    for key in ("Shift+ArrowDown", "Shift+ArrowDown", "Shift+ArrowRight", "ArrowRight"):
        why.keyboard.press(key)
    assert picture.locator(".told").inner_text().startswith("row 10, column 6: ")
    assert number(picture.locator(".told").inner_text()) == pytest.approx(own[10, 6], rel=1e-3)


def test_what_would_make_it_another_is_found_looked_at_and_left(why):
    found = explanations.counterfactual(learnt(), clock_digits().images[SAMPLE], 6)
    why.locator("#would-be-class").select_option("6")
    why.locator("#would-be").click()
    told = why.locator("#would-be-told")
    why.locator("#would-be-look").wait_for()
    changed = int((found.image != clock_digits().images[SAMPLE]).sum())
    assert told.inner_text().startswith(f"Reached in {len(found.probabilities) - 1} steps: 6 goes from ")
    assert told.inner_text().endswith(f"{changed} of 784 pixels changed.")
    assert why.locator("svg.chart .drawn").count() == 1
    apart = np.abs(found.image.astype(float) - clock_digits().images[SAMPLE])
    words = "Little suffices" if apart.mean() <= 0.02 * 255 else "It takes"
    size = why.locator("#panel-why p", has_text="of black to white on average").inner_text()
    assert size.startswith(words)
    assert f"by {100 * apart.max() / 255:.0f}"[:5] in size
    why.locator("#would-be-look").click()
    why.locator("li .likeliest .name", has_text="6").wait_for()
    assert why.locator("#would-be-look").is_disabled()
    why.locator("#would-be-back").click()
    why.locator("li .likeliest .name", has_text="8").wait_for()
    why.wait_for_url(re.compile(rf"sample={SAMPLE}\b"))


def test_the_result_of_a_search_comes_into_sight_and_the_class_stays_chosen(why):
    why.locator("#would-be-class").select_option("6")
    why.locator("#inspector").evaluate("element => { element.scrollTop = 0; }")
    why.locator("#would-be").focus()
    why.locator("#inspector").evaluate("element => { element.scrollTop = 0; }")
    why.keyboard.press("Enter")
    why.locator("#would-be-look").wait_for()
    seen = """element => {
        const box = element.getBoundingClientRect();
        return box.top >= 0 && box.bottom <= innerHeight;
    }"""
    assert why.locator("#would-be-told").evaluate(seen)
    assert why.locator("#panel-why .picture:visible").last.evaluate(seen)
    assert why.locator("#panel-why figcaption:visible").last.inner_text() == "what changed, in levels of 255"
    why.locator("#panel-why p", has_text="probability of 6 by step").wait_for()
    why.locator("#would-be-look").click()
    why.locator("li .likeliest .name", has_text="6").wait_for()
    assert why.locator("#would-be-class").input_value() == "6"


def test_a_drawing_is_on_the_pad_again_after_a_look_at_what_was_found(why):
    ink = """async () => (await import("./pad.js")).padInk().bytes.reduce((sum, byte) => sum + byte, 0)"""
    box = why.locator("#pad").bounding_box()
    why.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    why.mouse.down()
    why.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 20, steps=5)
    why.mouse.up()
    why.wait_for_url(re.compile("pixels="))
    before = why.evaluate(ink)
    why.locator("#would-be").click()
    why.locator("#would-be-look").click()
    why.locator("#would-be-look:disabled").wait_for()
    assert why.evaluate(ink) == 0
    why.locator("#would-be-back").click()
    why.locator("#would-be-back:disabled").wait_for()
    assert why.locator("#drawing.inked").count() == 1
    assert why.evaluate(ink) == pytest.approx(before, rel=0.5)


def test_a_search_is_not_lost_when_the_network_is_edited_meanwhile(why, bench, monkeypatch):
    from pellucid.web.answers import why as answering

    search = answering.counterfactual

    def edited_meanwhile(*given: Any, **how: Any) -> Any:
        with bench.busy:
            bench.versions.edits.silence("conv2", 0)
            bench.versions.show_edited()
        return search(*given, **how)

    monkeypatch.setattr(answering, "counterfactual", edited_meanwhile)
    why.locator("#would-be").click()
    why.locator(
        "#would-be-told", has_text="The network was changed meanwhile; this was found for it as it was."
    ).wait_for()


def test_a_search_that_goes_on_says_so_though_the_network_is_edited(why):
    held: list[Any] = []
    why.route("**/api/would-be?*", lambda route: held.append(route))
    why.locator("#would-be").click()
    with why.expect_response("**/api/seen?*"):
        why.locator("#change-silence").evaluate("(each) => each.click()")
    why.locator("#edited").wait_for()
    why.wait_for_timeout(300)
    assert why.locator("#would-be-told").inner_text() == "Searching …"
    held[0].continue_()
    why.locator("#would-be-look").wait_for()
    assert why.locator("#would-be-told").inner_text() != "Searching …"


# ---- in any width


@pytest.mark.parametrize("name", ["why", "change"])
def test_the_tabs_fit_a_narrow_window_and_targets_are_large_enough(window, name):
    with tab(window, name) as page:
        page.set_viewport_size({"width": 340, "height": 800})
        page.locator(f"#panel-{name} h2").first.wait_for()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 340
        for each in page.locator(f"#panel-{name} :is(button, select, input)").all():
            box = each.bounding_box()
            checked = each.get_attribute("type") in ("checkbox", "range")
            assert box is None or checked or (box["width"] >= 24 and box["height"] >= 24), each.inner_html()
