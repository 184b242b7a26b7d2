"""Random numbers without state: every draw is a pure function of a key and a counter.

Nothing here remembers what was drawn before. A *key* stands for what the numbers are for (seed, purpose, epoch), a
*counter* for whose they are (a weight, a sample, a pixel), and Philox4x32-10 turns the two into four 32-bit words.
So the mask, the augmentation or the place of any one sample can be computed alone, on any thread or machine.

What a key and a counter hold is part of Pellucid's format: a change here changes every trained network. Floating
point uses +, −, ×, ÷ and √ alone, each rounded by itself as IEEE 754 says (never a fused multiply-add), so that
compiled code can draw the same bits; the C library's log is rounded differently from one machine to the next.

These numbers are for training. They are not secret, and must not serve where an opponent may guess.
"""

from __future__ import annotations

import enum
import hashlib
import operator
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ArgumentError

Words: TypeAlias = NDArray[np.uint32]
Wide: TypeAlias = NDArray[np.uint64]
Float64s: TypeAlias = NDArray[np.float64]

LOW = 0xFFFF_FFFF
COUNTERS_AT_ONCE = 1 << 14  # the 64-bit temporaries of one block (128 KB each) stay in the second-level cache


class Purpose(enum.IntEnum):
    """What random numbers are for. The values enter the key: never renumber them, only add."""

    INITIALIZE = 1
    SHUFFLE = 2
    DROPOUT = 3
    AUGMENT = 4
    SPLIT = 5
    NOISE = 6


def philox(counter: ArrayLike, key: ArrayLike) -> Words:
    """Philox4x32-10: four random words from each counter.

    Parameters
    ----------
    counter : uint32 array (..., 4)
    key : uint32 array (..., 2)
        Its leading axes broadcast against those of ``counter``.

    Returns
    -------
    uint32 array (..., 4)

    References
    ----------
    Salmon, Moraes, Dror, Shaw (2011): Parallel random numbers: as easy as 1, 2, 3. The words are those of Random123.
    """
    counters, keys = np.asarray(counter, np.uint32), np.asarray(key, np.uint32)
    if counters.shape[-1:] != (4,) or keys.shape[-1:] != (2,):
        raise ArgumentError(
            f"philox: expected a counter of shape (..., 4) and a key of shape (..., 2), "
            f"received {counters.shape} and {keys.shape}"
        )
    c0, c1, c2, c3 = np.moveaxis(counters.astype(np.uint64), -1, 0)
    k0, k1 = np.moveaxis(keys.astype(np.uint64), -1, 0)
    return np.stack(_ten_rounds(c0, c1, c2, c3, k0, k1), axis=-1).astype(np.uint32)


def _ten_rounds(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> tuple[Wide, Wide, Wide, Wide]:
    """Ten rounds of Philox on 32-bit words held in uint64, where a product of two of them fits.

    The arguments broadcast: words that are alike along an axis are computed once for as long as they stay alike.
    """
    for _ in range(10):
        product0, product1 = c0 * 0xD251_1F53, c2 * 0xCD9E_8D57
        c0, c1 = (product1 >> 32) ^ c1 ^ k0, product1 & LOW
        c2, c3 = (product0 >> 32) ^ c3 ^ k1, product0 & LOW
        k0, k1 = (k0 + 0x9E37_79B9) & LOW, (k1 + 0xBB67_AE85) & LOW
    return c0, c1, c2, c3


def key(seed: int, purpose: Purpose, epoch: int = 0) -> Words:
    """The key for one purpose in one epoch: the first two words of Philox on (seed low, seed high, purpose, epoch).

    Parameters
    ----------
    seed : int
        From 0 to 2⁶⁴ − 1.
    purpose : Purpose
    epoch : int
        Counted from 0; leave it where the epoch does not matter, as for initial weights.

    Returns
    -------
    uint32 array (2,)

    Examples
    --------
    >>> key(seed=0, purpose=Purpose.SHUFFLE, epoch=3).shape
    (2,)
    """
    seed, epoch = _unsigned(seed, 64, "seed"), _unsigned(epoch, 32, "epoch")
    if purpose not in tuple(Purpose):
        names = ", ".join(f"Purpose.{member.name}" for member in Purpose)
        raise ArgumentError(f"purpose: expected one of {names}, received {purpose!r}")
    return philox([seed & LOW, seed >> 32, purpose, epoch], [0, 0])[:2]


def element_words(key: Words, path: str, count: int) -> Words:
    """One word for each element of the array that ``path`` names, such as ``"conv1.weight"``.

    Element e takes word e % 4 of the counter (e // 4, the first three little-endian words of SHA-256 of the path).

    Returns
    -------
    uint32 array (count,)
    """
    words = np.empty(_unsigned(count, 34, "count"), np.uint32)
    for start, block in element_word_blocks(key, path, count):
        words[start : start + block.size] = block
    return words


def element_word_blocks(key: Words, path: str, count: int) -> Iterator[tuple[int, Words]]:
    """The words of `element_words` in pieces (first element, words), for arrays whose words fill much memory."""
    count = _unsigned(count, 34, "count")  # e // 4 must fit into one word
    name0, name1, name2 = np.frombuffer(hashlib.sha256(path.encode()).digest()[:12], "<u4").astype(np.uint64)
    k0, k1 = key.astype(np.uint64)
    for start in range(0, count, 4 * COUNTERS_AT_ONCE):
        stop = min(start + 4 * COUNTERS_AT_ONCE, count)
        groups = np.arange(start // 4, -(-stop // 4), dtype=np.uint64)
        block = np.stack(_ten_rounds(groups, name0, name1, name2, k0, k1), axis=-1)  # (groups, 4)
        yield start, block.reshape(-1)[: stop - start].astype(np.uint32)


def pixel_words(key: Words, positions: ArrayLike, ordinal: int, shape: tuple[int, ...]) -> Words:
    """One word for each element of each sample, as a dropout mask needs them.

    Element (c, h, w) of the sample at position n takes word c % 4 of the counter (n, ordinal, h·W + w, c // 4).

    Parameters
    ----------
    key : uint32 array (2,)
    positions : integer array (N,)
        Which sample of the epoch each row is (or which sample of the data set: the caller says what it means).
    ordinal : int
        Which consumer of this key draws, so that two dropout layers differ.
    shape : (C, H, W) or (F,)
        One sample's shape; features count as channels of a single pixel.

    Returns
    -------
    uint32 array (N, *shape)
    """
    samples = _positions(positions)
    channels, height, width = _image_shape(shape)
    groups, pixels = -(-channels // 4), height * width
    words = np.empty((len(samples), channels, pixels), np.uint32)
    k0, k1 = key.astype(np.uint64)
    group = np.arange(groups, dtype=np.uint64)[:, np.newaxis]  # (groups, 1)
    pixel = np.arange(pixels, dtype=np.uint64)
    consumer = np.uint64(_unsigned(ordinal, 32, "ordinal"))
    rows = max(1, COUNTERS_AT_ONCE // (groups * pixels))
    for start in range(0, len(samples), rows):
        sample = samples[start : start + rows, np.newaxis, np.newaxis]  # (rows, 1, 1)
        drawn = _ten_rounds(sample, consumer, pixel, group, k0, k1)  # four times (rows, groups, pixels)
        for word in range(min(4, channels)):
            place = words[start : start + rows, word::4]
            place[...] = drawn[word][:, : place.shape[1]]
    return words.reshape(len(samples), *shape)


def order_keys(key: Words, indices: ArrayLike) -> Wide:
    """The 64-bit sort key of each index: words 0 (low half) and 1 (high half) of the counter (index, 0, 0, 0).

    Returns
    -------
    uint64 array (N,)
    """
    samples = _positions(indices)
    keys = np.empty(len(samples), np.uint64)
    k0, k1 = key.astype(np.uint64)
    zero = np.uint64(0)
    for start in range(0, len(samples), COUNTERS_AT_ONCE):
        low, high, _, _ = _ten_rounds(samples[start : start + COUNTERS_AT_ONCE], zero, zero, zero, k0, k1)
        keys[start : start + COUNTERS_AT_ONCE] = low | high << 32
    return keys


def permutation(key: Words, count: int) -> NDArray[np.int64]:
    """0 … count − 1 in random order: sorted by `order_keys`, equal keys in their natural order.

    Returns
    -------
    int64 array (count,)
    """
    keys = order_keys(key, np.arange(_unsigned(count, 32, "count")))
    return np.argsort(keys, kind="stable").astype(np.int64)


def uniform(words: Words, dtype: Any = np.float32) -> NDArray[Any]:
    """Uniform numbers in [0, 1): the upper 24 bits of each word times 2⁻²⁴, exact and equal in float32 and float64.

    Returns
    -------
    array of ``dtype``, of the shape of ``words``
    """
    _require_words(words, "uniform")
    if np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ArgumentError(f"uniform: expected dtype float32 or float64, received {np.dtype(dtype)}")
    numbers: NDArray[Any] = (words >> 8).astype(dtype)
    numbers *= 2.0**-24
    return numbers


# Wichura's PPND16: coefficients of the highest power first. Where |u − ½| ≤ 0.425 the quantile is q·A(r)/B(r) …
A = (
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
)  # fmt: skip
B = (
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
)  # fmt: skip
# … and in the tails C(r)/D(r). The third pair of the paper is for √(−log u) > 5; u ≥ 2⁻³³ ends at 4.783.
C = (
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
    3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
)  # fmt: skip
D = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0,
)  # fmt: skip


def normal(words: Words) -> Float64s:
    """Standard normal numbers: the normal quantile of u = (word + ½)·2⁻³², exact to about 1e-15.

    The complement of a word gives exactly the negative number, so the whole distribution has mean 0. The largest
    magnitude is 6.338, the quantile of 1 − 2⁻³³.

    Returns
    -------
    float64 array of the shape of ``words``

    References
    ----------
    Wichura (1988): Algorithm AS 241: the percentage points of the normal distribution.
    """
    _require_words(words, "normal")
    q = ((words.astype(np.float64) + 0.5) * 2.0**-32 - 0.5).reshape(-1)  # exact
    r = 0.180625 - q * q
    quantile = np.asarray(q * _polynomial(A, r) / _polynomial(B, r))

    tail = np.flatnonzero(np.abs(q) > 0.425)
    side = q[tail]
    r = np.sqrt(-natural_log(0.5 - np.abs(side))) - 1.6
    magnitude = _polynomial(C, r) / _polynomial(D, r)
    quantile[tail] = np.where(side < 0, -magnitude, magnitude)
    return quantile.reshape(words.shape)


LOG2_HIGH = 6.93147180369123816490e-01  # log 2 in two parts; the first has 21 zero bits at its end, so that
LOG2_LOW = 1.90821492927058770002e-10  # exponent · LOG2_HIGH is exact
SQRT_HALF_BITS = 0x3FE6_A09E_667F_3BCD
LOG_SERIES = tuple(2 / (2 * k + 1) for k in range(10, 0, -1))


def natural_log(x: Float64s) -> Float64s:
    """Natural logarithm to within 1 ulp, of positive normal float64 numbers only (nothing else is checked for).

    x = 2ᵉ·(1 + f) with 1 + f in [√½, √2). With s = f / (2 + f), log(1 + f) = 2·artanh(s) = f − s·(f − R), where
    R = 2s²/3 + 2s⁴/5 + …; f is exact, and what is subtracted from it is small.
    """
    bits = np.asarray(x, np.float64).view(np.int64)
    exponent = (bits - SQRT_HALF_BITS) >> 52
    f = (bits - (exponent << 52)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    square = s * s
    series = square * _polynomial(LOG_SERIES, square)
    half = 0.5 * f * f
    e = exponent.astype(np.float64)
    return np.asarray(e * LOG2_HIGH - ((half - (s * (half + series) + e * LOG2_LOW)) - f))


def _polynomial(coefficients: tuple[float, ...], x: Float64s) -> Float64s:
    """Horner's rule, the highest power first."""
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= x
        total += coefficient
    return total


def _unsigned(value: int, bits: int, name: str) -> int:
    """`value` as a Python integer of at most `bits` bits; a bool is not a number here."""
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = -1
    if not 0 <= number < 2**bits:
        raise ArgumentError(f"{name}: expected a whole number from 0 to 2^{bits} − 1, received {value!r}")
    return number


def _positions(values: ArrayLike) -> Wide:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ArgumentError(
            f"positions: expected a one-dimensional array of integers, received {array.dtype} of shape {array.shape}"
        )
    if array.size and (array.min() < 0 or array.max() > LOW):
        raise ArgumentError(f"positions: expected 0 to 2^32 − 1, received {array.min()} to {array.max()}")
    return array.astype(np.uint64)


def _image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(C, H, W), where features (F,) are channels of one pixel."""
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise ArgumentError(f"shape: expected (channels, height, width) or (features,), all ≥ 1, received {shape}")
    channels, height, width = shape if len(shape) == 3 else (*shape, 1, 1)
    return channels, height, width


def _require_words(words: Words, function: str) -> None:
    if getattr(words, "dtype", None) != np.uint32:
        raise ArgumentError(f"{function}: expected an array of uint32 words, received {type(words).__name__}")
