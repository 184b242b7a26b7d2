"""`pellucid train` with pretrained weights: --weights, --freeze-until, --lr-scale, and recipes that need them."""

import itertools
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pellucid as p
from pellucid.data.preparation import Preparation
from pellucid.serialization.tensor_file import encode
from pellucid.training.run import read_config

Pellucid = Callable[..., Any]
FROM = ("--weights", "those of the network that was trained")
HOW = ("--epochs", 2, "--batch-size", 8, "--no-progress", "--out", "tuned")


@pytest.fixture(scope="session")
def halves(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stripes again, in two classes: the first place, and the two others."""
    with np.load(toy) as arrays:
        two = {name: np.minimum(array, 1) if name.startswith("y") else array for name, array in arrays.items()}
    path = tmp_path_factory.mktemp("data") / "halves.npz"
    np.savez(path, **two)
    return path


def changed(before: Path, after: Path) -> set[str]:
    """Return the layers whose parameters or states differ between two files, where both have them in one shape."""
    one, other = ({**each.parameters(), **each.states()} for each in (p.load(before), p.load(after)))
    assert one.keys() == other.keys()
    alike = (path for path in one if one[path].shape == other[path].shape)
    return {path.split(".")[0] for path in alike if not np.array_equal(one[path].data, other[path].data)}


# ---- beginning from weights


def test_it_begins_where_the_weights_left_off(pellucid: Pellucid, trained: Path, toy: Path, tmp_path: Path) -> None:
    result = pellucid("train", "small", "--weights", trained, "--data", toy, "--epochs", 1, "--lr", 0, "--out", "tuned")
    assert result.code == 0, result.err
    assert f"\nweights: {trained}; pixels from 0 to 1; the last layer kept, for 3 classes\n" in result.err
    assert changed(trained, tmp_path / "tuned") == set()
    assert read_config(tmp_path / "tuned")["command"]["weights"] == str(trained)


def test_other_classes_get_a_new_last_layer(pellucid: Pellucid, trained: Path, halves: Path, tmp_path: Path) -> None:
    words = ("--weights", trained / "model.safetensors", "--data", halves, "--epochs", 1, "--lr", 0, "--out", "tuned")
    result = pellucid("train", "small", *words)
    assert result.code == 0, result.err
    assert (
        f"{trained / 'model.safetensors'}; pixels from 0 to 1; linear2.weight and linear2.bias begin anew\n"
        in result.err
    )
    assert changed(trained, tmp_path / "tuned") == set()
    assert p.load(tmp_path / "tuned").output_shape() == (2,)


def test_a_new_last_layer_may_be_asked_for(pellucid: Pellucid, trained: Path, toy: Path, tmp_path: Path) -> None:
    words = ("--weights", trained, "--data", toy, "--new-head", "--epochs", 1, "--lr", 0, "--out", "tuned")
    result = pellucid("train", "small", *words)
    assert result.code == 0, result.err
    assert "; linear2.weight and linear2.bias begin anew\n" in result.err
    assert changed(trained, tmp_path / "tuned") == {"linear2"}
    assert read_config(tmp_path / "tuned")["command"]["new_head"] is True


def test_a_head_for_other_classes_is_kept_only_with_a_word_about_it(pellucid: Pellucid, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")
    for names in ("abc", "bcd"):
        for name, number in itertools.product(names, range(4)):
            (tmp_path / names / name).mkdir(parents=True, exist_ok=True)
            image.new("L", (6, 6), 20 * number).save(tmp_path / names / name / f"{number}.png")
    p.save(p.models.small(3, (1, 6, 6), class_names=("a", "b", "c")), tmp_path / "abc.safetensors")
    words = ("train", "small", "--weights", "abc.safetensors", "--epochs", 1, "--data")
    same = pellucid(*words, "abc", "--out", "same")
    assert "; the last layer kept, for 3 classes\n" in same.err
    other = pellucid(*words, "bcd", "--out", "other")
    assert other.code == 0, other.err
    assert "; the last layer kept, which was learnt for a, b, c: --new-head begins it anew\n" in other.err


def test_weights_alone_need_a_model_and_say_nothing_of_scaling(
    pellucid: Pellucid, trained: Path, toy: Path, tmp_path: Path
) -> None:
    network = p.load(trained)
    arrays = {name: each.data for name, each in {**network.parameters(), **network.states()}.items()}
    (tmp_path / "alone.safetensors").write_bytes(encode(arrays, {}))
    words = ("--weights", "alone.safetensors", "--data", toy, "--epochs", 1)
    assert pellucid("train", *words) == (
        2,
        "",
        "error: --weights: alone.safetensors holds weights alone, which do not say of which network: name the MODEL "
        "that they are of, such as small. See pellucid train --help\n",
    )
    note = "note: the file does not say how pixels were scaled; see --scaling\n"
    assert pellucid("train", "small", *words, "--out", "one").err.startswith(note)
    assert note not in pellucid("train", "small", *words, "--scaling", "0:1", "--out", "two").err
    assert note not in pellucid("train", "small", "--weights", trained, *words[2:], "--out", "three").err


def test_images_are_scaled_as_the_network_was_used_to(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    how = ("--data", toy, "--epochs", 1, "--no-progress")
    assert pellucid("train", *how, "--scaling", "0.2:0.5", "--out", "first").code == 0
    assert pellucid("train", *how, "--weights", "first", "--out", "second").code == 0
    assert pellucid("train", *how, "--weights", "first", "--scaling", "0:1", "--out", "third").code == 0
    scalings = [p.load(tmp_path / run).scaling for run in ("first", "second", "third")]
    assert scalings == [p.Scaling(0.2, 0.5), p.Scaling(0.2, 0.5), p.Scaling()]


# ---- what learns, and how fast


def test_what_is_frozen_stays(pellucid: Pellucid, trained: Path, halves: Path, tmp_path: Path) -> None:
    words = ("--weights", trained, "--data", halves, "--freeze-until", "linear1")
    result = pellucid("train", "small", *words, "--epochs", 2, "--out", "tuned")
    assert result.code == 0, result.err
    assert "\nfrozen: all before linear1; 18,626 parameters learn\n" in result.err  # 32·3·3·64 + 64 + 64·2 + 2
    assert changed(trained, tmp_path / "tuned") == {"linear1"}
    config = tomllib.loads((tmp_path / "tuned/config.toml").read_text(encoding="utf-8"))
    assert config["command"]["freeze_until"] == "linear1"
    assert result.out.splitlines()[-1] == "test accuracy 100.00 %"


def test_layers_have_learning_rates_of_their_own(pellucid: Pellucid, trained: Path, toy: Path, tmp_path: Path) -> None:
    scales = ("--lr-scale", "conv1=0", "--lr-scale", "conv2=0", "--lr-scale", "linear2=0.1")
    assert pellucid("train", "small", "--weights", trained, "--data", toy, *scales, *HOW).code == 0
    assert changed(trained, tmp_path / "tuned") == {"linear1", "linear2"}
    optimizer = read_config(tmp_path / "tuned")["training"]["optimizer"]
    assert optimizer["lr_scales"] == {"conv1": 0.0, "conv2": 0.0, "linear2": 0.1}


# ---- recipes for it


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tune.toml"
    path.write_text(
        'about = "stripes, tuned"\nmodel = "small"\ndata = "digits"\nepochs = 2\nbatch_size = 8\n'
        'begins_from = "a small network trained on stripes"\nfreeze_until = "linear1"\n'
        '[optimizer]\nname = "adam"\nlr_scales = { linear2 = 0 }\n',
        encoding="utf-8",
    )
    return path


def test_a_recipe_begins_from_the_weights_given(
    pellucid: Pellucid, recipe: Path, trained: Path, toy: Path, tmp_path: Path
) -> None:
    result = pellucid("train", "--recipe", recipe, "--weights", trained, "--data", toy, "--out", "tuned")
    assert result.code == 0, result.err
    told = [
        "tune: stripes, tuned",
        "small: 23,491 parameters",
        f"weights: {trained}; pixels from 0 to 1; the last layer kept, for 3 classes",
    ]
    assert result.err.splitlines()[:4] == [*told, "frozen: all before linear1; 18,691 parameters learn"]
    assert changed(trained, tmp_path / "tuned") == {"linear1"}
    command = read_config(tmp_path / "tuned")["command"]
    assert (command["weights"], command["freeze_until"]) == (str(trained), "linear1")


def test_without_weights_it_says_which_are_wanted(pellucid: Pellucid, recipe: Path, toy: Path) -> None:
    said = "--recipe: tune begins from a small network trained on stripes: add --weights FILE"
    assert pellucid("train", "--recipe", recipe, "--data", toy) == (
        2,
        "",
        f"error: {said}. See pellucid train --help\n",
    )


# ---- what is refused


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weights", "nowhere"], "cannot read nowhere: there is no such file"),
        (["--weights", "notes.txt"], "notes.txt, byte 0: "),
        ([*FROM, "--freeze-until", "linear9"], "no layer 'linear9'; did you mean 'linear1'? There are conv1, "),
        (["--lr-scale", "conv9=0.1"], "--lr-scale: no trainable parameter at 'conv9'; there are conv1, conv2, "),
        (["--lr-scale", "conv1=-1"], "--lr-scale conv1: expected a number of at least 0, received -1.0"),
        ([*FROM, "--lr-scale", "conv1=1", "--freeze-until", "conv2"], "--lr-scale: no trainable parameter at 'conv1'"),
    ],
)  # fmt: skip
def test_a_mistake_takes_one_line(
    words: list[str], message: str, pellucid: Pellucid, trained: Path, toy: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no weights")
    result = pellucid("train", "small", "--data", toy, *(trained if word is FROM[1] else word for word in words))
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: {message}")
    assert result.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("words", [("--new-head",), ("--freeze-until", "conv2")])
def test_what_becomes_of_weights_needs_weights(words: tuple[str, ...], pellucid: Pellucid, toy: Path) -> None:
    said = f"{words[0]}: goes with --weights: without them all weights are random"
    assert pellucid("train", "small", "--data", toy, *words) == (2, "", f"error: {said}. See pellucid train --help\n")


def test_a_recipe_may_leave_its_data_open(pellucid: Pellucid, recipe: Path, trained: Path, toy: Path) -> None:
    recipe.write_text(recipe.read_text(encoding="utf-8").replace('data = "digits"\n', ""), encoding="utf-8")
    assert pellucid("train", "--recipe", recipe, "--weights", trained, "--data", toy, "--out", "tuned").code == 0
    said = "--recipe: tune is for images of your own: add --data"
    assert pellucid("train", "--recipe", recipe, "--weights", trained).err.startswith(f"error: {said}")
    with pytest.raises(p.ArgumentError, match=r"data: tune is for images of your own; give them, data=…"):
        p.recipes.run(recipe, weights=trained)


@pytest.mark.parametrize("text", ["conv1", "conv1=", "conv1=low"])
def test_a_factor_that_is_none_is_a_usage_error(text: str, pellucid: Pellucid) -> None:
    said = f"--lr-scale: expected LAYER=FACTOR, such as layer3=0.1, received {text!r}"
    assert pellucid("train", "--lr-scale", text) == (2, "", f"error: {said}. See pellucid train --help\n")


def test_a_layer_has_one_factor(pellucid: Pellucid) -> None:
    said = "--lr-scale: linear1 is given two factors; leave out one"
    words = ("--lr-scale", "linear1=0.5", "--lr-scale", "linear1=0.1")
    assert pellucid("train", *words) == (2, "", f"error: {said}. See pellucid train --help\n")


def test_that_nothing_is_frozen_is_noted(pellucid: Pellucid, trained: Path, toy: Path) -> None:
    words = ("train", "small", "--weights", trained, "--data", toy, "--epochs", 1, "--freeze-until")
    note = "note: nothing is frozen: no layer before conv1 has parameters"
    assert note in pellucid(*words, "conv1").err.splitlines()
    assert "note: " not in pellucid(*words, "conv2").err


def test_weights_of_another_network_are_refused(pellucid: Pellucid, trained: Path, toy: Path) -> None:
    result = pellucid("train", "notebook", "--weights", trained, "--data", toy)
    assert (result.code, result.out) == (1, "")
    assert str(trained) in result.err
    assert result.err.count("\n") == 1


# ---- photographs of any size


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of six photographs of two classes, each of another size."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(["bark", "moss"] * 3):
        pixels = rng.integers(0, 256, (230 + number, 260 - number, 3), np.uint8)
        (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


@pytest.mark.usefixtures("photos")
def test_photographs_are_cropped_as_the_model_is_used_to(pellucid: Pellucid, tmp_path: Path) -> None:
    """A model made for ImageNet gets pictures resized and cropped, in training and whenever the run is used again."""
    words = ("--epochs", 1, "--batch-size", 2, "--validation", 0, "--no-progress", "--out", "run")
    result = pellucid("train", "squeezenet1_1", "--data", "photos", *words)
    assert result.code == 0, result.err
    network = p.load(tmp_path / "run")
    assert network.input_shape == (3, 224, 224)
    assert read_config(tmp_path / "run")["command"]["crop"] == 224
    cropped = p.datasets.image_folder(tmp_path / "photos", preparation=Preparation.for_crop(224))
    accuracy = p.evaluate(network, cropped)["accuracy"]
    for again in (("run",), ("run", "--data", "photos")):
        shown = pellucid("evaluate", *again)
        assert shown.code == 0, shown.err
        assert shown.out.splitlines()[-1].endswith(f"accuracy {100 * accuracy:.2f} %")
    shown = pellucid("predict", "run", "photos/moss/1.png").out
    image = Preparation.for_crop(224).read(tmp_path / "photos/moss/1.png")
    best = p.predict_proba(network, image[None])[0].max()
    assert f"{100 * best:.1f} %" in shown.split("   ")[0]


def write_recipe(path: Path, model: str, *lines: str) -> Path:
    """Write a recipe of one short epoch for photographs."""
    text = (f'about = "photographs"\nmodel = "{model}"\ndata = "photos"\nepochs = 1\nbatch_size = 4\n', *lines)
    path.write_text("\n".join((*text, '[optimizer]\nname = "sgd"\nlr = 0.001\n')), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("model", "lines", "share", "kept"),
    [("squeezenet1_1", (), 0, {"crop": 224}), ("small", ("size = [9, 12]",), 0.34, {"size": [9, 12]})],
    ids=["cropped", "stretched"],
)
def test_a_recipe_is_followed_alike_in_python(
    model: str, lines: tuple[str, ...], share: float, kept: dict[str, object], pellucid: Pellucid, photos: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    """The same pictures, the same network to the last bit, the same words in the run; and it can be measured again."""
    recipe = write_recipe(tmp_path / "mine.toml", model, *lines)
    words = ("--recipe", recipe, "--validation", share, "--seed", 2, "--no-progress")
    assert pellucid("train", *words, "--out", "command").code == 0
    network, _ = p.recipes.run(recipe, validation=share or None, seed=2, out="python", progress=False)
    for path, parameter in p.load(tmp_path / "command").parameters().items():
        np.testing.assert_array_equal(network.parameters()[path].data, parameter.data, err_msg=path)
    tables = [read_config(tmp_path / run)["command"] for run in ("command", "python")]
    assert tables[0] == tables[1] == {
        "recipe": str(recipe), "model": model, "data": str(photos), "validation": share, "seed": 2, **kept
    }  # fmt: skip
    shown = [pellucid("evaluate", run) for run in ("command", "python")]
    assert shown[0] == shown[1]
    assert shown[0].code == 0, shown[0].err


def test_what_was_not_held_out_in_python_is_not_looked_for(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    """Without `validation` all images are trained on, which the run says, so that they are known again."""
    with np.load(toy) as arrays:
        np.savez(tmp_path / "whole.npz", x=arrays["x_train"], y=arrays["y_train"])
    recipe = write_recipe(tmp_path / "mine.toml", "small")
    p.recipes.run(recipe, "whole.npz", out="run", progress=False)
    command = read_config(tmp_path / "run")["command"]
    assert (command["data"], command["validation"]) == (str(tmp_path / "whole.npz"), 0.0)
    shown = pellucid("evaluate", "run")
    assert (shown.code, shown.out.splitlines()[0]) == (0, "whole: 48 images"), shown.err


def test_fine_tuning_in_python_says_in_the_run_what_it_did(
    pellucid: Pellucid, recipe: Path, trained: Path, toy: Path, tmp_path: Path
) -> None:
    recipe.write_text(recipe.read_text(encoding="utf-8").replace("freeze", "new_head = true\nfreeze"), encoding="utf-8")
    assert pellucid("train", "--recipe", recipe, "--weights", trained, "--data", toy, "--out", "command").code == 0
    p.recipes.run(recipe, toy, weights=trained, out="python", progress=False)
    command, python = (read_config(tmp_path / run)["command"] for run in ("command", "python"))
    assert python == {**command, "validation": 0.0}
    assert (python["weights"], python["new_head"], python["freeze_until"]) == (str(trained), True, "linear1")


# ---- photographs of one size


def test_photographs_are_stretched_to_the_size_asked_for(pellucid: Pellucid, photos: Path, tmp_path: Path) -> None:
    """The run remembers the size, and takes pictures so whenever it is used again."""
    words = ("--epochs", 1, "--validation", 0, "--no-progress", "--out", "run")
    result = pellucid("train", "small", "--data", "photos", "--size", "9x12", *words)
    assert result.code == 0, result.err
    assert "\nphotos: 6 images 3×9×12 to train on; 2 classes\n" in result.err
    assert read_config(tmp_path / "run")["command"]["size"] == [9, 12]
    network = p.load(tmp_path / "run")
    stretched = p.datasets.image_folder(photos, (9, 12))
    accuracy = p.evaluate(network, stretched)["accuracy"]
    for again in (("run",), ("run", "--data", "photos")):
        shown = pellucid("evaluate", *again)
        assert shown.code == 0, shown.err
        assert shown.out.splitlines()[-1].endswith(f"accuracy {100 * accuracy:.2f} %")
    shown = pellucid("predict", "run", "photos/bark/0.png").out
    best = p.predict_proba(network, stretched.images[:1])[0].max()
    assert f"{100 * best:.1f} %" in shown.split("   ")[0]


@pytest.mark.usefixtures("photos")
def test_a_model_for_imagenet_takes_the_size_asked_for(pellucid: Pellucid, tmp_path: Path) -> None:
    words = ("--epochs", 1, "--validation", 0, "--no-progress", "--out", "run")
    result = pellucid("train", "squeezenet1_1", "--data", "photos", "--size", "40x40", *words)
    assert result.code == 0, result.err
    assert p.load(tmp_path / "run").input_shape == (3, 40, 40)
    command = read_config(tmp_path / "run")["command"]
    assert (command["size"], command.get("crop")) == ([40, 40], None)
    assert pellucid("evaluate", "run").code == 0


@pytest.mark.parametrize("text", ["32", "32x", "0x32", "32x32x3", "-1x3", "axb"])
def test_a_size_that_is_none_is_a_usage_error(text: str, pellucid: Pellucid) -> None:
    said = f"--size: expected HEIGHTxWIDTH, such as 32x32, received {text!r}"
    assert pellucid("train", "--size", text) == (2, "", f"error: {said}. See pellucid train --help\n")


def test_a_size_goes_with_pictures(pellucid: Pellucid, toy: Path) -> None:
    said = f"error: --size: goes with a folder of pictures, and {toy} is none\n"
    assert pellucid("train", "--data", toy, "--size", "6x6") == (1, "", said)
    assert pellucid("train", "--size", "6x6").err == said.replace(str(toy), "digits")


def test_resnet20_tuned_takes_photographs_of_any_size(pellucid: Pellucid, photos: Path, tmp_path: Path) -> None:
    p.save(p.models.resnet20(10, scaling=p.IMAGENET_SCALING), tmp_path / "cifar.safetensors")
    words = ("--weights", "cifar.safetensors", "--data", photos, "--validation", 0, "--no-progress", "--out", "run")
    result = pellucid("train", "--recipe", "resnet20-tuned", *words)
    assert result.code == 0, result.err
    assert "photos: 6 images 3×32×32 to train on; 2 classes\n" in result.err
    assert "; linear1.weight and linear1.bias begin anew\nfrozen: all before layer3; " in result.err
    assert pellucid("evaluate", "run").code == 0


def test_a_network_of_ones_own_is_taken_from_its_file(
    pellucid: Pellucid, toy: Path, halves: Path, tmp_path: Path
) -> None:
    """No name makes it; where the classes are others, or are said to be, its last layer begins anew."""
    shape = tuple(np.load(toy)["x_train"].shape[1:])
    layers = [p.Flatten(), p.Linear(int(np.prod(shape)), 5), p.Tanh(), ("end", p.Linear(5, 3))]
    own = p.Sequential(layers, input_shape=shape if len(shape) == 3 else (1, *shape), class_names=["a", "b", "c"])
    p.save(own, tmp_path / "own.safetensors")
    words = ("--weights", "own.safetensors", "--epochs", 1, "--lr", 0, "--no-progress")
    result = pellucid("train", *words, "--data", halves, "--out", "two")
    assert (result.code, "end.weight and end.bias begin anew" in result.err) == (0, True), result.err
    assert changed(tmp_path / "own.safetensors", tmp_path / "two") == set()
    result = pellucid(
        "train", *words, "--data", toy, "--new-head", "--freeze-until", "end", "--seed", 3, "--out", "new"
    )
    assert (result.code, "end.weight and end.bias begin anew" in result.err) == (0, True), result.err
    assert changed(tmp_path / "own.safetensors", tmp_path / "new") == {"end"}
    result = pellucid("train", *words, "--data", toy, "--scaling", "0,0:1,1")
    assert (result.code, "--scaling: has numbers for 2 channels, but the network takes" in result.err) == (1, True)
    result = pellucid("train", *words, "--data", toy, "--out", "kept")
    assert "the last layer kept" in result.err
    assert changed(tmp_path / "own.safetensors", tmp_path / "kept") == set()
