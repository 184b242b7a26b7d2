"""What ranks agree on: how a training begins, ends, is saved and goes on. Here ranks are threads."""

import shutil

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import HOW, STEPS, BreakAt, images, network
from oracles.ranks import World
from oracles.shared_trainings import data, residual, trained
from pellucid.collective import NUMBERS, odd_ones
from pellucid.errors import RankError, UnlikeRankError
from pellucid.training import Training, checkpoint
from pellucid.training.agreement import code_digest, exit_code
from pellucid.training.checkpoint import files


def held(network):
    return {path: each.data.tobytes() for path, each in (network.parameters() | network.states()).items()}


def shared(work, size=3, **how):
    """Return what each rank's work returns or raises."""

    def kept(rank):
        try:
            return work(rank)
        except BaseException as error:
            return error

    return World(size, **how).run(kept)


# ---- evaluating
@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("data", "rank 1: the digest of the data is"), ("weights", "rank 1: the digest of the weights is"),
        ("batch", "rank 1: batch_size is 16, and None on the others"),
    ],
)  # fmt: skip
def test_a_rank_that_evaluates_something_else_is_named_on_all(other, words):
    def work(rank):
        odd, net, (x, labels) = rank.rank == 1, network(), images()
        if odd and other == "weights":
            next(iter(net.parameters().values())).data.reshape(-1)[0] += 1
        if odd and other == "data":
            labels = labels[::-1]
        return p.evaluate(net, (x, labels), batch_size=16 if odd and other == "batch" else None, ranks=rank)

    for error in shared(work):
        assert isinstance(error, UnlikeRankError)
        assert words in str(error)


class EvaluatesAlone(p.Callback):
    sees_weights = False  # so that the first rank alone has it

    def __init__(self, when):
        self.when = when

    def _evaluate(self, training, when):
        if when == self.when:
            p.evaluate(training.network, data(training.network), ranks=training.ranks)

    def on_begin(self, training):
        self._evaluate(training, "begin")

    def on_batch(self, training):
        self._evaluate(training, "batch")

    def on_epoch(self, training):
        self._evaluate(training, "epoch")


@pytest.mark.parametrize("when", ["begin", "batch", "epoch"])
def test_a_rank_that_evaluates_alone_is_told_so(when):
    for error in shared(lambda rank: trained("convolutions", rank, callbacks=[EvaluatesAlone(when)])):
        assert isinstance(error, UnlikeRankError)
        assert "rank 0 to evaluate, rank 1 to " in str(error)
        assert "all must call" in str(error)


# ---- beginning
@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"seed": 4}, "rank 1: training.seed is 4, and 3 on the others"),
        ({"epochs": 3}, "rank 1: training.epochs is 3, and 2 on the others"),
        ({"optimizer": p.SGD(0.1)}, "rank 1: training.optimizer.name is 'SGD', and 'Adam' on the others"),
        ({"sample_weight": np.arange(133.0)}, "rank 1: training.sample_weight.sha256 is"),
    ],
)
def test_a_rank_with_other_settings_is_named_on_all(other, words):
    results = shared(lambda rank: trained("convolutions", rank, **(other if rank.rank == 1 else {})))
    for error in results:
        assert isinstance(error, RankError)
        assert words in str(error)
        assert "All ranks need the same code, data and settings" in str(error)


@pytest.mark.parametrize("kind", [p.KeepBest, p.EarlyStopping])
def test_a_rank_without_a_callback_that_remembers_is_named(kind):
    for error in shared(lambda rank: trained("convolutions", rank, callbacks=[kind("loss")] if rank.rank != 1 else [])):
        assert isinstance(error, RankError)
        assert str(error).startswith(f"rank 1: callbacks that remember is none, and {kind.__name__}(")


def test_a_rank_without_a_callback_that_may_change_weights_is_named():
    counting = p.on_batch(lambda training: None)
    for error in shared(lambda rank: trained("convolutions", rank, callbacks=[] if rank.rank else [counting]), 2):
        assert isinstance(error, RankError)
        assert str(error).startswith("rank 1: callbacks with sees_weights = True is none, and Hook on the others")


def test_who_only_watches_may_be_in_one_rank_alone():
    def work(rank):
        printing = [p.on_epoch(print, sees_weights=False)] if rank and not rank.rank else []
        return trained("convolutions", rank, callbacks=printing)

    assert shared(work) == [work(None)] * 3


def test_a_rank_with_other_data_is_named():
    def work(rank):
        net = residual()
        x, labels = data(net)
        x[0, 0, 0, 0] ^= rank.rank == 2
        return p.fit(net, (x, labels), progress=False, ranks=rank)

    for error in shared(work):
        assert str(error).startswith("rank 2: data.sha256 is ")


def test_a_rank_with_other_weights_is_named():
    def work(rank):
        net = residual()
        if rank.rank == 0:
            net["linear1"].bias.data[0] += 1e-6
        return p.fit(net, data(net), progress=False, ranks=rank)

    for error in shared(work):
        assert str(error).startswith("rank 0: the digest of the weights is ")


def test_a_rank_with_other_code_is_named(monkeypatch):
    codes = iter(["a", "b", "a"])
    monkeypatch.setattr("pellucid.training.agreement.code_digest", lambda: next(codes))
    for error in shared(lambda rank: trained("convolutions", rank)):
        assert "the digest of Pellucid's code is b, and a on the others" in str(error)


def test_the_digest_of_the_code_is_another_where_a_letter_is(monkeypatch, tmp_path):
    def of(text):
        (tmp_path / "training").mkdir(exist_ok=True)
        (tmp_path / "conv.py").write_text(text)
        return code_digest.__wrapped__()

    monkeypatch.setattr("pellucid.training.agreement.__file__", str(tmp_path / "training" / "agreement.py"))
    assert of("a = 1\n") == of("a = 1\n") != of("a = 2\n")


def test_who_is_odd_is_told_by_most_of_them():
    assert odd_ones("x", [1, 2, 2], range(3)) == "rank 0: x is 1, and 2 on the others"
    assert odd_ones("x", [1, 2], [0, 1]) == "rank 1: x is 2, and 1 on the others"
    assert odd_ones("x", [5, 1, 5, 2], [0, 2, 3, 4]) == "ranks 2, 4: x is 1, and 5 on the others"
    assert odd_ones("x", [1, 1], [0, 1]) == ""


class AtOnce(p.Callback):
    """Does something as training begins, in the first rank alone."""

    sees_weights = False

    def __init__(self, do):
        self.on_begin = do


@pytest.mark.parametrize("ask", [Training.stop, lambda training: training.multiply_lr(0.5)], ids=["stop", "slower"])
def test_what_the_first_rank_asks_for_as_training_begins_all_do(ask):
    def work(rank=None):
        return trained("convolutions", rank, callbacks=[AtOnce(ask)])

    expected = work()
    assert expected != trained("convolutions")
    assert shared(work, patience=2.0) == [expected] * 3


def test_what_ends_the_first_rank_as_training_begins_ends_all_before_the_first_step(tmp_path):
    def work(rank):
        ending = AtOnce(lambda training: training.end(ZeroDivisionError()))
        return p.fit(network(), images(), out=tmp_path, callbacks=[ending], ranks=rank, **HOW)

    assert [type(error) for error in shared(work, patience=2.0)] == [ZeroDivisionError, SystemExit, SystemExit]
    assert checkpoint.newest(tmp_path).state["step"] == 0


# ---- on the way
def test_weights_that_come_apart_are_found_at_the_end():
    def work(rank):
        def astray(training):
            if rank.rank == 1 and training.step == 2:
                training.network["linear1"].bias.data[0] += 1e-7

        return trained("batch normalisation", rank, callbacks=[p.on_batch(astray)])

    for error in shared(work):
        assert isinstance(error, RankError)
        assert "the digest of the weights after step 6" in str(error)
        assert str(error).startswith("rank 1: ")


def test_a_network_that_a_callback_has_changed_at_the_end_in_one_rank_is_found(tmp_path):
    class Astray(p.Callback):
        def on_end(self, training, error):
            if training.ranks.rank == 2:
                training.network["linear1"].bias.data[0] += 1e-7

    for error in shared(lambda rank: trained("dropout", rank, callbacks=[Astray()], out=tmp_path / "run")):
        assert str(error).startswith("rank 2: the digest of the network as the training leaves it is ")
    assert not checkpoint.newest(tmp_path / "run").finished


def test_one_that_watches_is_called_in_the_first_rank_alone():
    calls = []

    def work(rank):
        watching = p.on_epoch(lambda training: calls.append(("watches", rank.rank)), sees_weights=False)
        taking_part = p.on_epoch(lambda training: calls.append(("takes part", rank.rank)))
        return trained("convolutions", rank, epochs=1, callbacks=[watching, taking_part])

    shared(work)
    assert sorted(calls) == [("takes part", 0), ("takes part", 1), ("takes part", 2), ("watches", 0)]


def test_what_the_first_rank_learns_the_others_do():
    """A rate that somebody changes, and a stop: of these only the first rank hears."""

    def watch(training):
        if training.step == 1:
            training.multiply_lr(0.5)
        if training.step == 4:
            training.stop()

    def work(rank):
        return trained("convolutions", rank, epochs=5, callbacks=[p.on_batch(watch, sees_weights=False)])

    expected = trained("convolutions", epochs=5, callbacks=[p.on_batch(watch, sees_weights=False)])
    assert len(expected[1]) == 4
    assert shared(work) == [expected] * 3


# ---- runs
def test_one_rank_writes_the_run_and_it_is_that_of_one_process(tmp_path):
    trained("batch normalisation", out=tmp_path / "one")
    shared(lambda rank: trained("batch normalisation", rank, out=tmp_path / "several"))
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert sorted(path.name for path in (tmp_path / "several").iterdir()) == names
    for name in ("config.toml", "model.safetensors"):
        assert (tmp_path / "several" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


@pytest.mark.parametrize("sizes", [(1, 3), (3, 2), (4, 1)], ids=str)
def test_a_run_goes_on_with_another_number_of_ranks(tmp_path, sizes):
    before, after = sizes
    whole = network()
    p.fit(whole, images(), **HOW)
    run = tmp_path / "run"

    def begin(rank):
        breaking = [BreakAt(STEPS + 3)] if rank.rank == 0 else []
        return p.fit(network(), images(), out=run, callbacks=breaking, ranks=rank, **HOW)

    ended = shared(begin, before)
    assert isinstance(ended[0], ZeroDivisionError)
    assert all(isinstance(error, SystemExit) and error.code == 1 for error in ended[1:])
    for found, history in shared(lambda rank: p.resume(run, images(), ranks=rank, progress=False), after):
        assert held(found) == held(whole)
        assert len(history.epochs) == HOW["epochs"]


@pytest.mark.parametrize("moment", ["within a step", "between two steps", "as weights are compared"])
def test_where_a_rank_is_lost_the_last_whole_step_is_kept(tmp_path, moment):
    whole = network()
    p.fit(whole, images(), **HOW)
    run, word = tmp_path / "run", 2 * (1 + NUMBERS) * 8
    every = STEPS + 3 if moment == "as weights are compared" else None

    def count(training):
        """What a run remembers of the callback is its name."""

    def work(rank):
        steps, sizes, gather = [], [0], rank.gather

        def count(training):
            steps.append(training.step)
            if moment == "between two steps":
                lose()

        def lose():
            if rank.rank == 1 and len(steps) == STEPS + 3:
                raise ConnectionError("the rank has gone")

        def gather_or_go(room, bounds):
            # The word after the step is still said.
            within, after_word = len(room) != word, sizes[-1] == word
            if (moment == "within a step" and within) or (moment == "as weights are compared" and after_word):
                lose()
            sizes.append(len(room))
            return gather(room, bounds)

        rank.gather = gather_or_go
        counting = [p.on_batch(count)]
        return p.fit(network(), images(), out=run, callbacks=counting, checkpoint_every=every, ranks=rank, **HOW)

    first, second = shared(work, 2, patience=1.0)
    assert (type(first), type(second)) == (RankError, ConnectionError)
    assert files(run)[0].name == f"checkpoint-{STEPS + 3:09}.safetensors"
    found, _ = p.resume(run, images(), callbacks=[p.on_batch(count)], progress=False)
    assert held(found) == held(whole)


def test_of_weights_that_came_apart_there_is_no_checkpoint(tmp_path):
    def work(rank):
        def astray(training):
            if rank.rank == 0 and training.step == 4:
                training.network["linear1"].bias.data[0] += 1e-7

        return trained(
            "batch normalisation", rank, callbacks=[p.on_batch(astray)], out=tmp_path / "run", checkpoint_every=5
        )

    for error in shared(work):
        assert "after step 5" in str(error)
    assert [path.name for path in files(tmp_path / "run")] == ["checkpoint-000000000.safetensors"]


def test_what_a_rank_keeps_of_the_best_epochs_lies_there_once(tmp_path):
    def work(rank, out):
        keeping = [p.KeepBest(monitor="val_loss"), p.EarlyStopping("val_loss", patience=2)]
        return trained("convolutions", rank, epochs=4, out=out, callbacks=keeping)

    expected = work(None, tmp_path / "one")
    assert shared(lambda rank: work(rank, tmp_path / "several")) == [expected] * 3
    one, several = (sorted(p.name for p in (tmp_path / name / "best").iterdir()) for name in ("one", "several"))
    assert several == one


def test_a_folder_that_is_taken_is_refused_by_the_first_rank(tmp_path):
    trained("convolutions", out=tmp_path / "run")
    kept = shutil.copytree(tmp_path / "run", tmp_path / "kept")
    with pytest.raises(p.errors.ArgumentError, match="holds a run already"):
        World(2, patience=0.5).run(lambda rank: trained("convolutions", rank, out=tmp_path / "run"))
    for path in kept.iterdir():
        assert (tmp_path / "run" / path.name).read_bytes() == path.read_bytes()


def test_how_a_process_would_exit():
    endings = (None, KeyboardInterrupt(), SystemExit(143), SystemExit(0), RuntimeError())
    assert [exit_code(ending) for ending in endings] == [0, 130, 143, 1, 1]
