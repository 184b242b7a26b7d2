"""Pictures as networks pretrained on ImageNet want them, and the names of its classes."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid import IMAGENET_SCALING, Flatten, Sequential, predict
from pellucid.data import Preparation, folders, read_inputs
from pellucid.data.datasets import image_folder, image_folder_parts, imagenet_classes, imagenet_ids, load
from pellucid.errors import ArgumentError, DataError
from pellucid.limits import Limits

Image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")


def noise(height: int, width: int, mode: str = "RGB") -> Any:
    """A picture in which each pixel tells where it is from."""
    pixels = np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def as_torchvision(picture: Any, size: int, crop: int) -> np.ndarray:
    """Resize(size), CenterCrop(crop) and the change to (C, H, W), as torchvision describes them, by Pillow alone."""
    width, height = picture.size
    longer = int(size * max(width, height) / min(width, height))
    new_size = (size, longer) if width <= height else (longer, size)
    picture = picture.convert("RGB").resize(new_size, Image.Resampling.BILINEAR)
    width, height = picture.size
    bordered = Image.new("RGB", (max(width, crop), max(height, crop)))  # black
    bordered.paste(picture, (max(0, crop - width) // 2, max(0, crop - height) // 2))
    left, top = (round((side - crop) / 2.0) for side in bordered.size)
    return np.asarray(bordered)[top : top + crop, left : left + crop].transpose(2, 0, 1)


# ---- one picture


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
@pytest.mark.parametrize("size", [(300, 401), (401, 300), (256, 256), (97, 131), (225, 500), (1, 9)])
def test_pixels_are_those_of_torchvision(size: tuple[int, int], mode: str, tmp_path: Path) -> None:
    picture = noise(*size, mode)
    picture.save(tmp_path / "x.png")
    prepared = Preparation().read(tmp_path / "x.png")
    assert (prepared.shape, prepared.dtype) == ((3, 224, 224), np.uint8)
    np.testing.assert_array_equal(prepared, as_torchvision(picture, 256, 224))


@pytest.mark.parametrize(("resize", "crop"), [(7, 4), (16, 11), (9, 12), (8, 13), (5, 5)])
def test_other_sizes_and_borders(resize: int, crop: int) -> None:
    for size in ((20, 33), (33, 20), (15, 15)):
        picture = noise(*size)
        prepared = Preparation(resize, crop).apply(np.asarray(picture).transpose(2, 0, 1))
        np.testing.assert_array_equal(prepared, as_torchvision(picture, resize, crop))


def test_what_is_cut_off_by_hand() -> None:
    pixels = np.arange(5 * 12, dtype=np.uint8).reshape(5, 12)
    assert Preparation(5, 5).resized(5, 12) == (5, 12)
    # Of 12 columns 7 are cut off: round(3.5) = 4 on the left, and 3 on the right.
    assert Preparation(5, 5).apply(pixels).tolist() == [pixels[:, 4:9].tolist()] * 3
    # Of 9 columns 4 are, and of 5 rows round(0.5) = 0 above and 1 below.
    assert Preparation(5, 4).apply(pixels[:, :8]).tolist() == [pixels[:4, 2:6].tolist()] * 3
    bordered = Preparation(5, 8).apply(pixels[:, :5])[0]
    assert bordered[1:6, 1:6].tolist() == pixels[:, :5].tolist()
    assert bordered.sum() == pixels[:, :5].sum()


def test_the_longer_side_is_rounded_down() -> None:
    assert Preparation().resized(375, 500) == (256, 341)  # 341.33…
    assert Preparation().resized(500, 333) == (384, 256)  # 384.38…
    assert Preparation(100).resized(3, 2) == (150, 100)


def test_a_turned_picture_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    noise(40, 60).save(tmp_path / "turned.png", exif=exif)
    upright = noise(40, 60).transpose(Image.Transpose.ROTATE_270)
    np.testing.assert_array_equal(Preparation(30, 20).read(tmp_path / "turned.png"), as_torchvision(upright, 30, 20))


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    picture = noise(40, 60, "RGBA")
    picture.save(tmp_path / "opaque.png")
    np.testing.assert_array_equal(Preparation(30, 20).read(tmp_path / "opaque.png"), as_torchvision(picture, 30, 20))
    picture.putalpha(0)
    picture.save(tmp_path / "clear.png")
    assert Preparation(30, 20).read(tmp_path / "clear.png").min() == 255


def test_a_narrow_picture_is_refused_before_it_is_resized(tmp_path: Path) -> None:
    noise(1, 9).save(tmp_path / "x.png")
    with pytest.raises(DataError) as caught:
        Preparation().read(tmp_path / "x.png", limits=Limits(pixels=589_823))
    assert str(caught.value) == (
        f"{tmp_path / 'x.png'}: 9×1 pixels would be resized to 2,304×256 = 589,824; at most 589,823 are "
        "allowed. Crop the picture first."
    )
    with pytest.raises(DataError, match="picture: 100,000×1 pixels would be resized"):
        Preparation().apply(np.zeros((1, 100_000), np.uint8))


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "256", None])
def test_sizes_that_make_no_sense(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match=r"Preparation\.resize: expected a whole number"):
        Preparation(wrong)
    with pytest.raises(ArgumentError, match=r"Preparation\.crop: expected a whole number"):
        Preparation(crop=wrong)


def test_the_proportion_of_other_sizes() -> None:
    assert Preparation.for_crop(224) == Preparation()
    assert Preparation.for_crop(112) == Preparation(128, 112)
    assert Preparation.for_crop(299) == Preparation(342, 299)  # torchvision's for Inception


def test_inputs_are_prepared_unless_they_fit(tmp_path: Path) -> None:
    preparation, shape = Preparation(30, 20), (3, 20, 20)
    picture = noise(40, 60)
    picture.save(tmp_path / "x.png")
    expected = as_torchvision(picture, 30, 20)
    np.testing.assert_array_equal(read_inputs(tmp_path / "x.png", shape, preparation=preparation), expected[None])
    large = np.asarray(picture).transpose(2, 0, 1)
    np.save(tmp_path / "large.npy", np.stack([large, large]))
    both = read_inputs(tmp_path / "large.npy", shape, preparation=preparation)
    np.testing.assert_array_equal(both, np.stack([expected, expected]))
    np.save(tmp_path / "fits.npy", expected)
    np.testing.assert_array_equal(read_inputs(tmp_path / "fits.npy", shape, preparation=preparation), expected[None])


def test_scaling_is_torchvisions() -> None:
    pixels = np.arange(3 * 4, dtype=np.uint8).reshape(1, 3, 2, 2) * 20
    network = Sequential([Flatten()], input_shape=(3, 2, 2), scaling=IMAGENET_SCALING)
    mean = np.array([0.485, 0.456, 0.406])[:, None, None]
    std = np.array([0.229, 0.224, 0.225])[:, None, None]
    expected = ((pixels / 255 - mean) / std).reshape(1, 12)
    np.testing.assert_allclose(predict(network, pixels, engine="numpy"), expected, rtol=1e-5)


# ---- folders


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Seven pictures of different sizes in folders that bear a WordNet id, a name, and another id."""
    root = tmp_path / "val"
    for number, place in enumerate(
        ["n02099601/b.JPEG", "n02099601/a.png", "tabby/c.jpg", "tabby/d.png", "n01440764/1.png", "tabby/e.png"]
    ):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        noise(40 + number, 60).save(root / place)
    return root


def test_a_folder_is_prepared(photographs: Path) -> None:
    data = image_folder(photographs, preparation=Preparation(30, 20))
    assert data.shape == (3, 20, 20)
    assert data.class_names == ("n01440764", "n02099601", "tabby")
    assert data.labels.tolist() == [0, 1, 1, 2, 2, 2]
    np.testing.assert_array_equal(data.images[1], as_torchvision(noise(41, 60), 30, 20))
    train, test = load(photographs, preparation=Preparation(30, 20))
    np.testing.assert_array_equal(train.images, data.images)
    assert test is None


def test_folders_bear_ids_or_names_of_imagenets_classes(photographs: Path) -> None:
    data = image_folder(photographs, preparation=Preparation(30, 20), class_names=imagenet_classes())
    assert data.labels.tolist() == [0, 207, 207, 281, 281, 281]
    assert data.class_names[281] == "tabby"
    (photographs / "tabbi").mkdir()
    wrong = (
        r"val: 'tabbi' is not one of the 1,000 classes tench, goldfish, great white shark, …; did you mean 'tabby'\?$"
    )
    with pytest.raises(DataError, match=wrong):
        image_folder(photographs, class_names=imagenet_classes())
    with pytest.raises(DataError, match=r"'val' is not one .*…; if its folders are the classes, pass .*val$"):
        image_folder(photographs.parent, class_names=imagenet_classes())
    with pytest.raises(DataError, match="'n01440764' is not one of the classes tabby, cat"):
        image_folder(photographs, class_names=("tabby", "cat"))


@pytest.mark.parametrize("size", [1, 4, 6, 512])
def test_parts_are_the_whole(size: int, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_PART", size)
    whole = image_folder(photographs, preparation=Preparation(30, 20), class_names=imagenet_classes())
    parts = list(image_folder_parts(photographs, Preparation(30, 20), class_names=imagenet_classes()))
    assert [len(part) for part in parts] == [len(range(6)[start : start + size]) for start in range(0, 6, size)]
    np.testing.assert_array_equal(np.concatenate([part.images for part in parts]), whole.images)
    assert np.concatenate([part.labels for part in parts]).tolist() == whole.labels.tolist()
    assert {(part.name, part.class_names) for part in parts} == {("val", imagenet_classes())}


def test_training_and_test_folders_are_prepared(photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "split").mkdir()
    photographs.rename(tmp_path / "split" / "train")
    (tmp_path / "split" / "test" / "tabby").mkdir(parents=True)
    noise(90, 80).save(tmp_path / "split" / "test" / "tabby" / "x.png")
    train, test = load(tmp_path / "split", preparation=Preparation(30, 20))
    assert test is not None
    assert (len(train), test.labels.tolist(), test.class_names) == (6, [2], train.class_names)
    np.testing.assert_array_equal(test.images[0], as_torchvision(noise(90, 80), 30, 20))


def test_a_preparation_decides_the_size(photographs: Path) -> None:
    for other in ({"size": 20}, {"grey": False}):
        with pytest.raises(ArgumentError, match="a preparation decides size and channels"):
            image_folder(photographs, preparation=Preparation(30, 20), **other)


def test_too_many_for_the_memory_are_read_in_parts(photographs: Path) -> None:
    limits = Limits(elements=6 * 3 * 20 * 20 - 1)
    with pytest.raises(DataError, match=r"6·3·20·20 pixels need 7\.2 kB, .*; use image_folder_parts$"):
        image_folder(photographs, preparation=Preparation(30, 20), limits=limits)
    assert len(next(image_folder_parts(photographs, Preparation(30, 20), limits=limits))) == 6


# ---- the classes


def test_the_classes_are_in_the_usual_order() -> None:
    ids, names = imagenet_ids(), imagenet_classes()
    assert len(ids) == len(names) == 1000
    assert list(ids) == sorted(set(ids))  # the order is that of the ids
    assert all(re.fullmatch(r"n\d{8}", each) for each in ids)
    assert len(set(names)) == 1000  # two cranes, and two maillots, are told apart
    assert all(name and name == name.strip() for name in names)
    known = {
        0: ("n01440764", "tench"), 134: ("n02012849", "crane bird"), 281: ("n02123045", "tabby"),
        517: ("n03126707", "crane"), 999: ("n15075141", "toilet tissue"),
    }  # fmt: skip
    assert {number: (ids[number], names[number]) for number in known} == known
