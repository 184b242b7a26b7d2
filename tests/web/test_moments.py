"""Which moments of a training are kept, and the page that looks back at them."""

import math
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.inference.batches import weights
from pellucid.web.bench import Bench
from pellucid.web.learning.course import MOST_POINTS, Course
from pellucid.web.learning.following import Following
from pellucid.web.learning.miniatures import Miniatures, captions, levels, reach_of
from pellucid.web.learning.moments import MOST_BYTES, MOST_MOMENTS, Moment, Moments, affordable, planned
from pellucid.web.learning.past import followed
from pellucid.web.serving.application import application

from .asgi import request
from .parsed import parse


def network(seed: int = 0) -> p.Sequential:
    layers = [p.Conv2d(1, 3, 3), p.ReLU(), p.Flatten(), p.Linear(108, 3)]
    return p.Sequential(layers, input_shape=(1, 8, 8), seed=seed)


@pytest.mark.parametrize("total", [1, 2, 3, 10, 39, 40, 41, 100, 1407, 4690, 100_000, 12_345_678])
@pytest.mark.parametrize("most", [3, 4, 10, MOST_MOMENTS])
def test_moments_are_few_and_evenly_spread(total, most):
    steps = planned(total, most)
    assert steps[0] == 0
    assert steps[-1] == total
    assert list(steps) == sorted(set(steps))
    assert len(steps) <= most
    gaps = [after - before for before, after in pairwise(steps)]
    assert max(gaps[:-1], default=1) <= 2.5 * max(1, total / most) or most < 10
    if most == MOST_MOMENTS and total > 1000:
        assert steps[1:5] == (1, 2, 4, 8)
        assert len(steps) > 30


def test_of_large_networks_few_moments_are_kept_or_none():
    assert affordable(180_000) == MOST_MOMENTS
    assert affordable(MOST_BYTES // 10) == 10
    assert planned(1000, affordable(MOST_BYTES)) == ()


def test_a_moment_is_read_as_it_was_and_a_damaged_one_is_refused(tmp_path):
    moments, made = Moments(tmp_path), network()
    held = {path: each.data for path, each in made.parameters().items()}
    moments.keep(Moment(12, held))
    assert moments.steps() == [12]
    assert [*tmp_path.rglob("*.safetensors")] == [tmp_path / "view" / "step-000012.safetensors"]
    assert all(np.array_equal(held[path], array) for path, array in moments.read(12, made).weights.items())
    other = p.Sequential([p.Flatten(), p.Linear(64, 3)], input_shape=(1, 8, 8))
    with pytest.raises(p.ModelFileError, match="another network"):
        moments.read(12, other)
    with pytest.raises(p.ArgumentError, match="step 13"):
        moments.read(13, made)
    path = tmp_path / "view" / "step-000012.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(p.ModelFileError):
        moments.read(12, made)
    p.save(made, path)
    with pytest.raises(p.ModelFileError, match="moment of a training"):
        moments.read(12, made)
    moments.forget_after(11)
    assert moments.steps() == []


def test_a_byte_tells_a_number_and_where_there_is_none():
    found = levels(np.array([0, 1, -1, 0.5, 9, -9, np.nan, np.inf], np.float32), 1.0)
    assert found.tolist() == [128, 255, 1, 192, 255, 1, 0, 255]
    assert levels(np.zeros(2), 0.0).tolist() == [128, 128]


def test_a_curve_is_thinned_and_keeps_its_means():
    course, losses = Course(10_000, 100), np.random.default_rng(0).random(10_000)
    for step, loss in enumerate(losses, 1):
        course._add((step, loss, float("nan"), 0.1))
    thinned, points = course.points
    assert len(points) <= MOST_POINTS
    assert thinned
    assert points[-1][0] == 10_000
    now, first, rest = course.since(thinned, len(points) - 3)
    assert (now, first, len(rest)) == (thinned, len(points) - 3, 3)
    assert course.since(thinned - 1, 5)[1] == 0  # all of it, since it is another curve now


def test_two_points_that_become_one_are_told_as_their_mean():
    course, losses = Course(10_000, 100), np.random.default_rng(0).random(MOST_POINTS + 1)
    for step, loss in enumerate(losses, 1):
        course._add((step, loss, 1 - loss if step % 3 else float("nan"), step / 10))
    thinned, points = course.points
    assert (thinned, len(points)) == (1, MOST_POINTS // 2 + 1)
    assert points[0] == (2, losses[:2].mean(), 1 - losses[:2].mean(), 0.2)
    assert points[1] == (4, losses[2:4].mean(), 1 - losses[3], 0.4), "what is known of one of the two"
    assert points[-1][:2] == (MOST_POINTS + 1, losses[-1])


@pytest.mark.parametrize(("size", "every"), [(30, 1), (10, 1), (10, 3), (10, 5), (7, 4)])
def test_accuracies_are_those_of_the_running_epoch(size, every):
    """Also where an epoch is a single step, or several pass between two points."""
    course = Course(1000, -(-30 // size))
    told = []

    class Measure(p.Callback):
        sees_weights = False

        def on_batch(self, training):
            if training.step % every == 0:
                course.measure(training)
                told.append(training.tally.correct / training.tally.samples)

        def on_epoch(self, training):
            course.measure(training)

    rng = np.random.default_rng(0)
    data = rng.random((30, 1, 8, 8), np.float32), np.arange(30) % 3
    p.fit(network(), data, epochs=12, batch_size=size, callbacks=[Measure()], engine="numpy", progress=False)
    accuracies = [accuracy for _, _, accuracy, _ in course.points[1]]
    assert len(accuracies) >= 12
    assert np.isfinite(accuracies).all()
    assert all(0 <= each <= 1 for each in accuracies)
    if size == 30:
        np.testing.assert_allclose(accuracies, told)


# ---- the page that looks back


class Asking:
    """A page: what it asks, and what it is answered."""

    def __init__(self, bench: Bench):
        self._app = application(bench)

    def __call__(self, name: str, method: str = "GET", **query: Any) -> tuple[int, dict[str, Any], dict[str, Any]]:
        reply = request(self._app, f"/api/{name}?{urlencode(query)}", method, [("host", "127.0.0.1")])
        if reply.headers["content-type"].startswith("application/json"):
            import json

            return reply.status, json.loads(reply.body), {}
        return reply.status, *parse(reply.body)


@pytest.fixture
def run(tmp_path):
    """A run, whose network learns to tell three images apart."""
    from pellucid.web import Live

    images = np.zeros((30, 1, 8, 8), np.uint8)
    for label in range(3):
        images[label::3, 0, 2 * label : 2 * label + 3] = 255
    data = p.Dataset(images, np.arange(30) % 3, name="bars")
    live = Live(browser=False, say=lambda words: None)
    made = network()
    p.fit(made, data, epochs=6, batch_size=10, callbacks=[live], out=tmp_path / "run", engine="numpy", progress=False)
    live.close()
    return made, data, tmp_path / "run"


def test_the_page_goes_back_to_a_moment(run):
    made, data, folder = run
    bench = Bench(made, "bars", data, "test")
    bench.following = followed(made, folder)
    ask = Asking(bench)
    _, told, arrays = ask("training")
    assert (told["state"], told["step"], told["steps"]) == ("finished", 18, 18)
    assert told["moments"] == Moments(folder).steps()
    assert len(arrays["epochs"]) == 6
    assert arrays["points"][-1, 0] == 18

    image = bench.put(data.images[0])
    status, told, arrays = ask("moment", "POST", step=2, image=image, layers="conv1")
    assert status == 200
    assert told["step"] == 2
    assert bench.versions.step == 2
    early = network()
    for path, array in Moments(folder).read(2, made).weights.items():
        early.parameters()[path].data = array
    np.testing.assert_allclose(arrays["output"], p.predict(early, data.images[:1])[0], rtol=1e-4, atol=1e-6)
    assert arrays["maps conv1"].dtype == np.float32

    status, told, _ = ask("edit", "POST", layer="conv1", out=0)
    assert status == 400
    assert "as it was in training" in told["error"]
    revision = bench.revision
    status, told, arrays = ask("moment", "POST", step="end", image=image)
    assert told["step"] is None
    assert bench.revision > revision
    np.testing.assert_allclose(arrays["output"], p.predict(made, data.images[:1])[0], rtol=1e-4, atol=1e-6)
    for step, status in (("3000", 400), ("now", 400), ("-1", 400), ("x", 400)):
        assert ask("moment", "POST", step=step, image=image)[0] == status
    assert ask("moment", "POST", step="end", image="gone")[0] == 410


def test_who_goes_where_the_page_is_already_changes_nothing(run):
    made, data, folder = run
    bench = Bench(made, "bars", data, "test")
    bench.following = followed(made, folder)
    bench.following.newest = Moments(folder).read(4, made)
    ask, image = Asking(bench), bench.put(data.images[0])
    assert not ask("edition")[1]["chosen"]
    told = [ask("moment", "POST", step="now", image=image)[1] for _ in range(2)]
    assert [(each["revision"], each["step"], each["chosen"]) for each in told] == [(1, 4, False)] * 2
    assert ask("moment", "POST", step=2, image=image)[1]["chosen"]
    told = {"start": bench.versions.start, "revision": 2, "step": 2, "chosen": True, "edited": "", "comparing": False}
    assert ask("edition")[1] == told


def test_all_moments_have_the_colours_of_the_network_as_it_came_out(run):
    made, data, folder = run
    bench = Bench(made, "bars", data, "test")
    bench.following = followed(made, folder)
    ask, image = Asking(bench), bench.put(data.images[0])
    reach = ask("reach", image=image)[1]
    assert set(reach) == set(bench.values)
    assert reach["conv1"] == ask("maps", image=image, layer="conv1")[1]["range"]
    ask("moment", "POST", step=0, image=image)
    assert ask("reach", image=image)[1] == reach
    assert ask("maps", image=image, layer="conv1")[1]["range"] != reach["conv1"]
    newest = Moments(folder).read(0, made)
    bench.following.state, bench.following.newest = "training", newest
    assert ask("reach", image=image)[1]["conv1"] == ask("maps", image=image, layer="conv1")[1]["range"], "so far"


def test_the_page_tells_since_when_the_network_was_right(run):
    made, data, folder = run
    bench = Bench(made, "bars", data, "test")
    bench.following = followed(made, folder)
    ask = Asking(bench)
    moments = Moments(folder)
    for sample in range(3):
        image = bench.put(data.images[sample])
        _, told, arrays = ask("course", image=image, sample=sample)
        assert told["complete"]
        assert told["right"] == sample
        assert told["known"]
        taken = []
        for step in moments.steps():
            for path, array in moments.read(step, made).weights.items():
                made.parameters()[path].data = array
            taken.append(int(p.predict_classes(made, data.images[sample : sample + 1])[0]))
        assert arrays["taken"].tolist() == taken
        assert arrays["steps"].tolist() == moments.steps()
        wrong = [step for step, found in zip(moments.steps(), taken, strict=True) if found != sample]
        later = [step for step in moments.steps() if step > max(wrong, default=-1)]
        assert told["since"] == (later[0] if later else None)
    _, told, _ = ask("course", image=image)
    assert not told["known"]


def test_the_small_pictures_are_of_the_image_and_the_moment_and_mean_the_same_at_all(run, monkeypatch):
    made, data, folder = run
    bench = Bench(made, "bars", data, "test")
    bench.following = followed(made, folder)
    monkeypatch.setattr(
        "pellucid.web.learning.miniatures.lower", None
    )  # which was done once, for all images and moments
    ask, moments = Asking(bench), Moments(folder)
    for sample in (0, 1):
        image, seen = bench.put(data.images[sample]), []
        for step in (2, moments.steps()[-1], "end"):
            ask("moment", "POST", step=step, image=image)
            _, told, arrays = ask("course", image=image, sample=sample, pictures=1)
            assert told["at"] == (18 if step == "end" else step)
            network = bench.network
            maps = p.trace(network, data.images[sample]).values[bench.values["conv1"]]
            reach = float(told["captions"]["small conv1"].split("±")[1])
            levelled = (arrays["small conv1"].astype(float) - 128) / 127 * reach
            np.testing.assert_allclose(levelled, np.clip(maps, -reach, reach), atol=0.006 * reach)
            seen.append(told["captions"])
        assert seen[0] == seen[1] == seen[2]
    assert told["captions"]["filters conv1"].startswith("conv1: 3 kernels 3×3, to ±")
    assert ask("course", image=image)[2].keys() == {"steps", "taken", "share"}, "only where they are asked for"


def test_of_many_filters_so_many_are_shown_as_find_room():
    wide = p.Sequential([p.Conv2d(8, 64, 5), p.Flatten(), p.Linear(64 * 16, 3)], input_shape=(8, 8, 8))
    pictures, _ = Miniatures(wide).of(weights(wide), None)
    assert pictures["filters conv1"].shape == (6, 12, 5, 5)
    words = captions(pictures, reach_of(pictures), wide)["filters conv1"]
    assert words.startswith("conv1: kernels 5×5, the first 12 of 64 filters across, 6 inputs down, to ±")


def test_a_page_is_told_of_a_moment_that_was_kept_and_of_one_that_is_damaged():
    following = Following(network(), Course(10, 5), Moments(), "training")
    before = following.mark()
    following.to_keep.append(Moment(4, weights(network())))
    following._keep()
    assert following.mark() != before
    assert following.kept == {4}


def test_the_list_of_moments_is_changed_and_never_replaced():
    """So that two threads, one that keeps a moment and one that finds another damaged, undo nothing of each other."""
    following = Following(network(), Course(10, 5), Moments(), "training")
    listed, made = following.kept, network()
    for step in (4, 8):
        following.to_keep.append(Moment(step, weights(made)))
        following._keep()
    following.moments.read = lambda step, network: (_ for _ in ()).throw(p.StorageError("damaged"))
    with pytest.raises(p.StorageError):
        following.moment(4, made)
    assert following.kept is listed
    assert listed == {8}


def test_a_curve_that_is_gone_on_with_misses_no_step():
    losses = [1.0, 0.5, 0.25, 0.125, 0.0625]
    tally = SimpleNamespace(samples=20, correct=None)
    training = SimpleNamespace(history=p.History(losses[:4], []), tally=tally, step=4, lr=0.1)
    course = Course(10, 5)
    course.go_on(training)  # as it is heard of after the first step that is done now
    assert [point[:2] for point in course.points[1]] == [(1, 1.0), (2, 0.5), (3, 0.25)]
    training.history, training.step = p.History(losses, []), 5
    course.measure(training)
    assert course.points[1][-1][:2] == (5, (0.125 + 0.0625) / 2)
    assert course.measured(2) == (0.5, pytest.approx(math.nan, nan_ok=True))
    assert course.measured(4)[0] == (0.125 + 0.0625) / 2
    assert math.isnan(course.measured(6)[0])


def test_a_label_that_is_no_class_of_the_network_is_not_known_to_be_right(run):
    made, data, folder = run
    labels = data.labels.copy()
    labels[0] = 3
    bench = Bench(made, "bars", p.Dataset(data.images, labels), "test")
    bench.following = followed(made, folder)
    status, told, _ = Asking(bench)("course", image=bench.put(data.images[0]), sample=0)
    assert (status, told["known"]) == (200, False)


def test_a_network_that_was_not_watched_has_no_moments(run, tmp_path):
    made, data, _ = run
    ask = Asking(Bench(made, "bars", data))
    assert ask("training")[1] == {"state": "unknown"}
    assert ask("course", image="x")[0] == 400
    assert followed(made, tmp_path) is None


# ---- moments that are none, or of another training


def _other_run(folder, **settings):
    from pellucid.web import Live

    rng = np.random.default_rng(1)
    data = rng.integers(0, 256, (30, 1, 8, 8), dtype=np.uint8), np.arange(30) % 3
    live = Live(browser=False, say=lambda words: None)
    told = {"epochs": 6, "batch_size": 10, "out": folder, "engine": "numpy", "progress": False, **settings}
    p.fit(network(), data, callbacks=[live], **told)
    live.close()


def test_moments_of_another_training_are_not_taken_for_this_ones(run, tmp_path):
    """Of the same layers, and of the same weights at first."""
    made, data, folder = run
    _other_run(tmp_path / "other")
    own = Moments(folder).steps()
    for path in (folder / "view").iterdir():
        path.unlink()
    for path in (tmp_path / "other" / "view").iterdir():
        path.rename(folder / "view" / path.name)
    bench = Bench(made, "bars", data, "test")
    bench.following = followed(made, folder)
    ask = Asking(bench)
    _, told, _ = ask("training")
    assert own
    assert told["moments"] == []
    assert told["trouble"] == "the moments are of another training: remove the folder view of the run"
    image = bench.put(data.images[0])
    status, told, _ = ask("moment", "POST", step=2, image=image)
    assert status == 400
    assert "this moment is of another training; remove the folder view" in told["error"]
    assert bench.versions.step is None
    assert ask("course", image=image)[2]["steps"].tolist() == []


def test_a_training_that_is_resumed_knows_its_moments(tmp_path):
    def end(training):
        if training.step == 8:
            training.end(KeyboardInterrupt())

    from pellucid.web import Live

    rng = np.random.default_rng(1)
    data = rng.integers(0, 256, (30, 1, 8, 8), dtype=np.uint8), np.arange(30) % 3
    ending, folder = p.Callback(), tmp_path / "run"
    ending.on_batch = end
    live = Live(browser=False, say=lambda words: None)
    with pytest.raises(KeyboardInterrupt):
        p.fit(network(), data, epochs=6, batch_size=10, out=folder, callbacks=[live, ending], progress=False)
    before = Moments(folder).steps()
    assert 8 in before
    live = Live(browser=False, say=lambda words: None)
    p.resume(folder, data, callbacks=[live], progress=False)
    live.close()
    found = followed(network(), folder)
    assert found.trouble == ""
    assert set(before) <= set(found.kept)
    assert max(found.kept) == 18
    assert {found.moment(step, network()).step for step in found.kept} == found.kept


def test_a_damaged_moment_is_left_out_once_it_is_known(run):
    made, data, folder = run
    path = folder / "view" / "step-000002.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    bench = Bench(made, "bars", data, "test")
    bench.following = followed(made, folder)
    ask = Asking(bench)
    assert 2 in ask("training")[1]["moments"]
    assert ask("moment", "POST", step=2, image=bench.put(data.images[0]))[0] == 400
    assert bench.versions.step is None
    assert ask("training")[1]["moments"] == [step for step in Moments(folder).steps() if step != 2]
