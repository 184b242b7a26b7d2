"""The command line: ``pellucid train``, ``resume``, ``evaluate``, ``predict``, ``export``, ``summary``, ``explain``,
``view``, ``verify``, ``report``, ``runs``, ``compare``, ``find-lr``, ``recipes``, ``study`` and ``data``, one module a
verb.

A verb reads its words, calls the library and prints; what can go wrong is said here, in one line:

- 0: done
- 1: something about the input, the files or the machine is wrong
- 2: the words of the command are wrong
- 130, 143: ended by Ctrl-C, or by SIGTERM
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ..arguments import nearest
from ..errors import PellucidError, path_text, unusable
from ..storage import ADVICE
from ..version import VERSION
from . import (
    data,
    evaluate,
    explain,
    export,
    find_lr,
    predict,
    recipes,
    report,
    resume,
    runs,
    signals,
    study,
    summary,
    train,
    verify,
    view,
)
from .options import UsageError, Verb
from .screen import examples, folded, notes
from .watch import watch

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog=examples(
        "pellucid train",
        "pellucid train lenet --data mnist --epochs 10 --out run",
        "pellucid evaluate run --confusion",
        "pellucid predict run photo.png --invert",
    ),
)
for verb in (train, resume, runs, find_lr, recipes, evaluate, predict, export, report, view, summary, explain, verify):
    name = verb.__name__.rpartition(".")[2].replace("_", "-")
    app.command(name, cls=Verb, epilog=verb.EXAMPLES)(verb.command)
app.command("compare", cls=Verb, epilog=runs.COMPARE_EXAMPLES)(runs.compare)
app.add_typer(study.app, name="study")
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"pellucid {VERSION}")
        raise typer.Exit


@app.callback()
def _pellucid(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error. May stand anywhere in the command.")
    ] = False,
) -> None:
    """Convolutional networks in pure Python: train them, measure them, use them, look inside."""


def main() -> None:
    """Run the command that the process was started with, and end the process."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started the process, as `2>&-` does
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    signals.handle()
    watch.start()
    for stream in (sys.stdout, sys.stderr):
        # A terminal or pipe that has no × or é is shown a question mark, and not a traceback.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    try:
        code = run(sys.argv[1:])
    finally:
        signals.ignore()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; what goes wrong is said on the standard error stream."""
    words, debug = _without_debug(arguments)
    try:
        with notes():
            code = _ended(words)
        sys.stdout.flush()  # what cannot be written should fail here, not when the interpreter ends
        return code
    except signals.Stopped as stopped:
        # A terminal shows ^C at the cursor; after a training, the bar's end has begun a new line already.
        shown = "\n" if sys.stderr.isatty() and not stopped.outcome else ""
        print(f"{shown}{folded(str(stopped))}", file=sys.stderr)
        return stopped.code
    except BrokenPipeError:
        _forget_output()
        return 1
    except UsageError as error:
        print(folded(_misuse(error)), file=sys.stderr)
        return 2
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(folded(_explanation(error)), file=sys.stderr)
        return 1


def _ended(words: list[str]) -> int:
    try:
        code = app(words, prog_name="pellucid", standalone_mode=False)
    except signals.Stopped:
        raise
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return code if isinstance(code, int) else 0


def _without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Return the words without --debug, wherever it stands before a ``--``, and whether it stood there."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    words = [word for word in arguments[:end] if word != "--debug"]
    return [*words, *arguments[end:]], len(words) < end


def _misuse(error: Any) -> str:
    """Return what is wrong with the words of a command; without any, that is its help."""
    kind = type(error).__name__
    if kind == "NoArgsIsHelpError":
        return str(error.format_message())
    if kind == "NoSuchOption":
        known = [name for parameter in error.ctx.command.params for name in parameter.opts]
        needless = find_lr.NEEDLESS.get(error.option_name) if error.ctx.info_name == "find-lr" else None
        said = needless or f"there is no such option{nearest(error.option_name, known)}"
        text = f"{error.option_name}: {said}"
    elif kind == "BadOptionUsage" and error.ctx is not None:
        wanted = next((each for each in error.ctx.command.params if error.option_name in each.opts), None)
        text = f"{error.option_name}: expected {getattr(wanted, 'metavar', None) or 'a value'} behind it"
    elif kind == "MissingParameter":
        text = f"expected {error.param.metavar}"
    elif kind == "BadParameter":
        is_argument = error.param is not None and error.param.param_type_name == "argument"
        text = f"{error.param_hint or (error.param.metavar if is_argument else error.param.opts[0])}: {error.message}"
    elif kind == "UsageError" and error.format_message().startswith("Got unexpected extra argument"):
        words = [each.metavar for each in error.ctx.command.params if each.param_type_name == "argument"]
        further = error.format_message().partition(" (")[2].removesuffix(")")
        text = f"expected {' '.join(filter(None, words)) or 'options'} alone, received also {further}"
    else:
        text = error.format_message().rstrip(".").replace(". Did", "; did")
        text = text[0].lower() + text[1:]
    verb = "pellucid" if error.ctx is None else error.ctx.command_path
    return f"error: {text}{'' if text.endswith('?') else '.'} See {verb} --help"


def _explanation(error: Exception) -> str:
    if isinstance(error, PellucidError):
        return f"error: {error}"
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{path_text(error.filename)}: "
        return f"error: {'; '.join(filter(None, (f'{where}{error.strerror or error}', ADVICE.get(error.errno or 0))))}"
    if isinstance(error, MemoryError):
        return f"error: not enough memory ({error or 'no more is free'}); try a smaller --batch-size or network"
    if isinstance(error, ImportError):
        return unusable(error)
    first_line = str(error).partition("\n")[0]
    return (
        f"error: {type(error).__name__}: {first_line}\n"
        "This is a fault of Pellucid's; please report it with what the same command shows with --debug."
    )


def _forget_output() -> None:
    """Let the interpreter end quietly when whoever read the output, such as ``head``, has gone away."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
