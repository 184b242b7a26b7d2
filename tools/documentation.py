"""A hook of MkDocs that makes what would go stale by hand: the pages of the API, and the list of all pages.

Every module under src/pellucid is shown on the page of its part of the package. A part that is in no group below lands
on the last page, so that nothing is left out.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "pellucid"
HANDWRITTEN = ("index.md", "tutorial.md", "worked-examples.md", "design.md")  # in this order; others follow


class Group(NamedTuple):
    """One page of the API: the parts of the package (a module or a folder, by name) that it shows."""

    page: str
    title: str
    about: str
    parts: tuple[str, ...]


GROUPS = (
    Group("network", "Networks", "What a network is made of, and what you ask of it.", ("network", "models", "summary",
          "inference", "gradient_check", "serialization")),
    Group("layers", "Layers", "Each layer works alone, `forward` and `backward`, and inside a network.", ("layers",)),
    Group("training", "Training", "From a network and data to a trained network and its history.", ("training",)),
    Group("learning", "Losses, optimisers, schedules", "What is made small, by which steps, and how it is judged.",
          ("losses", "optimizers", "schedules", "initializers", "metrics")),
    Group("data", "Data", "Reading, fetching, checking, shuffling and augmenting images.", ("data",)),
    Group("definitions", "Definitions", "The mathematics: one pure NumPy function for every kind of step.",
          ("definitions",)),
    Group("program", "Program", "A network lowered to plain steps, and what runs them.", ("program", "steps",
          "interpreter", "geometry", "random")),
    Group("ground", "Errors, limits, storage", "What everything else stands on.",
          ("errors", "arguments", "limits", "storage")),
)  # fmt: skip


def modules() -> list[str]:
    """The dotted names below `pellucid` of all public modules, without the package files that only pass names on."""
    found = (path for path in sorted(PACKAGE.rglob("*.py")) if (path.parent / "__init__.py").exists())
    paths = (path.relative_to(PACKAGE).with_suffix("").parts for path in found)
    return [".".join(parts) for parts in paths if not any(part.startswith("_") for part in parts)]


def group_of(module: str) -> Group:
    part = module.split(".")[0]
    return next((group for group in GROUPS if part in group.parts), GROUPS[-1])


def api_pages() -> dict[str, str]:
    """The text of every API page that has something to show, by its name in docs/."""
    pages = {}
    for group in GROUPS:
        order = {part: place for place, part in enumerate(group.parts)}
        shown = [module for module in modules() if group_of(module) == group]
        shown.sort(key=lambda module: order.get(module.split(".")[0], len(order)))  # stable: by name inside a part
        if shown:
            directives = "\n".join(f"::: pellucid.{module}\n" for module in shown)
            pages[f"api/{group.page}.md"] = f"# {group.title}\n\n{group.about}\n\n{directives}"
    return pages


def on_config(config: MkDocsConfig) -> None:
    docs = Path(config.docs_dir)
    written = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    first: list[Any] = [page for page in HANDWRITTEN if page in written]
    config.nav = [*first, *(page for page in written if page not in first), {"API": list(api_pages())}]


def on_files(files: Files, config: MkDocsConfig) -> None:
    for name, text in api_pages().items():
        files.append(File.generated(config, name, content=text))


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Take the marks for the tests off the fences (see tests/docs/test_snippets.py); a reader has no use for them."""
    return re.sub(r"^(\s*```\w+)[^\S\n]+[^\n{]+$", r"\1", markdown, flags=re.MULTILINE)
