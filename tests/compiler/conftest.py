"""Every test of the compiler has a disk cache of its own."""

import pytest


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """Return the folder that PELLUCID_CACHE names during the test."""
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PELLUCID_CHECK", raising=False)
    monkeypatch.delenv("PELLUCID_ISA", raising=False)
    return tmp_path / "cache"
