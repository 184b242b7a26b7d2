"""The search for a learning rate: what it does to the network (nothing), and what it finds."""

import numpy as np
import pytest

import pellucid as p
from pellucid.learning_rates import FLOWN_OFF
from pellucid.studies.rate_figure import rate_figure, save_rate_figure


@pytest.fixture(scope="module")
def digits():
    return p.datasets.digits()[0]


def test_the_rate_that_it_suggests_learns_better_than_a_tenth_and_than_thirty_times_it(digits):
    found = p.find_learning_rate(p.models.small(), digits, batch_size=32)
    losses = {}
    for times in (0.1, 1, 30):
        how = {"epochs": 1, "batch_size": 32, "optimizer": p.Adam(times * found.suggestion)}
        losses[times] = p.fit(p.models.small(), digits, progress=False, **how).epochs[0]["loss"]
    assert losses[1] == min(losses.values())


def test_rates_grow_by_one_factor_and_the_search_ends_where_the_loss_flies_off(digits):
    found = p.find_learning_rate(p.models.small(), digits, lowest=1e-5, highest=10, steps=80)
    ratios = np.array(found.rates[1:]) / found.rates[:-1]
    assert found.rates[0] == 1e-5
    assert np.allclose(ratios, ratios[0], rtol=1e-12)
    assert len(found.rates) == len(found.losses) == len(found.averages) < 80
    assert found.averages[-1] > FLOWN_OFF * min(found.averages)
    assert max(found.averages[:-1]) <= FLOWN_OFF * min(found.averages)
    assert found.flown_off == found.rates[-1]
    assert found.bears(found.suggestion)
    assert not found.bears(found.rates[-1])


def test_all_steps_are_done_where_it_stays_calm(digits):
    found = p.find_learning_rate(p.models.small(), digits, lowest=1e-7, highest=1e-5, steps=25, batch_size=64)
    assert len(found.rates) == 25
    assert found.rates[-1] == pytest.approx(1e-5)
    assert found.flown_off is None
    assert found.bears(found.rates[-1])
    assert not found.bears(2e-5)
    assert repr(found).startswith("LearningRates(25 steps from 1e-07 to 1e-05; suggestion ")


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_the_network_stays_as_it_is(engine, digits):
    network = p.models.small()
    before = {path: parameter.data.copy() for path, parameter in network.parameters().items()}
    p.find_learning_rate(network, digits, steps=5, optimizer=p.SGD(momentum=0.9), engine=engine)
    assert all(np.array_equal(parameter.data, before[path]) for path, parameter in network.parameters().items())


def test_images_can_be_augmented(digits):
    how = {"steps": 20, "highest": 1e-3, "seed": 3}
    plain = p.find_learning_rate(p.models.small(), digits, **how)
    mixed = p.find_learning_rate(p.models.small(), digits, augment=[p.augment.MixUp(8.0), p.augment.Crop(1)], **how)
    assert mixed.rates == plain.rates
    assert all(one != other for one, other in zip(mixed.losses, plain.losses, strict=True))


def test_it_is_drawn(digits, tmp_path):
    pytest.importorskip("matplotlib")
    found = p.find_learning_rate(p.models.small(), digits, steps=20)
    assert [len(series.x) for series in rate_figure(found).series] == [20, 20, 1]
    save_rate_figure(found, tmp_path / "rates.png")
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")
    image = pytest.importorskip("matplotlib.image").imread(tmp_path / "rates.png")[..., :3]
    green = np.abs(image - np.array([0x1B, 0x8A, 0x5A]) / 255).max(axis=-1) < 0.02
    assert green.sum() > 120, "the steepest place lies above the points about it, and is larger than in the legend"


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"lowest": 1}, p.ArgumentError, "expected 0 < lowest < highest, received 1 and 1"),
        ({"lowest": 0}, p.ArgumentError, "expected 0 < lowest < highest, received 0 and 1"),
        ({"lowest": "x"}, p.ArgumentError, "lowest: expected"),
        ({"steps": 0}, p.ArgumentError, "steps: expected a whole number of at least 1"),
        (
            {"lowest": 1e25, "highest": 1e30, "optimizer": p.SGD()},
            p.DataError,
            "not finite after [012] steps, at a rate",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(how, error, message, digits):
    with pytest.raises(error, match=message):
        p.find_learning_rate(p.models.small(), digits, **how)
