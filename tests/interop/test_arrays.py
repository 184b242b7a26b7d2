"""Arrays of other libraries, in and out: by ``__array__``, by DLPack, and what NumPy cannot take."""

import numpy as np
import pytest

import pellucid as p

try:
    import jax.numpy as jax_numpy  # here, for it changes the environment as it is imported
except ImportError:
    jax_numpy = None


class Exporting:
    """An array of a library that speaks DLPack and nothing else, as CuPy's do."""

    def __init__(self, values, device=(1, 0)):
        self._values, self._device = np.asarray(values), device
        self.shape, self.dtype = self._values.shape, self._values.dtype

    def __dlpack__(self, **asked):
        if self._device[0] != 1:
            raise BufferError("not on this device")
        return self._values.__dlpack__(**asked)

    def __dlpack_device__(self):
        return self._device


class Implicit(Exporting):
    """One that has ``__array__`` only to refuse it."""

    def __array__(self, dtype=None, copy=None):
        raise TypeError("implicit conversion is not allowed")


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch is not installed")


@pytest.fixture
def jax():
    if jax_numpy is None:
        pytest.skip("jax is not installed")
    return jax_numpy


def conversions():
    """Every kind of array, and what makes one of NumPy's; the package's own parameters are of them."""

    def parameter(values):
        made = p.Parameter("made", values.shape)
        made.data = values
        return made

    return {
        "lists": lambda values, request: values.tolist(),
        "dlpack": lambda values, request: Exporting(values),
        "torch": lambda values, request: request.getfixturevalue("torch").from_numpy(values),
        "jax": lambda values, request: request.getfixturevalue("jax").asarray(values),
        "parameter": lambda values, request: parameter(values) if values.dtype == np.float32 else values,
    }


@pytest.fixture(params=conversions())
def of(request):
    """Makes another library's array of one of NumPy's."""
    make = conversions()[request.param]
    return lambda values: make(values, request)


def network():
    layers = [p.Conv2d(1, 2, 3), p.ReLU(), p.Flatten(), p.Linear(8, 3)]
    return p.Sequential(layers, input_shape=(1, 4, 4))


X = np.random.default_rng(0).random((12, 1, 4, 4), np.float32)
LABELS = np.arange(12, dtype=np.int32) % 3
QUICK = {"epochs": 2, "batch_size": 4, "progress": False}


# ---- in
@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_networks_take_them(engine, of):
    ours, theirs = network(), network()
    weight = np.arange(12, dtype=np.float32) + 1
    expected = p.fit(ours, (X, LABELS), sample_weight=weight, engine=engine, **QUICK)
    history = p.fit(theirs, (of(X), of(LABELS)), sample_weight=of(weight), engine=engine, **QUICK)
    assert history.batches == expected.batches
    assert p.evaluate(theirs, (of(X), of(LABELS)), engine=engine) == p.evaluate(ours, (X, LABELS), engine=engine)
    outputs = p.predict(ours, X, engine=engine)
    assert np.array_equal(p.predict(theirs, of(X), engine=engine), outputs)
    assert p.accuracy(of(outputs), of(LABELS)) == p.accuracy(outputs, LABELS)
    inside, expected = p.activations(theirs, of(X)), p.activations(ours, X)
    assert all(np.array_equal(inside[path], expected[path]) for path in expected)
    slopes, expected = p.gradients(theirs, of(X), of(LABELS)), p.gradients(ours, X, LABELS)
    assert all(np.array_equal(slopes[path], expected[path]) for path in expected)
    assert np.array_equal(p.compile(theirs)(of(X)), p.compile(ours)(X))


def test_data_sets_take_them(of):
    data = p.Dataset(of(X), of(LABELS))
    assert np.array_equal(data.images, X)
    assert (type(data.images), data.labels.dtype) == (np.ndarray, np.int64)
    assert data.subset(of(np.array([3, 1], np.int32))).labels.tolist() == [0, 1]


def test_layers_and_parameters_take_them(of):
    layer = p.Linear(3, 2)
    x, grad = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)
    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    layer.weight.data = of(weight)
    assert np.array_equal(layer.weight.data, weight)
    assert np.array_equal(layer(of(x)), x @ weight.T)
    assert np.array_equal(layer.backward(of(grad)), grad @ weight)


def test_what_is_assigned_into_an_array_is_numpys_own_matter(torch):
    layer = p.Linear(3, 2)
    layer.weight.data[...] = torch.ones(2, 3)
    assert (layer.weight.data == 1).all()


def test_what_lies_in_memory_is_not_copied(torch):
    pixels = torch.zeros((4, 1, 2, 2), dtype=torch.uint8)
    images = p.Dataset(pixels, torch.arange(4)).images
    pixels += 7
    assert (images == 7).all()
    values = np.zeros((2, 3), np.uint8)
    assert np.shares_memory(p.Dataset(Exporting(values), [0, 1]).images, values)


# ---- what cannot be taken
def taking(x):
    """Every way for an array into the library."""
    labels, layer = np.zeros(2, int), p.Linear(3, 2)
    layer(np.zeros((2, 3)))
    flat = p.Sequential([p.Linear(3, 2)], input_shape=(3,))
    return {
        "images": lambda: p.predict(flat, x),
        "labels": lambda: p.Dataset(np.zeros((2, 3)), x),
        "sample_weight": lambda: p.fit(flat, (np.zeros((2, 3)), labels), sample_weight=x, progress=False),
        "Linear": lambda: layer.forward(x),
        "grad_output": lambda: layer.backward(x),
        "Sequential": lambda: flat.forward(x),
        "weight.data": lambda: setattr(layer.weight, "data", x),
        "outputs": lambda: p.accuracy(x, labels),
        "x": lambda: p.check_gradients(layer, x),
    }


def refusals(x):
    """Return what each way says of an array, without the name that it begins with."""
    said = set()
    for name, take in taking(x).items():
        with pytest.raises(p.DataError, match=f"^{name}: expected an array of numbers, received ") as caught:
            take()
        said.add(str(caught.value).partition(", received ")[2])
    (text,) = said
    return text


@pytest.mark.parametrize("kind", [Exporting, Implicit])
def test_what_lies_on_another_device_is_to_be_moved(kind):
    text = refusals(kind(np.zeros((2, 3)), device=(2, 0)))
    article = "an Implicit" if kind is Implicit else "an Exporting"
    assert text == f"{article} on another device; move it to the CPU first, as with x.cpu()"


def test_what_refuses_for_a_reason_of_its_own_says_it():
    assert refusals(Implicit(np.zeros((2, 3)))) == (
        "an Implicit, which NumPy cannot take (implicit conversion is not allowed)"
    )


@pytest.mark.parametrize("error", [KeyError("no such column"), OSError("gone"), ZeroDivisionError()], ids=repr)
def test_whatever_another_librarys_array_raises_is_said(error):
    class Raising:
        def __array__(self, dtype=None, copy=None):
            raise error

    assert refusals(Raising()) == f"a Raising, which NumPy cannot take ({error})"


def test_what_is_hidden_by_a_mask_is_not_used():
    x = np.ma.masked_greater(X, 0.99)
    for name, take in taking(x).items():
        with pytest.raises(p.DataError, match=rf"^{name}: \d+ of the 192 numbers are masked; fill or drop them first"):
            take()
    unmasked = np.ma.masked_array(X)
    assert np.array_equal(p.predict(network(), unmasked), p.predict(network(), X))


def test_labels_that_are_hidden_by_a_mask_are_not_used():
    with pytest.raises(p.DataError, match="1 of the 12 numbers are masked"):
        p.fit(network(), (X, np.ma.masked_array(LABELS, LABELS * 0 + (np.arange(12) == 3))), **QUICK)


def test_a_tensor_that_requires_grad_is_to_be_detached(torch):
    assert refusals(torch.zeros(2, 3, requires_grad=True)) == "a Tensor that requires grad; write x.detach()"


def test_a_tensor_without_memory_is_refused_with_torchs_own_words(torch):
    assert "Tensor.cpu()" in refusals(torch.zeros(2, 3, device="meta"))


def test_bfloat16_is_to_be_converted(torch):
    text = "which NumPy has no numbers of; convert it to float32 first"
    assert refusals(torch.zeros(2, 3, dtype=torch.bfloat16)) == f"torch.bfloat16, {text}"


def test_bfloat16_of_jax_is_to_be_converted(jax):
    text = "which NumPy has no numbers of; convert it to float32 first"
    assert refusals(jax.zeros((2, 3), "bfloat16")) == f"bfloat16, {text}"


# ---- out
def test_a_parameter_is_its_values():
    conv, norm = p.Conv2d(1, 2, 3), p.BatchNorm2d(2)
    assert np.asarray(conv.weight) is conv.weight.data or np.shares_memory(np.asarray(conv.weight), conv.weight.data)
    assert np.shares_memory(np.from_dlpack(conv.weight), conv.weight.data)
    assert np.asarray(conv.weight, np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(conv.weight), conv.weight.data)
    assert np.asarray(norm.running_var).tolist() == [1, 1]
    with pytest.raises(ValueError, match="copy"):
        np.asarray(conv.weight, np.float64, copy=False)


def test_what_comes_out_goes_to_torch_without_a_copy(torch):
    made = network()
    for array in (p.predict(made, X), p.activations(made, X)["conv1"], made["conv1"].weight):
        tensor = torch.from_dlpack(array)
        assert np.shares_memory(tensor.numpy(), np.asarray(array))
        tensor += 1
        assert np.array_equal(tensor.numpy(), np.asarray(array))
