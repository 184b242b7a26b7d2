"""The example for Ray Data: it classifies as `predict_proba` does. A cluster of one machine is started for it."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

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
    print(row["class"], repr(float(row["probability"])))
"""


@pytest.mark.skipif(MISSING, reason=REASON)
def test_the_example_classifies_as_predict_does(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 1, 28, 28)).astype(np.uint8)
    (tmp_path / "pictures").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image[0]).save(tmp_path / "pictures" / f"{number}.png")
    network = p.models.lenet()
    p.save(network, tmp_path / "net.safetensors")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "examples")])}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "net.safetensors"), str(tmp_path / "pictures")],
        capture_output=True, text=True, timeout=500, env=environment,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-2000:]
    found = [line.split() for line in result.stdout.splitlines()]
    probabilities = p.predict_proba(network, images)
    assert [int(name) for name, _ in found] == probabilities.argmax(axis=1).tolist()
    assert [np.float32(number) for _, number in found] == probabilities.max(axis=1).tolist()


def test_the_page_shows_what_the_example_does() -> None:
    """Also where Ray is missing."""
    source = (ROOT / "examples" / "ray_prediction.py").read_text(encoding="utf-8")
    compile(source, "ray_prediction.py", "exec")
    page = (ROOT / "docs" / "prediction.md").read_text(encoding="utf-8")
    shown = page.partition("## With Ray")[2].partition("```text\n")[2].partition("```")[0]
    assert "map_batches" in shown
    assert shown in source
