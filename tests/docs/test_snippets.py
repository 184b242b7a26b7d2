"""README.md and the pages of docs/ are run, fence by fence, so that what they show is what happens.

How a fence is treated follows from its first line:

```` ```python ````
    is run. The fences of a page share one namespace and one temporary folder. With ``>>>`` it is a doctest, and may be
    called ``pycon`` as well.
```` ```python near="0.05" ````
    is a doctest in which a number with a decimal point may differ by that much from the one shown (relative to numbers
    above 1): what training ends with depends on the processor, a little.
```` ```python no-run reason="…" ````
    is compiled only; the reason is for whoever wants it gone, and their number is bounded.
```` ```python needs="data" ````
    is run where PELLUCID_DATA names a folder with real data.
```` ```console run ````
    holds commands, ``$ pellucid …``, which are run in that folder, each with its output below (``...`` matches
    anything).
```` ```console ````
    is not run, but the verbs, options and make targets in it must exist.

The marks do not show on the built pages (tools/documentation.py takes them off, and calls all doctests ``pycon``).
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main

from pellucid.cli import app

ROOT = Path(__file__).parents[2]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NOT_RUN_AT_MOST = 3
LANGUAGES = {"python", "pycon", "console", "text", "toml", "json", "bibtex", "makefile"}
MARKS = {
    "python": {"no-run", "reason", "needs", "near"},
    "pycon": {"needs", "near"},
    "console": {"run", "needs", "near"},
}
DECIMAL = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")


class Fence(NamedTuple):
    page: Path
    line: int  # of its first line of text
    language: str
    marks: dict[str, str]
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.name}, line {self.line}"


class Command(NamedTuple):
    words: list[str]
    output: str


def fences(page: Path) -> list[Fence]:
    found, start, opening = [], 0, None
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        match = re.match(r" *```(.*)$", line)
        if match and opening is None:
            start, opening = number + 1, match[1]
        elif match and opening is not None:
            language, *marks = shlex.split(opening) or ["text"]
            text = textwrap.dedent("\n".join(lines[start:number]) + "\n")
            pairs = (mark.partition("=") for mark in marks)
            found.append(Fence(page, start + 1, language, {name: value for name, _, value in pairs}, text))
            opening = None
    if opening is not None:
        raise ValueError(f"{page.name}: the fence that begins before line {start + 1} is never closed")
    return found


def pages() -> list[Path]:
    return [page for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if page.exists()]


def commands(fence: Fence) -> Iterator[Command]:
    """The commands of a console fence, each with the output below it; a backslash continues a line."""
    for part in re.split(r"^\$ ", fence.text.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield Command(shlex.split(line, comments=True), output)


# ---- running


def run_python(fence: Fence, namespace: dict[str, Any]) -> None:
    if fence.text.lstrip().startswith(">>>"):
        run_doctest(fence, namespace)
        return
    above = "\n" * (fence.line - 1)  # so that a traceback names the line in the page
    code = compile(above + fence.text, str(fence.page), "exec")
    if "no-run" not in fence.marks:
        exec(code, namespace)


class Near(doctest.OutputChecker):
    """Takes a decimal number for the expected one if it is as near as the fence allows."""

    def __init__(self, fence: Fence):
        self.tolerance = float(fence.marks.get("near", 0))

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        expected = iter(DECIMAL.findall(want) if self.tolerance else [])

        def as_expected(found: re.Match[str]) -> str:
            text = next(expected, found[0])
            bound = self.tolerance * max(1, abs(float(text)))
            return text if abs(float(found[0]) - float(text)) <= bound else found[0]

        return super().check_output(want, DECIMAL.sub(as_expected, got), optionflags)


def run_doctest(fence: Fence, namespace: dict[str, Any]) -> None:
    example = doctest.DocTestParser().get_doctest(fence.text, {}, fence.place, str(fence.page), fence.line - 1)
    example.globs = namespace  # get_doctest would have copied it
    report: list[str] = []
    runner = doctest.DocTestRunner(Near(fence), optionflags=OPTIONS)
    runner.run(example, out=report.append, clear_globs=False)
    assert runner.failures == 0, f"{fence.place}\n" + "".join(report)


def run_console(fence: Fence, folder: Path) -> None:
    for command in commands(fence):
        assert command.words[0] == "pellucid", f"{fence.place}: only `$ pellucid …` can be run, not {command.words[0]}"
        start = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); sys.argv[0] = 'pellucid'"
        start += "; from pellucid.cli import main; sys.exit(main())"
        environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100", "PYTHONUTF8": "1"}
        result = subprocess.run(
            [sys.executable, "-c", start, *command.words[1:]],
            cwd=folder, env=environment, text=True, encoding="utf-8", timeout=300,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if not Near(fence).check_output(command.output, result.stdout, OPTIONS):
            pytest.fail(
                f"{fence.place}: {shlex.join(command.words)}\nexpected:\n{command.output}\ngot:\n{result.stdout}"
            )


def run_page(page: Path, folder: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for fence in fences(page):
        if fence.marks.get("needs") == "data" and not os.environ.get("PELLUCID_DATA"):
            continue
        if fence.language in ("python", "pycon"):
            run_python(fence, namespace)
        elif fence.language == "console" and "run" in fence.marks:
            run_console(fence, folder)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(page, tmp_path)


# ---- looking


def test_marks_are_known_and_what_is_not_run_says_why() -> None:
    everything = [fence for page in pages() for fence in fences(page)]
    for fence in everything:
        assert fence.language in LANGUAGES, f"{fence.place}: {fence.language!r} is none of {sorted(LANGUAGES)}"
        unknown = fence.marks.keys() - MARKS.get(fence.language, set())
        assert not unknown, f"{fence.place}: unknown marks {sorted(unknown)}"
        assert ("no-run" in fence.marks) == bool(fence.marks.get("reason")), f"{fence.place}: no-run needs a reason"
    not_run = [f"{fence.place}: {fence.marks['reason']}" for fence in everything if "no-run" in fence.marks]
    assert len(not_run) <= NOT_RUN_AT_MOST, "too much is shown and not run:\n" + "\n".join(not_run)


def unknown_words(words: list[str]) -> Iterator[str]:
    """The verbs and options in a `pellucid` command line that its parser does not know."""
    command: Any = typer.main.get_command(app)
    options = {"--help"}
    for word in words[1:]:
        options |= {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        verbs = getattr(command, "commands", {})
        if word.startswith("-") and word.partition("=")[0] not in options:
            yield word
        elif not word.startswith("-") and verbs:
            if word not in verbs:
                yield word
                return
            command = verbs[word]


def test_shown_verbs_and_options_exist() -> None:
    for fence in (fence for page in pages() for fence in fences(page) if fence.language == "console"):
        for command in commands(fence):
            if command.words[0] == "pellucid":
                assert not list(unknown_words(command.words)), f"{fence.place}: {shlex.join(command.words)}"


def test_unknown_verbs_and_options_are_found() -> None:
    assert list(unknown_words(shlex.split("pellucid --debug train lenet --data=mnist --epochs 3"))) == []
    assert list(unknown_words(shlex.split("pellucid trian lenet"))) == ["trian"]
    assert list(unknown_words(shlex.split("pellucid train lenet --epoch 3 --date=mnist"))) == [
        "--epoch",
        "--date=mnist",
    ]


def test_shown_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in [*pages(), ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\bmake ([a-z]+)", "".join(f.text for f in fences(page) if f.language == "console")):
            assert target in targets, f"{page.name} shows make {target}; the Makefile has {sorted(targets)}"


# ---- and the checks themselves: a page that is wrong is found out, one that is right is not


def page_of(folder: Path, *lines: str) -> Path:
    page = folder / "page.md"
    page.write_text("\n".join(["# A page", *lines, "```", ""]), encoding="utf-8")
    return page


def test_a_right_page_passes_and_its_fences_share_names_and_files(tmp_path: Path) -> None:
    shared = ["```python", "x = 20", "```", "", "    ```python", "    x += 1", "    ```"]
    page = page_of(
        tmp_path, *shared, "```text", "x", "```", "```python", ">>> x", "21", ">>> print('a  b', 3)", "a b ..."
    )
    run_page(page, tmp_path)


def test_a_wrong_result_is_found_at_its_line(tmp_path: Path) -> None:
    page = page_of(tmp_path, "", "```python", ">>> 1 + 1", "3")
    with pytest.raises(AssertionError, match=r"(?s)line 4.*Expected:\s+3\s+Got:\s+2"):
        run_page(page, tmp_path)


def test_a_number_may_differ_only_where_and_as_far_as_the_page_says(tmp_path: Path) -> None:
    near = page_of(tmp_path, "```pycon near='0.02'", ">>> print('loss', 0.51, 103.0, 3)", "loss 0.50 102.0 3")
    run_page(near, tmp_path)
    for fence, shown in (
        ("```pycon", "loss 0.50 103.0 3"),
        ("```pycon near='0.02'", "loss 0.48 103.0 3"),
        ("```pycon near='0.02'", "loss 0.51 103.0 4"),
        ("```pycon near='0.02'", "loss 0.51 103.0 3 0.1"),
        ("```pycon near='0.02'", "loss 0.51"),
    ):
        page = page_of(tmp_path, fence, ">>> print('loss', 0.51, 103.0, 3)", shown)
        with pytest.raises(AssertionError, match="Expected"):
            run_page(page, tmp_path)


def test_an_error_is_found_at_its_line(tmp_path: Path) -> None:
    page = page_of(tmp_path, "", "```python", "x = 1", "x / 0")
    with pytest.raises(ZeroDivisionError) as caught:
        run_page(page, tmp_path)
    assert caught.traceback[-1].lineno == 5 - 1
    assert caught.traceback[-1].path == page


def test_what_is_not_run_must_still_be_python(tmp_path: Path) -> None:
    run_page(page_of(tmp_path, "```python no-run reason='takes a day'", "1 / 0"), tmp_path)
    with pytest.raises(SyntaxError):
        run_page(page_of(tmp_path, "```python no-run reason='takes a day'", "1 /"), tmp_path)


def test_the_output_of_a_command_is_compared(tmp_path: Path) -> None:
    run_page(page_of(tmp_path, "```console run", "$ pellucid --version", "pellucid ..."), tmp_path)
    with pytest.raises(pytest.fail.Exception, match=r"(?s)line 3: pellucid --version.*expected:\nnonsense"):
        run_page(page_of(tmp_path, "```console run", "$ pellucid --version", "nonsense"), tmp_path)


def test_commands_are_told_from_their_output(tmp_path: Path) -> None:
    page = page_of(tmp_path, "```console", "$ pellucid train \\", "    lenet  # a remark", "one", "two", "$ make test")
    assert list(commands(fences(page)[0])) == [
        Command(["pellucid", "train", "lenet"], "one\ntwo\n"),
        Command(["make", "test"], ""),
    ]


def test_a_fence_left_open_is_refused(tmp_path: Path) -> None:
    page = page_of(tmp_path, "```python", "```", "```text", "```")
    with pytest.raises(ValueError, match=r"page\.md: the fence that begins before line 7 is never closed"):
        fences(page)
