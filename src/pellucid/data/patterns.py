"""Files by patterns, one after another in a fixed order, however many there are.

A pattern is a path in which ``*`` stands for any characters of a name, ``?`` for one, ``[abc]`` for one of these, and
``**`` for any number of folders, as in the shell: ``photos/**/*.png``, or shorter ``photos/**.png``. Capital and small
letters differ, names that begin with a dot are found only by patterns whose name does, and ``**`` does not follow
symbolic links to folders, which may lead in circles: only a name of the pattern leads through them.

Of the folders that are looked through, only one at each depth is held in memory.
"""

from __future__ import annotations

import fnmatch
import heapq
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import TypeAlias

from ..arguments import shown
from ..errors import ArgumentError, DataError, path_text
from ..storage import expanded
from .compressed import open_regular
from .pictures import SUFFIXES

ARRAYS = (".npy", "-ubyte", ".idx")
"""How the names of files end that may hold many images."""

LIST = ".txt"
"""How the name of a list of paths ends."""

Parts: TypeAlias = tuple[str, ...]

_WILD = re.compile(r"[*?\[]")
_ANY = "**"


def matching(patterns: Iterable[str | os.PathLike[str]]) -> Iterator[str]:
    """Yield the files that patterns name, each once, in the order of their names, folder by folder.

    Parameters
    ----------
    patterns : iterable of str or path
        Each a pattern; the path of a file, whatever characters it has; a folder, for all pictures and arrays in it and
        in the folders inside; or a text file, ``….txt``, of paths, one a line, from the working folder on.

    Raises
    ------
    ArgumentError
        If a pattern is empty, or has none of the forms that there are.
    DataError
        If nothing matches one of the patterns, or a folder or a list cannot be read.
    """
    found = [_nonempty(_of(os.fspath(pattern)), os.fspath(pattern)) for pattern in patterns]
    if not found:
        raise ArgumentError("inputs: expected at least one pattern, received none")
    last: Parts | None = None
    for parts in heapq.merge(*found):
        if parts != last:
            yield os.path.join(*parts)
            last = parts


def _of(pattern: str) -> Iterator[Parts]:
    """Yield what one pattern names, as the parts of paths in their order."""
    place = expanded(pattern, "inputs")
    if not pattern:
        raise ArgumentError("inputs: expected a pattern or a path, received nothing")
    if os.path.isdir(place):
        return _walked(place, [_ANY, "*"], (*SUFFIXES, *ARRAYS))
    if place.suffix == LIST and os.path.isfile(place):
        return _listed(place)
    if os.path.lexists(place):
        return iter([place.parts])
    parts = [each for part in place.parts for each in _spelled_out(part, pattern)]
    first = next((number for number, part in enumerate(parts) if _WILD.search(part)), len(parts))
    return _walked(Path(*parts[:first]), parts[first:]) if first < len(parts) else iter(())


def _spelled_out(part: str, pattern: str) -> list[str]:
    """Return a name of a pattern in which ** stands alone: ``**.png`` is ``**/*.png``."""
    if part == _ANY or _ANY not in part:
        return [part]
    if part.startswith(_ANY) and _ANY not in part[2:]:
        return [_ANY, part[1:]]
    raise ArgumentError(f"inputs: {shown(pattern)}: ** stands alone between slashes, or before the end of a name")


def _nonempty(found: Iterator[Parts], pattern: str) -> Iterator[Parts]:
    first = next(found, None)
    if first is None:
        raise DataError(f"{path_text(pattern)}: matches no file")
    yield first
    yield from found


def _listed(path: Path) -> Iterator[Parts]:
    """Yield the paths in a text file, which is held in memory, in their order."""
    file, _ = open_regular(path)
    with file:
        text = file.read().decode("utf-8", "surrogateescape").removeprefix("\ufeff")  # some editors begin so
    lines = text.split("\n")  # a name may hold every other line end
    return iter(sorted(PurePath(line.removesuffix("\r")).parts for line in lines if line.strip()))


def _walked(folder: Path, names: list[str], endings: tuple[str, ...] = ("",)) -> Iterator[Parts]:
    """Yield the files in a folder that a pattern's names lead to."""
    forms = [re.compile(fnmatch.translate(name)) for name in names]

    def after(states: frozenset[int], name: str, followed: bool) -> frozenset[int]:
        """Return which names of the pattern may come next once `name` has come; all of them have where it holds their
        number. `followed`: whether it is a link to a folder."""
        then = set()
        for state in states - {len(names)}:
            if names[state] == _ANY:
                then.update([] if followed or name.startswith(".") else [state])
            elif forms[state].match(name) and (not name.startswith(".") or names[state].startswith(".")):
                then.add(state + 1)
        return closed(then)

    def closed(states: set[int]) -> frozenset[int]:
        """Add what may come next because ** stands for no folder at all."""
        for state in sorted(states):
            while state < len(names) and names[state] == _ANY:
                states.add(state := state + 1)
        return frozenset(states)

    def inside(here: Parts, states: frozenset[int]) -> Iterator[Parts]:
        for name, is_folder, is_link in _entries(os.path.join(*here) if here else os.curdir):
            then = after(states, name, is_folder and is_link)
            if is_folder:
                if deeper := then - {len(names)}:
                    yield from inside((*here, name), deeper)
            elif len(names) in then and name.lower().endswith(endings):
                yield (*here, name)

    return inside(folder.parts, closed({0}))


def _entries(folder: str) -> list[tuple[str, bool, bool]]:
    """Return what is in a folder in the order of the names: name, whether it is a folder, whether a link."""
    try:
        with os.scandir(folder) as entries:
            return sorted((each.name, _is_folder(each), each.is_symlink()) for each in entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(f"{path_text(folder)}: cannot be looked through: {error.strerror or error}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder; what cannot be asked, such as a link that leads to itself, is a file, which
    cannot be read."""
    try:
        return entry.is_dir()
    except OSError:
        return False
