"""What a run was begun with, without reading a checkpoint that may be large; and which of two that differ is right."""

import shutil

import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid.training import checkpoint


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    run = tmp_path_factory.mktemp("begun") / "run"
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=run, checkpoint_every=5, callbacks=[BreakAt(20)], **HOW)
    return run


@pytest.fixture
def run(begun, tmp_path):
    return shutil.copytree(begun, tmp_path / "run")


@pytest.fixture
def whole(monkeypatch):
    """The checkpoints that are read whole, as they come."""
    seen, real = [], checkpoint.read
    monkeypatch.setattr(checkpoint, "read", lambda path, *more: (seen.append(path.name), real(path, *more))[1])
    return seen


def edit(path, before, after):
    content = path.read_bytes()
    assert content.count(before) == 1
    assert len(before) == len(after)
    path.write_bytes(content.replace(before, after))


def rate(run):
    return checkpoint.known_config(run).table["training"]["optimizer"]["lr"]


def test_of_a_run_that_is_not_finished_headers_are_read(run, whole):
    assert rate(run) == 0.01
    with (run / "config.toml").open("a") as file:
        file.write("# my best run\n")
    assert rate(run) == 0.01
    assert whole == []


def test_where_the_file_was_edited_the_checkpoint_is_believed_once_it_is_whole(run, whole):
    edit(run / "config.toml", b"lr = 0.01", b"lr = 0.02")
    assert rate(run) == 0.01
    assert whole == ["checkpoint-000000020.safetensors"]


@pytest.mark.parametrize("file_is_there", [True, False])
def test_a_copy_in_a_damaged_checkpoint_is_not_believed(file_is_there, run, whole):
    edit(checkpoint.files(run)[0], b"lr = 0.01", b"lr = 0.02")
    if not file_is_there:
        (run / "config.toml").unlink()
    assert rate(run) == 0.01
    assert whole == ["checkpoint-000000020.safetensors", "checkpoint-000000015.safetensors"]


def test_where_no_checkpoint_is_whole_the_file_is_all_there_is(run):
    for path in checkpoint.files(run):
        edit(path, b"lr = 0.01", b"lr = 0.02")
    assert rate(run) == 0.01
    (run / "config.toml").unlink()
    with pytest.raises(p.ModelFileError, match="is no run"):
        checkpoint.known_config(run)


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b'\x0c\0\0\0\0\0\0\0{"a":"\\ud800"'])
def test_a_header_that_cannot_be_read_is_passed_over(content, run):
    checkpoint.files(run)[0].write_bytes(content)
    assert rate(run) == 0.01
