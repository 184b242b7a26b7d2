"""Sequential: names, shapes and errors that teach; scaling; whole networks alone; shared parameters."""

import copy

import numpy as np
import pytest

import pellucid as p
from pellucid.gradient_check import check_gradients


def lenet(features):
    return [
        p.Conv2d(1, 6, 5), p.ReLU(), p.MaxPool2d(2), p.Conv2d(6, 16, 5), p.ReLU(), p.MaxPool2d(2), p.Flatten(),
        p.Linear(features, 10),
    ]  # fmt: skip


def make(*layers, input_shape=(1, 8, 8), **options):
    return p.Sequential(list(layers), input_shape=input_shape, **options)


# ---- names
def test_layers_are_called_by_kind_and_number_or_as_given():
    layers = [*lenet(256)[:-1], ("head", p.Linear(256, 10)), p.Dropout(), p.Sequential([p.ReLU()])]
    assert list(p.Sequential(layers).children()) == [
        "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten1", "head", "dropout1", "block1",
    ]  # fmt: skip


def test_layers_are_found_by_path_or_position():
    inner = p.Linear(2, 2)
    network = p.Sequential([p.ReLU(), p.Residual(p.Sequential([p.Tanh(), ("last", inner)]))])
    assert network["residual1.body.last"] is inner
    assert network[1] is network["residual1"] is network[-1]
    assert (len(network), list(network)) == (2, [network[0], network[1]])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("relu2", "no layer 'relu2'; did you mean 'relu1'? There are relu1, residual1"),
        ("nothing", "no layer 'nothing'. There are relu1, residual1"),
        ("residual1.bdoy", "no layer 'residual1.bdoy'; did you mean 'residual1.body'? There are body"),
        ("relu1.x", "no layer 'relu1.x': relu1 holds no layers; write 'relu1'"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path, message):
    with pytest.raises(p.ArgumentError) as caught:
        p.Sequential([p.ReLU(), p.Residual(p.Tanh())])[path]
    assert str(caught.value) == message


# ---- errors that teach
@pytest.mark.parametrize(
    ("layers", "input_shape", "message"),
    [
        (
            lenet(400), (1, 28, 28),
            "linear1 (layer 8): expects 400 features, but flatten1 gives 256 = 16·4·4; use Linear(256, …)",
        ),
        (
            lenet(256), (3, 28, 28),
            "conv1 (layer 1): expects 1 channel, but the input has 3: (3, 28, 28); make the layer for 3 channels",
        ),
        (
            [p.Linear(5, 4), p.ReLU(), p.Linear(3, 2)], (5,),
            "linear2 (layer 3): expects 3 features, but relu1 gives 4; use Linear(4, …)",
        ),
        (
            [p.Conv2d(1, 2, 3), ("head", p.Linear(72, 2))], (1, 8, 8),
            "head (layer 2): expects 72 features, but conv1 gives shape (2, 6, 6); put Flatten() before it",
        ),
        (
            [p.Flatten(), p.Sequential([p.Linear(5, 2)])], (1, 8, 8),
            "block1.linear1 (layer 1): expects 5 features, but flatten1 gives 64 = 1·8·8; use Linear(64, …)",
        ),
        (
            [p.Conv2d(1, 8, 3), p.Residual(p.Sequential([p.Conv2d(4, 8, 3)]))], (1, 8, 8),
            "residual1.body.conv1 (layer 1): expects 4 channels, but conv1 gives 8: (8, 6, 6); "
            "make the layer for 8 channels",
        ),
        (
            [p.ReLU(), p.Concat(p.Tanh(), p.Sequential([p.ReLU(), p.Residual(p.Linear(3, 4))]))], (4,),
            "concat1.branch2.residual1.body: expects 3 features, but relu1 gives 4; use Linear(4, …)",
        ),
        (
            [p.ReLU(), p.Residual(p.Conv2d(1, 2, 3))], (1, 8, 8),
            "residual1 (layer 2): adds the body's output (2, 6, 6) to the input (1, 8, 8): these must be equal; give "
            "a shortcut such as Conv2d(…, 1, stride=…) that makes the body's shape",
        ),
    ],
    ids=["the product", "channels", "features", "images", "block", "residual", "deep", "residual itself"],
)  # fmt: skip
def test_a_layer_that_does_not_fit_is_named_with_the_numbers_and_the_fix(layers, input_shape, message):
    with pytest.raises(p.ShapeError) as caught:
        p.Sequential(layers, input_shape=input_shape)
    assert str(caught.value) == message
    with pytest.raises(p.ShapeError) as caught:
        p.Sequential(layers).forward(np.zeros((2, *input_shape)))
    assert str(caught.value) == message, "alone, as in a notebook, it is the same"


TWICE = p.Linear(2, 2)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "Sequential: expected at least one layer, received an empty list"),
        (p.ReLU(), "Sequential: expected a list of layers, received ReLU()"),
        ("ab", "Sequential: expected a list of layers, received 'ab'"),
        ([p.ReLU(), 3], "layer 2: expected a layer or (name, layer), received 3"),
        (
            [p.Tanh],
            f"layer 1: expected a layer or (name, layer), received {p.Tanh!r}; write Tanh(…), an object, not the class",
        ),
        ([("a", p.ReLU()), ("a", p.Tanh())], "layer 2: the name 'a' is taken already; give another"),
        ([("relu1", p.Tanh()), p.ReLU()], "layer 2: the name 'relu1' is taken already; give another"),
        ([("a.b", p.ReLU())], "layer 1: expected a name of letters, digits and _, received 'a.b'"),
        ([(1, p.ReLU())], "layer 1: expected a name of letters, digits and _, received 1"),
        (
            [TWICE, p.Residual(TWICE)],
            "residual1.body is the same object as linear1: make a second layer, and share its parameters if that is "
            "meant (residual1.body.weight = linear1.weight)",
        ),
        ([p.Concat(*[p.ReLU()] * 2)], "concat1.branch2 is the same object as concat1.branch1: make a second layer"),
    ],
)
def test_what_makes_no_network_is_refused(layers, message):
    with pytest.raises(p.ArgumentError) as caught:
        p.Sequential(layers)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float16"}, "dtype: expected float32 or float64, received 'float16'"),
        ({"dtype": None}, "dtype: expected float32 or float64, received None"),
        ({"seed": -1}, "seed: expected a whole number from 0 to 2^64 − 1, received -1"),
        ({"seed": 1.5}, "seed: expected a whole number from 0 to 2^64 − 1, received 1.5"),
        ({"input_shape": 28}, "input_shape: expected (channels, height, width) or (features,), received 28"),
        ({"input_shape": ()}, "input_shape: expected (channels, height, width) or (features,), received ()"),
        ({"input_shape": (1, 0, 8)}, "input_shape: expected a whole number of at least 1, received 0"),
        ({"input_shape": (1, 8.5, 8)}, "input_shape: expected a whole number of at least 1, received 8.5"),
        ({"scaling": 0.5}, "scaling: expected a Scaling(mean=…, std=…), received 0.5"),
        ({"scaling": p.Scaling((1, 2, 3))}, "scaling: has numbers for 3 channels, but input_shape has 1"),
        ({"initializer": "he-normal"}, "initializer: expected an initialiser such as HeNormal(), received 'he-normal'"),
        (
            {"initializer": p.HeNormal},
            f"initializer: expected an initialiser such as HeNormal(), received {p.HeNormal!r}",
        ),
        (
            {"input_shape": (3,), "class_names": ["a", "b"]},
            "class_names: expected one for each of the 3 outputs, received 2",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(p.ArgumentError) as caught:
        make(p.ReLU(), **options)
    assert str(caught.value) == message


def test_an_input_shape_belongs_to_the_outermost_alone():
    inner = make(p.ReLU())
    message = "residual1.body has an input_shape, but stands inside a network: leave it out there"
    with pytest.raises(p.ArgumentError, match=message):
        make(p.Residual(inner))
    with pytest.raises(p.ArgumentError, match="output_shape needs an input_shape: this Sequential was made without"):
        p.Sequential([p.ReLU()]).output_shape()


# ---- initial weights and dtype
def test_weights_follow_from_seed_and_path_alone():
    def head(*before, seed=0):
        return make(*before, ("head", p.Linear(4, 3)), input_shape=(4,), seed=seed)["head"].weight.data

    np.testing.assert_array_equal(head(), head())
    np.testing.assert_array_equal(head(), head(p.Linear(4, 4), p.Dropout()), "whatever else there is")
    assert (head() != head(seed=1)).all()
    bare = p.Sequential([("head", p.Linear(4, 3))])
    bare.initialize(0)
    np.testing.assert_array_equal(bare["head"].weight.data, head())


def test_to_begin_anew_is_to_be_a_new_network_of_that_seed():
    def network(seed=0):
        return make(p.Linear(3, 4), p.BatchNorm2d(4), input_shape=(3,), seed=seed, dtype="float64")

    used, new = network(), network(seed=5)
    used.forward(np.random.default_rng(0).normal(3, 2, (8, 3)), training=True)
    assert (used["norm1"].running_mean.data != 0).all()
    used["norm1"].running_var.data[...] = 7  # in place, too
    used.initialize(5)
    assert used.seed == 5
    for name, each in {**new.parameters(), **new.states()}.items():
        again = {**used.parameters(), **used.states()}[name].data
        np.testing.assert_array_equal(again, each.data, name)
        assert again.dtype == np.float64
    with pytest.raises(p.ArgumentError, match="seed: expected a whole number"):
        used.initialize(-1)
    assert used.seed == 5


def initializers(network):
    return {path: q.initializer for path, q in network.parameters().items()}


def test_an_initializer_draws_the_weights_that_have_none_of_their_own():
    def layers():
        own, inner = p.Linear(4, 3, initializer=p.Zeros()), p.Sequential([p.Linear(3, 3)], initializer=p.Normal(1))
        return p.Conv2d(1, 4, 3), p.BatchNorm2d(4), p.Flatten(), ("own", own), ("inner", inner), p.Linear(3, 2)

    shape = (1, 3, 3)
    default, given = (
        make(*layers(), input_shape=shape),
        make(*layers(), input_shape=shape, initializer=p.GlorotUniform()),
    )
    assert initializers(given) == initializers(default) | {
        "conv1.weight": p.GlorotUniform(), "linear1.weight": p.GlorotUniform(),
    }  # fmt: skip
    assert initializers(default) == {
        "conv1.weight": p.HeNormal(), "conv1.bias": p.Zeros(), "norm1.weight": p.Constant(1), "norm1.bias": p.Zeros(),
        "own.weight": p.Zeros(), "own.bias": p.Zeros(), "inner.linear1.weight": p.Normal(1),
        "inner.linear1.bias": p.Zeros(), "linear1.weight": p.HeNormal(), "linear1.bias": p.Zeros(),
    }  # fmt: skip


@pytest.mark.parametrize("seed", [0, 7])
def test_a_networks_initializer_draws_what_the_layers_own_would(seed):
    own = make(p.Linear(3, 4, initializer=p.GlorotNormal()), input_shape=(3,), seed=seed, dtype="float64")
    whole = make(p.Linear(3, 4), input_shape=(3,), seed=seed, dtype="float64", initializer=p.GlorotNormal())
    np.testing.assert_array_equal(whole["linear1"].weight.data, own["linear1"].weight.data)
    whole.initialize(seed + 1)
    own.initialize(seed + 1)
    np.testing.assert_array_equal(whole["linear1"].weight.data, own["linear1"].weight.data, "also when it begins anew")


def test_an_initializer_leaves_the_values_that_a_parameter_has():
    layer = p.Linear(2, 2)
    layer.weight.data = [[1, 2], [3, 4]]
    network = make(layer, input_shape=(2,), initializer=p.Zeros())
    assert network["linear1"].weight.data.tolist() == [[1, 2], [3, 4]]
    network.initialize()
    assert not network["linear1"].weight.data.any()


@pytest.mark.parametrize("names", [["a", "b"], [], ()])
def test_class_names_are_one_an_output(names):
    assert make(p.Linear(3, 2), input_shape=(3,), class_names=names).class_names == tuple(names)


def test_a_network_that_gives_images_may_name_what_it_likes():
    assert make(p.Conv2d(1, 2, 3), class_names=["road", "sky", "sea"]).class_names == ("road", "sky", "sea")


def test_values_that_a_parameter_has_are_kept():
    layer = p.Linear(2, 2)
    layer.weight.data = [[1, 2], [3, 4]]
    network = make(layer, input_shape=(2,), dtype="float64")
    assert network["linear1"].weight.data.tolist() == [[1, 2], [3, 4]]
    assert network["linear1"].weight.data.dtype == np.float64


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_layers_get_the_networks_dtype(dtype):
    layer = p.BatchNorm2d(1)
    layer.cast("float64")
    network = make(layer, p.Flatten(), p.Linear(64, 2), dtype=dtype)
    held = {**network.parameters(), **network.states()}
    assert {each.data.dtype for each in held.values()} == {np.dtype(dtype)}
    y = network.forward(np.zeros((2, 1, 8, 8)))
    assert y.dtype == network.backward(y).dtype == network.dtype == np.dtype(dtype)


def test_a_network_that_is_refused_leaves_its_layers_as_they_were():
    layer = p.Linear(3, 2)
    with pytest.raises(p.ShapeError):
        make(layer, input_shape=(4,), dtype="float64")
    with pytest.raises(p.ArgumentError, match="seed"):
        make(layer, input_shape=(3,), dtype="float64", seed=-1)
    with pytest.raises(p.ShapeError):
        make(layer, input_shape=(4,), initializer=p.Zeros())
    assert layer.dtype == layer.weight.dtype == np.float32
    assert layer.weight.initializer == p.HeNormal()


# ---- scaling
def test_bytes_are_divided_by_255_and_floats_are_not():
    network = make(p.ReLU(), input_shape=(1, 1, 2), scaling=p.Scaling(mean=0.2, std=0.5), dtype="float64")
    np.testing.assert_allclose(network.forward(np.array([[[[51, 255]]]], np.uint8)), [[[[0, 1.6]]]], atol=1e-15)
    np.testing.assert_allclose(network.backward(np.full((1, 1, 1, 2), 510.0)), [[[[0, 4]]]], err_msg="1/255/0.5")
    for x in (np.array([[[[0.2, 1.0]]]]), np.array([[[[0, 1]]]])):
        np.testing.assert_allclose(network.forward(x), np.maximum((x - 0.2) / 0.5, 0))
        np.testing.assert_allclose(network.backward(np.ones((1, 1, 1, 2))), (x > 0.2) * 2.0)


def test_every_channel_has_its_own_scaling():
    scaling = p.Scaling(mean=(1, 2, 3), std=np.array([1.0, 2, 4]))
    network = make(p.Dropout(), input_shape=(3, 1, 1), scaling=scaling)
    np.testing.assert_array_equal(network.forward(np.full((1, 3, 1, 1), 5.0)).ravel(), [4, 1.5, 0.5])
    features = make(p.Dropout(), input_shape=(3,), scaling=scaling)
    np.testing.assert_array_equal(features.forward([[5, 5, 5]]), [[4, 1.5, 0.5]])
    with pytest.raises(p.ShapeError, match=r"conv1 \(layer 1\): expects 3 channels, but the input has 1"):
        make(p.Conv2d(3, 1, 1), input_shape=(3, 4, 4), scaling=scaling).forward(np.zeros((2, 1, 4, 4)))


def test_scaling_is_a_value_of_plain_numbers():
    scaling = p.Scaling(np.float32(0.5), np.array([1, 2]))
    assert scaling == p.Scaling(0.5, (1.0, 2.0))
    assert (scaling.means, scaling.deviations, scaling.channels) == ((0.5,), (1.0, 2.0), 2)
    assert repr(scaling) == "Scaling(mean=0.5, std=(1.0, 2.0))"
    assert repr(p.Scaling((0.5,), [2])) == "Scaling(mean=0.5, std=2.0)"
    assert hash(scaling) == hash(p.Scaling(0.5, (1, 2)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a",), "Scaling.mean: expected a finite number, or one a channel, received 'a'"),
        (((),), "Scaling.mean: expected a finite number, or one a channel, received ()"),
        ((np.nan,), "Scaling.mean: expected a finite number, or one a channel, received nan"),
        (([[1, 2]],), "Scaling.mean: expected a finite number, or one a channel, received [[1, 2]]"),
        ((0, 0), "Scaling.std: expected numbers above 0, received 0.0"),
        ((0, (1, -1)), "Scaling.std: expected numbers above 0, received (1.0, -1.0)"),
        ((0, np.inf), "Scaling.std: expected a finite number, or one a channel, received inf"),
        (((1, 2), (1, 2, 3)), "Scaling: expected as many means as deviations, received 2 and 3"),
    ],
)
def test_scaling_that_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(p.ArgumentError) as caught:
        p.Scaling(*arguments)
    assert str(caught.value) == message


# ---- whole networks alone
@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_a_convolutional_network(training):
    inside = [p.Conv2d(4, 4, 3, padding=1), p.BatchNorm2d(4), p.Tanh()]
    network = make(
        p.Conv2d(1, 4, 3), p.BatchNorm2d(4), p.ReLU(), p.MaxPool2d(2), p.Residual(p.Sequential(inside)), p.Dropout(0.2),
        p.Concat(p.ReLU6(), p.Conv2d(4, 2, 1)), p.AdaptiveAvgPool2d(2), p.Flatten(), p.Linear(24, 3),
        scaling=p.Scaling(0.1, 0.5),
    )  # fmt: skip
    report = check_gradients(network, np.random.default_rng(0).normal(0, 1, (3, 1, 8, 8)), training=training)
    assert report.ok, report


def test_the_batch_may_have_any_size_also_none():
    network = make(p.Conv2d(1, 2, 3), p.ReLU(), p.MaxPool2d(2), p.Flatten(), p.Linear(18, 3))
    for samples in (0, 1, 5):
        y = network.forward(np.zeros((samples, 1, 8, 8), np.uint8))
        assert y.shape == (samples, 3)
        assert network.backward(y).shape == (samples, 1, 8, 8)
        assert all(np.isfinite(q.grad).all() for q in network.parameters().values())


def test_a_batch_gives_what_its_samples_give_alone():
    network = make(*lenet(256), input_shape=(1, 28, 28), dtype="float64")
    x = np.random.default_rng(0).normal(0, 1, (3, 1, 28, 28))
    alone = np.concatenate([network.forward(x[n : n + 1]) for n in range(3)])
    np.testing.assert_allclose(network.forward(x), alone, rtol=1e-12)


def test_a_shared_parameter_is_one_parameter_with_one_gradient():
    network = p.Sequential([p.Linear(3, 3), p.Tanh(), p.Linear(3, 3), p.Tanh(), p.Sequential([p.Linear(3, 3)])])
    for path in ("linear2", "block1.linear1"):
        network[path].weight = network["linear1"].weight
    assert list(network.parameters()) == [
        "linear1.weight", "linear1.bias", "linear2.bias", "block1.linear1.bias",
    ]  # fmt: skip
    report = check_gradients(network, np.random.default_rng(0).normal(0, 1, (4, 3)))
    assert report.ok, report


def test_a_copy_is_independent():
    network = make(p.Flatten(), p.Linear(64, 2))
    twin = copy.deepcopy(network)
    np.testing.assert_array_equal(twin["linear1"].weight.data, network["linear1"].weight.data)
    twin["linear1"].weight.data += 1
    assert (twin["linear1"].weight.data != network["linear1"].weight.data).all()


def test_repr_is_the_list_of_layers():
    network = p.Sequential([p.ReLU(), ("head", p.Linear(2, 1))], input_shape=(2,))
    assert repr(network) == (
        "Sequential([\n    ('relu1', ReLU()),\n    ('head', Linear(in_features=2, out_features=1, bias=True))\n]"
        ", input_shape=(2,))"
    )


def test_repr_shows_what_stands_inside_of_what():
    inner = p.Sequential([p.ReLU(), p.Sequential([p.Tanh()])])
    network = p.Sequential([p.Residual(inner), p.Flatten()])
    assert repr(network).splitlines() == [
        "Sequential([",
        "    ('residual1', Residual(Sequential([",
        "        ('relu1', ReLU()),",
        "        ('block1', Sequential([",
        "            ('tanh1', Tanh())",
        "        ]))",
        "    ]))),",
        "    ('flatten1', Flatten())",
        "])",
    ]


# ---- absurd sizes and misleading names
def test_an_output_larger_than_memory_is_refused_at_once():
    with pytest.raises(p.ShapeError) as caught:
        p.Sequential([p.AdaptiveAvgPool2d(10**7)], input_shape=(1, 4, 4))
    message = "pool1 (layer 1): a single output (1, 10000000, 10000000) would need 400,000,000,000,000 bytes, and this"
    assert str(caught.value).startswith(message)
    with pytest.raises(p.ShapeError, match="input_shape: a single output"):
        p.Sequential([p.Flatten()], input_shape=(1, 10**7, 10**7))


def test_an_input_is_an_image_or_a_row_of_features():
    with pytest.raises(p.ArgumentError) as caught:
        p.Sequential([p.Flatten()], input_shape=(4, 4))
    assert str(caught.value) == "input_shape: expected (channels, height, width) or (features,), received (4, 4)"


def test_the_name_input_is_taken():
    with pytest.raises(p.ArgumentError) as caught:
        p.Sequential([("input", p.Linear(6, 3))], input_shape=(6,))
    assert str(caught.value) == "layer 1: the name 'input' means what the network is given; choose another"


def test_a_parameter_is_not_replaced_by_an_array():
    layer = p.Linear(2, 1)
    with pytest.raises(p.ArgumentError) as caught:
        layer.weight = np.zeros((1, 2))
    assert str(caught.value) == ("Linear.weight is a Parameter; its values are weight.data: assign to that")


@pytest.mark.parametrize("initializer", ["he-normal", p.HeNormal])
def test_an_initialiser_is_an_object(initializer):
    with pytest.raises(p.ArgumentError, match="initializer: expected an initialiser such as HeNormal"):
        p.Linear(4, 3, initializer=initializer)


@pytest.mark.parametrize(
    "inside", [lambda layer: p.Sequential([layer]), lambda layer: p.Graph({"deep": (layer, "input")}), p.Residual]
)
@pytest.mark.parametrize("levels", [57, 400])
def test_layers_too_deep_inside_each_other_are_refused(inside, levels):
    def made():
        deep = p.ReLU()
        for _ in range(levels - 1):
            deep = inside(deep)
        return p.Sequential([deep], input_shape=(3,))

    with pytest.raises(p.ArgumentError) as caught:
        made()
    assert str(caught.value).partition(": ")[2] == (
        "expected at most 56 layers inside each other, as many as a file can hold, received more; put them one after "
        "the other"
    )


def test_a_layer_that_holds_itself_is_refused():
    residual = p.Residual(p.ReLU())
    residual.body = residual
    with pytest.raises(p.ArgumentError, match="expected at most 56 layers inside each other"):
        p.Sequential([residual])
