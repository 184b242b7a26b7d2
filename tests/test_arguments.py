"""What users give: names with a slip in them, and the line that a warning points at."""

import sys
import types
import warnings
from collections.abc import Callable

import pytest

import pellucid as p
from pellucid import initializers, models, optimizers, recipes, schedules
from pellucid.arguments import as_array, nearest, number, shown
from pellucid.data.catalogue import get_entry

MODELS = ("lenet", "notebook", "small")
SETS = ("digits", "mnist", "fashion-mnist", "kmnist", "cifar10")
OPTIMIZERS = ("adam", "adamw", "sgd", "momentum", "nesterov")


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("lent", MODELS, "lenet"),  # a letter too few
        ("lennet", MODELS, "lenet"),  # one too many
        ("lenat", MODELS, "lenet"),  # another one
        ("smlal", MODELS, "small"),  # two exchanged
        ("LeNet-5", MODELS, "lenet"),  # more than the name
        ("notebok", MODELS, "notebook"),
        ("fashion", SETS, "fashion-mnist"),  # less than it
        ("Fasion_MNIST", SETS, "fashion-mnist"),
        ("cifar", SETS, "cifar10"),
        ("sdg", OPTIMIZERS, "sgd"),
        ("adma", OPTIMIZERS, "adam"),
        ("nestrov", OPTIMIZERS, "nesterov"),
    ],
)
def test_a_slip_suggests_the_name_that_was_meant(name: str, known: tuple[str, ...], meant: str) -> None:
    assert nearest(name, known) == f"; did you mean {meant!r}?"


@pytest.mark.parametrize("name", ["resnet", "alexnet", "squeezenet", "vgg16", "mlp", "le", "l", ""])
def test_a_name_that_is_another_ones_suggests_nothing(name: str) -> None:
    assert nearest(name, MODELS) == ""


def test_one_letter_is_no_slip_of_another() -> None:
    assert nearest("a", ["b"]) == nearest("ab", ["cd"]) == nearest("x", []) == ""


def test_what_is_longer_than_a_name_is_near_to_nothing() -> None:
    assert nearest("x" * 101, ["x" * 100, "x" * 101]) == ""
    assert nearest("lenet", ["lenet" + "x" * 96]) == ""


@pytest.mark.parametrize(
    "by_name",
    [
        models.by_name, recipes.by_name, initializers.by_name, schedules.by_name, optimizers.by_name, get_entry,
        p.models.lenet().__getitem__,
    ],
)  # fmt: skip
def test_a_name_of_any_length_is_refused_in_a_line(by_name: Callable[[str], object]) -> None:
    with pytest.raises(p.ArgumentError) as caught:
        by_name("X" * 100_000)
    assert f"'{'X' * 78}…" in str(caught.value)
    assert len(str(caught.value)) < 700


BY_NAME = {
    models.by_name: "mnist_s8",
    recipes.by_name: "mnist-99",
    initializers.by_name: "he-normal",
    schedules.by_name: "one-cycle",
    optimizers.by_name: "adamw",
}


@pytest.mark.parametrize(("by_name", "name"), BY_NAME.items(), ids=BY_NAME.values())
def test_capitals_dashes_and_underscores_do_not_matter(by_name: Callable[[str], object], name: str) -> None:
    plain = name.replace("-", "").replace("_", "")
    for spelt in (plain, name.upper(), "_".join(name), name.replace("-", "_"), name.replace("_", "-")):
        assert by_name(spelt) == by_name(name)


@pytest.mark.parametrize("by_name", BY_NAME, ids=BY_NAME.values())
@pytest.mark.parametrize("name", [None, 3, ["adam"], b"adam"], ids=repr)
def test_what_is_no_text_is_no_name(by_name: Callable[[object], object], name: object) -> None:
    with pytest.raises(p.ArgumentError, match=r"^\w+: expected a name such as '[a-z-]+', received "):
        by_name(name)


# ---- what is received, in a message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" * 78, f"'{'a' * 78}'"),
        ("a" * 79, f"'{'a' * 78}…"),
        (10**5000, "int, too large to show"),
        ([10**5000], "list, too large to show"),
    ],
    ids=["whole", "cut", "int", "list"],
)
def test_what_was_received_is_shown_in_part(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize("value", [10**400, -(10**400), 10**5000], ids=["large", "negative", "unwritable"])
@pytest.mark.parametrize(
    "use",
    [
        lambda value: number(value, "rate"),
        p.Adam,
        p.Dropout,
        p.Scaling,
        lambda value: p.Scaling(0.5, (0.5, value)),
        lambda value: p.SGD(0.1, lr_scales={"conv1": value}),
    ],
)
def test_a_whole_number_that_no_float_reaches_is_refused(use: Callable[[int], object], value: int) -> None:
    with pytest.raises(p.ArgumentError, match=r"expected .*, received "):
        use(value)


def test_a_whole_number_that_python_does_not_write_is_refused() -> None:
    with pytest.raises(
        p.ArgumentError, match="out_features: expected a whole number of at least 1, received int, too large to show"
    ):
        p.Linear(4, -(10**5000))


@pytest.mark.parametrize("use", [p.predict, p.predict_classes, lambda network, x: p.evaluate(network, (x, [0]))])
def test_a_warning_points_at_the_users_line(use: object) -> None:
    network = p.models.small(scaling=p.Scaling())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        use(network, [[[200.0] * 8] * 8])  # type: ignore[operator]
    assert [warning.filename for warning in caught] == [__file__]
    assert caught[0].category is UserWarning


def test_a_text_of_a_files_size_is_near_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing two texts takes time in the product of their lengths, and a file may hold one of megabytes."""

    def compared(one: str, other: str) -> int:
        raise AssertionError("compared")

    assert nearest("convv1", ["conv1"]) == "; did you mean 'conv1'?"  # the control
    monkeypatch.setattr("pellucid.arguments._slips", compared)
    assert nearest("conv1" * 1_000_000, ["conv1", "conv1" * 1_000_000]) == ""
    assert nearest("conv1", ["conv1" * 1_000_000]) == ""


def test_an_array_is_taken_while_another_thread_imports_the_masks(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy.ma", types.ModuleType("numpy.ma"))
    assert as_array([1.0, 2.0], "x").tolist() == [1.0, 2.0]
