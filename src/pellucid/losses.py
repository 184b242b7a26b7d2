"""Losses: what training makes smaller. Each is a mean over the batch, weighted where there are sample weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Protocol

from .arguments import number
from .errors import ArgumentError, ShapeError
from .steps import Build, Shape


class Loss(Protocol):
    """What training needs of a loss."""

    classification: ClassVar[bool]
    """Whether targets are classes, so that accuracy means something."""

    def check(self, output_shape: Shape, target_shape: Shape) -> None:
        """Refuse the shape of one output, or of one target, that the loss cannot be computed of.

        Raises
        ------
        ShapeError, ArgumentError
        """

    def lower(self, build: Build, output: int, target: int, sample_weight: int | None = None) -> int:
        """Add the steps that compute the loss of a batch from the values given, and return its value."""


@dataclass(frozen=True)
class CrossEntropy:
    """Cross entropy between the softmax of the network's outputs (logits) and the target classes.

    ``L = Σ n  w[n]·ℓ[n] / Σ n  w[n]``, ``ℓ[n] = −Σ k  t[n, k]·log softmax(z[n])[k]``

    Targets t are class numbers (N,), or a distribution over the classes for each sample (N, K); w are the samples'
    weights, or 1. The outputs' softmax is taken here, in a form that cannot overflow: no Softmax layer before it.

    Parameters
    ----------
    label_smoothing : float, default 0
        Share of every target that is spread evenly over all classes.
    class_weights : sequence of float, optional
        One a class: each class's term counts that many times, and a sample in the divisor as many times as its own
        class. So for class numbers it is in PyTorch; a distribution counts there as one in the divisor, whatever its
        classes weigh, and here as the mean weight of its classes, so that one-hot targets mean what class numbers do.

    Raises
    ------
    ArgumentError
        If a setting makes no sense.

    References
    ----------
    C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016, section 7 (label smoothing).

    Examples
    --------
    >>> CrossEntropy(label_smoothing=0.1)
    CrossEntropy(label_smoothing=0.1, class_weights=())
    """

    label_smoothing: float = 0.0
    class_weights: Sequence[float] = ()
    classification: ClassVar[bool] = True

    def __post_init__(self) -> None:
        smoothing = number(self.label_smoothing, "label_smoothing", "a number from 0 up to but not 1")
        try:
            weights = tuple(number(weight, "class_weights", "a number of at least 0") for weight in self.class_weights)
        except TypeError:
            message = f"class_weights: expected one number a class, received {self.class_weights!r}"
            raise ArgumentError(message) from None
        if weights and not any(weights):
            raise ArgumentError(f"class_weights: expected at least one above 0, received {weights!r}")
        object.__setattr__(self, "label_smoothing", smoothing)
        object.__setattr__(self, "class_weights", weights)

    def check(self, output_shape: Shape, target_shape: Shape) -> None:
        """Refuse outputs that are not one number a class, and class weights of another count."""
        if len(output_shape) != 1:
            raise ShapeError(
                f"CrossEntropy expects one output a class, (classes,), but the network gives {output_shape}; "
                "end the network with Flatten() and Linear(…, classes)"
            )
        if output_shape == (1,):
            raise ShapeError(
                "CrossEntropy expects an output for each class, at least two, but the network gives one, whose softmax "
                "is always 1; give the last layer 2 outputs"
            )
        if self.class_weights and len(self.class_weights) != output_shape[0]:
            raise ArgumentError(
                f"class_weights: expected {output_shape[0]} numbers, one a class, received {len(self.class_weights)}"
            )
        if target_shape not in ((), output_shape):
            raise ShapeError(
                f"CrossEntropy expects class numbers or {output_shape[0]} shares a sample as targets, "
                f"received targets of shape {target_shape}"
            )

    def lower(self, build: Build, output: int, target: int, sample_weight: int | None = None) -> int:
        """Add "cross_entropy", after "total_weight" where samples or classes are weighted."""
        weights = [] if sample_weight is None else [sample_weight]
        classes = tuple(self.class_weights)
        if classes:
            total = build.total("total_weight")
            inputs = [target, *weights]
            build.step("total_class_weight", inputs, [total], class_weights=classes, dtype=build.dtype)
        else:
            total = _total(build, weights)
        loss = build.total("loss")
        saved = build.saved("log_probabilities", build.shape(output))
        build.step(
            "cross_entropy",
            [output, target, total, *weights],
            [loss, saved],
            label_smoothing=self.label_smoothing,
            class_weights=classes,
        )
        return loss


@dataclass(frozen=True)
class MeanSquaredError:
    """The mean of the squared differences between the network's outputs and the targets, which have one shape.

    ``L = Σ n  w[n]·ℓ[n] / Σ n  w[n]``, ``ℓ[n] = mean over i of (y[n, i] − t[n, i])²``
    """

    classification: ClassVar[bool] = False

    def check(self, output_shape: Shape, target_shape: Shape) -> None:
        """Refuse targets of another shape than the outputs."""
        if target_shape != output_shape:
            raise ShapeError(
                f"MeanSquaredError expects targets of the network's output shape {output_shape}, "
                f"received {target_shape}"
            )

    def lower(self, build: Build, output: int, target: int, sample_weight: int | None = None) -> int:
        """Add "squared_error", after "total_weight" where samples are weighted."""
        weights = [] if sample_weight is None else [sample_weight]
        total = _total(build, weights)
        loss = build.total("loss")
        build.step("squared_error", [output, target, total, *weights], [loss])
        return loss


KINDS: Mapping[str, type] = MappingProxyType({kind.__name__: kind for kind in (CrossEntropy, MeanSquaredError)})
"""The classes, by their names, as a run's config has them."""


def _total(build: Build, weights: Sequence[int]) -> int:
    """Return what a sum over the batch is divided by to be a mean: the sum of the weights, or the number of samples."""
    if not weights:
        return build.scalar("count")
    total = build.total("total_weight")
    build.step("total_weight", weights, [total])
    return total
