"""What the classifier and the regressor share: parameters, training, prediction and pickling."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from ... import training
from ...data import Dataset, split_indices
from ...data.augment import Augmentation
from ...errors import DataError, ShapeError
from ...geometry import whole_number
from ...losses import Loss
from ...network import Network
from ...optimizers import Optimizer
from ...schedules import Schedule
from ...steps import Shape
from ...training import Callback, EarlyStopping, History
from .architecture import Architecture, make_network
from .given import as_plain, narrowed
from .memory import Memory
from .pickles import packed, unpacked
from .samples import (
    NothingCountsError,
    Samples,
    as_rows,
    as_weights,
    distinct,
    scaling_of,
    shape_of_samples,
    warn_of_divided,
    warn_of_undivided,
)
from .settings import (
    RandomState,
    augment_of,
    batch_size_of,
    callbacks_of,
    optimizer_of,
    refuse_at_fit,
    schedule_of,
    seed_of,
    stopping_of,
)
from .threads import threads_for
from .undoing import COPY, undone_on_failure


class ConvEstimator(BaseEstimator):
    """Base of the estimators; for the parameters and attributes see `ConvClassifier`."""

    _y_checks: ClassVar[Mapping[str, Any]] = {}
    _notes: ClassVar[tuple[str, ...]] = (
        "input_shape_", "n_features_in_", "seed_", "history_", "n_iter_", "_bytes", "_memory", "_trainings",
    )  # fmt: skip

    def __init__(
        self,
        architecture: Architecture = "auto",
        *,
        image_shape: Sequence[int] | None = None,
        epochs: int = 50,
        batch_size: int | str = "auto",
        lr: float | None = None,
        optimizer: str | Optimizer = "auto",
        schedule: str | Schedule | None = "cosine",
        augment: Sequence[str | Augmentation] | None = None,
        early_stopping: bool | EarlyStopping = False,
        validation_fraction: float = 0.1,
        callbacks: Sequence[Callback] = (),
        warm_start: bool = False,
        random_state: RandomState = None,
        threads: int | None = None,
        verbose: bool = False,
    ):
        self.architecture = architecture
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.optimizer = optimizer
        self.schedule = schedule
        self.augment = augment
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.threads = threads
        self.verbose = verbose

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None, **others: Any) -> Self:
        """Train a new network; where ``warm_start`` is set, the one that there is.

        Parameters
        ----------
        X : array (N, C, H, W), (N, H, W) or (N, features)
        y : array (N,)
        sample_weight : array (N,), optional
            Numbers of at least 0: a sample of weight 2 is the same as two of them.
        **others
            Nothing: what it is, is refused with the way to say it.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, y or a parameter does not fit.
        NonFiniteError
            If the loss or a weight becomes NaN or infinite.

        Notes
        -----
        Where it fails, the estimator is what it was before: not fitted, or fitted as earlier. Where it is interrupted
        from the keyboard, it keeps what was learnt so far.
        """
        refuse_at_fit(type(self).__name__, others, self.get_params(deep=False))
        goes_on = bool(self.warm_start) and hasattr(self, "_network")
        with undone_on_failure(self):
            rows, shape, y = self._validated(X, y, goes_on)
            self._train(rows, shape, self._noted(y, goes_on), sample_weight, goes_on)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    @property
    def network_(self) -> Network:
        """The trained network, once there is one."""
        check_is_fitted(self, "_network")
        return self._network

    # ---- what each kind of estimator knows of its targets

    @abstractmethod
    def _noted(self, y: NDArray[Any], goes_on: bool) -> NDArray[Any]:
        """Return targets as numbers; note what they are, or refuse what does not go on with what is known."""

    @abstractmethod
    def _measured(self, samples: Samples) -> None:
        """Note what is to be known of the targets of a new network."""

    @abstractmethod
    def _learnt(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Return targets as the network is to learn them."""

    def _weighed(self, samples: Samples) -> Samples:
        """Return samples with the weights of their classes heeded."""
        return samples

    @abstractmethod
    def _head(self) -> tuple[int, Sequence[str], Loss]:
        """Return the number of outputs, their names if they have any, and the loss."""

    # ---- what goes in

    def _validated(self, X: Any, y: Any, goes_on: bool) -> tuple[NDArray[Any], Shape, NDArray[Any]]:
        """Return samples as rows of numbers, the shape of an input of the network, and y as an array."""
        plain, given = as_rows(X)
        y = as_plain(y, "y")
        if goes_on:
            rows, y = validate_data(self, plain, y, reset=False, dtype=(np.float32, np.uint8), **self._y_checks)
            return self._as_before(rows, given), self.input_shape_, y
        rows, y = validate_data(self, plain, y, dtype=(np.float64, np.float32, np.uint8), **self._y_checks)
        shape = shape_of_samples(given, self.image_shape, rows.shape[1])
        rows = narrowed(rows, shape[0])
        return rows if len(shape) == 3 else rows.astype(np.float32, copy=False), shape, y

    def _as_before(self, rows: NDArray[Any], given: Shape | None) -> NDArray[Any]:
        """Return rows in the type that the network began with: a value means the same in each."""
        if given is not None and given != self.input_shape_:
            raise ShapeError(f"X: expected images of shape {self.input_shape_}, as in fit, received {given}")
        if not self._bytes:
            if len(self.input_shape_) == 3 and self._network.scaling.fits_pixels:
                warn_of_undivided(rows)
            return rows.astype(np.float32, copy=False)
        if rows.dtype == np.uint8:
            return rows
        warn_of_divided(rows)
        return rows / np.float32(255)  # the network divides nothing but bytes

    def _accepted(self, X: Any) -> NDArray[Any]:
        """Return samples that are to be predicted as the network takes them."""
        check_is_fitted(self, "_network")
        plain, given = as_rows(X)
        rows = self._as_before(validate_data(self, plain, reset=False, dtype=(np.float32, np.uint8)), given)
        return rows.reshape(len(rows), *self.input_shape_)

    # ---- training

    def _train(
        self, rows: NDArray[Any], shape: Shape, targets: NDArray[Any], sample_weight: ArrayLike | None, goes_on: bool,
        partial: bool = False,
    ) -> None:  # fmt: skip
        """Train a new network, or the one that there is: for all epochs, or for another one of a longer training."""
        try:
            samples = self._weighed(distinct(rows, targets, as_weights(sample_weight, len(rows))))
        except NothingCountsError:
            if goes_on and partial:
                return
            raise
        if not goes_on:
            self._begin(samples, shape)
        if not (goes_on and partial):
            self._memory = Memory()
        stopping = [] if partial else stopping_of(self.early_stopping)
        index, held_out = self._parts(samples, bool(stopping))
        weights = (samples.weights / samples.taken())[index]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "labels count from 1")  # they come from classes_: 0 is absent here only
            history = training.fit(
                self._network,
                self._pair(samples, index),
                validation=self._pair(samples, held_out) if stopping else None,
                epochs=1 if partial else whole_number(self.epochs, "epochs"),
                batch_size=batch_size_of(self.batch_size, len(index)),
                loss=self._head()[2],
                optimizer=optimizer_of(self.optimizer, self.lr, len(shape) == 3, None if partial else len(index)),
                schedule=None if partial else schedule_of(self.schedule),
                augment=augment_of(self.augment),
                sample_weight=None if weights.min() == weights.max() else weights / weights.mean(),
                seed=(self.seed_ + self._trainings) % 2**64,  # another order every time
                callbacks=[*([self._memory] if partial else stopping), *callbacks_of(self.callbacks)],
                threads=threads_for(self.threads),
                progress=bool(self.verbose),
            )
        self._note(history)

    def _begin(self, samples: Samples, shape: Shape) -> None:
        """Make a new network."""
        self.input_shape_, self._bytes = shape, samples.rows.dtype == np.uint8
        self.seed_ = seed_of(self.random_state)
        self._measured(samples)
        outputs, names, _ = self._head()
        scaling = scaling_of(samples.rows, samples.weights, shape)
        self.history_, self.n_iter_, self._trainings = History(), 0, 0
        self._network = make_network(
            self.architecture, outputs, shape, seed=self.seed_, scaling=scaling, class_names=names
        )

    def _parts(self, samples: Samples, divided: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return which samples are trained on, each as often as it is taken, and which are held out."""
        count, taken = len(samples.rows), samples.taken()
        if not divided:
            return np.repeat(np.arange(count), taken), np.arange(0)
        if count < 2:
            raise DataError("early_stopping: holds samples out, but X has one sample only; give more, or say False")
        labelled = Dataset(np.zeros((count, 1), np.uint8), samples.targets)
        rest, held_out = split_indices(labelled, self.validation_fraction, self.seed_)
        measured = samples.taken(least=0)[held_out]  # there are no weights beside: what is light counts for nothing
        return np.repeat(rest, taken[rest]), np.repeat(held_out, measured if measured.any() else 1)

    def _pair(self, samples: Samples, index: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return inputs of the network and what it is to learn of them."""
        return samples.rows[index].reshape(-1, *self.input_shape_), self._learnt(samples.targets[index])

    def _note(self, history: History) -> None:
        """Add what a training has measured to what earlier ones did."""
        before = len(self.history_.epochs)
        self.history_.batches += history.batches
        self.history_.epochs += [{**epoch, "epoch": before + epoch["epoch"]} for epoch in history.epochs]
        self.n_iter_ = len(self.history_.epochs)
        self._trainings += 1

    # ---- pickling: the network as the bytes of its file

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop(COPY, None)
        if "_network" in state:
            state["_saved"] = packed(state.pop("_network"))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        fitted = "_saved" in state
        saved = state.pop("_saved", None)
        super().__setstate__(state)
        if fitted:
            noted = {name: state.get(name) for name in self._notes}
            self._network = unpacked(saved, noted, lambda: self._head()[0])
