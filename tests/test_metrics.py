"""Metrics: counts by hand, a sorting oracle, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import ArgumentError, DataError
from pellucid.metrics import accuracy, class_scores, confusion_matrix, top_k_accuracy

OUTPUTS = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.4, 0.5, 0.1]])
LABELS = np.array([1, 2, 2, 0])  # ranks of the true class: 1st, 3rd, 1st, 2nd


def top_k_oracle(outputs, labels, k):
    """Sort each row by falling score, equal scores by class number, and look among the first k."""
    right = 0
    for row, label in zip(outputs, labels, strict=True):
        ranked = sorted(range(len(row)), key=lambda c: (-row[c], c))
        right += not any(score != score for score in row) and label in ranked[:k]
    return right / len(labels)


@pytest.mark.parametrize(("k", "expected"), [(1, 0.5), (2, 0.75), (3, 1.0)])
def test_top_k_by_hand(k, expected):
    assert top_k_accuracy(OUTPUTS, LABELS, k) == expected


def test_accuracy_by_hand():
    assert accuracy(OUTPUTS, LABELS) == 0.5
    assert type(accuracy(OUTPUTS, LABELS)) is float


@pytest.mark.parametrize(
    "labels",
    [
        LABELS.astype(np.uint8),
        LABELS.tolist(),
        np.eye(3)[LABELS],
        np.eye(3, dtype=bool)[LABELS],
        np.eye(3, dtype=np.int64)[LABELS],
        0.8 * np.eye(3, dtype=np.float32)[LABELS] + 0.2 / 3,
    ],
    ids=["uint8", "list", "one-hot", "one-hot bool", "one-hot int", "soft"],
)
def test_every_form_of_labels_counts_alike(labels):
    assert accuracy(OUTPUTS, labels) == 0.5
    expected = [[0, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert confusion_matrix(labels, OUTPUTS.argmax(axis=1), 3).tolist() == expected


def test_the_first_of_equal_outputs_counts():
    equal = np.zeros((3, 3))
    assert top_k_accuracy(equal, [0, 1, 2], k=1) == 1 / 3
    assert top_k_accuracy(equal, [0, 1, 2], k=2) == 2 / 3
    assert top_k_accuracy(equal, [2, 2, 2], k=2) == 0


def test_the_first_of_equal_soft_labels_counts():
    assert accuracy([[1.0, 0.0]], [[0.5, 0.5]]) == 1


@pytest.mark.parametrize("row", [[np.nan, 0, 1], [1, np.nan, 0], [1, 0, np.nan], [np.nan] * 3])
@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_row_with_a_nan_is_never_right(row, label, k):
    assert top_k_accuracy([row, [1, 0, 0]], [label, 0], k) == 0.5


def test_infinite_outputs_have_an_order():
    assert accuracy([[-np.inf, 0.0], [np.inf, 1e308]], [1, 0]) == 1


@given(st.data(), st.integers(1, 8), st.integers(1, 5))
@settings(deadline=None, max_examples=80)
def test_top_k_agrees_with_the_sorting_oracle(data, samples, classes):
    """Scores from few values, so that ties are many; NaN among them."""
    score = st.sampled_from([-1.0, 0.0, -0.0, 0.5, float("inf"), float("nan")])
    outputs = data.draw(
        st.lists(st.lists(score, min_size=classes, max_size=classes), min_size=samples, max_size=samples)
    )
    labels = data.draw(st.lists(st.integers(0, classes - 1), min_size=samples, max_size=samples))
    k = data.draw(st.integers(1, classes))
    assert top_k_accuracy(outputs, labels, k) == pytest.approx(top_k_oracle(outputs, labels, k))


@given(st.data(), st.integers(1, 12), st.integers(1, 5))
@settings(deadline=None, max_examples=40)
def test_the_diagonal_of_the_confusion_matrix_is_the_accuracy(data, samples, classes):
    digits = st.lists(st.integers(0, 9), min_size=classes, max_size=classes)
    outputs = np.array(data.draw(st.lists(digits, min_size=samples, max_size=samples)))
    labels = data.draw(st.lists(st.integers(0, classes - 1), min_size=samples, max_size=samples))
    matrix = confusion_matrix(labels, outputs.argmax(axis=1), classes)
    assert matrix.dtype == np.int64
    assert np.trace(matrix) / samples == pytest.approx(accuracy(outputs, labels))
    assert matrix.sum(axis=1).tolist() == [labels.count(c) for c in range(classes)]
    assert matrix.sum(axis=0).tolist() == np.bincount(outputs.argmax(axis=1), minlength=classes).tolist()


def test_confusion_matrix_by_hand_has_true_classes_as_rows():
    assert confusion_matrix([0, 0, 0, 1], [1, 1, 0, 2], 4).tolist() == [
        [1, 2, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_small_integer_types_do_not_overflow():
    """Class 250 of 251: 250·251 + 250 needs more than the 8 bits of its labels."""
    matrix = confusion_matrix(np.array([250], np.uint8), np.array([250], np.uint8), 251)
    assert matrix[250, 250] == 1


@pytest.mark.parametrize(
    ("outputs", "labels", "message"),
    [
        ([0.1, 0.9], [1], "outputs: expected real scores of shape (N, C), received float64 of shape (2,)"),
        ([["a", "b"]], [1], "outputs: expected real scores of shape (N, C), received <U1 of shape (1, 2)"),
        ([[1j, 2]], [1], "outputs: expected real scores of shape (N, C), received complex128 of shape (1, 2)"),
        (np.empty((0, 3)), [], "outputs: expected at least one sample and one class, received shape (0, 3)"),
        (OUTPUTS, [0, 1], "outputs have 4 rows, but there are 2 labels; expected one label a row"),
        (OUTPUTS, [0, 1, 3, 0], "labels: expected class numbers from 0 to 2, received 3 at position 2"),
        (OUTPUTS, [0, -1, 3, 0], "labels: expected class numbers from 0 to 2, received -1 at position 1"),
        (
            OUTPUTS,
            [0.0, 1.0, 2.0, 0.0],
            "labels: expected integer class numbers of shape (N,) or one-hot or soft targets of shape (N, 3), "
            "received float64 of shape (4,)",
        ),
        (
            OUTPUTS,
            np.zeros((4, 2)),
            "labels: expected integer class numbers of shape (N,) or one-hot or soft targets of shape (N, 3), "
            "received float64 of shape (4, 2)",
        ),
        (OUTPUTS, np.array([[0, 1, 0], [np.nan, 1, 0]] * 2), "labels: row 1 holds a NaN"),
    ],
)
def test_data_that_cannot_be_counted_is_refused(outputs, labels, message):
    with pytest.raises(DataError) as caught:
        accuracy(outputs, labels)
    assert str(caught.value) == message


@pytest.mark.parametrize("k", [0, 4, -1, True, 1.0, "1"])
def test_k_must_be_a_number_of_classes(k):
    with pytest.raises(ArgumentError) as caught:
        top_k_accuracy(OUTPUTS, LABELS, k)
    assert str(caught.value) == f"k: expected a whole number from 1 to 3, the number of classes, received {k!r}"


def test_the_confusion_matrix_refuses_what_it_cannot_count():
    with pytest.raises(
        DataError, match=r"predictions: expected class numbers of shape \(N,\), received shape \(4, 3\)"
    ):
        confusion_matrix(LABELS, OUTPUTS, 3)
    with pytest.raises(DataError, match="as many predictions as labels, received 2 for 4 labels"):
        confusion_matrix(LABELS, [0, 1], 3)
    with pytest.raises(DataError, match="predictions: expected class numbers from 0 to 2, received 3 at position 0"):
        confusion_matrix([1], [3], 3)
    with pytest.raises(ArgumentError, match="classes: expected a whole number of at least 1, received 0"):
        confusion_matrix([], [], 0)


def test_scores_of_classes_by_hand():
    """Class 0: 8 right, 2 taken for 1. Class 1: 9 right, 1 taken for 0. Class 2: does not occur, and is never named."""
    found = class_scores([[8, 2, 0], [1, 9, 0], [0, 0, 0]])
    np.testing.assert_allclose(found.precision, [8 / 9, 9 / 11, np.nan])
    np.testing.assert_allclose(found.recall, [0.8, 0.9, np.nan])
    np.testing.assert_allclose(found.f1, [16 / 19, 18 / 21, np.nan])
    assert found.support.tolist() == [10, 10, 0]


def test_a_class_that_is_never_named_has_a_recall_of_0_and_no_precision():
    found = class_scores([[3, 0], [2, 0]])
    assert np.isnan(found.precision[1])
    assert (found.recall[1], found.f1[1]) == (0, 0)


def test_counts_that_no_whole_number_adds_up():
    most = 2**62
    found = class_scores(np.array([[most, 0], [most, most // 2]]))
    np.testing.assert_allclose(found.precision, [0.5, 1])
    np.testing.assert_allclose(found.recall, [1, 1 / 3])
    np.testing.assert_allclose(found.f1, [2 / 3, 1 / 2])
    assert found.support.tolist() == [most, most + most // 2]
    with pytest.raises(DataError, match=r"confusion: expected at most .* samples of a class, received "):
        class_scores(np.full((2, 2), most))


@pytest.mark.parametrize("wrong", [np.zeros((0, 0), int), [[1, 2]], [1, 2], [[0.5, 0.5], [0, 1]], [[1, -1], [0, 1]]])
def test_what_is_no_confusion_matrix_is_refused(wrong):
    with pytest.raises(DataError, match="confusion: expected counts of shape"):
        class_scores(wrong)
