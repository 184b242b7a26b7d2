"""`save_onnx`: what stands in the model, under which names, and what is refused; tests/parity has what it computes."""

import json
import sys
from collections import Counter

import numpy as np
import pytest

import pellucid as p
from pellucid.differentiation import RULES as GRADIENT_RULES
from pellucid.errors import ArgumentError, MissingExtraError, PellucidError, StorageError
from pellucid.interop.onnx import writing
from pellucid.interop.onnx.writing import onnx_bytes, save_onnx
from pellucid.interop.onnx.writing_rules import RULES

onnx = pytest.importorskip("onnx", reason="onnx is not installed")

NOT_WRITTEN = {
    "custom": "has no meaning but its NumPy code",
    "dropout": "is there in training only",
    "batch_norm": "is there in training only",
    "cross_entropy": "is a loss",
    "squared_error": "is a loss",
}


def network_of(*layers, input_shape=(3, 9, 11), **options):
    return p.Sequential(list(layers), input_shape=input_shape, **options)


def model_of(network, **how):
    return onnx.load_model_from_string(onnx_bytes(network, **how))


def operators(network, **how):
    return [node.op_type for node in model_of(network, **how).graph.node]


class Doubled(p.Layer):
    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        return 2 * self.accept(x)

    def backward(self, grad_output):
        return 2 * grad_output


def test_every_kind_of_forward_step_has_a_rule():
    assert sorted(RULES) == sorted(GRADIENT_RULES.keys() - NOT_WRITTEN.keys())


# ---- what stands in a model


def test_names_are_the_networks_own():
    network = network_of(p.Conv2d(3, 4, 3), p.Residual(p.BatchNorm2d(4)), p.Flatten(), ("head", p.Linear(252, 5)))
    graph = model_of(network).graph
    assert [(node.name, node.op_type, list(node.output)) for node in graph.node] == [
        ("conv1", "Conv", ["conv1.output"]),
        ("residual1.body", "BatchNormalization", ["residual1.body.output"]),
        ("residual1", "Add", ["residual1.output"]),
        ("flatten1", "Flatten", ["flatten1.output"]),
        ("head", "Gemm", ["output"]),
    ]
    held = {**network.parameters(), **network.states()}
    found = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    assert found.keys() == held.keys()
    for name, array in found.items():
        np.testing.assert_array_equal(array, held[name].data)
    assert list(graph.node[1].input) == ["conv1.output"] + [
        f"residual1.body.{name}" for name in ("weight", "bias", "running_mean", "running_var")
    ]


def test_input_and_output_are_described_and_the_batch_is_free():
    graph = model_of(network_of(p.Conv2d(3, 4, 3), p.Tanh())).graph
    shapes = {
        each.name: [size.dim_param or size.dim_value for size in each.type.tensor_type.shape.dim]
        for each in (*graph.input, *graph.output, *graph.value_info)
    }
    assert shapes == {
        "input": ["batch", 3, 9, 11],
        "conv1.output": ["batch", 4, 7, 9],
        "output": ["batch", 4, 7, 9],
    }
    assert "divided by 255" in graph.input[0].doc_string


def test_the_model_says_who_made_it_and_how_its_numbers_are_to_be_read():
    names = ["ant", 'b"ee', "ci\ncada 🦗"]
    scaling = p.Scaling((0.1, 0.2, 0.3), 0.5)
    model = model_of(network_of(p.Flatten(), p.Linear(297, 3), class_names=names, scaling=scaling))
    assert (model.producer_name, model.producer_version) == ("pellucid", p.__version__)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 17)]
    assert model.ir_version == 8
    metadata = {each.key: json.loads(each.value) for each in model.metadata_props}
    assert metadata == {
        "pellucid.class_names": names,
        "pellucid.scaling": {"mean": [0.1, 0.2, 0.3], "std": 0.5},
    }


def test_only_what_changes_something_becomes_a_node():
    relu = p.ReLU
    assert operators(network_of(relu())) == ["Relu"]
    assert operators(network_of(relu(), scaling=p.Scaling(0.5))) == ["Sub", "Relu"]
    assert operators(network_of(relu(), scaling=p.Scaling(0, 2.0))) == ["Div", "Relu"]
    assert operators(network_of(relu(), scaling=p.Scaling(0.5, 0.2)), input_type="uint8") == [
        "Cast", "Div", "Sub", "Div", "Relu",
    ]  # fmt: skip
    assert operators(network_of(p.Dropout(), relu(), p.Dropout())) == ["Relu"]
    assert operators(network_of(p.Dropout())) == ["Identity"], "a graph's output cannot be its input"


def test_a_shared_weight_is_there_once():
    first, second = p.Conv2d(3, 3, 3), p.Conv2d(3, 3, 3)
    second.weight = first.weight
    graph = model_of(network_of(first, second)).graph
    assert sorted(tensor.name for tensor in graph.initializer) == ["conv1.bias", "conv1.weight", "conv2.bias"]
    assert [node.input[1] for node in graph.node] == ["conv1.weight", "conv1.weight"]


def test_names_that_would_meet_are_numbered():
    """A layer may be called as what the rules add."""
    network = network_of(
        ("scale", p.ReLU6()), ("output", p.Conv2d(3, 3, 1)), ("relu6", p.ReLU6()), scaling=p.Scaling(0.5, 2.0)
    )
    graph = model_of(network).graph
    for names in (
        [node.name for node in graph.node],
        [name for node in graph.node for name in node.output] + [tensor.name for tensor in graph.initializer],
    ):
        assert [name for name, times in Counter(names).items() if times > 1] == []


def test_the_same_network_gives_the_same_bytes():
    network = p.models.small()
    assert onnx_bytes(network) == onnx_bytes(network)


def test_adaptive_pools_are_ordinary_where_they_can_be():
    def of(size, places):
        return operators(network_of(p.AdaptiveAvgPool2d(places), input_shape=(2, *size)))

    assert of((9, 11), 1) == ["GlobalAveragePool"]
    assert of((8, 12), (4, 3)) == ["AveragePool"]
    assert of((4, 5), (3, 5)) == ["AveragePool"], "windows that overlap"
    assert of((5, 6), 3) == ["MatMul", "MatMul"], "regions of two and of three rows"
    assert of((1, 1), 6) == ["MatMul", "MatMul"]


def test_what_an_opset_does_not_have_is_written_out():
    layers = p.HardSwish(), p.GELU(), p.SiLU(), p.Mean((3,))
    assert operators(network_of(*layers), opset=20) == ["HardSwish", "Gelu", "Sigmoid", "Mul", "ReduceMean"]
    gelu = ["Div", "Erf", "Add", "Mul", "Mul"]
    assert operators(network_of(*layers), opset=13) == ["HardSigmoid", "Mul", *gelu, "Sigmoid", "Mul", "ReduceMean"]


def test_slopes_are_written_as_they_meet_the_channels():
    prelu, beside = p.PReLU(3), p.PReLU(3)
    graph = model_of(network_of(prelu)).graph
    assert [(tensor.name, list(tensor.dims)) for tensor in graph.initializer] == [("prelu1.weight", [3, 1, 1])]
    beside.weight = prelu.weight
    shared = network_of(prelu, p.AdaptiveAvgPool2d(1), p.Flatten(), beside)
    assert operators(shared) == ["PRelu", "GlobalAveragePool", "Flatten", "Reshape", "PRelu"]


def test_what_joins_repeat_is_repeated_by_the_operators_where_they_can():
    def of(join, *layers):
        nodes = {f"node{number}": (layer, "input") for number, layer in enumerate(layers)}
        return operators(p.Graph({**nodes, "end": (join, *nodes)}, input_shape=(2, 4, 4)))[len(layers) :]

    mean = p.AdaptiveAvgPool2d
    assert of(p.joins.Multiply(), p.ReLU(), mean(1)) == ["Mul"]
    assert of(p.joins.Add(), mean((1, 4)), mean((4, 1))) == ["Add"], "together they have the whole shape"
    assert of(p.joins.Add(), p.ReLU(), mean(1), mean(1)) == ["Add", "Add"]
    assert of(p.joins.Add(), mean((1, 4)), mean(1), p.ReLU()) == ["Expand", "Expand", "Add", "Add"]


# ---- what is refused, and what is said


def test_layers_of_ones_own_are_refused_all_at_once():
    network = network_of(Doubled(), p.ReLU(), ("block", p.Sequential([Doubled()])))
    with pytest.raises(ArgumentError, match=r"no operator for doubled1 \(Doubled\), block\.doubled1 \(Doubled\); put"):
        onnx_bytes(network)


@pytest.mark.parametrize("opset", [12, 10_000])
def test_an_opset_that_is_not_known_is_refused(opset):
    with pytest.raises(ArgumentError, match=rf"^opset: expected a version from 13 to \d+.* received {opset}$"):
        onnx_bytes(p.models.small(), opset=opset)


def test_other_arguments_are_refused(tmp_path):
    network = p.models.small()
    with pytest.raises(ArgumentError, match="input_type: expected 'float32' or 'uint8', received 'int8'"):
        onnx_bytes(network, input_type="int8")
    with pytest.raises(ArgumentError, match=r"looks like a safetensors file.*name it .*net\.onnx"):
        save_onnx(network, tmp_path / "net.safetensors")
    with pytest.raises(ArgumentError, match="input_shape"):
        onnx_bytes(p.Sequential([p.ReLU()]))
    with pytest.raises(StorageError, match="there is no folder"):
        save_onnx(network, tmp_path / "missing" / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_bytes_are_warned_of_where_the_network_was_trained_on_larger_numbers():
    network = network_of(p.ReLU(), scaling=p.Scaling(4.884, 6.017))
    with pytest.warns(
        UserWarning, match=r"^the model divides uint8 by 255, but .*mean up to 4\.88, std up to 6\.02\); wri"
    ):
        onnx_bytes(network, input_type="uint8")
    onnx_bytes(network)


def test_what_does_not_fit_into_a_file_is_refused_before_weights_are_drawn(monkeypatch):
    network = network_of(p.Flatten(), p.Linear(297, 2_000_000))
    monkeypatch.setattr(p.Parameter, "data", property(lambda self: pytest.fail("a weight was drawn")))
    with pytest.raises(ArgumentError, match=r"the weights take 2\.4 GB, and a file of ONNX holds at most 2\.1 GB"):
        onnx_bytes(network)


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[onnx\]'"):
        onnx_bytes(p.models.small())


def test_a_fault_of_a_rule_is_found_before_anything_is_written(monkeypatch, tmp_path):
    """What the rules make is held against the program's shapes by onnx's own inference."""
    broken = {**RULES, "max_pool2d": lambda graph, step: graph.node("Relu", step.inputs, step.outputs[0])}
    monkeypatch.setattr(writing, "RULES", broken)
    with pytest.raises(PellucidError, match=r"onnx refuses the model .*Inferred shape and existing shape differ"):
        save_onnx(p.models.small(), tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_network_in_float64_is_written_in_float32_and_that_is_said():
    network = network_of(p.Conv2d(3, 4, 3), dtype="float64")
    with pytest.warns(UserWarning, match="computes in float64; the ONNX model does in float32"):
        graph = model_of(network).graph
    assert {tensor.data_type for tensor in graph.initializer} == {onnx.TensorProto.FLOAT}
    network["conv1"].bias.data[0] = 1e300
    with pytest.raises(ArgumentError, match=r"conv1\.bias holds numbers beyond float32"):
        onnx_bytes(network)


def test_save_says_how_onnx_is_written(tmp_path):
    with pytest.raises(ArgumentError, match=r"save writes safetensors; .*save_onnx\(network, path\)"):
        p.save(p.models.small(), tmp_path / "net.onnx")


def test_the_file_is_replaced_whole(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"an earlier one")
    network = p.models.small()
    p.save_onnx(network, path)
    assert path.read_bytes() == onnx_bytes(network)
    assert list(tmp_path.iterdir()) == [path]
