"""Images of every kind of pixel become 8-bit grey or RGB, or are refused."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from antivenom.data.formats.findings import Findings
from antivenom.data.formats.images import Canvas, decode_all
from antivenom.errors import DataError

RAMP = np.tile(np.linspace(0, 1, 256), (4, 1))
EIGHT = np.tile(np.arange(256), (4, 1))


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def decoded(*contents: bytes, **settings: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    findings = Findings()
    x = decode_all(
        len(contents), lambda i: (contents[i], f"image {i}"), Canvas(**{"mode": "grey", **settings}), findings=findings
    )
    return x.numpy(), findings.assumptions()


def grey(values: np.ndarray, kind: type, form: str) -> bytes:
    return encoded(Image.fromarray(values.astype(kind)), form)


@pytest.mark.parametrize("mode", ["grey", "rgb"])
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (grey(np.round(RAMP * 65535), np.uint16, "PNG"), "65535 is white"),
        (grey(np.round(RAMP * 65535), np.uint16, "TIFF"), "65535 is white"),
        (b"P5 256 4 65535\n" + np.round(RAMP * 65535).astype(">u2").tobytes(), "65535 is white"),
        (grey(np.round(RAMP * 65535), np.int32, "TIFF"), "65535 is white"),
        (grey(EIGHT, np.int32, "TIFF"), "255 is white"),
        (grey(EIGHT, np.float32, "TIFF"), "255 is white"),
        (grey(RAMP, np.float32, "TIFF"), "1 is white"),
        (grey(RAMP, np.float32, "PPM"), "1 is white"),
        (b"P5 256 4 4095\n" + np.round(RAMP * 4095).astype(">u2").tobytes(), "65535 is white"),
    ],
)
def test_a_ramp_of_any_depth_stays_a_ramp(content: bytes, word: str, mode: str) -> None:
    x, assumptions = decoded(content, content, mode=mode)
    deep = b"4095" in content[:14]
    assert np.abs(x[0, 0] * (255.0 if deep else 1) - EIGHT).max() <= (1 if deep else 0)
    sentence = assumptions[0]
    assert len(assumptions) == 1 + deep + (mode == "rgb")
    assert sentence.startswith("2 images")
    assert word in sentence
    assert "white" in sentence


def test_16_bits_keep_their_values() -> None:
    values = np.array([[0, 1, 129, 385, 386, 65535]])
    for mode in ("grey", "rgb"):
        x, assumptions = decoded(grey(values, np.uint16, "PNG"), mode=mode)
        assert x.dtype == np.float32
        assert all(np.array_equal(np.round(channel * 65535), values) for channel in x[0])
        assert x.shape == (1, 1 if mode == "grey" else 3, 1, 6)
        assert "1 image with values that 8 bits cannot hold, so the rows are float32" in assumptions[1]


@pytest.mark.parametrize("first", [0, 1])
def test_one_deep_image_makes_all_rows_deep(first: int) -> None:
    both = [grey(EIGHT, np.uint8, "PNG"), grey(np.round(RAMP * 65535) // 2 * 2 + 1, np.uint16, "PNG")]
    x, _ = decoded(*both[first:], *both[:first], mode="rgb")
    assert x.dtype == np.float32
    assert np.abs(x * 255 - EIGHT).max() < 0.01
    resized, _ = decoded(*both, mode="rgb", size=(2, 2), fit="pad")
    assert resized.shape == (2, 3, 2, 2)


def test_a_dark_image_with_one_white_pixel_keeps_its_content() -> None:
    values = np.arange(400).reshape(20, 20) % 300
    values[0, 0] = 65535
    x, _ = decoded(grey(values, np.uint16, "PNG"))
    assert len(np.unique(x)) == len(np.unique(values))


def test_black_images_are_counted_with_the_others() -> None:
    for kind in (np.uint16, np.int32, np.float32):
        light = np.round(RAMP * (255 if kind == np.float32 else 65535))
        _, assumptions = decoded(*(grey(each, kind, "TIFF") for each in (light, light * 0, light)))
        assert assumptions[0].startswith("3 images")


@pytest.mark.parametrize(
    "content",
    [
        grey(RAMP * 4095, np.uint16, "PNG"),
        grey(RAMP * 255, np.uint16, "TIFF"),
        grey(RAMP * 32767, np.int32, "TIFF"),
        grey(RAMP * 100000, np.int32, "TIFF"),
        grey(RAMP * 2 - 1, np.float32, "TIFF"),
        grey(RAMP * 4095, np.float32, "TIFF"),
        grey(RAMP * 254.5, np.float32, "TIFF"),
        grey(np.where(RAMP > 0.5, np.nan, RAMP), np.float32, "TIFF"),
        grey(RAMP > 0.5, np.int32, "TIFF"),
    ],
)
def test_an_unknown_range_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"white|finite"):
        decoded(content)


@pytest.mark.parametrize(
    ("most", "kind"), [(4095, np.uint16), (32767, np.int32), (100000, np.int32), (4095, np.float32), (255, np.uint16)]
)
def test_the_setting_white_says_the_range(most: int, kind: type) -> None:
    x, assumptions = decoded(grey(np.round(RAMP * most), kind, "TIFF"), white=most)
    scale = 255 if x.dtype == np.float32 else 1
    assert np.abs(x[0, 0] * scale - np.round(RAMP * most) * 255 / most).max() < 1e-4
    assert all("8 bits cannot hold" in each for each in assumptions)
    with pytest.raises(DataError, match=r"image 0.*white"):
        decoded(grey(np.round(RAMP * most), kind, "TIFF"), white=most - 1)


def test_different_ranges_in_one_data_set_are_refused() -> None:
    dark, light = grey(RAMP, np.float32, "TIFF"), grey(EIGHT, np.float32, "TIFF")
    with pytest.raises(DataError, match="set white"):
        decoded(dark, light)
    assert len(decoded(grey(RAMP * 0, np.float32, "TIFF"), light)[0]) == 2


PALETTE = [0, 0, 0, 255, 255, 255, 200, 10, 30] + [0] * 759


def palette(values: list[int], form: str, **options: Any) -> bytes:
    image = Image.new("P", (len(values), 1))
    image.putpalette(PALETTE)
    image.putdata(values)
    return encoded(image, form, **options)


@pytest.mark.parametrize("form", ["PNG", "GIF", "TIFF", "BMP"])
def test_a_palette_is_read_through_its_colours(form: str) -> None:
    content = palette([0, 1, 2], form)
    assert decoded(content, mode="rgb")[0][0, :, 0].T.tolist() == [[0, 0, 0], [255, 255, 255], [200, 10, 30]]
    assert decoded(content)[0][0, 0, 0].tolist() == [0, 255, round(0.299 * 200 + 0.587 * 10 + 0.114 * 30)]


def test_one_bit_is_black_and_white() -> None:
    image = Image.fromarray(np.array([[True, False]]))
    for form in ("PNG", "TIFF", "BMP", "PPM"):
        assert decoded(encoded(image, form))[0][0, 0].tolist() == [[255, 0]]


def transparent(mode: str, alpha: int) -> bytes:
    colour = {"RGBA": (100, 100, 100, alpha), "LA": (100, alpha)}[mode]
    return encoded(Image.new(mode, (2, 2), colour), "PNG")


TRANSPARENT = [
    transparent("RGBA", 128),
    transparent("LA", 0),
    palette([0, 1, 2], "PNG", transparency=1),
    palette([0, 1, 2], "GIF", transparency=1),
    encoded(Image.new("RGB", (2, 2), (9, 9, 9)), "PNG", transparency=(9, 9, 9)),
    encoded(Image.new("L", (2, 2), 9), "PNG", transparency=9),
    encoded(Image.new("RGBA", (2, 2), (100, 100, 100, 0)), "WEBP"),
]


@pytest.mark.parametrize("content", TRANSPARENT)
def test_transparency_is_refused_or_composited(content: bytes) -> None:
    with pytest.raises(DataError, match=r"image 0 has transparent pixels.*background"):
        decoded(content)
    dark, light = (decoded(content, background=colour) for colour in ("black", "white"))
    assert (dark[0] != light[0]).any()
    assert "background" in dark[1][0]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opaque_alpha_channel_changes_nothing(mode: str) -> None:
    x, assumptions = decoded(transparent(mode, 255))
    assert (x == 100).all()
    assert not assumptions


def test_half_transparent_pixels_are_mixed() -> None:
    values = [int(decoded(transparent("RGBA", 128), background=each)[0][0, 0, 0, 0]) for each in ("black", "white")]
    assert values == [50, 177]


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize(
    ("form", "mode"),
    [("JPEG", "L"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "L"), ("PNG", "P"), ("PNG", "I;16"), ("WEBP", "RGB")]
    + [("TIFF", mode) for mode in ("L", "RGB", "P", "I;16", "F", "CMYK", "1")],
)
def test_the_orientation_of_a_camera_is_applied(form: str, mode: str, orientation: int) -> None:
    values = np.repeat(np.repeat(np.array([[255, 0, 0], [128, 0, 128]]), 8, 0), 8, 1).astype(np.uint8)
    if mode == "1":
        values[values == 128] = 0
    image = Image.fromarray(values).convert(mode if mode not in ("I;16", "F") else "L")
    if mode in ("I;16", "F"):
        image = Image.fromarray((values * np.uint16(257)) if mode == "I;16" else values.astype(np.float32))
    exif = Image.Exif()
    exif[0x0112] = orientation
    x, assumptions = decoded(encoded(image, form, exif=exif))
    turns = (values, values[:, ::-1], values[::-1, ::-1], values[::-1], values.T, values.T[:, ::-1])
    turns += (values.T[::-1, ::-1], values.T[::-1])
    expected = turns[orientation - 1]
    assert x.shape[2:] == expected.shape
    assert np.abs(x[0, 0].astype(int) - expected).max() < 20
    assert any("orientation" in each for each in assumptions) == (orientation > 1)


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP", "PNG"])
def test_only_the_first_frame_is_read_with_a_word(form: str) -> None:
    frames = [Image.new("RGB", (4, 4), (value,) * 3) for value in (0, 255, 100)]
    x, assumptions = decoded(encoded(frames[0], form, save_all=True, append_images=frames[1:]))
    assert x.max() < 5
    assert "first" in assumptions[0]


def test_colour_spaces_are_converted() -> None:
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    for content in (
        encoded(red.convert("CMYK"), "JPEG"),
        encoded(red.convert("CMYK"), "TIFF"),
        encoded(red.convert("YCbCr"), "TIFF", compression="tiff_adobe_deflate"),
        encoded(red.convert("YCbCr"), "JPEG"),
    ):
        x, _ = decoded(content, mode="rgb")
        assert np.abs(x[0, :, 4, 4].astype(int) - [255, 0, 0]).max() < 8
    assert "CMYK" in decoded(encoded(red.convert("CMYK"), "JPEG"))[1][0]


def test_lab_is_converted() -> None:
    from PIL import ImageCms

    colours = ((255, 0, 0), (10, 200, 60), (128, 128, 128))
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    for colour in colours:
        lab = ImageCms.applyTransform(Image.new("RGB", (4, 4), colour), to_lab)
        assert lab is not None
        x, _ = decoded(encoded(lab, "TIFF"), mode="rgb")
        assert np.abs(x[0, :, 0, 0].astype(int) - colour).max() < 9


def test_16_bit_colours_that_are_all_dark_are_refused() -> None:
    def png(white: int, corner: int | None = None, side: int = 4) -> bytes:
        values = np.full((side, side, 3), white, ">u2")
        values[0, 0] = white if corner is None else corner
        rows = b"".join(b"\0" + row.tobytes() for row in values)

        def chunk(name: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

        head = struct.pack(">IIBBBBB", side, side, 16, 2, 0, 0, 0)
        parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + parts

    x, assumptions = decoded(png(65535), mode="rgb")
    assert (x == 255).all()
    assert "16 bits" in assumptions[0]
    with pytest.raises(DataError, match="16 bits"):
        decoded(png(4095), mode="rgb")
    with pytest.raises(DataError, match=r"are dark: 99 % of the values are at most 771 of 65535"):
        decoded(png(900, corner=65535, side=20), mode="rgb")
    assert len(decoded(png(900, corner=65535, side=20), png(65535, side=20), mode="rgb")[0]) == 2


def test_assumptions_are_counted_once_however_threads_decode() -> None:
    turned = Image.Exif()
    turned[0x0112] = 3
    deep = grey(np.round(RAMP * 65535), np.uint16, "PNG")
    contents = [deep if i % 3 else encoded(Image.new("L", (256, 4)), "PNG", exif=turned) for i in range(900)]
    first = decoded(*contents)[1]
    assert first == decoded(*contents)[1]
    assert [sentence.split()[0] for sentence in first] == ["300", "600"]
