"""Networks written as ONNX, run by onnxruntime: within 2·10⁻⁵ of the largest output of the definitions."""

import numpy as np
import pytest

import pellucid as p
from pellucid import models
from pellucid.interop.onnx.writing import onnx_bytes, save_onnx

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
from fuzz import exports
from fuzz.agreement import TOLERANCE
from fuzz.exports import exact, fill
from oracles import onnx_runtime

OPSETS = (13, 15, 17, 18, 19, 20, 21, 22)


def graph_of(join, *layers):
    """Return what joins the input, or what single layers make of it."""
    nodes = {f"node{number}": (layer, "input") for number, layer in enumerate(layers)}
    sources = nodes if len(nodes) > 1 else ("input", *nodes)
    return p.Graph({**nodes, "end": (join, *sources)})


LAYERS = {
    "conv": p.Conv2d(4, 6, 3),
    "conv, all settings": p.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=((0, 3), (4, 1)), dilation=(2, 3), groups=2),
    "conv, same": p.Conv2d(4, 6, (4, 3), stride=2, padding="same", bias=False),
    "depthwise": p.Conv2d(4, 8, 3, groups=4, padding=1),
    "transposed": p.ConvTranspose2d(4, 3, 2, stride=2),
    "transposed, all settings": p.ConvTranspose2d(
        4, 6, (3, 2), stride=(3, 2), padding=((0, 3), (4, 1)), output_padding=(2, 1), dilation=(2, 3), groups=2
    ),
    "transposed, depthwise": p.ConvTranspose2d(4, 4, 3, stride=2, padding=1, groups=4, bias=False),
    "larger": p.Upsample(scale_factor=(2, 3)),
    "larger, nearest": p.Upsample(size=(13, 20)),
    "smaller, nearest": p.Upsample(size=(6, 4)),
    "larger, exact": p.Upsample(scale_factor=(1.5, 0.7), mode="nearest-exact"),
    "larger, linear": p.Upsample(scale_factor=2, mode="bilinear"),
    "other size, linear": p.Upsample(size=(4, 17), mode="bilinear"),
    "larger, corners": p.Upsample(size=(18, 17), mode="bilinear", align_corners=True),
    "larger, asymmetric": p.Upsample(scale_factor=(2.5, 3), mode="bilinear", asymmetric=True),
    "max": p.MaxPool2d(2),
    "max, overlapping": p.MaxPool2d((3, 2), stride=(2, 1), padding=((1, 0), (0, 1))),
    "max, same": p.MaxPool2d(3, stride=2, padding="same"),
    "max, ceil": p.MaxPool2d(3, stride=2, ceil_mode=True),
    "max, ceil and padding": p.MaxPool2d((2, 3), stride=3, padding=((1, 0), (1, 2)), ceil_mode=True),
    "max, dilated": p.MaxPool2d(3, stride=1, dilation=2),
    "max, padded by more than it has taps": p.MaxPool2d(2, stride=1, dilation=3, padding=3),
    "avg": p.AvgPool2d(2),
    "avg, padded": p.AvgPool2d(3, stride=2, padding=((1, 2), (0, 1))),
    "avg, padding left out": p.AvgPool2d(3, stride=2, padding=((1, 2), (0, 1)), count_include_pad=False),
    "avg, ceil": p.AvgPool2d((2, 4), stride=(2, 3), ceil_mode=True),
    "avg, ceil and padding": p.AvgPool2d(4, stride=3, padding=((1, 0), (2, 1)), ceil_mode=True),
    "avg, ceil, padding left out": p.AvgPool2d(
        4, stride=3, padding=((1, 0), (2, 1)), ceil_mode=True, count_include_pad=False
    ),
    "avg, dilated": p.AvgPool2d((2, 3), stride=1, dilation=(3, 2)),
    "avg, dilated and padded": p.AvgPool2d(3, stride=2, dilation=2, padding=((1, 0), (1, 1))),
    "avg, dilated, padding left out": p.AvgPool2d(
        (3, 2), stride=(1, 2), dilation=(2, 3), padding=1, count_include_pad=False
    ),
    "avg, dilated, padded by more than it has taps": p.AvgPool2d(2, stride=1, dilation=3, padding=3),
    "avg, dilated, much padding left out": p.AvgPool2d(
        (4, 3), stride=2, dilation=(2, 3), padding=((4, 2), (3, 3)), count_include_pad=False
    ),
    "avg, dilated, ceil": p.AvgPool2d((2, 3), stride=3, dilation=2, ceil_mode=True),
    "avg, dilated, ceil and padding": p.AvgPool2d(3, stride=3, dilation=2, padding=((1, 0), (1, 1)), ceil_mode=True),
    "avg, dilated, ceil, padding left out": p.AvgPool2d(
        3, stride=3, dilation=2, padding=((1, 0), (1, 1)), ceil_mode=True, count_include_pad=False
    ),
    "avg, dilated, same": p.AvgPool2d(3, stride=2, dilation=2, padding="same", count_include_pad=False),
    "avg, stride larger than the window": p.AvgPool2d(2, stride=4, ceil_mode=True),
    "adaptive, 1": p.AdaptiveAvgPool2d(1),
    "adaptive, alike": p.AdaptiveAvgPool2d((3, 11)),
    "adaptive, overlapping": p.AdaptiveAvgPool2d((8, 10)),
    "adaptive, unlike": p.AdaptiveAvgPool2d((4, 3)),
    "adaptive, more than there are": p.AdaptiveAvgPool2d((20, 13)),
    "norm": p.BatchNorm2d(4, eps=0.1),
    "lrn": p.LocalResponseNorm(5, alpha=0.5, beta=0.6, k=2.0),
    "lrn of one": p.LocalResponseNorm(1, alpha=0.5),
    "lrn beyond the channels": p.LocalResponseNorm(9, alpha=0.5),
    "lrn, even": p.LocalResponseNorm(4, alpha=0.5, beta=0.6, k=2.0),
    "lrn, even, beyond the channels": p.LocalResponseNorm(8, alpha=0.5),
    "layer norm": p.LayerNorm(11),
    "layer norm of pixels, without numbers": p.LayerNorm((9, 11), eps=0.1, elementwise_affine=False),
    "layer norm of all, without bias": p.LayerNorm((4, 9, 11), bias=False),
    "group norm": p.GroupNorm(2, 4),
    "group norm of single channels": p.GroupNorm(4, 4, eps=0.1),
    "group norm, without numbers": p.GroupNorm(1, 4, affine=False),
    "relu": p.ReLU(),
    "leaky": p.LeakyReLU(0.2),
    "relu6": p.ReLU6(),
    "sigmoid": p.Sigmoid(),
    "tanh": p.Tanh(),
    "softmax": p.Softmax(),
    "clip": p.Clip(-1.5, 2.0),
    "clip below": p.Clip(-0.5, None),
    "clip above": p.Clip(None, 0.5),
    "hard sigmoid": p.HardSigmoid(0.2, 0.4),
    "hard swish": p.HardSwish(),
    "elu": p.ELU(0.7),
    "silu": p.SiLU(),
    "softplus": p.Softplus(),
    "gelu": p.GELU(),
    "log softmax": p.LogSoftmax(),
    "prelu": p.PReLU(4),
    "prelu, one slope": p.PReLU(),
    "bias": p.Bias((4, 1, 1)),
    "bias of pixels": p.Bias((1, 9, 11)),
    "bias of columns": p.Bias(11),
    "gain": p.Gain((4, 1, 1)),
    "gain of rows": p.Gain((9, 1)),
    "reshape": p.Reshape((6, -1)),
    "transpose": p.Transpose((2, 3, 1)),
    "slice of channels": p.Slice(1, 1, -1),
    "slice of columns": p.Slice(3, -9, None, 3),
    "mean": p.Mean((1, 3)),
    "mean of pixels": p.Mean((2, 3)),
    "mean, kept": p.Mean((3,), keepdims=True),
    "pad": p.Pad((0, 1, 2), (3, 0, 1), value=0.5),
    "pad, edge": p.Pad((0, 1, 2), (0, 0, 1), "edge"),
    "pad, reflect": p.Pad((0, 1, 2), (0, 8, 1), "reflect"),
    "adaptive max": p.AdaptiveMaxPool2d((3, 1)),
    "residual": p.Residual(p.Conv2d(4, 6, 1), p.Conv2d(4, 6, 1)),
    "residual of nothing": p.Residual(p.Dropout()),
    "concat": p.Concat(p.Tanh(), p.Conv2d(4, 3, 3, padding=1), p.Dropout()),
    "concat of one": p.Concat(p.ReLU()),
    "pad channels": p.PadChannels(2, 3),
    "flatten": p.Flatten(),
    "gate": graph_of(p.joins.Multiply(), p.AdaptiveAvgPool2d(1)),
    "two that are repeated": graph_of(p.joins.Multiply(), p.AdaptiveAvgPool2d((1, 11)), p.AdaptiveAvgPool2d((9, 1))),
    "sum of three, one repeated": graph_of(p.joins.Add(), p.Tanh(), p.AdaptiveAvgPool2d((9, 1)), p.Sigmoid()),
    "sum of three, two repeated": graph_of(p.joins.Add(), p.AdaptiveAvgPool2d(1), p.AdaptiveAvgPool2d(1), p.Tanh()),
    "quotient": graph_of(p.joins.Divide(), p.Clip(1.0, None)),
    "quotient of what is repeated": graph_of(p.joins.Divide(), p.AdaptiveAvgPool2d(1), p.Softplus()),
    "products of matrices": graph_of(p.joins.MatMul(), p.Transpose((1, 3, 2))),
    "products of matrices, one for all channels": graph_of(
        p.joins.MatMul(), p.Mean((1,), keepdims=True), p.Transpose((1, 3, 2))
    ),
    "joined channels": graph_of(p.joins.Concat(), p.Tanh()),
}
FOR_FEATURES = {
    "linear": p.Linear(7, 5),
    "linear, no bias": p.Linear(7, 5, bias=False),
    "norm": p.BatchNorm2d(7),
    "layer norm": p.LayerNorm(7),
    "group norm": p.GroupNorm(1, 7, eps=0.5),
    "softmax": p.Softmax(),
    "pad channels": p.PadChannels(1, 2),
    "flatten": p.Flatten(),
    "prelu": p.PReLU(7),
    "gain": p.Gain(7),
    "reshape": p.Reshape((7, 1, 1)),
    "concat": p.Concat(p.Linear(7, 2), p.ReLU()),
}
CASES = [
    *[pytest.param(layer, (4, 9, 11), id=name) for name, layer in LAYERS.items()],
    *[pytest.param(layer, (7,), id=f"{name}, features") for name, layer in FOR_FEATURES.items()],
]

SIDES = {
    **dict.fromkeys(("lenet5", "all_cnn", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110"), 32),
    **dict.fromkeys(("lenet", "notebook", "mnist_s6", "mnist_s8"), 28),
    "small": 8,
    "alexnet_2012": 67,
}
"""Rows and columns of the images; 64 where none are given."""
GREY = ("small", "notebook", "lenet", "lenet5", "mnist_s6", "mnist_s8")
DEEPER = (
    "vgg11_bn", "vgg13", "vgg16", "vgg19", "vgg13_bn", "vgg16_bn", "vgg19_bn", "resnet44", "resnet56", "resnet110",
)  # fmt: skip
"""More layers of the same kinds; they were compared at their own size, see docs/onnx.md."""


def assert_close(found, expected):
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


@pytest.mark.parametrize(("layer", "input_shape"), CASES)
@pytest.mark.parametrize("opset", [13, 17, 22])
def test_a_layer(layer, input_shape, opset, rng):
    network = fill(p.Sequential([layer], input_shape=input_shape), rng)
    x = 3 * rng.standard_normal((3, *input_shape), np.float32)
    assert_close(onnx_runtime.outputs(onnx_bytes(network, opset=opset), x), exact(network, x))


@pytest.mark.parametrize("opset", OPSETS)
def test_a_network_in_every_opset(opset, rng):
    network = fill(models.mnist_s8(), rng)
    x = rng.standard_normal((2, 1, 28, 28), np.float32)
    assert_close(onnx_runtime.outputs(onnx_bytes(network, opset=opset), x), exact(network, x))


def test_slopes_that_two_shapes_share(rng):
    first, second = p.PReLU(4), p.PReLU(4)
    second.weight = first.weight
    network = p.Sequential([first, p.AdaptiveAvgPool2d(1), p.Flatten(), second], input_shape=(4, 5, 5))
    first.weight.data = [0.1, -0.4, 2.0, 0.0]
    x = rng.standard_normal((3, 4, 5, 5), np.float32) - 0.3
    assert_close(onnx_runtime.outputs(onnx_bytes(network), x), exact(network, x))


@pytest.mark.parametrize("samples", [1, 2, 33])
def test_any_number_of_samples(samples, rng, tmp_path):
    network = fill(models.lenet(), rng)
    x = rng.standard_normal((samples, 1, 28, 28), np.float32)
    save_onnx(network, tmp_path / "lenet.onnx")
    assert_close(onnx_runtime.outputs((tmp_path / "lenet.onnx").read_bytes(), x), p.predict(network, x))


@pytest.mark.parametrize("scaling", [None, p.Scaling(0.3, 0.6), p.IMAGENET_SCALING, p.Scaling((0.0, 0.0, 0.1), 0.5)])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_images_are_scaled_as_predict_scales_them(scaling, dtype, rng):
    network = fill(p.Sequential([p.Conv2d(3, 4, 3)], input_shape=(3, 6, 6), scaling=scaling), rng)
    images = rng.integers(0, 256, (2, 3, 6, 6), np.uint8)
    x = images if dtype == "uint8" else images.astype(np.float32) / 255
    found = onnx_runtime.outputs(onnx_bytes(network, input_type=dtype), x)
    assert_close(found, exact(network, images))


def test_scaled_features(rng):
    network = fill(p.Sequential([p.Linear(4, 3)], input_shape=(4,), scaling=p.Scaling((0.1, 0.2, 0.3, 0.4), 2.0)), rng)
    x = rng.standard_normal((2, 4), np.float32)
    assert_close(onnx_runtime.outputs(onnx_bytes(network), x), exact(network, x))


@pytest.mark.parametrize("name", [name for name in models.MODELS if name not in DEEPER])
def test_a_model(name, rng):
    side = SIDES.get(name, 64)
    network = fill(models.by_name(name)(10, (1 if name in GREY else 3, side, side)), rng)
    x = rng.standard_normal((2, *network.input_shape), np.float32)
    assert_close(onnx_runtime.outputs(onnx_bytes(network), x), p.predict(network, x, engine="numpy"))


def test_random_networks():
    """The first of those that ``python -m tests.fuzz.exports`` goes through."""
    assert exports.main(["40"]) == 0


def test_a_mistake_in_a_random_network_is_found(monkeypatch, capsys):
    """The control: pooling that counts other pixels."""
    from pellucid.interop.onnx import writing

    def wrong(graph, step):
        graph.node("Relu", step.inputs, step.outputs[0])

    monkeypatch.setattr(writing, "RULES", {**writing.RULES, "tanh": wrong, "sigmoid": wrong, "leaky_relu": wrong})
    assert exports.main(["25"]) == 1
    assert "wrong" in capsys.readouterr().out
