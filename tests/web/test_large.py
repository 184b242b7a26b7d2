"""A large network on the page: its first layers are seen before the last are made, what takes long keeps nobody, and
what nobody waits for any more ends."""

import asyncio
import contextlib
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")

from pellucid import explanations, interpreter
from pellucid.errors import NonFiniteError
from pellucid.web.answers import seeing, why
from pellucid.web.answers.asked import Asked, GoneError
from pellucid.web.answers.questions import Question
from pellucid.web.bench import Bench
from pellucid.web.looking import look
from pellucid.web.serving import application
from pellucid.web.serving.server import view

from .asgi import request
from .conftest import clock_digits
from .learnt import QUESTIONS, ask, learnt

LAST = "linear1"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose network counts as a large one."""
    monkeypatch.setattr(seeing, "AT_ONCE", 0)
    return Bench(learnt(), "learnt", clock_digits(), "test")


class Halted:
    """Stops every thread that comes to the last layer, until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.there, self.may_go, self._results = threading.Event(), threading.Event(), interpreter.results_of
        monkeypatch.setattr(interpreter, "results_of", self.results_of)

    def results_of(self, step: Any, values: Any) -> dict[int, Any]:
        if step.layer == LAST:
            self.there.set()
            assert self.may_go.wait(30)
        return self._results(step, values)


@contextlib.contextmanager
def beside(work: Any) -> Any:
    """Do something in another thread; it must have ended at the end."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    yield found
    thread.join(30)
    assert not thread.is_alive()


# ---- layer by layer


def test_an_answer_does_not_wait_for_the_last_layer(bench: Bench) -> None:
    told, arrays = ask(bench, "sample", number=3, layers="conv1,relu1")
    assert told["pending"]
    assert set(arrays) == {"image"}
    image = told["image"]
    seen, inside = bench.look(image), p.activations(learnt(), bench.sample(3)[None])
    _, arrays = ask(bench, "maps", image=image, layer="norm1")
    np.testing.assert_array_equal(arrays["maps"], inside["norm1"][0])
    made = [path for path, value in bench.values.items() if seen.values.is_made(value)]
    assert made == ["input", "conv1", "norm1"]
    told, arrays = ask(bench, "seen", image=image, wait=1, layers="conv1,conv2")
    assert not told["pending"]
    np.testing.assert_array_equal(arrays["output"], inside[LAST][0])
    np.testing.assert_array_equal(arrays["maps conv2"], inside["conv2"][0])
    told, _ = ask(bench, "seen", image=image)
    assert not told["pending"], "it is known now"


def test_small_networks_are_answered_for_at_once() -> None:
    told, arrays = ask(Bench(learnt(), "learnt", clock_digits()), "sample", number=3)
    assert not told["pending"]
    assert arrays["probabilities"].argmax() == 3


def test_what_is_shown_are_the_numbers_that_sums_are_checked_against(bench: Bench) -> None:
    image, reference = bench.put(bench.sample(5)), p.trace(learnt(), bench.sample(5))
    _, shown = ask(bench, "seen", image=image, wait=1, layers="conv2")
    for path, index, number in (
        (LAST, (4,), shown["output"][4]), ("conv2", (3, 2, 1), shown["maps conv2"][3, 2, 1]),
    ):  # fmt: skip
        found, expected = (
            ask(bench, "sum", image=image, layer=path, index=",".join(map(str, index)))[0],
            reference.sum(path, index),
        )
        assert found["stored"] == number == expected.stored
        assert found["recomputed"] == expected.recomputed
        assert found["difference"] == expected.difference != 0, "float32 against float64"


def test_nobody_waits_for_the_last_layer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is made, what is there of this image is shown and followed, and the network is edited."""
    halted, image = Halted(monkeypatch), bench.put(bench.sample(3))
    with beside(lambda: ask(bench, "seen", image=image, wait=1)) as found:
        assert halted.there.wait(30)
        app = application.application(bench)
        assert request(app, f"/api/maps?image={image}&layer=conv2").status == 200
        assert request(app, f"/api/sum?image={image}&layer=conv2&index=1,2,3").status == 200
        assert request(app, "/api/network").status == 200
        assert request(app, "/api/edit?what=silence&layer=conv2&out=1", "POST").status == 200
        halted.may_go.set()
    told, arrays = found[0]
    assert told["revision"] == 0, "of the network as it was"
    np.testing.assert_array_equal(arrays["output"], p.activations(learnt(), bench.sample(3)[None])[LAST][0])


def test_two_who_ask_share_the_work(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, results = [], interpreter.results_of
    monkeypatch.setattr(interpreter, "results_of", lambda step, values: steps.append(step) or results(step, values))
    image = bench.put(bench.sample(3))
    with beside(lambda: ask(bench, "maps", image=image, layer="pool2")):
        ask(bench, "seen", image=image, wait=1)
    assert steps == list(bench.look(image).program.steps)


def test_a_step_that_fails_keeps_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    image, results = bench.put(bench.sample(3)), interpreter.results_of

    def without_memory(step: Any, values: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(interpreter, "results_of", without_memory)
    for _ in range(2):
        with pytest.raises(MemoryError):
            ask(bench, "maps", image=image, layer="conv1")
    monkeypatch.setattr(interpreter, "results_of", results)
    assert ask(bench, "maps", image=image, layer="conv1")[0]["total"] == 4


def test_values_of_a_look_are_a_mapping(bench: Bench) -> None:
    seen, reference = bench.look(bench.put(bench.sample(0))), p.trace(learnt(), bench.sample(0))
    assert set(seen.values) == set(reference.values)
    assert len(seen.values) == len(reference.values)
    assert seen.program.output in seen.values
    assert not seen.values.is_made(seen.program.output), "to ask whether it has one makes nothing"
    assert -1 not in seen.values
    with pytest.raises(KeyError):
        seen.values[-1]
    for value, array in reference.values.items():
        np.testing.assert_array_equal(seen.values[value], array)


# ---- networks that never change


def test_an_edit_leaves_alone_who_looks_and_shares_the_rest(bench: Bench) -> None:
    before, image = bench.network, bench.put(bench.sample(3))
    kept = before["conv2"].weight.data.copy()
    ask(bench, "edit", what="silence", layer="conv2", out=1)
    now = bench.network
    assert now is not before
    np.testing.assert_array_equal(before["conv2"].weight.data, kept)
    assert not now["conv2"].weight.data[1].any()
    for path, parameter in now.parameters().items():
        shared = np.shares_memory(parameter.data, before.parameters()[path].data)
        assert shared == (path not in ("conv2.weight", "conv2.bias")), path
    ask(bench, "undo")
    np.testing.assert_array_equal(bench.network["conv2"].weight.data, kept)
    assert not now["conv2"].weight.data[1].any(), "whoever has taken it goes on with it"
    assert ask(bench, "seen", image=image, wait=1)[0]["revision"] == 2


class Doubled(p.Layer):
    """A layer that remembers what has gone through it, as layers of one's own may."""

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(input_shape)

    def forward(self, x: Any, training: bool = False) -> Any:
        self.seen = x
        return x * np.abs(x)

    def backward(self, grad_output: Any) -> Any:
        return 2 * np.abs(self.seen) * grad_output


def test_a_layer_of_the_users_own_is_run_by_one_at_a_time() -> None:
    layers = [p.Conv2d(1, 3, 5), Doubled(), p.MaxPool2d(4), p.Flatten(), p.Linear(108, 10)]
    network = p.Sequential(layers, input_shape=(1, 28, 28))
    bench = Bench(network, "doubled", clock_digits())
    looks = [bench.look(bench.put(bench.sample(number))) for number in (0, 1)]
    assert looks[0].network is not looks[1].network
    assert np.shares_memory(looks[0].network["conv1"].weight.data, looks[1].network["conv1"].weight.data)
    for number, each in enumerate(looks):
        expected = p.activations(network, bench.sample(number)[None])
        np.testing.assert_array_equal(each.output, expected["linear1"][0])
        own = each.program.steps[2].keywords["layer"]
        kept = own.seen
        each.contributions("conv1", bench.values["conv1"], 3)
        assert own.seen is kept, "others run a copy"
        _, arrays = ask(bench, "why", image=bench.put(bench.sample(number)), method="saliency", **{"class": 3})
        np.testing.assert_array_equal(
            arrays["picture"], explanations.saliency(network, bench.sample(number)[None], 3)[0]
        )


def test_what_was_made_of_a_look_is_kept_but_not_for_ever(bench: Bench) -> None:
    seen, made = bench.look(bench.put(bench.sample(0))), []
    for number in (0, 0, *range(40), 0):
        seen.once(number, lambda: made.append(1) or np.zeros(1))
    assert len(made) == 41
    assert len(seen._made) == look.KEPT


def test_view_shows_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Bench] = []
    monkeypatch.setattr("pellucid.web.serving.server.serve", lambda bench, **how: shown.append(bench))
    network = learnt()
    view(network)
    network["conv1"].weight.data[...] = 0
    assert shown[0].versions.original["conv1"].weight.data.any()


# ---- what nobody waits for


@pytest.mark.parametrize(("name", "words"), [
    ("why", {"method": "occlusion"}), ("would-be", {"class": 6}), ("maps", {"layer": LAST}), ("seen", {"wait": 1}),
])  # fmt: skip
def test_what_nobody_waits_for_ends(bench: Bench, name: str, words: dict[str, Any]) -> None:
    asked = Asked({word: str(value) for word, value in {"image": bench.put(bench.sample(8)), **words}.items()})
    asked.gone.set()
    with pytest.raises(GoneError):
        QUESTIONS[name](bench, asked)
    assert not bench.explaining.locked()


def test_a_browser_that_leaves_ends_what_it_has_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def endless(bench: Bench, asked: Asked) -> Any:
        with contextlib.suppress(AssertionError):
            for _ in range(3000):
                try:
                    asked.go_on()
                except GoneError:
                    ended.set()
                    raise
                time.sleep(0.01)
        return {}

    monkeypatch.setattr(application, "QUESTIONS", [Question("edits", endless)])
    app, leaves = application.application(bench), asyncio.Event()
    scope = {"type": "http", "method": "GET", "path": "/api/edits", "query_string": b"", "headers": []}
    told: list[Any] = []
    came = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if came:
            return came.pop()
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    async def leave() -> None:
        answering = asyncio.create_task(app(scope, receive, send))
        await asyncio.sleep(0.3)
        assert not ended.is_set()
        leaves.set()
        await answering

    asyncio.run(leave())
    assert ended.is_set()
    assert told[0]["status"] == application.GONE


def test_occlusion_tells_how_far_it_is_and_can_be_ended() -> None:
    shares: list[float] = []
    x, network = clock_digits().images[:2], learnt()
    explanations.occlusion(network, x, progress=shares.append)
    assert shares == sorted(shares)
    assert 0 < shares[0] <= 0.5
    assert shares[-1] == 1

    def end(share: float) -> None:
        raise GoneError

    with pytest.raises(GoneError):
        explanations.occlusion(network, x, progress=end)
    with pytest.raises(GoneError):
        explanations.counterfactual(network, x[0], 3, progress=end)
    done: list[int] = []
    for engine in ("compiled", "numpy"):
        p.predict(network, clock_digits().images, batch_size=15, engine=engine, progress=done.append)
    assert done == [15, 30, 40] * 2


def test_progress_is_told_while_an_explanation_is_made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    half, may_go = threading.Event(), threading.Event()

    def slowly(*given: Any, progress: Any, **how: Any) -> Any:
        progress(0.5)
        half.set()
        assert may_go.wait(30)
        return explanations.occlusion(*given, **how)

    monkeypatch.setattr(why, "occlusion", slowly)
    image = bench.put(bench.sample(8))
    with beside(lambda: ask(bench, "why", image=image, method="occlusion")):
        assert half.wait(30)
        assert ask(bench, "progress")[0] == {"done": 0.5}
        may_go.set()


def test_who_orders_maps_by_what_they_add_keeps_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, may_go, library, made = threading.Event(), threading.Event(), look.score_gradients, []

    def slowly(*given: Any, **how: Any) -> Any:
        made.append(1)
        inside.set()
        assert may_go.wait(30)
        return library(*given, **how)

    monkeypatch.setattr(look, "score_gradients", slowly)
    app, image = application.application(bench), bench.put(bench.sample(8))
    address = f"/api/maps?image={image}&layer=conv1"
    with beside(lambda: request(app, f"{address}&order=contribution")) as found:
        assert inside.wait(30)
        assert request(app, address).status == 200
        assert request(app, "/api/edit?what=silence&layer=conv2&out=1", "POST").status == 200
        may_go.set()
    assert found[0].status == 200
    for first in (0, 1):
        ask(bench, "maps", image=image, layer="conv1", order="contribution", first=first)
    assert len(made) == 2, "once for each network, whatever part of it is shown"


# ---- bounds


@pytest.mark.parametrize("sides", [(28, 28), (224, 224), (7, 30), (1, 1), (3, 200)])
@pytest.mark.parametrize("most", [0, 16, 51, 10_000])
def test_a_patch_has_as_many_places_as_there_is_time_for(sides: tuple[int, int], most: int) -> None:
    network = p.Sequential([p.AdaptiveAvgPool2d(1), p.Flatten(), p.Linear(1, 2)], input_shape=(1, *sides))
    stride, places = explanations.occlusion_stride(network, most)
    patch = [max(1, side // 4) for side in sides]
    assert all(1 <= each <= size for each, size in zip(stride, patch, strict=True)), "each pixel is covered"
    least = [-(-(side - size) // size) + 1 for side, size in zip(sides, patch, strict=True)]
    assert places[0] * places[1] <= max(most, 1) or any(
        place == fewest for place, fewest in zip(places, least, strict=True)
    )
    usual, _ = explanations.occlusion_stride(network, 10**9)
    assert usual == tuple(max(1, size // 3) for size in patch)
    assert all(each >= default for each, default in zip(stride, usual, strict=True))


def test_occlusion_of_a_large_network_has_a_bound_and_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    image = bench.put(bench.sample(8))
    told, _ = ask(bench, "why", image=image, method="occlusion")
    assert told["places"] == {"count": [12, 12], "fewer": False}
    monkeypatch.setattr(why, "OCCLUSION_WORK", 30 * bench.work)
    other = bench.put(bench.sample(7))
    told, arrays = ask(bench, "why", image=other, method="occlusion")
    assert told["places"] == {"count": [5, 5], "fewer": True}
    expected = explanations.occlusion(learnt(), bench.sample(7)[None], 7, stride=6)
    np.testing.assert_array_equal(arrays["picture"], expected[0])


# ---- numbers that are none


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_a_network_whose_outputs_are_not_finite_is_not_explained(weight: float) -> None:
    network = learnt()
    network["conv2"].weight.data[0] = weight
    bench = Bench(network, "broken", clock_digits())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told, arrays = ask(bench, "sample", number=3, layers="conv1,conv2,linear1")
        assert not np.isfinite(arrays["output"]).all()
        assert "probabilities" not in arrays
        for order in ("mean", "contribution"):
            ask(bench, "maps", image=told["image"], layer="conv2", order=order)
        ask(bench, "sum", image=told["image"], layer="linear1", index="3")
        for method in ("saliency", "grad_cam", "occlusion"):
            with pytest.raises(
                NonFiniteError, match="the network's outputs for this image are NaN, so there is nothing"
            ):
                ask(bench, "why", image=told["image"], method=method, forgotten=1)
        with pytest.raises(NonFiniteError, match="outputs for this image are not finite"):
            ask(bench, "would-be", image=told["image"], **{"class": 6})


def test_pictures_that_are_not_finite_are_not_compared(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(why, "saliency", lambda network, x, of, **how: np.full((1, 28, 28), np.inf))
    with pytest.raises(NonFiniteError, match="NaN or infinite, so there is nothing to compare"):
        ask(bench, "why", image=bench.put(bench.sample(0)), method="saliency", forgotten=1)


# ---- on the page


def test_the_page_shows_a_large_network_layer_by_layer(
    browser: Any, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pellucid.web.serving.server import Server

    halted = Halted(monkeypatch)
    with Server(bench, say=lambda words: None) as server:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(server.guard.address)
        page.locator('[data-path="conv1"] button.map').first.wait_for()
        assert halted.there.wait(30)
        assert page.locator("#bars li").count() == 0
        assert page.locator("#bars[aria-busy]").count() == 1
        halted.may_go.set()
        page.locator("#bars:not([aria-busy]) li").first.wait_for()
        monkeypatch.setattr(why, "OCCLUSION_WORK", 30 * bench.work)
        page.locator("#tab-why").click()
        page.locator("#why-method").select_option("occlusion")
        page.get_by_text("The patch has 5×5 places, fewer than usual").wait_for()
        monkeypatch.setattr(why, "SEARCH_STEPS", (1, 200))
        monkeypatch.setattr(why, "SEARCH_WORK", 0)
        page.locator("#would-be").click()
        page.get_by_text("Not reached in 1 steps, as many as there is time for in a network of this size").wait_for()
        page.close()


def test_the_page_says_why_nothing_is_explained(browser: Any) -> None:
    from pellucid.web.serving.server import Server

    network = learnt()
    network["conv2"].weight.data[0] = np.nan
    with (
        Server(Bench(network, "broken", clock_digits()), say=lambda words: None) as server,
        contextlib.ExitStack() as end,
    ):
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        end.callback(page.close)
        page.goto(server.guard.address)
        page.locator("#bars li").first.wait_for()
        page.locator("#tab-why").click()
        page.get_by_text("the network's outputs for this image are NaN").first.wait_for()
