"""Phases: which work goes where, in an order in which it can run, and what a thread may keep to itself."""

import numpy as np
import pytest

import pellucid as p
from oracles.compiled import residual, training_program
from pellucid import models
from pellucid.build import lower
from pellucid.compiler.drafting import Outline, Work
from pellucid.compiler.rules import RULES
from pellucid.definitions.combine import is_serial


class Own(p.Layer):
    """A layer of one's own, which has no kernel."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        return np.asarray(x)

    def backward(self, grad_output):
        return np.asarray(grad_output)


def with_own_layers():
    layers = [p.Conv2d(1, 2, 3), Own(), p.ReLU(), Own(), p.Flatten(), p.Linear(32, 3)]
    return p.Sequential(layers, input_shape=(1, 6, 6))


def with_large_parameter():
    return p.Sequential([p.Flatten(), p.Linear(400, 200), p.ReLU(), p.Linear(200, 3)], input_shape=(1, 20, 20))


def shared():
    one, other = p.Linear(16, 16), p.Linear(16, 16)
    other.weight = one.weight
    return p.Sequential([one, p.ReLU(), other, p.Linear(16, 3)], input_shape=(16,))


NETWORKS = (models.lenet, residual, with_own_layers, with_large_parameter, shared)


def outline(program, native=RULES):
    return Outline(program, native, {program.output} if program.loss is None else set())


def kinds(found):
    return [draft.work.name for draft in found.drafts if draft.operations]


def steps_of(found):
    return [step for draft in found.drafts for operation in draft.operations for step in operation.steps]


def unready(found):
    """Return the operations that read what is made only later. What a phase makes sample by sample its later
    operations may read; a sum over the batch is complete when the phase is."""
    values, wrong, complete = found.program.values, [], set()
    made = {found.original(v) for step in found.program.steps for v in step.outputs}
    for draft in found.drafts:
        here: set[int] = set()
        for operation in draft.operations:
            read = {found.original(v) for v in operation.inputs} & made
            if not read <= complete | {v for v in here if draft.work is Work.UPDATE or values[v].over != "sum"}:
                wrong.append(operation)
            here.update(map(found.original, operation.outputs))
        complete |= here
    return wrong


# ---- phases
def test_lenet_goes_through_at_once():
    found = outline(training_program(models.lenet(), p.Adam()))
    assert kinds(found) == ["LEAVES", "SUMS", "UPDATE"]
    serial = [found.program.values[op.outputs[0]].name for op in found.drafts[1].operations]
    assert serial == ["grad(linear2.weight)", "grad(linear1.weight)"], "each larger than what 16 samples make it from"


def test_sums_are_completed_after_their_leaves():
    layers = [p.Conv2d(1, 2, 3), p.Flatten(), p.Linear(72, 3)]
    found = outline(training_program(p.Sequential(layers, input_shape=(1, 8, 8)), p.Adam()))
    assert kinds(found) == ["LEAVES", "UPDATE"]
    assert [draft.work for draft in found.drafts] == [Work.LEAVES, Work.SUMS, Work.UPDATE]


def test_batch_normalisation_cuts_the_batch_into_phases():
    found = outline(training_program(residual(), p.Adam()))
    assert kinds(found) == [
        "LEAVES", "SINGLES", "LEAVES", "SINGLES", "LEAVES", "LEAVES", "LEAVES", "UPDATE",
    ]  # fmt: skip
    first = [operation.kind for operation in found.drafts[0].operations]
    assert first == ["gather", "scale", "conv2d", "batch_statistics", "gather"]


def test_prediction_is_one_phase():
    assert kinds(outline(lower(residual()))) == ["LEAVES"]


def test_a_layer_of_ones_own_stands_alone():
    found = outline(training_program(with_own_layers(), p.SGD(0.1)))
    assert kinds(found) == [
        "LEAVES", "DEFINITION", "LEAVES", "DEFINITION", "LEAVES", "DEFINITION", "LEAVES", "DEFINITION", "LEAVES",
        "UPDATE",
    ]  # fmt: skip
    assert all(len(draft.operations) == 1 for draft in found.drafts if draft.work is Work.DEFINITION)


def test_what_has_no_rule_runs_in_numpy():
    native = RULES.keys() - {"max_pool2d"}
    found = outline(lower(models.lenet()), native)
    assert kinds(found) == ["LEAVES", "DEFINITION"] * 2 + ["LEAVES"]


@pytest.mark.parametrize(("width", "serial"), [(32, False), (33, True)])
def test_gradients_of_more_numbers_than_a_leaf_makes_them_from_are_summed_serially(width, serial):
    """16 samples bring 2·32 numbers each to a gradient of 32²: just as many; 2·33 each are fewer than 33²."""
    made = p.Sequential([p.Linear(width, width), p.ReLU(), p.Linear(width, 3)], input_shape=(width,))
    found = outline(training_program(made, p.Adam()))
    assert found.program.leaf_size == 16
    sums = [op for draft in found.drafts if draft.work is Work.SUMS for op in draft.operations]
    names = [found.program.values[op.outputs[0]].name for op in sums]
    assert names == (["grad(linear1.weight)"] if serial else [])


def test_a_large_parameter_is_summed_serially():
    found = outline(training_program(with_large_parameter(), p.Adam()))
    assert kinds(found) == ["LEAVES", "SUMS", "UPDATE"]
    (sums,) = [draft for draft in found.drafts if draft.work is Work.SUMS]
    assert [found.program.values[op.outputs[0]].name for op in sums.operations] == ["grad(linear1.weight)"]


@pytest.mark.parametrize(
    ("numbers", "read", "serial"),
    [(65_536, 4_096, False), (65_537, 10**6, True), (1_024, 64, False), (1_025, 64, True)],
)
def test_what_is_serial(numbers, read, serial):
    """More than 65,536 numbers, or more than a leaf of 16 samples is made from."""
    assert is_serial(numbers, read, 16) is serial


def test_contributions_to_a_shared_parameter_are_added_once():
    found = outline(training_program(shared(), p.SGD(0.1)))
    assert kinds(found) == ["LEAVES", "SINGLES", "UPDATE"]
    (singles,) = [draft for draft in found.drafts if draft.work is Work.SINGLES]
    assert [operation.kind for operation in singles.operations] == ["add"]


@pytest.mark.parametrize("make", NETWORKS)
def test_every_step_is_done_once_when_what_it_reads_is_there(make):
    for program in (training_program(make(), p.Adam(clip_norm=1.0, average=0.9)), lower(make())):
        found = outline(program)
        assert not unready(found)
        done = steps_of(found)
        views = [step for step in program.steps if step not in done]
        assert len(done) == len(set(done))
        assert {step.kind for step in views} <= {"flatten", "flatten.grad_input"}


def test_the_control_a_wrong_order_is_seen():
    found = outline(lower(models.lenet()))
    found.drafts[0].operations.reverse()
    assert unready(found)
    found = outline(training_program(residual(), p.Adam()))
    found.drafts[0].operations += found.drafts.pop(1).operations  # the sums are complete only after the leaves
    found.drafts[0].operations += found.drafts.pop(1).operations
    assert "running_statistics" in [operation.kind for operation in unready(found)]


# ---- who needs what
def kept(found):
    """Return the names of what is kept for the whole batch from one phase to another."""
    values = found.program.values
    return {
        values[v].name for v in found.made if values[v].has_samples and not found.passes(v) and v in found.last_read
    }


def test_of_lenet_is_kept_what_large_gradients_are_made_from():
    found = outline(training_program(models.lenet(), p.Adam()))
    assert kept(found) == {"pool2.output", "relu3.output", "grad(linear1.output)", "grad(linear2.output)"}


def test_of_a_normalised_network_is_kept_what_a_later_phase_reads():
    found = outline(training_program(residual(), p.Adam()))
    assert kept(found) == {
        "scaled", "target", "conv1.output", "relu1.output", "residual1.body.conv1.output",
        "grad(residual1.output)", "grad(norm1.output)",
    }  # fmt: skip


def test_serial_sums_need_the_whole_batch():
    found = outline(training_program(with_large_parameter(), p.Adam()))
    assert kept(found) == {"scaled", "grad(linear1.output)"}


def test_the_outputs_are_kept_for_whoever_asks():
    program = lower(models.lenet())
    assert kept(outline(program)) == {program.values[program.output].name}
    assert not kept(Outline(program, RULES, set())), "the control: nobody asks"


def test_a_flattened_image_is_the_image():
    program = training_program(models.lenet(), p.Adam())
    found, ids = outline(program), program.ids
    assert found.original(ids["flatten1.output"]) == ids["pool2.output"]
    assert found.original(ids["grad(pool2.output)"]) == ids["grad(flatten1.output)"]
    assert found.original(ids["conv1.output"]) == ids["conv1.output"]
