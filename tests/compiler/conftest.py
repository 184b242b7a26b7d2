"""Every test of the compiler has a disk cache of its own, unless it asks for the one that such tests share."""

import pytest


@pytest.fixture(autouse=True)
def cache_folder(users_cache_untouched, tmp_path, monkeypatch):
    """Return the folder that PELLUCID_CACHE names during the test."""
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PELLUCID_CHECK", raising=False)
    monkeypatch.delenv("PELLUCID_ISA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def kept_kernels(cache_folder, users_cache_untouched, monkeypatch):
    """Share compiled kernels with the other tests of this run after all; return the folder."""
    monkeypatch.setenv("PELLUCID_CACHE", str(users_cache_untouched))
    return users_cache_untouched
