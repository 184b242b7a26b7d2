"""Explanations of the page: they are the library's, of the network as it is now, and nobody waits for them."""

import re
import threading

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")

from pellucid import explanations
from pellucid.errors import ArgumentError, ShapeError
from pellucid.web.answers import why
from pellucid.web.bench import Bench
from pellucid.web.looking.images import UnknownImageError
from pellucid.web.serving.application import application
from pellucid.web.words.why import HONEST, forgotten, how_large

from .asgi import request
from .conftest import clock_digits, every_family
from .learnt import ask, learnt
from .parsed import parse

LIBRARY = {
    "saliency": explanations.saliency, "grad_cam": explanations.grad_cam, "occlusion": explanations.occlusion,
}  # fmt: skip


@pytest.fixture
def bench() -> Bench:
    return Bench(learnt(), "learnt", clock_digits(), "test")


def test_what_can_be_asked(bench):
    told, _ = ask(bench, "methods")
    assert told["methods"] == [["saliency", "Saliency"], ["grad_cam", "Grad-CAM"], ["occlusion", "Occlusion"]]
    assert told["patches"] == [[3, "3×3"], [7, "7×7"], [9, "9×9"], [14, "14×14"]]
    assert told["patch"] == 7
    assert told["forgotten"] == [
        "nothing is forgotten; 4 layers have learnt something", "forgotten, from the output on: linear1 (1 of 4)",
        "forgotten, from the output on: linear1, conv2 (2 of 4)",
        "forgotten, from the output on: linear1, conv2, norm1 (3 of 4)",
        "forgotten, from the output on: linear1, conv2, norm1, conv1 (4 of 4)",
    ]  # fmt: skip
    assert told["forgetting"] == ["linear1", "conv2", "norm1", "conv1"]
    assert told["seeks"]


def test_networks_without_classes_or_maps_are_asked_less():
    features = p.Sequential([p.Linear(4, 3)], input_shape=(4,))
    assert ask(Bench(features, "features"), "methods")[0] == {
        "methods": [["saliency", "Saliency"]], "forgetting": ["linear1"], "seeks": True, "words": HONEST,
        "patches": [], "patch": None, "forgotten": forgotten(["linear1"]),
    }  # fmt: skip
    one = p.Sequential([p.Flatten(), p.Linear(16, 1)], input_shape=(1, 4, 4))
    assert ask(Bench(one, "one output"), "methods")[0]["seeks"] is False
    maps = p.Sequential([p.Conv2d(1, 2, 3)], input_shape=(1, 8, 8))
    assert ask(Bench(maps, "maps"), "methods")[0]["methods"] == []


def test_it_is_said_what_a_picture_shows(bench):
    image = bench.put(bench.sample(8))

    def said(**words):
        return ask(bench, "why", image=image, **words)[0]["words"]

    layer = explanations.grad_cam_layer(bench.network)
    assert "the size of its gradient" in said(method="saliency")
    assert f"the maps of {layer} speak for the class" in said(method="grad_cam")
    assert re.search(r": \d+×\d+ numbers, each in the middle of the \d+×\d+ pixels", said(method="grad_cam"))
    covered = said(method="occlusion", measure="score", patch=3)
    assert covered.startswith("How much the class’s score falls where a patch of 3×3 pixels")
    assert "No patch matters" not in covered


@pytest.mark.parametrize("method", LIBRARY)
@pytest.mark.parametrize("of", [None, 4])
def test_pictures_are_the_librarys(bench, method, of):
    image, x = bench.put(bench.sample(8)), bench.sample(8)[None]
    words = {} if of is None else {"class": of}
    told, arrays = ask(bench, "why", image=image, method=method, **words)
    expected = LIBRARY[method](learnt(), x, of)[0]
    np.testing.assert_array_equal(arrays["picture"], expected)
    assert told["class"] == (8 if of is None else of)
    assert told["range"] == pytest.approx(np.percentile(np.abs(expected), 99.5), rel=1e-6)
    assert told["agreement"] == 1


@pytest.mark.parametrize("method", LIBRARY)
def test_a_class_is_explained_against_another(bench, method):
    image, x = bench.put(bench.sample(8)), bench.sample(8)[None]
    alone, _ = ask(bench, "why", image=image, method=method)
    told, arrays = ask(bench, "why", image=image, method=method, against=3)
    expected = LIBRARY[method](learnt(), x, 8, against=3)[0]
    np.testing.assert_array_equal(arrays["picture"], expected)
    assert not np.array_equal(expected, LIBRARY[method](learnt(), x, 8)[0])
    assert ("8 rather than 3" if method == "grad_cam" else " of 8 less that of 3 ") in told["words"]
    assert "rather" not in alone["words"]
    told, arrays = ask(bench, "why", image=image, method=method, against=3, forgotten=1)
    other = LIBRARY[method](explanations.randomised(learnt(), 1), x, 8, against=3)[0]
    np.testing.assert_array_equal(arrays["picture"], other)


def test_a_class_is_not_explained_against_itself(bench):
    """As where the next image is seen as the class that was chosen for the last one."""
    image = bench.put(bench.sample(8))
    told, arrays = ask(bench, "why", image=image, method="saliency", **{"class": 3}, against=3)
    alone = ask(bench, "why", image=image, method="saliency", **{"class": 3})
    assert told == alone[0]
    assert (arrays["picture"] == alone[1]["picture"]).all()


@pytest.mark.parametrize("method", LIBRARY)
@pytest.mark.parametrize("forgotten", [1, 4])
def test_a_network_that_forgets_has_another_picture(bench, method, forgotten):
    image, x = bench.put(bench.sample(8)), bench.sample(8)[None]
    told, arrays = ask(bench, "why", image=image, method=method, forgotten=forgotten)
    learnt_picture = LIBRARY[method](learnt(), x, 8)[0]
    expected = LIBRARY[method](explanations.randomised(learnt(), forgotten), x, 8)[0]
    np.testing.assert_array_equal(arrays["picture"], expected)
    assert not np.allclose(expected, learnt_picture, rtol=0.1)
    assert told["agreement"] == pytest.approx(explanations.rank_correlation(learnt_picture, expected))
    assert told["agreement"] < 0.9


def test_pictures_that_are_the_same_everywhere_agree_with_nothing():
    network = learnt()
    network["conv1"].weight.data[...] = 0
    bench = Bench(network, "blind", clock_digits())
    told, arrays = ask(bench, "why", image=bench.put(bench.sample(0)), method="saliency", forgotten=1)
    assert not arrays["picture"].any()
    assert told["agreement"] is None


def test_an_edited_network_is_explained_as_it_is_now(bench):
    image, x = bench.put(bench.sample(8)), bench.sample(8)[None]
    ask(bench, "why", image=image, method="saliency")
    ask(bench, "edit", what="silence", layer="conv2", out=1)
    told, arrays = ask(bench, "why", image=image, method="saliency", **{"class": 8})
    assert told["revision"] == 1
    np.testing.assert_array_equal(arrays["picture"], explanations.saliency(bench.network, x, 8)[0])
    assert not np.array_equal(arrays["picture"], explanations.saliency(learnt(), x, 8)[0])


def test_graphs_and_all_kinds_of_layers_are_explained():
    bench = Bench(every_family(), "every family", clock_digits())
    image = bench.put(bench.sample(5))
    for method, _ in ask(bench, "methods")[0]["methods"]:
        _, arrays = ask(bench, "why", image=image, method=method, forgotten=2)
        assert np.isfinite(arrays["picture"]).all()


def test_what_cannot_be_explained_is_refused(bench):
    image = bench.put(bench.sample(0))
    with pytest.raises(ArgumentError, match="class: expected a whole number from 0 to 9, received '10'"):
        ask(bench, "why", image=image, method="saliency", **{"class": 10})
    with pytest.raises(ArgumentError, match="forgotten: expected a whole number from 0 to 4, received '5'"):
        ask(bench, "why", image=image, method="saliency", forgotten=5)
    with pytest.raises(UnknownImageError):
        ask(bench, "why", image="nothing", method="saliency")
    maps = Bench(p.Sequential([p.Conv2d(1, 2, 3)], input_shape=(1, 8, 8)), "maps")
    with pytest.raises(ShapeError, match="a score for each class is needed"):
        ask(maps, "why", image=maps.put(np.zeros((1, 8, 8), np.uint8)), method="saliency")


def test_occlusion_measures_what_is_asked_for_with_the_patch_that_is_asked_for(bench):
    image, x = bench.put(bench.sample(8)), bench.sample(8)[None]
    for words in ({}, {"measure": "score"}, {"measure": "score", "patch": 4}, {"patch": 28}):
        told, arrays = ask(bench, "why", image=image, method="occlusion", **words)
        size, measure = words.get("patch", 7), words.get("measure", "probability")
        expected = explanations.occlusion(learnt(), x, size=size, measure=measure)[0]
        np.testing.assert_array_equal(arrays["picture"], expected)
        assert (told["patch"], told["measure"]) == ([size, size], measure)
    with pytest.raises(ArgumentError, match="measure: expected one of probability, score"):
        ask(bench, "why", image=image, method="occlusion", measure="loss")
    with pytest.raises(ArgumentError, match="patch: expected a whole number from 0 to 28"):
        ask(bench, "why", image=image, method="occlusion", patch=29)


def test_it_is_told_where_the_places_of_grad_cam_lie_and_how_much_a_picture_agrees_with_the_image(bench):
    image, x = bench.put(bench.sample(8)), bench.sample(8)
    told, arrays = ask(bench, "why", image=image, method="grad_cam")
    field = explanations.field_of_layer(bench.network, "relu2")
    assert told["field"] == {name: list(pair) for name, pair in vars(field).items()}
    contrast = np.abs(x[0] - np.median(x[0])).ravel()
    cam = explanations.over_image(bench.network, "relu2", arrays["picture"][None])[0]
    assert told["contrast"] == pytest.approx(explanations.rank_correlation(contrast, cam.ravel()), abs=1e-6)
    told, arrays = ask(bench, "why", image=image, method="saliency")
    assert told["contrast"] == pytest.approx(explanations.rank_correlation(contrast, arrays["picture"].ravel()))
    assert "field" not in told


def test_what_was_searched_for_a_network_that_has_changed_since_says_so(bench, monkeypatch):
    image = bench.put(bench.sample(8))
    assert not ask(bench, "would-be", image=image, **{"class": 6})[0]["changed"]
    search = why.counterfactual

    def edited_meanwhile(*given, **how):
        bench.versions.edits.silence("conv2", 0)
        bench.versions.show_edited()
        return search(*given, **how)

    monkeypatch.setattr(why, "counterfactual", edited_meanwhile)
    assert ask(bench, "would-be", image=image, **{"class": 6})[0]["changed"]


# ---- what would make it another


def test_another_class_is_reached_and_can_be_looked_at(bench):
    image = bench.put(bench.sample(8))
    told, arrays = ask(bench, "would-be", image=image, layers="conv1", **{"class": 6})
    assert told["reached"]
    assert told["from"] == image
    assert told["wanted"] == 6
    found = explanations.counterfactual(learnt(), bench.sample(8), 6)
    np.testing.assert_array_equal(arrays["image"], found.image)
    np.testing.assert_array_equal(arrays["was"], bench.image(image))
    np.testing.assert_allclose(arrays["course"], found.probabilities, rtol=1e-6)
    assert told["steps"] == len(found.probabilities) - 1
    apart = found.image.astype(float) - bench.sample(8)
    np.testing.assert_array_equal(arrays["difference"], apart[0])
    assert told["largest"] == np.abs(apart).max()
    assert told["words"].startswith(f"Reached in {told['steps']} steps: 6 goes from ")
    assert told["words"].endswith(f"; {np.count_nonzero(apart)} of 784 pixels changed.")
    _, arrays = ask(bench, "seen", image=told["image"])
    assert arrays["output"].argmax() == 6
    assert p.predict_classes(learnt(), arrays["image"][None])[0] == 6
    _, arrays = ask(bench, "seen", image=image)
    assert arrays["output"].argmax() == 8, "and back"


@pytest.mark.parametrize(
    ("reached", "by", "words"),
    [
        (True, 2.55, "Little suffices, which is worth knowing: a pixel changes by 1.0 % of black to white on average"),
        (True, 12.75, "It takes some: a pixel changes by 5.0 % of"),
        (True, 127.5, "It takes much: a pixel changes by 50 % of"),
        (False, 2.55, "Not even this was enough: a pixel changes by 1.0 % of"),
        (True, 0.1, "Little suffices, which is worth knowing: a pixel changes by < 0.1 % of"),
    ],
)
def test_it_is_said_how_large_a_change_is(reached, by, words):
    assert how_large(reached, np.full((1, 2, 2), -by), np.zeros((1, 2, 2), np.uint8)).startswith(words)
    floats = np.array([[[-1.0, 1.0]]])
    assert how_large(reached, np.full((1, 1, 2), by * 2 / 255), floats).startswith(words)


def test_a_search_in_a_large_network_takes_fewer_steps(bench, monkeypatch):
    taken = []
    monkeypatch.setattr(
        why,
        "counterfactual",
        lambda *given, steps, progress: taken.append(steps) or explanations.counterfactual(*given, steps=1),
    )
    image = bench.put(bench.sample(8))
    for multiply_adds in (300_000, 2_000_000_000, 15_000_000_000):
        bench.__dict__["work"] = multiply_adds
        told, _ = ask(bench, "would-be", image=image, **{"class": 6})
        assert told["most"] == taken[-1]
        assert told["fewer"] == (taken[-1] < 200)
    assert taken == [200, 50, 10]


@pytest.mark.parametrize(("name", "slow"), [("why", "saliency"), ("would-be", "counterfactual")])
def test_nobody_waits_for_an_explanation(bench, monkeypatch, name, slow):
    """While one is made, maps are answered and the network is edited; the explanation is of the network as it was."""
    inside, may_go, done, library = threading.Event(), threading.Event(), [], getattr(why, slow)

    def slowly(*given, **how):
        inside.set()
        assert may_go.wait(30)
        return library(*given, **how)

    monkeypatch.setattr(why, slow, slowly)
    app, image = application(bench), bench.put(bench.sample(8))
    address = f"/api/{name}?image={image}&method=saliency&class=6"
    method = "GET" if name == "why" else "POST"
    thread = threading.Thread(target=lambda: done.append(request(app, address, method)))
    thread.start()
    assert inside.wait(30)
    assert parse(request(app, f"/api/maps?image={image}&layer=conv1").body)[0]["total"] == 4
    assert request(app, "/api/edit?what=silence&layer=conv2&out=1", "POST").status == 200
    may_go.set()
    thread.join(30)
    _, arrays = parse(done[0].body)
    if name == "why":
        np.testing.assert_array_equal(arrays["picture"], explanations.saliency(learnt(), bench.sample(8)[None], 6)[0])
    else:
        np.testing.assert_array_equal(arrays["image"], explanations.counterfactual(learnt(), bench.sample(8), 6).image)
