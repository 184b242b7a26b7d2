"""recipes: which there are, and what they say."""

from __future__ import annotations

from typing import Annotated

import typer

from ..limits import LIMITS
from ..recipes import RECIPES, Recipe, load
from ..recipes.catalogue import find
from ..storage import read_file
from . import parsing
from .screen import called, examples, print_table

EXAMPLES = examples("pellucid recipes", "pellucid recipes mnist-99", "pellucid recipes mnist-99 > mine.toml")


def command(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|FILE",
            parser=parsing.named,
            show_default=False,
            help="Show what this one says; the path of a .toml file of one's own is checked and shown.",
        ),
    ] = None,
) -> None:
    """List the recipes, or show one as the file that it is.

    A file to change and to train by, with `pellucid train --recipe mine.toml`, begins as a copy of such a one.
    """
    if recipe is not None:
        load(recipe)  # refuses what makes no sense
        print(read_file(find(recipe), LIMITS.header_bytes).decode(), end="")
        return
    print_table(
        ["recipe", "model", "data", "epochs", "test accuracy", "time"],
        [_row(each) for each in RECIPES.values()],
        right=["epochs", "time"],
    )
    print()
    print("test accuracy: mean ± standard deviation (over so many seeds)")
    print("time: of the training alone, two threads, on the machine of docs/performance.md")
    print(f"next: {called()} recipes NAME")
    print(f"      {called()} train --recipe NAME")


def _row(recipe: Recipe) -> list[str]:
    reached = recipe.reaches
    accuracy = str(reached).replace(" seeds", "") if reached else "not measured here" if recipe.data else "–"
    seconds = "" if reached is None or reached.seconds is None else f"{reached.seconds:.1f} s"
    return [recipe.name, recipe.model, recipe.data or "your own", str(recipe.epochs), accuracy, seconds]
