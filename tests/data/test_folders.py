"""Folders of pictures: classes from the names of the sub-folders, one size for all."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.data.datasets import image_folder, load
from pellucid.errors import ArgumentError, DataError
from pellucid.limits import Limits

Image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")


def put(path: Path, value: int, size: tuple[int, int] = (4, 6), colour: bool = False) -> Path:
    """Save a picture of one value, of `size` = (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*size, 3) if colour else size
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two cats and three dogs, grey, 4×6, each picture filled with a value of its own."""
    root = tmp_path / "pets"
    for name, value in (("dog/3.png", 3), ("dog/1.png", 1), ("dog/2.PNG", 2), ("cat/b.png", 11), ("cat/a.bmp", 10)):
        put(root / name, value)
    return root


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        image_folder(path, **options)
    return str(caught.value)


def test_classes_and_files_are_sorted_by_name(pets: Path) -> None:
    data = image_folder(pets)
    assert data.class_names == ("cat", "dog")
    assert data.labels.tolist() == [0, 0, 1, 1, 1]
    assert data.images[:, 0, 0, 0].tolist() == [10, 11, 1, 2, 3]
    assert (data.shape, data.images.dtype, data.name) == ((1, 4, 6), np.uint8, "pets")


def test_other_files_are_passed_over(pets: Path) -> None:
    (pets / "notes.txt").write_text("the class folders are beside this file")
    (pets / "cat" / "Thumbs.db").write_bytes(b"\0\1")
    (pets / "cat" / ".hidden.png").write_bytes(b"not a picture")
    (pets / ".cache").mkdir()
    assert len(image_folder(pets)) == 5


def test_the_most_common_size_is_the_default(pets: Path) -> None:
    put(pets / "cat" / "0 first.png", 12, (9, 9))
    put(pets / "dog" / "z last.png", 13, (2, 3))
    data = image_folder(pets)
    assert data.shape == (1, 4, 6)
    assert data.images.reshape(7, -1).std(axis=1).tolist() == [0.0] * 7  # stretched, nothing added
    assert data.images[0, 0, 3, 5] == 12


@pytest.mark.parametrize(("size", "shape"), [(5, (1, 5, 5)), ((3, 8), (1, 3, 8)), ([3, 8], (1, 3, 8))])
def test_a_size_can_be_asked_for(pets: Path, size: Any, shape: tuple[int, int, int]) -> None:
    assert image_folder(pets, size=size).shape == shape


def test_the_common_size_is_that_of_the_upright_pictures(pets: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(6):
        Image.fromarray(np.full((4, 6), number, np.uint8)).save(pets / "cat" / f"turned {number}.jpg", exif=exif)
    assert image_folder(pets).shape == (1, 6, 4)


def test_one_picture_in_colour_makes_all_colour(pets: Path) -> None:
    put(pets / "cat" / "c.png", 12, colour=True)
    assert image_folder(pets).shape == (3, 4, 6)
    assert image_folder(pets, grey=True).shape == (1, 4, 6)
    (pets / "cat" / "c.png").unlink()
    assert image_folder(pets, grey=False).shape == (3, 4, 6)


@pytest.mark.parametrize("size", [0, (4, -1), 2.5, "4", (1, 2, 3)])
def test_sizes_that_make_no_sense(pets: Path, size: Any) -> None:
    with pytest.raises(ArgumentError, match="size: expected"):
        image_folder(pets, size=size)


def test_an_unreadable_file_is_named(pets: Path) -> None:
    bad = pets / "dog" / "2b.png"
    bad.write_bytes(b"no picture")
    assert refusal(pets).startswith(f"{bad}: expected a picture")
    whole = put(bad, 5, (40, 40)).read_bytes()
    bad.write_bytes(whole[:-30])
    assert refusal(pets).startswith(f"{bad}: the picture cannot be decoded")


def test_folders_without_classes_or_pictures(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert refusal(missing) == f"{missing}: expected a folder of pictures: No such file or directory"
    put(tmp_path / "flat" / "1.png", 1)
    flat = tmp_path / "flat"
    assert refusal(flat) == f"{flat}: expected a sub-folder for each class, such as {flat / 'cats'}, found none"
    (flat / "empty").mkdir()
    message = refusal(flat)
    assert message.startswith(f"{flat / 'empty'}: expected pictures (.png .jpg")
    assert message.endswith("of the class 'empty', found none")
    (flat / "empty" / "cats").mkdir()
    assert refusal(flat).endswith(
        f"of the class 'empty', found none; if its folders are the classes, pass {flat / 'empty'}"
    )


def test_one_class_is_none_to_tell_apart(tmp_path: Path) -> None:
    put(tmp_path / "cats" / "1.png", 1)
    assert refusal(tmp_path) == f"{tmp_path}: expected a sub-folder for each of at least two classes, found one, 'cats'"


def test_limits_hold_before_memory_is_reserved(pets: Path) -> None:
    root = pets
    assert refusal(root, size=100_000) == (
        f"{root}: 5·1·100,000·100,000 pixels need 50.0 GB, and up to 4.3 GB are held in memory; pass a smaller size, "
        "such as size=(64, 64)"
    )
    assert "5·1·4·6 pixels need 120 bytes" in refusal(root, limits=Limits(elements=119))
    assert len(image_folder(root, limits=Limits(elements=120))) == 5
    assert "4 = 24 pixels" in refusal(root, limits=Limits(pixels=23))


def test_training_and_test_folders(pets: Path, tmp_path: Path) -> None:
    root = tmp_path / "split"
    root.mkdir()
    pets.rename(root / "train")
    put(root / "test" / "dog" / "x.png", 99, (20, 20), colour=True)
    train, test = load(root)
    assert (len(train), train.labels.tolist()) == (5, [0, 0, 1, 1, 1])
    assert test is not None
    assert test.labels.tolist() == [1]  # numbered as in training, though the only class here
    assert test.class_names == train.class_names
    assert test.shape == train.shape == (1, 4, 6)
    put(root / "test" / "eel" / "x.png", 99)
    with pytest.raises(DataError, match="'eel' is not one of the classes cat, dog"):
        load(root)


def test_one_folder_has_no_test_part(pets: Path) -> None:
    train, test = load(str(pets))
    assert len(train) == 5
    assert test is None


def test_classes_may_be_called_train_and_test(tmp_path: Path) -> None:
    for name in ("train", "test", "plane"):
        put(tmp_path / "vehicles" / name / "1.png", 1)
    train, test = load(tmp_path / "vehicles")
    assert train.class_names == ("plane", "test", "train")
    assert test is None


def test_a_folder_that_a_terminal_would_obey_is_shown_escaped(pets: Path) -> None:
    odd = pets.rename(pets.with_name("\x1b[2Jpets\n"))
    (odd / "cow\n").mkdir()
    shown = f"{odd.parent}/\\x1b[2Jpets\\n"
    assert refusal(odd).startswith(f"{shown}/cow\\n: expected pictures")
    assert refusal(odd, class_names=("cat", "dog")).startswith(f"{shown}: 'cow\\n' is not one of the classes")
    assert refusal(odd / "cat").startswith(f"{shown}/cat: expected a sub-folder")
