"""The worked examples of docs/worked-examples.md, held to exactly; all numbers here were worked out on paper."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import pellucid as p

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "notebook_network.py"
ONE_TO_SIXTEEN = np.arange(1, 17).reshape(1, 1, 4, 4)


# ---- 1. a convolution forward, backward, and one update


FILTERS = np.array([[[[0, 0, 0], [0, 1, 0], [0, -1, 0]]], [[[0, 0, 0], [0, -1, 1], [0, 0, 0]]]])
GRAD_OUTPUT = np.array([[[[-4, -4], [10, 11]], [[1, -7], [1, -11]]]])
GRAD_WEIGHT = [
    [[[104, 117, 130], [156, 169, 182], [208, 221, 234]]],
    [[[-74, -90, -106], [-138, -154, -170], [-202, -218, -234]]],
]


def two_filters(dtype: str = "float32") -> p.Conv2d:
    conv = p.Conv2d(1, 2, 3)
    conv.cast(dtype)
    conv.weight.data = FILTERS
    return conv


def gradient(conv: p.Conv2d, name: str) -> np.ndarray:
    grad = conv.parameters()[name].grad
    assert grad is not None
    return grad


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("x", [ONE_TO_SIXTEEN, ONE_TO_SIXTEEN.astype(np.float64)], ids=["integers", "floats"])
def test_convolution_forward_and_backward(x: np.ndarray, dtype: str) -> None:
    conv = two_filters(dtype)
    y = conv.forward(x)
    grad_input = conv.backward(GRAD_OUTPUT)
    assert_array_equal(y, [[[[-4, -4], [-4, -4]], [[1, 1], [1, 1]]]])
    assert_array_equal(grad_input, [[[[0, 0, 0, 0], [0, -5, 4, -7], [0, 13, 27, -11], [0, -10, -11, 0]]]])
    assert_array_equal(gradient(conv, "weight"), GRAD_WEIGHT)
    assert_array_equal(gradient(conv, "bias"), [13, -16])
    assert {y.dtype, grad_input.dtype, gradient(conv, "weight").dtype} == {np.dtype(dtype)}


def test_update_by_hand() -> None:
    conv = two_filters()
    conv.forward(ONE_TO_SIXTEEN)
    conv.backward(GRAD_OUTPUT)
    for name, parameter in conv.parameters().items():
        parameter.data -= 0.5 * gradient(conv, name)  # halves are exact in float32
    assert_array_equal(conv.weight.data[0, 0], [[-52, -58.5, -65], [-78, 1 - 84.5, -91], [-104, -1 - 110.5, -117]])
    assert_array_equal(conv.weight.data[1, 0], [[37, 45, 53], [69, -1 + 77, 1 + 85], [101, 109, 117]])
    assert_array_equal(conv.parameters()["bias"].data, [-6.5, 8])


# ---- 2. a convolution that keeps the size


def test_convolution_that_keeps_the_size() -> None:
    conv = p.Conv2d(1, 8, 3, padding=1)
    y = conv.forward(np.ones((1, 1, 28, 28)))
    assert p.output_size(28, 3, 1, 1) == 28
    assert y.shape == (1, 8, 28, 28)
    assert conv.backward(y).shape == (1, 1, 28, 28)


# ---- 3. pooling


def test_max_pooling() -> None:
    pool = p.MaxPool2d(2)
    assert_array_equal(pool.forward(ONE_TO_SIXTEEN), [[[[6, 8], [14, 16]]]])
    assert_array_equal(
        pool.backward([[[[1, -1], [2, -2]]]]), [[[[0, 0, 0, 0], [0, 1, 0, -1], [0, 0, 0, 0], [0, 2, 0, -2]]]]
    )


def test_average_pooling() -> None:
    pool = p.AvgPool2d(2)
    assert_array_equal(pool.forward(ONE_TO_SIXTEEN), [[[[3.5, 5.5], [11.5, 13.5]]]])
    quarters = [[0.25, 0.25, -0.25, -0.25]] * 2 + [[0.5, 0.5, -0.5, -0.5]] * 2
    assert_array_equal(pool.backward([[[[1, -1], [2, -2]]]]), [[quarters]])


# ---- 4. flatten, and back


def test_flatten_and_back() -> None:
    x = np.arange(12).reshape(1, 2, 2, 3)
    flatten = p.Flatten()
    features = flatten.forward(x)
    assert_array_equal(features, [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]])
    assert_array_equal(flatten.backward(features), x)


# ---- 5. sizes and numbers of parameters


@pytest.mark.parametrize(
    ("conv", "size", "places", "weights", "parameters"),
    [
        (p.Conv2d(3, 6, 3), 144, 142, 162, 168),
        (p.Conv2d(24, 48, 3), 60, 58, 10_368, 10_416),  # the origin has 31,104 and 31,152: a factor 3 too many
        (p.Conv2d(10, 20, 3, stride=2), 20, 9, 1_800, 1_820),
    ],
    ids=["144", "60", "20"],
)
def test_sizes_and_parameters(conv: p.Conv2d, size: int, places: int, weights: int, parameters: int) -> None:
    assert conv.output_shape((conv.in_channels, size, size)) == (conv.out_channels, places, places)
    assert conv.weight.size == weights
    assert sum(parameter.size for parameter in conv.parameters().values()) == parameters


def test_a_stride_of_two_leaves_the_last_row_and_column_unread() -> None:
    conv = p.Conv2d(10, 20, 3, stride=2)
    x = np.ones((1, 10, 20, 20))
    assert (conv.window.unread(0, 20), conv.window.unread(1, 20)) == ([19], [19])
    grad_input = conv.backward(np.ones_like(conv.forward(x)))
    assert_array_equal(grad_input.any(axis=(0, 1)), np.pad(np.ones((19, 19), bool), ((0, 1), (0, 1))))
    y = conv.forward(x)
    x[:, :, 19, :] = x[:, :, :, 19] = 1000
    assert_array_equal(conv.forward(x), y)


# ---- 6. the origin's network, and what it did not learn


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebook_network", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def weights_of(network: p.Sequential) -> dict[str, np.ndarray]:
    return {path: parameter.data.copy() for path, parameter in network.parameters().items()}


def changed(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    return {path for path in before if before[path].tobytes() != after[path].tobytes()}


def test_with_both_layers_trained_every_array_changes(script: ModuleType) -> None:
    train, _ = p.datasets.digits()
    network = script.notebook_network(train.shape)
    before = weights_of(network)
    script.train_one_epoch(network, train)
    assert changed(before, weights_of(network)) == {"conv1.weight", "conv1.bias", "linear1.weight", "linear1.bias"}


def test_with_the_mistake_the_convolution_stays_to_the_bit(script: ModuleType) -> None:
    train, _ = p.datasets.digits()
    network = script.notebook_network(train.shape)
    before = weights_of(network)
    script.train_one_epoch(network, train, convolution_learns=False)
    assert changed(before, weights_of(network)) == {"linear1.weight", "linear1.bias"}


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "forgotten"])
def test_the_loop_typed_by_hand_learns_the_same(script: ModuleType, applied: bool) -> None:
    """The notebook's own loop, with summed gradients, comes to the weights that `fit` comes to."""
    train, _ = p.datasets.digits()
    train = train.subset(range(1280))  # whole batches: on a shorter one the two rates would differ
    expected = script.notebook_network(train.shape)
    network = script.notebook_network(train.shape)
    script.train_one_epoch(expected, train, convolution_learns=applied)
    learning = [network["conv1"], network["linear1"]] if applied else [network["linear1"]]
    for start in range(0, len(train), 128):
        scores = network.forward(train.images[start : start + 128])
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        grad_output = exponentials / exponentials.sum(axis=1, keepdims=True)
        grad_output[np.arange(128), train.labels[start : start + 128]] -= 1  # of the sum of the losses
        network.backward(grad_output)
        assert np.any(network.parameters()["conv1.weight"].grad), "its gradient is computed in either case"
        for layer in learning:
            for parameter in layer.parameters().values():
                parameter.data -= 0.001 * np.asarray(parameter.grad)
    for path, parameter in network.parameters().items():
        np.testing.assert_allclose(
            parameter.data, expected.parameters()[path].data, rtol=0, atol=1e-6, err_msg=f"{path} differs"
        )


def test_initial_weights_are_the_notebooks(script: ModuleType) -> None:
    weights = weights_of(script.notebook_network())
    assert {path: array.shape for path, array in weights.items()} == {
        "conv1.weight": (8, 1, 3, 3), "conv1.bias": (8,), "linear1.weight": (10, 6272), "linear1.bias": (10,)
    }  # fmt: skip
    assert sum(array.size for array in weights.values()) == 62_810
    assert not weights["conv1.bias"].any()
    assert not weights["linear1.bias"].any()
    # 62,720 draws: their deviation is within 2 % of 0.01 but for one case in 10¹²
    assert weights["linear1.weight"].std() == pytest.approx(0.01, rel=0.02)


def test_script_prints_both_accuracies(data_folder: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--data-dir", str(data_folder), "--limit", "640"]
    result = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "640 training images, one epoch; 640 test images"
    assert re.fullmatch(r"only the linear layer learns: test accuracy \d\d?\.\d\d%", lines[1]), lines[1]
    assert re.fullmatch(r"both layers learn: +test accuracy \d\d?\.\d\d%", lines[2]), lines[2]
