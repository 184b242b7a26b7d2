"""Networks from ONNX models: names, what they learn, and a model that was trained elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p
from pellucid.errors import ArgumentError, MissingExtraError, ModelFileError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from oracles.onnx_models import load, model, node, run  # noqa: E402

IMAGES = ("N", 2, 6, 5)


@pytest.fixture
def weights(rng: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = {"w": (2, 2, 3, 3), "b": (2,), "s": (2,), "m": (2,), "g": (1, 2, 1, 1), "h": (60, 3), "o": (3,)}
    return {name: rng.uniform(0.2, 1, shape).astype(np.float32) for name, shape in shapes.items()}


def residual() -> list[Any]:
    """A small network with a path beside another, batch normalisation and a head."""
    return [
        node("Conv", "x w", "c", name="/block.0/conv", pads=[1, 1, 1, 1]),
        node("Add", "c g", "d", name="/block.0/add"),
        node("BatchNormalization", "d s b m v", "n", name="/block.0/norm"),
        node("Relu", "n", "r"),
        node("Add", "r x", "a", name="/block.0/sum"),
        node("Dropout", "a", "p", name="/drop"),
        node("Flatten", "p", "f", name="/flatten"),
        node("Gemm", "f h o", "y", name="/head"),
    ]


# ---- what it becomes
def test_a_chain_is_a_sequential_and_other_models_are_graphs(tmp_path: Path, weights: dict[str, Any]) -> None:
    chain = [node("Conv", "x w b", "c"), node("Relu", "c", "r"), node("Conv", "r w", "d"), node("Relu", "d")]
    network = load(model(chain, IMAGES, weights), tmp_path)
    assert isinstance(network, p.Sequential)
    assert list(network.children()) == ["conv1", "relu1", "conv2", "relu2"]
    network = load(model(residual(), IMAGES, weights | {"v": weights["s"]}), tmp_path)
    assert isinstance(network, p.Graph)
    assert list(network.nodes) == ["block_0_conv", "block_0_norm", "relu1", "block_0_sum", "drop", "flatten", "head"]
    assert network.nodes["block_0_sum"].sources == ("relu1", "input")


def test_where_nodes_are_numbered_layers_are_called_as_their_weights(
    tmp_path: Path, weights: dict[str, np.ndarray]
) -> None:
    held = {"block.0.weight": weights["w"], "block.0.bias": weights["b"], "val_3": weights["w"]}
    nodes = [
        node("Conv", "x block.0.weight block.0.bias", "c", name="node_Conv_42"),
        node("Relu", "c", "r", name="node_relu"),
        node("Conv", "r val_3", "d", name="node_conv2d_1"),
        node("Conv", "d block.0.weight", "e", name="/own/name"),
        node("Conv", "e block.0.weight block.0.bias"),
    ]
    network = load(model(nodes, ("N", 2, 20, 20), held), tmp_path)
    assert list(network.children()) == ["block_0", "node_relu", "node_conv2d_1", "own_name", "block_0_2"]


def test_layers_with_one_name_are_told_apart(tmp_path: Path) -> None:
    names = ["a", "a", "a_2", "input", "", "ü/é", "relu1", "x" * 500]
    nodes = [node("Relu", "x" if not i else f"t{i}", f"t{i + 1}", name=each) for i, each in enumerate(names)]
    network = load(model(nodes, IMAGES, outputs=f"t{len(names)}"), tmp_path)
    assert list(network.children()) == ["a", "a_2", "a_2_2", "input_2", "relu1", "ü_é", "relu1_2", "x" * 80]


def test_what_leads_to_the_output_by_its_shape_alone_is_left_out(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "r"), node("Shape", "r", "s"), node("Tanh", "x", "t"), node("Reshape", "t s")]
    assert list(load(model(nodes, IMAGES), tmp_path).children()) == ["tanh1"]


def test_shared_weights_are_shared_parameters(tmp_path: Path, weights: dict[str, Any]) -> None:
    nodes = [node("Conv", "x w b", "c", pads=[1] * 4), node("Conv", "c w b", "d", pads=[1] * 4), node("Add", "c d")]
    network = load(model(nodes, IMAGES, weights), tmp_path)
    assert network["conv1"].weight is network["conv2"].weight
    assert network["conv1"].bias is network["conv2"].bias
    assert list(network.parameters()) == ["conv1.weight", "conv1.bias"]


def test_equal_numbers_that_a_file_holds_once_are_not_shared(tmp_path: Path, weights: dict[str, Any]) -> None:
    held = {**weights, "u": weights["w"] + 1, "v": weights["s"], "zeros": np.zeros(2, np.float32)}
    held["alike"] = np.full((2, 2, 3, 3), 0.5, np.float32)
    around = {"pads": [1, 1, 1, 1]}
    nodes = [
        node("Conv", "x w b", "c1", **around), node("BatchNormalization", "c1 s b m v", "n1"),
        node("PRelu", "n1 g", "r1"), node("Conv", "r1 u b", "c2", **around),
        node("BatchNormalization", "c2 s b m v", "n2"), node("PRelu", "n2 g", "r2"),
        node("Conv", "r2 alike zeros", "c3", **around), node("Mul", "c3 g", "m1"), node("Add", "m1 g", "a1"),
        node("Conv", "a1 alike zeros", "c4", **around), node("Mul", "c4 g", "m2"), node("Add", "m2 g"),
    ]  # fmt: skip
    network = load(model(nodes, IMAGES, held), tmp_path)
    assert len(network.parameters()) == 18  # 4 Conv2d and 2 BatchNorm2d have two each, 6 other layers one


def test_two_forms_of_one_array_are_not_shared(tmp_path: Path, rng: np.random.Generator) -> None:
    square = {"w": rng.standard_normal((4, 4)).astype(np.float32), "b": rng.standard_normal(4).astype(np.float32)}
    nodes = [node("Gemm", "x w", "c"), node("Gemm", "c w", "d", transB=1), node("Add", "d b", "e"), node("Sub", "e b")]
    made, x = model(nodes, ("N", 4), square), rng.standard_normal((3, 4)).astype(np.float32)
    network = load(made, tmp_path)
    assert len(network.parameters()) == 4
    np.testing.assert_allclose(p.predict(network, x), run(made, x), atol=1e-5)


def test_settings_stay_and_weights_learn(tmp_path: Path, weights: dict[str, Any]) -> None:
    made = onnx.numpy_helper.from_array(np.ones((2, 1, 1), np.float32))
    nodes = [
        node("Relu", "x", "a"), node("Mul", "a g", "b1"), node("Constant", "", "k", value=made),
        node("Add", "b1 k", "c"), node("Mul", "c one"),
    ]  # fmt: skip
    network = load(model(nodes, IMAGES, {**weights, "one": np.float32(0.5)}), tmp_path)
    assert [q.trainable for q in network.parameters().values()] == [True, False, False]


def test_batch_normalisation_keeps_what_it_needs(tmp_path: Path, weights: dict[str, Any]) -> None:
    normalised = node("BatchNormalization", "x s b m v", epsilon=0.002, momentum=0.99)
    layer = load(model(normalised, IMAGES, weights | {"v": weights["s"]}), tmp_path)[0]
    assert isinstance(layer, p.BatchNorm2d)
    assert (layer.eps, layer.momentum) == (0.002, 0.01)
    np.testing.assert_array_equal(layer.running_mean.data, weights["m"])
    np.testing.assert_array_equal(layer.running_var.data, weights["s"])


@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16"])
def test_other_floats_become_the_networks_own(dtype: str, tmp_path: Path, weights: dict[str, Any]) -> None:
    import ml_dtypes

    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    held = {"h": weights["h"].astype(kind)}
    for options in ({}, {"dtype": "float64"}):
        network = load(model(node("Gemm", "x h"), ("N", 60), held), tmp_path, **options)
        assert network.dtype == options.get("dtype", "float32")
        np.testing.assert_array_equal(network[0].weight.data, held["h"].T.astype(network.dtype))


def test_numbers_that_are_not_in_raw_bytes(tmp_path: Path) -> None:
    made = model(node("Gemm", "x h"), ("N", 2), {"h": np.zeros((2, 2), np.float32)})
    for kind, values in ((1, [1.5, -2, 3, 4]), (11, [1.5, -2, 3, 4]), (10, [1.5, -2, 3, 4])):
        made.graph.initializer[0].CopyFrom(onnx.helper.make_tensor("h", kind, [2, 2], values))
        np.testing.assert_array_equal(load(made, tmp_path)[0].weight.data, [[1.5, 3], [-2, 4]])


# ---- input and output
def test_open_sizes_are_asked_for(tmp_path: Path, weights: dict[str, Any]) -> None:
    made = model(node("Conv", "x w"), ("N", 2, "height", "width"), weights)
    with pytest.raises(
        ArgumentError,
        match=re.escape("leaves sizes of its input open, (2, ?, ?); say them: input_shape=(2, 224, 224)"),
    ):
        load(made, tmp_path)
    with pytest.raises(ArgumentError, match=re.escape("takes (2, ?, ?), received (3, 8, 8)")):
        load(made, tmp_path, input_shape=(3, 8, 8))
    assert load(made, tmp_path, input_shape=(2, 8, 9)).output_shape() == (2, 6, 7)
    assert load(model(node("Conv", "x w"), None, weights), tmp_path, input_shape=(2, 8, 9)).output_shape() == (2, 6, 7)


@pytest.mark.parametrize("batch", ["N", None, 1, 7])
def test_the_batch_axis_is_free(batch: Any, tmp_path: Path, weights: dict[str, Any]) -> None:
    network = load(model(node("Conv", "x w"), (batch, 2, 6, 5), weights), tmp_path)
    assert p.predict(network, np.zeros((3, 2, 6, 5), np.float32)).shape == (3, 2, 4, 3)


def test_a_result_before_the_end_can_be_the_output(tmp_path: Path, weights: dict[str, Any]) -> None:
    made = model(residual(), IMAGES, weights | {"v": weights["s"]})
    assert load(made, tmp_path, output="r").output_shape() == (2, 6, 5)
    assert load(made, tmp_path, output="/flatten").output_shape() == (60,)
    with pytest.raises(ArgumentError, match=r"no tensor or node 'flaten'; did you mean '/flatten'\? Its outputs are y"):
        load(made, tmp_path, output="flaten")


def test_several_outputs_are_a_choice(tmp_path: Path) -> None:
    made = model([node("Relu", "x", "a"), node("Tanh", "a", "b")], IMAGES, outputs="b a")
    with pytest.raises(ArgumentError, match="has 2 outputs: b, a; choose one, as in output='b'"):
        load(made, tmp_path)
    assert list(load(made, tmp_path, output="a").children()) == ["relu1"]


def test_class_names_come_with_the_model_or_the_call(tmp_path: Path, weights: dict[str, Any]) -> None:
    made = model(
        node("Gemm", "x h"), ("N", 60), weights, metadata={"pellucid.class_names": json.dumps(["a", "b", "c"])}
    )
    assert load(made, tmp_path).class_names == ("a", "b", "c")
    assert load(made, tmp_path, class_names=["d", "e", "f"]).class_names == ("d", "e", "f")
    assert load(made, tmp_path, class_names=()).class_names == ()
    with pytest.raises(ModelFileError, match="expected one for each of the 3 outputs, received 2"):
        load(made, tmp_path, class_names=["d", "e"])


# ---- scaling
TO_FLOAT = node("Cast", "x", "a", to=1)
MEAN, STD = np.float32([0.4, 0.5]).reshape(2, 1, 1), np.float32([[0.2]])


@pytest.mark.parametrize(
    ("nodes", "dtype", "scaling"),
    [
        ([node("Sub", "x mean", "a"), node("Div", "a std", "s")], "float32", p.Scaling((0.4, 0.5), 0.2)),
        ([node("Div", "x std", "s")], "float32", p.Scaling(0, 0.2)),
        ([TO_FLOAT, node("Div", "a byte", "s")], "uint8", p.Scaling()),
        ([TO_FLOAT, node("Div", "a byte", "b"), node("Sub", "b mean", "s")], "uint8", p.Scaling((0.4, 0.5))),
        ([TO_FLOAT, node("Sub", "a mean", "s")], "uint8", p.Scaling((0.4 / 255, 0.5 / 255), 1 / 255)),
        ([node("Cast", "x", "s", to=1)], "uint8", p.Scaling(0, 1 / 255)),
    ],
)  # fmt: skip
def test_what_the_first_nodes_do_is_the_scaling(
    nodes: list[Any], dtype: str, scaling: p.Scaling, tmp_path: Path, rng: np.random.Generator
) -> None:
    held = {"mean": MEAN, "std": STD, "byte": np.float32(255)}
    made = model([*nodes, node("Relu", "s")], IMAGES, held, dtype=dtype)
    network = load(made, tmp_path)
    assert list(network.children()) == ["relu1"]
    for stated, found in ((scaling.means, network.scaling.means), (scaling.deviations, network.scaling.deviations)):
        np.testing.assert_allclose(found, stated, rtol=1e-6)
    x = rng.integers(0, 256, (3, 2, 6, 5)).astype(dtype)
    np.testing.assert_allclose(p.predict(network, x), run(made, x), rtol=1e-5, atol=1e-5)


def test_metadata_say_the_scaling_in_full(tmp_path: Path) -> None:
    nodes = [node("Sub", "x mean", "a"), node("Div", "a std", "s"), node("Relu", "s")]
    for mean, expected in (((0.4, 0.5), (0.4, 0.5)), ((0.3, 0.5), tuple(MEAN.ravel().astype(float)))):
        metadata = {"pellucid.scaling": json.dumps({"mean": mean, "std": 0.2})}
        made = model(nodes, IMAGES, {"mean": MEAN, "std": STD}, metadata=metadata)
        assert load(made, tmp_path).scaling.mean == expected


def test_nodes_stay_layers_where_the_scaling_is_given(tmp_path: Path) -> None:
    nodes = [node("Sub", "x mean", "a"), node("Relu", "a")]
    network = load(model(nodes, IMAGES, {"mean": MEAN}), tmp_path, scaling=p.Scaling(std=1 / 255))
    assert [type(layer).__name__ for layer in network] == ["Bias", "ReLU"]
    assert network.scaling == p.Scaling(std=1 / 255)


def test_what_others_read_as_well_is_no_scaling(tmp_path: Path) -> None:
    made = model([node("Sub", "x mean", "a"), node("Add", "a x")], IMAGES, {"mean": MEAN})
    network = load(made, tmp_path)
    assert network.scaling == p.Scaling()
    x = np.ones((1, 2, 6, 5), np.float32)
    np.testing.assert_allclose(p.predict(network, x), run(made, x))


# ---- training
@pytest.mark.parametrize("opset", [9, 13, 17])
def test_gradients(opset: int, tmp_path: Path, weights: dict[str, Any], rng: np.random.Generator) -> None:
    made = model(residual(), IMAGES, weights | {"v": weights["s"]}, opset=opset)
    network = load(made, tmp_path, dtype="float64")
    p.check_gradients(network, rng.standard_normal((4, 2, 6, 5)))


def test_a_softmax_at_the_end_is_dropped_for_training(tmp_path: Path, weights: dict[str, Any]) -> None:
    made = model([node("Gemm", "x h o", "a"), node("Softmax", "a", name="prob")], ("N", 60), weights)
    x, labels = np.eye(60, dtype=np.float32)[:6], np.arange(6) % 3
    with pytest.raises(ArgumentError, match=r"prob stands before CrossEntropy.*load_onnx\(path, drop_softmax=True\)"):
        p.fit(load(made, tmp_path), (x, labels), epochs=1)
    network = load(made, tmp_path, drop_softmax=True)
    np.testing.assert_allclose(p.predict_proba(network, x), run(made, x), atol=1e-6)
    assert (
        p.fit(network, (x, labels), epochs=30, batch_size=6, optimizer=p.SGD(lr=1.0)).to_dict()["epochs"][-1][
            "accuracy"
        ]
        == 1
    )
    with pytest.raises(ArgumentError, match=r"ends with linear1 \(Linear\); leave it out"):
        load(model(node("Gemm", "x h o"), ("N", 60), weights), tmp_path, drop_softmax=True)


def test_a_network_is_saved_and_loaded_as_any_other(tmp_path: Path, weights: dict[str, Any]) -> None:
    network = load(model(residual(), IMAGES, weights | {"v": weights["s"]}), tmp_path)
    p.save(network, tmp_path / "net.safetensors")
    x = np.linspace(-1, 1, 120, dtype=np.float32).reshape(2, 2, 6, 5)
    np.testing.assert_array_equal(p.predict(p.load(tmp_path / "net.safetensors"), x), p.predict(network, x))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_trained_model_gives_the_outputs_that_came_with_it(number: int, data_folder: Path) -> None:
    folder = data_folder / "onnx" / "mnist"
    network = p.load_onnx(folder / "opt-mnist.onnx")
    x, y = (
        onnx.numpy_helper.to_array(
            onnx.TensorProto.FromString((folder / f"test_data_set_{number}" / name).read_bytes())
        )
        for name in ("input_0.pb", "output_0.pb")
    )
    for engine in ("numpy", "compiled"):
        with pytest.warns(UserWarning, match="floats up to 255"):
            np.testing.assert_allclose(p.predict(network, x, engine=engine), y, rtol=1e-5, atol=1e-6 * np.abs(y).max())


def test_a_trained_model_knows_photos_of_digits(data_folder: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    folder = data_folder / "onnx" / "mnist"
    network = p.load_onnx(folder / "opt-mnist.onnx", scaling=p.Scaling(std=1 / 255))  # it takes pixels up to 255
    for digit in (0, 3, 5, 7):
        pixels = np.asarray(image.open(folder / f"{digit}.jpg").convert("L"))
        assert p.predict_classes(network, pixels[None, None]).tolist() == [digit]


def test_a_trained_model_learns_on(data_folder: Path) -> None:
    train, test = p.datasets.mnist(data_folder / "mnist")
    network = p.load_onnx(data_folder / "onnx" / "mnist" / "opt-mnist.onnx", scaling=p.Scaling(std=1 / 255))
    before = p.evaluate(network, test)["accuracy"]
    assert before == pytest.approx(0.9891, abs=0.001)
    p.fit(network, (train.images[:10_000], train.labels[:10_000]), epochs=2, batch_size=100, optimizer=p.Adam(1e-4))
    assert p.evaluate(network, test)["accuracy"] > before


# ---- without onnx
def test_without_onnx_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    (tmp_path / "model.onnx").write_bytes(b"\x08\x08")
    with pytest.raises(MissingExtraError, match=re.escape("pip install '.[onnx]' in Pellucid's folder")):
        p.load_onnx(tmp_path / "model.onnx")
