"""A run to report on."""

from __future__ import annotations

from pathlib import Path

import pytest

import pellucid as p
from oracles.reports import network, stripes


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learnt the stripes, not too well."""
    folder = tmp_path_factory.mktemp("runs") / "stripes"
    data = p.Dataset(*stripes(48), ("low", "middle", "high"), "stripes")
    made = network(class_names=("low", "middle", "high"))
    p.fit(made, data, validation=p.Dataset(*stripes(12, 5)), epochs=3, batch_size=8, out=folder, progress=False,
          schedule=p.recipes.by_name("mnist-99").schedule, engine="numpy")  # fmt: skip
    return folder
