"""Exponentials, logarithms and their like in running kernels, made of +, −, ×, ÷ and polynomials alone.

A system's library has its own exp for every length of vector, and another one on the next machine. These are the same
operations in every lane, however many there are. They are right to within 2 units in the last place (ulp), 3 where
the instruction set has no multiply-add, and powers to within 8; NaN and infinities are what IEEE 754 asks for.

The polynomials were fitted for the smallest largest error over the interval that each names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .builder import Kernel
from .values import Vector

LOG2_E = 1 / math.log(2)
LN2_HIGH = 0.693145751953125  # of log 2 the first 16 bits, so that whole multiples of it up to 2⁸ are exact
LN2_LOW = math.log(2) - LN2_HIGH
ROUNDER = 1.5 * 2.0**23  # a float this large has no digits behind the point: adding it rounds to whole numbers
ROUNDER_BITS = 0x4B40_0000
EXP_LOW, EXP_HIGH = -104.0, 95.0  # below and above these exp is 0 and infinite for certain

# exp(r) = 1 + r + r²·P(r) for |r| ≤ 0.3467, to 4e-9 of it
EXP = (1.38145592e-3, 8.36873520e-3, 4.16683890e-2, 1.66665211e-1, 4.99999940e-1)
# log(1 + f) = f − f²/2 + f³·P(f) for √½ ≤ 1 + f ≤ √2, to 9e-10
LOG = (
    6.91542700e-2, -1.17898360e-1, 1.18729644e-1, -1.23843431e-1, 1.42186597e-1,
    -1.66692510e-1, 2.00022265e-1, -2.49999866e-1, 3.33333105e-1,
)  # fmt: skip
# tanh(a) = a + a³·P(a²) for |a| ≤ 0.625, to 5e-9 of it
TANH = (-5.71704516e-3, 2.06505880e-2, -5.37434965e-2, 1.33314908e-1, -3.33332837e-1)
TANH_NEAR = 0.625

# Φ(−a) = exp(−a²/2)·P(1 / (1 + 0.3·a)) for a from 0 to 15, to 6e-8 of it; beyond 15 it is 0
NORMAL = (
    3.84252722e-2, -1.69394193e-1, 2.29130504e-1, -7.70434556e-2, 1.42905515e-1, 9.45263983e-2, 1.21960393e-1,
    1.19482101e-1, 7.49497280e-6,
)  # fmt: skip
NORMAL_SCALE = 0.3

MANTISSA, SIGN, UPPER_HALF = 0x007F_FFFF, 0x8000_0000, 0xFFFF_F000
ONE_BITS, SQRT_HALF_BITS = 0x3F80_0000, 0x3F35_04F3
SMALLEST_NORMAL = 2.0**-126


def exp(k: Kernel, v: Vector) -> Vector:
    """Return e to the power of every lane; too large gives infinity, too small 0 or the nearest denormal number."""
    return _exp_of_sum(k, v, None)


def log(k: Kernel, v: Vector) -> Vector:
    """Return the natural logarithm of every lane: −∞ of 0, NaN of a negative number.

    With v = 2ᵉ·(1 + f) it is ``e · log 2 + f − f²/2 + f³·P(f)``, the smallest terms added up first.
    """
    e, f = _exponent_and_fraction(k, v)
    small = (f * _polynomial(k, LOG, f) - k.constant(0.5, v.lanes)) * (f * f).rounded()
    small = e * k.constant(LN2_LOW, v.lanes) + small.rounded()
    return _log_at_the_ends(k, v, e * k.constant(LN2_HIGH, v.lanes) + (f + small))


def tanh(k: Kernel, v: Vector) -> Vector:
    """Return the hyperbolic tangent of every lane.

    Of the magnitude a of v it is ``a + a³·P(a²)`` near 0 and ``1 − 2 / (exp(2a) + 1)`` beyond; v's sign is added.
    """
    one, two = k.constant(1.0, v.lanes), k.constant(2.0, v.lanes)
    sign = v.bits() & SIGN
    a = (v.bits() ^ sign).as_floats()
    square = (a * a).rounded()
    near = a + (square * a).rounded() * _polynomial(k, TANH, square)
    far = one - two / (exp(k, (two * a).rounded()) + one)
    return ((a < k.constant(TANH_NEAR, v.lanes)).choose(near, far).bits() | sign).as_floats()


def sigmoid(k: Kernel, v: Vector) -> Vector:
    """Return 1 / (1 + e⁻ᵛ) of every lane, as ``(v < 0 ? e^−|v| : 1) / (1 + e^−|v|)``: no e can overflow."""
    one = k.constant(1.0, v.lanes)
    z = exp(k, (v.bits() | SIGN).as_floats())
    return (v < k.zeros(v.lanes)).choose(z, one) / (one + z)


def log_one_plus(k: Kernel, v: Vector) -> Vector:
    """Return log(1 + v) of every lane, for v from 0 to 1; what the sum u = 1 + v has lost of v is added, divided by u.

    References
    ----------
    W. Kahan's formula, in: HP-15C Advanced Functions Handbook, 1982, in the form with a sum in place of a quotient.
    """
    one = k.constant(1.0, v.lanes)
    u = one + v
    return log(k, u) + (v - (u - one)) / u


def bell(k: Kernel, v: Vector) -> Vector:
    """Return exp(−v²/2) of every lane; what rounding takes from v² is not lost where there is a multiply-add."""
    half = k.constant(-0.5, v.lanes)
    square = (v * v).rounded()
    rest = v * v - square
    return _exp_of_sum(k, (square * half).rounded(), (rest * half).rounded())


def normal(k: Kernel, v: Vector) -> Vector:
    """Return Φ(v) of every lane, the share of a standard normal distribution that lies below v.

    Of the magnitude a of v the share beyond it is ``Φ(−a) = exp(−a²/2)·P(1 / (1 + 0.3·a))``.
    """
    one = k.constant(1.0, v.lanes)
    a = (v.bits() & (SIGN - 1)).as_floats()
    series = _polynomial(k, NORMAL, one / (a * k.constant(NORMAL_SCALE, v.lanes) + one))
    beyond = (bell(k, v) * series).rounded()
    return (v < k.zeros(v.lanes)).choose(beyond, one - beyond)


def power(k: Kernel, v: Vector, exponent: float) -> Vector:
    """Return v to the power of `exponent`, of magnitude 100 at most; of a negative v it is NaN.

    ``exp(exponent · log v)``, where the error of the product is the relative error of the power: 2⁻²⁴ of 80 would be
    80 ulp. So log v is a sum of two floats, and both they and the exponent are cut into parts whose products are exact.
    Some exponents are made of square roots, which take a quarter of the time.
    """
    lanes, inf = v.lanes, math.inf
    if exponent == 0:
        return k.constant(1.0, lanes)
    if abs(exponent) in (0.25, 0.5, 0.75):
        return _power_by_roots(k, v, exponent)
    whole, rest = _log_as_sum(k, v)
    log_v = whole + rest
    upper = (log_v.bits() & UPPER_HALF).as_floats()
    lower = (whole - upper) + rest
    head = _upper_half(exponent)
    product = (upper * k.constant(head, lanes)).rounded()
    rest = lower * k.constant(head, lanes) + (log_v * k.constant(exponent - head, lanes)).rounded()
    total = product + rest
    result = _exp_of_sum(k, total, rest - (total - product))
    result = (v < k.constant(inf, lanes)).choose(result, v if exponent > 0 else k.constant(1.0, lanes) / v)
    result = v.equals(k.zeros(lanes)).choose(k.constant(0.0 if exponent > 0 else inf, lanes), result)
    return (v < k.zeros(lanes)).choose(k.constant(math.nan, lanes), result)


def _power_by_roots(k: Kernel, v: Vector, exponent: float) -> Vector:
    """Return v to the power of ±¼, ±½ or ±¾."""
    root = (v + k.zeros(v.lanes)).sqrt()  # the sum makes 0 of -0, whose root would be -0
    if abs(exponent) == 0.25:
        root = root.sqrt()
    elif abs(exponent) == 0.75:
        root = (root * root.sqrt()).rounded()
    return root if exponent > 0 else k.constant(1.0, v.lanes) / root


def _exp_of_sum(k: Kernel, v: Vector, rest: Vector | None) -> Vector:
    """Return exp(v + rest), `rest` being smaller than what v's last digit is worth.

    ``exp(v) = 2ⁿ · exp(r)``, n the whole number nearest to v / log 2 and ``r = v − n · log 2``. 2ⁿ is multiplied in
    halves, because neither the largest n nor the smallest one is the exponent of a float. Where the power is 0 anyway
    exp(0) is computed instead: a product that underflows takes a processor a hundred cycles.
    """
    lanes = v.lanes
    zero, most, rounder = k.zeros(lanes), k.constant(EXP_HIGH, lanes), k.constant(ROUNDER, lanes)
    vanishes = v < k.constant(EXP_LOW, lanes)
    x = vanishes.choose(zero, (v > most).choose(most, v))
    rounded = x * k.constant(LOG2_E, lanes) + rounder
    n = rounded - rounder
    r = x - n * k.constant(LN2_HIGH, lanes)
    r = r - n * k.constant(LN2_LOW, lanes)
    if rest is not None:
        r = r + rest
    series = (_polynomial(k, EXP, r) * (r * r).rounded() + r) + k.constant(1.0, lanes)
    half = (rounded.bits() - (ROUNDER_BITS - 256)) >> 1  # 128 + ⌊n / 2⌋
    other = rounded.bits() - (ROUNDER_BITS - 256) - half  # 128 + ⌈n / 2⌉
    first, second = (((part - 1) << 23).as_floats() for part in (half, other))
    return vanishes.choose(zero, (series * first).rounded() * second)


def _log_as_sum(k: Kernel, v: Vector) -> tuple[Vector, Vector]:
    """Return log v as the sum of two vectors, right to 2⁻³⁰: the first is close to it, the second is what it lacks.

    f is cut into halves a + b, so that a² is exact, and ``f²/2 = a²/2 + b · (f + a) / 2``.
    """
    e, f = _exponent_and_fraction(k, v)
    half = k.constant(0.5, v.lanes)
    a = (f.bits() & UPPER_HALF).as_floats()
    square = ((a * a).rounded() * half).rounded()
    head = f - square
    lost = (f - head) - square
    lost = lost - ((f - a) * half).rounded() * (f + a)
    lost = lost + ((f * f).rounded() * f).rounded() * _polynomial(k, LOG, f)
    lost = lost + e * k.constant(LN2_LOW, v.lanes)
    multiple = (e * k.constant(LN2_HIGH, v.lanes)).rounded()
    total = multiple + head
    return total, lost + (head - (total - multiple))


def _exponent_and_fraction(k: Kernel, v: Vector) -> tuple[Vector, Vector]:
    """Return e and f with ``v = 2ᵉ·(1 + f)`` and √½ ≤ 1 + f < √2, for a positive and finite v; both are exact."""
    tiny = v < k.constant(SMALLEST_NORMAL, v.lanes)  # of a denormal number the bits do not say the exponent
    v = tiny.choose(v * k.constant(2.0**23, v.lanes), v)
    bits = v.bits() + (ONE_BITS - SQRT_HALF_BITS)
    f = ((bits & MANTISSA) + SQRT_HALF_BITS).as_floats() - k.constant(1.0, v.lanes)
    bias = tiny.choose(k.constant(127.0 + 23.0, v.lanes), k.constant(127.0, v.lanes))
    return (bits >> 23).floats() - bias, f


def _log_at_the_ends(k: Kernel, v: Vector, result: Vector) -> Vector:
    """Return the logarithms of v, which are `result` where v is positive and finite."""
    zero = k.zeros(v.lanes)
    result = (v < k.constant(math.inf, v.lanes)).choose(result, v)
    result = v.equals(zero).choose(k.constant(-math.inf, v.lanes), result)
    return (v < zero).choose(k.constant(math.nan, v.lanes), result)


def _polynomial(k: Kernel, coefficients: Sequence[float], x: Vector) -> Vector:
    """Horner's rule, the highest power first."""
    total = k.constant(coefficients[0], x.lanes)
    for coefficient in coefficients[1:]:
        total = total * x + k.constant(coefficient, x.lanes)
    return total


def _upper_half(number: float) -> float:
    """Return a number rounded to 12 significant bits."""
    fraction, exponent = math.frexp(number)
    return math.ldexp(round(fraction * 2**12), exponent - 12)
