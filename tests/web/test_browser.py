"""How a browser is led to the page: the token stands in a file of one's own, and on no command line."""

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

import pellucid as p
from pellucid.errors import StorageError
from pellucid.web.bench import Bench
from pellucid.web.serving import browser
from pellucid.web.serving.server import Server

from .wire import open_page

ADDRESS = "http://127.0.0.1:8000/open?token=secret"


@pytest.fixture
def server() -> Any:
    network = p.Sequential([p.Flatten(), p.Linear(64, 3)], input_shape=(1, 8, 8))
    said: list[str] = []
    with Server(Bench(network, "leading"), say=said.append) as made:
        made.said = said
        yield made


def test_the_browser_is_given_a_file_that_nobody_else_can_read(given: list[str], tmp_path: Path) -> None:
    forwarding = browser.Forwarding()
    assert forwarding.open(ADDRESS)
    (folder,) = tmp_path.iterdir()
    (file,) = folder.iterdir()
    assert given == [file.as_uri()]
    if os.name == "posix":
        assert [stat.S_IMODE(each.stat().st_mode) for each in (folder, file)] == [0o700, 0o600]
    assert f'content="0; url={ADDRESS}"' in file.read_text(encoding="utf-8")
    forwarding.remove()
    forwarding.remove()
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_there_until_the_token_is_used_and_at_most_as_long_as_the_page(
    given: list[str], server: Any, tmp_path: Path
) -> None:
    address, said = server.guard.address, []
    server.invite(said.append, browser=True)
    assert said == [f"the page opens in the browser; if it does not, open\n{address}"]
    assert len(list(tmp_path.iterdir())) == 1
    open_page(server)
    assert list(tmp_path.iterdir()) == []
    assert re.fullmatch(r"another browser: http://127.0.0.1:\d+/open\?token=\S+", server.said[0])
    server.invite(said.append, browser=True)
    server.__exit__()
    assert list(tmp_path.iterdir()) == []
    assert all("token" not in each for each in given)


def test_where_snaps_are_browsers_the_file_lies_in_the_users_folder(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(browser, "SNAPS", tmp_path)
    forwarding = browser.Forwarding()
    assert forwarding.open(ADDRESS)
    (folder,) = (tmp_path / "home").iterdir()
    assert not folder.name.startswith(".")  # which snaps may not read
    forwarding.remove()


def test_where_nobody_sees_command_lines_the_browser_is_given_the_address(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "_is_windows", lambda: True)
    assert browser.Forwarding().open(ADDRESS)
    assert given == [ADDRESS]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("without", ["screen", "browser", "place"])
def test_where_no_browser_can_be_opened_it_is_said_and_how_the_page_is_reached(
    without: str, given: list[str], server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    monkeypatch.setattr(browser.sys, "platform", "linux")

    def full(*given: Any, **how: Any) -> None:
        raise StorageError("the disk is full")

    if without == "screen":
        monkeypatch.delenv("DISPLAY")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    elif without == "browser":
        monkeypatch.setattr("webbrowser.open", lambda address: False)
    else:
        monkeypatch.setattr(browser, "write_file", full)
    said: list[str] = []
    server.invite(said.append, browser=True, words="watch it learn:")
    port = server.port
    assert said == [
        f"no browser can be opened from here; watch it learn:\n{server.guard.address}",
        f"after this, where your browser is:\nssh -N -L {port}:127.0.0.1:{port} THIS-MACHINE",
    ]
    assert list(tmp_path.iterdir()) == []
    assert given == []


def test_no_browser_is_opened_where_none_is_wanted(given: list[str], server: Any) -> None:
    said: list[str] = []
    server.invite(said.append, browser=False)
    assert (said, given) == ([f"open {server.guard.address}"], [])
