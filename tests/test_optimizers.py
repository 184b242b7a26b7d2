"""Optimisers as settings: what they refuse, which steps they become, and that they find a minimum."""

import copy
from dataclasses import asdict, replace

import numpy as np
import pytest

import pellucid as p
from pellucid import interpreter, optimizers

OPTIMIZERS = [p.SGD(0.05), p.SGD(0.05, 0.9), p.SGD(0.05, 0.9, nesterov=True), p.Adam(0.05), p.AdamW(0.05)]


def network():
    return p.Sequential(
        [p.Linear(2, 3), p.Tanh(), p.Residual(p.Sequential([p.Linear(3, 3)])), ("head", p.Linear(3, 2))],
        input_shape=(2,),
        dtype="float64",
    )


def program_of(optimizer, net=None):
    return p.lower(net or network(), loss=p.CrossEntropy(), optimizer=optimizer)


def updates(optimizer, net=None):
    program = program_of(optimizer, net)
    return program, program.steps[program.backward :]


def scales(lr_scales):
    """lr_scale of every parameter's update, by path."""
    program, steps = updates(p.SGD(lr_scales=lr_scales))
    return {program.values[step.inputs[0]].name: step.keywords["lr_scale"] for step in steps}


# ---- the steps
@pytest.mark.parametrize(
    ("optimizer", "kind", "keywords"),
    [
        (p.SGD(0.1), "sgd", {"weight_decay": 0.0, "lr_scale": 1.0}),
        (
            p.SGD(0.1, 0.9, nesterov=True, weight_decay=0.5), "sgd_momentum",
            {"momentum": 0.9, "nesterov": True, "weight_decay": 0.5, "lr_scale": 1.0},
        ),
        (p.Adam(), "adam", {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0, "lr_scale": 1.0}),
        (
            p.AdamW(1e-3, (0.8, 0.9), 1e-6), "adamw",
            {"beta1": 0.8, "beta2": 0.9, "eps": 1e-6, "weight_decay": 0.01, "lr_scale": 1.0},
        ),
    ],
)  # fmt: skip
def test_one_update_a_parameter(optimizer, kind, keywords):
    program, steps = updates(optimizer)
    assert [step.kind for step in steps] == [kind] * 6
    assert all(step.keywords == keywords for step in steps)
    learnt = {program.values[step.inputs[0]].name for step in steps}
    assert learnt == network().parameters().keys()
    for step in steps:
        weight, gradient = step.inputs[:2]
        assert program.gradients[weight] == gradient
        assert program.renewed[weight] == step.outputs[0]


@pytest.mark.parametrize(
    ("optimizer", "memory"),
    [
        (p.SGD(), []),
        (p.SGD(momentum=0.5), ["velocity(head.bias)"]),
        (p.Adam(), ["first_moment(head.bias)", "second_moment(head.bias)"]),
        (p.SGD(average=0.9), ["average(head.bias)"]),
    ],
)
def test_the_memory_has_the_parameters_shape_and_is_renewed(optimizer, memory):
    program = program_of(optimizer)
    slots = [name for name in program.named("state") if name.endswith("(head.bias)")]
    assert slots == memory
    for name in slots:
        assert program.values[program.ids[name]].shape == (2,)
        assert program.values[program.renewed[program.ids[name]]].name == f"{name}′"


def test_clipping_is_one_factor_of_all_gradients():
    program, steps = updates(p.SGD(clip_norm=2))
    assert [step.kind for step in steps] == ["clip_factor", *["scale_gradient", "sgd"] * 6]
    assert steps[0].keywords == {"max_norm": 2.0}
    learnt = {v for v in program.gradients if program.values[v].role == "parameter"}
    assert set(steps[0].inputs) == {program.gradients[v] for v in learnt}
    for scaled, update in zip(steps[1::2], steps[2::2], strict=True):
        assert scaled.outputs[0] == update.inputs[1]


def test_averages_are_of_the_new_weights():
    _, steps = updates(p.SGD(average=0.99))
    for update, average in zip(steps[::2], steps[1::2], strict=True):
        assert average.kind == "average_weight"
        assert average.inputs[1] == update.outputs[0]
        assert average.keywords == {"decay": 0.99}


def test_the_longest_matching_path_gives_the_factor():
    assert set(scales({}).values()) == {1.0}
    assert scales({"residual1": 0.1, "residual1.body.linear1.bias": 3, "head": 0}) == {
        "linear1.weight": 1.0,
        "linear1.bias": 1.0,
        "residual1.body.linear1.weight": 0.1,
        "residual1.body.linear1.bias": 3.0,
        "head.weight": 0.0,
        "head.bias": 0.0,
    }


@pytest.mark.parametrize("path", ["hea", "head.weigh", "residual1.linear1", ""])
def test_a_path_that_leads_nowhere_is_refused(path):
    with pytest.raises(p.ArgumentError, match=f"lr_scales: no trainable parameter at {path!r}; there are "):
        scales({path: 0.1})


def test_a_path_to_frozen_parameters_leads_nowhere():
    net = network()
    for parameter in net["head"].parameters().values():
        parameter.trainable = False
    with pytest.raises(p.ArgumentError, match="no trainable parameter at 'head'"):
        updates(p.SGD(lr_scales={"head": 0.1}), net)


# ---- they find a minimum
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_the_loss_falls(optimizer):
    net, rng = network(), np.random.default_rng(0)
    program = program_of(optimizer, net)
    x = rng.normal(0, 1, (40, 2))
    held = {path: q.data.copy() for path, q in net.parameters().items()}
    held |= {name: np.zeros(program.values[v].shape) for name, v in program.named("state").items()}
    losses = []
    for step in range(1, 101):
        numbers = {"input": x, "target": (x[:, 0] > x[:, 1]).astype(int), "count": 40, "lr": optimizer.lr, "step": step}
        results = interpreter.run(program, {**held, **numbers})
        held = {program.values[old].name: results[new] for old, new in program.renewed.items()}
        losses.append(float(results[program.loss]))
    assert losses[-1] < losses[0] / 2
    assert losses[-1] == min(losses)


def test_a_factor_of_0_holds_a_layer_still():
    net = network()
    program = program_of(p.SGD(0.1, lr_scales={"head": 0.0}), net)
    held = {path: q.data for path, q in net.parameters().items()}
    numbers = {"input": np.ones((3, 2)), "target": np.zeros(3, int), "count": 3, "lr": 0.1}
    results = interpreter.run(program, {**held, **numbers})
    changed = {path for path in held if (results[program.renewed[program.ids[path]]] != held[path]).any()}
    assert changed == {path for path in held if not path.startswith("head")}


# ---- the settings
def test_defaults_are_pytorchs():
    assert asdict(p.Adam()) == {
        "lr": 1e-3, "weight_decay": 0.0, "lr_scales": {}, "clip_norm": None, "average": None, "betas": (0.9, 0.999),
        "eps": 1e-8,
    }  # fmt: skip
    assert (p.AdamW().lr, p.AdamW().weight_decay) == (1e-3, 0.01)
    assert (p.SGD(0.1).momentum, p.SGD(0.1).nesterov) == (0.0, False)


def test_settings_by_position_are_those_of_pytorch():
    assert p.SGD(0.1, 0.9) == p.SGD(lr=0.1, momentum=0.9)
    assert p.Adam(0.1, (0.5, 0.6), 1e-3) == p.Adam(lr=0.1, betas=(0.5, 0.6), eps=1e-3)
    assert p.AdamW(0.1, (0.5, 0.6), 1e-3) == p.AdamW(lr=0.1, betas=(0.5, 0.6), eps=1e-3)


def test_an_optimiser_is_a_value():
    optimizer = p.SGD(0.1, lr_scales={"conv1": 0.5})
    assert optimizer == replace(optimizer) == copy.deepcopy(optimizer)
    assert optimizer != p.SGD(0.1)
    assert hash(optimizer) == hash(copy.deepcopy(optimizer))
    with pytest.raises(AttributeError):
        optimizer.lr = 1
    assert repr(p.SGD(0.1)) == (
        "SGD(lr=0.1, weight_decay=0.0, lr_scales={}, clip_norm=None, average=None, momentum=0.0, nesterov=False)"
    )


def test_settings_become_pythons_own_numbers():
    scales = {"conv1": np.float64(0.5)}
    optimizer = p.Adam(np.float32(0.5), (np.float64(0.5), 0), np.float64(1e-3), weight_decay=np.int64(1),
                       lr_scales=scales, clip_norm=1, average=np.float64(0.5))  # fmt: skip
    numbers = [optimizer.lr, *optimizer.betas, optimizer.eps, optimizer.weight_decay, optimizer.lr_scales["conv1"]]
    assert {type(number) for number in [*numbers, optimizer.clip_norm, optimizer.average]} == {float}
    scales["conv1"] = 7
    assert optimizer.lr_scales == {"conv1": 0.5}, "what was given may change afterwards"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: p.SGD(-0.1), "lr: expected a number of at least 0, received -0.1"),
        (lambda: p.SGD(float("inf")), "lr: expected a number of at least 0, received inf"),
        (lambda: p.SGD("0.1"), "lr: expected a number of at least 0, received '0.1'"),
        (lambda: p.SGD(True), "lr: expected a number of at least 0, received True"),
        (lambda: p.SGD(weight_decay=-1), "weight_decay: expected a number of at least 0, received -1"),
        (lambda: p.SGD(clip_norm=0), "clip_norm: expected a number above 0, received 0"),
        (lambda: p.SGD(average=1), "average: expected a number between 0 and 1, received 1"),
        (lambda: p.SGD(momentum=1), "momentum: expected a number from 0 up to but not 1, received 1"),
        (lambda: p.SGD(momentum=0.9, nesterov="no"), "nesterov: expected True or False, received 'no'"),
        (lambda: p.SGD(momentum=0.9, nesterov=1), "nesterov: expected True or False, received 1"),
        (lambda: optimizers.by_name("adam", betaas=1), "betaas: Adam has no such setting; did you mean 'betas'?"),
        (lambda: p.SGD(nesterov=True), "nesterov: looks ahead along the momentum, and there is none"),
        (
            lambda: p.SGD(lr_scales=[("a", 1)]),
            "lr_scales: expected a mapping such as {'conv1': 0.1}, received [('a', 1)]",
        ),
        (lambda: p.SGD(lr_scales={"a": -1}), "lr_scales['a']: expected a number of at least 0, received -1"),
        (lambda: p.Adam(betas=(0.9, 1)), "betas: expected a number from 0 up to but not 1, received 1"),
        (lambda: p.Adam(betas=0.9), "betas: expected two numbers, received 0.9"),
        (lambda: p.Adam(betas=(0.9, 0.9, 0.9)), "betas: expected two numbers, received (0.9, 0.9, 0.9)"),
        (lambda: p.AdamW(eps=0), "eps: expected a number above 0, received 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(p.ArgumentError) as caught:
        make()
    assert str(caught.value).startswith(message)


# ---- by name


def test_a_name_says_the_class_and_perhaps_a_setting():
    made = [optimizers.by_name(name, lr=0.1) for name in optimizers.NAMES]
    assert made == [
        p.Adam(0.1), p.AdamW(0.1), p.SGD(0.1), p.SGD(0.1, momentum=0.9), p.SGD(0.1, momentum=0.9, nesterov=True)
    ]  # fmt: skip
    assert optimizers.by_name("momentum", momentum=0.5).momentum == 0.5
