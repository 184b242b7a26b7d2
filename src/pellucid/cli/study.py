"""study: common claims about convolutional networks, tested here."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from ..arguments import shown
from ..errors import ArgumentError
from ..storage import writable_folder
from ..studies import STUDIES, Figure, Options, Result, Study, Table
from . import options, parsing
from .screen import examples, print_table

app = typer.Typer(
    invoke_without_command=True,
    help="Test common claims about convolutional networks. Without a name: list the studies.",
    epilog=examples("pellucid study", "pellucid study output-size --input 224 --kernel 3,5,7 --stride 1,2"),
)


@app.callback()
def list_(context: typer.Context) -> None:
    """List the studies."""
    if context.invoked_subcommand is None:
        rows = [[study.name, study.takes, study.about] for study in STUDIES.values()]
        print_table(["study", "takes about", "what it shows"], rows)


# ---- words


def _numbers(text: str, word: str) -> list[int]:
    """Read whole numbers of at least 1 with commas between."""
    return [_number(part, text, word, 1, "whole numbers such as 3,5,7") for part in text.split(",")]


def _paddings(text: str) -> list[int | Literal["same"]]:
    """Read whole numbers of at least 0, and "same", with commas between."""
    expected = "whole numbers, or same, such as 0,1,same"
    return ["same" if part == "same" else _number(part, text, "--padding", 0, expected) for part in text.split(",")]


def _number(part: str, text: str, word: str, least: int, expected: str) -> int:
    """Read a part of a text as a whole number, or refuse the text by the word that it stands behind."""
    try:
        number = int(part)
    except ValueError:
        raise typer.BadParameter(f"expected {expected}, received {shown(text)}", param_hint=word) from None
    if number < least:
        raise typer.BadParameter(f"expected whole numbers of at least {least}, received {shown(text)}", param_hint=word)
    return number


_Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        parser=parsing.folder,
        help="Where to write the tables and pictures, in place of those of an earlier time. By default studies/NAME; "
        "with --quick studies/NAME-quick, and for windows of one's own studies/output-size-chosen. A folder of other "
        "files, without a page of a study, is refused.",
    ),
]
_Quick = Annotated[
    bool, typer.Option("--quick", help="Do a small form of it, which only shows in seconds what it looks like.")
]
_Seeds = Annotated[
    int, typer.Option(metavar="N", parser=parsing.at_least_one, help="Trainings whose mean and spread each figure is.")
]


# ---- a command for every study


def _command(study: Study) -> Callable[..., None]:
    """Return the command of a study that needs no words of its own."""

    def plain(out: _Out = None, quick: _Quick = False, threads: options.Threads = None) -> None:
        _do(study, study.function, Options(quick=quick, threads=threads), out)

    def training(
        out: _Out = None,
        quick: _Quick = False,
        seeds: _Seeds = Options.seeds,
        data_dir: options.DataDir = None,
        threads: options.Threads = None,
    ) -> None:
        how = Options(quick=quick, seeds=seeds, data_dir=data_dir, threads=threads)
        _do(study, study.function, how, out)

    return training if study.trains else plain


def _output_size(
    out: _Out = None,
    input_size: Annotated[str | None, typer.Option("--input", metavar="N,N,…", help="Pixels along a side.")] = None,
    kernel: Annotated[str | None, typer.Option(metavar="N,N,…", help="Pixels of the window along a side.")] = None,
    stride: Annotated[str | None, typer.Option(metavar="N,N,…", help="Pixels from one place to the next.")] = None,
    padding: Annotated[
        str | None,
        typer.Option(metavar="N,N,…", help="Pixels added on each side; same: so that ⌈input/stride⌉ places are there."),
    ] = None,
    dilation: Annotated[str | None, typer.Option(metavar="N,N,…", help="Pixels from one tap to the next.")] = None,
) -> None:
    """Show how many places windows take, with the formula, and which pixels they see.

    Each input is taken with each kernel, each of these with each stride, and so on. Of what is not given, one is taken:
    an input of 28, a kernel of 3, stride 1, padding 0, dilation 1. Where nothing is given, it is a choice of windows
    and those of known networks.
    """
    from ..studies import output_size

    asked = None
    if any(each is not None for each in (input_size, kernel, stride, padding, dilation)):
        asked = output_size.Windows(
            _numbers("28" if input_size is None else input_size, "--input"),
            _numbers("3" if kernel is None else kernel, "--kernel"),
            _numbers("1" if stride is None else stride, "--stride"),
            _paddings("0" if padding is None else padding),
            _numbers("1" if dilation is None else dilation, "--dilation"),
        )
    variant = "" if asked is None else "-chosen"
    _do(STUDIES["output-size"], partial(output_size.study, asked=asked), Options(), out, variant)


for _study in STUDIES.values():
    _own = {"output-size": _output_size}.get(_study.name)
    _asked = "--input 224 --kernel 3,7 --padding 0,same" if _own else "--out FOLDER"
    _words = examples(f"pellucid study {_study.name}", f"pellucid study {_study.name} {_asked}")
    app.command(_study.name, epilog=_words, help=None if _own else f"Show {_study.about}.")(_own or _command(_study))


# ---- doing it


def _do(study: Study, function: Callable[[Options], Result], how: Options, out: Path | None, variant: str = "") -> None:
    """Carry a study out, print it, and write it into a folder, which is made first: the work may take minutes.

    The folder's name ends with the variant unless it is given, so that none replaces the page of another.
    """
    folder = Path("studies", f"{study.name}{'-quick' * how.quick}{variant}") if out is None else out
    from ..studies.rendering import write

    _refuse_others_files(folder)
    writable_folder(folder)
    with _progress() as progress:
        result = function(replace(how, progress=progress))
    _print(result, how.threads)
    written, problem = write(result, study.name, folder, pictures=study.pictures, threads=how.threads, quick=how.quick)
    if problem:
        print(f"note: {problem}", file=sys.stderr)
    print(f"written: {written[0]}" if len(written) == 1 else f"written: {folder}/ ({len(written)} files)")


def _refuse_others_files(folder: Path) -> None:
    """Refuse a folder in which there are files, but no page of a study."""
    names = {each.name for each in folder.iterdir() if not each.name.startswith(".")} if folder.is_dir() else set()
    if names and not names & {f"{name}.md" for name in STUDIES}:
        some = f"{', '.join(sorted(names)[:3])}{', …' if len(names) > 3 else ''}"
        raise ArgumentError(f"{folder} holds no page of a study, but {some}; name a new or empty folder with --out")


def _print(result: Result, threads: int | None) -> None:
    from ..studies.rendering import measured_on

    print(result.title.upper())
    width = min(shutil.get_terminal_size().columns, 100)
    for section in result.sections:
        print()
        if isinstance(section, Table):
            print(textwrap.fill(section.title, width))
            print_table(section.columns, section.rows, right=section.numbers)
        elif not isinstance(section, Figure):
            print(textwrap.fill(section, width))
    print()
    if any(table.has_measured for table in result.tables):
        print(textwrap.fill(measured_on(result.tables, threads), width))


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Give what says what is being done: in one line that changes in a terminal, a line each elsewhere."""
    if not sys.stderr.isatty():
        yield partial(print, file=sys.stderr, flush=True)
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield status.update
