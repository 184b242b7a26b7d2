"""Whole networks beside torch's: loss, all gradients and running statistics of the lowered Program, and two epochs."""

import numpy as np
import pytest

import pellucid as p
from pellucid import interpreter

torch = pytest.importorskip("torch", reason="torch is not installed")
nn = torch.nn
torch.set_num_threads(1)  # small as these are, threads only wait for each other
torch.optim.SGD([torch.zeros(1)], lr=0.1)  # the first one sets environment variables: here, before tests watch them


class ResidualModule(nn.Module):
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + (x if self.shortcut is None else self.shortcut(x))


class ConcatModule(nn.Module):
    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def convolutional():
    ours = [
        p.Conv2d(1, 6, 5, padding=2), p.ReLU(), p.MaxPool2d(2), p.Conv2d(6, 8, 3, stride=2), p.Tanh(),
        p.AvgPool2d(2, stride=1), p.Flatten(), p.Linear(32, 16), p.Sigmoid(), p.Linear(16, 10),
    ]  # fmt: skip
    theirs = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, stride=2), nn.Tanh(),
        nn.AvgPool2d(2, stride=1), nn.Flatten(), nn.Linear(32, 16), nn.Sigmoid(), nn.Linear(16, 10),
    )  # fmt: skip
    return ours, theirs, (1, 14, 14)


def residual():
    def body(conv, norm, relu, chain):
        return chain(conv(4, 8, 3, stride=2, padding=1, bias=False), norm(8), relu(), conv(8, 8, 3, padding=1), norm(8))

    def inside(conv, norm, relu, chain):
        return chain(conv(8, 8, 3, padding=1, groups=2), norm(8), relu())

    ours = [
        p.Conv2d(3, 4, 3), p.BatchNorm2d(4), p.ReLU(),
        p.Residual(body(p.Conv2d, p.BatchNorm2d, p.ReLU, lambda *layers: p.Sequential(layers)),
                   p.Conv2d(4, 8, 1, stride=2)),
        p.ReLU(),
        p.Residual(inside(p.Conv2d, p.BatchNorm2d, p.LeakyReLU, lambda *layers: p.Sequential(layers))),
        p.AdaptiveAvgPool2d(), p.Flatten(), p.Linear(8, 10),
    ]  # fmt: skip
    theirs = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(),
        ResidualModule(body(nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Sequential), nn.Conv2d(4, 8, 1, stride=2)),
        nn.ReLU(),
        ResidualModule(inside(nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU, nn.Sequential)),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10),
    )  # fmt: skip
    return ours, theirs, (3, 9, 9)


def concatenated():
    """Squeeze and expand, as in SqueezeNet, with a normalisation over channels."""
    ours = [
        p.Conv2d(2, 4, 3), p.ReLU6(), p.LocalResponseNorm(3, alpha=0.1),
        p.Concat(p.Sequential([p.Conv2d(4, 3, 1), p.ReLU()]), p.Conv2d(4, 5, 3, padding=1), p.MaxPool2d(3, stride=1,
                 padding=1)),
        p.Conv2d(12, 10, 1), p.AdaptiveAvgPool2d(), p.Flatten(),
    ]  # fmt: skip
    theirs = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ReLU6(), nn.LocalResponseNorm(3, alpha=0.1),
        ConcatModule(nn.Sequential(nn.Conv2d(4, 3, 1), nn.ReLU()), nn.Conv2d(4, 5, 3, padding=1),
                     nn.MaxPool2d(3, stride=1, padding=1)),
        nn.Conv2d(12, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip
    return ours, theirs, (2, 8, 8)


def twins(make, dtype):
    """Our network, torch's with the same weights, and torch's parameters and buffers by our paths."""
    layers, theirs, shape = make()
    ours = p.Sequential(layers, input_shape=shape, dtype=dtype)
    theirs = theirs.to(getattr(torch, dtype))
    named = dict(zip(ours.parameters(), theirs.parameters(), strict=True))
    buffers = [buffer for name, buffer in theirs.named_buffers() if "num_batches" not in name]
    states = dict(zip(ours.states(), buffers, strict=True))
    for path, parameter in ours.parameters().items():
        assert parameter.shape == tuple(named[path].shape), path
        named[path].data = torch.tensor(parameter.data)
    return ours, theirs, named, states


def run(program, network, x, labels, wanted=None, **others):
    held = {path: each.data for path, each in {**network.parameters(), **network.states()}.items()}
    return interpreter.run(program, {**held, "input": x, "target": labels, "count": len(x), **others}, wanted)


def data(shape, dtype, samples=12):
    rng = np.random.default_rng(1)
    return rng.normal(0, 1, (samples, *shape)).astype(dtype), rng.integers(0, 10, samples)


def assert_close(found, expected, tolerance, name):
    expected = expected.detach().numpy()
    assert found.dtype == expected.dtype, name
    largest = max(np.abs(expected).max(), 1e-2)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * largest, err_msg=name)


@pytest.mark.parametrize("make", [convolutional, residual, concatenated])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
@pytest.mark.parametrize("training", [True, False])
def test_loss_and_all_gradients(make, dtype, tolerance, training):
    ours, theirs, named, _ = twins(make, dtype)
    x, labels = data(ours.input_shape, dtype)
    program = p.lower(ours, loss=p.CrossEntropy(), training=training, input_gradient=True)
    results = run(program, ours, x, labels, {program.loss, program.output, *program.gradients.values()})
    theirs.train(training)
    x_theirs = torch.tensor(x, requires_grad=True)
    outputs = theirs(x_theirs)
    loss = nn.functional.cross_entropy(outputs, torch.tensor(labels))
    loss.backward()
    assert_close(results[program.output], outputs, tolerance, "output")
    assert_close(results[program.loss], loss, tolerance, "loss")
    assert_close(results[program.gradients[program.input]], x_theirs.grad, tolerance, "input")
    for path, parameter in named.items():
        assert_close(results[program.gradients[program.ids[path]]], parameter.grad, tolerance, path)


@pytest.mark.parametrize("make", [convolutional, residual, concatenated])
def test_ten_steps_of_training_and_what_comes_of_them(make):
    ours, theirs, named, states = twins(make, "float64")
    x, labels = data(ours.input_shape, "float64")
    program = p.lower(ours, loss=p.CrossEntropy(), optimizer=p.SGD(0.1, 0.9))
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    held = {**ours.parameters(), **ours.states()}
    slots = {name: np.zeros(program.values[v].shape) for name, v in program.named("state").items() if name not in held}
    for _ in range(10):
        results = run(program, ours, x, labels, lr=0.1, **slots)
        for old, new in program.renewed.items():
            name = program.values[old].name
            if name in held:
                held[name].data = results[new]
            else:
                slots[name] = results[new]
        optimizer.zero_grad()
        nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(labels)).backward()
        optimizer.step()
    for path, parameter in {**named, **states}.items():
        assert_close(held[path].data, parameter, 1e-8, path)
    theirs.eval()
    assert_close(ours.forward(x), theirs(torch.tensor(x)), 1e-8, "outputs with running statistics")
