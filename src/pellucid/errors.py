"""The errors that Pellucid raises on purpose.

Every message says what was expected, what was received, and what to do about it. Each class also derives from the
built-in exception that a Python user would expect, so ``except ValueError`` keeps working. Texts from files are shown
in messages as `printable` returns them.
"""

from __future__ import annotations

_LONGEST_PATH = 300


def unusable(error: ImportError) -> str:
    """Return what to say of a package that Pellucid needs and that cannot be imported."""
    package = (error.name or "a package").partition(".")[0]
    reason = str(error).partition("\n")[0]
    return (
        f"error: {package} is not installed, or is broken ({reason}); mend that with: python -m pip install "
        "--force-reinstall pellucid"
    )


def installing(extra: str) -> str:
    """Return how to install the packages of an extra, as messages and pages say it: Pellucid is installed from its own
    folder, and what bears its name elsewhere need not be it.

    Examples
    --------
    >>> print(installing("plot"))
    pip install '.[plot]' in Pellucid's folder
    """
    return f"pip install '.[{extra}]' in Pellucid's folder"


def printable(text: str, most: int = 80) -> str:
    r"""Return a text that stands in a file as messages and tables show it, in at most `most` characters.

    What is no printable character is escaped: a terminal would obey it, and a line break could pass for a line of this
    program's.

    Examples
    --------
    >>> print(printable("\x1b[2Jconv1\n"))
    \x1b[2Jconv1\n
    >>> printable("conv1" * 5, most=12)
    'conv1conv1c…'
    """
    begin = text[: most + 1]
    plain = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in begin)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def path_text(path: object) -> str:
    r"""Return the path of a file as messages show it: `printable`, and without its middle where it is very long.

    Examples
    --------
    >>> print(path_text("photos/\x1b[2Jcat.png"))
    photos/\x1b[2Jcat.png
    >>> len(path_text("photo" * 1000))
    300
    """
    text = str(path)
    if len(text) > _LONGEST_PATH:
        text = f"{text[: _LONGEST_PATH // 2]}…{text[1 - _LONGEST_PATH // 2 :]}"
    return printable(text, 10 * _LONGEST_PATH)


class PellucidError(Exception):
    """Base of all errors that a user of Pellucid can cause, and mend."""


class ArgumentError(PellucidError, ValueError):
    """An argument has a value that makes no sense, such as a stride of 0 or an unknown name."""


class ShapeError(PellucidError, ValueError):
    """Shapes do not fit together; the message holds the formula with the numbers in it.

    A layer states its own side of the matter; the network that holds the layer adds where it stands and what comes
    before it (`at`).

    Parameters
    ----------
    problem : str
        What the layer expects, as in "expects 400 features".
    received : str
        What it was given, as in "256".
    fix : str
        What to do about it.
    where, source : str
        The layer's place in the network, and the name of what gave the input.
    """

    def __init__(self, problem: str, received: str = "", fix: str = "", where: str = "", source: str = "the input"):
        self.problem, self.received, self.fix, self.where, self.source = problem, received, fix, where, source
        gives = "" if not received else f", but {source} {'has' if source == 'the input' else 'gives'} {received}"
        super().__init__((f"{where}: " if where else "") + problem + gives + (f"; {fix}" if fix else ""))

    def at(self, where: str, source: str, product: str = "") -> ShapeError:
        """Return this error with the layer's place, what gave the input, and how its size came about: "16·4·4"."""
        received = f"{self.received} = {product}" if product and self.received else self.received
        return ShapeError(self.problem, received, self.fix, where, source)


class DataError(PellucidError, ValueError):
    """Images, labels or a data file cannot be used; a file is named with the offset."""


class ModelFileError(PellucidError, ValueError):
    """A file of weights, or a run directory, is damaged, foreign or of a newer version."""


class StorageError(PellucidError, OSError):
    """A file or folder could not be written or read; ``errno`` says why, as in any ``OSError``."""


class StateError(PellucidError, RuntimeError):
    """A call came too early, such as ``backward`` before any ``forward``."""


class NonFiniteError(PellucidError, ArithmeticError):
    """A NaN or an infinity arose during training; the message names the step where."""


class CompilerError(PellucidError, RuntimeError):
    """A kernel was compiled into something that must not run; a fault of Pellucid, worth a report."""


class RankError(PellucidError, RuntimeError):
    """One of the processes that share a training does not come, or is not what the others are."""


class UnlikeRankError(RankError):
    """One of the processes that share a training is not what the others are; nothing of theirs is saved."""


class LostRankError(RankError):
    """One of the processes that share a training is gone, and the others can go on without it."""


class MissingExtraError(PellucidError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""
