"""The versions of a network: which one is shown, at which revision, and what is known again when it comes back."""

import numpy as np
import pytest

import pellucid as p
from pellucid.inference.batches import weights
from pellucid.web.learning.moments import Moment
from pellucid.web.versions import Versions


def network(seed: int = 1) -> p.Sequential:
    made = p.Sequential([p.Conv2d(1, 2, 3), p.Flatten(), p.Linear(18, 3)], input_shape=(1, 5, 5), seed=seed)
    weights(made)
    return made


@pytest.fixture
def told() -> list[int]:
    """The revision, whenever another network was shown."""
    return []


@pytest.fixture
def versions(told: list[int]) -> Versions:
    made = Versions(network(), lambda: told.append(made.revision))
    return made


def edit(versions: Versions, out: int) -> None:
    versions.edits.silence("conv1", out)
    versions.show_edited()


def test_a_network_that_comes_back_is_known_by_the_revision_at_which_it_came_first(versions: Versions) -> None:
    assert versions.first_revision == 0
    edit(versions, 0)
    assert versions.first_revision == versions.revision == 1
    versions.show_original()
    assert (versions.first_revision, versions.revision, versions.comparing) == (0, 2, True)
    versions.show_edited()
    assert (versions.first_revision, versions.revision, versions.comparing) == (1, 3, False)
    versions.go_to(Moment(7, weights(network(2))))
    assert versions.first_revision == versions.revision == 4
    versions.go_to(None)
    assert (versions.first_revision, versions.revision) == (1, 5)
    edit(versions, 1)
    assert versions.first_revision == versions.revision == 6


def test_once_all_edits_are_undone_it_is_the_original_again(versions: Versions) -> None:
    edit(versions, 0)
    versions.edits.undo()
    versions.show_edited()
    assert (versions.first_revision, versions.revision) == (0, 2)
    for path, array in weights(versions.original).items():
        np.testing.assert_array_equal(weights(versions.network)[path], array)


def test_an_edit_that_is_first_shown_when_one_comes_back_to_it_is_no_older_one(versions: Versions) -> None:
    edit(versions, 0)
    versions.go_to(Moment(7, weights(network(2))))
    versions.edits.silence("conv1", 1)
    versions.go_to(None)
    assert versions.first_revision == versions.revision == 3


def test_going_where_it_is_shown_already_is_told_to_nobody(versions: Versions, told: list[int]) -> None:
    moment = Moment(7, weights(network(2)))
    for where, revisions in ((None, []), (moment, [1]), (moment, [1]), (None, [1, 2]), (None, [1, 2])):
        versions.go_to(where)
        assert told == revisions
        assert versions.step == (None if where is None else 7)
    versions.go_to(moment, chosen=True)
    versions.go_to(moment)
    assert not versions.chosen, "it is only followed by now"
    assert told == [1, 2, 3]


def test_an_edit_that_is_shown_ends_the_look_back(versions: Versions) -> None:
    versions.go_to(Moment(7, weights(network(2))), chosen=True)
    edit(versions, 0)
    assert (versions.step, versions.chosen, versions.revision) == (None, False, 2)


def test_what_a_training_has_come_to_is_the_original_from_then_on(versions: Versions) -> None:
    edit(versions, 0)
    versions.go_to(Moment(7, weights(network(2))), chosen=True)
    other = network(3)
    versions.renew(other)
    assert versions.original is versions.network is other
    assert (versions.step, versions.chosen, versions.edits.done, versions.first_revision) == (None, False, [], 0)
