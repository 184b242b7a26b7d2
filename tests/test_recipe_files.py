"""Recipe files: what may stand in one, and that every mistake is told by file, key and expectation."""

import re
import tomllib
from pathlib import Path

import pytest
import tomli_w

import pellucid as p
from pellucid import recipes
from pellucid.recipes import catalogue, reading
from pellucid.recipes.reading import KEYS, REQUIRED, read
from pellucid.schedules import Constant, LinearCycle

LEAST = """
about = "a test"
model = "mnist-s8"
data = "mnist"
epochs = 1
batch_size = 64

[optimizer]
name = "adam"
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(LEAST, encoding="utf-8")
    return path


def changed(path: Path, key: str, line: str) -> None:
    """Put a line in place of the one that sets a key, or before the first."""
    text = path.read_text(encoding="utf-8")
    found, count = re.subn(rf"^{key} = .*$", line, text, flags=re.MULTILINE)
    path.write_text(found if count else f"{line}\n{text}", encoding="utf-8")


# ---- what may stand there


def test_what_is_left_out_is_as_it_is_in_fit(mine: Path) -> None:
    recipe = read(mine)
    assert (recipe.name, recipe.model, recipe.optimizer) == ("mine", "mnist_s8", p.Adam())
    assert (recipe.schedule, recipe.loss, recipe.initializer) == (Constant(), p.CrossEntropy(), None)
    assert (recipe.scaling, recipe.begins_from, recipe.freeze_until, recipe.reaches) == (p.Scaling(), "", "", None)
    assert (recipe.size, recipe.augment) == (None, ())


def test_every_key_is_followed(mine: Path) -> None:
    everything = reading.__doc__ or ""
    mine.write_text(everything.partition("```toml")[2].partition("```")[0], encoding="utf-8")
    assert tomllib.loads(mine.read_text(encoding="utf-8")).keys() == KEYS.keys(), "the docstring shows all keys"
    recipe = read(mine)
    assert (recipe.about, recipe.data, recipe.epochs, recipe.batch_size) == (
        "MNIST to 99 % in one epoch",
        "mnist",
        1,
        64,
    )
    assert recipe.optimizer == p.AdamW(2e-2, lr_scales={"linear1": 0.1})
    assert (recipe.schedule, recipe.initializer) == (LinearCycle(0.1, 0.2), p.HeNormal())
    assert (recipe.loss, recipe.scaling) == (p.CrossEntropy(0.1), p.Scaling(0.1307, 0.3081))
    assert (recipe.begins_from, recipe.new_head, recipe.freeze_until) == (
        "an S8 trained on other digits",
        True,
        "linear1",
    )
    assert (recipe.size, recipe.augment) == ((28, 28), (p.augment.Crop(2), p.augment.Flip(0.5)))
    assert recipe.reaches == (99.11, 0.07, 20, 0.6)


def test_a_file_of_ones_own_is_loaded_by_its_path_and_no_other_name_is(mine: Path) -> None:
    assert recipes.load(mine) == recipes.load(str(mine)) == read(mine)
    assert recipes.load("mnist-99") is recipes.by_name("mnist-99")
    with pytest.raises(p.ArgumentError, match="unknown recipe 'mine'"):
        recipes.load("mine")
    with pytest.raises(p.StorageError, match="there is no such file"):
        recipes.load("nowhere.toml")


def test_a_recipe_in_the_package_is_what_its_file_says() -> None:
    assert len(recipes.RECIPES) == len(list(catalogue.FOLDER.glob("*.toml")))
    for name, recipe in recipes.RECIPES.items():
        assert read(catalogue.find(name)) == recipe


# ---- what is refused

WRONG = [
    ("epoch", "epoch = 2", "epoch: there is no such key; did you mean 'epochs'?"),
    ("epochs", "", "epochs: expected a whole number of at least 1, found nothing"),
    ("epochs", "epochs = 0", "epochs: expected a whole number of at least 1, found 0"),
    ("epochs", "epochs = true", "epochs: expected a whole number of at least 1, found True"),
    ("epochs", "epochs = 1.5", "epochs: expected a whole number of at least 1, found 1.5"),
    ("batch_size", 'batch_size = "64"', "batch_size: expected a whole number of at least 1, found '64'"),
    ("about", "about = 3", "about: expected a text that says what it is good for, found 3"),
    ("about", 'about = ""', "about: expected a text that says what it is good for, found ''"),
    ("model", "model = 8", 'model: expected the name of a model, such as "lenet", found 8'),
    ("model", 'model = "lenett"', "model: unknown model 'lenett'; did you mean 'lenet'?"),
    ("data", "data = []", 'data: expected the name of a data set, such as "mnist", or a path, found []'),
    ("schedule", 'schedule = "cosin"', "schedule: unknown schedule 'cosin'; did you mean 'cosine'?"),
    ("initializer", 'initializer = "he"', "initializer: unknown initialiser 'he'. Known: "),
    ("loss", "loss = 0.1", "loss: expected a table such as { label_smoothing = 0.1 }, found 0.1"),
    ("loss", "loss = { smoothing = 0.1 }", "loss: smoothing: there is no such key. Known: label_smoothing, "),
    ("loss", "loss = { label_smoothing = 1 }", "loss: label_smoothing: expected a number from 0 up to but not 1, "),
    ("scaling", "scaling = { std = 0 }", "scaling: Scaling.std: expected numbers above 0, received 0"),
    ("scaling", "scaling = { mean = [] }", "scaling: Scaling.mean: expected a finite number, or one a channel, "),
    ("name", 'name = "adma"', "optimizer: unknown optimiser 'adma'; did you mean 'adam'?"),
    ("name", "lr = 1e-3", "optimizer: name: expected one of adam, adamw, sgd, momentum, nesterov, found nothing"),
    ("name", 'name = "adam"\nlr = -1', "optimizer: lr: expected a number of at least 0, received -1"),
    ("name", 'name = "adam"\nlr = true', "optimizer: lr: expected a number of at least 0, received True"),
    ("name", 'name = "adam"\nmomentum = 0.9', "optimizer: momentum: Adam has no such setting. Known: lr, "),
    ("name", 'name = "adam"\nbetas = 0.9', "optimizer: betas: expected two numbers, received 0.9"),
    ("name", 'name = "sgd"\nnesterov = "yes"', "optimizer: nesterov: expected True or False, received 'yes'"),
    ("name", "name = 3", "optimizer: name: expected one of adam, adamw, sgd, momentum, nesterov, found 3"),
    ("name", 'name = "adam"\nlr_scales = { conv9 = 1 }', "optimizer: lr_scales: no trainable parameter at 'conv9'; "),
    (
        "freeze_until",
        'freeze_until = "conv2"',
        "freeze_until: goes with begins_from: without pretrained weights all are ",
    ),
    ("new_head", "new_head = true", "new_head: goes with begins_from: without pretrained weights all are random"),
    ("augment", 'augment = "crop:2"', """augment: expected texts such as ["crop:2", "flip"], found 'crop:2'"""),
    ("augment", "augment = [2]", 'augment: expected texts such as ["crop:2", "flip"], found [2]'),
    ("augment", 'augment = ["corp"]', "augment: unknown augmentation 'corp'; did you mean 'crop'?"),
    ("augment", 'augment = ["crop:0"]', "augment: Crop.padding: expected a whole number of at least 1, received 0"),
    ("augment", 'augment = ["mixup:0"]', "augment: MixUp.alpha: expected a number above 0, received 0.0"),
    ("size", "size = 32", "size: expected height and width, such as [32, 32], found 32"),
    ("size", "size = [32]", "size: expected height and width, such as [32, 32], found [32]"),
    ("size", "size = [32, 0]", "size: expected height and width, such as [32, 32], found [32, 0]"),
    ("size", "size = [32, 3.5]", "size: expected height and width, such as [32, 32], found [32, 3.5]"),
    (
        "freeze_until",
        'begins_from = "weights"\nfreeze_until = "conv9"',
        "freeze_until: no layer 'conv9'; did you mean 'conv1'? There are ",
    ),
    ("new_head", "new_head = 1", "new_head: expected true or false, found 1"),
    ("reaches", "reaches = { mean = 99, deviation = 0.1 }", "reaches: seeds: expected a number, found nothing"),
    ("reaches", "reaches = { mean = 99, deviation = -1, seeds = 5 }", "reaches: deviation: expected a number of at "),
    ("reaches", "reaches = { best = 99 }", "reaches: best: there is no such key. Known: mean, deviation, seeds, "),
    ("about", "about = ", "expected a recipe in TOML: Invalid value (at line 2, column 9)"),
]


@pytest.mark.parametrize(("key", "line", "message"), WRONG, ids=[line or "missing" for _, line, _ in WRONG])
def test_a_mistake_is_told_by_file_key_and_expectation(key: str, line: str, message: str, mine: Path) -> None:
    changed(mine, key, line)
    with pytest.raises(p.ArgumentError) as caught:
        read(mine)
    assert str(caught.value).startswith(f"{mine}: {message}")


def test_a_layer_that_is_frozen_has_no_learning_rate_to_multiply(mine: Path) -> None:
    changed(mine, "freeze_until", 'begins_from = "weights"\nfreeze_until = "linear1"')
    changed(mine, "name", 'name = "adam"\nlr_scales = { conv1 = 0.1 }')
    with pytest.raises(
        p.ArgumentError, match="optimizer: lr_scales: no trainable parameter at 'conv1'; there are linear1"
    ):
        read(mine)


@pytest.mark.parametrize(
    ("key", "line", "message"),
    [
        ("epochs", f"epochs = {'9' * 5000}", "expected a recipe in TOML: "),
        ("epochs", f"epochs = {'[' * 5000}", "expected a recipe in TOML: "),
        ("epochs", f"epochs = -0x{'f' * 5000}", "expected a recipe in TOML: "),
        ("model", f"model = 0x{'f' * 5000}", "expected a recipe in TOML: a whole number has more than the 64 bits"),
        ("name", f'name = "adam"\nlr = 1{"0" * 400}', "expected a recipe in TOML: a whole number has more than the 64"),
        ("model", f'model = "{"x" * 200_000}"', "model: unknown model 'xxx"),
        ("x" * 200_000, f"{'x' * 200_000} = 1", "xxx"),
    ],
    ids=["digits", "nested", "negative", "hexadecimal", "rate", "model", "key"],
)
def test_what_is_absurdly_large_is_told_like_any_mistake(key: str, line: str, message: str, mine: Path) -> None:
    changed(mine, key, line)
    with pytest.raises(p.ArgumentError) as caught:
        read(mine)
    assert str(caught.value).startswith(f"{mine}: {message}")
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize("name", ["momentum", "Nesterov"])
def test_an_optimizer_has_the_names_of_the_command_line(name: str, mine: Path) -> None:
    changed(mine, "name", f'name = "{name}"\nlr = 0.1')
    assert read(mine).optimizer == p.SGD(0.1, momentum=0.9, nesterov=name == "Nesterov")


@pytest.mark.parametrize("key", ["about", "model", "data", "epochs", "batch_size", "optimizer"])
def test_every_key_but_the_optional_ones_is_asked_for(key: str, mine: Path) -> None:
    assert {*REQUIRED, "data"} == {*tomllib.loads(LEAST)}, "the least that a recipe says"
    table = {name: value for name, value in tomllib.loads(LEAST).items() if name != key}
    mine.write_text(tomli_w.dumps(table), encoding="utf-8")
    with pytest.raises(p.ArgumentError) as caught:
        read(mine)
    assert str(caught.value) == f"{mine}: {key}: expected {KEYS[key][1]}, found nothing"


def test_data_may_be_left_out_by_what_begins_from_weights_alone(mine: Path) -> None:
    changed(mine, "data", 'begins_from = "weights"')
    assert (read(mine).data, read(mine).begins_from) == ("", "weights")


def test_what_is_no_text_is_told_by_its_file(mine: Path) -> None:
    mine.write_bytes(b'about = "\xff"')
    with pytest.raises(p.ArgumentError, match=r"mine\.toml: expected a recipe in TOML: "):
        read(mine)
