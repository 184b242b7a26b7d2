"""What a trace takes, keeps and refuses; snippets and the way back."""

import json
import subprocess
import sys

import numpy as np
import pytest

import pellucid as p


@pytest.fixture
def network():
    layers = [p.Conv2d(1, 2, 3), p.ReLU(), p.Flatten(), p.Linear(18, 4)]
    return p.Sequential(layers, input_shape=(1, 5, 5), scaling=p.Scaling(0.1, 0.5))


def test_everything_is_kept_as_the_network_computes_it(network, rng):
    image = rng.integers(0, 256, (1, 5, 5)).astype(np.uint8)
    trace = p.trace(network, image)
    inside = p.activations(network, image[None])
    assert [place.path for place in trace.layers] == ["conv1", "relu1", "flatten1", "linear1"]
    for path, expected in inside.items():
        np.testing.assert_array_equal(trace.values[trace.value(path)], expected[0])
        assert trace.values[trace.value(path)].dtype == np.float32
    np.testing.assert_array_equal(trace.values[trace.program.input], image)
    for value, array in trace.values.items():
        assert array.shape == trace.program.values[value].shape


def test_one_image_comes_in_any_form(network, rng):
    image = rng.random((5, 5), np.float32)
    forms = [image, image[None], image[None, None], image.tolist()]
    outputs = [p.trace(network, form).sum("linear1", 0).stored for form in forms]
    assert len(set(outputs)) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_an_image_that_is_drawn_on_later_is_kept_as_it_was(network, dtype):
    image = np.full((1, 5, 5), 3, dtype)
    trace = p.trace(network, image)
    image[...] = 0
    assert (trace.values[trace.program.input] == 3).all()
    assert trace.sum("input", (0, 1, 2)).details["pixel"] == 3


def test_what_is_learnt_later_changes_nothing(network, rng):
    image = rng.random((5, 5), np.float32)
    trace = p.trace(network, image)
    before = trace.sum("linear1", 2)
    network["linear1"].weight.data[...] = 0
    image[...] = 0
    after = trace.sum("linear1", 2)
    assert (before.recomputed, before.terms.amounts.tolist()) == (after.recomputed, after.terms.amounts.tolist())
    assert trace.walk_back("linear1", 2) == trace.walk_back("linear1", 2)


@pytest.mark.parametrize(
    ("layer", "index", "message"),
    [
        ("conv2", (0, 0, 0), "layer: no layer 'conv2'; did you mean 'conv1'?"),
        ("head", (0,), "layer: no layer 'head'. There are input, conv1, relu1, flatten1, linear1"),
        (None, (0,), "layer: expected"),
        (10_000, (0,), "layer: no step makes a value with the id 10000"),
        (0, (0, 0, 0, 0), "layer: no step makes a value with the id 0"),  # a weight
        ("conv1", (2, 0, 0), r"index: conv1 gives \(2, 3, 3\), so expected \(0 to 1, 0 to 2, 0 to 2\), received \(2, "),
        ("conv1", (0, 0), r"index: conv1 gives \(2, 3, 3\), so expected .*, received \(0, 0\)"),
        ("linear1", 4, r"index: linear1 gives \(4,\), so expected \(0 to 3\), received \(4,\)"),
        ("linear1", -1, "index: expected"),
        ("linear1", (0.5,), "index: expected"),
        ("linear1", "7", "index: expected"),
    ],
)
def test_what_is_not_there_is_refused(network, layer, index, message):
    trace = p.trace(network, np.zeros((5, 5), np.float32))
    with pytest.raises(p.ArgumentError, match=message):
        trace.sum(layer, index)
    with pytest.raises(p.ArgumentError):
        trace.walk_back(layer, index)


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((3, 1, 5, 5), np.float32), p.ShapeError, r"expected one .* received 3 images; write images\[0\]"),
        (np.zeros((0, 1, 5, 5), np.float32), p.DataError, "empty"),
        (np.zeros((4, 4), np.float32), p.PellucidError, "expect"),
        (np.full((5, 5), np.nan, np.float32), p.DataError, "NaN"),
        (np.zeros((5, 5), np.int64), p.DataError, "uint8 or floats"),
    ],
)  # fmt: skip
def test_what_is_not_one_image_is_refused(network, image, error, message):
    with pytest.raises(error, match=message):
        p.trace(network, image)


def test_a_data_set_and_what_is_no_network_are_refused(network):
    with pytest.raises(p.ArgumentError, match="Dataset"):
        p.trace(network, p.datasets.digits()[1])
    with pytest.raises(p.ArgumentError, match="received None"):
        p.trace(None, np.zeros((5, 5), np.float32))


def test_a_number_of_the_image_is_as_given(network):
    trace = p.trace(network, np.full((5, 5), 51, np.uint8))
    found = trace.sum(trace.program.input, (0, 1, 1))
    assert (found.kind, found.recomputed, len(found.terms)) == ("input", 51, 0)
    scaled = trace.sum("input", (0, 1, 1))
    assert scaled.terms.values.tolist() == [trace.program.input]
    assert (scaled.terms.amounts.tolist(), scaled.constant) == ([0.4], -0.2)


def test_indices_of_terms_lead_on(network, rng):
    trace = p.trace(network, rng.random((5, 5), np.float32))
    found = trace.sum("linear1", 3)
    for value, index in zip(found.terms.values, found.terms.indices, strict=True):
        assert trace.sum(value, index).layer == "flatten1"


# ---- snippets


def test_a_snippet_is_a_program_of_its_own(network, rng):
    found = p.trace(network, rng.random((5, 5), np.float32)).sum("conv1", (1, 1, 1))
    run = [sys.executable, "-I", "-c", found.snippet()]
    result = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True)
    assert float(result.stdout) == pytest.approx(found.recomputed, rel=1e-12)
    assert found.formula in found.snippet()
    assert "pellucid" not in found.snippet()


def test_a_snippet_with_a_wrong_number_fails(network, rng):
    found = p.trace(network, rng.random((5, 5), np.float32)).sum("conv1", (1, 1, 1))
    wrong = found.snippet().replace("bias = 0.0", "bias = 0.1")
    assert wrong != found.snippet()
    with pytest.raises(AssertionError):
        exec(compile(wrong, "snippet", "exec"), {})


def test_a_long_snippet_has_every_bit_in_few_letters(rng):
    network = p.Sequential([p.Linear(4000, 2)], input_shape=(4000,))
    x = (10.0 ** rng.uniform(-30, 10, 4000)).astype(np.float32)
    text = p.trace(network, x).sum("linear1", 1).snippet()
    names: dict[str, object] = {}
    exec(compile(text, "snippet", "exec"), names)
    np.testing.assert_array_equal(names["x"], x.astype(np.float64))
    np.testing.assert_array_equal(names["weight"], network["linear1"].weight.data[1].astype(np.float64))
    assert len(text) < 8000 * 15
    assert max(map(len, text.splitlines())) <= 120


# ---- the way back


def test_the_way_back_takes_the_largest_share_of_what_is_added():
    network = p.Sequential([p.Linear(3, 2), p.Tanh(), p.Linear(2, 1)], input_shape=(3,))
    network["linear1"].weight.data = [[1, 0, 0], [0.5, -2, 1]]
    network["linear2"].weight.data = [[1, 10]]
    network["linear2"].bias.data = [1000]  # a constant does not count
    trace = p.trace(network, [1.0, 1.0, 1.0])
    walk = trace.walk_back("linear2", 0)
    assert [step.layer for step in walk] == ["linear2", "tanh1", "linear1", "input"]
    assert [step.terms for step in walk] == [2, 1, 3, 1]
    assert [step.index for step in walk] == [(0,), (1,), (1,), (1,)]
    assert walk[0].share == pytest.approx(10 * np.tanh(0.5) / (10 * np.tanh(0.5) + np.tanh(1)), rel=1e-6)
    assert (walk[2].share, walk[2].amount, walk[2].number) == (2 / 3.5, -2, -0.5)
    assert (walk[-1].source, walk[-1].source_index) == (trace.program.input, (1,))


def test_the_way_back_is_broken_off_after_so_many_choices():
    network = p.Sequential([layer for _ in range(6) for layer in (p.Linear(3, 3), p.ReLU())], input_shape=(3,))
    trace = p.trace(network, [1.0, 2.0, 3.0])
    assert [step.layer for step in trace.walk_back("relu6", 0, most=2)] == ["relu6", "linear6", "relu5", "linear5"]
    assert trace.walk_back("relu6", 0, 6)[-1].source != trace.program.input
    assert trace.walk_back("relu6", 0, 7)[-1].source == trace.program.input
    with pytest.raises(p.ArgumentError, match="most"):
        trace.walk_back("relu6", 0, most=0)


def test_where_all_terms_are_nothing_the_first_is_taken():
    network = p.Sequential([p.Linear(4, 1)], input_shape=(4,))
    step = p.trace(network, np.zeros(4, np.float32)).walk_back("linear1", 0)[0]
    assert (step.source_index, step.share, step.amount) == ((0,), 0.25, 0)


def test_a_nan_is_followed_before_all_numbers():
    network = p.Sequential([p.Linear(3, 3), p.ReLU(), p.Linear(3, 1)], input_shape=(3,))
    network["linear1"].bias.data = [np.inf, np.nan, 1]
    walk = p.trace(network, [1.0, 2.0, 3.0]).walk_back("linear2", 0)
    assert walk[0].source_index == (1,)
    assert np.isnan(walk[0].share)
    assert (walk[1].layer, walk[1].share) == ("relu1", 1)


def test_numbers_that_float32_cannot_hold_are_told_as_they_are():
    network = p.Sequential([p.Linear(2, 2), p.Linear(2, 1)], input_shape=(2,))
    network["linear1"].weight.data[...] = 3e38
    network["linear2"].weight.data[...] = 1
    trace = p.trace(network, np.array([1.0, 1.0], np.float32))
    found = trace.sum("linear1", 0)
    assert found.stored == np.inf
    assert found.recomputed == pytest.approx(6e38)
    assert trace.sum("linear2", 0).details["terms"][0]["x"] == "inf"
    for layer in ("linear1", "linear2"):
        each = trace.sum(layer, 0)
        json.dumps(each.details, allow_nan=False)
        exec(compile(each.snippet(), "snippet", "exec"), {})
    assert trace.walk_back("linear2", 0)[-1].source == trace.program.input


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e-41, 1e25, np.inf])
def test_a_snippet_holds_at_the_ends_of_float32(size, rng):
    """Below its smallest normal number rounding is not relative; beyond its largest, squares are infinite."""
    network = p.Sequential([p.Conv2d(4, 4, 1), p.LocalResponseNorm(3)], input_shape=(4, 2, 2), seed=1)
    with np.errstate(all="ignore"):
        network["conv1"].weight.data = (network["conv1"].weight.data * np.float32(size)).astype(np.float32)
        trace = p.trace(network, rng.random((4, 2, 2), np.float32))
        texts = [trace.sum(layer, (c, 1, 0)).snippet() for layer in ("conv1", "lrn1") for c in range(4)]
    for text in texts:
        exec(compile(text, "snippet", "exec"), {})
