"""What users give: names with a slip in them, and the line that a warning points at."""

import warnings

import pytest

import pellucid as p
from pellucid.arguments import nearest

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
