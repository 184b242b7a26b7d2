"""Dataset and as_dataset: what is accepted, what is made of it, and how each fault is told."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data import Dataset, as_dataset
from pellucid.data import dataset as module
from pellucid.errors import ArgumentError, DataError

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)


def refusal(images: Any, labels: Any, *rest: Any) -> str:
    with pytest.raises(DataError) as caught:
        Dataset(images, labels, *rest)
    return str(caught.value)


def test_pixels_stay_uint8_and_get_a_channel() -> None:
    data = Dataset(PIXELS, [0, 2, 1, 0])
    assert (len(data), data.shape, data.classes) == (4, (1, 2, 3), 3)
    assert data.images.dtype == np.uint8
    assert np.shares_memory(data.images, PIXELS)  # nothing is copied
    assert data.labels.dtype == np.int64


def test_pixels_that_are_mapped_from_a_file_stay_there(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", PIXELS)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert np.shares_memory(Dataset(mapped, [0, 2, 1, 0]).images, mapped)


@pytest.mark.parametrize(
    ("given_type", "kept"),
    [("float32", "float32"), ("float64", "float64"), ("float16", "float32"), (">f4", "float32"), (">f8", "float64")],
)
def test_floats_are_taken_as_they_are(given_type: str, kept: str) -> None:
    data = Dataset((PIXELS / 8).astype(given_type), np.zeros(4, int))
    assert data.images.dtype == np.dtype(kept)
    assert data.images.dtype.isnative
    np.testing.assert_array_equal(data.images[:, 0], PIXELS / 8)


@pytest.mark.parametrize(
    ("labels", "expected", "classes"),
    [
        ([0, 3, 1, 0], np.array([0, 3, 1, 0]), 4),
        (np.array([[0], [3], [1], [0]]), np.array([0, 3, 1, 0]), 4),
        (np.array([0, 1, 1, 0], np.uint8), np.array([0, 1, 1, 0]), 2),
        (np.array([True, False, True, True]), np.array([1, 0, 1, 1]), 2),
        (np.eye(4, dtype=int), np.eye(4, dtype=np.float32), 4),
        ([[0.5, 0.5, 0], [0, 0, 1], [0.2, 0.3, 0.5], [1, 0, 0]], None, 3),
        ([0.5, -1.0, 2.0, 3.0], None, 0),
        ([[0.5, -1.0], [1, 2], [3, 4], [5, 6]], None, 0),
        (np.zeros((4, 2, 2, 2)), None, 0),
    ],
    ids=["numbers", "column", "uint8", "bool", "one-hot", "soft", "target", "two targets", "target images"],
)
def test_labels_of_every_kind(labels: Any, expected: Any, classes: int) -> None:
    data = Dataset(PIXELS, labels)
    want = np.asarray(labels) if expected is None else expected
    assert data.labels.dtype == want.dtype
    np.testing.assert_array_equal(data.labels, want)
    assert data.classes == classes


def test_rows_of_features_need_no_pixels() -> None:
    data = Dataset(np.ones((3, 5), np.float32), [0, 1, 1], name="rows")
    assert data.shape == (5,)
    assert repr(data) == "<Dataset rows: 3 images 5 float32 (60 bytes), 2 classes>"


def test_class_names_decide_the_number_of_classes() -> None:
    data = Dataset(PIXELS, [0, 0, 1, 0], ["cat", "dog", "eel"])  # type: ignore[arg-type]
    assert data.classes == 3
    assert data.class_names == ("cat", "dog", "eel")


def test_the_representation_says_what_it_is() -> None:
    assert repr(Dataset(PIXELS, [0, 1, 1, 0], name="toy")) == (
        "<Dataset toy: 4 images 1×2×3 uint8 (24 bytes), 2 classes>"
    )
    assert repr(Dataset(PIXELS / 2, np.zeros((4, 5)))) == (
        "<Dataset: 4 images 1×2×3 float64 (192 bytes), targets (4, 5) float64>"
    )


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (PIXELS, [0, 1, 2], "4 images, but 3 labels: each image needs one label"),
        ([], [], "images: expected at least one, received an empty array of shape (0,)"),
        (PIXELS[:0], [], "images: expected at least one, received an empty array of shape (0, 2, 3)"),
        (PIXELS, [], "labels: expected at least one, received an empty array of shape (0,)"),
        (PIXELS, [0, -2, 1, 0], "labels: class number -2 of sample 1 is negative; classes count from 0"),
        (PIXELS, [0, 1, 2**40, 0], f"labels: class number {2**40} of sample 2 is too large; classes count from 0"),
        (
            PIXELS,
            np.full(4, 2**40, np.uint64),
            f"labels: class number {2**40} of sample 0 is too large; classes count from 0",
        ),
        (PIXELS, np.zeros((4, 2, 2), int), "labels: expected class numbers of shape (N,), received integers"),
        (PIXELS, ["a", "b", "a", "b"], "labels: expected class numbers, received text; write names, numbers = "),
        (PIXELS, [0, None, 1, 0], "labels: expected numbers in one array, received Python objects"),
        (
            PIXELS[0, 0],
            [0, 1, 2],
            "images: expected (N, channels, height, width), (N, height, width) or (N, features), received 1 axes",
        ),
        (PIXELS.astype(int), [0] * 4, "images: expected uint8 or floats, received int64; write x.astype('uint8')"),
        (PIXELS > 3, [0] * 4, "images: expected uint8 or floats, received bool"),
        (PIXELS * 1j, [0] * 4, "images: expected numbers, received complex128"),
        ([[[1.0, 2.0]], [[1.0]]], [0, 1], "images: expected an array of numbers, received rows of different lengths"),
    ],
)
def test_a_fault_is_told(images: Any, labels: Any, message: str) -> None:
    assert refusal(images, labels).startswith(message)


def test_a_class_without_a_name() -> None:
    assert refusal(PIXELS, [0, 1, 3, 0], ("a", "b", "c")) == (
        "labels: class number 3 of sample 2 has no name: there are 3 class names, for 0 … 2"
    )
    assert refusal(PIXELS, np.eye(4), ("a", "b")) == "class_names: 2 names, but labels of shape (4, 4)"


def test_one_text_is_no_class_names() -> None:
    assert (
        refusal(PIXELS, [0, 1, 2, 0], "abc") == "class_names: expected a name for each class, received the text 'abc'"
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 7, 8, 19])
def test_the_first_sample_that_is_not_finite_is_named(monkeypatch: pytest.MonkeyPatch, bad: float, place: int) -> None:
    monkeypatch.setattr(module, "_BLOCK_BYTES", 4 * 6 * 8)  # blocks of 8 samples
    images = np.zeros((20, 1, 2, 3), np.float32)
    Dataset(images, np.zeros(20, int))  # the control
    images[place, 0, 1, 2] = images[19, 0, 0, 0] = bad
    assert refusal(images, np.zeros(20, int)) == f"images: sample {place} holds NaN or infinity"
    targets = np.zeros(20)
    targets[place] = bad
    assert refusal(np.zeros_like(images), targets) == f"labels: sample {place} holds NaN or infinity"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-4, 3), min_size=1, max_size=9))
def test_subset_is_numpys_indexing(indices: list[int]) -> None:
    data = Dataset(PIXELS, [0, 2, 1, 0], ("a", "b", "c"), "toy")
    part = data.subset(indices)
    assert part.images.dtype == np.uint8
    np.testing.assert_array_equal(part.images[:, 0], PIXELS[indices])
    assert part.labels.tolist() == [[0, 2, 1, 0][index] for index in indices]
    assert (part.class_names, part.name) == (data.class_names, "toy")


def test_subset_by_booleans_and_its_refusals() -> None:
    data = Dataset(PIXELS, [0, 2, 1, 0])
    assert data.subset(data.labels == 0).labels.tolist() == [0, 0]
    for wrong, message in (
        ([4], "indices: 4 is outside of the 4 samples"),
        ([0, -5], "indices: -5 is outside of the 4 samples"),
        ([], "at least one integer"),
        ([0.5], "at least one integer"),
        ([True], "at least one integer, or 4 booleans, received shape (1,) of bool"),
    ):
        with pytest.raises(ArgumentError) as caught:
            data.subset(wrong)
        assert message in str(caught.value)


def test_the_digest_is_sha256_over_types_shapes_and_bytes() -> None:
    expected = hashlib.sha256(
        b"|u1 (4, 1, 2, 3);" + bytes(range(24)) + b"<i8 (4,);" + b"".join(n.to_bytes(8, "little") for n in (0, 2, 1, 0))
    )
    assert Dataset(PIXELS, [0, 2, 1, 0]).digest() == expected.hexdigest()


def test_the_digest_sees_content_and_not_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 1, 2, 3)
    digest = Dataset(values, [0, 2, 1, 0]).digest()
    for same in (np.asfortranarray(values), values[::-1].copy()[::-1], values.astype(">f4")):
        assert Dataset(same, [0, 2, 1, 0]).digest() == digest
    monkeypatch.setattr(module, "_BLOCK_BYTES", 50)
    assert Dataset(values, [0, 2, 1, 0]).digest() == digest  # whatever the size of the blocks
    changed = values.copy()
    changed[3, 0, 1, 2] += 1e-6
    for other in (changed, values.astype(np.float64), values.reshape(4, 1, 3, 2)):
        assert Dataset(other, [0, 2, 1, 0]).digest() != digest
    assert Dataset(values, [0, 2, 1, 1]).digest() != digest


def test_as_dataset() -> None:
    data = Dataset(PIXELS, [0, 2, 1, 0])
    assert as_dataset(data) is data
    for pair in ((PIXELS, [0, 2, 1, 0]), [PIXELS, np.array([0, 2, 1, 0])]):
        assert as_dataset(pair).digest() == data.digest()
    lists = as_dataset(((PIXELS / 2).tolist(), [0, 2, 1, 0]))
    assert lists.images.dtype == np.float64


@pytest.mark.parametrize(
    ("wrong", "received"),
    [(PIXELS, "ndarray"), (PIXELS[:2], "ndarray"), ((PIXELS,), "tuple of 1"), (None, "NoneType"), ("mnist", "str")],
)
def test_as_dataset_refuses_what_is_no_pair(wrong: Any, received: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        as_dataset(wrong)
    assert str(caught.value) == f"data: expected a Dataset or a pair (images, labels), received {received}"


def test_what_pytorch_makes_is_told_how_to_become_arrays() -> None:
    class Samples:
        def __len__(self) -> int:
            return 2

        def __getitem__(self, number: int) -> Any:
            return np.ones((1, 2, 2)), number

    class Tensors(Samples):
        tensors = (np.ones((2, 1, 2, 2)), np.arange(2))

    class Loader:
        batch_size = 2

        def __len__(self) -> int:
            return 1

        def __iter__(self) -> Any:
            return iter([(np.ones((2, 1, 2, 2)), np.arange(2))])

    for other, fix, made in (
        (Samples(), "gather the samples into two arrays: tuple(map(np.stack, zip(*dataset)))",
         tuple(map(np.stack, zip(*map(Samples().__getitem__, range(2)), strict=True)))),
        (Tensors(), "write dataset.tensors", Tensors().tensors),
        (Loader(), "gather the batches into two arrays: tuple(map(np.concatenate, zip(*loader)))",
         tuple(map(np.concatenate, zip(*Loader(), strict=True)))),
    ):  # fmt: skip
        with pytest.raises(ArgumentError) as caught:
            as_dataset(other, "data")
        assert str(caught.value).endswith(f"received {type(other).__name__}; {fix}")
        assert len(as_dataset(made)) == 2
