"""CIFAR-10 in its three forms, with small batches of the published structure."""

import gzip
import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.data import datasets
from pellucid.data.cifar import read_cifar10
from pellucid.errors import DataError
from pellucid.limits import Limits

BATCHES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
PUBLISHED = "cifar-10-batches-py"


def pixels(batch: int) -> np.ndarray:
    return np.random.default_rng(batch).integers(0, 256, (2, 3072), np.uint8)


def write_folder(folder: Path, **replaced: Any) -> Path:
    """Six batches of two images; the labels of batch k are k and 9."""
    folder.mkdir()
    for number, name in enumerate(BATCHES):
        batch = {b"batch_label": name.encode(), b"labels": [number, 9], b"data": pixels(number), b"filenames": []}
        if name == "data_batch_3":
            batch.update({key.encode(): value for key, value in replaced.items()})
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    (folder / "readme.html").write_text("see the paper")
    return folder


def write_archive(folder: Path, path: Path, names: list[str] = BATCHES) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, PUBLISHED, recursive=False)
        for name in [*reversed(names), "readme.html"]:  # the order within an archive must not matter
            archive.add(folder / name, f"{PUBLISHED}/{name}")
    return path


def as_folder(path: Path) -> Path:
    return write_folder(path / PUBLISHED)


def as_one_batch(path: Path) -> Path:
    return write_folder(path / PUBLISHED) / "data_batch_1"


def as_archive(path: Path) -> Path:
    return write_archive(as_folder(path), path / "cifar-10-python.tar.gz")


def as_npz(path: Path) -> Path:
    images = [pixels(number).reshape(2, 3, 32, 32) for number in range(6)]
    np.savez_compressed(
        path / "cifar10.npz",
        x_train=np.concatenate(images[:5]),
        y_train=np.array([0, 9, 1, 9, 2, 9, 3, 9, 4, 9]),
        x_test=images[5],
        y_test=np.array([[5], [9]]),
    )
    return path / "cifar10.npz"


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_cifar10(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("form", [as_folder, as_one_batch, as_archive, as_npz])
def test_each_form_gives_the_same(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    train, test = read_cifar10(form(tmp_path))
    assert train.images.shape == (10, 3, 32, 32)
    assert train.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert test.labels.tolist() == [5, 9]
    assert test.class_names[9] == "truck"
    # In a row of 3,072, first the 1,024 red pixels, row by row, then green, then blue.
    assert train.images[4, 2, 5, 7] == pixels(2)[0, 2 * 1024 + 5 * 32 + 7]
    np.testing.assert_array_equal(test.images.reshape(2, 3072), pixels(5))


@pytest.mark.parametrize("form", [as_folder, as_archive, as_npz])
@pytest.mark.parametrize("place", [".", "cifar10", "cifar-10"])
def test_it_is_found_by_name(tmp_path: Path, form: Callable[[Path], Path], place: str) -> None:
    (tmp_path / place).mkdir(exist_ok=True)
    path = form(tmp_path / place)
    expected = read_cifar10(path)[0].digest()
    assert datasets.cifar10(tmp_path)[0].digest() == expected
    assert datasets.load("cifar10", tmp_path)[0].digest() == expected
    assert datasets.cifar10(path)[0].digest() == expected


@pytest.mark.parametrize("form", [as_folder, as_archive, as_npz])
def test_it_is_loaded_from_its_path(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    path = form(tmp_path)
    train, test = datasets.load(path)
    assert train.digest() == read_cifar10(path)[0].digest()
    assert test is not None
    assert test.labels.tolist() == [5, 9]


def test_channels_last_are_put_first(tmp_path: Path) -> None:
    first = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), np.uint8)
    labels = np.zeros(4, np.uint8)
    last = first.transpose(0, 2, 3, 1)
    np.savez(tmp_path / "x.npz", x_train=last, y_train=labels, x_test=first, y_test=labels)
    train, test = read_cifar10(tmp_path / "x.npz")
    np.testing.assert_array_equal(train.images, first)
    np.testing.assert_array_equal(test.images, first)


def test_missing_batches_are_named(tmp_path: Path) -> None:
    folder = as_folder(tmp_path)
    archive = write_archive(folder, tmp_path / "x.tar.gz", BATCHES[:4])
    assert refusal(archive) == f"{archive}: does not hold data_batch_5, test_batch of CIFAR-10's six batches"
    (folder / "data_batch_2").unlink()
    assert refusal(folder) == f"{folder}: does not hold data_batch_2 of CIFAR-10's six batches"


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"data": np.zeros((2, 3000), np.uint8)}, "expected data of shape (N, 3072), found (2, 3000)"),
        ({"data": [1, 2]}, "expected data of shape (N, 3072), found list"),
        ({"labels": [1, 2, 3]}, "2 images, but 3 labels"),
        ({"labels": [1, "cat"]}, "expected labels to be a list of whole numbers"),
        ({"labels": None}, "expected labels to be a list of whole numbers"),
    ],
)
def test_a_batch_of_another_structure(tmp_path: Path, replaced: dict[str, Any], message: str) -> None:
    folder = write_folder(tmp_path / PUBLISHED, **replaced)
    assert refusal(folder) == f"{folder / 'data_batch_3'}: {message}"


def test_arrays_of_another_structure(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, images=np.zeros(3))
    assert refusal(path) == (
        f"{path}: expected the arrays x_train and y_train (x_test and y_test may follow), or x and y; found images"
    )
    np.savez(path, x_train=np.zeros((2, 3, 32, 32), np.uint8), y_train=np.zeros(2, int))
    assert refusal(path) == f"{path}: expected x_test and y_test beside x_train and y_train"
    np.savez(path, x_train=np.zeros((2, 28, 28)), y_train=[0, 1], x_test=np.zeros((2, 28, 28)), y_test=[0, 1])
    assert refusal(path) == f"{path}: expected images of shape (3, 32, 32), found (28, 28)"


def test_a_damaged_archive(tmp_path: Path) -> None:
    whole = as_archive(tmp_path).read_bytes()
    path = tmp_path / "x.tar.gz"
    for content in (whole[: len(whole) // 2], b"", b"no archive at all", gzip.compress(b"no archive at all" * 100)):
        path.write_bytes(content)
        assert str(path) in refusal(path)
    path.write_bytes(whole)
    assert len(read_cifar10(path)[0]) == 10  # the control


def test_a_link_in_an_archive_is_passed_over(tmp_path: Path) -> None:
    folder = as_folder(tmp_path)
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in BATCHES[1:]:
            archive.add(folder / name, name)
        link = tarfile.TarInfo("data_batch_1")
        link.type, link.linkname = tarfile.SYMTYPE, str(folder / "data_batch_1")
        archive.addfile(link)
    assert "does not hold data_batch_1" in refusal(path)


def test_an_archive_that_unpacks_to_too_much(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        filler = tarfile.TarInfo("filler")
        filler.size = 3_000_000
        archive.addfile(filler, io.BytesIO(bytes(3_000_000)))
    assert "does not hold" in refusal(path)  # the control: it is a sound archive
    assert "unpacks to more than 1.0 MB" in refusal(path, limits=Limits(archive_bytes=1_000_000))


def test_the_real_subset(data_folder: Path) -> None:
    path = data_folder / "cifar10-subset" / "cifar10_lossless_subset.npz"
    if not path.is_file():
        pytest.skip("needs cifar10-subset/ in the folder that PELLUCID_DATA names")
    train, test = read_cifar10(path)
    assert (train.images.shape, test.images.shape) == ((4000, 3, 32, 32), (1000, 3, 32, 32))
    assert train.images.dtype == np.uint8
    assert train.labels[:5].tolist() == [6, 9, 9, 4, 1]  # frog, truck, truck, deer, automobile: the first of batch 1
    assert train.images[0, :, 0, 0].tolist() == [59, 62, 63]  # the frog's first pixel, often printed in tutorials
