"""What the page asks and is answered, on a small network with all that is hard to show; and what nobody should ask."""

import json
import time
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.web.answers.questions import QUESTIONS, Question
from pellucid.web.bench import Bench
from pellucid.web.serving.application import application

from .asgi import Reply, request
from .parsed import parse

SHAPE = (1, 12, 12)


def network() -> p.Sequential:
    """A network with a residual block, batch normalisation, dropout and a softmax at its end."""
    body = p.Sequential([p.Conv2d(4, 4, 3, padding=1), p.BatchNorm2d(4), p.ReLU()])
    layers = [p.Conv2d(1, 4, 3), p.BatchNorm2d(4), p.ReLU(), p.Residual(body), p.MaxPool2d(2), p.Dropout(0.5)]
    return p.Sequential([*layers, p.Flatten(), p.Linear(100, 3), p.Softmax()], input_shape=SHAPE)


@pytest.fixture
def data() -> p.Dataset:
    rng = np.random.default_rng(0)
    return p.Dataset(rng.integers(0, 256, (40, *SHAPE), dtype=np.uint8), rng.integers(0, 3, 40), name="noise")


@pytest.fixture
def bench(data: p.Dataset) -> Bench:
    return Bench(network(), "a network", data, "test")


def ask(app: Any, path: str, body: bytes = b"", method: str = "GET") -> Reply:
    return request(app, path, method, body=[body] if body else [])


def told(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def test_the_network_is_described_from_input_to_output(bench: Bench) -> None:
    found = told(ask(application(bench), "/api/network"))
    assert found["title"] == "a network"
    assert found["data"] == {"name": "noise", "part": "test", "count": 40}
    layers = {each["path"]: each for each in found["layers"]}
    assert next(iter(layers)) == "input"
    assert layers["conv1"]["shape"] == [4, 10, 10]
    assert layers["conv1"]["weights"] == {"weight": [4, 1, 3, 3], "bias": [4]}
    assert layers["conv1"]["field"] == {"size": [3, 3], "stride": [1, 1], "offset": [0, 0]}
    assert set(layers["residual1"]["reads"]) == {"relu1", "residual1.body.relu1"}
    assert "dropout1" not in layers  # it makes nothing of its own now


def test_a_sample_is_seen_as_the_library_sees_it(bench: Bench, data: p.Dataset) -> None:
    header, arrays = parse(ask(application(bench), "/api/sample?number=7&layers=conv1,relu1", method="POST").body)
    inside = p.activations(bench.network, data.images[7:8])
    np.testing.assert_array_equal(arrays["image"], data.images[7])
    np.testing.assert_allclose(arrays["probabilities"], p.predict_proba(bench.network, data.images[7:8])[0], rtol=1e-5)
    for path in ("conv1", "relu1"):
        np.testing.assert_array_equal(arrays[f"maps {path}"], inside[path][0])
        assert header["ranges"][path] == pytest.approx(np.percentile(np.abs(inside[path]), 99.5), rel=1e-6)


def test_maps_come_in_the_order_that_is_asked_for(bench: Bench, data: p.Dataset) -> None:
    app, image = application(bench), bench.put(data.images[0])
    maps = p.activations(bench.network, data.images[:1])["relu1"][0]
    by_mean = np.argsort(-np.abs(maps).mean(axis=(1, 2)), kind="stable")
    for order, channels in (("index", range(4)), ("mean", by_mean), ("dead", by_mean[::-1])):
        header, arrays = parse(ask(app, f"/api/maps?image={image}&layer=relu1&order={order}").body)
        assert arrays["channels"].tolist() == list(channels)
        np.testing.assert_array_equal(arrays["maps"], maps[list(channels)])
        assert header["total"] == 4
    header, arrays = parse(ask(app, f"/api/maps?image={image}&layer=relu1&first=1&count=2").body)
    assert arrays["channels"].tolist() == [1, 2]


def test_contributions_sum_to_what_the_score_is_without_constants(data: p.Dataset) -> None:
    """Of a network that is linear behind the layer, A·∂s/∂A over all maps is the score, but for the bias."""
    linear = p.Sequential([p.Conv2d(1, 4, 3), p.Flatten(), p.Linear(400, 3)], input_shape=SHAPE)
    bench = Bench(linear, "linear", data)
    image = bench.put(data.images[0])
    _, arrays = parse(ask(application(bench), f"/api/maps?image={image}&layer=conv1&order=contribution&class=2").body)
    score = p.predict(linear, data.images[:1])[0, 2] - linear["linear1"].bias.data[2]
    assert arrays["scores"].sum() == pytest.approx(score, rel=1e-4)
    assert (np.diff(arrays["scores"]) <= 0).all()


def test_a_sum_and_a_way_back(bench: Bench, data: p.Dataset) -> None:
    app, image = application(bench), bench.put(data.images[0])
    found = told(ask(app, f"/api/sum?image={image}&layer=conv1&index=2,3,4"))
    expected = p.trace(bench.network, data.images[0]).sum("conv1", (2, 3, 4))
    assert found["stored"] == expected.stored
    assert found["recomputed"] == expected.recomputed
    assert found["count"] == 9
    assert found["terms"][0]["path"] == "input"
    steps = told(ask(app, f"/api/walk?image={image}&layer=linear1&index=1"))["steps"]
    assert steps[0]["path"] == "linear1"
    assert all(step["words"] for step in steps)
    assert {step["words"] for step in steps if step["layer"].startswith("flatten")} <= {"a copy"}
    assert steps[-1]["layer"] == "input"


def test_drawings_pixels_and_samples_lead_to_one_name(bench: Bench, data: p.Dataset) -> None:
    app = application(bench)
    one = parse(ask(app, "/api/sample?number=3", method="POST").body)[0]["image"]
    same = parse(ask(app, "/api/pixels?type=u1", data.images[3].tobytes(), "POST").body)[0]["image"]
    assert one == same
    ink = np.zeros((280, 280), np.uint8)
    ink[50:200, 130:150] = 255
    header, arrays = parse(ask(app, "/api/drawing?rows=280&columns=280", ink.tobytes(), "POST").body)
    np.testing.assert_array_equal(arrays["image"], p.drawn_digit(ink, size=12))
    assert header["image"] == bench.put(arrays["image"])
    assert list(bench.images._strokes) == [header["image"]]


def test_mistakes_come_the_most_confident_first(bench: Bench, data: p.Dataset) -> None:
    found = told(ask(application(bench), "/api/samples?which=mistakes&count=40"))
    while found["pending"]:  # they are measured meanwhile
        time.sleep(0.01)
        found = told(ask(application(bench), "/api/samples?which=mistakes&count=40"))
    sure = [each["confidence"] for each in found["samples"]]
    assert sure == sorted(sure, reverse=True)
    assert all(each["label"] != each["predicted"] for each in found["samples"])
    assert found["total"] == round(40 * (1 - found["accuracy"]))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/api/maps?image=x&layer=conv1", "is not here any more"),
        ("/api/maps?layer=conv1", "image: expected in the query, received nothing"),
        ("/api/maps?image={image}&layer=conv9", "layer: there is no 'conv9'; did you mean 'conv1'?"),
        ("/api/sum?image={image}&layer=conv1&index=2,3", "index: expected 3 numbers, received '2,3'"),
        ("/api/sum?image={image}&layer=conv1&index=4,0,0", "index: expected a whole number from 0 to 3, received '4'"),
        ("/api/maps?image={image}&layer=conv1&order=best", "order: expected one of index, mean"),
        ("/api/why?image={image}&method=guess", "method: expected one of saliency"),
    ],
)
def test_what_is_wrong_with_a_question_is_said(bench: Bench, data: p.Dataset, path: str, message: str) -> None:
    reply = ask(application(bench), path.format(image=bench.put(data.images[0])))
    assert reply.status in (400, 410)
    assert message in json.loads(reply.body)["error"]


WORDS = (
    "image", "layer", "index", "order", "first", "count", "class", "number", "rows", "columns", "type", "which", "raw",
    "method", "forgotten", "layers", "out", "channel", "preset", "what", "all", "whole", "drawn", "pair",
    "numbers", "against",
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from([
        "conv1", "relu1", "linear1", "input", "residual1", "0", "1", "2", "0,0,0", "1,2", "-1", "9" * 20, "u1", "f4",
        "mean", "contribution", "saliency", "occlusion", "grad_cam", "kernel", "silence", "blur", "12", "280",
        "../../etc/passwd", "%2e%2e", "<script>", "nan", "1e9", "٣", "\x00", "IMAGE",
    ]),
    st.text(max_size=20),
)  # fmt: skip
SIZED = st.sampled_from([bytes(144), bytes(576), b"\xff" * 576, bytes(78_400), bytes(36)])
BODIES = st.one_of(st.binary(max_size=300), SIZED)


@pytest.fixture(scope="module")
def app_and_image() -> tuple[Any, str]:
    rng = np.random.default_rng(0)
    data = p.Dataset(rng.integers(0, 256, (20, *SHAPE), dtype=np.uint8), rng.integers(0, 3, 20))
    bench = Bench(network(), "a network", data)
    return application(bench), bench.put(data.images[0])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(QUESTIONS), st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=6), BODIES)
def test_no_question_is_a_fault(
    app_and_image: tuple[Any, str], question: Question, query: dict[str, str], body: bytes
) -> None:  # fmt: skip
    app, image = app_and_image
    words = {key: image if value == "IMAGE" or key == "image" else value for key, value in query.items()}
    sent = body if question.method == "POST" else b""
    reply = ask(app, f"/api/{question.name}?{urlencode(words)}", sent, question.method)
    assert reply.status in (200, 400, 410), (reply.status, reply.body)


@pytest.mark.parametrize(
    "path", ["/../look.py", "/..%2flook.py", "/static/style.css", "/style.css/", "/%2e%2e/server.py", "//etc/passwd",
             "/style.css%00", "/index.html/..", "/api", "/api/", "/api/network/", "/API/network", "/server.py"]
)  # fmt: skip
def test_there_is_nothing_but_the_page(bench: Bench, path: str) -> None:
    assert ask(application(bench), path).status in (404, 307)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_each_question_is_asked_in_one_way(bench: Bench, method: str) -> None:
    app = application(bench)
    for question in QUESTIONS:
        if question.method != method:
            assert ask(app, f"/api/{question.name}", method=method).status == 405


def test_what_is_read_leaves_the_network_as_it_is_shown(bench: Bench) -> None:
    """Also where it is shown as it was before its edits, which a page that opens ends, but only by POST."""
    bench.versions.edits.silence("conv1", 0)
    bench.versions.show_edited()
    bench.versions.show_original()
    before = ask(application(bench), "/api/edition").body
    for question in QUESTIONS:
        if question.method == "GET":
            ask(application(bench), f"/api/{question.name}")
    assert ask(application(bench), "/api/edition").body == before
    assert json.loads(ask(application(bench), "/api/open", method="POST").body)["comparing"] is False
    bench.versions.edits.reset()
    bench.versions.show_edited()


def test_what_nobody_foresaw_is_told_in_a_sentence_and_logged_with_its_place(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*given: Any, **how: Any) -> Any:
        raise ZeroDivisionError("private words")

    told_as = "ZeroDivisionError: a fault of Pellucid's; the terminal shows more"
    monkeypatch.setattr(bench, "look", broken)
    reply = ask(application(bench), "/api/sample?number=7", method="POST")
    assert (reply.status, json.loads(reply.body)) == (500, {"error": told_as})
    monkeypatch.setattr("pellucid.web.looking.measuring.judge", broken)
    until = time.monotonic() + 30
    while (found := bench.measured()) is None and time.monotonic() < until:
        time.sleep(0.01)
    assert found == told_as
    assert [record.getMessage() for record in caplog.records] == ["/api/sample", "measuring"]
    assert all("in broken" in caplog.handler.format(record) for record in caplog.records)
