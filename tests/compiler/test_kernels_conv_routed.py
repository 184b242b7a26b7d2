"""Gradients behind max pooling in their routed form: by hand, beside the gradient as an image, whole and in pieces."""

import numpy as np
import pytest

from oracles.emitted import channels_last, run
from oracles.numerical import assert_agrees
from pellucid.compiler.jit import compiled
from pellucid.compiler.kernels.conv_routed import conv2d_grad_weight_routed, row_step, suits_routes
from pellucid.compiler.kernels.convolution import Convolution
from pellucid.compiler.kernels.pool import max_pool2d_winners
from pellucid.compiler.kernels.shuffle import pad
from pellucid.compiler.packing import pack, unpack
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import BY_NAME, lanes_for, supported
from pellucid.definitions.conv import conv2d_grad_weight
from pellucid.definitions.pool import max_pool2d_grad_input
from pellucid.geometry import Window

TOLERANCE = 2e-5
HERE = [isa.name for isa in supported()]

# A convolution and the pooling behind it: what each is for
CASES = {
    "rows shorter than a vector": (Convolution(1, (16, 15), 6, Window.of(5)), Window.of(2, 2)),
    "rows that end in a vector": (Convolution(6, (12, 12), 16, Window.of(5)), Window.of(2, 2)),
    "whole vectors": (Convolution(16, (9, 9), 5, Window.of(2)), Window.of(2, 2)),
    "one by one": (Convolution(20, (7, 8), 9, Window.of(1)), Window.of(2, 2)),
    "many vectors": (Convolution(65, (6, 6), 8, Window.of(3)), Window.of(2, 2)),
    "strides": (Convolution(3, (17, 19), 10, Window.of((3, 4), (2, 3))), Window.of(2, 2)),
    "rows far apart": (Convolution(5, (12, 11), 3, Window.of(3, 1, 0, (2, 1))), Window.of(2, 2)),
    "windows that overlap": (Convolution(4, (14, 14), 17, Window.of(3)), Window.of(3, 2, 1)),
}
RUNS = [(case, HERE[0]) for case in CASES] + [(case, name) for case in list(CASES)[:2] for name in HERE[1:]]


def gradients(conv, window, isa, rng, checked=False, pieces=({},), samples=5, least=None):
    """Return the weights' gradient from a routed gradient, and the definition's from the image of it. With a `least`
    all numbers are positive."""
    y = rng.standard_normal((samples, conv.out_channels, *conv.out_size)).astype(np.float32)
    x = rng.standard_normal((samples, conv.in_channels, *conv.size)).astype(np.float32)
    grad_output = rng.standard_normal((samples, conv.out_channels, *window.output_size(conv.out_size)), np.float32)
    if least is not None:
        x, grad_output = np.abs(x) + np.float32(least), np.abs(grad_output) + np.float32(least)
    outputs, stride = int(np.prod(grad_output.shape[2:])), conv.window.stride
    steps = stride[0] * conv.size[1] * conv.in_channels, stride[1] * conv.in_channels
    parameters = conv.out_channels, conv.out_size, window, steps
    pooling = compiled(Recipe(max_pool2d_winners, parameters, BY_NAME[isa], checked))
    grad = channels_last(grad_output)
    pooled, winner = np.empty_like(grad), np.empty(grad.shape, np.uint32)
    pooling(channels_last(y), pooled, winner, samples=samples)

    lanes = lanes_for(conv.out_channels, BY_NAME[isa])
    grad_weight = pack(np.zeros(conv.weight_shape, np.float32), lanes)
    kernel = compiled(Recipe(conv2d_grad_weight_routed, (conv, outputs), BY_NAME[isa], checked))
    flat = [array.reshape(samples, *shape) for array, shape in (
        (channels_last(x), (-1,)), (grad, (outputs, -1)), (winner, (outputs, -1)),
    )]  # fmt: skip
    for piece in pieces:
        kernel(*flat, grad_weight, samples=samples, **piece)
    image = max_pool2d_grad_input(y.astype(float), grad_output.astype(float), window=window)
    expected = conv2d_grad_weight(x.astype(float), image, window=conv.window, groups=1)
    return unpack(grad_weight, conv.weight_shape, lanes), expected


@pytest.mark.parametrize(("name", "isa"), RUNS)
def test_the_gradient_is_the_definitions(name, isa, rng):
    conv, window = CASES[name]
    found, expected = gradients(conv, window, isa, rng, checked=isa == HERE[-1] or name == "strides")
    assert_agrees(found, expected, TOLERANCE)


def test_a_sum_does_not_depend_on_how_samples_are_cut(rng):
    conv, window = CASES["rows that end in a vector"]
    seed = int(rng.integers(1000))
    whole, _ = gradients(conv, window, HERE[0], np.random.default_rng(seed))
    pieces = [{"images": span} for span in ((0, 1), (1, 4), (4, 5))]
    cut, _ = gradients(conv, window, HERE[0], np.random.default_rng(seed), pieces=pieces)
    assert whole.tobytes() == cut.tobytes()


def test_vectors_of_any_width_give_the_same_bits(rng):
    """As far as they multiply and add at once."""
    conv, window = CASES["rows shorter than a vector"]
    fused = [isa.name for isa in supported() if isa.fused]
    found = {gradients(conv, window, isa, np.random.default_rng(3))[0].tobytes() for isa in fused}
    assert len(found) == 1


def test_many_places_gather_little_rounding(rng):
    """In one chain the sum of so many would be off by 2e-5."""
    conv, window = Convolution(1, (226, 226), 2, Window.of(3)), Window.of(2, 2)
    found, expected = gradients(conv, window, HERE[0], rng, samples=4, least=0.5)
    assert_agrees(found, expected, 2e-6)


def test_winners_by_hand():
    """Of a 3 × 4 image the windows' winners are a 5, the first of two, and a NaN."""
    x = np.array([[1, 5, 0, np.nan], [5, 2, 8, np.nan], [9, 9, 9, 9]], np.float32).reshape(1, 3, 4, 1)
    y, winner = np.empty((1, 1, 2, 1), np.float32), np.empty((1, 1, 2, 1), np.uint32)
    recipe = Recipe(max_pool2d_winners, (1, (3, 4), Window.of(2, 2), (100, 3)), BY_NAME[HERE[0]])
    compiled(recipe)(x, y, winner, samples=1)
    assert y.ravel().tolist() == pytest.approx([5, np.nan], nan_ok=True)
    assert winner.ravel().tolist() == [0 * 100 + 1 * 3, 0 * 100 + 3 * 3]


def test_a_gradient_by_hand():
    """One filter of 2 × 16 taps on an image of 3 × 18: two pooled outputs, whose windows begin at pixels 1 and 20."""
    conv = Convolution(1, (3, 18), 1, Window.of((2, 16)))
    x, grad = np.arange(54, dtype=np.float32).reshape(1, 54), np.array([1, 100], np.float32).reshape(1, 2, 1)
    winner, weights = np.array([1, 20], np.uint32).reshape(1, 2, 1), np.zeros(32, np.float32)
    recipe = Recipe(conv2d_grad_weight_routed, (conv, 2), BY_NAME[HERE[0]])
    compiled(recipe)(x, grad, winner, weights, samples=1)
    expected = [[(1 + ky * 18 + e) + 100 * (20 + ky * 18 + e) for e in range(16)] for ky in range(2)]
    assert weights.reshape(2, 16).tolist() == expected


def test_an_image_with_its_padding(rng):
    x = rng.standard_normal((2, 3, 5, 4)).astype(np.float32)
    sides = ((1, 0), (2, 3))
    y = run(pad, (3, (5, 4), sides), (channels_last(x),), (2, 6, 9, 3))
    assert np.array_equal(y, channels_last(np.pad(x, ((0, 0), (0, 0), *sides))))


@pytest.mark.parametrize(
    ("conv", "outputs", "suits"),
    [
        (Convolution(1, (28, 28), 6, Window.of(5)), 144, True),
        (Convolution(1, (28, 28), 6, Window.of(5)), 288, True),
        (Convolution(1, (28, 28), 6, Window.of(5)), 289, False),  # more than half is not 0
        (Convolution(1, (3, 5), 6, Window.of((2, 3))), 1, False),  # a vector of 16 reaches out of the image
        (Convolution(8, (9, 9), 8, Window.of(1)), 1, False),
        (Convolution(16, (9, 9), 8, Window.of(1)), 1, True),
        (Convolution(16, (9, 9), 8, Window.of(8)), 1, True),
        (Convolution(17, (9, 9), 8, Window.of(8)), 1, False),  # more weights than the stack has room for
        (Convolution(4, (9, 9), 8, Window.of(3), 2), 1, False),
    ],
)
def test_what_suits(conv, outputs, suits):
    assert suits_routes(conv, outputs) is suits


def test_rows_of_a_window_lie_apart_by_their_dilation():
    assert row_step(Convolution(3, (9, 7), 8, Window.of(3, 1, 0, (2, 1)))) == 2 * 7 * 3
