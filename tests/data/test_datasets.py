"""Data sets by name and by path."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.data import datasets
from pellucid.data.catalogue import CATALOGUE
from pellucid.errors import ArgumentError, DataError

Writer = Callable[..., bytes]
NAMES = [file.name for file in CATALOGUE["mnist"].files]
TRAIN = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
TEST = np.full((2, 28, 28), 9, np.uint8)


def put_set(folder: Path, write: Writer, packed: bool = True, **replaced: Any) -> Path:
    """Write three training and two test images under the usual four names."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"train_images": TRAIN, "train_labels": np.array([5, 0, 9], np.uint8)}
    content |= {"test_images": TEST, "test_labels": np.array([1, 2], np.uint8)}
    content |= replaced
    for name, array in zip(NAMES, content.values(), strict=True):
        if packed:
            (folder / name).write_bytes(gzip.compress(write(array)))
        else:
            (folder / name.removesuffix(".gz")).write_bytes(write(array))
    return folder


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("name", "load", "last_class"),
    [
        ("mnist", datasets.mnist, "9"),
        ("fashion-mnist", datasets.fashion_mnist, "ankle boot"),
        ("kmnist", datasets.kmnist, "wo"),
    ],
)
def test_sets_like_mnist(
    tmp_path: Path, idx_bytes: Writer, packed: bool, name: str, load: Callable[..., Any], last_class: str
) -> None:
    put_set(tmp_path / name, idx_bytes, packed)
    for train, test in (load(tmp_path), load(data_dir=str(tmp_path)), datasets.load(name, tmp_path)):
        np.testing.assert_array_equal(train.images[:, 0], TRAIN)
        np.testing.assert_array_equal(test.images[:, 0], TEST)
        assert train.labels.tolist() == [5, 0, 9]
        assert test.labels.tolist() == [1, 2]
        assert train.images.dtype == np.uint8
        assert (train.name, train.class_names[-1]) == (name, last_class)


def test_the_environment_names_the_folder(tmp_path: Path, idx_bytes: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    put_set(tmp_path / "mnist", idx_bytes)
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    assert len(datasets.mnist()[0]) == 3


def test_images_and_labels_of_unequal_number(tmp_path: Path, idx_bytes: Writer) -> None:
    folder = put_set(tmp_path / "mnist", idx_bytes, test_labels=np.array([1, 2, 3], np.uint8))
    with pytest.raises(DataError) as caught:
        datasets.mnist(tmp_path)
    assert str(caught.value) == (
        f"{folder / NAMES[2]} holds 2 images, but {folder / NAMES[3]} holds 3 labels; are they of the same set?"
    )


def test_labels_without_a_class_name_the_files(tmp_path: Path, idx_bytes: Writer) -> None:
    folder = put_set(tmp_path / "mnist", idx_bytes, train_labels=np.array([1, 10, 3], np.uint8))
    with pytest.raises(DataError) as caught:
        datasets.mnist(tmp_path)
    assert str(caught.value) == (
        f"{folder / NAMES[0]}, {NAMES[1]}: labels: class number 10 of sample 1 has no name: there are 10 class names, "
        "for 0 … 9"
    )


def test_a_folder_of_ones_own_idx_files(tmp_path: Path, idx_bytes: Writer) -> None:
    folder = put_set(tmp_path / "letters", idx_bytes, train_labels=np.array([25, 0, 3], np.uint8))
    train, test = datasets.load(folder)
    assert (len(train), train.classes, train.name) == (3, 26, "letters")
    assert test is not None
    assert len(test) == 2


def test_files_of_arrays(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, x=TRAIN, y=[0, 1, 2])
    train, test = datasets.load(path)
    assert (len(train), train.shape, train.name) == (3, (1, 28, 28), "mine")
    assert test is None
    np.savez(path, x_train=TRAIN, y_train=[0, 1, 2], x_test=TEST, y_test=[2, 1])
    train, test = datasets.load(str(path))
    assert test is not None
    assert test.labels.tolist() == [2, 1]
    assert train.class_names == test.class_names == ()
    np.savez(path, x_train=TRAIN, y_train=[0, 1, 2], x_test=TEST, y_test=[2, 1], class_names=["cat", "dog", "hare"])
    train, test = datasets.load(path)
    assert test is not None
    assert train.class_names == test.class_names == ("cat", "dog", "hare")
    np.savez(path, x_train=TRAIN, y_train=[0, 1], x_test=TEST, y_test=[2, 1])
    with pytest.raises(DataError, match="3 images, but 2 labels"):
        datasets.load(path)


def test_digits_by_name() -> None:
    train, test = datasets.load("digits", seed=4)
    assert test is not None
    assert [part.digest() for part in (train, test)] == [part.digest() for part in datasets.digits(4)]


def test_neither_name_nor_path(tmp_path: Path) -> None:
    every = ". Known: digits, mnist, fashion-mnist, kmnist, cifar10"
    for wrong, hint in (("minst", "; did you mean 'mnist'?"), ("no/such/folder", every)):
        with pytest.raises(ArgumentError) as caught:
            datasets.load(wrong)
        assert str(caught.value) == f"data: {wrong!r} is neither a path nor the name of a data set{hint}"
    (tmp_path / "table.csv").write_text("1,2")
    with pytest.raises(DataError, match=r"table.csv: expected a folder of pictures, a .npz file, or CIFAR-10's"):
        datasets.load(tmp_path / "table.csv")


def test_the_listing(tmp_path: Path, idx_bytes: Writer) -> None:
    put_set(tmp_path / "kmnist", idx_bytes)
    put_set(tmp_path / "mnist", idx_bytes)
    (tmp_path / "mnist" / NAMES[0]).unlink()
    listed = {listing.entry.name: listing for listing in datasets.describe(tmp_path)}
    assert tuple(listed) == datasets.NAMES == ("digits", "mnist", "fashion-mnist", "kmnist", "cifar10")
    assert listed["digits"].location is not None
    assert listed["kmnist"].location == tmp_path / "kmnist"
    assert (listed["cifar10"].location, listed["cifar10"].note) == (None, "not downloaded")
    assert listed["mnist"].location is None
    assert listed["mnist"].note == f"{tmp_path / 'mnist'}: holds only some files of mnist; missing: {NAMES[0]}"


def test_importing_is_light() -> None:
    code = "import sys, pellucid.data; print([m for m in ('PIL', 'pooch', 'requests') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"


def test_the_real_mnist_through_its_name(data_folder: Path) -> None:
    train, test = datasets.mnist(data_folder)
    assert repr(train) == "<Dataset mnist: 60,000 images 1×28×28 uint8 (47.0 MB), 10 classes>"
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
