"""Where parameters and what belongs to them lie: apart, on lines, and an optimiser's memory as its parameters do."""

from itertools import pairwise

import numpy as np
import pytest

import pellucid as p
from oracles.compiled import training_program
from pellucid.build import lower
from pellucid.compiler.drafting import Outline
from pellucid.compiler.layout import ALIGNMENT, Packed, Plain, aligned
from pellucid.compiler.placement import Placement, is_depthwise, one_after_the_other
from pellucid.compiler.rules import RULES
from pellucid.compiler.tiles import BY_NAME
from pellucid.errors import CompilerError

AVX2 = BY_NAME["avx2"]


def place(program, isa=AVX2):
    return Placement(program, Outline(program, RULES, set()), isa)


def network():
    return p.Sequential(
        [p.Conv2d(3, 12, 3), p.BatchNorm2d(12), p.ReLU(), p.Flatten(), p.Linear(48, 5)], input_shape=(3, 4, 4)
    )


class Scaled(p.Layer):
    """x times one number: its parameter has no axes."""

    def __init__(self):
        super().__init__()
        self.factor = p.Parameter("factor", ())

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        return np.asarray(x)


def by_name(placement, program):
    return {program.values[value].name: start for value, start in placement.starts.items()}


OPTIMIZERS = [
    (p.SGD(0.1), []),
    (p.SGD(0.1, momentum=0.9), ["velocity"]),
    (p.Adam(), ["first_moment", "second_moment"]),
    (p.AdamW(average=0.9, clip_norm=1.0), ["average", "first_moment", "second_moment"]),
]


@pytest.mark.parametrize(("optimizer", "memory"), OPTIMIZERS)
def test_everything_has_a_place_of_its_own(optimizer, memory):
    program = training_program(network(), optimizer)
    placement = place(program)
    spans = sorted((start, start + placement.layouts[v].size) for v, start in placement.starts.items())
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert all(start % ALIGNMENT == 0 for start, _ in spans)
    assert spans[-1][1] <= placement.size
    expected = set(program.named("parameter")) | set(program.named("state"))
    assert by_name(placement, program).keys() == expected


@pytest.mark.parametrize(("optimizer", "memory"), OPTIMIZERS)
def test_memory_of_the_optimiser_lies_as_its_parameters_do(optimizer, memory):
    """So that one pass over many parameters is one over each kind of memory too."""
    program = training_program(network(), optimizer)
    placement = place(program)
    starts, paths = by_name(placement, program), list(network().parameters())
    assert {name for name in starts if "(" in name} == {f"{kind}({path})" for kind in memory for path in paths}
    for kind in memory:
        distances = {starts[f"{kind}({path})"] - starts[path] for path in paths}
        assert len(distances) == 1, kind
        for path in paths:
            slot, parameter = program.ids[f"{kind}({path})"], program.ids[path]
            assert placement.layouts[slot] == placement.layouts[parameter]
            assert placement.parameter_of(slot) == parameter


def test_what_learns_comes_first_and_what_is_frozen_after_it():
    frozen = network()
    frozen["conv1"].weight.trainable = False
    program = training_program(frozen, p.Adam())
    placement = place(program)
    order = sorted(by_name(placement, program), key=by_name(placement, program).get)
    learning = [program.values[v].name for v in placement.learning]
    assert "conv1.weight" not in learning
    assert set(learning) == set(frozen.parameters()) - {"conv1.weight"}
    assert order[: len(learning)] == learning
    assert order[len(learning)] == "conv1.weight"
    assert not any("conv1.weight" in name for name in order[len(learning) + 1 :]), "it has no memory"


def test_what_a_value_becomes_lies_where_it_was():
    program = training_program(network(), p.Adam())
    placement, ids = place(program), program.ids
    for name in ("conv1.weight", "norm1.running_mean", "first_moment(conv1.weight)"):
        assert placement.before(program.renewed[ids[name]]) == ids[name]
    assert placement.before(ids["conv1.weight"]) == ids["conv1.weight"]


def test_gradients_lie_as_their_parameters():
    program = training_program(network(), p.Adam())
    placement, ids = place(program), program.ids
    weight = ids["conv1.weight"]
    assert placement.layouts[weight] == Packed((12, 3, 3, 3), (12, 3, 3, 3), 8)
    assert placement.layout(weight) == placement.layout(ids["grad(conv1.weight)"])
    assert placement.layout(weight).size == 2 * 8 * 27, "two vectors"
    assert placement.layout(ids["conv1.bias"]).size == 12
    assert placement.layout(ids["norm1.statistics"]).size == 3 * 12
    assert placement.parameter_of(ids["norm1.statistics"]) is None
    assert placement.parameter_of(ids["lr"]) is None


@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_a_parameter_without_axes_is_not_taken_for_the_learning_rate(clip_norm):
    layers = [p.Linear(4, 3), Scaled()]
    program = training_program(p.Sequential(layers, input_shape=(4,)), p.Adam(clip_norm=clip_norm))
    placement, ids = place(program), program.ids
    assert placement.parameter_of(ids["grad(scaled1.factor)"]) == ids["scaled1.factor"]
    assert placement.parameter_of(ids["first_moment(scaled1.factor)"]) == ids["scaled1.factor"]
    for name in {"lr", "step", "clip_factor"} & ids.keys():
        assert placement.parameter_of(ids[name]) is None


# ---- how weights are packed
def layout_of(layers, input_shape, path, isa=AVX2):
    program = lower(p.Sequential(layers, input_shape=input_shape))
    return place(program, isa).layouts[program.ids[path]]


def test_weights_of_convolutions_are_packed_by_filters():
    assert layout_of([p.Conv2d(4, 6, 3)], (4, 5, 5), "conv1.weight") == Packed((6, 4, 3, 3), (6, 4, 3, 3), 8)
    assert layout_of([p.Conv2d(4, 6, 3)], (4, 5, 5), "conv1.weight", BY_NAME["avx512"]).lanes == 8, "half are enough"
    grouped = layout_of([p.Conv2d(4, 6, 3, groups=2)], (4, 5, 5), "conv1.weight")
    assert grouped == Packed((6, 2, 3, 3), (6, 2, 3, 3), 4, groups=2)
    depthwise = layout_of([p.Conv2d(6, 6, 3, groups=6)], (6, 5, 5), "conv1.weight")
    assert depthwise == Packed((6, 1, 3, 3), (6, 1, 3, 3), 8)
    assert layout_of([p.Conv2d(4, 6, 3)], (4, 5, 5), "conv1.bias") == Plain((6,))


def test_depthwise_means_one_filter_a_channel():
    assert is_depthwise((6, 1, 3, 3), 6)
    assert not is_depthwise((12, 1, 3, 3), 6), "two filters a channel"
    assert not is_depthwise((1, 1, 3, 3), 1), "one channel is no groups"


def test_a_linear_layer_knows_the_image_that_it_reads():
    assert layout_of([p.Flatten(), p.Linear(12, 5)], (3, 2, 2), "linear1.weight").filters == (5, 3, 2, 2)
    through = [p.Flatten(), p.ReLU(), p.Tanh(), p.Linear(12, 5)]
    assert layout_of(through, (3, 2, 2), "linear1.weight").filters == (5, 3, 2, 2)
    assert layout_of([p.Linear(12, 5)], (12,), "linear1.weight").filters == (5, 12, 1, 1)
    moved = [p.Flatten(), p.Softmax(), p.Linear(12, 5)]
    assert layout_of(moved, (3, 2, 2), "linear1.weight").filters == (5, 12, 1, 1), "its numbers have been put in order"


@pytest.mark.parametrize(
    "layout",
    [
        Plain((3, 4)), Plain(()), Packed((5, 12), (5, 3, 2, 2), 8), Packed((6, 2, 3, 3), (6, 2, 3, 3), 4, 2),
        Packed((9, 1, 3, 3), (9, 1, 3, 3), 8), Packed((17, 3), (17, 3, 1, 1), 16),
    ],
)  # fmt: skip
def test_values_go_in_and_come_out_again(layout, rng):
    values = rng.standard_normal(layout.shape).astype(np.float32)
    place = np.full(layout.size, np.nan, np.float32)
    layout.write(values, place)
    assert not np.isnan(place).any(), "dead lanes hold 0"
    found = layout.read(place)
    assert np.array_equal(found, values)
    assert not np.shares_memory(found, place)


# ---- shared parameters
def tied(between, features, input_shape):
    one, other = p.Linear(features, features), p.Linear(features, features)
    other.weight = one.weight
    return lower(p.Sequential([*between, one, p.ReLU(), other], input_shape=input_shape))


def test_a_shared_weight_that_is_read_in_one_order_is_packed_once():
    program = tied([], 12, (12,))
    assert place(program).layouts[program.ids["linear1.weight"]].filters == (12, 12, 1, 1)
    tied([p.Flatten()], 16, (1, 4, 4))
    assert place(tied([p.Flatten()], 16, (1, 4, 4))), "one channel: its pixels are in order"


def test_a_shared_weight_that_is_read_in_two_orders_is_refused():
    with pytest.raises(CompilerError, match=r'linear1\.weight is shared by layers .* use engine="numpy"'):
        place(tied([p.Flatten()], 12, (3, 2, 2)))


def test_one_after_the_other():
    assert one_after_the_other([(7, 1), (3, 16), (5, 17), (1, 0)]) == ({7: 0, 3: 16, 5: 32, 1: 64}, 64)
    assert [aligned(size) for size in (0, 1, 16, 17)] == [0, 16, 16, 32]
