"""The summary: LeNet's whole table, worked formulas, and receptive fields against what really reaches an output."""

import ast
import operator
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import pellucid as p
from oracles.effort import effort
from pellucid.errors import ShapeError
from pellucid.geometry import ReceptiveField
from pellucid.models import lenet
from pellucid.summary import Row, summary

LENET = """\
Input 1×28×28, float32
────────────────────────────────────────────────────────────────────────────────
layer     class      output   parameters  mult-adds  field stride offset   bytes
────────────────────────────────────────────────────────────────────────────────
conv1     Conv2d     6×24×24         156     86,400      5      1      0  13,824
relu1     ReLU       6×24×24           0          0      5      1      0  13,824
pool1     MaxPool2d  6×12×12           0          0      6      2      0   3,456
conv2     Conv2d     16×8×8        2,416    153,600     14      2      0   4,096
relu2     ReLU       16×8×8            0          0     14      2      0   4,096
pool2     MaxPool2d  16×4×4            0          0     16      4      0   1,024
flatten1  Flatten    256               0          0     16      4      0   1,024
linear1   Linear     120          30,840     30,720    all                   480
relu3     ReLU       120               0          0    all                   480
linear2   Linear     84           10,164     10,080    all                   336
relu4     ReLU       84                0          0    all                   336
linear3   Linear     10              850        840    all                    40
────────────────────────────────────────────────────────────────────────────────
total                             44,426    281,640                       43,016
44,426 parameters, all trainable: 177.7 kB of weights
field: input pixels that one number sees; stride and offset: where they lie
mult-adds: multiply-adds of one sample; bytes: what one sample's outputs take"""


class Halve(p.Layer):
    """A layer of one's own."""

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


def never(*_: Any) -> Any:
    raise AssertionError("a summary must not draw weights")


def single(layer: p.Layer, input_shape: tuple[int, ...]) -> Row:
    (row,) = summary(p.Sequential([layer], input_shape=input_shape)).rows
    return row


# ---- the table


def test_the_table_of_lenet() -> None:
    table = summary(lenet())
    assert str(table) == LENET
    assert repr(table) == LENET, "a notebook shows the repr"
    assert max(map(len, LENET.splitlines())) == 80, "it fits the narrowest terminal that people use"


def test_rows_and_totals_of_lenet() -> None:
    table = summary(lenet())
    conv2 = table.rows[3]
    assert (conv2.path, conv2.kind, conv2.output_shape) == ("conv2", "Conv2d", (16, 8, 8))
    assert conv2.field == ReceptiveField((14, 14), (2, 2), (0, 0))
    assert (table.totals.parameters, table.totals.trainable, table.totals.multiply_adds) == (44_426, 44_426, 281_640)
    assert table.totals.weight_bytes == 44_426 * 4


def test_no_weight_is_drawn() -> None:
    network = p.Sequential([p.Conv2d(1, 2, 3, initializer=never), p.Flatten(), p.Linear(2, 9, initializer=never)],
                           input_shape=(1, 3, 3))  # fmt: skip
    assert summary(network, arithmetic=True).totals.parameters == 20 + 27
    with pytest.raises(AssertionError, match="must not draw"):  # the trap works
        _ = network.parameters()["conv1.weight"].data


def test_another_input_shape_and_one_that_does_not_fit() -> None:
    network = p.Sequential(
        [p.Conv2d(1, 2, 3), p.AdaptiveAvgPool2d(), p.Flatten(), p.Linear(2, 1)], input_shape=(1, 9, 9)
    )
    assert summary(network, (1, 30, 20)).rows[0].output_shape == (2, 28, 18)
    with pytest.raises(ShapeError, match=r"linear1 \(layer 8\): expects 256 features"):
        summary(lenet(), (1, 32, 32))


def test_float64_takes_twice_the_bytes() -> None:
    table = summary(lenet(dtype="float64"))
    assert (table.totals.activation_bytes, table.totals.weight_bytes) == (2 * 43_016, 8 * 44_426)


def test_activation_bytes_are_those_of_the_program() -> None:
    network = lenet()
    given = 2 * 28 * 28 * 4  # the input, and what scaling makes of it
    assert summary(network).totals.activation_bytes == p.lower(network).activation_bytes() - given


def residual_network() -> p.Sequential:
    body = [p.Conv2d(4, 8, 3, stride=2, padding=1), p.BatchNorm2d(8), p.ReLU(), p.Conv2d(8, 8, 3, padding=1)]
    return p.Sequential(
        [
            p.Conv2d(1, 4, 3),
            p.Residual(p.Sequential(body), p.Conv2d(4, 8, 1, stride=2)),
            ("head", Halve()),
            p.Dropout(),
        ],
        input_shape=(1, 12, 12),
    )


def test_a_residual_network_shows_what_it_holds_by_path() -> None:
    rows = {row.path: row for row in summary(residual_network()).rows}
    assert list(rows) == [
        "conv1", "residual1.body.conv1", "residual1.body.norm1", "residual1.body.relu1", "residual1.body.conv2",
        "residual1.shortcut", "residual1", "head", "dropout1",
    ]  # fmt: skip
    assert rows["residual1.body.norm1"].parameters == 16
    assert rows["residual1"].field == ReceptiveField((9, 9), (2, 2), (-3, -3)), "the union of body and shortcut"
    assert rows["residual1.shortcut"].field == ReceptiveField((3, 3), (2, 2), (0, 0))
    assert rows["residual1"].arithmetic == ("receptive field: union of 9 from −3 and 3 from 0 = 9 from −3",)


def test_a_layer_of_ones_own_is_said_to_run_as_it_is() -> None:
    table = summary(residual_network())
    assert [row.path for row in table.rows if not row.native] == ["head"]
    assert str(table).splitlines()[-1] == "Run by their own NumPy code, not compiled: head (Halve)"
    assert table.rows[-2].field == "unknown"


def test_frozen_and_shared_parameters() -> None:
    network = p.Sequential([p.Linear(4, 4), p.Linear(4, 4)], input_shape=(4,))
    network["linear2"].weight = network["linear1"].weight  # type: ignore[attr-defined]
    network["linear1"].bias.trainable = False  # type: ignore[attr-defined]
    table = summary(network)
    assert [(row.parameters, row.trainable) for row in table.rows] == [(20, 16), (4, 4)]
    assert "linear1.weight: shared with linear1" in table.rows[1].arithmetic
    assert "24 parameters, 20 trainable" in str(table)


def test_columns_align_whatever_the_script() -> None:
    network = p.Sequential([("池化", p.ReLU()), ("naïve", p.ReLU())], input_shape=(1, 2, 2))
    lines = str(summary(network)).splitlines()[2:7]
    assert len({len(line.replace("池化", "four")) for line in lines}) == 1, "\n".join(lines)


def test_a_layer_that_does_nothing_outside_training_has_a_row() -> None:
    network = p.Sequential([p.Concat(p.Conv2d(1, 2, 1), p.Dropout())], input_shape=(1, 4, 4))
    rows = summary(network).rows
    assert [(row.path, row.kind, row.activation_bytes) for row in rows] == [
        ("concat1.branch1", "Conv2d", 128),
        ("concat1.branch2", "Dropout", 0),
        ("concat1", "Concat", 192),
    ]
    assert rows[2].arithmetic[0] == "channels: 2 + 1 = 3"


def test_a_graph_shows_what_each_row_reads() -> None:
    def gated() -> p.Graph:
        return p.Graph({
            "drop": (p.Dropout(), "input"),
            "mean": (p.Mean((2, 3), keepdims=True), "input"),
            "gate": (p.Sequential([p.Conv2d(2, 2, 1), p.Sigmoid()]), "mean"),
            "scaled": (p.joins.Multiply(), "drop", "gate"),
        })  # fmt: skip

    network = p.Sequential([p.Conv2d(1, 2, 3), gated(), p.ReLU()], input_shape=(1, 6, 6))
    table = summary(network)
    assert {row.path: row.reads for row in table.rows} == {
        "conv1": ("input",),
        "graph1.drop": ("conv1",),
        "graph1.mean": ("conv1",),
        "graph1.gate.conv1": ("graph1.mean",),
        "graph1.gate.sigmoid1": ("graph1.gate.conv1",),
        "graph1.scaled": ("graph1.drop", "graph1.gate"),
        "relu1": ("graph1.scaled",),
    }
    lines = str(table).splitlines()
    assert lines[2].split()[:4] == ["layer", "class", "reads", "output"]
    assert lines[9].split()[:5] == ["graph1.scaled", "Multiply", "graph1.drop,", "graph1.gate", "2×4×4"]
    assert summary(lenet()).rows[1].reads == ()
    alone = summary(p.Graph({"relu": (p.ReLU(), "input"), "sum": (p.joins.Add(), "input", "relu")}, input_shape=(4,)))
    assert [row.reads for row in alone.rows] == [("input",), ("input", "relu")]


def test_bytes_are_said_to_count_what_layers_make_on_the_way() -> None:
    nodes = {"mean": (p.AdaptiveAvgPool2d(1), "input"), "scaled": (p.joins.Multiply(), "input", "mean")}
    table = summary(p.Graph(nodes, input_shape=(2, 4, 4)))
    assert [(row.activation_bytes, row.makes_more) for row in table.rows] == [(8, False), (256, True)]
    assert str(table).endswith("bytes: what one sample's outputs take, and what layers make on the way to them")
    assert "on the way" not in str(summary(lenet()))


# ---- the arithmetic


def test_arithmetic_stands_beneath_each_row() -> None:
    network = p.Sequential([p.Conv2d(3, 6, 3), p.ReLU()], input_shape=(3, 144, 144))
    lines = str(summary(network, arithmetic=True)).splitlines()
    assert lines[4].startswith("conv1  Conv2d  6×142×142         168  3,266,568      3      1      0")
    assert lines[5:9] == [
        "    rows, columns: (144 + 2·0 − 3)//1 + 1 = 142",
        "    parameters: 3·3·3·6 + 6 = 168",
        "    multiply-adds: 142·142·6·3·3·3 = 3,266,568",
        "    receptive field: 1 + (3 − 1)·1 = 3, stride 1·1 = 1, offset 0 − 0·1 = 0",
    ]
    assert lines[9].startswith("relu1  ReLU")


def test_the_second_worked_example_has_10416_parameters() -> None:
    row = single(p.Conv2d(24, 48, 3), (24, 60, 60))
    assert row.output_shape == (48, 58, 58)
    assert row.arithmetic[:2] == ("rows, columns: (60 + 2·0 − 3)//1 + 1 = 58", "parameters: 3·3·24·48 + 48 = 10,416")


def test_a_stride_that_leaves_a_row_and_a_column_unread() -> None:
    row = single(p.Conv2d(10, 20, 3, stride=2), (10, 20, 20))
    assert (row.output_shape, row.parameters) == ((20, 9, 9), 1_820)
    assert row.arithmetic == (
        "rows, columns: (20 + 2·0 − 3)//2 + 1 = 9",
        "unread: row 19 and column 19 (of 20×20, counted from 0)",
        "parameters: 3·3·10·20 + 20 = 1,820",
        "multiply-adds: 9·9·20·10·3·3 = 145,800",
        "receptive field: 1 + (3 − 1)·1 = 3, stride 1·2 = 2, offset 0 − 0·1 = 0",
    )


@pytest.mark.parametrize(
    ("layer", "input_shape", "lines"),
    [
        (p.Conv2d(4, 8, 3, groups=4, bias=False), (4, 5, 5),
         ["parameters: 3·3·(4/4)·8 = 72 (4 groups, one a channel)", "multiply-adds: 3·3·8·(4/4)·3·3 = 648"]),
        (p.Conv2d(96, 256, 5, groups=2), (96, 9, 9),
         ["parameters: 5·5·(96/2)·256 + 256 = 307,456 (2 groups)",
          "multiply-adds: 5·5·256·(96/2)·5·5 = 7,680,000"]),
        (p.Conv2d(1, 1, (3, 1), padding=((1, 0), (0, 2))), (1, 6, 7),
         ["rows: (6 + 1 + 0 − 3)//1 + 1 = 5", "columns: (7 + 0 + 2 − 1)//1 + 1 = 9",
          "receptive field, vertical: 1 + (3 − 1)·1 = 3, stride 1·1 = 1, offset 0 − 1·1 = −1",
          "receptive field, horizontal: 1 + (1 − 1)·1 = 1, stride 1·1 = 1, offset 0 − 0·1 = 0"]),
        (p.Conv2d(1, 1, 3, dilation=2), (1, 9, 9),
         ["rows, columns: (9 + 2·0 − (2·(3 − 1) + 1))//1 + 1 = 5",
          "receptive field: 1 + 2·(3 − 1)·1 = 5, stride 1·1 = 1, offset 0 − 0·1 = 0"]),
        (p.MaxPool2d(2), (1, 5, 4), ["unread: row 4 (of 5×4, counted from 0)"]),
        (p.MaxPool2d(1, stride=4), (1, 8, 8), ["unread: rows 1, 2, 3, 5, 6, 7 and columns 1, 2, 3, 5, 6, 7 "
                                               "(of 8×8, counted from 0)"]),
        (p.MaxPool2d(1, stride=2), (1, 40, 1), ["unread: 20 of 40 rows (1, 3, 5, …, 39) (of 40×1, counted from 0)"]),
        (p.AdaptiveAvgPool2d(2), (1, 4, 6), ["regions: 2×2 over 4×6 places"]),
        (p.Flatten(), (16, 4, 4), ["features: 16·4·4 = 256"]),
        (p.Linear(256, 120), (256,), ["parameters: 256·120 + 120 = 30,840", "multiply-adds: 256·120 = 30,720"]),
        (p.BatchNorm2d(6), (6, 2, 2), ["parameters: 6 + 6 = 12"]),
        (p.PadChannels(8, 16), (16, 4, 4), ["channels: 8 + 16 + 16 = 40"]),
        (p.PadChannels(0, 2), (3,), ["channels: 0 + 3 + 2 = 5"]),
        (p.Slice(1, 2, 5), (6, 2, 2), ["channels: 2 to 4 of 6"]),
        (p.PReLU(6), (6, 2, 2), ["parameters: 6"]),
        (p.Gain((6, 1, 1)), (6, 2, 2), ["parameters: 1·1·6 = 6"]),
        (p.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1, groups=2), (6, 5, 5),
         ["rows, columns: (5 − 1)·2 + 3 − 2·1 + 1 = 10", "parameters: 3·3·(4/2)·6 + 4 = 112 (2 groups)",
          "multiply-adds: 5·5·6·(4/2)·3·3 = 2,700"]),
        (p.AdaptiveMaxPool2d(1), (6, 5, 5), ["rows, columns: (5 + 2·0 − 5)//5 + 1 = 1"]),
        (p.ReLU(), (6, 2, 2), []),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_lines_of_single_layers(layer: p.Layer, input_shape: tuple[int, ...], lines: list[str]) -> None:
    shown = single(layer, input_shape).arithmetic
    assert [line for line in lines if line not in shown] == [], "\n".join(shown)
    assert bool(lines) == bool(shown)


OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
}  # fmt: skip


def value_of(node: ast.expr) -> int:
    match node:
        case ast.BinOp(left, operation, right):
            return int(OPERATORS[type(operation)](value_of(left), value_of(right)))
        case ast.UnaryOp(ast.USub(), operand):
            return -value_of(operand)
        case ast.Constant(int(number)):
            return number
    raise ValueError(f"no arithmetic: {ast.unparse(node)}")


def equations(row: Row) -> list[tuple[str, int]]:
    """The sides of every "left = right" in a row's lines."""
    pattern = re.compile(r"([\d(−][\d ()+·/−]*) = (−?[\d,]*\d)")
    return [(left, int(right.replace(",", "").replace("−", "-")))
            for line in row.arithmetic for left, right in pattern.findall(line)]  # fmt: skip


@st.composite
def windows(draw: st.DrawFn, pads: bool) -> dict[str, Any]:
    kernel_size = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    sides = [draw(st.tuples(*(st.integers(0, size - 1 if pads else 0),) * 2)) for size in kernel_size]
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return {"kernel_size": kernel_size, "stride": stride, "padding": tuple(sides)}


@st.composite
def window_networks(draw: st.DrawFn, pads: bool = True) -> p.Sequential:
    """Up to three convolutions and mean pools, as many as fit into the image."""
    shape = input_shape = (1, draw(st.integers(6, 14)), draw(st.integers(6, 14)))
    layers: list[p.Layer] = []
    for _ in range(draw(st.integers(1, 3))):
        settings = draw(windows(pads))
        if draw(st.booleans()):
            layer: p.Layer = p.AvgPool2d(**settings)
        else:
            dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
            layer = p.Conv2d(shape[0], draw(st.integers(1, 2)), **settings, dilation=dilation)
        try:
            shape = layer.output_shape(shape)
        except ShapeError:
            break
        layers.append(layer)
    return p.Sequential(layers, input_shape=input_shape)


@settings(max_examples=40, deadline=None)
@given(window_networks())
def test_every_formula_gives_the_number_behind_it(network: p.Sequential) -> None:
    for row in summary(network).rows:
        found = equations(row)
        for left, right in found:
            assert value_of(ast.parse(left.replace("·", "*").replace("−", "-"), mode="eval").body) == right, row
        numbers = {right for _, right in found}
        if row.kind == "Conv2d":
            assert {row.parameters, row.multiply_adds, *row.output_shape[1:]} <= numbers, row


# ---- receptive fields


def reached(network: p.Sequential, place: tuple[int, int]) -> tuple[range, range]:
    """Rows and columns of the input that change the output at a place, found by changing every pixel by itself."""
    assert network.input_shape is not None
    _, height, width = network.input_shape
    for q in network.parameters().values():
        q.data[...] = 1
    pixels = np.eye(height * width).reshape(-1, 1, height, width)
    touched = (network.forward(pixels) != network.forward(0 * pixels[:1]))[:, 0, place[0], place[1]].reshape(
        height, width
    )
    rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
    if not len(rows):  # it sees nothing but padding
        reject()
    return range(rows[0], rows[-1] + 1), range(columns[0], columns[-1] + 1)


def clipped(field: ReceptiveField, place: tuple[int, int], input_shape: tuple[int, ...]) -> list[range]:
    begins = [field.offset[axis] + place[axis] * field.stride[axis] for axis in (0, 1)]
    return [range(max(begins[i], 0), min(begins[i] + field.size[i], input_shape[1 + i])) for i in (0, 1)]


@pytest.mark.parametrize("pads", [False, True])
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_receptive_field_is_what_reaches_the_output(pads: bool, data: st.DataObject) -> None:
    network = data.draw(window_networks(pads))
    assert network.input_shape is not None
    _, rows, columns = network.output_shape()
    place = (data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1)))
    field = summary(network).rows[-1].field
    assert isinstance(field, ReceptiveField)
    for inside, seen in zip(clipped(field, place, network.input_shape), reached(network, place), strict=True):
        if pads:  # a place may lie beside the border, where padding stands for what the field would see
            assert set(seen) <= set(inside), (place, field)
        else:
            assert seen == inside, (place, field)


def test_a_receptive_field_is_not_larger_than_what_reaches_the_output() -> None:
    layers = [p.Conv2d(1, 2, 3, stride=2, padding=1), p.AvgPool2d((3, 2), stride=1), p.Conv2d(2, 1, 2, dilation=(1, 2))]
    network = p.Sequential(layers, input_shape=(1, 24, 25))
    field = summary(network).rows[-1].field
    assert field == ReceptiveField((9, 9), (2, 2), (-1, -1))  # 3 + 2·2 + 1·2 rows, 3 + 1·2 + 2·2 columns
    assert reached(network, (1, 2)) == (range(1, 10), range(3, 12))


@pytest.mark.parametrize(
    ("layers", "field"),
    [
        ([p.Flatten()], ReceptiveField()),
        ([p.Flatten(), p.Linear(64, 3), p.ReLU()], "all"),
        ([p.AdaptiveAvgPool2d(1), p.Conv2d(1, 2, 1)], "all"),
        ([p.AdaptiveAvgPool2d(4)], ReceptiveField((2, 2), (2, 2), (0, 0))),
        ([p.AdaptiveAvgPool2d(3), p.Conv2d(1, 2, 1)], "unknown"),
        ([p.Softmax()], ReceptiveField()),
        ([p.LogSoftmax()], ReceptiveField()),
        ([p.Conv2d(1, 1, 3), p.Pad((0, 1, 2), (3, 0, 0))], ReceptiveField((3, 3), (1, 1), (-1, -2))),
        ([p.Conv2d(1, 2, 3, stride=2), p.Slice(3, 1), p.Slice(2, 0, None, 3), p.Slice(1, 0, None, 2)],
         ReceptiveField((3, 3), (6, 2), (0, 2))),
        ([p.Transpose((1, 3, 2)), p.Conv2d(1, 1, 3)], "unknown"),
        ([p.Flatten(), p.Pad((1,)), p.Slice(1, 0, None, 2)], "unknown"),
        ([p.Flatten(), p.LogSoftmax()], "all"),
        ([p.Mean((2, 3))], "all"),
        ([p.AdaptiveMaxPool2d(1)], ReceptiveField((8, 8), (8, 8), (0, 0))),
        ([p.GELU(), p.PReLU(), p.Bias((8, 8)), p.Slice(1, 0, 1)], ReceptiveField()),
        ([p.Conv2d(1, 2, 3, stride=2), p.PadChannels(1, 1)], ReceptiveField((3, 3), (2, 2), (0, 0))),
        ([p.Residual(p.Conv2d(1, 4, 3, stride=2, padding=1), p.Sequential([p.MaxPool2d(1, stride=2),
                     p.PadChannels(1, 2)]))], ReceptiveField((3, 3), (2, 2), (-1, -1))),
        ([p.Flatten(), p.Softmax()], "all"),
        ([Halve(), p.AdaptiveAvgPool2d(1)], "all"),
        ([p.Concat(Halve(), p.ReLU())], "unknown"),
        ([p.Concat(p.ReLU(), p.Conv2d(1, 1, 5, padding=2))], ReceptiveField((5, 5), (1, 1), (-2, -2))),
        ([p.Concat(p.MaxPool2d(2), p.Conv2d(1, 1, 5))], "unknown"),  # strides 2 and 1 cannot be one field
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_fields_beyond_windows(layers: list[p.Layer], field: object) -> None:
    assert summary(p.Sequential(layers, input_shape=(1, 8, 8))).rows[-1].field == field


def test_features_have_no_field_before_a_dense_layer() -> None:
    network = p.Sequential([p.ReLU(), p.BatchNorm2d(4), p.Linear(4, 2)], input_shape=(4,))
    assert [row.field for row in summary(network).rows] == [None, None, "all"]


def test_all_layers_of_the_library_are_known() -> None:
    layers = [
        p.Conv2d(1, 4, 3), p.BatchNorm2d(4), p.ReLU(), p.LeakyReLU(), p.ReLU6(), p.Sigmoid(), p.Tanh(),
        p.LocalResponseNorm(2), p.Dropout(), p.MaxPool2d(2), p.AvgPool2d(2), p.Residual(p.Sequential([p.ReLU()])),
        p.Concat(p.ReLU(), p.Tanh()), p.PadChannels(1, 0), p.AdaptiveAvgPool2d(2), p.Flatten(), p.Linear(36, 3),
        p.Softmax(), p.LogSoftmax(), p.Clip(0, 1), p.HardSigmoid(), p.HardSwish(), p.ELU(), p.SiLU(), p.Softplus(),
        p.GELU(), p.PReLU(3), p.Bias(3), p.Gain(1), p.Reshape((3, 1)), p.Slice(1, 1),
    ]  # fmt: skip
    table = summary(p.Sequential(layers, input_shape=(1, 18, 18)))
    assert [row.path for row in table.rows if row.field == "unknown" or not row.native] == []


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (200, []),
        (100, ["bytes", "offset"]),
        (90, ["bytes", "offset", "stride", "field"]),
        (80, ["bytes", "offset", "stride", "field", "class"]),
        (40, ["bytes", "offset", "stride", "field", "class", "mult-adds"]),
    ],
)
def test_a_narrow_table_leaves_columns_out_and_names_them(width, left_out):
    lines = p.summary(p.models.resnet20()).text(width).splitlines()
    total = next(number for number, line in enumerate(lines) if line.startswith("total"))
    assert max(map(len, lines[: total + 1])) <= max(width, 54), "layers, outputs and parameters stay in any case"
    assert not set(left_out) & set(lines[2].split())
    below = " ".join(map(str.strip, lines[total + 1 :]))
    assert (f"A wider terminal shows more: {', '.join(left_out)}." in below) == bool(left_out)
    legend = below.partition(" of weights")[2]
    for name in ("field", "stride", "offset", "mult-adds", "bytes"):
        assert (re.search(rf"\b{name}\b", legend) is not None) == (name not in left_out), "what is shown is explained"


def test_arithmetic_is_broken_at_the_width_of_the_terminal() -> None:
    whole = summary(p.models.mobilenet_v1(), arithmetic=True)
    narrow = whole.text(60).splitlines()
    assert max(map(len, narrow)) <= 60
    assert max(map(len, str(whole).splitlines())) > 60
    at = narrow.index("    receptive field: 1 + (3 − 1)·1 = 3, stride 1·2 = 2,")
    assert narrow[at + 1] == "      offset 0 − 1·1 = −1"


def test_what_the_question_mark_means_is_said_where_it_stands() -> None:
    said = "?: a field that cannot be told, as behind a layer of one's own or another order of axes"
    assert said in str(summary(residual_network())).splitlines()
    assert said not in str(summary(lenet()))
    assert "?" not in summary(residual_network()).text(40)


def test_twice_as_many_layers_are_twice_the_work() -> None:
    def chain(count):
        return p.Sequential([p.Tanh() for _ in range(count)], input_shape=(4,))

    few, many = chain(100), chain(200)
    assert effort(lambda: summary(many)) < 2.5 * effort(lambda: summary(few))


@pytest.mark.parametrize("mode", ["edge", "reflect"])
def test_what_is_mirrored_or_repeated_at_an_edge_has_no_one_window(mode: str) -> None:
    """A number at the edge depends on pixels that lie elsewhere than its place, its stride and its offset say."""
    network = p.Sequential([p.Conv2d(1, 2, 3), p.Pad((0, 2, 2), mode=mode), p.Conv2d(2, 2, 3)], input_shape=(1, 8, 8))
    assert [row.field for row in summary(network).rows[1:]] == ["unknown", "unknown"]
    constant = p.Sequential([p.Conv2d(1, 2, 3), p.Pad((0, 2, 2))], input_shape=(1, 8, 8))
    assert isinstance(summary(constant).rows[1].field, ReceptiveField)
