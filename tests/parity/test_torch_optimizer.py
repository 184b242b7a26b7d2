"""Optimisers beside torch's: the same weights after twenty steps of training, from the same beginning."""

import numpy as np
import pytest

import pellucid as p
from pellucid import interpreter

torch = pytest.importorskip("torch", reason="torch is not installed")
torch.optim.SGD([torch.zeros(1)], lr=0.1)  # the first one sets environment variables: here, before tests watch them

STEPS = 20


def batches(dtype):
    rng = np.random.default_rng(0)
    return [(rng.normal(0, 1, (8, 5)).astype(dtype), rng.integers(0, 3, 8)) for _ in range(STEPS)]


def network(dtype):
    layers = [p.Linear(5, 6), p.Tanh(), p.Linear(6, 6), p.Tanh(), ("head", p.Linear(6, 3))]
    return p.Sequential(layers, input_shape=(5,), dtype=dtype)


def trained(optimizer, dtype="float64", lrs=None):
    """Our weights by path, after every step."""
    net = network(dtype)
    program = p.lower(net, loss=p.CrossEntropy(), optimizer=optimizer)
    held = {path: q.data.copy() for path, q in net.parameters().items()}
    slots = {name: program.values[v].shape for name, v in program.named("state").items()}
    held |= {name: np.zeros(shape, dtype) for name, shape in slots.items()}
    course = []
    for step, (x, labels) in enumerate(batches(dtype), start=1):
        numbers = {"lr": lrs[step - 1] if lrs else optimizer.lr, "step": step, "count": len(x)}
        results = interpreter.run(program, {**held, **numbers, "input": x, "target": labels})
        held = {program.values[old].name: results[new] for old, new in program.renewed.items()}
        course.append(held)
    return course


def twin(dtype="float64"):
    """The same network in torch, and its parameters by our paths."""
    ours = network(dtype)
    layers = [torch.nn.Linear(5, 6), torch.nn.Tanh(), torch.nn.Linear(6, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3)]
    theirs = torch.nn.Sequential(*layers).to(getattr(torch, dtype))
    named = dict(zip(ours.parameters(), theirs.parameters(), strict=True))
    for path, parameter in ours.parameters().items():
        named[path].data = torch.tensor(parameter.data)
    return theirs, named


def trained_by_torch(make, dtype="float64", clip=None, lrs=None):
    net, named = twin(dtype)
    optimizer = make(named)
    course = []
    for step, (x, labels) in enumerate(batches(dtype)):
        for group in optimizer.param_groups if lrs else ():
            group["lr"] = lrs[step]
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(torch.tensor(x)), torch.tensor(labels)).backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        course.append({path: q.detach().numpy().copy() for path, q in named.items()})
    return course


def assert_same_course(ours, theirs, tolerance=1e-11):
    for step, (one, other) in enumerate(zip(ours, theirs, strict=True), start=1):
        for path, weight in other.items():
            np.testing.assert_allclose(
                one[path], weight, rtol=tolerance, atol=tolerance, err_msg=f"{path}, step {step}"
            )


OPTIMIZERS = [
    (p.SGD(0.5), torch.optim.SGD, {"lr": 0.5}),
    (p.SGD(0.5, weight_decay=0.1), torch.optim.SGD, {"lr": 0.5, "weight_decay": 0.1}),
    (p.SGD(0.2, 0.9, weight_decay=0.01), torch.optim.SGD, {"lr": 0.2, "momentum": 0.9, "weight_decay": 0.01}),
    (
        p.SGD(0.2, 0.8, nesterov=True, weight_decay=0.01), torch.optim.SGD,
        {"lr": 0.2, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ),
    (p.Adam(0.05), torch.optim.Adam, {"lr": 0.05}),
    (
        p.Adam(0.05, (0.8, 0.95), 1e-4, weight_decay=0.1), torch.optim.Adam,
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1},
    ),
    (p.AdamW(0.05), torch.optim.AdamW, {"lr": 0.05}),
    (p.AdamW(0.05, weight_decay=0.3), torch.optim.AdamW, {"lr": 0.05, "weight_decay": 0.3}),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "kind", "keywords"), OPTIMIZERS, ids=range(len(OPTIMIZERS)))
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 2e-5)])
def test_twenty_steps(ours, kind, keywords, dtype, tolerance):
    theirs = trained_by_torch(lambda named: kind(named.values(), **keywords), dtype)
    assert_same_course(trained(ours, dtype), theirs, tolerance)


@pytest.mark.parametrize("limit", [0.05, 0.4, 100.0])
def test_clipping(limit):
    theirs = trained_by_torch(lambda named: torch.optim.SGD(named.values(), lr=0.5), clip=limit)
    assert_same_course(trained(p.SGD(0.5, clip_norm=limit)), theirs)


def test_learning_rates_by_layer():
    def make(named):
        groups = {0.05: [], 0.5: [], 0.0: []}
        for path, parameter in named.items():
            groups[0.0 if path == "head.bias" else 0.05 if path.startswith("linear1") else 0.5].append(parameter)
        return torch.optim.SGD([{"params": held, "lr": lr} for lr, held in groups.items()], momentum=0.9)

    ours = p.SGD(0.5, 0.9, lr_scales={"linear1": 0.1, "head.bias": 0.0})
    assert_same_course(trained(ours), trained_by_torch(make))


@pytest.mark.parametrize(
    ("ours", "make"),
    [
        (p.SGD(0.5, 0.9), lambda named: torch.optim.SGD(named.values(), lr=0.5, momentum=0.9)),
        (p.AdamW(0.5), lambda named: torch.optim.AdamW(named.values(), lr=0.5)),
    ],
)
def test_a_learning_rate_that_changes_every_step(ours, make):
    lrs = [0.3 * 0.9**step for step in range(STEPS)]
    assert_same_course(trained(ours, lrs=lrs), trained_by_torch(make, lrs=lrs))


def test_the_average_of_weights():
    """Which torch leaves to the user: written out here over the course of the weights themselves."""
    course = trained(p.SGD(0.5, average=0.7))
    average = dict.fromkeys(network("float64").parameters())
    for step, held in enumerate(course, start=1):
        decay = min(0.7, (step - 1) / (step + 8))
        for path, before in average.items():
            average[path] = held[path] if before is None else decay * before + (1 - decay) * held[path]
            np.testing.assert_allclose(held[f"average({path})"], average[path], rtol=1e-12)
