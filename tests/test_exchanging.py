"""A layer of a network is exchanged for another: a new last layer for other classes, in a Sequential and in a Graph."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import pellucid as p
from pellucid import joins


def sequential(**options: Any) -> p.Sequential:
    layers = [p.Conv2d(1, 4, 3), p.Sequential([p.ReLU(), p.Flatten()]), ("head", p.Linear(144, 3))]
    return p.Sequential(layers, input_shape=(1, 8, 8), **options)


def graph(classes: int = 3, **options: Any) -> p.Graph:
    nodes: dict[str, Any] = {
        "one": (p.Conv2d(1, 4, 3), "input"),
        "two": (p.Conv2d(1, 4, 3), "input"),
        "sum": (joins.Add(), "one", "two"),
        "flat": (p.Flatten(), "sum"),
        "head": (p.Linear(144, classes), "flat"),
    }
    return p.Graph(nodes, input_shape=(1, 8, 8), **options)


@pytest.mark.parametrize("make", [sequential, graph])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_new_head_learns_on_what_the_others_know(make: Any, dtype: str) -> None:
    network = make(seed=4, class_names=["a", "b", "c"], dtype=dtype)
    images = np.random.default_rng(0).random((6, 1, 8, 8), np.float32)
    before = p.predict(network, images)
    kept = {path: q.data.copy() for path, q in network.parameters().items() if not path.startswith("head")}
    network["head"] = p.Linear(144, 5)
    assert network.output_shape() == p.predict(network, images).shape[1:] == (5,)
    assert (network.class_names, network["head"].dtype) == ((), np.dtype(dtype))
    assert {path: q.data.tolist() for path, q in kept.items()} == {
        path: q.data.tolist() for path, q in network.parameters().items() if not path.startswith("head")
    }
    p.fit(network, (images, np.arange(6) % 5), epochs=1, batch_size=3, progress=False)
    network = make(seed=4, dtype=dtype)
    network["head"] = p.Linear(144, 3)  # drawn as at the beginning
    assert_array_equal(p.predict(network, images), before)


def test_names_of_classes_stay_where_they_are_as_many() -> None:
    network = sequential(class_names=["a", "b", "c"])
    network[-1] = p.Linear(144, 3)
    network["block1.relu1"] = p.Tanh()
    assert network.class_names == ("a", "b", "c")
    assert isinstance(network["block1"][0], p.Tanh)


@pytest.mark.parametrize(
    ("path", "layer", "error", "message"),
    [
        ("head", p.Linear(143, 3), p.ShapeError, "head.*expects 143 features"),
        ("conv1", p.Conv2d(1, 5, 3), p.ShapeError, "head.*expects 144 features"),
        ("haed", p.Linear(144, 3), p.ArgumentError, "no layer 'haed'; did you mean 'head'"),
        ("head", "x", p.ArgumentError, "head: expected a layer, received 'x'"),
        ("head", ("fc", p.Linear(144, 3)), p.ArgumentError, "head: expected a layer, received \\('fc'"),
        ("head", joins.Add(), p.ArgumentError, "head: a join cannot be exchanged; make a Graph from its nodes"),
        ("head", p.Linear, p.ArgumentError, r"write Linear\(…\), an object"),
        ("head", sequential(), p.ArgumentError, r"write Sequential\(list\(it\)\), and give its scaling"),
        ("head", graph(), p.ArgumentError, r"write Graph\(it\.nodes, it\.output\)"),
    ],
)
def test_what_cannot_stand_there_leaves_the_network_as_it_was(path: str, layer: Any, error: Any, message: str) -> None:
    for network in (sequential(class_names=["a", "b", "c"]), graph()):
        if path == "conv1" and isinstance(network, p.Graph):
            continue
        before, images = list(network), np.ones((1, 1, 8, 8))
        expected = p.predict(network, images)
        with pytest.raises(error, match=message):
            network[path] = layer
        assert [*network] == before
        assert_array_equal(p.predict(network, images), expected)


def test_a_layer_twice_and_a_part_of_a_residual_are_refused() -> None:
    network = p.Sequential([p.ReLU(), p.Residual(p.Tanh())], input_shape=(4,))
    with pytest.raises(p.ArgumentError, match="is the same object as"):
        network["relu1"] = network[1]
    with pytest.raises(p.ArgumentError, match=r"residual1 is a Residual.*in the place of residual1 itself"):
        network["residual1.body"] = p.ReLU()


def test_the_nodes_of_a_graph_make_another_one() -> None:
    """With its layers, which are the same objects; or with more behind them."""
    network = graph()
    images = np.random.default_rng(0).random((2, 1, 8, 8), np.float32)
    again = p.Graph(network.nodes, network.output, input_shape=(1, 8, 8))
    assert_array_equal(p.predict(again, images), p.predict(network, images))
    longer = p.Graph({**network.nodes, "more": (p.Linear(3, 2), "head")}, input_shape=(1, 8, 8))
    assert_array_equal(longer["head"].weight.data, network["head"].weight.data)
    inside = p.Sequential([p.Graph(network.nodes), p.Linear(3, 2)], input_shape=(1, 8, 8))
    assert inside.output_shape() == (2,)


@pytest.mark.parametrize("make", [sequential, graph])
def test_positions_are_whole_numbers_of_any_kind(make: Any) -> None:
    network = make()
    last = len(network) - 1
    assert network[np.int64(last)] is network["head"]
    network[np.int64(-1)] = p.Linear(144, 5)
    assert network.output_shape() == (5,)
    for wrong in ([1.0], 1.0, None, [None], True, slice(0, 2), [0, 1], (0, 1)):
        with pytest.raises(p.ArgumentError, match=r"expected a name, a path .*, or a position, received"):
            network[wrong]
        with pytest.raises(p.ArgumentError, match=r"expected a name, a path .*, or a position, received"):
            network[wrong] = p.ReLU()
    for beyond in (9, -9):
        with pytest.raises(p.ArgumentError, match=rf"network\[{beyond}\]: there are {last + 1} layers, 0 to {last}"):
            network[beyond]
        with pytest.raises(p.ArgumentError, match=rf"network\[{beyond}\]: there are {last + 1} layers, 0 to {last}"):
            network[beyond] = p.ReLU()


def test_what_stands_inside_is_exchanged_in_the_outermost() -> None:
    """Where shapes are looked at; also in copies, and no longer once it stands there no more."""
    for network in (first := sequential(), copy.deepcopy(first), pickle.loads(pickle.dumps(first))):  # noqa: S301
        inner: Any = network["block1"]
        with pytest.raises(p.ArgumentError, match=r"as block1: .*, with network\['block1\.relu1'\] = …"):
            inner["relu1"] = p.MaxPool2d(2)
        with pytest.raises(p.ArgumentError, match=r"with network\['block1\.relu1'\]"):
            inner[0] = p.Tanh()
        assert isinstance(inner[0], p.ReLU)
        network["block1"] = other = p.Sequential([p.Tanh(), p.Flatten()])
        inner["relu1"] = p.Tanh()
        with pytest.raises(p.ArgumentError, match="as block1"):
            other["tanh1"] = p.ReLU()
        copy.deepcopy(other)["tanh1"] = p.ReLU()
    alone = p.Sequential([p.Sequential([p.ReLU()])])
    inner = alone[0]
    inner[0] = p.Tanh()


def test_a_network_s_initializer_draws_what_is_put_there_but_values_stay() -> None:
    inner = p.Sequential([p.Linear(4, 4), p.Tanh()], initializer=p.Constant(3.0))
    network = p.Sequential([p.Linear(4, 4), inner, p.Linear(4, 4)], input_shape=(4,), initializer=p.Constant(2.0))
    network["linear1"] = p.Linear(4, 4)
    network["block1.linear1"] = p.Linear(4, 4)
    network["block1.tanh1"] = p.ReLU()
    known = p.Linear(4, 4)
    known.weight.data = np.full((4, 4), 7.0)
    network["linear2"] = known
    weights = {path: set(q.data.ravel().tolist()) for path, q in network.parameters().items() if "weight" in path}
    assert weights == {"linear1.weight": {2.0}, "block1.linear1.weight": {3.0}, "linear2.weight": {7.0}}


def test_a_join_and_the_network_itself_say_what_they_are() -> None:
    network = graph()
    with pytest.raises(p.ArgumentError, match=r"^sum: a join cannot be exchanged; make a Graph from its nodes"):
        network["sum"] = p.ReLU()
    with pytest.raises(p.ArgumentError, match="what is put there is the network itself"):
        network["head"] = network
    with pytest.raises(p.ArgumentError, match="what is put there holds the network itself, as graph1"):
        network["head"] = p.Sequential([network])
