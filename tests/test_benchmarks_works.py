"""What the benchmarks compute: the same in every layout, precision and recipe. No test here looks at a clock."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p

sys.path.append(str(Path(__file__).parents[1]))  # `pytest` by itself does not look for packages in the project's folder

from benchmarks.harness import difference
from benchmarks.peers import Base, peer
from benchmarks.peers.pellucid import recipe_network
from benchmarks.problem import ConvolutionProblem, Pictures, Problem, channels_last
from benchmarks.recipes import LENET, RECIPES, multiply_adds
from benchmarks.works import Layer, Process, Training, WholeTraining


def test_lenet_here_is_lenet_there() -> None:
    problem, network = Problem.drawn(4), p.models.lenet()
    assert {name: array.shape for name, array in problem.weights.items()} == {
        name: parameter.data.shape for name, parameter in network.parameters().items()
    }
    assert multiply_adds(LENET, training=False) == 281_640


def test_weights_for_channels_last_give_the_same_outputs() -> None:
    problem = Problem.drawn(2)
    weights, image = channels_last(problem.weights), np.arange(256.0).reshape(16, 4, 4)
    assert weights["conv2.weight"][1, 2, 3, 4] == problem.weights["conv2.weight"][4, 3, 1, 2]
    np.testing.assert_allclose(
        image.transpose(1, 2, 0).ravel() @ weights["linear1.weight"],
        problem.weights["linear1.weight"] @ image.ravel(), rtol=1e-4,
    )  # fmt: skip


def test_problems_and_pictures_survive_their_files(tmp_path: Path) -> None:
    problem = Problem.drawn(3)
    problem.write(tmp_path / "problem.npz")
    found = Problem.read(tmp_path / "problem.npz")
    assert list(found.weights) == list(problem.weights)
    np.testing.assert_array_equal(found.images, problem.images)
    Pictures(*[np.arange(each) for each in (3, 3, 2, 2)]).write(tmp_path / "pictures.npz")
    np.testing.assert_array_equal(Pictures.read(tmp_path / "pictures.npz").test_images, [0, 1])


def numpy_peer(dtype: str = "float32") -> Base:
    return peer("pellucid", {"threads": 1, "engine": "numpy", "dtype": dtype})


def test_losses_in_float32_are_those_in_float64(tmp_path: Path) -> None:
    Problem.drawn(64).write(tmp_path / "problem.npz")
    task = {"problem": tmp_path / "problem.npz", "batch_size": 16, "steps": 3, "seconds": 0}
    expected, found = (Training(numpy_peer(dtype), task).facts["numbers"] for dtype in ("float64", "float32"))
    assert len(found["losses"]) == 3
    assert difference(expected, found) < 1e-5


def test_a_work_is_measured_only_where_the_task_says_for_how_long() -> None:
    task = {"convolution": {"samples": 1, "channels": 2, "size": 4, "filters": 2, "kernel": 3}, "backward": True}
    measured = Layer(numpy_peer(), {**task, "seconds": 0.001})
    assert measured.facts["numbers"].keys() == {"grad_input", "grad_weight"}
    assert measured.repeat(0).keys() == {"seconds", "calls", "wall", "own", "others"}
    with pytest.raises(ValueError, match="no seconds"):
        Layer(numpy_peer(), {**task, "seconds": 0}).repeat(0)


def test_the_arithmetic_of_a_convolution_counts_each_group_by_itself() -> None:
    assert ConvolutionProblem(16, 64, 56, 64, 3, padding=1).multiply_adds == 16 * 56 * 56 * 64 * 64 * 9
    assert ConvolutionProblem(16, 144, 56, 144, 3, padding=1, groups=144).multiply_adds == 16 * 56 * 56 * 144 * 9


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_train(name: str, tmp_path: Path, capsys: Any) -> None:
    problem = Problem.drawn(128)
    path = tmp_path / "pictures.npz"
    Pictures(problem.images, problem.labels, problem.images[:32], problem.labels[:32]).write(path)
    found = WholeTraining(numpy_peer(), {"data": path, "recipe": name}).repeat(7)
    assert 0 <= found["accuracy"] <= 1
    assert found["seed"] == 7


def test_the_recipes_learning_rate_is_ours() -> None:
    schedule = p.schedules.LinearCycle(0.1, 0.2)
    recipe = RECIPES["mnist-99"]
    assert [recipe.lr_at(step, 13) for step in range(13)] == pytest.approx(
        [recipe.lr * schedule(step, 13, 13) for step in range(13)]
    )
    assert RECIPES["epoch"].lr_at(5, 10) == 1e-3


def test_the_recipe_of_99_percent_has_normalisation_of_images_and_features() -> None:
    network = recipe_network(RECIPES["mnist-99"], seed=0)
    assert [name for name in network.parameters() if name.endswith("norm3.weight")]
    assert network.output_shape() == (10,)


def test_processes_are_timed_as_a_whole_or_by_themselves(tmp_path: Path) -> None:
    def process(code: str) -> Process:
        settings = {"threads": 1, "python": sys.executable, "code": code, "needs": "numpy"}
        return Process(peer("process", settings), {"bytecode": tmp_path})

    found = process("print('seconds 1.5')").repeat(0)
    assert found["seconds"] == 1.5
    assert found["memory"] > 1_000_000
    whole = process("print('progress 7')").repeat(0)
    assert whole["seconds"] == whole["wall"]
    with pytest.raises(ModuleNotFoundError):
        peer("process", {"threads": 1, "python": sys.executable, "code": "", "needs": "no-such-distribution"})
