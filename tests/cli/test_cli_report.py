"""`pellucid report`: a run on one page, also where its data are gone."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid import storage

pytest.importorskip("matplotlib")


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run, so that nothing is written into that of other tests."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_a_report_lies_in_the_run_unless_told_otherwise(pellucid: Any, run: Path, tmp_path: Path) -> None:
    shown = pellucid("report", "run")
    assert shown.code == 0, shown.err
    assert shown.out.startswith("written: run/report.html (")
    html = (run / "report.html").read_text(encoding="utf-8")
    assert "<h1>run</h1>" in html
    assert "12 test images" in html
    assert pellucid("report", "run", "--out", "other.html", "--image", 3, "--image", 5).code == 0
    assert "<h3>Sample 5" in (tmp_path / "other.html").read_text(encoding="utf-8")


def test_data_that_are_gone_are_noted_and_the_report_is_made(pellucid: Any, run: Path) -> None:
    for checkpoint in run.glob("checkpoint-*"):  # which would know better than an edited file
        checkpoint.unlink()
    config = (run / "config.toml").read_text()
    (run / "config.toml").write_text(config.replace("stripes.npz", "gone.npz"))
    shown = pellucid("report", "run")
    assert shown.code == 0
    assert shown.err.startswith("note: the report is made without data: data: ")
    assert "gone.npz" in shown.err
    html = (run / "report.html").read_text(encoding="utf-8")
    assert "What needs data is left out: data: " in html
    assert 'id="classes"' not in html
    assert 'id="filters"' in html
    refused = pellucid("report", "run", "--image", 0)
    assert refused.code == 1
    assert "--image: there are no data to take images from: " in refused.err


def test_data_that_are_named_must_be_there(pellucid: Any, run: Path, toy: Path) -> None:
    refused = pellucid("report", "run", "--data", "nowhere.npz")
    assert refused.code == 1
    assert "nowhere.npz" in refused.err
    assert not (run / "report.html").exists()
    assert pellucid("report", "run/model.safetensors", "--data", toy).code == 0
    html = (run / "model.html").read_text(encoding="utf-8")
    assert 'id="classes"' in html
    assert 'id="settings"' not in html


def test_other_data_must_fit(pellucid: Any, run: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "large.npz", x=np.zeros((4, 9, 9), np.uint8), y=np.zeros(4, int))
    refused = pellucid("report", "run", "--data", "large.npz")
    assert refused.code == 1
    assert "the network expects images of shape (1, 6, 6), received (1, 9, 9)" in refused.err


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("run", "--out", "run/model.safetensors"), "model.safetensors"),
        (("run/model.html",), "model.html"),
        (("run/model.html", "--out", "run/../run/model.html"), "model.html"),
    ],
)
def test_a_report_does_not_take_the_place_of_a_model(
    arguments: tuple[str, ...], file: str, pellucid: Any, run: Path
) -> None:
    shutil.copy(run / "model.safetensors", run / "model.html")
    before = (run / file).read_bytes()
    refused = pellucid("report", *arguments)
    assert refused.code == 1
    assert file in refused.err
    assert (run / file).read_bytes() == before


def test_what_is_no_run_is_told(pellucid: Any, run: Path) -> None:
    assert "there is no run or model file 'rum'" in pellucid("report", "rum").err
    assert pellucid("report").code == 2


def test_the_model_is_read_once(pellucid: Any, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, names = storage.read_file, []

    def noted(path: Any, *more: Any) -> bytes:
        names.append(Path(path).name)
        return read(path, *more)

    monkeypatch.setattr(storage, "read_file", noted)
    assert pellucid("report", "run").code == 0
    assert names.count("model.safetensors") == 1


def test_a_model_of_onnx_is_reported_on(pellucid: Any, run: Path, toy: Path) -> None:
    pytest.importorskip("onnx")
    assert pellucid("export", "run", "model.onnx").code == 0
    shown = pellucid("report", "model.onnx", "--data", toy)
    assert (shown.code, shown.out.startswith("written: model.html (")) == (0, True), shown.err
    html = (run.parent / "model.html").read_text(encoding="utf-8")
    assert "<h1>model.onnx</h1>" in html
    assert "12 test images" in html
    assert 'id="settings"' not in html
