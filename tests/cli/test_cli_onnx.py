"""The verbs that take a trained network take an ONNX model too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

import pellucid as p  # noqa: E402
from oracles.onnx_models import model, node  # noqa: E402
from pellucid.training.run import read_config  # noqa: E402

Pellucid = Callable[..., Any]


@pytest.fixture
def bright(tmp_path: Path) -> Path:
    """A model that tells dark pictures from bright ones, which are those of a mean above 1/2."""
    weights = {"w": np.float32([[-1, 1]]), "b": np.float32([0.5, -0.5])}
    nodes = [node("GlobalAveragePool", "x", "m"), node("Flatten", "m", "f"), node("Gemm", "f w b", name="head")]
    path = tmp_path / "bright.onnx"
    path.write_bytes(model(nodes, ("N", 1, 6, 6), weights).SerializeToString())
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    images = np.stack([np.full((1, 6, 6), value, np.uint8) for value in (30, 100, 180, 240)])
    labels = np.array([0, 0, 1, 1])
    np.savez(tmp_path / "pictures.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    np.save(tmp_path / "pictures.npy", images)
    return tmp_path


def test_predict(pellucid: Pellucid, bright: Path, pictures: Path) -> None:
    result = pellucid("predict", str(bright), str(pictures / "pictures.npy"), "--classes", "dark,bright", "--top", "1")
    assert [line.split()[1] for line in result.out.splitlines()] == ["dark", "dark", "bright", "bright"]


def test_evaluate_and_scaling(pellucid: Pellucid, bright: Path, pictures: Path) -> None:
    words = ["evaluate", str(bright), "--data", str(pictures / "pictures.npz")]
    assert "accuracy 100.00 %" in pellucid(*words).out
    assert "accuracy 50.00 %" in pellucid(*words, "--scaling", "0:10").out  # all are dark then


def test_summary_and_explain(pellucid: Pellucid, bright: Path) -> None:
    assert "head" in pellucid("summary", str(bright)).out
    assert pellucid("explain", str(bright)).code == 0


def test_what_cannot_be_read_is_said(pellucid: Pellucid, tmp_path: Path) -> None:
    (tmp_path / "none.onnx").write_bytes(b"no model")
    result = pellucid("summary", str(tmp_path / "none.onnx"))
    assert (result.code, "expected an ONNX model" in result.err) == (1, True)


# ---- what a model leaves open, or keeps elsewhere


@pytest.fixture
def open_model(tmp_path: Path) -> Path:
    """A model of two outputs for pictures of any size, whose weights lie in a file beside it."""
    weights = {"w": np.float32([[-1, 1]]), "b": np.float32([0.5, -0.5])}
    nodes = [node("GlobalAveragePool", "x", "m"), node("Flatten", "m", "f"), node("Gemm", "f w b", "y", name="head")]
    made = model(nodes, ("N", 1, "H", "W"), weights)
    made.graph.output.append(onnx.helper.make_tensor_value_info("f", 1, None))
    path = tmp_path / "open.onnx"
    onnx.save(made, path, save_as_external_data=True, location="open.bin", size_threshold=0)
    return path


def test_words_complete_what_a_model_leaves_open_and_its_errors_name_them(
    pellucid: Pellucid, open_model: Path, pictures: Path
) -> None:
    words: list[str] = []
    for missing, word in [
        ("; choose one, as in --output 'y'", "--output=y"),
        ("; say them: --input-shape 1x224x224", "--input-shape=1x6x6"),
        ("is beside it, add --external-data", "--external-data"),
    ]:
        # Weights are read before all else, so that word is given from the beginning but for the last time.
        given = words if "external" in word else [*words, "--external-data"]
        result = pellucid("summary", str(open_model), *given)
        assert (result.code, missing in result.err) == (1, True), result.err
        words.append(word)
    result = pellucid("evaluate", str(open_model), "--data", str(pictures / "pictures.npz"), *words)
    assert "accuracy 100.00 %" in result.out, result.err
    assert "head" not in pellucid("summary", str(open_model), *words, "--output", "f").out


@pytest.mark.parametrize("verb", ["summary", "export", "explain"])
def test_such_words_are_refused_of_other_models(pellucid: Pellucid, verb: str) -> None:
    words = ["none.onnx"] if verb == "export" else []
    for word in (["--external-data"], ["--input-shape", "1x28x28"], ["--output", "f"]):
        result = pellucid(verb, "lenet", *words, *word)
        assert (result.code, f"{word[0]}: goes with an ONNX model, and lenet is none" in result.err) == (2, True)


def test_a_shape_that_is_none_is_refused(pellucid: Pellucid, open_model: Path) -> None:
    result = pellucid("summary", str(open_model), "--input-shape", "6x6")
    assert (result.code, "for one channel write 1x6x6" in result.err) == (2, True)


# ---- trained on


def test_a_model_is_trained_on_for_the_classes_of_the_data(
    pellucid: Pellucid, bright: Path, pictures: Path, tmp_path: Path
) -> None:
    words = ["train", "--weights", str(bright), "--epochs", "1", "--lr", "0", "--no-progress", "--out", "run"]
    result = pellucid(*words, "--data", str(pictures / "pictures.npz"))
    assert "the last layer kept, for 2 classes" in result.err, result.err
    assert "test accuracy 100.00 %" in result.out
    command = read_config(tmp_path / "run")["command"]
    assert (command["weights"], "model" in command) == (str(bright), False)
    with np.load(pictures / "pictures.npz") as arrays:
        np.savez(tmp_path / "four.npz", **{**arrays, "y_train": np.arange(4), "y_test": np.arange(4)})
    result = pellucid(*words[:-1], "four", "--data", "four.npz")
    assert "head.weight and head.bias begin anew" in result.err, result.err
    assert p.load(tmp_path / "four").output_shape() == (4,)


def test_training_on_weights_beside_a_model_says_how_to_convert_it(
    pellucid: Pellucid, open_model: Path, pictures: Path
) -> None:
    result = pellucid("train", "--weights", str(open_model), "--data", str(pictures / "pictures.npz"))
    fix = (
        'make a file for --weights of it in Python: pellucid.save(pellucid.load_onnx(path, external_data=True), "model'
    )
    assert (result.code, fix in " ".join(result.err.split())) == (1, True), result.err


def test_a_softmax_at_its_end_is_left_out(pellucid: Pellucid, pictures: Path, tmp_path: Path) -> None:
    weights = {"w": np.float32([[-1, 1]])}
    nodes = [node("GlobalAveragePool", "x", "m"), node("Flatten", "m", "f"), node("Gemm", "f w"), node("Softmax", "")]
    nodes[2].output[:], nodes[3].input[:] = ["g"], ["g"]
    (tmp_path / "soft.onnx").write_bytes(model(nodes, ("N", 1, 6, 6), weights).SerializeToString())
    words = ["--epochs", "1", "--no-progress", "--out", "run", "--data", str(pictures / "pictures.npz")]
    assert pellucid("train", "--weights", "soft.onnx", *words).code == 0
    assert not any(isinstance(each, p.Softmax) for each in p.load(tmp_path / "run"))


def test_what_goes_beside_a_model_is_said(pellucid: Pellucid, bright: Path, pictures: Path) -> None:
    data = ["--data", str(pictures / "pictures.npz")]
    result = pellucid("train", "lenet", "--weights", str(bright), *data)
    assert (result.code, "an ONNX model is the network itself; leave out MODEL" in result.err) == (2, True)
    result = pellucid("train", "--weights", str(bright), "--data", "digits")
    assert (result.code, "bright.onnx takes 1×6×6, and digits has 1×8×8" in result.err) == (1, True), result.err


def test_a_file_that_is_no_safetensors_but_onnx_is_told(bright: Path, tmp_path: Path) -> None:
    bright.rename(tmp_path / "model.safetensors")
    for use in (p.load, lambda path: p.load_weights(p.models.small(), path)):
        with pytest.raises(p.ModelFileError, match="this is an ONNX model: load_onnx"):
            use(tmp_path / "model.safetensors")
