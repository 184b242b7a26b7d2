"""Takes the picture of docs/report.md: the upper part of a report on a LeNet. Needs MNIST, and Chromium.

python tools/report_picture.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

import pellucid as p

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "assets" / "report.png"
SIZE, COLOURS = "1200,1270", 96


def main() -> None:
    """Train, report, and take the picture."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("expected chromium or google-chrome, found neither")
    train, test = p.datasets.mnist()
    with tempfile.TemporaryDirectory() as place:
        page = Path(place, "report.html")
        p.fit(p.models.lenet(), train, validation=0.1, epochs=5, schedule=p.recipes.by_name("mnist-99").schedule,
              optimizer=p.Adam(2e-3), out=Path(place, "lenet"))  # fmt: skip
        p.report.save_report(page, Path(place, "lenet"), test, part="test")
        words = [browser, "--headless", "--hide-scrollbars", f"--window-size={SIZE}", f"--screenshot={PICTURE}"]
        rights = ["--no-sandbox"] if os.geteuid() == 0 else []
        subprocess.run([*words, *rights, page.as_uri()], check=True)
    Image.open(PICTURE).convert("RGB").quantize(COLOURS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
