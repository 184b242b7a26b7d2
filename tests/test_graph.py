"""Graph: the same as what it could be written as, in both engines; what it refuses; saving, freezing, training."""

import numpy as np
import pytest

import pellucid as p


def residual(**options) -> p.Graph:
    """A block with a way round it."""
    nodes = {
        "conv1": (p.Conv2d(2, 3, 3, padding=1), "input"),
        "norm1": (p.BatchNorm2d(3), "conv1"),
        "relu1": (p.ReLU(), "norm1"),
        "way": (p.Conv2d(2, 3, 1), "input"),
        "sum": (p.joins.Add(), "relu1", "way"),
        "flat": (p.Flatten(), "sum"),
        "head": (p.Linear(48, 4), "flat"),
    }
    return p.Graph(nodes, input_shape=(2, 4, 4), **options)


def as_sequential(**options) -> p.Sequential:
    """The same network without a graph."""
    body = p.Sequential([("conv1", p.Conv2d(2, 3, 3, padding=1)), ("norm1", p.BatchNorm2d(3)), ("relu1", p.ReLU())])
    layers = [p.Residual(body, p.Conv2d(2, 3, 1)), p.Flatten(), ("head", p.Linear(48, 4))]
    return p.Sequential(layers, input_shape=(2, 4, 4), **options)


def gated(**options) -> p.Graph:
    """Squeeze and excitation, with one value that three nodes read, and one that a join reads twice."""
    nodes = {
        "conv": (p.Conv2d(2, 4, 3, padding=1), "input"),
        "mean": (p.AdaptiveAvgPool2d(1), "conv"),
        "squeeze": (p.Conv2d(4, 4, 1), "mean"),
        "gate": (p.Sigmoid(), "squeeze"),
        "scaled": (p.joins.Multiply(), "conv", "gate"),
        "both": (p.joins.Concat(), "scaled", "conv", "scaled"),
        "square": (p.joins.Multiply(), "both", "both"),
        "flat": (p.Flatten(), "square"),
        "head": (p.Linear(192, 4), "flat"),
    }
    return p.Graph(nodes, input_shape=(2, 4, 4), **options)


@pytest.fixture
def data(rng):
    return rng.normal(size=(40, 2, 4, 4)).astype(np.float32), np.arange(40) % 4


def copied(source: p.Network, target: p.Network) -> None:
    for ours, theirs in zip(source.parameters().values(), target.parameters().values(), strict=True):
        theirs.data = ours.data


@pytest.mark.parametrize("make", [residual, gated])
@pytest.mark.parametrize("training", [True, False])
def test_gradients(make, training, rng):
    report = p.check_gradients(make(), rng.normal(size=(2, 2, 4, 4)), training=training)
    assert report.ok, report


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_a_residual_block_as_a_graph_trains_to_the_same_bits(engine, data):
    graph, sequential = residual(), as_sequential()
    copied(graph, sequential)
    for network in (graph, sequential):
        p.fit(network, data, epochs=3, batch_size=16, engine=engine, progress=False)
    ours, theirs = ([q.data for q in each.parameters().values()] for each in (graph, sequential))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert np.array_equal(p.predict(graph, data[0]), p.predict(sequential, data[0]))


def test_both_engines_agree(data):
    """Of what one step of training makes of the weights: after several, what is rounded differently has grown."""
    outputs, gradients = [], []
    for engine in ("compiled", "numpy"):
        network, rate = gated(seed=1), 1024.0  # so that of the new weights nearly all is gradient
        outputs.append(p.predict(network, data[0], engine=engine))
        before = {path: q.data.copy() for path, q in network.parameters().items()}
        p.fit(network, data, epochs=1, batch_size=40, optimizer=p.SGD(rate), engine=engine, progress=False)
        gradients.append({path: (before[path] - q.data) / rate for path, q in network.parameters().items()})
    np.testing.assert_allclose(*outputs, rtol=0, atol=2e-5 * np.abs(outputs[1]).max())
    for path, exact in gradients[1].items():
        np.testing.assert_allclose(gradients[0][path], exact, rtol=0, atol=2e-5 * np.abs(exact).max(), err_msg=path)


@pytest.mark.parametrize("threads", [2, 3])
def test_any_number_of_threads_makes_the_same_bits(threads, data):
    found = []
    for count in (1, threads):
        network = gated()
        p.fit(network, data, epochs=1, batch_size=16, threads=count, progress=False)
        found.append(np.concatenate([q.data.ravel() for q in network.parameters().values()]).tobytes())
    assert found[0] == found[1]


def test_a_graph_stands_in_a_sequential_and_in_a_graph(rng):
    inner = {"a": (p.ReLU(), "input"), "b": (p.Tanh(), "input"), "c": (p.joins.Add(), "a", "b")}
    block = p.Graph(inner)
    outer = p.Graph({"x": (block, "input"), "y": (p.joins.Multiply(), "x", "input")})
    network = p.Sequential([outer, p.Flatten(), p.Linear(4, 2)], input_shape=(1, 2, 2))
    assert list(network.parameters()) == ["linear1.weight", "linear1.bias"]
    assert [path for path, _ in network.walk()][1:5] == ["graph1", "graph1.x", "graph1.x.a", "graph1.x.b"]
    x = rng.normal(size=(3, 1, 2, 2))
    expected = (np.maximum(x, 0) + np.tanh(x)) * x
    np.testing.assert_allclose(outer.forward(x), expected, rtol=1e-5)
    found = p.activations(network, x.astype(np.float32))
    np.testing.assert_allclose(found["graph1"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["graph1.x.c"], np.maximum(x, 0) + np.tanh(x), rtol=1e-5)
    assert p.check_gradients(network, x).ok


def test_one_join_in_two_graphs_is_given_to_each_of_its_own(rng):
    product = p.joins.Multiply()
    nodes = [{"a": (p.ReLU(), "input"), "b": (product, "a", "input")} for _ in range(2)]
    graphs = [p.Graph(each) for each in nodes]
    xs = rng.uniform(1, 2, (2, 3, 4)).astype(np.float32)
    for graph, x in zip(graphs, xs, strict=True):
        graph.forward(x)
    for graph, x in zip(graphs, xs, strict=True):
        np.testing.assert_allclose(graph.backward(np.ones((3, 4))), 2 * x, rtol=1e-6)


@pytest.mark.parametrize("output", [["a"], 3, b"a"])
def test_an_output_that_is_no_name_is_refused(output):
    with pytest.raises(p.ArgumentError, match="output: a Graph has one output, the name of a node; received "):
        p.Graph({"a": (p.ReLU(), "input")}, output)


def test_the_summary_knows_joins():
    text = str(p.summary(gated(), arithmetic=True))
    assert "scaled" in text
    assert "Multiply" in text
    assert "channels: 4 + 4 + 4 = 12" in text


@pytest.mark.parametrize("make", [residual, gated])
def test_it_is_saved_and_loaded(make, tmp_path, data):
    network = make(class_names="abcd", seed=3)
    p.fit(network, data, epochs=1, progress=False)
    p.freeze(network, until="head")
    p.save(network, tmp_path / "net.safetensors")
    loaded = p.load(tmp_path / "net.safetensors")
    assert repr(loaded) == repr(network)
    assert (loaded.class_names, loaded.seed) == (("a", "b", "c", "d"), 3)
    assert [q.trainable for q in loaded.parameters().values()] == [q.trainable for q in network.parameters().values()]
    assert np.array_equal(p.predict(loaded, data[0]), p.predict(network, data[0]))


def test_a_nested_graph_is_saved_and_loaded(tmp_path):
    block = p.Graph({"a": (p.Conv2d(1, 1, 1), "input"), "b": (p.joins.Add(), "input", "a")})
    network = p.Sequential([("block", block), p.Flatten()], input_shape=(1, 2, 2))
    p.save(network, tmp_path / "net.safetensors")
    assert repr(p.load(tmp_path / "net.safetensors")) == repr(network)


def test_freezing_follows_the_data():
    network = residual()
    p.freeze(network, until="norm1")
    assert [path for path, q in network.parameters().items() if not q.trainable] == ["conv1.weight", "conv1.bias"]
    p.freeze(network, until="head")
    assert [path for path, q in network.parameters().items() if q.trainable] == ["head.weight", "head.bias"]


def test_freezing_until_a_join_freezes_what_leads_to_it():
    network = gated()
    p.freeze(network, until="scaled")
    assert [path for path, q in network.parameters().items() if q.trainable] == ["head.weight", "head.bias"]
    block = p.Graph({"a": (p.Conv2d(1, 1, 1), "input"), "b": (p.joins.Add(), "input", "a"), "c": (p.Bias(1), "b")})
    nested = p.Sequential([("scale", p.Gain(1)), ("block", block), ("last", p.Bias(1))], input_shape=(1, 2, 2))
    p.freeze(nested, until="block.b")
    assert [path for path, q in nested.parameters().items() if q.trainable] == ["block.c.bias", "last.bias"]
    with pytest.raises(p.ArgumentError, match=r"no layer 'block.d'"):
        p.freeze(nested, until="block.d")


def test_a_join_is_no_layer_and_the_message_says_so():
    network = gated()
    assert len(network) == len(list(network)) == 6
    for path in ("scaled", "scaled.weight"):
        with pytest.raises(p.ArgumentError, match=r"^'scaled' is a join, which has no parameters$"):
            network[path]


class Max(p.joins.Join):
    """A join of one's own, all that can be defined defined."""

    def output_shape(self, *input_shapes):
        return input_shapes[0]

    def forward(self, *xs):
        return np.maximum(*xs)

    def backward(self, grad_output):
        return grad_output, grad_output

    def lower(self, build, xs):
        return xs[0]


class Sum(p.joins.Add):
    """A subclass of a join."""


@pytest.mark.parametrize("kind", [Max, Sum])
def test_joins_of_ones_own_are_refused(kind):
    message = f"{kind.__name__} is none of the joins, which are Add, Multiply, Divide, MatMul, Concat of pellucid.joins"
    with pytest.raises(p.ArgumentError, match=message):
        p.Graph({"a": (p.ReLU(), "input"), "b": (kind(), "a", "input")})


def test_an_output_before_the_last_node():
    nodes = {"a": (p.ReLU(), "input"), "b": (p.Flatten(), "a")}
    with pytest.raises(p.ArgumentError, match="nobody reads b: leave out what does not lead to the output 'a'"):
        p.Graph(nodes, "a")


RELU, ADD = p.ReLU(), p.joins.Add()


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ({}, "Graph: expected a dict of nodes"),
        ([RELU], "Graph: expected a dict of nodes"),
        (
            {"a": (RELU, "b"), "b": (p.Tanh(), "input")},
            "a reads 'b', which does not come before it: list the nodes in ",
        ),
        ({"a": (RELU, "a")}, "a reads 'a', which does not come before it"),
        ({"a": (RELU, "imput")}, "a reads 'imput', but there is no such node; did you mean 'input'?"),
        ({"a": (RELU, "input", "input")}, "a layer reads one value: several are joined first"),
        ({"a": (ADD, "input")}, "a join reads at least two"),
        ({"a": (p.ReLU, "input")}, "write an object, not the class"),
        ({"a": RELU}, r"a: expected (layer, source) or (join, source, source, …), received ReLU()"),
        ({"input": (RELU, "input")}, "the name 'input' means what the network is given"),
        ({"a b": (RELU, "input")}, "expected a name of letters, digits and _, received 'a b'"),
        ({"a": (RELU, "input"), "b": (RELU, "a")}, "b is the same object as a"),
        ({"a": (ADD, "input", "input"), "b": (ADD, "a", "input")}, "b is the same object as a: make a second join"),
        ({"a": (RELU, "input"), "b": (p.Tanh(), "input")}, "nobody reads a"),
    ],
)
def test_what_is_no_graph_is_refused(nodes, message):
    with pytest.raises(p.ArgumentError) as caught:
        p.Graph(nodes)
    assert message in str(caught.value)


def test_several_outputs_are_refused():
    with pytest.raises(
        p.ArgumentError, match=r"^output: a Graph has one output, the name of a node; received \('a', 'b"
    ):
        p.Graph({"a": (RELU, "input"), "b": (p.Tanh(), "input")}, output=("a", "b"))


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            {"a": (p.Conv2d(1, 2, 1), "input"), "b": (p.Conv2d(3, 2, 1), "a")},
            "b: expects 3 channels, but a gives 2: (2, 4, 4); make the layer for 2 channels",
        ),
        (
            {"a": (p.MaxPool2d(2), "input"), "b": (p.joins.Concat(), "a", "input")},
            "b: joins channels, so height and width must be equal, but received (1, 2, 2) and (1, 4, 4)",
        ),
    ],
)
def test_shapes_that_do_not_meet_are_refused(nodes, message):
    with pytest.raises(p.ShapeError) as caught:
        p.Graph(nodes, input_shape=(1, 4, 4))
    assert message in str(caught.value)


def test_it_is_shown_as_it_is_written():
    text = repr(p.Graph({"a": (p.ReLU(), "input"), "b": (p.joins.Add(), "a", "input")}, input_shape=(3,)))
    assert text == "Graph({\n    'a': (ReLU(), 'input'),\n    'b': (joins.Add(), 'a', 'input')\n}, input_shape=(3,))"
