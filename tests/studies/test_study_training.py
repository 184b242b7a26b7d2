"""What the ablations take away, layer by layer, and what their networks are trained and measured on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import pellucid as p
from pellucid.data import Dataset
from pellucid.studies import Options, ablations, activation_speed, crops
from pellucid.studies.ablations import FULL, MINIATURES
from pellucid.studies.images import Images
from pellucid.studies.miniature import Miniature
from pellucid.studies.protocol import CIFAR, Protocol
from pellucid.studies.rates import Chosen
from pellucid.studies.trials import Outcome, Spread

SHAPE = (3, 32, 32)


def pictures(count: int, seed: int) -> Dataset:
    drawn = np.random.default_rng(seed).integers(0, 256, (count, *SHAPE)).astype(np.uint8)
    return Dataset(drawn, np.arange(count) % 10)


IMAGES = Images(CIFAR, pictures(50, 0), pictures(20, 1))


# ---- the layers


def kinds(network: p.Sequential) -> list[str]:
    """The layers in words: what there is of each, and the numbers by which they differ."""
    return [described(type(layer).__name__, layer.config()) for layer in network.children().values()]


def described(kind: str, config: Mapping[str, Any]) -> str:
    match kind:
        case "Conv2d":
            return f"conv {config['kernel_size'][0]} {config['out_channels']}"
        case "MaxPool2d":
            return f"pool {config['kernel_size'][0]}/{config['stride'][0]}"
        case "Dropout":
            return f"drop {config['p']}"
        case "Linear":
            return f"dense {config['out_features']}"
    return kind


def expected(activation: str = "ReLU", dropout: bool = True, pool: str = "pool 3/2") -> list[str]:
    drop = ["drop 0.5"] if dropout else []
    return [
        *["conv 5 16", activation, pool, "conv 3 32", activation, pool],
        *["conv 3 32", activation, "conv 3 32", activation, "conv 3 32", activation, pool],
        *["Flatten", *drop, "dense 256", activation, *drop, "dense 256", activation, "dense 10"],
    ]


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        (FULL, expected()),
        ("tanh, not ReLU", expected("Tanh")),
        ("no dropout", expected(dropout=False)),
        ("no crops", expected()),
        ("pooling of 2×2", expected(pool="pool 2/2")),
        ("none of them", expected("Tanh", dropout=False, pool="pool 2/2")),
    ],
)
def test_each_network_lacks_what_its_name_says(name: str, layers: list[str]) -> None:
    assert kinds(MINIATURES[name].network(SHAPE)) == layers


def test_the_crops_alone_are_no_matter_of_layers() -> None:
    without = {name: each.crops for name, each in MINIATURES.items() if not each.crops}
    assert set(without) == {"no crops", "none of them"}
    assert set(MINIATURES) == {FULL, "tanh, not ReLU", "no dropout", "no crops", "pooling of 2×2", "none of them"}


@pytest.mark.parametrize("name", ["ReLU", "tanh"])
def test_speed_is_measured_without_what_slows_it(name: str) -> None:
    network = activation_speed.NETWORKS[name].network(SHAPE)
    assert kinds(network) == expected("ReLU" if name == "ReLU" else "Tanh", dropout=False)


def test_either_pooling_gives_equally_many_outputs() -> None:
    sizes = [
        [row.output_shape for row in p.summary(Miniature(overlapping=overlapping).network(SHAPE)).rows]
        for overlapping in (True, False)
    ]
    assert sizes[0] == sizes[1]
    assert [shape[1] for shape in sizes[0] if len(shape) == 3][-1] == 3
    assert len({p.summary(each.network(SHAPE)).totals.parameters for each in MINIATURES.values()}) == 1


def test_overlapping_windows_reach_below_and_to_the_right() -> None:
    """On numbers that grow along both axes, a window's maximum is its last pixel that there is."""
    rising = np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6)
    for overlapping, last in ((True, (2, 4, 5)), (False, (1, 3, 5))):
        pooling = Miniature(overlapping=overlapping)._pooling()
        found = p.Sequential([pooling], input_shape=(1, 6, 6)).forward(rising)
        np.testing.assert_array_equal(found[0, 0], rising[0, 0][np.ix_(last, last)])


# ---- what is trained on, and what is measured on


def told(monkeypatch: pytest.MonkeyPatch, name: str, protocol: Protocol) -> tuple[Outcome, list, list]:
    """Train one of the networks where nothing is computed; return what came of it, all trainings and measurements."""
    trainings: list[tuple[Dataset, dict[str, Any]]] = []
    measured: list[Dataset] = []

    def evaluate(_: p.Sequential, data: Dataset, **__: Any) -> dict[str, float]:
        measured.append(data)
        return {"accuracy": 0.5}

    monkeypatch.setattr(ablations, "fit", lambda _, data, **how: trainings.append((data, how)))
    monkeypatch.setattr("pellucid.studies.trials.evaluate", evaluate)
    return ablations._train(name, IMAGES, protocol, Options(threads=1)), trainings, measured


@pytest.mark.parametrize("name", MINIATURES)
def test_networks_learn_from_crops_or_from_the_middle(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = Protocol((0.003, 0.001), epochs=3, seeds=2, batch_size=8)
    _, trainings, _ = told(monkeypatch, name, protocol)
    parts = [IMAGES.for_choosing().train] * (len(trainings) - 2) + [IMAGES.train] * 2
    assert len(trainings) == 5, "two rates and one beyond the first, then two seeds"
    for (data, how), part, seed in zip(trainings, parts, [0, 0, 0, 0, 1], strict=True):
        cut = crops.drawn(part, seed, 3) if MINIATURES[name].crops else crops.centred(part)
        np.testing.assert_array_equal(data.images, cut.images)
        np.testing.assert_array_equal(data.labels, cut.labels)
        assert how["epochs"] == (1 if MINIATURES[name].crops else 3)
        assert how.get("shuffle", True) != MINIATURES[name].crops, "crops are in the order that was drawn with them"
        assert (how["seed"], how["batch_size"], how["schedule"]) == (seed, 8, protocol.schedule)
        assert how["optimizer"].weight_decay == 5e-4


def test_accuracies_are_those_of_the_test_images_and_of_the_training_images(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, _, measured = told(monkeypatch, FULL, Protocol((0.001,), epochs=1, seeds=2))
    middles = crops.centred(IMAGES.test).images
    assert len(measured) == 2
    assert all(np.array_equal(each.images, middles) for each in measured)
    assert outcome.accuracy == Spread((50, 50))
    measured.clear()
    assert ablations._learnt(outcome, IMAGES, Options(threads=1)) == Spread((50, 50))
    middles = crops.centred(IMAGES.train).images
    assert len(measured) == 2
    assert all(np.array_equal(each.images, middles) for each in measured)


def test_each_accuracy_stands_in_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(name: str, *_: object) -> Outcome:
        return Outcome(Chosen(0.1, (0.03, 0.1)), Spread((60.0, 62.0) if name == FULL else (50.0, 56.0)), [])

    monkeypatch.setattr(ablations, "_train", train)
    monkeypatch.setattr(ablations, "_learnt", lambda *_: Spread((90.0, 92.0)))
    options = Options(quick=True)
    _, table, _ = ablations._ablations(IMAGES, Protocol((0.1,), 1), options)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["network"] for row in rows] == [FULL, "none of them"]
    assert [row["activation"] for row in rows] == ["ReLU", "tanh"]
    assert [row["dropout"] for row in rows] == [row["crops"] for row in rows] == ["on", "off"]
    assert [row["pooling"] for row in rows] == ["3×3", "2×2"]
    assert [row["test images, %"] for row in rows] == ["61.0 ± 1.4", "53.0 ± 4.2"]
    assert [row["change from all four"] for row in rows] == ["–", "−8.0 ± 2.8"]
    assert {row["training images, %"] for row in rows} == {"91.0 ± 1.4"}
    assert {row["peak rate"] for row in rows} == {"0.1 (largest tried)"}
