"""`pellucid find-lr`: the rate for what `train` does with the same words, and the command that does it."""

import inspect
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

import pellucid as p
from pellucid.cli import find_lr, train


class Seen(Exception):  # noqa: N818  # no error
    """What a command was about to train."""

    def __init__(self, network: Any, data: Any, **how: Any):
        super().__init__()
        self.network, self.data, self.how = network, data, how


def test_its_words_are_those_of_train_but_for_what_it_finds_out() -> None:
    theirs, own = (inspect.signature(each.command, eval_str=True).parameters for each in (train, find_lr))
    assert list(own) == [*(name for name in theirs if name in own and name != "out"), "out"]
    assert {name: each for name, each in own.items() if name != "out"}.items() <= theirs.items()
    assert {"lr", "schedule", "epochs"} <= theirs.keys() - own.keys()
    assert {"context", "recipe", "augment", "seed"} <= own.keys()


@pytest.fixture
def about_to_train(pellucid: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns what a command is about to train, and how, and does not train it."""
    seen: list[Seen] = []

    def look(network: Any, data: Any, **how: Any) -> None:
        seen.append(Seen(network, data, **how))
        raise seen[-1]

    monkeypatch.setattr(find_lr, "find_learning_rate", look)
    monkeypatch.setattr(train, "fit", look)

    def command(*words: object) -> Seen:
        seen.clear()
        assert pellucid(*words).code == 1
        return seen[0]

    return command


@pytest.fixture
def words(toy: Path, trained: Path, tmp_path: Path) -> dict[str, tuple[object, ...]]:
    """Words that say what is trained on the stripes, and how."""
    recipe = Path(str(shutil.copy(Path(p.recipes.__file__).with_name("notebook.toml"), tmp_path / "mine.toml")))
    recipe.write_text(recipe.read_text().replace("batch_size = ", "batch_size = 1"))
    return {
        "nothing": (),
        "a model": ("notebook",),
        "an optimiser": ("--optimizer", "nesterov", "--weight-decay", 0.01, "--lr-scale", "linear1=0.1"),
        "clipping": ("--clip-norm", 1, "--average", 0.9),
        "first weights": ("--initializer", "glorot-uniform", "--seed", 3),
        "pixels": ("--scaling", "0.5:0.2"),
        "labels": ("--label-smoothing", 0.1),
        "a share": ("--validation", 0.25),
        "batches": ("--batch-size", 7),
        "other images": ("--augment", "crop:1", "--augment", "cutout:2"),
        "weights": ("small", "--weights", trained, "--freeze-until", "linear1", "--new-head"),
        "a recipe": ("--recipe", recipe),
    }


NAMES = (
    "nothing", "a model", "an optimiser", "clipping", "first weights", "pixels", "labels", "a share", "batches",
    "other images", "weights", "a recipe",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_it_looks_at_what_train_trains(name: str, words: Any, about_to_train: Any, toy: Path) -> None:
    asked = *words[name], "--data", toy
    found, trained = about_to_train("find-lr", *asked), about_to_train("train", *asked, "--no-progress")
    assert found.data.digest() == trained.data.digest()
    for path, parameter in trained.network.parameters().items():
        other = found.network.parameters()[path]
        assert (other.data.tobytes(), other.trainable) == (parameter.data.tobytes(), parameter.trainable), path
    assert found.network.scaling == trained.network.scaling
    same = ("batch_size", "loss", "optimizer", "augment", "seed", "engine", "threads")
    assert {each: found.how[each] for each in same} == {each: trained.how[each] for each in same}


def test_each_of_these_words_matters(words: Any, about_to_train: Any, toy: Path) -> None:
    plain = about_to_train("find-lr", "--data", toy)
    for name in set(NAMES) - {"nothing"}:
        seen = about_to_train("find-lr", *words[name], "--data", toy)
        weights = [[each.data.tobytes() for each in one.network.parameters().values()] for one in (plain, seen)]
        others = [(one.how, one.network.scaling, len(one.data)) for one in (plain, seen)]
        assert weights[0] != weights[1] or others[0] != others[1], name


def test_the_command_that_is_next_takes_the_words_from_a_shell(pellucid: Any, toy: Path, tmp_path: Path) -> None:
    shutil.copy(toy, tmp_path / "my data.npz")
    asked = (
        "--data",
        "my data.npz",
        "--batch-size",
        "8",
        "--augment",
        "flip:0.5",
        "--augment",
        "crop:1",
        "--seed",
        "1",
    )
    shown = pellucid("find-lr", "small", *asked, "--out", "it.png").out.splitlines()
    command = shlex.split(shown[-1].partition(" train ")[2])
    assert command == ["small", *asked, "--lr", shown[1].rpartition(" ")[2]]
    assert pellucid("train", *command, "--epochs", 1, "--no-progress").code == 0
    assert float(command[-1]) == p.training.run.read_config("runs/small-my-data")["training"]["optimizer"]["lr"]


@pytest.fixture
def photos(tmp_path: Path) -> str:
    """A folder of pictures 9×9 of two classes."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")
    for number in range(12):
        folder = tmp_path / "photos" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image.new("L", (9, 9), 20 * number).save(folder / f"{number}.png")
    return "photos"


def test_pictures_of_a_folder_are_stretched_as_asked(about_to_train: Any, photos: str) -> None:
    assert about_to_train("find-lr", "--data", photos, "--size", "8x6").data.shape == (1, 8, 6)


def test_a_size_is_repeated_as_a_size(pellucid: Any, photos: str) -> None:
    shown = pellucid("find-lr", "--data", photos, "--size", "8x6").out.splitlines()
    assert " train --data photos --size 8x6 --lr " in shown[-1]


def test_a_flag_is_repeated_without_a_value(pellucid: Any, toy: Path, trained: Path) -> None:
    shown = pellucid("find-lr", "small", "--data", toy, "--weights", trained, "--new-head")
    assert " --new-head --lr " in shown.out.splitlines()[-1]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the search finds, without a search."""
    flown: dict[str, Any] = {"suggestion": 1e-3, "flown_off": 0.1}
    losses = [1.0, 0.5, 0.4, 3.0]
    monkeypatch.setattr(
        find_lr,
        "find_learning_rate",
        lambda *_, **__: p.learning_rates.LearningRates([1e-6, 1e-3, 0.01, 0.1], losses, losses, **flown),
    )
    return flown


def recipe_with(words: Any, **settings: object) -> str:
    """Writes a recipe of one's own: a copy, with other settings."""
    recipe = words["a recipe"][1]
    text = recipe.read_text()
    for name, value in settings.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
    (recipe.parent / "its.toml").write_text(text)
    return "its.toml"


@pytest.mark.parametrize(
    ("schedule", "rate"), [('"linear:0.1:0.2"', "0.002"), ('"constant"', "0.001"), ('"cosine"', "0.001")]
)
def test_the_rate_of_a_recipe_is_written_into_a_copy_of_it(
    schedule: str, rate: str, pellucid: Any, toy: Path, words: Any, found: Any
) -> None:
    recipe = recipe_with(words, lr=0.0005, schedule=schedule)
    shown = pellucid("find-lr", "--recipe", recipe, "--data", toy, "--seed", 2).out.splitlines()
    assert shown[0].startswith("notebook, recipe its, batches of ")
    assert shown[2] == "it flies off at 0.1"
    peak = "the recipe's schedule has a peak, which few steps reach: 0.002 to 0.003 are for that"
    assert (peak in shown) == (rate == "0.002")
    *_, changed, run = shown
    new = (
        f"next: write lr = {rate} in its.toml, in place of 0.0005, and take [reaches] out, which was measured with that"
    )
    assert changed == new
    assert run.endswith(f"train --recipe its.toml --data {toy} --seed 2")


def test_a_recipe_of_the_library_is_copied_first(pellucid: Any, toy: Path, found: Any) -> None:
    found["suggestion"] = 0.01
    *_, copied, changed, _ = pellucid("find-lr", "--recipe", "notebook", "--data", toy).out.splitlines()
    assert copied.endswith("recipes notebook > notebook-mine.toml")
    assert changed.strip().startswith(
        "write lr = 0.02 in notebook-mine.toml, in place of 0.004, and take [reaches] out"
    )


@pytest.mark.parametrize(("lr", "flown_off", "within"), [
    (1e-3, 0.1, True), (0.09, 0.1, True), (0.1, 0.1, False), (0.1, None, True), (0.2, None, False), (9e-4, 0.1, False)
])  # fmt: skip
def test_a_rate_that_the_network_bears_is_left_to_its_recipe(
    lr: float, flown_off: float | None, within: bool, pellucid: Any, toy: Path, words: Any, found: Any
) -> None:
    found["flown_off"] = flown_off
    shown = pellucid("find-lr", "--recipe", recipe_with(words, lr=lr), "--data", toy).out.splitlines()
    assert (f"the recipe's {lr:g} is within what the network bears" in shown) == within
    assert ("in place of" in shown[-2]) != within
    assert shown[-1].endswith(f"train --recipe its.toml --data {toy}")
    assert shown[-1].startswith("next: ") == within


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--optimizer", "adma"), "unknown optimiser 'adma'; did you mean 'adam'?"),
        (("--augment", "corp"), "--augment: unknown augmentation 'corp'"),
        (("--freeze-until", "linear1"), "--freeze-until: goes with --weights"),
        (("--recipe", "mnist-99", "--scaling", "0:1"), "--recipe: mnist-99 decides --scaling; leave out that, or the"),
        (("--size", "8x8"), "--size: goes with a folder of pictures, and digits is none"),
        (("--lr", "1"), "--lr: it finds the rate; leave that out"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(asked: tuple[str, ...], message: str, pellucid: Any) -> None:
    assert f"error: {message}" in pellucid("find-lr", *asked).err
