"""Freezing: what stops learning, what is no longer computed, and what stays as it was, in both engines."""

import numpy as np
import pytest

import pellucid as p


def block(channels):
    return p.Sequential([p.Conv2d(channels, channels, 3, padding=1, bias=False), p.BatchNorm2d(channels), p.ReLU()])


def network(**options):
    """A convolution, two blocks with normalisation, the second with a way round it, and a head."""
    layers = [
        p.Conv2d(1, 4, 3, bias=False), p.BatchNorm2d(4), p.ReLU(),
        ("layer1", block(4)), ("layer2", p.Sequential([p.Residual(block(4), block(4)), p.ReLU()])),
        p.Flatten(), p.Linear(64, 3),
    ]  # fmt: skip
    return p.Sequential(layers, input_shape=(1, 6, 6), **options)


@pytest.fixture
def data(rng):
    labels = np.arange(40) % 3
    images = rng.integers(0, 60, (40, 1, 6, 6)).astype(np.uint8)
    images[np.arange(40), 0, 2 * labels] += 150
    return images, labels


def learning(made):
    return [path for path, parameter in made.parameters().items() if parameter.trainable]


def contents(made):
    """Every parameter and state, as bytes."""
    return {path: each.data.tobytes() for path, each in {**made.parameters(), **made.states()}.items()}


# ---- what stops learning


def test_everything_before_a_layer_stops_learning():
    made = network()
    p.freeze(made, until="layer2")
    assert {path.split(".")[0] for path in learning(made)} == {"layer2", "linear1"}
    assert len(learning(made)) == 8


def test_a_path_inside_a_block_freezes_the_blocks_beginning_too():
    made = network()
    p.freeze(made, until="layer1.norm1")
    assert learning(made)[:2] == ["layer1.norm1.weight", "layer1.norm1.bias"]
    assert not made["layer1.conv1"].weight.trainable


def test_a_branch_beside_the_path_does_not_come_before_it():
    made = network()
    p.freeze(made, until="layer2.residual1.shortcut.norm1")
    assert not made["layer2.residual1.shortcut.conv1"].weight.trainable
    assert made["layer2.residual1.body.conv1"].weight.trainable
    assert not made["layer1.conv1"].weight.trainable
    beside = p.Sequential([p.Concat(p.Linear(4, 2), p.Linear(4, 2)), p.Linear(4, 2)], input_shape=(4,))
    p.freeze(beside, until="concat1.branch2")
    assert len(learning(beside)) == 6


def test_before_the_first_layer_there_is_nothing():
    made = network()
    p.freeze(made, until="conv1")
    assert learning(made) == list(made.parameters())


def test_what_follows_is_left_as_it_was_until_all_may_learn_again():
    made = network()
    made["linear1"].bias.trainable = False
    p.freeze(made, until="layer2")
    p.freeze(made, until="layer1")
    assert "linear1.bias" not in learning(made)
    assert "layer1.conv1.weight" not in learning(made)
    p.unfreeze(made)
    assert learning(made) == list(made.parameters())


def test_a_parameter_shared_with_a_later_layer_is_frozen_in_both():
    made = p.Sequential([p.Linear(3, 3), p.Linear(3, 3)], input_shape=(3,))
    made["linear2"].weight = made["linear1"].weight
    p.freeze(made, until="linear2")
    assert learning(made) == ["linear2.bias"]


@pytest.mark.parametrize(
    ("until", "message"),
    [
        ("layer3", "no layer 'layer3'; did you mean 'layer1'? There are conv1, norm1, relu1, layer1, layer2, "),
        ("layer2.residul1", "no layer 'layer2.residul1'; did you mean 'layer2.residual1'? There are residual1, relu1"),
        ("conv1.weight", "no layer 'conv1.weight': conv1 holds no layers; write 'conv1'"),
        ("", "no layer ''. There are conv1, "),
        (3, "until: expected the path of a layer, such as 'linear1', received 3"),
    ],
)
def test_a_path_that_leads_nowhere_changes_nothing(until, message):
    made = network()
    with pytest.raises(p.ArgumentError) as caught:
        p.freeze(made, until=until)
    assert str(caught.value).startswith(message)
    assert learning(made) == list(made.parameters())


@pytest.mark.parametrize(
    "use",
    [
        lambda: p.freeze(p.Linear(2, 3), "x"),
        lambda: p.freeze("lenet", "conv1"),
        lambda: p.unfreeze(None),
        lambda: p.unfreeze("lenet"),
    ],
)
def test_what_is_no_network_is_refused(use):
    with pytest.raises(p.ArgumentError, match="network: expected a Sequential or Graph, received "):
        use()


@pytest.mark.parametrize("whether", ["no", 0, None, np.array(False)])
def test_a_parameter_learns_or_does_not(whether):
    parameter = p.Linear(2, 3).weight
    with pytest.raises(p.ArgumentError, match=r"weight\.trainable: expected True or False, received "):
        parameter.trainable = whether
    assert parameter.trainable is True
    parameter.trainable = np.bool_(False)
    assert parameter.trainable is False


# ---- what is no longer computed


def test_no_backward_step_is_left_before_the_first_layer_that_learns():
    made = network()
    whole = p.lower(made, loss=p.CrossEntropy(), optimizer=p.SGD())
    p.freeze(made, until="layer2")
    program = p.lower(made, loss=p.CrossEntropy(), optimizer=p.SGD())
    backward = {step.layer.split(".")[0] for step in program.steps[program.forward : program.backward]}
    assert backward == {"loss", "linear1", "flatten1", "layer2"}
    assert "conv2d.grad_input" not in [step.kind for step in program.steps if step.layer.endswith(".conv1")]
    assert len(program.steps) < 0.7 * len(whole.steps)


def test_frozen_normalisation_takes_no_statistics_and_waits_for_no_batch():
    made = network()
    p.freeze(made, until="linear1")
    program = p.lower(made, loss=p.CrossEntropy(), optimizer=p.SGD())
    kinds = [step.kind for step in program.steps[: program.forward]]
    assert kinds.count("batch_norm_running") == 4
    assert {"batch_norm", "batch_statistics", "running_statistics"}.isdisjoint(kinds)
    assert len(program.stages) == 2
    assert not set(program.renewed) & {program.ids[path] for path in made.states()}


# ---- what stays, and that the engines agree


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_what_is_frozen_stays_to_the_bit_and_the_rest_learns(engine, data):
    made = network()
    p.fit(made, data, epochs=1, batch_size=10, progress=False)  # statistics of its own
    p.freeze(made, until="layer2")
    before = contents(made)
    history = p.fit(made, data, epochs=4, batch_size=10, optimizer=p.AdamW(0.01), engine=engine, progress=False)
    after = contents(made)
    assert {path for path in before if before[path] != after[path]} == {
        path for path in before if path.startswith(("layer2", "linear1"))
    }
    assert history.epochs[-1]["loss"] < history.epochs[0]["loss"] / 2


@pytest.mark.parametrize("paths", [["norm1"], ["layer2.residual1.body.norm1"], ["norm1", "layer1.norm1"]], ids=str)
def test_the_engines_agree_where_frozen_normalisation_stands_among_what_learns(paths, data):
    """The gradient goes on through frozen normalisation, to the convolution before it."""

    def trained(engine):
        made = network(seed=2)
        for place, (path, state) in enumerate(made.states().items()):
            state.data = np.random.default_rng(place).uniform(0.1, 1.5, state.shape) - path.endswith("mean")
        for path in paths:
            for parameter in made[path].parameters().values():
                parameter.trainable = False
        p.fit(made, data, epochs=2, batch_size=16, optimizer=p.SGD(0.05), engine=engine, progress=False)
        return {path: each.data for path, each in {**made.parameters(), **made.states()}.items()}

    compiled, plain = trained("compiled"), trained("numpy")
    for path, array in plain.items():
        np.testing.assert_allclose(compiled[path], array, rtol=0, atol=2e-5 * np.abs(array).max(), err_msg=path)
    begun = network(seed=2)
    assert (compiled["conv1.weight"] != begun["conv1"].weight.data).any()


def test_a_network_says_what_is_frozen_and_stays_so_in_a_file(data, tmp_path):
    made = network()
    p.freeze(made, until="layer2")
    assert "695 parameters, 499 trainable" in str(p.summary(made))  # 304 + 195 learn, 36 + 8 + 152 do not
    p.save(made, tmp_path / "frozen.safetensors")
    again = p.load(tmp_path / "frozen.safetensors")
    assert learning(again) == learning(made)
    before = again["layer1.norm1"].running_mean.data.copy()
    p.fit(again, data, epochs=1, progress=False)
    np.testing.assert_array_equal(again["layer1.norm1"].running_mean.data, before)
