"""Images with a colour profile other than sRGB are converted to sRGB, and the data set says so."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from antivenom.data.formats.findings import Findings
from antivenom.data.formats.pixels import Pixels
from antivenom.data.sources import Folder

ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
"""From linear Adobe RGB to XYZ for D50."""
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
GAMMA = 0x0233 / 256


def fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def adobe_profile() -> bytes:
    """Return a profile with the primaries and the gamma of Adobe RGB."""
    xyz = [b"XYZ \0\0\0\0" + b"".join(map(fixed, column)) for column in (*ADOBE.T, (0.9642, 1.0, 0.8249))]
    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, 0x0233, 0)
    text = b"desc\0\0\0\0" + struct.pack(">I", 6) + b"Adobe\0" + bytes(78 + 8)
    names = (b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt", b"rTRC", b"gTRC", b"bTRC", b"desc")
    contents = (*xyz, curve, curve, curve, text)
    table, body, start = struct.pack(">I", len(names)), b"", 128 + 4 + 12 * len(names)
    for name, content in zip(names, contents, strict=True):
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642) + fixed(1.0) + fixed(0.8249)
    return header.ljust(128, b"\0") + table + body


def as_srgb(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return Adobe RGB as sRGB, slowly."""
    linear = np.clip((pixels / 255) ** GAMMA @ (np.linalg.inv(SRGB) @ ADOBE).T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


COLOURS = np.random.default_rng(0).integers(60, 200, (8, 8, 3), dtype=np.uint8)
OWN = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def opened(image: Image.Image, profile: bytes | None, kind: str = "PNG") -> Image.Image:
    stream = BytesIO()
    image.save(stream, kind, icc_profile=profile)
    return Image.open(BytesIO(stream.getvalue()))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_another_profile_is_converted(kind: str, mode: str) -> None:
    findings = Findings()
    image = opened(Image.fromarray(COLOURS).convert(mode), adobe_profile(), kind)
    stored = np.asarray(image.convert("RGB"))
    made = np.asarray(Pixels().convert(image, "a", findings))
    assert np.abs(made - as_srgb(stored)).max() < 2
    assert np.abs(made.astype(int) - stored).max() > 5
    (sentence,) = findings.assumptions()
    assert sentence.startswith("1 image with a colour profile other than sRGB, converted to sRGB.")


@pytest.mark.parametrize("profile", [OWN, None], ids=["sRGB", "none"])
def test_srgb_is_read_as_it_is_stored(profile: bytes | None) -> None:
    findings = Findings()
    made = Pixels().convert(opened(Image.fromarray(COLOURS), profile), "a", findings)
    assert np.array_equal(made, COLOURS)
    assert findings.assumptions() == ()


@pytest.mark.parametrize(
    ("image", "profile"),
    [(Image.fromarray(COLOURS), b"not a profile"), (Image.fromarray(COLOURS[:, :, 0]), adobe_profile())],
    ids=["damaged", "grey"],
)
def test_a_profile_that_cannot_be_applied_is_named(image: Image.Image, profile: bytes) -> None:
    findings = Findings()
    made = Pixels(None).convert(opened(image, profile), "a", findings)
    assert np.array_equal(made, np.asarray(image))
    (sentence,) = findings.assumptions()
    assert sentence.startswith("1 image with a colour profile that cannot be applied, read as sRGB.")


def test_a_data_set_says_it_once_with_the_count(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(5):
            profile = adobe_profile() if number < 3 else OWN
            Image.fromarray(COLOURS).save(tmp_path / label / f"{number}.png", icc_profile=profile)
    splits = Folder(path=str(tmp_path), test_share=0.2).load()
    said = [each for data in (splits.train, splits.test) for each in data.assumptions if "profile" in each]
    assert len(set(said)) == 1
    assert "6 images with a colour profile other than sRGB, converted to sRGB." in said[0]
