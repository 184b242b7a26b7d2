"""The recipes that come with the package, by name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from ..arguments import look_up, shown
from ..errors import ArgumentError
from ..storage import expanded
from .reading import read
from .recipe import Recipe

FOLDER = Path(__file__).parent


class Recipes(Mapping[str, Recipe]):
    """Name -> recipe; each file is read when it is first asked for.

    Parameters
    ----------
    folder : Path
        Of the files, ``NAME.toml``.
    """

    def __init__(self, folder: Path):
        self._files = {path.stem: path for path in sorted(folder.glob("*.toml"))}

    def __getitem__(self, name: str) -> Recipe:
        return _read_once(self._files[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@cache
def _read_once(path: Path) -> Recipe:
    return read(path)


RECIPES: Mapping[str, Recipe] = Recipes(FOLDER)
"""Name -> recipe."""


def by_name(name: str) -> Recipe:
    """Return the recipe of this name.

    Raises
    ------
    ArgumentError
        If there is none; the message suggests the nearest name.

    Examples
    --------
    >>> by_name("mnist-99").model
    'mnist_s8'
    """
    return look_up(name, RECIPES, "recipe")


def load(name_or_path: str | os.PathLike[str]) -> Recipe:
    """Return the recipe of this name, or the one in a file of one's own.

    Parameters
    ----------
    name_or_path : str or path
        A name in `RECIPES`, or the path of a file that ends in ``.toml``.

    Raises
    ------
    ArgumentError, StorageError
        If there is no such recipe, or something in the file makes no sense.
    """
    return read(name_or_path) if is_file(name_or_path) else by_name(os.fspath(name_or_path))


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """Return the path of the file of a recipe, given as to `load`."""
    if is_file(name_or_path):
        return expanded(name_or_path, "recipe")
    return FOLDER / f"{by_name(os.fspath(name_or_path)).name}.toml"


def told(name_or_path: str | os.PathLike[str]) -> str:
    """Return how a run says which recipe it followed: by its name, or the path of its file, which holds anywhere."""
    return str(find(name_or_path).absolute()) if is_file(name_or_path) else by_name(os.fspath(name_or_path)).name


def is_file(name_or_path: str | os.PathLike[str]) -> bool:
    """Return whether that is the path of a file, and no name."""
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise ArgumentError(f"recipe: expected a name or the path of a .toml file, received {shown(name_or_path)}")
    return Path(name_or_path).suffix == ".toml"
