"""Where the places of a layer's maps lie in the image: held against the pixels that each of them depends on."""

import numpy as np
import pytest

import pellucid as p
from pellucid import explanations
from pellucid.report.pixels import stretched


def ones(*layers: p.Layer, side: int = 20) -> p.Sequential:
    """A network whose gradients are 0 nowhere within a receptive field."""
    made = p.Sequential([*layers], input_shape=(1, side, side), dtype="float64")
    for parameter in made.parameters().values():
        parameter.data[...] = 1
    return made


def hot(network: p.Sequential, layer: str, place: tuple[int, int]) -> np.ndarray:
    """A map of zeros, with a one at a place."""
    shape = p.activations(network, np.zeros((1, *network.input_shape)))[layer].shape
    maps = np.zeros((1, *shape[2:]))
    maps[(0, *place)] = 1
    return maps


@pytest.mark.parametrize(
    ("made", "layer", "place"),
    [
        (ones(p.Conv2d(1, 1, 5), p.AvgPool2d(2), p.Conv2d(1, 1, 4)), "conv2", (2, 3)),
        (ones(p.Conv2d(1, 1, 3, stride=2), p.Conv2d(1, 1, 3)), "conv2", (1, 4)),
        (ones(p.Conv2d(1, 1, 3, padding=1, stride=2), p.Conv2d(1, 1, 3, padding=1, stride=2)), "conv2", (2, 2)),
        (ones(p.Sequential([p.Conv2d(1, 1, (5, 3))])), "block1", (6, 9)),
    ],
)
def test_a_place_lies_in_the_middle_of_the_pixels_that_it_reads(made, layer, place):
    reads = explanations.receptive_field(made, np.ones((1, 1, 20, 20)), layer, place=place) > 0
    middle = [np.flatnonzero(reads.any(axis=axis))[[0, -1]].mean() for axis in (1, 0)]
    weights = explanations.over_image(made, layer, hot(made, layer, place))[0]
    rows, columns = np.indices(weights.shape)
    found = [(weights * at).sum() / weights.sum() for at in (rows, columns)]
    np.testing.assert_allclose(found, middle, atol=1e-12)
    assert weights.max() > 0


def test_where_no_place_lies_is_nothing():
    made = ones(p.Conv2d(1, 1, 5), p.AvgPool2d(4), side=20)
    found = explanations.over_image(made, "pool1", np.ones((1, 4, 4)))[0]
    assert found[2:18, 2:18].tolist() == np.ones((16, 16)).tolist(), "places at 3.5, 7.5, 11.5 and 15.5, each 4 wide"
    assert found.sum() == 256


def test_of_padded_maps_as_large_as_the_image_all_stays_where_it_is(rng):
    made, maps = ones(p.Conv2d(1, 1, 3, padding=1)), rng.random((2, 20, 20))
    np.testing.assert_allclose(explanations.over_image(made, "conv1", maps), maps, atol=1e-12)


def test_maps_without_windows_of_their_own_are_stretched(rng):
    gate = p.Graph({"a": (p.AdaptiveAvgPool2d(1), "input"), "b": (p.joins.Multiply(), "input", "a")})
    made, maps = ones(p.Conv2d(1, 1, 5, stride=2), gate), rng.random((1, 8, 8))
    assert explanations.field_of_layer(made, "graph1") is None
    np.testing.assert_allclose(explanations.over_image(made, "graph1", maps)[0], stretched(maps[0], (20, 20)))


def test_a_layer_that_ends_another_has_its_field():
    made = p.models.resnet20()
    assert explanations.field_of_layer(made, "layer3") == explanations.field_of_layer(made, "layer3.relu3")
    assert explanations.field_of_layer(made, "layer3").stride == (4, 4)


def test_what_is_no_layer_or_no_map_is_refused():
    made = ones(p.Conv2d(1, 1, 3))
    with pytest.raises(p.ArgumentError, match="layer: no layer 'conv2'"):
        explanations.over_image(made, "conv2", np.zeros((1, 18, 18)))
    with pytest.raises(p.ArgumentError, match="expected the path of a layer, received 3"):
        explanations.field_of_layer(made, 3)
    with pytest.raises(p.ShapeError, match=r"expected \(N, h, w\)"):
        explanations.over_image(made, "conv1", np.zeros((18, 18)))
    with pytest.raises(p.ShapeError, match="maps are laid over images"):
        explanations.over_image(p.Sequential([p.Linear(3, 2)], input_shape=(3,)), "linear1", np.zeros((1, 1, 1)))
