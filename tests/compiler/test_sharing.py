"""Who does which samples, and what travels when."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as p
from oracles.compiled import planned, residual, training_program
from oracles.shared_trainings import large_layers, small_lenet
from pellucid.compiler.executable import Executable
from pellucid.compiler.plan import Count, DefinitionPhase, JobPhase, LeafPhase, NodePhase, Scope, Send, Wait
from pellucid.compiler.sharing import Share, shared
from pellucid.definitions.combine import leaves, tree
from pellucid.errors import CompilerError

counts = st.integers(1, 300)


def added(left, right):
    return f"({left}+{right})"


# ---- who does what
@given(samples=counts, leaf_size=st.sampled_from([2, 8, 16]), ranks=st.integers(1, 40))
def test_every_sample_is_done_by_one_rank_in_whole_leaves(samples, leaf_size, ranks):
    shares = [Share(samples, leaf_size, rank, ranks) for rank in range(ranks)]
    cut = leaves(samples, leaf_size)
    assert [leaf for share in shares for leaf in share.own_leaves] == list(range(len(cut)))
    for share in shares:
        own = [sample for leaf in share.own_leaves for sample in cut[leaf]]
        start, stop = share.sample_bounds[share.rank : share.rank + 2]
        assert own == list(range(start, stop))


@given(samples=counts, ranks=st.integers(1, 40))
def test_no_rank_has_more_than_an_equal_share(samples, ranks):
    share = Share(samples, 16, 0, ranks)
    most = max(len(Share(samples, 16, rank, ranks).own_leaves) for rank in range(ranks))
    assert most == -(-share.leaves // ranks)


@given(samples=counts, ranks=st.integers(1, 40))
def test_the_tree_over_nodes_is_the_tree_over_leaves(samples, ranks):
    share = Share(samples, 2, 0, ranks)
    parts = [str(leaf) for leaf in range(share.leaves)]
    nodes = [tree([parts[leaf] for leaf in share.leaves_of(node)], added) for node in range(share.nodes)]
    assert tree(nodes, added) == tree(parts, added)


def test_equal_shares_are_one_node_each():
    share = Share(128, 16, 1, 4)
    assert (share.level, share.nodes, share.node_bounds) == (1, 4, (0, 1, 2, 3, 4))
    assert list(share.own_leaves) == [2, 3]
    assert Share(128, 16).nodes == 1, "one process has the root"
    assert (Share(128, 16, 0, 3).level, Share(256, 16, 0, 3).level) == (0, 1), "as high as equal shares allow"


def test_ranks_beyond_the_leaves_have_nothing_to_do():
    assert sorted(len(Share(5, 16, rank, 4).own_leaves) for rank in range(4)) == [0, 0, 0, 1]


# ---- what travels
def plan_of(network, samples=64, optimizer=None):
    return shared(planned(training_program(network, optimizer or p.Adam())), samples)


def read_of_all(phase):
    """Return what a phase reads that other ranks have made."""
    if isinstance(phase, DefinitionPhase):
        return {operand.buffer for operand in phase.inputs if operand.buffer.scope is Scope.BATCH}
    calls = [call for job in phase.jobs for call in job] if isinstance(phase, JobPhase) else []
    return {o.buffer for call in calls for o in call.operands if o.buffer.scope in (Scope.BATCH, Scope.NODE)}


@pytest.mark.parametrize("make", [small_lenet, residual, large_layers])
def test_what_is_read_of_all_ranks_was_sent_and_waited_for(make):
    sent, there = set(), set()
    for phase in plan_of(make()).phases:
        assert read_of_all(phase) <= there
        if isinstance(phase, Send):
            sent |= set(phase.buffers)
        elif isinstance(phase, Wait):
            assert set(phase.buffers) <= sent
            there |= set(phase.buffers)
            sent -= set(phase.buffers)
    assert not sent, "nobody has waited for these"


def test_nobody_completes_sums_from_leaves():
    for phase in plan_of(residual()).phases:
        calls = [call for job in phase.jobs for call in job] if isinstance(phase, JobPhase) else []
        assert not any(call.count is Count.LEAVES for call in calls)
        assert not any(operand.buffer.scope is Scope.LEAF for call in calls for operand in call.operands)


def test_the_gradients_of_weights_are_under_way_while_the_backward_pass_goes_on():
    phases = plan_of(residual()).phases
    late = [
        (sent, waited)
        for sent, phase in enumerate(phases)
        if isinstance(phase, Send)
        for buffer in phase.buffers
        for waited, other in enumerate(phases)
        if isinstance(other, Wait) and buffer in other.buffers and buffer.name == "parts of late sums, of nodes"
    ]
    assert late
    for sent, waited in late:
        assert any(isinstance(phase, LeafPhase) for phase in phases[sent:waited])


def test_leaves_go_up_to_nodes_by_the_kernels_that_complete_sums():
    phases = plan_of(residual()).phases
    for phase, after in pairwise(phases):
        if isinstance(after, NodePhase):
            assert isinstance(phase, LeafPhase)
            for call in after.calls:
                assert call.recipe.name in ("add_leaves", "moments_leaves")
                assert [o.buffer.scope for o in call.operands] == [Scope.LEAF, Scope.NODE]


def test_a_large_sum_is_made_in_parts_where_it_has_many_terms():
    def owned(samples, **other):
        plan = planned(training_program(large_layers(), p.Adam()))
        for phase in plan.phases:
            if isinstance(phase, JobPhase):
                phase.jobs = [tuple(replace(call, **other) for call in job) for job in phase.jobs]
        calls = [c for phase in shared(plan, samples).phases if isinstance(phase, JobPhase)
                 for job in phase.jobs for c in job if c.count is Count.BATCH]  # fmt: skip
        return {call.recipe.name for call in calls if call.owned}, {call.recipe.name for call in calls}

    assert owned(64) == ({"conv2d_grad_weight"}, {"conv2d_grad_weight", "linear_grad_weight"}), "64 · 9 terms"
    assert owned(8)[0] == set()
    assert owned(64, parts=1)[0] == set(), "what is not cut has no parts"
    assert owned(300)[0] == {"conv2d_grad_weight", "linear_grad_weight"}


def test_no_leaf_writes_to_what_is_under_way():
    plan = planned(training_program(large_layers(), p.Adam()))
    sent = {each for phase in shared(plan, 64).phases if isinstance(phase, Send) for each in phase.buffers}
    number, call = next(
        (number, call)
        for number, phase in enumerate(plan.phases)
        if isinstance(phase, LeafPhase)
        for call in phase.calls
        if call.operands[-1].buffer in sent
    )
    plan.phases.insert(number + 1, LeafPhase([call]))
    with pytest.raises(CompilerError, match="would write to what travels"):
        shared(plan, 64)


def test_a_buffer_without_bounds_does_not_travel():
    program = training_program(small_lenet(), p.Adam())
    native = Executable(program, 8, 1, {})
    with pytest.raises(CompilerError, match=r"nobody knows whose the parts of .* are"):
        native._schedule.travelling(next(iter(native.plan.totals.values())).buffer)
