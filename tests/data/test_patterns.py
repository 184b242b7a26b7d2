"""Files by patterns, in the order of their names."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data.patterns import matching
from pellucid.errors import ArgumentError, DataError

FILES = (
    "a/b/c.png", "a/x.png", "a/b.png", "a/b-c/d.png", "a/.h/e.png", "a/.f.png", "a/we[1].png", "a/y.npy", "top.png",
    "a/t10k-images-idx3-ubyte", "a/read.me", "B.PNG",
)  # fmt: skip

LINKS = pytest.mark.skipif(os.name == "nt", reason="needs symbolic links, and names as on Linux")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("a/**.png", "a/b/c.png a/b-c/d.png a/b.png a/we[1].png a/x.png"),
        ("a/**/*.png", "a/b/c.png a/b-c/d.png a/b.png a/we[1].png a/x.png"),
        ("**/**/?.png", "a/b/c.png a/b-c/d.png a/b.png a/x.png"),
        ("a/*.png", "a/b.png a/we[1].png a/x.png"),
        ("a/**", "a/b/c.png a/b-c/d.png a/b.png a/read.me a/t10k-images-idx3-ubyte a/we[1].png a/x.png a/y.npy"),
        ("a", "a/b/c.png a/b-c/d.png a/b.png a/t10k-images-idx3-ubyte a/we[1].png a/x.png a/y.npy"),
        ("**/b/**", "a/b/c.png"),
        ("*/b/*.png", "a/b/c.png"),
        ("a/.*", "a/.f.png"),
        ("a/**/.*", "a/.f.png"),
        ("a/.h/*", "a/.h/e.png"),
        ("./*.png", "top.png"),
        ("*.PNG", "B.PNG"),
        ("a/we[1].png", "a/we[1].png"),
        ("a/we[[]1].png", "a/we[1].png"),
        ("a/[xy].*", "a/x.png a/y.npy"),
        ("a/x.png", "a/x.png"),
    ],
)
def test_what_a_pattern_names(pattern: str, files: str, tree: Path) -> None:
    assert list(matching([pattern])) == files.split()
    absolute = [str(tree / name) for name in files.split()]
    assert list(matching([tree / pattern])) == absolute


def test_what_several_name_is_there_once_and_in_order(tree: Path) -> None:
    Path("list.txt").write_text("top.png\n\na/x.png\na/x.png\n")
    found = list(matching(["a/*.png", "list.txt", "./a/x.png", "*.png"]))
    assert found == ["a/b.png", "a/we[1].png", "a/x.png", "top.png"]
    assert list(matching(["*.png", "a/x.png", "a/*.png"])) == found


@pytest.mark.parametrize(
    ("patterns", "error", "message"),
    [
        (["a/*.png", "none/*.png"], DataError, r"^none/\*\.png: matches no file$"),
        (["none.png"], DataError, r"^none\.png: matches no file$"),
        (["a/x.png/*"], DataError, "matches no file"),
        (["a/x**y"], ArgumentError, r"\*\* stands alone between slashes, or before the end of a name"),
        ([""], ArgumentError, "expected a pattern or a path, received nothing"),
        ([], ArgumentError, "expected at least one pattern, received none"),
        (["a\0b"], ArgumentError, "which no file or folder can be called"),
    ],
)
def test_what_names_nothing_is_refused(patterns: list[str], error: type[Exception], message: str, tree: Path) -> None:
    with pytest.raises(error, match=message):
        list(matching(patterns))


@LINKS
def test_links_that_lead_in_circles_end(tree: Path) -> None:
    Path("a/b/round").symlink_to("..")
    assert list(matching(["a/**/c.png"])) == ["a/b/c.png"]
    assert list(matching(["a/b/round/b/*.png"])) == ["a/b/round/b/c.png"]


@LINKS
@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("a/**", "a/b/c.png a/b-c/d.png a/b.png a/read.me a/t10k-images-idx3-ubyte a/we[1].png a/x.png a/y.npy"),
        ("a", "a/b/c.png a/b-c/d.png a/b.png a/t10k-images-idx3-ubyte a/we[1].png a/x.png a/y.npy"),
        ("a/**/[xy].*", "a/x.png a/y.npy"),
        ("**/up/x.png", "a/b/up/x.png"),
        ("a/*/*/[xy].*", "a/b/up/x.png a/b/up/y.npy"),
        ("a/b/up/**/[cx].png", "a/b/up/b/c.png a/b/up/x.png"),
        ("a/b/*/**/[cx].png", "a/b/up/b/c.png a/b/up/x.png"),
    ],
)
def test_only_a_name_of_the_pattern_leads_through_a_link_to_a_folder(pattern: str, files: str, tree: Path) -> None:
    Path("a/b/up").symlink_to("..")
    assert list(matching([pattern])) == files.split()


@LINKS
def test_a_link_that_leads_to_itself_or_nowhere_is_a_file(tree: Path) -> None:
    Path("a/b/loop.png").symlink_to("loop.png")
    Path("a/b/nowhere.png").symlink_to("gone")
    Path("a/b/round").symlink_to("back")
    Path("a/b/back").symlink_to("round")
    assert list(matching(["a/b"])) == list(matching(["a/b/*.png"])) == [
        "a/b/c.png", "a/b/loop.png", "a/b/nowhere.png",
    ]  # fmt: skip
    assert list(matching(["a/b/loop.png"])) == ["a/b/loop.png"]


@LINKS
def test_lines_of_a_list_end_where_files_say_so_and_nowhere_else(tree: Path) -> None:
    names = [f"a/odd{mark}name.png" for mark in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"]
    Path("list.txt").write_bytes("".join(f"{name}\r\n" for name in names).encode())
    assert list(matching(["list.txt"])) == names
    Path("list.txt").write_bytes("\n".join(names).encode("utf-8-sig"))  # as some editors save it
    assert list(matching(["list.txt"])) == names
    Path("list.txt").write_bytes("\n\r\n".join(names).encode())
    assert list(matching(["list.txt"])) == names


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="whom no permission binds can look into every folder")
def test_a_folder_that_cannot_be_looked_through_is_an_error(tree: Path) -> None:
    os.chmod("a/b", 0)
    try:
        with pytest.raises(DataError, match="a/b: cannot be looked through"):
            list(matching(["a/**.png"]))
    finally:
        os.chmod("a/b", 0o700)


@given(st.text(st.sampled_from("*?[]ab./"), min_size=1, max_size=8))
def test_any_pattern_is_matched_or_refused(pattern: str) -> None:
    try:
        found = list(matching([f"tests/data/{pattern}"]))
    except (ArgumentError, DataError):
        return
    assert found == sorted(set(found), key=lambda name: Path(name).parts)
