"""The program: what ``pellucid`` and ``python -m pellucid`` start."""

from __future__ import annotations

import sys

from .errors import unusable


def main() -> None:
    """Run the command that the process was started with, and end the process.

    What the command line is made of is imported here, so that it can be said in a line if that is not installed.
    """
    try:
        from .cli import main as run

        run()
    except ImportError as error:
        print(unusable(error), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
