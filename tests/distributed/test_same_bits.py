"""Several ranks come to the bits of one process. Here ranks are threads; `test_mpi` has real ones."""

import numpy as np
import pytest

import pellucid as p
from oracles.compiled import Factor, residual
from oracles.ranks import World
from pellucid.training.plain import digest

RNG = np.random.default_rng(0)
SAMPLES, BATCH = 133, 64  # the last batch has 5 samples: one leaf, fewer than there are ranks
LABELS = RNG.integers(0, 3, SAMPLES)


def lenet():
    return p.Sequential(
        [p.Conv2d(1, 6, 5), p.ReLU(), p.MaxPool2d(2), p.Flatten(), p.Linear(216, 84), p.ReLU(), p.Linear(84, 3)],
        input_shape=(1, 16, 16),
    )


def large_layer():
    """One gradient of more than 65,536 numbers, and one of a convolution that is larger than what it is made from."""
    return p.Sequential(
        [p.Conv2d(1, 64, 3), p.MaxPool2d(4), p.Conv2d(64, 96, 3, padding=1), p.ReLU(), p.Flatten(),
         p.Linear(864, 90), p.ReLU(), p.Linear(90, 3)],
        input_shape=(1, 16, 16),
    )  # fmt: skip


def with_dropout():
    return p.Sequential(
        [p.Conv2d(1, 4, 3), p.ReLU(), p.Dropout(0.3), p.Flatten(), p.Dropout(0.5), p.Linear(64, 3)],
        input_shape=(1, 6, 6),
    )


def with_own_layer():
    return p.Sequential(
        [p.Conv2d(1, 4, 3), p.BatchNorm2d(4), Factor(), p.ReLU(), p.Flatten(), Factor(0.5), p.Linear(64, 3)],
        input_shape=(1, 6, 6),
    )


CASES = {
    "lenet": (lenet, {}),
    "batch normalisation": (residual, {}),
    "dropout": (with_dropout, {}),
    "augmentation": (residual, {"augment": [p.augment.MixUp(), p.augment.Crop(padding=1)]}),
    "large layer": (large_layer, {}),
    "own layer": (with_own_layer, {}),
    "weighted samples": (residual, {"sample_weight": RNG.random(SAMPLES)}),
    "clipped": (lenet, {"optimizer": p.SGD(0.1, momentum=0.9, clip_norm=0.5)}),
    "averaged": (residual, {"optimizer": p.AdamW(1e-3, average=0.9)}),
}


def trained(case, ranks=None, epochs=2):
    make, options = CASES[case]
    network = make()
    x = np.random.default_rng(1).random((SAMPLES, *network.input_shape), np.float32)
    validation = x[:50], LABELS[:50]
    history = p.fit(
        network, (x, LABELS), validation=validation, epochs=epochs, batch_size=BATCH, seed=3, progress=False,
        threads=1, ranks=ranks, **options,
    )  # fmt: skip
    held = [each.data for each in (*network.parameters().values(), *network.states().values())]
    return digest(*held), history.batches, [{**epoch, "seconds": 0} for epoch in history.epochs]


@pytest.mark.parametrize("case", CASES)
def test_any_number_of_ranks_comes_to_the_bits_of_one_process(case):
    expected = trained(case)
    for size in (1, 2, 3, 4, 8):
        for found in World(size).run(lambda rank: trained(case, rank)):
            assert found == expected, f"{size} ranks"
