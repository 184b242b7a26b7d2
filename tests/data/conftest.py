"""What the tests of the data package share: bytes of IDX files, an empty cache, and no way out to the network."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test has an empty cache, finds no data by accident, and can speak to this machine only."""
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PELLUCID_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    resolve = socket.getaddrinfo

    def only_here(host: Any, *rest: Any, **named: Any) -> Any:
        if host != "127.0.0.1":
            raise OSError(f"a test asked for {host}")
        return resolve(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", only_here)


@pytest.fixture(scope="session")
def idx_bytes() -> Callable[..., bytes]:
    """A writer of IDX, independent of the reader: header and numbers, one after the other."""

    def write(array: Any) -> bytes:
        array = np.asarray(array)
        code = CODES[array.dtype.newbyteorder("=").str[1:]]
        sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
        return bytes([0, 0, code, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()

    return write
