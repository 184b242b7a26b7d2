"""The example for Ray Data: it classifies as `predict_proba` does. A cluster of one machine is started for it."""

import importlib.util
import os
import runpy
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pellucid as p

ROOT = Path(__file__).parents[1]
MISSING = importlib.util.find_spec("ray") is None
REASON = "Ray is not installed: pip install '.[ray]'"

PROGRAM = """
import sys
import ray, ray_prediction
ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
found = ray_prediction.classified(sys.argv[1], sys.argv[2]).take_all()
for row in sorted(found, key=lambda row: row["path"]):
    print(row["class"], repr(float(row["probability"])), row["error"], sep="|")
"""


@pytest.mark.skipif(MISSING, reason=REASON)
def test_the_example_classifies_as_predict_does(tmp_path: Path) -> None:
    files = pictures(tmp_path)
    network = p.models.lenet()
    p.save(network, tmp_path / "net.safetensors")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "examples")])}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "net.safetensors"), str(tmp_path / "pictures")],
        capture_output=True, text=True, timeout=500, env=environment,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-2000:]
    check(network, files, [line.split("|") for line in result.stdout.splitlines()])


def test_the_actor_classifies_as_predict_does_without_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = pictures(tmp_path)
    network = p.models.lenet()
    p.save(network, tmp_path / "net.safetensors")
    ray = types.SimpleNamespace(data=types.SimpleNamespace(Dataset=object))  # which no actor needs
    monkeypatch.setitem(sys.modules, "ray", ray)
    example = runpy.run_path(str(ROOT / "examples" / "ray_prediction.py"))
    actor = example["Classify"](str(tmp_path / "net.safetensors"), 1)
    found = actor({"path": [str(file) for file in files], "bytes": [file.read_bytes() for file in files]})
    assert found["path"] == [str(file) for file in files]
    check(network, files, list(zip(found["class"], found["probability"], found["error"], strict=True)))
    nothing = actor({"path": ["x"], "bytes": [b"no picture"]})
    assert nothing["class"].tolist() == [""]


def pictures(folder: Path) -> list[Path]:
    """Return files: one a photo that its camera has turned, one transparent, one of 16 bits, one no picture."""
    (folder / "pictures").mkdir()
    names = ["0.png", "1.jpg", "2.png", "3.png", "4.png"]
    plain, turned, clear, deep, no_picture = files = [folder / "pictures" / name for name in names]
    grey = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    Image.fromarray(grey).save(plain)
    upright = Image.Exif()
    upright[0x0112] = 6
    Image.fromarray(grey[:20]).save(turned, exif=upright)
    Image.fromarray(np.dstack([grey * 0, grey])).save(clear)
    Image.fromarray(grey.astype(np.uint16) * 257).save(deep)
    no_picture.write_bytes(b"no picture")
    return files


def check(network: p.Network, files: list[Path], found: list[Any]) -> None:
    """Compare what the example finds, (class, probability, error) of each file, with what the library does."""
    images = np.concatenate([p.data.read_inputs(file, network.input_shape) for file in files[:-1]])
    probabilities = p.predict_proba(network, images)
    *known, (name, share, error) = found
    assert [int(name) for name, _, _ in known] == probabilities.argmax(axis=1).tolist()
    assert [np.float32(share) for _, share, _ in known] == probabilities.max(axis=1).tolist()
    assert {error for _, _, error in known} == {""}
    assert (name, str(np.float32(share))) == ("", "nan")
    assert error.startswith("expected a picture")


def test_the_page_shows_what_the_example_does() -> None:
    """Also where Ray is missing."""
    source = (ROOT / "examples" / "ray_prediction.py").read_text(encoding="utf-8")
    compile(source, "ray_prediction.py", "exec")
    page = (ROOT / "docs" / "prediction.md").read_text(encoding="utf-8")
    shown = page.partition("## With Ray")[2].partition("```text\n")[2].partition("```")[0]
    assert "map_batches" in shown
    assert shown in source
