"""`compile`: a frozen network that predicts what the definitions predict, for whatever images it is called with."""

import copy
import pickle
import sys
import threading

import numpy as np
import pytest

import pellucid as p
from oracles.compiled import Factor

SHAPE = (2, 6, 6)


def network(*last, **options):
    layers = [p.Conv2d(2, 4, 3), p.BatchNorm2d(4), p.ReLU(), *last]
    made = p.Sequential(layers, input_shape=SHAPE, **options)
    rng = np.random.default_rng(1)
    for state in made.states().values():
        state.data = 0.5 + rng.random(state.shape)
    return made


def classifier(**options):
    return network(p.Flatten(), p.Linear(64, 3), **options)


def images(count, kind="float32", seed=0):
    drawn = np.random.default_rng(seed).random((count, *SHAPE))
    return (drawn * 255).astype(np.uint8) if kind == "uint8" else drawn.astype(kind)


def close(y, expected):
    assert y.dtype == np.float32
    assert y.shape == expected.shape
    return np.abs(y - expected).max() <= 2e-5 * np.abs(expected).max()


# ---- values
@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "uint8"])
@pytest.mark.parametrize("count", [1, 2, 17])
def test_outputs_are_those_of_the_definitions(kind, count):
    made = classifier(scaling=p.Scaling(mean=0.4, std=0.3))
    x = images(count, kind)
    expected = p.predict(made, x, engine="numpy")
    fast = p.compile(made)
    assert close(fast(x), expected)
    assert not close(fast(images(count, kind, seed=1)), expected), "the control: other images, other outputs"


def test_outputs_are_predictions_to_the_bit():
    made = classifier()
    fast = p.compile(made)
    for kind in ("float32", "uint8"):
        x = images(20, kind)
        assert np.array_equal(fast(x), p.predict(made, x))


def test_any_number_of_images_gives_the_same_bits():
    fast = p.compile(classifier())
    x = images(2_100)
    whole = fast(x)
    assert np.array_equal(np.concatenate([fast(part[None]) for part in x[:20]]), whole[:20])
    for start, stop in ((0, 3), (5, 6), (100, 131), (1023, 1025), (0, 1024), (2_099, 2_100)):
        assert np.array_equal(fast(x[start:stop]), whole[start:stop])


def test_outputs_are_the_callers_own():
    fast, x = p.compile(classifier()), images(2)
    one, other = fast(x[:1]), fast(x[1:])
    kept = one.copy()
    one[...] = 7
    assert np.array_equal(fast(x[:1]), kept)
    assert not np.shares_memory(one, other)


def test_pixels_and_floats_can_take_turns():
    made = classifier()
    fast, pixels = p.compile(made), images(3, "uint8")
    floats = pixels.astype(np.float32) / 255
    for _ in range(3):
        for x in (pixels, floats, pixels[:1], floats[:1]):
            assert close(fast(x), p.predict(made, x, engine="numpy"))


def test_images_may_lie_anyhow_in_memory():
    made = classifier()
    fast, x = p.compile(made), images(8)
    wide = np.zeros((8, 2, 12, 18), np.float32)
    wide[:, :, ::2, ::3] = x
    for view in (wide[:, :, ::2, ::3], np.asfortranarray(x), x.astype(">f4"), x[::-1][::-1]):
        assert np.array_equal(fast(view), fast(x))
        assert np.array_equal(fast(view[:1]), fast(x[:1]))


def test_lists_and_channels_that_are_left_out():
    made = p.Sequential([p.Flatten(), p.Linear(4, 2)], input_shape=(1, 2, 2))
    fast, x = p.compile(made), np.random.default_rng(0).random((3, 1, 2, 2), np.float32)
    assert np.array_equal(fast(x[:, 0]), fast(x))
    assert np.array_equal(fast(x.tolist()), fast(x))


# ---- shapes of outputs
@pytest.mark.parametrize(
    "last",
    [
        (), (p.MaxPool2d(2),), (p.Conv2d(4, 1, 1),), (p.Flatten(),), (p.Flatten(), p.Softmax()),
        (p.AdaptiveAvgPool2d(1),), (p.Dropout(0.5),), (Factor(3.0),), (p.Flatten(), Factor(3.0), p.ReLU()),
    ],
    ids=["image", "pooled", "one channel", "flattened", "shares", "one pixel", "dropout", "own", "own features"],
)  # fmt: skip
def test_outputs_may_have_any_shape(last):
    made = network(*last)
    fast, x = p.compile(made), images(5)
    expected = p.predict(made, x, engine="numpy")
    assert fast.output_shape == expected.shape[1:] == made.output_shape()
    assert fast.input_shape == SHAPE
    assert close(fast(x), expected)
    assert close(fast(x[:1]), expected[:1])


# ---- frozen
@pytest.mark.parametrize("last", [(), (Factor(3.0),)], ids=["native", "with a layer of one's own"])
def test_what_becomes_of_the_network_changes_nothing(last):
    made = network(*last, p.Flatten(), p.Linear(64, 3))
    fast, x, pixels = p.compile(made), images(4), images(4, "uint8")
    before = fast(x)
    expected = p.predict(made, pixels, engine="numpy")
    p.fit(made, (x, [0, 1, 2, 0]), epochs=1, optimizer=p.SGD(0.5), progress=False)
    if last:
        last[0].factor.data = 0.0
    made.initialize(9)
    assert np.array_equal(fast(x), before)
    assert np.array_equal(fast(x[:1]), before[:1])
    assert close(fast(pixels), expected), "of a type that is compiled only now"
    assert not np.array_equal(p.compile(made)(x), before), "the control: the network has changed"


def test_the_network_is_left_as_it_is():
    made, x = classifier(), images(4)
    before = {path: each.data.copy() for path, each in {**made.parameters(), **made.states()}.items()}
    p.compile(made)(x)
    for path, each in {**made.parameters(), **made.states()}.items():
        assert np.array_equal(each.data, before[path])


# ---- copies
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda fast: pickle.loads(pickle.dumps(fast))])  # noqa: S301
@pytest.mark.parametrize("last", [(), (Factor(3.0),)], ids=["native", "with a layer of one's own"])
def test_a_copy_predicts_the_same_by_itself(copied, last):
    made = network(*last, p.Flatten(), p.Linear(64, 3))
    fast, x, pixels = p.compile(made, threads=2), images(4), images(4, "uint8")
    expected, of_pixels = fast(x), fast(pixels)
    again = copied(fast)
    assert not set(again._executables.values()) & set(fast._executables.values()), "each has its own memory"
    del fast
    made.initialize(9)
    for _ in range(2):
        assert np.array_equal(again(x[:1]), expected[:1])
        assert np.array_equal(again(x), expected)
        assert np.array_equal(again(pixels), of_pixels)


# ---- threads
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_the_number_of_threads_changes_no_bit(threads, monkeypatch):
    x = images(300)
    expected = p.compile(classifier(), threads=1)(x)
    assert np.array_equal(p.compile(classifier(), threads=threads)(x), expected)
    monkeypatch.setenv("PELLUCID_THREADS", str(threads))
    assert np.array_equal(p.compile(classifier())(x), expected)


def test_several_threads_may_call_it():
    fast = p.compile(classifier(), threads=2)
    parts = [images(count, kind, seed) for seed, (count, kind) in
             enumerate([(1, "float32"), (40, "float32"), (1, "uint8"), (17, "uint8")])]  # fmt: skip
    expected = [fast(part) for part in parts]
    wrong = []

    def call(at):
        for _ in range(200):
            if not np.array_equal(fast(parts[at]), expected[at]):
                wrong.append(at)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=call, args=(at,)) for at in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(before)
    assert not wrong


# ---- what is refused
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (images(2)[:, :, :5], p.ShapeError, r"the network expects images of shape \(2, 6, 6\), received \(2, 5, 6\)"),
        (images(2)[:, :1], p.ShapeError, r"expects images of shape \(2, 6, 6\), received \(1, 6, 6\)"),
        (images(1)[0], p.ShapeError, r"received \(1, 6, 6\); for one image write image\[None\]"),
        (images(2).reshape(2, -1), p.ShapeError, r"received \(72,\); write x.reshape\(-1, 2, 6, 6\)"),
        (images(0), p.DataError, "images: expected at least one"),
        (images(2).astype(int), p.DataError, "expected uint8 or floats, received int64"),
        (images(2) * np.inf, p.DataError, "sample 0 holds NaN or infinity"),
        (images(2).astype(complex), p.DataError, "images"),
        ("a picture", p.DataError, "images"),
        (None, p.DataError, "images"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:invalid value")
def test_images_that_do_not_fit_are_refused(x, error, message):
    fast = p.compile(classifier())
    with pytest.raises(error, match=message):
        fast(x)
    assert fast(images(1)).shape == (1, 3), "it can be called all the same"


def test_networks_that_cannot_be_compiled_are_refused():
    with pytest.raises(p.ArgumentError, match="the network has no input_shape"):
        p.compile(p.Sequential([p.Linear(4, 2)]))
    with pytest.raises(p.ArgumentError, match="expected a Sequential or Graph with an input_shape, received Linear"):
        p.compile(p.Linear(4, 2))
    with pytest.raises(p.PellucidError, match=r"computes in float64, compiled networks in float32; take predict"):
        p.compile(p.Sequential([p.Linear(4, 2)], input_shape=(4,), dtype="float64"))
    with pytest.raises(p.ArgumentError, match="threads: expected a whole number of at least 1, received 0"):
        p.compile(classifier(), threads=0)


def test_pixels_that_nobody_has_divided_are_warned_of():
    with pytest.warns(UserWarning, match="the images are floats up to"):
        p.compile(classifier())(images(2) * 255)
