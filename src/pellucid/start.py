"""The first moment of the program ``pellucid``: Ctrl-C ends it in a word while everything else is being imported.

`import pellucid` comes before any line of the command line, and takes longer than all the rest of its start. So the
package itself looks whether it is the program that is being started, and imports this module before all others. In
programs of other people's nothing is done here: their signals are theirs.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def is_program() -> bool:
    """Return whether the process was started as ``pellucid``, or as ``python -m pellucid``.

    While ``-m`` looks for its module, which imports the packages that it lies in, ``-m`` is the name of the program.
    """
    name = sys.argv[0] if sys.argv else ""
    if name == "-m":
        words = sys.orig_argv
        return "-m" in words and words[words.index("-m") + 1 :][:1] == ["pellucid"]
    return os.path.splitext(os.path.basename(name))[0] == "pellucid"


def end(number: int, frame: FrameType | None) -> None:
    """End the process at once, as there is nothing yet to be closed."""
    os.write(2, b"interrupted\n")
    os._exit(128 + number)


if is_program() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, end)
