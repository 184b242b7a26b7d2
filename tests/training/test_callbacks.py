"""Callbacks: when they are called, what they see, and how they end a training."""

import re

import numpy as np
import pytest

import pellucid as p
from pellucid.training import Callback, Training


class Diary(Callback):
    """Writes down every call, with the finished epochs and steps at that moment."""

    def __init__(self, name="", pages=None):
        self.name = name
        self.pages = [] if pages is None else pages
        self.error = None

    def _write(self, what, training):
        self.pages.append((f"{self.name}{what}", training.epoch, training.step))

    def on_begin(self, training):
        self._write("begin", training)

    def on_batch(self, training):
        self._write("batch", training)

    def on_epoch(self, training):
        self._write("epoch", training)

    def on_end(self, training, error):
        self._write("end", training)
        self.error = error


class At(Callback):
    """Does something at one moment of a training."""

    def __init__(self, moment, action, step=0):
        self._action, self._step = action, step
        setattr(self, moment, self._act)

    def _act(self, training, *_):
        if training.step >= self._step:
            self._action(training)


def raise_(error):
    raise error


def fit(network, data, *callbacks, epochs=2, batch_size=16, **options):
    return p.fit(network, data, epochs=epochs, batch_size=batch_size, callbacks=callbacks, progress=False, **options)


def test_each_moment_comes_in_its_order(make, data):
    diary = Diary()
    fit(make(), data, diary)
    assert diary.pages == [
        ("begin", 0, 0), ("batch", 0, 1), ("batch", 0, 2), ("epoch", 1, 2), ("batch", 1, 3), ("batch", 1, 4),
        ("epoch", 2, 4), ("end", 2, 4),
    ]  # fmt: skip
    assert diary.error is None


def test_callbacks_stand_inside_each_other(make, data):
    pages = []
    fit(make(), data, Diary("a ", pages), Diary("b ", pages), epochs=1, batch_size=30)
    assert [page[0] for page in pages] == [
        "a begin", "b begin", "a batch", "b batch", "a epoch", "b epoch", "b end", "a end",
    ]  # fmt: skip


def test_a_training_says_where_it_stands(make, data):
    seen = []

    def look(training: Training):
        seen.append((training.seen, training.correct, training.lr, len(training.history.batches)))
        assert (training.epochs, training.batch_size) == (1, 20)
        assert (training.steps_per_epoch, training.total_steps) == (2, 2)
        assert training.data is data

    network = make()
    right = p.predict_classes(network, data.images) == data.labels
    fit(
        network, data, At("on_begin", look), At("on_batch", look), epochs=1, batch_size=20, shuffle=False,
        optimizer=p.SGD(0.0), schedule=lambda *_: 1.0,
    )  # fmt: skip
    assert seen == [(0, None, 0.0, 0), (20, right[:20].sum(), 0.0, 1), (30, right.sum(), 0.0, 2)]


def test_the_first_learning_rate_is_known_from_the_start(make, data):
    rates = []
    look = At("on_begin", lambda training: rates.append(training.lr))
    fit(make(), data, look, optimizer=p.SGD(0.5), schedule=lambda step, *_: 0.1 + step)
    assert rates == [0.05]


def test_the_weights_seen_are_those_of_the_last_step(make, data):
    network, expected = make(), []
    look = At("on_batch", lambda training: expected.append(p.evaluate(network, data)["loss"]))
    history = fit(network, data, look, epochs=4, batch_size=30, shuffle=False)
    assert history.batches[1:] == pytest.approx(expected[:-1], rel=1e-6)


def test_averages_are_seen_after_an_epoch_and_the_trained_weights_between_steps(make, data):
    network, between, after = make(), [], []

    def weight(training):
        return network["linear1"].weight.data.copy()

    history = fit(
        network, data, At("on_batch", lambda training: between.append(weight(training))),
        At("on_epoch", lambda training: after.append((weight(training), p.evaluate(network, data)["loss"]))),
        epochs=1, batch_size=10, validation=data, optimizer=p.SGD(0.5, average=0.9),
    )  # fmt: skip
    ((averaged, loss),) = after
    assert history.epochs[0]["val_loss"] == loss
    decay = [None, 1 / 10, 2 / 11]  # (step − 1) / (step + 8)
    expected = between[0]
    for step in (1, 2):
        expected = decay[step] * expected + (1 - decay[step]) * between[step]
    np.testing.assert_allclose(averaged, expected, rtol=1e-5)
    assert not np.array_equal(averaged, between[-1])


def test_plain_functions_are_called_after_steps_and_epochs(make, data):
    pages = []
    fit(
        make(), data, p.on_batch(lambda training: pages.append(("batch", training.step))),
        p.on_epoch(lambda training: pages.append(("epoch", training.history.epochs[-1]["epoch"]))),
    )  # fmt: skip
    assert pages == [("batch", 1), ("batch", 2), ("epoch", 1), ("batch", 3), ("batch", 4), ("epoch", 2)]


def test_a_plain_function_may_look_at_weights_and_change_them_and_end_the_training(make, data):
    seen = []

    @p.on_batch
    def double(training):
        training.network["linear1"].bias.data = np.full(3, 2.0)
        training.stop()

    @p.on_epoch
    def look(training):
        seen.append(training.network["linear1"].bias.data.copy())

    assert repr(double) == "on_batch(double)"
    history = fit(make(), data, double, look, epochs=3)
    assert len(history.batches) == 1
    assert np.array_equal(seen, [np.full(3, 2.0)])


@pytest.mark.parametrize("sees", [True, False])
def test_weights_are_brought_after_every_step_only_to_functions_that_see_them(sees, make, data):
    network, seen = make(), []
    first = network["linear1"].weight.data.copy()
    look = p.on_batch(lambda training: seen.append(training.network["linear1"].weight.data.copy()), sees_weights=sees)
    fit(network, data, look, epochs=1)
    assert np.array_equal(seen[0], first) == (not sees)


@pytest.mark.parametrize("sees", [True, False])
def test_a_run_is_resumed_without_those_functions_alone_that_only_watch(sees, make, data, weights, tmp_path):
    def end(training):
        if training.step == 3:
            training.end(ZeroDivisionError())

    def note(training):
        seen.append(training.epoch)

    seen, expected = [], make()
    fit(expected, data, epochs=4)
    for name in ("again", "without"):
        with pytest.raises(ZeroDivisionError):
            fit(
                make(), data, p.on_epoch(note, sees_weights=sees), p.on_batch(end, sees_weights=False), epochs=4,
                out=tmp_path / name,
            )  # fmt: skip
    network, _ = p.resume(tmp_path / "again", data, callbacks=[p.on_epoch(note, sees_weights=sees)], progress=False)
    for path, weight in weights(expected).items():
        assert np.array_equal(network.parameters()[path].data, weight), path
    assert seen == [1, 1, 2, 3, 4]
    if sees:
        with pytest.raises(
            p.ArgumentError, match=r"begun with on_epoch\(note\), .* callbacks=\[on_epoch\(note\)\], for"
        ):
            p.resume(tmp_path / "without", data, progress=False)
    else:
        p.resume(tmp_path / "without", data, progress=False)
        assert seen == [1, 1, 2, 3, 4]


@pytest.mark.parametrize("hook", [p.on_epoch, p.on_batch])
@pytest.mark.parametrize("other", [3, Diary, Diary()])
def test_what_is_no_function_is_no_hook(hook, other):
    with pytest.raises(
        p.ArgumentError, match=f"{hook.__name__}: expected a function that takes the training, received"
    ):
        hook(other)


def test_a_function_alone_is_told_how_it_goes_in(make, data):
    with pytest.raises(
        p.ArgumentError, match=r"or with functions in it, \[pellucid.on_epoch\(f\)\], received \(<function"
    ):
        fit(make(), data, lambda training: None)


def test_weights_that_a_callback_sets_are_trained_on(make, data):
    def forget(training):
        for parameter in training.network.parameters().values():
            parameter.data = np.zeros(parameter.shape)

    history = fit(make(), data, At("on_batch", forget), batch_size=30)
    assert history.batches[0] != pytest.approx(np.log(3), rel=1e-3)
    assert history.batches[1] == pytest.approx(np.log(3), rel=1e-6)


# ---- ends


def test_all_hear_that_it_is_finished_when_every_end_is_done_and_the_run_is_saved(make, data, tmp_path):
    network, pages, saved = make(), [], []
    first, last = Diary("a ", pages), Diary("b ", pages)
    first.on_finish = lambda training: saved.append(p.load(tmp_path)["linear1"].weight.data)
    last.on_finish = lambda training: pages.append("finished")
    first.on_end = lambda training, error: setattr(network["linear1"].weight, "data", np.full((3, 8), 7.0))
    fit(network, data, first, last, epochs=1, out=tmp_path)
    assert (saved[0] == 7).all(), "what the last end has made of the network"
    assert [page if isinstance(page, str) else page[0] for page in pages][-2:] == ["b end", "finished"]


def test_nobody_hears_that_it_is_finished_where_it_failed(make, data):
    diary = Diary()
    diary.on_finish = lambda training: raise_(AssertionError)
    with pytest.raises(ValueError, match="mine"):
        fit(make(), data, diary, At("on_end", lambda training: raise_(ValueError("mine"))))


@pytest.mark.parametrize(
    ("moment", "step", "epochs", "steps"),
    [("on_begin", 0, 0, 0), ("on_batch", 1, 1, 1), ("on_batch", 3, 2, 3), ("on_epoch", 1, 1, 2), ("on_epoch", 4, 2, 4)],
)
@pytest.mark.parametrize("average", [None, 0.9])
def test_stop_ends_a_training_with_all_that_was_measured(moment, step, epochs, steps, average, make, data, weights):
    network, diary = make(), Diary()
    before = weights(network)
    history = fit(
        network, data, At(moment, lambda training: training.stop(), step), diary, epochs=5,
        optimizer=p.Adam(average=average),
    )  # fmt: skip
    assert diary.pages[-1] == ("end", epochs, steps)
    assert diary.error is None
    assert (len(history.epochs), len(history.batches)) == (epochs, steps)
    assert all((weights(network)[path] == before[path]).all() for path in before) == (steps == 0)


def test_an_epoch_cut_short_is_measured_over_what_was_seen(make, data):
    history = fit(make(), data, At("on_batch", lambda training: training.stop()), optimizer=p.SGD(0.0))
    assert history.epochs[0]["loss"] == pytest.approx(history.batches[0])


@pytest.mark.parametrize("moment", ["on_batch", "on_epoch"])
@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt()])
def test_what_a_callback_raises_comes_out_and_everybody_hears_of_it(moment, error, make, data):
    first, last = Diary(), Diary()
    with pytest.raises(type(error)) as caught:
        fit(make(), data, first, At(moment, lambda training: raise_(error)), last)
    assert caught.value is error
    for diary in (first, last):
        assert diary.error is error
        assert [page[0] for page in diary.pages].count("end") == 1


def test_whose_beginning_failed_is_not_told_of_the_end(make, data, weights):
    network, began, failed, never = make(), Diary(), Diary(), Diary()
    before, error = weights(network), OSError("no room")
    failed.on_begin = lambda training: raise_(error)
    with pytest.raises(OSError, match="no room"):
        fit(network, data, began, failed, never)
    assert [page[0] for page in began.pages] == ["begin", "end"]
    assert began.error is error
    assert failed.pages == never.pages == []
    assert all((weights(network)[path] == before[path]).all() for path in before)


def test_an_end_that_fails_keeps_no_other_from_its_own(make, data):
    first, error = Diary(), ValueError("at the end")
    with pytest.raises(ValueError, match="at the end"):
        fit(make(), data, first, At("on_end", lambda training: raise_(error)))
    assert first.pages[-1] == ("end", 2, 4)
    assert first.error is error


def test_an_interrupted_training_leaves_the_averages(make, data):
    network, steps = make(), []

    def keep_and_interrupt(training):
        steps.append(network["linear1"].weight.data.copy())
        if training.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(network, data, At("on_batch", keep_and_interrupt), batch_size=10, optimizer=p.SGD(0.5, average=0.9))
    expected = steps[0] / 10 + steps[1] * 9 / 10  # the second step remembers (2 − 1)/(2 + 8)
    np.testing.assert_allclose(network["linear1"].weight.data, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("on_epoch_end", "did you mean on_epoch?"),
        ("on_train_batch_end", "did you mean on_batch?"),
        ("on_train_end", "did you mean on_end?"),
        ("on_finsh", "did you mean on_finish?"),
        ("on_moonrise", "there are on_begin, on_batch, on_epoch, on_end, on_finish."),
    ],
)
def test_a_method_that_would_never_be_called_is_refused(name, hint, make, data):
    kind = type("Mine", (p.Callback,), {name: lambda self, training: None})
    with pytest.raises(p.ArgumentError, match=re.escape(f"callbacks: Mine.{name} is never called; {hint}")):
        p.fit(make(), data, callbacks=[kind()], progress=False)


def test_what_is_no_method_may_be_called_as_it_likes(make, data):
    kind = type("Mine", (p.Callback,), {"on_the_left": True, "_on_epoch_end": lambda self: None})
    p.fit(make(), data, epochs=1, callbacks=[kind()], progress=False)
