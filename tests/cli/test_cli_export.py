"""`pellucid export`: a run, a file or a model becomes a file for other programs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p

onnx = pytest.importorskip("onnx", reason="onnx is not installed")

Pellucid = Callable[..., Any]


def test_a_run_becomes_a_model(pellucid: Pellucid, trained: Path, tmp_path: Path) -> None:
    result = pellucid("export", trained, "stripes.onnx")
    assert (result.code, result.err) == (0, "")
    file = tmp_path / "stripes.onnx"
    size = f"{file.stat().st_size / 1000:.1f} kB"
    assert result.out.splitlines() == [
        f"stripes.onnx: ONNX, opset 17, {size}",
        "input: float32 (batch, 1, 6, 6), pixels from 0 to 1",
        "output: float32 (batch, 3)",
    ]
    p.save_onnx(p.load(trained / "model.safetensors"), "same.onnx")
    assert file.read_bytes() == (tmp_path / "same.onnx").read_bytes()
    assert pellucid("export", trained / "model.safetensors", "again.onnx").code == 0
    assert file.read_bytes() == (tmp_path / "again.onnx").read_bytes()


def test_options(pellucid: Pellucid, trained: Path) -> None:
    words = ("--input", "uint8", "--opset", 15, "--classes", "top,middle,bottom")
    result = pellucid("export", trained, "stripes.onnx", *words)
    assert result.out.splitlines()[1] == "input: uint8 (batch, 1, 6, 6), pixels from 0 to 255"
    model = onnx.load("stripes.onnx")
    assert model.opset_import[0].version == 15
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert {each.key: each.value for each in model.metadata_props}["pellucid.class_names"] == (
        '["top", "middle", "bottom"]'
    )


def test_a_model_by_name_has_learnt_nothing_unless_weights_are_given(pellucid: Pellucid, tmp_path: Path) -> None:
    result = pellucid("export", "lenet", "lenet.onnx")
    assert (result.code, result.out.splitlines()[0][:10]) == (0, "lenet.onnx")
    assert "note: lenet has learnt nothing yet" in result.err
    network = p.models.lenet(5, seed=3)
    p.save(network, "lenet.safetensors")
    result = pellucid("export", "lenet", "five.onnx", "--weights", "lenet.safetensors", "--scaling", "0.1307:0.3081")
    assert (result.code, "learnt nothing" in result.err) == (0, False), result.err
    assert result.out.splitlines()[1:] == [
        "input: float32 (batch, 1, 28, 28), pixels from 0 to 1; inside, pixels scaled by 0.1307:0.3081",
        "output: float32 (batch, 5)",
    ]
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load("five.onnx").graph.initializer}
    np.testing.assert_array_equal(arrays["linear3.bias"], network["linear3"].bias.data)
    np.testing.assert_array_equal(arrays["conv1.weight"], network["conv1"].weight.data)


def test_a_network_of_features_takes_no_pixels(pellucid: Pellucid) -> None:
    scaling = p.Scaling((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    p.save(p.Sequential([p.Linear(3, 2)], input_shape=(3,), scaling=scaling), "features.safetensors")
    shown = pellucid("export", "features.safetensors", "features.onnx").out
    assert shown.splitlines()[1] == "input: float32 (batch, 3), features as in training"


def test_a_network_of_larger_numbers_is_not_said_to_take_pixels_from_0_to_1(pellucid: Pellucid) -> None:
    p.save(p.models.small(input_shape=(1, 8, 8), scaling=p.Scaling(4.5, 6.0)), "sums.safetensors")
    floats = pellucid("export", "sums.safetensors", "sums.onnx")
    assert (floats.code, floats.err) == (0, "")
    assert floats.out.splitlines()[1] == (
        "input: float32 (batch, 1, 8, 8), pixels in the units of its training; inside, pixels scaled by 4.5:6.0"
    )
    as_bytes = pellucid("export", "sums.safetensors", "bytes.onnx", "--input", "uint8")
    assert as_bytes.code == 0
    assert as_bytes.err.startswith(
        "note: the model divides uint8 by 255, but the network was trained on larger numbers"
    )
    measured = pellucid("evaluate", "sums.safetensors", "--data", "digits")
    assert measured.err.startswith(
        "note: the images are uint8, which is divided by 255, but the network was trained on"
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run", "net.tflite"], 2, "error: FILE.onnx: expected the name of a file that ends in .onnx, received"),
        (["run"], 2, "error: expected FILE.onnx"),
        (["run", "net.onnx", "--input", "int8"], 2, "error: --input: expected one of float32, uint8, received 'int8'"),
        (["run", "net.onnx", "--opset", "9"], 1, "error: opset: expected a version from 13 to "),
        (["run", "net.onnx", "--scaling", "0:1"], 2, "error: --scaling: goes with --weights"),
        (["rum", "net.onnx"], 1, "error: there is no model, run or model file 'rum'; did you mean 'run'?"),
        (["run", "no/net.onnx"], 1, "error: cannot write no/net.onnx"),
    ],
)
def test_export_refuses(
    words: list[str], code: int, message: str, pellucid: Pellucid, trained: Path, tmp_path: Path
) -> None:
    (tmp_path / "run").symlink_to(trained)
    result = pellucid("export", *words)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(message), result.err
    assert not list(tmp_path.glob("*.onnx"))
