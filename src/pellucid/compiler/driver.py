"""Compiling many kernels at once, on all processors.

LLVM compiles one module at a time in a process, so other processors need processes of their own. They read recipes,
line by line, and write object code. One that fails costs nothing but time: what is missing is compiled here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

from .. import geometry
from . import tiles
from .jit import Compiled, at_hand, compiled_together, kept_code, object_code
from .recipe import Recipe
from .tiles import BY_NAME

if TYPE_CHECKING:
    import subprocess

WORTH_A_PROCESS = 6
"""Kernels to be compiled that are worth another process, which takes as long to start as some of them to compile."""
PATIENCE = 60.0
"""Seconds that other processes are given for what they have begun, when nothing else is left to do."""
PROGRAM = f"import sys; sys.path[:] = {{path!r}}; from {__name__} import serve; serve()"
"""What another process runs; it finds modules where this one does, and nowhere else."""


def compile_all(recipes: Sequence[Recipe], processes: int) -> dict[Recipe, Compiled]:
    """Return the callables of recipes, compiled by up to so many processes, this one included."""
    ready = at_hand(recipes)
    others = [recipe for recipe in recipes if recipe not in ready]
    found = dict(zip(others, kept_code(*others), strict=True))
    missing = [recipe for recipe, content in found.items() if content is None]
    helpers = min(processes - 1, len(missing) // WORTH_A_PROCESS)
    # A frozen program is its own interpreter: it would start itself.
    if helpers > 0 and sys.executable and not getattr(sys, "frozen", False):
        ahead, started = _Shared(missing), list[Any]()
        threads = [threading.Thread(target=_ask, args=(ahead, found, started), daemon=True) for _ in range(helpers)]
        for thread in threads:
            thread.start()
        for recipe in ahead:
            found[recipe] = object_code(recipe)
        deadline = time.monotonic() + PATIENCE
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for process in started:  # what has not ended by now is done here
            process.kill()
        for thread in threads:
            thread.join(PATIENCE)
    return ready | compiled_together(found)


class _Shared:
    """Recipes that several threads take from, each of them once."""

    def __init__(self, recipes: Sequence[Recipe]):
        self._left, self._lock = list(recipes), threading.Lock()

    def __iter__(self) -> Iterator[Recipe]:
        while True:
            with self._lock:
                if not self._left:
                    return
                recipe = self._left.pop()
            yield recipe


def _ask(ahead: _Shared, found: dict[Recipe, bytes | None], started: list[Any]) -> None:
    """Let another process compile for as long as something is left. What it fails at stays missing."""
    import subprocess  # takes its time, and nobody needs it who has compiled before

    with suppress(OSError, ValueError):
        command = [sys.executable, "-c", PROGRAM.format(path=sys.path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        started.append(process)
        with process:
            for recipe in ahead:
                found[recipe] = _answer(process, recipe)


def _answer(process: subprocess.Popen[bytes], recipe: Recipe) -> bytes:
    """Return what another process makes of a recipe."""
    question, answer = process.stdin, process.stdout
    if question is None or answer is None:
        raise OSError("expected a process with pipes")
    question.write(json.dumps(_written(recipe)).encode() + b"\n")
    question.flush()
    return _opened(answer.readline())


def serve(questions: IO[bytes] | None = None, answers: IO[bytes] | None = None) -> None:
    """Compile the recipes that come line by line, until there are no more."""
    questions, answers = questions or sys.stdin.buffer, answers or sys.stdout.buffer
    for line in questions:
        answers.write(_sealed(object_code(_read(json.loads(line)))))
        answers.flush()


# ---- code as text: what is not whole would run as native code all the same
def _sealed(content: bytes) -> bytes:
    """Return a line that holds content, and by which it is known to be whole."""
    return hashlib.sha256(content).hexdigest().encode() + b" " + base64.b64encode(content) + b"\n"


def _opened(line: bytes) -> bytes:
    """Return the content of a line; ValueError where it is another line, or a part of one."""
    digest, _, text = line.strip().partition(b" ")
    content = base64.b64decode(text, validate=True)
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise ValueError("expected a line as it was written")
    return content


# ---- recipes as text
def _written(recipe: Recipe) -> dict[str, Any]:
    emitter = recipe.emitter
    return {
        "emitter": [emitter.__module__, emitter.__name__],
        "parameters": _plain(recipe.parameters),
        "isa": recipe.isa.name,
        "checked": recipe.checked,
    }


def _read(written: dict[str, Any]) -> Recipe:
    parameters = _value(written["parameters"])
    return Recipe(_named(*written["emitter"]), parameters, BY_NAME[written["isa"]], written["checked"])


def _plain(value: Any) -> Any:
    """Return a parameter as JSON knows it: a tuple becomes a list, a dataclass its name and its fields."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        own = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"class": [type(value).__module__, type(value).__name__], "fields": own}
    return value


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return tuple(_value(item) for item in plain)
    if isinstance(plain, dict):
        return _named(*plain["class"])(**{name: _value(item) for name, item in plain["fields"].items()})
    return plain


def _named(module: str, name: str) -> Any:
    """Return a function or class of the modules that recipes name things of."""
    return getattr(_modules()[module], name)


def _modules() -> dict[str, ModuleType]:
    from .rules import KERNELS  # rules know all kernels, and whoever only compiles one needs none of them

    return {module.__name__: module for module in (geometry, tiles, *KERNELS)}
