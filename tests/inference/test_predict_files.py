"""Prediction of any number of files into a table: one row for each input, whatever happens."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pellucid as p
from pellucid import locking
from pellucid.errors import ArgumentError, DataError, ShapeError, StateError, StorageError
from pellucid.inference import asked, classifier, share
from pellucid.inference import parts as on_disk
from pellucid.inference.parts import Part, Parts
from pellucid.inference.request import Record

SHAPE = (1, 8, 8)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="measures memory, and has names, as on Linux")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many parts of few rows, so that there is something between which it can end."""
    monkeypatch.setattr(classifier, "at_once", lambda program, size: 32)


def table(path: str | Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ---- what stands in the table


def test_a_row_for_each_input_in_the_order_of_the_names(network: p.Network, inputs: Path) -> None:
    done = p.predict_files(network, "in/**", "out.csv")
    assert (done.complete, done.rows, done.failed) == (True, 751, 2)
    rows = table("out.csv")
    assert list(rows[0]) == ["file", "index", "class", "probability", "error"]
    keys = [(row["file"], int(row["index"])) for row in rows]
    assert len(set(keys)) == 751
    assert keys == sorted(keys, key=lambda key: (Path(key[0]).parts, key[1]))
    assert sorted(os.listdir(".")) == ["in", "out.csv", "out.csv.json"], "nothing of the work is left"


def test_the_rows_are_what_predict_proba_says(network: p.Network, inputs: Path) -> None:
    p.predict_files(network, "in", "out.csv", top=2, probabilities=True)
    rows = {(row["file"], int(row["index"])): row for row in table("out.csv")}
    many = p.predict_proba(network, np.load("in/many.npy"))
    for number in (0, 1, 255, 256, 699):
        row = rows["in/many.npy", number]
        order = np.argsort(-many[number], kind="stable")
        assert [row["class"], row["class_2"]] == [network.class_names[k] for k in order[:2]]
        assert np.float32(row["probability"]) == many[number][order[0]]
        assert [np.float32(row[f"p_{name}"]) for name in network.class_names] == many[number].tolist()
    picture = p.data.read_inputs("in/0.png", SHAPE)
    assert np.float32(rows["in/0.png", 0]["probability"]) == p.predict_proba(network, picture).max()
    floats = p.predict_proba(network, np.delete(np.load("in/floats.npy"), 7, axis=0))
    assert np.float32(rows["in/floats.npy", 8]["probability"]) == floats[7].max()


def test_what_is_broken_has_a_row_that_says_why(network: p.Network, inputs: Path) -> None:
    p.predict_files(network, "in", "out.csv", top=3, probabilities=True)
    broken = {(row["file"], row["index"]): row for row in table("out.csv") if row["error"]}
    assert set(broken) == {("in/deep/broken.png", "0"), ("in/floats.npy", "7")}
    assert broken["in/floats.npy", "7"]["error"] == "holds a NaN or an infinity"
    assert broken["in/deep/broken.png", "0"]["error"].startswith("expected a picture (PNG,")
    for row in broken.values():
        assert {value for name, value in row.items() if name not in ("file", "index", "error")} == {""}


@pytest.mark.parametrize(
    ("array", "error"),
    [
        (np.zeros((5, 1, 9, 9), np.float32), "expected images of shape (1, 8, 8), found (1, 9, 9); floats are not res"),
        (np.zeros((5, 8, 8), np.int64), "expected uint8 or floats, found int64"),
        (np.zeros((2, 2, 2, 2, 2), np.uint8), "expected (H, W), (C, H, W), (N, H, W) or (N, C, H, W), found shape"),
        (np.zeros((0, 8, 8), np.uint8), "expected (H, W), (C, H, W), (N, H, W) or (N, C, H, W), found shape (0, 8, 8)"),
        (np.array(["a"], object), "Python objects and records are not read"),
    ],
)
def test_an_array_that_cannot_be_used_has_one_row(
    array: np.ndarray, error: str, network: p.Network, inputs: Path
) -> None:
    np.save("in/odd.npy", array, allow_pickle=True)
    p.predict_files(network, ["in/odd.npy", "in/0.png"], "out.csv")
    good, bad = table("out.csv")
    assert (good["file"], good["error"]) == ("in/0.png", "")
    assert (bad["index"], bad["class"], bad["probability"]) == ("0", "", "")
    assert error in bad["error"]


def test_arrays_of_every_kind_are_read_as_predict_reads_them(network: p.Network, inputs: Path) -> None:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (3, 8, 8)).astype(np.uint8)
    arrays = {
        "fortran": np.asfortranarray(images), "one": images[0], "large": rng.integers(0, 256, (2, 20, 20), np.uint8),
        "colour": rng.integers(0, 256, (2, 3, 9, 9), np.uint8), "last": rng.integers(0, 256, (20, 30, 3), np.uint8),
        "half": rng.random((2, 8, 8)).astype(">f2"), "double": rng.random((2, 1, 8, 8)),
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(f"in/{name}.npy", array)
    p.predict_files(network, [f"in/{name}.npy" for name in arrays], "out.csv")
    rows = table("out.csv")
    for name in arrays:
        expected = p.predict_proba(network, p.data.read_inputs(f"in/{name}.npy", SHAPE)).max(axis=1)
        found = [np.float32(row["probability"]) for row in rows if row["file"] == f"in/{name}.npy"]
        assert found == expected.tolist(), name


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("how", [{"invert": True}, {"drawn": True}, {"preparation": p.data.Preparation(9, 8)}])
def test_pictures_are_made_to_fit_as_predict_does(network: p.Network, inputs: Path, how: dict[str, Any]) -> None:
    os.remove("in/floats.npy")  # which cannot be inverted
    p.predict_files(network, "in", "out.csv", **how)
    for row in table("out.csv")[::40]:
        image = p.data.read_inputs(row["file"], SHAPE, **how)[int(row["index"])]
        assert np.float32(row["probability"]) == p.predict_proba(network, image[None]).max()


def test_batch_normalisation_and_dropout_predict_as_ever(inputs: Path) -> None:
    layers = [p.Conv2d(1, 4, 3), p.BatchNorm2d(4), p.ReLU(), p.Dropout(0.5), p.Flatten(), p.Linear(144, 3), p.Softmax()]
    network = p.Sequential(layers, input_shape=SHAPE, seed=2)
    p.predict_files(network, "in/many.npy", "out.csv")
    expected = p.predict_proba(network, np.load("in/many.npy")).max(axis=1)
    assert [np.float32(row["probability"]) for row in table("out.csv")] == expected.tolist()


def test_idx_files_are_read_too(network: p.Network, inputs: Path) -> None:
    images = np.load("in/many.npy")[:5]
    header = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in images.shape)
    Path("in/t10k-images-idx3-ubyte").write_bytes(header + images.tobytes())
    Path("in/cut-ubyte").write_bytes(header + images.tobytes()[:-1])
    Path("in/packed-ubyte").write_bytes(b"\x1f\x8b\x08" + bytes(20))
    p.predict_files(network, "in/*ubyte", "out.csv")
    cut, packed, *rows = table("out.csv")
    assert "expected 5·8·8 = 320 bytes of data, found 319" in cut["error"]
    assert "unpack it" in packed["error"]
    assert [np.float32(row["probability"]) for row in rows] == p.predict_proba(network, images).max(axis=1).tolist()


@LINUX
def test_hostile_names_are_told_as_they_are(network: p.Network, inputs: Path) -> None:
    names = ['a,b"c.png', "two\nlines\r.png", " =1+2.png ", "'; DROP TABLE.png", "[x]*?.png", "é\u202e.png", "-rf.png"]
    (inputs / "names").mkdir()
    for name in names:
        (inputs / "names" / name).write_bytes(Path("in/0.png").read_bytes())
    Path(os.fsdecode(b"in/names/\xff.png")).write_bytes(Path("in/0.png").read_bytes())
    p.predict_files(network, "in/names/*", "out.csv")
    assert {row["file"] for row in table("out.csv")} == {f"in/names/{name}" for name in [*names, "\\xff.png"]}
    p.predict_files(network, "in/names/[[]x]*", "one.csv")
    assert [row["file"] for row in table("one.csv")] == ["in/names/[x]*?.png"]


def test_classes_without_names_are_numbers_and_equal_names_are_told_apart(inputs: Path) -> None:
    layers = [p.Flatten(), p.Linear(64, 3)]
    p.predict_files(p.Sequential(layers, input_shape=SHAPE), "in/0.png", "out.csv", probabilities=True, top=9)
    (row,) = table("out.csv")
    assert list(row)[-4:] == ["p_0", "p_1", "p_2", "error"]
    assert {row["class"], row["class_2"], row["class_3"]} == {"0", "1", "2"}
    twice = p.Sequential([p.Flatten(), p.Linear(64, 3)], input_shape=SHAPE, class_names=("a", "a", "b"))
    p.predict_files(twice, "in/0.png", "twice.csv", probabilities=True)
    assert list(table("twice.csv")[0])[-4:] == ["p_0_a", "p_1_a", "p_2_b", "error"]


def test_parquet_has_the_same_rows_with_types(network: p.Network, inputs: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    p.predict_files(network, "in", "out.csv", top=2, probabilities=True)
    p.predict_files(network, "in", "out.parquet", top=2, probabilities=True)
    found = parquet.read_table("out.parquet")
    kinds = {field.name: str(field.type) for field in found.schema}
    assert kinds["index"] == "int64"
    assert kinds["class_2"] == kinds["error"] == "string"
    assert kinds["probability"] == kinds["p_cat"] == "float"
    rows = [{name: "" if value is None else value for name, value in row.items()} for row in found.to_pylist()]
    for row, text in zip(rows, table("out.csv"), strict=True):
        assert {name: type(row[name])(value) if value else "" for name, value in text.items()} == {
            name: float(str(np.float32(value))) if isinstance(value, float) else value for name, value in row.items()
        }


def test_numbers_that_overflow_are_an_error_of_their_row(inputs: Path) -> None:
    network = p.Sequential([p.Flatten(), p.Linear(64, 2)], input_shape=SHAPE)
    network["linear1"].weight.data[...] = np.inf
    done = p.predict_files(network, "in/0.png", "out.csv")
    assert (done.failed, table("out.csv")[0]["error"]) == (1, "the network gives a NaN for it")


@LINUX
def test_names_with_and_without_a_byte_that_is_no_text_are_told_apart(network: p.Network, inputs: Path) -> None:
    (inputs / "names").mkdir()
    for name in (b"lit\xff.png", b"lit\\xff.png", b"back\\slash.png", b"both\\\xff.png"):
        Path(os.fsdecode(b"in/names/" + name)).write_bytes(Path("in/0.png").read_bytes())
    p.predict_files(network, "in/names", "out.csv")
    found = {row["file"].removeprefix("in/names/") for row in table("out.csv")}
    assert found == {r"lit\xff.png", r"lit\\xff.png", r"back\slash.png", r"both\\\xff.png"}


@LINUX
def test_a_link_that_leads_to_itself_is_a_row_with_an_error(network: p.Network, inputs: Path) -> None:
    Path("in/deep/loop.png").symlink_to("loop.png")
    done = p.predict_files(network, "in", "out.csv")
    assert (done.rows, done.failed) == (752, 3)
    errors = {row["file"]: row["error"] for row in table("out.csv")}
    assert "symbolic links" in errors["in/deep/loop.png"]


# ---- the cut changes nothing


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_what_is_broken_changes_no_bit_of_its_neighbours(network: p.Network, inputs: Path, engine: str) -> None:
    before = p.predict_files(network, "in", "before.csv", engine=engine)
    os.truncate("in/deep/er/1.png", 40)
    after = p.predict_files(network, "in", "after.csv", engine=engine)
    assert (before.failed, after.failed) == (2, 3)
    pairs = zip(table("before.csv"), table("after.csv"), strict=True)
    assert [one["file"] for one, other in pairs if one != other] == ["in/deep/er/1.png"]


def test_readers_and_threads_change_no_bit(network: p.Network, inputs: Path) -> None:
    for number, (readers, threads) in enumerate([(1, 1), (7, 2)]):
        p.predict_files(network, "in", f"{number}.csv", readers=readers, threads=threads)
    assert Path("0.csv").read_bytes() == Path("1.csv").read_bytes()


@pytest.mark.parametrize("ranks", [2, 3, 50])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_any_number_of_processes_makes_the_same_bytes(network: p.Network, inputs: Path, ranks: int, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    p.predict_files(network, "in", f"alone.{form}")
    done = [p.predict_files(network, "in", f"shared.{form}", rank=(rank, ranks)) for rank in reversed(range(ranks))]
    assert [each.complete for each in done].count(True) >= 1
    assert done[-1] == p.predict_files(network, "in", f"shared.{form}", rank=(0, ranks)), "it is complete"
    assert Path(f"alone.{form}").read_bytes() == Path(f"shared.{form}").read_bytes()
    assert not Path(f"shared.{form}.parts").exists()


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("1", "2")),
        (("PMI_RANK", "PMI_SIZE"), ("1", "2")),
        (("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"), ("1", "2")),
        (("PELLUCID_RANK", "PELLUCID_RANKS"), ("1", "2")),
    ],
)
def test_the_environment_says_which_process_this_is(
    names: tuple[str, str], values: tuple[str, str], network: p.Network, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in zip(names, values, strict=True):
        monkeypatch.setenv(name, value)
    done = p.predict_files(network, "in", "out.csv")
    assert not done.complete
    assert 0 < done.rows < 751
    assert not Path("out.csv").exists()
    monkeypatch.setenv(names[0], "2")
    with pytest.raises(ArgumentError, match=f"{names[0]}: expected a number from 0 to 1 of 2 processes, received 2"):
        p.predict_files(network, "in", "out.csv")
    monkeypatch.setenv(names[0], "x")
    with pytest.raises(ArgumentError, match="expected whole numbers, received 'x' and '2'"):
        p.predict_files(network, "in", "out.csv")


def test_a_batch_script_of_slurm_is_alone(network: p.Network, inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the job has tasks, and this process is none of them: srun has not started it."""
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_NTASKS", "8")
    assert p.predict_files(network, "in", "out.csv").complete


# ---- going on


class Stop(BaseException):
    """Ends a prediction from within."""


def stopped_after(done: int) -> share.Progress:
    def progress(now: int, total: int, failed: int) -> None:
        if now >= done:
            raise Stop

    return progress


def test_it_goes_on_where_it_stopped(network: p.Network, inputs: Path) -> None:
    p.predict_files(network, "in", "whole.csv")
    with pytest.raises(Stop):
        p.predict_files(network, "in", "out.csv", progress=stopped_after(600))
    assert not Path("out.csv").exists()
    seen: list[int] = []
    p.predict_files(network, "in", "out.csv", progress=lambda done, total, failed: seen.append(done))
    assert seen[0] == 576, "what was whole is not done again"
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_it_goes_on_with_another_number_of_processes(network: p.Network, inputs: Path) -> None:
    p.predict_files(network, "in", "whole.csv")
    with pytest.raises(Stop):
        p.predict_files(network, "in", "out.csv", progress=stopped_after(600))
    for rank in range(3):
        done = p.predict_files(network, "in", "out.csv", rank=(rank, 3))
    assert done.complete
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()


@pytest.mark.parametrize("harm", ["cut", "bit", "empty", "foreign"])
def test_a_part_that_is_not_whole_is_made_anew(network: p.Network, inputs: Path, harm: str) -> None:
    p.predict_files(network, "in", "whole.csv")
    with pytest.raises(Stop):
        p.predict_files(network, "in", "out.csv", progress=stopped_after(600))
    part = next(Path("out.csv.parts").glob("part-*0"))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes({"cut": content[:-9], "bit": content, "empty": b"", "foreign": b"a,b\n"}[harm])
    Path("out.csv.parts/.pellucid-0123456789abcdef.tmp").write_bytes(b"half a part")
    assert p.predict_files(network, "in", "out.csv").complete
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert not Path("out.csv.parts").exists()


def test_parts_of_another_prediction_are_not_taken(network: p.Network, inputs: Path) -> None:
    p.predict_files(network, "in", "whole.csv", invert=True)
    with pytest.raises(Stop):
        p.predict_files(network, "in", "out.csv", progress=stopped_after(600))
    os.remove("out.csv.json")
    p.predict_files(network, "in", "out.csv", invert=True)
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()


def begun(network: p.Network) -> None:
    with pytest.raises(Stop):
        p.predict_files(network, "in", "out.csv", progress=stopped_after(300))


def test_another_network_is_refused(network: p.Network, inputs: Path) -> None:
    begun(network)
    other = p.Sequential([p.Flatten(), p.Linear(64, 3)], input_shape=SHAPE, class_names=network.class_names)
    with pytest.raises(StateError, match=r"^out\.csv was begun otherwise: the network \(its weights, its layers"):
        p.predict_files(other, "in", "out.csv")
    assert p.predict_files(network, "in", "out.csv").complete, "the first one still goes on"


@pytest.mark.parametrize("change", ["more", "fewer", "other", "touched"])
def test_other_inputs_are_refused(network: p.Network, inputs: Path, change: str) -> None:
    begun(network)
    if change == "more":
        np.save("in/new.npy", np.zeros((1, 8, 8), np.uint8))
    elif change == "fewer":
        os.remove("in/0.png")
    elif change == "other":
        os.truncate("in/0.png", 50)
    else:
        os.utime("in/0.png")
    with pytest.raises(StateError, match=r"otherwise: the inputs \(.*then 751 in 23 files, now 75[012] in 2[234]\)"):
        p.predict_files(network, "in", "out.csv")


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"top": 2}, "the columns"),
        ({"probabilities": True}, "the columns"),
        ({"invert": True}, "how pictures are made to fit"),
        ({"engine": "numpy"}, "the engine"),
    ],
)
def test_other_words_are_refused(network: p.Network, inputs: Path, how: dict[str, object], what: str) -> None:
    os.remove("in/floats.npy")  # which cannot be inverted
    begun(network)
    with pytest.raises(StateError, match=f"^out.csv was begun otherwise: {what} changed since. Put that back"):
        p.predict_files(network, "in", "out.csv", **how)  # type: ignore[arg-type]


def test_what_is_complete_is_not_done_again(network: p.Network, inputs: Path) -> None:
    first, before = p.predict_files(network, "in", "out.csv"), os.stat("out.csv").st_ino
    again = p.predict_files(network, "in", "out.csv")
    assert again == first
    assert (first.already, again.already) == (False, True)
    assert os.stat("out.csv").st_ino == before
    with open("out.csv", "a") as file:
        file.write("x\n")
    with pytest.raises(StateError, match=r"out\.csv was changed since it was complete"):
        p.predict_files(network, "in", "out.csv")
    os.remove("out.csv")
    assert p.predict_files(network, "in", "out.csv") == first
    record = json.loads(Path("out.csv.json").read_text())
    assert record["outcome"]["failed"] == 2
    assert record["outcome"]["size"] == os.path.getsize("out.csv")


def test_an_output_that_is_there_already_is_left_alone(network: p.Network, inputs: Path) -> None:
    Path("out.csv").write_text("precious")
    with pytest.raises(
        StateError, match=r"^out\.csv exists already, and no record of a prediction, out\.csv\.json, is"
    ):
        p.predict_files(network, "in", "out.csv")
    assert Path("out.csv").read_text() == "precious"
    Path("out.csv.json").write_text("{}")
    with pytest.raises(DataError, match=r"^out\.csv\.json: expected the record of a prediction"):
        p.predict_files(network, "in", "out.csv")
    assert sorted(os.listdir()) == ["in", "out.csv", "out.csv.json"]


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_file_that_comes_meanwhile_is_left_alone(network: p.Network, inputs: Path, ranks: int) -> None:
    p.predict_files(network, "in", "whole.csv")
    with pytest.raises(Stop):
        p.predict_files(network, "in", "out.csv", progress=stopped_after(600))
    Path("out.csv").write_text("precious")

    def go_on() -> list[bool]:
        return [p.predict_files(network, "in", "out.csv", rank=(rank, ranks)).complete for rank in range(ranks)]

    with pytest.raises(StateError, match=r"^out\.csv has come since the prediction began, and is not its table"):
        go_on()
    assert Path("out.csv").read_text() == "precious"
    os.rename("out.csv", "precious")
    assert go_on()[-1]
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert sorted(os.listdir()) == ["in", "out.csv", "out.csv.json", "precious", "whole.csv", "whole.csv.json"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_file_that_comes_while_the_table_is_written_is_left_alone(
    network: p.Network, inputs: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Path(f"out.{form}")
    real = Parts.all

    def all_parts(parts: Parts) -> Iterator[Part]:
        yield from real(parts)
        output.write_text("precious")

    monkeypatch.setattr(Parts, "all", all_parts)
    with pytest.raises(StateError, match="has come since the prediction began"):
        p.predict_files(network, "in", output)
    assert output.read_text() == "precious"


def test_a_table_that_is_there_but_not_in_the_record_is_kept(
    network: p.Network, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill between the two."""
    real = Record.write

    def write(record: Record, path: Path, workshop: Path) -> None:
        if record.outcome is not None:
            raise Stop
        real(record, path, workshop)

    with monkeypatch.context() as patch:
        patch.setattr(Record, "write", write)
        with pytest.raises(Stop):
            p.predict_files(network, "in", "out.csv")
    before = os.stat("out.csv").st_ino
    assert p.predict_files(network, "in", "out.csv").complete
    assert os.stat("out.csv").st_ino == before
    assert sorted(os.listdir()) == ["in", "out.csv", "out.csv.json"]


def test_a_copy_of_a_part_is_no_part(network: p.Network, inputs: Path) -> None:
    p.predict_files(network, "in", "whole.csv")
    with pytest.raises(Stop):
        p.predict_files(network, "in", "out.csv", progress=stopped_after(600))
    part = next(Path("out.csv.parts").glob("part-*0"))
    part.with_name(f"{part.name} (copy)").write_bytes(part.read_bytes())
    assert p.predict_files(network, "in", "out.csv").complete
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_two_processes_do_not_share_a_share(network: p.Network, inputs: Path) -> None:
    def again(done: int, total: int, failed: int) -> None:
        with pytest.raises(StateError, match=r"^out\.csv: another process is at work on it"):
            p.predict_files(network, "in", "out.csv")
        raise Stop

    pytest.importorskip("fcntl", reason="there are no locks here")
    with pytest.raises(Stop):
        p.predict_files(network, "in", "out.csv", progress=again)
    assert p.predict_files(network, "in", "out.csv").complete


def test_who_is_refused_has_changed_nothing(network: p.Network, inputs: Path) -> None:
    """Neither the list of inputs of the process at work, nor the record; it opens the list only when it begins."""
    np.save("other.npy", np.zeros((751, 8, 8), np.uint8))
    p.predict_files(network, "in", "whole.csv")

    def another(done: int, total: int, failed: int) -> None:
        before = {path: path.read_bytes() for path in [Path("out.csv.json"), *Path("out.csv.parts").iterdir()]}
        with pytest.raises(StateError, match=r"^out\.csv: another process is at work on it"):
            p.predict_files(network, "other.npy", "out.csv")
        with pytest.raises(StateError, match=r"^out\.csv was begun otherwise: the inputs"):
            p.predict_files(network, "other.npy", "out.csv", rank=(0, 2))
        assert {path: path.read_bytes() for path in before} == before
        assert not list(Path("out.csv.parts").glob("rank-0-of-2.list"))

    pytest.importorskip("fcntl", reason="there are no locks here")
    p.predict_files(network, "in", "out.csv", progress=lambda done, *rest: None if done else another(done, *rest))
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_only_who_begins_a_prediction_waits_for_others_that_do(
    network: p.Network, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fcntl", reason="there are no locks here")
    monkeypatch.setattr(on_disk, "_TURNS", 1)
    monkeypatch.setattr(locking, "LOOKING", 0.05)
    p.predict_files(network, "in", "out.csv", rank=(0, 2))
    os.mkdir("other.csv.parts")
    with on_disk.at_work(Path("out.csv.parts"), Path("out.csv.json")), ExitStack() as held:
        for folder in ("out.csv.parts", "other.csv.parts"):
            assert held.enter_context(on_disk.alone(Path(folder), "begin"))
        assert p.predict_files(network, "in", "out.csv", rank=(1, 2)).complete
        with pytest.raises(StorageError, match=r"begin\.lock: another process holds it"):
            p.predict_files(network, "in", "other.csv")


def test_one_that_begins_while_another_looks_up_its_inputs_decides(
    network: p.Network, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = asked._listed

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(asked, "_listed", listed)
        p.predict_files(network, "in/0.png", "out.csv", rank=(1, 2))
        return listed(*arguments)

    monkeypatch.setattr(asked, "_listed", meanwhile)
    with pytest.raises(StateError, match=r"^out\.csv was begun otherwise: the inputs"):
        p.predict_files(network, "in", "out.csv")
    assert [row["file"] for row in table("out.csv")] == ["in/0.png"]


def test_where_the_folder_of_the_parts_was_removed_meanwhile_that_is_said(
    network: p.Network, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = asked._listed

    def removed(*arguments: Any) -> Any:
        found = listed(*arguments)
        shutil.rmtree("out.csv.parts")
        return found

    monkeypatch.setattr(asked, "_listed", removed)
    with pytest.raises(StorageError, match=r"^out\.csv\.parts was removed while this process worked in it"):
        p.predict_files(network, "in", "out.csv")


def test_a_prediction_that_was_begun_anew_meanwhile_leaves_the_new_one_alone(network: p.Network, inputs: Path) -> None:
    """Somebody has removed the record, as the refusal says, without ending the first process."""

    def anew(done: int, total: int, failed: int) -> None:
        if not Path("out.csv").exists():
            os.remove("out.csv.json")
            assert p.predict_files(network, "in/0.png", "out.csv", rank=(1, 2)).complete

    with pytest.raises(StateError, match=r"^out\.csv was begun otherwise: the inputs"):
        p.predict_files(network, "in", "out.csv", progress=anew)
    assert [row["file"] for row in table("out.csv")] == ["in/0.png"]
    assert p.predict_files(network, "in/0.png", "out.csv").complete


def test_a_list_of_inputs_that_was_replaced_is_not_taken(network: p.Network, inputs: Path) -> None:
    def replace(done: int, total: int, failed: int) -> None:
        (path,) = Path("out.csv.parts").glob("*.list")
        path.write_bytes(path.read_bytes().replace(b"in/0.png", b"in/1.png"))

    with pytest.raises(DataError, match=r"\.list: this list of inputs was replaced or damaged"):
        p.predict_files(network, "in", "out.csv", progress=replace)


def all_but_the_table(network: p.Network) -> None:
    """Make all parts, and stop before they are put together."""

    def stop(self: share.Share) -> None:
        raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(share.Share, "_joined", stop)
        with pytest.raises(Stop):
            p.predict_files(network, "in", "out.csv")


def test_a_process_that_comes_late_finds_all_done(network: p.Network, inputs: Path) -> None:
    """All parts are there, so that the first process makes the table before the second one looks."""
    all_but_the_table(network)
    assert p.predict_files(network, "in", "out.csv", rank=(0, 2)).complete
    assert p.predict_files(network, "in", "out.csv", rank=(1, 2)).complete


def test_nobody_removes_what_another_process_works_with(network: p.Network, inputs: Path) -> None:
    """Once all parts are there, one process finishes, while another one has only begun."""
    all_but_the_table(network)

    def finish(done: int, total: int, failed: int) -> None:
        if not Path("out.csv").exists():
            assert p.predict_files(network, "in", "out.csv", rank=(1, 2)).complete
            assert Path("out.csv.parts").exists()

    assert p.predict_files(network, "in", "out.csv", rank=(0, 2), progress=finish).complete
    assert not Path("out.csv.parts").exists()


def test_a_damaged_part_of_another_share_is_not_taken(network: p.Network, inputs: Path) -> None:
    all_but_the_table(network)
    last = max(Path("out.csv.parts").glob("part-*"))
    last.write_bytes(last.read_bytes()[:-1])
    assert not p.predict_files(network, "in", "out.csv", rank=(0, 2)).complete
    assert p.predict_files(network, "in", "out.csv", rank=(1, 2)).complete
    p.predict_files(network, "in", "whole.csv")
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_a_file_that_is_changed_meanwhile_is_told(network: p.Network, inputs: Path) -> None:
    def change(done: int, total: int, failed: int) -> None:
        if done == 0:
            os.truncate("in/many.npy", 200)
            os.remove("in/deep/er/1.png")

    done = p.predict_files(network, "in", "out.csv", progress=change, readers=1)
    changed = {row["file"] for row in table("out.csv") if "since the list of inputs was made" in row["error"]}
    assert changed == {"in/many.npy", "in/deep/er/1.png"}
    assert done.rows == 751


# ---- what is refused


@pytest.mark.parametrize(
    ("inputs_", "output", "error", "message"),
    [
        ("nothing/*.png", "out.csv", DataError, r"^nothing/\*\.png: matches no file$"),
        (["in/*.png", "in/*.jpg"], "out.csv", DataError, r"^in/\*\.jpg: matches no file$"),
        ([], "out.csv", ArgumentError, "expected at least one pattern"),
        ("", "out.csv", ArgumentError, "expected a pattern or a path, received nothing"),
        ("in", "out.txt", ArgumentError, r"output: expected a name that ends in \.csv or \.parquet, received out\.txt"),
        ("in", "in/0.png/out.csv", StorageError, "a part of this path is a file"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    inputs_: str | list[str], output: str, error: type[Exception], message: str, network: p.Network, inputs: Path
) -> None:
    with pytest.raises(error, match=message):
        p.predict_files(network, inputs_, output)
    assert os.listdir() == ["in"]


def test_networks_without_classes_or_pictures_are_refused(inputs: Path) -> None:
    one = p.Sequential([p.Flatten(), p.Linear(64, 1)], input_shape=SHAPE)
    with pytest.raises(ShapeError, match="classes need at least two outputs"):
        p.predict_files(one, "in", "out.csv")
    with pytest.raises(ArgumentError, match="expected one that takes pictures"):
        p.predict_files(p.Sequential([p.Linear(4, 2)], input_shape=(4,)), "in", "out.csv")


def test_notes_about_inputs_are_told_of_the_first_ones(network: p.Network, inputs: Path) -> None:
    (inputs / "large").mkdir()
    for number in range(9):
        Image.fromarray(np.full((40, 40), 90, np.uint8)).save(f"in/large/{number}.png")
    with pytest.warns(UserWarning, match="reduced|such notes") as told:
        p.predict_files(network, "in/large", "out.csv")
    texts = [str(each.message) for each in told]
    assert len(texts) == 4
    assert texts[0].startswith("in/large/0.png: 40×40 pixels reduced to 8×8")
    assert texts[3] == "such notes could be made about 6 more inputs"


# ---- memory


MEASURE = """
import resource, sys, pellucid as p
network = p.Sequential([p.Flatten(), p.Linear(784, 3)], input_shape=(1, 28, 28))
p.predict_files(network, sys.argv[1], sys.argv[2], threads=1, readers=2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@LINUX
@pytest.mark.parametrize("form", ["npy", "png"])
def test_memory_does_not_grow_with_the_number_of_inputs(form: str, tmp_path: Path) -> None:
    peaks = []
    for count in (500, 50_000) if form == "npy" else (50, 3_000):
        folder = tmp_path / f"{count}"
        folder.mkdir()
        if form == "npy":
            np.save(folder / "x.npy", np.zeros((count, 28, 28), np.float32))  # 157 MB
        else:
            Image.fromarray(np.zeros((28, 28), np.uint8)).save(folder / "0.png")
            for number in range(1, count):
                os.link(folder / "0.png", folder / f"{number}.png")
        command = [sys.executable, "-c", MEASURE, str(folder), str(tmp_path / f"{count}.csv")]
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        peaks.append(int(result.stdout) * 1024)
    assert peaks[1] - peaks[0] < 25e6, [f"{peak:,}" for peak in peaks]


def test_the_parts_hold_memory_where_columns_are_many() -> None:
    assert asked.part_size(10**9, 256, 1005) == 4096
    assert asked.part_size(10**9, 4, 5) == 131_072
    assert asked.part_size(3, 1, 5) == 1
