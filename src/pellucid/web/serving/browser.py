"""Opening the page in a browser, without its token on the browser's command line.

All users of a machine can read the command lines of all its processes, and who is quick could use the token before the
browser does. So the browser is given the address of a small file, which nobody else can read, and which leads to the
page; it is removed when the token has been used. Under Windows others see no command lines, and there, as in its
subsystem for Linux, whose browser is Windows', the page's own address is opened.
"""

from __future__ import annotations

import os
import platform
import sys
import webbrowser
from contextlib import suppress
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from ...storage import write_file

SNAPS = Path("/var/lib/snapd")
"""There where browsers may be those of Snap, which can read in the user's folder, but no temporary files."""
NAME = "open.html"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={address}">
<title>Pellucid</title>
<p><a href="{address}">To the page</a></p>
"""


class Forwarding:
    """A file that leads a browser to an address, until it is removed."""

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None

    def open(self, address: str) -> bool:
        """Open an address in a browser; return whether there is one, as far as one can know."""
        if not _has_screen():
            return False
        opened = False
        with suppress(OSError, RuntimeError, webbrowser.Error):  # no place for the file, or a browser that cannot begin
            opened = webbrowser.open(address if _is_windows() else self._file(address).as_uri())
        if not opened:
            self.remove()
        return opened

    def remove(self) -> None:
        """Remove the file, if there is one."""
        folder, self._folder = self._folder, None
        if folder is not None:
            with suppress(OSError):
                folder.cleanup()

    def _file(self, address: str) -> Path:
        """Write the file, in a folder that is its owner's alone."""
        self.remove()
        place = Path.home() if SNAPS.is_dir() else None
        self._folder = TemporaryDirectory(prefix="pellucid-", dir=place, ignore_cleanup_errors=True)
        path = Path(self._folder.name) / NAME
        write_file(path, _PAGE.format(address=escape(address)).encode(), durable=False)
        path.chmod(0o600)
        return path


def _is_windows() -> bool:
    """Return whether the browser is one of Windows."""
    return os.name == "nt" or "microsoft" in platform.release().lower()


def _has_screen() -> bool:
    """Return whether a window can be opened here, which nobody can over SSH; a browser of letters shows no page."""
    if _is_windows() or sys.platform == "darwin":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
