"""Short trainings that one process does, or several that share it: between them all that has a part in a step."""

import numpy as np

import pellucid as p
from oracles.compiled import Factor, residual
from pellucid import models
from pellucid.data.dataset import digest

SAMPLES, BATCH = 133, 64
"""The last batch of an epoch has 5 samples: one leaf, and so fewer than there are ranks."""


def small_lenet():
    return p.Sequential(
        [p.Conv2d(1, 6, 5), p.ReLU(), p.MaxPool2d(2), p.Flatten(), p.Linear(216, 84), p.ReLU(), p.Linear(84, 3)],
        input_shape=(1, 16, 16),
    )


def large_layers():
    """A convolution and a linear layer whose gradients are summed over all samples, one after the other."""
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
    "convolutions": (small_lenet, {}),
    "batch normalisation": (residual, {}),
    "dropout": (with_dropout, {}),
    "augmentation": (residual, {"augment": [p.augment.MixUp(), p.augment.Crop(padding=1), p.augment.Flip()]}),
    "large layers": (large_layers, {}),
    "own layer": (with_own_layer, {}),
    "weighted samples": (residual, {"sample_weight": np.random.default_rng(2).random(SAMPLES)}),
    "clipped": (small_lenet, {"optimizer": p.SGD(0.1, momentum=0.9, clip_norm=0.5)}),
    "averaged": (residual, {"optimizer": p.AdamW(1e-3, average=0.9)}),
}
"""By name: what makes the network, and arguments of `fit`."""
MODELS = {
    "LeNet": (models.lenet, {}),
    "ResNet-20": (models.resnet20, {"augment": [p.augment.Crop(padding=4), p.augment.Flip()]}),
}
"""The same of models that take longer."""


def data(network):
    """Return images for a network, and labels."""
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (SAMPLES, *network.input_shape), np.uint8), rng.integers(0, 3, SAMPLES)


def trained(case, ranks=None, **more):
    """Return what a training comes to: the digest of weights and states, every loss, and what was measured."""
    make, options = {**CASES, **MODELS}[case]
    network = make()
    x, labels = data(network)
    settings = {"epochs": 2, "batch_size": BATCH, "seed": 3, "progress": False, "threads": 1, **options, **more}
    history = p.fit(network, (x, labels), validation=(x[:50], labels[:50]), ranks=ranks, **settings)
    held = [each.data for each in (*network.parameters().values(), *network.states().values())]
    return digest(*held), history.batches, [{**epoch, "seconds": 0} for epoch in history.epochs]
