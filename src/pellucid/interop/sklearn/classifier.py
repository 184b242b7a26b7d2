"""ConvClassifier: a network as a classifier of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from ...arguments import as_array, shown
from ...data.augment import Augmentation
from ...definitions.exponential import log_softmax
from ...errors import ArgumentError, DataError
from ...inference import predict, predict_proba
from ...losses import CrossEntropy, Loss
from ...optimizers import Optimizer
from ...schedules import Schedule
from ...training import Callback, EarlyStopping
from .architecture import Architecture
from .base import ConvEstimator
from .samples import NothingCountsError, Samples, within_bounds
from .settings import RandomState
from .threads import threads_for
from .undoing import undone_on_failure

_LEAST_SHARE = 1e-290  # of a class's weights: one that is smaller has no inverse among float64s


def _as_classes(classes: Any) -> NDArray[Any]:
    """Return all classes in their order, or refuse what is no list of classes."""
    given = as_array(classes, "classes")
    try:
        if given.ndim == 1 and len(given) and not (given != given).any():  # NaN is not what it is
            return np.unique(given)
    except TypeError:  # some that have no order
        pass
    raise ArgumentError(f"classes: expected a list of classes, such as [0, 1, 2], received {shown(given.tolist())}")


class ConvClassifier(ClassifierMixin, ConvEstimator):
    """A classifier of images, or of features, that trains a network.

    Parameters
    ----------
    architecture : str, list of layers, or callable, default "auto"
        - "auto": for images the model that `models.for_data` names, for features one hidden layer of 100.
        - The name of a model, such as "lenet" or "resnet20".
        - A list of layers, of which a copy is trained. The last one gives an output for each class.
        - A function that makes the network: it is called as all models are, ``f(num_classes, input_shape, seed=…,
          scaling=…, class_names=…)``, and returns a new network every time.
    image_shape : (height, width) or (channels, height, width), optional
        If X has rows of pixels: the shape of the images that they are, the channels first.
    epochs : int, default 50
    batch_size : int or "auto", default "auto"
        "auto" is between 16 and 128: about a 32nd of the samples.
    lr : float, optional
        The learning rate; by default the optimiser's own, which for "auto" is 0.003 for images, 0.01 for features.
    optimizer : str or Optimizer, default "auto"
        A name of `optimizers.NAMES`, or an object. "auto" is Adam with a weight decay of about 2 divided by the number
        of samples.
    schedule : str, Schedule or None, default "cosine"
        How the learning rate goes on; see `schedules.by_name`. None lets it be.
    augment : list of Augmentation, or of short texts, optional
        Such as ``["crop:1"]``; for images only.
    early_stopping : bool or EarlyStopping, default False
        True holds some samples out, ends the training when their loss has not become smaller for 10 epochs, and takes
        back the weights of the best epoch.
    validation_fraction : float, default 0.1
        The share of samples that is held out for it.
    callbacks : sequence of Callback, default ()
        What listens to a training, as in `pellucid.fit`: these objects. Where scikit-learn clones the estimator, as in
        cross-validation, it copies them.
    class_weight : dict or "balanced", optional
        How much the samples of a class count, by class; "balanced" lets all classes count alike.
    warm_start : bool, default False
        Whether `fit` goes on with the network that there is.
    random_state : int, RandomState or None, default None
        A whole number is the seed of the initial weights, of the order of samples, of augmentation and dropout. Else
        one is drawn, for None from NumPy's global generator.
    threads : int, optional
        By default what PELLUCID_THREADS says; or else as many as there are processors or as OpenMP may use, whichever
        is fewer, so that processes of joblib do not get in each other's way.
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    classes_ : array (classes,)
    network_ : Sequential or Graph
        The trained network; `predict`, `save` and all else of the library takes it. Give it floats in the units of X,
        or bytes where X had images of bytes.
    history_ : History
        Of all trainings of this network.
    n_iter_ : int
        Epochs that it was trained for.
    n_features_in_ : int
        Numbers a sample.
    feature_names_in_ : array (n_features_in_,)
        Where X had names for all of them.
    input_shape_ : tuple of int
        Of one sample.
    seed_ : int

    Notes
    -----
    Images of bytes (uint8) are divided by 255. All other inputs are shifted and stretched such that each feature, or
    each channel of images, has mean 0 and deviation 1 over the samples of the first training; that is part of the
    network. Values mean the same in every type afterwards. Computing goes in float32.

    How sample weights are heeded, `samples` says: whole numbers are exactly the same as repeated samples.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> images, digits = load_digits(return_X_y=True)
    >>> x, x_test, y, y_test = train_test_split(images, digits, random_state=0)
    >>> classifier = ConvClassifier(image_shape=(8, 8), epochs=5, random_state=0).fit(x, y)
    >>> bool(classifier.score(x_test, y_test) > 0.9)
    True
    """

    _notes: ClassVar[tuple[str, ...]] = (*ConvEstimator._notes, "classes_")

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
        class_weight: Mapping[Any, float] | str | None = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        threads: int | None = None,
        verbose: bool = False,
    ):
        super().__init__(
            architecture, image_shape=image_shape, epochs=epochs, batch_size=batch_size, lr=lr, optimizer=optimizer,
            schedule=schedule, augment=augment, early_stopping=early_stopping,
            validation_fraction=validation_fraction, callbacks=callbacks, warm_start=warm_start,
            random_state=random_state, threads=threads, verbose=verbose,
        )  # fmt: skip
        self.class_weight = class_weight

    def partial_fit(
        self, X: Any, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one epoch with some samples; calls after each other are one training.

        Nobody knows how long it will be, so nothing is scheduled, and nothing stops it early. From the second call on,
        samples that all weigh 0, by themselves or by their classes, change nothing.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array (classes,)
            All classes that will ever occur; needed at the first call.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As for `fit`; and if the classes are missing, or others than before.
        """
        goes_on = hasattr(self, "_network")
        named = None if classes is None else _as_classes(classes)
        if isinstance(self.class_weight, str):
            raise ArgumentError('class_weight: "balanced" needs all samples; give partial_fit a dict')
        if named is not None and goes_on and not np.array_equal(named, self.classes_):
            raise ArgumentError(f"classes: expected those of the first call, {shown(self.classes_.tolist())}")
        if named is None and not goes_on:
            raise ArgumentError("classes: must be given at the first call of partial_fit; write classes=np.unique(y)")
        with undone_on_failure(self):
            rows, shape, y = self._validated(X, y, goes_on)
            if named is not None and not goes_on:
                self._take_classes(named)
            self._train(rows, shape, self._noted(y, True), sample_weight, goes_on, partial=True)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each sample.

        Parameters
        ----------
        X : array
            Of the shape that was trained on.

        Returns
        -------
        array (N,) of the type of `classes_`
        """
        numbers = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[numbers])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : array
            Of the shape that was trained on.

        Returns
        -------
        float64 array (N, classes)
            Each row sums to 1.
        """
        images = self._accepted(X)
        shares = predict_proba(self._network, images, threads=threads_for(self.threads)).astype(np.float64)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithm of each probability, from the network's outputs: finite also where that is tiny.

        Parameters
        ----------
        X : array
            Of the shape that was trained on.

        Returns
        -------
        float64 array (N, classes)
        """
        images = self._accepted(X)
        outputs = predict(self._network, images, threads=threads_for(self.threads))
        return np.asarray(log_softmax(outputs.astype(np.float64)), np.float64)

    # ---- what it knows of its targets: class numbers

    def _noted(self, y: NDArray[Any], goes_on: bool) -> NDArray[np.int64]:
        check_classification_targets(y)
        if not goes_on:
            self._take_classes(np.unique(y))
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise DataError(
                f"y: expected the classes {shown(self.classes_.tolist())}, received {shown(unknown.tolist())} too; "
                "name all classes at the first training, or train a new network"
            )
        return np.searchsorted(self.classes_, y).astype(np.int64)

    def _take_classes(self, classes: NDArray[Any]) -> None:
        if len(classes) < 2:
            raise DataError(
                f"y: expected samples of at least two classes, received one class, {shown(classes.tolist()[0])}"
            )
        self.classes_ = classes

    def _measured(self, samples: Samples) -> None:
        pass

    def _learnt(self, targets: NDArray[Any]) -> NDArray[Any]:
        return targets

    def _weighed(self, samples: Samples) -> Samples:
        if self.class_weight is None:
            return samples
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            sums = np.bincount(samples.targets, samples.given, len(self.classes_))
            each = sums.sum() / (np.count_nonzero(sums) * np.maximum(sums, _LEAST_SHARE * sums.max()))
        else:
            each = self._stated_weights()
        weights = within_bounds(samples.given * each[samples.targets])
        if not weights.any():
            raise NothingCountsError(
                f"class_weight: no sample counts by {shown(self.class_weight)}; one must be above 0"
            )
        return replace(samples, weights=weights)

    def _stated_weights(self) -> NDArray[np.float64]:
        """Return what each class weighs by `class_weight`, or refuse what is no weight, by the name of its class."""
        each = compute_class_weight(self.class_weight, classes=self.classes_, y=self.classes_).astype(np.float64)
        bad = np.flatnonzero(~(np.isfinite(each) & (each >= 0)))
        if len(bad):
            raise ArgumentError(
                f"class_weight: expected finite numbers of at least 0, received {each[bad[0]]:g} for class "
                f"{shown(self.classes_.tolist()[bad[0]])}"
            )
        if not each.any():
            raise ArgumentError(f"class_weight: expected a number above 0, received {shown(self.class_weight)}")
        return within_bounds(each)

    def _head(self) -> tuple[int, Sequence[str], Loss]:
        return len(self.classes_), [str(each) for each in self.classes_], CrossEntropy()
