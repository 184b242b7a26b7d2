"""Strategies: windows of every kind, images that they fit, and arrays in awkward memory layouts."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from pellucid.geometry import Window

modest = settings(max_examples=40, deadline=None)


def one_or_two(numbers):
    """A number, or a pair (vertical, horizontal): every form that a layer's argument takes."""
    return numbers | st.tuples(numbers, numbers)


def paddings(largest):
    numbers = st.integers(0, largest)
    pairs = st.tuples(numbers, numbers)
    return st.just("same") | numbers | pairs | st.tuples(pairs, pairs)


@st.composite
def windows_on_images(draw, pooling=False, dilated=True):
    """A window and the size (H, W) of an image on which it finds at least one place; a pool's padding is smaller than
    its window, and every place sees at least one pixel."""
    kernel_size = draw(one_or_two(st.integers(1, 3)))
    window = Window.of(
        kernel_size,
        draw(one_or_two(st.integers(1, 3))),
        draw(paddings(2)),
        draw(one_or_two(st.integers(1, 3))) if dilated else 1,
        draw(st.booleans()) if pooling else False,
    )
    size = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)).filter(lambda s: fits(window.on(s), s, pooling)))
    return window.on(size), size


def fits(window, size, pooling):
    if min(window.output_size(size)) < 1:
        return False
    if not pooling:
        return True
    small = all(max(window.padding[axis]) < window.extent[axis] for axis in (0, 1))
    return small and all(all(window.taps(axis, size[axis])) for axis in (0, 1))


LAYOUTS = {
    "contiguous": lambda array: array.copy(),
    "channels last": lambda array: np.moveaxis(np.moveaxis(array, 1, -1).copy(), -1, 1),
    "backwards": lambda array: array[..., ::-1].copy()[..., ::-1],
    "every second": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "Fortran": lambda array: np.asfortranarray(array),
}
layouts = st.sampled_from(sorted(LAYOUTS))


def numbers(rng, shape, layout="contiguous"):
    """Random float64 numbers that nobody can write to."""
    array = LAYOUTS[layout](rng.standard_normal(shape))
    array.flags.writeable = False
    return array


def distinct(rng, shape, layout="contiguous"):
    """Read-only numbers at least 1 apart, so that a maximum has no near rival."""
    count = int(np.prod(shape))
    array = LAYOUTS[layout](rng.permutation(count).reshape(shape) - count / 2)
    array.flags.writeable = False
    return array


rngs = st.integers(0, 2**16).map(np.random.default_rng)
