"""How well a network does: the loss and the accuracy over a data set, and the gradients of a batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import interpreter
from ..build import lower
from ..collective import Collective, compare, surviving
from ..data import as_dataset
from ..data.dataset import digest
from ..definitions.arrays import Array
from ..errors import ArgumentError, DataError
from ..inputs import Data, as_loss, as_targets, refuse_more
from ..losses import Loss
from ..native import MOST_IMAGES, element, executable, load, uses_compiler
from ..network import Network
from ..program import Program
from .batches import at_once, batches, check, weights


@dataclass(frozen=True)
class Measured:
    """What one batch measured.

    Attributes
    ----------
    loss : float
        Mean over the batch; 0 where all its weights are 0.
    weight : float
        Sum of the weights that `loss` is a mean over; without weights the number of samples.
    correct : int or None
        How many samples were classified rightly; None where targets are no classes.
    """

    loss: float
    weight: float
    correct: int | None

    @property
    def finite(self) -> bool:
        """Whether loss and weight are: weights too large for their sum leave a loss of 0, divided by infinity."""
        return math.isfinite(self.loss) and math.isfinite(self.weight)


@dataclass
class Tally:
    """Sums over batches, from which the means over all their samples follow.

    Attributes
    ----------
    samples : int
    correct : int or None
        As in `Measured`.
    loss, weight : float
        Sums of loss·weight and of weight.
    """

    samples: int = 0
    correct: int | None = None
    loss: float = 0.0
    weight: float = 0.0

    def add(self, batch: Measured, samples: int) -> None:
        """Add what a batch of so many samples measured."""
        self.samples += samples
        self.loss += batch.loss * batch.weight
        self.weight += batch.weight
        if batch.correct is not None:
            self.correct = (self.correct or 0) + batch.correct

    def scores(self) -> dict[str, float]:
        """Return the mean "loss", and the "accuracy" from 0 to 1 where targets are classes."""
        if not self.weight:
            raise DataError("loss: the weights of all samples are 0, so there is no mean; give some a weight above 0")
        loss = {"loss": self.loss / self.weight}
        return loss if self.correct is None else {**loss, "accuracy": self.correct / self.samples}


def measured(program: Program, results: Mapping[int, Any]) -> Measured:
    """Return what a program with a loss measured, from its results by id."""
    if program.loss is None or program.weight is None:
        raise ArgumentError("the program has no loss: lower the network with loss=CrossEntropy()")
    weight = float(results[program.weight])
    correct = None if program.correct is None else int(results[program.correct])
    return Measured(float(results[program.loss]) if weight else 0.0, weight, correct)


def evaluate(
    network: Network, data: Data, *more: Never, loss: Loss | None = None, batch_size: int | None = None,
    engine: str = "compiled", threads: int | None = None, ranks: Collective | None = None,
) -> dict[str, float]:  # fmt: skip
    """Return the mean loss over a data set, and the accuracy where the targets are classes.

    Parameters
    ----------
    network : Network
    data : Dataset or (images, labels)
        A pair is one argument.
    loss : Loss, default CrossEntropy()
    batch_size, engine, threads
        As in `predict`.
    ranks : Collective, optional
        The processes that share the work, as for `fit`; each gets the result.

    Returns
    -------
    dict
        ``{"loss": …, "accuracy": …}``; accuracy from 0 to 1, every sample counting alike.

    Raises
    ------
    ShapeError, DataError
        If images or labels are not what the network and the loss take.
    UnlikeRankError
        If a rank has other data, another network or other settings, or does not call this while others do.
    """
    refuse_more("evaluate", more)
    dataset, loss = as_dataset(data), as_loss(loss)
    check(network, dataset.images)
    targets = as_targets(network, dataset.labels, loss)

    def work() -> dict[str, float]:
        if ranks is not None:
            found = evaluated(network, dataset.images, targets, loss, batch_size)
            compare(ranks, found, "All ranks need the same data, network and settings", "evaluate")
        return scores(network, dataset.images, targets, loss, batch_size, engine, threads, ranks)

    return surviving(ranks, work)


def evaluated(
    network: Network, images: NDArray[Any], targets: NDArray[Any], loss: Loss, batch_size: int | None
) -> dict[str, Any]:
    """Return by name what all ranks must have alike."""
    return {
        "the digest of the data": digest(images, targets),
        "the digest of the weights": digest(*weights(network).values()),
        "the loss": type(loss).__name__,
        "batch_size": batch_size,
    }


def scores(
    network: Network, images: NDArray[Any], targets: NDArray[Any], loss: Loss, batch_size: int | None = None,
    engine: str = "compiled", threads: int | None = None, ranks: Collective | None = None,
) -> dict[str, float]:  # fmt: skip
    """Return what `evaluate` does, of images and targets that were checked. If a rank is lost, a `LostRankError` comes
    out of it; see `surviving`."""
    program = lower(network, training=False, loss=loss, target_shape=targets.shape[1:], gradients=False)
    if uses_compiler(network, engine):
        return _compiled_scores(network, program, images, targets, batch_size, threads, ranks)
    held, tally = weights(network), Tally()
    for batch in batches(len(images), at_once(program, batch_size)):
        count = len(images[batch])
        feeds = {**held, "input": images[batch], "target": targets[batch], "count": count}
        with np.errstate(invalid="ignore"):  # 0/0 where nothing in a batch has a weight
            results = interpreter.run(program, feeds)
        tally.add(measured(program, results), count)
    return tally.scores()


def _compiled_scores(
    network: Network, program: Program, images: NDArray[Any], targets: NDArray[Any], batch_size: int | None,
    threads: int | None, ranks: Collective | None,
) -> dict[str, float]:  # fmt: skip
    kinds, tally = {"input": element(images), "target": element(targets)}, Tally()
    most = min(len(images), at_once(program, batch_size, MOST_IMAGES))
    native = executable(network, program, most, kinds, threads, ranks)
    with native.busy:
        load(native, network)
        for batch in batches(len(images), most):
            count = len(images[batch])
            native.give("input", np.ascontiguousarray(images[batch], kinds["input"]))
            native.give("target", np.ascontiguousarray(targets[batch], kinds["target"]))
            native.run(count, {"count": count})
            tally.add(measured(program, native.ends(count)), count)
    return tally.scores()


def gradients(network: Network, x: ArrayLike, labels: ArrayLike, *, loss: Loss | None = None) -> dict[str, Array]:
    """Return the gradients of the mean loss L over a batch.

    The network is taken as in prediction: no dropout, running statistics.

    Parameters
    ----------
    network : Network
    x : array (N, C, H, W), (N, H, W) or (N, features)
        One batch: memory for all of it at once is needed.
    labels : array (N,) or (N, …)
        Class numbers, distributions, or targets of the output's shape.
    loss : Loss, default CrossEntropy()

    Returns
    -------
    dict of str to array
        ∂L/∂x under "input", with respect to x as given, before scaling; and ∂L/∂ of every trainable parameter by path.

    Raises
    ------
    ShapeError, DataError
        As for `evaluate`.
    """
    dataset, loss = as_dataset((x, labels)), as_loss(loss)
    check(network, dataset.images)
    targets = as_targets(network, dataset.labels, loss)
    program = lower(network, training=False, loss=loss, target_shape=targets.shape[1:], input_gradient=True)
    names = ["input", *(path for path, parameter in network.parameters().items() if parameter.trainable)]
    wanted = {name: program.gradients[program.ids[name]] for name in names}
    feeds = {**weights(network), "input": dataset.images, "target": targets, "count": len(dataset)}
    results = interpreter.run(program, feeds, set(wanted.values()))
    return {name: results[gradient] for name, gradient in wanted.items()}
