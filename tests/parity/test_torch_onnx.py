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
