"""`pellucid evaluate` and `predict` with weights trained elsewhere: a model by name, and the file they are in."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p
from pellucid.cli.pretrained import scaling_for
from pellucid.data import Preparation
from pellucid.data.datasets import imagenet_classes
from pellucid.interop import open_weights
from pellucid.serialization.tensor_file import encode
from pellucid.storage import read_file

Pellucid = Callable[..., Any]


def write_weights(network: p.Sequential, path: Path) -> Path:
    """Write the weights and states alone, as other libraries do."""
    arrays = {name: q.data for name, q in network.parameters().items()}
    arrays |= {name: np.asarray(s.data, np.float32) for name, s in network.states().items()}
    path.write_bytes(encode(arrays, {}))
    return path


@pytest.fixture
def learnt(trained: Path, tmp_path: Path) -> Path:
    """The weights of a network that has learnt the stripes, alone."""
    return write_weights(p.load(trained), tmp_path / "stripes.safetensors")


def imagenet_network(favourite: int) -> p.Sequential:
    """A network that takes any picture for one of ImageNet's classes."""
    network = p.Sequential(
        [p.AdaptiveAvgPool2d(1), p.Flatten(), p.Linear(3, 1000)],
        input_shape=(3, 14, 14),
        scaling=p.IMAGENET_SCALING,
        class_names=imagenet_classes(),
    )
    network["linear1"].weight.data[...] = 0
    network["linear1"].bias.data[...] = -0.01 * np.abs(np.arange(1000) - favourite)
    return network


def photograph(path: Path, height: int, width: int) -> Path:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)
    image.fromarray(pixels).save(path)
    return path


# ---- which network


def test_the_file_says_for_how_many_classes(pellucid: Pellucid, trained: Path, learnt: Path, toy: Path) -> None:
    result = pellucid("evaluate", "small", "--weights", learnt, "--data", toy)
    assert result.code == 0, result.err
    assert result.out == pellucid("evaluate", trained).out  # the run, of 3 classes and 6×6 pixels
    assert result.err == (
        "small with the weights in stripes.safetensors: 3 classes, pixels from 0 to 1\n"
        "note: the file does not say how pixels were scaled; see --scaling\n"
    )


def test_the_file_is_read_once(
    pellucid: Pellucid, learnt: Path, trained: Path, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def counted(path: Path, limit: int) -> bytes:
        read.append(path)
        return read_file(path, limit)

    monkeypatch.setattr("pellucid.storage.read_file", counted)
    for weights in (learnt, trained / "model.safetensors"):
        for verb in ("evaluate", "train"):
            more = () if verb == "evaluate" else ("--epochs", 1, "--out", weights.stem)
            assert pellucid(verb, "small", "--weights", weights, "--data", toy, *more).code == 0
            assert read.count(weights) == 1
            read.clear()


def test_scaling_is_as_told_or_as_saved(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    network = p.models.small(3, (1, 6, 6), scaling=p.Scaling(0.25, 0.5))
    write_weights(network, tmp_path / "alone.safetensors")
    p.save(network, tmp_path / "scaled.safetensors")
    with np.load(toy) as arrays:
        scores = p.evaluate(network, (arrays["x_test"], arrays["y_test"]))
    loss = f"test loss {scores['loss']:.4f}"
    asked = pellucid("evaluate", "small", "--weights", "alone.safetensors", "--data", toy, "--scaling", "0.25:0.5")
    assert asked.out.splitlines()[1] == loss
    assert asked.err.endswith("pixels scaled by 0.25:0.5\n")
    saved = pellucid("evaluate", "small", "--weights", "scaled.safetensors", "--data", toy)
    assert saved == asked._replace(err=asked.err.replace("alone", "scaled"))
    plain = pellucid("evaluate", "small", "--weights", "scaled.safetensors", "--data", toy, "--scaling", "0:1")
    assert plain.out.splitlines()[1] != loss


def test_what_is_made_for_imagenet_has_its_scaling_and_its_names(tmp_path: Path) -> None:
    write_weights(p.models.squeezenet1_1(), tmp_path / "thousand.safetensors")
    network = p.pretrained("squeezenet1_1", tmp_path / "thousand.safetensors")
    assert network.scaling == p.IMAGENET_SCALING
    assert network.class_names == imagenet_classes()


def test_training_begins_from_weights_with_their_scaling(learnt: Path, trained: Path) -> None:
    alone, run = open_weights(learnt), open_weights(trained)
    assert scaling_for("resnet18", alone, None) == p.IMAGENET_SCALING
    assert scaling_for("resnet18", None, None) is None  # trained from the beginning
    assert scaling_for("resnet18", run, None) == p.load(trained).scaling
    assert scaling_for("resnet20", alone, None) is scaling_for(None, alone, None) is None
    assert scaling_for("resnet18", alone, "0:1") == p.Scaling()
    assert scaling_for("resnet20", None, "imagenet") == p.IMAGENET_SCALING


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["small"], 1, "small is a model that has learnt nothing yet; add --weights FILE, or name a run"),
        (["mnist-s8"], 1, "mnist-s8 is a model that has learnt nothing yet; add --weights FILE, or name a run"),
        (["small", "--weights", "w.safetensors"], 1, "weights do not say what to measure them on; add --data"),
        (["smal", "--weights", "w", "--data", "digits"], 1, "unknown model 'smal'; did you mean 'small'?"),
        (["small", "--weights", "no", "--data", "digits"], 1, "cannot read no: there is no such file"),
        (["run", "--scaling", "imagenet"], 2, "--scaling: goes with --weights; a run has its own scaling. See "),
        (
            ["small", "--weights", "w.safetensors", "--data", "digits", "--scaling", "half"],
            2,
            "--scaling: expected MEAN:STD, such as 0.1307:0.3081, or imagenet, received 'half'. See ",
        ),
        (
            ["small", "--weights", "w.safetensors", "--data", "digits"],
            1,
            "the weights are for 3 classes, and the data have 10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        ),
        (
            ["lenet", "--weights", "w.safetensors", "--data", "digits"],
            1,
            "conv2 (layer 4): a 5×5 window finds no place",
        ),
    ],
)
def test_evaluate_refuses(words: list[str], code: int, message: str, pellucid: Pellucid, tmp_path: Path) -> None:
    write_weights(p.models.small(3, (1, 8, 8)), tmp_path / "w.safetensors")
    result = pellucid("evaluate", *words)
    assert (result.code, result.out) == (code, "")
    assert result.err.splitlines()[-1].startswith(f"error: {message}")


def test_weights_of_another_model_are_refused(pellucid: Pellucid, learnt: Path, toy: Path) -> None:
    result = pellucid("evaluate", "notebook", "--weights", learnt, "--data", toy)
    assert (result.code, result.out) == (1, "")
    assert result.err == f"error: {learnt}: these are weights of small, not notebook\n"


# ---- pictures for ImageNet's networks


def test_a_folder_of_photographs_is_prepared(pellucid: Pellucid, tmp_path: Path) -> None:
    for number, place in enumerate(["n02099601/b.JPEG", "golden retriever/a.png", "tabby/c.png", "n01440764/d.png"]):
        photograph(tmp_path / "val" / place, 40 + number, 60)
    network = imagenet_network(favourite=207)
    p.save(network, tmp_path / "dogs.safetensors")
    result = pellucid("evaluate", "dogs.safetensors", "--data", "val", "--confusion")
    assert result.code == 0, result.err
    assert result.err == "pictures: shorter side resized to 16, then centre-cropped to 14×14\n"
    shown = result.out.splitlines()
    assert shown[0] == "val: 4 images"
    assert [line.split("  ")[-1].strip() for line in shown[4:6]] == ["golden retriever"] * 2  # what they are taken for
    assert {line.split()[1] for line in shown[4:6]} == {"tabby", "tench"}
    data = p.datasets.image_folder(tmp_path / "val", preparation=Preparation(16, 14), class_names=imagenet_classes())
    assert shown[-3:] == [
        f"overall loss {p.evaluate(network, data)['loss']:.4f}",
        "overall accuracy 50.00 %",
        f"overall top-5 accuracy {100 * p.top_k_accuracy(p.predict(network, data.images), data.labels, 5):.2f} %",
    ]


def test_parts_are_measured_as_one(pellucid: Pellucid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(["tabby", "golden retriever", "tench"]):
        photograph(tmp_path / "photos" / "train" / name / "x.png", 20, 20)
        photograph(tmp_path / "photos" / "test" / name / "x.png", 30 + number, 50)
    p.save(imagenet_network(favourite=0), tmp_path / "fish.safetensors")
    whole = pellucid("evaluate", "fish.safetensors", "--data", "photos", "--confusion")
    monkeypatch.setattr("pellucid.data.folders._PART", 2)
    assert pellucid("evaluate", "fish.safetensors", "--data", "photos", "--confusion") == whole
    assert whole.out.splitlines()[0] == "test: 3 images"
    assert whole.out.splitlines()[-2] == "test accuracy 33.33 %"


def test_folders_give_a_models_classes_their_names(
    pellucid: Pellucid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tiny(num_classes: int = 1000, input_shape: Any = (3, 14, 14), **options: Any) -> p.Sequential:
        layers = [p.AdaptiveAvgPool2d(1), p.Flatten(), p.Linear(3, num_classes)]
        return p.Sequential(layers, input_shape=input_shape, **options)

    monkeypatch.setattr(p.models, "MODELS", {"tiny": tiny})
    write_weights(tiny(3), tmp_path / "pets.safetensors")
    for name in ("cat", "dog", "eel"):
        photograph(tmp_path / "pets" / name / "1.png", 90, 70)
    words = ("tiny", "--weights", "pets.safetensors", "--data", "pets", "--confusion")
    result = pellucid("evaluate", *words)
    assert result.code == 0, result.err
    assert result.err.splitlines() == [
        "tiny with the weights in pets.safetensors: 3 classes, pixels scaled as for ImageNet",
        "pictures: shorter side resized to 16, then centre-cropped to 14×14",
    ]
    assert [line.split()[0] for line in result.out.splitlines()[3:7]] == ["cat", "cat", "dog", "eel"]
    assert result.out.splitlines()[-1] == "overall accuracy 33.33 %"  # they are one picture, thrice
    photograph(tmp_path / "pets" / "fox" / "1.png", 90, 70)
    refused = pellucid("evaluate", *words)
    assert (
        refused.err.splitlines()[-1] == "error: the weights are for 3 classes, and the data have 4: cat, dog, eel, fox"
    )


def test_predict_shows_five_of_imagenets_classes(pellucid: Pellucid, tmp_path: Path) -> None:
    network = imagenet_network(favourite=281)
    network["linear1"].weight.data[281] = [0.3, 0.2, 0.1]  # so that it matters how pixels are made
    p.save(network, tmp_path / "cats.safetensors")
    photograph(tmp_path / "x.png", 30, 50)
    result = pellucid("predict", "cats.safetensors", "x.png")
    assert result.code == 0, result.err
    assert re.findall(r" {2,}(\D+?) \d", result.out)[0] == "tabby"
    assert result.out.count("%") == 5
    prepared = p.predict_proba(network, Preparation(16, 14).read(tmp_path / "x.png")[None])
    assert result.out.startswith(f"x.png  tabby {100 * prepared[0, 281]:.1f} %   ")
    assert result.err == "", "nothing is said of reduction: what is cropped is not stretched"
    assert pellucid("predict", "cats.safetensors", "x.png", "--top", 2).out.count("%") == 2


def test_a_terminal_breaks_lines_between_classes(
    pellucid: Pellucid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    p.save(imagenet_network(favourite=281), tmp_path / "cats.safetensors")
    photograph(tmp_path / "x.png", 30, 50)
    line = pellucid("predict", "cats.safetensors", "x.png").out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "50")
    lines = pellucid("predict", "cats.safetensors", "x.png").out.splitlines()
    assert len(lines) > 1
    assert all(len(each) <= 50 and each.endswith("%") for each in lines)
    assert "   ".join(each.removeprefix("x.png").strip() for each in lines) == line.removeprefix("x.png").strip()


def test_predict_with_a_models_weights(pellucid: Pellucid, learnt: Path, trained: Path, tmp_path: Path) -> None:
    network = p.models.small(3, (1, 8, 8))
    write_weights(network, tmp_path / "w.safetensors")
    np.save(tmp_path / "x.npy", np.arange(64, dtype=np.uint8).reshape(8, 8))
    result = pellucid("predict", "small", "--weights", "w.safetensors", "x.npy", "--top", 1)
    best = int(p.predict_classes(network, np.load(tmp_path / "x.npy")[None, None])[0])
    assert result.out.split()[:2] == ["x.npy", str(best)]
    assert pellucid("predict", "small", "x.npy").err.startswith("error: small is a model that has learnt nothing yet")
    assert pellucid("predict", trained, "x.npy", "--scaling", "imagenet").code == 2


# ---- weights that others trained


def test_resnet20_reaches_what_its_authors_report(data_folder: Path, pellucid: Pellucid) -> None:
    (weights,) = (data_folder / "resnet20-cifar10").glob("*.th")
    images = data_folder / "cifar10-subset" / "cifar10_lossless_subset.npz"
    result = pellucid("evaluate", "resnet20", "--weights", weights, "--data", images, "--scaling", "imagenet")
    assert result.code == 0, result.err
    shown = result.out.splitlines()
    assert shown[0].endswith(": 1,000 images")
    assert 91 <= float(shown[-1].removeprefix("test accuracy ").removesuffix(" %")) <= 92


# ---- what a run says of itself


def save_abc(path: Path, names: tuple[str, ...] = ("a", "b", "c"), **options: Any) -> p.Sequential:
    network = p.models.small(3, (1, 8, 8), class_names=names, **options)
    p.save(network, path)
    return network


def test_a_run_as_weights_has_its_class_names(pellucid: Pellucid, tmp_path: Path) -> None:
    save_abc(tmp_path / "abc.safetensors")
    for name in "bcd":
        photograph(tmp_path / "bcd" / name / "1.png", 8, 8)
        photograph(tmp_path / "abc" / chr(ord(name) - 1) / "1.png", 8, 8)
    for folder in ("abc", "bcd"):
        for picture in (tmp_path / folder).rglob("*.png"):
            grey(picture)
    words = ("evaluate", "small", "--weights", "abc.safetensors", "--data")
    assert pellucid(*words, "abc").code == 0  # the control
    refused = pellucid(*words, "bcd")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.splitlines()[-1] == (
        "error: the classes of the data, b, c, d, are not those that the network has learnt, a, b, c"
    )
    shown = pellucid("predict", "small", "--weights", "abc.safetensors", "abc/a/1.png")
    assert {word for word in shown.out.split() if word.isalpha()} == {"a", "b", "c"}


def grey(path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")
    image.open(path).convert("L").save(path)


def test_texts_of_a_file_are_shown_without_what_a_terminal_obeys(pellucid: Pellucid, tmp_path: Path) -> None:
    save_abc(tmp_path / "odd.safetensors", ("\x1b[31mred", "b\nerror: none", "c" * 100_000))
    np.save(tmp_path / "x.npy", np.zeros((8, 8), np.uint8))
    result = pellucid("predict", "odd.safetensors", "x.npy")
    assert result.code == 0, result.err
    assert result.out.count("\n") == 1
    assert result.out.rstrip("\n").isprintable()
    assert len(result.out) < 200
    assert r"\x1b[31mred" in result.out


def test_a_network_of_numbers_that_are_none_is_not_measured(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    network = p.models.small(3, (1, 6, 6))
    network["linear2"].bias.data[0] = np.nan
    p.save(network, tmp_path / "nan.safetensors")
    np.save(tmp_path / "x.npy", np.zeros((6, 6), np.uint8))
    measured = pellucid("evaluate", "nan.safetensors", "--data", toy)
    assert (measured.code, measured.out) == (1, "")
    assert measured.err.startswith("error: the loss is nan: weights of the network are NaN")
    seen = pellucid("predict", "nan.safetensors", "x.npy")
    assert (seen.code, seen.out) == (1, "")
    assert seen.err.startswith("error: x.npy: a probability is NaN")
    for verb in ("evaluate", "train"):
        taken = pellucid(verb, "small", "--weights", "nan.safetensors", "--data", toy)
        assert (taken.code, taken.out) == (1, "")
        assert "found NaN or infinities as float32 in linear2.bias (1 of 3)" in taken.err


# ---- what goes wrong


@pytest.mark.parametrize(
    ("verb", "more", "goes_on"),
    [
        ("evaluate", (), " --weights "),
        ("predict", ("x.png",), " --weights "),
        ("explain", (), ""),
        ("summary", ("--arithmetic",), ""),
        ("summary", ("--input", "1x8x8"), ""),
    ],
)
def test_weights_alone_are_no_run(
    verb: str, more: tuple[str, ...], goes_on: str, pellucid: Pellucid, learnt: Path
) -> None:
    result = pellucid(verb, learnt, *more)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(
        f"error: {learnt} holds weights alone, and no network; name the model that they are of"
    )
    assert result.err.endswith(f"pellucid {verb} small{goes_on and f'{goes_on}{learnt}'}\n")


def test_summary_says_what_a_file_of_weights_holds(pellucid: Pellucid, learnt: Path, trained: Path) -> None:
    result = pellucid("summary", learnt)
    assert (result.code, result.err) == (0, "")
    held, scaling, fits, then = result.out.splitlines()
    count = p.summary(p.load(trained)).totals.parameters
    arrays = len(p.load(trained).parameters())
    assert held == f"{learnt} holds {arrays} arrays of float32: {count:,} parameters"
    assert scaling == "scaling and names of classes: not in the file"
    assert fits == "fits: small, for 3 classes"
    assert then.endswith("pellucid summary small")


@pytest.mark.parametrize("verb", ["evaluate", "summary", "explain"])
def test_a_damaged_file_of_pytorchs_is_told_to_be_one(verb: str, pellucid: Pellucid, tmp_path: Path) -> None:
    (tmp_path / "cut.pth").write_bytes(b"PK\x03\x04 and no more")
    result = pellucid(verb, "cut.pth")
    assert (result.code, result.out) == (1, "")
    assert "the file is damaged or was cut short" in result.err


def test_weights_of_other_channels(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    write_weights(p.models.resnet20(), tmp_path / "w.safetensors")
    for more in ((), ("--scaling", "imagenet")):
        result = pellucid("evaluate", "resnet20", "--weights", "w.safetensors", "--data", "digits", *more)
        assert (result.code, result.out) == (1, "")
        assert result.err == "error: digits has grey images (1 channel); these weights are for 3\n"


def test_pictures_that_cannot_be_read_are_left_out_and_named(
    pellucid: Pellucid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.data.folders._PART", 2)
    for number in range(4):
        photograph(tmp_path / "val" / "tabby" / f"{number}.png", 20, 20)
    p.save(imagenet_network(favourite=281), tmp_path / "cats.safetensors")
    words = ("evaluate", "cats.safetensors", "--data", "val")
    whole = pellucid(*words)
    for number in range(4, 9):
        (tmp_path / "val" / "tabby" / f"{number}.png").write_bytes(b"no picture")
    result = pellucid(*words)
    assert (result.code, whole.code) == (1, 0)
    assert result.out == whole.out
    told = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert [f"{number}.png: expected a picture" in line for number, line in enumerate(told[:-1], start=4)] == [True] * 3
    assert told[-1] == "error: 5 pictures are left out for being unreadable, of which the first are named"
    for number in range(4):
        (tmp_path / "val" / "tabby" / f"{number}.png").write_bytes(b"no picture")
    nothing = pellucid(*words)
    assert (nothing.code, nothing.out) == (1, "")
    assert "error: no picture can be read: " in nothing.err


def test_a_network_for_absurdly_large_pictures_makes_none(pellucid: Pellucid, tmp_path: Path) -> None:
    layers = [p.AdaptiveAvgPool2d(1), p.Flatten(), p.Linear(3, 2)]
    p.save(p.Sequential(layers, input_shape=(3, 12_000, 12_000)), tmp_path / "large.safetensors")
    photograph(tmp_path / "x.png", 4, 4)
    result = pellucid("predict", "large.safetensors", "x.png")
    said = "takes pictures of 12,000×12,000 = 144,000,000 pixels; at most 64,000,000 are allowed"
    assert (result.code, result.out, result.err) == (1, "", f"error: large.safetensors {said}\n")
