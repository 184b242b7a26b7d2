"""Pictures of any size and kind: colours worked by hand, and every fault named."""

import builtins
import os
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.data import prepare_picture, read_inputs, read_picture
from pellucid.errors import DataError, MissingExtraError
from pellucid.limits import Limits

Image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")

GREY = np.array([[0, 100, 200], [50, 150, 255]], np.uint8)


def saved(path: Path, pixels: Any, mode: str | None = None, **options: Any) -> Path:
    picture = Image.fromarray(np.asarray(pixels))
    (picture if mode is None else picture.convert(mode)).save(path, **options)
    return path


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_picture(path, **options)
    return str(caught.value)


def test_grey_stays_one_channel(tmp_path: Path) -> None:
    image = read_picture(saved(tmp_path / "x.png", GREY))
    assert image.dtype == np.uint8
    assert image.shape == (1, 2, 3)
    np.testing.assert_array_equal(image[0], GREY)


def test_colours_become_planes(tmp_path: Path) -> None:
    rgb = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    image = read_picture(saved(tmp_path / "x.png", rgb))
    assert image.shape == (3, 2, 3)
    assert image[0].tolist() == [[0, 3, 6], [9, 12, 15]]  # red: the first of each three
    assert image[2].tolist() == [[2, 5, 8], [11, 14, 17]]


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tiff", "webp", "ppm"])
def test_formats_without_loss(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    image = read_picture(saved(tmp_path / f"x.{suffix}", GREY, **options))
    for plane in image:  # some formats store grey as colour
        np.testing.assert_array_equal(plane, GREY)


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    # Black at four degrees of cover: 255 − cover remains of the white.
    rgba = np.zeros((1, 4, 4), np.uint8)
    rgba[0, :, 3] = [0, 51, 102, 255]
    assert read_picture(saved(tmp_path / "rgba.png", rgba))[0].tolist() == [[255, 204, 153, 0]]
    assert read_picture(saved(tmp_path / "la.png", rgba, "LA"))[0].tolist() == [[255, 204, 153, 0]]


def test_a_transparent_colour_of_a_palette(tmp_path: Path) -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "x.png", transparency=0)
    assert read_picture(tmp_path / "x.png")[:, 0].tolist() == [[255, 40], [255, 50], [255, 60]]


def test_one_bit_and_sixteen_bits(tmp_path: Path) -> None:
    assert read_picture(saved(tmp_path / "1.png", GREY > 120))[0].tolist() == [[0, 0, 255], [0, 255, 255]]
    deep = (GREY.astype(np.uint16) * 257)[:, :2]  # 65,535 = 255·257
    deep[0, 0] = 128  # just under half a step: stays 0
    image = read_picture(saved(tmp_path / "16.png", deep))
    assert image.tolist() == [[[0, 100], [50, 150]]]
    deep[0, 0] = 129  # just over: becomes 1
    assert read_picture(saved(tmp_path / "16.png", deep))[0, 0, 0] == 1


def test_floats_in_a_file_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.tiff", np.array([[0.5, 2.0]], np.float32))
    assert refusal(path).endswith(
        "cannot be decoded (ValueError: expected 8 or 16 bits a channel, found values of float32)"
    )


def test_a_picture_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the file's first row is the right edge
    path = saved(tmp_path / "x.png", GREY, exif=exif)
    np.testing.assert_array_equal(read_picture(path)[0], np.rot90(GREY, -1))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just some text",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",  # Pillow would start another program for this one
    ],
)
def test_what_is_no_picture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    assert refusal(path) == f"{path}: expected a picture (PNG, JPEG, BMP, GIF, TIFF, WEBP, PPM), found none"


def test_a_cut_picture(tmp_path: Path) -> None:
    whole = saved(tmp_path / "x.png", np.random.default_rng(0).integers(0, 256, (50, 50), np.uint8)).read_bytes()
    path = tmp_path / "cut.png"
    path.write_bytes(whole[: len(whole) // 2])
    assert refusal(path).startswith(f"{path}: the picture cannot be decoded (")
    missing = tmp_path / "missing.png"
    assert refusal(missing) == f"{missing}: cannot be read: No such file or directory"


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and then ends."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    header = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 1000) + b"IDAT"


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (10_000, 10_000), (60_000, 60_000)])
def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png_header(width, height))
    assert "pixels; up to 64,000,000 are read" in refusal(path)
    path.write_bytes(png_header(80, 80))
    assert "cannot be decoded" in refusal(path)  # the control: the refusal above came from the size


def test_the_limit_can_be_moved(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.png", GREY)
    assert refusal(path, limits=Limits(pixels=5)) == f"{path}: 3×2 = 6 pixels; up to 5 are read"
    assert read_picture(path, limits=Limits(pixels=6)).size == 6


def test_grey_and_colour_are_exchanged_by_luma() -> None:
    rgb = np.array([[[255, 0, 0, 255]], [[0, 255, 0, 255]], [[0, 0, 255, 255]]], np.uint8)  # red green blue white
    grey = prepare_picture(rgb, (1, 1, 4))
    expected = [round(255 * weight) for weight in (0.299, 0.587, 0.114, 1)]
    assert np.abs(grey[0, 0].astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(prepare_picture(GREY, (3, 2, 3)), np.stack([GREY] * 3))


def test_reduction_averages_and_does_not_sample() -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255  # sampling every eighth column would give all 255 or all 0
    small = prepare_picture(stripes, (1, 8, 8))
    assert small.shape == (1, 8, 8)
    assert np.abs(small.astype(int) - 127.5).max() <= 8
    assert prepare_picture(np.full((5, 9), 77, np.uint8), (1, 28, 28)).tolist() == [[[77] * 28] * 28]


def test_the_size_is_height_then_width() -> None:
    upper = np.zeros((10, 40), np.uint8)
    upper[:5] = 255
    small = prepare_picture(upper, (1, 4, 6))
    assert small.shape == (1, 4, 6)
    assert small[0, 0].min() == 255
    assert small[0, 3].max() == 0


def test_inversion() -> None:
    np.testing.assert_array_equal(prepare_picture(GREY, (1, 2, 3), invert=True)[0], 255 - GREY)
    half = np.repeat(np.array([[0, 255]], np.uint8), 8, axis=1)
    np.testing.assert_array_equal(prepare_picture(half, (1, 4, 4), invert=True), 255 - prepare_picture(half, (1, 4, 4)))


def test_the_given_picture_is_not_changed() -> None:
    picture = GREY.copy()
    prepare_picture(picture, (1, 2, 3), invert=True)
    np.testing.assert_array_equal(picture, GREY)


@pytest.mark.parametrize(
    ("image", "shape", "message"),
    [
        (GREY.astype(float), (1, 2, 3), "picture: expected uint8, received float64"),
        (GREY[0], (1, 2, 3), "picture: expected shape (H, W), (1, H, W) or (3, H, W), received (3,)"),
        (np.zeros((4, 2, 2), np.uint8), (1, 2, 2), "received (4, 2, 2)"),
        (np.zeros((0, 2), np.uint8), (1, 2, 2), "received (0, 2)"),
        (GREY, (2, 2, 3), "picture: the network takes 2 channels; a picture can give 1 (grey) or 3 (RGB)"),
    ],
)
def test_what_cannot_be_prepared(image: Any, shape: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        prepare_picture(image, shape)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("array", "count"),
    [
        (GREY, 1),
        (GREY[None], 1),
        (np.stack([GREY] * 5), 5),
        (np.stack([GREY] * 3), 3),  # of the network's own size: three grey pictures
        (np.stack([GREY] * 5)[:, None], 5),
    ],
    ids=["H W", "C H W", "N H W", "3 H W", "N C H W"],
)
def test_arrays_of_pixels(tmp_path: Path, array: np.ndarray, count: int) -> None:
    np.save(tmp_path / "x.npy", array)
    (tmp_path / "x.npy").rename(tmp_path / "x.png")  # the content tells, not the name
    inputs = read_inputs(tmp_path / "x.png", (1, 2, 3))
    assert inputs.dtype == np.uint8
    np.testing.assert_array_equal(inputs, np.stack([GREY[None]] * count))
    inverted = read_inputs(tmp_path / "x.png", (1, 2, 3), invert=True)
    np.testing.assert_array_equal(inverted, 255 - inputs)


@pytest.mark.parametrize(("shape", "count"), [((3, 4, 5), 1), ((1, 4, 5), 1), ((2, 4, 5), 2), ((7, 1, 4, 5), 7)])
def test_arrays_of_pixels_of_another_size(tmp_path: Path, shape: tuple[int, ...], count: int) -> None:
    np.save(tmp_path / "x.npy", np.full(shape, 60, np.uint8))
    assert read_inputs(tmp_path / "x.npy", (1, 2, 2)).tolist() == [[[[60] * 2] * 2]] * count


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_colour_picture_with_the_channels_last(tmp_path: Path, kind: type) -> None:
    picture = np.arange(5 * 6 * 3).reshape(5, 6, 3).astype(kind)
    np.save(tmp_path / "x.npy", picture)
    expected = [[[[int(picture[i, j, c]) for j in range(6)] for i in range(5)] for c in range(3)]]
    assert read_inputs(tmp_path / "x.npy", (3, 5, 6)).tolist() == expected


def test_narrow_pictures_have_no_channels_last(tmp_path: Path) -> None:
    narrow = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
    np.save(tmp_path / "x.npy", narrow)
    assert read_inputs(tmp_path / "x.npy", (1, 6, 3)).tolist() == narrow[:, None].tolist()  # five grey ones
    np.save(tmp_path / "x.npy", narrow.astype(np.float32))
    assert read_inputs(tmp_path / "x.npy", (5, 6, 3)).tolist() == [narrow.tolist()], "of the network's own shape"


def test_arrays_of_floats_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    batch = np.random.default_rng(0).standard_normal((4, 3, 2, 5)).astype(np.float32)
    np.save(path, batch)
    np.testing.assert_array_equal(read_inputs(path, (3, 2, 5)), batch)
    np.save(path, batch[0])
    np.testing.assert_array_equal(read_inputs(path, (3, 2, 5)), batch[:1])
    for shape, invert, message in (
        ((3, 2, 6), False, f"{path}: expected images of shape (3, 2, 6), found (3, 2, 5); floats are not resized"),
        ((3, 2, 5), True, f"{path}: only uint8 pictures can be inverted, and this array is of float32"),
    ):
        with pytest.raises(DataError) as caught:
            read_inputs(path, shape, invert)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3), int), "expected uint8 or floats, found int64; save x.astype('uint8')"),
        (np.zeros(5, np.uint8), "expected (H, W), (C, H, W), (N, H, W) or (N, C, H, W), found shape (5,)"),
        (np.zeros((0, 1, 2, 3), np.uint8), "found shape (0, 1, 2, 3)"),
    ],
)
def test_arrays_of_something_else(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(DataError) as caught:
        read_inputs(tmp_path / "x.npy", (1, 2, 3))
    assert message in str(caught.value)


def test_a_picture_file_as_input(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.png", np.full((16, 16, 3), 40, np.uint8))
    assert read_inputs(path, (1, 8, 8)).tolist() == [[[[40] * 8] * 8]]  # a quarter of its pixels is no cause to warn
    assert read_inputs(path, (1, 8, 8), invert=True).tolist() == [[[[215] * 8] * 8]]


def test_a_picture_that_loses_most_of_its_pixels_is_warned_of(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.png", np.full((16, 17, 3), 40, np.uint8))
    with pytest.warns(UserWarning, match="reduced") as caught:
        assert read_inputs(path, (1, 8, 8)).tolist() == [[[[40] * 8] * 8]]
    assert [str(warning.message) for warning in caught] == [
        f"{path}: 16×17 pixels reduced to 8×8: what is to be recognised should fill the picture"
    ]


def test_without_pillow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "x.png", GREY)
    original = builtins.__import__

    def without_pillow(name: str, *rest: Any, **named: Any) -> Any:
        if name.split(".")[0] == "PIL":
            raise ImportError("no module named PIL")
        return original(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_pillow)
    with pytest.raises(MissingExtraError) as caught:
        read_picture(path)
    assert str(caught.value) == "reading pictures needs Pillow: pip install '.[images]' in Pellucid's folder"


def test_the_content_tells_the_format_and_not_the_name(tmp_path: Path) -> None:
    assert read_picture(saved(tmp_path / "no suffix", GREY, format="PNG")).shape == (1, 2, 3)


# ---- what stands in messages


def test_a_name_that_a_terminal_would_obey_is_shown_escaped(tmp_path: Path) -> None:
    odd = tmp_path / "\x1b[2Jcat\nerror: none.png"
    odd.write_bytes(b"no picture")
    shown = f"{tmp_path}/\\x1b[2Jcat\\nerror: none.png: "
    assert refusal(odd).startswith(f"{shown}expected a picture")
    np.save(odd.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(DataError) as caught:
        read_inputs(odd.with_suffix(".npy"), (1, 2, 2))
    assert str(caught.value).startswith(shown.replace(".png", ".npy"))
    with pytest.warns(UserWarning, match="pixels reduced") as told:
        read_inputs(saved(odd, np.zeros((40, 40), np.uint8)), (1, 2, 2))
    assert str(told[0].message).startswith(shown)
    assert len(refusal(tmp_path / ("n" * 5_000))) < 400


def test_what_pillow_warns_of_is_told_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "x.png", GREY)
    opened = Image.open

    def warning(*given: Any, **options: Any) -> Any:
        warnings.warn("Corrupt EXIF data.\n Expecting more", UserWarning, stacklevel=1)
        warnings.warn("many pixels", Image.DecompressionBombWarning, stacklevel=1)
        return opened(*given, **options)

    monkeypatch.setattr(Image, "open", warning)
    with pytest.warns(UserWarning, match="EXIF") as told:
        read_picture(path)
    assert [str(each.message) for each in told] == [f"{path}: Corrupt EXIF data. Expecting more"]


@pytest.mark.parametrize("packed", ["tiff_lzw", "tiff_adobe_deflate"])
def test_a_damaged_tiff_is_an_error_and_nothing_else(
    packed: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8)
    path = saved(tmp_path / "x.tif", noise, compression=packed)
    content = bytearray(path.read_bytes())
    for place in range(60, 200):
        content[place] ^= 0x5A
    (tmp_path / "bad.tif").write_bytes(content)
    with Image.open(tmp_path / "bad.tif") as picture, pytest.raises(OSError, match="decoder error"):
        picture.load()
    assert capfd.readouterr().err, "the control: the library has something to say"
    assert "the picture cannot be decoded" in refusal(tmp_path / "bad.tif")
    np.testing.assert_array_equal(read_picture(path)[0], noise)
    os.write(2, b"still there")
    assert capfd.readouterr().err == "still there"
