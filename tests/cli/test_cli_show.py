"""`pellucid data show`: the picture that `train` with the same words sees, and the one that a run has seen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p
from pellucid.cli import train

Image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")


def picture(path: Path) -> np.ndarray:
    """Return the pixels of a file as (C, H, W)."""
    pixels = np.asarray(Image.open(path))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of photographs 30×40 of two classes, ten each."""
    rng = np.random.default_rng(0)
    for number in range(20):
        folder = tmp_path / "photos" / ("cats", "dogs")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A recipe of one's own, which says a size and an augmentation."""
    text = Path(p.recipes.__file__).with_name("notebook.toml").read_text()
    changed = 'model = "small"\ndata = "photos"\nsize = [12, 16]\naugment = ["crop:2", "jitter:0.3"]\n'
    path = tmp_path / "mine.toml"
    path.write_text(
        text.replace('model = "notebook"\n', changed)
        .replace('data = "mnist"\n', "")
        .replace("scaling", "# scaling")
        .partition("[reaches]")[0]
    )
    return path


@pytest.mark.parametrize(
    ("words", "model"),
    [
        (("--size", "12x16"), ()),
        (("--size", "12x16", "--augment", "crop:2", "--validation", 0.5, "--seed", 3), ()),
        ((), ("squeezenet1_1",)),
        ((), ()),
        (("--recipe", "mine.toml"), ()),
    ],
    ids=["size", "all", "cropped for a model", "nothing", "recipe"],
)
@pytest.mark.usefixtures("photos", "mine")
def test_it_shows_what_train_sees(
    words: tuple[object, ...], model: tuple[str, ...], pellucid: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(train, "fit", lambda network, data, **how: seen.update(how, data=data))
    pellucid("train", *model, "--data", "photos", *words, "--no-progress")
    shown = pellucid(
        "data", "show", "photos", *(("--model", *model) if model else ()), *words, "--sample", 4, "--epoch", 2,
        "--scale", 1, "--out", "four.png",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    expected = p.augmented(seen["data"], [4], seen["augment"], seed=seen["seed"], epoch=2)[0]
    assert np.array_equal(picture(tmp_path / "four.png"), expected)


@pytest.mark.usefixtures("photos", "mine")
def test_the_data_are_those_of_the_recipe_unless_others_are_named(pellucid: Any) -> None:
    shown = pellucid("data", "show", "--recipe", "mine.toml").out
    assert shown.startswith("sample 0: class cats\naugmented: ")
    assert "\nfrom photos/cats/" in shown
    assert shown.endswith("saved in photos-0-epoch-1-crop-2-jitter-0.3-0-0.png\n")
    assert "augmented: crop:2, jitter:0.3,0,0, in epoch 1\n" in shown
    assert pellucid("data", "show").out.endswith("saved in digits-0-epoch-1.png\n")


def test_a_small_picture_is_enlarged_unless_a_scale_is_said(pellucid: Any, toy: Path, tmp_path: Path) -> None:
    words = ("data", "show", toy, "--sample", 2)
    assert pellucid(*words, "--scale", 1, "--out", "raw.png").code == 0
    raw = picture(tmp_path / "raw.png")
    for scale, times in (((), 42), (("--scale", 3), 3)):
        assert pellucid(*words, *scale, "--out", "large.png").code == 0
        assert np.array_equal(picture(tmp_path / "large.png"), raw.repeat(times, axis=1).repeat(times, axis=2))
    assert "--scale: expected a whole number of at least 1, received 0" in pellucid(*words, "--scale", 0).err


def test_other_pictures_have_other_names(pellucid: Any, toy: Path, trained: Path, tmp_path: Path) -> None:
    asked = [
        (), ("--sample", 1), ("--epoch", 2), ("--seed", 3), ("--augment", "crop:2"),
        ("--augment", "affine:1.5,0.12", "--augment", "crop:2"), ("--run", trained),
    ]  # fmt: skip
    for words in asked:
        assert pellucid("data", "show", toy, *words).code == 0
    names = [path.name for path in tmp_path.glob("*.png")]
    assert len(names) == len(asked)
    assert "stripes-0-epoch-1-affine-1.5-0.12-0-0-crop-2.png" in names


def test_it_says_what_was_done_and_whether_that_changed_anything(pellucid: Any, toy: Path) -> None:
    assert "\naugmented: no, in epoch 1\n" in pellucid("data", "show", toy).out
    said = "what was drawn for it leaves it as it is\n"
    shown = [pellucid("data", "show", toy, "--augment", "flip", "--epoch", epoch).out for epoch in range(1, 7)]
    assert {said in text for text in shown} == {True, False}
    assert all("\naugmented: flip:0.5, in epoch " in text for text in shown)


@pytest.mark.parametrize("form", ["affine", "jitter", "flip:0", "affine:0,0,0"])
@pytest.mark.parametrize("verb", ["train", "find-lr", "data show"])
def test_an_augmentation_that_changes_nothing_is_refused(form: str, verb: str, pellucid: Any, tmp_path: Path) -> None:
    shown = pellucid(*verb.split(), "--augment", form)
    assert shown.code == 2
    assert shown.err.startswith(f"error: --augment: augmentation '{form}': changes nothing, as all of ")
    assert not list(tmp_path.iterdir())


# ---- a run

AUGMENT = ("--augment", "crop:1", "--augment", "cutout:2")


@pytest.fixture
def run(pellucid: Any, toy: Path) -> str:
    """A run that augments, and holds a part out."""
    words = ("small", "--data", toy, *AUGMENT, "--validation", 0.25, "--seed", 5, "--epochs", 3, "--batch-size", 8)
    assert pellucid("train", *words, "--no-progress", "--out", "run").code == 0
    return "run"


def test_a_run_has_seen_what_train_with_its_words_sees(pellucid: Any, run: str, toy: Path, tmp_path: Path) -> None:
    words = ("--sample", 7, "--epoch", 3)
    shown = pellucid("data", "show", "--run", run, *words, "--scale", 1, "--out", "both.png")
    name, first, saved = shown.out.splitlines()
    assert first == "augmented: crop:1, cutout:2, in epoch 3 of run; on the left as it is"
    assert saved == "saved in both.png"
    drawn = (*words, "--validation", 0.25, "--seed", 5)
    assert pellucid("data", "show", toy, *drawn, "--scale", 1, "--out", "left.png").out.startswith(f"{name}\n")
    assert pellucid("data", "show", toy, *drawn, *AUGMENT, "--scale", 1, "--out", "right.png").code == 0
    both = picture(tmp_path / "both.png")
    assert np.array_equal(both[..., :6], picture(tmp_path / "left.png"))
    assert np.array_equal(both[..., -6:], picture(tmp_path / "right.png"))
    assert both.shape == (1, 6, 13)
    assert np.all(both[..., 6] == 255)


@pytest.mark.parametrize("epoch", [0, 9])
def test_an_epoch_that_a_run_has_not_had_is_not_shown(epoch: int, pellucid: Any, trained: Path, tmp_path: Path) -> None:
    shown = pellucid("data", "show", "--run", trained, "--epoch", epoch, "--scale", 1, "--out", "none.png")
    said = f"--epoch: expected 1 to 8, as {trained} had 8 epochs, received {epoch}"
    assert shown == (1, "", f"error: {said}\n")
    assert not (tmp_path / "none.png").exists()
    assert pellucid("data", "show", "--run", trained, "--epoch", 8, "--scale", 1, "--out", "last.png").code == 0


def test_a_run_that_fit_has_divided_is_divided_so_again(pellucid: Any, toy: Path, tmp_path: Path) -> None:
    with np.load(toy) as arrays:
        data = p.Dataset(arrays["x_train"], arrays["y_train"])
    how = {"validation": 0.25, "seed": 3, "augment": [p.augment.Flip(1)], "epochs": 1, "batch_size": 8}
    p.fit(p.models.small(3, data.shape), data, **how, progress=False, out="mine")
    assert "does not say what it was trained on; name the data" in pellucid("data", "show", "--run", "mine").err
    assert pellucid("data", "show", toy, "--run", "mine", "--sample", 2, "--scale", 1, "--out", "two.png").code == 0
    rest = p.data.split(data, 0.25, 3)[0]
    assert np.array_equal(picture(tmp_path / "two.png")[..., :6], rest.images[2])
    assert np.array_equal(picture(tmp_path / "two.png")[..., -6:], rest.images[2][..., ::-1])


def test_what_a_run_leaves_as_it_is_is_shown_alone(pellucid: Any, trained: Path, tmp_path: Path) -> None:
    shown = pellucid("data", "show", "--run", trained, "--scale", 1, "--out", "one.png")
    assert f"augmented: no, in epoch 1 of {trained}\n" in shown.out
    assert picture(tmp_path / "one.png").shape == (1, 6, 6)


def test_the_data_of_a_run_may_have_moved_but_must_be_the_same(
    pellucid: Any, run: str, toy: Path, tmp_path: Path
) -> None:
    (tmp_path / "moved.npz").write_bytes(toy.read_bytes())
    assert pellucid("data", "show", "moved.npz", "--run", run).code == 0
    with np.load(toy) as arrays:
        np.savez(tmp_path / "other.npz", **{**arrays, "x_train": arrays["x_train"][::-1]})
    assert (
        "these are not the images that the run was trained on"
        in pellucid("data", "show", "other.npz", "--run", run).err
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--run", "run", "--seed", 1, "--augment", "flip"), "--run: run decides --augment, --seed; leave out that"),
        (("--run", "run", "--model", "lenet"), "--run: run decides --model; leave out that, or the run"),
        (("--run", "nowhere"), "there is no run 'nowhere'"),
        (("--recipe", "mnist-99", "--augment", "flip"), "--recipe: mnist-99 decides --augment; leave out that, or the"),
        (("--recipe", "resnet20-tuned"), "--recipe: the recipe is for images of your own: name them"),
        (("--size", "8x8"), "--size: goes with a folder of pictures, and digits is none"),
        (("--data-dir", "run"), "--data-dir: digits come with the package"),
        (("--model", "lenett"), "unknown model 'lenett'; did you mean"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("run")
def test_what_makes_no_sense_is_refused(words: tuple[object, ...], message: str, pellucid: Any, tmp_path: Path) -> None:
    assert pellucid("data", "show", *words).err.startswith(f"error: {message}")
    assert not list(tmp_path.glob("*.png"))


def test_a_config_with_other_augmentations_is_refused(pellucid: Any, run: str, tmp_path: Path) -> None:
    config = tmp_path / run / "config.toml"
    config.write_text(config.read_text().replace('name = "Crop"', 'name = "Corp"'))
    assert (
        "training.augment: expected augmentations, found {'name': 'Corp'" in pellucid("data", "show", "--run", run).err
    )
