"""What callbacks hear where ranks are lost: each step and each epoch once, and nothing that they do is done twice."""

from contextlib import suppress

import pytest

import pellucid as p
from oracles.heard import Heard, Remembered
from oracles.ranks import World, lost_everywhere, reaching
from oracles.shared_trainings import data, trained, with_dropout
from pellucid.data.dataset import digest
from pellucid.errors import LostRankError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

STEPS, EPOCHS = 6, 2
"""Of all epochs together; and how many those are."""


class Seen:
    """Notes of each epoch with which weights it has heard of it."""

    def noted(self, training):
        return [training.epoch, digest(*(each.data for each in training.network.parameters().values()))]


class SeenAll(Seen, Heard): ...


class SeenBefore(Seen, Remembered): ...


def heard(rank=None, silent=None):
    """Train; return what that comes to, and what those heard that all ranks have. What those did that only the first
    one has is looked at; `silent` gets the first ranks where they did not begin."""
    listening = [SeenAll(), SeenBefore(), SeenBefore(for_all=False)]
    outcome = trained("dropout", rank, callbacks=listening)
    everywhere, remembering, first = listening
    if rank is not None and rank.rank == 0 and not first.said:
        silent.append(rank)
    elif rank is None or rank.rank == 0:
        assert first.said[0] == "begin"
        assert first.said[-2:] == ["end", "finish"]
        assert first.said[1:-2] == [*range(STEPS + 1 - len(first.said[1:-2]), STEPS + 1)]  # from where it took part
        assert first.epochs == everywhere.epochs
    return outcome, everywhere.said, everywhere.epochs, remembering.epochs


def test_every_callback_hears_of_each_step_and_epoch_once_whoever_is_lost():
    expected, silent = heard(), []
    assert expected[1] == ["begin", *range(1, STEPS + 1), "end", "finish"]
    assert [epoch for epoch, _ in expected[2]] == [*range(1, EPOCHS + 1)]
    assert not lost_everywhere(lambda rank: heard(rank, silent), expected)
    assert len(silent) <= 3  # of losses when all had ended, and networks were compared and saved


def test_nor_does_it_matter_when_a_second_one_is_lost():
    expected, silent, whole = heard(), [], World(3)
    whole.run(heard)
    for first in range(4, whole.exchanges[0], 3):
        for second in range(first + 1, first + 16, 2):
            lost = {0: (first, reaching(3, first)), 1: (second, reaching(3, second))}
            found = World(3, lost=lost).run(lambda rank: heard(rank, silent))
            assert found[-1] == expected, (first, second)
    assert len(silent) <= 8


def test_weights_that_a_callback_changes_are_changed_once():
    def work(rank=None):
        def decay(training):
            training.network["linear1"].weight.data *= 0.99

        return trained("dropout", rank, callbacks=[p.on_batch(decay)])

    assert not lost_everywhere(work, work())


def test_a_callback_may_evaluate_with_all_ranks():
    """Where one is lost in that, it is called again; those before it are not, and those after it hear what it found."""

    def work(rank=None):
        network = with_dropout()
        x, labels = data(network)
        before, after = [], []

        def measure(training):
            found = p.evaluate(training.network, (x[:40], labels[:40]), threads=1, ranks=rank)
            training.history.epochs[-1]["test_loss"] = found["loss"]

        def decay(training):
            training.network["linear1"].weight.data *= 0.99
            found = p.evaluate(training.network, (x[:40], labels[:40]), threads=1, ranks=rank)
            training.network["linear1"].weight.data *= 1 - 0.01 * found["loss"]

        callbacks = [
            p.on_batch(lambda training: before.append(training.step)), p.on_batch(decay), p.on_epoch(measure),
            p.EarlyStopping("test_loss", patience=9), p.on_epoch(lambda training: after.append(training.epoch)),
        ]  # fmt: skip
        return trained("dropout", rank, callbacks=callbacks), before, after

    expected = work()
    assert expected[1:] == ([*range(1, STEPS + 1)], [1, 2])
    assert not lost_everywhere(work, expected)


def test_a_callback_that_keeps_a_loss_to_itself_costs_no_bit():
    def work(rank=None):
        network = with_dropout()
        x, labels = data(network)

        def measure(training):
            with suppress(LostRankError):
                p.evaluate(training.network, (x[:40], labels[:40]), threads=1, ranks=rank)

        return trained("dropout", rank, callbacks=[p.on_batch(measure)])

    assert not lost_everywhere(work, work(), every=2)
