"""What the bench keeps and lets go of, and how much of it an answer brings."""

from typing import Any

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")

from pellucid.web import answers
from pellucid.web import bench as benches
from pellucid.web.bench import Bench, UnknownImageError
from pellucid.web.miniatures import Miniatures

from .conftest import clock_digits
from .learnt import ask, learnt


@pytest.fixture
def bench() -> Bench:
    return Bench(learnt(), "learnt", clock_digits())


def test_images_that_come_again_are_kept_as_new_ones(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "IMAGES", 3)
    first, second, third = (bench.put(bench.sample(number)) for number in range(3))
    assert bench.put(bench.sample(0)) == first
    fourth = bench.put(bench.sample(3))
    with pytest.raises(UnknownImageError):
        bench.image(second)
    for name, number in ((first, 0), (third, 2), (fourth, 3)):
        np.testing.assert_array_equal(bench.image(name), bench.sample(number))


def test_looks_that_are_kept_are_few_and_the_newest(bench: Bench) -> None:
    names = [bench.put(bench.sample(number)) for number in range(40)]
    looks = [bench.look(name) for name in names]
    assert bench.look(names[-1]) is looks[-1]
    assert bench.look(names[-2]) is looks[-2]
    assert len(bench._looks) <= 16
    assert bench.look(names[0]) is not looks[0]


def test_an_answer_brings_no_more_maps_than_fit_into_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    image, layers = bench.put(bench.sample(0)), "conv1,relu1,conv2"
    _, arrays = ask(bench, "seen", image=image, layers=layers)
    assert {"maps conv1", "maps relu1", "maps conv2"} <= set(arrays)
    monkeypatch.setattr(answers, "DRAWN_FLOATS", arrays["maps conv1"].size + 1)
    told, arrays = ask(bench, "seen", image=image, layers=layers)
    assert [name for name in arrays if name.startswith("maps")] == ["maps conv1"]
    assert list(told["ranges"]) == ["conv1"]


def test_maps_that_are_0_everywhere_are_counted(bench: Bench) -> None:
    image = bench.put(bench.sample(0))
    inside = p.activations(learnt(), bench.sample(0)[None])["relu1"][0]
    dead = int(np.sum(~inside.any(axis=(1, 2))))
    assert ask(bench, "maps", image=image, layer="relu1")[0]["dead"] == dead
    alive = [number for number, each in enumerate(inside) if each.any()]
    for count, out in enumerate(alive[:2], 1):
        ask(bench, "edit", what="silence", layer="conv1", out=out)
        assert ask(bench, "maps", image=image, layer="relu1")[0]["dead"] == dead + count


def test_colours_of_small_pictures_reach_as_far_as_they_ever_did() -> None:
    network = p.Sequential([p.Conv2d(1, 2, 3), p.Flatten(), p.Linear(72, 3)], input_shape=(1, 8, 8))
    weights: dict[str, Any] = {path: np.array(each.data) for path, each in network.parameters().items()}
    image = np.full((1, 8, 8), 200, np.uint8)
    pictures = Miniatures(network)
    pictures.of(weights, image)
    before = dict(pictures.reach)
    small = {path: each / 4 for path, each in weights.items()}
    arrays, _ = pictures.of(small, image)
    assert pictures.reach == before
    assert np.abs(arrays["filters conv1"].astype(int) - 128).max() <= 127 // 4 + 2
    pictures.of({path: 4 * each for path, each in weights.items()}, image)
    assert all(pictures.reach[name] > before[name] > 0 for name in before)
