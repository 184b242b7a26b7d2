"""Whether a run can be repeated: its files, and its first steps."""

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid.training import checkpoint
from pellucid.training.checkpoint import files
from pellucid.training.files import check_files
from pellucid.training.replay import replay


@pytest.fixture
def run(tmp_path):
    p.fit(network(), images(), out=tmp_path / "run", **HOW)
    return tmp_path / "run"


def test_the_first_steps_of_a_run_come_to_the_same_bits(run, tmp_path):
    found = {replay(run, images(), threads=threads) for threads in (1, 2, 3)}
    assert len(found) == 1
    other = tmp_path / "other"
    p.fit(network(), images(), out=other, **{**HOW, "seed": 4})
    assert replay(other, images()) not in found


def test_a_run_that_was_resumed_has_them_too(run, tmp_path):
    for step in (3, 5, 20):
        broken = tmp_path / f"broken{step}"
        with pytest.raises(ZeroDivisionError):
            p.fit(network(), images(), out=broken, callbacks=[BreakAt(step)], **HOW)
        p.resume(broken, images(), progress=False)
        assert replay(broken, images()) == replay(run, images())


@pytest.mark.parametrize("mixing", [[], [p.augment.MixUp(0.4)]], ids=["alone", "mixed"])
def test_augmentation_is_done_again(mixing, run, tmp_path):
    how = {**HOW, "augment": [*mixing, p.augment.Crop(1), p.augment.Affine(0.5, 0.1)]}
    p.fit(network(), images(), out=tmp_path / "augmented", **how)
    assert replay(tmp_path / "augmented", images()) != replay(run, images())


def test_other_steps_are_found(run, monkeypatch):
    update = p.Adam.update
    monkeypatch.setattr(p.Adam, "update", lambda *given: update(*given[:-1], 1.01 * given[-1]))
    with pytest.raises(p.StateError, match=r"after 5 steps the weights are .{12}… here, and were .{12}…: another"):
        replay(run, images())


def test_nothing_is_validated(run, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError

    monkeypatch.setattr("pellucid.training.course.scores", refuse)
    assert replay(run, images())


def test_other_data_are_no_fault_of_the_processor(run):
    x, y = images()
    with pytest.raises(p.ArgumentError, match=r"begun with other settings: data: the data are others; give the same"):
        replay(run, (255 - x, y))


def test_callbacks_that_had_a_part_are_named(tmp_path):
    class Shrink(p.Callback):
        pass

    p.fit(network(), images(), out=tmp_path, callbacks=[Shrink(), BreakAt(99), p.EarlyStopping("loss")], **HOW)
    with pytest.raises(p.ArgumentError, match=r"was trained with Shrink, callbacks of its own"):
        replay(tmp_path, images())


def test_sample_weights_are_given_again(tmp_path):
    drawn = np.random.default_rng(0).random(150)
    p.fit(network(), images(), out=tmp_path, sample_weight=drawn, **HOW)
    assert len(replay(tmp_path, images(), sample_weight=drawn)) == 64
    with pytest.raises(p.ArgumentError, match=r"sample_weight: the data are others; give the same"):
        replay(tmp_path, images())


def test_what_cannot_be_done_again_is_said(run, tmp_path):
    made = network()
    made.parameters()["conv1.weight"].data[...] += 1
    p.fit(made, images(), out=tmp_path / "fine", **HOW)
    with pytest.raises(p.ArgumentError, match="began from other weights than its seed draws, such as those of a file"):
        replay(tmp_path / "fine", images())
    p.fit(network(), images(), out=tmp_path / "short", **{**HOW, "epochs": 1, "batch_size": 120, "schedule": None})
    with pytest.raises(p.ArgumentError, match="short: it had fewer than 5 steps"):
        replay(tmp_path / "short", images())


# ---- files
def test_damaged_files_of_a_run_are_found_one_by_one(run):
    names = check_files(run)
    assert names == {"config.toml": "", "metrics.jsonl": "", "model.safetensors": "", files(run)[0].name: ""}
    for name in ("model.safetensors", files(run)[0].name):
        content = bytearray((run / name).read_bytes())
        content[-1] ^= 1
        (run / name).write_bytes(content)
    found = check_files(run)
    assert {name for name, wrong in found.items() if wrong} == {"model.safetensors", files(run)[0].name}
    assert f"{run / 'model.safetensors'}, byte 35: expected the SHA-256" in found["model.safetensors"]


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("config.toml", lambda text: text.replace("lr = 0.01", "lr = 0.02"),
         "was changed: training.optimizer.lr is 0.02, and was 0.01"),
        ("config.toml", lambda text: text[:-9], "is damaged: "),
        ("metrics.jsonl", lambda text: text.replace('"epoch": 2, "loss": ', '"epoch": 2, "loss": 1'),
         "was changed: epoch 2 is {'epoch': 2, 'loss': 1"),
        ("metrics.jsonl", lambda text: "".join(text.splitlines(True)[:-1]), "was changed: epoch 5 is None, and was {"),
        ("metrics.jsonl", lambda text: text + '{"epoch": 6, "loss": 0.1}\n', "it has 6 epochs, and there were 5"),
        ("metrics.jsonl", lambda text: text + '{"test_accuracy": 0.9}\n', ""),
    ],
)  # fmt: skip
def test_what_bears_no_seal_is_compared_with_the_copy_that_does(name, change, says, run):
    path = run / name
    path.write_text(change(path.read_text()))
    found = check_files(run)
    assert says in found.pop(name)
    assert not any(found.values())


def test_all_changed_settings_are_named_unless_they_are_many(run):
    path = run / "config.toml"
    text = path.read_text()
    path.write_text(text.replace("lr = 0.01", "lr = 0.02").replace("epochs = 5", "epochs = 9"))
    says = check_files(run)["config.toml"].partition("was changed: ")[2]
    assert sorted(says.split("; ")) == [
        "training.epochs is 9, and was 5",
        "training.optimizer.lr is 0.02, and was 0.01",
    ]
    path.write_text(text + "".join(f"more{number} = 1\n" for number in range(7)))
    assert check_files(run)["config.toml"].endswith("more4 is 1, and was None; and 2 more")


def test_another_network_in_the_place_of_the_trained_one_is_found(run, tmp_path):
    p.fit(network(), images(), out=tmp_path / "other", **{**HOW, "seed": 4})
    (run / "model.safetensors").write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    assert "is another file than the training left" in check_files(run)["model.safetensors"]


def test_the_network_of_a_run_need_not_be_known(tmp_path):
    """A layer of one's own, whose class is not here."""

    class Mine(p.ReLU):
        def config(self):
            return {}

    made = p.Sequential([p.Flatten(), Mine(), p.Linear(36, 3)], input_shape=(1, 6, 6))
    p.fit(made, images(), out=tmp_path, **{**HOW, "epochs": 1, "schedule": None, "engine": "numpy"})
    assert not any(check_files(tmp_path).values())


@pytest.fixture
def moving(tmp_path, monkeypatch):
    """Returns a run whose training gets on as soon as a checkpoint is read: of the generations at steps 15 and 20 so
    many are gone then, and as many newer ones there."""

    def made(gone):
        def read(path, *more):
            if not moved:
                moved.extend(files(run)[-gone:])
                for number, each in enumerate(moved):
                    (run / f"checkpoint-{25 + number:09}.safetensors").write_bytes(content)
                    each.unlink()
            return real(path, *more)

        with pytest.raises(ZeroDivisionError):
            p.fit(network(), images(), out=run, checkpoint_every=5, callbacks=[BreakAt(20)], **HOW)
        content = files(run)[0].read_bytes()
        monkeypatch.setattr(checkpoint, "read", read)
        return run

    run, real, moved = tmp_path / "run", checkpoint.read, []
    return made


@pytest.mark.parametrize(("gone", "left"), [(1, {"20"}), (2, {"25", "26"})])
def test_checkpoints_that_a_training_lets_go_of_while_they_are_read_are_no_damage(gone, left, moving):
    run = moving(gone)
    (run / "config.toml").write_text((run / "config.toml").read_text().replace("lr = 0.01", "lr = 0.02"))
    found = check_files(run)
    assert "lr is 0.02, and was 0.01" in found.pop("config.toml"), "it is compared with one that is there"
    assert {name[-14:-12] for name in found if name.startswith("checkpoint-")} == left
    assert not any(found.values())


@pytest.mark.filterwarnings("error")
def test_the_steps_of_a_run_that_is_being_trained_are_done_again(moving):
    assert replay(moving(2), images())
