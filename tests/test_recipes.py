"""Recipes: what they say, that they are followed, and that they learn."""

import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest

import pellucid as p
from pellucid import recipes
from pellucid.data.catalogue import CATALOGUE
from pellucid.recipes import RECIPES, Reached, Recipe, by_name
from pellucid.schedules import Constant, LinearCycle
from pellucid.training import Callback, Training
from pellucid.training.run import read_config

PAGE = Path(__file__).parents[1] / "docs" / "recipes.md"


@pytest.fixture
def bars() -> p.Dataset:
    """48 images 1×19×19 of three classes, by the place of a bright bar, with a little noise."""
    labels = np.arange(48) % 3
    images = np.random.default_rng(3).integers(0, 60, (48, 1, 19, 19)).astype(np.uint8)
    for place in range(3):
        images[labels == place, 0, 3 + 5 * place : 6 + 5 * place] += 150
    return p.Dataset(images, labels, ("top", "middle", "low"), "bars")


class Watch(Callback):
    """Keeps hold of the training."""

    training: Training

    def on_begin(self, training: Training) -> None:
        self.training = training


# ---- what they say


def test_the_settings_of_the_quickest() -> None:
    recipe = by_name("mnist-99")
    assert (recipe.model, recipe.data, recipe.epochs, recipe.batch_size) == ("mnist_s8", "mnist", 1, 64)
    assert recipe.optimizer == p.AdamW(2e-2, betas=(0.9, 0.99), eps=1e-8, weight_decay=0)
    assert recipe.loss == p.CrossEntropy(label_smoothing=0.1)
    assert (recipe.initializer, recipe.scaling) == (p.HeNormal(), p.Scaling(0.1307, 0.3081))
    factors = [recipe.schedule(step, 938, 938) for step in (0, 188, 937)]
    assert factors == pytest.approx([0.1, 1.0, 1 / (0.8 * 938)], abs=1e-3)


def test_the_settings_of_the_others() -> None:
    origin, fast, most = (by_name(name) for name in ("lenet-origin", "lenet-fast", "mnist-994"))
    assert (origin.epochs, origin.batch_size, origin.optimizer) == (10, 128, p.Adam(1e-3, betas=(0.9, 0.999)))
    assert (origin.loss, origin.schedule) == (p.CrossEntropy(), Constant())
    assert (origin.initializer, origin.scaling) == (p.GlorotUniform(), p.Scaling())
    assert (fast.epochs, fast.batch_size, fast.optimizer.lr, fast.loss) == (3, 128, 6e-3, p.CrossEntropy(0.05))
    assert (most.epochs, most.batch_size, most.optimizer.lr, most.loss) == (4, 64, 2e-2, p.CrossEntropy(0.1))
    assert {fast.schedule, most.schedule} == {LinearCycle(0.1, 0.2)}
    assert [recipe.model for recipe in (origin, fast, most)] == ["lenet", "lenet", "mnist_s6"]


def test_the_best_differs_from_the_next_in_what_is_done_to_the_images() -> None:
    best, most = by_name("mnist-995"), by_name("mnist-994")
    assert (best.epochs, best.augment) == (8, (p.augment.Affine(1.5, 0.12, 0.08, 0.06),))
    told = {"name": most.name, "about": most.about, "reaches": most.reaches}
    assert replace(best, epochs=4, augment=(), **told) == most


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_fits_its_data(name: str) -> None:
    recipe = by_name(name)
    assert recipe.name == name
    shape = CATALOGUE[recipe.data].shape if recipe.data else (3, 32, 32)
    network = p.models.by_name(recipe.model)(input_shape=shape, **recipe.model_arguments())
    assert network.output_shape() == (10,)
    reaches = recipe.reaches or ("not measured here" if recipe.data else "–")
    row = f"| `{name}` | `{recipe.model}` | {recipe.data or 'your own'} | {recipe.epochs} | {reaches} |\n"
    assert row in PAGE.read_text(encoding="utf-8"), "the page on recipes says something else"


@pytest.mark.parametrize("name", [name for name in RECIPES if by_name(name).reaches])
def test_what_a_recipe_reaches_is_what_its_seeds_do(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \| ([\d. ]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    seeds, reached = [float(each) for each in row.split()], by_name(name).reaches
    assert reached is not None
    assert (reached.mean, reached.deviation, reached.seeds) == (
        round(fmean(seeds), 2), round(stdev(seeds), 2), len(seeds)
    )  # fmt: skip


def test_the_time_that_a_recipe_takes_is_the_one_of_the_page_that_names_the_machine() -> None:
    page = PAGE.with_name("performance.md").read_text(encoding="utf-8")
    measured = {name: round(float(seconds), 1) for name, seconds in re.findall(r"recipe `(.+)` \| ([\d.]+) s", page)}
    assert measured == {
        name: each.reaches.seconds for name, each in RECIPES.items() if each.reaches and each.reaches.seconds
    }
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"{seconds} s for `{name}`" in text for name, seconds in measured.items())


def test_the_settings_of_the_residual_network_are_its_papers() -> None:
    recipe = by_name("resnet20-cifar10")
    assert recipe.optimizer == p.SGD(0.1, momentum=0.9, weight_decay=1e-4)
    assert (recipe.batch_size, recipe.loss, recipe.initializer) == (128, p.CrossEntropy(), p.HeNormal())
    assert recipe.augment == (p.augment.Crop(4), p.augment.Flip(0.5))
    steps = -(-50_000 // 128)
    total = recipe.epochs * steps
    assert round(total, -3) == 64_000
    drops = [
        step
        for step in range(1, total)
        if recipe.schedule(step, total, steps) < recipe.schedule(step - 1, total, steps)
    ]
    assert [round(step, -3) for step in drops] == [32_000, 48_000]


def test_a_recipe_cannot_be_changed_but_another_can_be_made_of_it() -> None:
    recipe = by_name("mnist-99")
    with pytest.raises(FrozenInstanceError):
        recipe.epochs = 2  # type: ignore[misc]
    assert replace(recipe, epochs=2).fit_arguments()["epochs"] == 2


def test_making_and_learning_leave_nothing_out() -> None:
    recipe = by_name("lenet-fast")
    told = {"name", "about", "model", "data", "begins_from", "new_head", "freeze_until", "reaches", "size"}
    assert {*recipe.model_arguments(), *recipe.fit_arguments()} | told == {field.name for field in fields(Recipe)}


def test_what_was_reached_is_said_with_how_often() -> None:
    assert str(Reached(99.1, 0.084, 10)) == str(Reached(99.1, 0.084, 10, 0.8)) == "99.10 ± 0.08 % (10 seeds)"


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(p.ArgumentError) as caught:
        by_name("mnist-98")
    assert str(caught.value).startswith("unknown recipe 'mnist-98'; did you mean 'mnist-99'?")


# ---- following one


@pytest.mark.parametrize("name", ["mnist-99", "mnist-994"])
def test_every_setting_is_followed(name: str, bars: p.Dataset) -> None:
    recipe, watch = by_name(name), Watch()
    network, history = recipes.run(name, bars, validation=0.25, seed=4, callbacks=[watch], progress=False)
    settings = watch.training.settings
    for setting, value in recipe.fit_arguments().items():
        # A batch is no larger than the data.
        assert getattr(settings, setting) == (36 if setting == "batch_size" else value), setting
    assert (settings.seed, settings.validation, settings.engine) == (4, 0.25, "compiled")
    assert (network.seed, network.scaling, network.class_names) == (4, recipe.scaling, bars.class_names)
    weights = [q for path, q in network.parameters().items() if path.startswith(("conv", "linear")) and q.data.ndim > 1]
    assert all(q.initializer == recipe.initializer for q in weights)
    assert len(history.epochs) == recipe.epochs
    assert "val_accuracy" in history.epochs[-1]


def test_it_learns_and_a_seed_repeats_it(bars: p.Dataset) -> None:
    recipe = replace(by_name("mnist-99"), epochs=8, batch_size=16)
    networks = [recipes.run(recipe, bars, seed=seed, progress=False)[0] for seed in (1, 1, 2)]
    assert p.evaluate(networks[0], bars)["accuracy"] == 1
    first, again, other = (network["conv1"].weight.data for network in networks)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_engines_do_the_same(bars: p.Dataset) -> None:
    small_steps = replace(by_name("mnist-99"), batch_size=16, optimizer=p.SGD(0.01))  # of Adam's first, noise decides
    compiled, plain = (
        recipes.run(small_steps, bars, engine=engine, progress=False)[0].parameters()
        for engine in ("compiled", "numpy")
    )
    for path, parameter in compiled.items():
        np.testing.assert_allclose(parameter.data, plain[path].data, atol=1e-5, err_msg=path)


def test_the_run_says_which_recipe_it_was(bars: p.Dataset, tmp_path: Path) -> None:
    network, _ = recipes.run("mnist-99", bars, seed=2, out=tmp_path / "run", progress=False)
    config = read_config(tmp_path / "run")
    assert config["command"] == {"recipe": "mnist-99", "model": "mnist_s8", "validation": 0.0, "seed": 2}
    assert config["training"]["optimizer"]["lr"] == 0.02
    assert config["checkpoint_every"] == "30s"
    saved = p.load(tmp_path / "run")
    np.testing.assert_array_equal(p.predict(saved, bars.images), p.predict(network, bars.images))


def test_its_own_data_are_loaded_by_name(bars: p.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("pellucid.data.datasets.load", lambda name, *_, **__: (asked.append(name), (bars, None))[1])
    network, _ = recipes.run("mnist-99", progress=False)
    assert asked == ["mnist"]
    assert network.input_shape == (1, 19, 19)


# ---- fine-tuning


@pytest.fixture
def tuned() -> Recipe:
    return replace(
        by_name("mnist-99"), begins_from="the weights of an S8", freeze_until="norm2",
        optimizer=p.AdamW(1e-3, lr_scales={"norm2": 0.1, "linear1": 0.1}),
    )  # fmt: skip


def test_fine_tuning_begins_from_weights_and_leaves_the_frozen_ones(
    tuned: Recipe, bars: p.Dataset, tmp_path: Path
) -> None:
    first, _ = recipes.run("mnist-99", bars, progress=False)
    p.save(first, tmp_path / "first.safetensors")
    two = p.Dataset(bars.images[bars.labels < 2], bars.labels[bars.labels < 2], ("top", "middle"), "two bars")
    network, _ = recipes.run(tuned, two, weights=tmp_path / "first.safetensors", progress=False)
    same = {
        path: np.array_equal(each.data, {**first.parameters(), **first.states()}[path].data)
        for path, each in {**network.parameters(), **network.states()}.items()
        if not path.startswith("linear2")
    }
    assert {path.split(".")[0] for path, unchanged in same.items() if unchanged} == {"conv1", "norm1", "conv2"}
    assert {path.split(".")[0] for path, unchanged in same.items() if not unchanged} == {"norm2", "linear1", "norm3"}
    assert network.output_shape() == (2,)


def test_fine_tuning_without_weights_says_which_are_wanted(tuned: Recipe, bars: p.Dataset) -> None:
    with pytest.raises(p.ArgumentError) as caught:
        recipes.run(tuned, bars, progress=False)
    assert str(caught.value) == "weights: mnist-99 begins from the weights of an S8; give them, weights=…"


# ---- what it refuses


@pytest.mark.parametrize(
    ("recipe", "data", "error", "message"),
    [
        ("mnist-9", (np.zeros((4, 19, 19)), [0, 1, 0, 1]), p.ArgumentError, "unknown recipe 'mnist-9'"),
        ("mnist-99", np.zeros((4, 19, 19)), p.ArgumentError, "data: expected a Dataset or a pair (images, labels)"),
        ("mnist-99", (np.zeros((4, 19, 19)), [0.5, 1, 0, 1]), p.DataError, "data: expected labels that are classes"),
        ("mnist-99", (np.zeros((4, 8, 8)), [0, 1, 0, 1]), p.ShapeError, "conv2 (layer 4): a 3×3 window finds no place"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(recipe: str, data: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        recipes.run(recipe, data, progress=False)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: recipes.load(None), "recipe: expected a name or the path of a .toml file, received None"),
        (lambda: recipes.run(5), "recipe: expected a name or the path of a .toml file, received 5"),
        (lambda: by_name([]), "recipe: expected a name such as 'lenet-fast', received []"),
        (lambda: recipes.read(5), "recipe: expected the path of a file or folder as text, received 5"),
        (lambda: recipes.run("mnist-99", out=5), "out: expected the path of a file or folder as text, received 5"),
        (lambda: recipes.run("mnist-99", weights=5), "weights: expected the path of a file or folder as text, "),
    ],
)
def test_what_makes_no_sense_is_refused_before_data_are_looked_for(
    use: Callable[[], object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.data.datasets.load", lambda *_, **__: pytest.fail("looked for the data"))
    with pytest.raises(p.ArgumentError) as caught:
        use()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("weights", "message"),
    [("none.pth", "cannot read none.pth: there is no such file"), ("bad.pth", "bad.pth, byte 0: expected ")],
)
def test_weights_are_opened_before_data_are_looked_for(
    weights: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pth").write_text("no weights")
    monkeypatch.setattr("pellucid.data.datasets.load", lambda *_, **__: pytest.fail("looked for the data"))
    with pytest.raises(p.PellucidError) as caught:
        recipes.run("mnist-99", weights=weights)
    assert str(caught.value).startswith(message)


def test_a_folder_with_a_run_in_it_is_refused_before_data_are_looked_for(
    bars: p.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes.run("mnist-99", bars, out=tmp_path, progress=False)
    monkeypatch.setattr("pellucid.data.datasets.load", lambda *_, **__: pytest.fail("looked for the data"))
    with pytest.raises(p.ArgumentError, match="holds a run already; choose another folder"):
        recipes.run("mnist-99", out=tmp_path)


@pytest.mark.parametrize("said", [{"new_head": True}, {"freeze_until": "conv2"}])
def test_what_becomes_of_weights_needs_weights(said: dict[str, object]) -> None:
    with pytest.raises(p.ArgumentError) as caught:
        replace(by_name("mnist-99"), **said)
    (name,) = said
    assert str(caught.value) == f"{name}: goes with begins_from: without pretrained weights all are random"
    assert replace(by_name("mnist-99"), **said, begins_from="an S8").begins_from == "an S8"


# ---- on the real data


def test_mnist_99_reaches_what_it_says(data_folder: Path) -> None:
    train, test = p.datasets.mnist(data_folder)
    network, _ = recipes.run("mnist-99", train, progress=False)
    accuracy = 100 * p.evaluate(network, test)["accuracy"]
    reaches = by_name("mnist-99").reaches
    assert accuracy > reaches.mean - 4 * reaches.deviation


def test_the_residual_network_is_tuned_from_its_real_weights(data_folder: Path) -> None:
    weights = data_folder / "resnet20-cifar10" / "resnet20-12fca82f.th"
    images = data_folder / "cifar10-subset" / "cifar10_lossless_subset.npz"
    if not (weights.exists() and images.exists()):
        pytest.skip("needs the weights of a ResNet-20 and images of CIFAR-10")
    train, _ = p.datasets.load(images)
    recipe = replace(by_name("resnet20-tuned"), epochs=2)
    cats_and_dogs = np.flatnonzero((train.labels == 3) | (train.labels == 5))[:64]
    few = p.Dataset(train.images[cats_and_dogs], train.labels[cats_and_dogs] // 5, ("cat", "dog"))
    network, history = recipes.run(recipe, few, weights=weights, progress=False)
    assert history.epochs[-1]["accuracy"] > 0.9, "these very images were among those that the weights were trained on"
    begun = p.models.resnet20()
    p.load_weights(begun, weights)
    for path, state in begun.states().items():
        same = np.array_equal(network.states()[path].data, state.data)
        assert same == path.startswith(("norm1", "layer1", "layer2")), path


def test_checkpoints_are_written_as_often_as_is_said(bars: p.Dataset, tmp_path: Path) -> None:
    recipes.run("mnist-99", bars, out=tmp_path / "run", checkpoint_every=7, progress=False)
    assert read_config(tmp_path / "run")["checkpoint_every"] == 7
    with pytest.raises(p.ArgumentError, match="checkpoint_every: checkpoints lie in the folder of a run"):
        recipes.run("mnist-99", bars, checkpoint_every=7, progress=False)
