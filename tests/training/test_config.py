"""What a run's config can name, and what two of them differ in."""

import inspect

import pytest

import pellucid as p
from pellucid import initializers, losses, optimizers, schedules
from pellucid.data import augment
from pellucid.training import keeping, listed
from pellucid.training.config import KINDS
from pellucid.training.plain import differences

BASES = {
    losses: losses.Loss, optimizers: optimizers.Optimizer, schedules: schedules.Schedule,
    initializers: initializers.Initializer, augment: augment.Augmentation, keeping: p.Callback,
}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "known"),
    [
        (losses, KINDS["loss"]), (optimizers, KINDS["optimizer"]), (schedules, KINDS["schedule"]),
        (augment, KINDS["augment"]), (initializers, initializers.KINDS), (keeping, listed.KINDS),
    ],
)  # fmt: skip
def test_every_public_class_can_be_made_anew(module, known):
    """A new one that is forgotten in its module's table could be trained with, and not resumed."""
    there = {
        name: kind
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and not name.startswith("_")
        if kind is not BASES[module]
    }
    assert there.items() <= known.items()
    assert all(kind.__module__.startswith("pellucid.") for kind in known.values())


def test_what_stands_in_a_list_of_objects_is_compared_one_by_one():
    one = {"training": {"augment": [{"name": "Crop", "padding": 2}], "betas": [0.9, 0.99], "seed": 1}}
    two = {"training": {"augment": [{"name": "Crop", "padding": 4}, {"name": "Flip"}], "betas": [0.9, 0.9], "seed": 1}}
    assert differences(one, two) == [
        ("training.augment.0.padding", 2, 4), ("training.betas", [0.9, 0.99], [0.9, 0.9]),
        ("training.augment.1.name", None, "Flip"),
    ]  # fmt: skip
    assert differences(one, {"training": {"augment": [], "betas": [0.9, 0.99], "seed": 1}}) == [
        ("training.augment.0.name", "Crop", None), ("training.augment.0.padding", 2, None)
    ]  # fmt: skip
