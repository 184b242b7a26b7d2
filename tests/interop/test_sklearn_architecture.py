"""What `architecture=` takes, and how it says what it does not: layers that have learnt, functions, foreign modules."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import pellucid as p
from oracles.estimators import data, quick
from pellucid.interop.sklearn.architecture import make_network


class Module:
    """Looks as one of PyTorch does: it can be called with anything."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        pass


def lacking(num_classes: int) -> None:
    pass


def without_options(num_classes: int, input_shape: tuple[int, ...]) -> None:
    pass


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (lacking, r"f\(num_classes, input_shape, \*\*options\).*received lacking\(num_classes"),
        (without_options, r"received without_options.*'seed'; the options are seed, scaling, class_names"),
        (Module(), r"received a module of PyTorch.*return p\.load_onnx\(…\) from a function"),
        (p.Sequential([p.Linear(3, 2)], input_shape=(3,)), r"; pass list\(network\), .*or a function that returns it"),
        (p.ReLU(), "received ReLU"),
        (
            [p.Conv2d(1, 8, 3), p.Flatten(), p.Linear(288, 2)],
            r"^architecture: conv1 .*say image_shape=\(height, width\)",
        ),
    ],
)
def test_what_makes_no_network_is_refused_with_the_way_to_one(architecture: Any, message: str) -> None:
    with pytest.raises((p.ArgumentError, p.ShapeError), match=message):
        quick(architecture=architecture).fit(*data())


def test_an_error_within_a_function_is_its_own() -> None:
    def failing(num_classes: int, input_shape: tuple[int, ...], **options: Any) -> None:
        raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        quick(architecture=failing).fit(*data())


def test_layers_that_have_learnt_get_inputs_as_they_are() -> None:
    """Their weights are of such inputs; fresh ones, looked at or not, get them scaled."""
    x, y = data()
    x = 100 + 20 * x.astype(np.float32)
    network = p.Sequential([p.Linear(3, 16), p.ReLU(), p.Linear(16, 2)], input_shape=(3,))
    looked_at = [p.Linear(3, 2)]
    looked_at[0].weight.data.sum()
    for fresh in ([p.Linear(3, 2)], list(network), looked_at):
        assert quick(epochs=1, architecture=fresh).fit(x, y).network_.scaling.means != (0.0,)
    p.fit(network, (x / 100, y), epochs=5, batch_size=8)
    known = quick(epochs=1, lr=1e-12, architecture=list(network)).fit(x / 100, y)
    assert known.network_.scaling == p.Scaling()
    assert_array_equal(known.predict(x / 100), p.predict_classes(network, x / 100))


def test_options_of_a_network_of_layers_are_kept() -> None:
    made = make_network([p.Linear(3, 2)], 2, (3,), seed=5, scaling=p.Scaling(2.0), class_names=["a", "b"])
    assert (made.seed, made.scaling.means, made.class_names) == (5, (2.0,), ("a", "b"))


def test_of_a_pipeline_the_network_is_named() -> None:
    pipeline = make_pipeline(MinMaxScaler(), quick(epochs=1)).fit(*data())
    with pytest.raises(p.ArgumentError, match=r"; of a pipeline pass pipeline\[-1\]\.network_, which takes what"):
        p.save_onnx(pipeline, "network.onnx")
    with pytest.raises(p.ArgumentError, match=r"received Pipeline(?!.*; of)"):
        p.save_onnx(make_pipeline(MinMaxScaler()), "network.onnx")
