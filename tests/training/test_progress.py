"""What is shown while training goes on, and to whom."""

import io
import re
import sys
from types import ModuleType, SimpleNamespace

import pytest

import pellucid as p
from pellucid.training import progress
from pellucid.training.checkpoint import Checkpoint
from pellucid.training.progress import EpochLines, ProgressBar, progress_callbacks

EPOCH = r"epoch {}/{}: loss \d\.\d{{4}}, accuracy \d+\.\d\d %, \d+\.\d{{1,2}} s, [\d,]+ images/s"
VALIDATED = (
    r"epoch {}/{}: loss \d\.\d{{4}} \(val \d\.\d{{4}}\), accuracy \d+\.\d\d % \(val \d+\.\d\d %\), \d+\.\d{{1,2}} s"
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by one second whenever it is looked at."""
    ticks = iter(range(1_000_000))
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))


def fit(network, data, *callbacks, **options):
    return p.fit(network, data, **{"batch_size": 8, "callbacks": callbacks, "progress": False, **options})


def test_a_line_an_epoch(make, data):
    stream = io.StringIO()
    fit(make(), data, EpochLines(stream), epochs=10)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    for number, line in enumerate(lines, start=1):
        assert re.fullmatch(EPOCH.format(f"{number:2}", 10), line), line


def test_validation_is_part_of_the_line(make, data):
    stream = io.StringIO()
    history = fit(make(), data, EpochLines(stream), epochs=1, validation=data)
    assert re.fullmatch(VALIDATED.format(1, 1) + r", [\d,]+ images/s\n", stream.getvalue())
    assert f" (val {history.epochs[0]['val_loss']:.4f}), accuracy " in stream.getvalue()
    assert f" (val {100 * history.epochs[0]['val_accuracy']:.2f} %), " in stream.getvalue()


def test_the_seconds_are_those_since_the_last_line(make, data, clock):
    stream = io.StringIO()
    fit(make(), data, EpochLines(stream), epochs=2)
    # with one more look at the clock a batch: four of them, and the one at the epoch's end
    assert [line.split(", ")[2] for line in stream.getvalue().splitlines()] == ["5.0 s", "5.0 s"]


@pytest.mark.parametrize("shown", [EpochLines, lambda stream: ProgressBar()])
def test_an_epoch_that_another_process_showed_until_it_was_lost_took_all_its_seconds(make, data, shown, monkeypatch):
    class Late(p.Callback):
        """Begins in the midst of an epoch that has taken 50 seconds, as in who becomes the first rank."""

        def on_batch(self, training):
            if training.step == 3:
                line.on_begin(training)

        def on_epoch(self, training):
            training.history.epochs[-1]["seconds"] = 50.0
            line.on_epoch(training)
            line.on_end(training, None)

    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    line = shown(stream)
    fit(make(), data, Late(), epochs=1)
    assert ", 50.0 s, 1 images/s" in stream.getvalue()


@pytest.mark.parametrize(
    ("epochs", "left"), [(2, ""), (4, ", about 00:15 left"), (41, ", about 03:20 left"), (2001, ", about 2:46:40 left")]
)
def test_a_line_says_how_long_it_will_take_if_that_is_long(epochs, left, make, data, clock):
    class Stop(p.Callback):
        def on_batch(self, training):
            if training.step == 5:
                training.stop()

    stream = io.StringIO()
    fit(make(), data, EpochLines(stream), Stop(), epochs=epochs)
    first, second = stream.getvalue().splitlines()
    assert first.endswith(f" images/s{left}")
    assert second.endswith(" images/s")
    assert re.match(rf"epoch +2/{epochs}, 1 of 4 steps: loss ", second)


def test_the_epoch_in_whose_midst_a_training_goes_on_counts_as_a_whole_one(make, data, clock, tmp_path, monkeypatch):
    class Break(p.Callback):
        sees_weights = False

        def on_batch(self, training):
            if training.step == 3:
                training.end(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        fit(make(), data, Break(), epochs=5, out=tmp_path)
    restore = Checkpoint.restore
    monkeypatch.setattr(Checkpoint, "restore", lambda *given: 100.0 + 0 * restore(*given))
    stream = io.StringIO()
    p.resume(tmp_path, data, callbacks=[EpochLines(stream)], progress=False)
    first, second, *_ = stream.getvalue().splitlines()
    assert first.split(", ")[2] == "102.0 s", "a second for the step that was left and one for the epoch's end"
    assert first.endswith(", about 06:48 left")
    assert second.split(", ")[2] == "5.0 s"
    assert re.search(r", 0 images/s", first), "the images of the whole epoch, in all of its seconds"


def test_a_line_that_is_rewritten_counts_the_batches(make, data, clock):
    stream = io.StringIO()
    fit(make(), data, EpochLines(stream, rewrite=True), epochs=2)
    first, second, nothing = stream.getvalue().split("\n")
    for number, line in ((1, first), (2, second)):
        *batches, epoch = line.split("\r")[1:]
        for count, text in enumerate(batches, start=1):
            assert re.fullmatch(rf"epoch {number}/2: batch {count}/4, loss \d\.\d{{4}} *", text), text
        assert len(batches) == 4
        assert re.fullmatch(EPOCH.format(number, 2), epoch.rstrip())
    assert nothing == ""


def test_a_shorter_text_covers_the_longer_one_before_it():
    stream = io.StringIO()
    lines = EpochLines(stream, rewrite=True)
    lines._write("batch 10", end="")
    lines._write("batch 9", end="")
    lines._write("done", end="\n")
    lines._write("new", end="")
    assert stream.getvalue() == "\rbatch 10\rbatch 9 \rdone   \n\rnew"


def shown_in_a_terminal(columns, monkeypatch, network, data, *callbacks, **options):
    """What a terminal of so many columns was sent, without what moves the cursor."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for name, value in (("TERM", "xterm"), ("COLUMNS", str(columns))):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    fit(network, data, *callbacks, **{"epochs": 2, "progress": None, **options})
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())


def test_a_bar_in_a_terminal(make, data, monkeypatch):
    shown = shown_in_a_terminal(150, monkeypatch, make(), data)
    for number in (1, 2):
        assert re.search(EPOCH.format(number, 2), shown), shown
    so_far = r"epoch 2/2: loss \d\.\d{4}, accuracy \d+\.\d\d % [\d,]+ images/s all epochs \S+ left 00:00"
    assert re.search(so_far, shown), shown


@pytest.mark.parametrize(("columns", "rate"), [(80, ""), (100, r", [\d,]+ images/s")])
def test_a_line_is_no_wider_than_the_terminal(columns, rate, make, data, monkeypatch):
    shown = shown_in_a_terminal(columns, monkeypatch, make(), data, validation=data, epochs=20)
    lines = re.split(r"[\r\n]+", shown)
    assert max(map(len, lines)) <= columns
    assert any(re.fullmatch(VALIDATED.format(20, 20) + rate, line) for line in lines), shown


def test_a_bar_leaves_room_for_what_the_terminal_writes_at_its_end(make, data, monkeypatch):
    shown = shown_in_a_terminal(80, monkeypatch, make(), data)
    bars = [line for line in re.split(r"[\r\n]+", shown) if "all epochs" in line]
    assert bars
    assert max(map(len, bars)) <= 80 - len("^C^C")


def test_the_bar_shows_the_means_of_the_epoch_so_far(make, data, monkeypatch):
    texts, means = [], []

    class Look(p.Callback):
        sees_weights = False

        def on_batch(self, training):
            texts.append(progress._so_far(training))
            batches = training.history.batches[training.epoch * training.steps_per_epoch :]
            weights = [8] * (len(batches) - 1) + [training.seen - 8 * (len(batches) - 1)]
            loss = sum(each * weight for each, weight in zip(batches, weights, strict=True)) / sum(weights)
            means.append((loss, 100 * training.correct / training.seen))

    shown = shown_in_a_terminal(150, monkeypatch, make(), data, Look())
    assert texts[-1] in shown
    said = [re.fullmatch(r"epoch ./2: loss (.*), accuracy (.*) %", text).groups() for text in texts]
    assert len(said) == 8
    for (loss, accuracy), expected in zip(said, means, strict=True):
        assert (float(loss), float(accuracy)) == pytest.approx(expected, abs=1e-2)


def test_the_bar_is_gone_after_an_error(make, data, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    bar = ProgressBar()

    class Fail(p.Callback):
        def on_epoch(self, training):
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fit(make(), data, bar, Fail(), epochs=2)
    assert bar._bar.finished is False
    assert not bar._bar.live.is_started


# ---- who is shown what


def kinds(wanted):
    return [type(callback).__name__ for callback in progress_callbacks(wanted)]


def test_nobody_is_watching(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert (kinds(None), kinds(False), kinds(True)) == ([], [], ["EpochLines"])


def test_a_terminal_is_watching(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert (kinds(None), kinds(False), kinds(True)) == (["ProgressBar"], [], ["ProgressBar"])


def test_a_notebook_is_watching(make, data, monkeypatch, capsys):
    shell, module = type("ZMQInteractiveShell", (), {})(), ModuleType("IPython")
    module.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert (kinds(None), kinds(False), kinds(True)) == (["EpochLines"], [], ["EpochLines"])
    fit(make(), data, epochs=1, progress=None)
    out, err = capsys.readouterr()
    assert re.search("\r" + EPOCH.format(1, 1) + " *\n$", out), out
    assert err == ""


def test_ipython_in_a_terminal_is_a_terminal(monkeypatch):
    module = ModuleType("IPython")
    module.get_ipython = lambda: type("TerminalInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert kinds(None) == ["ProgressBar"]
