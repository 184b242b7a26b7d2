"""The page that `train` and `resume` open where ``--view`` says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from . import parsing
from .screen import say
from .signals import until_interrupted
from .sources import Parts

if TYPE_CHECKING:
    from ..web import Live

View = Annotated[
    bool,
    typer.Option(
        "--view",
        help="Open a page in the browser on which one watches it learn, pauses it, or changes the learning rate; and "
        "keep moments of the training in the run, to look back at with `pellucid view RUN`. It stays until Ctrl-C.",
    ),
]
Port = Annotated[
    int,
    typer.Option(
        metavar="N",
        parser=parsing.whole,
        show_default=False,
        help="Of the page, on this machine. By default one that is free.",
    ),
]
Browser = Annotated[
    bool, typer.Option("--browser/--no-browser", help="Whether to open the page, or to print its address alone.")
]


def refuse_misplaced(wanted: bool, port: int, browser: bool) -> None:
    """Refuse what cannot be, before anything is downloaded or computed: options without a page, or a port that is
    taken."""
    if not wanted and (port or not browser):
        raise typer.BadParameter(
            "it is about the page that --view opens: add --view, or leave it out",
            param_hint="--port" if port else "--no-browser",
        )
    if wanted:
        from ..web.serving.server import bound, needed

        needed()
        bound(port).close()


@contextmanager
def viewed(wanted: bool, parts: Parts, title: str, port: int, browser: bool) -> Iterator[list[Live]]:
    """Give the callback that opens the page, if one is wanted; when all is done, or has failed, the page stays until
    Ctrl-C."""
    if not wanted:
        yield []
        return
    from ..web import Live

    part, data = parts.held_out()
    live = Live(data, part=part, title=title, port=port, browser=browser, say=say)
    try:
        try:
            yield [live]
        except Exception as error:
            if live.server is not None:
                say(f"ended by an error: {error}")
                with until_interrupted():
                    live.wait()
            raise
        with until_interrupted():
            live.wait()
    finally:
        live.close()
