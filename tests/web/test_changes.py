"""Edits of the network on the bench: what follows from them is what the library makes of the same weights."""

import threading

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")

from pellucid.errors import ArgumentError, DataError
from pellucid.inference.batches import weights
from pellucid.web.bench import Bench
from pellucid.web.learning.moments import Moment
from pellucid.web.looking import measuring
from pellucid.web.looking.edits import Edit, Edits
from pellucid.web.looking.presets import PRESETS, fitting, preset
from pellucid.web.serving.application import application
from pellucid.web.words.written import significant

from .asgi import request
from .conftest import clock_digits, every_family
from .learnt import ask, learnt, settled, watched


@pytest.fixture
def bench() -> Bench:
    return Bench(learnt(), "learnt", clock_digits(), "test")


def numbers(network: p.Sequential) -> dict[str, bytes]:
    """The bits of all parameters and states."""
    return {path: held.data.tobytes() for path, held in (network.parameters() | network.states()).items()}


def kernel(bench: Bench, path: str, out: int, channel: int) -> np.ndarray:
    return bench.network.parameters()[f"{path}.weight"].data[out, channel].copy()


def overwrite(bench: Bench, path: str, out: int, channel: int, values: np.ndarray) -> dict:
    body = np.asarray(values, "<f4").tobytes()
    return ask(bench, "edit", body, what="kernel", layer=path, out=out, channel=channel)[0]


# ---- what follows


def test_everything_behind_a_weight_follows(bench):
    image = bench.put(bench.sample(3))
    before, as_given = p.activations(learnt(), bench.sample(3)[None]), numbers(bench.versions.original)
    ask(bench, "seen", image=image, layers="conv1,relu1,conv2")
    changed = kernel(bench, "conv1", 1, 0)
    changed[2, 3] = 1.5
    was = significant(float(kernel(bench, "conv1", 1, 0)[2, 3]))
    told = overwrite(bench, "conv1", 1, 0, changed)
    assert told == {
        "start": bench.versions.start, "revision": 1, "step": None, "chosen": False,
        "edited": bench.versions.edits.digest(), "comparing": False,
        "edits": [f"conv1: weight (1, 0, 2, 3): {was} → 1.50"],
    }  # fmt: skip

    same = learnt()
    same["conv1"].weight.data[1, 0, 2, 3] = 1.5
    expected = p.activations(same, bench.sample(3)[None])
    told, arrays = ask(bench, "seen", image=image, layers="conv1,relu1,conv2")
    assert told["revision"] == 1
    for path in ("conv1", "relu1", "conv2"):
        np.testing.assert_array_equal(arrays[f"maps {path}"], expected[path][0])
    np.testing.assert_array_equal(arrays["maps conv1"][0], before["conv1"][0, 0], err_msg="no other channel changes")
    assert not np.array_equal(arrays["maps conv2"], before["conv2"][0])
    np.testing.assert_allclose(arrays["output"], p.predict(same, bench.sample(3)[None])[0], rtol=1e-5)
    assert numbers(bench.versions.original) == as_given


def test_a_bias_is_overwritten(bench):
    ask(bench, "edit", np.float32(2.5).tobytes(), what="bias", layer="linear1", out=4)
    assert bench.network["linear1"].bias.data[4] == 2.5
    told, arrays = ask(bench, "kernel", layer="linear1", out=4)
    assert told["channels"] == 10
    assert told["presets"] == []
    assert arrays["bias now"] == 2.5
    assert arrays["bias before"] == learnt()["linear1"].bias.data[4]
    assert "now" not in arrays


def test_a_filter_is_chosen_by_name(bench):
    told, _ = ask(bench, "edit", what="kernel", layer="conv2", out=2, channel=3, preset="vertical edge")
    assert told["edits"] == ["conv2: kernel of channel 2 for channel 3: vertical edge"]
    told, arrays = ask(bench, "kernel", layer="conv2", out=2)
    np.testing.assert_array_equal(arrays["now"][3, 1:4, 1:4] * 4, [[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    assert np.abs(arrays["now"][3]).sum() == 2
    np.testing.assert_array_equal(arrays["now"][:3], learnt()["conv2"].weight.data[2, :3])
    np.testing.assert_array_equal(arrays["before"], learnt()["conv2"].weight.data[2])


def test_a_filter_for_all_kernels_is_one_of_their_mean(bench):
    told, _ = ask(bench, "edit", what="kernel", layer="conv2", out=2, channel="all", preset="identity")
    assert told["edits"] == ["conv2: all 4 kernels of channel 2: identity"]
    inside = p.activations(bench.network, bench.sample(0)[None])
    bias = bench.network["conv2"].bias.data[2]
    np.testing.assert_allclose(
        inside["conv2"][0, 2], inside["pool1"][0].mean(axis=0)[2:-2, 2:-2] + bias, rtol=1e-5, atol=1e-6
    )


def test_filters_stand_in_the_middle_and_only_where_they_fit():
    assert fitting((1, 1)) == ["identity", "zero"]
    assert fitting((5, 3)) == list(PRESETS)
    for name in ("blur", "sharpen", "identity"):
        assert preset(name, (7, 5)).sum() == 1, "a plain of one colour stays as it is"
    for name in ("vertical edge", "horizontal edge", "zero"):
        assert preset(name, (3, 3)).sum() == 0
    assert np.argwhere(preset("identity", (7, 5))).tolist() == [[3, 2]]
    np.testing.assert_array_equal(preset("horizontal edge", (3, 3)), preset("vertical edge", (3, 3)).T)


# ---- silence


def test_a_silent_channel_stays_silent_behind_batch_normalisation(bench):
    told, _ = ask(bench, "edit", what="silence", layer="conv1", out=2)
    assert told["edits"] == ["conv1: channel 2 silenced"]
    inside, before = (p.activations(each, bench.sample(0)[None]) for each in (bench.network, learnt()))
    assert before["norm1"][0, 2].any()
    for path in ("conv1", "norm1", "relu1"):
        assert not inside[path][0, 2].any(), path
        np.testing.assert_array_equal(np.delete(inside[path][0], 2, 0), np.delete(before[path][0], 2, 0))


def test_each_layer_with_channels_can_be_silenced():
    """Whatever it stands in: a residual block, one branch of several, groups."""
    bench = Bench(every_family(), "every family", clock_digits())
    layers = ask(bench, "edits")[0]["layers"]
    assert set(layers) == {
        "conv1", "norm1", "residual1.body", "concat1.branch1", "conv2", "linear1", "linear2"
    }  # fmt: skip
    for path, channels in layers.items():
        bench.versions.edits.reset()
        ask(bench, "edit", what="silence", layer=path, out=channels - 1)
        look = bench.look(bench.put(bench.sample(0)))
        assert not look.trace.values[bench.values[path]][-1].any(), path
        assert look.trace.values[bench.values[path]][0].any(), path


# ---- undo


def test_undo_restores_every_bit(bench, rng):
    states = [numbers(bench.network)]
    values = rng.normal(size=(5, 5))
    edits = [
        lambda: overwrite(bench, "conv1", 0, 0, values),
        lambda: ask(bench, "edit", what="silence", layer="conv1", out=0),
        lambda: ask(bench, "edit", what="kernel", layer="conv2", out=1, channel="all", preset="blur"),
        lambda: ask(bench, "edit", np.float32(-1).tobytes(), what="bias", layer="conv2", out=1),
        lambda: ask(bench, "edit", what="kernel", layer="conv2", out=1, channel=0, preset="zero"),
    ]
    for change in edits:
        change()
        states.append(numbers(bench.network))
        assert states[-1] != states[-2]
    for state in reversed(states[:-1]):
        ask(bench, "undo")
        assert numbers(bench.network) == state
    with pytest.raises(ArgumentError, match="there is no edit to undo"):
        ask(bench, "undo")
    for change in edits:
        change()
    told, _ = ask(bench, "undo", all=1)
    assert told["edits"] == []
    assert numbers(bench.network) == states[0]


@pytest.mark.parametrize("number", range(4))
def test_one_edit_of_several_is_undone_as_if_it_had_never_been_made(bench, rng, number):
    values = rng.normal(size=(5, 5))
    changes = [
        lambda: overwrite(bench, "conv1", 0, 0, values),
        lambda: ask(bench, "edit", what="silence", layer="conv1", out=0),
        lambda: overwrite(bench, "conv1", 0, 0, -values),
        lambda: ask(bench, "edit", np.float32(-1).tobytes(), what="bias", layer="conv2", out=1),
    ]
    for change in changes[:number] + changes[number + 1 :]:
        change()
    expected, named = numbers(bench.network), bench.versions.edits.digest()
    ask(bench, "undo", all=1)
    for change in changes:
        told = change()
    told, _ = ask(bench, "undo", number=number)
    assert len(told["edits"]) == 3
    assert numbers(bench.network) == expected
    assert bench.versions.edits.digest() == named
    ask(bench, "undo", all=1)
    assert numbers(bench.network) == numbers(bench.versions.original)


def test_an_edit_that_is_not_there_is_not_undone(bench):
    ask(bench, "edit", what="silence", layer="conv1", out=0)
    with pytest.raises(ArgumentError, match="number: expected a whole number from 0 to 0, received '1'"):
        ask(bench, "undo", number=1)
    assert len(bench.versions.edits.done) == 1


def test_a_number_that_was_changed_on_both_sides_of_an_undone_edit_is_one_edit(bench):
    start = kernel(bench, "conv1", 1, 0)
    for value, channel in ((1, 0), (9, 1), (2, 0)):
        changed = kernel(bench, "conv1", channel, 0)
        changed[0, 1] = value
        overwrite(bench, "conv1", channel, 0, changed)
    ask(bench, "undo", number=1)
    assert len(bench.versions.edits.done) == 1
    assert bench.versions.edits.done[0].summary.endswith(" → 2")
    np.testing.assert_array_equal(kernel(bench, "conv1", 1, 0), start)


def test_a_number_that_is_changed_in_a_row_is_one_edit(bench):
    start = kernel(bench, "conv1", 1, 0)
    for value in (0.1, 0.2, 0.3):
        changed = start.copy()
        changed[0, 1] = value
        told = overwrite(bench, "conv1", 1, 0, changed)
        assert told["edits"] == [f"conv1: weight (1, 0, 0, 1): {significant(float(start[0, 1]))} → {value:.3f}"]
    other = changed.copy()
    other[4, 4] = 9
    assert len(overwrite(bench, "conv1", 1, 0, other)["edits"]) == 2
    ask(bench, "undo")
    np.testing.assert_array_equal(kernel(bench, "conv1", 1, 0), changed)
    assert overwrite(bench, "conv1", 1, 0, start)["edits"] == [], "it is back to what it was"


def test_numbers_in_the_list_of_edits_are_written_as_everywhere_on_the_page():
    bias = p.Conv2d(1, 1, 3).bias
    for was, now, words in ((-1e-5, 0.5, "−1.00·10⁻⁵ → 0.500"), (0, 1 / 3, "0 → 0.333"), (2, -2, "2 → −2")):
        bias.data[...] = was
        edit = Edit("conv-1: bias of channel 0", [("conv-1.bias", 0, bias.data[0].copy())], np.float32(now))
        assert edit.summary == f"conv-1: bias of channel 0: {words}"


def test_what_changes_nothing_is_no_edit(bench):
    assert overwrite(bench, "conv1", 1, 0, kernel(bench, "conv1", 1, 0))["edits"] == []
    ask(bench, "edit", what="silence", layer="conv1", out=1)
    told, _ = ask(bench, "edit", what="silence", layer="conv1", out=1)
    assert len(told["edits"]) == 1


def test_there_is_an_end_to_edits(bench, monkeypatch):
    monkeypatch.setattr("pellucid.web.looking.edits.MOST_EDITS", 3)
    for number in range(3):
        overwrite(bench, "conv1", 0, 0, np.full((5, 5), number + 9))
    kept = numbers(bench.network)
    with pytest.raises(ArgumentError, match="edited 3 times; undo some of it first"):
        overwrite(bench, "conv1", 0, 0, np.ones((5, 5)))
    assert numbers(bench.network) == kept
    bench.versions.edits.undo()
    overwrite(bench, "conv1", 0, 0, np.ones((5, 5)))


def test_edits_are_still_known_when_the_page_is_loaded_anew(bench):
    ask(bench, "edit", what="silence", layer="conv2", out=5)
    told, _ = ask(bench, "edits")
    assert told["edits"] == ["conv2: channel 5 silenced"]
    assert told["revision"] == 1
    assert told["layers"] == {"conv1": 4, "norm1": 4, "conv2": 6, "linear1": 10}
    assert "docs/tutorial.md" in told["words"]
    assert "weight by weight" in ask(bench, "kernel", layer="linear1")[0]["words"]
    assert ask(bench, "kernel", layer="conv1")[0]["words"] == ""


# ---- refusals


@pytest.mark.parametrize(
    ("body", "words", "message"),
    [
        (b"", {"what": "kernel", "layer": "conv9"}, "there is no 'conv9'; did you mean 'conv1'"),
        (b"", {"what": "kernel", "layer": "relu1"}, "there is no 'relu1'"),
        (b"", {"what": "silence", "layer": "conv1", "out": 4}, "out: expected a whole number from 0 to 3"),
        (b"", {"what": "kernel", "layer": "linear1", "out": 0}, "linear1 has no kernels"),
        (b"", {"what": "kernel", "layer": "conv1", "out": 0, "channel": 1}, "channel: expected a whole number"),
        (b"", {"what": "kernel", "layer": "conv1", "out": 0, "channel": 0, "preset": "best"}, "expected one of blur"),
        (bytes(96), {"what": "kernel", "layer": "conv1", "out": 0, "channel": 0}, "expected 25 numbers of float32"),
        (b"\xff" * 100, {"what": "kernel", "layer": "conv1", "out": 0, "channel": 0}, "expected finite numbers"),
        (np.float32("inf").tobytes(), {"what": "bias", "layer": "conv1", "out": 0}, "expected finite numbers"),
    ],
)
def test_what_cannot_be_changed_is_refused_and_nothing_happens(bench, body, words, message):
    before = numbers(bench.network)
    with pytest.raises((ArgumentError, DataError), match=message):
        ask(bench, "edit", body, **words)
    assert numbers(bench.network) == before
    assert bench.revision == 0
    assert not bench.versions.edits.done


def test_edits_refuse_what_has_no_weights():
    network = p.Sequential([p.Conv2d(1, 2, 3, bias=False), p.ReLU()], input_shape=(1, 5, 5))
    edits = Edits(network)
    with pytest.raises(ArgumentError, match="relu1 has no weights"):
        edits.silence("relu1", 0)
    with pytest.raises(ArgumentError, match="'conv1' has no bias"):
        edits.bias("conv1", 0, 1.0)
    with pytest.raises(ArgumentError, match="expected a kernel of 3×3"):
        edits.kernel("conv1", 0, 0, np.zeros((2, 2)))
    with pytest.raises(ArgumentError, match="relu1 has no kernels"):
        edits.kernel("relu1", 0, 0, np.zeros((3, 3)))


# ---- on the data


def test_accuracy_and_flipped_images_are_the_librarys(bench):
    assert settled(bench, "accuracy")["flipped"] == 0
    ask(bench, "edit", what="silence", layer="conv2", out=1)
    ask(bench, "edit", what="silence", layer="conv2", out=3)
    told, data = settled(bench, "accuracy"), bench.data
    before, now = (p.predict_classes(each, data.images) for each in (learnt(), bench.network))
    assert told["before"] == np.mean(before == data.labels) >= 0.9
    assert told["now"] == np.mean(now == data.labels) < told["before"]
    flipped = np.flatnonzero(before != now)
    assert told["flipped"] == len(flipped) > 0
    assert told["broken"] == np.sum(before[flipped] == data.labels[flipped])
    assert told["mended"] == np.sum(now[flipped] == data.labels[flipped])
    pairs = [(str(was), str(is_now)) for was, is_now in zip(before[flipped], now[flipped], strict=True)]
    assert told["most"][2] == max(map(pairs.count, pairs)) == pairs.count(tuple(told["most"][:2]))
    listed = settled(bench, "samples", which="flipped", count=100)
    assert [each["number"] for each in listed["samples"]] == flipped.tolist()
    assert [each["was"] for each in listed["samples"]] == before[flipped].tolist()
    assert [each["predicted"] for each in listed["samples"]] == now[flipped].tolist()
    ask(bench, "undo", all=1)
    told = settled(bench, "accuracy")
    assert told["now"] == told["before"]
    assert told["flipped"] == 0


def test_after_all_is_undone_nothing_is_measured_again(bench, monkeypatch):
    before = settled(bench, "accuracy")
    ask(bench, "edit", what="silence", layer="conv2", out=1)
    settled(bench, "accuracy")
    monkeypatch.setattr(measuring, "judge", lambda *given, **how: pytest.fail("it was measured before"))
    ask(bench, "undo", all=1)
    told, _ = ask(bench, "accuracy")
    assert (told["pending"], told["now"]) == (False, before["now"])


def test_what_is_said_above_the_layers_tells_the_edited_network_from_the_trained_one(bench):
    given = settled(bench, "accuracy")
    assert given["about"].startswith(" It is right on ")
    ask(bench, "edit", what="silence", layer="conv2", out=1)
    assert ask(bench, "accuracy")[0]["about"].endswith("; measuring it as edited …")
    told = settled(bench, "accuracy")
    assert told["about"] == (
        f" As trained, it is right on {100 * given['before']:.2f} % of 40 images; as edited, on "
        f"{100 * told['now']:.2f} %."
    )
    ask(bench, "undo")
    assert settled(bench, "accuracy")["about"] == given["about"]


def test_mistakes_are_chosen_by_what_is_taken_for_what(bench):
    ask(bench, "edit", what="silence", layer="conv2", out=1)
    ask(bench, "edit", what="silence", layer="conv2", out=3)
    every = settled(bench, "samples", which="mistakes", count=100)
    data, now = bench.data, p.predict_classes(bench.network, bench.data.images)
    wrong = np.flatnonzero(now != data.labels)
    assert every["pairs"][0] == ["", f"all {len(wrong)} mistakes"]
    found = 0
    for pair, words in every["pairs"][1:]:
        label, predicted = map(int, pair.split(","))
        expected = np.flatnonzero((data.labels == label) & (now == predicted))
        assert words == f"{label} taken for {predicted}: {len(expected)}"
        told = settled(bench, "samples", which="mistakes", pair=pair)
        assert told["total"] == len(expected) > 0
        assert {each["number"] for each in told["samples"]} == set(expected)
        found += len(expected)
    assert found == len(wrong)
    times = [int(words.split(": ")[1]) for _, words in every["pairs"][1:]]
    assert times == sorted(times, reverse=True)
    unsure = settled(bench, "samples", which="unsure")["samples"]
    assert [each["number"] for each in unsure] == [each["number"] for each in every["samples"]][::-1]
    ask(bench, "undo", all=1)
    right = settled(bench, "samples", which="unsure", count=40)["samples"]
    assert [each["confidence"] for each in right] == sorted(each["confidence"] for each in right)


def test_the_network_is_compared_with_itself_before_all_edits(bench, monkeypatch):
    image = bench.put(bench.sample(8))
    ask(bench, "edit", what="silence", layer="conv2", out=1)
    measured, expected = settled(bench, "accuracy"), p.predict(learnt(), bench.sample(8)[None])[0]
    now = ask(bench, "seen", image=image)[1]["output"]
    revision = bench.revision
    told, arrays = ask(bench, "compare", image=image, before=1, layers="conv2")
    np.testing.assert_allclose(arrays["output"], expected, rtol=1e-4, atol=1e-6)
    assert told["revision"] > revision
    assert ask(bench, "edits")[0]["edits"] == ["conv2: channel 1 silenced"], "they are not undone"
    told, arrays = ask(bench, "compare", image=image)
    np.testing.assert_array_equal(arrays["output"], now)
    monkeypatch.setattr(measuring, "judge", lambda *given, **how: pytest.fail("it was measured before"))
    again = settled(bench, "accuracy")
    assert {**again, "revision": 0, "done": 0} == {**measured, "revision": 0, "done": 0}


def test_whoever_lets_go_of_the_button_at_a_moment_of_the_training_is_shown_that(tmp_path):
    bench = watched(tmp_path)
    app, image = application(bench), bench.put(bench.sample(8))
    ask(bench, "edit", what="silence", layer="conv1", out=1)
    ask(bench, "compare", image=image, before=1)
    assert request(app, f"/api/moment?image={image}&step=0", "POST").status == 200
    network = bench.network
    for before in (0, 1):
        assert request(app, f"/api/compare?image={image}&before={before}", "POST").status == 200
        assert bench.network is network
    assert request(app, "/api/undo", "POST").status == 400


def test_a_page_that_opens_finds_the_edits_though_another_was_closed_that_compared(bench):
    image = bench.put(bench.sample(8))
    ask(bench, "edit", what="silence", layer="conv2", out=1)
    ask(bench, "compare", image=image, before=1)
    ask(bench, "open")
    assert bench.network is bench.versions.edits.network


def test_data_are_measured_a_part_at_a_time(bench, monkeypatch):
    """With the network's weights brought to the compiled program once; after each part it is asked who waits."""
    seen, judge = [], measuring.judge

    def judged(network, data, *, progress, **how):
        return judge(network, data, progress=lambda done: (progress(done), seen.append(bench.share_measured())), **how)

    monkeypatch.setattr("pellucid.native.BATCH_BYTES", 8 * p.lower(bench.network).activation_bytes())
    monkeypatch.setattr(measuring, "judge", judged)
    told = settled(bench, "accuracy")
    assert seen == [0.2, 0.4, 0.6, 0.8, 1]
    assert told["now"] == np.mean(p.predict_classes(learnt(), bench.data.images) == bench.data.labels)


def test_the_newest_is_measured_and_nobody_waits(bench, monkeypatch):
    """While one part is measured, maps are answered; when it is done, only the newest network goes on."""
    settled(bench, "accuracy")
    judge, seen, parts, inside, may_go = measuring.judge, [], [], threading.Event(), threading.Event()

    def slow(network, data, *, progress, **how):
        def note(done):
            parts.append(network)
            inside.set()
            assert may_go.wait(30)
            progress(done)

        seen.append(network)
        return judge(network, data, progress=note, **how)

    monkeypatch.setattr(measuring, "judge", slow)
    monkeypatch.setattr("pellucid.native.BATCH_BYTES", 8 * p.lower(bench.network).activation_bytes())
    ask(bench, "edit", what="silence", layer="conv2", out=1)
    told, _ = ask(bench, "accuracy")
    assert told["pending"]
    assert told["now"] is None
    assert told["before"] is not None
    assert inside.wait(30)
    image = bench.put(bench.sample(0))
    assert ask(bench, "maps", image=image, layer="conv2")[0]["revision"] == 1
    for out in (2, 3):
        ask(bench, "edit", what="silence", layer="conv2", out=out)
        assert ask(bench, "accuracy")[0]["pending"]
    told = {"revision": 3, "pending": True, "accuracy": None, "problem": None, "total": 0, "samples": []}
    assert ask(bench, "samples")[0] == told
    may_go.set()
    told = settled(bench, "accuracy")
    assert told["now"] == np.mean(p.predict_classes(bench.network, bench.data.images) == bench.data.labels)
    assert len(seen) == 2, "the one between is never begun"
    assert [network is seen[0] for network in parts] == [True] + 5 * [False]


def test_other_weights_are_measured_anew_and_those_before_no_longer(bench, monkeypatch):
    """As when training goes on: what is shown as given has other weights then, and what was edited is let go of."""
    assert settled(bench, "accuracy")["before"] >= 0.9
    going, may_go, ended = threading.Event(), threading.Event(), []

    def judge(network, data, *, threads, progress):
        going.set()
        may_go.wait(60)
        try:
            progress(1)
        except Exception as error:
            ended.append(type(error).__name__)
            raise

    with monkeypatch.context() as patched:
        patched.setattr(measuring, "judge", judge)
        ask(bench, "edit", what="silence", layer="conv2", out=1)
        assert ask(bench, "accuracy")[0]["pending"]
        assert going.wait(60)
        before, other = bench._measuring._thread, learnt()
        other["linear1"].weight.data[...] = 0
        bench.renew(other)
        may_go.set()
        before.join(60)
    assert ended == ["_NobodyWaitsError"]
    assert not bench.versions.edits.done
    told = settled(bench, "accuracy")
    assert told["before"] < 0.3
    assert told["now"] == told["before"]


def test_a_network_that_takes_the_place_of_the_edited_one_is_measured_itself(bench):
    other = learnt()
    other["linear1"].weight.data[...] = 0
    bench.versions.go_to(Moment(1, weights(other)))
    told = settled(bench, "accuracy")
    assert told["before"] >= 0.9
    assert told["now"] < 0.3


def test_what_cannot_be_measured_is_said():
    assert settled(Bench(learnt(), "no data"), "accuracy")["problem"] == "there are no data here to be right about"
    network = learnt()
    network["linear1"].weight.data[...] = np.float32(3e38)
    told = settled(Bench(network, "overflowing", clock_digits()), "accuracy")
    assert told["now"] is None
    assert "are not finite" in told["problem"]
    targets = p.Dataset(clock_digits().images, np.zeros((40, 10)) + 0.5)
    told = settled(Bench(learnt(), "numbers", targets), "accuracy")
    assert told["now"] is None


def test_small_images_of_samples(bench):
    told, arrays = ask(bench, "thumbnails", numbers="3,0,39")
    assert told["numbers"] == [3, 0, 39]
    np.testing.assert_array_equal(arrays["images"], bench.data.images[[3, 0, 39]].reshape(3, 1, 28, 28))
    with pytest.raises(ArgumentError, match="at most 64 numbers, received 65"):
        ask(bench, "thumbnails", numbers=",".join(["0"] * 65))
    large = p.Dataset(np.arange(2 * 3 * 130 * 100, dtype=np.uint32).astype(np.uint8).reshape(2, 3, 130, 100), [0, 1])
    network = p.Sequential([p.Conv2d(3, 2, 3), p.AdaptiveAvgPool2d(1), p.Flatten()], input_shape=(3, 130, 100))
    _, arrays = ask(Bench(network, "large", large), "thumbnails", numbers="1")
    np.testing.assert_array_equal(arrays["images"][0], large.images[1, :, ::3, ::3])
