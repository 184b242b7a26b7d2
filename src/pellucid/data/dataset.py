"""A data set in memory: images with their labels, checked once and then relied upon.

Pixels stay as they came, uint8 where possible: the MNIST training images are 47 MB as uint8 and 376 MB as float64.
The network scales them, in one place (``Scaling``), batch by batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import as_array
from ..errors import ArgumentError, DataError
from ..limits import format_bytes

_BLOCK_BYTES = 1 << 24
_LARGEST_CLASS = 2**31 - 1


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images and labels of equal number, valid from the moment it exists.

    Parameters
    ----------
    images : array (N, C, H, W), (N, H, W) or (N, F)
        (N, H, W) is given one channel; (N, F) are rows of features. uint8 is kept (and divided by 255 by the network's
        scaling); float32 and float64 are kept and taken as they are; float16 becomes float32.
    labels : array (N,) or (N, …)
        Class numbers, an integer (N,) or (N, 1) array; or probabilities of the classes, (N, K), of which one-hot
        rows are a case; or regression targets, a float array (N, …).
    class_names : sequence of str, default ()
        One name for each class, in the order of the class numbers.
    name : str, default ""
        What the data are called in messages and run files.

    Attributes
    ----------
    images : array (N, C, H, W) or (N, F)
        uint8, float32 or float64.
    labels : array (N,) or (N, …)
        Class numbers as int64; probabilities and targets as float32 or float64.

    Raises
    ------
    DataError
        No images, unequal numbers, a wrong rank or type, NaN or infinity (with the index of the first such sample),
        a negative class number, or one without a name.

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid.data import Dataset
    >>> Dataset(np.zeros((4, 8, 8), np.uint8), [0, 1, 2, 1], name="toy")
    <Dataset toy: 4 images 1×8×8 uint8 (256 bytes), 3 classes>
    """

    images: NDArray[Any]
    labels: NDArray[Any]
    class_names: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        images = as_images(self.images)
        labels = _check_labels(_as_array(self.labels, "labels"))
        if len(images) != len(labels):
            raise DataError(f"{len(images):,} images, but {len(labels):,} labels: each image needs one label")
        names = _as_names(self.class_names)
        _check_class_names(labels, names)
        # The class is frozen so that nobody swaps an array for an unchecked one; this is the one assignment.
        for field, value in (("images", images), ("labels", labels), ("class_names", names)):
            object.__setattr__(self, field, value)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.shape))
        title = f"Dataset {self.name}" if self.name else "Dataset"
        size = format_bytes(self.images.nbytes)
        target = f"{self.classes} classes" if self.classes else f"targets {self.labels.shape} {self.labels.dtype}"
        return f"<{title}: {len(self):,} images {shape} {self.images.dtype} ({size}), {target}>"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image: (channels, height, width), or (features,)."""
        return self.images.shape[1:]

    @property
    def classes(self) -> int:
        """Number of classes: of names if there are any, else one more than the largest class number, else the width
        of the rows of probabilities; 0 for regression targets."""
        if self.class_names:
            return len(self.class_names)
        numbers = class_numbers(self.labels)
        if numbers is None:
            return 0
        return int(numbers.max()) + 1 if self.labels.ndim == 1 else int(self.labels.shape[1])

    def subset(self, indices: ArrayLike) -> Dataset:
        """Return the samples at `indices`, in that order, as a copy of the same types.

        Parameters
        ----------
        indices : array (M,)
            Integers in −N … N−1, or N booleans.
        """
        chosen = as_array(indices, "indices")
        if chosen.dtype == bool and chosen.shape == (len(self),):
            chosen = np.flatnonzero(chosen)
        if chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu":
            raise ArgumentError(
                f"indices: expected a list of at least one integer, or {len(self):,} booleans, received shape "
                f"{chosen.shape} of {chosen.dtype}"
            )
        if chosen.min() < -len(self) or chosen.max() >= len(self):
            wrong = chosen[(chosen < -len(self)) | (chosen >= len(self))][0]
            raise ArgumentError(f"indices: {wrong} is outside of the {len(self):,} samples")
        return Dataset(self.images[chosen], self.labels[chosen], self.class_names, self.name)

    def digest(self) -> str:
        """Return the SHA-256 of the images and labels, as hexadecimal digits; see `digest`."""
        return digest(self.images, self.labels)


def as_dataset(data: Dataset | tuple[ArrayLike, ArrayLike] | Sequence[ArrayLike], name: str = "data") -> Dataset:
    """Return `data` as a `Dataset`: itself, or made from a pair (images, labels) of arrays or lists; `name` is the
    argument's.

    Raises
    ------
    ArgumentError
        If `data` is neither.
    DataError
        If the pair is not a valid data set.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple | list) and len(data) == 2:
        return Dataset(data[0], data[1])  # type: ignore[arg-type]  # __post_init__ makes arrays of them
    received = type(data).__name__
    if isinstance(data, tuple | list):
        received += f" of {len(data)}"
    raise ArgumentError(f"{name}: expected a Dataset or a pair (images, labels), received {received}{_way_out(data)}")


def _way_out(data: object) -> str:
    """Return what makes a pair of another library's data set or loader, told by what it can do."""
    if isinstance(getattr(data, "tensors", None), tuple):
        return "; write dataset.tensors"
    if isinstance(data, np.ndarray) or not hasattr(data, "__len__"):
        return ""
    if hasattr(data, "batch_size"):
        return "; gather the batches into two arrays: tuple(map(np.concatenate, zip(*loader)))"
    if not isinstance(data, (str, tuple, list, Mapping)) and hasattr(data, "__getitem__"):
        return "; gather the samples into two arrays: tuple(map(np.stack, zip(*dataset)))"
    return ""


def as_images(values: ArrayLike) -> NDArray[Any]:
    """Return images as one array (N, C, H, W), or rows of features as (N, F), of uint8, float32 or float64.

    Images (N, H, W) are given one channel. Nothing is copied that need not be.

    Raises
    ------
    ArgumentError
        If it is a data set.
    DataError
        As for `Dataset`.
    """
    if isinstance(values, Dataset):
        raise ArgumentError("expected an array of images, received a Dataset; pass its images, as in test.images")
    images = _as_array(values, "images")
    if images.ndim not in (2, 3, 4):
        raise DataError(
            "images: expected (N, channels, height, width), (N, height, width) or (N, features), received "
            f"{images.ndim} axes, shape {images.shape}; for one image write image[None]"
        )
    if images.dtype.kind in "biu" and images.dtype != np.uint8:
        raise DataError(
            f"images: expected uint8 or floats, received {images.dtype}; write x.astype('uint8') for pixels 0 … 255, "
            "which the network scales to 0 … 1, or x.astype('float32') for values to be taken as they are"
        )
    if images.ndim == 3:
        images = images[:, None]  # (N, H, W) -> (N, 1, H, W)
    return images if images.dtype == np.uint8 else _check_floats(images, "images")


def digest(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 over type, shape and bytes of arrays, as hexadecimal digits.

    It is the same on every machine (bytes are taken in little-endian order) and for every memory layout.
    """
    sha = hashlib.sha256()
    for array in arrays:
        little = array.dtype.newbyteorder("<")
        sha.update(f"{little.str} {array.shape};".encode())
        for part in _blocks(np.atleast_1d(array)):
            sha.update(np.ascontiguousarray(part, little).reshape(-1).view(np.uint8).data)
    return sha.hexdigest()


def class_numbers(labels: NDArray[Any]) -> NDArray[np.int64] | None:
    """Class of each sample: the labels themselves, the largest probability's place, or None for regression targets.

    Float rows count as probabilities when they have at least two entries, none is negative, and each row sums to 1.
    """
    if labels.dtype.kind == "i":
        return labels.astype(np.int64, copy=False)
    if labels.ndim != 2 or labels.shape[1] < 2:
        return None
    if labels.min() < 0 or not np.allclose(labels.sum(axis=1, dtype=np.float64), 1.0, rtol=0, atol=1e-3):
        return None
    largest: NDArray[np.int64] = labels.argmax(axis=1)
    return largest


def _as_array(values: ArrayLike, what: str) -> NDArray[Any]:
    array = as_array(values, what)
    if array.dtype.kind == "O":
        raise DataError(
            f"{what}: expected numbers in one array, received Python objects; all items must be numbers of one shape"
        )
    if array.ndim == 0 or array.size == 0:
        raise DataError(f"{what}: expected at least one, received an empty array of shape {array.shape}")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def _check_labels(labels: NDArray[Any]) -> NDArray[Any]:
    if labels.dtype.kind == "U":
        raise DataError(
            "labels: expected class numbers, received text; write names, numbers = "
            "np.unique(labels, return_inverse=True) and pass Dataset(images, numbers, class_names=names)"
        )
    if labels.dtype.kind not in "biu":
        return _check_floats(labels, "labels")
    if labels.ndim == 2 and labels.shape[1] > 1:
        return labels.astype(np.float32)  # one-hot rows written as integers
    if labels.ndim == 2:
        labels = labels[:, 0]  # (N, 1) -> (N,), as some libraries store class numbers
    if labels.ndim != 1:
        raise DataError(f"labels: expected class numbers of shape (N,), received integers of shape {labels.shape}")
    for place, fault in ((int(labels.argmin()), "negative"), (int(labels.argmax()), "too large")):
        number = int(labels[place])
        if number < 0 if fault == "negative" else number > _LARGEST_CLASS:
            raise DataError(f"labels: class number {number} of sample {place:,} is {fault}; classes count from 0")
    return labels.astype(np.int64, copy=False)


def _check_floats(array: NDArray[Any], what: str) -> NDArray[Any]:
    if array.dtype.kind != "f":
        raise DataError(f"{what}: expected numbers, received {array.dtype}")
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    start = 0
    for part in _blocks(array):
        if not (np.isfinite(part.max()) and np.isfinite(part.min())):  # either is NaN where any number is
            finite = np.isfinite(part).reshape(len(part), -1).all(axis=1)
            raise DataError(f"{what}: sample {start + int(finite.argmin()):,} holds NaN or infinity")
        start += len(part)
    return array


def _as_names(names: Iterable[object]) -> tuple[str, ...]:
    if isinstance(names, str):  # whose letters would be taken for names
        raise DataError(f"class_names: expected a name for each class, received the text {names!r:.40}")
    return tuple(str(name) for name in names)


def _check_class_names(labels: NDArray[Any], names: tuple[str, ...]) -> None:
    if not names:
        return
    if labels.dtype.kind == "i" and labels.max() >= len(names):
        place = int(labels.argmax())
        raise DataError(
            f"labels: class number {labels[place]} of sample {place:,} has no name: there are {len(names)} class "
            f"names, for 0 … {len(names) - 1}"
        )
    if labels.dtype.kind == "f" and (labels.ndim != 2 or labels.shape[1] != len(names)):
        raise DataError(f"class_names: {len(names)} names, but labels of shape {labels.shape}")


def _blocks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Consecutive samples in blocks of about 16 MB, so that a pass over the data needs no second copy of them."""
    step = max(1, _BLOCK_BYTES // max(1, array[0].nbytes))
    for start in range(0, len(array), step):
        yield array[start : start + step]
