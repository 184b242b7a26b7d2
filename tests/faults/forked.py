"""A process of its own for a training: it is forked, which takes milliseconds, and may be killed."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable


def child(work: Callable[[], int | None]) -> int:
    """Let a process do some work, and return its number."""
    sys.stdout.flush()
    sys.stderr.flush()
    number = os.fork()
    if number:
        return number
    code = 70
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        code = work() or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(number: int, seconds: float = 60) -> int:
    """Return how a process has ended: its exit code, or minus the signal's number; one that hangs is killed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(number, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.0005)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    raise TimeoutError(f"still running after {seconds} seconds")


def ended_by(number: int, which: int, after: float) -> int:
    """Send a process a signal after so many seconds, unless it has ended by then; return how it has ended."""
    until = time.monotonic() + after
    while time.monotonic() < until:
        done, status = os.waitpid(number, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(min(0.001, max(0.0, until - time.monotonic())))
    os.kill(number, which)
    return wait(number)
