"""Plans: which kernels run in which phase, on which memory. Nothing is compiled here."""

import math
from itertools import pairwise

import numpy as np
import pytest

import pellucid as p
from oracles.compiled import planned, residual, training_program
from pellucid import models
from pellucid.build import lower
from pellucid.compiler.lowering import OUTPUTS
from pellucid.compiler.plan import (
    CHUNK,
    MOST_CHUNKS,
    Buffer,
    Call,
    Count,
    DefinitionPhase,
    JobPhase,
    LeafPhase,
    Operand,
    Scope,
    chunked,
)
from pellucid.compiler.schedule import calls
from pellucid.compiler.tiles import BY_NAME


class Own(p.Layer):
    """A layer of one's own, with a parameter."""

    def __init__(self):
        super().__init__()
        self.factor = p.Parameter("factor", (2,))

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        return np.asarray(x)

    def backward(self, grad_output):
        return np.asarray(grad_output)


def phases(plan):
    return [type(phase).__name__ for phase in plan.phases]


def names(phase):
    return [call.recipe.name for call in phase.calls]


def scopes(plan):
    """Return the scope of every buffer of samples by name."""
    found = {o.buffer.name: o.buffer.scope for call in calls(plan.phases) for o in call.operands}
    return {name: scope for name, scope in found.items() if scope in (Scope.PASSING, Scope.BATCH)}


def call_of(plan, name, number=0):
    return [call for call in calls(plan.phases) if call.recipe.name == name][number]


# ---- LeNet: one phase of leaves, nothing kept
LENET = planned(training_program(models.lenet(), p.Adam()), input="uint8")


def test_lenet_is_weights_put_in_order_leaves_sums_and_the_update():
    assert phases(LENET) == ["JobPhase", "LeafPhase", "JobPhase", "JobPhase"]
    prepare, leaves, sums, update = LENET.phases
    prepared = [job[0].recipe.name for job in prepare.jobs]
    assert prepared.count("repack") == 4, "all weights but the first layer's"
    assert set(prepared) == {"repack", "zero"}
    assert names(leaves)[:4] == ["zero", "gather", "scale", "conv2d"]
    summed = [call.recipe.name for job in sums.jobs for call in job]
    assert sorted(summed) == ["add_leaves"] * 2 + ["linear_grad_weight"] * 2, "loss, correct, two large gradients"
    assert {tuple(call.recipe.name for call in job) for job in update.jobs} == {("add_leaves", "adam"), ("adam",)}


def test_lenets_relus_ride_along():
    leaves = LENET.phases[1]
    assert names(leaves).count("relu_grad_input") == 2, "of what is pooled, where gradients are routed"
    fused = [call.recipe.name for call in leaves.calls if any(step.kind.startswith("relu") for step in call.steps)]
    assert sorted(fused) == sorted(
        ["conv2d"] * 2 + ["linear"] * 2 + ["linear_grad_input"] * 2 + ["max_pool2d_grad_input"]
        + ["relu_grad_input"] * 2
    )  # fmt: skip
    done = [step for call in calls(LENET.phases) for step in call.steps]
    missing = [step.kind for step in LENET.program.steps[: LENET.program.backward] if step not in done]
    assert sorted(missing) == ["flatten", "flatten.grad_input"], "views"


def test_of_what_lies_between_lenets_layers_only_what_large_gradients_are_made_from_is_kept():
    kept = {name for name, scope in scopes(LENET).items() if scope is Scope.BATCH}
    assert kept == {"pool2.output", "relu3.output", "grad(linear1.output)", "grad(linear2.output)"}
    micro = LENET.phases[1].micro
    assert micro == LENET.program.leaf_size == 16


def classifier(*layers, input_shape):
    """Return the plan of a training step of layers, followed by a linear one."""
    features = math.prod(p.Sequential(layers, input_shape=input_shape).output_shape())
    network = p.Sequential([*layers, p.Flatten(), p.Linear(features, 3)], input_shape=input_shape)
    return planned(training_program(network, p.Adam()))


CONVOLUTIONS = classifier(p.Conv2d(1, 32, 5), p.ReLU(), p.Conv2d(32, 32, 5), input_shape=(1, 28, 28))


def test_an_update_takes_all_parameters_as_one():
    """Neighbours in memory, in the same order as their gradients: 17 chunks' worth of numbers make as many jobs."""
    placement, jobs = CONVOLUTIONS.placement, CONVOLUTIONS.phases[-1].jobs
    numbers = sum(-(-placement.layouts[v].size // 16) * 16 for v in placement.learning)
    assert len(jobs) == CONVOLUTIONS.chunks == -(-numbers // CHUNK)
    spans = [job[1].ranges[0] for job in jobs]
    assert [name for name, _ in spans] == ["numbers"] * CONVOLUTIONS.chunks
    assert [span for _, span in spans] == [
        (start, min(start + CHUNK, numbers)) for start in range(0, numbers, CHUNK)
    ]  # fmt: skip
    flags = [job[1].operands[-1].offset for job in jobs]
    assert flags == [4 * number for number in range(CONVOLUTIONS.chunks)]


def test_gradients_lie_in_the_order_of_their_parameters():
    placement = CONVOLUTIONS.placement
    starts = {
        placement.parameter_of(value): operand.offset
        for value, operand in CONVOLUTIONS.totals.items()
        if placement.parameter_of(value) is not None
    }
    order = sorted(starts, key=starts.get)
    assert order == placement.learning
    assert [starts[v] // 4 for v in order] == [placement.starts[v] for v in order]


def test_lenet_is_told_what_it_reads():
    given = {
        "weights", "new weights", "scalars", "flags", "input.data", "input.data.count", "target.data",
        "target.data.count", "index",
    }  # fmt: skip
    assert LENET.given.keys() == given
    assert LENET.given["index"].size == 8
    assert LENET.given["weights"].size == 0, "samples share it"


def test_a_mixture_is_of_floats_whatever_the_data_are():
    how = {"augment": [p.augment.MixUp(), p.augment.Flip()]}
    plan = planned(training_program(models.lenet(), p.Adam(), **how), input="uint8")
    given = {*LENET.given, "augment_key"}
    assert plan.given.keys() == given, "the same, and what it draws with"
    mixed, shared = call_of(plan, "mixup"), call_of(plan, "mixup_classes")
    assert mixed.recipe.parameters[:2] == (784, "uint8")
    assert shared.recipe.parameters[:2] == (10, "int64")
    assert call_of(plan, "scale").recipe.parameters[-1] == "float32"
    assert call_of(plan, "cross_entropy").recipe.parameters[3] == "float32"
    assert call_of(plan, "count_correct").recipe.parameters == (10, "float32")
    assert mixed.operands[-1].buffer.size == 784 * 4
    assert shared.operands[-1].buffer.size == 10 * 4
    assert {mixed.operands[3].buffer.name, shared.operands[3].buffer.name} == {"input.data.count", "target.data.count"}
    soft = planned(training_program(models.lenet(), p.Adam(), target_shape=(10,), **how), target="float32")
    assert [call.recipe.parameters[:2] for call in calls(soft.phases) if call.recipe.name == "mixup"] == [
        (784, "float32"), (10, "float32")
    ]  # fmt: skip
    assert names(plan.phases[1])[:4] == ["zero", "mixup", "scale", "flip"]


def test_numbers_of_a_step_are_computed_once():
    """The count for the loss, and Adam's three for all parameters."""
    assert [scalars.takes for scalars in LENET.scalars] == [("count",), ("lr", "step")]
    assert (LENET.scalars[0].offset, LENET.scalars[1].offset, LENET.scalar_count) == (0, 16, 32)
    scaled = planned(training_program(models.lenet(), p.Adam(lr_scales={"conv1": 0.1})))
    assert [scalars.takes for scalars in scaled.scalars] == [("count",), ("lr", "step"), ("lr", "step")]


def test_clipping_looks_at_all_gradients_before_the_update():
    plan = planned(training_program(models.lenet(), p.SGD(0.1, clip_norm=1.0)))
    assert phases(plan) == ["JobPhase", "LeafPhase", "JobPhase", "JobPhase", "JobPhase"]
    sums, clipping, update = plan.phases[2:]
    assert sum(len(job) for job in sums.jobs) >= 10 + 2, "the gradients are complete by then"
    assert [call.recipe.name for call in clipping.jobs[0]] == ["zero"] + ["add_squares"] * 10 + ["clip_factor"]
    assert {tuple(call.recipe.name for call in job) for job in update.jobs} == {("scale_gradient", "sgd")}


# ---- gradients behind max pooling
def pooled(conv, *between, pool=None, image=(3, 18, 18)):
    """Return the kernels of a training step of a convolution, a pooling and a linear layer."""
    plan = classifier(conv, *between, pool or p.MaxPool2d(2), input_shape=image)
    return [call.recipe.name for call in calls(plan.phases)]


def test_weights_before_a_pooling_learn_from_a_routed_gradient():
    for between in ([], [p.ReLU()]):
        found = pooled(p.Conv2d(3, 8, 3), *between)
        assert "max_pool2d_winners" in found
        assert "conv2d_grad_weight_routed" in found
        assert "max_pool2d_grad_input" not in found, "nobody reads the gradient as an image"
        assert "pad" not in found


def test_an_image_gets_its_padding_where_a_gradient_is_routed():
    found = pooled(p.Conv2d(3, 8, 3, padding=1))
    assert found.index("pad") < found.index("conv2d_grad_weight_routed")


@pytest.mark.parametrize(
    ("conv", "pool"),
    [
        (p.Conv2d(3, 8, 3), p.MaxPool2d(3, stride=1)),  # nothing is 0
        (p.Conv2d(3, 9, 3, groups=3), None),
        (p.Conv2d(3, 8, (3, 2), dilation=(1, 2)), None),  # a filter row lies in pieces
        (p.Conv2d(3, 8, 1), None),  # no vector of it can be read
    ],
)
def test_other_gradients_stay_images(conv, pool):
    found = pooled(conv, pool=pool)
    assert "max_pool2d_grad_input" in found
    assert "max_pool2d_winners" not in found


def test_a_gradient_that_several_read_is_both():
    """The second convolution's weights take the routes, its input's gradient the image."""
    plan = classifier(p.Conv2d(1, 4, 3), p.ReLU(), p.Conv2d(4, 8, 3), p.MaxPool2d(2), input_shape=(1, 12, 12))
    found = [call.recipe.name for call in calls(plan.phases)]
    assert found.count("max_pool2d_winners") == found.count("max_pool2d_grad_input") == 1


def test_winners_are_kept_where_the_way_back_is_another_phase():
    """Batch normalisation behind the pooling stands between."""
    plan = classifier(
        p.Conv2d(3, 8, 3), p.ReLU(), p.MaxPool2d(2), p.Conv2d(8, 4, 3), p.BatchNorm2d(4), input_shape=(3, 12, 12)
    )
    assert "conv2d_grad_weight_routed" in [call.recipe.name for call in calls(plan.phases)]
    assert scopes(plan)["pool1.output, winners"] is Scope.BATCH
    assert scopes(plan)["pool1.output"] is Scope.BATCH


def test_a_gradient_that_cannot_be_masked_later_stays_an_image():
    """What was pooled is forgotten: an average needs nothing for its gradient, and then comes normalisation."""
    plan = classifier(
        p.Conv2d(3, 8, 3), p.ReLU(), p.MaxPool2d(2), p.AvgPool2d(2), p.BatchNorm2d(8), input_shape=(3, 14, 14)
    )
    assert "max_pool2d_winners" not in [call.recipe.name for call in calls(plan.phases)]


def test_prediction_notes_no_winners():
    plan = planned(lower(models.lenet()))
    assert [call.recipe.name for call in calls(plan.phases)].count("max_pool2d") == 2


# ---- a normalised residual network
def test_a_normalised_network_keeps_what_later_phases_read():
    plan = planned(training_program(residual(), p.Adam()))
    batch = {name for name, scope in scopes(plan).items() if scope is Scope.BATCH}
    assert batch == {
        "scaled", "target", "conv1.output", "relu1.output", "residual1.body.conv1.output",
        "grad(residual1.output)", "grad(norm1.output)",
    }  # fmt: skip
    assert phases(plan) == ["JobPhase"] + ["LeafPhase", "JobPhase", "JobPhase"] * 2 + ["LeafPhase", "JobPhase"] * 3


def test_statistics_are_combined_as_moments_and_other_sums_added():
    plan = planned(training_program(residual(), p.Adam()))
    combined = [call for call in calls(plan.phases) if call.recipe.name == "moments_leaves"]
    assert len(combined) == 2
    assert all(call.count is Count.LEAVES for call in combined)
    running = call_of(plan, "running_statistics")
    buffers = [operand.buffer.name for operand in running.operands]
    assert buffers == ["weights", "weights", "sums", "new weights", "new weights"]


def test_relus_ride_along_with_normalisation_and_addition():
    plan = planned(training_program(residual(), p.Adam()))
    assert [step.kind for step in call_of(plan, "batch_norm", 0).steps] == ["batch_norm", "relu"]
    assert [step.kind for step in call_of(plan, "batch_norm", 1).steps] == ["batch_norm"]
    (forward,) = [c for c in calls(plan.phases) if c.recipe.name == "add" and c.steps[0].layer == "residual1"
                  and len(c.steps) == 2]  # fmt: skip
    assert [step.kind for step in forward.steps] == ["add", "relu"]


def test_each_leaf_begins_with_zeros():
    plan = planned(training_program(residual(), p.Adam()))
    for phase in plan.phases:
        if isinstance(phase, LeafPhase) and any(o.buffer.scope is Scope.LEAF for c in phase.calls for o in c.operands):
            parts = {o.buffer for c in phase.calls for o in c.operands if o.buffer.scope is Scope.LEAF}
            first, others = phase.calls[: len(parts)], phase.calls[len(parts) :]
            assert {call.operands[0].buffer for call in first} == parts
            for call in first:
                assert (call.recipe.name, call.once) == ("zero", True)
                assert call.count * 4 == call.operands[0].buffer.size
            assert not any(call.once for call in others)


# ---- large parameters
def test_a_large_gradient_is_summed_serially_over_the_batch():
    network = p.Sequential([p.Flatten(), p.Linear(400, 200), p.ReLU(), p.Linear(200, 3)], input_shape=(1, 20, 20))
    plan = planned(training_program(network, p.Adam()))
    large, small = call_of(plan, "linear_grad_weight", 1), call_of(plan, "linear_grad_weight", 0)
    assert large.operands[2].buffer.size == 4 * 200 * 400, "no parts"
    assert (large.count, large.split) == (Count.BATCH, ("blocks", "input_tiles"))
    assert large.operands[2].buffer.scope is Scope.WHOLE
    assert {o.buffer.scope for o in large.operands[:2]} == {Scope.BATCH}
    assert small.operands[2].buffer.scope is Scope.LEAF, "the control: a small one has parts"
    zeros = [
        job for job in plan.phases[0].jobs if job[0].operands[0].buffer is large.operands[2].buffer
    ]  # fmt: skip
    assert len(zeros) == -(-200 * 400 // CHUNK), "it is set to 0 beforehand, in chunks"


# ---- layers of one's own
def test_a_layer_of_ones_own_sees_whole_batches_channels_first():
    layers = [p.Conv2d(1, 2, 3), Own(), p.ReLU(), p.Flatten(), p.Linear(32, 3)]
    plan = planned(training_program(p.Sequential(layers, input_shape=(1, 6, 6)), p.SGD(0.1)))
    assert phases(plan) == [
        "JobPhase", "LeafPhase", "LeafPhase", "DefinitionPhase", "LeafPhase", "LeafPhase", "LeafPhase",
        "DefinitionPhase", "LeafPhase", "LeafPhase", "JobPhase", "JobPhase",
    ]  # fmt: skip
    forward, backward = [phase for phase in plan.phases if isinstance(phase, DefinitionPhase)]
    assert (forward.step.kind, backward.step.kind) == ("custom", "custom.grad")
    assert [names(phase) for phase in (plan.phases[2], plan.phases[4])] == [["flatten"], ["flatten_grad_input"]]
    assert [operand.buffer.name for operand in (*forward.inputs, *forward.outputs)] == [
        "conv1.output, channels first", "own1.output, channels first",
    ]  # fmt: skip
    gradient = backward.outputs[1]
    assert (gradient.buffer.scope, gradient.buffer.size) == (Scope.WHOLE, 64)


def test_features_need_no_other_order():
    plan = planned(training_program(p.Sequential([p.Linear(2, 2), Own(), p.Linear(2, 3)], input_shape=(2,)), p.SGD()))
    assert not [call for call in calls(plan.phases) if call.recipe.name.startswith("flatten")]


def test_a_layer_of_ones_own_that_shares_a_packed_weight_leaves_its_gradient_in_that_order():
    class Tied(Own):
        def __init__(self, other):
            super().__init__()
            self.factor = other.weight

    linear = p.Linear(2, 2)
    program = training_program(p.Sequential([linear, Tied(linear)], input_shape=(2,)), p.SGD())
    plan = planned(program, "avx512")
    (backward,) = [phase for phase in plan.phases if isinstance(phase, DefinitionPhase) and phase.step.kind != "custom"]
    size = plan.placement.layout(program.ids["linear1.weight"]).size
    assert backward.outputs[1].buffer.size >= 4 * size


# ---- outputs
def outputs_of(plan):
    """Return the last call that writes outputs, and how many phases there are."""
    (call,) = [c for c in calls(plan.phases) if any(o.buffer.name == OUTPUTS for o in c.operands)]
    return call.recipe.name, len(plan.phases)


def test_outputs_are_written_where_the_caller_wants_them():
    assert outputs_of(planned(lower(models.lenet()))) == ("linear", 1)
    relu = p.Sequential([p.Linear(4, 2), p.ReLU()], input_shape=(4,))
    assert outputs_of(planned(lower(relu))) == ("linear", 1)
    one_channel = p.Sequential([p.Conv2d(2, 1, 3)], input_shape=(2, 5, 5))
    assert outputs_of(planned(lower(one_channel))) == ("conv2d", 1), "of one channel there is one order"


def test_images_are_put_in_order_at_the_end():
    image = p.Sequential([p.Conv2d(2, 3, 3)], input_shape=(2, 5, 5))
    assert outputs_of(planned(lower(image))) == ("flatten", 2)
    own = p.Sequential([p.Conv2d(2, 2, 3), Own()], input_shape=(2, 5, 5))
    assert outputs_of(planned(lower(own)))[0] == "flatten"


def test_types_of_given_arrays_decide_their_sizes():
    program = training_program(models.lenet())
    sizes = {kind: planned(program, input=kind).given["input"].size for kind in ("uint8", "float32")}
    assert sizes == {"uint8": 28 * 28, "float32": 4 * 28 * 28}
    assert planned(program).given["target"].size == 8
    soft = training_program(models.lenet(), target_shape=(10,))
    assert planned(soft, target="float32").given["target"].size == 40


# ---- whatever the instruction set
@pytest.mark.parametrize("isa", ["avx512", "avx2", "sse", "neon", "generic"])
def test_phases_and_order_do_not_depend_on_the_machine(isa):
    """Kernels and tiles differ; which work is done, in which order, does not: bits follow from shapes."""
    for network in (models.lenet(), residual()):
        program = training_program(network, p.Adam())
        plan, reference = planned(program, isa), planned(program, "avx2")
        assert phases(plan) == phases(reference)
        for one, other in zip(plan.phases, reference.phases, strict=True):
            if isinstance(one, LeafPhase):
                assert [call.steps for call in one.calls] == [call.steps for call in other.calls]
                assert one.micro == other.micro
        assert {call.recipe.isa for call in calls(plan.phases)} == {BY_NAME[isa]}


# ---- chunks
def test_chunks_cover_all_numbers_once():
    call = Call(LENET.phases[1].calls[0].recipe, (Operand(Buffer("x", 4, Scope.WHOLE)),))
    for size in (1, 16, CHUNK, CHUNK + 1, 3 * CHUNK - 5, MOST_CHUNKS * CHUNK, 5 * MOST_CHUNKS * CHUNK // 2 + 7):
        spans = [dict(part.ranges)["numbers"] for (part,) in chunked([call], size)]
        assert spans[0][0] == 0
        assert spans[-1][1] == -(-size // 16) * 16
        assert all(stop == start for (_, stop), (start, _) in pairwise(spans))
        assert all(0 < stop - start <= max(CHUNK, size // MOST_CHUNKS + 16) for start, stop in spans)
        assert len(spans) <= MOST_CHUNKS, "a large layer's update is not cut into tens of thousands"


def test_jobs_are_never_empty():
    for network in (models.lenet(), residual()):
        for plan in (planned(training_program(network, p.Adam())), planned(lower(network))):
            assert all(job for phase in plan.phases if isinstance(phase, JobPhase) for job in phase.jobs)
