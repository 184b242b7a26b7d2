"""Updates, clipping and averaging: numbers by hand, then the definitions in float64 from the same inputs."""

from dataclasses import replace

import numpy as np
import pytest

from oracles.numerical import assert_agrees
from pellucid.compiler.jit import compiled
from pellucid.compiler.kernels import optimizer as kernels
from pellucid.compiler.layout import Packed
from pellucid.compiler.packing import pack
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import BY_NAME, supported
from pellucid.definitions import optimizer as definitions

TOLERANCE = 2e-5
GUARD = 64
HERE = {isa.name: isa for isa in supported()}
BEST, *_, PLAINEST = HERE
SIZE = 80
CUT = [{"numbers": cut} for cut in [(48, 80), (0, 16), (16, 16), (16, 48)]]
MAX = np.finfo(np.float32).max


def call(emitter, parameters, inputs, results, isa=HERE[BEST], pieces=({},), checked=False):
    """Return what a kernel makes of the numbers in `results`; nothing beside them may change."""
    kernel = compiled(Recipe(emitter, parameters, isa, checked))
    memories, places = [], []
    for result in results:
        memories.append(np.full(result.size + 2 * GUARD, 77, np.float32))
        places.append(memories[-1][GUARD:-GUARD])
        places[-1][...] = result
    for piece in pieces:
        kernel(*inputs, *places, samples=len(inputs[0]), **piece)
    for memory in memories:
        assert (memory[:GUARD] == 77).all(), "the kernel wrote before its output"
        assert (memory[-GUARD:] == 77).all(), "the kernel wrote behind its output"
    return [place.copy() for place in places]


class Rule:
    """An optimiser with its settings, as a definition and as a kernel."""

    def __init__(self, kind, slots, lr=0.05, **settings):
        self.kind, self.slots, self.lr, self.settings = kind, slots, lr, settings

    def define(self, step, *before, dtype=float):
        """Return the new weight and slots of the definition."""
        counted = (step,) if self.kind.startswith("adam") else ()
        weight, grad, *slots = (array.astype(dtype) for array in before)
        result = getattr(definitions, self.kind)(weight, grad, self.lr, *counted, *slots, **self.settings)
        return result if isinstance(result, tuple) else (result,)

    def run(self, step, *before, flag=0.0, **how):
        """Return the new weight and slots of the kernel, and the flag."""
        size, after = before[0].size, [*before[:1], *before[2:]]
        results = [*(np.full(size, np.nan, np.float32) for _ in after), np.array([flag], np.float32)]
        emitter, parameters, numbers = self._kernel(step)
        *after, found = call(emitter, parameters, (*before, np.array(numbers, np.float32)), results, **how)
        return after, found[0]

    def _kernel(self, step):
        how = dict(self.settings)
        scale = {"lr_scale": how.pop("lr_scale")}
        if self.kind in ("sgd", "sgd_momentum"):
            return getattr(kernels, self.kind), tuple(how.values()), kernels.sgd_numbers(self.lr, **scale)
        decoupled = self.kind == "adamw"
        betas, decay = {name: how[name] for name in ("beta1", "beta2")}, how["weight_decay"] if decoupled else 0.0
        numbers = kernels.adam_numbers(self.lr, step, **betas, **scale, decay=decay)
        return kernels.adam, (*how.values(), decoupled), numbers


BETAS = {"beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
RULES = {
    "plain": Rule("sgd", 0, weight_decay=0.0, lr_scale=1.0),
    "decaying": Rule("sgd", 0, weight_decay=0.1, lr_scale=0.5),
    "momentum": Rule("sgd_momentum", 1, momentum=0.9, nesterov=False, weight_decay=0.0, lr_scale=2.0),
    "nesterov": Rule("sgd_momentum", 1, momentum=0.9, nesterov=True, weight_decay=0.1, lr_scale=1.0),
    "adam": Rule("adam", 2, **BETAS, weight_decay=0.0, lr_scale=1.0),
    "adam, decaying": Rule("adam", 2, **BETAS, weight_decay=0.1, lr_scale=0.5),
    "adamw": Rule("adamw", 2, **BETAS, weight_decay=0.1, lr_scale=2.0),
}


def problem(rng, rule, size=SIZE):
    """Return a weight, a gradient and slots; what may be a mean of squares is not negative."""
    arrays = [rng.standard_normal(size, np.float32) for _ in range(2 + rule.slots)]
    return [*arrays[:3], *(np.abs(array) for array in arrays[3:])]


# ---- numbers by hand
def test_updates_by_hand():
    weight, grad, rest = (np.full(16, number, np.float32) for number in (1, 2, 10))
    assert RULES["decaying"].run(1, weight, grad)[0][0] == pytest.approx(1 - 0.05 * 0.5 * 2.1)
    after, velocity = RULES["momentum"].run(1, weight, grad, rest)[0]
    assert velocity == pytest.approx(11)
    assert after == pytest.approx(1 - 0.1 * 11)
    zero = np.zeros(16, np.float32)
    after, first, second = RULES["adam"].run(1, weight, grad, zero, zero)[0]  # the first step is as long as lr
    assert after == pytest.approx(0.95)
    assert first == pytest.approx(0.2)
    assert second == pytest.approx(0.04)


def test_clipping_by_hand():
    grads = np.full((1, 16), 3, np.float32), np.full((16, 1), 4, np.float32)  # of norm 4 · 5
    assert clip_factor(grads, 10.0) == pytest.approx(0.5)
    assert clip_factor(grads, 30.0) == 1
    (scaled,) = call(kernels.scale_gradient, (), (grads[0][0], np.array([0.5], np.float32)), [grads[0][0]])
    assert (scaled == 1.5).all()


# ---- against the definitions
@pytest.mark.parametrize("name", RULES)
def test_updates_agree_with_the_definition(name, rng):
    rule = RULES[name]
    for isa in HERE:
        how = {"isa": HERE[isa], "checked": isa == PLAINEST, "pieces": CUT}
        before = problem(rng, rule)
        for step in (1, 2, 1000):
            after, flag = rule.run(step, *before, **how)
            assert flag == 0
            for found, expected in zip(after, rule.define(step, *before), strict=True):
                assert_agrees(found, expected, TOLERANCE)
            before = [after[0], rng.standard_normal(SIZE, np.float32), *after[1:]]


@pytest.mark.parametrize("name", RULES)
def test_nan_and_infinities_are_the_definitions(name, rng):
    rule = RULES[name]
    before = problem(rng, rule)
    for start, array in zip((0, 8, 16, 24), before, strict=False):
        array[start : start + 4] = np.nan, np.inf, np.inf if start == 24 else -np.inf, MAX
    with np.errstate(all="ignore"):
        expected = rule.define(3, *before, dtype=np.float32)  # where squares of large numbers are infinite
    after, flag = rule.run(3, *before)
    assert np.isnan(flag)
    for found, number in zip(after, expected, strict=True):
        assert np.allclose(found, number, rtol=1e-5, atol=1e-6, equal_nan=True)


# ---- the flag
def test_the_flag_says_where_a_number_is_not_finite(rng):
    rule = RULES["momentum"]
    before = problem(rng, rule)
    before[0][0], before[0][79] = MAX, -MAX
    assert rule.run(1, *before)[1] == 0
    for array, number in ((0, np.inf), (1, np.nan), (2, -np.inf)):
        for at in (0, 37, 79):
            spoilt = [each.copy() for each in before]
            spoilt[array][at] = number
            assert np.isnan(rule.run(1, *spoilt)[1])
            elsewhere = [piece for piece in CUT if not piece["numbers"][0] <= at < piece["numbers"][1]]
            assert rule.run(1, *spoilt, pieces=elsewhere)[1] == 0
    assert np.isnan(rule.run(1, *before, flag=np.nan)[1])


def test_the_flag_knows_the_slots_too():
    weight, zeros, grad = np.ones(16, np.float32), np.zeros(16, np.float32), np.full(16, 1e25, np.float32)
    (after, _, second), flag = RULES["adam"].run(1, weight, grad, zeros, zeros)
    assert np.isinf(second).all()
    assert np.array_equal(after, weight)  # divided by infinity, the update is nothing
    assert np.isnan(flag)


# ---- digits
def test_a_small_decay_keeps_its_digits(rng):
    rule, zeros = Rule("adamw", 2, lr=1e-4, **BETAS, weight_decay=0.01, lr_scale=1.0), np.zeros(4096, np.float32)
    weight = rng.uniform(1, 2, 4096).astype(np.float32)
    after = rule.run(1, weight, zeros, zeros, zeros)[0][0]
    lost = (weight.astype(float) - after) / weight  # 10⁻⁶, but for rounding up and rounding down
    assert lost.mean() == pytest.approx(1e-6, rel=4e-3)


def test_the_average_of_what_stands_still_stands_still(rng):
    weight = rng.standard_normal(SIZE, np.float32)
    for decay in (0.99, 0.999, 0.9999):
        assert np.array_equal(average(weight, weight, 10**6, decay), weight)


def test_a_long_gradient_keeps_its_digits(rng):
    grad = rng.standard_normal((4, 2**18), np.float32)
    assert squares([grad]) == pytest.approx((grad.astype(float) ** 2).sum(), rel=1e-6)


# ---- averages
def average(old, weight, step, decay, **how):
    numbers = np.array(kernels.average_numbers(step, decay=decay), np.float32)
    return call(kernels.average_weight, (), (old, weight, numbers), [np.full_like(old, np.nan)], **how)[0]


@pytest.mark.parametrize("isa", HERE)
def test_averages_agree_with_the_definition(isa, rng):
    old, weight = rng.standard_normal((2, SIZE), np.float32)
    assert np.array_equal(average(old, weight, 1, 0.9), weight)
    old[3], old[4], weight[5] = np.inf, np.nan, -np.inf
    for step in (2, 10**6):
        found = average(old, weight, step, 0.9, isa=HERE[isa], checked=isa == PLAINEST, pieces=CUT)
        expected = definitions.average_weight(old.astype(float), weight.astype(float), step, decay=0.9)
        assert np.array_equal(found[3:6], expected[3:6], equal_nan=True)
        assert_agrees(np.delete(found, [3, 4, 5]), np.delete(expected, [3, 4, 5]), TOLERANCE)


# ---- clipping
def squares(grads, lanes=8, **how):
    """Return the sum of the squares of gradients (F, C), their filters along the lanes."""
    total = np.zeros(1, np.float32)
    for grad in grads:
        weight = grad[..., None, None]
        shape = Packed(grad.shape, weight.shape, lanes).vectors
        (total,) = call(kernels.add_squares, shape, (pack(weight, lanes).reshape(shape),), [total], **how)
    return total[0]


def clip_factor(grads, max_norm, **how):
    """Return the factor by which gradients are clipped together."""
    inputs = (np.array([squares(grads, **how)], np.float32),)
    return call(kernels.clip_factor, (max_norm,), inputs, [np.full(1, np.nan, np.float32)], **how)[0][0]


@pytest.mark.parametrize("isa", HERE)
def test_clipping_agrees_with_the_definition(isa, rng):
    how = {"isa": HERE[isa], "checked": isa == PLAINEST}
    grads = [rng.standard_normal(shape, np.float32) for shape in ((1, 1), (48, 5), (20, 256), (3, 300))]
    wide = [grad.astype(float) for grad in grads]
    for max_norm in (1.0, 1e6):
        expected = definitions.clip_factor(*wide, max_norm=max_norm)
        assert clip_factor(grads, max_norm, **how) == pytest.approx(expected, rel=TOLERANCE)
    grads[1][5, 2] = np.inf
    assert clip_factor(grads, 1.0, **how) == 0 == definitions.clip_factor(*grads, max_norm=1.0)
    grads[2][19, 200] = np.nan
    assert np.isnan(clip_factor(grads, 1.0, **how))


def test_a_factor_scales_every_number(rng):
    grad, factor = rng.standard_normal(SIZE, np.float32), np.array([0.3], np.float32)
    for isa in HERE.values():
        (scaled,) = call(kernels.scale_gradient, (), (grad, factor), [np.full_like(grad, np.nan)], isa, CUT)
        assert np.array_equal(scaled, grad * factor)


# ---- bits
@pytest.mark.parametrize("name", RULES)
def test_neither_pieces_nor_lanes_change_a_bit(name, rng):
    rule, best = RULES[name], HERE[BEST]
    before = problem(rng, rule)
    hows = [{}, {"pieces": CUT}, *({"isa": replace(best, lanes=lanes)} for lanes in (4, 16))]
    assert len({np.concatenate(rule.run(7, *before, **how)[0]).tobytes() for how in hows}) == 1


@pytest.mark.parametrize("shape", [(5, 40), (16, 300), (40, 1000)])
def test_neither_packing_nor_lanes_change_a_bit_of_the_squares(shape, rng):
    grad, best = rng.standard_normal(shape, np.float32), HERE[BEST]
    ways = [(packed, lanes) for packed in (1, 4, 8, 16) for lanes in (1, 4, 8, 16)]
    assert len({squares([grad], packed, isa=replace(best, lanes=lanes)) for packed, lanes in ways}) == 1


@pytest.mark.parametrize("name", ["avx512", "neon"])
def test_kernels_for_other_machines_can_be_emitted(name):
    text, interface = Recipe(kernels.adam, (0.9, 0.99, 1e-8, 0.1, True), BY_NAME[name], False).emit()
    assert "fast" not in text
    before, after = ["weight", "grad", "first_moment", "second_moment"], ["weight", "first_moment", "second_moment"]
    names = [tensor["name"] for tensor in interface["tensors"]]
    assert names == [*before, "scalars", *(f"new_{each}" for each in after), "flag"]
