"""Models as PyTorch exports them: their shapes are computed by nodes, and some layers written as several."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

nn, functional = torch.nn, torch.nn.functional


class Block(nn.Module):
    """What ConvNeXt is made of."""

    def __init__(self, channels: int):
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(channels, channels, 7, padding=3, groups=channels), nn.LayerNorm(channels)
        self.wide, self.narrow = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, x: Any) -> Any:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.gamma * self.narrow(functional.gelu(self.wide(y)))).permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    """Small, with its stem, two blocks, and its head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.blocks = nn.Conv2d(3, 8, 4, 4), nn.Sequential(Block(8), Block(8))
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 4)

    def forward(self, x: Any) -> Any:
        return self.head(self.norm(self.blocks(self.stem(x)).mean((-2, -1))))


def twice(channels: int, filters: int) -> Any:
    first, second = nn.Conv2d(channels, filters, 3, padding=1), nn.Conv2d(filters, filters, 3, padding=1, bias=False)
    return nn.Sequential(first, nn.GroupNorm(2, filters), nn.ReLU(), second, nn.BatchNorm2d(filters), nn.ReLU())


class UNet(nn.Module):
    """Down and up again, with a transposed convolution, and pixels computed between others."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.bottom = twice(3, 4), twice(4, 8), twice(8, 16)
        self.up2, self.side2, self.side1 = nn.ConvTranspose2d(16, 8, 2, 2), twice(16, 8), twice(12, 4)
        self.head = nn.Conv2d(4, 4, 1)

    def forward(self, x: Any) -> Any:
        one = self.down1(x)
        two = self.down2(functional.max_pool2d(one, 2))
        y = self.up2(self.bottom(functional.max_pool2d(two, 2)))
        y = functional.interpolate(self.side2(torch.cat([y, two], 1)), scale_factor=2, mode="bilinear")
        return self.head(self.side1(torch.cat([y, one], 1)))


class Finer(nn.Module):
    """Images of four times as many pixels along each axis, by three ways that are added."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 12, 3, padding=1)
        self.spread = nn.ConvTranspose2d(3, 3, 3, 2, 1, 1)

    def forward(self, x: Any) -> Any:
        y = self.spread(functional.pixel_shuffle(self.conv2(functional.relu(self.conv1(x))), 2))
        corners = functional.interpolate(x, size=y.shape[2:], mode="bilinear", align_corners=True)
        return y + functional.interpolate(x, scale_factor=4) + corners


class Attention(nn.Module):
    """Scores of places, and mixtures of them, between two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.out, self.norm = nn.Linear(8, 24), nn.Linear(8, 8), nn.LayerNorm(8)
        self.conv, self.head = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 4)

    def forward(self, x: Any) -> Any:
        x = self.conv(x).flatten(2).transpose(1, 2)
        parts = self.into(self.norm(x)).split(8, -1)
        query, key, value = (part.reshape(-1, x.shape[1], 2, 4).transpose(1, 2) for part in parts)
        y = ((query @ key.transpose(-2, -1)) * 0.5).softmax(-1) @ value
        x = x + self.out(y.transpose(1, 2).reshape(-1, x.shape[1], 8))
        return self.head(torch.cat([x.amax(1), x.mean(1)], 1)[:, 4:12])


class Gate(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels: int):
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x: Any) -> Any:
        y = functional.relu(self.squeeze(functional.adaptive_avg_pool2d(x, 1)))
        return x * functional.hardsigmoid(self.excite(y))


class Many(nn.Module):
    """A network of many operators, in which channels are shuffled, split and joined."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.gate = nn.Conv2d(8, 8, 3, padding=1, groups=8), Gate(8)
        self.conv3, self.prelu, self.head = nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.PReLU(16), nn.Linear(16, 10)

    def forward(self, x: Any) -> Any:
        x = functional.hardswish(self.norm1(self.conv1(x)))
        y = self.gate(self.conv2(x))
        n, c, h, w = y.shape
        x = functional.silu(x + y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w))
        x = functional.dropout(functional.gelu(self.prelu(self.conv3(x))), 0.3, self.training)
        a, b = x.chunk(2, 1)
        x = functional.max_pool2d(functional.pad(torch.cat([b, a], 1), (0, 1, 0, 1)), 3, 2, ceil_mode=True)
        return functional.log_softmax(self.head(x.mean((2, 3)).view(n, -1)), 1)


class Scaled(nn.Module):
    """A chain of layers, before which images are scaled."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.2, 0.3, 0.4]).view(1, 3, 1, 1))
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 5), nn.ELU(), nn.AvgPool2d(2, padding=1), nn.Flatten(), nn.Linear(4 * 15 * 15, 7),
            nn.ReLU6(), nn.Hardtanh(-0.5, 0.5), nn.Softplus(), nn.LeakyReLU(0.3), nn.Softmax(1),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        return self.layers((x - self.mean) / self.deviation)


@pytest.mark.parametrize("opset", [9, 11, 13, 17, 20])
@pytest.mark.parametrize("made", [Many, Scaled])
def test_models_of_pytorch(made: Any, opset: int, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(opset)
    model = made()
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    x, path = torch.randn((2, 3, 32, 32), generator=generator), tmp_path / "model.onnx"
    settings: dict[str, Any] = {"dynamic_axes": {"x": {0: "n"}}} if opset % 4 == 1 else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model.eval(), x, path, opset_version=opset, dynamo=False, input_names=["x"], **settings)
    network = p.load_onnx(path)
    np.testing.assert_allclose(p.predict(network, x.numpy(), engine="numpy"), model(x).detach().numpy(), atol=1e-5)
    if made is Scaled:
        assert isinstance(network, p.Sequential)
        np.testing.assert_allclose(network.scaling.std, [0.2, 0.3, 0.4], rtol=1e-6)


@pytest.mark.parametrize("opset", [13, 20])
@pytest.mark.parametrize("made", [ConvNeXt, UNet, Finer, Attention])
def test_networks_of_pytorch_are_trained_on_and_written_again(made: Any, opset: int, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(opset)
    model = made().eval()
    for parameter in model.parameters():
        parameter.data += torch.randn(parameter.shape, generator=generator) * 0.1
    x, path = torch.randn((4, 3, 16, 16), generator=generator), tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, x, path, opset_version=opset, dynamo=False, dynamic_axes={"input": {0: "n"}}, input_names=["input"]
        )
    session = pytest.importorskip("onnxruntime").InferenceSession(path)
    (expected,) = session.run(None, {"input": x.numpy()})
    near = 2e-5 * np.abs(expected).max()
    network = p.load_onnx(path)
    np.testing.assert_allclose(p.predict(network, x.numpy()), expected, atol=near)
    p.save_onnx(network, tmp_path / "again.onnx", opset=opset)
    again = p.load_onnx(tmp_path / "again.onnx")
    np.testing.assert_allclose(p.predict(again, x.numpy(), engine="numpy"), expected, atol=near)
    target = np.zeros_like(expected)
    before = p.evaluate(network, (x.numpy(), target), loss=p.MeanSquaredError())["loss"]
    p.fit(network, (x.numpy(), target), epochs=2, loss=p.MeanSquaredError(), optimizer=p.SGD(1e-3), progress=False)
    assert p.evaluate(network, (x.numpy(), target), loss=p.MeanSquaredError())["loss"] < before


def test_equal_parameters_that_the_exporter_writes_once_are_not_shared(tmp_path: Path) -> None:
    layers, path = [nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)], tmp_path / "model.onnx"
    for layer in layers[::2]:
        nn.init.zeros_(layer.bias)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(nn.Sequential(*layers).eval(), torch.zeros(1, 4), path, dynamo=False)
    assert len(onnx.load(path).graph.initializer) == 3
    network = p.load_onnx(path)
    assert len(network.parameters()) == 4
    assert network[0].bias is not network[2].bias
