"""Many clients at one time, for a moment; ``python -m tests.web.load`` does it for longer."""

import sys

import pytest

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from .load import QUESTIONS, load


@pytest.mark.skipif(sys.platform != "linux", reason="reads from /proc how much memory a process has")
def test_many_clients_at_one_time_are_all_answered() -> None:
    found = load(clients=100, seconds=2)
    assert not found.errors, found.errors[:3]
    assert set(found.seconds) == set(QUESTIONS)
    assert set(found.statuses) <= {200, 410}
    assert found.after - found.before < 100 << 20, found.table()
