"""The studies that train nothing: what they state is right, and is the same whether or not something is measured."""

import math
from functools import cache

import numpy as np
import pytest

import pellucid as p
from pellucid import models
from pellucid.studies import (
    NOT_MEASURED,
    STUDIES,
    Options,
    Result,
    Study,
    Table,
    filter_size,
    one_by_one,
    output_size,
    survey,
)
from pellucid.studies.effective_field import uniform_width
from pellucid.studies.filters import FILTERS, Filters
from pellucid.studies.published import PUBLISHED, SOURCES

MEASURING = [study for study in STUDIES.values() if not study.trains]


@cache
def unmeasured(name: str) -> Result:
    return STUDIES[name].function(Options(measure=False))


def table(result: Result, name: str) -> Table:
    return next(each for each in result.tables if each.name == name)


def test_studies_are_known_by_their_names() -> None:
    assert {"output-size", "filter-size", "one-by-one", "models"} <= set(STUDIES)
    assert all(study.name == name for name, study in STUDIES.items())


@pytest.mark.parametrize("study", MEASURING, ids=lambda study: study.name)
def test_only_measured_columns_depend_on_measuring(study: Study) -> None:
    said: list[str] = []
    measured = study.function(Options(quick=True, threads=1, progress=said.append))
    counted = study.function(Options(quick=True, measure=False))
    assert [each.lasting() for each in measured.tables] == [each.lasting() for each in counted.tables]
    assert [each.name for each in measured.tables] == [each.name for each in counted.tables]
    timed = [each for each in measured.tables if each.measured]
    assert all(each.has_measured for each in timed)
    assert not any(NOT_MEASURED in row for each in timed for row in each.rows)
    assert not any(each.has_measured for each in counted.tables)
    assert bool(said) == bool(timed), "what takes time says what it is about"
    assert {each.name for each in measured.figures} <= set(study.pictures)
    assert {each.name for each in counted.figures} <= {each.name for each in measured.figures}
    for those in (measured.tables, measured.figures):
        names = [each.name for each in those]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("study", STUDIES.values(), ids=lambda study: study.name)
def test_without_measuring_a_study_is_whole_but_for_what_is_measured(study: Study) -> None:
    result = unmeasured(study.name)
    assert result.tables
    assert not any(each.has_measured for each in result.tables)
    assert not any(isinstance(section, str) and section.startswith("Quick run") for section in result.sections)
    assert {each.name for each in result.figures} <= set(study.pictures)


@pytest.mark.parametrize("study", MEASURING, ids=lambda study: study.name)
def test_a_quick_result_says_so_first(study: Study) -> None:
    first, *_ = study.function(Options(quick=True, measure=False)).sections
    if study.name == "output-size":  # complete in any case
        assert first == output_size.FORMULA
    else:
        assert first.startswith("Quick run, which only shows that the study works: ")
    if study.name == "models":
        assert "some of the networks (resnet20, lenet5)" in first


# ---- output-size


def brute_force(size: int, kernel: int, stride: int, before: int, after: int, dilation: int) -> tuple[int, list[int]]:
    """Places of a window, and the pixels that none of them reads, by moving it along."""
    places, read, start = 0, set(), -before
    while start + dilation * (kernel - 1) < size + after:
        read |= {start + tap * dilation for tap in range(kernel)}
        places, start = places + 1, start + stride
    return places, [pixel for pixel in range(size) if pixel not in read]


def test_sizes_are_those_of_a_window_that_is_moved() -> None:
    shown = table(unmeasured("output-size"), "sizes")
    assert len(shown.rows) == 24
    for row in shown.rows:
        if row[3] != "same":
            size, kernel, stride, padding, dilation = map(int, row[:5])
            places, unread = brute_force(size, kernel, stride, padding, padding, dilation)
            assert row[5].endswith(f" = {places}"), row
            assert row[7] == output_size._indices(unread), row


def test_what_is_not_read_is_named_or_counted() -> None:
    assert output_size._indices([]) == "–"
    assert output_size._indices([3, 7]) == "3, 7"
    assert output_size._indices(range(1, 28, 2)) == "14: 1, 3, …, 27"


def test_windows_that_are_asked_for_come_alone() -> None:
    asked = output_size.Windows([8, 30], [3], [2], ["same"], [1])
    result = output_size.study(Options(), asked)
    assert [each.name for each in result.tables] == ["sizes"]
    assert [row[:5] for row in result.tables[0].rows] == [("8", "3", "2", "same", "1"), ("30", "3", "2", "same", "1")]
    (figure,) = result.figures
    assert [sight.size for sight in figure.plot.sights] == [8], "30 pixels are too many to draw"


def test_a_window_that_does_not_fit_is_told() -> None:
    result = output_size.study(Options(), output_size.Windows([4], [7], [1], [0], [1]))
    assert result.tables[0].rows == [("4", "7", "1", "0", "1", "(4 + 2·0 − 7)//1 + 1 = −2", "7", "does not fit")]
    assert result.figures == []


# ---- filter-size


def test_shares_are_those_of_dice() -> None:
    """Random weights come to the products of the shares along both axes, of sums of dice for filters in a row."""
    shares = {row[0]: row[3] for row in table(unmeasured("filter-size"), "fields").rows}
    exact = {"one 7×7": 3 / 7, "three 3×3": 19 / 27, "one 5×5": 3 / 5, "two 3×3": 7 / 9, "one 3×3": 1}
    assert {name: shares[name] for name in exact} == {name: f"{100 * each**2:.0f} %" for name, each in exact.items()}


def test_three_filters_of_3_see_7_with_fewer_weights() -> None:
    rows = {row[0]: row[1:5] for row in table(unmeasured("filter-size"), "costs").rows}
    squared = 64**2
    assert rows["one 7×7"] == ("7×7", f"{49 * squared:,}", "100 %", "629 M")
    assert rows["three 3×3"] == ("7×7", f"{27 * squared:,}", "55 %", "347 M")
    assert rows["two 3×3"][:3] == ("5×5", f"{18 * squared:,}", "72 %")
    assert rows["depthwise separable 3×3"][:3] == ("3×3", f"{9 * 64 + squared:,}", "13 %")
    assert rows["one 1×1"][:3] == ("1×1", f"{squared:,}", "100 %")


def test_a_uniform_window_is_as_wide_as_it_is() -> None:
    for width in (1, 3, 7, 11):
        found = np.zeros((21, 21))
        edge = (21 - width) // 2
        found[edge : 21 - edge, edge : 21 - edge] = width**-2.0
        assert uniform_width(found) == pytest.approx(width)
    once = np.full(3, 1 / 3)
    twice = np.convolve(once, once)  # what two 3×3 filters do along an axis, if all ways count alike
    assert uniform_width(np.outer(twice, twice)) == pytest.approx(math.sqrt(8 * 2 + 1))


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_gradients_spread_as_the_sum_of_so_many_dice(depth: int) -> None:
    energy = filter_size._energy_of(Filters("", (3,) * depth), filter_size.DEPTH_DRAWS)
    assert energy.shape == (2 * depth + 1,) * 2
    assert energy.sum() == pytest.approx(1)
    assert uniform_width(energy) == pytest.approx(math.sqrt(8 * depth + 1), rel=0.03)


def test_filters_keep_the_size_and_the_channels() -> None:
    for filters in FILTERS:
        network = p.Sequential(filters.layers(6), input_shape=(6, 9, 9))
        assert network.output_shape() == (6, 9, 9), filters.name


# ---- one-by-one


def test_colours_are_mixed_as_on_paper() -> None:
    shown = table(unmeasured("one-by-one"), "mixing")
    rows = {row[0]: list(row[2:]) for row in shown.rows}
    assert rows["weights"] == ["0.299, 0.587, 0.114", "1, −1, 0", "−0.5, −0.5, 1"]
    assert rows["red"] == ["0.299", "1", "−0.5"]
    assert rows["yellow"] == ["0.886", "0", "−1"]  # 0.299 + 0.587; 1 − 1; −0.5 − 0.5
    assert rows["white"] == ["1", "0", "0"]


def test_a_bottleneck_saves_seventeen_times() -> None:
    narrowed, wide, *_ = table(unmeasured("one-by-one"), "bottleneck").rows
    assert narrowed[1] == f"{2 * 256 * 64 + 9 * 64 * 64:,}"
    assert wide[1] == f"{2 * 9 * 256 * 256:,}"


def test_depthwise_separable_mobilenet_has_the_published_multiply_adds() -> None:
    """Beside the pairs there are a first convolution of 3·3·3·32 weights on 112×112 and a dense layer."""
    others = 27 * 32 * 112**2 + 1024 * 1000
    sums = np.zeros(2)
    for (channels, width, stride, size), count in one_by_one._places().items():
        networks = [one_by_one._stack(channels, width, stride, size, apart) for apart in (False, True)]
        sums += [count * one_by_one.summary(network).totals.multiply_adds for network in networks]
    full, apart = (sums + others) / 1e6
    assert round(apart) == 569
    assert full == pytest.approx(4866, rel=5e-4)
    assert sum(one_by_one._places().values()) == 13
    assert table(unmeasured("one-by-one"), "separable").rows[-1][:4] == ("all together", "4.86 G", "557 M", "1/8.72")


# ---- models


def test_depth_is_what_the_authors_count() -> None:
    counted = {
        "lenet5": 5, "alexnet_2012": 8, "all_cnn": 9, "vgg11": 11, "vgg16": 16, "vgg19_bn": 19, "squeezenet1_0": 18,
        "resnet18": 18, "resnet34": 34, "resnet50": 50, "resnet20": 20, "resnet110": 110, "mobilenet_v1": 28,
    }  # fmt: skip
    assert {name: survey.depth(models.MODELS[name]()) for name in counted} == counted


def test_every_fact_has_a_source_and_a_model() -> None:
    assert PUBLISHED.keys() <= models.MODELS.keys()
    without_paper = {"small", "notebook", "mnist_s8", "mnist_s6", "lenet"}
    assert models.MODELS.keys() - PUBLISHED.keys() == without_paper
    assert {published.source for published in PUBLISHED.values()} == SOURCES.keys()
    for name, published in PUBLISHED.items():
        assert 1998 <= published.year <= 2018, name
        assert 50 < published.top1 < (published.top5 or 100), name


def test_the_caption_names_the_smallest_and_the_largest_network() -> None:
    (figure,) = unmeasured("models").figures
    assert "from 1.24 million (squeezenet1_1) to 144 million (vgg19_bn)" in figure.caption


def test_the_survey_shows_what_is_published() -> None:
    rows = {row[0]: row for row in table(unmeasured("models"), "imagenet").rows}
    assert list(rows["vgg16"][:6]) == ["vgg16", "2014", "16", "138,357,544", "553.4 MB", "15.5 G"]
    assert list(rows["vgg16"][6:]) == ["71.592", "90.382", "torchvision", NOT_MEASURED, NOT_MEASURED]
    assert rows["mobilenet_v1"][7] == "–"
    cifar = {row[0]: row for row in table(unmeasured("models"), "cifar-10").rows}
    assert cifar["resnet20"][6] == "91.25", "100 − 8.75"
