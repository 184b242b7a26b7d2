"""The layers that other frameworks' networks have besides, inside compiled networks: native or not, at any place."""

import numpy as np
import pytest

import pellucid as p
from oracles import compiled as oracle
from oracles.compiled import distance, exact_gradients, executable, gradients, training_program

pytestmark = pytest.mark.usefixtures("kept_kernels")
SHAPE = (3, 6, 8)


def flat(*layers):
    """Return a network of layers, and its features' classes; learnt numbers are no longer 0 or 1."""
    before = [p.Conv2d(3, 5, 3, padding=1), *layers, p.Flatten()]
    features = p.Sequential(before, input_shape=SHAPE).output_shape()[0]
    network = p.Sequential([*before, p.Linear(features, 4)], input_shape=SHAPE, seed=3)
    rng = np.random.default_rng(5)
    for path, parameter in network.parameters().items():
        if not path.startswith(("conv", "linear")):
            parameter.data = rng.uniform(0.3, 0.9, parameter.shape)
    return network


def batch(count):
    rng = np.random.default_rng(11)
    return rng.standard_normal((count, *SHAPE)).astype(np.float32), rng.integers(0, 4, count)


NETWORKS = {
    "pieces of lines": lambda: flat(p.Clip(-0.5, 1), p.HardSigmoid(0.2), p.HardSwish(), p.Conv2d(5, 2, 1)),
    "exponentials": lambda: flat(p.ELU(0.5), p.SiLU(), p.Softplus(), p.GELU(), p.Conv2d(5, 2, 1)),
    "behind flattening": lambda: flat(p.Flatten(), p.GELU(), p.Clip(None, 2), p.ELU(), p.Linear(240, 10), p.SiLU()),
    "slopes": lambda: flat(p.PReLU(5), p.Conv2d(5, 3, 3), p.PReLU(), p.Flatten(), p.PReLU(72)),
    "numbers of channels": lambda: flat(p.Gain((5, 1, 1)), p.Bias((5, 1, 1)), p.ReLU(), p.Gain(1), p.Bias(1)),
    "numbers of features": lambda: flat(p.Flatten(), p.Gain(240), p.Bias(240), p.Tanh(), p.Linear(240, 7)),
    "numbers of pixels": lambda: flat(p.Gain((6, 8)), p.Bias((1, 6, 1)), p.Tanh(), p.Gain((5, 6, 8))),
    "a bias before pooling": lambda: flat(p.Bias((5, 1, 1)), p.ReLU(), p.MaxPool2d(2)),
    "other axes": lambda: flat(
        p.Reshape((6, 40)), p.Tanh(), p.Reshape((10, 4, 6)), p.Conv2d(10, 3, 3), p.Reshape((-1,))
    ),
    "features and back": lambda: flat(p.Reshape((240,)), p.Tanh(), p.Reshape((5, 6, 8)), p.Conv2d(5, 2, 3)),
    "one axis more": lambda: flat(p.Reshape((5, 2, 3, 8)), p.Tanh(), p.Flatten(), p.Linear(240, 6)),
    "flattened from two axes": lambda: flat(p.Reshape((12, 20)), p.Flatten(), p.Linear(240, 6), p.Tanh()),
    "turned": lambda: flat(p.Transpose((2, 3, 1)), p.Conv2d(6, 4, 3), p.Tanh(), p.Transpose((1, 3, 2))),
    "padded": lambda: flat(p.Pad((0, 1, 0), (1, 2, 3), value=0.5), p.Conv2d(6, 2, 3), p.Pad((0, 2, 1), mode="reflect")),
    "cut": lambda: flat(p.Slice(1, 1, 4), p.Slice(3, 0, None, 2), p.Conv2d(3, 4, 3), p.Tanh(), p.Slice(2, 1)),
    "cut features": lambda: flat(p.Flatten(), p.Slice(1, 7, 100), p.Tanh()),
    "means": lambda: flat(p.Concat(p.Mean((1,), keepdims=True), p.Slice(1, 0, 2)), p.Conv2d(3, 4, 3), p.Mean((2,))),
    "means of all pixels": lambda: flat(p.Tanh(), p.Mean((2, 3))),
    "largest of all pixels": lambda: flat(p.AdaptiveMaxPool2d(1)),
    "largest of regions": lambda: flat(p.ReLU(), p.AdaptiveMaxPool2d((3, 2))),
    "logarithms": lambda: p.Sequential([*flat().children().values(), p.LogSoftmax()], input_shape=SHAPE),
    "same padding of TensorFlow": lambda: flat(
        p.Conv2d(5, 4, 3, stride=2, padding=((0, 1), (0, 1))), p.Tanh(),
        p.MaxPool2d(2, stride=1, padding=((0, 1), (1, 0))),
        p.AvgPool2d(2, stride=1, padding=((0, 1), (0, 1)), count_include_pad=False),
    ),
    "spread": lambda: flat(p.ConvTranspose2d(5, 6, 3, stride=2, padding=1, output_padding=1), p.ReLU()),
    "spread in groups": lambda: flat(
        p.PadChannels(1, 0), p.ConvTranspose2d(6, 4, (3, 2), stride=(3, 2), dilation=(1, 2), groups=2), p.Tanh(),
        p.ConvTranspose2d(4, 4, 3, groups=4, padding=((0, 2), (1, 1)), bias=False),
    ),
    "spread again": lambda: flat(p.ReLU(), p.ConvTranspose2d(5, 3, 2, stride=2), p.ConvTranspose2d(3, 2, 1)),
    "larger": lambda: flat(p.Upsample(scale_factor=(2, 3)), p.ReLU(), p.Conv2d(5, 2, 3)),
    "larger and smaller": lambda: flat(p.Upsample(size=(9, 7), mode="bilinear"), p.Tanh(), p.Upsample(4)),
    "normalised": lambda: flat(p.GroupNorm(1, 5), p.ReLU(), p.Conv2d(5, 4, 3), p.LayerNorm(6), p.GroupNorm(4, 4)),
    "quotients and products of matrices": lambda: flat(
        p.Graph({
            "a": (p.Softplus(), "input"), "b": (p.joins.Divide(), "input", "a"), "c": (p.Transpose((1, 3, 2)), "a"),
            "d": (p.joins.MatMul(), "b", "c"),
        })
    ),
    "means of pixels apart": lambda: flat(p.AvgPool2d((3, 2), stride=1, padding=(1, 0), dilation=(2, 3))),
}  # fmt: skip


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("count", [1, 19])
def test_outputs_and_gradients_are_those_of_the_definitions(make, count):
    made, (x, labels) = make(), batch(count)
    loss, found = gradients(made, x, labels, threads=2)
    exact_loss, exact = exact_gradients(made, x, labels)
    assert loss == pytest.approx(exact_loss, rel=1e-5)
    assert distance(found, exact) < 2e-5
    outputs, expected = p.predict(made, x), p.predict(made, x, engine="numpy")
    assert distance({"y": outputs}, {"y": expected}) < 2e-5


@pytest.mark.parametrize(
    "name",
    [
        "pieces of lines",
        "exponentials",
        "slopes",
        "numbers of channels",
        "other axes",
        "cut",
        "spread",
        "spread in groups",
        "larger",
    ],
)
def test_checked_code_stays_within_its_bounds_and_gives_the_same_bits(name, monkeypatch):
    made, (x, labels) = NETWORKS[name](), batch(17)
    program = training_program(made)
    plain = executable(made, program, 17)
    monkeypatch.setenv("PELLUCID_CHECK", "1")
    checked = executable(made, program, 17)
    for found in (plain, checked):
        oracle.run(found, x, labels)
    assert plain.ends(17) == checked.ends(17)
    for value in program.gradients.values():
        if value in plain.plan.totals:
            assert np.array_equal(plain.totals(value), checked.totals(value))


SHARED = [
    lambda: p.Gain((6, 8)),
    lambda: p.Gain((5, 1, 1)),
    lambda: p.Bias((1, 6, 1)),
    lambda: p.Bias(1),
    lambda: p.PReLU(5),
]


@pytest.mark.parametrize("make", SHARED)
def test_what_two_layers_share_gets_both_gradients(make):
    first, second = make(), make()
    (name,) = first.parameters()
    setattr(second, name, getattr(first, name))
    network, (x, labels) = flat(first, p.Tanh(), second), batch(19)
    assert len(network.parameters()) == 5
    _, found = gradients(network, x, labels, threads=2)
    _, exact = exact_gradients(network, x, labels)
    assert distance(found, exact) < 2e-5


@pytest.mark.parametrize("make", SHARED)
def test_what_is_frozen_costs_no_gradient(make):
    network, (x, labels) = flat(make(), p.Tanh()), batch(5)
    layer = list(network.children().values())[1]
    (parameter,) = layer.parameters().values()
    parameter.trainable, before = False, parameter.data.copy()
    p.fit(network, (x, labels), epochs=1, batch_size=5, progress=False)
    assert np.array_equal(parameter.data, before)
    backward = p.lower(network, loss=p.CrossEntropy())
    assert not any(value.name.startswith(f"grad({layer.stem}1.{parameter.name}") for value in backward.values)


def trained(engine, threads=None):
    """Train numbers of all kinds, and return the network with its losses."""
    made, (x, _) = flat(
        p.PReLU(5), p.Gain((6, 8)), p.Bias((5, 1, 1)), p.GELU(), p.Transpose((1, 3, 2)), p.Bias((1, 8, 1)), p.Gain(1),
    ), batch(64)  # fmt: skip
    corners = x[:, :, ::5, ::7].sum(1).reshape(-1, 4)
    options = {"epochs": 3, "batch_size": 16, "optimizer": p.SGD(0.05, momentum=0.9), "progress": False}
    history = p.fit(made, (x, corners.argmax(1)), **options, engine=engine, threads=threads)
    return made, [epoch["loss"] for epoch in history.to_dict()["epochs"]]


def test_they_train_as_with_numpy_and_with_the_same_bits_on_any_number_of_threads():
    (one, losses), (other, expected) = trained("compiled", 1), trained("numpy")
    assert losses == pytest.approx(expected, rel=1e-4)
    assert losses[-1] < losses[0]
    several, _ = trained("compiled", 3)
    for path, parameter in one.parameters().items():
        assert np.array_equal(parameter.data, several.parameters()[path].data), path
        exact = other.parameters()[path].data
        assert np.abs(parameter.data - exact).max() <= 2e-4 * max(np.abs(exact).max(), 1e-3), path


def test_a_definition_reads_the_parameters_of_now():
    """Those of a run, not those that the network had when it was compiled."""
    network = p.Sequential([p.Bias((1, 2))], input_shape=(3, 1, 2))
    x = np.zeros((2, 3, 1, 2), np.float32)
    assert not p.predict(network, x).any()
    network["bias1"].bias.data = [[1, 2]]
    assert np.array_equal(p.predict(network, x), np.broadcast_to([1, 2], x.shape))
    fast = p.compile(network)
    assert np.array_equal(fast(x[:1]), np.broadcast_to([1, 2], x[:1].shape))
