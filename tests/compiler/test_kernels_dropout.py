"""Random words and masks drawn by kernels: the same as the definitions', bit for bit."""

import numpy as np
import pytest

from oracles.emitted import channels_first, channels_last, run
from pellucid import random
from pellucid.compiler.builder import Kernel
from pellucid.compiler.kernels import dropout as kernels
from pellucid.compiler.philox import key_words, philox
from pellucid.compiler.tensors import UINT32, UINT64
from pellucid.compiler.tiles import BY_NAME, supported
from pellucid.definitions import pointwise

HERE = [isa.name for isa in supported()]
LOW = 2**32 - 1


# ---- Philox
def draw(k: Kernel, lanes: int) -> None:
    key, counter = k.tensor("key", 2, element=UINT32), k.tensor("counter", 4, lanes, element=UINT64)
    words = k.tensor("words", 4, lanes, element=UINT64)
    drawn = philox(k, tuple(counter.load_words(i, 0, lanes=lanes) for i in range(4)), key_words(key))
    for i in range(4):
        words.store(drawn[i] & LOW, i, 0)


@pytest.mark.parametrize("name", HERE)
def test_philox_draws_the_same_words_as_numpy(name, rng):
    counter, key = rng.integers(0, 2**32, (8, 4), np.uint32), rng.integers(0, 2**32, 2, np.uint32)
    counter[:3], counter[3] = [[0], [1], [LOW]], [0, LOW, 1, LOW - 1]
    for words in (key, np.array([0, 0], np.uint32), np.array([LOW, LOW], np.uint32)):
        inputs = (words, counter.T.astype(np.uint64))
        drawn = run(draw, (8,), inputs, (4, 8), isa=BY_NAME[name], dtype=np.uint64)
        assert np.array_equal(drawn.T, random.philox(counter, words))


def test_philox_draws_the_published_words():
    # Random123's known answers, file kat_vectors: philox4x32, 10 rounds
    known = {
        (0, 0): ([0] * 4, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (LOW, LOW): ([LOW] * 4, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (0xA4093822, 0x299F31D0): (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    }
    for key, (counter, expected) in known.items():
        inputs = np.array(key, np.uint32), np.array([counter], np.uint64).T
        drawn = run(draw, (1,), inputs, (4, 1), dtype=np.uint64)
        assert " ".join(f"{int(word):08x}" for word in drawn.ravel()) == expected


# ---- dropout
SHAPES = [(6, 5, 7), (1, 3, 5), (3, 4, 4), (16, 2, 3), (37, 1, 3), (70, 2, 1), (84,), (1,)]
KEY = random.key(7, random.Purpose.DROPOUT, 3)


@pytest.mark.parametrize(("shape", "name"), [(shape, HERE[0]) for shape in SHAPES] + [(SHAPES[0], n) for n in HERE[1:]])
def test_the_mask_is_the_definitions_bit_for_bit(shape, name, rng):
    channels, pixels = shape[0], int(np.prod(shape[1:]))
    x, position = rng.standard_normal((4, *shape), np.float32), np.array([0, 5, 2**31, LOW])
    x.ravel()[::3] = rng.choice(np.array([np.nan, np.inf, -0.0], np.float32), x.ravel()[::3].shape)
    parameters, inputs = (pixels, channels, 0.4, 3), (channels_last(x), KEY, position)
    with np.errstate(invalid="ignore"):
        expected = pointwise.dropout(x, KEY, position, p=0.4, ordinal=3)
    how = {"isa": BY_NAME[name], "checked": name == HERE[-1]}
    y = channels_first(run(kernels.dropout, parameters, inputs, inputs[0].shape, **how))
    assert np.array_equal(y, expected, equal_nan=True)
    if shape == SHAPES[0]:
        grad = channels_first(run(kernels.dropout_grad_input, parameters, inputs, inputs[0].shape, **how))
        assert np.array_equal(grad, expected, equal_nan=True)


@pytest.mark.parametrize("p", [0.0, 0.5, 1 - 2**-33])
def test_any_probability_has_its_mask(p):
    x, position = np.ones((2, 300), np.float32), np.array([1, 2])
    y = run(kernels.dropout, (1, 300, p, 0), (x, KEY, position), x.shape)
    assert np.array_equal(y, pointwise.dropout(x, KEY, position, p=p, ordinal=0))


def test_a_sample_has_its_mask_in_any_piece(rng):
    x, position = rng.standard_normal((5, 4, 4, 6), np.float32), np.arange(100, 105)
    parameters = 16, 6, 0.5, LOW
    whole = run(kernels.dropout, parameters, (x, KEY, position), x.shape)
    pieces = [{"images": (3, 5)}, {"images": (0, 3)}]
    assert np.array_equal(run(kernels.dropout, parameters, (x, KEY, position), x.shape, pieces=pieces), whole)
    alone = run(kernels.dropout, parameters, (x[2:3], KEY, position[2:3]), (1, 4, 4, 6))
    assert np.array_equal(alone[0], whole[2])
