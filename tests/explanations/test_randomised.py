"""Networks that forget: which of their layers, and that nothing else changes."""

import numpy as np
import pytest

import pellucid as p
from pellucid import errors, explanations


def made(**options):
    layers = [p.Conv2d(1, 3, 3), p.BatchNorm2d(3), p.ReLU(), ("block", p.Residual(p.Conv2d(3, 3, 3, padding=1)))]
    network = p.Sequential([*layers, p.Flatten(), p.Linear(108, 4)], input_shape=(1, 8, 8), **options)
    for parameter in network.parameters().values():
        parameter.data = np.linspace(0.5, 1.5, parameter.size).reshape(parameter.shape)
    for state in network.states().values():
        state.data = np.full(state.shape, 3.0)
    return network


def numbers(network):
    return {path: held.data.copy() for path, held in (network.parameters() | network.states()).items()}


def test_layers_that_learn_are_named_in_the_order_of_the_flow():
    paths = explanations.learnt_layers(made())
    assert len(paths) == 4
    assert paths[:2] == ["conv1", "batchnorm1"] or paths[0] == "conv1"
    assert paths[-1] == "linear1"


@pytest.mark.parametrize("layers", range(5))
def test_the_last_layers_forget_and_no_other_does(layers):
    network = made()
    before, paths = numbers(network), explanations.learnt_layers(network)
    after = numbers(explanations.randomised(network, layers))
    for path, held in numbers(network).items():
        np.testing.assert_array_equal(held, before[path], err_msg="the network itself is left alone")
    for path, held in after.items():
        forgotten = path.rpartition(".")[0] in paths[len(paths) - layers :]
        assert np.array_equal(held, before[path]) != forgotten, path


def test_normalisation_forgets_its_statistics_too():
    network = made()
    copy = explanations.randomised(network, 3)
    states = {path.rpartition(".")[2]: state.data for path, state in copy.states().items()}
    assert states["running_mean"].tolist() == [0, 0, 0]
    assert states["running_var"].tolist() == [1, 1, 1]


def test_the_same_seed_forgets_alike_and_another_otherwise():
    one, again, other = (numbers(explanations.randomised(made(), 4, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one["conv1.weight"], again["conv1.weight"])
    assert not np.array_equal(one["conv1.weight"], other["conv1.weight"])


def test_no_seed_brings_back_the_weights_from_which_training_began():
    fresh = p.Sequential([p.Flatten(), p.Linear(64, 4)], input_shape=(1, 8, 8), seed=7)
    forgetful = explanations.randomised(fresh, 1, seed=7)
    assert abs(explanations.rank_correlation(fresh["linear1"].weight, forgetful["linear1"].weight)) < 0.3


def test_an_explanation_changes_with_what_is_forgotten(rng):
    network = p.Sequential([p.Flatten(), p.Linear(64, 4)], input_shape=(1, 8, 8))
    x = rng.random((1, 1, 8, 8))
    pictures = [explanations.saliency(each, x, 1) for each in (network, explanations.randomised(network, 1))]
    assert abs(explanations.rank_correlation(*pictures)) < 0.4


def test_more_layers_than_there_are_cannot_forget():
    with pytest.raises(errors.ArgumentError, match="expected at most 4, as many have parameters, received 5"):
        explanations.randomised(made(), 5)
    with pytest.raises(errors.ArgumentError, match="at least 0"):
        explanations.randomised(made(), -1)
