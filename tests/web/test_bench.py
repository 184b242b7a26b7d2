"""What the bench keeps, and for how long; curves, pictures and controls beside it."""

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")

from pellucid.web.answers import seeing
from pellucid.web.bench import Bench
from pellucid.web.learning.controls import Controls
from pellucid.web.learning.course import MOST_POINTS, Course
from pellucid.web.learning.miniatures import Reach, farther, reach_of
from pellucid.web.looking.images import IMAGES

from .learnt import ask


def small(**how: int) -> p.Sequential:
    return p.Sequential([p.Conv2d(1, 2, 3), p.Flatten(), p.Linear(18, 3)], input_shape=(1, 5, 5), **how)


def filled(number: int) -> np.ndarray:
    return np.full((1, 5, 5), number, np.uint8)


@pytest.fixture
def bench() -> Bench:
    return Bench(small(seed=1), "small")


@pytest.mark.parametrize("again", ["put", "image"])
def test_images_that_were_put_or_looked_at_last_are_kept(bench: Bench, again: str) -> None:
    first, second = bench.put(filled(0)), bench.put(filled(1))
    for number in range(2, IMAGES):
        bench.put(filled(number))
    bench.put(filled(0)) if again == "put" else bench.image(first)
    bench.put(filled(IMAGES))
    assert bench.image(first)[0, 0, 0] == 0
    with pytest.raises(p.errors.ArgumentError, match="not here any more"):
        bench.image(second)


def test_a_pen_pushes_out_nothing_that_is_looked_at_and_what_it_has_passed_is_still_known(monkeypatch) -> None:
    bench = Bench(small(seed=1), "small")
    first = bench.put(filled(0))
    passed = [bench.put(filled(number), passing=True) for number in range(1, 2 * IMAGES)]
    assert [bench.image(name)[0, 0, 0] for name in (first, passed[0])] == [0, 1]
    assert bench.put(filled(0), passing=True) == first
    monkeypatch.setattr("pellucid.web.looking.images.STROKES", 0)
    bench.put(filled(250), passing=True)
    assert len(bench.images._strokes) == IMAGES
    with pytest.raises(p.errors.ArgumentError, match="not here any more"):
        bench.image(passed[1])


def test_few_looks_are_kept(bench: Bench) -> None:
    names = [bench.put(filled(number)) for number in range(40)]
    looks = [bench.look(name) for name in names]
    assert bench.look(names[-1]) is looks[-1]
    assert bench.look(names[0]) is not looks[0]
    assert len(bench._looks) == 16


def test_edits_are_let_go_of_when_a_training_has_come_to_other_weights(bench: Bench) -> None:
    bench.versions.edits.silence("conv1", 0)
    bench.versions.show_edited()
    revision, other = bench.revision, small(seed=9)
    bench.renew(other)
    assert bench.versions.edits.done == []
    assert bench.versions.edits.digest() == ""
    assert bench.revision > revision
    assert bench.versions.step is None
    np.testing.assert_array_equal(bench.network["conv1"].weight.data, other["conv1"].weight.data)


def test_edits_have_a_name_of_their_own(bench: Bench) -> None:
    def digest(*edits: tuple[str, int]) -> str:
        bench.versions.edits.reset()
        for path, out in edits:
            bench.versions.edits.silence(path, out)
        return bench.versions.edits.digest()

    names = [digest(), digest(("conv1", 0)), digest(("conv1", 1)), digest(("conv1", 0), ("linear1", 2))]
    assert len(set(names)) == 4
    assert digest(("conv1", 1)) == names[2]
    bench.versions.edits.bias("linear1", 0, 1.5)
    one = bench.versions.edits.digest()
    bench.versions.edits.bias("linear1", 0, 2.5)
    assert bench.versions.edits.digest() != one


def test_maps_that_are_too_many_do_not_come_with_an_image(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    image = bench.put(filled(7))
    assert "maps conv1" in ask(bench, "seen", image=image, layers="conv1")[1]
    monkeypatch.setattr(seeing, "DRAWN_FLOATS", 17)
    assert "maps conv1" not in ask(bench, "seen", image=image, layers="conv1")[1]


def test_maps_that_are_0_everywhere_are_counted(bench: Bench) -> None:
    bench.versions.edits.silence("conv1", 1)
    bench.versions.show_edited()
    image = bench.put(filled(7))
    assert ask(bench, "maps", image=image, layer="conv1")[0]["dead"].startswith("1 of ")
    assert ask(bench, "seen", image=image, layers="conv1")[0]["dead"]["conv1"].startswith("1 of ")


def test_points_that_are_thinned_become_the_means_of_two() -> None:
    course = Course(5000, 100)
    for step in range(MOST_POINTS + 1):
        course._add((step, float(step), 0.5 * (step % 2), 0.1))
    thinned, points = course.points
    assert thinned == 1
    assert len(points) == MOST_POINTS // 2 + 1
    assert points[0] == (1, 0.5, 0.25, 0.1)
    assert points[-1] == (MOST_POINTS, float(MOST_POINTS), 0.0, 0.1)


def test_the_range_of_a_picture_never_shrinks() -> None:
    reach: Reach = {}
    for size in (1.0, 4.0, 2.0):
        reach = farther(reach, reach_of({"filters conv1": np.full(3, size)}))
    assert reach == {"filters conv1": 4.0}


def test_the_first_step_that_is_asked_for_holds_a_training_that_goes_on() -> None:
    controls, looks = Controls(), []
    controls.step()  # while it goes on: it is to hold where it is

    def over() -> bool:
        looks.append(controls.held)
        return len(looks) == 3

    assert controls.hold(over)
    assert looks == [False, True, True]


def test_a_dense_layer_reads_maps_that_a_reshape_has_made() -> None:
    network = p.Sequential(
        [p.Flatten(), p.Linear(25, 18), p.Reshape((2, 3, 3)), p.Flatten(), p.Linear(18, 3)], input_shape=(1, 5, 5)
    )
    found = p.trace(network, filled(3))
    assert found.sum("linear2", (0,)).details["map"]["shape"] == [2, 3, 3]


def test_a_trace_has_a_copy_of_its_image() -> None:
    image = filled(3)
    found = p.trace(small(), image)
    image[...] = 200
    assert found.values[found.program.input].max() == 3
