"""check_gradients finds planted mistakes, knows kinks, and leaves the layer alone."""

import numpy as np
import pytest

import pellucid as p
from pellucid.gradient_check import GradientReport, check_gradients


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape)


class Planted(p.Linear):
    """A dense layer whose backward is spoilt afterwards by `spoil(layer, grad_input)`."""

    def __init__(self, inputs, outputs, spoil):
        super().__init__(inputs, outputs)
        self.spoil = spoil

    def backward(self, grad_output):
        return self.spoil(self, super().backward(grad_output))


class Square(p.Layer):
    """A layer of one's own, y = a·x²."""

    def __init__(self):
        super().__init__()
        self.a = p.Parameter("a", (1,), p.Constant(3.0))

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        self._cache = x = self.accept(x)
        return self.a.data * x * x

    def backward(self, grad_output):
        x, grad_output = self.remembered(grad_output)
        self.a.grad = np.array([(grad_output * x * x).sum()])
        return grad_output * 2 * self.a.data * x


def doubled_weight(layer, grad_input):
    layer.weight.grad = 2 * layer.weight.grad
    return grad_input


def negative_input(_, grad_input):
    return -grad_input


def transposed_weight(layer, grad_input):
    layer.weight.grad = layer.weight.grad.T.copy()
    return grad_input


def no_bias(layer, grad_input):
    layer.bias.grad = None
    return grad_input


def zero_bias(layer, grad_input):
    layer.bias.grad = np.zeros_like(layer.bias.grad)
    return grad_input


def mean_bias(layer, grad_input):
    layer.bias.grad = layer.bias.grad.mean(keepdims=True)
    return grad_input


def nan_weight(layer, grad_input):
    layer.weight.grad[0, 0] = np.nan
    return grad_input


def one_wrong_weight(layer, grad_input):
    layer.weight.grad[1, 2] += 0.5
    return grad_input


@pytest.mark.parametrize(
    ("spoil", "name", "note"),
    [
        (doubled_weight, "weight", "backward gave 2 times the difference everywhere"),
        (negative_input, "input", "backward gave -1 times the difference everywhere"),
        (transposed_weight, "weight", "backward gave it transposed"),
        (no_bias, "bias", "backward left no gradient"),
        (zero_bias, "bias", "backward gave 0 everywhere"),
        (mean_bias, "bias", "backward gave the shape (1,)"),
        (nan_weight, "weight", "backward gave NaN or infinity"),
        (one_wrong_weight, "weight", "1 of 9 checked coordinates differ"),
    ],
)
def test_a_planted_mistake_is_found_and_named(spoil, name, note):
    report = check_gradients(Planted(3, 3, spoil), numbers(4, 3))
    assert not report.ok
    assert {check.name: check.ok for check in report.checks} == {n: n != name for n in ("weight", "bias", "input")}
    assert (report.worst.name, report.worst.note) == (name, note)
    assert f"gradients of Planted: wrong for {name}" in str(report)
    assert f"WRONG: {note}" in str(report)


def test_without_a_mistake_all_is_well():
    report = check_gradients(Planted(3, 3, lambda _, grad_input: grad_input), numbers(4, 3))
    assert report.ok
    assert report.worst.error < 1e-9
    assert "WRONG" not in str(report)


def test_the_transposed_gradient_of_a_rectangular_weight_has_another_shape():
    report = check_gradients(Planted(4, 3, transposed_weight), numbers(2, 4))
    assert report.worst.note == "backward gave the shape (4, 3)"


def test_the_report_gives_the_worst_coordinate_and_both_numbers():
    x, layer = numbers(4, 3), Planted(3, 3, one_wrong_weight)
    worst = check_gradients(layer, x).worst
    assert worst.coordinate == (1, 2)
    assert worst.backward - worst.difference == pytest.approx(0.5)
    assert worst.error > 0.05


def test_one_wrong_number_among_very_many_is_found_by_halving():
    def spoil(layer, grad_input):
        layer.weight.grad[17, 123] += 1.0
        return grad_input

    worst = check_gradients(Planted(200, 30, spoil), numbers(2, 200)).worst
    assert (worst.name, worst.coordinate, worst.checked) == ("weight", (17, 123), 51)
    assert worst.backward - worst.difference == pytest.approx(1.0)


def test_the_printed_report():
    layer = p.Linear(2, 1)
    layer.weight.data = [[3, 4]]
    lines = str(check_gradients(layer, [[1, 10]])).split("\n")
    assert lines[0] == "gradients of Linear: right (relative error up to 1e-06 is rounding)"
    assert lines[1].split() == ["tensor", "shape", "error", "worst", "at", "backward", "difference", "checked"]
    assert [line.split()[0] for line in lines[2:]] == ["weight", "bias", "input"]
    assert [line.split()[1] for line in lines[2:]] == ["1×2", "1", "1×2"]
    assert all(line.endswith("ok") for line in lines[2:])
    assert repr(check_gradients(layer, [[1, 10]])).startswith("gradients of Linear")


# ---- kinks
def test_a_coordinate_on_a_kink_is_left_out_and_counted():
    report = check_gradients(p.ReLU(), [[-1.0, 0.0, 2.0, 0.0]])
    assert report.ok
    assert (report.worst.checked, report.worst.kinks) == (2, 2)
    assert "2 of 4, 2 on kinks" in str(report)


@pytest.mark.parametrize("distance", [3e-5, 3e-6, 3e-7])
def test_a_kink_nearby_is_no_mistake(distance):
    """Nearer to 0 than the first step reaches: the step is made smaller."""
    report = check_gradients(p.ReLU(), [[distance, -distance, 1.0, -1.0]])
    assert report.ok
    assert report.worst.checked == 4
    assert report.worst.error < 1e-7


def test_a_mistake_near_a_kink_is_still_found():
    class Wrong(p.ReLU):
        def backward(self, grad_output):
            return 1.01 * super().backward(grad_output)

    report = check_gradients(Wrong(), [[3e-5, 1e-6, 1.0]])
    assert not report.ok
    assert report.worst.error == pytest.approx(0.01, rel=0.5)


def test_where_all_is_kinks_nothing_is_called_right():
    report = check_gradients(p.ReLU(), np.zeros((2, 3)))
    assert not report.ok
    assert report.worst.note == "not checked, every coordinate lies on a kink: try another x"


def test_ties_of_max_pooling_are_kinks():
    x = numbers(1, 1, 4, 4)
    x[0, 0, :2, :2] = 5.0  # four equal maxima
    report = check_gradients(p.MaxPool2d(2), x)
    assert report.ok
    assert (report.worst.checked, report.worst.kinks) == (12, 4)


def test_a_steep_function_is_no_kink():
    """Curvature alone must not look like one."""

    class Steep(Square):
        def forward(self, x, training=False):
            self._cache = x = self.accept(x)
            return self.a.data * np.sin(300 * x)

        def backward(self, grad_output):
            x, grad_output = self.remembered(grad_output)
            self.a.grad = np.array([(grad_output * np.sin(300 * x)).sum()])
            return grad_output * 300 * self.a.data * np.cos(300 * x)

    report = check_gradients(Steep(), numbers(3, 4))
    assert report.ok, report
    assert sum(check.kinks for check in report.checks) == 0


def test_gradients_that_are_zero_by_nature_are_right():
    """A bias before batch normalisation changes nothing: all that differences see there is rounding."""
    network = p.Sequential([p.Conv2d(1, 2, 3), p.BatchNorm2d(2)])
    report = check_gradients(network, numbers(3, 1, 6, 6), training=True)
    assert report.ok, report
    assert abs(next(check for check in report.checks if check.name == "conv1.bias").backward) < 1e-12


# ---- what it can be given
def test_a_layer_of_ones_own():
    assert check_gradients(Square(), numbers(3, 4)).ok


def test_a_network_with_scaling_fed_with_bytes_or_floats():
    network = p.Sequential(
        [p.Conv2d(1, 3, 3), p.Tanh(), p.MaxPool2d(2), p.Flatten(), p.Linear(27, 4)],
        input_shape=(1, 8, 8),
        scaling=p.Scaling(0.2, 0.3),
    )
    x = np.random.default_rng(0).integers(0, 256, (2, 1, 8, 8), np.uint8)
    report = check_gradients(network, x)
    assert report.ok, report
    assert [check.name for check in report.checks] == [*network.parameters(), "input"]
    assert check_gradients(network, numbers(2, 1, 8, 8)).ok


def test_dropout_and_running_statistics_do_not_drift():
    network = p.Sequential([p.Linear(6, 8), p.BatchNorm2d(8), p.Dropout(0.4), p.Tanh(), p.Linear(8, 3)])
    report = check_gradients(network, numbers(5, 6), training=True)
    assert report.ok, report
    assert check_gradients(network, numbers(5, 6)).ok, "with running statistics"


def test_the_layer_itself_is_left_alone():
    network = p.Sequential([p.Linear(3, 4), p.BatchNorm2d(4), p.Dropout(0.5)])
    y = network.forward(numbers(4, 3), training=True)
    before = {path: q.data.copy() for path, q in network.parameters().items()}
    before |= {path: s.data.copy() for path, s in network.states().items()}
    check_gradients(network, numbers(4, 3, seed=1), training=True)
    after = {**network.parameters(), **network.states()}
    for path, data in before.items():
        np.testing.assert_array_equal(after[path].data, data)
        assert after[path].data.dtype == np.float32
    assert all(q.grad is None for q in network.parameters().values())
    assert network.backward(np.ones_like(y)).shape == (4, 3), "its own forward is still remembered"
    fresh = p.Sequential([p.Linear(3, 4), p.BatchNorm2d(4), p.Dropout(0.5)])
    fresh.forward(numbers(4, 3), training=True)
    same = [n.forward(np.ones((4, 3)), training=True) for n in (network, fresh)]
    np.testing.assert_array_equal(*same, "dropout draws the mask that it would have drawn")


def test_the_same_seed_gives_the_same_report():
    layer, x = p.Linear(20, 10), numbers(2, 20)
    assert check_gradients(layer, x) == check_gradients(layer, x)
    assert check_gradients(layer, x, seed=1) != check_gradients(layer, x)


def test_a_sample_of_coordinates_has_no_doubles():
    layer = p.Linear(17, 3)  # 51 weights: one more than are checked
    weight = check_gradients(layer, numbers(2, 17)).checks[0]
    assert (weight.name, weight.checked) == ("weight", 50)


def test_shared_parameters_have_one_gradient():
    network = p.Sequential([p.Linear(4, 4), p.Tanh(), p.Linear(4, 4)])
    network["linear2"].weight = network["linear1"].weight
    report = check_gradients(network, numbers(3, 4))
    assert report.ok, report
    assert [check.name for check in report.checks] == ["linear1.weight", "linear1.bias", "linear2.bias", "input"]


# ---- what it refuses
def test_what_cannot_be_checked_is_refused():
    with pytest.raises(p.ArgumentError, match="expected a layer or a network, received 3"):
        check_gradients(3, [[1.0]])
    with pytest.raises(p.ArgumentError, match="tolerance: expected a number between 0 and 1, received 0"):
        check_gradients(p.ReLU(), [[1.0]], tolerance=0)
    with pytest.raises(p.DataError, match="x: the outputs for it hold a NaN or an infinity"):
        check_gradients(p.ReLU(), [[np.nan]])
    with pytest.raises(p.DataError, match=r"x: expected at least one sample, received shape \(0, 3\)"):
        check_gradients(p.ReLU(), np.zeros((0, 3)))
    with pytest.raises(p.ShapeError, match="Linear: expects 5 features"):
        check_gradients(p.Linear(5, 2), numbers(2, 4))


def test_a_layer_that_computes_in_float32_is_refused():
    class Coarse(p.Tanh):
        def forward(self, x, training=False):
            return super().forward(x).astype(np.float32)

    with pytest.raises(p.ArgumentError, match=r"Coarse.forward gave float32 for float64, which is too coarse"):
        check_gradients(Coarse(), numbers(2, 2))


def test_a_layer_without_parameters_has_its_input_checked():
    report = check_gradients(p.Flatten(), numbers(1, 2, 2, 2))
    assert isinstance(report, GradientReport)
    assert [(check.name, check.checked) for check in report.checks] == [("input", 8)]
