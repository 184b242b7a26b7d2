"""`pellucid train --recipe`, and what computes: `--engine` and `--threads` of every verb that runs a network."""

import tomllib
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pellucid as p
from pellucid import inference
from pellucid.cli import train as train_module
from pellucid.cli.beginning import DECIDED
from pellucid.models import MODELS, smallest_side
from pellucid.recipes import RECIPES

Pellucid = Callable[..., Any]


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 12×12 pixels, three classes by the place of a bright bar: 48 to train on, 12 to test with."""
    parts = {}
    for part, count in (("train", 48), ("test", 12)):
        labels = np.arange(count) % 3
        images = np.random.default_rng(count).integers(0, 40, (count, 12, 12)).astype(np.uint8)
        for place in range(3):
            images[labels == place, 1 + 4 * place : 3 + 4 * place] += 200
        parts |= {f"x_{part}": images, f"y_{part}": labels}
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    np.savez(path, **parts)
    return path


# ---- recipes


def test_a_recipe_is_followed(pellucid: Pellucid, bars: Path, tmp_path: Path) -> None:
    result = pellucid("train", "--recipe", "mnist-99", "--data", bars, "--seed", 3)
    assert result.code == 0, result.err
    recipe, network, data, _epoch = result.err.splitlines()
    assert recipe == "mnist-99: MNIST to 99 % in one epoch", "other data than its own: nothing is said to be reached"
    assert network == "mnist_s8: 3,947 parameters"
    assert data == "bars: 48 images 1×12×12 to train on, 12 to test with; 3 classes"
    assert result.out.startswith(f"saved in {Path('runs/mnist-99-bars')}\n")
    config = tomllib.loads((tmp_path / "runs/mnist-99-bars/config.toml").read_text())
    assert config["command"] == {"recipe": "mnist-99", "model": "mnist_s8", "data": str(bars), "seed": 3}
    training = config["training"]
    assert (training["epochs"], training["seed"], training["engine"]) == (1, 3, "compiled")
    assert (training["optimizer"]["name"], training["optimizer"]["lr"]) == ("AdamW", 0.02)
    assert training["loss"]["label_smoothing"] == 0.1
    saved = p.load(tmp_path / "runs/mnist-99-bars")
    expected, _ = p.recipes.run("mnist-99", p.datasets.load(bars)[0], seed=3, progress=False)
    for path, parameter in expected.parameters().items():
        np.testing.assert_array_equal(saved.parameters()[path].data, parameter.data, err_msg=path)
    assert saved.scaling == expected.scaling


def test_a_recipe_says_what_it_reaches_on_its_own_data(
    pellucid: Pellucid, bars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = p.datasets.load(bars)
    assert test is not None
    mnist = tuple(p.Dataset(part.images, part.labels, name="mnist") for part in (train, test))
    monkeypatch.setattr("pellucid.data.datasets.load", lambda *_, **__: mnist)
    reaches = f"; it reaches {RECIPES['mnist-99'].reaches}\n"
    assert reaches in pellucid("train", "--recipe", "mnist-99").err
    assert reaches not in pellucid("train", "--recipe", "mnist-99", "--validation", 0.25).err, "trained on fewer images"


BESIDE: tuple[tuple[list[object], str], ...] = (
    (["lenet"], "MODEL"),
    (["--epochs", 2], "--epochs"),
    (["--batch-size", 2], "--batch-size"),
    (["--optimizer", "adam"], "--optimizer"),
    (["--lr", 1], "--lr"),
    (["--schedule", "constant"], "--schedule"),
    (["--weight-decay", 0], "--weight-decay"),
    (["--clip-norm", 1], "--clip-norm"),
    (["--average", 0.9], "--average"),
    (["--label-smoothing", 0], "--label-smoothing"),
    (["--initializer", "zeros"], "--initializer"),
    (["--scaling", "0:1"], "--scaling"),
    (["--size", "12x12"], "--size"),
    (["--new-head"], "--new-head"),
    (["--freeze-until", "conv2"], "--freeze-until"),
    (["--lr-scale", "conv2=0.1"], "--lr-scale"),
    (["--augment", "flip"], "--augment"),
    (["--lr", 1, "--epochs", 2], "--epochs, --lr"),
)


@pytest.mark.parametrize(("words", "shown"), BESIDE, ids=[shown for _, shown in BESIDE])
def test_what_a_recipe_decides_cannot_stand_beside_it(words: list[object], shown: str, pellucid: Pellucid) -> None:
    """The defaults of these options are refused too, where they are written out."""
    result = pellucid("train", *words, "--recipe", "mnist-99")
    said = f"--recipe: mnist-99 decides {shown}; leave out that, or the recipe. See pellucid train --help"
    assert result == (2, "", f"error: {said}\n")


def test_all_that_is_decided_is_tested_above() -> None:
    written = {"model" if shown == "MODEL" else shown[2:].replace("-", "_") for _, shown in BESIDE[:-1]}
    assert written == set(DECIDED)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--recipe", "mnist-98"], "unknown recipe 'mnist-98'; did you mean 'mnist-99'?"),
        (["--recipe", "mnist-99", "--data", "digits"], "conv2 (layer 4): a 3×3 window finds no place: "),
    ],
)
def test_a_recipe_that_does_not_fit_takes_one_line(words: list[str], message: str, pellucid: Pellucid) -> None:
    result = pellucid("train", *words, "--no-progress")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: {message}")
    assert result.err.count("\n") == 1


def test_images_too_small_are_told_with_the_way_out(pellucid: Pellucid, toy: Path) -> None:
    needs = "; mnist_s8 needs images of at least 11×11 pixels: "
    instead = f"{needs}choose small instead of a recipe\n"
    assert pellucid("train", "--recipe", "mnist-99", "--data", toy).err.endswith(instead)
    assert pellucid("train", "mnist_s8", "--data", toy).err.endswith(f"{needs}choose small\n")
    assert pellucid("train", "mnist_s8").err.endswith(f"{needs}add --data mnist, or choose small\n")


@pytest.mark.parametrize(
    ("model", "least"),
    [("small", 2), ("notebook", 1), ("lenet", 16), ("mnist_s8", 11), ("mnist_s6", 19), ("alexnet", 63), ("vgg11", 32)],
)
def test_the_smallest_side_is_found(model: str, least: int) -> None:
    assert smallest_side(MODELS[model], 3) == least
    assert MODELS[model](10, (3, least, least)).output_shape() == (10,)
    if least > 1:
        with pytest.raises(p.ShapeError):
            MODELS[model](10, (3, least - 1, least - 1))


def test_what_takes_no_image_has_no_smallest_side() -> None:
    def refuse(input_shape: tuple[int, ...]) -> p.Sequential:
        return p.Sequential([p.Linear(3, 3)], input_shape=input_shape)

    assert smallest_side(refuse, 1) is None


def test_rows_of_features_are_refused_by_the_network(pellucid: Pellucid, tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.zeros((9, 5), np.float32), y=np.arange(9) % 3)
    result = pellucid("train", "lenet", "--data", "rows.npz")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: input_shape: expected (channels, height, width), received (5,)")


# ---- showing them


def test_all_are_listed_in_a_terminal_of_80_columns(pellucid: Pellucid) -> None:
    result = pellucid("recipes")
    assert result.code == 0
    head, *rows = result.out.partition("\n\n")[0].splitlines()
    assert head.split() == ["recipe", "model", "data", "epochs", "test", "accuracy", "time"]
    assert [row.split()[0] for row in rows] == list(RECIPES)
    for row, recipe in zip(rows, RECIPES.values(), strict=True):
        assert row.split()[1] == recipe.model
        assert f" {recipe.data or 'your own'} " in row
        accuracy = "not measured here" if recipe.data else "–"
        assert (str(recipe.reaches).replace(" seeds", "") if recipe.reaches else accuracy) in row
    assert max(map(len, result.out.splitlines())) <= 80


def test_one_is_shown_as_a_file_to_begin_from(pellucid: Pellucid, bars: Path, tmp_path: Path) -> None:
    shown = pellucid("recipes", "mnist-99")
    assert shown.err == ""
    mine = tmp_path / "mine.toml"
    mine.write_text(shown.out.replace("epochs = 1", "epochs = 2"), encoding="utf-8")
    assert pellucid("recipes", mine).out == mine.read_text(encoding="utf-8")
    result = pellucid("train", "--recipe", "mine.toml", "--data", bars)
    assert result.code == 0, result.err
    assert result.err.startswith("mine: MNIST to 99 % in one epoch\nmnist_s8: ")
    config = tomllib.loads((tmp_path / "runs/mine-bars/config.toml").read_text(encoding="utf-8"))
    assert (config["command"]["recipe"], config["training"]["epochs"]) == (str(mine), 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["recipes", "mnist-9"], "unknown recipe 'mnist-9'; did you mean 'mnist-99'?"),
        (["recipes", "wrong.toml"], "wrong.toml: epochs: expected a whole number of at least 1, found 'two'"),
        (["train", "--recipe", "wrong.toml"], "wrong.toml: epochs: expected a whole number of at least 1, found 'two'"),
        (["train", "--recipe", "none.toml"], "cannot read none.toml: there is no such file"),
    ],
)
def test_a_mistake_in_a_recipe_takes_one_line(
    words: list[str], message: str, pellucid: Pellucid, tmp_path: Path
) -> None:
    text = pellucid("recipes", "mnist-99").out.replace("epochs = 1", 'epochs = "two"')
    (tmp_path / "wrong.toml").write_text(text, encoding="utf-8")
    result = pellucid(*words)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: {message}")
    assert result.err.count("\n") == 1


def test_the_help_names_every_recipe(pellucid: Pellucid) -> None:
    shown = " ".join(pellucid("train", "--help").out.split()).replace("- ", "-")
    assert ", ".join(RECIPES) in shown


# ---- what computes


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int | None]]:
    """The engine and the number of threads of every use of a network, as they come."""
    asked: list[tuple[str, int | None]] = []

    def watch(place: ModuleType, name: str) -> None:
        original = getattr(place, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            given = signature(original).bind(*arguments, **options).arguments
            asked.append((given["engine"], given["threads"]))
            return original(*arguments, **options)

        monkeypatch.setattr(place, name, watched)

    watch(inference.outputs, "_outputs")
    watch(inference.scoring, "scores")
    watch(train_module, "fit")
    return asked


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ("compiled", None)),
        (["--threads", 1], ("compiled", 1)),
        (["--engine", "numpy"], ("numpy", None)),
    ],
)  # fmt: skip
def test_every_verb_hands_on_what_computes(
    words: list[object], expected: tuple[str, int | None], pellucid: Pellucid, trained: Path, toy: Path,
    computed: list[tuple[str, int | None]], tmp_path: Path,
) -> None:  # fmt: skip
    np.save(tmp_path / "one.npy", np.zeros((6, 6), np.uint8))
    train = ("train", "--data", toy, "--epochs", 1, "--out", "run", "--no-progress")
    for command, uses in ((train, 2), (("evaluate", trained, "--confusion"), 1), (("predict", trained, "one.npy"), 1)):
        computed.clear()
        result = pellucid(*command, *words)
        assert result.code == 0, result.err
        assert computed == [expected] * uses, command
    config = tomllib.loads((tmp_path / "run/config.toml").read_text())
    assert config["training"]["engine"] == expected[0]


def test_threads_change_nothing_and_the_engine_next_to_nothing(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    words = ("train", "--data", toy, "--epochs", 2, "--optimizer", "momentum", "--no-progress")
    for out, how in (("one", ("--threads", 1)), ("two", ("--threads", 2)), ("plain", ("--engine", "numpy"))):
        assert pellucid(*words, *how, "--out", out).code == 0
    one, two, plain = (tmp_path / out / "model.safetensors" for out in ("one", "two", "plain"))
    assert one.read_bytes() == two.read_bytes()
    for path, parameter in p.load(one).parameters().items():
        np.testing.assert_allclose(parameter.data, p.load(plain).parameters()[path].data, atol=1e-5, err_msg=path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--engine", "nump"], "--engine: expected one of compiled, numpy, received 'nump'"),
        (["--threads", 0], "--threads: expected a whole number of at least 1, received 0"),
    ],
)
def test_nonsense_is_refused_by_every_verb(
    words: list[object], message: str, pellucid: Pellucid, trained: Path, toy: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "one.npy", np.zeros((6, 6), np.uint8))
    for command in (("train", "--data", toy), ("evaluate", trained), ("predict", trained, "one.npy")):
        result = pellucid(*command, *words)
        assert (result.code, result.out) == (2, "")
        assert message in result.err
    assert not (tmp_path / "runs").exists()
