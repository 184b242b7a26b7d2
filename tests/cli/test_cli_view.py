"""`pellucid view`: what it shows, and what it says of what cannot be shown."""

import re
import signal
import socket
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web.answers import seeing
from pellucid.web.answers.asked import Asked
from web.live_client import Page

from .processes import LISTENING, POSIX, ended, start


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Benches that are served, without a server."""
    found: list[Any] = []
    monkeypatch.setattr("pellucid.web.serving.server.serve", lambda bench, **how: found.append(bench))
    return found


def test_a_run_is_shown_with_what_it_was_tested_on(pellucid: Any, trained: Path, served: list[Any]) -> None:
    assert pellucid("view", trained, "--no-browser").code == 0
    assert (served[0].title, served[0].part, len(served[0].data)) == ("run", "test", 12)


def test_a_run_whose_data_are_gone_is_shown_without(
    pellucid: Any, toy: Path, served: list[Any], tmp_path: Path
) -> None:
    data, run = tmp_path / "gone.npz", tmp_path / "<b>run\u202e"
    data.write_bytes(toy.read_bytes())
    assert pellucid("train", "small", "--data", data, "--epochs", 1, "--out", run, "--no-progress").code == 0
    data.unlink()
    result = pellucid("view", run, "--no-browser")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("note: there will be no images to choose from: ")
    assert served[0].data is None
    assert seeing.network(served[0], Asked({}))["title"] == "<b>run\\u202e"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nowhere",), 1, "there is no model, run or model file 'nowhere'"),
        (("damaged.safetensors",), 1, "damaged.safetensors: expected at least 10 bytes, found 4"),
        (("damaged.onnx",), 1, "damaged.onnx, byte 0: expected an ONNX model"),
        (("empty",), 1, "the folder holds no run"),
        (("lenet5", "--port", 70_000), 1, "port: expected a number from 0 to 65535, received 70000"),
        (("lenet5", "--port", "x"), 2, "--port: expected a whole number, received 'x'"),
        (("lenet5", "--data", "nowhere"), 1, "data: 'nowhere' is neither a path nor the name of a data set"),
        (
            ("lenet5", "--data", "mnist", "--data-dir", "none"),
            1,
            "'none', which does not exist; name the folder that mnist/",
        ),
        ((), 2, "expected RUN"),
        (("lenet5", "more"), 2, "expected RUN alone, received also more. See pellucid view --help"),
    ],
)
def test_what_cannot_be_shown_is_said(
    pellucid: Any, tmp_path: Path, words: tuple[object, ...], code: int, message: str
) -> None:
    for name in ("damaged.safetensors", "damaged.onnx"):
        (tmp_path / name).write_bytes(b"junk")
    (tmp_path / "empty").mkdir()
    result = pellucid("view", *words, "--no-browser")
    assert result.code == code
    assert message in result.err
    assert result.err.startswith("error: ")


def test_of_a_checkpoint_its_run_is_named(pellucid: Any, trained: Path, served: list[Any]) -> None:
    (checkpoint,) = trained.glob("checkpoint-*")
    result = pellucid("view", checkpoint, "--no-browser")
    assert (result.code, served) == (1, [])
    assert "is a checkpoint, from which a training goes on; name its run: " in result.err
    assert result.err.endswith(f" view {trained}\n")


def test_weights_alone_are_shown_with_their_model(pellucid: Any, tmp_path: Path, served: list[Any]) -> None:
    network = p.models.lenet5()
    safetensors.numpy.save_file(
        {path: np.ascontiguousarray(each.data) for path, each in network.parameters().items()},
        tmp_path / "w.safetensors",
    )
    result = pellucid("view", "w.safetensors", "--no-browser")
    assert result.code == 1
    assert result.err.endswith(" view lenet5 --weights w.safetensors\n")
    assert pellucid("view", "lenet5", "--weights", "w.safetensors", "--no-browser").code == 0
    assert len(served) == 1


def test_what_is_not_installed_is_said_before_anything_is_read(
    pellucid: Any, served: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = pellucid("view", "nowhere")
    assert result.code == 1
    assert result.err.startswith("error: the page needs starlette, uvicorn and websockets: pip install ")
    assert served == []


def test_a_port_that_is_taken_is_said(pellucid: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = pellucid("view", "lenet5", "--no-browser", "--port", port)
    assert result.code == 1
    assert result.err.startswith(f"error: port {port} of this machine cannot be had (")
    assert "leave --port out for one that is free" in result.err


@POSIX
def test_interrupting_it_ends_it_at_once(tmp_path: Path) -> None:
    command = (start.__globals__["sys"].executable, "-c", LISTENING)
    with ended(start("view", "lenet5", "--no-browser", folder=tmp_path, command=command)) as process:
        assert process.stdout is not None
        port = int(re.search(r":(\d+)/open\?token=", process.stdout.readline())[1])  # type: ignore[index]
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
        for client in clients[:4]:
            client.sendall(b"GET / HT")
        time.sleep(0.3)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert time.monotonic() - begun < 3  # a machine may have other things to do; alone it takes 0.3 s
        assert (process.returncode, out, err) == (0, "", "")
        for client in clients:
            client.close()


@POSIX
def test_interrupting_a_training_that_the_page_holds_ends_it_with_a_checkpoint_of_that_step(
    toy: Path, tmp_path: Path
) -> None:
    words = ("train", "small", "--data", str(toy), "--epochs", "100000", "--out", "run", "--view", "--no-browser")
    command = (start.__globals__["sys"].executable, "-c", LISTENING)
    with ended(start(*words, folder=tmp_path, command=command)) as process:
        assert process.stderr is not None
        while (found := re.search(r"watch it learn: (http://127.0.0.1:(\d+)/\S+)", process.stderr.readline())) is None:
            assert process.poll() is None, "it ended before the page opened"
        place = SimpleNamespace(port=int(found[2]), guard=SimpleNamespace(address=found[1]))
        with Page(SimpleNamespace(server=place)) as page:
            page.tell(do="pause")
            step = page.until(lambda told: told["state"] == "paused")["step"]
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
            assert time.monotonic() - begun < 10  # the page is open, and nobody waits for it
    assert (process.returncode, out) == (130, "")
    assert re.fullmatch(
        rf"interrupted after {step:,} of [\d,]+ steps; to go on: .*pellucid resume run", err.splitlines()[-1]
    )
    assert "Traceback" not in err
    assert (tmp_path / "run" / f"checkpoint-{step:09}.safetensors").is_file()


@POSIX
def test_the_page_of_a_training_that_fails_stays_until_ctrl_c(toy: Path, tmp_path: Path) -> None:
    words = ("train", "small", "--data", str(toy), "--lr", "1e30", "--out", "run", "--view", "--no-browser")
    command = (start.__globals__["sys"].executable, "-c", LISTENING)
    with ended(start(*words, folder=tmp_path, command=command)) as process:
        assert process.stderr is not None
        said = [""]
        while not said[-1].startswith("the page stays open until Ctrl-C"):
            said.append(process.stderr.readline())
            assert process.poll() is None, said
        found = re.search(r"watch it learn: (http://127.0.0.1:(\d+)/\S+)", "".join(said))
        assert found is not None
        assert any(line.startswith("ended by an error: ") for line in said)
        place = SimpleNamespace(port=int(found[2]), guard=SimpleNamespace(address=found[1]))
        with Page(SimpleNamespace(server=place)) as page:
            told = page.read()
        assert told["state"] == "interrupted"
        assert told["ending"].startswith("NonFiniteError: ")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "The weights that are kept are saved in run" in err
    assert "Traceback" not in err


def test_a_port_that_is_taken_is_refused_before_a_training_has_read_anything(
    pellucid: Any, trained: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        view = ("--view", "--no-browser", "--port", port)
        for words in (("train", "small", "--data", "nowhere.npz", "--out", "run"), ("resume", "nowhere")):
            result = pellucid(*words, *view)
            assert result.code == 1
            assert result.err.startswith(f"error: port {port} of this machine cannot be had ("), words
    assert not (tmp_path / "run").exists()
