"""ConvRegressor: a network as a regressor of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin

from ...errors import DataError
from ...inference import predict
from ...losses import Loss, MeanSquaredError
from ...network import Network
from .base import ConvEstimator
from .samples import Samples, moments
from .threads import threads_for
from .undoing import COPY, undone_on_failure
from .units import in_units

LARGEST_TARGET = 1e300
"""What is predicted, which may be larger than what was learnt, must be a float64 too."""


class ConvRegressor(RegressorMixin, ConvEstimator):
    """A regressor for images, or for features, that trains a network by the squared error.

    One number a sample is learnt, or several, each with mean 0 and deviation 1 over the samples of the first training;
    `predict` undoes that, and so does `network_`.

    Parameters
    ----------
    architecture, image_shape, epochs, batch_size, lr, optimizer, schedule, augment, early_stopping, \
validation_fraction, callbacks, warm_start, random_state, threads, verbose
        As for `ConvClassifier`; the network's outputs are the numbers that are learnt.

    Attributes
    ----------
    network_ : Sequential or Graph
        A copy of what was trained that gives numbers in the units of y, to predict with and to export: its last Linear
        has the mean and the deviation in it, or a Gain and a Bias follow. What is changed in it changes no prediction
        of the estimator. It is in float64 where float32 holds too little of such numbers.
    target_mean_, target_scale_ : float64 array (targets,)
        What is learnt is ``(y - target_mean_) / target_scale_``; losses in `history_` are of that.
    history_, n_iter_, n_features_in_, feature_names_in_, input_shape_, seed_
        As for `ConvClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).random((100, 8, 8))
    >>> regressor = ConvRegressor(epochs=20, random_state=0).fit(images, images.mean(axis=(1, 2)))
    >>> regressor.predict(images[:3]).shape
    (3,)
    """

    _y_checks: ClassVar[Mapping[str, Any]] = {"multi_output": True, "y_numeric": True}
    _notes: ClassVar[tuple[str, ...]] = (*ConvEstimator._notes, "target_mean_", "target_scale_", "_single")

    def partial_fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one epoch with some samples; calls after each other are one training.

        Nobody knows how long it will be, so nothing is scheduled, and nothing stops it early. From the second call on,
        samples that all weigh 0 change nothing.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self
        """
        goes_on = hasattr(self, "_network")
        with undone_on_failure(self):
            rows, shape, y = self._validated(X, y, goes_on)
            self._train(rows, shape, self._noted(y, goes_on), sample_weight, goes_on, partial=True)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the numbers of each sample.

        Parameters
        ----------
        X : array
            Of the shape that was trained on.

        Returns
        -------
        float64 array (N,) or (N, targets), as y was
        """
        images = self._accepted(X)
        outputs = predict(self._network, images, threads=threads_for(self.threads)).astype(np.float64)
        targets = self.target_mean_ + self.target_scale_ * outputs
        return targets[:, 0] if self._single else targets

    @property
    def network_(self) -> Network:
        """The trained network, in the units of y, once there is one."""
        if COPY not in vars(self):
            self._in_units = in_units(super().network_, self.target_scale_, self.target_mean_)
        return self._in_units

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    # ---- what it knows of its targets: where they lie

    def _noted(self, y: NDArray[Any], goes_on: bool) -> NDArray[np.float64]:
        targets = np.asarray(y, np.float64).reshape(len(y), -1)
        if np.abs(targets).max(initial=0) > LARGEST_TARGET:
            raise DataError(
                f"y: expected numbers up to {LARGEST_TARGET:g}, received some beyond; give y in larger units"
            )
        if goes_on and targets.shape[1] != len(self.target_mean_):
            raise DataError(f"y: expected {len(self.target_mean_)} numbers a sample, received {targets.shape[1]}")
        self._single = y.ndim == 1
        return targets

    def _measured(self, samples: Samples) -> None:
        """Note mean and deviation; of targets that are all the same, that number itself, which no rounding moves."""
        weighing = samples.targets[samples.weights > 0]
        same = (weighing == weighing[0]).all(axis=0)
        mean, deviation = moments(samples.targets[:, :, None], samples.weights)
        self.target_mean_ = np.where(same, weighing[0], mean)
        nearly = 1e-12 * np.abs(self.target_mean_)
        self.target_scale_ = np.where(same, 1.0, np.where(deviation <= nearly, np.maximum(1.0, nearly), deviation))

    def _learnt(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        with np.errstate(over="ignore"):
            learnt = ((targets - self.target_mean_) / self.target_scale_).astype(np.float32)
        if not np.isfinite(learnt).all():
            raise DataError(
                "y: expected numbers about as large as those of the first training, received some that are too far "
                "from them; train a new network"
            )
        return learnt

    def _head(self) -> tuple[int, Sequence[str], Loss]:
        return len(self.target_mean_), (), MeanSquaredError()
