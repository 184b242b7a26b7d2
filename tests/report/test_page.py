"""The page: whole HTML that needs nothing else, readable by everybody, whatever things are called."""

import re
from collections import Counter
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import pellucid as p
from oracles.reports import Page, network, stripes
from pellucid.report import html_report, page, save_report
from pellucid.report.amounts import Amounts
from pellucid.report.html import table

pytest.importorskip("matplotlib")
X, Y = stripes(60, seed=3)
TEST = p.Dataset(X, Y, ("low", "middle", "high"), "stripes")
PARTS = ["training", "classes", "calibration", "mistakes", "network", "filters", "maps", "settings"]


@pytest.fixture(scope="module")
def html(run: Path) -> str:
    return html_report(run, TEST, part="test", engine="numpy")


def links(found: Page) -> list[str]:
    return [each["href"].removeprefix("#") for each in found.all("a") if each["href"] != "#main"]


# ---- what is in it


def test_of_a_graph_the_table_of_layers_says_what_each_reads(html, tmp_path):
    nodes = {"relu": (p.ReLU(), "input"), "both": (p.joins.Concat(), "input", "relu")}
    p.save(p.Graph(nodes, input_shape=(2, 4, 4)), tmp_path / "graph.safetensors")
    made = html_report(tmp_path / "graph.safetensors")
    assert '<th scope="col">reads</th>' in made
    assert "<td>input, relu</td>" in made
    assert "reads</th>" not in html


def test_features_have_no_fields():
    made = html_report(p.Sequential([p.Linear(3, 4), p.ReLU(), p.Linear(4, 2)], input_shape=(3,)))
    assert "multiply-adds</th>" in made
    assert "field</th>" not in made
    assert "stride</th>" not in made
    assert "Field:" not in made
    assert Page(made).faults == []


def test_of_a_matrix_mistakes_are_seen_beside_the_largest_and_classes_without_samples_are_left_out():
    """A network that is nearly always right: its 2 mistakes and its 1 still differ."""
    made = p.Sequential([p.Linear(3, 3)], input_shape=(3,), class_names=["first", "second", "absent"])
    made["linear1"].weight.data, made["linear1"].bias.data = np.eye(3), np.zeros(3)
    labels = np.repeat([0, 1], [98, 99])
    named = np.r_[[0] * 96, [1, 1], [1] * 98, [0]]
    whole = html_report(made, (np.eye(3)[named], labels))
    matrix = whole[whole.index('class="matrix"') :].partition("</table>")[0]
    assert re.findall(r'class="number (w\d)">(\d+)', matrix) == [("w3", "2"), ("w2", "1")]
    assert "; 1 class does not occur" in matrix
    assert matrix.count("<tr>") == 3


def test_a_run_has_all_parts_in_order(html):
    found = Page(html)
    assert found.faults == []
    assert links(found) == PARTS
    assert [each.get("id") for each in found.all("h2")] == PARTS
    for word in ("Confusion matrix", "expected calibration error", "Saliency", "Grad-CAM", "Occlusion", "recall"):
        assert word in html, word
    assert "60 test images" in html


def test_it_says_what_was_measured(html, run):
    accuracy = p.evaluate(p.load(run), TEST)["accuracy"]
    assert f"{100 * accuracy:.2f} %" in html
    wrong = round(60 * (1 - accuracy))
    assert f"{wrong} of 60 samples are classified wrongly" in html


def test_the_same_run_gives_the_same_page(html, run):
    assert html_report(run, TEST, part="test", engine="numpy") == html


def test_without_data_what_needs_them_is_left_out_and_said(run):
    made = html_report(run, missing="the disk is gone")
    found = Page(made)
    assert links(found) == ["training", "network", "filters", "settings"]
    assert found.faults == []
    assert "What needs data is left out: the disk is gone." in made


def test_a_network_that_overflows_has_its_training_and_its_filters(run):
    made = p.load(run)
    made["conv1"].weight.data[0] = np.nan
    shown = html_report(made, TEST, engine="numpy")
    found = Page(shown)
    assert links(found) == ["network", "filters"]
    assert found.faults == []
    assert "What needs data is left out: the outputs of sample 0 are not finite" in shown


def test_a_layer_without_gradient_explains_nothing_and_breaks_nothing():
    class Twice(p.Layer):
        def output_shape(self, input_shape):
            return input_shape

        def forward(self, x, training=False):
            return 2 * self.accept(x)

    made = p.Sequential([Twice(), p.Flatten(), p.Linear(36, 3)], input_shape=(1, 6, 6))
    shown = html_report(made, (X, Y), engine="numpy")
    assert "Saliency" not in shown
    assert "taken for" in shown


def test_flat_samples_have_no_images(rng):
    x = rng.standard_normal((40, 5)).astype(np.float32)
    made = p.Sequential([p.Linear(5, 4), p.ReLU(), p.Linear(4, 2)], input_shape=(5,))
    found = Page(html_report(made, (x, (x[:, 0] > 0).astype(int)), engine="numpy"))
    assert links(found) == ["classes", "calibration", "mistakes", "network"]
    assert found.faults == []
    assert any("Features that scores depend on" in each for each in found.texts)


def test_numbers_are_compared(rng):
    x = rng.random((30, 1, 6, 6)).astype(np.float32)
    made = html_report(network(2), (x, rng.random((30, 2))), engine="numpy")
    found = Page(made)
    assert links(found) == ["outputs", "network", "filters", "maps"]
    assert found.faults == []
    assert "root mean squared error" in made


def test_who_makes_no_mistake_is_told_so():
    made = network()
    assert "None: all 60 samples are right." in html_report(made, (X, p.predict_classes(made, X)), engine="numpy")


def test_chosen_images_are_shown(run):
    made = html_report(run, TEST, images=[7, 3, 7], engine="numpy")
    shown = re.findall(r"<h3>Sample (\d+)", made)
    assert shown == ["7", "3"]
    with pytest.raises(p.ArgumentError, match="images: expected numbers from 0 to 59, received 60"):
        html_report(run, TEST, images=[60], engine="numpy")


@pytest.mark.parametrize("images", [["a"], [1.5], [True], [-1], [[0]], 3, "12"], ids=repr)
def test_images_that_are_no_numbers_are_refused(images):
    with pytest.raises(p.ArgumentError, match=r"^images: expected "):
        html_report(network(), TEST, images=images, engine="numpy")


def test_images_without_data_are_refused():
    with pytest.raises(p.ArgumentError, match=r"^images: there are no data to take them from"):
        html_report(network(), images=[0])


def test_a_report_takes_the_place_of_no_other_file(run, tmp_path):
    p.save(network(), tmp_path / "net.safetensors")
    (tmp_path / "net.html").write_bytes((tmp_path / "net.safetensors").read_bytes())
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(p.ArgumentError, match=r"expected a name that ends with \.html"):
        save_report(tmp_path / "net.safetensors", network())
    with pytest.raises(p.ArgumentError, match="is what the report is of; give the report another name"):
        save_report(tmp_path / "net.html", tmp_path / "net.html")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_it_is_saved_as_a_file(run, tmp_path, html):
    save_report(tmp_path / "it.html", run, TEST, part="test", engine="numpy")
    assert (tmp_path / "it.html").read_text(encoding="utf-8") == html


# ---- that it needs nothing else


def test_it_loads_nothing_and_runs_nothing(html):
    found = Page(html)
    names = {tag for tag, _ in found.elements}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for tag, attributes in found.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{tag} {name}"
            if name in ("src", "href", "xlink:href", "data", "action", "srcset"):
                assert value.startswith(("data:image/png;base64,", "#")), f"{tag} {name}={value[:60]}"
    assert not re.search(r"@import|url\((?!#)", html)
    assert "default-src 'none'" in next(each for each in found.all("meta") if "http-equiv" in each)["content"]


# ---- that everybody can read it


def test_landmarks_headings_and_names(html):
    found = Page(html)
    assert found.all("html")[0]["lang"] == "en"
    for landmark in ("header", "nav", "main", "footer", "h1", "title"):
        assert len(found.all(landmark)) == 1, landmark
    assert found.elements[[tag for tag, _ in found.elements].index("a")][1]["href"] == "#main"
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    identifiers = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert [each for each, count in Counter(identifiers).items() if count > 1] == []
    known = set(identifiers)
    assert all(each["href"].removeprefix("#") in known for each in found.all("a"))
    titles = {each["id"]: each["id"].capitalize() for each in found.all("h2")}
    names = [each["aria-label"] for tag, each in found.elements if "aria-label" in each]
    assert [each for each, count in Counter([*titles.values(), *names]).items() if count > 1] == []
    for each in found.all("section"):
        assert each["aria-labelledby"] in known


def test_pictures_have_alternatives_and_tables_have_heads(html):
    found = Page(html)
    assert all(len(each["alt"]) > 10 for each in found.all("img"))
    assert all(each["role"] == "img" and len(each["aria-label"]) > 10 for each in found.all("svg"))
    assert len(found.all("caption")) == len(found.all("table")) >= 5
    assert all(each.get("scope") in ("col", "row") for each in found.all("th"))
    boxes = [each for each in found.all("div") if each.get("class") == "scroll"]
    assert len(boxes) == len(found.all("table"))
    assert all(each["tabindex"] == "0" and each["role"] == "region" and each["aria-label"] for each in boxes)
    assert "focus-visible" in html
    assert "outline: none" not in html


def colours(dark: bool) -> dict[str, tuple[float, ...]]:
    css = files("pellucid.report").joinpath("report.css").read_text(encoding="utf-8")
    light, _, rest = css.partition("@media (prefers-color-scheme: dark)")
    blocks = [light, rest.partition("\n}\n")[0]] if dark else [light]
    found = {}
    for block in blocks:
        for name, value in re.findall(r"--([a-z]+): ([^;]+);", block):
            digits = value.removeprefix("#")
            numbers = [int(digits[i : i + 2], 16) for i in (0, 2, 4)] if value[0] == "#" else map(int, value.split())
            found[name] = tuple(numbers)
    return found


def contrast(one, other) -> float:
    """As WCAG 2.2 defines it."""

    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (each / 255 for each in colour)]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_contrast_is_enough_in_light_and_dark(dark):
    known = colours(dark)
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21), "the control"
    for ground in ("page", "panel"):
        for ink in ("ink", "soft", "link"):
            assert contrast(known[ink], known[ground]) >= 4.5, (ink, ground)
        for line in ("first", "second", "third"):
            assert contrast(known[line], known[ground]) >= 3, (line, ground)
    for tint in ("right", "wrong"):
        for share in (0.12, 0.24, 0.36):
            shade = [share * a + (1 - share) * b for a, b in zip(known[tint], known["page"], strict=True)]
            assert contrast(known["ink"], shade) >= 4.5, (tint, share)


# ---- how large it is


def test_a_large_network_is_cut_and_that_is_said(monkeypatch):
    layers = [layer for _ in range(40) for layer in (p.Conv2d(24, 24, 3, padding=1), p.ReLU())]
    made = p.Sequential([p.Conv2d(1, 24, 3), *layers, p.Flatten(), p.Linear(24 * 16, 300)], input_shape=(1, 6, 6))
    data = X[:40], np.arange(40) * 7
    whole = html_report(made, data, engine="numpy")
    assert len(whole.encode()) <= page.MOST_BYTES
    for said in (
        "24 of 41 convolutions",
        "the first 16 of 24 filters",
        "24 of 81 layers",
        "of 300 classes",
        "others neither occur",
    ):
        assert said in whole, said
    monkeypatch.setattr(page, "MOST_BYTES", 400_000)
    smaller = html_report(made, data, engine="numpy")
    assert len(smaller.encode()) <= 400_000
    assert Page(smaller).faults == []


def test_of_many_classes_the_worst_are_shown(rng):
    count = 250
    made = p.Sequential([p.Linear(count, count)], input_shape=(count,), dtype="float64")
    made["linear1"].weight.data, made["linear1"].bias.data = np.eye(count), np.zeros(count)
    x, labels = np.eye(count)[np.arange(count) // 2 * 2], np.arange(count)  # every second class is taken for another
    whole = html_report(made, (np.vstack([x, x]), np.hstack([labels, labels])))
    assert "here are the 200 with the lowest F1 of 250" in whole
    assert "Confusion matrix of 250 classes" in whole
    assert "20 of 125 pairs of classes" in whole
    assert Page(whole).faults == []


def test_fewer_of_everything_comes_to_an_end():
    amounts, steps = Amounts(), 0
    while amounts.fewer() != amounts:
        amounts, steps = amounts.fewer(), steps + 1
    assert steps < 20


def test_the_page_is_in_the_wheel():
    for name in ("report.css", "report.html"):
        assert files("pellucid.report").joinpath(name).is_file()


def test_a_table_names_its_rows_and_columns():
    found = Page(table("Some & more", ["name", "count"], [["a<b", 3]], numbers=["count"]))
    assert [each.get("scope") for each in found.all("th")] == ["col", "col", "row"]
    assert found.all("td") == [{"class": "number"}]
    assert "a<b" in found.texts
