"""What a network makes of data: mistakes in order of confidence, classes, numbers."""

import numpy as np
import pytest

import pellucid as p
from pellucid.report.judging import Compared, Judged, judge


def scores_as_given(classes: int = 3) -> p.Sequential:
    """A network whose outputs are its inputs."""
    made = p.Sequential([p.Linear(classes, classes)], input_shape=(classes,), dtype="float64")
    made["linear1"].weight.data, made["linear1"].bias.data = np.eye(classes), np.zeros(classes)
    return made


def test_mistakes_come_in_the_order_of_confidence():
    outputs = np.array([[9.0, 0, 0], [0, 1, 0], [0, 5, 0], [0, 0, 3], [4, 0, 0]])
    found = judge(scores_as_given(), p.Dataset(outputs, [0, 0, 0, 2, 1]))
    assert isinstance(found, Judged)
    assert found.predicted.tolist() == [0, 1, 1, 2, 0]
    assert found.mistakes.tolist() == [2, 4, 1]
    assert found.right.tolist() == [0, 3]
    assert found.accuracy == pytest.approx(0.4)
    assert found.confusion.tolist() == [[1, 2, 0], [1, 0, 0], [0, 0, 1]]
    assert found.taken_for == [(2, 0, 1), (1, 1, 0)]
    assert found.taken_for is found.taken_for, "which is sorted once"
    assert found.names == ("0", "1", "2")


def test_numbers_are_compared():
    made = scores_as_given(2)
    found = judge(made, p.Dataset(np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 2], [3, 7]])))
    assert isinstance(found, Compared)
    assert found.worst.tolist() == [1, 0]
    assert found.errors[1] == pytest.approx((9 / 2) ** 0.5)
    (first, second) = found.by_output()
    assert first == (0, 0, 1)
    assert second == pytest.approx((4.5**0.5, 1.5, 1 - 4.5 / 6.25))


def test_one_hot_rows_are_classes_unless_numbers_were_learnt():
    made, data = scores_as_given(2), p.Dataset(np.array([[1.0, 0], [0, 1]]), np.array([[1.0, 0], [0, 1]]))
    assert isinstance(judge(made, data), Judged)
    assert isinstance(judge(made, data, numbers=True), Compared)


def test_what_does_not_fit_is_refused():
    made = scores_as_given()
    made.class_names = ("a", "b", "c")
    x = np.zeros((2, 3))
    with pytest.raises(p.ArgumentError, match="bear other names"):
        judge(made, p.Dataset(x, [0, 1], ("a", "c", "b")))
    with pytest.raises(p.DataError, match="the data have a class 3, but the network has 3 outputs"):
        judge(made, p.Dataset(x, [0, 3]))
    made["linear1"].weight.data[...] = np.inf
    with pytest.raises(p.NonFiniteError, match="the outputs of sample 0 are not finite"):
        judge(made, p.Dataset(np.ones((2, 3)), [0, 1]))
