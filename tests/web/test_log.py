"""The page's server leaves the log of the program that it runs in as it is, and says only faults there."""

import logging
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web.serving.connection import LOG
from pellucid.web.serving.server import Server

from .test_connections import bench
from .wire import open_page

NAMES = "uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"


def standing() -> dict[str, Any]:
    """What the program's log is like."""
    every = {name: logging.getLogger(name) for name in NAMES}
    return {name: (each.level, each.propagate, list(each.handlers), list(each.filters)) for name, each in every.items()}


def test_a_server_changes_no_logger_but_for_a_filter_as_long_as_it_is_there(caplog: pytest.LogCaptureFixture) -> None:
    before = standing()
    with caplog.at_level(logging.DEBUG), Server(bench(), say=lambda words: None) as one:
        with Server(bench(), say=lambda words: None) as two:
            open_page(one)
            open_page(two)
            known = standing()
            assert len(known.pop(LOG)[3]) == len(before[LOG][3]) + 2
            assert known == {name: each for name, each in before.items() if name != LOG}
        log = logging.getLogger(LOG)
        log.info("of another server of this program")
        log.error(ValueError("no text"))
    assert standing() == before
    said = [str(record.msg) for record in caplog.records if record.name.startswith("uvicorn")]
    assert said == ["of another server of this program", "no text"]


def test_what_its_own_thread_says_is_heard_where_it_is_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    with Server(bench(), say=lambda words: None) as server:
        only_faults = server._only_faults

        def heard(message: Any, level: int = logging.ERROR, error: BaseException | None = None) -> bool:
            record = logging.LogRecord(LOG, level, "", 0, message, (), (type(error), error, None) if error else None)
            record.thread = server._thread.ident
            return only_faults.filter(record)

        assert heard("a fault", error=ValueError())
        assert heard(ValueError("no text"))
        assert not heard("Cancel 3 running task(s)")
        assert not heard("Invalid HTTP request received.", logging.WARNING)
        assert not heard("a client's letters", error=UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"))


def test_a_server_that_ends_late_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before, over = standing(), threading.Event()
    monkeypatch.setattr("pellucid.web.serving.server.END_SECONDS", 0.01)
    server = Server(bench(), say=lambda words: None)
    server._server.started = True
    server._server.run = lambda sockets: over.wait(10)  # type: ignore[assignment]
    server.start()
    server.close()
    assert standing() != before, "it still runs"
    over.set()
    server._thread.join(10)
    assert standing() == before
    assert server._socket.fileno() == -1
    unused = Server(bench(), say=lambda words: None)
    unused.close()
    assert unused._socket.fileno() == -1


def test_importing_the_page_touches_no_log() -> None:
    code = (
        "import logging, pellucid.web.serving.server, pellucid.web.serving.connection\n"
        f"assert not any(logging.getLogger(name).filters for name in {NAMES!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals are those of POSIX")
def test_ctrl_c_while_it_serves_ends_its_thread_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda told: failed.append(repr(told.exc_value)))
    server = Server(bench(), say=lambda words: None)
    server.start()
    threading.Timer(0.3, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        server.wait()
    server.close()
    until = time.monotonic() + 5
    while server._thread.ident in {each.ident for each in threading.enumerate()} and time.monotonic() < until:
        time.sleep(0.01)
    assert not failed
