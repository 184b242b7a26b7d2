"""ONNX files come from anywhere: what they say of themselves and of other files is believed only as far as it holds."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p
from pellucid.errors import ModelFileError, PellucidError, StorageError
from pellucid.limits import Limits

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx.external_data_helper import set_external_data  # noqa: E402

from faults import hostile  # noqa: E402
from fuzz import imports  # noqa: E402
from oracles.onnx_models import load, model, node  # noqa: E402
from pellucid.interop.onnx import external  # noqa: E402

WEIGHTS = np.arange(120, dtype=np.float32).reshape(3, 40)


def beside(folder: Path, location: str = "weights.bin", **stated: Any) -> Any:
    """A model whose weights lie in another file, which holds 8 bytes before them and 8 behind."""
    made = model(node("Gemm", "x w"), ("N", 3), {"w": WEIGHTS})
    tensor = made.graph.initializer[0]
    set_external_data(tensor, location, **{"offset": 8, "length": 480, **stated})
    tensor.ClearField("raw_data")
    (folder / "weights.bin").write_bytes(bytes(8) + WEIGHTS.tobytes() + bytes(8))
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "here"
    made.mkdir()
    return made


# ---- weights in other files
def test_other_files_are_read_where_that_is_allowed(folder: Path) -> None:
    with pytest.raises(ModelFileError, match=r"w: its numbers lie in another file.*external_data=True"):
        load(beside(folder), folder)
    for stated in ({}, {"length": None}):
        network = load(beside(folder, **stated), folder, external_data=True)
        np.testing.assert_array_equal(network[0].weight.data, WEIGHTS.T)
    (folder / "deep").mkdir()
    made = beside(folder, "deep/weights.bin")
    (folder / "weights.bin").rename(folder / "deep" / "weights.bin")
    np.testing.assert_array_equal(load(made, folder, external_data=True)[0].weight.data, WEIGHTS.T)


def test_a_model_named_without_its_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "model.onnx").write_bytes(beside(folder).SerializeToString())
    monkeypatch.chdir(folder)
    assert p.load_onnx("model.onnx", external_data=True).output_shape() == (40,)


@pytest.mark.parametrize(
    "location",
    [
        "../weights.bin",
        "/etc/passwd",
        "deep/../weights.bin",
        "./weights.bin",
        "",
        "a//b",
        "..",
        "a\\b",
        "C:weights.bin",
        "w\0",
    ],
)
def test_names_that_lead_elsewhere(location: str, folder: Path) -> None:
    (folder.parent / "weights.bin").write_bytes(bytes(100))
    (folder / "deep").mkdir()
    with pytest.raises(ModelFileError, match="expected the name of a file below the model's folder"):
        load(beside(folder, location), folder, external_data=True)


@pytest.mark.parametrize("step_by_step", [True, False])
@pytest.mark.parametrize("what", ["link", "folder link", "hard link", "folder", "pipe", "missing", "device"])
def test_files_that_are_not_plain_ones(
    what: str, step_by_step: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external, "STEP_BY_STEP", step_by_step and external.STEP_BY_STEP)
    made, place = beside(folder), folder / "weights.bin"
    elsewhere = folder.parent / "elsewhere.bin"
    elsewhere.write_bytes(place.read_bytes())
    place.unlink()
    if what == "link":
        place.symlink_to(elsewhere)
    elif what == "hard link":
        os.link(elsewhere, place)
    elif what == "folder":
        place.mkdir()
    elif what == "pipe":
        os.mkfifo(place)
    elif what == "device":
        place.symlink_to("/dev/zero")
    elif what == "folder link":
        (folder.parent / "weights.bin").write_bytes(elsewhere.read_bytes())
        (folder / "out").symlink_to(folder.parent)
        made = beside(folder, "out/weights.bin")
    with pytest.raises(ModelFileError, match=r"cannot open|expected a regular file|expected a file with one name"):
        load(made, folder, external_data=True)
    assert not [name for name in os.listdir("/proc/self/fd") if _target(name).startswith(str(folder))]


def _target(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"offset": 17}, "480 bytes from byte 17 on of weights.bin, which has 496"),
        ({"offset": 2**62}, "bytes from byte"),
        ({"offset": -1}, "expected a number of bytes"),
        ({"length": 44}, "expected 480 bytes, found 44"),
        ({"length": 10**30}, "expected a number of bytes"),
    ],
)
def test_places_outside_the_file(stated: dict[str, int], reason: str, folder: Path) -> None:
    with pytest.raises(ModelFileError, match=reason):
        load(beside(folder, **stated), folder, external_data=True)


def test_one_place_that_many_tensors_name_counts_as_often(folder: Path) -> None:
    made = beside(folder)
    for number in range(50):
        made.graph.initializer.append(made.graph.initializer[0])
        made.graph.initializer[-1].name = f"w{number}"
    with pytest.raises(ModelFileError, match="take more than is allowed"):
        load(made, folder, external_data=True, limits=Limits(file_bytes=10_000))


# ---- sizes
def test_what_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    content = model(node("Relu", "x"), ("N", 3)).SerializeToString()
    for wrong, limits, reason in (
        (b"", Limits(), "found none"),
        (b"PK\x03\x04" + content, Limits(), "expected an ONNX model"),
        (content[:-1], Limits(), "does not end with its message"),
        (content, Limits(onnx_fields=5), "expected at most 5 fields"),
        (content, Limits(onnx_depth=3), "expected at most 3 levels"),
        (b"\x3a" + b"\xff" * 9 + b"\x01" + content, Limits(), "does not end with its message"),
        (b"\x3a" + b"\xff" * 12, Limits(), "a number that does not end"),
        (b"\x3b" + content, Limits(), "a field of the form 3"),
    ):
        (tmp_path / "model.onnx").write_bytes(wrong)
        with pytest.raises(ModelFileError, match=reason):
            p.load_onnx(tmp_path / "model.onnx", limits=limits)
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(StorageError, match="the limit is 10"):
        p.load_onnx(tmp_path / "model.onnx", limits=Limits(file_bytes=10))


def test_very_many_fields_and_levels_are_counted_not_made(tmp_path: Path) -> None:
    nodes = b"\x3a" + _varint(400_000) + b"\x0a\x00" * 200_000  # a graph of so many empty nodes
    level = b"\x08\x00"
    for _ in range(500):  # a graph in an attribute of a node of a graph, and so on
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            level = tag + _varint(len(level)) + level
    for content, reason in (
        (nodes, "expected at most 100,000 fields"),
        (b"\x3a" + _varint(len(level)) + level, "64 levels"),
    ):
        (tmp_path / "model.onnx").write_bytes(content)
        tracemalloc.start()
        with pytest.raises(ModelFileError, match=reason):
            p.load_onnx(tmp_path / "model.onnx", limits=Limits(onnx_fields=100_000))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3 * len(content) + 2**20


def _varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80]) + _varint(number >> 7) if number > 0x7F else bytes([number])


DOUBLING = [node("Concat", f"c{i} c{i}", f"c{i + 1}", axis=0) for i in range(60)]


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([*DOUBLING, node("Add", "x c60")], "computes more constants than a model of this size can need"),
        ([node("ConstantOfShape", "huge", "h"), node("Add", "x h")], "computes more constants"),
        ([node("Expand", "c0 huge", "h"), node("Add", "x h")], "computes more constants"),
        ([node("Mul", "wide tall", "h"), node("Mul", "h wide", "i"), node("Add", "x i")], "computes more constants"),
        ([node("Gather", "c0 far", "h"), node("Add", "x h")], "cannot be computed beforehand"),
        ([node("Pad", "x wider"), node("Relu", "y", "z")], "more than 65,536|at most 65,536"),
        ([node("MaxPool", "x", kernel_shape=[1, 1], strides=[1, 1], pads=[65535] * 4)], "padding"),
        ([node("Conv", "x k", pads=[60_000] * 4)], "needed|would need|at most 4.3 GB"),
        ([node("Reshape", "x huge")], "puts numbers of several samples together"),
    ],
)  # fmt: skip
def test_sizes_that_grow_out_of_nothing(nodes: Any, reason: str, tmp_path: Path) -> None:
    held = {
        "c0": np.ones(4, np.float32), "huge": np.array([2**40, 2**40]), "far": np.array([2**40]),
        "wide": np.ones((1, 3_000), np.float32), "tall": np.ones((3_000, 1), np.float32),
        "wider": np.array([0, 0, 2**40, 0] * 2), "k": np.ones((3, 2, 1, 1), np.float32),
    }  # fmt: skip
    tracemalloc.start()
    with pytest.raises(PellucidError, match=reason):
        load(model(nodes, ("N", 2, 8, 8), held), tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120 * 2**20


def test_weights_take_no_more_than_twice_their_size(tmp_path: Path) -> None:
    matrix = np.ones((2_000, 2_000), np.float32)
    path = tmp_path / "model.onnx"
    path.write_bytes(model(node("Gemm", "x w", transB=1), ("N", 2_000), {"w": matrix}).SerializeToString())
    tracemalloc.start()  # which does not see what protobuf holds, as much again
    network = p.load_onnx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(network[0].weight.data, matrix)
    assert peak < 2.1 * matrix.nbytes


# ---- changed files
@pytest.mark.parametrize("seed", range(0, 300, 100))
def test_models_with_changes_are_refused_or_right(seed: int, tmp_path: Path) -> None:
    wrong = {each: said for each in range(seed, seed + 100) if (said := imports.examine(each, tmp_path)[1])}
    assert not wrong


def test_changed_models_are_refused_or_read() -> None:
    wrong = {seed: said for seed in range(200) if (said := hostile.case(seed, "onnx"))}
    assert not wrong
