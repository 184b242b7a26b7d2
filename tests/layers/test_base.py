"""Parameter, State and what all layers have in common; and a layer of a user's own."""

import numpy as np
import pytest

import pellucid as p
from pellucid import random


class Scale(p.Layer):
    """y = a·x, one a: the smallest layer with a parameter."""

    def __init__(self):
        super().__init__()
        self.a = p.Parameter("a", (), p.Constant(2.0))
        self.seen = p.State("seen", [0.0])

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        self._cache = x = self.accept(x)
        return self.a.data * x

    def backward(self, grad_output):
        x, grad_output = self.remembered(grad_output)
        self.a.grad = np.asarray((grad_output * x).sum())
        return self.a.data * grad_output


def counting(drawn):
    """An initialiser that notes for which path it was called."""

    def initializer(shape, key, path):
        drawn.append(path)
        return np.full(shape, float(key[0]))

    return initializer


# ---- Parameter
def test_values_are_drawn_when_they_are_first_looked_at():
    drawn = []
    parameter = p.Parameter("weight", (2, 3), counting(drawn))
    assert (parameter.shape, parameter.size, drawn) == ((2, 3), 6, [])
    first = parameter.data
    assert first is parameter.data
    assert drawn == ["weight"]
    assert first[0, 0] == np.float32(random.key(0, random.Purpose.INITIALIZE)[0])


def test_values_that_are_set_are_never_drawn():
    drawn = []
    parameter = p.Parameter("weight", (2,), counting(drawn))
    parameter.data = [1, 2]
    parameter.place(7, "conv1.weight")
    np.testing.assert_array_equal(parameter.data, [1, 2])
    assert drawn == []
    parameter.initialize(7, "conv1.weight")
    assert parameter.data[0] == np.float32(random.key(7, random.Purpose.INITIALIZE)[0])
    assert drawn == ["conv1.weight"]


def test_assignment_copies_into_the_array():
    parameter, values = p.Parameter("bias", (2,)), np.array([1.0, 2.0])
    view = parameter.data[:1]
    parameter.data = values
    assert view == [1.0], "a view of the array stays true"
    values[0] = 99
    assert parameter.data.tolist() == [1, 2], "what was assigned is not held"
    parameter.data -= 1
    assert (parameter.data.tolist(), view.tolist()) == ([0, 1], [0])
    assert parameter.data.dtype == np.float32


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ([1, 2, 3], p.ShapeError, r"bias.data expects shape \(2,\), received \(3,\)"),
        (5, p.ShapeError, r"bias.data expects shape \(2,\), received \(\)"),
        ([[1], [2]], p.ShapeError, r"bias.data expects shape \(2,\), received \(2, 1\)"),
        (["a", "b"], p.DataError, "bias.data: expected an array of real numbers, received dtype <U1"),
        ([1j, 2], p.DataError, "bias.data: expected an array of real numbers, received dtype complex128"),
        ([[1], [2, 3]], p.DataError, "bias.data: expected an array of numbers, received rows of different lengths"),
    ],
)
def test_values_that_do_not_fit_are_refused_and_change_nothing(values, error, message):
    parameter = p.Parameter("bias", (2,))
    parameter.data = [7, 8]
    with pytest.raises(error, match=message):
        parameter.data = values
    assert parameter.data.tolist() == [7, 8]


def test_a_parameter_may_be_a_single_number():
    parameter = p.Parameter("scale", (), p.Constant(3.0))
    assert (parameter.data.shape, float(parameter.data)) == ((), 3.0)
    assert repr(parameter) == "Parameter('scale', scalar, float32)"


def test_an_initializer_of_the_wrong_shape_is_refused():
    parameter = p.Parameter("weight", (2, 3), lambda shape, key, path: np.zeros(3))
    with pytest.raises(p.ShapeError, match=r"weight: the initialiser gave shape \(3,\), expected \(2, 3\)"):
        _ = parameter.data


def test_an_array_that_could_not_fit_into_memory_is_refused_at_once():
    with pytest.raises(p.ArgumentError, match="weight 1000000×1000000×100 would need 400,000,000,000,000 bytes"):
        p.Parameter("weight", (10**6, 10**6, 100))


def test_cast_keeps_values_and_drops_the_gradient():
    parameter = p.Parameter("weight", (2,))
    parameter.data = [0.1, 0.2]
    parameter.grad = np.ones(2, np.float32)
    data = parameter.data
    parameter.cast(np.dtype(np.float32))
    assert parameter.data is data, "nothing to do"
    parameter.cast(np.dtype(np.float64))
    assert (parameter.data.dtype, parameter.grad) == (np.float64, None)
    np.testing.assert_array_equal(parameter.data, data)


def test_repr_of_parameters():
    parameter = p.Conv2d(2, 4, 3).weight
    assert repr(parameter) == "Parameter('weight', 4×2×3×3, float32)"
    parameter.trainable = False
    assert repr(parameter) == "Parameter('weight', 4×2×3×3, float32, frozen)"


# ---- Layer
def test_walk_yields_everything_with_its_path():
    network = p.Sequential([p.Conv2d(1, 2, 3), p.Residual(p.Sequential([p.ReLU(), ("last", p.Tanh())]))])
    found = list(network.walk())
    assert [path for path, _ in found] == ["", "conv1", "residual1", "residual1.body", "residual1.body.relu1",
                                           "residual1.body.last"]  # fmt: skip
    assert all(layer is network[path] for path, layer in found if path)


def test_initialize_draws_by_seed_and_path():
    def weights(seed):
        network = p.Sequential([p.Linear(3, 3), p.Linear(3, 3)])
        network.initialize(seed)
        return [q.data for path, q in network.parameters().items() if path.endswith("weight")]

    first, again, other = weights(1), weights(1), weights(2)
    np.testing.assert_array_equal(first, again)
    assert (first[0] != other[0]).all()
    assert (first[0] != first[1]).all()
    alone = p.HeNormal()((3, 3), random.key(1, random.Purpose.INITIALIZE), "linear2.weight")
    np.testing.assert_array_equal(first[1], alone.astype(np.float32))


def test_cast_reaches_everything():
    network = p.Sequential([p.Linear(3, 3), p.Residual(p.Sequential([p.BatchNorm2d(3), p.Tanh()]))])
    before = {path: q.data.copy() for path, q in {**network.parameters(), **network.states()}.items()}
    network.cast("float64")
    held = {**network.parameters(), **network.states()}
    assert {each.data.dtype for each in held.values()} == {np.dtype(np.float64)}
    assert {layer.dtype for _, layer in network.walk()} == {np.dtype(np.float64)}
    for path, data in before.items():
        np.testing.assert_array_equal(held[path].data, data)
    assert network.forward(np.ones((2, 3))).dtype == np.float64


@pytest.mark.parametrize("dtype", ["float16", "int32", "complex64", "flaot32", 3, None])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(p.ArgumentError, match=f"dtype: expected float32 or float64, received {dtype!r}"):
        p.Linear(2, 2).cast(dtype)


def test_a_foreign_byte_order_becomes_the_machines_own():
    layer = p.ReLU()
    layer.cast(np.dtype(np.float64).newbyteorder())
    assert layer.dtype.isnative
    assert layer.forward(np.array([[1, 2]], np.dtype(np.float32).newbyteorder())).dtype == np.dtype(np.float64)


@pytest.mark.parametrize("x", [[[1, 2, 3]], np.array([[1, 2, 3]], np.uint8), np.array([[1, 2, 3]], np.int64)])
def test_integer_input_becomes_the_layers_dtype(x):
    assert p.ReLU().forward(x).dtype == np.float32


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (5.0, p.ShapeError, r"Linear: expects a batch \(N, …\), but the input has a single number"),
        ([["a"]], p.DataError, "Linear: expected an array of real numbers, received dtype <U1"),
        ([[1], [2, 3]], p.DataError, "Linear: expected an array of numbers, received rows of different lengths"),
        (None, p.DataError, "Linear: expected an array of real numbers, received dtype object"),
        ([[1, 2]], p.ShapeError, r"Linear: expects 3 features, but the input has 2; use Linear\(2, …\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(x, error, message):
    with pytest.raises(error, match=message):
        p.Linear(3, 2).forward(x)


ALONE = [
    (p.Conv2d(1, 2, 3), (2, 1, 4, 4)), (p.Linear(3, 2), (2, 3)), (p.Flatten(), (2, 1, 2, 2)), (p.ReLU(), (2, 3)),
    (p.MaxPool2d(2), (2, 1, 4, 4)), (p.BatchNorm2d(3), (2, 3)), (p.LocalResponseNorm(3), (2, 3, 2, 2)),
    (p.Dropout(), (2, 3)), (p.Residual(p.ReLU()), (2, 3)), (p.Concat(p.ReLU()), (2, 3)),
    (p.PadChannels(2, 1), (2, 3)), (p.Sequential([p.ReLU()]), (2, 3)), (p.Clip(0, 1), (2, 3)), (p.GELU(), (2, 3)),
    (p.PReLU(3), (2, 3)), (p.Bias((2, 1)), (2, 3, 2, 2)), (p.Gain(3), (2, 3)), (p.Reshape((3, 1)), (2, 3)),
    (p.Transpose((2, 1)), (2, 3, 4)), (p.Pad((1, 0), mode="edge"), (2, 3, 4)), (p.Slice(1, 0, None, 2), (2, 3)),
    (p.Mean((1,)), (2, 3, 4)), (p.AdaptiveMaxPool2d(), (2, 1, 4, 4)),
    (p.ConvTranspose2d(1, 2, 3), (2, 1, 4, 4)), (p.Upsample(scale_factor=2), (2, 1, 4, 4)),
    (p.Upsample(3, mode="bilinear"), (2, 1, 4, 4)), (p.LayerNorm((4, 4)), (2, 3, 4, 4)), (p.GroupNorm(2, 4), (2, 4, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shape"), ALONE, ids=lambda value: type(value).__name__)
def test_backward_needs_a_forward_and_a_gradient_of_the_outputs_shape(layer, shape):
    layer.cast("float64")  # forgets any forward
    with pytest.raises(p.StateError, match="needs a forward before it: call forward"):
        layer.backward(np.zeros(shape))
    y = layer.forward(np.zeros(shape))
    assert y.shape[1:] == layer.output_shape(shape[1:])
    with pytest.raises(p.ShapeError, match="expects grad_output of the output's shape"):
        layer.backward(np.zeros((*y.shape, 1)))
    with pytest.raises(p.DataError, match="grad_output: expected an array of real numbers"):
        layer.backward(np.full(y.shape, "a"))
    assert layer.backward(np.zeros(y.shape, int)).shape == shape


@pytest.mark.parametrize(("layer", "shape"), ALONE, ids=lambda value: type(value).__name__)
def test_backward_overwrites_and_leaves_its_arguments_alone(layer, shape):
    layer.cast("float64")
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, shape)
    kept = x.copy()
    y = layer.forward(x)
    grad_output = rng.normal(0, 1, y.shape)
    kept_grad = grad_output.copy()
    layer.backward(grad_output)
    first = [q.grad.copy() for q in layer.parameters().values()]
    layer.backward(grad_output)
    for gradient, parameter in zip(first, layer.parameters().values(), strict=True):
        np.testing.assert_array_equal(parameter.grad, gradient)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(grad_output, kept_grad)


# ---- a layer of one's own
def test_a_layer_of_ones_own_is_a_layer():
    layer = Scale()
    assert list(layer.parameters()) == ["a"]
    assert list(layer.states()) == ["seen"]
    np.testing.assert_array_equal(layer([[1, 2]]), [[2, 4]])
    np.testing.assert_array_equal(layer.backward([[1, 1]]), [[2, 2]])
    assert layer.a.grad == 3
    assert repr(layer) == "Scale()"
    assert list(p.Sequential([Scale(), Scale()]).children()) == ["scale1", "scale2"]


def test_two_parameters_of_one_name_are_refused():
    layer = Scale()
    layer.b = p.Parameter("a", (3,))
    with pytest.raises(p.ArgumentError, match="Scale gives one name to two of its Parameters: a, a"):
        layer.parameters()
    layer.b = layer.a  # one object under two attributes is one parameter
    assert list(layer.parameters()) == ["a"]


@pytest.mark.parametrize(
    ("call", "missing"),
    [
        (lambda layer: layer.output_shape((3,)), "output_shape"),
        (lambda layer: layer.forward([[1.0]]), "forward"),
        (lambda layer: layer.backward([[1.0]]), "backward"),
    ],
)
def test_what_a_layer_of_ones_own_does_not_define_is_named(call, missing):
    class Empty(p.Layer):
        pass

    with pytest.raises(NotImplementedError, match=f"Empty does not .*{missing}"):
        call(Empty())
