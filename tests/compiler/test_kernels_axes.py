"""The kernel of transposes against its definition: every order of the axes, for samples of one to four of them."""

from itertools import permutations

import numpy as np
import pytest

import pellucid as p

SHAPES = [(7,), (1,), (5, 3), (20, 33), (3, 6, 8), (17, 1, 9), (2, 18, 19), (33, 17, 18), (3, 2, 5, 4), (1, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_order_of_axes_is_that_of_the_definition(shape, rng):
    size = int(np.prod(shape))
    x = rng.standard_normal((3, size)).astype(np.float32)
    for axes in permutations(range(1, len(shape) + 1)):
        network = p.Sequential([p.Reshape(shape), p.Transpose(axes), p.Flatten()], input_shape=(size,))
        expected = x.reshape(3, *shape).transpose(0, *axes).reshape(3, size)
        np.testing.assert_array_equal(p.predict(network, x), expected, err_msg=str(axes))


def test_a_transpose_is_native():
    network = p.Sequential([p.Transpose((2, 3, 1)), p.Transpose((3, 1, 2))], input_shape=(3, 6, 8))
    assert all(row.native for row in p.summary(network).rows)
