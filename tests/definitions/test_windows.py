"""Windows as an array and as pairs of slices: the same pixels, both as walking finds them."""

import numpy as np
from hypothesis import given

from oracles import naive
from oracles.numerical import assert_agrees
from oracles.windows import layouts, modest, numbers, rngs, windows_on_images
from pellucid.definitions.windows import patches, taps
from pellucid.geometry import Window


def test_patches_by_hand():
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    found = patches(x, Window.of(2, padding=((1, 0), (0, 0))))
    assert found.shape == (1, 1, 3, 2, 2, 2)
    assert found[0, 0, 0, 0].tolist() == [[0, 0], [1, 2]]  # its upper half lies in the padding
    assert found[0, 0, 2, 1].tolist() == [[5, 6], [8, 9]]


def test_patches_with_stride_and_dilation_by_hand():
    x = np.arange(1.0, 26).reshape(1, 1, 5, 5)
    found = patches(x, Window.of(2, stride=(1, 2), dilation=2))
    assert found.shape == (1, 1, 3, 2, 2, 2)
    assert found[0, 0, 1, 1].tolist() == [[8, 10], [18, 20]]


def test_patches_without_padding_are_a_view():
    x = np.zeros((1, 1, 6, 6))
    assert np.shares_memory(patches(x, Window.of(3)), x)


def test_taps_by_hand():
    found = list(taps(Window.of((1, 2), padding=((0, 0), (1, 0))), (2, 3)))
    assert found == [
        ((..., slice(0, 2), slice(1, 3)), (..., slice(0, 2, 1), slice(0, 2, 1))),  # outside at column 0
        ((..., slice(0, 2), slice(0, 3)), (..., slice(0, 2, 1), slice(0, 3, 1))),
    ]


@given(windows_on_images(pooling=True) | windows_on_images(), rngs, layouts)
@modest
def test_patches_are_what_walking_reads(case, rng, layout):
    window, size = case
    x = numbers(rng, (2, 2, *size), layout)
    found = patches(x, window)
    assert found.shape == (2, 2, *naive.places(window, size), *window.kernel_size)
    expected = np.zeros(found.shape)
    for oy, ox, ky, kx, i, j in naive.reads(window, size):
        if naive.inside(i, j, size):
            expected[:, :, oy, ox, ky, kx] = x[:, :, i, j]
    assert_agrees(found, expected, tolerance=0)


@given(windows_on_images(pooling=True) | windows_on_images())
@modest
def test_taps_are_what_walking_reads_inside_the_image(case):
    window, size = case
    places, pixels = np.indices(naive.places(window, size)), np.indices(size)
    found = [
        (tap, *place, *pixel)
        for tap, (at, reads) in enumerate(taps(window, size))
        for place, pixel in zip(
            places[at].reshape(2, -1).T.tolist(), pixels[reads].reshape(2, -1).T.tolist(), strict=True
        )
    ]
    columns = window.kernel_size[1]
    expected = [
        (ky * columns + kx, oy, ox, i, j)
        for oy, ox, ky, kx, i, j in naive.reads(window, size)
        if naive.inside(i, j, size)
    ]
    assert sorted(found) == sorted(expected)
