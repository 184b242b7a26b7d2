"""Sums of random networks, and of known ones: what the formulas give is what the definitions make."""

import itertools
import time

import numpy as np
import pytest

import pellucid as p
from fuzz.architectures import Architect
from oracles.sums import check, check_all
from pellucid.definitions import DEFINITIONS
from pellucid.layers import Layer
from pellucid.sums.kinds import SUMS

NOT_IN_PREDICTION = {
    **dict.fromkeys(("gather", "crop", "flip", "affine", "colour_jitter", "cutout"), "come with a data set"),
    **dict.fromkeys(("mixup", "mixup_classes"), "come with a data set"),
    **dict.fromkeys(("batch_statistics", "batch_norm", "running_statistics"), "are of a batch, in training"),
    **dict.fromkeys(("total_weight", "total_class_weight", "cross_entropy", "squared_error"), "make a loss"),
    "count_correct": "is a measurement",
    **dict.fromkeys(("sgd", "sgd_momentum", "adam", "adamw", "clip_factor", "scale_gradient"), "are an optimiser's"),
    "average_weight": "is an optimiser's",
}
"""Forward kinds that no network has in prediction, and why."""


class Doubled(Layer):
    """A layer of a user's own."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        return 2 * np.asarray(x)


def every_layer() -> p.Sequential:
    activations = [p.LeakyReLU(), p.PReLU(2), p.Clip(-2, 2), p.HardSwish(), p.ELU(), p.SiLU(), p.GELU(), p.Tanh()]
    learnt = [p.Bias((2, 1, 1)), p.Bias((8, 8)), p.Gain((2, 1, 1)), p.Gain((8, 8)), p.LogSoftmax(), p.Softplus()]
    moved = [
        p.Reshape((4, 32)), p.Reshape((2, 8, 8)), p.Transpose((1, 3, 2)), p.Pad((0, 1, 1)), p.Slice(2, 1, 9),
        p.Pad((0, 2, 2), (0, 1, 3), "reflect"), p.Slice(2, 2, 10), p.Slice(3, 2, 10), p.Pad((0, 1, 0), mode="edge"),
        p.Slice(2, 2), p.Pad((1, 0, 0), value=0.5), p.Slice(1, 1, 3), p.Slice(3, 0, 8),
        p.Concat(p.Mean((1,), keepdims=True), p.Slice(1, 0, 1)),
    ]  # fmt: skip
    other = [
        p.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2), p.GroupNorm(2, 4), p.LayerNorm(16),
        p.Upsample(scale_factor=(1, 2)), p.Upsample((9, 8), mode="bilinear"), p.ConvTranspose2d(4, 2, 2, bias=False),
        p.Upsample(8, mode="bilinear", align_corners=True), p.Upsample((5, 9)), p.Upsample(scale_factor=(1.6, 0.9)),
    ]  # fmt: skip
    scores = {"a": (p.Sigmoid(), "input"), "b": (p.joins.Divide(), "input", "a"), "c": (p.joins.MatMul(), "b", "a")}
    gate = p.Graph({"a": (p.AdaptiveAvgPool2d(1), "input"), "b": (p.joins.Multiply(), "input", "a")})
    pools = [p.MaxPool2d(3, stride=1, padding=1), p.AvgPool2d(2, padding=1, ceil_mode=True), p.AdaptiveAvgPool2d(3)]
    ends = [p.HardSigmoid(), p.Sigmoid(), p.Flatten(), p.Linear(45, 6), p.ReLU6(), Doubled(), p.Softmax()]
    return p.Sequential(
        [
            p.Conv2d(2, 2, 3, padding=1), p.BatchNorm2d(2), p.ReLU(), *activations, *other, *learnt,
            *moved, p.Graph(scores), *pools, gate,
            p.Residual(p.LocalResponseNorm(3)), p.Concat(p.Dropout(), p.Sequential([p.Tanh()])), p.PadChannels(1, 0),
            *ends,
        ],
        input_shape=(2, 8, 8), seed=3, scaling=p.Scaling((0.4, 0.5), (0.3, 0.2)),
    )  # fmt: skip


def traced(network: p.Sequential, rng: np.random.Generator) -> p.Trace:
    """A trace of random pixels, with everything that begins as constants drawn anew."""
    Architect(rng).fill(network)
    return p.trace(network, rng.integers(0, 256, network.input_shape).astype(np.uint8))


def test_every_kind_of_a_network_in_prediction_has_a_sum():
    forward = {kind for kind in DEFINITIONS if ".grad" not in kind}
    assert forward == SUMS.keys() | NOT_IN_PREDICTION.keys()
    assert not SUMS.keys() & NOT_IN_PREDICTION.keys()


def test_every_kind_is_what_its_definition_makes(rng):
    kinds = check_all(traced(every_layer(), rng), rng, each=30, snippets=4)
    assert kinds == SUMS.keys() - {"dropout"}  # which makes no step


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_random_networks_are_what_the_definitions_make(first):
    for seed in range(first, first + 10):
        rng = np.random.default_rng(seed)
        architect = Architect(rng)
        shape = architect.input_shape()
        layers, _ = architect.grow(shape, int(rng.integers(1, 9)))
        trace = traced(p.Sequential(layers, input_shape=shape, seed=seed, scaling=p.Scaling(0.4, 0.3)), rng)
        check_all(trace, rng)
        last = trace.walk_back(trace.program.output, (0,) * len(trace.program.values[trace.program.output].shape), 500)
        end = trace.sum(last[-1].value, last[-1].index)
        assert last[-1].source == trace.program.input or not end.terms.size, f"seed {seed}"


def test_a_network_in_float64_is_exact(rng):
    network = p.models.small(dtype="float64")
    trace = p.trace(network, rng.integers(0, 256, network.input_shape).astype(np.uint8))
    for place in trace.layers:
        found = trace.sum(place.path, (0,) * len(trace.program.values[place.output].shape))
        assert abs(found.difference) <= 1e-12 * found.size
        assert ("float32" in found.snippet()) is False


@pytest.mark.parametrize("make", [p.models.lenet, p.models.resnet20, p.models.mobilenet_v1])
def test_known_networks_lead_back_to_a_pixel(make, rng):
    options = {"input_shape": (3, 32, 32)} if make is p.models.mobilenet_v1 else {}
    trace = traced(make(**options), rng)
    walk = trace.walk_back(trace.program.output, (7,))
    assert walk[-1].source == trace.program.input
    for step, after in itertools.pairwise(walk):
        assert (step.source, step.source_index) == (after.value, after.index)
    for step in walk:
        check(trace, step.value, step.index, None)


def test_one_number_of_a_large_network_takes_no_time():
    """VGG-16, whose weights nobody needs to draw for that."""
    program = p.lower(p.models.vgg16())
    trace = p.Trace(program, {value.id: np.zeros(value.shape, np.float32) for value in program.values})
    for layer, index, terms in (("conv13", (100, 7, 7), 4608), ("linear1", 7, 25_088), ("pool5", (511, 6, 6), 1)):
        taken = []
        for _ in range(5):
            begun = time.perf_counter()
            found = trace.sum(layer, index)
            taken.append(time.perf_counter() - begun)
        assert len(found.terms) == terms
        assert min(taken) < 0.05, (layer, taken)
